//! The judge: naive rules over what truly happened in both systems. It knows nothing of the
//! product but the ids of its commands and its open questions to people.

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

/// What does not hold, each with a short story.
pub fn check(world: &World) -> Vec<String> {
    let mut failures = Vec::new();
    let pairs = pairs(world);
    for pair in &pairs {
        for field in BOTH_WAYS {
            if let Some(why) = disagreement(world, pair, field) {
                failures.push(told(world, &pair.kin, &[field.0, field.1], &why));
            }
        }
    }
    failures.extend(too_many_writes(world));
    failures.extend(blind_repeats(world));
    failures.extend(doubles(world));
    failures.extend(doubled_contacts(world));
    failures.extend(left_out(world));
    failures.extend(invented(world));
    failures.extend(unfollowed_conversions(world));
    failures
}

/// How many contacts and rows were compared.
pub fn linked(world: &World) -> usize {
    pairs(world).len()
}

fn is_live(row: &Shown) -> bool {
    row["IsDeleted"] == "false" && row["IsConverted"] != "true"
}

fn pairs(world: &World) -> Vec<Pair<'_>> {
    let kin = kin(world);
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
fn kin(world: &World) -> BTreeMap<String, BTreeSet<String>> {
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
    let mut groups: Vec<BTreeSet<String>> = Vec::new();
    for group in names.into_values() {
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
    world
        .pipeline
        .reviews()
        .iter()
        .any(|(record, _)| pair.kin.contains(record))
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
    let Some(key) = key.or_else(|| told_of_a_row_that_others_had(world, pair)) else {
        return false;
    };
    let set = |record: &str, field: &str| {
        // What a conversion took over is as old as the lead.
        let inherited = |edit: &Edit| edit.born && edit.record == pair.row && lead.is_some();
        let own = |edit: &&&Edit| edit.record == record && edit.field == field && !inherited(edit);
        edits.iter().rev().find(own)
    };
    // What was set before the link may be older than its event: the edges delay by minutes.
    let before = |edit: Option<&&Edit>| edit.is_none_or(|edit| edit.at <= key.at + APART_MS);
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

/// Invariant 2: writes of a field are bounded by what others did to it.
fn too_many_writes(world: &World) -> Vec<String> {
    let mut ours: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let kin = kin(world);
    for edit in &world.remotes.edits {
        if matches!(edit.by, By::Us { .. }) {
            *ours.entry((&edit.record, &edit.field)).or_default() += 1;
        }
    }
    let mut failures = Vec::new();
    for ((record, field), writes) in ours {
        let Some((left, right, _)) = BOTH_WAYS
            .into_iter()
            .find(|(left, right, _)| *left == field || *right == field)
        else {
            continue;
        };
        let group = kin.get(record);
        let others = world.remotes.edits.iter().filter(|edit| {
            let related =
                edit.record == record || group.is_some_and(|group| group.contains(&edit.record));
            related
                && !matches!(edit.by, By::Us { .. })
                && (edit.field == left || edit.field == right)
        });
        // A change there leads to one write; an overwrite here may be put right once. Records
        // that become one customer bring a value each, once.
        let bound = others.count() + 1;
        if writes > bound {
            let why = format!("2: {record} {field}: {writes} writes, {bound} explained");
            let alone = BTreeSet::from([record.to_owned()]);
            failures.push(told(world, group.unwrap_or(&alone), &[left, right], &why));
        }
    }
    failures
}

/// Invariant 4: a repeat that saw a foreign value must not write.
fn blind_repeats(world: &World) -> Vec<String> {
    let mut failures = Vec::new();
    for edit in &world.remotes.edits {
        let By::Us { command, .. } = &edit.by else {
            continue;
        };
        let looks = world.repeats.iter().filter(|look| {
            look.record == edit.record
                && look.at <= edit.at
                && look.field.starts_with(command.as_str())
        });
        let Some(at) = looks.clone().map(|look| look.at).max() else {
            continue;
        };
        for look in looks.filter(|look| look.at == at) {
            let plain = |value: &str| if value == "false" { "" } else { value }.to_owned();
            let (shown, expected) = (plain(&look.shown), plain(&look.expected));
            let known = same_form(&shown, &expected) || same_form(&shown, &plain(&look.target));
            if !known {
                failures.push(format!(
                    "4: {} {} was {:?}, neither {:?} nor {:?}, and was written",
                    look.record, look.field, look.shown, look.expected, look.target
                ));
            }
        }
    }
    failures
}

/// No contact has two Leads of our making. One that somebody deleted before the other was made does
/// not count: a creation whose outcome is unknown is repeated, and finds nothing then.
fn doubles(world: &World) -> Vec<String> {
    let mut made: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for edit in &world.remotes.edits {
        let ours = matches!(edit.by, By::Us { .. });
        if ours && edit.born && edit.field == "Intercom_Contact_ID__c" {
            let rows = made.entry(&edit.new).or_default();
            rows.retain(|row| !is_deleted_by(world, row, edit.at));
            rows.insert(&edit.record);
        }
    }
    let doubled = made.into_iter().filter(|(_, rows)| rows.len() > 1);
    doubled
        .map(|(contact, rows)| format!("{contact} was made {} Leads", rows.len()))
        .collect()
}

fn is_deleted_by(world: &World, row: &str, at: i64) -> bool {
    let mut edits = world.remotes.edits.iter();
    edits.any(|edit| {
        let deleted = edit.field == "IsDeleted" && edit.new == "true";
        edit.record == row && deleted && edit.at <= at
    })
}

/// No row has two contacts of our making. One that left before the other was made does not count.
fn doubled_contacts(world: &World) -> Vec<String> {
    let mut made: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for edit in &world.remotes.edits {
        if matches!(edit.by, By::Us { .. }) && edit.born && edit.field == MARKER {
            let contacts = made.entry(&edit.new).or_default();
            contacts.retain(|contact| !has_left(world, contact, edit.at));
            contacts.insert(&edit.record);
        }
    }
    let doubled = made
        .into_iter()
        .filter(|(row, contacts)| !row.is_empty() && contacts.len() > 1);
    doubled
        .map(|(row, contacts)| format!("{row} was made {} contacts", contacts.len()))
        .collect()
}

fn has_left(world: &World, contact: &str, at: i64) -> bool {
    let mut edits = world.remotes.edits.iter();
    edits.any(|edit| {
        edit.record == contact && edit.field == "state" && edit.new != "active" && edit.at <= at
    })
}

/// Whoever a rep entered is in Intercom at the end, or a person was asked.
fn left_out(world: &World) -> Vec<String> {
    let mut failures = Vec::new();
    if !world.outward {
        return failures;
    }
    let kin = kin(world);
    for (id, row) in &world.remotes.rows {
        let alone = BTreeSet::from([id.clone()]);
        let group = kin.get(id).unwrap_or(&alone);
        let is_there = |other: &String| world.remotes.contacts.contains_key(other);
        let entered = row["LastName"].starts_with("Byron") && is_live(row);
        let reviews = world.pipeline.reviews();
        let asked = reviews.iter().any(|(record, _)| group.contains(record));
        // Whom another one of the same address stands for is no case of its own.
        if entered && !asked && !group.iter().any(is_there) && made_from(world, group).is_none() {
            failures.push(format!("{id} was entered and is not in Intercom"));
        }
    }
    failures
}

fn made_from<'w>(world: &'w World, rows: &BTreeSet<String>) -> Option<&'w str> {
    let edits = world.remotes.edits.iter();
    let mut made = edits.filter(|edit| edit.field == MARKER && rows.contains(&edit.new));
    made.next().map(|edit| edit.record.as_str())
}

/// Invariant 3: nothing we wrote was thought up by us.
fn invented(world: &World) -> Vec<String> {
    let mut failures = Vec::new();
    for edit in &world.remotes.edits {
        let Some((left, right, _)) = BOTH_WAYS
            .into_iter()
            .find(|(left, right, _)| *left == edit.field || *right == edit.field)
        else {
            continue;
        };
        if !matches!(edit.by, By::Us { .. }) || matches!(edit.new.as_str(), "" | "false" | "true") {
            continue;
        }
        let said = world.remotes.edits.iter().any(|other| {
            !matches!(other.by, By::Us { .. })
                && other.at <= edit.at
                && (other.field == left || other.field == right)
                && same_form(&other.new, &edit.new)
        });
        if !said {
            failures.push(format!(
                "3: {} {} = {:?} was said by nobody",
                edit.record, edit.field, edit.new
            ));
        }
    }
    failures
}

/// The contact that a lead of ours became carries the key, unless another one had it.
fn unfollowed_conversions(world: &World) -> Vec<String> {
    let mut failures = Vec::new();
    let kin = kin(world);
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
        let reviews = world.pipeline.reviews();
        let concerns = |record: &String| {
            record == key || *record == lead["ConvertedContactId"] || group.contains(record)
        };
        let asked = reviews.iter().any(|(record, _)| concerns(record));
        if contact["Intercom_Contact_ID__c"].is_empty()
            && contact["IsDeleted"] == "false"
            && !taken
            && !asked
        {
            failures.push(format!("{id} was converted and its contact has no key"));
        }
    }
    failures
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
