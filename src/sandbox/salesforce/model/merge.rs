//! Merging records: the winner keeps its values, losers are deleted and point to it
//! (salesforce.md 2.6).

use serde_json::{Value, json};

use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::model::changes::{Actor, ChangeType};
use crate::sandbox::salesforce::model::org::Org;
use crate::sandbox::salesforce::objects;
use crate::sandbox::salesforce::schema::{Kind, Object};

/// A merge takes up to three records (salesforce.md 2.6).
const LOSERS_MAX: usize = 2;

// === impl Org ===

impl Org {
    /// Merges the losers into the winner; `set` are values a person picked for the winner.
    pub(crate) fn merge(
        &mut self,
        object: &'static Object,
        winner: &str,
        losers: &[String],
        set: &Value,
        actor: &mut Actor,
    ) -> Result<(), Refusal> {
        if object.field("MasterRecordId").is_none() {
            let message = format!("{} cannot be merged", object.name);
            return Err(Refusal::new(400, "INVALID_OPERATION", message));
        }
        if losers.is_empty() || losers.len() > LOSERS_MAX || losers.iter().any(|id| id == winner) {
            let message = "one or two losers that are not the winner";
            return Err(Refusal::new(400, "INVALID_ARGUMENT", message));
        }
        self.living(object, winner)?;
        for loser in losers {
            self.living(object, loser)?;
        }
        for loser in losers {
            let mut row = self.living(object, loser)?.clone();
            row.deleted = true;
            row.fields.insert("MasterRecordId", json!(winner));
            self.save(object, row, ChangeType::Delete, actor);
        }
        let nothing = json!({});
        let set = if set.is_object() { set } else { &nothing };
        self.update(object, winner, set, actor)?;
        for loser in losers {
            self.reparent(loser, winner, actor);
        }
        Ok(())
    }

    /// Points everything that belonged to a loser to the winner.
    fn reparent(&mut self, loser: &str, winner: &str, actor: &mut Actor) {
        for child in objects::all() {
            for field in &child.fields {
                let points = matches!(field.kind, Kind::Reference { .. });
                if !points || !field.updateable {
                    continue;
                }
                let children: Vec<_> = self
                    .rows_of(child.name)
                    .filter(|row| !row.deleted && row.text(field.name) == Some(loser))
                    .cloned()
                    .collect();
                for mut row in children {
                    row.fields.insert(field.name, json!(winner));
                    self.save(child, row, ChangeType::Update, actor);
                }
            }
        }
    }
}
