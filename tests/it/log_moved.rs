//! `crosswalk log export|import`: an installation moves from the embedded log to Kafka.

use crosswalk::domain::Topic;
use crosswalk::log::embedded::{EmbeddedLog, Options};
use crosswalk::log::topics::Partitions;
use crosswalk::log::transfer;
use crosswalk::ports::event_log::EventLog;
use serde_json::{Value, json};

use crate::brokers;
use crate::cli::{Running, output, text};
use crate::contract_event_log::bench::observed;
use crate::installation::{Installation, until};

const EMAIL: &str = "joan@example.com";

fn asked(arguments: &[&str], installation: &Installation) -> (bool, String) {
    let config = installation.config();
    let asked = output(&[arguments, &["--config", &config]].concat());
    let said = text(&asked.stdout) + &text(&asked.stderr);
    (asked.status.success(), said)
}

fn done(arguments: &[&str], installation: &Installation) -> String {
    let (done, said) = asked(arguments, installation);
    assert!(done, "{arguments:?}: {said}");
    said
}

fn refused(arguments: &[&str], installation: &Installation, because: &str) {
    let (done, said) = asked(arguments, installation);
    assert!(!done && said.contains(because), "{arguments:?}: {said}");
}

fn change_config(installation: &Installation, change: impl FnOnce(&mut Value)) {
    let path = installation.config();
    let file = std::fs::read_to_string(&path).unwrap();
    let mut config: Value = serde_json::from_str(&file).unwrap();
    change(&mut config);
    std::fs::write(&path, config.to_string()).unwrap();
}

/// The digest of a rebuild, with where it stands.
fn digest(installation: &Installation) -> String {
    let said = done(&["verify"], installation);
    let (_, digest) = said.rsplit_once("the journal alone gives ").expect(&said);
    digest.trim().to_owned()
}

const FIRST: &str = "+14155550111";
const SECOND: &str = "+14155550122";
const THIRD: &str = "+14155550133";

async fn sales_knows(installation: &Installation, wanted: &str) {
    until("the phone", || {
        let rows = installation.rows("Lead");
        let phone = rows.first().ok_or("nobody")?["Phone"].clone();
        (phone == wanted).then_some(()).ok_or(phone.to_string())
    })
    .await;
}

/// Somebody is joined, and what support changed last is in the log and not taken.
async fn lived_in() -> Installation {
    let installation = Installation::new().await;
    let (running, admin) = installation.run().await;
    let contact = installation.here(1, EMAIL, json!({}));
    let act = |act: Value| installation.intercom.act(act).unwrap();
    act(json!({"verb": "tag", "contact_id": contact, "name": "qualified"}));
    until("the lead", || match installation.rows("Lead").len() {
        1 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
    let says = |phone: &str| {
        let set = json!({"phone": phone});
        act(json!({"verb": "update_contact", "id": contact, "set": set}));
    };
    says(FIRST);
    sales_knows(&installation, FIRST).await;
    until("all echoes", || {
        let config = installation.config();
        let said = output(&["verify", "--config", &config, "--admin", &admin]);
        let told = installation.topic("salesforce.observed");
        (told.contains("\"kind\":\"updated\"") && said.status.success())
            .then_some(())
            .ok_or(told)
    })
    .await;
    running.end("-TERM");
    let config = installation.config();
    let arguments = ["run", "--role", "ingest", "--config", &config];
    let mut ingest = Running::start(&[&arguments[..], &["--print-addresses"]].concat());
    let addresses: Value = serde_json::from_str(&ingest.line()).unwrap();
    let webhooks = addresses["webhooks"].as_str().unwrap().to_owned();
    installation
        .intercom
        .set_webhook_url(webhooks)
        .await
        .unwrap();
    let before = installation.topic("intercom.observed").lines().count();
    says(SECOND);
    until("the webhook", || {
        let told = installation.topic("intercom.observed");
        let came = told.lines().count() > before;
        came.then_some(()).ok_or(told)
    })
    .await;
    ingest.end("-TERM");
    installation
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_moves_to_kafka_and_goes_on_where_it_stood() {
    let Some(bootstrap) = brokers::bootstrap() else {
        return;
    };
    let installation = lived_in().await;
    let file = installation.folder.path().join("crosswalk.export");
    let file = file.to_str().unwrap();
    let before = digest(&installation);
    let trace = installation.topic("trace");
    done(&["log", "export", file], &installation);
    refused(&["log", "export", file], &installation, "exists already");
    refused(
        &["log", "import", file],
        &installation,
        "log.kafka.bootstrap",
    );

    change_config(&installation, |config| {
        config["log"] = json!({"kafka": {"bootstrap": bootstrap,
            "prefix": brokers::fresh_prefix(), "lane_partitions": 3}});
    });
    let one = ["--replicas", "1", "--in-sync-min", "1"];
    done(&[&["topics", "apply"][..], &one].concat(), &installation);
    done(&["log", "import", file], &installation);
    assert_eq!(digest(&installation), before, "the same at the same offset");
    assert_eq!(
        installation.topic("trace").lines().count(),
        trace.lines().count()
    );
    refused(
        &["log", "import", file],
        &installation,
        "holds entries already",
    );

    // What was not taken is taken now, and both go on.
    let (_running, admin) = installation.run().await;
    sales_knows(&installation, SECOND).await;
    let act = json!({"verb": "update", "id": installation.rows("Lead")[0]["Id"],
        "fields": {"Phone": THIRD}});
    installation.salesforce.act(act).unwrap();
    until("the phone", || {
        let state = installation.intercom.state();
        let phone = state["contacts"][0]["phone"].clone();
        (phone == THIRD).then_some(()).ok_or(phone.to_string())
    })
    .await;
    assert_eq!(installation.rows("Lead").len(), 1, "nobody was made twice");
    let same = output(&[
        "verify",
        "--config",
        &installation.config(),
        "--admin",
        &admin,
    ]);
    assert!(same.status.success(), "{}", text(&same.stderr));
}

/// Positions count what is not there: ends of transactions, and what retention has removed.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_any_more_keeps_its_place() {
    let Some(bootstrap) = brokers::bootstrap() else {
        return;
    };
    let installation = lived_in().await;
    let file = installation.folder.path().join("crosswalk.export");
    let file = file.to_str().unwrap();
    let one = ["--replicas", "1", "--in-sync-min", "1"];
    let onto = |prefix: &str| {
        done(&["log", "export", file], &installation);
        change_config(&installation, |config| {
            config["log"] = json!({"kafka": {"bootstrap": bootstrap, "prefix": prefix}});
        });
        done(&[&["topics", "apply"][..], &one].concat(), &installation);
        done(&["log", "import", file], &installation);
        std::fs::remove_file(file).unwrap();
    };
    let inputs = [
        "intercom.observed",
        "salesforce.observed",
        "results",
        "journal",
    ];
    let stood = |topic: &str| {
        let told = installation.topic(topic);
        let place = |line: &str| serde_json::from_str::<Value>(line).unwrap()["offset"].as_u64();
        told.lines().filter_map(place).collect::<Vec<_>>()
    };
    let prefix = brokers::fresh_prefix();
    onto(&prefix);
    let (running, _) = installation.run().await;
    sales_knows(&installation, SECOND).await;
    until("an end of a transaction between two entries", || {
        let places = stood("journal");
        let is_there = places.windows(2).any(|pair| pair[1] > pair[0] + 1);
        is_there.then_some(()).ok_or(format!("{places:?}"))
    })
    .await;
    running.end("-TERM");
    let topic = format!("{prefix}intercom.observed.v1");
    brokers::remove_below(&bootstrap, &topic, 2).await;
    let before = digest(&installation);
    let places = inputs.map(stood);
    assert_eq!(places[0][0], 2, "the first two were removed");
    onto(&brokers::fresh_prefix());
    assert_eq!(digest(&installation), before);
    let moved = inputs.map(|topic| {
        let told = installation.topic(topic);
        let lines = told
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let kept = lines.filter(|line| line["kind"] != "tombstone");
        let places = kept.filter_map(|line| line["offset"].as_u64());
        places.collect::<Vec<_>>()
    });
    assert_eq!(moved, places);
    let first: Value =
        serde_json::from_str(installation.topic(inputs[0]).lines().next().unwrap()).unwrap();
    assert_eq!(first["offset"], 2, "what was removed is not made anew");
}

/// What somebody writes to meanwhile would be moved in part.
#[test]
fn a_log_that_is_written_to_is_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path().join("log.db"), Options::default()).unwrap();
    log.append(vec![observed(1)]).unwrap();
    let file = folder.path().join("crosswalk.export");
    let write = |topic, _| {
        if topic == Topic::CustomerProfiles {
            log.append(vec![observed(2)]).unwrap();
        }
    };
    let refused = transfer::export(&log, Partitions::default(), &file, write).unwrap_err();
    let said = refused.to_string();
    assert!(
        said.contains("intercom.observed.v1/0 was written to"),
        "{said}"
    );
    let left = std::fs::read_dir(folder.path()).unwrap();
    let left = left.map(|file| file.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| name.contains("export")).collect();
    assert_eq!(
        left,
        Vec::<String>::new(),
        "nothing that passes for an export"
    );
    let moved = transfer::export(&log, Partitions::default(), &file, |_, _| ()).unwrap();
    assert_eq!(moved[&Topic::IntercomObserved], 2);
}

/// An export is whole or it is none, and an import says what does not fit.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_export_or_does_not_fit_is_refused_before_anything_is_written() {
    let Some(bootstrap) = brokers::bootstrap() else {
        return;
    };
    let installation = lived_in().await;
    let file = installation.folder.path().join("crosswalk.export");
    let named = file.to_str().unwrap();
    done(&["log", "export", named], &installation);
    change_config(&installation, |config| {
        config["log"] = json!({"kafka": {"bootstrap": bootstrap,
            "prefix": brokers::fresh_prefix()}});
    });
    let one = ["--replicas", "1", "--in-sync-min", "1"];
    done(&[&["topics", "apply"][..], &one].concat(), &installation);
    let whole = std::fs::read(&file).unwrap();
    let import = ["log", "import", named];
    for (bytes, because) in [
        (&whole[..whole.len() / 2], "crosswalk.export"),
        (&whole[..whole.len() - 20], "crosswalk.export"),
        (&b"{}"[..], "is no export"),
    ] {
        std::fs::write(&file, bytes).unwrap();
        refused(&import, &installation, because);
    }
    std::fs::write(&file, &whole).unwrap();
    let wider = |config: &mut Value| {
        config["partitions"] = json!(2);
        config["log"]["kafka"]["prefix"] = json!(brokers::fresh_prefix());
    };
    let renamed = |config: &mut Value| {
        let bridge = config["bridges"]["main"].take();
        config["bridges"] = json!({"other": bridge});
    };
    let config = std::fs::read(installation.config()).unwrap();
    change_config(&installation, renamed);
    refused(
        &import,
        &installation,
        "the bridge main, which is not configured",
    );
    std::fs::write(installation.config(), config).unwrap();
    done(&import, &installation);
    change_config(&installation, wider);
    done(&[&["topics", "apply"][..], &one].concat(), &installation);
    refused(&import, &installation, "so set partitions: 1");
}
