//! Sweeps against both sandboxes: webhooks that never come, changes that fall into a gap.

use std::time::Duration;

use crosswalk::sandbox::fault::Rule;
use serde_json::{Value, json};

use crate::cli::{output, text};
use crate::installation::{Installation, until};

/// The webhooks of everything that people do from here on never come.
fn lose_webhooks(installation: &Installation) {
    let rule = json!({"kind": "drop", "times": null});
    let rule: Rule = serde_json::from_value(rule).unwrap();
    installation.intercom.add_fault(rule).unwrap();
}

fn contact(installation: &Installation, id: &str) -> Value {
    let state = installation.intercom.state();
    let all = state["contacts"].as_array().unwrap();
    all.iter().find(|one| one["id"] == id).unwrap().clone()
}

fn row(installation: &Installation, object: &str, id: &str) -> Option<Value> {
    let rows = installation.rows(object).into_iter();
    rows.into_iter().find(|row| row["Id"] == id)
}

fn reports(admin: &str) -> Vec<Value> {
    let told = output(&["sweeps", "--admin", admin, "--json"]);
    assert!(told.status.success(), "{}", text(&told.stderr));
    serde_json::from_str(&text(&told.stdout)).unwrap()
}

/// Waits until both sides were swept over a window that began after now.
async fn swept(admin: &str) -> Vec<Value> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap().as_millis() as i64;
    until("the sweep", || {
        let reports = reports(admin);
        let over = |report: &&Value| report["until"].as_i64().unwrap() > now;
        match reports.iter().filter(over).count() {
            2 => Ok(reports),
            _ => Err(format!("{reports:?}")),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_webhook_and_no_event_told_is_found_and_counted() {
    let feeds = json!({
        "sweep_interval_seconds": 1, "sweep_settle_seconds": 1, "sweep_overlap_seconds": 5,
        "after_gap": "latest",
    });
    let installation = Installation::with(feeds).await;
    let (running, admin) = installation.run().await;
    let nothing = text(&output(&["sweeps", "--admin", &admin]).stdout);
    assert_eq!(nothing, "no sweep has ended yet\n");
    let here = installation.here(1, "pat@kestrel.example", json!({}));
    let tag = json!({"verb": "tag", "contact_id": here, "name": "qualified"});
    installation.intercom.act(tag).unwrap();
    let lead = until("the lead", || {
        let rows = installation.rows("Lead");
        let lead = rows.first().and_then(|lead| lead["Id"].as_str());
        lead.map(str::to_owned).ok_or_else(|| "none".to_owned())
    })
    .await;
    swept(&admin).await;

    lose_webhooks(&installation);
    let set = json!({"phone": "+14155550199"});
    let edit = json!({"verb": "update_contact", "id": here, "set": set});
    installation.intercom.act(edit).unwrap();
    until("the phone", || {
        let shown = row(&installation, "Lead", &lead).unwrap()["Phone"].clone();
        match shown == "+14155550199" {
            true => Ok(()),
            false => Err(shown.to_string()),
        }
    })
    .await;
    let healed = reports(&admin);
    let of = |reports: &[Value], source: &str| -> u64 {
        let mut all = reports.iter();
        let found = all.find(|report| report["source"] == source);
        found.unwrap()["healed_ever"].as_u64().unwrap()
    };
    // The report stands behind its rows; what was healed since is counted in the next one.
    until("the count", || match of(&reports(&admin), "support") {
        1 => Ok(()),
        other => Err(format!("{other}, {healed:?}")),
    })
    .await;
    let journal = installation.topic("journal");
    let healing = |line: &&str| line.contains("\"record_healed\"");
    let lines: Vec<&str> = journal.lines().filter(healing).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("\"phone\""), "{}", lines[0]);

    // The events of the org are forgotten before they are fetched.
    drop(running);
    let title = json!({"verb": "update", "id": lead, "fields": {"Title": "Captain"}});
    installation.salesforce.act(title).unwrap();
    let forget = json!({"verb": "forget_replay_ids"});
    installation.salesforce.act(forget).unwrap();
    let (running, admin) = installation.run().await;
    until("the title", || {
        let shown = contact(&installation, &here);
        let shown = &shown["custom_attributes"]["job_title"];
        match shown == "Captain" {
            true => Ok(()),
            false => Err(shown.to_string()),
        }
    })
    .await;

    // A deletion that nobody tells of.
    drop(running);
    let delete = json!({"verb": "delete", "id": lead});
    installation.salesforce.act(delete).unwrap();
    let forget = json!({"verb": "forget_replay_ids"});
    installation.salesforce.act(forget).unwrap();
    let (running, admin2) = installation.run().await;
    until("the deletion", || {
        let journal = installation.topic("journal");
        let left = |line: &str| line.contains("\"record_left\"") && line.contains(&lead);
        match journal.lines().any(left) {
            true => Ok(()),
            false => Err("it is not known".to_owned()),
        }
    })
    .await;
    swept(&admin2).await;
    assert!(
        of(&reports(&admin2), "sales") >= 2,
        "{:?}",
        reports(&admin2)
    );
    let metrics = reqwest::get(format!("{admin2}/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let counted = "crosswalk_healed_records_total{object=\"Lead\",source=\"sales\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    let notices = installation.topic("notifications");
    assert!(notices.contains("sweep_ended"), "{notices}");

    // At rest nothing is healed, however often it is looked.
    let before = installation.topic("journal");
    let count = |journal: &str| journal.matches("\"record_healed\"").count();
    for _ in 0..3 {
        swept(&admin2).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(count(&installation.topic("journal")), count(&before));
    drop((running, admin));
}

/// What both systems held before is for an import, and for a pilot first.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_saved_before_the_first_start_is_left_to_the_import() {
    let feeds = json!({
        "sweep_interval_seconds": 1, "sweep_settle_seconds": 1, "sweep_overlap_seconds": 600,
    });
    let installation = Installation::with(feeds).await;
    installation.here(1, "pat@kestrel.example", json!({}));
    installation.there(1, "pat@kestrel.example", json!({}));
    // Both systems tell whole seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let (running, admin) = installation.run().await;
    for _ in 0..2 {
        for report in swept(&admin).await {
            assert_eq!(report["compared"], 0, "{report}");
            assert_eq!(report["healed_ever"], 0, "{report}");
        }
    }
    installation.here(2, "joan@kestrel.example", json!({}));
    until("the new one", || {
        let reports = reports(&admin);
        let is_compared = |report: &Value| report["source"] == "support" && report["compared"] == 1;
        let found = reports.iter().any(is_compared);
        found.then_some(()).ok_or_else(|| format!("{reports:?}"))
    })
    .await;
    drop(running);
}

/// Sales people change a number that an agent has changed before them, and no webhook told of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_agents_word_that_no_webhook_told_of_is_not_replaced_unseen() {
    let feeds = json!({"sweep_interval_seconds": 3_600});
    let installation = Installation::with(feeds).await;
    let (running, _) = installation.run().await;
    let set = json!({"phone": "+14155550100"});
    let here = installation.here(1, "pat@kestrel.example", set);
    let tag = json!({"verb": "tag", "contact_id": here, "name": "qualified"});
    installation.intercom.act(tag).unwrap();
    let lead = until("the lead", || {
        let rows = installation.rows("Lead");
        let lead = rows.first().filter(|lead| lead["Phone"].is_string());
        let lead = lead.and_then(|lead| lead["Id"].as_str());
        lead.map(str::to_owned).ok_or_else(|| "none".to_owned())
    })
    .await;
    until("the lead's id", || {
        let shown = contact(&installation, &here)["custom_attributes"]["SALESFORCE_ID"].clone();
        (shown == lead.as_str())
            .then_some(())
            .ok_or_else(|| shown.to_string())
    })
    .await;

    lose_webhooks(&installation);
    let set = json!({"phone": "+14155550111"});
    let edit = json!({"verb": "update_contact", "id": here, "set": set});
    installation.intercom.act(edit).unwrap();
    let edit = json!({"verb": "update", "id": lead, "fields": {"Phone": "+14155550122"}});
    installation.salesforce.act(edit).unwrap();
    let line = until("the conflict", || {
        let journal = installation.topic("journal");
        let mut lines = journal.lines();
        let line = lines.find(|line| line.contains("\"conflict_decided\""));
        line.map(str::to_owned).ok_or(journal)
    })
    .await;
    assert!(line.contains("phone"), "{line}");
    until("one number", || {
        let number = contact(&installation, &here)["phone"].clone();
        let same = row(&installation, "Lead", &lead).unwrap()["Phone"] == number;
        let known = ["+14155550111", "+14155550122"]
            .iter()
            .any(|one| number == *one);
        (same && known)
            .then_some(())
            .ok_or_else(|| number.to_string())
    })
    .await;
    drop(running);
}
