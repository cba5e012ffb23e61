//! The judge of sets, of days, and of companies.

use std::collections::BTreeSet;

use crate::sim::checker::told;
use crate::sim::checker::{
    APART_MS, Pair, Verdict, is_asked, is_first_seen_late, is_kept_from_first_link,
};
use crate::sim::crossing::elements;
use crate::sim::history::{By, Edit};
use crate::sim::world::World;

const SET: (&str, &str) = ("custom_attributes.interests", "EmailBouncedReason");
const DAY: (&str, &str) = ("custom_attributes.trial_ends", "MobilePhone");
/// Of the zone in which days are meant: half past five, all year.
const ZONE_S: i64 = 19_800;
const DAY_S: i64 = 86_400;
/// Sites that everybody's mail comes from.
const EVERYBODYS: [&str; 2] = ["gmail.com", "yahoo.com"];

pub(super) fn check(world: &World, pair: &Pair<'_>, verdict: &mut Verdict) {
    if is_asked(world, pair) {
        return;
    }
    let why = set(world, pair);
    verdict.expect(why.map(|why| told(world, &pair.kin, &[SET.0, SET.1], &why)));
    let why = day(world, pair);
    verdict.expect(why.map(|why| told(world, &pair.kin, &[DAY.0, DAY.1], &why)));
}

/// Both hold the same elements; where the row was made of the contact, those that somebody added
/// and nobody took away since.
fn set(world: &World, pair: &Pair<'_>) -> Option<String> {
    let (left, right) = (elements(&pair.ours[SET.0]), elements(&pair.theirs[SET.1]));
    let edits = world.remotes.edits.iter();
    let of_pair = edits.filter(|edit| pair.kin.contains(&edit.record));
    let by_people = of_pair.filter(|edit| !matches!(edit.by, By::Us { .. }));
    let edits: Vec<&Edit> = by_people
        .filter(|edit| edit.field == SET.0 || edit.field == SET.1)
        .collect();
    if left != right {
        let kept = is_kept_from_first_link(world, pair, &edits, SET)
            || is_first_seen_late(world, pair, &edits, SET.1);
        return (!kept).then(|| format!("5: {left:?} there and {right:?} here, unasked"));
    }
    let simple = pair
        .kin
        .iter()
        .all(|record| record == pair.contact || record == pair.row);
    let mut born = world.remotes.edits.iter();
    let ours =
        born.any(|edit| edit.record == pair.row && edit.born && matches!(edit.by, By::Us { .. }));
    if !simple || !ours {
        return None;
    }
    let mut expected = BTreeSet::new();
    for edit in &edits {
        let (before, after) = (elements(&edit.old), elements(&edit.new));
        expected.extend(after.difference(&before).cloned());
        for gone in before.difference(&after) {
            expected.remove(gone);
        }
    }
    let mut apart = expected.symmetric_difference(&left);
    let wrong = apart.any(|value| !has_crossed(world, &edits, value));
    wrong.then(|| format!("3: both hold {left:?}, people made it {expected:?}"))
}

/// Whether one side took a value away that the other side had added shortly before, of which it did
/// not know: an agent adds a value, a rep adds the same, and the agent thinks better of it. The
/// agent took back the own word and not the rep's, so that the value may stay; where the agent's
/// two words were told one by one, it may go.
fn has_crossed(world: &World, edits: &[&Edit], value: &str) -> bool {
    let has = |text: &str| elements(text).contains(value);
    let adds = |edit: &Edit| !has(&edit.old) && has(&edit.new);
    let takes = |edit: &Edit| has(&edit.old) && !has(&edit.new);
    edits.iter().filter(|edit| takes(edit)).any(|taken| {
        let crossed = |added: &&&Edit| {
            let gap = taken.at - added.at;
            adds(added) && added.side != taken.side && (0..=APART_MS).contains(&gap)
        };
        edits.iter().filter(crossed).any(|added| {
            let told = |edit: &&Edit| {
                let between = edit.at >= added.at && edit.at <= taken.at;
                let there = edit.record == taken.record && edit.field == taken.field;
                between && there && matches!(edit.by, By::Us { .. }) && adds(edit)
            };
            !world.remotes.edits.iter().any(|edit| told(&edit))
        })
    })
}

/// The row shows the day on which a moment lies in the mapping's zone. Of several contacts of one
/// person another one may have said another day.
fn day(world: &World, pair: &Pair<'_>) -> Option<String> {
    let mut edits = world.remotes.edits.iter();
    let others = |edit: &Edit| edit.record != pair.contact && pair.kin.contains(&edit.record);
    if edits.any(|edit| edit.field == DAY.0 && others(edit)) {
        return None;
    }
    let at: i64 = pair.ours[DAY.0].parse().ok()?;
    let day = civil((at + ZONE_S).div_euclid(DAY_S));
    let shown = &pair.theirs[DAY.1];
    (*shown != day).then(|| format!("5: {at} is {day} and the row shows {shown:?}"))
}

/// A day of the Gregorian calendar, counted from 1970.
fn civil(days: i64) -> String {
    let (mut year, mut left) = (1970, days);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = |year| if leap(year) { 366 } else { 365 };
    while left >= length(year) {
        left -= length(year);
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= months[month] {
        left -= months[month];
        month += 1;
    }
    format!("{year:04}-{:02}-{:02}", month + 1, left + 1)
}

/// Nobody is one company for the sake of a site that is everybody's.
pub(super) fn companies(world: &World, verdict: &mut Verdict) {
    let sites = &world.remotes.sites;
    for (customer, records) in world.pipeline.customers() {
        let of = |object: &str| {
            let of = records.iter().filter(|one| one.object.as_str() == object);
            of.filter_map(|one| sites.get(one.id.as_str()))
                .collect::<Vec<_>>()
        };
        let (companies, accounts) = (of("company"), of("Account"));
        let is_everybodys = |site: &&&String| EVERYBODYS.iter().any(|one| site.ends_with(*one));
        let joined = companies.iter().chain(&accounts).find(is_everybodys);
        let joined = joined.filter(|_| !companies.is_empty() && !accounts.is_empty());
        verdict.holds(joined.is_none(), || {
            format!("{customer} joins a company and an account by {joined:?}")
        });
    }
}
