//! `crosswalk revert`: what the mapping wrote is counted, and undone.

use crosswalk::ports::clock::{Clock, SystemClock};
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

/// The title that the workspace holds of its only contact.
fn title(installation: &Installation) -> Value {
    installation.intercom.state()["contacts"][0]["custom_attributes"]["job_title"].clone()
}

async fn has_title(installation: &Installation, expected: Option<&str>) {
    until("the title", || match title(installation) {
        title if title.as_str() == expected => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_mapping_wrote_is_counted_and_undone() {
    let installation = Installation::new().await;
    let (running, admin) = installation.run().await;
    let since = SystemClock.now().0;
    let since = jiff::Timestamp::from_millisecond(since)
        .unwrap()
        .to_string();
    let email = "grace@kestrel.example";
    installation.here(1, email, json!({}));
    installation.there(1, email, json!({"Title": "Admiral"}));
    has_title(&installation, Some("Admiral")).await;
    let journal = installation.topic("journal");
    let mut lines = journal
        .lines()
        .filter(|line| line.contains("mapping_activated"));
    let line: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let text = line.to_string();
    let hash = text
        .split(r#""hash":""#)
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let of = ["revert", "--bridge", "main", "--since", &since, "--mapping"];

    let (done, told) = asked(
        &installation,
        &admin,
        &[&of[..], &["12345678", "--dry-run"]].concat(),
    );
    assert!(!done && told.contains(hash), "{told}");
    let named = [&of[..], &[&hash[..8]]].concat();
    let (done, told) = asked(
        &installation,
        &admin,
        &[&named[..], &["--dry-run"]].concat(),
    );
    assert!(done && told.contains("undo contact: 1 records"), "{told}");
    assert!(told.contains("custom_attributes.job_title  1"), "{told}");
    let (done, told) = asked(&installation, &admin, &named);
    assert!(!done && told.contains("--by"), "{told}");
    assert_eq!(title(&installation), "Admiral");

    let wanted = [&named[..], &["--by", "ann"]].concat();
    let (done, told) = asked(&installation, &admin, &wanted);
    assert!(done && told.contains(hash), "{told}");
    has_title(&installation, None).await;
    until("the end", || {
        let (_, told) = asked(
            &installation,
            &admin,
            &[&named[..], &["--dry-run"]].concat(),
        );
        match told.contains("undo contact") {
            true => Err(told),
            false => Ok(()),
        }
    })
    .await;
    let rows = installation.rows("Contact");
    assert_eq!(rows[0]["Title"], "Admiral", "who said it keeps it");
    let (done, told) = asked(&installation, &admin, &["verify"]);
    assert!(done, "{told}");
    assert!(running.end("-TERM").0);
}
