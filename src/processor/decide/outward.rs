//! Outward: a record of Salesforce gets a counterpart in Intercom, by rule, after a look found
//! none.

use crate::domain::journal::{DomainEvent as E, Via, WriteEnding};
use crate::domain::record::MatchRule;
use crate::domain::time::Order;
use crate::domain::view::{Customer, Journal, Outstanding, Pursuit, customer_of, record_state};
use crate::domain::{
    CommandKind, CommandResult, Fields, ObjectName, Outcome, RecordRef, RecordSnapshot,
};
use crate::domain::{Version, WriteCommand};
use crate::identity::candidates::is_apart;
use crate::identity::keys::telling;
use crate::identity::outward::{self, Holders};
use crate::identity::participation::left_out;
use crate::mapping::{CreateInIntercom, Section, System};
use crate::processor::decide::observed::row_read;
use crate::processor::decide::pursue::Asked;
use crate::processor::decide::request::Creation;
use crate::processor::decide::settle::{accept_forms, gone, rekey, shown};
use crate::processor::decide::{Terms, agree, create, first_link, link, pause, pursue, reconcile};
use crate::processor::decide::{request, settle_lookup, shadow};
use crate::sync::desires::{self, Target};
use crate::sync::writes;

/// The answer to "who in Intercom holds one of this record's identifiers?". Whoever was found is
/// taken as shown, and links as any record of Intercom does.
pub fn found<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    rows: &[RecordSnapshot],
) {
    for row in rows {
        row_read(journal, terms, row, Via::Lookup);
    }
    let bridge = journal.bridge().clone();
    let (Some(section), Some(customer)) = (
        terms.mapping.section_of(record),
        customer_of(journal, &bridge, record),
    ) else {
        return;
    };
    let state = customer.records[record].clone();
    if pursue::is_in_intercom(journal, terms, record) {
        if state.pursuit != Pursuit::Idle {
            create::give_up(journal, terms, record);
        }
        return;
    }
    let rows: Vec<RecordRef> = rows.iter().map(|row| row.record.clone()).collect();
    let others = rows
        .into_iter()
        .filter(|row| !is_apart(journal, &bridge, &customer, row));
    let candidates: Vec<RecordRef> = others.collect();
    let held = outward::holders(journal, &bridge, terms.mapping, section, &customer, &state);
    if let (Holders::Nobody, Some(key), false) = (held, state.keys.first(), candidates.is_empty()) {
        // Search shows one that is gone by what we were told: nothing is made beside it.
        let behind = pursue::waiting_behind(journal, record);
        pursue::review(journal, record, candidates, key, Asked::Several);
        return pursue::release(journal, terms, behind);
    }
    make(journal, terms, record);
}

/// Creates the counterpart of a record, unless something has changed since it was looked for.
fn make<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef) {
    let bridge = journal.bridge().clone();
    let (Some(section), Some(customer)) = (
        terms.mapping.section_of(record),
        customer_of(journal, &bridge, record),
    ) else {
        return;
    };
    let state = customer.records[record].clone();
    let rule = outward::rule_for(section, record).filter(|rule| {
        let there = state.gone.is_none()
            && !outward::bears_our_key(section, &state)
            && left_out(journal, &bridge, terms.mapping, record).is_none();
        let (mapping, known) = (terms.mapping, &customer);
        there
            && outward::qualifies(record, &state, rule)
            && !outward::is_marked_elsewhere(journal, &bridge, mapping, section, known, record)
    });
    let Some(rule) = rule else {
        return create::give_up(journal, terms, record);
    };
    let asked = telling(journal, &bridge, section, &state).is_subset(&state.claimed);
    if !asked || !outward::missing(journal, &bridge, section, (record, &state), rule).is_empty() {
        // Its identifiers changed since the lookup, which is another question then.
        create::give_up(journal, terms, record);
        return pursue::pursue(journal, terms, record, true);
    }
    match outward::holders(journal, &bridge, terms.mapping, section, &customer, &state) {
        Holders::Nobody => {}
        Holders::Undecided => return create::give_up(journal, terms, record),
        Holders::Taken(candidates, key) => {
            let behind = pursue::waiting_behind(journal, record);
            pursue::review(journal, record, candidates, &key, Asked::Several);
            return pursue::release(journal, terms, behind);
        }
    }
    let Some(creation) = creation(terms, section, rule, &customer, record) else {
        return create::give_up(journal, terms, record);
    };
    let pair = writes::pair(record, &request::creation_fields(&creation));
    let blocked = state.blocked.as_ref();
    if blocked.is_some_and(|blocked| blocked.pair == pair) {
        // Refused as it is: it stays with the person who was told.
        journal.trace("write_blocked", Some(record));
        return create::give_up(journal, terms, record);
    }
    if shadow::is_on(journal) && shadow::stands_behind(journal, section, record, &state) {
        journal.trace("another_would_be_created", Some(record));
        return create::give_up(journal, terms, record);
    }
    reconcile::unblock(journal, record, "desired_changed");
    if !request::create(journal, terms, record, &creation) {
        create::give_up(journal, terms, record);
    }
}

fn creation(
    terms: &Terms<'_>,
    section: &Section,
    rule: &CreateInIntercom,
    customer: &Customer,
    record: &RecordRef,
) -> Option<Creation> {
    let state = &customer.records[record];
    let origin = Target {
        system: terms.mapping.system_of(record),
        record,
        state,
    };
    let key = state.value_seen(&rule.key.salesforce).display();
    Some(Creation {
        object: ObjectName::new(section.intercom_object.as_str()).ok()?,
        key_field: rule.key.intercom.to_string(),
        key_value: key.trim().to_owned(),
        auto_assign: false,
        desires: desires::at_creation_in_intercom(section, &rule.key, customer, origin),
    })
}

/// What Intercom says of a record after a creation.
struct Made<'a> {
    record: &'a RecordRef,
    /// Whether it stands by this command; not so for a company that was there.
    created: bool,
    /// Those of the sent fields that the answer shows.
    sent: Fields,
    version: Option<Version>,
    shown: Option<RecordSnapshot>,
}

/// The answer to a creation.
pub fn settle<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    waiting: &Outstanding,
    write: &WriteCommand,
    result: &CommandResult,
) {
    let origin = &waiting.record;
    match &result.outcome {
        Outcome::Written {
            record,
            created,
            values,
            version,
        } => {
            let fields = values.clone().unwrap_or_default();
            let snapshot = version.map(|version| RecordSnapshot {
                record: record.clone(),
                version,
                fields: fields.clone(),
                tags: None,
                companies: None,
            });
            let made = Made {
                record,
                created: *created,
                sent: of_write(write, &fields),
                version: *version,
                shown: snapshot,
            };
            stands(journal, terms, waiting, result.attempt, made);
        }
        Outcome::AlreadyThere { snapshot } | Outcome::FoundOther { snapshot } => {
            let made = Made {
                record: &snapshot.record,
                created: true,
                sent: settle_lookup::as_sent(terms, write, snapshot),
                version: Some(snapshot.version),
                shown: Some(snapshot.clone()),
            };
            stands(journal, terms, waiting, result.attempt, made);
        }
        Outcome::Rejected(rejection) => {
            journal.emit(ended(waiting, result, rejection.clone()));
            settle_lookup::refused(journal, terms, origin, write, rejection);
        }
        Outcome::NotFound { .. } => {
            let rejection = gone(System::Intercom);
            journal.emit(ended(waiting, result, rejection.clone()));
            settle_lookup::refused(journal, terms, origin, write, &rejection);
        }
        // Search lags: the same command is asked again at its deadline, and reads by what the
        // record is known by before it writes.
        Outcome::Unknown { .. } => journal.trace("creation_unknown", Some(origin)),
        Outcome::Read { .. } | Outcome::LookedUp { .. } => {
            journal.trace("answer_of_another_kind", Some(origin));
        }
    }
}

fn of_write(write: &WriteCommand, fields: &Fields) -> Fields {
    let names = write.fields.iter().map(|field| &field.name);
    let shown = names.filter_map(|name| Some((name.clone(), fields.get(name)?.clone())));
    shown.collect()
}

fn ended(waiting: &Outstanding, result: &CommandResult, why: crate::domain::Rejection) -> E {
    E::WriteSettled {
        command: waiting.command.id,
        attempt: result.attempt,
        record: waiting.record.clone(),
        ending: WriteEnding::Rejected(why),
    }
}

/// The record stands: it is linked, what was sent is seen, and what was decided meanwhile follows.
fn stands<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    waiting: &Outstanding,
    attempt: u32,
    made: Made<'_>,
) {
    let (origin, record) = (&waiting.record, made.record);
    let apart = customer_of(journal, journal.bridge(), origin)
        .is_some_and(|customer| is_apart(journal, journal.bridge(), &customer, record));
    if apart {
        return found_apart(journal, terms, waiting, attempt);
    }
    let behind = pursue::waiting_behind(journal, origin);
    reconcile::unblock(journal, origin, "created");
    let known = record_state(journal, journal.bridge(), record);
    // A notification can come before the answer, and tell of more than it.
    let overtaken = known.is_some_and(|known| {
        let version = made.version.as_ref();
        let newer = version.is_some_and(|one| one.against(&known.version) == Order::Newer);
        known.folded > 0 && !newer
    });
    let evidence = waiting.command.id.to_string();
    link::join(
        journal,
        terms,
        record,
        origin,
        MatchRule::Created,
        &evidence,
    );
    let answer = made.sent.clone();
    let (values, version) = match overtaken {
        true => (None, None),
        false => (Some(made.sent), made.version),
    };
    journal.emit(E::WriteSettled {
        command: waiting.command.id,
        attempt,
        record: record.clone(),
        ending: WriteEnding::Done {
            created: made.created || overtaken,
            values,
            version,
        },
    });
    match &waiting.command.kind {
        CommandKind::Write(write) if !overtaken => {
            accept_forms(journal, record, write, Some(&answer));
        }
        _ => settle_lookup::shown_before(journal, terms, waiting, record, |_| false),
    }
    rekey(journal, terms, record);
    if let Some(snapshot) = made.shown.filter(|_| !overtaken) {
        shown(journal, terms, &snapshot, Via::Write);
    }
    connect(journal, terms, origin, record);
    pause::answered(journal, origin);
    pursue::release(journal, terms, behind);
    pursue::counterparts(journal, terms, origin);
}

/// What a repeat has found is one that a person has kept apart since: nothing was made.
fn found_apart<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    waiting: &Outstanding,
    attempt: u32,
) {
    let origin = &waiting.record;
    journal.emit(E::WriteSettled {
        command: waiting.command.id,
        attempt,
        record: origin.clone(),
        ending: WriteEnding::FoundOther,
    });
    create::give_up(journal, terms, origin);
    pause::answered(journal, origin);
    pursue::pursue(journal, terms, origin, true);
}

/// Decides what flows from the new record, and lets both sides follow.
fn connect<J: Journal>(journal: &mut J, terms: &Terms<'_>, origin: &RecordRef, record: &RecordRef) {
    let Some(section) = terms.mapping.section_of(record) else {
        return;
    };
    first_link::founded_by(journal, terms, section, record);
    let Some(customer) = customer_of(journal, journal.bridge(), record) else {
        return;
    };
    let target = Target {
        system: terms.mapping.system_of(record),
        record,
        state: &customer.records[record],
    };
    let wanted = desires::after_creation_in_intercom(section, &customer, target);
    reconcile::desire(journal, terms, record, wanted);
    // A lead may have become a contact meanwhile.
    let live = agree::live(&customer).into_iter().map(|(other, _)| other);
    let ours: Vec<RecordRef> = live
        .filter(|one| terms.mapping.is_salesforce(one))
        .collect();
    first_link::adopt_all(journal, terms, section, &ours);
    debug_assert!(customer.records.contains_key(origin), "it was linked above");
}
