//! Upsert and reads by an external id in the path (salesforce.md 3.1).

use serde_json::{Value, json};

use crate::sandbox::exchange::Answer;
use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::model::changes::Actor;
use crate::sandbox::salesforce::model::org::Org;
use crate::sandbox::salesforce::options::UpsertUpdateStatus;
use crate::sandbox::salesforce::schema::Object;

/// A key in the path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) field: &'static str,
    pub(crate) value: &'a str,
}

// === impl Org ===

impl Org {
    /// The key of a path, if the field can be one.
    pub(crate) fn key<'a>(
        &self,
        object: &'static Object,
        field: &str,
        value: &'a str,
    ) -> Result<Key<'a>, Refusal> {
        let known = self.api_field(object, field);
        let known = known.filter(|known| known.id_lookup);
        let known = known.ok_or_else(|| Refusal::no_such_key(field))?;
        if value.trim().is_empty() {
            return Err(Refusal::not_found());
        }
        Ok(Key {
            field: known.name,
            value,
        })
    }

    /// The one row with this key; several are answered 300, none 404.
    pub(crate) fn only_row(
        &self,
        object: &'static Object,
        key: Key<'_>,
        version: &str,
    ) -> Result<Result<String, Answer>, Refusal> {
        let found = self.with_key(object, key.field, key.value);
        match found.as_slice() {
            [] => Err(Refusal::not_found()),
            [id] => Ok(Ok(id.clone())),
            several => Ok(Err(choices(object, several, version))),
        }
    }

    /// PATCH /sobjects/{object}/{field}/{value}.
    pub(crate) fn upsert(
        &mut self,
        object: &'static Object,
        key: Key<'_>,
        body: &Value,
        (update_only, version): (bool, &str),
        actor: &mut Actor,
    ) -> Result<Answer, Refusal> {
        let named = body
            .as_object()
            .is_some_and(|body| body.keys().any(|name| name.eq_ignore_ascii_case(key.field)));
        if named {
            let message = format!(
                "The {} field should not be specified in the sobject data.",
                key.field
            );
            return Err(Refusal::new(400, "INVALID_FIELD", message));
        }
        let found = self.with_key(object, key.field, key.value);
        match found.as_slice() {
            [] if update_only => Err(if self.settings.switches.update_only_unknown_is_404 {
                Refusal::not_found()
            } else {
                Refusal::new(400, "NOT_FOUND", "The requested resource does not exist")
            }),
            [] => {
                let mut whole = body.clone();
                if let Some(whole) = whole.as_object_mut() {
                    whole.insert(key.field.to_owned(), json!(key.value));
                }
                let id = self.create(object, &whole, actor)?;
                let body = json!({"id": id, "success": true, "errors": [], "created": true});
                let place = format!("/services/data/{version}/sobjects/{}/{id}", object.name);
                Ok(Answer::json(201, body)
                    .with_header("Location", place)
                    .wrote([id], true))
            }
            [id] => {
                let changed = self.update(object, id, body, actor)?;
                let answer = match self.settings.switches.upsert_update_status {
                    UpsertUpdateStatus::NoContent => Answer::empty(204),
                    UpsertUpdateStatus::Ok => Answer::json(
                        200,
                        json!({"id": id, "success": true, "errors": [], "created": false}),
                    ),
                };
                Ok(answer.wrote([id], !changed.is_empty()))
            }
            several => Ok(choices(object, several, version)),
        }
    }
}

/// 300 with the paths of the rows that match; nothing was written.
fn choices(object: &Object, several: &[String], version: &str) -> Answer {
    let paths: Vec<String> = several
        .iter()
        .map(|id| format!("/services/data/{version}/sobjects/{}/{id}", object.name))
        .collect();
    Answer::json(300, json!(paths))
}
