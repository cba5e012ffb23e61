//! sObject Collections: up to 200 rows in one request and one transaction (salesforce.md 3.2).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::exchange::{Answer, Effect, Request};
use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::model::changes::Actor;
use crate::sandbox::salesforce::model::org::Org;
use crate::sandbox::salesforce::objects;
use crate::sandbox::salesforce::schema::Object;

/// Rows of one writing request.
const ROWS_MAX: usize = 200;
/// Ids of one reading request.
const READ_IDS_MAX: usize = 2_000;
const METHODS: &str = "POST,PATCH,DELETE";

/// What a row of a request asks for.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Create,
    Update,
    Upsert {
        object: &'static Object,
        field: &'static str,
    },
    Delete,
}

/// What a row came to.
#[derive(Debug, Clone)]
struct Done {
    id: String,
    created: Option<bool>,
    applied: bool,
}

type Outcomes = Vec<Result<Done, Refusal>>;

// === impl Org ===

impl Org {
    /// Answers a request under /composite/sobjects.
    pub(crate) fn collection(
        &mut self,
        request: &Request,
        (rest, version): (&[&str], &str),
        actor: &mut Actor,
    ) -> Result<Answer, Refusal> {
        let wish = match (request.method.as_str(), rest) {
            ("POST", []) => Wish::Create,
            ("PATCH", []) => Wish::Update,
            ("DELETE", []) => Wish::Delete,
            ("PATCH", [object, field]) => {
                let object = self.api_object(object).ok_or_else(Refusal::not_found)?;
                let known = self.api_field(object, field);
                let known = known.filter(|known| known.id_lookup || known.name == "Id");
                let field = known.ok_or_else(|| Refusal::no_such_key(field))?.name;
                Wish::Upsert { object, field }
            }
            ("GET" | "POST", [object]) => return self.retrieve(request, object, version),
            (method, []) => return Err(Refusal::method(method, METHODS)),
            _ => return Err(Refusal::not_found()),
        };
        let (rows, all_or_none) = rows_of(request, wish)?;
        let twins = self.twins(wish, &rows);
        let work = |org: &mut Self, actor: &mut Actor| -> Outcomes {
            let each = rows.iter().zip(&twins);
            each.map(|(row, twin)| match twin {
                Some(twin) => Err(twin.clone()),
                None => org.collected(wish, row, actor),
            })
            .collect()
        };
        let failed = all_or_none && self.tried(actor, work).iter().any(Result::is_err);
        let outcomes = if failed {
            rolled_back(self.tried(actor, work))
        } else {
            work(self, actor)
        };
        Ok(answer(wish, &rows, &outcomes))
    }

    /// Every row refused because another transaction holds its parent: the parallel writes of
    /// salesforce.md 3.6.
    pub(crate) fn locked(&mut self, request: &Request, now_ms: i64) -> Answer {
        let refusal = Refusal::of_fields(
            "UNABLE_TO_LOCK_ROW",
            "unable to obtain exclusive access to this record or 1 records",
            &[],
        );
        let collection = request.path.contains("/composite/sobjects") && request.method != "GET";
        let wish = match request.method.as_str() {
            "DELETE" => Wish::Delete,
            "POST" => Wish::Create,
            _ => Wish::Update,
        };
        let refused = match rows_of(request, wish).ok().filter(|_| collection) {
            Some((rows, _)) => {
                let outcomes: Outcomes = rows.iter().map(|_| Err(refusal.clone())).collect();
                answer(wish, &rows, &outcomes)
            }
            None => refusal.answer(),
        };
        self.with_usage(refused, now_ms)
    }

    fn collected(&mut self, wish: Wish, row: &Value, actor: &mut Actor) -> Result<Done, Refusal> {
        match wish {
            Wish::Create => {
                let id = self.create(self.object_meant(row)?, row, actor)?;
                Ok(Done {
                    id,
                    created: None,
                    applied: true,
                })
            }
            Wish::Update => {
                let object = self.object_meant(row)?;
                let (id, body) = without_id(object, row)?;
                let changed = self.update(object, &id, &body, actor)?;
                Ok(Done {
                    id,
                    created: None,
                    applied: !changed.is_empty(),
                })
            }
            Wish::Delete => {
                let text = row.as_str().unwrap_or_default();
                let malformed = || Refusal::of_fields("MALFORMED_ID", "malformed id", &["Id"]);
                let id = ids::normalise(text).ok_or_else(malformed)?;
                let object = objects::of_id(&id);
                let object = object.and_then(|object| self.api_object(object.name));
                self.delete(object.ok_or_else(malformed)?, &id, actor)?;
                Ok(Done {
                    id,
                    created: None,
                    applied: true,
                })
            }
            Wish::Upsert { object, field } => self.collected_upsert(object, field, row, actor),
        }
    }

    fn collected_upsert(
        &mut self,
        object: &'static Object,
        field: &'static str,
        row: &Value,
        actor: &mut Actor,
    ) -> Result<Done, Refusal> {
        if self.object_meant(row)?.name != object.name {
            let message = format!("a row is not of type {}", object.name);
            return Err(Refusal::of_fields("INVALID_TYPE", message, &[]));
        }
        if field == "Id" {
            let created = Some(false);
            return match member(row, "Id") {
                Some(_) => {
                    let done = self.collected(Wish::Update, row, actor)?;
                    Ok(Done { created, ..done })
                }
                None => {
                    let done = self.collected(Wish::Create, row, actor)?;
                    let created = Some(true);
                    Ok(Done { created, ..done })
                }
            };
        }
        let Some(key) = key_of(row, field) else {
            let message = format!("{field} not specified");
            return Err(Refusal::of_fields("MISSING_ARGUMENT", message, &[field]));
        };
        match self.with_key(object, field, &key).as_slice() {
            [] => {
                let id = self.create(object, row, actor)?;
                Ok(Done {
                    id,
                    created: Some(true),
                    applied: true,
                })
            }
            [id] => {
                let body = without(row, field);
                let changed = self.update(object, id, &body, actor)?;
                Ok(Done {
                    id: id.clone(),
                    created: Some(false),
                    applied: !changed.is_empty(),
                })
            }
            several => {
                let message = format!(
                    "{field}: more than one record found for external id field: [{}]",
                    several.join(", ")
                );
                Err(Refusal::of_fields("DUPLICATE_EXTERNAL_ID", message, &[]))
            }
        }
    }

    /// The refusals of rows that share their key with another row of the same request.
    fn twins(&self, wish: Wish, rows: &[Value]) -> Vec<Option<Refusal>> {
        let Wish::Upsert { field, .. } = wish else {
            return vec![None; rows.len()];
        };
        let key = |row: &Value| key_of(row, field).map(|key| key.trim().to_lowercase());
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for key in rows.iter().filter_map(key) {
            *counts.entry(key).or_default() += 1;
        }
        let all = self.settings.switches.duplicate_key_refuses_all_rows;
        let mut seen = BTreeMap::new();
        rows.iter()
            .map(|row| {
                let key = key(row)?;
                let first = seen.insert(key.clone(), ()).is_none();
                let refused = counts.get(&key).is_some_and(|count| *count > 1) && (all || !first);
                let message = format!(
                    "Duplicate external id specified: {}",
                    key_of(row, field).unwrap_or_default()
                );
                refused.then(|| Refusal::of_fields("DUPLICATE_VALUE", message, &[field]))
            })
            .collect()
    }

    fn object_meant(&self, row: &Value) -> Result<&'static Object, Refusal> {
        let name = row["attributes"]["type"].as_str().unwrap_or_default();
        self.api_object(name).ok_or_else(|| {
            let message = format!("sObject type '{name}' is not supported.");
            Refusal::of_fields("INVALID_TYPE", message, &[])
        })
    }

    /// GET and POST /composite/sobjects/{object}: rows in the order of the ids, null for one
    /// that is not there.
    fn retrieve(
        &mut self,
        request: &Request,
        object: &str,
        version: &str,
    ) -> Result<Answer, Refusal> {
        let object = self.api_object(object).ok_or_else(Refusal::not_found)?;
        let (wanted, fields) = if request.method == "GET" {
            let split = |name: &str| -> Vec<String> {
                let text = request.param(name).unwrap_or_default();
                text.split(',').map(|one| one.trim().to_owned()).collect()
            };
            (split("ids"), split("fields"))
        } else {
            let body = json_of(request)?;
            let list = |name: &str| -> Vec<String> {
                let list = body[name].as_array().into_iter().flatten();
                list.map(|one| one.as_str().unwrap_or_default().to_owned())
                    .collect()
            };
            (list("ids"), list("fields"))
        };
        if wanted.len() > READ_IDS_MAX {
            return Err(too_many(READ_IDS_MAX));
        }
        if fields.iter().all(String::is_empty) {
            let message = "The fields of the records must be specified";
            return Err(Refusal::new(400, "MISSING_ARGUMENT", message));
        }
        let names = fields.join(",");
        let mut found = Vec::with_capacity(wanted.len());
        for text in &wanted {
            let row = ids::normalise(text)
                .and_then(|id| self.row(object.name, &id))
                .filter(|row| !row.deleted);
            found.push(match row {
                Some(row) => self.shape(object, row, version, Some(&names))?,
                None => Value::Null,
            });
        }
        Ok(Answer::json(200, Value::Array(found)).read())
    }
}

/// The rows of a request and whether all must succeed; too many refuse the whole request.
fn rows_of(request: &Request, wish: Wish) -> Result<(Vec<Value>, bool), Refusal> {
    let (rows, all_or_none) = if matches!(wish, Wish::Delete) {
        let ids = request.param("ids").unwrap_or_default().split(',');
        let ids = ids.map(str::trim).filter(|id| !id.is_empty());
        let all = request.param("allOrNone") == Some("true");
        (ids.map(|id| json!(id)).collect::<Vec<_>>(), all)
    } else {
        let mut body = json_of(request)?;
        let all = body["allOrNone"].as_bool() == Some(true);
        let Value::Array(rows) = body["records"].take() else {
            let message = "The request must have a records property that is a list";
            return Err(Refusal::new(400, "JSON_PARSER_ERROR", message));
        };
        (rows, all)
    };
    if rows.is_empty() {
        let message = "The request names no records";
        return Err(Refusal::new(400, "MISSING_ARGUMENT", message));
    }
    if rows.len() > ROWS_MAX {
        return Err(too_many(ROWS_MAX));
    }
    Ok((rows, all_or_none))
}

/// As users of other clients quote it.
fn too_many(max: usize) -> Refusal {
    let message =
        format!("record limit reached. cannot submit more than {max} records into this call");
    Refusal::new(400, "EXCEEDED_ID_LIMIT", message)
}

/// What was sound shares the fate of what was not; the culprits keep their own errors.
fn rolled_back(outcomes: Outcomes) -> Outcomes {
    let message = "Record rolled back because not all records were valid and the request was using \
         AllOrNone header";
    let rolled_back = || Refusal::of_fields("ALL_OR_NONE_OPERATION_ROLLED_BACK", message, &[]);
    outcomes
        .into_iter()
        .map(|outcome| outcome.and_then(|_| Err(rolled_back())))
        .collect()
}

/// 200 even if every row failed.
fn answer(wish: Wish, rows: &[Value], outcomes: &Outcomes) -> Answer {
    let shown: Vec<Value> = rows
        .iter()
        .zip(outcomes)
        .map(|(row, outcome)| shape(wish, row, outcome))
        .collect();
    let done: Vec<&Done> = outcomes
        .iter()
        .filter_map(|one| one.as_ref().ok())
        .collect();
    let applied = done.iter().any(|done| done.applied);
    Answer::json(200, Value::Array(shown))
        .wrote(done.iter().map(|done| done.id.clone()), applied)
        .effect(Effect::Write)
}

fn shape(wish: Wish, row: &Value, outcome: &Result<Done, Refusal>) -> Value {
    match outcome {
        Ok(done) => {
            let mut shape = json!({"id": done.id, "success": true, "errors": []});
            if let Some(created) = done.created {
                shape["created"] = json!(created);
            }
            shape
        }
        Err(refusal) => {
            let id = match wish {
                Wish::Delete => Some(row),
                _ => member(row, "Id"),
            };
            let mut shape = json!({"success": false, "errors": [refusal.row_error()]});
            if let Some(id) = id {
                shape["id"] = id.clone();
            }
            shape
        }
    }
}

/// The id of a row and its other fields.
fn without_id(object: &'static Object, row: &Value) -> Result<(String, Value), Refusal> {
    let text = member(row, "Id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if text.is_empty() {
        let message = "Id not specified in an update call";
        return Err(Refusal::of_fields("MISSING_ARGUMENT", message, &["Id"]));
    }
    let wrong = || Refusal::wrong_id(&format!("{} ID", object.label), text, "Id");
    let id = ids::normalise(text).filter(|id| id.starts_with(object.prefix));
    Ok((id.ok_or_else(wrong)?, without(row, "Id")))
}

fn member<'a>(row: &'a Value, name: &str) -> Option<&'a Value> {
    let mut members = row.as_object()?.iter();
    members
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn without(row: &Value, name: &str) -> Value {
    let mut row = row.clone();
    if let Some(members) = row.as_object_mut() {
        members.retain(|key, _| !key.eq_ignore_ascii_case(name));
    }
    row
}

fn key_of(row: &Value, field: &str) -> Option<String> {
    match member(row, field)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn json_of(request: &Request) -> Result<Value, Refusal> {
    request
        .json()
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| Refusal::new(400, "JSON_PARSER_ERROR", "The body must be a JSON object"))
}
