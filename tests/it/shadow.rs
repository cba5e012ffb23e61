//! `crosswalk bridge shadow|live|withheld`: a bridge that writes nothing, and goes live.

use serde_json::{Value, json};

use crate::cli::{output, text};
use crate::installation::{Installation, until};

fn asked(installation: &Installation, admin: &str, command: &[&str]) -> (bool, String) {
    let config = installation.config();
    let place = ["--config", &config, "--admin", admin];
    let ended = output(&[command, &place].concat());
    (
        ended.status.success(),
        text(&ended.stdout) + &text(&ended.stderr),
    )
}

/// The workspace's contacts, as its operator sees them.
fn contacts(installation: &Installation) -> String {
    installation.intercom.state()["contacts"].to_string()
}

fn begins_in_shadow(installation: &Installation) {
    let path = installation.config();
    let config = std::fs::read_to_string(&path).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["bridges"]["main"]["begins"] = json!("shadow");
    std::fs::write(path, config.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_begins_in_shadow_mode_writes_nothing_at_all() {
    let installation = Installation::new().await;
    begins_in_shadow(&installation);
    let (running, admin) = installation.run().await;
    // By the rule of the mapping she is created in Intercom.
    let email = "grace@kestrel.example";
    installation.there(1, email, json!({"Department": "Pilot"}));
    let report = ["bridge", "withheld", "main", "--json"];
    let mut told = String::new();
    until("what is withheld", || {
        told = asked(&installation, &admin, &report).1;
        match told.contains(r#""what":"create""#) {
            true => Ok(()),
            false => Err(told.clone()),
        }
    })
    .await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["writes"][0]["object"], "contact", "{told}");
    assert_eq!(told["writes"][0]["records"], 1, "{told}");
    assert!(!contacts(&installation).contains(email));
    let (_, told) = asked(&installation, &admin, &["bridge", "withheld", "main"]);
    assert!(told.contains("create contact: 1 records"), "{told}");
    let (_, told) = asked(&installation, &admin, &["bridge", "list"]);
    assert!(told.contains("main  runs  in shadow mode"), "{told}");
    let metrics = reqwest::get(format!("{admin}/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let gauge = "crosswalk_shadow_bridges{partition=\"0\"} 1";
    assert!(metrics.contains(gauge), "{metrics}");
    assert_eq!(
        installation
            .topic("intercom.writes")
            .matches("\"write\"")
            .count(),
        0
    );
    assert!(running.end("-TERM").0);

    // A restart changes nothing of it.
    let (running, admin) = installation.run().await;
    until("the list", || {
        let told = asked(&installation, &admin, &["bridge", "list"]).1;
        match told.contains("in shadow mode") {
            true => Ok(()),
            false => Err(told),
        }
    })
    .await;
    let live = ["bridge", "live", "main", "--by", "ann"];
    let (done, told) = asked(&installation, &admin, &live);
    assert!(
        done && told.contains("main writes what it decides"),
        "{told}"
    );
    until("grace", || match contacts(&installation).contains(email) {
        true => Ok(()),
        false => Err("she is not there".to_owned()),
    })
    .await;
    until("the mode", || {
        let (done, told) = asked(&installation, &admin, &live);
        match !done && told.contains("main is in live mode already") {
            true => Ok(()),
            false => Err(told),
        }
    })
    .await;
    let (done, told) = asked(&installation, &admin, &["verify"]);
    assert!(done, "{told}");
    assert!(running.end("-TERM").0);
}
