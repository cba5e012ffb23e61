//! Who owns a record on either side, and what may not be blank.

use super::stage::*;
use crate::domain::{CommandKind, Value, Writer};
use crate::processor::queries;
use crate::processor::tests::world::*;

const ANN: &str = "0055g00000AbCdE";
const BOB: &str = "0055g00000XyZaB";

const OWNER: &str = "    - intercom: owner_id
      salesforce: Lead.OwnerId
      transform: owner
      users: {814860: 0055g00000AbCdE, 814861: 0055g00000XyZaB}
      owner: salesforce
      direction: both
      meaning: who looks after the person
";

fn id(short: &str) -> String {
    crate::mapping::owners::owner_id(short).unwrap()
}

fn mapping(assigns: bool, owner: &str) -> String {
    let needs = "needs: [email]\n";
    let with = format!("{needs}      auto_assign: {assigns}\n");
    format!("{}{owner}", BOTH.replace(needs, &with))
}

/// The fields with which a lead is created whose contact an admin owns.
fn created_with(mapping: &str, admin: i64) -> Vec<(String, String)> {
    let mut world = World::with_mapping(mapping);
    let mut shown = lead("c1", 1_000, &[("email", ADA), ("name", "Ada Lovelace")]);
    shown.fields.insert("owner_id".into(), Value::Int(admin));
    let look = world.qualify(shown);
    let create = world.answer(&look[0], found(&[]));
    fields(&create[0])
}

#[test]
fn a_lead_is_created_without_an_owner_where_the_org_assigns_it() {
    let owner = ("OwnerId".to_owned(), id(ANN));
    let assigned = created_with(&mapping(true, OWNER), 814_860);
    assert!(
        !assigned.iter().any(|(name, _)| name == "OwnerId"),
        "{assigned:?}"
    );
    assert!(created_with(&mapping(false, OWNER), 814_860).contains(&owner));
    let unknown = created_with(&mapping(false, OWNER), 7);
    assert!(
        !unknown.iter().any(|(name, _)| name == "OwnerId"),
        "{unknown:?}"
    );
    let fallback = format!("{OWNER}      fallback: {{salesforce: {BOB}}}\n");
    let fallen = created_with(&mapping(false, &fallback), 7);
    assert!(fallen.contains(&("OwnerId".to_owned(), id(BOB))));
}

#[test]
fn an_owner_follows_both_ways_and_a_queue_is_nobody() {
    let mut pair = Pair::of(&mapping(true, OWNER));
    let out = pair.event(30, Writer::Foreign, &[("OwnerId", &id(ANN))]);
    pair.settle(out, 31);
    assert_eq!(pair.seen(&pair.contact, "owner_id"), Value::Int(814_860));
    let mut shown = pair.shown(40_000, &[]);
    shown.fields.insert("owner_id".into(), Value::Int(814_861));
    let out = pair.world.show(shown);
    pair.settle(out, 41);
    assert_eq!(pair.seen(&pair.lead, "OwnerId"), id(BOB).as_str().into());
    // Sales puts the lead into a queue: Intercom's owner stays, and nothing is written back.
    let queue = id("00G5g000001QuEu");
    let out = pair.event(50, Writer::Foreign, &[("OwnerId", &queue)]);
    assert!(writes_to(&out, &pair.contact).is_empty());
    pair.settle(out, 51);
    assert_eq!(pair.seen(&pair.contact, "owner_id"), Value::Int(814_861));
    assert_eq!(pair.seen(&pair.lead, "OwnerId"), queue.as_str().into());
    // The contact loses its owner: the lead does not.
    let mut shown = pair.shown(60_000, &[]);
    shown.fields.insert("owner_id".into(), Value::Null);
    let out = pair.world.show(shown);
    assert!(writes_to(&out, &pair.lead).is_empty());
    pair.settle(out, 61);
    assert_eq!(pair.seen(&pair.lead, "OwnerId"), queue.as_str().into());
    assert!(pair.is_at_rest());
}

const REQUIRED: &str = "    - intercom: custom_attributes.country
      salesforce: Country__c
      transform: country
      required: true
      owner: intercom
      direction: to_salesforce
      meaning: where the person lives
";

#[test]
fn nothing_is_created_before_what_is_required_has_a_form_there() {
    let country = "custom_attributes.country";
    let mut world = World::with_mapping(&format!("{BOTH}{REQUIRED}"));
    let told = [("email", ADA), ("name", "Ada Lovelace")];
    assert_eq!(world.qualify(lead("c1", 1_000, &told)), []);
    let nonsense = [told[0], told[1], (country, "Atlantis")];
    assert_eq!(world.show(with_tag(lead("c1", 2_000, &nonsense))), []);
    let explained = queries::explain(&world.view, &bridge(), ADA).to_string();
    assert!(
        explained.contains(&format!("it lacks {country}")),
        "{explained}"
    );
    let known = [told[0], told[1], (country, "Ireland")];
    let look = world.show(with_tag(lead("c1", 3_000, &known)));
    let create = world.answer(&look[0], found(&[]));
    assert!(is_create(&create[0]));
    assert!(fields(&create[0]).contains(&("Country__c".to_owned(), "Ireland".to_owned())));
}

#[test]
fn what_is_required_is_never_emptied_and_the_reason_has_a_name() {
    let country = "custom_attributes.country";
    let text = format!("{BOTH}{REQUIRED}").replace("required: true", "required: false");
    let mut pair = Pair::of(&text);
    let out = pair.webhook(30_000, &[(country, "Ireland")]);
    pair.settle(out, 31);
    // From now on it is required.
    let file = text.replace("required: false", "required: true");
    pair.world.offer.file = file.replace("version: 1", "version: 2");
    let (hash, body) = pair.world.offer();
    let offered = crate::domain::ObservationBody::MappingOffered {
        version: 2,
        hash,
        body,
    };
    let mut out = pair.world.take(crate::domain::Topic::Decisions, offered);
    out.extend(pair.world.pass(1));
    pair.settle(out, 41);
    let mut shown = pair.shown(50_000, &[]);
    shown.fields.insert(country.into(), Value::Null);
    let out = pair.world.show(shown);
    assert!(
        !out.iter()
            .any(|one| matches!(one.kind, CommandKind::Write(_))),
        "{out:?}"
    );
    assert_eq!(pair.seen(&pair.lead, "Country__c"), "Ireland".into());
    let told = queries::explain(&pair.world.view, &bridge(), ADA);
    let field = &told["customers"][0]["fields"][country];
    let refused = serde_json::json!([{"to": "salesforce", "because": "is_required"}]);
    assert_eq!(field["not_written"], refused);
    assert!(pair.is_at_rest());
}
