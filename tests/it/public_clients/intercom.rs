//! `intercom-client`, Intercom's own, creates, searches, updates, lists and merges.

use crosswalk::sandbox::{Tls, intercom};
use serde_json::{Value, json};

use super::{Installed, Language, Script, certificate, step};

fn refused(name: &str, status: u16, code: &str) -> Value {
    json!({"name": name, "status": status, "code": code})
}

/// What differs from Intercom's own description of its API, each with its reason in the file.
fn known_deviations() -> Value {
    let listed = include_str!("../../clients/openapi-deviations.json");
    let listed: Vec<Value> = serde_json::from_str(listed).unwrap();
    let differs = listed.iter().map(|deviation| {
        let reason = deviation["reason"].as_str().unwrap_or_default();
        assert!(!reason.is_empty(), "{deviation} has no reason");
        deviation["differs"].clone()
    });
    differs.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_intercom_client_creates_searches_and_updates() {
    let Some(installed) = Installed::find(Language::Node) else {
        return;
    };
    let tls = Tls::self_signed().unwrap();
    let folder = certificate(&tls);
    let options = intercom::Options {
        tls: Some(tls),
        ..Default::default()
    };
    let token = options.access_token.clone();
    let handle = intercom::start(options).await.unwrap();
    let plan = json!({
        "verb": "define_attribute", "model": "contact", "name": "plan", "data_type": "string",
    });
    handle.act(plan).unwrap();
    let mut command = installed.command("intercom.mjs", folder.path());
    command
        .env("INTERCOM_URL", handle.base_url())
        .env("TOKEN", token);
    let openapi = crate::captures::intercom_openapi();
    if openapi.is_file() {
        command.env("OPENAPI", &openapi);
    } else {
        crate::captures::skipped(&openapi);
    }
    let reports = Script::start(command).reports();
    if openapi.is_file() {
        assert_eq!(step(&reports, "openapi")["differ"], known_deviations());
    }

    assert_eq!(step(&reports, "me")["app"], "sandbox1");
    let created = step(&reports, "created");
    let (lead, user) = (&created["lead"], &created["user"]);
    assert_eq!(lead["role"], "lead");
    assert_eq!(user["role"], "user");
    assert_eq!(user["external_id"], "u-1");
    let collisions = step(&reports, "collisions");
    for which in ["key", "email"] {
        let conflict = refused("IntercomError", 409, "conflict");
        assert_eq!(collisions[which], conflict, "{which}");
    }
    let search = step(&reports, "search");
    assert_eq!(search["total"], 1);
    assert_eq!(search["ids"], json!([user["id"]]));

    let updated = step(&reports, "updated");
    assert_eq!(updated["plan"], "gold");
    assert_eq!(updated["read"], json!({"plan": "gold"}));
    let undefined = refused("IntercomError", 400, "parameter_invalid");
    assert_eq!(updated["undefined"], undefined);
    let list = step(&reports, "list");
    assert_eq!((&list["listed"], &list["distinct"]), (&json!(7), &json!(7)));
    let merged = step(&reports, "merged");
    assert_eq!(
        (&merged["id"], &merged["role"]),
        (&user["id"], &json!("user"))
    );
    let refusals = step(&reports, "refusals");
    assert_eq!(refusals["absent"]["status"], 404);
    let unauthorized = refused("UnauthorizedError", 401, "unauthorized");
    assert_eq!(refusals["token"], unauthorized);

    // And the workspace did what was reported: seven contacts in threes are three requests.
    let asked = handle.request_log();
    let pages = asked
        .iter()
        .filter(|entry| entry.method == "GET" && entry.path == "/contacts");
    assert_eq!(pages.count(), 3);
    let asked_version = |entry: &crosswalk::sandbox::request_log::Entry| {
        entry.headers.get("intercom-version").cloned()
    };
    assert_eq!(asked_version(&asked[0]).as_deref(), Some("2.14"));
}
