//! Who is who by rules that the mapping chooses, and what keeps one bad identifier from making many
//! one customer.

use super::both::stage::{BOTH, Pair, TITLE, texts};
use super::world::*;
use crate::domain::journal::ReviewKind;
use crate::domain::view::{Pursuit, ViewEntry, ViewRead};
use crate::domain::{Change, Command, DomainEvent, EventKind, Fields, ObservationBody, RecordRef};
use crate::domain::{
    RecordSnapshot, ReviewAnswer, ReviewId, Topic, Value, Version, ViewKey, Writer,
};

const ADA: &str = "ada@example.com";
const EMAIL_RULE: &str = "    - email: {salesforce: Email, intercom: email}\n";

/// The mapping of these tests with more in the section of people.
fn with(more: &str) -> World {
    World::with_mapping(&MAPPING.replacen("  create:\n", &format!("{more}  create:\n"), 1))
}

/// The mapping of these tests with another rule in the place of that for addresses.
fn by(rule: &str) -> World {
    assert!(MAPPING.contains(EMAIL_RULE));
    World::with_mapping(&MAPPING.replace(EMAIL_RULE, rule))
}

/// The open review items with their kinds and reasons.
fn asked(world: &World) -> Vec<(ReviewId, ReviewKind, String)> {
    let (mut from, to) = ViewKey::range(&bridge(), 0x07);
    let mut items = Vec::new();
    while let Some((key, entry)) = world.view.first(&from, &to) {
        from = key.next();
        if let ViewEntry::Review(item) = &*entry {
            items.push((item.id, item.kind, item.reason.clone()));
        }
    }
    items
}

fn reasons(world: &World) -> Vec<String> {
    let items = asked(world).into_iter();
    items.map(|(_, _, reason)| reason).collect()
}

fn answer(world: &mut World, answer: ReviewAnswer) -> Vec<Command> {
    let review = asked(world)[0].0;
    let by = "ann".to_owned();
    world.take(
        Topic::Decisions,
        ObservationBody::ReviewAnswered { review, answer, by },
    )
}

/// A record of Salesforce that its feed tells of.
fn told(world: World, record: &RecordRef, shown: &[(&str, &str)]) -> (World, Vec<Command>) {
    let mut pair = Pair {
        world,
        contact: contact("c1"),
        lead: record.clone(),
    };
    let more = pair.event_of(record, EventKind::Created, 5, Writer::Foreign, texts(shown));
    (pair.world, more)
}

fn is_linked(world: &World, one: &RecordRef, other: &RecordRef) -> bool {
    world.customer(one).records.contains_key(other)
}

fn company_shown(id: &str, website: &str) -> RecordSnapshot {
    let fields: Fields = texts(&[("company_id", id), ("website", website), ("name", "Acme")]);
    RecordSnapshot {
        record: company(id),
        version: Version::exact_ms(1_000),
        fields,
        tags: None,
        companies: None,
    }
}

#[test]
fn an_identifier_of_too_many_matches_nobody_and_a_person_is_told_once() {
    // The lead that is made holds it, too.
    let mut world = with("  protect: {holders_max: 3}\n");
    let lead_of_c0 = world.created_lead("c0", ADA);
    world.qualify(lead("c1", 1000, &[("email", ADA)]));
    assert!(is_linked(&world, &contact("c0"), &contact("c1")));
    for id in ["c2", "c3", "c4"] {
        assert_eq!(world.qualify(lead(id, 1000, &[("email", ADA)])), vec![]);
        assert!(!is_linked(&world, &contact("c0"), &contact(id)));
        let missing = vec!["email".to_owned()];
        assert_eq!(
            world.state(&contact(id)).pursuit,
            Pursuit::Waiting { missing }
        );
    }
    assert_eq!(reasons(&world), ["identifier_of_too_many:Email"]);
    assert_eq!(asked(&world)[0].1, ReviewKind::Shared);
    // Those whom it has joined stay joined, and follow.
    let write = world.show(with_tag(lead(
        "c1",
        2000,
        &[("email", ADA), ("phone", "1")],
    )));
    assert_eq!(fields(&write[0]), pairs(&[("Phone", "1")]));
    assert!(is_linked(&world, &contact("c1"), &lead_of_c0));
    // One of its own is asked for.
    let own = [("email", "own@example.com")];
    let lookup = world.show(with_tag(lead("c4", 2000, &own)));
    assert!(is_lookup(&lookup[0]));
}

#[test]
fn a_blocked_identifier_matches_nobody_and_creates_nobody() {
    let mut world = with("  protect: {blocked: [\"test@*\"]}\n");
    assert_eq!(
        world.qualify(lead("c1", 1000, &[("email", "Test@Example.com")])),
        vec![]
    );
    let state = world.state(&contact("c1"));
    let missing = vec!["email".to_owned()];
    assert_eq!(state.pursuit, Pursuit::Waiting { missing });
    assert_eq!(state.keys.len(), 1, "our own key");
    let real = [("email", ADA)];
    let lookup = world.show(with_tag(lead("c1", 2000, &real)));
    assert!(is_lookup(&lookup[0]), "a real address goes on from there");
}

#[test]
fn a_customer_grows_beyond_its_bound_only_if_a_person_says_so() {
    let mut world = with("  protect: {records_max: 2}\n");
    let made = world.created_lead("c0", ADA);
    assert_eq!(world.qualify(lead("c1", 1000, &[("email", ADA)])), vec![]);
    assert!(!is_linked(&world, &contact("c1"), &made));
    assert_eq!(reasons(&world), ["too_many_records_by:Email"]);
    answer(&mut world, ReviewAnswer::Link { to: made.clone() });
    assert!(is_linked(&world, &contact("c1"), &made));
}

#[test]
fn what_a_person_has_kept_apart_is_never_joined_by_what_it_shares() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let rows = ["00Q1", "00Q2"].map(|id| row("Lead", id, 900, &[("Email", ADA)]));
    world.answer(&lookup[0], found(&rows));
    assert_eq!(reasons(&world), ["several_match_by:Email"]);
    let lookup = answer(&mut world, ReviewAnswer::Apart);
    assert!(
        is_lookup(&lookup[0]),
        "it goes on as if they were not there"
    );
    let create = world.answer(&lookup[0], found(&rows));
    assert!(is_create(&create[0]));
    let mine = salesforce("Lead", "00Q3");
    world.answer(&create[0], written(&mine, true));
    assert!(is_linked(&world, &contact("c1"), &mine));
    // Nor when their own feed tells of them.
    let other = salesforce("Lead", "00Q1");
    let (world, _) = told(world, &other, &[("Email", ADA), ("LastName", "King")]);
    assert!(!is_linked(&world, &contact("c1"), &other));
    assert_eq!(reasons(&world), Vec::<String>::new());
}

#[test]
fn of_several_the_best_is_the_one_with_the_lowest_id() {
    let mut world = with("  ambiguous: best\n");
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let rows = ["00Q3", "00Q1", "00Q2"].map(|id| row("Lead", id, 900, &[("Email", ADA)]));
    world.answer(&lookup[0], found(&rows));
    let linked = world.customer(&contact("c1")).records.into_keys();
    let linked: Vec<RecordRef> = linked.collect();
    assert_eq!(linked, [salesforce("Lead", "00Q1"), contact("c1")]);
    assert_eq!(asked(&world), []);
}

#[test]
fn all_that_match_are_the_customer_also_those_that_come_later() {
    let mut world = with("  ambiguous: all\n");
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let first = ["00Q1", "00Q2"].map(|id| salesforce("Lead", id));
    let rows = ["00Q1", "00Q2"].map(|id| row("Lead", id, 900, &[("Email", ADA)]));
    let more = world.answer(&lookup[0], found(&rows));
    for write in more {
        world.answer(
            &write,
            written(&crate::processor::evolve::commands::subject(&write), false),
        );
    }
    let later = salesforce("Lead", "00Q3");
    let (mut world, _) = told(world, &later, &[("Email", ADA), ("LastName", "King")]);
    for record in first.iter().chain([&later]) {
        assert!(is_linked(&world, &contact("c1"), record), "{record}");
    }
    let title = [("email", ADA), ("custom_attributes.job_title", "Poet")];
    let writes = world.show(with_tag(lead("c1", 9_000, &title)));
    let title = |one: &&Command| fields(one).contains(&("Title".into(), "Poet".into()));
    assert_eq!(writes.iter().filter(title).count(), 3);
    assert_eq!(asked(&world), []);
}

#[test]
fn a_telephone_number_is_a_rule_where_the_mapping_says_so() {
    let rule = "    - phone: {salesforce: Phone, intercom: phone, region: DE}\n";
    let world = by(rule);
    let record = salesforce("Lead", "00Q1");
    let (mut world, _) = told(
        world,
        &record,
        &[("Phone", "030 12345678"), ("LastName", "K")],
    );
    world.show(lead("c1", 1000, &[("phone", "+49 30 123 456 78")]));
    assert!(is_linked(&world, &contact("c1"), &record));
    let nobody = world.show(lead("c2", 1000, &[("phone", "n/a")]));
    assert_eq!(nobody, vec![]);
    assert_eq!(world.state(&contact("c2")).keys.len(), 1);
}

#[test]
fn an_address_without_dots_and_tags_is_searched_for_in_both_forms() {
    let rule = EMAIL_RULE.replace("email}", "email, ignore: [dots, plus_tags]}");
    let mut world = by(&rule);
    let lookup = world.qualify(lead("c1", 1000, &[("email", "A.da+shop@example.com")]));
    let crate::domain::CommandKind::Read(crate::domain::ReadCommand::Lookup(asked)) =
        &lookup[0].kind
    else {
        panic!("{lookup:?}");
    };
    let of_lead = asked
        .queries
        .iter()
        .find(|one| one.object.as_str() == "Lead");
    let terms = &of_lead.unwrap().any_of;
    let mails: Vec<&str> = terms
        .iter()
        .filter(|(name, _)| *name == "Email")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(mails, ["a.da+shop@example.com", "ada@example.com"]);
    let there = row("Lead", "00Q1", 900, &[("Email", "ADA@example.com")]);
    world.answer(&lookup[0], found(&[there]));
    assert!(is_linked(
        &world,
        &contact("c1"),
        &salesforce("Lead", "00Q1")
    ));
}

const KEY_RULE: &str =
    "    - account_key: {salesforce: Intercom_Company_ID__c, intercom: company_id}\n";

fn companies_by(rule: &str) -> World {
    assert!(MAPPING.contains(KEY_RULE));
    World::with_mapping(&MAPPING.replace(KEY_RULE, &format!("{KEY_RULE}{rule}")))
}

#[test]
fn a_domain_only_proposes_and_a_person_decides() {
    let world = companies_by("    - domain: {salesforce: Website, intercom: website}\n");
    let account = salesforce("Account", "0011");
    let (mut world, _) = told(world, &account, &[("Website", "www.acme.example")]);
    world.change(Change::Shown(company_shown(
        "k1",
        "https://acme.example/start",
    )));
    assert!(!is_linked(&world, &company("k1"), &account));
    assert_eq!(reasons(&world), ["proposed_by:Domain"]);
    // Nobody is asked twice for what nothing has changed about.
    let mut again = company_shown("k1", "https://acme.example/start");
    again.version = Version::exact_ms(2_000);
    again.fields.insert("name".into(), Value::text("Acme Inc."));
    world.change(Change::Shown(again));
    assert_eq!(reasons(&world).len(), 1);
    answer(
        &mut world,
        ReviewAnswer::Link {
            to: account.clone(),
        },
    );
    assert!(is_linked(&world, &company("k1"), &account));
    let asked = |event: &DomainEvent| matches!(event, DomainEvent::ReviewOpened { .. });
    assert_eq!(world.counted(asked), 1);
}

#[test]
fn a_domain_links_where_the_mapping_says_so_and_shared_ones_never() {
    let rule = "    - domain: {salesforce: Website, intercom: website, on_match: link}\n";
    let world = companies_by(rule);
    let (acme, page) = (salesforce("Account", "0011"), salesforce("Account", "0012"));
    let (world, _) = told(world, &acme, &[("Website", "acme.example")]);
    let (mut world, _) = told(world, &page, &[("Website", "facebook.com/other")]);
    world.change(Change::Shown(company_shown(
        "k1",
        "http://www.acme.example",
    )));
    world.change(Change::Shown(company_shown(
        "k2",
        "https://www.facebook.com/acme",
    )));
    assert!(is_linked(&world, &company("k1"), &acme));
    assert!(!is_linked(&world, &company("k2"), &page));
    assert_eq!(asked(&world), []);
}

#[test]
fn the_index_names_so_many_holders_and_counts_the_others() {
    use crate::domain::view::{HOLDERS_KEPT_MAX, Matching};
    let mut holders = Matching::default();
    let all: Vec<RecordRef> = (0..HOLDERS_KEPT_MAX + 10)
        .map(|n| contact(&format!("c{n}")))
        .collect();
    for one in &all {
        holders.add(one);
    }
    assert_eq!(
        (holders.records.len(), holders.holders()),
        (HOLDERS_KEPT_MAX, all.len())
    );
    for one in &all {
        holders.remove(one);
    }
    assert_eq!(holders, Matching::default());
}

/// Found by a reader: the search in Intercom shows whom a person has kept apart again and again.
#[test]
fn a_record_of_salesforce_goes_on_beside_whom_it_was_kept_apart_from() {
    let rule = "  create:\n    intercom_contact: {when: 'record.Title == \"CTO\"', role: lead}\n";
    let mut world = World::with_mapping(&MAPPING.replacen("  create:\n", rule, 1));
    world.created_lead("c9", ADA);
    let record = salesforce("Contact", "0031");
    let shown = [("Email", ADA), ("LastName", "King"), ("Title", "CTO")];
    let (mut world, _) = told(world, &record, &shown);
    assert_eq!(reasons(&world), ["several_match_by:Email"]);
    let lookup = answer(&mut world, ReviewAnswer::Apart);
    assert!(is_lookup(&lookup[0]));
    let there = lead("c9", 1000, &[("email", ADA)]);
    let create = world.answer(&lookup[0], found(&[there]));
    assert!(is_create(&create[0]), "{create:?}");
    assert_eq!(reasons(&world), Vec::<String>::new());
}

/// Found by a reader: a lead that came later replaced what the first ones agreed on.
#[test]
fn a_record_that_joins_those_who_agree_fills_blanks_only() {
    let all = BOTH.replacen("  create:\n", "  ambiguous: all\n  create:\n", 1);
    let mut world = World::with_mapping(&all);
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let there = |id| row("Lead", id, 900, &[("Email", ADA), ("Title", "Countess")]);
    world.answer(&lookup[0], found(&["00Q1", "00Q2"].map(there)));
    let later = salesforce("Lead", "00Q3");
    let shown = [("Email", ADA), ("LastName", "King"), ("Title", "Poet")];
    let (world, out) = told(world, &later, &shown);
    assert!(is_linked(&world, &contact("c1"), &later));
    let title = |one: &&Command| fields(one).iter().any(|(_, value)| value == "Poet");
    assert_eq!(out.iter().filter(title).count(), 0, "{out:?}");
    // Though its own system owns the field.
    let decided = &world.customer(&later).decided[TITLE];
    assert_eq!(decided.value, Value::text("Countess"));
}

/// Found by a reader: which of the two came first decided.
#[test]
fn the_governed_key_counts_though_a_domain_was_proposed_before() {
    let world = companies_by("    - domain: {salesforce: Website, intercom: website}\n");
    let weak = salesforce("Account", "0011");
    let (mut world, _) = told(world, &weak, &[("Website", "acme.example")]);
    world.change(Change::Shown(company_shown("k1", "https://acme.example")));
    assert_eq!(reasons(&world), ["proposed_by:Domain"]);
    let governed = salesforce("Account", "0012");
    let (world, _) = told(world, &governed, &[("Intercom_Company_ID__c", "k1")]);
    assert!(is_linked(&world, &company("k1"), &governed));
    assert_eq!(reasons(&world), Vec::<String>::new());
}

/// Found by a reader: the contact that such a lead became was joined after all.
#[test]
fn what_a_record_was_kept_apart_from_stays_so_when_it_is_converted() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let rows = ["00Q1", "00Q2"].map(|id| row("Lead", id, 900, &[("Email", ADA)]));
    world.answer(&lookup[0], found(&rows));
    let old = salesforce("Lead", "00Q1");
    let (world, _) = told(world, &old, &[("Email", ADA), ("LastName", "King")]);
    let mut world = world;
    let lookup = answer(&mut world, ReviewAnswer::Apart);
    // The contact has to wait, so that it is free to be joined.
    let key = [("Email", ADA), ("Intercom_Contact_ID__c", "abc123:c1")];
    let borne = [row("Lead", "00Q1", 950, &key)];
    assert_eq!(world.answer(&lookup[0], found(&borne)), vec![]);
    let became = salesforce("Contact", "0031");
    let converted = [
        ("Email", ADA),
        ("IsConverted", "true"),
        ("ConvertedContactId", "0031"),
    ];
    let (world, _) = told(world, &old, &converted);
    let (world, _) = told(world, &became, &[("Email", ADA), ("LastName", "King")]);
    assert!(is_linked(&world, &old, &became));
    assert!(!is_linked(&world, &contact("c1"), &became));
}

/// Found by a reader: the creation by our key would have been written into that very lead.
#[test]
fn nothing_is_created_while_one_that_was_kept_apart_bears_our_key() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let bare = ["00Q1", "00Q2"].map(|id| row("Lead", id, 900, &[("Email", ADA)]));
    world.answer(&lookup[0], found(&bare));
    let lookup = answer(&mut world, ReviewAnswer::Apart);
    let key = [("Email", ADA), ("Intercom_Contact_ID__c", "abc123:c1")];
    let borne = [row("Lead", "00Q1", 950, &key)];
    assert_eq!(world.answer(&lookup[0], found(&borne)), vec![]);
    assert_eq!(
        world.commands.iter().filter(|one| is_create(one)).count(),
        0
    );
}

/// Found by a reader: without `needs` each of those who share an address got a Lead.
#[test]
fn who_has_nothing_but_an_identifier_of_nobody_is_not_created() {
    let protect = "  protect: {blocked: [\"info@*\"]}\n  create:\n";
    let free = MAPPING
        .replacen("  create:\n", protect, 1)
        .replace("needs: [email]", "needs: []");
    let mut world = World::with_mapping(&free);
    assert_eq!(
        world.qualify(lead("c1", 1000, &[("email", "info@example.com")])),
        vec![]
    );
    let named = world.qualify(lead("c2", 1000, &[("name", "Ada Lovelace")]));
    assert!(is_lookup(&named[0]), "nobody asked for an address");
    let rule = "  protect: {blocked: [\"info@*\"]}\n  create:\n    intercom_contact: \
                {when: 'record.Title == \"CTO\"', role: lead}\n";
    let world = World::with_mapping(&MAPPING.replacen("  create:\n", rule, 1));
    let record = salesforce("Contact", "0031");
    let shown = [("Email", "info@example.com"), ("Title", "CTO")];
    let (world, out) = told(world, &record, &shown);
    assert_eq!(out, vec![]);
    let missing = vec!["Email".to_owned()];
    assert_eq!(world.state(&record).pursuit, Pursuit::Waiting { missing });
}

/// Found by a reader: who waited because of it waited for ever, and a newcomer did not.
#[test]
fn an_identifier_that_few_enough_hold_again_matches_again() {
    let mut world = with("  protect: {holders_max: 3}\n");
    let made = world.created_lead("c0", ADA);
    for id in ["c1", "c2"] {
        world.qualify(lead(id, 1000, &[("email", ADA)]));
    }
    assert!(!is_linked(&world, &contact("c2"), &made));
    assert_eq!(reasons(&world), ["identifier_of_too_many:Email"]);
    // Dismissed or not, nobody is told twice.
    answer(&mut world, ReviewAnswer::Dismiss);
    world.qualify(lead("c3", 1000, &[("email", ADA)]));
    assert_eq!(reasons(&world), Vec::<String>::new());
    let left = |id: &str| Change::Left {
        record: contact(id),
        how: crate::domain::Gone::Archived,
        at: Some(Version::exact_ms(5_000)),
    };
    world.change(left("c1"));
    assert!(!is_linked(&world, &contact("c2"), &made));
    world.change(left("c3"));
    assert!(
        is_linked(&world, &contact("c2"), &made),
        "three hold it again"
    );
    world.qualify(lead("c4", 1000, &[("email", ADA)]));
    assert_eq!(reasons(&world), ["identifier_of_too_many:Email"]);
}
