//! What an administrator arranges: users, automations, stored forms, rights. Documented in
//! `salesforce::acts`.

use serde_json::{Value, json};

use crate::sandbox::salesforce::model::access::{Access, Rights};
use crate::sandbox::salesforce::model::acting::{object, sentence, text};
use crate::sandbox::salesforce::model::normalise::How;
use crate::sandbox::salesforce::model::org::Org;

// === impl Org ===

impl Org {
    /// Does what an administrator does as this user; `None` if the verb is another's.
    pub(crate) fn administer(
        &mut self,
        verb: &str,
        act: &Value,
        (user, now_ms): (&str, i64),
    ) -> Option<Result<Value, String>> {
        let outcome = match verb {
            "automation" => self.arrange_automation(user, act),
            "remove_automation" => text(act, "id").and_then(|id| {
                self.automations.remove(id)?;
                Ok(json!({"id": id}))
            }),
            "normalise" => self.arrange_form(act),
            "remove_field" | "hide_field" => self.arrange_field(verb, act),
            "revoke_object" => text(act, "object").and_then(object).map(|object| {
                let granted = act.get("granted").and_then(Value::as_bool) == Some(true);
                self.revoke_object(object, !granted);
                json!({"id": null})
            }),
            "restore_access" => {
                self.access = Access::default();
                Ok(json!({"id": null}))
            }
            "create_user" => self.create_user(act, (user, now_ms)),
            _ => return None,
        };
        Some(outcome)
    }

    fn arrange_automation(&mut self, user: &str, act: &Value) -> Result<Value, String> {
        let object = object(text(act, "object")?)?;
        let id = self.add_automation(object, user.to_owned(), act)?;
        Ok(json!({"id": id}))
    }

    fn arrange_form(&mut self, act: &Value) -> Result<Value, String> {
        let object = object(text(act, "object")?)?;
        let name = text(act, "field")?;
        let field = object.field(name);
        let field = field.ok_or_else(|| format!("{} has no field {name}", object.name))?;
        let how = match text(act, "how")? {
            "none" => None,
            how => Some(How::read(how)?),
        };
        self.normalisers.set(object.name, field.name, how)?;
        Ok(json!({"id": null}))
    }

    fn arrange_field(&mut self, verb: &str, act: &Value) -> Result<Value, String> {
        let object = object(text(act, "object")?)?;
        let field = text(act, "field")?;
        if verb == "remove_field" {
            self.remove_field(object, field)?;
            return Ok(json!({"id": null}));
        }
        let rights = match act.get("rights").and_then(Value::as_str) {
            None | Some("none") => Rights::None,
            Some("read") => Rights::Read,
            Some("write") => Rights::Write,
            Some(other) => return Err(format!("rights must be none, read or write, not {other}")),
        };
        self.grant_field(object, field, rights)?;
        Ok(json!({"id": null}))
    }

    fn create_user(&mut self, act: &Value, (user, now_ms): (&str, i64)) -> Result<Value, String> {
        let last = text(act, "last_name")?;
        let email = act.get("email").and_then(Value::as_str).map(str::to_owned);
        let email = email.unwrap_or_else(|| format!("{}@example.com", last.to_lowercase()));
        let mut fields = json!({
            "LastName": last,
            "Username": email,
            "Email": email,
            "IsActive": act.get("active").and_then(Value::as_bool).unwrap_or(true),
        });
        if let Some(first) = act.get("first_name") {
            fields["FirstName"] = first.clone();
        }
        let mut actor = self.person(user, now_ms);
        if let Some(name) = act.get("role").and_then(Value::as_str) {
            let known = self
                .rows_of("UserRole")
                .find(|role| role.text("Name") == Some(name))
                .map(|role| role.id.clone());
            let role = match known {
                Some(role) => role,
                None => self
                    .create(object("UserRole")?, &json!({"Name": name}), &mut actor)
                    .map_err(sentence)?,
            };
            fields["UserRoleId"] = json!(role);
        }
        let id = self
            .create(object("User")?, &fields, &mut actor)
            .map_err(sentence)?;
        Ok(json!({"id": id}))
    }
}
