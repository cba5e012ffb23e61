//! What a row of a sweep means: something was lost, or nothing was.

use super::both::stage::{ADA, Pair, TITLE, texts, writes_to};
use super::walks::changed;
use super::world::*;
use crate::domain::journal::DomainEvent as E;
use crate::domain::record::Gone;
use crate::domain::{Change, Command, EventKind, Message, Outcome, RecordRef};
use crate::domain::{RecordSnapshot, SourceId, Timestamp, Value, Version, Writer};

fn told(pair: &mut Pair, source: SourceId, change: Change) -> Vec<Command> {
    changed(&mut pair.world, source, change)
}

fn swept(pair: &mut Pair, row: RecordSnapshot) -> Vec<Command> {
    let source = row.record.source.clone();
    told(pair, source, Change::Swept(row))
}

/// The lead as a query shows it.
fn lead_row(pair: &Pair, second: i64, fields: &[(&str, &str)]) -> RecordSnapshot {
    let mut shown = pair.fields_of(&pair.lead);
    shown.extend(texts(fields));
    RecordSnapshot {
        record: pair.lead.clone(),
        version: Version::second(second),
        fields: shown,
        tags: None,
        companies: None,
    }
}

fn healed(pair: &Pair) -> Vec<(RecordRef, Vec<String>)> {
    let entries = pair.world.journal.iter();
    let of = |event: &E| match event {
        E::RecordHealed { record, fields } => {
            let fields = fields.iter().map(ToString::to_string).collect();
            Some((record.clone(), fields))
        }
        _ => None,
    };
    entries.filter_map(|entry| of(&entry.event)).collect()
}

/// The report of the org's sweep: what it healed, and whether anybody is told.
fn report(pair: &mut Pair, run: u64) -> (u64, bool) {
    let change = Change::SweepEnded {
        run,
        since: Timestamp(0),
        until: Timestamp(1_000),
        compared: 7,
    };
    told(pair, sales(), change);
    let last = pair.world.journal.iter().rev();
    let mut last = last.filter_map(|entry| match entry.event {
        E::SweepEnded { healed, .. } => Some(healed),
        _ => None,
    });
    let healed = last.next().expect("the sweep was reported");
    let outputs = pair.world.last.outputs.iter();
    let mut outputs = outputs.filter_map(|one| one.message.as_ref());
    let notice =
        |one: &Message| matches!(one, Message::Notification(one) if one.kind == "sweep_ended");
    (healed, outputs.any(notice))
}

#[test]
fn a_row_brings_what_an_event_should_have_brought_and_is_counted() {
    let mut pair = Pair::new();
    let row = lead_row(&pair, 50, &[("Title", "Analyst")]);
    let out = swept(&mut pair, row.clone());
    let contact = pair.contact.clone();
    let write = writes_to(&out, &contact);
    assert_eq!(fields(write[0]), [(TITLE.to_owned(), "Analyst".to_owned())]);
    assert_eq!(healed(&pair), [(pair.lead.clone(), vec!["Title".into()])]);
    pair.settle(out, 51);
    assert_eq!(swept(&mut pair, row), vec![], "the same row again");
    assert_eq!(report(&mut pair, 1), (1, true));
    assert_eq!(report(&mut pair, 2), (0, false), "each is reported once");
    assert_eq!(pair.count("sweep_ended"), 2);
}

#[test]
fn a_row_that_shows_what_was_told_heals_nothing() {
    let mut pair = Pair::new();
    let more = pair.event(40, Writer::Foreign, &[("Title", "Analyst")]);
    pair.settle(more, 41);
    let row = lead_row(&pair, 40, &[]);
    assert_eq!(swept(&mut pair, row), vec![]);
    // Saved by something that the mapping does not read.
    let row = lead_row(&pair, 45, &[]);
    assert_eq!(swept(&mut pair, row), vec![]);
    // Read before a newer event was told.
    let more = pair.event(60, Writer::Foreign, &[("Title", "Chief")]);
    pair.settle(more, 61);
    let row = lead_row(&pair, 50, &[("Title", "Analyst")]);
    assert_eq!(swept(&mut pair, row), vec![]);
    assert_eq!(pair.decided(TITLE), Value::text("Chief"));
    assert_eq!(healed(&pair), []);
    assert_eq!(report(&mut pair, 1), (0, false));
}

#[test]
fn of_two_changes_in_one_second_a_read_tells() {
    let mut pair = Pair::new();
    let more = pair.event(40, Writer::Foreign, &[("Title", "Analyst")]);
    pair.settle(more, 41);
    let row = lead_row(&pair, 40, &[("Title", "Chief")]);
    let out = swept(&mut pair, row);
    assert!(out.len() == 1 && is_read_of(&out[0], &pair.lead), "{out:?}");
    assert_eq!(
        pair.decided(TITLE),
        Value::text("Analyst"),
        "it loses a tie"
    );
}

/// Found by the simulation: the event fell into a gap, and each sweep came beside a write of ours.
#[test]
fn what_ties_beside_our_own_write_is_read_behind_it() {
    let mut pair = Pair::new();
    let more = pair.event(40, Writer::Foreign, &[("Status", "Working")]);
    pair.settle(more, 41);
    let write = pair.webhook(50_000, &[(TITLE, "Countess")]);
    let lead = pair.lead.clone();
    let command = writes_to(&write, &lead)[0].clone();
    let row = lead_row(&pair, 40, &[("Status", "Closed")]);
    assert_eq!(swept(&mut pair, row), vec![]);
    let done = pair.outcome(&command, 51, &[("Title", "Countess")]);
    let out = pair.world.answer(&command, done);
    assert!(out.iter().any(|one| is_read_of(one, &lead)), "{out:?}");
}

#[test]
fn a_row_beside_our_own_write_waits_for_its_answer() {
    let mut pair = Pair::new();
    let write = pair.webhook(50_000, &[(TITLE, "Countess")]);
    let lead = pair.lead.clone();
    assert_eq!(writes_to(&write, &lead).len(), 1);
    let row = lead_row(&pair, 49, &[("Status", "Working")]);
    assert_eq!(swept(&mut pair, row), vec![]);
    assert_eq!(pair.count("observation_held"), 1);
}

#[test]
fn a_record_among_the_deleted_ones_is_gone() {
    let mut pair = Pair::new();
    let (record, at) = (pair.lead.clone(), Version::second(50));
    let gone = Change::SweptGone {
        record: record.clone(),
        at,
    };
    told(&mut pair, sales(), gone.clone());
    assert_eq!(pair.world.state(&record).gone, Some(Gone::Deleted));
    assert_eq!(healed(&pair), [(record.clone(), Vec::new())]);
    told(&mut pair, sales(), gone);
    assert_eq!(pair.count("record_left"), 1);
    // Restored, and nobody told of that either.
    let row = lead_row(&pair, 60, &[]);
    swept(&mut pair, row);
    assert_eq!(pair.world.state(&record).gone, None);
    assert_eq!(healed(&pair).len(), 2);
}

#[test]
fn a_deletion_that_was_undone_since_is_no_news() {
    let mut pair = Pair::new();
    let record = pair.lead.clone();
    pair.event_of(&record, EventKind::Deleted, 50, Writer::Foreign, texts(&[]));
    let all = pair.fields_of(&record);
    pair.event_of(&record, EventKind::Undeleted, 60, Writer::Foreign, all);
    let at = Version::second(50);
    let gone = Change::SweptGone {
        record: record.clone(),
        at,
    };
    told(&mut pair, sales(), gone);
    assert_eq!(pair.world.state(&record).gone, None);
    assert_eq!(healed(&pair), []);
}

#[test]
fn a_contact_that_was_merged_away_or_a_converted_lead_does_not_come_back() {
    let mut pair = Pair::new();
    let survivor = with_tag(lead("c2", 50_000, &[("email", ADA)]));
    let merged = Change::Merged {
        survivor,
        absorbed: Some(pair.contact.clone()),
    };
    told(&mut pair, support(), merged);
    let mut row = pair.shown(60_000, &[(TITLE, "Countess")]);
    row.version = Version::second(60);
    assert_eq!(swept(&mut pair, row), vec![]);
    let state = pair.world.state(&pair.contact);
    assert_eq!(state.gone, Some(Gone::Deleted));
    assert_eq!(healed(&pair), []);
}

#[test]
fn a_lead_that_was_converted_in_the_second_of_its_last_change_is_looked_at() {
    let mut pair = Pair::new();
    let more = pair.event(40, Writer::Foreign, &[("Title", "Analyst")]);
    pair.settle(more, 41);
    let write = pair.webhook(50_000, &[(TITLE, "Countess")]);
    let lead = pair.lead.clone();
    let write = write.into_iter().find(|one| one.source == sales()).unwrap();
    // As Salesforce refuses a write to a converted lead.
    let outcome = Outcome::NotFound {
        record: lead.clone(),
    };
    pair.world.answer(&write, outcome);
    assert_eq!(pair.world.state(&lead).gone, Some(Gone::NotFound));
    let row = lead_row(&pair, 40, &[("IsConverted", "true")]);
    let out = swept(&mut pair, row);
    assert!(out.iter().any(|one| is_read_of(one, &lead)), "{out:?}");
}

#[test]
fn a_person_whom_nobody_told_of_is_founded_and_found() {
    let mut pair = Pair::new();
    let there = row(
        "Contact",
        "003000000000001AAA",
        50,
        &[("Email", "bo@example.com"), ("LastName", "Bo")],
    );
    let record = there.record.clone();
    swept(&mut pair, there);
    assert_eq!(healed(&pair).len(), 1);
    let here = lead("c9", 60_000, &[("email", "bo@example.com"), ("name", "Bo")]);
    swept(&mut pair, here);
    assert_eq!(pair.world.customer(&record).records.len(), 2);
    assert_eq!(healed(&pair).len(), 2);
}
