//! What we wrote: not too often, not over what we had not seen, and nothing of our own invention.

use std::collections::{BTreeMap, BTreeSet};

use crate::sim::checker::{BOTH_WAYS, Kin, Verdict, told};
use crate::sim::history::By;
use crate::sim::remotes::same_form;
use crate::sim::world::World;

pub fn check(world: &World, kin: &Kin, verdict: &mut Verdict) {
    too_many(world, kin, verdict);
    blind_repeats(world, verdict);
    invented(world, verdict);
}

/// Invariant 2: writes of a field are bounded by what others did to it.
fn too_many(world: &World, kin: &Kin, verdict: &mut Verdict) {
    let mut ours: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for edit in &world.remotes.edits {
        if matches!(edit.by, By::Us { .. }) {
            *ours.entry((&edit.record, &edit.field)).or_default() += 1;
        }
    }
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
        // that become one customer bring a value each, once, and take it back when they part.
        let words = world.operator.words.iter().filter(|word| {
            group.is_some_and(|group| group.contains(&word.contact) || group.contains(&word.row))
        });
        let bound = others.count() + 1 + words.count();
        verdict.holds(writes <= bound, || {
            let why = format!("2: {record} {field}: {writes} writes, {bound} explained");
            let alone = BTreeSet::from([record.to_owned()]);
            told(world, group.unwrap_or(&alone), &[left, right], &why)
        });
    }
}

/// Invariant 4: a repeat that saw a foreign value must not write.
fn blind_repeats(world: &World, verdict: &mut Verdict) {
    for edit in &world.remotes.edits {
        let By::Us { command, repeat } = &edit.by else {
            continue;
        };
        let looks = world.repeats.iter().filter(|look| {
            look.record == edit.record
                && look.at <= edit.at
                && look.field.starts_with(command.as_str())
        });
        let Some(at) = looks.clone().map(|look| look.at).max() else {
            verdict.holds(edit.born || !repeat, || {
                format!("4: {} {} was written again unseen", edit.record, edit.field)
            });
            continue;
        };
        for look in looks.filter(|look| look.at == at) {
            let plain = |value: &str| if value == "false" { "" } else { value }.to_owned();
            let (shown, expected) = (plain(&look.shown), plain(&look.expected));
            let known = same_form(&shown, &expected) || same_form(&shown, &plain(&look.target));
            verdict.holds(known, || {
                format!(
                    "4: {} {} was {:?}, neither {:?} nor {:?}, and was written",
                    look.record, look.field, look.shown, look.expected, look.target
                )
            });
        }
    }
}

/// Invariant 3: nothing we wrote was thought up by us.
fn invented(world: &World, verdict: &mut Verdict) {
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
        verdict.holds(said, || {
            format!(
                "3: {} {} = {:?} was said by nobody",
                edit.record, edit.field, edit.new
            )
        });
    }
}
