//! A person joins the company of the account.

use super::stage::*;
use crate::domain::{
    Command, CommandKind, EventKind, Outcome, RejectClass, Rejection, WriteTarget,
};
use crate::domain::{RecordSnapshot, Version, Writer};
use crate::processor::tests::world::*;

const ACCOUNT: &str = "001000000000001AAA";

pub(super) fn joins(command: &Command) -> Option<String> {
    match &command.kind {
        CommandKind::Write(write) => match &write.target {
            WriteTarget::Attach { company, .. } => Some(company.id.clone()),
            _ => None,
        },
        CommandKind::Read(_) => None,
    }
}

/// A pair whose contact belongs to an account that is linked to the company `acme`.
pub(super) fn at_the_account() -> (Pair, Vec<Command>) {
    let mapping = format!("{BOTH}{COMPANIES}");
    let mut pair = Pair::of(&mapping);
    let known = RecordSnapshot {
        record: company("acme"),
        version: Version::exact_ms(1_000),
        fields: texts(&[("company_id", "A-1"), ("name", "Acme")]),
        tags: None,
        companies: None,
    };
    let look = pair.world.show(known);
    for command in look {
        pair.world.answer(&command, found(&[]));
    }
    let account = salesforce("Account", ACCOUNT);
    let key = texts(&[("Intercom_Company_ID__c", "A-1")]);
    pair.event_of(&account, EventKind::Created, 20, Writer::Foreign, key);
    assert_eq!(pair.world.customer(&account).records.len(), 2);
    let made = salesforce("Contact", "003000000000009AAA");
    let all = texts(&[
        ("Email", ADA),
        ("LastName", "Lovelace"),
        ("AccountId", ACCOUNT),
    ]);
    pair.event_of(&made, EventKind::Created, 30, Writer::Foreign, all);
    let lead = pair.lead.clone();
    let became = texts(&[
        ("IsConverted", "true"),
        ("ConvertedContactId", "003000000000009AAA"),
    ]);
    let out = pair.event_of(&lead, EventKind::Updated, 30, Writer::Foreign, became);
    (pair, out)
}

/// Carries out everything up to the joining.
fn up_to_joining(pair: &mut Pair, mut out: Vec<Command>) -> Command {
    let mut second = 40;
    while let Some(command) = out.pop() {
        if joins(&command).is_some() {
            return command;
        }
        second += 1;
        out.extend(pair.done(&command, second));
    }
    panic!("nobody joins");
}

#[test]
fn the_person_joins_the_company_of_the_account_once() {
    let (mut pair, out) = at_the_account();
    let join = up_to_joining(&mut pair, out);
    assert_eq!(joins(&join).as_deref(), Some("acme"));
    assert_eq!(
        pair.world.answer(&join, written(&contact("c1"), false)),
        vec![]
    );
    assert!(pair.world.state(&contact("c1")).companies.contains("acme"));
    let out = pair.event(90, Writer::Foreign, &[("Status", "x")]);
    assert!(out.iter().all(|command| joins(command).is_none()));
}

#[test]
fn a_refused_joining_is_told_and_waits_for_a_change() {
    let (mut pair, out) = at_the_account();
    let join = up_to_joining(&mut pair, out);
    let refused = Outcome::Rejected(Rejection {
        class: RejectClass::BadData,
        code: "contact_company_limit_exceeded".into(),
        text: String::new(),
        fields: Vec::new(),
        records: Vec::new(),
        hint: String::new(),
    });
    assert_eq!(pair.world.answer(&join, refused), vec![]);
    assert_eq!(pair.count("review_opened"), 1);
    assert_eq!(pair.world.pass(10 * DEADLINE_MS), vec![]);
    let made = salesforce("Contact", "003000000000009AAA");
    let moved = texts(&[("Title", "CTO")]);
    let out = pair.event_of(&made, EventKind::Updated, 95, Writer::Foreign, moved);
    let more = pair.done(&out[0], 96);
    assert_eq!(
        more.len(),
        1,
        "the record has changed, so it is tried once more"
    );
    assert!(joins(&more[0]).is_some());
}
