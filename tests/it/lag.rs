//! How far the roles are behind, as a scrape sees it.

use serde_json::{Value, json};

use crate::brokers;
use crate::cli::{Running, output};
use crate::installation::{Installation, until};

/// The value of a metric whose labels are all of these.
fn told(metrics: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let line = metrics.lines().find(|line| {
        let is_named = line
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('{'));
        let has = |(label, value): &(&str, &str)| line.contains(&format!("{label}=\"{value}\""));
        is_named && labels.iter().all(has)
    })?;
    line.rsplit_once(' ')?.1.parse().ok()
}

async fn scrape(admin: &str) -> String {
    let answer = reqwest::get(format!("{admin}/metrics")).await.unwrap();
    answer.text().await.unwrap()
}

async fn comes_to(admin: &str, what: &str, is_so: impl Fn(&str) -> bool) -> String {
    for _ in 0..300 {
        let metrics = scrape(admin).await;
        if is_so(&metrics) {
            return metrics;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{what} never: {}", scrape(admin).await);
}

async fn installation(log: Value) -> Installation {
    let installation = Installation::of(log, json!({})).await;
    let path = installation.config();
    let text = std::fs::read_to_string(&path).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    config["metrics"] = json!({"lag_interval_seconds": 1, "kafka_exporter_names": true});
    std::fs::write(&path, config.to_string()).unwrap();
    installation
}

async fn is_told(installation: &Installation, prefix: &str, group: &str) {
    let processor = [
        ("group", "crosswalk-processor"),
        ("topic", "intercom_observed"),
    ];
    let lag = |metrics: &str| told(metrics, "crosswalk_consumer_lag", &processor);
    let (running, admin) = installation.run().await;
    let contact = installation.here(1, "joan@example.com", json!({}));
    let tag = json!({"verb": "tag", "contact_id": contact, "name": "qualified"});
    installation.intercom.act(tag).unwrap();
    until("the lead", || match installation.rows("Lead").len() {
        1 => Ok(()),
        other => Err(format!("{other} leads")),
    })
    .await;
    // All is taken: what ends a transaction behind the last entry is no lag.
    let full = format!("{prefix}intercom.observed.v1");
    let metrics = comes_to(&admin, "caught up", |metrics| {
        let end = told(
            metrics,
            "kafka_topic_partition_current_offset",
            &[("topic", &full)],
        );
        let others = [
            ("crosswalk-salesforce-sink", "salesforce_writes"),
            ("crosswalk-intercom-sink", "intercom_writes"),
            ("crosswalk-processor", "results"),
        ];
        let taken = |(group, topic): &(&str, &str)| {
            let labels = [("group", *group), ("topic", *topic), ("partition", "0")];
            told(metrics, "crosswalk_consumer_lag", &labels) == Some(0.0)
        };
        lag(metrics) == Some(0.0) && end.is_some_and(|end| end > 0.0) && others.iter().all(taken)
    })
    .await;
    // How late what followed was: from the webhook's arrival, not from the epoch.
    let late = |part: &str| {
        let name = format!("crosswalk_sync_latency_seconds_{part}");
        told(&metrics, &name, &[("direction", "to_salesforce")])
    };
    assert!(late("count").is_some_and(|count| count >= 1.0), "{metrics}");
    let sum = late("sum").unwrap();
    assert!(sum > 0.0 && sum < 60.0, "{sum}");
    let outside = [("consumergroup", group), ("topic", full.as_str())];
    for name in [
        "kafka_consumergroup_lag",
        "kafka_consumergroup_current_offset",
    ] {
        assert!(
            told(&metrics, name, &outside).is_some(),
            "{name}: {metrics}"
        );
    }
    assert!(running.end("-TERM").0);

    // Webhooks are taken, and nobody decides.
    let config = installation.config();
    let ingest = [
        "run",
        "--config",
        &config,
        "--role",
        "ingest",
        "--print-addresses",
    ];
    let mut running = Running::start(&ingest);
    let addresses: Value = serde_json::from_str(&running.line()).unwrap();
    let address = |name: &str| addresses[name].as_str().unwrap().to_owned();
    let webhooks = address("webhooks");
    installation
        .intercom
        .set_webhook_url(webhooks)
        .await
        .unwrap();
    for number in 2..5 {
        installation.here(number, &format!("pat{number}@example.com"), json!({}));
    }
    let behind = comes_to(&address("admin"), "behind", |metrics| {
        let age = told(metrics, "crosswalk_oldest_untaken_age_seconds", &processor);
        lag(metrics).is_some_and(|lag| lag >= 3.0) && age.is_some_and(|age| age >= 1.0)
    })
    .await;
    let used = told(&behind, "crosswalk_retention_used_ratio", &processor).unwrap();
    assert!(used > 0.0 && used < 0.001, "{used}");
    assert!(running.end("-TERM").0);
}

#[tokio::test(flavor = "multi_thread")]
async fn lag_and_age_are_told_on_the_embedded_log() {
    let installation = installation(json!({"embedded": {"path": "log.db"}})).await;
    is_told(&installation, "crosswalk.", "crosswalk-processor").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lag_and_age_are_told_on_kafka_and_the_end_of_a_transaction_is_none() {
    let Some(bootstrap) = brokers::bootstrap() else {
        return;
    };
    let prefix = brokers::fresh_prefix();
    let log = json!({"kafka": {"bootstrap": bootstrap, "prefix": prefix}});
    let installation = installation(log).await;
    let config = installation.config();
    let apply = ["topics", "apply", "--config", &config];
    let one = ["--replicas", "1", "--in-sync-min", "1"];
    assert!(output(&[&apply[..], &one].concat()).status.success());
    let group = format!("{prefix}crosswalk-processor");
    is_told(&installation, &prefix, &group).await;
}
