//! Single rows: making, changing, deleting and reading one, with every check on the way.

use serde_json::{Map, Value, json};

use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::model::access::Rights;
use crate::sandbox::salesforce::model::changes::{Actor, ChangeType};
use crate::sandbox::salesforce::model::fields;
use crate::sandbox::salesforce::model::org::{LEAD_QUEUE, Org};
use crate::sandbox::salesforce::model::row::Row;
use crate::sandbox::salesforce::objects;
use crate::sandbox::salesforce::schema::{Field, Kind, Object};

// === impl Org ===

impl Org {
    /// Makes a row; answers its id.
    pub(crate) fn create(
        &mut self,
        object: &'static Object,
        body: &Value,
        actor: &mut Actor,
    ) -> Result<String, Refusal> {
        let given = object_body(body)?;
        let values = self.checked_values(object, given, (true, &actor.user_id))?;
        // A refused create uses no id: the row gets its own after the checks.
        let mut row = self.blank_row(String::new(), &actor.origin, actor.now_ms);
        row.created_by = actor.user_id.clone();
        for field in &object.fields {
            let usual = match field.kind {
                Kind::Boolean if field.name != "IsDeleted" => Some(json!(false)),
                _ => field.default.map(|value| json!(value)),
            };
            if let Some(usual) = usual {
                row.fields.insert(field.name, usual);
            }
        }
        if object.field("OwnerId").is_some() {
            row.fields.insert("OwnerId", json!(actor.user_id));
        }
        lay(&mut row, values);
        self.assign(object, &mut row, actor);
        self.automate_within(object, &mut row, actor);
        self.check_row(object, &row)?;
        row.id = self.new_id(object);
        let id = row.id.clone();
        let given = self.would_change(object, &row);
        self.save(object, row, ChangeType::Create, actor);
        self.automate_after(object, &id, (true, &given), actor);
        Ok(id)
    }

    /// Changes a row; answers the names of the fields that differ.
    pub(crate) fn update(
        &mut self,
        object: &'static Object,
        id: &str,
        body: &Value,
        actor: &mut Actor,
    ) -> Result<Vec<String>, Refusal> {
        let mut row = self.living(object, id)?.clone();
        let given = object_body(body)?;
        let values = self.checked_values(object, given, (false, &actor.user_id))?;
        if object.name == "Lead" && row.flag("IsConverted") {
            let message = "cannot reference converted lead";
            return Err(Refusal::of_fields(
                "CANNOT_UPDATE_CONVERTED_LEAD",
                message,
                &[],
            ));
        }
        lay(&mut row, values);
        self.assign(object, &mut row, actor);
        self.automate_within(object, &mut row, actor);
        self.check_row(object, &row)?;
        let changed = self.save(object, row, ChangeType::Update, actor);
        self.automate_after(object, id, (false, &changed), actor);
        Ok(changed)
    }

    /// Puts a row into the recycle bin.
    pub(crate) fn delete(
        &mut self,
        object: &'static Object,
        id: &str,
        actor: &mut Actor,
    ) -> Result<(), Refusal> {
        let mut row = self.living(object, id)?.clone();
        row.deleted = true;
        self.save(object, row, ChangeType::Delete, actor);
        Ok(())
    }

    /// Takes a row out of the recycle bin.
    pub(crate) fn undelete(
        &mut self,
        object: &'static Object,
        id: &str,
        actor: &mut Actor,
    ) -> Result<(), Refusal> {
        let mut row = self
            .row(object.name, id)
            .cloned()
            .ok_or_else(Refusal::not_found)?;
        if !row.deleted {
            let message = "entity is not in the recycle bin";
            return Err(Refusal::new(400, "UNDELETE_FAILED", message));
        }
        row.deleted = false;
        row.fields.remove("MasterRecordId");
        self.check_row(object, &row)?;
        self.save(object, row, ChangeType::Undelete, actor);
        Ok(())
    }

    /// Takes a row out of the recycle bin for good, which no event tells (salesforce.md 2.5).
    pub(crate) fn purge(&mut self, object: &'static Object, id: &str) -> Result<(), Refusal> {
        let row = self.row(object.name, id).ok_or_else(Refusal::not_found)?;
        if !row.deleted {
            let message = "entity is not in the recycle bin";
            return Err(Refusal::new(400, "PURGE_FAILED", message));
        }
        self.exchange(object, id, None);
        Ok(())
    }

    /// A row that exists and is not deleted.
    pub(crate) fn living(&self, object: &'static Object, id: &str) -> Result<&Row, Refusal> {
        let row = self.row(object.name, id).ok_or_else(Refusal::not_found)?;
        if row.deleted {
            return Err(Refusal::deleted());
        }
        Ok(row)
    }

    /// A row as REST shows it: all fields, or those asked for.
    pub(crate) fn shape(
        &self,
        object: &'static Object,
        row: &Row,
        version: &str,
        wanted: Option<&str>,
    ) -> Result<Value, Refusal> {
        let mut shape = json!({"attributes": attributes(object, &row.id, version)});
        match wanted {
            None => {
                for field in &object.fields {
                    if self.api_field(object, field.name).is_some() {
                        shape[field.name] = row.get(field.name);
                    }
                }
            }
            Some(names) => {
                for name in names
                    .split(',')
                    .map(str::trim)
                    .filter(|name| !name.is_empty())
                {
                    let missing = || Refusal::no_such_column(name, object.name);
                    let field = self.api_field(object, name).ok_or_else(missing)?;
                    shape[field.name] = row.get(field.name);
                }
                shape["Id"] = json!(row.id);
            }
        }
        Ok(shape)
    }

    /// An assignment rule gives leads to a queue, whatever owner was asked for, unless the
    /// request switched it off (salesforce.md 3.7).
    fn assign(&self, object: &Object, row: &mut Row, actor: &Actor) {
        let rule = self.settings.switches.lead_assignment_rule && object.name == "Lead";
        if rule && actor.auto_assign {
            row.fields.insert("OwnerId", json!(LEAD_QUEUE));
        }
    }

    fn checked_values(
        &self,
        object: &'static Object,
        given: &Map<String, Value>,
        (creating, user_id): (bool, &str),
    ) -> Result<Vec<(&'static str, Option<Value>)>, Refusal> {
        let mut values = Vec::new();
        for (name, value) in given {
            if name == "attributes" {
                continue;
            }
            if name.eq_ignore_ascii_case("Id") {
                let message = "The Id field should not be specified in the sobject data.";
                return Err(Refusal::new(400, "INVALID_FIELD", message));
            }
            let shown = |field: &&Field| self.rights(user_id, object, field) != Rights::None;
            let relationship = object.relationship(name);
            if let Some((field, targets)) = relationship.filter(|(field, _)| shown(field)) {
                let id = self.foreign_key(field, targets, value)?;
                values.push((field.name, Some(json!(id))));
                continue;
            }
            let missing = || Refusal::no_such_column(name, object.name);
            let field = self.field_for(user_id, object, name).ok_or_else(missing)?;
            let open = if creating {
                field.createable
            } else {
                field.updateable
            };
            if !open || self.rights(user_id, object, field) != Rights::Write {
                let message = format!(
                    "Unable to create/update fields: {}. Please check the security settings of \
                     this field and verify that it is read/write for your profile or permission \
                     set.",
                    field.name
                );
                let code = "INVALID_FIELD_FOR_INSERT_UPDATE";
                return Err(Refusal::of_fields(code, message, &[field.name]));
            }
            let value = self.normalisers.apply(object.name, field, value);
            values.push((field.name, fields::stored(field, &value)?));
        }
        Ok(values)
    }

    /// `"Account": {"Intercom_Company_ID__c": "v"}` names a parent by its key (salesforce.md 3.1).
    fn foreign_key(
        &self,
        field: &Field,
        targets: &[&'static str],
        value: &Value,
    ) -> Result<String, Refusal> {
        let key = value
            .as_object()
            .and_then(|keys| keys.iter().find(|(k, _)| *k != "attributes"));
        for target in targets {
            let (Some((name, value)), Some(object)) = (key, objects::named(target)) else {
                continue;
            };
            let Some(known) = object.field(name).filter(|known| known.id_lookup) else {
                continue;
            };
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            return match self.with_key(object, known.name, &text).as_slice() {
                [id] => Ok(id.clone()),
                _ => Err(Refusal::new(
                    400,
                    "INVALID_FIELD",
                    format!(
                        "Foreign key external ID: {text} not found for field {} in entity {}",
                        known.name, object.name
                    ),
                )),
            };
        }
        let message = format!("No external ID is named for {}", field.name);
        Err(Refusal::new(400, "INVALID_FIELD", message))
    }

    /// What must hold for the whole row: required fields, references, unique keys.
    pub(crate) fn check_row(&self, object: &'static Object, row: &Row) -> Result<(), Refusal> {
        let absent: Vec<&str> = object
            .fields
            .iter()
            .filter(|field| field.required && !row.fields.contains_key(field.name))
            .map(|field| field.name)
            .collect();
        if !absent.is_empty() {
            let message = format!("Required fields are missing: [{}]", absent.join(", "));
            return Err(Refusal::of_fields(
                "REQUIRED_FIELD_MISSING",
                message,
                &absent,
            ));
        }
        for field in &object.fields {
            if let Kind::Reference { .. } = field.kind
                && let Some(id) = row.text(field.name)
            {
                self.check_reference(object, row, field, id)?;
            }
        }
        for field in object.fields.iter().filter(|field| field.external_id) {
            let Some(value) = row.text(field.name) else {
                continue;
            };
            let twin = self
                .with_key(object, field.name, value)
                .into_iter()
                .find(|id| *id != row.id);
            if let Some(twin) = twin {
                let message = format!(
                    "duplicate value found: {} duplicates value on record with id: {}",
                    field.name,
                    ids::shorten(&twin)
                );
                return Err(Refusal::of_fields("DUPLICATE_VALUE", message, &[]));
            }
        }
        Ok(())
    }

    fn check_reference(
        &self,
        object: &Object,
        row: &Row,
        field: &Field,
        id: &str,
    ) -> Result<(), Refusal> {
        // What stood there before stays valid, even if the parent has gone since.
        let before = self
            .row(object.name, &row.id)
            .and_then(|before| before.text(field.name));
        if before == Some(id) {
            return Ok(());
        }
        let target = objects::of_id(id).and_then(|target| self.row(target.name, id));
        let Some(target) = target.filter(|target| !target.deleted) else {
            let code = "INVALID_CROSS_REFERENCE_KEY";
            return Err(Refusal::of_fields(
                code,
                "invalid cross reference id",
                &[field.name],
            ));
        };
        let inactive = id.starts_with("005") && !target.flag("IsActive");
        if field.name == "OwnerId" && inactive {
            let message = "operation performed with inactive user [owner]";
            return Err(Refusal::of_fields(
                "INACTIVE_OWNER_OR_USER",
                message,
                &[field.name],
            ));
        }
        Ok(())
    }
}

/// `{"type": …, "url": …}`.
pub(crate) fn attributes(object: &Object, id: &str, version: &str) -> Value {
    let url = format!("/services/data/{version}/sobjects/{}/{id}", object.name);
    json!({"type": object.name, "url": url})
}

fn object_body(body: &Value) -> Result<&Map<String, Value>, Refusal> {
    body.as_object().ok_or_else(|| {
        Refusal::new(
            400,
            "JSON_PARSER_ERROR",
            "The body must be a JSON object at [line:1, column:1]",
        )
    })
}

fn lay(row: &mut Row, values: Vec<(&'static str, Option<Value>)>) {
    for (name, value) in values {
        match value {
            Some(value) => row.fields.insert(name, value),
            None => row.fields.remove(name),
        };
    }
}
