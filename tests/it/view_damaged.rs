//! The view is a cache: whatever becomes of its files, the journal gives it back, and says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::{output, text};
use crate::installation::{Installation, until};

/// What is done to a view while nothing runs.
type Harm = fn(&Path, &mut dyn FnMut() -> u64);

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

fn deleted(view: &Path, _: &mut dyn FnMut() -> u64) {
    fs::remove_dir_all(view).unwrap();
}

fn truncated(view: &Path, _: &mut dyn FnMut() -> u64) {
    for file in files(view) {
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    }
}

fn emptied(view: &Path, _: &mut dyn FnMut() -> u64) {
    for file in files(view) {
        fs::write(&file, b"").unwrap();
    }
}

/// One bit in each kilobyte.
fn flipped(view: &Path, chance: &mut dyn FnMut() -> u64) {
    for file in files(view) {
        let mut bytes = fs::read(&file).unwrap();
        for part in bytes.chunks_mut(1_024) {
            let place = chance() as usize % part.len();
            part[place] ^= 1 << (chance() % 8);
        }
        fs::write(&file, &bytes).unwrap();
    }
}

fn lead(installation: &Installation) -> Result<Value, String> {
    let mut rows = installation.rows("Lead");
    match rows.len() {
        1 => Ok(rows.remove(0)),
        other => Err(format!("{other} leads")),
    }
}

/// Somebody changes a phone number, and it arrives; the view is what its journal gives.
async fn works(installation: &Installation, admin: &str, here: &str, phone: &str) {
    let set = json!({"phone": phone});
    let edit = json!({"verb": "update_contact", "id": here, "set": set});
    installation.intercom.act(edit).unwrap();
    until(phone, || {
        let shown = lead(installation)?["Phone"].clone();
        match shown == phone {
            true => Ok(()),
            false => Err(shown.to_string()),
        }
    })
    .await;
    let config = installation.config();
    let verified = output(&["verify", "--config", &config, "--admin", admin]);
    assert!(verified.status.success(), "{}", text(&verified.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_view_is_rebuilt_and_says_so_and_nothing_is_written_anew() {
    let installation = Installation::new().await;
    let (running, admin) = installation.run().await;
    let here = installation.here(1, "pat@kestrel.example", json!({}));
    let tag = json!({"verb": "tag", "contact_id": here, "name": "qualified"});
    installation.intercom.act(tag).unwrap();
    until("the lead", || lead(&installation)).await;
    works(&installation, &admin, &here, "+14155550100").await;
    let (ended, _) = running.end("-TERM");
    assert!(ended);

    let folder = installation.folder.path();
    let (view, older) = (folder.join("view"), folder.join("older"));
    fs::create_dir(&older).unwrap();
    let logs: Vec<PathBuf> = files(folder);
    let logs = logs.into_iter().filter(|one| {
        let name = one.file_name().unwrap().to_str().unwrap();
        name.starts_with("log.db") && !name.ends_with("-shm")
    });
    let logs: Vec<PathBuf> = logs.collect();
    for log in &logs {
        fs::copy(log, older.join(log.file_name().unwrap())).unwrap();
    }
    let mut seed = 88_172_645_463_325_252_u64;
    let mut chance = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let harms: [(&str, Harm); 4] = [
        ("deleted", deleted),
        ("truncated", truncated),
        ("emptied", emptied),
        ("flipped", flipped),
    ];
    for (number, (name, harm)) in harms.into_iter().enumerate() {
        harm(&view, &mut chance);
        let writes = installation.salesforce.request_log().len();
        let (running, admin) = installation.run().await;
        works(
            &installation,
            &admin,
            &here,
            &format!("+1415555011{number}"),
        )
        .await;
        let requests = installation.salesforce.request_log();
        let patches = requests[writes..]
            .iter()
            .filter(|one| one.method == "PATCH");
        assert_eq!(patches.count(), 1, "{name}: what was written stands");
        let stats = reqwest::get(format!("{admin}/v1/stats")).await.unwrap();
        let stats: Value = stats.json().await.unwrap();
        let recovered = stats["partitions"]["0"]["recovered_entries"]
            .as_u64()
            .unwrap();
        assert!(
            recovered > 10,
            "{name}: it is evolved from the journal: {stats}"
        );
        let (ended, log) = running.end("-TERM");
        assert!(ended, "{name}: {log}");
        if name != "deleted" {
            let told = log.contains("rebuilt") || log.contains("replaced");
            assert!(told || name == "emptied", "{name}: nobody is told: {log}");
        }
    }

    // An older log is put in its place, as from a backup: the view stands ahead of its journal.
    for log in files(folder) {
        let name = log.file_name().unwrap().to_str().unwrap();
        if name.starts_with("log.db") && log.parent() == Some(folder) {
            fs::remove_file(log).unwrap();
        }
    }
    for log in &logs {
        fs::copy(older.join(log.file_name().unwrap()), log).unwrap();
    }
    let (running, admin) = installation.run().await;
    // What the feed had told since that backup comes once more; a person who changes something
    // meanwhile may be overtaken by it, which no log that lost its end can know.
    let mut told = (0, Instant::now());
    while told.1.elapsed() < Duration::from_secs(3) {
        let now = installation.topic("salesforce.observed").lines().count();
        if now != told.0 {
            told = (now, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    works(&installation, &admin, &here, "+14155550120").await;
    let (ended, log) = running.end("-TERM");
    assert!(ended && log.contains("ahead of the journal"), "{log}");
}

/// What is done to the snapshots, and what the log says then.
type Spoiling = (fn(&Path), &'static str);

fn snapshots(folder: &Path) -> Vec<PathBuf> {
    match folder.join("snapshots").is_dir() {
        true => files(&folder.join("snapshots")),
        false => Vec::new(),
    }
}

/// With and without a snapshot the view is the same; one that is damaged is passed over.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_is_gone_begins_with_its_snapshot_and_is_the_same() {
    let installation = Installation::new().await;
    let path = installation.config();
    let mut config: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    config["view"]["snapshots_enabled"] = json!(true);
    config["view"]["snapshots_path"] = json!("snapshots");
    config["view"]["snapshot_interval_seconds"] = json!(1);
    fs::write(&path, config.to_string()).unwrap();
    let folder = installation.folder.path();
    let (mut running, mut admin) = installation.run().await;
    let here = installation.here(1, "pat@kestrel.example", json!({}));
    let tag = json!({"verb": "tag", "contact_id": here, "name": "qualified"});
    installation.intercom.act(tag).unwrap();
    until("the lead", || lead(&installation)).await;
    works(&installation, &admin, &here, "+14155550100").await;
    let before = snapshots(folder);
    until("a snapshot of that", || match snapshots(folder) {
        found if found != before && !found.is_empty() => Ok(()),
        found => Err(format!("{found:?}")),
    })
    .await;
    let harms: [Spoiling; 3] = [
        (|_| (), "the view begins with the snapshot"),
        (
            |folder| {
                let newest = snapshots(folder).pop().unwrap();
                let bytes = fs::read(&newest).unwrap();
                fs::write(&newest, &bytes[..bytes.len() - 40]).unwrap();
            },
            "is passed over",
        ),
        (
            |folder| {
                for file in snapshots(folder) {
                    fs::write(file, b"no snapshot").unwrap();
                }
            },
            "is passed over",
        ),
    ];
    for (number, (harm, says)) in harms.into_iter().enumerate() {
        let (ended, _) = running.end("-TERM");
        assert!(ended);
        fs::remove_dir_all(folder.join("view")).unwrap();
        harm(folder);
        (running, admin) = installation.run().await;
        let phone = format!("+1415555020{number}");
        works(&installation, &admin, &here, &phone).await;
        let (ended, log) = running.end("-TERM");
        assert!(ended && log.contains(says), "{says}: {log}");
        assert!(!log.contains("is rebuilt"), "{log}");
        (running, admin) = installation.run().await;
    }
    works(&installation, &admin, &here, "+14155550300").await;
    drop(running);
}
