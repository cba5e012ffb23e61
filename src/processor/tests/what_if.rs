//! What another mapping would have done: the same one nothing else, another one exactly this.

use std::sync::Arc;

use super::both::stage::{ADA, BOTH, Pair, TITLE, writes_to};
use super::past_log::{PastLog, journal};
use super::splitting::{apart, joined, met, say};
use super::world::*;
use crate::domain::{Outcome, RejectClass, Rejection, Topic, Value, Writer};
use crate::mapping::Offer;
use crate::ports::event_log::EventLog;
use crate::ports::view_store::MemoryStore;
use crate::processor::travel::replay::{Replay, Until, Unwatched};
use crate::processor::travel::what_if::beginning::beginning;
use crate::processor::travel::what_if::{Difference, Effect, Report, WhatIf};

/// What a mapping would have done to what a world was given.
fn asked(world: &World, log: &Arc<dyn EventLog>, file: &str) -> Report {
    let end = log.bounds(journal()).unwrap().end;
    let begins = beginning(log.as_ref(), 0, &mut |_| ()).unwrap();
    let bridge = bridge();
    let view = || {
        let replay = Replay {
            log,
            partition: 0,
            bridge: &bridge,
            until: Until::Offset(begins.saturating_sub(1)),
            end,
        };
        let mut view = replay
            .begin_in(Box::<MemoryStore>::default(), None)
            .unwrap();
        if begins > 0 {
            replay.run(&mut view, &mut Unwatched).unwrap();
        }
        view
    };
    let (happened, would_be) = (view(), view());
    assert_eq!(happened.journal_offset(), begins);
    let offer = Offer {
        sources: world.offer.sources.clone(),
        file: file.to_owned(),
    };
    let what_if = WhatIf::new(log, world.settings.clone(), end, happened, would_be);
    what_if.run(&offer, &mut |_| ()).unwrap()
}

fn would_be(world: &World, file: &str) -> Report {
    asked(world, &PastLog::of(world).shared(), file)
}

fn refused() -> Outcome {
    Outcome::Rejected(Rejection {
        class: RejectClass::BadData,
        code: "STRING_TOO_LONG".into(),
        text: "too long".into(),
        fields: vec!["Title".into()],
        records: Vec::new(),
        hint: "shorten it".into(),
    })
}

fn lost() -> Outcome {
    Outcome::Unknown {
        reason: "reset".into(),
    }
}

/// A pair, and everything that goes wrong: answers that are lost and refused, webhooks that come
/// twice and late, a change beside a write, a form of the remote's own, a split and a rejoining, a
/// lead that is made at the second try, a deadline that passes, doubt that a person ends.
fn faulty() -> Pair {
    let mut pair = joined(&[("phone", "+14155550111")], &[("Title", "Countess")]);
    let (contact_one, lead_record) = (pair.contact.clone(), pair.lead.clone());
    // Lost: a read follows, and the write again.
    let out = pair.webhook(50_000, &[("phone", "+14155550122")]);
    let read = pair.world.answer(&out[0], lost());
    pair.settle(read, 51);
    // Refused: nothing follows until it is changed.
    let out = pair.webhook(60_000, &[(TITLE, "x")]);
    let more = pair.world.answer(&out[0], refused());
    assert_eq!(more, vec![]);
    let out = pair.webhook(61_000, &[(TITLE, "CTO")]);
    pair.settle(out, 62);
    let out = pair.event(63, Writer::Ours, &[("Title", "CTO")]);
    pair.settle(out, 64);
    // A conflict beside a write, and a webhook twice.
    let out = pair.event(70, Writer::Foreign, &[("Title", "Rep's")]);
    let write = writes_to(&out, &contact_one)[0].clone();
    let mut more = pair.webhook(71_000, &[(TITLE, "Agent's")]);
    more.extend(pair.webhook(71_000, &[(TITLE, "Agent's")]));
    more.extend(pair.done(&write, 72));
    pair.settle(more, 73);
    // Our own writes come back, one in the org's form.
    let out = pair.event(80, Writer::Ours, &[("Title", "Rep's")]);
    pair.settle(out, 81);
    let out = pair.webhook(90_000, &[("custom_attributes.nickname", "Al")]);
    pair.settle(out, 91);
    let out = pair.event(92, Writer::Ours, &[("Nickname__c", "AL")]);
    pair.settle(out, 93);
    // A command that nobody answers until its deadline.
    let out = pair.webhook(100_000, &[("phone", "+14155550133")]);
    let again = pair.world.pass(2 * DEADLINE_MS);
    assert!(again.iter().any(|command| command.attempt == 2));
    let more = pair.done(&out[0], 230);
    pair.settle(more, 231);
    // Apart and together again.
    apart(&mut pair);
    let out = say(&mut pair, &lead_record, &contact_one, true);
    pair.settle(out, 304);
    // Another one is made, at the second try.
    let look = pair.world.qualify(lead(
        "c2",
        400_000,
        &[("email", "bob@example.com"), ("name", "Bob King")],
    ));
    let made = pair.world.answer(&look[0], found(&[]));
    let look = pair.world.answer(&made[0], lost());
    let made = pair.world.answer(&look[0], found(&[]));
    let record = salesforce("Lead", "00Q000000000002AAA");
    let out = pair.world.answer(&made[0], written(&record, true));
    pair.settle(out, 410);
    // And one who could be two.
    let look = pair
        .world
        .qualify(lead("c3", 420_000, &[("email", "eve@example.com")]));
    let rows = ["003000000000001AAA", "003000000000002AAA"];
    let rows = rows.map(|id| row("Contact", id, 1, &[("Email", "eve@example.com")]));
    pair.world.answer(&look[0], found(&rows));
    let items = crate::processor::queries::reviews(&pair.world.view, &bridge(), 10);
    let review = items[0]["review"].as_str().unwrap();
    let body = crate::domain::ObservationBody::ReviewAnswered {
        review: crate::domain::ReviewId::parse(review).unwrap(),
        answer: crate::domain::ReviewAnswer::Link {
            to: rows[0].record.clone(),
        },
        by: "ann".to_owned(),
    };
    let out = pair.world.take(Topic::Decisions, body);
    for read in out {
        let snapshot = rows[0].clone();
        let more = pair.world.answer(&read, Outcome::Read { snapshot });
        pair.settle(more, 430);
    }
    pair
}

#[test]
fn the_same_mapping_would_have_done_the_same_whatever_went_wrong() {
    let pair = faulty();
    let report = would_be(&pair.world, BOTH);
    assert_eq!(report.differences, []);
    assert_eq!((report.beyond, report.missing), (0, 0));
    assert!(report.observations > 20, "{report:?}");
    let (made, would_be) = report.calls["writes"];
    assert!(made >= would_be && would_be > 5, "{:?}", report.calls);
}

#[test]
fn from_the_first_observation_that_is_still_there_the_same_mapping_does_the_same() {
    let pair = faulty();
    let count = |topic: Topic| {
        let entries = pair.world.entries.iter();
        entries.filter(|entry| entry.at.topic == topic).count() as u64
    };
    let (webhooks, results) = (count(Topic::IntercomObserved), count(Topic::Results));
    let whole = would_be(&pair.world, BOTH).observations;
    for (topic, start) in [
        (Topic::IntercomObserved, webhooks / 2),
        (Topic::Results, results / 2),
        (Topic::IntercomObserved, webhooks),
    ] {
        let log = PastLog::of(&pair.world).kept_from(topic, start).shared();
        let report = asked(&pair.world, &log, BOTH);
        assert_eq!(report.differences, [], "{topic:?} from {start}");
        assert!(report.observations < whole);
    }
}

/// Effects without what led to them.
fn told(differences: &[Difference]) -> Vec<(Effect, i64)> {
    let bare = differences
        .iter()
        .map(|one| (one.effect.clone(), one.times));
    bare.collect()
}

fn write(record: &crate::domain::RecordRef, field: &str, value: &str) -> Effect {
    Effect::Write {
        record: record.clone(),
        field: field.to_owned(),
        value: Value::text(value),
    }
}

#[test]
fn a_field_that_goes_elsewhere_is_the_only_difference() {
    let mut pair = joined(&[], &[("Title", "Countess")]);
    let out = pair.webhook(60_000, &[(TITLE, "CTO")]);
    pair.settle(out, 61);
    let out = pair.webhook(70_000, &[("phone", "+14155550122")]);
    pair.settle(out, 71);
    let other = BOTH.replace("salesforce: Title", "salesforce: Position__c");
    let report = would_be(&pair.world, &other);
    let (contact, record) = (&pair.contact, &pair.lead);
    assert_eq!(
        told(&report.differences),
        [
            // Nobody there told of a position before, so the contact has none to take over.
            (write(record, "Position__c", "CTO"), -1),
            (write(record, "Title", "CTO"), 1),
            (write(contact, TITLE, "Countess"), 1),
        ]
    );
    assert!(report.differences.iter().all(|one| one.cause.is_some()));
}

#[test]
fn another_rule_links_others_and_what_follows_from_it_is_told() {
    // A lead and a contact that share a telephone number and no address.
    let pair = met(
        BOTH,
        &[("email", "other@example.com"), ("phone", "+14155550111")],
        &[("Phone", "(415) 555-0111"), ("Title", "Poet")],
    );
    let by_phone = BOTH.replacen(
        "    - email: {salesforce: Email, intercom: email}\n",
        "    - phone: {salesforce: Phone, intercom: phone, region: US}\n",
        1,
    );
    let report = would_be(&pair.world, &by_phone);
    let effects = told(&report.differences);
    let link = Effect::Link {
        left: pair.contact.clone(),
        right: pair.lead.clone(),
        rule: "Phone".to_owned(),
    };
    assert!(effects.contains(&(link, -1)), "{effects:?}");
    assert!(
        effects.contains(&(write(&pair.contact, TITLE, "Poet"), -1)),
        "{effects:?}"
    );
    assert!(effects.iter().all(|(_, times)| *times == -1), "{effects:?}");
    // Nothing was written to the log, and the view is what it was.
    assert_eq!(pair.world.rebuilt().digest(), pair.world.view.digest());
}

#[test]
fn whoever_would_not_have_been_made_is_told_with_all_that_was_written() {
    let mut pair = Pair::new();
    let out = pair.webhook(60_000, &[(TITLE, "CTO")]);
    pair.settle(out, 61);
    let strict = BOTH.replace("contact.role == \"lead\"", "contact.role == \"user\"");
    let report = would_be(&pair.world, &strict);
    let effects = told(&report.differences);
    let create = Effect::Create {
        object: "Lead".to_owned(),
        origin: pair.contact.clone(),
    };
    assert!(effects.contains(&(create, 1)), "{effects:?}");
    assert!(
        effects.contains(&(write(&pair.lead, "Title", "CTO"), 1)),
        "{effects:?}"
    );
    let made = write(&pair.contact, "Lead.Email", ADA);
    assert!(effects.contains(&(made, 1)), "{effects:?}");
    assert!(effects.iter().all(|(_, times)| *times > 0), "{effects:?}");
    assert_eq!(report.calls["creations"], (1, 0));
}
