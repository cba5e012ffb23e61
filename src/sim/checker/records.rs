//! Which records there are: none twice, none left out, and what became of them followed.

use std::collections::{BTreeMap, BTreeSet};

use crate::sim::checker::parted::were_parted;
use crate::sim::checker::{Kin, MARKER, Verdict, is_live};
use crate::sim::history::By;
use crate::sim::world::World;

pub fn check(world: &World, kin: &Kin, verdict: &mut Verdict) {
    doubled_rows(world, verdict);
    doubled_contacts(world, verdict);
    left_out(world, kin, verdict);
    unfollowed_conversions(world, kin, verdict);
    twins(world, kin, verdict);
    younger_ids(world, verdict);
}

/// No contact has two Leads of our making. One that somebody deleted before the other was made does
/// not count: a creation whose outcome is unknown is repeated, and finds nothing then.
fn doubled_rows(world: &World, verdict: &mut Verdict) {
    let mut made: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for edit in &world.remotes.edits {
        let ours = matches!(edit.by, By::Us { .. });
        if ours && edit.born && edit.field == "Intercom_Contact_ID__c" {
            let rows = made.entry(&edit.new).or_default();
            rows.retain(|row| !is_deleted_by(world, row, edit.at));
            rows.retain(|row| !were_parted(world, &edit.new, row));
            rows.insert(&edit.record);
        }
    }
    for (contact, rows) in made {
        verdict.holds(rows.len() < 2, || {
            format!("{contact} was made {} Leads", rows.len())
        });
    }
}

fn is_deleted_by(world: &World, row: &str, at: i64) -> bool {
    let mut edits = world.remotes.edits.iter();
    edits.any(|edit| {
        let deleted = edit.field == "IsDeleted" && edit.new == "true";
        edit.record == row && deleted && edit.at <= at
    })
}

/// No row has two contacts of our making. One that left before the other was made does not count.
fn doubled_contacts(world: &World, verdict: &mut Verdict) {
    let mut made: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for edit in &world.remotes.edits {
        if matches!(edit.by, By::Us { .. }) && edit.born && edit.field == MARKER {
            let contacts = made.entry(&edit.new).or_default();
            contacts.retain(|contact| !has_left(world, contact, edit.at));
            contacts.retain(|contact| !were_parted(world, contact, &edit.new));
            contacts.insert(&edit.record);
        }
    }
    for (row, contacts) in made.into_iter().filter(|(row, _)| !row.is_empty()) {
        verdict.holds(contacts.len() < 2, || {
            format!("{row} was made {} contacts", contacts.len())
        });
    }
}

fn has_left(world: &World, contact: &str, at: i64) -> bool {
    let mut edits = world.remotes.edits.iter();
    edits.any(|edit| {
        edit.record == contact && edit.field == "state" && edit.new != "active" && edit.at <= at
    })
}

/// Whoever a rep entered is in Intercom at the end, or a person was asked.
fn left_out(world: &World, kin: &Kin, verdict: &mut Verdict) {
    if !world.outward {
        return;
    }
    for (id, row) in &world.remotes.rows {
        let alone = BTreeSet::from([id.clone()]);
        let group = kin.get(id).unwrap_or(&alone);
        let is_there = |other: &String| world.remotes.contacts.contains_key(other);
        let entered = row["LastName"].starts_with("Byron") && is_live(row);
        let asked = world.asked().iter().any(|record| group.contains(record));
        // Whom another one of the same address stands for is no case of its own.
        if entered && !asked {
            let there = group.iter().any(is_there) || made_from(world, group).is_some();
            verdict.holds(there, || format!("{id} was entered and is not in Intercom"));
        }
    }
}

fn made_from<'w>(world: &'w World, rows: &BTreeSet<String>) -> Option<&'w str> {
    let edits = world.remotes.edits.iter();
    let mut made = edits.filter(|edit| edit.field == MARKER && rows.contains(&edit.new));
    made.next().map(|edit| edit.record.as_str())
}

/// The contact that a lead of ours became carries the key, unless another one had it.
fn unfollowed_conversions(world: &World, kin: &Kin, verdict: &mut Verdict) {
    for (id, lead) in &world.remotes.rows {
        let key = &lead["Intercom_Contact_ID__c"];
        let became = world.remotes.rows.get(&lead["ConvertedContactId"]);
        let living = world
            .remotes
            .contacts
            .get(key)
            .is_some_and(|c| c["state"] == "active");
        let Some(contact) = became.filter(|_| living && lead["IsDeleted"] == "false") else {
            continue;
        };
        let taken = world
            .remotes
            .rows
            .values()
            .any(|row| row["Intercom_Contact_ID__c"] == *key && row["object"] == "Contact");
        let alone = BTreeSet::from([id.clone()]);
        let group = kin.get(id).unwrap_or(&alone);
        let concerns = |record: &String| {
            record == key || *record == lead["ConvertedContactId"] || group.contains(record)
        };
        let asked = world.asked().iter().any(concerns);
        let parted =
            were_parted(world, key, id) || were_parted(world, key, &lead["ConvertedContactId"]);
        if contact["IsDeleted"] == "false" && !taken && !parted && !asked {
            let follows = !contact["Intercom_Contact_ID__c"].is_empty();
            verdict.holds(follows, || {
                format!("{id} was converted and its contact has no key")
            });
        }
    }
}

/// Of one address we make one Lead, as long as it stands and nobody says that it is another one's:
/// whoever is taken apart goes on alone.
fn twins(world: &World, kin: &Kin, verdict: &mut Verdict) {
    let mut made: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let is_parted = |row: &str| {
        let group = kin.get(row);
        let mut words = world.operator.words.iter().filter(|word| !word.same);
        group.is_some_and(|group| words.any(|word| group.contains(&word.contact)))
    };
    for edit in &world.remotes.edits {
        let ours = matches!(edit.by, By::Us { .. });
        if ours && edit.born && edit.field == "Email" && !edit.new.is_empty() {
            let rows = made.entry(edit.new.to_lowercase()).or_default();
            rows.retain(|row| !changes(world, row, edit.at) && !is_parted(row));
            rows.insert(&edit.record);
            let count = rows.len();
            verdict.holds(count < 2, || {
                format!("{} is the address of {count} Leads of our making", edit.new)
            });
        }
    }
}

/// Whether a row was deleted or converted, or got another address, before some time.
fn changes(world: &World, row: &str, at: i64) -> bool {
    let mut edits = world.remotes.edits.iter();
    edits.any(|edit| {
        let turn = match edit.field.as_str() {
            "IsDeleted" | "IsConverted" => edit.new == "true",
            "Email" => !edit.born,
            _ => false,
        };
        turn && edit.record == row && edit.at <= at
    })
}

/// Of customers that became one the one that was founded first keeps its id.
fn younger_ids(world: &World, verdict: &mut Verdict) {
    let founded = world.pipeline.founded();
    for (id, records) in world.pipeline.customers() {
        let has = |record: &str| records.iter().any(|one| one.id == record);
        let parted = |record: &str| {
            let mut words = world.operator.words.iter().filter(|word| !word.same);
            words.any(|word| word.contact == record || word.row == record)
        };
        if records.iter().any(|record| parted(&record.id)) {
            continue;
        }
        if let Some((first, record)) = founded.iter().find(|(_, record)| has(record)) {
            verdict.holds(*first == id, || {
                format!("the customer of {record} was {first} and became {id}")
            });
        }
    }
}
