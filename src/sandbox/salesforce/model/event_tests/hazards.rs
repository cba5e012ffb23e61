//! What scripts do to the stream: gaps, new fields, resets, age.

use apache_avro::types::Value as Avro;
use serde_json::json;

use super::{NOW, Reader, Seen, lead, set};
use crate::sandbox::salesforce::model::Topic;
use crate::sandbox::salesforce::options::{Options, Switches};

const HOUR_MS: i64 = 60 * 60 * 1_000;

#[test]
fn a_new_field_in_the_middle_is_a_new_schema_and_moves_the_bits() {
    let mut reader = Reader::new(Switches::default());
    let id = reader.make("Lead", lead());
    let before = reader.new_event();
    reader.update(&id, json!({"UTM_Source__c": "a"}));
    let old = reader.new_event();
    let added = reader.act(json!({"verb": "add_field", "object": "Lead", "name": "Budget__c"}));
    reader.update(&id, json!({"UTM_Source__c": "b"}));
    let new = reader.new_event();
    assert_eq!(before.event.schema_id, old.event.schema_id);
    assert_ne!(new.event.schema_id, old.event.schema_id);
    assert_eq!(added["schema_id"], json!(new.event.schema_id));
    assert_eq!(new.changed, set(&["LastModifiedDate", "UTM_Source__c"]));
    assert_ne!(new.bitmaps(), old.bitmaps());
    let still = reader.org.schema(&old.event.schema_id);
    assert!(!still.expect("the old schema").contains("Budget__c"));
    let mut refused = |name: &str| {
        let act = json!({"verb": "add_field", "object": "Lead", "name": name});
        reader.org.act(&act, NOW).is_err()
    };
    assert!(refused("Budget__c"), "twice");
    assert!(refused("Budget"), "no custom field");
}

#[test]
fn a_gap_says_only_that_something_happened() {
    let mut reader = Reader::new(Switches::default());
    let id = reader.make("Lead", lead());
    reader.new_events();
    reader.act(json!({"verb": "gap", "id": id, "change_type": "DELETE"}));
    let told = reader.new_event();
    assert_eq!((told.kind(), told.ids()), ("GAP_DELETE", vec![id.clone()]));
    reader.act(json!({"verb": "gap", "id": id, "fields": {"Title": "CTO"}}));
    let hidden = reader.new_event();
    assert_eq!(hidden.kind(), "GAP_UPDATE");
    assert!(hidden.values.is_empty() && hidden.bitmaps().is_empty());
    reader.update(&id, json!({"Title": "CEO"}));
    assert_eq!(reader.new_event().kind(), "UPDATE");
    let wrong = json!({"verb": "gap", "id": id, "change_type": "OVERFLOW"});
    assert!(reader.org.act(&wrong, NOW).is_err());
}

#[test]
fn overflow_and_wildcard_have_the_vendors_ids() {
    let mut reader = Reader::new(Switches::default());
    let fields = json!({"Name": "A", "Customer_Category__c": "x"});
    let id = reader.make("Account", fields);
    reader.new_events();
    reader.act(json!({"verb": "overflow", "object": "Account"}));
    let seen = reader.new_event();
    let empty = vec!["000000000000000AAA".to_owned()];
    assert_eq!((seen.kind(), seen.ids()), ("GAP_OVERFLOW", empty));
    let field = "Customer_Category__c";
    reader.act(json!({"verb": "wildcard", "prefix": "001*", "field": field}));
    let seen = reader.new_event();
    assert_eq!(seen.ids(), ["001*"]);
    assert_eq!(
        (seen.changed.clone(), seen.nulled.clone()),
        (set(&[field]), set(&[field]))
    );
    // The value is really gone: setting null changes nothing.
    reader.update(&id, json!({"Customer_Category__c": null}));
    assert!(reader.new_events().is_empty());
}

#[test]
fn a_duplicate_has_the_same_uuid_and_another_replay_id() {
    let mut reader = Reader::new(Switches::default());
    reader.act(json!({"verb": "pubsub_fault", "kind": "duplicate"}));
    reader.make("Lead", lead());
    reader.make("Lead", lead());
    let seen = reader.new_events();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].event.event_uuid, seen[1].event.event_uuid);
    assert_eq!(seen[0].event.payload, seen[1].event.payload);
    assert_ne!(seen[0].event.replay_id, seen[1].event.replay_id);
    assert_ne!(seen[1].event.event_uuid, seen[2].event.event_uuid);
}

#[test]
fn replay_ids_have_holes_and_another_length_where_the_switch_says_so() {
    for (short_replay_ids, length) in [(false, 10), (true, 8)] {
        let mut reader = Reader::new(Switches {
            short_replay_ids,
            ..Switches::default()
        });
        for _ in 0..20 {
            reader.make("Lead", lead());
        }
        let seen = reader.new_events();
        assert!(seen.iter().all(|seen| seen.event.replay_id.len() == length));
        let far = |pair: &[Seen]| pair[1].event.position - pair[0].event.position;
        let steps: Vec<u64> = seen.windows(2).map(far).collect();
        assert!(steps.iter().all(|step| *step >= 1));
        assert!(steps.iter().any(|step| *step > 1), "{steps:?}");
        for seen in &seen {
            let position = reader.org.position(&seen.event.replay_id, NOW);
            assert_eq!(position, Some(seen.event.position));
        }
    }
}

#[test]
fn events_and_replay_ids_age_out() {
    let mut reader = Reader::new(Switches::default());
    reader.make("Lead", lead());
    let kept = reader.new_event().event;
    let quiet = reader.org.keepalive(NOW + HOUR_MS);
    let mut known = |id: &[u8], hours: i64| {
        let now_ms = NOW + hours * HOUR_MS;
        reader.org.position(id, now_ms).is_some()
    };
    assert!(known(&kept.replay_id, 71));
    assert!(!known(&kept.replay_id, 73) && known(&quiet, 73));
    assert!(!known(&quiet, 74));
    let all = reader
        .org
        .events_after(0, Topic::All, 10, NOW + 74 * HOUR_MS);
    assert!(all.is_empty());
    for nonsense in [&[][..], &[0; 7], &[0; 10], &[255; 10], &[1; 11]] {
        assert_eq!(reader.org.position(nonsense, NOW), None, "{nonsense:?}");
    }
}

#[test]
fn a_reset_stream_keeps_the_events_and_no_replay_id() {
    let mut reader = Reader::new(Switches::default());
    reader.make("Lead", lead());
    let old = reader.new_event().event;
    reader.act(json!({"verb": "forget_replay_ids"}));
    assert_eq!(reader.org.position(&old.replay_id, NOW), None);
    let again = reader.org.events_after(0, Topic::All, 10, NOW);
    assert_eq!(again[0].event_uuid, old.event_uuid);
    assert!(reader.org.position(&again[0].replay_id, NOW).is_some());
}

#[test]
fn a_delay_is_told_with_the_event() {
    let mut reader = Reader::new(Switches::default());
    reader.act(json!({"verb": "pubsub_fault", "kind": "delay", "delay_ms": 500}));
    reader.make("Lead", lead());
    let event = reader.new_event().event;
    assert_eq!(event.visible_ms, event.commit_ms + 500);
    let wrong = json!({"verb": "pubsub_fault", "kind": "delay", "delay_ms": -1});
    assert!(reader.org.act(&wrong, NOW).is_err());
}

#[test]
fn a_topic_of_one_entity_has_only_its_events() {
    assert_eq!(Topic::parse("/data/ChangeEvents"), Some(Topic::All));
    let leads = Topic::parse("/data/LeadChangeEvent").expect("a topic");
    for wrong in [
        "/data/leadChangeEvent",
        "/data/GroupChangeEvent",
        "ChangeEvents",
        "",
    ] {
        assert_eq!(Topic::parse(wrong), None, "{wrong}");
    }
    let mut org = Reader::new(Switches::default());
    org.make("Account", json!({"Name": "A"}));
    org.make("Lead", lead());
    let events = org.org.events_after(0, leads, 10, NOW);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].entity, "Lead");
}

#[test]
fn a_rest_write_is_an_event_with_its_origin() {
    let options = Options::default();
    let mut reader = Reader::new(Switches::default());
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        options.client_id, options.client_secret
    );
    let call = ("POST", "/services/oauth2/token");
    let answer = reader.org.request(call, &[], form.into_bytes(), NOW);
    let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    let token = format!("Bearer {}", body["access_token"].as_str().expect("a token"));
    let headers = [
        ("authorization", token.as_str()),
        ("sforce-call-options", "client=crosswalk/1"),
    ];
    let call = ("POST", "/services/data/v67.0/sobjects/Lead");
    let body = lead().to_string().into_bytes();
    let answer = reader.org.request(call, &headers, body, NOW);
    assert_eq!(answer.status, 201);
    let seen = reader.new_event();
    assert_eq!(
        seen.text("changeOrigin"),
        "com/salesforce/api/rest/67.0;client=crosswalk/1"
    );
    assert_eq!(seen.text("commitUser"), options.user_id);
    assert_eq!(seen.values["Name.LastName"], Avro::String("Doe".to_owned()));
}
