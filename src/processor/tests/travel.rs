//! Time travel: the view as it was at any moment, and the events that made it so.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::both::stage::{ADA, BOTH, Pair, TITLE};
use super::past_log::PastLog;
use super::snapshots::Kept;
use super::splitting::{apart, is_one, joined, say};
use super::world::*;
use crate::domain::view::ViewRead;
use crate::domain::{
    Change, JournalEntry, JournalKey, ObservationBody, RecordRef, ReviewAnswer, ReviewId,
    Timestamp, Topic, ViewKey, Writer,
};
use crate::ports::event_log::EventLog;
use crate::ports::view_snapshots::{Stands, ViewSnapshots};
use crate::ports::view_store::MemoryStore;
use crate::processor::evolve::evolve;
use crate::processor::overlay::Overlay;
use crate::processor::queries;
use crate::processor::snapshot::journal_below;
use crate::processor::travel::history::{Historian, Page, Step, Subject};
use crate::processor::travel::replay::{Replay, Until, Unwatched, Watch, stands};
use crate::processor::view::View;

/// A pair that is joined, changed by both sides, taken apart and joined again, and a second
/// contact that comes to it and merges with the first.
fn story() -> Pair {
    let mut pair = joined(&[("phone", "+14155550111")], &[("Title", "Countess")]);
    let (contact_one, lead_record) = (pair.contact.clone(), pair.lead.clone());
    let out = pair.webhook(60_000, &[("phone", "+14155550133")]);
    pair.settle(out, 61);
    let out = pair.event(70, Writer::Foreign, &[("Title", "Poet")]);
    pair.settle(out, 71);
    let out = pair
        .world
        .show(lead("c2", 75_000, &[("email", "other@example.com")]));
    pair.settle(out, 76);
    apart(&mut pair);
    let out = say(&mut pair, &lead_record, &contact_one, true);
    pair.settle(out, 304);
    let survivor = pair.shown(400_000, &[]);
    let out = pair.world.change(Change::Merged {
        survivor,
        absorbed: Some(contact("c2")),
    });
    pair.settle(out, 401);
    pair
}

/// The view that the first so many entries give, each folded by hand.
fn folded(journal: &[JournalEntry]) -> View {
    let mut view = View::open(Box::new(MemoryStore::default())).unwrap();
    for (offset, entry) in journal.iter().enumerate() {
        let mut overlay = Overlay::new(&view);
        evolve(&mut overlay, entry);
        let changes = overlay.into_changes();
        view.apply(changes, offset as u64 + 1);
    }
    view
}

fn log_of(world: &World) -> Arc<dyn EventLog> {
    PastLog::of(world).shared()
}

fn replay<'a>(
    log: &'a Arc<dyn EventLog>,
    bridge: &'a crate::domain::BridgeId,
    until: Until,
) -> Replay<'a> {
    let end = log.bounds(super::past_log::journal()).unwrap().end;
    Replay {
        log,
        partition: 0,
        bridge,
        until,
        end,
    }
}

fn at(world: &World, until: Until) -> View {
    let (log, bridge) = (log_of(world), bridge());
    let replay = replay(&log, &bridge, until);
    let mut view = replay.begin(None).unwrap();
    replay.run(&mut view, &mut Unwatched).unwrap();
    view
}

fn is_of_bridge(entry: &JournalEntry) -> bool {
    matches!(entry.key, JournalKey::Bridge(_))
}

#[test]
fn the_view_at_a_moment_is_what_it_was_then() {
    let pair = story();
    let journal = &pair.world.journal;
    for offset in 0..journal.len() {
        let then = folded(&journal[..=offset]);
        let by_offset = at(&pair.world, Until::Offset(offset as u64));
        assert_eq!(by_offset.digest(), then.digest(), "@{offset}");
        assert_eq!(by_offset.journal_offset(), offset as u64 + 1);
        let entry = &journal[offset];
        if !is_of_bridge(entry) {
            continue;
        }
        let shown = |view: &View| queries::explain(view, &bridge(), ADA);
        let by_sequence = at(&pair.world, Until::Sequence(entry.sequence));
        assert_eq!(shown(&by_sequence), shown(&then), "#{}", entry.sequence);
        assert_eq!(
            stands(&by_sequence, &bridge()),
            Some((entry.sequence, entry.at))
        );
        // All that was decided in that millisecond belongs to it, nothing later.
        let last = journal
            .iter()
            .rposition(|one| is_of_bridge(one) && one.at <= entry.at);
        let then = folded(&journal[..=last.unwrap()]);
        let by_time = at(&pair.world, Until::Time(entry.at));
        assert_eq!(shown(&by_time), shown(&then), "{:?}", entry.at);
    }
    let before = at(&pair.world, Until::Time(Timestamp(1)));
    assert_eq!(stands(&before, &bridge()), None);
    let now = at(&pair.world, Until::Now);
    assert_eq!(now.digest(), pair.world.view.digest());
}

/// Counts what is folded.
struct Counted(u64);

impl Watch for Counted {
    fn before(&mut self, _: &View, _: u64, _: &JournalEntry) -> bool {
        self.0 += 1;
        true
    }
}

#[test]
fn the_nearest_snapshot_that_holds_nothing_later_is_begun_with() {
    let pair = story();
    let (log, id) = (log_of(&pair.world), bridge());
    let journal = &pair.world.journal;
    let kept = Kept::default();
    let half = journal.len() / 2;
    for offset in [half, journal.len()] {
        let mut view = folded(&journal[..offset]);
        view.checkpoint().unwrap();
        let stands = Stands {
            standing: view.standing(),
            journal: journal_below(log.as_ref(), 0, offset as u64).unwrap(),
        };
        view.begin_snapshot(kept.begin(0, &stands).unwrap());
        view.copy_on(100_000).unwrap().unwrap().finish().unwrap();
    }
    let sequence_at = |offset: usize| {
        let known = journal[..=offset].iter().rfind(|entry| is_of_bridge(entry));
        known.unwrap().clone()
    };
    for (offset, begins_at) in [
        (half / 2, 0),
        (half + 20, half),
        (journal.len() - 1, journal.len()),
    ] {
        let entry = sequence_at(offset);
        for until in [
            Until::Offset(offset as u64),
            Until::Sequence(entry.sequence),
            Until::Time(entry.at),
        ] {
            let replay = replay(&log, &id, until);
            let mut view = replay.begin(Some(&kept)).unwrap();
            assert_eq!(view.journal_offset(), begins_at as u64, "{until:?}");
            let mut folded = Counted(0);
            replay.run(&mut view, &mut folded).unwrap();
            assert!(folded.0 <= (journal.len() - begins_at) as u64);
            let shown = |view: &View| queries::identity(view, &id, None, ADA);
            assert_eq!(shown(&view), shown(&at(&pair.world, until)), "{until:?}");
        }
    }
}

fn history_of(world: &World, subject: &Subject, page: &Page) -> (Vec<Step>, bool) {
    let (log, bridge) = (log_of(world), bridge());
    let replay = replay(&log, &bridge, Until::Now);
    let mut view = replay.begin(None).unwrap();
    let mut historian = Historian::new(&bridge, subject, page);
    replay.run(&mut view, &mut historian).unwrap();
    (historian.steps, historian.more)
}

fn subject(world: &World, query: &str) -> Subject {
    let sources = &world.offer.sources;
    let found = Subject::find(&world.view, &bridge(), Some(sources), query);
    assert!(!found.is_empty(), "{query}");
    found
}

fn all() -> Page {
    Page {
        limit: 10_000,
        ..Page::default()
    }
}

fn names(steps: &[Step]) -> Vec<&'static str> {
    steps.iter().map(|step| step.entry.event.name()).collect()
}

/// Every change of an aggregate that holds one of the records, found by comparing the aggregates.
fn really_changed(world: &World, records: &[RecordRef]) -> Vec<u64> {
    let held = |view: &View| -> Vec<_> {
        let ids = records
            .iter()
            .filter_map(|record| crate::domain::view::customer_id_of(view, &bridge(), record));
        let ids: std::collections::BTreeSet<_> = ids.collect();
        let entries = ids
            .iter()
            .map(|id| view.get(&ViewKey::customer(&bridge(), id)));
        entries.collect()
    };
    let mut view = folded(&[]);
    let mut changed = Vec::new();
    for entry in &world.journal {
        let before = held(&view);
        let mut overlay = Overlay::new(&view);
        evolve(&mut overlay, entry);
        let changes = overlay.into_changes();
        view.apply(changes, 0);
        if is_of_bridge(entry) && held(&view) != before {
            changed.push(entry.sequence);
        }
    }
    changed
}

#[test]
fn a_history_has_every_event_that_changed_the_customer() {
    let mut pair = story();
    // And one with which nobody of the story has to do.
    pair.world
        .show(lead("c9", 500_000, &[("email", "stranger@example.com")]));
    let found = subject(&pair.world, ADA);
    let records: Vec<RecordRef> = found.records.iter().cloned().collect();
    assert_eq!(records.len(), 3, "{records:?}");
    let (steps, more) = history_of(&pair.world, &found, &all());
    assert!(!more);
    let listed: Vec<u64> = steps.iter().map(|step| step.entry.sequence).collect();
    for sequence in really_changed(&pair.world, &records) {
        assert!(listed.contains(&sequence), "#{sequence} is not listed");
    }
    assert!(listed.is_sorted());
    for name in [
        "record_linked",
        "records_unlinked",
        "field_agreed",
        "write_settled",
    ] {
        assert!(names(&steps).contains(&name), "{name}");
    }
    let stranger = subject(&pair.world, "stranger@example.com");
    let (steps, _) = history_of(&pair.world, &stranger, &all());
    let strangers: Vec<u64> = steps.iter().map(|step| step.entry.sequence).collect();
    assert!(!strangers.is_empty());
    assert!(strangers.iter().all(|sequence| !listed.contains(sequence)));
}

fn changes_of(steps: &[Step], what: &str, name: &str) -> Vec<(Json, Json)> {
    let changes = steps.iter().flat_map(|step| &step.changes);
    let wanted = changes.filter(|change| change["what"] == what && change["name"] == name);
    let values = wanted.map(|change| (change["before"].clone(), change["after"].clone()));
    values.collect()
}

#[test]
fn a_history_says_what_each_value_was_before() {
    let pair = story();
    let found = subject(&pair.world, ADA);
    let (steps, _) = history_of(&pair.world, &found, &all());
    let titles = changes_of(&steps, "decided", TITLE);
    assert_eq!(titles[0], (Json::Null, json!("Countess")));
    assert_eq!(titles[1], (json!("Countess"), json!("Poet")));
    let seen = changes_of(&steps, "seen", "Phone");
    assert_eq!(seen[0], (Json::Null, json!("+14155550111")));
    assert_eq!(seen[1], (json!("+14155550111"), json!("+14155550133")));
    // A link says which customer each record was of.
    let linked = steps
        .iter()
        .find(|step| step.entry.event.name() == "record_linked");
    let moved = &linked.unwrap().changes;
    let moved = moved
        .iter()
        .find(|change| change["what"] == "customer")
        .unwrap();
    assert!(
        moved["before"].is_string() && moved["before"] != moved["after"],
        "{moved}"
    );
    // Only what changed a field, where one is asked for.
    let page = Page {
        field: Some("Phone".to_owned()),
        ..all()
    };
    let (of_phone, _) = history_of(&pair.world, &found, &page);
    assert!(of_phone.len() > 1 && of_phone.len() < steps.len());
    for step in &of_phone {
        assert!(step.changes.iter().any(|change| change["name"] == "Phone"));
    }
}

#[test]
fn a_customer_is_found_under_an_alias_with_what_was_before_the_merge() {
    let pair = story();
    let absorbed = contact("c2");
    let first_of_c2 = pair.world.journal.iter().find(|entry| match &entry.event {
        crate::domain::journal::DomainEvent::CustomerFounded { record, .. } => *record == absorbed,
        _ => false,
    });
    let founding = first_of_c2.unwrap();
    let alias = crate::domain::CustomerId::founded_at(&bridge(), founding.sequence);
    let kept = pair.world.customer(&pair.contact).id;
    assert_ne!(alias, kept);
    assert!(is_one(&pair.world, &pair.contact, &absorbed));
    let found = subject(&pair.world, &alias.to_string());
    assert!(found.customers.contains(&kept) && found.customers.contains(&alias));
    let (steps, _) = history_of(&pair.world, &found, &all());
    let sequences: Vec<u64> = steps.iter().map(|step| step.entry.sequence).collect();
    assert!(sequences.contains(&founding.sequence), "{sequences:?}");
    // The address leads there too, and its own past is the same.
    let (by_address, _) = history_of(&pair.world, &subject(&pair.world, ADA), &all());
    let by_address: Vec<u64> = by_address.iter().map(|step| step.entry.sequence).collect();
    assert_eq!(by_address, sequences);
}

#[test]
fn after_a_split_each_side_has_the_common_past_and_its_own_future() {
    let mut pair = joined(&[], &[]);
    let (contact_one, lead_record) = (pair.contact.clone(), pair.lead.clone());
    apart(&mut pair);
    let out = pair.event(300, Writer::Foreign, &[("Title", "Poet")]);
    pair.settle(out, 301);
    let of = |record: &RecordRef| {
        let found = subject(&pair.world, &record.to_string());
        let (steps, _) = history_of(&pair.world, &found, &all());
        (names(&steps), changes_of(&steps, "seen", "Title"))
    };
    let ((leads, poet), (contacts, nothing)) = (of(&lead_record), of(&contact_one));
    for names in [&leads, &contacts] {
        assert!(names.contains(&"record_linked") && names.contains(&"records_unlinked"));
    }
    assert_eq!(poet, [(Json::Null, json!("Poet"))]);
    assert_eq!(nothing, []);
}

#[test]
fn pages_of_a_history_are_the_history() {
    let pair = story();
    let found = subject(&pair.world, ADA);
    let (whole, _) = history_of(&pair.world, &found, &all());
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = Page {
            after,
            limit: 5,
            field: None,
        };
        let (steps, more) = history_of(&pair.world, &found, &page);
        assert!(steps.len() <= 5);
        paged.extend(
            steps
                .iter()
                .map(|step| (step.entry.sequence, step.changes.clone())),
        );
        match more {
            true => after = steps.last().map(|step| step.entry.sequence),
            false => break,
        }
    }
    let whole = whole
        .iter()
        .map(|step| (step.entry.sequence, step.changes.clone()));
    assert_eq!(paged, whole.collect::<Vec<_>>());
}

/// The answers to "why is it alone?" of a record.
fn nearest(world: &World, query: &str) -> Vec<Json> {
    let answer = queries::explain_at_leisure(&world.view, &bridge(), query);
    let records = answer["customers"][0]["records"]
        .as_array()
        .unwrap()
        .clone();
    let why = &records[0]["not_linked_because"]["nearest"];
    why.as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

fn rule<'a>(candidate: &'a Json, name: &str) -> &'a Json {
    let mut rules = candidate["rules"].as_array().unwrap().iter();
    rules.find(|rule| rule["rule"] == name).unwrap()
}

#[test]
fn whoever_came_nearest_is_named_with_the_rule_that_failed() {
    let mut pair = joined(&[], &[]);
    // A slip in the address.
    pair.world
        .show(lead("c3", 20_000, &[("email", "ada@exmaple.com")]));
    let near = nearest(&pair.world, "c3");
    assert_eq!(near.len(), 1, "{near:?}");
    assert_eq!(near[0]["record"], pair.lead.to_string());
    let email = rule(&near[0], "Email");
    assert_eq!(email["verdict"], "they differ");
    assert_eq!(
        (&email["own"], &email["candidate"]),
        (&json!("ada@exmaple.com"), &json!(ADA))
    );
    let because = near[0]["because"].as_str().unwrap();
    assert!(
        because.contains("linked to support/contact/c1 already"),
        "{because}"
    );
    // A process that has others to serve looks at those only who share an identifier.
    let quick = queries::explain(&pair.world.view, &bridge(), "c3");
    let why = &quick["customers"][0]["records"][0]["not_linked_because"];
    assert_eq!(why["nearest"], json!([]));
    // Whom a person keeps apart.
    apart(&mut pair);
    let near = nearest(&pair.world, "c1");
    assert_eq!(near[0]["record"], pair.lead.to_string());
    assert_eq!(rule(&near[0], "Email")["verdict"], "they are the same");
    assert_eq!(
        near[0]["because"],
        "a person said that they are not the same"
    );
    // A stranger is near to nobody.
    pair.world
        .show(lead("c4", 30_000, &[("email", "stranger@example.com")]));
    assert_eq!(nearest(&pair.world, "c4"), Vec::<Json>::new());
}

#[test]
fn what_waits_for_a_person_is_in_the_history_of_everybody_it_names() {
    let mut world = World::with_mapping(BOTH);
    let look = world.qualify(lead(
        "c1",
        1000,
        &[("email", ADA), ("name", "Ada Lovelace")],
    ));
    let rows = ["003000000000001AAA", "003000000000002AAA"];
    let rows = rows.map(|id| row("Contact", id, 1, &[("Email", ADA), ("LastName", "King")]));
    world.answer(&look[0], found(&rows));
    let items = queries::reviews(&world.view, &bridge(), 10);
    let review = ReviewId::parse(items[0]["review"].as_str().unwrap()).unwrap();
    let answer = ReviewAnswer::Dismiss;
    let by = "ann".to_owned();
    world.take(
        Topic::Decisions,
        ObservationBody::ReviewAnswered { review, answer, by },
    );
    let (steps, _) = history_of(&world, &subject(&world, "c1"), &all());
    for name in [
        "review_opened",
        "review_answered",
        "review_closed",
        "read_settled",
    ] {
        assert!(names(&steps).contains(&name), "{name}: {:?}", names(&steps));
    }
    let opened = steps
        .iter()
        .find(|step| step.entry.event.name() == "review_opened");
    let stands = opened
        .unwrap()
        .changes
        .iter()
        .find(|change| change["what"] == "stands");
    let after = &stands.unwrap()["after"];
    assert_eq!(after["in_review"], review.to_string());
    assert_eq!(opened.unwrap().mapping, Some(1));
}
