//! Are custom attributes made only where that is allowed, once, and with the type of their value?

use std::sync::Arc;
use std::time::Duration;

use crosswalk::domain::{Outcome, RejectClass, Value};
use crosswalk::sandbox::intercom::Handle;
use crosswalk::sink::Execute;
use crosswalk::sink::intercom::{Executor, Settings};
use serde_json::json;

use crate::sink_intercom::{act, person, refused, transport, world};
use crate::sink_intercom_requests::{field, record, update};

async fn allowing() -> (Handle, Executor) {
    let settings = Settings {
        create_attributes: true,
        search_lag: Duration::ZERO,
    };
    world(Default::default(), settings).await
}

fn made(sandbox: &Handle) -> Vec<(String, String)> {
    let requests = sandbox.request_log();
    let posts = requests.iter().filter(|e| e.path == "/data_attributes");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_string();
    posts
        .filter(|entry| entry.applied)
        .map(|entry| (text(&entry.body["name"]), text(&entry.body["data_type"])))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_are_made_with_the_type_of_their_value_and_the_write_follows() {
    let (sandbox, executor) = allowing().await;
    let ann = person(&sandbox, "ann@example.com");
    let fields = vec![
        field("custom_attributes.Renewal stage", Value::Null, "open"),
        field("custom_attributes.seats", Value::Null, 12_i64),
        field("custom_attributes.score", Value::Null, Value::number(1.5)),
        field("custom_attributes.vip", Value::Null, true),
        field("custom_attributes.nothing", "x", Value::Null),
    ];
    let Outcome::Written {
        values: Some(values),
        ..
    } = executor.execute(&update(&ann, fields), false).await
    else {
        panic!("the contact is written");
    };
    assert_eq!(values["custom_attributes.Renewal stage"], "open".into());
    assert_eq!(values["custom_attributes.seats"], 12.into());
    assert_eq!(values["custom_attributes.vip"], true.into());
    let mut made = made(&sandbox);
    made.sort();
    let pairs = [
        ("Renewal stage", "string"),
        ("score", "float"),
        ("seats", "integer"),
        ("vip", "boolean"),
    ];
    assert_eq!(made, pairs.map(|(n, t)| (n.to_string(), t.to_string())));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writes_that_lack_one_attribute_make_it_once() {
    let (sandbox, executor) = allowing().await;
    let executor = Arc::new(executor);
    let people: Vec<_> = (0..8)
        .map(|n| person(&sandbox, &format!("p{n}@example.com")))
        .collect();
    let writes = people.into_iter().map(|one| {
        let executor = executor.clone();
        tokio::spawn(async move {
            let stage = field("custom_attributes.stage", Value::Null, "open");
            executor.execute(&update(&one, vec![stage]), false).await
        })
    });
    let writes: Vec<_> = writes.collect();
    for write in writes {
        let ended = write.await.unwrap();
        assert!(matches!(ended, Outcome::Written { .. }), "{ended:?}");
    }
    let requests = sandbox.request_log();
    let posts = requests.iter().filter(|e| e.path == "/data_attributes");
    assert_eq!(posts.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_not_allowed_the_refusal_names_the_attribute() {
    let (sandbox, executor) = world(Default::default(), Default::default()).await;
    let ann = person(&sandbox, "ann@example.com");
    let stage = field("custom_attributes.Renewal stage", Value::Null, "open");
    let refusal = refused(executor.execute(&update(&ann, vec![stage]), false).await);
    assert_eq!(refusal.class, RejectClass::Permission);
    assert_eq!(refusal.fields, ["Renewal stage"]);
    assert!(refusal.hint.contains("contact attribute Renewal stage"));
    assert!(refusal.hint.contains("create_attributes"));
    assert_eq!(made(&sandbox), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_the_other_model_has_is_refused_with_the_name() {
    let (sandbox, executor) = allowing().await;
    let company = json!({"verb": "create_company", "company_id": "0015", "name": "Acme"});
    let acme = record("company", &act(&sandbox, company));
    let title = field("custom_attributes.job_title", Value::Null, "x");
    let refusal = refused(executor.execute(&update(&acme, vec![title]), false).await);
    assert_eq!(refusal.class, RejectClass::Permission);
    assert_eq!(refusal.fields, ["job_title"]);
    assert!(
        refusal.hint.contains("a contact attribute"),
        "{}",
        refusal.hint
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_type_is_bad_data_and_names_the_attribute() {
    let (sandbox, executor) = allowing().await;
    let seats = json!({"verb": "define_attribute", "model": "contact", "name": "seats",
                       "data_type": "integer"});
    sandbox.act(seats).unwrap();
    let ann = person(&sandbox, "ann@example.com");
    let seats = field("custom_attributes.seats", Value::Null, "many");
    let refusal = refused(executor.execute(&update(&ann, vec![seats]), false).await);
    assert_eq!(refusal.class, RejectClass::BadData);
    assert_eq!(refusal.fields, ["seats"]);
    assert!(!refusal.hint.contains("many"), "no value stands in a hint");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_checks_ask_of_the_workspace_is_answered() {
    let (sandbox, _) = allowing().await;
    let options = crosswalk::clients::intercom::Options {
        base_url: sandbox.base_url(),
        access_token: crosswalk::config::Secret::new("sandbox-access-token"),
        api_version: "2.14".into(),
        request_timeout: Duration::from_secs(2),
        reserve_percent: 20,
    };
    let clock = Arc::new(crosswalk::ports::clock::SystemClock);
    let client = crosswalk::clients::intercom::Client::new(options, transport(), clock);
    assert_eq!(client.me().await.unwrap()["app"]["id_code"], "sandbox1");
    assert_eq!(client.admins().await.unwrap().len(), 3);
    let listed = client.data_attributes("company").await.unwrap();
    assert!(listed.iter().any(|one| one["name"] == "renewal_date"));
    let ann = person(&sandbox, "ann@example.com");
    act(&sandbox, json!({"verb": "archive", "id": ann.id}));
    client.unarchive_contact(&ann.id).await.unwrap();
    assert_eq!(
        client.contact(&ann.id).await.unwrap()["id"],
        ann.id.as_str()
    );
}
