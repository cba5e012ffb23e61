//! Acting as a person at the product's own pages. Documented in `salesforce::acts`.

use serde_json::{Value, json};

use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::model::changes::Actor;
use crate::sandbox::salesforce::model::conversion::Conversion;
use crate::sandbox::salesforce::model::org::{FIRST_REP, Org};
use crate::sandbox::salesforce::objects;
use crate::sandbox::salesforce::schema::Object;

// === impl Org ===

impl Org {
    /// Does what a person does; answers the id it is about.
    pub(crate) fn act(&mut self, act: &Value, now_ms: i64) -> Result<Value, String> {
        let verb = text(act, "verb")?;
        if let Some(outcome) = self.act_on_stream(act, now_ms) {
            return outcome;
        }
        if verb == "expire_sessions" {
            self.sessions.clear();
            return Ok(json!({"id": null}));
        }
        if verb == "rotate_client_secret" {
            text(act, "secret")?.clone_into(&mut self.settings.client_secret);
            self.sessions.clear();
            return Ok(json!({"id": null}));
        }
        let user = act
            .get("as_user")
            .and_then(Value::as_str)
            .unwrap_or(FIRST_REP)
            .to_owned();
        if self.row("User", &user).is_none() {
            return Err(format!("there is no user {user}"));
        }
        if let Some(arranged) = self.administer(verb, act, (&user, now_ms)) {
            return arranged;
        }
        let mut actor = self.person(&user, now_ms);
        if let Some(origin) = act.get("origin").and_then(Value::as_str) {
            actor.origin = origin.to_owned();
        }
        let nothing = json!({});
        let fields = act.get("fields").unwrap_or(&nothing);
        match verb {
            "create" => {
                let object = object(text(act, "object")?)?;
                let id = self.create(object, fields, &mut actor).map_err(sentence)?;
                Ok(json!({"id": id}))
            }
            "update" => {
                let (object, id) = record(act, "id")?;
                let changed = self
                    .update(object, &id, fields, &mut actor)
                    .map_err(sentence)?;
                Ok(json!({"id": id, "changed_fields": changed}))
            }
            "delete" => {
                let (object, id) = record(act, "id")?;
                self.delete(object, &id, &mut actor).map_err(sentence)?;
                Ok(json!({"id": id}))
            }
            "undelete" => {
                let (object, id) = record(act, "id")?;
                self.undelete(object, &id, &mut actor).map_err(sentence)?;
                Ok(json!({"id": id}))
            }
            "purge" => {
                let (object, id) = record(act, "id")?;
                self.purge(object, &id).map_err(sentence)?;
                Ok(json!({"id": id}))
            }
            "convert_lead" => {
                let (_, id) = record(act, "id")?;
                let optional = |name: &str| {
                    act.get(name)
                        .and_then(Value::as_str)
                        .and_then(ids::normalise)
                };
                let conversion = Conversion {
                    account_id: optional("account_id"),
                    contact_id: optional("contact_id"),
                    opportunity: act.get("opportunity").and_then(Value::as_bool) == Some(true),
                };
                let convert =
                    |org: &mut Self, actor: &mut Actor| org.convert(&id, &conversion, actor);
                let mut made = self.whole(&mut actor, convert).map_err(sentence)?;
                made["id"] = json!(id);
                Ok(made)
            }
            "merge" => {
                let (object, winner) = record(act, "winner")?;
                let losers = losers(act)?;
                let merge = |org: &mut Self, actor: &mut Actor| {
                    org.merge(object, &winner, &losers, fields, actor)
                };
                self.whole(&mut actor, merge).map_err(sentence)?;
                Ok(json!({"id": winner, "losers": losers}))
            }
            _ => Err(format!("there is no act '{verb}'")),
        }
    }
}

pub(crate) fn text<'a>(act: &'a Value, name: &str) -> Result<&'a str, String> {
    act.get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("{name} must be a text"))
}

pub(crate) fn object(name: &str) -> Result<&'static Object, String> {
    objects::named(name).ok_or_else(|| format!("there is no object {name}"))
}

/// The record an act names: its id tells the object, which `object` may confirm.
fn record(act: &Value, name: &str) -> Result<(&'static Object, String), String> {
    let given = text(act, name)?;
    let id = ids::normalise(given).ok_or_else(|| format!("{given} is not an id"))?;
    let known = objects::of_id(&id).ok_or_else(|| format!("{given} belongs to no object"))?;
    match act.get("object").and_then(Value::as_str) {
        Some(said) if !said.eq_ignore_ascii_case(known.name) => {
            Err(format!("{given} is a {}, not a {said}", known.name))
        }
        _ => Ok((known, id)),
    }
}

fn losers(act: &Value) -> Result<Vec<String>, String> {
    let list = act
        .get("losers")
        .and_then(Value::as_array)
        .ok_or("losers must be a list")?;
    let ids = list.iter().map(|id| id.as_str().and_then(ids::normalise));
    ids.collect::<Option<Vec<_>>>()
        .ok_or_else(|| "losers must be ids".to_owned())
}

pub(crate) fn sentence(refusal: Refusal) -> String {
    refusal.sentence()
}
