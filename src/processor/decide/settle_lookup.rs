//! Settle: the answers to lookups and to creations.

use std::collections::BTreeSet;

use crate::domain::Rejection;
use crate::domain::journal::{Basis, Desire, DomainEvent as E, ReadEnding, ReadPurpose};
use crate::domain::journal::{ReviewKind, Via, WriteEnding};
use crate::domain::record::MatchRule;
use crate::domain::view::{Journal, Outstanding, Pursuit, customer_of, record_state};
use crate::domain::{CommandKind, CommandResult, Fields, Outcome, RecordRef, RecordSnapshot};
use crate::domain::{ReviewId, Value, WriteCommand};
use crate::identity::candidates::{Verdict, in_rows, is_apart, left_out_rows};
use crate::identity::keys::telling;
use crate::identity::participation::Participation;
use crate::identity::pursuit;
use crate::mapping::{CreateRule, FieldMap, Section, System};
use crate::processor::decide::agree::{self, Move};
use crate::processor::decide::observed::row_read;
use crate::processor::decide::request;
use crate::processor::decide::settle::{block, gone, rekey, shown};
use crate::processor::decide::{
    Terms, convert, create, first_link, link, outward, pause, pursue, reconcile,
};
use crate::sync::desires::{self, Target};
use crate::sync::writes;

/// The answer to "who holds one of this record's identifiers?".
pub fn lookup<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    waiting: &Outstanding,
    result: &CommandResult,
) {
    let record = waiting.record.clone();
    let settled = |ending| E::ReadSettled {
        command: waiting.command.id,
        attempt: result.attempt,
        ending,
    };
    match &result.outcome {
        Outcome::LookedUp { rows, truncated } => {
            let asked = is_asked(journal, waiting);
            journal.emit(settled(ReadEnding::Answered));
            if !asked {
                return journal.trace("lookup_overtaken", Some(&record));
            }
            if terms.mapping.is_salesforce(&record) {
                return outward::found(journal, terms, &record, rows);
            }
            found(journal, terms, &record, rows, *truncated);
        }
        Outcome::Rejected(rejection) => {
            let asked = is_asked(journal, waiting);
            journal.emit(settled(ReadEnding::Rejected(rejection.clone())));
            if !asked {
                return journal.trace("lookup_overtaken", Some(&record));
            }
            let behind = pursue::waiting_behind(journal, &record);
            let review = ReviewId::opened_at(journal.bridge(), journal.next_sequence());
            journal.emit(E::ReviewOpened {
                review,
                kind: ReviewKind::Rejected,
                record: record.clone(),
                candidates: Vec::new(),
                reason: format!("lookup_{}:{}", rejection.class.as_str(), rejection.code),
            });
            pursue::release(journal, terms, behind);
        }
        // Reads change nothing: the deadline asks again.
        _ => journal.trace("lookup_unknown", Some(&record)),
    }
}

/// Whether the record still waits for this very lookup. One that left or was merged while it was
/// out may have asked anew: two answers must not lead to two creations.
pub fn is_asked<J: Journal>(journal: &J, lookup: &Outstanding) -> bool {
    let command = lookup.command.id;
    record_state(journal, journal.bridge(), &lookup.record)
        .is_some_and(|state| state.pursuit == Pursuit::LookingUp { command })
}

fn found<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    rows: &[RecordSnapshot],
    truncated: bool,
) {
    let bridge = journal.bridge().clone();
    let (Some(section), Some(customer)) = (
        terms.mapping.section_of(record),
        customer_of(journal, &bridge, record),
    ) else {
        return;
    };
    let state = customer.records.get(record).cloned().unwrap_or_default();
    let linked = customer
        .records
        .keys()
        .any(|other| terms.mapping.is_salesforce(other));
    if linked || state.gone.is_some() {
        return create::give_up(journal, terms, record);
    }
    if !telling(journal, &bridge, section, &state).is_subset(&state.claimed) {
        // Its identifiers changed while we looked: the answer is to another question.
        create::give_up(journal, terms, record);
        return pursue::pursue(journal, terms, record, true);
    }
    let kept_apart = |row: &&RecordSnapshot| is_apart(journal, &bridge, &customer, &row.record);
    let apart: Vec<&RecordSnapshot> = rows.iter().filter(kept_apart).collect();
    if apart
        .iter()
        .any(|row| bears_key(terms, section, record, row))
    {
        // What is created by our key would be written into that one. Once the view knows that it
        // bears it, nobody looks again before it is gone.
        journal.trace("our_key_is_borne_apart", Some(record));
        let apart: Vec<RecordSnapshot> = apart.into_iter().cloned().collect();
        let known = |row: &&RecordSnapshot| {
            record_state(journal, &bridge, &row.record).is_some_and(|state| state.gone.is_none())
        };
        let known: Vec<&RecordSnapshot> = apart.iter().filter(known).collect();
        for row in known {
            row_read(journal, terms, row, Via::Lookup);
        }
        return create::give_up(journal, terms, record);
    }
    let mut verdict = in_rows(
        journal,
        &bridge,
        terms.mapping,
        section,
        &customer,
        &state,
        rows,
    );
    if let (Verdict::Nobody, true, Some(key)) = (&verdict, truncated, state.keys.last())
        && !apart.is_empty()
    {
        // More match than were listed.
        verdict = Verdict::Asked {
            records: apart.iter().map(|row| row.record.clone()).collect(),
            key: *key,
        };
    }
    if verdict == Verdict::Nobody && is_left_out(journal, terms, section, record, rows) {
        return create::give_up(journal, terms, record);
    }
    match verdict {
        Verdict::Nobody => create::create(journal, terms, record, true),
        // Who else matches was not listed.
        Verdict::One { record: to, key } if truncated => {
            let asked = Verdict::Asked {
                records: vec![to],
                key,
            };
            pursue::found(journal, terms, record, asked, rows);
        }
        Verdict::All { records, key } if truncated => {
            pursue::found(
                journal,
                terms,
                record,
                Verdict::Asked { records, key },
                rows,
            );
        }
        verdict => pursue::found(journal, terms, record, verdict, rows),
    }
}

/// Whether the counterpart is there and takes no part: nothing is made beside it. Once the view
/// knows it, nobody looks again.
fn is_left_out<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    rows: &[RecordSnapshot],
) -> bool {
    let bridge = journal.bridge().clone();
    let Some(customer) = customer_of(journal, &bridge, record) else {
        return false;
    };
    let participation = Participation {
        view: &*journal,
        bridge: &bridge,
        mapping: terms.mapping,
        section,
    };
    let hidden = left_out_rows(participation, &customer, &customer.records[record], rows);
    if hidden.is_empty() {
        return false;
    }
    journal.trace("counterpart_left_out", Some(record));
    for row in hidden {
        row_read(journal, terms, row, Via::Lookup);
    }
    true
}

/// The answer to a creation.
pub fn creation<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    waiting: &Outstanding,
    write: &WriteCommand,
    result: &CommandResult,
) {
    let origin = waiting.record.clone();
    if terms.mapping.is_salesforce(&origin) {
        return outward::settle(journal, terms, waiting, write, result);
    }
    let settled = |record: &RecordRef, ending| E::WriteSettled {
        command: waiting.command.id,
        attempt: result.attempt,
        record: record.clone(),
        ending,
    };
    match &result.outcome {
        Outcome::Written {
            record,
            created,
            values,
            version,
        } => {
            let (values, version) = (values.clone(), *version);
            let ending = WriteEnding::Done {
                created: *created,
                values,
                version,
            };
            created_record(
                journal,
                terms,
                waiting,
                &origin,
                record,
                settled(record, ending),
            );
        }
        Outcome::AlreadyThere { snapshot } | Outcome::FoundOther { snapshot } => {
            let record = &snapshot.record;
            let version = Some(snapshot.version);
            let ending = WriteEnding::Done {
                created: false,
                values: Some(as_sent(terms, write, snapshot)),
                version,
            };
            created_record(
                journal,
                terms,
                waiting,
                &origin,
                record,
                settled(record, ending),
            );
            // What somebody has made of the record since it was created.
            shown(journal, terms, snapshot, Via::Write);
        }
        Outcome::Rejected(rejection) => {
            journal.emit(settled(&origin, WriteEnding::Rejected(rejection.clone())));
            refused(journal, terms, &origin, write, rejection);
        }
        Outcome::NotFound { .. } => {
            let rejection = gone(System::Salesforce);
            journal.emit(settled(&origin, WriteEnding::Rejected(rejection.clone())));
            refused(journal, terms, &origin, write, &rejection);
        }
        Outcome::Unknown { reason } => {
            journal.emit(settled(
                &origin,
                WriteEnding::Unknown {
                    reason: reason.clone(),
                },
            ));
            if !pause::rests(journal, terms, &origin) {
                look_again(journal, terms, &origin);
            }
        }
        Outcome::Read { .. } | Outcome::LookedUp { .. } => {
            journal.trace("answer_of_another_kind", Some(&origin));
        }
    }
}

/// Whether a row bears our key for a record of Intercom.
fn bears_key(
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    row: &RecordSnapshot,
) -> bool {
    let rule = section.rule(MatchRule::Explicit);
    let borne = rule.and_then(|by| row.fields.get(&by.salesforce));
    let key = terms.mapping.explicit_key(record).map(Value::text);
    borne.is_some() && borne == key.as_ref()
}

/// Those of the fields that were sent which the record holds, in whatever form.
pub fn as_sent(terms: &Terms<'_>, write: &WriteCommand, snapshot: &RecordSnapshot) -> Fields {
    let record = &snapshot.record;
    let (system, section) = (
        terms.mapping.system_of(record),
        terms.mapping.section_of(record),
    );
    let mut values = Fields::new();
    for sent in &write.fields {
        let field = section
            .and_then(|section| section.written_as(system, record.object.as_str(), &sent.name));
        let same = |stored: &Value| {
            *stored == sent.value || field.is_some_and(|one| one.equivalent(&sent.value, stored))
        };
        if let Some(stored) = snapshot.fields.get(&sent.name).filter(|one| same(one)) {
            values.insert(sent.name.clone(), stored.clone());
        }
    }
    values
}

/// What a record that we created was shown to hold before the answer came, and differs from what
/// was sent: the remote's own form of it, or somebody's move. `automatic` tells the fields in which
/// it was made by the creation itself.
pub fn shown_before<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    waiting: &Outstanding,
    record: &RecordRef,
    automatic: impl Fn(&FieldMap) -> bool,
) {
    let state = record_state(journal, journal.bridge(), record);
    let (CommandKind::Write(write), Some(state), Some(section)) = (
        &waiting.command.kind,
        state,
        terms.mapping.section_of(record),
    ) else {
        return;
    };
    let system = terms.mapping.system_of(record);
    let (mut fields, mut against) = (Fields::new(), BTreeSet::new());
    for sent in &write.fields {
        let stored = state.seen.get(&sent.name).filter(|seen| seen.confirmed);
        let Some(stored) = stored.filter(|seen| seen.value != sent.value) else {
            continue;
        };
        let name = &sent.name;
        let field = section.written_as(system, record.object.as_str(), name);
        let speaks = field
            .filter(|one| one.flows_from(system) && !one.equivalent(&sent.value, &stored.value));
        let Some(field) = speaks else {
            journal.emit(E::FormAccepted {
                record: record.clone(),
                name: name.clone(),
                desired: sent.value.clone(),
                stored: stored.value.clone(),
            });
            continue;
        };
        if automatic(field) {
            against.insert(name.clone());
        }
        fields.insert(name.clone(), stored.value.clone());
    }
    let moved = Move {
        record,
        before: &state,
        fields: &fields,
        version: state.version,
        via: Via::Feed,
        against: &against,
    };
    agree::agree(journal, terms, section, &moved);
}

/// A creation was refused: a person is told, and those who stood in line go on.
pub fn refused<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    origin: &RecordRef,
    write: &WriteCommand,
    rejection: &Rejection,
) {
    let behind = pursue::waiting_behind(journal, origin);
    block(
        journal,
        origin,
        writes::pair(origin, &write.fields),
        rejection,
    );
    pursue::release(journal, terms, behind);
}

/// Nobody knows whether the record was created: a read decides, never a second write.
pub fn look_again<J: Journal>(journal: &mut J, terms: &Terms<'_>, origin: &RecordRef) {
    let state = record_state(journal, journal.bridge(), origin);
    if let (Some(section), Some(state)) = (terms.mapping.section_of(origin), state) {
        let keys = telling(journal, journal.bridge(), section, &state);
        let lookup = pursuit::lookup(terms.mapping, section, &state, &keys, origin);
        request::look_up(journal, terms, lookup, ReadPurpose::AfterUnknown);
    }
}

/// The record stands: it is linked, what was sent is seen, and what was decided meanwhile follows.
fn created_record<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    waiting: &Outstanding,
    origin: &RecordRef,
    record: &RecordRef,
    settled: E,
) {
    let bridge = journal.bridge().clone();
    let behind = pursue::waiting_behind(journal, origin);
    reconcile::unblock(journal, origin, "created");
    let evidence = waiting.command.id.to_string();
    let before = customer_of(journal, &bridge, record);
    link::join(
        journal,
        terms,
        origin,
        record,
        MatchRule::Created,
        &evidence,
    );
    journal.emit(settled);
    // What its own customer founded is what the org's automation made of the creation; what moved
    // since is a change like any other.
    let automatic = |field: &FieldMap| {
        let alone = before.as_ref();
        let decided = alone.and_then(|alone| alone.decided.get(&field.intercom));
        decided.is_none_or(|decided| decided.policy == "founding")
    };
    shown_before(journal, terms, waiting, record, automatic);
    rekey(journal, terms, record);
    if let Some(section) = terms.mapping.section_of(record) {
        first_link::created(journal, terms, section, origin, record);
    }
    let customer = customer_of(journal, &bridge, origin).expect("it was linked above");
    let target = Target {
        system: terms.mapping.system_of(record),
        record,
        state: &customer.records[record],
    };
    let section = terms.mapping.section_of(record);
    if let Some((section, rule)) = section.and_then(|s| Some((s, s.create.as_ref()?))) {
        let name = placed_company_name(waiting, rule);
        let name = name.as_ref();
        let mut wanted = desires::after_creation(section, rule, &customer, target, name);
        if let Some(by) = section.rule(MatchRule::Explicit) {
            let key = terms.mapping.explicit_key(origin).unwrap_or_default();
            let name = by.salesforce.clone();
            wanted.push(Desire {
                name,
                value: Value::text(key),
                basis: Basis::Key,
            });
        }
        reconcile::desire(journal, terms, record, wanted);
        convert::taken_over(journal, terms, section, record);
    }
    create::name_company(journal, terms, origin);
    pause::answered(journal, origin);
    pursue::release(journal, terms, behind);
    pursue::counterparts(journal, terms, record);
}

/// The company name that the creation was sent with; none if it was sent with the stand-in.
fn placed_company_name(waiting: &Outstanding, rule: &CreateRule) -> Option<Value> {
    let CommandKind::Write(write) = &waiting.command.kind else {
        return None;
    };
    let field = rule.company_name.as_ref()?;
    let sent = write.fields.iter().find(|one| one.name == *field)?;
    let stand_in = rule
        .placeholders
        .get(field)
        .map(|text| Value::text(text.as_str()));
    (Some(&sent.value) != stand_in.as_ref()).then(|| sent.value.clone())
}
