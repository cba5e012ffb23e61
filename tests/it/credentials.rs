//! Credentials that are revoked and replaced while the process runs: what waits stays, and goes on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::Running;
use crate::installation::{Installation, until};

/// Puts a secret into a file and has the configuration read it from there.
fn from_file(installation: &Installation, path: &str, secret: &str) -> PathBuf {
    let file = installation.folder.path().join(path.replace('/', "-"));
    std::fs::write(&file, secret).unwrap();
    let text = std::fs::read_to_string(installation.config()).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    *config.pointer_mut(path).unwrap() = json!({"file": file});
    config["sink"] = json!({"retry_interval_max_ms": 1_000});
    std::fs::write(installation.config(), config.to_string()).unwrap();
    file
}

/// As Kubernetes replaces a mounted secret: another file takes the place.
fn rotate(file: &Path, secret: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, secret.to_owned() + "\n").unwrap();
    std::fs::rename(new, file).unwrap();
}

async fn paused(admin: &str, system: &str) -> bool {
    let metrics = reqwest::get(format!("{admin}/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let labels = format!("reason=\"credentials\",system=\"{system}\"");
    metrics.lines().any(|line| {
        line.starts_with("crosswalk_lane_paused") && line.contains(&labels) && line.ends_with(" 1")
    })
}

async fn until_paused(admin: &str, system: &str, wanted: bool) {
    for _ in 0..200 {
        if paused(admin, system).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the lane of {system} is not paused={wanted}");
}

/// A pair at rest.
async fn joined(installation: &Installation) -> (Running, String, String, String) {
    let (running, admin) = installation.run().await;
    let here = installation.here(1, "pat@kestrel.example", json!({}));
    let tag = json!({"verb": "tag", "contact_id": here, "name": "qualified"});
    installation.intercom.act(tag).unwrap();
    let lead = until("the lead", || {
        let rows = installation.rows("Lead");
        let id = rows.first().and_then(|lead| lead["Id"].as_str());
        id.map(str::to_owned).ok_or_else(|| "none".to_owned())
    })
    .await;
    shows(installation, &here, "SALESFORCE_ID", &lead).await;
    (running, admin, here, lead)
}

/// Waits until a contact holds a value.
async fn shows(installation: &Installation, here: &str, name: &str, value: &str) {
    until(name, || {
        let state = installation.intercom.state();
        let all = state["contacts"].as_array().unwrap();
        let contact = all.iter().find(|one| one["id"] == here).unwrap();
        let shown = &contact["custom_attributes"][name];
        match *shown == *value {
            true => Ok(()),
            false => Err(shown.to_string()),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_pauses_the_lane_and_its_successor_needs_no_restart() {
    let installation = Installation::new().await;
    let path = "/sources/support/intercom/access_token";
    let file = from_file(&installation, path, "sandbox-access-token");
    let (running, admin, here, lead) = joined(&installation).await;
    let revoke = json!({"verb": "rotate_token", "token": "a-new-token"});
    installation.intercom.act(revoke).unwrap();
    for title in ["First", "Second", "Third"] {
        let fields = json!({"Title": title});
        let update = json!({"verb": "update", "id": lead, "fields": fields});
        installation.salesforce.act(update).unwrap();
    }
    until_paused(&admin, "intercom", true).await;
    let ready = reqwest::get(format!("{admin}/readyz")).await.unwrap();
    let ready: Value = ready.json().await.unwrap();
    assert!(ready.to_string().contains("credentials"), "{ready}");
    assert_eq!(
        installation.topic("dead-letters"),
        "",
        "nothing is given up"
    );
    rotate(&file, "a-new-token");
    shows(&installation, &here, "job_title", "Third").await;
    until_paused(&admin, "intercom", false).await;
    let (ended, log) = running.end("-TERM");
    assert!(ended, "{log}");
    assert!(log.contains("read anew from its file"), "{log}");
    assert!(
        log.contains("paused") || log.contains("credentials"),
        "{log}"
    );
    for secret in ["a-new-token", "sandbox-access-token"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_client_secret_of_the_org_needs_no_restart() {
    let installation = Installation::new().await;
    let path = "/sources/sales/salesforce/client_secret";
    let file = from_file(&installation, path, "sandbox-client-secret");
    let (running, admin, here, _) = joined(&installation).await;
    let rotated = json!({"verb": "rotate_client_secret", "secret": "another"});
    installation.salesforce.act(rotated).unwrap();
    let set = json!({"phone": "+14155550199"});
    let edit = json!({"verb": "update_contact", "id": here, "set": set});
    installation.intercom.act(edit).unwrap();
    until_paused(&admin, "salesforce", true).await;
    rotate(&file, "another");
    until("the phone", || {
        let shown = installation.rows("Lead").remove(0)["Phone"].clone();
        match shown == "+14155550199" {
            true => Ok(()),
            false => Err(shown.to_string()),
        }
    })
    .await;
    until_paused(&admin, "salesforce", false).await;
    drop(running);
}
