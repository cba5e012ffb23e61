//! The judge of those whom an operator has taken apart: each side holds what was said there.

use std::collections::BTreeSet;

use crate::sim::checker::{APART_MS, BOTH_WAYS, Kin, Policy, Verdict, is_live, told};
use crate::sim::history::{By, Edit};
use crate::sim::remotes::same_form;
use crate::sim::world::World;

const KEY: &str = "Intercom_Contact_ID__c";
const NAMED: &str = "custom_attributes.SALESFORCE_ID";

/// Whether an operator ever said that these two are not the same.
pub fn were_parted(world: &World, contact: &str, row: &str) -> bool {
    let mut words = world.operator.words.iter();
    words.any(|word| !word.same && word.contact == contact && word.row == row)
}

pub fn check(world: &World, kin: &Kin, verdict: &mut Verdict) {
    if world.operator.words.is_empty() {
        return;
    }
    let customers = world.pipeline.customers();
    let is_one = |contact: &str, row: &str| {
        customers.values().any(|records| {
            let has = |id: &str| records.iter().any(|record| record.id == id);
            has(contact) && has(row)
        })
    };
    let pairs: BTreeSet<(&str, &str)> = {
        let words = world.operator.words.iter().filter(|word| !word.same);
        words
            .map(|word| (word.contact.as_str(), word.row.as_str()))
            .collect()
    };
    for (contact, row) in pairs {
        let (Some(ours), Some(theirs)) = (
            world.remotes.contacts.get(contact),
            world.remotes.rows.get(row),
        ) else {
            continue;
        };
        let both = BTreeSet::from([contact.to_owned(), row.to_owned()]);
        let group = kin.get(contact).unwrap_or(&both);
        let asked = world.asked().iter().any(|record| group.contains(record));
        if !is_live(theirs) || ours["state"] != "active" || is_one(contact, row) || asked {
            continue;
        }
        // What a merge in Intercom brought along is not ours to take away.
        let named = world.remotes.edits.iter().rev();
        let mut named = named.filter(|edit| edit.record == contact && edit.field == NAMED);
        let is_ours = named
            .next()
            .is_none_or(|edit| matches!(edit.by, By::Us { .. }));
        let names = is_ours && ours[NAMED] == row;
        verdict.holds(theirs[KEY] != contact && !names, || {
            let why = format!("they were taken apart and {row} and {contact} name each other");
            told(world, group, &[KEY, NAMED], &why)
        });
        if !group.iter().all(|record| both.contains(record)) {
            continue;
        }
        for (left, right, policy) in BOTH_WAYS {
            for (record, shown, field) in [(contact, ours, left), (row, theirs, right)] {
                let why = foreign(world, (record, field), &shown[field], policy);
                verdict.expect(why.map(|why| told(world, group, &[left, right, KEY], &why)));
            }
        }
    }
}

/// A value that stands where nobody but us has put it.
fn foreign(
    world: &World,
    (record, field): (&str, &str),
    stands: &str,
    policy: Policy,
) -> Option<String> {
    let plain = |value: &str| match value {
        "" if policy == Policy::Restrictive => "false".to_owned(),
        value => value.to_owned(),
    };
    let edits: Vec<&Edit> = world
        .remotes
        .edits
        .iter()
        .filter(|edit| edit.record == record && edit.field == field)
        .collect();
    // A form that the org gives to what we write says nothing of its own.
    let echoes = |place: usize| {
        edits[place].by == By::Automation
            && place > 0
            && matches!(edits[place - 1].by, By::Us { .. })
            && same_form(&edits[place].new, &edits[place - 1].new)
    };
    let own = |place: &usize| {
        let edit = edits[*place];
        edit.born || (!matches!(edit.by, By::Us { .. }) && !echoes(*place))
    };
    let said: Vec<usize> = (0..edits.len()).filter(own).collect();
    let Some(last) = said.last() else {
        let blank = plain(stands) == plain("");
        return (!blank)
            .then(|| format!("{record} {field} is {stands:?}, which nobody said there"));
    };
    let is = |place: &usize| same_form(&plain(&edits[*place].new), &plain(stands));
    // What was said just before we wrote over it may have been seen by nobody.
    let replaced = edits[last + 1..].first();
    let unseen = replaced.is_some_and(|next| next.at - edits[*last].at <= APART_MS);
    let holds = is(last) || (unseen && (said.iter().any(is) || plain(stands) == plain("")));
    (!holds).then(|| {
        format!(
            "{record} {field} is {stands:?}, and {:?} was said there",
            edits[*last].new
        )
    })
}
