//! Accounts stand below accounts: the way up, what becomes of those below, and ways that lead
//! nowhere.

use super::both::stage::{ADA, BOTH, COMPANIES, Pair, texts};
use super::world::*;
use crate::domain::customer_event::{AccountContext, ProfileState};
use crate::domain::journal::{DomainEvent as E, ReviewKind, WalkReason};
use crate::domain::view::{ViewEntry, ViewRead};
use crate::domain::{Command, CommandKind, CustomerId, EventKind, Fields, Outcome, ReadCommand};
use crate::domain::{RecordRef, RecordSnapshot, Value, Version, ViewKey, Writer};

fn stage() -> Pair {
    let follow = "{contact_company: to_intercom, account_tree: follow}";
    let companies = COMPANIES.replace("{contact_company: to_intercom}", follow);
    Pair::of(&format!("{BOTH}{companies}"))
}

fn account(number: usize) -> RecordRef {
    salesforce("Account", &format!("001{number:012}AAA"))
}

fn person(number: usize) -> RecordRef {
    salesforce("Contact", &format!("003{number:012}AAA"))
}

fn above(field: &str, account: Option<&RecordRef>) -> Fields {
    let id = account.map_or(Value::Null, |account| Value::text(account.id.as_str()));
    Fields::from([(field.into(), id)])
}

/// An account as its creation tells of it.
fn stands(pair: &mut Pair, number: usize, below: Option<usize>) -> Vec<Command> {
    let mut all = above("ParentId", below.map(account).as_ref());
    let key = format!("K-{number}");
    all.extend(texts(&[("Intercom_Company_ID__c", &key)]));
    let kind = EventKind::Created;
    pair.event_of(&account(number), kind, 10, Writer::Foreign, all)
}

/// A person at an account.
fn works(pair: &mut Pair, number: usize, at: usize) -> Vec<Command> {
    let mut all = above("AccountId", Some(&account(at)));
    let mail = format!("p{number}@example.com");
    all.extend(texts(&[("LastName", "P"), ("Email", &mail)]));
    let kind = EventKind::Created;
    pair.event_of(&person(number), kind, 11, Writer::Foreign, all)
}

fn reparent(pair: &mut Pair, number: usize, below: Option<usize>, second: i64) -> Vec<Command> {
    let all = above("ParentId", below.map(account).as_ref());
    let kind = EventKind::Updated;
    pair.event_of(&account(number), kind, second, Writer::Foreign, all)
}

/// The newest profile of a record's customer.
fn place(pair: &Pair, record: &RecordRef) -> AccountContext {
    let id = pair.world.customer(record).id;
    let told = pair.world.profiles.iter().rev();
    let mut told = told.filter(|profile| profile.customer == id);
    let profile = told.next().expect("a profile is told");
    match &profile.state {
        ProfileState::Golden { account, .. } => account.clone().expect("it belongs somewhere"),
        ProfileState::Alias { .. } => panic!("it was merged"),
    }
}

fn reads(commands: &[Command]) -> Vec<&RecordRef> {
    let read = commands.iter().filter_map(|command| match &command.kind {
        CommandKind::Read(ReadCommand::Record { record, .. }) => Some(record),
        _ => None,
    });
    read.collect()
}

fn shows(record: &RecordRef, below: Option<&RecordRef>) -> Outcome {
    Outcome::Read {
        snapshot: RecordSnapshot {
            record: record.clone(),
            version: Version::second(20),
            fields: above("ParentId", below),
            tags: None,
            companies: None,
        },
    }
}

fn faults(pair: &Pair) -> Vec<(String, RecordRef)> {
    let (mut from, to) = ViewKey::range(&bridge(), 0x07);
    let mut open = Vec::new();
    while let Some((key, entry)) = pair.world.view.first(&from, &to) {
        if let ViewEntry::Review(item) = &*entry
            && item.kind == ReviewKind::Tree
        {
            open.push((item.reason.clone(), item.record.clone()));
        }
        from = key.next();
    }
    open
}

fn told(pair: &Pair) -> Vec<Vec<CustomerId>> {
    let entries = pair.world.journal.iter();
    let told = entries.filter_map(|entry| match &entry.event {
        E::PlacesTold { customers, .. } => Some(customers.clone()),
        _ => None,
    });
    told.collect()
}

/// Lets the walks that were started come to their end.
fn walked(pair: &mut Pair) {
    let tree = |event: &E| {
        matches!(
            event,
            E::WalkStarted {
                reason: WalkReason::Tree,
                ..
            }
        )
    };
    let over = |event: &E| {
        matches!(
            event,
            E::WalkEnded {
                reason: WalkReason::Tree,
                ..
            }
        )
    };
    for _ in 0..100 {
        if pair.world.counted(tree) == pair.world.counted(over) {
            return;
        }
        pair.world.pass(1);
    }
    panic!("a walk has no end");
}

#[test]
fn the_account_at_the_top_stands_in_events_and_profiles() {
    let mut pair = stage();
    stands(&mut pair, 1, None);
    stands(&mut pair, 2, Some(1));
    stands(&mut pair, 3, Some(2));
    works(&mut pair, 9, 3);
    let told = pair.world.told.iter().rev();
    let mut told = told.filter(|event| event.records.contains(&person(9)));
    let at = told.next().and_then(|event| event.account.clone());
    let at = at.expect("the event says where");
    let top = pair.world.customer(&account(1)).id;
    assert_eq!(at.account, account(3));
    assert_eq!(at.ultimate, Some(account(1)));
    assert_eq!(at.ultimate_customer, Some(top));
    assert_eq!(at.fault, None);
    assert_eq!(place(&pair, &person(9)), at);
    let middle = place(&pair, &account(2));
    assert_eq!(
        (middle.account, middle.ultimate),
        (account(2), Some(account(1)))
    );
    assert_eq!(
        place(&pair, &account(1)).ultimate,
        None,
        "nothing is above it"
    );
}

#[test]
fn an_account_that_nobody_told_of_is_read_and_so_is_what_is_above_it() {
    let mut pair = stage();
    let out = works(&mut pair, 9, 3);
    assert_eq!(reads(&out), [&account(3)]);
    assert_eq!(place(&pair, &person(9)).ultimate, None);
    let out = pair
        .world
        .answer(&out[0], shows(&account(3), Some(&account(2))));
    assert_eq!(reads(&out), [&account(2)]);
    let unknown = place(&pair, &account(3));
    assert_eq!(unknown.fault.as_deref(), Some("parent_unknown"));
    let out = pair.world.answer(&out[0], shows(&account(2), None));
    assert_eq!(reads(&out), Vec::<&RecordRef>::new());
    walked(&mut pair);
    for record in [person(9), account(3)] {
        assert_eq!(place(&pair, &record).ultimate, Some(account(2)));
        assert_eq!(place(&pair, &record).fault, None);
    }
    assert_eq!(
        works(&mut pair, 8, 3),
        vec![],
        "what is known is not read again"
    );
}

#[test]
fn those_below_a_reparented_account_are_told_in_slices_and_nobody_else() {
    let mut pair = stage();
    stands(&mut pair, 1, None);
    stands(&mut pair, 2, None);
    stands(&mut pair, 3, Some(1));
    stands(&mut pair, 4, Some(3));
    for number in 0..120 {
        works(&mut pair, 100 + number, 4);
    }
    works(&mut pair, 9, 1);
    walked(&mut pair);
    let before = told(&pair).len();
    reparent(&mut pair, 3, Some(2), 30);
    assert_eq!(told(&pair).len(), before + 1, "the first slice");
    // Between the slices others are heard.
    let shown = lead("c7", 40_000, &[("email", "seven@example.com")]);
    pair.world.show(shown);
    assert!(pair.world.events().contains(&"customer_founded"));
    walked(&mut pair);
    let slices = told(&pair).split_off(before);
    assert!(slices.len() >= 3, "{} slices", slices.len());
    assert!(slices.iter().all(|slice| slice.len() <= 50));
    let mut all: Vec<CustomerId> = slices.into_iter().flatten().collect();
    assert_eq!(all.len(), 121, "the account below, and its people");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 121, "each of them once");
    for number in 0..120 {
        assert_eq!(
            place(&pair, &person(100 + number)).ultimate,
            Some(account(2))
        );
    }
    assert!(!all.contains(&pair.world.customer(&person(9)).id));
}

#[test]
fn a_circle_ends_is_put_before_a_person_once_and_is_read_again() {
    let mut pair = stage();
    stands(&mut pair, 1, None);
    stands(&mut pair, 2, Some(1));
    stands(&mut pair, 3, Some(2));
    works(&mut pair, 9, 3);
    let out = reparent(&mut pair, 1, Some(3), 30);
    let first = [account(1), account(2), account(3)]
        .into_iter()
        .min()
        .unwrap();
    assert_eq!(faults(&pair), [("circle".to_owned(), first)]);
    assert_eq!(reads(&out).len(), 3, "each of them may have moved unheard");
    walked(&mut pair);
    let at = place(&pair, &person(9));
    assert_eq!((at.ultimate, at.fault.as_deref()), (None, Some("circle")));
    reparent(&mut pair, 2, None, 31);
    for command in &out {
        let ReadCommand::Record { record, .. } = read_of(command) else {
            unreachable!("they are reads by id");
        };
        let below = match record {
            one if *one == account(1) => Some(account(3)),
            one if *one == account(3) => Some(account(2)),
            _ => None,
        };
        let more = pair.world.answer(command, shows(record, below.as_ref()));
        pair.settle(more, 32);
    }
    walked(&mut pair);
    assert_eq!(faults(&pair), []);
    assert_eq!(place(&pair, &person(9)).ultimate, Some(account(2)));
    assert_eq!(pair.count("review_opened"), 1);
}

fn read_of(command: &Command) -> &ReadCommand {
    match &command.kind {
        CommandKind::Read(read) => read,
        CommandKind::Write(_) => panic!("{} is a write", command.id),
    }
}

#[test]
fn a_way_up_without_end_is_given_up() {
    let mut pair = stage();
    stands(&mut pair, 0, None);
    for number in 1..60 {
        stands(&mut pair, number, Some(number - 1));
    }
    walked(&mut pair);
    assert_eq!(place(&pair, &account(31)).ultimate, Some(account(0)));
    let deep = place(&pair, &account(59));
    assert_eq!(
        (deep.ultimate, deep.fault.as_deref()),
        (None, Some("too_deep"))
    );
    // Nor is the way down followed for ever.
    reparent(&mut pair, 0, Some(500), 30);
    walked(&mut pair);
}

/// The bin knows of no master.
fn deleted(pair: &mut Pair, record: &RecordRef, second: i64) {
    let kind = EventKind::Deleted;
    let out = pair.event_of(record, kind, second, Writer::Foreign, Fields::new());
    let purged = Outcome::NotFound {
        record: record.clone(),
    };
    pair.world.answer(&out[0], purged);
}

#[test]
fn orphans_are_told_at_the_account_that_is_gone_until_they_have_a_place() {
    let mut pair = stage();
    stands(&mut pair, 1, None);
    stands(&mut pair, 2, Some(1));
    stands(&mut pair, 3, Some(1));
    deleted(&mut pair, &account(1), 30);
    walked(&mut pair);
    assert_eq!(faults(&pair), [("parent_gone".to_owned(), account(1))]);
    assert_eq!(
        place(&pair, &account(2)).fault.as_deref(),
        Some("parent_gone")
    );
    reparent(&mut pair, 2, None, 31);
    assert_eq!(faults(&pair).len(), 1, "one is left");
    reparent(&mut pair, 3, Some(2), 32);
    assert_eq!(faults(&pair), []);
    assert_eq!(place(&pair, &account(3)).ultimate, Some(account(2)));
}

#[test]
fn an_account_that_is_restored_has_those_below_it_again() {
    let mut pair = stage();
    stands(&mut pair, 1, None);
    stands(&mut pair, 2, Some(1));
    deleted(&mut pair, &account(1), 30);
    assert_eq!(faults(&pair).len(), 1);
    let all = pair.fields_of(&account(1));
    let kind = EventKind::Undeleted;
    pair.event_of(&account(1), kind, 40, Writer::Foreign, all);
    walked(&mut pair);
    assert_eq!(faults(&pair), []);
    assert_eq!(place(&pair, &account(2)).ultimate, Some(account(1)));
    assert_eq!(place(&pair, &account(2)).fault, None);
}

#[test]
fn below_a_merged_account_is_below_its_master() {
    let mut pair = stage();
    stands(&mut pair, 1, None);
    stands(&mut pair, 5, None);
    stands(&mut pair, 2, Some(1));
    let kind = EventKind::Deleted;
    let out = pair.event_of(&account(1), kind, 30, Writer::Foreign, Fields::new());
    let mut row = match shows(&account(1), None) {
        Outcome::Read { snapshot } => snapshot,
        _ => unreachable!("it is a row"),
    };
    let master = Value::text(account(5).id.as_str());
    row.fields = Fields::from([("MasterRecordId".into(), master)]);
    pair.world.answer(&out[0], Outcome::Read { snapshot: row });
    walked(&mut pair);
    assert_eq!(faults(&pair), []);
    assert_eq!(place(&pair, &account(2)).ultimate, Some(account(5)));
    assert_eq!(place(&pair, &account(2)).fault, None);
}

#[test]
fn unless_the_mapping_says_so_no_tree_is_followed() {
    let mut pair = Pair::of(&format!("{BOTH}{COMPANIES}"));
    assert_eq!(works(&mut pair, 9, 3), vec![], "nothing is read");
    stands(&mut pair, 3, Some(2));
    assert_eq!(place(&pair, &person(9)).ultimate, None);
    assert_eq!(pair.count("walk_started"), 0);
    let unmapped = Pair::of(BOTH);
    assert!(unmapped.world.state(&contact("c1")).seen["email"].value == Value::text(ADA));
}

#[test]
fn who_moved_on_is_not_told_of_where_it_was() {
    let mut pair = stage();
    stands(&mut pair, 1, None);
    stands(&mut pair, 2, None);
    stands(&mut pair, 3, Some(1));
    stands(&mut pair, 4, Some(1));
    works(&mut pair, 9, 4);
    reparent(&mut pair, 4, Some(2), 30);
    walked(&mut pair);
    let before = told(&pair).len();
    reparent(&mut pair, 1, Some(2), 31);
    walked(&mut pair);
    let all: Vec<CustomerId> = told(&pair)
        .split_off(before)
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(all, [pair.world.customer(&account(3)).id]);
}
