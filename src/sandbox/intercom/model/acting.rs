//! Acting as a person: the verbs that change the workspace. Documented in `intercom::acts`.

use serde_json::{Map, Value, json};

use crate::sandbox::intercom::model::contact::State;
use crate::sandbox::intercom::model::contacts::Writer;
use crate::sandbox::intercom::model::problem::Problem;
use crate::sandbox::intercom::model::workspace::Workspace;

/// What an act made or changed.
struct Acted {
    id: String,
    conversation_id: Option<String>,
}

// === impl Workspace ===

impl Workspace {
    /// Does what a person does; answers the id and the notifications it caused.
    pub(crate) fn act(&mut self, act: &Value, now_ms: i64) -> Result<Value, String> {
        let verb = text(act, "verb")?;
        let already = self.untaken().len();
        let acted = self.perform(verb, act, now_ms)?;
        let caused: Vec<&str> = self
            .untaken()
            .iter()
            .skip(already)
            .map(|one| one.id.as_str())
            .collect();
        let mut answer = json!({"id": acted.id, "notifications": caused});
        if let Some(id) = acted.conversation_id {
            answer["conversation_id"] = json!(id);
        }
        Ok(answer)
    }

    fn perform(&mut self, verb: &str, act: &Value, now: i64) -> Result<Acted, String> {
        let id = match verb {
            "create_contact" => {
                let fields = without_verb(act);
                self.add_contact(&fields, Writer::Person, now)
                    .map_err(sentence)?
            }
            "visitor_writes" | "open_conversation" => return self.write_in(verb, act, now),
            "update_contact" => {
                let id = self.living(act, "id")?;
                let set = act.get("set").ok_or("set is missing")?;
                self.change_contact(&id, set, Writer::Person, now)
                    .map_err(sentence)?;
                id
            }
            "sign_up" => {
                let id = self.living(act, "id")?;
                let mut set = without_verb(act);
                set["role"] = json!("user");
                self.change_contact(&id, &set, Writer::Person, now)
                    .map_err(sentence)?;
                id
            }
            "tag" | "untag" => {
                let id = self.living(act, "contact_id")?;
                let tag = self.tag_named(text(act, "name")?);
                let changed = if verb == "tag" {
                    self.put_tag_on(&id, &tag, now)
                } else {
                    self.take_tag_off(&id, &tag, now)
                };
                changed.map_err(sentence)?;
                id
            }
            "archive" | "unarchive" | "delete" => {
                let id = text(act, "id")?.to_owned();
                let done = match verb {
                    "archive" => self.archive_contact(&id, now),
                    "unarchive" => self.unarchive_contact(&id, now),
                    _ => self.delete_contact(&id, now),
                };
                done.map_err(sentence)?;
                id
            }
            "merge" => {
                let (from, into) = (self.living(act, "from")?, self.living(act, "into")?);
                self.merge(&from, &into, now).map_err(sentence)?;
                into
            }
            "reply" => {
                let id = self.conversation_meant(act)?;
                let body = act.get("body").and_then(Value::as_str).unwrap_or("…");
                self.reply(&id, body, now).map_err(sentence)?;
                id
            }
            "ping" | "define_attribute" | "revoke_token" | "restore_token" | "rotate_token" => {
                self.act_on_workspace(verb, act, now)?
            }
            _ => self.act_on_company(verb, act, now)?,
        };
        Ok(Acted {
            id,
            conversation_id: None,
        })
    }

    fn write_in(&mut self, verb: &str, act: &Value, now: i64) -> Result<Acted, String> {
        let body = act
            .get("body")
            .and_then(Value::as_str)
            .unwrap_or("Hello, I have a question");
        let id = if verb == "visitor_writes" {
            let mut fields = without_verb(act);
            fields["role"] = json!("lead");
            self.add_contact(&fields, Writer::Person, now)
                .map_err(sentence)?
        } else {
            self.living(act, "contact_id")?
        };
        let conversation = self.open_conversation(&id, body, now).map_err(sentence)?;
        Ok(Acted {
            id,
            conversation_id: Some(conversation),
        })
    }

    fn act_on_workspace(&mut self, verb: &str, act: &Value, now: i64) -> Result<String, String> {
        match verb {
            "ping" => {
                let message = act.get("message").and_then(Value::as_str);
                let message = message.unwrap_or("something something interzen");
                self.notify("ping", "", json!({"type": "ping", "message": message}), now);
                Ok(String::new())
            }
            "define_attribute" => {
                self.define_attribute(act, now).map_err(sentence)?;
                Ok(text(act, "name")?.to_owned())
            }
            "rotate_token" => {
                self.settings.access_token = text(act, "token")?.to_owned();
                self.revoked = false;
                Ok(String::new())
            }
            _ => {
                self.revoked = verb == "revoke_token";
                Ok(String::new())
            }
        }
    }

    fn act_on_company(&mut self, verb: &str, act: &Value, now: i64) -> Result<String, String> {
        match verb {
            "create_company" => {
                let mut fields = without_verb(act);
                if act.get("company_id").is_none() {
                    // What qualification in the product makes up (intercom.md 1.5).
                    let hex = self.object_id(now);
                    fields["company_id"] = json!(format!("{hex}-qualification-company"));
                }
                let (id, _) = self.put_company(&fields, now).map_err(sentence)?;
                Ok(id)
            }
            "update_company" => {
                let id = self
                    .company_meant(act, "id")
                    .or_else(|_| self.company_meant(act, "company_id"))?;
                let set = act.get("set").ok_or("set is missing")?;
                self.change_company(&id, set, now).map_err(sentence)?;
                Ok(id)
            }
            "delete_company" => {
                let id = self.company_meant(act, "id")?;
                self.delete_company(&id, now).map_err(sentence)?;
                Ok(id)
            }
            "attach_company" | "detach_company" => {
                let id = self.living(act, "contact_id")?;
                let company = self.company_meant(act, "company_id")?;
                if verb == "attach_company" {
                    self.attach(&id, &company, now).map_err(sentence)?;
                } else {
                    self.detach_company(&id, &company, u32::MAX, now)
                        .map_err(sentence)?;
                }
                Ok(id)
            }
            _ => Err(format!("there is no act '{verb}'")),
        }
    }

    fn living(&self, act: &Value, name: &str) -> Result<String, String> {
        let id = text(act, name)?;
        let contact = self
            .contacts
            .get(id)
            .ok_or_else(|| format!("there is no contact {id}"))?;
        if contact.state != State::Active {
            return Err(format!("contact {id} is {}", contact.state.name()));
        }
        Ok(id.to_owned())
    }

    fn company_meant(&self, act: &Value, name: &str) -> Result<String, String> {
        let id = text(act, name)?;
        let by_key = self.by_company_id.get(id).map(String::as_str).unwrap_or(id);
        self.live_company(by_key)
            .map_err(|_| format!("there is no company {id}"))?;
        Ok(by_key.to_owned())
    }

    fn conversation_meant(&self, act: &Value) -> Result<String, String> {
        if let Some(id) = act.get("conversation_id").and_then(Value::as_str) {
            return Ok(id.to_owned());
        }
        let contact = text(act, "contact_id")?;
        let latest = self
            .conversations
            .values()
            .rev()
            .find(|one| one.contact_id() == contact);
        let id = latest.map(|one| one.id().to_owned());
        id.ok_or_else(|| format!("contact {contact} has no conversation"))
    }
}

fn text<'a>(act: &'a Value, name: &str) -> Result<&'a str, String> {
    act.get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("{name} must be a text"))
}

fn without_verb(act: &Value) -> Value {
    let mut fields: Map<String, Value> = act.as_object().cloned().unwrap_or_default();
    fields.shift_remove("verb");
    Value::Object(fields)
}

fn sentence(problem: Problem) -> String {
    format!("{} {}: {}", problem.status, problem.code, problem.message)
}
