//! POST /contacts/search: the query language, its limits and its day-wide dates. Pure.

use std::cmp::Ordering;

use serde_json::{Value, json};

use crate::sandbox::intercom::model::Problem;
use crate::sandbox::intercom::model::contact::Contact;
use crate::sandbox::intercom::model::paging::Wanted;

const FILTERS_MAX: usize = 15;
const DEPTH_MAX: usize = 2;
const DAY_S: i64 = 86_400;

/// How dates compare: by the calendar day of the workspace, except in Preview (intercom.md 2.4).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Days {
    pub(crate) offset_minutes: i32,
    pub(crate) exact_dates: bool,
}

/// A search as asked.
#[derive(Debug)]
pub(crate) struct Query {
    filter: Filter,
    sort: Option<(String, bool)>,
    days: Days,
    pub(crate) page: Wanted,
}

#[derive(Debug)]
enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    One {
        field: String,
        operator: String,
        value: Value,
    },
}

// === impl Query ===

impl Query {
    /// Reads the body of a search.
    pub(crate) fn read(body: &Value, days: Days) -> Result<Self, Problem> {
        let query = body
            .get("query")
            .ok_or_else(|| Problem::missing("query is missing"))?;
        let paging = body.get("pagination");
        let per_page = paging
            .and_then(|paging| paging.get("per_page"))
            .and_then(Value::as_u64);
        let after = paging
            .and_then(|paging| paging.get("starting_after"))
            .and_then(Value::as_str);
        Ok(Self {
            filter: Filter::read(query, 0, days)?,
            sort: read_sort(body.get("sort"))?,
            days,
            page: Wanted::new(per_page, after)?,
        })
    }

    /// Whether a contact is found.
    pub(crate) fn matches(&self, contact: &Contact) -> bool {
        self.filter.matches(contact, self.days)
    }

    /// A field and values of it, one of which every contact found must have: lets the caller
    /// look into an index instead of at everything.
    pub(crate) fn pinned(&self) -> Option<(&str, Vec<&str>)> {
        self.filter.pinned()
    }

    /// Sorts what was found; by id, where nothing else is asked, it is sorted already.
    pub(crate) fn sort(&self, found: &mut [&Contact]) {
        let Some((field, descending)) = &self.sort else {
            return;
        };
        found.sort_by(|left, right| {
            let order = order_of(&lookup(left, field), &lookup(right, field));
            if *descending { order.reverse() } else { order }
        });
    }
}

// === impl Filter ===

impl Filter {
    fn read(value: &Value, depth: usize, days: Days) -> Result<Self, Problem> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let operator = text("operator");
        if let Some(group) = value.get("value").and_then(Value::as_array)
            && matches!(operator, "AND" | "OR")
        {
            if depth >= DEPTH_MAX {
                return Err(Problem::invalid(
                    "Queries can be nested at most 2 levels deep",
                ));
            }
            if group.is_empty() || group.len() > FILTERS_MAX {
                return Err(Problem::invalid("A group holds between 1 and 15 filters"));
            }
            let parts = group.iter().map(|part| Self::read(part, depth + 1, days));
            let parts = parts.collect::<Result<Vec<_>, _>>()?;
            return Ok(if operator == "AND" {
                Self::All(parts)
            } else {
                Self::Any(parts)
            });
        }
        let field = text("field");
        if !is_searchable(field) {
            let message = format!("Cannot query field '{field}'");
            return Err(Problem::new(400, "invalid_field", message));
        }
        let date = is_date(field);
        let allowed: &[&str] = match (date, days.exact_dates) {
            (true, false) => &["=", ">", "<"],
            (true, true) => &["=", ">", "<", ">=", "<="],
            _ => &[
                "=", "!=", "IN", "NIN", ">", "<", ">=", "<=", "~", "!~", "^", "$",
            ],
        };
        if !allowed.contains(&operator) {
            let message = format!("Operator '{operator}' is not allowed for field '{field}'");
            return Err(Problem::invalid(message));
        }
        let value = value.get("value").cloned().unwrap_or(Value::Null);
        if matches!(operator, "IN" | "NIN") != value.is_array() {
            return Err(Problem::invalid("IN and NIN, and only they, take a list"));
        }
        Ok(Self::One {
            field: field.to_owned(),
            operator: operator.to_owned(),
            value,
        })
    }

    fn matches(&self, contact: &Contact, days: Days) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(contact, days)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(contact, days)),
            Self::One {
                field,
                operator,
                value,
            } if field == "tag_id" => {
                let worn = |value: &Value| {
                    let wanted = text_of(value);
                    contact
                        .tags
                        .iter()
                        .any(|(id, _)| Some(id) == wanted.as_ref())
                };
                match operator.as_str() {
                    "=" => worn(value),
                    "!=" => !worn(value),
                    "IN" => value.as_array().is_some_and(|list| list.iter().any(worn)),
                    "NIN" => !value.as_array().is_some_and(|list| list.iter().any(worn)),
                    _ => false,
                }
            }
            Self::One {
                field,
                operator,
                value,
            } if is_date(field) => date_matches(&lookup(contact, field), operator, value, days),
            Self::One {
                field,
                operator,
                value,
            } => value_matches(&lookup(contact, field), operator, value),
        }
    }

    fn pinned(&self) -> Option<(&str, Vec<&str>)> {
        match self {
            Self::All(parts) => parts.iter().find_map(Self::pinned),
            Self::One {
                field,
                operator,
                value,
            } if ["id", "email"].contains(&field.as_str()) => {
                let texts: Vec<&str> = match (operator.as_str(), value) {
                    ("=", Value::String(text)) => vec![text],
                    ("IN", Value::Array(list)) => {
                        list.iter().map(Value::as_str).collect::<Option<_>>()?
                    }
                    _ => return None,
                };
                // Nothing and blank text are in no index.
                texts
                    .iter()
                    .all(|text| !text.is_empty())
                    .then_some((field.as_str(), texts))
            }
            _ => None,
        }
    }
}

fn read_sort(sort: Option<&Value>) -> Result<Option<(String, bool)>, Problem> {
    let Some(sort) = sort.filter(|sort| !sort.is_null()) else {
        return Ok(None);
    };
    let field = sort.get("field").and_then(Value::as_str).unwrap_or("id");
    let order = sort
        .get("order")
        .and_then(Value::as_str)
        .unwrap_or("descending");
    if !["ascending", "descending"].contains(&order) {
        let message =
            format!("Invalid sort order '{order}'. Must be one of: ascending, descending");
        return Err(Problem::new(400, "invalid_sort_order", message));
    }
    Ok(Some((field.to_owned(), order == "descending")))
}

fn is_searchable(field: &str) -> bool {
    const FIELDS: [&str; 18] = [
        "id",
        "role",
        "name",
        "avatar",
        "email",
        "email_domain",
        "phone",
        "formatted_phone",
        "external_id",
        "owner_id",
        "segment_id",
        "tag_id",
        "has_hard_bounced",
        "marked_email_as_spam",
        "unsubscribed_from_emails",
        "language_override",
        "browser",
        "os",
    ];
    FIELDS.contains(&field)
        || is_date(field)
        || field
            .strip_prefix("custom_attributes.")
            .is_some_and(|name| !name.is_empty())
        || field.starts_with("location.")
}

fn is_date(field: &str) -> bool {
    field.ends_with("_at") && !field.contains('.')
}

/// The value of a field as REST shows it.
fn lookup(contact: &Contact, field: &str) -> Value {
    let stored = |name: &str| contact.fields.get(name).cloned().unwrap_or_default();
    match field {
        "id" => json!(contact.id),
        "role" => json!(contact.role.name()),
        "external_id" => json!(contact.external_id),
        "created_at" => json!(contact.created_ms.div_euclid(1_000)),
        "updated_at" => json!(contact.updated_ms.div_euclid(1_000)),
        "email_domain" => {
            let email = contact.text("email").unwrap_or_default();
            email
                .split_once('@')
                .map_or(Value::Null, |(_, domain)| json!(domain))
        }
        "formatted_phone" => stored("phone"),
        "unsubscribed_from_emails" | "has_hard_bounced" | "marked_email_as_spam" => {
            contact.fields.get(field).cloned().unwrap_or(json!(false))
        }
        _ => match field.strip_prefix("custom_attributes.") {
            Some(name) => contact.custom.get(name).cloned().unwrap_or_default(),
            None => stored(field),
        },
    }
}

/// `>` starts at the next day, `<` ends with the day before; values are UTC seconds.
fn date_matches(stored: &Value, operator: &str, wanted: &Value, days: Days) -> bool {
    let wanted = wanted.as_i64().or_else(|| wanted.as_str()?.parse().ok());
    let (Some(stored), Some(wanted)) = (stored.as_i64(), wanted) else {
        return false;
    };
    let offset_s = i64::from(days.offset_minutes) * 60;
    let grain_s = if days.exact_dates { 1 } else { DAY_S };
    let cell = |at_s: i64| at_s.saturating_add(offset_s).div_euclid(grain_s);
    let order = cell(stored).cmp(&cell(wanted));
    holds(operator, order)
}

fn value_matches(stored: &Value, operator: &str, wanted: &Value) -> bool {
    let same = |wanted: &Value| order_of(stored, wanted) == Ordering::Equal;
    let texts = || {
        Some((
            text_of(stored)?.to_lowercase(),
            text_of(wanted)?.to_lowercase(),
        ))
    };
    match operator {
        "!=" => !same(wanted),
        "IN" => wanted.as_array().is_some_and(|list| list.iter().any(same)),
        "NIN" => !wanted.as_array().is_some_and(|list| list.iter().any(same)),
        "~" => texts().is_some_and(|(text, part)| text.contains(&part)),
        "!~" => !texts().is_some_and(|(text, part)| text.contains(&part)),
        "^" => texts().is_some_and(|(text, part)| text.starts_with(&part)),
        "$" => texts().is_some_and(|(text, part)| text.ends_with(&part)),
        "=" => same(wanted),
        _ => !stored.is_null() && holds(operator, order_of(stored, wanted)),
    }
}

fn holds(operator: &str, order: Ordering) -> bool {
    match operator {
        "=" => order == Ordering::Equal,
        ">" => order == Ordering::Greater,
        "<" => order == Ordering::Less,
        ">=" => order != Ordering::Less,
        "<=" => order != Ordering::Greater,
        _ => false,
    }
}

/// Numbers by size, everything else as text without regard to case; nothing comes first.
fn order_of(left: &Value, right: &Value) -> Ordering {
    if let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) {
        return left.total_cmp(&right);
    }
    let key = |value: &Value| text_of(value).unwrap_or_default().to_lowercase();
    key(left).cmp(&key(right))
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
