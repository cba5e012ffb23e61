//! The past on the command line: what a customer was, and what made it what it is.

use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::cli::{Running, folder, output, text};
use crate::ingest_door::sign;

const OLD: &str = "mila@kestrel.example";
const NEW: &str = "mila@heron.example";
const SECRET: &str = "s3cret-that-no-log-may-show";

fn notification(id: &str, email: &str, at: &str) -> Vec<u8> {
    let body = json!({
        "type": "notification_event", "app_id": "abc123", "id": id,
        "topic": "contact.lead.updated",
        "data": {"type": "notification_event_data", "item": {
            "type": "contact", "id": "65a1b2c3d4e5f60718293a4b", "role": "lead", "email": email,
            "updated_at": at,
        }},
    });
    serde_json::to_vec(&body).unwrap()
}

/// Runs until a contact with one address and then another is in the view, and ends.
async fn played(config: &str) {
    let mut running = Running::start(&["run", "--config", config, "--print-addresses"]);
    let addresses: Value = serde_json::from_str(&running.line()).unwrap();
    let admin = addresses["admin"].as_str().unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    for (id, email, at) in [
        ("notif_1", OLD, "2026-01-01T00:00:00.000+00:00"),
        ("notif_2", NEW, "2026-01-02T00:00:00.000+00:00"),
    ] {
        let bytes = notification(id, email, at);
        let post = client.post(addresses["webhooks"].as_str().unwrap());
        let post = post.header("X-Hub-Signature", sign(SECRET, &bytes));
        assert_eq!(
            post.body(bytes).send().await.unwrap().status(),
            StatusCode::OK
        );
        let deadline = Instant::now() + Duration::from_secs(10);
        while !output(&["identity", "show", email, "--admin", admin])
            .status
            .success()
        {
            assert!(Instant::now() < deadline, "{email} is never there");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let (success, logged) = running.end("-TERM");
    assert!(success, "{logged}");
}

fn asked(config: &str, arguments: &[&str]) -> (bool, String, String) {
    let asked = output(&[&["identity"], arguments, &["--config", config]].concat());
    (
        asked.status.success(),
        text(&asked.stdout),
        text(&asked.stderr),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_customer_was_is_asked_of_the_journal() {
    let (_folder, config) = folder();
    played(&config).await;
    let (success, shown, error) = asked(&config, &["history", NEW, "--json"]);
    assert!(success, "{error}");
    let history: Value = serde_json::from_str(&shown).unwrap();
    let events = history["bridges"][0]["events"].as_array().unwrap();
    let changed = |event: &&Value| {
        let mut changes = event["changes"].as_array().unwrap().iter();
        changes.any(|change| {
            let seen = change["what"] == "seen" && change["name"] == "email";
            seen && change["before"] == OLD && change["after"] == NEW
        })
    };
    let moved = events
        .iter()
        .find(changed)
        .unwrap_or_else(|| panic!("{shown}"));
    let sequence = moved["journal_sequence"].as_u64().unwrap();
    assert!(
        moved["observation"].is_string() && moved["mapping_version"] == 1,
        "{moved}"
    );

    // Before that event the old address led to it; now it leads to nobody.
    let before = (sequence - 1).to_string();
    let (success, then, error) = asked(&config, &["show", OLD, "--at", &before]);
    assert!(success, "{error}");
    let then: Value = serde_json::from_str(&then).unwrap();
    let customer = &then["bridges"][0]["customers"][0];
    assert_eq!(customer["records"][0]["seen"]["email"]["value"], OLD);
    assert_eq!(then["bridges"][0]["at"]["journal_sequence"], sequence - 1);
    let (success, _, error) = asked(&config, &["show", OLD]);
    assert!(!success);
    assert_eq!(error, format!("error: no customer matches {OLD:?}\n"));
    // By the clock as well, with the offset of the journal, and explained.
    let time = moved["time"].as_str().unwrap();
    let offset = format!("@{}", moved["journal_offset"]);
    for at in [time, &offset] {
        let (success, explained, error) = asked(&config, &["explain", NEW, "--at", at]);
        assert!(success, "{at}: {error}");
        assert!(explained.contains("not_linked_because"), "{explained}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_read_in_pages_and_says_what_is_wrong_with_a_question() {
    let (_folder, config) = folder();
    played(&config).await;
    let (success, shown, error) = asked(&config, &["history", NEW, "--limit", "1"]);
    assert!(success, "{error}");
    assert!(shown.starts_with("bridge main, cus_"), "{shown}");
    assert!(shown.contains(" customer_founded "), "{shown}");
    let (_, more) = shown.split_once("there is more: --after ").unwrap();
    let (_, next, _) = asked(&config, &["history", NEW, "--after", more.trim()]);
    assert!(
        next.contains(&format!("seen email: null -> {OLD:?}")),
        "{next}"
    );
    assert!(
        next.contains(&format!("seen email: {OLD:?} -> {NEW:?}")),
        "{next}"
    );
    assert!(!next.contains("customer_founded"), "{next}");
    for (arguments, words) in [
        (&["history", "nobody"][..], "no customer matches \"nobody\""),
        (
            &["history", NEW, "--limit", "0"],
            "--limit is 1 to 1000, not 0",
        ),
        (
            &["show", NEW, "--at", "1999-01-01T00:00:00Z"],
            "no customer matches",
        ),
        (
            &["show", NEW, "--at", "99999"],
            "the journal of main ends at sequence ",
        ),
        (
            &["show", NEW, "--at", "@99999"],
            "the journal of partition 0 ends before offset ",
        ),
        (
            &["show", NEW, "--at", "yesterday"],
            "write a time with its zone",
        ),
        (
            &["show", NEW, "--at", "1", "--bridge", "mian"],
            "is called \"mian\"",
        ),
    ] {
        let (success, _, error) = asked(&config, arguments);
        assert!(!success && error.contains(words), "{arguments:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_mapping_is_tried_on_what_was_observed_and_writes_nothing() {
    let (folder, config) = folder();
    played(&config).await;
    let mapping = folder.path().join("mapping.yaml");
    let active = std::fs::read_to_string(&mapping).unwrap();
    let journal = || {
        let tail = [
            "tail",
            "journal",
            "--from-beginning",
            "--no-follow",
            "--config",
            &config,
        ];
        text(&output(&tail).stdout)
    };
    let before = journal();
    let tried = |file: &str, more: &[&str]| {
        let new = folder.path().join("new.yaml");
        std::fs::write(&new, file).unwrap();
        let what_if = [
            "mapping",
            "what-if",
            new.to_str().unwrap(),
            "--config",
            &config,
        ];
        let tried = output(&[&what_if[..], more].concat());
        (
            tried.status.success(),
            text(&tried.stdout),
            text(&tried.stderr),
        )
    };
    let (success, same, error) = tried(&active, &[]);
    assert!(success, "{error}");
    assert!(
        same.contains("no link, split, write or question to a person would differ"),
        "{same}"
    );
    assert!(
        same.contains("assumed:\n  - the new mapping is active from"),
        "{same}"
    );

    let eager = active.replace("\"qualified\" in contact.tags && ", "");
    let (success, other, error) = tried(&eager, &["--json"]);
    assert!(success, "{error}");
    let other: Value = serde_json::from_str(&other).unwrap();
    let differences = other["differences"].as_array().unwrap();
    let created = differences.iter().find(|one| one["what"] == "create");
    let created = created.unwrap_or_else(|| panic!("{other}"));
    assert_eq!(created["from"], "support/contact/65a1b2c3d4e5f60718293a4b");
    assert_eq!(
        (&created["happened_more"], &created["would_be_more"]),
        (&json!(0), &json!(1))
    );
    let calls = &other["calls"]["creations"];
    assert_eq!(
        (&calls["happened"], &calls["would_be"]),
        (&json!(0), &json!(1))
    );
    assert!(
        !other.to_string().contains(OLD),
        "values are hidden: {other}"
    );
    let (_, shown, _) = tried(&eager, &["--show-personal"]);
    assert!(shown.contains(&format!("Lead.Email = {OLD:?}")), "{shown}");

    let (success, _, error) = tried(&active.replace("owner: intercom", "owner: us"), &[]);
    assert!(!success && error.contains("new.yaml:"), "{error}");
    assert_eq!(journal(), before, "the log is as it was");
}

#[test]
fn two_bridges_that_take_one_scope_of_an_org_are_refused_at_start() {
    let (folder, config) = folder();
    let text_of = |path: &str| std::fs::read_to_string(path).unwrap();
    let one = text_of(&config);
    let (sources, rest) = one.split_once("bridges:\n").unwrap();
    let more = "  support_us:
    intercom:
      app_id: def456
      client_secret: { env: SUPPORT_SECRET }
      access_token: token
      base_url: http://127.0.0.1:9
  sales_us:
    salesforce:
      login_url: http://127.0.0.1:9
      client_id: key
      client_secret: other
      client_token: crosswalk-us
";
    let us = "  us: { sources: [support_us, sales_us], mapping: us.yaml }\n";
    let two = format!("{sources}{more}bridges:\n{us}{rest}");
    std::fs::write(&config, two).unwrap();
    let mapping = folder.path().join("mapping.yaml");
    let plain = text_of(mapping.to_str().unwrap());
    let scoped = |only: &str| {
        let scope = format!(
            "  scope: {{intercom: custom_attributes.region, salesforce: Region__c, \
             only: [{only}]}}\n  create:\n"
        );
        let set = "set: {LeadSource: Intercom, Region__c: EU}";
        let text = plain.replacen("  create:\n", &scope, 1);
        text.replace("set: {LeadSource: Intercom}", set)
    };
    std::fs::write(&mapping, scoped("EU")).unwrap();
    std::fs::write(folder.path().join("us.yaml"), scoped("EU, US")).unwrap();
    let refused = output(&["mapping", "sheet", "--config", &config]);
    let error = text(&refused.stderr);
    assert!(!refused.status.success());
    let words = "both take Contact.Region__c = EU of one org";
    assert!(error.contains(words), "{error}");
    std::fs::write(folder.path().join("us.yaml"), scoped("US")).unwrap();
    let taken = output(&["mapping", "sheet", "--config", &config]);
    assert!(taken.status.success(), "{}", text(&taken.stderr));
}
