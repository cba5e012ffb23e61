//! The judge: naive rules over what truly happened in both systems. It knows nothing of the
//! product but the ids of its commands and its open questions to people.

mod parted;
mod records;
mod sets;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use crate::sim::history::{By, Edit, Shown, Side};
use crate::sim::remotes::same_form;
use crate::sim::world::World;

/// Two edits further apart than this cannot have crossed: whatever is delayed has come by then.
const APART_MS: i64 = 25 * 60_000;
/// Clocks are read to the second.
const PRECISION_MS: i64 = 1_000;
/// Edits told of in a failure's story.
const STORY_MAX: usize = 40;

/// Where a contact of our making names the row that it was made from.
const MARKER: &str = "custom_attributes.crosswalk_created_from";

/// Fields that tell what becomes of a record.
const TURNS: [&str; 7] = [
    "Intercom_Contact_ID__c",
    "ConvertedContactId",
    "IsDeleted",
    "state",
    "tags",
    "email",
    "Email",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    Newest,
    Owner,
    Restrictive,
    Review,
}

/// Fields that flow both ways: contact's name, row's name, policy.
const BOTH_WAYS: [(&str, &str, Policy); 5] = [
    ("phone", "Phone", Policy::Newest),
    ("custom_attributes.job_title", "Title", Policy::Owner),
    (
        "custom_attributes.nickname",
        "External_User_ID__c",
        Policy::Owner,
    ),
    (
        "custom_attributes.support_tier",
        "Salutation",
        Policy::Review,
    ),
    (
        "unsubscribed_from_emails",
        "HasOptedOutOfEmail",
        Policy::Restrictive,
    ),
];

/// A contact and the row that carries its key.
struct Pair<'a> {
    contact: &'a str,
    row: &'a str,
    ours: &'a Shown,
    theirs: &'a Shown,
    /// Everything that may be the same person: records that ever shared an address or a key, or
    /// became one another.
    kin: BTreeSet<String>,
}

/// Records that may be one person, by each of them.
pub type Kin = BTreeMap<String, BTreeSet<String>>;

/// How much was looked at, and what of it does not hold, each with a short story.
#[derive(Debug, Default)]
pub struct Verdict {
    pub checked: usize,
    pub failures: Vec<String>,
}

impl Verdict {
    pub fn expect(&mut self, failure: Option<String>) {
        self.checked += 1;
        self.failures.extend(failure);
    }

    pub fn holds(&mut self, holds: bool, why: impl FnOnce() -> String) {
        self.expect((!holds).then(why));
    }
}

pub fn check(world: &World) -> Verdict {
    let mut verdict = Verdict::default();
    let kin = kin(world);
    for pair in pairs(world, &kin) {
        for field in BOTH_WAYS {
            let why = disagreement(world, &pair, field);
            verdict.expect(why.map(|why| told(world, &pair.kin, &[field.0, field.1], &why)));
        }
        sets::check(world, &pair, &mut verdict);
    }
    writes::check(world, &kin, &mut verdict);
    records::check(world, &kin, &mut verdict);
    parted::check(world, &kin, &mut verdict);
    sets::companies(world, &mut verdict);
    verdict
}

/// How many contacts and rows were compared.
pub fn linked(world: &World) -> usize {
    pairs(world, &kin(world)).len()
}

fn is_live(row: &Shown) -> bool {
    row["IsDeleted"] == "false" && row["IsConverted"] != "true"
}

fn pairs<'w>(world: &'w World, kin: &Kin) -> Vec<Pair<'w>> {
    let mut pairs = Vec::new();
    for (row, theirs) in &world.remotes.rows {
        let key = &theirs["Intercom_Contact_ID__c"];
        let Some((contact, ours)) = world.remotes.contacts.get_key_value(key) else {
            continue;
        };
        if is_live(theirs) && ours["state"] == "active" {
            pairs.push(Pair {
                contact,
                row,
                ours,
                theirs,
                kin: kin.get(contact).cloned().unwrap_or_default(),
            });
        }
    }
    pairs
}

/// Records that may be one person, by what they ever showed.
fn kin(world: &World) -> Kin {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for edit in &world.remotes.edits {
        let name = match edit.field.as_str() {
            "email" | "Email" => edit.new.to_lowercase(),
            "Intercom_Contact_ID__c" | "ConvertedContactId" | "merged_into" | MARKER => {
                edit.new.clone()
            }
            _ => continue,
        };
        if !name.is_empty() {
            let records = names.entry(name.clone()).or_default();
            records.insert(edit.record.clone());
            if !name.contains('@') {
                records.insert(name);
            }
        }
    }
    let joined = world.operator.words.iter().filter(|word| word.same);
    let joined = joined.map(|word| BTreeSet::from([word.contact.clone(), word.row.clone()]));
    let mut groups: Vec<BTreeSet<String>> = Vec::new();
    for group in names.into_values().chain(joined) {
        let (touching, apart): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|other| !other.is_disjoint(&group));
        groups = apart;
        groups.push(touching.into_iter().flatten().chain(group).collect());
    }
    let mut kin = BTreeMap::new();
    for group in groups {
        for record in &group {
            kin.insert(record.clone(), group.clone());
        }
    }
    kin
}

/// Invariants 3 and 5 for one field of a pair.
fn disagreement(
    world: &World,
    pair: &Pair<'_>,
    (ours, theirs, policy): (&str, &str, Policy),
) -> Option<String> {
    let plain = |value: &str| match value {
        // A checkbox has no third state.
        "" if policy == Policy::Restrictive => "false".to_owned(),
        value => value.to_owned(),
    };
    let (left, right) = (plain(&pair.ours[ours]), plain(&pair.theirs[theirs]));
    if is_asked(world, pair) {
        return None;
    }
    let edits: Vec<&Edit> = world
        .remotes
        .edits
        .iter()
        .filter(|edit| pair.kin.contains(&edit.record))
        .filter(|edit| edit.field == ours || edit.field == theirs)
        .filter(|edit| !matches!(edit.by, By::Us { .. }))
        .collect();
    if !same_form(&left, &right) {
        if is_kept_from_first_link(world, pair, &edits, (ours, theirs))
            || is_first_seen_late(world, pair, &edits, theirs)
        {
            return None;
        }
        return Some(format!(
            "5: {ours} is {left:?} there and {right:?} here, unasked"
        ));
    }
    // Who may be several people at once has several stories: only agreement is demanded.
    let simple = pair
        .kin
        .iter()
        .all(|record| record == pair.contact || record == pair.row);
    if !simple {
        return None;
    }
    let last = |side: Side| edits.iter().rev().find(|edit| edit.side == side);
    let (Some(one), Some(other)) = (last(Side::Intercom), last(Side::Salesforce)) else {
        let only = edits.last()?;
        let stands = same_form(&plain(&only.new), &left);
        return (!stands).then(|| format!("3: {ours} is {left:?}, last set to {:?}", only.new));
    };
    let (newer, older) = if one.at > other.at {
        (one, other)
    } else {
        (other, one)
    };
    let gap = newer.at - older.at;
    let is = |edit: &Edit| same_form(&plain(&edit.new), &left);
    let strict = match policy {
        _ if gap > APART_MS => true,
        Policy::Newest => gap > 2 * PRECISION_MS,
        _ => false,
    };
    // A read shows a value and not since when: then nobody can tell, and the owner's stands.
    let owners = policy == Policy::Newest && older.side == Side::Salesforce && gap <= APART_MS;
    let holds = is(newer) || ((!strict || owners) && is(older));
    (!holds).then(|| {
        format!(
            "3: {ours} is {left:?}; set to {:?} in {:?} at {} and to {:?} in {:?} at {}",
            older.new, older.side, older.at, newer.new, newer.side, newer.at
        )
    })
}

/// Whether a person was asked about this pair.
fn is_asked(world: &World, pair: &Pair<'_>) -> bool {
    world.asked().iter().any(|record| pair.kin.contains(record))
}

/// Two records that each had a value when they were linked keep them until one changes.
fn is_kept_from_first_link(
    world: &World,
    pair: &Pair<'_>,
    edits: &[&Edit],
    (ours, theirs): (&str, &str),
) -> bool {
    // A lead's contact goes on with what the lead was.
    let lead = world
        .remotes
        .rows
        .iter()
        .find(|(_, row)| row["ConvertedContactId"] == pair.row);
    let rows = [Some(pair.row), lead.map(|(id, _)| id.as_str())];
    let key = world.remotes.edits.iter().rev().find(|edit| {
        rows.contains(&Some(&edit.record))
            && edit.field == "Intercom_Contact_ID__c"
            && edit.new == pair.contact
            && !edit.born
    });
    let key = key.or_else(|| told_of_a_row_that_others_had(world, pair));
    // Who is taken apart and joined again at once may never have lost the key, and with two records
    // all that hangs on them is joined.
    let words = world.operator.words.iter().filter(|word| {
        word.same && (pair.kin.contains(&word.contact) || pair.kin.contains(&word.row))
    });
    let moments = words.map(|word| word.at).chain(key.map(|key| key.at));
    let Some(linked_at) = moments.max() else {
        return false;
    };
    let set = |record: &str, field: &str| {
        // What a conversion took over is as old as the lead.
        let inherited = |edit: &Edit| edit.born && edit.record == pair.row && lead.is_some();
        let own = |edit: &&&Edit| edit.record == record && edit.field == field && !inherited(edit);
        edits.iter().rev().find(own)
    };
    // What was set before the link may be older than its event: the edges delay by minutes.
    let before = |edit: Option<&&Edit>| edit.is_none_or(|edit| edit.at <= linked_at + APART_MS);
    let by_row = rows.iter().flatten().all(|row| before(set(row, theirs)));
    before(set(pair.contact, ours)) && by_row
}

/// A creation whose answer comes late may find another contact joined to the row meanwhile:
/// then its own contact is the second one, which keeps what it has.
fn told_of_a_row_that_others_had<'a>(world: &'a World, pair: &Pair<'_>) -> Option<&'a Edit> {
    let told = |edit: &&Edit| {
        edit.field == "custom_attributes.SALESFORCE_ID"
            && edit.new == pair.row
            && pair.kin.contains(&edit.record)
    };
    let mut all = world.remotes.edits.iter().filter(told);
    let others = all.next().filter(|first| first.record != pair.contact);
    others.and_then(|_| all.find(|edit| edit.record == pair.contact))
}

/// A lead's contact whose creation nobody told of, and that was changed before a sweep showed it:
/// what it shows then may as well have been its own, and stays.
fn is_first_seen_late(world: &World, pair: &Pair<'_>, edits: &[&Edit], theirs: &str) -> bool {
    let mut rows = world.remotes.rows.values();
    let own = |edit: &&&Edit| edit.record == pair.row && edit.field == theirs && !edit.born;
    world.sweep.unborn.contains(pair.row)
        && rows.any(|row| row["ConvertedContactId"] == pair.row)
        && edits.iter().any(|edit| own(&edit))
}

/// A failure with the last that happened to those concerned.
fn told(world: &World, kin: &BTreeSet<String>, fields: &[&str], why: &str) -> String {
    let mut lines = vec![why.to_owned()];
    let edits: Vec<&Edit> = world
        .remotes
        .edits
        .iter()
        .filter(|edit| kin.contains(&edit.record))
        .filter(|edit| {
            fields.contains(&edit.field.as_str()) || TURNS.contains(&edit.field.as_str())
        })
        .collect();
    for edit in &edits[edits.len().saturating_sub(STORY_MAX)..] {
        let who = match &edit.by {
            By::Us { command, repeat } => format!("us {command} repeat {repeat}"),
            By::Person => "a person".to_owned(),
            By::Automation => "an automation".to_owned(),
        };
        lines.push(format!(
            "    {} {:?} {} {}: {:?} -> {:?} by {who}",
            edit.at, edit.side, edit.record, edit.field, edit.old, edit.new
        ));
    }
    let words = world.operator.words.iter();
    for word in words.filter(|word| kin.contains(&word.contact) || kin.contains(&word.row)) {
        let same = if word.same { "one" } else { "not one" };
        let (at, contact, row) = (word.at, &word.contact, &word.row);
        lines.push(format!(
            "    {at} {contact} and {row} are {same}, says an operator"
        ));
    }
    let ids: Vec<String> = kin.iter().cloned().collect();
    lines.extend(
        world
            .pipeline
            .tells(&ids)
            .into_iter()
            .map(|line| format!("    {line}")),
    );
    lines.join("\n")
}
