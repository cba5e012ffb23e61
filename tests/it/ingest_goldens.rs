//! Each notification we wrote from the facts, translated, against its golden.

use crosswalk::domain::SourceId;
use crosswalk::ingest::intercom::{Envelope, translate};
use serde_json::json;

use crate::ingest_show as show;

#[test]
fn every_notification_means_what_its_golden_says() {
    let mut cases: Vec<String> = std::fs::read_dir(show::folder())
        .unwrap()
        .filter_map(|file| file.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".in.json").map(str::to_owned))
        .collect();
    cases.sort();
    assert!(
        cases.len() >= 20,
        "only {} cases in {}",
        cases.len(),
        show::folder().display()
    );
    let source = SourceId::new("support").unwrap();
    for case in cases {
        let bytes = std::fs::read(show::folder().join(format!("{case}.in.json"))).unwrap();
        let got = match Envelope::parse(&bytes) {
            Err(error) => json!({"no_envelope": error.code()}),
            Ok(envelope) => match translate(&source, &envelope) {
                Ok(translated) => json!({
                    "notification_id": translated.notification_id,
                    "topic": translated.topic,
                    "change": show::change(&translated.change),
                }),
                Err(error) => json!({"misunderstood": {
                    "code": error.code(), "why": error.to_string(),
                }}),
            },
        };
        show::check(&case, &got);
    }
}
