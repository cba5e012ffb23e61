//! A mass change stops, is told, and goes on once a person has approved it on the command line.

use serde_json::{Value, json};

use crate::cli::{output, text};
use crate::installation::{Installation, until};

/// People on both sides; of six, more than two are more than the share.
const PEOPLE: usize = 6;
const MAY_CHANGE: usize = 2;

fn asked(installation: &Installation, admin: &str, command: &[&str]) -> (bool, String) {
    let config = installation.config();
    let place = ["--config", &config, "--admin", admin];
    let ended = output(&[command, &place].concat());
    (
        ended.status.success(),
        text(&ended.stdout) + &text(&ended.stderr),
    )
}

/// How many people of the workspace have a title that begins so.
fn titled(installation: &Installation, title: &str) -> usize {
    let state = installation.intercom.state();
    let contacts = state["contacts"].as_array().unwrap().iter();
    let titles = contacts.filter_map(|one| one["custom_attributes"]["job_title"].as_str());
    titles.filter(|one| one.starts_with(title)).count()
}

async fn are_titled(installation: &Installation, title: &str, count: usize) {
    until(title, || match titled(installation, title) {
        found if found == count => Ok(()),
        found => Err(format!("{found} of {count}")),
    })
    .await;
}

fn lets_few_change(installation: &Installation) {
    let path = installation.config();
    let config = std::fs::read_to_string(&path).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["processor"]["mass_change_records_min"] = json!(MAY_CHANGE);
    std::fs::write(path, config.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mass_change_waits_for_the_yes_of_an_operator() {
    let installation = Installation::new().await;
    lets_few_change(&installation);
    let (running, admin) = installation.run().await;
    let mut rows = Vec::new();
    for number in 0..PEOPLE {
        let email = format!("pat{number}@kestrel.example");
        installation.here(number, &email, json!({}));
        rows.push(installation.there(number, &email, json!({"Title": "Analyst"})));
    }
    are_titled(&installation, "Analyst", PEOPLE).await;

    for (number, row) in rows.iter().enumerate() {
        let fields = json!({"Title": format!("Chief {number}")});
        let update = json!({"verb": "update", "id": row, "fields": fields});
        installation.salesforce.act(update).unwrap();
    }
    // The mapping shows the title in two fields of a contact.
    let list = ["review", "list", "--json"];
    let reviews = until("the questions", || {
        let (_, told) = asked(&installation, &admin, &list);
        let items: Vec<Value> = serde_json::from_str(&told).map_err(|_| told.clone())?;
        match items
            .iter()
            .filter(|one| one["kind"] == "mass_change")
            .count()
        {
            2 => Ok(items),
            _ => Err(told),
        }
    })
    .await;
    let review = &reviews[0];
    let reason = review["reason"].as_str().unwrap();
    assert!(reason.contains("3 of 6 records in an hour"), "{reason}");
    assert_eq!(review["answers"], "--approve or --refuse");
    are_titled(&installation, "Chief", MAY_CHANGE).await;
    let metrics = reqwest::get(format!("{admin}/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for line in [
        "crosswalk_braked_fields{partition=\"0\"} 2",
        "crosswalk_review_items_total{kind=\"mass_change\"} 2",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }

    let id = review["review"].as_str().unwrap();
    let dismiss = ["review", "decide", id, "--dismiss", "--by", "ann"];
    let (done, told) = asked(&installation, &admin, &dismiss);
    assert!(!done && told.contains("--approve or --refuse"), "{told}");
    for review in &reviews {
        let id = review["review"].as_str().unwrap();
        let approve = ["review", "decide", id, "--approve", "--by", "ann"];
        let (done, told) = asked(&installation, &admin, &approve);
        assert!(done && told.contains("is answered: approve"), "{told}");
    }
    are_titled(&installation, "Chief", PEOPLE).await;
    let (_, told) = asked(&installation, &admin, &["review", "list"]);
    assert!(told.contains("nothing waits"), "{told}");
    let (done, told) = asked(&installation, &admin, &["verify"]);
    assert!(done, "{told}");
    assert!(running.end("-TERM").0);
}
