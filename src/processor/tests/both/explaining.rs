//! What `identity explain` and `review list` say of the view.

use serde_json::{Value as Json, json};

use super::stage::*;
use crate::domain::{EventKind, Fields, Value};
use crate::domain::{ObservationBody, Outcome, ReviewAnswer, ReviewId, Topic, Writer};
use crate::processor::queries;
use crate::processor::tests::world::*;

/// The one customer that a query finds, explained.
fn explained(world: &World, query: &str) -> Json {
    let answer = queries::explain(&world.view, &bridge(), query);
    let customers = answer["customers"].as_array().unwrap();
    assert_eq!(customers.len(), 1, "{query}: {answer}");
    customers[0].clone()
}

fn reviews(world: &World) -> Vec<Json> {
    let listed = queries::reviews(&world.view, &bridge(), 10);
    listed.as_array().unwrap().clone()
}

fn answer(world: &mut World, review: &Json, answer: ReviewAnswer) -> Vec<crate::domain::Command> {
    let review = ReviewId::parse(review.as_str().unwrap()).unwrap();
    let by = "ann".to_owned();
    let body = ObservationBody::ReviewAnswered { review, answer, by };
    world.take(Topic::Decisions, body)
}

#[test]
fn a_pair_is_explained_by_its_rule_its_evidence_and_its_observation() {
    let pair = Pair::new();
    for query in [ADA, "support/contact/c1", "c1", "00Q000000000001AAA"] {
        let customer = explained(&pair.world, query);
        let link = &customer["linked_because"][0];
        assert_eq!(link["rule"], "Created", "{query}");
        assert_eq!(link["left"], "support/contact/c1");
        assert_eq!(link["right"], "sales/Lead/00Q000000000001AAA");
        assert!(
            link["meaning"]
                .as_str()
                .unwrap()
                .contains("created from the other")
        );
        assert!(!link["evidence"].as_str().unwrap().is_empty());
        assert!(link["observation"].as_str().is_some(), "{link}");
        assert!(link["journal_sequence"].as_u64().unwrap() > 0);
        for record in customer["records"].as_array().unwrap() {
            assert_eq!(record["gone"], Json::Null);
            assert!(record.get("not_linked_because").is_none(), "{record}");
        }
    }
    let nobody = queries::explain(&pair.world.view, &bridge(), "nobody@example.com");
    assert_eq!(nobody["customers"], json!([]));
}

#[test]
fn a_field_is_explained_by_who_said_it_and_what_each_record_holds() {
    let mut pair = Pair::new();
    let out = pair.event(40, Writer::Foreign, &[("Title", "Countess")]);
    pair.settle(out, 41);
    let customer = explained(&pair.world, ADA);
    let title = &customer["fields"][TITLE];
    assert_eq!(title["value"], "Countess");
    assert_eq!(title["from"], pair.lead.to_string());
    assert_eq!(
        (&title["owner"], &title["meaning"]),
        (&json!("salesforce"), &json!("position"))
    );
    assert!(title["observation"].as_str().is_some(), "{title}");
    assert_eq!(title["in_conflict"], Json::Null);
    let held = &title["records"];
    let ours = &held[pair.contact.to_string()][TITLE];
    assert_eq!(
        (&ours["value"], &ours["via"]),
        (&json!("Countess"), &json!("write"))
    );
    assert_eq!(ours["desired"], "Countess");
    let theirs = &held[pair.lead.to_string()]["Title"];
    assert_eq!(
        (&theirs["value"], &theirs["confirmed"]),
        (&json!("Countess"), &json!(true))
    );
}

#[test]
fn a_record_without_counterpart_says_what_each_rule_found_and_where_it_stands() {
    let mut world = World::with_mapping(BOTH);
    world.show(lead("c1", 1000, &[("email", ADA)]));
    let alone = |world: &World, query: &str| {
        let customer = explained(world, query);
        assert_eq!(customer["linked_because"], json!([]));
        customer["records"][0]["not_linked_because"].clone()
    };
    let why = alone(&world, "c1");
    assert!(
        why["stands"]
            .as_str()
            .unwrap()
            .contains("does not meet the condition"),
        "{why}"
    );
    let email = why["rules"].as_array().unwrap();
    let email = email.iter().find(|rule| rule["rule"] == "Email").unwrap();
    assert_eq!(email["finding"], "no known record holds it in Email");

    world.qualify(lead("c2", 1000, &[]));
    let why = alone(&world, "c2");
    assert_eq!(why["stands"], "it lacks email");
    let email = why["rules"].as_array().unwrap();
    let email = email.iter().find(|rule| rule["rule"] == "Email").unwrap();
    assert_eq!(email["finding"], "it has no email in Intercom");

    world.qualify(lead("c1", 2000, &[("email", ADA)]));
    let why = alone(&world, "c1");
    assert_eq!(
        why["stands"],
        "Salesforce is being asked who holds its keys"
    );
    world.qualify(lead("c3", 2000, &[("email", ADA)]));
    let why = alone(&world, "c3");
    assert_eq!(why["stands"], "it stands in line behind support/contact/c1");
}

/// A lead whose address two Contacts have.
fn ambiguous() -> World {
    let mut world = World::with_mapping(BOTH);
    let look = world.qualify(lead(
        "c1",
        1000,
        &[("email", ADA), ("name", "Ada Lovelace")],
    ));
    let rows = ["003000000000001AAA", "003000000000002AAA"].map(|id| {
        row(
            "Contact",
            id,
            1,
            &[("Email", ADA), ("LastName", "King"), ("Title", "Countess")],
        )
    });
    world.answer(&look[0], found(&rows));
    world
}

#[test]
fn doubt_is_listed_with_its_candidates_and_with_the_answers_it_takes() {
    let mut world = ambiguous();
    let items = reviews(&world);
    assert_eq!(items.len(), 1);
    let item = &items[0];
    let candidates = [
        "sales/Contact/003000000000001AAA",
        "sales/Contact/003000000000002AAA",
    ];
    assert_eq!(item["candidates"], json!(candidates));
    assert_eq!(item["record"], "support/contact/c1");
    assert_eq!(
        (&item["kind"], &item["bridge"]),
        (&json!("ambiguous"), &json!("main"))
    );
    let answers = item["answers"].as_str().unwrap();
    assert!(
        answers.starts_with("--link RECORD (one of sales/Contact/"),
        "{answers}"
    );
    let customer = explained(&world, "c1");
    let why = &customer["records"][0]["not_linked_because"]["stands"];
    let why = why.as_str().unwrap();
    assert!(why.starts_with("a person is asked (rev_"), "{why}");
    assert!(
        why.contains(candidates[0]) && why.contains(candidates[1]),
        "{why}"
    );

    let review = ReviewId::parse(item["review"].as_str().unwrap()).unwrap();
    let awaits = |world: &World, answer| queries::awaits(&world.view, &bridge(), &review, &answer);
    let to = salesforce("Contact", "003000000000002AAA");
    let link = || ReviewAnswer::Link { to: to.clone() };
    assert_eq!(awaits(&world, link()), Some(Ok(())));
    for other in [
        ReviewAnswer::Keep { record: to.clone() },
        ReviewAnswer::Link {
            to: salesforce("Contact", "003000000000009AAA"),
        },
    ] {
        assert!(matches!(awaits(&world, other), Some(Err(words)) if words.contains("--link")));
    }
    answer(&mut world, &item["review"], link());
    assert_eq!(awaits(&world, link()), None);
    assert_eq!(reviews(&world), Vec::<Json>::new());
}

#[test]
fn a_link_by_a_person_looks_before_it_fills_blanks() {
    let mut world = ambiguous();
    let review = reviews(&world)[0]["review"].clone();
    let to = salesforce("Contact", "003000000000002AAA");
    let out = answer(&mut world, &review, ReviewAnswer::Link { to: to.clone() });
    let customer = explained(&world, "c1");
    assert_eq!(customer["linked_because"][0]["meaning"], "a person said so");
    assert_eq!(out.len(), 1, "the record is read first: {out:?}");
    let mut fields: Fields = texts(&[("Email", ADA), ("LastName", "King"), ("Title", "Countess")]);
    fields.insert("Phone".into(), Value::Null);
    let mut snapshot = row("Contact", "003000000000002AAA", 1, &[]);
    snapshot.fields = fields;
    let out = world.answer(&out[0], Outcome::Read { snapshot });
    let written: Vec<String> = writes_to(&out, &to)
        .into_iter()
        .flat_map(|command| match &command.kind {
            crate::domain::CommandKind::Write(write) => write.fields.clone(),
            _ => Vec::new(),
        })
        .map(|field| field.name.to_string())
        .collect();
    assert!(
        written.contains(&"Intercom_Contact_ID__c".to_owned()),
        "{written:?}"
    );
    assert!(!written.contains(&"LastName".to_owned()), "{written:?}");
}

#[test]
fn a_conflict_shows_both_values_and_an_answer_ends_it() {
    let mut pair = Pair::new();
    let (ours, theirs) = ("custom_attributes.tier", "Tier__c");
    let out = pair.event(40, Writer::Foreign, &[(theirs, "Silver")]);
    pair.settle(out, 41);
    let out = pair.event(60, Writer::Foreign, &[(theirs, "Gold")]);
    let snapshot = pair.shown(61_000, &[(ours, "Bronze")]);
    pair.world.answer(&out[0], Outcome::FoundOther { snapshot });
    let items = reviews(&pair.world);
    let item = &items[0];
    assert_eq!(
        (&item["kind"], &item["field"]),
        (&json!("conflict"), &json!(ours))
    );
    let mut values: Vec<&str> = item["claims"]
        .as_array()
        .unwrap()
        .iter()
        .map(|claim| claim["value"].as_str().unwrap())
        .collect();
    values.sort_unstable();
    assert_eq!(values, ["Bronze", "Gold"]);
    let customer = explained(&pair.world, ADA);
    assert_eq!(customer["fields"][ours]["in_conflict"], item["review"]);
    assert_eq!(item["customer_id"], customer["customer_id"]);
    let record = pair.lead.clone();
    let out = answer(
        &mut pair.world,
        &item["review"],
        ReviewAnswer::Keep { record },
    );
    pair.settle(out, 100);
    let customer = explained(&pair.world, ADA);
    assert_eq!(customer["fields"][ours]["in_conflict"], Json::Null);
    assert_eq!(customer["fields"][ours]["policy"], "person");
}

#[test]
fn a_record_that_waits_for_its_contact_says_so_and_others_of_salesforce_do_not() {
    let rule = "  create:\n    intercom_contact: {when: 'record.Title == \"CTO\"', role: lead}\n";
    let mut pair = Pair {
        world: World::with_mapping(&BOTH.replace("  create:\n", rule)),
        contact: contact("i1"),
        lead: salesforce("Contact", "003000000000001AAA"),
    };
    let record = pair.lead.clone();
    let told = [("Email", ADA), ("LastName", "Lovelace"), ("Title", "CTO")];
    pair.event_of(
        &record,
        EventKind::Created,
        5,
        Writer::Foreign,
        texts(&told),
    );
    let customer = explained(&pair.world, ADA);
    let why = &customer["records"][0]["not_linked_because"];
    assert_eq!(why["stands"], "Intercom is being asked who holds its keys");
    let findings: Vec<&str> = why["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["finding"].as_str().unwrap())
        .collect();
    assert!(
        findings.contains(&"no known record holds it in email"),
        "{findings:?}"
    );
    assert!(
        findings.contains(&"it has no Intercom_Contact_ID__c in Salesforce"),
        "{findings:?}"
    );

    let mut pair = Pair {
        world: World::with_mapping(BOTH),
        ..pair
    };
    pair.event_of(
        &record,
        EventKind::Created,
        5,
        Writer::Foreign,
        texts(&told),
    );
    let customers = queries::explain(&pair.world.view, &bridge(), ADA);
    assert!(
        customers["customers"][0]["records"][0]
            .get("not_linked_because")
            .is_none()
    );
}
