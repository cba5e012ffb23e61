//! Data attributes: which custom attributes exist, and whether a value fits one.

use serde_json::{Map, Value, json};

use crate::sandbox::exchange::{Answer, Request};
use crate::sandbox::intercom::model::problem::Problem;
use crate::sandbox::intercom::model::workspace::Workspace;

/// The longest text value (help center, intercom.md 2.6).
const TEXT_MAX: usize = 255;
/// Whole numbers up to here have an exact float.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
const ATTRIBUTES_MAX: usize = 250;
const DATA_TYPES: [&str; 7] = [
    "string", "integer", "float", "boolean", "date", "datetime", "options",
];

/// Which custom attributes exist from the start: those the default mapping names.
const PRESET: [(&str, &str); 18] = [
    ("contact", "job_title"),
    ("contact", "company_size"),
    ("contact", "support_tier"),
    ("contact", "SALESFORCE_STATUS"),
    ("contact", "SALESFORCE_TITLE"),
    ("contact", "SALESFORCE_OWNER_ID"),
    ("contact", "SALESFORCE_OWNER_NAME"),
    ("contact", "SALESFORCE_OWNER_EMAIL"),
    ("contact", "SALESFORCE_OWNER_ROLE"),
    ("contact", "SALESFORCE_ID"),
    ("contact", "SALESFORCE_OBJECT_TYPE"),
    ("company", "segment"),
    ("company", "renewal_date"),
    ("company", "renewal_stage"),
    ("company", "support_tier"),
    ("company", "account_owner"),
    ("company", "health_notes"),
    ("company", "category"),
];

/// One custom attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attribute {
    id: u64,
    model: String,
    name: String,
    data_type: String,
    options: Vec<Value>,
    description: Option<String>,
    messenger_writable: bool,
    archived: bool,
    created_s: i64,
    updated_s: i64,
}

// === impl Attribute ===

impl Attribute {
    pub(crate) fn preset() -> Vec<Self> {
        let one = |(place, (model, name)): (usize, (&str, &str))| Self {
            id: 1 + u64::try_from(place).unwrap_or(0),
            model: model.to_owned(),
            name: name.to_owned(),
            data_type: "string".to_owned(),
            options: Vec::new(),
            description: None,
            messenger_writable: false,
            archived: false,
            created_s: 0,
            updated_s: 0,
        };
        PRESET.into_iter().enumerate().map(one).collect()
    }

    pub(crate) fn shape(&self) -> Value {
        let mut shape = json!({
            "id": self.id,
            "type": "data_attribute",
            "name": self.name,
            "full_name": format!("custom_attributes.{}", self.name),
            "label": self.name,
            "data_type": if self.data_type == "options" { "string" } else { &self.data_type },
            "api_writable": true,
            "ui_writable": true,
            "messenger_writable": self.messenger_writable,
            "custom": true,
            "archived": self.archived,
            "admin_id": "9608799",
            "created_at": self.created_s,
            "updated_at": self.updated_s,
            "model": self.model,
        });
        if let Some(description) = &self.description {
            shape["description"] = json!(description);
        }
        if !self.options.is_empty() {
            shape["options"] = json!(self.options);
        }
        shape
    }

    /// The value as it is stored: a whole number has no fraction.
    fn stored(&self, value: &Value, truncates: bool) -> Value {
        let whole = matches!(self.data_type.as_str(), "integer" | "date" | "datetime");
        match value.as_f64() {
            // Bounded, so the cast only cuts the fraction off.
            Some(number) if whole && truncates && value.is_f64() && number.abs() < WHOLE_MAX => {
                json!(number.trunc() as i64)
            }
            _ => value.clone(),
        }
    }

    /// Whether a value may be stored. The vendor documents no text for a wrong type; this one is
    /// inferred.
    fn check(&self, value: &Value) -> Result<(), Problem> {
        let fits = match self.data_type.as_str() {
            "integer" | "date" | "datetime" => value.is_i64(),
            "float" => value.is_number(),
            "boolean" => value.is_boolean(),
            _ => match value {
                Value::String(text) => text.chars().count() <= TEXT_MAX,
                Value::Number(_) | Value::Bool(_) => true,
                _ => false,
            },
        };
        let offered = self.options.is_empty() || self.options.contains(value);
        if fits && offered {
            return Ok(());
        }
        Err(Problem::invalid(format!(
            "Custom attribute '{}' has an invalid value",
            self.name
        )))
    }
}

// === impl Workspace ===

impl Workspace {
    /// Lays the given custom attributes over the stored ones, key by key; `null` clears. One
    /// undefined name refuses the whole request (intercom.md 2.6).
    pub(crate) fn lay_custom(
        &self,
        model: &str,
        stored: &mut Map<String, Value>,
        changes: &Value,
    ) -> Result<(), Problem> {
        let changes = match changes {
            Value::Null => return Ok(()),
            Value::Object(changes) => changes,
            _ => return Err(Problem::invalid("custom_attributes must be an object")),
        };
        for (name, value) in changes {
            let known = self
                .attributes
                .iter()
                .find(|a| a.model == model && a.name == *name && !a.archived);
            let Some(attribute) = known else {
                let message = format!("Custom attribute '{name}' does not exist");
                return Err(Problem::invalid(message));
            };
            if value.is_null() {
                match self.settings.switches.cleared_attributes_stay {
                    true if stored.contains_key(name) => {
                        stored.insert(name.clone(), Value::Null);
                    }
                    _ => {
                        stored.shift_remove(name);
                    }
                }
                continue;
            }
            let truncates = self.settings.switches.integers_truncate_floats;
            let value = attribute.stored(value, truncates);
            attribute.check(&value)?;
            stored.insert(name.clone(), value);
        }
        Ok(())
    }

    /// GET /data_attributes.
    pub(crate) fn list_attributes(&self, request: &Request) -> Result<Answer, Problem> {
        let model = request.param("model");
        if model == Some("conversation") {
            return Err(Problem::new(
                422,
                "parameter_invalid",
                "model=conversation is no longer supported. Use GET /conversations/attributes \
                 instead",
            ));
        }
        let data: Vec<Value> = self
            .attributes
            .iter()
            .filter(|attribute| model.is_none_or(|model| attribute.model == model))
            .map(Attribute::shape)
            .collect();
        Ok(Answer::json(200, json!({"type": "list", "data": data})).read())
    }

    /// POST /data_attributes.
    pub(crate) fn create_attribute(
        &mut self,
        body: &Value,
        now_ms: i64,
    ) -> Result<Answer, Problem> {
        let attribute = self.define_attribute(body, now_ms)?;
        let id = attribute.id.to_string();
        Ok(Answer::json(200, attribute.shape()).wrote([id], true))
    }

    /// Defines a custom attribute.
    pub(crate) fn define_attribute(
        &mut self,
        body: &Value,
        now_ms: i64,
    ) -> Result<Attribute, Problem> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let (model, name, data_type) = (text("model"), text("name"), text("data_type"));
        if !["contact", "company"].contains(&model) {
            let message = "The Data Attribute model field must be either contact or company";
            return Err(Problem::invalid(message));
        }
        if name.is_empty() || name.contains(['.', '$']) {
            return Err(Problem::invalid(
                "Your name for this attribute must only contain alphanumeric characters, \
                 currency symbols, and hyphens",
            ));
        }
        if !DATA_TYPES.contains(&data_type) {
            return Err(Problem::invalid("Data Type isn't an option"));
        }
        if let Some(twin) = self
            .attributes
            .iter()
            .find(|attribute| attribute.name == name)
        {
            let kind = |model: &str| {
                if model == "contact" {
                    "people"
                } else {
                    "company"
                }
            };
            return Err(Problem::invalid(format!(
                "You already have '{name}' in your {} data. To save this as new {} data, use a \
                 different name.",
                kind(&twin.model),
                kind(model),
            )));
        }
        if self.attributes.len() >= ATTRIBUTES_MAX {
            let message = "You have reached the maximum number of custom attributes";
            return Err(Problem::new(400, "custom_data_limit_reached", message));
        }
        let attribute = Attribute {
            id: 100 + self.draw(),
            model: model.to_owned(),
            name: name.to_owned(),
            data_type: data_type.to_owned(),
            options: body.get("options").map(values_of).unwrap_or_default(),
            description: body
                .get("description")
                .and_then(Value::as_str)
                .map(str::to_owned),
            messenger_writable: false,
            archived: false,
            created_s: now_ms.div_euclid(1_000),
            updated_s: now_ms.div_euclid(1_000),
        };
        self.attributes.push(attribute.clone());
        Ok(attribute)
    }

    /// PUT /data_attributes/{id}; the type cannot change (intercom.md 2.6).
    pub(crate) fn update_attribute(
        &mut self,
        id: &str,
        body: &Value,
        now_ms: i64,
    ) -> Result<Answer, Problem> {
        let id: Option<u64> = id.parse().ok();
        let found = self.attributes.iter_mut().find(|one| Some(one.id) == id);
        let missing = "We couldn't find that data attribute to update";
        let attribute = found.ok_or_else(|| Problem::new(404, "field_not_found", missing))?;
        let mut after = attribute.clone();
        if let Some(options) = body.get("options") {
            if options.as_array().is_none_or(|list| list.len() < 2) {
                return Err(Problem::invalid("Options isn't an array"));
            }
            after.options = values_of(options);
        }
        if let Some(description) = body.get("description").and_then(Value::as_str) {
            after.description = Some(description.to_owned());
        }
        let flag = |name: &str| body.get(name).and_then(Value::as_bool);
        after.archived = flag("archived").unwrap_or(after.archived);
        after.messenger_writable = flag("messenger_writable").unwrap_or(after.messenger_writable);
        let applied = after != *attribute;
        if applied {
            after.updated_s = now_ms.div_euclid(1_000);
            *attribute = after;
        }
        let number = attribute.id.to_string();
        Ok(Answer::json(200, attribute.shape()).wrote([number], applied))
    }
}

/// The options of a list attribute: objects with a `value`, or bare values.
fn values_of(options: &Value) -> Vec<Value> {
    let options = options.as_array().into_iter().flatten();
    options
        .map(|one| one.get("value").unwrap_or(one).clone())
        .collect()
}
