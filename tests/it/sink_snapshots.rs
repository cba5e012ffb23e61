//! Do captured notifications become snapshots?

use crosswalk::clients::intercom::{company_snapshot, contact_snapshot};
use crosswalk::domain::Name;
use crosswalk::domain::{SourceId, Value, Version};
use serde_json::Value as Json;

use crate::captures::{folder, skipped};

/// The item of a captured notification; none, said loudly, where the captures are absent.
fn captured(name: &str) -> Option<Json> {
    let path = folder().join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        skipped(&path);
        return None;
    };
    let envelope: Json = serde_json::from_str(&text).unwrap();
    Some(envelope["data"]["item"].clone())
}

fn workspace() -> SourceId {
    SourceId::new("abc123def").unwrap()
}

#[test]
fn every_captured_contact_is_understood() {
    for name in [
        "contact_lead_created.json",
        "contact_user_created.json",
        "contact_user_updated.json",
        "contacts_merged.json",
    ] {
        let Some(item) = captured(name) else {
            continue;
        };
        let snapshot = contact_snapshot(&workspace(), &item).unwrap();
        assert_eq!(snapshot.record.id, item["id"].as_str().unwrap(), "{name}");
        assert_eq!(
            snapshot.fields["role"],
            item["role"].as_str().unwrap().into()
        );
        assert_eq!(snapshot.fields["phone"], Value::Null);
        assert_eq!(snapshot.fields["unsubscribed_from_emails"], false.into());
        assert_eq!(snapshot.fields["location.country"], Value::Null);
        assert_eq!(snapshot.version.from_ms, snapshot.version.to_ms, "{name}");
        assert!(snapshot.tags.unwrap().complete, "{name}");
        assert!(snapshot.companies.unwrap().complete, "{name}");
        let noise = |path: &&Name| path.ends_with("_at") && *path != "created_at";
        assert_eq!(snapshot.fields.keys().find(noise), None, "{name}");
    }
}

#[test]
fn a_captured_contact_shows_its_company_and_its_millisecond() {
    let Some(item) = captured("contact_user_updated.json") else {
        return;
    };
    let snapshot = contact_snapshot(&workspace(), &item).unwrap();
    assert_eq!(snapshot.version, Version::exact_ms(1_768_019_995_465));
    assert_eq!(snapshot.fields["created_at"], Value::Int(1_768_019_003));
    assert_eq!(snapshot.fields["external_id"], "55".into());
    let companies = snapshot.companies.unwrap();
    assert!(companies.ids.contains("6961d37afb9d13c23f871b6d"));
}

#[test]
fn a_captured_company_is_understood() {
    let Some(item) = captured("company_updated.json") else {
        return;
    };
    let snapshot = company_snapshot(&workspace(), &item).unwrap();
    assert_eq!(snapshot.fields["name"], "Acme Enterprises".into());
    assert_eq!(snapshot.fields["plan.name"], Value::Null);
    assert_eq!(snapshot.fields["monthly_spend"], Value::Int(0));
    assert_eq!(snapshot.fields["website"], Value::Null);
    assert!(snapshot.tags.unwrap().complete);
    assert_eq!(snapshot.version, Version::exact_ms(1_768_018_294_206));
}
