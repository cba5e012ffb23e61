//! Records of Salesforce that become contacts and companies of Intercom, by rule and once.

use super::stage::*;
use crate::domain::view::Pursuit;
use crate::domain::{
    Change, Command, CommandKind, EventKind, Fields, Gone, MatchRule, ObservationBody, Outcome,
    ReadCommand, RecordRef, RecordSnapshot, RejectClass, Rejection, Topic, Value, Version,
    WriteTarget, Writer,
};
use crate::mapping::MARKER;
use crate::processor::tests::splitting::{is_one, say};
use crate::processor::tests::world::*;

const KEY: &str = "Intercom_Contact_ID__c";
const NAMES: &str = "custom_attributes.SALESFORCE_ID";
const ID: &str = "003000000000001AAA";

fn rule(text: &str) -> String {
    BOTH.replace(
        "  create:\n",
        &format!("  create:\n    intercom_contact: {text}\n"),
    )
}

fn leads() -> String {
    rule("{when: 'record.Title == \"CTO\"', role: lead}")
}

fn rep() -> RecordRef {
    salesforce("Contact", ID)
}

const ADA_THERE: [(&str, &str); 4] = [
    ("Email", ADA),
    ("FirstName", "Ada"),
    ("LastName", "Lovelace"),
    ("Title", "CTO"),
];

/// A world in which a record of Salesforce is shown that the rule holds for.
fn stage(mapping: &str) -> Pair {
    Pair {
        world: World::with_mapping(mapping),
        contact: contact("i1"),
        lead: rep(),
    }
}

fn made_there(pair: &mut Pair, fields: &[(&str, &str)]) -> Vec<Command> {
    let record = pair.lead.clone();
    pair.event_of(
        &record,
        EventKind::Created,
        5,
        Writer::Foreign,
        texts(fields),
    )
}

/// The contact as Intercom shows it after it was created by this command.
fn as_made(create: &Command, id: &str, second: i64, role: &str) -> RecordSnapshot {
    let mut shown = lead(id, second * 1000, &[]);
    shown.version = Version::second(second);
    shown.fields.insert("role".into(), Value::text(role));
    let WriteTarget::Create {
        key_field,
        key_value,
        ..
    } = &write_of(create).target
    else {
        panic!("it creates nothing");
    };
    let key = (key_field.clone(), Value::text(key_value.as_str()));
    let sent = write_of(create).fields.iter();
    let sent = sent.map(|field| (field.name.clone(), field.value.clone()));
    shown.fields.extend(sent.chain([key]));
    shown
}

fn answered(shown: &RecordSnapshot) -> Outcome {
    Outcome::Written {
        record: shown.record.clone(),
        created: true,
        values: Some(shown.fields.clone()),
        version: Some(shown.version),
    }
}

fn creating(mapping: &str) -> (Pair, Command) {
    let mut pair = stage(mapping);
    let look = made_there(&mut pair, &ADA_THERE);
    assert!(look.len() == 1 && is_lookup(&look[0]), "{look:?}");
    let create = pair.world.answer(&look[0], found(&[]));
    assert!(create.len() == 1 && is_create(&create[0]), "{create:?}");
    (pair, create[0].clone())
}

fn creations(pair: &Pair) -> usize {
    let first = |command: &&Command| is_create(command) && command.attempt == 1;
    pair.world.commands.iter().filter(first).count()
}

#[test]
fn a_record_that_meets_the_rule_becomes_a_contact_after_a_look_found_none() {
    let mut pair = stage(&leads());
    let look = made_there(&mut pair, &ADA_THERE);
    let CommandKind::Read(ReadCommand::Lookup(lookup)) = &look[0].kind else {
        panic!("{look:?}")
    };
    assert_eq!(look[0].source, support());
    let asked = [(MARKER, ID), ("email", ADA)];
    assert_eq!(
        lookup.queries[0].any_of,
        asked.map(|(name, value)| (name.into(), value.into()))
    );
    let create = pair.world.answer(&look[0], found(&[]));
    assert_eq!(create[0].source, support());
    let sent = fields(&create[0]);
    for (name, value) in [
        ("name", "Ada Lovelace"),
        ("email", ADA),
        (TITLE, "CTO"),
        ("custom_attributes.SALESFORCE_ID", ID),
    ] {
        let one = (name.to_owned(), value.to_owned());
        assert!(sent.contains(&one), "{name} in {sent:?}");
    }
    let shown = as_made(&create[0], "i1", 6, "lead");
    let out = pair.world.answer(&create[0], answered(&shown));
    let key = [(KEY, "abc123:i1")];
    assert_eq!(out.len(), 1, "our key, and nothing else: {out:?}");
    assert_eq!(fields(&out[0]), pairs(&key));
    pair.settle(out, 7);
    assert!(pair.is_at_rest());
    let customer = pair.world.customer(&pair.contact);
    assert_eq!(customer.links[0].rule, MatchRule::Created);
    assert_eq!(customer.links[0].left, pair.contact);
    assert_eq!(pair.world.show(shown), vec![], "its echo is no news");
    let out = pair.event(50, Writer::Foreign, &[("Title", "CEO")]);
    assert_eq!(fields(&out[0]), pairs(&[(TITLE, "CEO")]));
}

/// Taken apart, a contact that we made of a record keeps who it is and names that record no more.
#[test]
fn a_contact_of_our_making_that_is_taken_apart_names_its_record_no_more() {
    for told_first in [false, true] {
        let (mut pair, create) = creating(&leads());
        let shown = as_made(&create, "i1", 6, "lead");
        let mut out = Vec::new();
        if told_first {
            out.extend(pair.world.show(shown.clone()));
        }
        out.extend(pair.world.answer(&create, answered(&shown)));
        pair.settle(out, 7);
        let decided = ObservationBody::LinkDecided {
            left: pair.contact.clone(),
            right: pair.lead.clone(),
            same: false,
            by: "ann".to_owned(),
        };
        let out = pair.world.take(Topic::Decisions, decided);
        let contact = pair.contact.clone();
        let written = writes_to(&out, &contact);
        let sent: Vec<_> = written.iter().flat_map(|write| fields(write)).collect();
        let gone = [("custom_attributes.SALESFORCE_ID", ""), (MARKER, "")];
        assert_eq!(sent, pairs(&gone), "told first: {told_first}");
        assert!(
            !out.iter().any(is_lookup),
            "who bears the marker would be found: {out:?}"
        );
        // Once nobody bears it, another one is made.
        let look = until_looked_for(&mut pair, out);
        let create = pair.world.answer(&look, found(&[]));
        assert!(create.len() == 1 && is_create(&create[0]), "{create:?}");
        // A repeat that finds the old one all the same has found nobody.
        let mut there = as_made(&create[0], "i1", 6, "lead");
        there.version = Version::second(20);
        let snapshot = there.clone();
        pair.world
            .answer(&create[0], Outcome::AlreadyThere { snapshot });
        let rep = pair.world.customer(&pair.lead);
        assert!(!rep.records.contains_key(&pair.contact));
    }
}

/// Answers every write until the record is looked for in Intercom again.
fn until_looked_for(pair: &mut Pair, commands: Vec<Command>) -> Command {
    let mut waiting = commands;
    for second in 30..60 {
        let (look, writes): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_lookup);
        if let Some(look) = look.into_iter().next() {
            return look;
        }
        waiting = Vec::new();
        for write in writes {
            let stored: Fields = write_of(&write)
                .fields
                .iter()
                .map(|field| (field.name.clone(), field.value.clone()))
                .collect();
            let WriteTarget::Record(record) = &write_of(&write).target else {
                panic!("{write:?}")
            };
            let values = (!record.object.as_str().contains("Contact")).then_some(stored);
            let outcome = Outcome::Written {
                record: record.clone(),
                created: false,
                version: values.is_some().then(|| Version::second(second)),
                values,
            };
            waiting.extend(pair.world.answer(&write, outcome));
        }
    }
    panic!("it is looked for by nobody");
}

/// Found by the simulation: what our repair had replaced passed for the contact's own.
#[test]
fn a_contact_of_our_making_that_is_taken_apart_twice_names_its_record_no_more() {
    for crossing in [false, true] {
        let (mut pair, create) = creating(&leads());
        let shown = as_made(&create, "i1", 6, "lead");
        let out = pair.world.answer(&create, answered(&shown));
        pair.settle(out, 7);
        let (contact, row) = (pair.contact.clone(), pair.lead.clone());
        let repairs = say(&mut pair, &contact, &row, false);
        let out = match crossing {
            true => [repairs, say(&mut pair, &contact, &row, true)].concat(),
            false => {
                write_all(&mut pair, repairs, 20);
                assert_eq!(pair.seen(&contact, NAMES), Value::Null);
                say(&mut pair, &contact, &row, true)
            }
        };
        write_all(&mut pair, out, 40);
        assert!(is_one(&pair.world, &contact, &row));
        assert_eq!(pair.seen(&contact, NAMES), Value::text(ID));
        assert_eq!(pair.seen(&row, KEY), Value::text("abc123:i1"));
        let out = say(&mut pair, &contact, &row, false);
        write_all(&mut pair, out, 60);
        assert_eq!(pair.seen(&contact, NAMES), Value::Null, "{crossing}");
        assert_eq!(pair.seen(&row, KEY), Value::Null);
        // What it was created with otherwise is its own.
        assert_eq!(pair.seen(&contact, TITLE), Value::text("CTO"));
        assert_eq!(pair.seen(&contact, "email"), Value::text(ADA));
    }
}

/// Answers every write that is asked for, and nothing else.
fn write_all(pair: &mut Pair, mut commands: Vec<Command>, mut second: i64) {
    while let Some(command) = commands.pop() {
        if matches!(command.kind, CommandKind::Write(_)) && !is_create(&command) {
            second += 1;
            commands.extend(pair.done(&command, second));
        }
    }
}

#[test]
fn a_record_that_the_rule_does_not_hold_for_asks_nobody() {
    let mut pair = stage(&leads());
    let mut other = ADA_THERE;
    other[3] = ("Title", "CEO");
    assert_eq!(made_there(&mut pair, &other), vec![]);
    let out = pair.event(9, Writer::Foreign, &[("Title", "CTO")]);
    assert!(is_lookup(&out[0]), "until it does");
}

#[test]
fn whoever_holds_the_address_in_intercom_is_linked_and_nothing_is_made() {
    let mut pair = stage(&leads());
    let look = made_there(&mut pair, &ADA_THERE);
    let there = lead("i1", 2000, &[("email", ADA), ("name", "A. Lovelace")]);
    let out = pair.world.answer(&look[0], found(&[there]));
    assert!(!out.iter().any(is_create), "{out:?}");
    let customer = pair.world.customer(&pair.contact);
    assert!(customer.records.contains_key(&pair.lead));
    assert_eq!(customer.links[0].rule, MatchRule::Email);
    pair.settle(out, 10);
    assert!(pair.is_at_rest());
    let name = pair.seen(&pair.contact, "name");
    assert_eq!(name, Value::text("A. Lovelace"), "values stay");
}

#[test]
fn a_notification_before_the_answer_is_the_same_contact() {
    let (mut pair, create) = creating(&leads());
    let mut shown = as_made(&create, "i1", 6, "lead");
    shown.fields.remove("email");
    shown.fields.insert(TITLE.into(), Value::text("Agent's"));
    shown.version = Version::second(8);
    let out = pair.world.show(shown);
    assert!(
        pair.world
            .customer(&pair.contact)
            .records
            .contains_key(&pair.lead)
    );
    assert!(!out.iter().any(is_create), "the marker tells: {out:?}");
    let answer = as_made(&create, "i1", 6, "lead");
    let mut more = pair.world.answer(&create, answered(&answer));
    more.extend(out);
    let held = pair.seen(&pair.contact, TITLE);
    assert_eq!(
        held,
        Value::text("Agent's"),
        "an older answer sets nothing back"
    );
    pair.settle(more, 9);
    assert!(pair.is_at_rest());
    assert_eq!(pair.seen(&pair.lead, "Title"), Value::text("Agent's"));
    assert_eq!(creations(&pair), 1);
}

#[test]
fn what_we_made_in_intercom_is_not_made_in_salesforce_again() {
    let (mut pair, create) = creating(&leads());
    let shown = as_made(&create, "i1", 6, "lead");
    // An agent qualified it at once, and its notification comes first.
    let out = pair.world.qualify(shown.clone());
    assert!(
        !out.iter().any(|one| is_lookup(one) || is_create(one)),
        "{out:?}"
    );
    let more = pair.world.answer(&create, answered(&shown));
    assert!(
        !more.iter().any(|one| is_lookup(one) || is_create(one)),
        "{more:?}"
    );
}

#[test]
fn a_second_record_with_the_address_of_a_customer_is_put_before_a_person() {
    let (mut pair, create) = creating(&leads());
    let second = salesforce("Contact", "003000000000002AAA");
    let waits = pair.event_of(
        &second,
        EventKind::Created,
        6,
        Writer::Foreign,
        texts(&ADA_THERE),
    );
    assert_eq!(waits, vec![], "it stands in line");
    let shown = as_made(&create, "i1", 7, "lead");
    pair.world.answer(&create, answered(&shown));
    let state = pair.world.state(&second);
    assert!(
        matches!(state.pursuit, Pursuit::InReview { .. }),
        "{:?}",
        state.pursuit
    );
    assert_eq!(creations(&pair), 1);
}

#[test]
fn a_creation_in_doubt_is_asked_again_by_the_same_command_and_never_made_twice() {
    let (mut pair, create) = creating(&leads());
    let reason = "timeout".into();
    let out = pair.world.answer(&create, Outcome::Unknown { reason });
    assert_eq!(out, vec![], "search lags: nobody looks, and nobody writes");
    let again = pair.world.pass(DEADLINE_MS + 1);
    assert_eq!((again[0].id, again[0].attempt), (create.id, 2));
    let snapshot = as_made(&create, "i1", 6, "lead");
    let out = pair
        .world
        .answer(&again[0], Outcome::AlreadyThere { snapshot });
    pair.settle(out, 70);
    assert!(pair.is_at_rest());
    assert_eq!(creations(&pair), 1);
}

#[test]
fn a_refused_creation_is_told_and_tried_again_when_the_record_changes() {
    let (mut pair, create) = creating(&leads());
    let rejection = Rejection {
        class: RejectClass::BadData,
        code: "parameter_invalid".into(),
        text: String::new(),
        fields: vec!["email".into()],
        records: Vec::new(),
        hint: String::new(),
    };
    let out = pair.world.answer(&create, Outcome::Rejected(rejection));
    assert_eq!(out, vec![]);
    assert_eq!(pair.count("review_opened"), 1);
    let same = pair.event(9, Writer::Foreign, &[("Status", "x")]);
    assert_eq!(same, vec![], "as it is it stays refused");
    let look = pair.event(10, Writer::Foreign, &[("Email", "ada@elsewhere.example")]);
    assert!(is_lookup(&look[0]), "{look:?}");
    let create = pair.world.answer(&look[0], found(&[]));
    assert!(is_create(&create[0]));
}

#[test]
fn a_lead_converted_while_its_contact_is_made_has_one_and_the_key_goes_on() {
    let mut pair = stage(&leads());
    let lead = salesforce("Lead", "00Q000000000001AAA");
    let mut told = texts(&ADA_THERE);
    told.extend(texts(&[("IsConverted", "false")]));
    let look = pair.event_of(&lead, EventKind::Created, 5, Writer::Foreign, told);
    let create = pair.world.answer(&look[0], found(&[]));
    let became = texts(&[("IsConverted", "true"), ("ConvertedContactId", ID)]);
    let mut out = pair.event_of(&lead, EventKind::Updated, 6, Writer::Foreign, became);
    out.extend(made_there(&mut pair, &ADA_THERE));
    let asks = |one: &Command| is_lookup(one) || is_create(one);
    assert!(!out.iter().any(asks), "{out:?}");
    let shown = as_made(&create[0], "i1", 7, "lead");
    out.extend(pair.world.answer(&create[0], answered(&shown)));
    pair.settle(out, 8);
    assert!(pair.is_at_rest());
    let id = pair.seen(&pair.contact, "custom_attributes.SALESFORCE_ID");
    assert_eq!(id, Value::text(ID), "the contact speaks for the lead");
    assert_eq!(pair.seen(&pair.lead, KEY), Value::text("abc123:i1"));
    assert_eq!(creations(&pair), 1);
}

#[test]
fn what_was_deleted_in_intercom_is_not_made_again() {
    let (mut pair, create) = creating(&leads());
    let shown = as_made(&create, "i1", 6, "lead");
    let out = pair.world.answer(&create, answered(&shown));
    pair.settle(out, 7);
    pair.world.change(Change::Left {
        record: contact("i1"),
        how: Gone::Deleted,
        at: None,
    });
    let out = pair.event(50, Writer::Foreign, &[("Title", "CEO")]);
    assert_eq!(out, vec![]);
    let out = pair.event(51, Writer::Foreign, &[("Title", "CTO")]);
    assert_eq!(out, vec![]);
    assert_eq!(creations(&pair), 1);
}

#[test]
fn one_that_bears_our_key_is_looked_for_by_it_and_never_made() {
    let mut pair = stage(&leads());
    let mut told = texts(&ADA_THERE);
    told.extend(texts(&[(KEY, "abc123:i9")]));
    let record = pair.lead.clone();
    let look = pair.event_of(&record, EventKind::Created, 5, Writer::Foreign, told);
    let CommandKind::Read(ReadCommand::Lookup(lookup)) = &look[0].kind else {
        panic!("{look:?}")
    };
    let by_id = ("id".into(), "i9".to_owned());
    assert!(lookup.queries[0].any_of.contains(&by_id));
    assert_eq!(pair.world.answer(&look[0], found(&[])), vec![]);
    let out = pair.event(9, Writer::Foreign, &[("Phone", "+14155552671")]);
    assert_eq!(out, vec![], "and not at each change");
}

#[test]
fn a_user_is_made_by_its_external_id() {
    let text = rule("{when: 'true', role: user, external_id: Ref__c, from: Contact}");
    let mut pair = stage(&text);
    let waits = made_there(&mut pair, &ADA_THERE);
    assert_eq!(waits, vec![], "it lacks one");
    let missing = vec!["Ref__c".to_owned()];
    assert_eq!(
        pair.world.state(&rep()).pursuit,
        Pursuit::Waiting { missing }
    );
    let look = pair.event(9, Writer::Foreign, &[("Ref__c", "u-7")]);
    let create = pair.world.answer(&look[0], found(&[]));
    let WriteTarget::Create {
        key_field,
        key_value,
        ..
    } = &write_of(&create[0]).target
    else {
        panic!("{create:?}")
    };
    assert_eq!(
        (key_field.as_str(), key_value.as_str()),
        ("external_id", "u-7")
    );
    // Its notification is known by the id, whatever the address is by then.
    let mut shown = as_made(&create[0], "i1", 10, "user");
    shown
        .fields
        .insert("email".into(), Value::text("other@example.com"));
    pair.world.show(shown);
    assert!(
        pair.world
            .customer(&contact("i1"))
            .records
            .contains_key(&rep())
    );
}

#[test]
fn an_account_becomes_a_company_by_its_company_id() {
    let companies = "companies:
  objects: {intercom: company, salesforce: [Account]}
  match: [{account_key: {salesforce: Id, intercom: company_id}}]
  create: {intercom_company: {when: has(record.Website), company_id: Id}}
  fields:
    - {intercom: name, salesforce: Name, owner: salesforce, direction: to_intercom, meaning: m}
    - {intercom: website, salesforce: Website, owner: salesforce,
       direction: to_intercom, meaning: m}
";
    let mut pair = stage(&format!("{BOTH}{companies}"));
    pair.lead = salesforce("Account", "001000000000001AAA");
    pair.contact = company("k1");
    let told = [("Name", "Engines"), ("Website", "engines.example")];
    let look = made_there(&mut pair, &told);
    let create = pair.world.answer(&look[0], found(&[]));
    assert_eq!(
        fields(&create[0]),
        pairs(&[("name", "Engines"), ("website", "engines.example")])
    );
    let mut values: Fields = texts(&told.map(|(name, value)| match name {
        "Name" => ("name", value),
        _ => ("website", value),
    }));
    values.insert("company_id".into(), Value::text("001000000000001AAA"));
    let outcome = Outcome::Written {
        record: company("k1"),
        created: true,
        values: Some(values),
        version: Some(Version::second(6)),
    };
    let out = pair.world.answer(&create[0], outcome);
    pair.settle(out, 7);
    assert!(pair.is_at_rest());
    let out = pair.event(50, Writer::Foreign, &[("Name", "Engines Ltd")]);
    assert_eq!(fields(&out[0]), pairs(&[("name", "Engines Ltd")]));
}
