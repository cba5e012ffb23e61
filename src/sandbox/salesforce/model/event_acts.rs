//! Acts on the stream of change events: what no person does, and what happens all the same.
//! Documented in `salesforce::acts`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::sandbox::derive;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::model::change_payload::{Commit, Delta};
use crate::sandbox::salesforce::model::change_schema::{Addition, CHANGE_TYPES, ENTITIES};
use crate::sandbox::salesforce::model::org::{FIRST_REP, Org};
use crate::sandbox::salesforce::objects;

/// The record id of an overflow (salesforce.md 2.5).
const NO_RECORD: &str = "000000000000000AAA";
/// How many fields a script may add to one org.
const ADDITIONS_MAX: usize = 100;

// === impl Org ===

impl Org {
    /// Does an act on the stream; `None` if it is not one.
    pub(crate) fn act_on_stream(
        &mut self,
        act: &Value,
        now_ms: i64,
    ) -> Option<Result<Value, String>> {
        Some(match act["verb"].as_str()? {
            "add_field" => self.add_event_field(act),
            "forget_replay_ids" => {
                self.publish_events();
                self.events.reset_stream();
                Ok(json!({"id": null}))
            }
            "gap" => self.gap(act, now_ms),
            "overflow" => self.overflow(act, now_ms),
            "wildcard" => self.wildcard(act, now_ms),
            "pubsub_fault" => {
                self.publish_events();
                self.events.hazards.set(act)
            }
            _ => return None,
        })
    }

    fn add_event_field(&mut self, act: &Value) -> Result<Value, String> {
        let entity = entity(act)?;
        let name = act["name"].as_str().unwrap_or_default();
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if !name.ends_with("__c") || !name.chars().all(plain) {
            return Err("name must be that of a custom field, as Budget__c".to_owned());
        }
        // What was committed before keeps the schema it was committed under.
        self.publish_events();
        let layout = self.events.layout(entity).ok_or("no such entity")?;
        if layout.slots.len() > ADDITIONS_MAX + 200 || layout.schema_json.contains(name) {
            return Err(format!("{entity} has a field {name} or too many"));
        }
        let first_custom = layout.first_custom();
        let position = act["position"].as_u64();
        let position = position.and_then(|position| usize::try_from(position).ok());
        let addition = Addition {
            name: name.to_owned(),
            position: position.unwrap_or(first_custom),
        };
        self.events.add_field(entity, addition);
        let schema_id = self.events.layout(entity).map(|layout| &layout.schema_id);
        Ok(json!({"id": null, "schema_id": schema_id}))
    }

    /// With `fields` the record is changed and the change is told as a gap only.
    fn gap(&mut self, act: &Value, now_ms: i64) -> Result<Value, String> {
        let given = act["id"].as_str().ok_or("id must be a text")?;
        let id = ids::normalise(given).ok_or_else(|| format!("{given} is not an id"))?;
        let object = objects::of_id(&id).ok_or_else(|| format!("{given} belongs to no object"))?;
        let wanted = act["change_type"].as_str().unwrap_or("UPDATE");
        let change_type = gap_type(wanted)?;
        self.publish_events();
        if act["fields"].is_object() {
            if wanted != "UPDATE" {
                return Err("fields go with change_type UPDATE only".to_owned());
            }
            let mut actor = self.person(FIRST_REP, now_ms);
            let updated = self.update(object, &id, &act["fields"], &mut actor);
            self.changes.pending_become_gaps();
            updated.map_err(|refusal| refusal.sentence())?;
            self.publish_events();
        } else {
            let commit = self.background(now_ms);
            self.publish_bare(object.name, commit, &bare(change_type, &id));
        }
        Ok(json!({"id": id}))
    }

    fn overflow(&mut self, act: &Value, now_ms: i64) -> Result<Value, String> {
        let entity = entity(act)?;
        let commit = self.background(now_ms);
        self.publish_bare(entity, commit, &bare("GAP_OVERFLOW", NO_RECORD));
        Ok(json!({"id": null}))
    }

    /// The incompatible conversion of a custom field: its values are lost without further
    /// events (salesforce.md 2.5).
    fn wildcard(&mut self, act: &Value, now_ms: i64) -> Result<Value, String> {
        let prefix = act["prefix"].as_str().ok_or("prefix must be a text")?;
        let prefix = prefix.trim_end_matches('*');
        let object = objects::all().iter().find(|object| object.prefix == prefix);
        let object = object.ok_or_else(|| format!("{prefix} begins the ids of no object"))?;
        self.publish_events();
        let mut delta = bare("UPDATE", &format!("{prefix}*"));
        if let Some(name) = act["field"].as_str() {
            let field = object.field(name).filter(|field| field.is_custom());
            let field = field.ok_or_else(|| format!("{name} is no custom field"))?;
            let rows: Vec<_> = self.rows_of(object.name).cloned().collect();
            for mut row in rows {
                row.fields.remove(field.name);
                self.put(object, row);
            }
            delta.changed.insert(field.name.to_owned());
        }
        let commit = self.background(now_ms);
        self.publish_bare(object.name, commit, &delta);
        Ok(json!({"id": null}))
    }

    /// A commit of the platform's own: no origin.
    fn background(&mut self, now_ms: i64) -> Commit {
        let number = self.draw();
        Commit {
            origin: String::new(),
            transaction_key: derive::uuid(&self.settings.org_id, "transaction", number),
            sequence: 1,
            at_ms: now_ms,
            number: 0,
            user_id: FIRST_REP.to_owned(),
        }
    }
}

fn entity(act: &Value) -> Result<&'static str, String> {
    let given = act["object"].as_str().ok_or("object must be a text")?;
    let known = ENTITIES.into_iter().find(|known| *known == given);
    known.ok_or_else(|| format!("{given} has no change events"))
}

fn gap_type(wanted: &str) -> Result<&'static str, String> {
    let known = CHANGE_TYPES[4..8]
        .iter()
        .find(|name| name.strip_prefix("GAP_") == Some(wanted));
    known
        .copied()
        .ok_or_else(|| format!("{wanted} is none of CREATE, UPDATE, DELETE and UNDELETE"))
}

/// An event of which the header says all.
fn bare(change_type: &'static str, record_id: &str) -> Delta {
    Delta {
        record_ids: vec![record_id.to_owned()],
        change_type,
        values: BTreeMap::new(),
        changed: BTreeSet::new(),
        diffs: BTreeSet::new(),
    }
}
