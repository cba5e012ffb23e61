//! Too many records of a field change at once: no more are, until a person says so.

use super::both::stage::{BOTH, texts, writes_to};
use super::walks::changed;
use super::world::*;
use crate::domain::brakes::{Brake, FieldRef, Hold, brake_of, brakes};
use crate::domain::journal::{DomainEvent as E, ReviewKind};
use crate::domain::view::{ReviewItem, ViewEntry};
use crate::domain::{
    Change, Command, CommandKind, EventKind, ObservationBody, RawPayload, RecordEvent, RecordRef,
    RecordSnapshot, ReviewAnswer, Topic, Value, Version, ViewKey, ViewRead, WriteTarget, Writer,
};
use crate::processor::decide::Brakes;

const TITLE: &str = "custom_attributes.job_title";
/// Records that may be changed before anybody is asked.
const MIN: u64 = 5;
/// Of forty, twenty percent are eight.
pub(super) const PEOPLE: usize = 40;
const SHARE: usize = 8;

pub(super) fn there(number: usize) -> RecordRef {
    salesforce("Contact", &format!("0030000000{number:05}AAA"))
}

fn here(number: usize, second: i64, title: &str) -> RecordSnapshot {
    let (id, email) = (format!("c{number}"), format!("p{number}@example.com"));
    let mut shown = lead(&id, second * 1_000, &[]);
    shown.fields.extend(texts(&[
        ("email", &email),
        ("name", "Ada Lovelace"),
        (TITLE, title),
    ]));
    shown
}

pub(super) fn answer_all(world: &mut World, mut commands: Vec<Command>) {
    while let Some(command) = commands.pop() {
        let CommandKind::Write(write) = &command.kind else {
            continue;
        };
        if let WriteTarget::Record(record) = &write.target {
            let record = record.clone();
            commands.extend(world.answer(&command, written(&record, false)));
        }
    }
}

/// People whom both sides know, with a title that both hold.
pub(super) fn crowd(people: usize) -> World {
    let mut world = World::with_mapping(BOTH);
    world.rebuild_is_checked = false;
    world.settings.brakes = Brakes {
        changed_records_min: MIN,
        ..Brakes::default()
    };
    for number in 0..people {
        let email = format!("p{number}@example.com");
        let title = [
            ("Email", email.as_str()),
            ("LastName", "Lovelace"),
            ("Title", "Analyst"),
        ];
        let row = row("Contact", &there(number).id, 1, &title);
        changed(&mut world, sales(), Change::Imported { run: 1, row });
        let row = here(number, 1, "Analyst");
        changed(&mut world, support(), Change::Imported { run: 1, row });
    }
    let ended = Change::ImportEnded {
        run: 1,
        of: 2,
        rows: people as u64,
    };
    changed(&mut world, sales(), ended.clone());
    let out = changed(&mut world, support(), ended);
    answer_all(&mut world, out);
    rest(&mut world);
    world
}

/// Lets walks come to their ends.
pub(super) fn rest(world: &mut World) {
    for _ in 0..10 {
        let out = world.pass(1);
        answer_all(world, out);
    }
}

/// Somebody gives a person another title in Intercom; what is written of it.
pub(super) fn retitle(world: &mut World, number: usize, second: i64, title: &str) -> Vec<Command> {
    let out = world.show(here(number, second, title));
    let to_there: Vec<Command> = writes_to(&out, &there(number))
        .into_iter()
        .cloned()
        .collect();
    answer_all(world, out);
    to_there
}

fn title_of_contacts() -> FieldRef {
    FieldRef::of(&there(0), &"Title".into())
}

fn brake(world: &World) -> Brake {
    brake_of(&world.view, &bridge(), &title_of_contacts()).expect("the field is written")
}

fn item(world: &World) -> ReviewItem {
    let Hold::Stopped { review } = brake(world).hold else {
        panic!("nothing is stopped: {:?}", brake(world));
    };
    let key = ViewKey::review(&bridge(), &review);
    match world.view.get(&key).as_deref() {
        Some(ViewEntry::Review(item)) => (**item).clone(),
        _ => panic!("no item says what waits"),
    }
}

/// Half of the people get another title within minutes; how many of them are written.
fn mass_change(world: &mut World) -> usize {
    let title = |number| format!("Title {number}");
    let written = (0..PEOPLE / 2).map(|number| retitle(world, number, 100, &title(number)).len());
    written.sum()
}

fn answer(world: &mut World, answer: ReviewAnswer) -> Vec<Command> {
    let body = ObservationBody::ReviewAnswered {
        review: item(world).id,
        answer,
        by: "ann".into(),
    };
    world.take(Topic::Decisions, body)
}

fn holds(world: &World, number: usize) -> Value {
    world.state(&there(number)).value_seen("Title").clone()
}

#[test]
fn a_mass_change_stops_at_its_share_and_waits_for_a_person() {
    let mut world = crowd(PEOPLE);
    assert_eq!(brake(&world).records, PEOPLE as u64);
    assert_eq!(mass_change(&mut world), SHARE);
    let item = item(&world);
    assert_eq!(item.kind, ReviewKind::MassChange);
    assert_eq!(item.field.as_deref(), Some(TITLE));
    assert_eq!(item.record, there(SHARE));
    assert!(item.reason.contains("9 of 40 records"), "{}", item.reason);
    // What waits is desired, and nothing of it is lost.
    let waits = world.state(&there(SHARE));
    assert_eq!(waits.desired["Title"].value, Value::text("Title 8"));
    assert_eq!(waits.value_seen("Title"), &Value::text("Analyst"));
    let braked = world.counted(|event| matches!(event, E::MassChangeBraked { .. }));
    assert_eq!(braked, 1, "one is asked for all");
    // Other fields are written.
    let mut shown = here(SHARE, 200, "Title 8");
    shown.fields.extend(texts(&[("phone", "+14155550100")]));
    let out = world.show(shown);
    assert_eq!(fields(&out[0]), pairs(&[("Phone", "+14155550100")]));
    assert_eq!(world.rebuilt().digest(), world.view.digest());
}

#[test]
fn what_a_person_approves_is_written_and_asked_about_no_more() {
    let mut world = crowd(PEOPLE);
    mass_change(&mut world);
    let out = answer(&mut world, ReviewAnswer::Approve);
    answer_all(&mut world, out);
    rest(&mut world);
    for number in 0..PEOPLE / 2 {
        assert_eq!(
            holds(&world, number),
            Value::text(format!("Title {number}"))
        );
    }
    // The rest of the same change comes an hour later.
    world.pass(60 * 60_000);
    for number in PEOPLE / 2..PEOPLE {
        assert_eq!(
            retitle(&mut world, number, 5_000, "Last").len(),
            1,
            "{number}"
        );
    }
    // A day later it is another one.
    world.pass(25 * 60 * 60_000);
    let written = (0..PEOPLE).map(|number| retitle(&mut world, number, 99_000, "New").len());
    assert_eq!(written.sum::<usize>(), SHARE);
    assert_eq!(world.rebuilt().digest(), world.view.digest());
}

#[test]
fn what_a_person_refuses_is_given_up_and_later_changes_are_written() {
    let mut world = crowd(PEOPLE);
    mass_change(&mut world);
    let out = answer(&mut world, ReviewAnswer::Refuse);
    assert_eq!(out, vec![]);
    rest(&mut world);
    for number in SHARE..PEOPLE / 2 {
        let state = world.state(&there(number));
        assert_eq!(
            state.desired["Title"].value,
            Value::text("Analyst"),
            "{number}"
        );
    }
    assert_eq!(brake(&world).hold, Hold::Free);
    assert_eq!(
        holds(&world, 0),
        Value::text("Title 0"),
        "what was written stays"
    );
    assert_eq!(retitle(&mut world, SHARE, 200, "Chief").len(), 1);
    assert_eq!(world.rebuilt().digest(), world.view.digest());
}

#[test]
fn what_is_changed_while_a_refusal_is_carried_out_is_written_behind_it() {
    let people = 120;
    let mut world = crowd(people);
    for number in 0..people / 2 {
        retitle(&mut world, number, 100, &format!("Title {number}"));
    }
    let until = crate::domain::Timestamp(world.now + 60_000);
    answer(&mut world, ReviewAnswer::Refuse);
    // The walk has looked at some; everybody's title is changed before it goes on.
    world.settings.resting.insert(bridge(), until);
    for number in 0..people {
        assert_eq!(
            retitle(&mut world, number, 300, "Chief"),
            vec![],
            "{number}"
        );
    }
    world.settings.resting.clear();
    world.settings.brakes = Brakes::OFF;
    for _ in 0..5 {
        rest(&mut world);
    }
    let unsettled = (0..people).filter(|number| {
        let state = world.state(&there(*number));
        state.desired["Title"].value != *state.value_seen("Title")
    });
    assert_eq!(unsettled.count(), 0, "nobody is left between");
    assert_eq!(brake(&world).hold, Hold::Free);
}

#[test]
fn few_changes_slow_ones_and_repeated_ones_are_no_mass_change() {
    // Fewer than the least, whatever the share.
    let mut world = crowd(6);
    for number in 0..MIN as usize {
        assert_eq!(retitle(&mut world, number, 100, "Chief").len(), 1);
    }
    // One person changed twenty times is one record.
    let mut world = crowd(PEOPLE);
    for round in 0..20 {
        let title = format!("Title {round}");
        assert_eq!(
            retitle(&mut world, 0, 100 + round, &title).len(),
            1,
            "{round}"
        );
    }
    assert_eq!(
        brake(&world).changed(crate::domain::Timestamp(world.now)),
        1
    );
    // As many as the share, hour by hour.
    let mut world = crowd(PEOPLE);
    for hour in 0..4 {
        for number in hour * SHARE..(hour + 1) * SHARE {
            let second = 1_000 * (1 + hour as i64);
            assert_eq!(
                retitle(&mut world, number, second, "Chief").len(),
                1,
                "{number}"
            );
        }
        world.pass(66 * 60_000);
    }
    assert!(
        brakes(&world.view, &bridge())
            .iter()
            .all(|one| one.hold == Hold::Free)
    );
}

/// An import, a new field of the mapping and the first link fill what is blank.
#[test]
fn filling_blanks_is_no_mass_change() {
    let mut world = crowd(PEOPLE);
    for number in 0..PEOPLE {
        let mut shown = here(number, 100, "Analyst");
        shown
            .fields
            .extend(texts(&[("custom_attributes.nickname", "Addie")]));
        let out = world.show(shown);
        assert_eq!(fields(&out[0]), pairs(&[("Nickname__c", "Addie")]));
        answer_all(&mut world, out);
    }
    assert!(
        brakes(&world.view, &bridge())
            .iter()
            .all(|one| one.hold == Hold::Free)
    );
}

/// What is cleared counts as what is replaced.
#[test]
fn clearing_a_field_everywhere_is_a_mass_change() {
    let mut world = crowd(PEOPLE);
    let cleared = (0..PEOPLE / 2).map(|number| retitle(&mut world, number, 100, "").len());
    assert_eq!(cleared.sum::<usize>(), SHARE);
}

#[test]
fn records_that_leave_and_come_back_are_counted() {
    let mut world = crowd(PEOPLE);
    let told = |world: &mut World, kind, second, fields: &[(&str, &str)]| {
        let change = Change::Event(RecordEvent {
            record: there(0),
            kind,
            version: Version::second(second),
            fields: texts(fields),
            unread: Default::default(),
            writer: Writer::Foreign,
            origin: String::new(),
            user: String::new(),
            transaction: format!("t{second}"),
            transaction_sequence: 1,
        });
        let raw = RawPayload {
            content_type: "avro/binary".into(),
            bytes: vec![0],
        };
        let (source, topic) = (sales(), "/data/ChangeEvents".into());
        let body = ObservationBody::Changed {
            source,
            topic,
            change,
            raw,
        };
        world.take(Topic::SalesforceObserved, body);
    };
    told(&mut world, EventKind::Deleted, 100, &[]);
    assert_eq!(brake(&world).records, PEOPLE as u64 - 1);
    told(&mut world, EventKind::Deleted, 101, &[]);
    assert_eq!(brake(&world).records, PEOPLE as u64 - 1);
    told(
        &mut world,
        EventKind::Undeleted,
        110,
        &[("Title", "Analyst")],
    );
    assert_eq!(brake(&world).records, PEOPLE as u64);
}

#[test]
fn an_item_of_a_mass_change_takes_yes_or_no_and_nothing_else() {
    let mut world = crowd(PEOPLE);
    mass_change(&mut world);
    for other in [
        ReviewAnswer::Dismiss,
        ReviewAnswer::Retry,
        ReviewAnswer::Apart,
    ] {
        answer(&mut world, other);
        assert_eq!(item(&world).kind, ReviewKind::MassChange);
    }
}

/// A name is one value in two fields: neither is written without the other.
#[test]
fn a_name_waits_as_a_whole() {
    let mut world = crowd(PEOPLE);
    let mut written = 0;
    for number in 0..PEOPLE / 2 {
        let mut shown = here(number, 100, "Analyst");
        let name = format!("Grace{number} Lovelace");
        shown.fields.insert("name".into(), Value::text(name));
        // At the first link each kept its own; the first change is followed.
        let out = world.show(shown);
        let names = writes_to(&out, &there(number)).into_iter();
        let names = names.flat_map(fields);
        written += names.filter(|(name, _)| name == "FirstName").count();
        answer_all(&mut world, out);
    }
    let mut again = 0;
    for number in 0..PEOPLE / 2 {
        let mut shown = here(number, 200, "Analyst");
        let name = format!("Ada{number} King{number}");
        shown.fields.insert("name".into(), Value::text(name));
        let out = world.show(shown);
        again += writes_to(&out, &there(number)).len();
        answer_all(&mut world, out);
    }
    assert_eq!((written, again), (PEOPLE / 2, SHARE));
    let stopped = brakes(&world.view, &bridge());
    let stopped = stopped.iter().filter(|one| one.is_stopped());
    let names: Vec<&str> = stopped.map(|one| &*one.field.name).collect();
    let mut names = names;
    names.sort_unstable();
    assert_eq!(names, ["FirstName", "LastName"]);
    let asked = world.counted(|event| matches!(event, E::MassChangeBraked { .. }));
    assert_eq!(asked, 1);
}
