//! `crosswalk run` on real Kafka, as a process: both ways, killed, and the topics it needs.

use serde_json::{Value, json};

use crate::brokers;
use crate::cli::{output, text};
use crate::installation::{Installation, until};

const EMAIL: &str = "joan@example.com";

async fn installation() -> Option<Installation> {
    let bootstrap = brokers::bootstrap()?;
    let log = json!({"kafka": {
        "bootstrap": bootstrap, "prefix": brokers::fresh_prefix(),
        "properties": {"compression.codec": "zstd"},
    }});
    Some(Installation::of(log, json!({})).await)
}

fn topics(installation: &Installation, verb: &str) -> (bool, String) {
    let config = installation.config();
    let one = ["--replicas", "1", "--in-sync-min", "1"];
    let asked = output(&[&["topics", verb, "--config", &config][..], &one].concat());
    (
        asked.status.success(),
        text(&asked.stdout) + &text(&asked.stderr),
    )
}

fn told_in_intercom(installation: &Installation, attribute: &str) -> Option<String> {
    let state = installation.intercom.state();
    let contacts = state["contacts"].as_array().cloned().unwrap_or_default();
    let title = &contacts.first()?["custom_attributes"][attribute];
    title.as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_topics_are_planned_made_once_and_missed_by_name() {
    let Some(installation) = installation().await else {
        return;
    };
    let config = installation.config();
    let started = output(&["run", "--config", &config]);
    assert!(!started.status.success());
    let said = text(&started.stderr);
    assert!(said.contains("crosswalk topics apply"), "{said}");
    for (verb, last) in [
        ("plan", "14 of 14 topics missing"),
        ("apply", "14 of 14 topics made"),
        ("apply", "0 of 14 topics made"),
        ("plan", "0 of 14 topics missing"),
    ] {
        let (done, said) = topics(&installation, verb);
        assert!(done && said.trim_end().ends_with(last), "{verb}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_of_a_topic_is_shown_and_left() {
    let Some(installation) = installation().await else {
        return;
    };
    assert!(topics(&installation, "apply").0);
    let (_, same) = topics(&installation, "plan");
    assert!(!same.contains("differ"), "{same}");
    let config = installation.config();
    let other = ["--replicas", "1", "--in-sync-min", "2"];
    let planned = output(&[&["topics", "plan", "--config", &config][..], &other].concat());
    let said = text(&planned.stdout);
    assert!(planned.status.success(), "{said}");
    let lines = "journal.v1 differs\n- min.insync.replicas=1\n+ min.insync.replicas=2\n";
    assert!(said.contains(lines), "{said}");
    assert!(
        said.contains("14 settings differ; nothing that is there is changed"),
        "{said}"
    );
    let path = installation.config();
    let file = std::fs::read_to_string(&path).unwrap();
    let mut wider: Value = serde_json::from_str(&file).unwrap();
    wider["log"]["kafka"]["lane_partitions"] = json!(3);
    std::fs::write(&path, wider.to_string()).unwrap();
    let (_, said) = topics(&installation, "plan");
    assert!(
        said.contains("salesforce.writes.v1 differs\n- partitions=1\n+ partitions=3"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_are_planned_and_registered_with_the_topics() {
    let (Some(bootstrap), Some(registry)) = (brokers::bootstrap(), brokers::registry()) else {
        return;
    };
    let log = json!({"kafka": {
        "bootstrap": bootstrap, "prefix": brokers::fresh_prefix(),
        "registry": {"urls": [registry], "register": false},
    }});
    let installation = Installation::of(log, json!({})).await;
    let missing = [
        "14 of 14 topics missing",
        "14 of 14 schemas missing",
        "missing the schema of",
    ];
    let made = [
        "14 of 14 topics made",
        "14 of 14 schemas registered",
        " as ",
    ];
    let nothing = ["0 of 14 topics missing", "0 of 14 schemas missing", ""];
    for (verb, expected) in [("plan", missing), ("apply", made), ("plan", nothing)] {
        let (done, said) = topics(&installation, verb);
        assert!(done, "{verb}: {said}");
        for line in expected {
            assert!(said.contains(line), "{verb}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_kept_in_step_both_ways_over_a_kill() {
    let Some(installation) = installation().await else {
        return;
    };
    assert!(topics(&installation, "apply").0);
    let (running, _) = installation.run().await;
    let contact = installation.here(1, EMAIL, json!({}));
    let tag = json!({"verb": "tag", "contact_id": contact, "name": "qualified"});
    installation.intercom.act(tag).unwrap();
    let lead = until("the lead", || {
        let rows = installation.rows("Lead");
        let lead = rows.first().ok_or("there is none")?;
        Ok(lead["Id"].as_str().unwrap().to_owned())
    })
    .await;
    until("the lead's id", || {
        match told_in_intercom(&installation, "SALESFORCE_ID") {
            Some(id) if id == lead => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    // A subscription that has shown nothing yet has no position, and its successor none to go on
    // from.
    until("the lead's own event", || {
        let told = installation.topic("salesforce.observed");
        told.contains(&lead).then_some(()).ok_or(told)
    })
    .await;
    // Killed: what sales changes meanwhile is told of when another one has taken over.
    drop(running);
    let change = |title: &str| {
        let fields = json!({"Title": title});
        let act = json!({"verb": "update", "id": lead, "fields": fields});
        installation.salesforce.act(act).unwrap();
    };
    change("Countess");
    let (_running, admin) = installation.run().await;
    for title in ["Countess", "Duchess"] {
        change(title);
        until("the title", || {
            match told_in_intercom(&installation, "SALESFORCE_TITLE") {
                Some(seen) if seen == title => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }
    let leads = installation.rows("Lead").len();
    assert_eq!(leads, 1, "nobody was made twice");
    let explained = output(&["identity", "explain", EMAIL, "--admin", &admin]);
    let explained: Value = serde_json::from_slice(&explained.stdout).unwrap();
    let linked = explained.to_string();
    assert!(
        linked.contains(&lead) && linked.contains(&contact),
        "{linked}"
    );
}
