//! What must hold of the view after every step, found by walking over all of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::view::{AWAITED_BY_MAX, Due, HELD_MAX, Matching, Outstanding, Pursuit};
use crate::domain::view::{RecordState, ViewEntry, ViewRead};
use crate::domain::{CommandId, CommandKind, MatchKey, MatchRule, RecordRef, ReviewId, ViewKey};
use crate::domain::{WriteTarget, command::ReadCommand};
use crate::processor::tests::storms::history::{History, address};
use crate::processor::tests::world::bridge;
use crate::processor::view::View;

/// The view as plain maps.
#[derive(Default)]
pub struct Whole {
    pub customers: Vec<crate::domain::view::Customer>,
    pub records: BTreeMap<RecordRef, RecordState>,
    pub matching: BTreeMap<Vec<u8>, Matching>,
    pub outstanding: BTreeMap<CommandId, Outstanding>,
    pub due: BTreeMap<Vec<u8>, Due>,
    pub reviews: BTreeSet<ReviewId>,
}

impl Whole {
    pub fn of(view: &View) -> Self {
        let mut whole = Self::default();
        for kind in [0x01, 0x04, 0x05, 0x06, 0x07] {
            let (mut from, to) = ViewKey::range(&bridge(), kind);
            while let Some((key, entry)) = view.first(&from, &to) {
                whole.take(&key, &entry);
                from = key.next();
            }
        }
        whole
    }

    fn take(&mut self, key: &ViewKey, entry: &ViewEntry) {
        match entry {
            ViewEntry::Customer(customer) => {
                let records = customer.records.iter();
                self.records
                    .extend(records.map(|(record, state)| (record.clone(), (**state).clone())));
                self.customers.push(customer.clone());
            }
            ViewEntry::Match(matching) => {
                self.matching
                    .insert(key.as_bytes().to_vec(), matching.clone());
            }
            ViewEntry::Outstanding(outstanding) => {
                self.outstanding
                    .insert(outstanding.command.id, (**outstanding).clone());
            }
            ViewEntry::Due(due) => {
                self.due.insert(key.as_bytes().to_vec(), due.clone());
            }
            ViewEntry::Review(item) => {
                self.reviews.insert(item.id);
            }
            other => panic!("not asked for: {other:?}"),
        }
    }
}

/// Whether anything waits for an answer or a deadline.
pub fn waits(view: &View) -> bool {
    !Whole::of(view).due.is_empty()
}

pub fn check(view: &View, history: &History) {
    let whole = Whole::of(view);
    deadlines(&whole);
    commands(&whole, history);
    keys(&whole);
    for (record, state) in &whole.records {
        assert!(state.awaited_by.len() <= AWAITED_BY_MAX);
        assert!(state.held.len() <= HELD_MAX);
        if let Pursuit::InReview { review } = state.pursuit {
            assert!(whole.reviews.contains(&review), "{record} waits for nobody");
        }
        if let Some(blocked) = &state.blocked {
            assert!(
                whole.reviews.contains(&blocked.review),
                "{record} is blocked silently"
            );
        }
        if let Pursuit::AwaitingCompany { company } = &state.pursuit {
            let awaited = &whole.records[company].awaited_by;
            assert!(
                awaited.contains(record),
                "{record} waits unknown to {company}"
            );
        }
    }
}

/// Everything that waits has its deadline, and nothing else has one.
fn deadlines(whole: &Whole) {
    let mut expected = BTreeMap::new();
    let mut expect = |at, due: Due| {
        expected.insert(due.key(&bridge(), at).as_bytes().to_vec(), due);
    };
    for (id, outstanding) in &whole.outstanding {
        expect(outstanding.command.deadline, Due::Command(*id));
    }
    for (record, state) in &whole.records {
        if let Pursuit::Deferred { deadline, .. } = state.pursuit {
            expect(deadline, Due::Deferral(record.clone()));
        }
        if let Some(until) = state.paused_until {
            expect(until, Due::Pause(record.clone()));
        }
        for held in &state.held {
            let observation = held.observation.observation;
            expect(held.deadline, Due::Hold(record.clone(), observation));
        }
    }
    assert_eq!(whole.due, expected, "deadlines");
}

fn commands(whole: &Whole, history: &History) {
    let known: Vec<_> = whole.outstanding.keys().collect();
    let told: Vec<_> = history.outstanding.keys().collect();
    assert_eq!(
        known, told,
        "what the journal asked for and no answer ended"
    );
    for (id, outstanding) in &whole.outstanding {
        let state = &whole.records[&outstanding.record];
        match &outstanding.command.kind {
            CommandKind::Write(write) => match &write.target {
                WriteTarget::Record(_) | WriteTarget::Attach { .. } => {
                    assert_eq!(state.writing, Some(*id))
                }
                WriteTarget::Create { .. } => {
                    let creating = Pursuit::Creating { command: *id };
                    assert_eq!(state.pursuit, creating, "{}", outstanding.record);
                }
            },
            CommandKind::Read(ReadCommand::Record { .. }) => {
                assert_eq!(state.reading, Some(*id));
            }
            CommandKind::Read(ReadCommand::Lookup(_) | ReadCommand::Gone { .. }) => {}
        }
    }
    for (record, state) in &whole.records {
        let pursued = match state.pursuit {
            Pursuit::LookingUp { command } | Pursuit::Creating { command } => Some(command),
            _ => None,
        };
        for command in [state.writing, state.reading, pursued]
            .into_iter()
            .flatten()
        {
            assert!(
                whole.outstanding.contains_key(&command),
                "{record} waits for {command}"
            );
        }
    }
}

/// The index of identifiers, made again from the records.
fn keys(whole: &Whole) {
    let at = |key: &MatchKey| ViewKey::matching(&bridge(), key).as_bytes().to_vec();
    let mut holders: BTreeMap<Vec<u8>, BTreeSet<RecordRef>> = BTreeMap::new();
    for (record, state) in &whole.records {
        let field = if record.object.as_str() == "contact" {
            "email"
        } else {
            "Email"
        };
        let seen = state.seen.get(field).map(|seen| address(&seen.value));
        let email = seen.filter(|email| !email.is_empty() && state.gone.is_none());
        let held = state.keys.iter().find(|key| key.rule == MatchRule::Email);
        let expected = email.map(|email| MatchKey::new(MatchRule::Email, &email));
        assert_eq!(held.copied(), expected, "the address of {record}");
        for key in &state.keys {
            holders.entry(at(key)).or_default().insert(record.clone());
        }
        let (pursues, stands) = stand(state);
        assert!(
            pursues || stands || state.claimed.is_empty(),
            "{record} claims idly"
        );
        for key in &state.claimed {
            let matching = whole.matching.get(&at(key)).cloned().unwrap_or_default();
            if pursues {
                let holder = matching.in_flight.as_ref();
                assert_eq!(holder, Some(record), "{record} lost its claim");
            } else {
                assert!(
                    matching.deferred.contains(record),
                    "{record} lost its place"
                );
            }
        }
    }
    for (key, matching) in &whole.matching {
        let expected = holders.remove(key).unwrap_or_default();
        assert_eq!(matching.records, expected, "the index of identifiers");
        let claims = |record: &RecordRef| {
            let state = &whole.records[record];
            (
                state,
                state.claimed.iter().any(|claimed| at(claimed) == *key),
            )
        };
        if let Some(holder) = &matching.in_flight {
            let (state, claimed) = claims(holder);
            assert!(claimed && stand(state).0, "{holder} pursues nothing");
        }
        for waiting in &matching.deferred {
            let (state, claimed) = claims(waiting);
            assert!(
                claimed && stand(state).1,
                "{waiting} does not stand in line"
            );
        }
    }
    assert!(holders.is_empty(), "the index lacks {holders:?}");
}

/// Whether a record pursues a counterpart, and whether it stands in line.
fn stand(state: &RecordState) -> (bool, bool) {
    match state.pursuit {
        Pursuit::LookingUp { .. } | Pursuit::AwaitingCompany { .. } | Pursuit::Creating { .. } => {
            (true, false)
        }
        Pursuit::Deferred { .. } => (false, true),
        _ => (false, false),
    }
}
