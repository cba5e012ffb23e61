//! From committed changes to change events: what each event says, and how a transaction is cut
//! into events (salesforce.md 0.5, 2.5, 2.6).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::sandbox::derive;
use crate::sandbox::salesforce::model::change_payload::{Commit, Delta};
use crate::sandbox::salesforce::model::change_schema::{Slot, is_custom};
use crate::sandbox::salesforce::model::changes::{ChangeType, Pending};
use crate::sandbox::salesforce::model::event_log::{ChangeEvent, EventLog, Topic, replay_id};
use crate::sandbox::salesforce::model::org::Org;
use crate::sandbox::salesforce::model::row::Row;
use crate::sandbox::salesforce::model::text_diff::{self, DIFF_CHARS_MIN};
use crate::sandbox::salesforce::options::Switches;
use crate::sandbox::salesforce::schema::{Kind, Object};

const MODIFIED: &str = "LastModifiedDate";

/// What a change was, beyond the names of its fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Told {
    /// For an update the fields that differ with the value they have now, among them
    /// LastModifiedDate; for a create or undelete all that have one; nothing for a delete.
    pub(crate) values: BTreeMap<String, Value>,
    /// The long texts that stood there before.
    pub(crate) replaced: BTreeMap<String, String>,
}

/// One event of a transaction, before it has its number.
#[derive(Debug, Clone)]
struct Part {
    entity: String,
    commit: Commit,
    delta: Delta,
}

// === impl Org ===

impl Org {
    /// What a change event would tell of this change; `row` is the row as it will be stored.
    pub(crate) fn told(
        &self,
        object: &Object,
        row: &Row,
        change_type: ChangeType,
        changed: &[String],
    ) -> Told {
        let mut told = Told::default();
        let before = self.row(object.name, &row.id);
        let mut tell = |name: &str| {
            told.values.insert(name.to_owned(), row.get(name));
        };
        match change_type {
            ChangeType::Delete => {}
            ChangeType::Create | ChangeType::Undelete => {
                let set = object.fields.iter();
                for field in set.filter(|field| !row.get(field.name).is_null()) {
                    tell(field.name);
                }
            }
            ChangeType::Update => {
                tell(MODIFIED);
                changed.iter().for_each(|name| tell(name));
                if before.is_some_and(|before| before.modified_by != row.modified_by) {
                    tell("LastModifiedById");
                }
            }
        }
        let texts = object.fields.iter().filter(|field| {
            matches!(field.kind, Kind::LongText { .. }) && told.values.contains_key(field.name)
        });
        for field in texts {
            let old = before.and_then(|before| before.text(field.name));
            if let Some(old) = old.filter(|old| old.chars().count() >= DIFF_CHARS_MIN) {
                told.replaced.insert(field.name.to_owned(), old.to_owned());
            }
        }
        told
    }

    /// Makes events of what was committed since the last call. Call it after each request or
    /// act: what is told together was one transaction.
    pub(crate) fn publish_events(&mut self) {
        let pending = self.changes.take_pending();
        let switches = self.settings.switches.clone();
        let mut rest = pending.as_slice();
        while let Some(first) = rest.first() {
            let key = &first.change.transaction_key;
            let same = |pending: &&Pending| pending.change.transaction_key == *key;
            let length = rest.iter().take_while(same).count();
            let (transaction, later) = rest.split_at(length);
            rest = later;
            self.publish_transaction(transaction, &switches);
        }
    }

    /// Up to `max` events after a position that are kept at this time, oldest first.
    pub(crate) fn events_after(
        &mut self,
        position: u64,
        topic: Topic,
        max: usize,
        now_ms: i64,
    ) -> Vec<ChangeEvent> {
        self.purge_events(now_ms);
        let short = self.settings.switches.short_replay_ids;
        let mut events = self.events.after(position, topic, max);
        for event in &mut events {
            event.replay_id = replay_id(event.position, short);
        }
        events
    }

    /// Forgets the events that are older than the retention.
    pub(crate) fn purge_events(&mut self, now_ms: i64) {
        self.publish_events();
        let retention_ms = self.settings.events.retention_ms;
        self.events.purge(now_ms.saturating_sub(retention_ms));
    }

    /// Counts deliveries against the day's allocation; answers how many of them it has room for.
    pub(crate) fn take_deliveries(&mut self, wanted: usize, now_ms: i64) -> usize {
        if self.events.hazards.used_up {
            return 0;
        }
        let max = self.settings.events.delivered_daily_max;
        let room = |_: &usize| self.events.delivered.take(max, now_ms);
        (0..wanted).take_while(room).count()
    }

    /// The id of a new call of the Pub/Sub API.
    pub(crate) fn rpc_id(&mut self) -> String {
        let number = self.draw();
        derive::uuid(&self.settings.org_id, "rpc", number)
    }

    /// Stores an event that no change of a record stands behind.
    pub(crate) fn publish_bare(&mut self, entity: &str, mut commit: Commit, delta: &Delta) {
        self.publish_events();
        commit.sequence = 1;
        if self.is_selected(entity) {
            self.events.append(entity, &commit, delta);
        }
    }

    pub(crate) fn is_selected(&self, entity: &str) -> bool {
        let selected = &self.settings.events.selected;
        selected.iter().any(|name| name == entity)
    }

    fn publish_transaction(&mut self, transaction: &[Pending], switches: &Switches) {
        let mut parts: Vec<Part> = Vec::new();
        for pending in transaction {
            for part in parts_of(pending, switches, &self.events) {
                if !(switches.merged_events && merged(&mut parts, &part)) {
                    parts.push(part);
                }
            }
        }
        let mut sequence = 0;
        for mut part in parts {
            // What is not on the channel leaves a hole (salesforce.md 2.6).
            sequence += 1;
            part.commit.sequence = sequence;
            if self.is_selected(&part.entity) {
                self.events.append(&part.entity, &part.commit, &part.delta);
            }
        }
    }
}

/// The events of one change: one, or two where the switch splits it.
fn parts_of(pending: &Pending, switches: &Switches, log: &EventLog) -> Vec<Part> {
    let change = &pending.change;
    let commit = Commit {
        origin: change.change_origin.clone(),
        transaction_key: change.transaction_key.clone(),
        sequence: 0,
        at_ms: change.commit_ms,
        number: 0,
        user_id: change.commit_user.clone(),
    };
    let mut delta = Delta {
        record_ids: vec![change.record_id.clone()],
        change_type: name(change.change_type, pending.gap),
        values: BTreeMap::new(),
        changed: BTreeSet::new(),
        diffs: BTreeSet::new(),
    };
    let entity = change.object.clone();
    let alone = |delta: Delta, commit: &Commit| Part {
        entity: entity.clone(),
        commit: commit.clone(),
        delta,
    };
    if pending.gap {
        return vec![alone(delta, &commit)];
    }
    delta.values = pending.told.values.clone();
    if change.change_type != ChangeType::Update {
        return vec![alone(delta, &commit)];
    }
    delta.changed = delta.values.keys().cloned().collect();
    if switches.nested_only_bitmaps && is_nested_only(&delta, &entity, log) {
        delta.changed.remove(MODIFIED);
        delta.values.remove(MODIFIED);
    }
    if switches.diff_fields {
        shorten(&mut delta, &pending.told.replaced);
    }
    let customs = delta.changed.iter().filter(|field| is_custom(field));
    let customs: BTreeSet<String> = customs.cloned().collect();
    if !switches.split_transactions || customs.is_empty() || customs.len() == delta.changed.len() {
        return vec![alone(delta, &commit)];
    }
    let side = |wanted: bool| {
        let mut half = delta.clone();
        half.values
            .retain(|name, _| customs.contains(name) == wanted);
        half.changed.retain(|name| customs.contains(name) == wanted);
        half.diffs.retain(|name| customs.contains(name) == wanted);
        alone(half, &commit)
    };
    vec![side(false), side(true)]
}

fn name(change_type: ChangeType, gap: bool) -> &'static str {
    match (change_type, gap) {
        (ChangeType::Create, false) => "CREATE",
        (ChangeType::Update, false) => "UPDATE",
        (ChangeType::Delete, false) => "DELETE",
        (ChangeType::Undelete, false) => "UNDELETE",
        (ChangeType::Create, true) => "GAP_CREATE",
        (ChangeType::Update, true) => "GAP_UPDATE",
        (ChangeType::Delete, true) => "GAP_DELETE",
        (ChangeType::Undelete, true) => "GAP_UNDELETE",
    }
}

/// Whether everything but LastModifiedDate is a child of a compound.
fn is_nested_only(delta: &Delta, entity: &str, log: &EventLog) -> bool {
    let Some(layout) = log.layout(entity) else {
        return false;
    };
    let nested = |name: &String| {
        layout.slots.iter().any(|slot| match slot {
            Slot::Plain { .. } => false,
            Slot::Compound { children } => children.iter().any(|(child, _)| child == name),
        })
    };
    let mut others = delta.changed.iter().filter(|name| *name != MODIFIED);
    others.clone().count() > 0 && others.all(nested)
}

/// Writes long texts as diffs where the vendor would.
fn shorten(delta: &mut Delta, replaced: &BTreeMap<String, String>) {
    for (name, old) in replaced {
        let new = delta.values.get(name).and_then(Value::as_str);
        if let Some(diff) = new.and_then(|new| text_diff::diff(old, new)) {
            delta.values.insert(name.clone(), Value::String(diff));
            delta.diffs.insert(name.clone());
        }
    }
}

/// Adds the record to an event of the transaction that says the same, if nothing after that
/// event is about the record; answers whether it did (salesforce.md 2.6).
fn merged(parts: &mut [Part], part: &Part) -> bool {
    if matches!(part.delta.change_type, "CREATE" | "UNDELETE") {
        return false;
    }
    let mut ids = part.delta.record_ids.iter();
    let Some(id) = ids.next() else {
        return false;
    };
    for earlier in parts.iter_mut().rev() {
        if earlier.delta.record_ids.contains(id) {
            return false;
        }
        let mut alike = part.delta.clone();
        alike.record_ids.clone_from(&earlier.delta.record_ids);
        let same_commit = earlier.commit.origin == part.commit.origin
            && earlier.commit.user_id == part.commit.user_id;
        if earlier.entity == part.entity && same_commit && earlier.delta == alike {
            earlier.delta.record_ids.push(id.clone());
            return true;
        }
    }
    false
}
