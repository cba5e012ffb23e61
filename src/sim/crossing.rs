//! Edits that meet: the same field of the same person on the other side a little later, or of the
//! same record within the second in which somebody read it.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::sim::history::Side;
use crate::sim::world::World;

/// Of edits of a field that flows both ways.
const CROSSES_PERMILLE: usize = 300;
/// Of the pages that an import or a sweep reads.
const HURRIES_PERMILLE: usize = 400;
/// Beyond what clocks that are read to the second cannot tell apart.
const CROSSING_MS: (i64, i64) = (2_500, 90_000);
const HURRY_MS: (i64, i64) = (30, 600);

/// Fields that both sides edit: contact's path, row's name.
pub const BOTH: [(&str, &str); 4] = [
    ("phone", "Phone"),
    ("custom_attributes.job_title", "Title"),
    ("custom_attributes.nickname", "External_User_ID__c"),
    ("custom_attributes.interests", "EmailBouncedReason"),
];
const INTERESTS: [&str; 5] = ["api", "bots", "calls", "docs", "email"];

/// What somebody edited last, or is about to edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    pub side: Side,
    pub record: String,
    /// One of [`BOTH`].
    pub field: usize,
}

/// The edit that comes next, and how long after the last.
#[derive(Debug, Default)]
pub struct Crossing {
    last: Option<Edited>,
    next: Option<(Edited, (i64, i64))>,
}

impl World {
    /// Takes down an edit, which another may meet on the other side.
    pub(super) fn was_edited(&mut self, side: Side, record: &str, field: usize) {
        let record = record.to_owned();
        let edited = Edited {
            side,
            record,
            field,
        };
        if self.chance.permille(CROSSES_PERMILLE)
            && let Some(other) = self.counterpart(side, &edited.record)
        {
            let other = Edited {
                side: other.0,
                record: other.1,
                field,
            };
            self.crossing.next = Some((other, CROSSING_MS));
        }
        self.crossing.last = Some(edited);
    }

    /// Somebody has read the records: what was edited last may be edited again within the second.
    pub(super) fn was_read(&mut self) {
        if let Some(last) = &self.crossing.last
            && self.chance.permille(HURRIES_PERMILLE)
        {
            self.crossing.next = Some((last.clone(), HURRY_MS));
        }
    }

    /// How long it is until the edit that comes next, if one does.
    pub(super) fn crosses_in(&mut self) -> Option<i64> {
        let (_, (from, to)) = self.crossing.next.as_ref()?;
        Some(self.chance.between(*from, *to))
    }

    /// The edit that was to come. False if there is none.
    pub(super) fn crosses(&mut self) -> bool {
        let Some((edited, _)) = self.crossing.next.take() else {
            return false;
        };
        match edited.side {
            Side::Intercom => self.agent_sets(&edited.record, edited.field),
            Side::Salesforce => self.rep_sets(&edited.record, edited.field),
        }
        true
    }

    /// The record of the other side that belongs to one, by our key.
    fn counterpart(&self, side: Side, record: &str) -> Option<(Side, String)> {
        let key = |row: &String| &self.remotes.rows[row]["Intercom_Contact_ID__c"];
        match side {
            Side::Salesforce => {
                let contact = key(&record.to_owned());
                let known = self.remotes.contacts.contains_key(contact);
                known.then(|| (Side::Intercom, contact.clone()))
            }
            Side::Intercom => {
                let mut rows = self.remotes.rows.keys();
                let row = rows.find(|row| key(row) == record)?;
                Some((Side::Salesforce, row.clone()))
            }
        }
    }

    /// Somebody in Intercom edits a field that flows both ways.
    pub(super) fn agent_sets(&mut self, contact: &str, field: usize) {
        let set = match field {
            0 => json!({"phone": self.number()}),
            1 => json!({"custom_attributes": {"job_title": self.word("Title ")}}),
            3 => {
                let known = &self.remotes.contacts[contact][BOTH[field].0];
                let set = self.other_interests(&elements(known));
                json!({"custom_attributes": {"interests": set.join(", ")}})
            }
            _ => json!({"custom_attributes": {"nickname": self.word("Nick ")}}),
        };
        let act = json!({"verb": "update_contact", "id": contact, "set": set});
        self.remotes.act_in_intercom(&act, self.now);
        self.crossing.last = None;
    }

    /// Somebody in Salesforce does.
    pub(super) fn rep_sets(&mut self, row: &str, field: usize) {
        let mut fields = json!({});
        fields[BOTH[field].1] = Json::String(match field {
            0 => self.number(),
            1 => self.word("Title "),
            3 => {
                let known = elements(&self.remotes.rows[row][BOTH[field].1]);
                self.other_interests(&known).join(";")
            }
            _ => self.word("Nick "),
        });
        let user = self.some_rep();
        let act = json!({"verb": "update", "id": row, "fields": fields, "as_user": user});
        self.remotes.act_in_salesforce(&act, self.now);
        self.crossing.last = None;
    }

    /// One interest more or less.
    fn other_interests(&mut self, known: &BTreeSet<String>) -> Vec<String> {
        let one = (*self.chance.one_of(&INTERESTS)).to_owned();
        let mut set = known.clone();
        if !set.remove(&one) {
            set.insert(one);
        }
        set.into_iter().collect()
    }
}

/// The elements of a set as either system shows it.
pub fn elements(shown: &str) -> BTreeSet<String> {
    let parts = shown.split([',', ';']).map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}
