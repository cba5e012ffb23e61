//! `crosswalk dead-letters redrive|discard`: what is mended is taken up again, once.

use crosswalk::avro;
use crosswalk::config::Secret;
use crosswalk::domain::{BridgeId, DeadLetter, Message, SourceId, Timestamp, Topic};
use crosswalk::ingest::intercom::{Destination, Workspace, taken_up};
use crosswalk::log::embedded::{EmbeddedLog, Options};
use crosswalk::ports::event_log::{EventLog, Outgoing, Place};
use serde_json::{Value, json};

use crate::cli::{output, text};
use crate::installation::{Installation, until};
use crate::sink_intercom_requests::{field, record, update};

fn letter(reason: &str, origin: &str, bytes: Vec<u8>) -> DeadLetter {
    let bridge = match reason {
        "unknown_workspace" => "_unknown",
        _ => "main",
    };
    DeadLetter {
        bridge: BridgeId::new(bridge).unwrap(),
        at: Timestamp(1_700_000_000_000),
        origin: origin.into(),
        reason: reason.into(),
        hint: "mend it".into(),
        command: None,
        bytes,
    }
}

/// Puts letters on the log before the process runs, as an earlier version of it did.
fn earlier(installation: &Installation, letters: Vec<DeadLetter>) {
    let path = installation.folder.path().join("log.db");
    let log = EmbeddedLog::open(path, Options::default()).unwrap();
    let outgoing = letters.into_iter().map(|letter| Outgoing {
        topic: Topic::DeadLetters,
        place: Place::Partition(0),
        key: letter.bridge.text(),
        message: Some(Message::DeadLetter(Box::new(letter))),
    });
    log.append(outgoing.collect()).unwrap();
}

/// A notification of a contact, as Intercom posts it.
fn notification(app_id: &str, contact: &str) -> Vec<u8> {
    let body = json!({
        "type": "notification_event", "app_id": app_id, "id": format!("notif_{contact}"),
        "topic": "contact.lead.updated", "created_at": 1_768_018_994,
        "data": {"type": "notification_event_data", "item": {
            "type": "contact", "id": contact, "role": "lead", "email": "mila@kestrel.example",
            "name": "Mila", "updated_at": 1_768_018_994, "created_at": 1_768_018_000,
            "custom_attributes": {}, "tags": {"type": "list", "data": []},
        }},
    });
    body.to_string().into_bytes()
}

/// An entry that an earlier version could not decode.
fn entry() -> Vec<u8> {
    let posted = notification("sandbox1", "6961d4041c1e12de4c5499dd");
    let posted = text(&posted).replace("mila@", "noa@");
    let workspace = Workspace {
        source: SourceId::new("support").unwrap(),
        app_id: "sandbox1".to_owned(),
        client_secret: Secret::new("sandbox-client-secret"),
        bridges: vec![Destination {
            bridge: BridgeId::new("main").unwrap(),
            partition: 0,
        }],
    };
    let now = Timestamp(1_768_018_994_000);
    let entries = taken_up(&[workspace], posted.as_bytes(), now).unwrap();
    avro::encode(entries[0].message.as_ref().unwrap()).unwrap()
}

/// A write to a contact that waits for nothing any more.
fn overtaken() -> Vec<u8> {
    let contact = record("contact", "6961d4041c1e12de4c5499aa");
    let mut command = update(&contact, vec![field("phone", "1", "2")]);
    command.bridge = BridgeId::new("main").unwrap();
    serde_json::to_vec(&command).unwrap()
}

fn settle(installation: &Installation, admin: &str, arguments: &[&str]) -> (bool, String) {
    let config = installation.config();
    let place = ["--config", &config, "--admin", admin, "--by", "ann"];
    let ended = output(&[&["dead-letters"], arguments, &place].concat());
    let told = text(&ended.stdout) + &text(&ended.stderr);
    (ended.status.success(), told)
}

fn listed(installation: &Installation, more: &[&str]) -> Vec<Value> {
    let config = installation.config();
    let list = ["dead-letters", "list", "--json", "--config", &config];
    let told = output(&[&list[..], more].concat());
    serde_json::from_slice(&told.stdout).unwrap()
}

fn count(installation: &Installation, more: &[&str]) -> u64 {
    let groups = listed(installation, more);
    groups
        .iter()
        .map(|one| one["count"].as_u64().unwrap())
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_understood_now_is_taken_up_and_the_rest_says_why_not() {
    let installation = Installation::new().await;
    let row = json!({
        "attributes": {"type": "Contact"}, "Id": "0035g00000ABCDEAA4", "LastName": "Okafor",
        "Email": "ife@kestrel.example", "SystemModstamp": "2026-01-10T04:23:14.000+0000",
    });
    let row = row.to_string().into_bytes();
    earlier(
        &installation,
        vec![
            letter(
                "bad_item",
                "webhook",
                notification("sandbox1", "6961d4041c1e12de4c5499cc"),
            ),
            letter("bad_item", "webhook", b"{\"app_id\":\"sandbox1\"".to_vec()),
            letter(
                "unknown_workspace",
                "webhook",
                notification("elsewhere", "c9"),
            ),
            letter("row_unreadable", "sales/Contact", row),
            letter("event_unreadable", "sales/data/ChangeEvents@00", vec![1]),
            letter(
                "write_rejected:NOT_FOUND",
                "intercom.writes/0@1",
                overtaken(),
            ),
            letter(
                "undecodable: unknown schema",
                "IntercomObserved/0@9",
                entry(),
            ),
        ],
    );
    let (running, admin) = installation.run().await;
    assert_eq!(count(&installation, &[]), 7);
    let (done, told) = settle(&installation, &admin, &["redrive", "0@5"]);
    assert!(
        done && told.contains("0@5 discarded: nothing of") && told.contains("waits any more"),
        "{told}"
    );

    let (done, told) = settle(&installation, &admin, &["redrive", "--cause", "bad_itm"]);
    assert!(
        !done && told.contains("did you mean \"bad_item\"?"),
        "{told}"
    );
    let (all, told) = settle(&installation, &admin, &["redrive", "--cause", "bad_item"]);
    assert!(!all && told.contains("0@0 redriven"), "{told}");
    assert!(
        told.contains("0@1: ") && told.contains("not_json"),
        "{told}"
    );
    let (done, told) = settle(&installation, &admin, &["redrive", "0@3", "0@6"]);
    assert!(done, "{told}");
    for (id, why) in [
        ("0@2", "add one with its app_id"),
        ("0@4", "the next sweep"),
    ] {
        let (done, told) = settle(&installation, &admin, &["redrive", id]);
        assert!(!done && told.contains(why), "{told}");
    }
    for name in [
        "mila@kestrel.example",
        "ife@kestrel.example",
        "noa@kestrel.example",
    ] {
        until(name, || {
            let found = output(&[
                "identity",
                "show",
                name,
                "--admin",
                &admin,
                "--config",
                &installation.config(),
            ]);
            match text(&found.stdout).contains("cus_") {
                true => Ok(()),
                false => Err(text(&found.stdout) + &text(&found.stderr)),
            }
        })
        .await;
    }
    let (again, told) = settle(&installation, &admin, &["redrive", "0@0"]);
    assert!(!again && told.contains("was redriven by ann"), "{told}");

    let (done, told) = settle(&installation, &admin, &["discard", "0@1", "0@2", "0@4"]);
    assert!(done, "{told}");
    assert_eq!(
        (count(&installation, &[]), count(&installation, &["--all"])),
        (0, 7)
    );
    let config = installation.config();
    let shown = output(&["dead-letters", "show", "0@2", "--config", &config]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["settled"], json!({"how": "discarded", "by": "ann"}));
    until("the journal", || {
        let journal = installation.topic("journal");
        match journal.matches("\"letter_settled\"").count() {
            7 => Ok(()),
            other => Err(format!("{other} settled")),
        }
    })
    .await;
    drop(running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_write_is_tried_again_when_its_cause_is_mended() {
    let installation = Installation::new().await;
    let (running, admin) = installation.run().await;
    let here = installation.here(1, "pat@kestrel.example", json!({}));
    let tag = json!({"verb": "tag", "contact_id": here, "name": "qualified"});
    installation.intercom.act(tag).unwrap();
    until("the lead", || match installation.rows("Lead").len() {
        1 => Ok(()),
        other => Err(format!("{other} leads")),
    })
    .await;
    let hide = json!({"verb": "hide_field", "object": "Lead", "field": "Phone", "rights": "read"});
    installation.salesforce.act(hide).unwrap();
    let set = json!({"phone": "+14155550199"});
    let edit = json!({"verb": "update_contact", "id": here, "set": set});
    installation.intercom.act(edit).unwrap();
    let letters = async |wanted: u64| {
        until("the letters", || match count(&installation, &["--all"]) {
            found if found == wanted => Ok(()),
            other => Err(format!("{other} letters")),
        })
        .await;
    };
    letters(1).await;
    let set = json!({"phone": "+14155550100"});
    let edit = json!({"verb": "update_contact", "id": here, "set": set});
    installation.intercom.act(edit).unwrap();
    letters(2).await;
    for id in ["00@+0", "0@00"] {
        let (done, told) = settle(&installation, &admin, &["discard", id]);
        assert!(!done && told.contains("no letter's id"), "{told}");
    }
    // Two letters of one record, and nothing is mended: it is tried once, and refused once.
    let redrive = ["redrive", "--cause", "write_rejected"];
    let (done, told) = settle(&installation, &admin, &redrive);
    assert!(done && told.contains("0@0 redriven"), "{told}");
    assert!(
        told.contains("0@1 discarded: ") && told.contains("is tried again already"),
        "{told}"
    );
    letters(3).await;
    assert_eq!(count(&installation, &[]), 1);
    let restore = json!({"verb": "restore_access"});
    installation.salesforce.act(restore).unwrap();
    let (done, told) = settle(&installation, &admin, &redrive);
    assert!(done && told.contains("0@2 redriven"), "{told}");
    until("the phone", || {
        let lead = installation.rows("Lead").remove(0);
        match lead["Phone"] == "+14155550100" {
            true => Ok(()),
            false => Err(lead["Phone"].to_string()),
        }
    })
    .await;
    assert_eq!(count(&installation, &[]), 0);
    drop(running);
}
