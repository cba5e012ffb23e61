//! What touches everybody, while people go on: an import of many, a new mapping, an owner renamed.
//! A change of one person must not wait for it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crosswalk::sandbox::clock;
use serde_json::{Value, json};

use crate::cli::output;
use crate::storm::child::Child;
use crate::storm::people::{Chance, Stage};

/// How long edits may take to come through.
const PATIENCE: Duration = Duration::from_secs(1_800);
const EDITS: usize = 100;
const EDITS_PER_SECOND: u64 = 20;
/// Requests that Intercom answers in ten seconds.
const LIMIT: u32 = 1_667;
/// Nobody waits for the import: it may go as fast as it can.
const LIMIT_OF_IMPORT: u32 = 100_000;
const WALK_OF_IMPORT: u32 = 10_000;

/// Milliseconds from a change in the org to the write in Intercom, sorted.
struct Latency(Vec<f64>);

impl Latency {
    fn at(&self, part: f64) -> f64 {
        let last = self.0.len() - 1;
        self.0[(part * last as f64).round() as usize]
    }

    fn json(&self) -> Value {
        let round = |ms: f64| (ms * 10.0).round() / 10.0;
        json!({"p50": round(self.at(0.5)), "p99": round(self.at(0.99)), "max": round(self.at(1.0))})
    }
}

/// Contacts in the org, of people who are in Intercom too.
struct Crowd(Vec<String>);

impl Crowd {
    fn gathers(stage: &Stage, count: usize) -> Self {
        let mut ids = Vec::with_capacity(count);
        for number in 0..count {
            let email = format!("pat{number}@kestrel.example");
            let fields = json!({"FirstName": "Pat", "LastName": format!("N{number}"),
                "Email": email});
            let act = json!({"verb": "create", "object": "Contact", "fields": fields});
            let made = stage.salesforce.act(act).unwrap();
            ids.push(made["id"].as_str().unwrap().to_owned());
            let act = json!({"verb": "create_contact", "role": "lead", "email": email,
                "name": format!("Pat N{number}")});
            stage.intercom.act(act).unwrap();
        }
        Self(ids)
    }

    /// Titles change, twenty a second; answers when each was written in Intercom.
    async fn goes_on(&self, stage: &Stage, said: &mut usize, chance: &mut Chance) -> Latency {
        // Each of somebody else: of two changes of one person in a moment, one may be all that is
        // written.
        let first = chance.below(self.0.len());
        let mut since = stage
            .intercom
            .request_log()
            .last()
            .map_or(0, |entry| entry.n);
        let (mut waiting, mut took) = (HashMap::new(), Vec::new());
        let began = Instant::now();
        let mut acted = 0;
        while took.len() < EDITS {
            let due = Duration::from_millis(acted as u64 * 1_000 / EDITS_PER_SECOND);
            if acted < EDITS && began.elapsed() >= due {
                *said += 1;
                acted += 1;
                let title = format!("Title {said}");
                let id = &self.0[(first + acted) % self.0.len()];
                let act = json!({"verb": "update", "id": id, "fields": {"Title": title}});
                waiting.insert(title, clock::now_ns());
                stage.salesforce.act(act).unwrap();
            }
            for entry in stage.intercom.request_log_since(since) {
                since = entry.n;
                let title = entry.body["custom_attributes"]["job_title"].as_str();
                if let Some(at) = title.and_then(|title| waiting.remove(title)) {
                    took.push(entry.at_ns.saturating_sub(at) as f64 / 1e6);
                }
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{} of {EDITS} arrived",
                took.len()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        took.sort_by(f64::total_cmp);
        Latency(took)
    }
}

/// How long a walk over so many people may take: 60 calls a second, some four for each.
fn walk_takes(people: usize) -> Duration {
    PATIENCE + Duration::from_millis(people as u64 * 4 * 1_000 / 60)
}

async fn until(child: &Child, event: &str, count: u64, patience: Duration) {
    let began = Instant::now();
    while child.counted(event).await < count {
        assert!(began.elapsed() < patience, "{event} never came");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Everybody is imported, and then touched, and each time somebody is changed meanwhile.
pub async fn wide(count: usize) -> Value {
    let stage = Stage::new(0).await;
    let crowd = Crowd::gathers(&stage, count);
    let folder = stage.folder.clone();
    stage.pace_walks(Some(WALK_OF_IMPORT));
    let mut child = Child::start(&folder).await;
    stage
        .intercom
        .set_webhook_url(child.webhooks.clone())
        .await
        .unwrap();
    let (mut said, mut chance) = (0, Chance::new(3));
    stage.intercom.set_rate_limit(LIMIT_OF_IMPORT);
    let began = Instant::now();
    let asked = output(&[
        "backfill",
        "--bridge",
        "main",
        "--json",
        "--admin",
        child.admin(),
    ]);
    assert!(asked.status.success(), "{asked:?}");
    let rows_in_log = began.elapsed();
    // While its rows are decided, whoever changes waits behind them: one ordered topic.
    until(&child, "walk_ended", 1, walk_takes(count)).await;
    let imported = began.elapsed();
    stage.intercom.set_rate_limit(LIMIT);
    let import_peak = child.sample(began.elapsed(), &folder).peak_mb;
    eprintln!("imported after {imported:?}");
    let quiet = crowd.goes_on(&stage, &mut said, &mut chance).await;

    // A new version of the mapping, as an operator brings it: a restart.
    let mapping = std::fs::read_to_string(folder.join("mapping.yaml")).unwrap();
    let mapping = mapping.replace("version: 1", "version: 2");
    std::fs::write(folder.join("mapping.yaml"), mapping).unwrap();
    stage.pace_walks(None);
    child.end_and_rise(&folder).await;
    until(&child, "walk_started", 1, walk_takes(count)).await;
    let remapped = crowd.goes_on(&stage, &mut said, &mut chance).await;
    let during_remap = child.counted("walk_ended").await == 0;
    until(&child, "walk_ended", 1, walk_takes(count)).await;

    // Whoever owns everybody is renamed.
    let owner = stage.salesforce.state()["records"]["Contact"][0]["OwnerId"].clone();
    let rename = json!({"verb": "update", "id": owner, "fields": {"LastName": "Rosario"}});
    stage.salesforce.act(rename).unwrap();
    until(&child, "walk_started", 2, walk_takes(count)).await;
    let renamed = crowd.goes_on(&stage, &mut said, &mut chance).await;
    let during_rename = child.counted("walk_ended").await == 1;
    let end = child.sample(began.elapsed(), &folder);
    json!({
        "people": count, "rows_in_log_s": rows_in_log.as_secs_f64(),
        "imported_s": imported.as_secs_f64(), "import_vm_hwm_mb": import_peak,
        "latency_quiet_ms": quiet.json(),
        "latency_remapped_ms": remapped.json(), "walk_outlasted_the_edits": during_remap,
        "latency_renamed_ms": renamed.json(), "rename_outlasted_the_edits": during_rename,
        "vm_hwm_mb": end.peak_mb, "disk_mb": end.disk_mb,
    })
}
