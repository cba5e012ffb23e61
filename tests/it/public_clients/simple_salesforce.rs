//! `simple-salesforce` reads and writes; it insists on https.

use serde_json::json;

use super::{Language, Org, step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simple_salesforce_reads_and_upserts() {
    let Some(org) = Org::start(Language::Python).await else {
        return;
    };
    org.fill();
    let reports = org.run("simple_salesforce_client.py", &[]).reports();
    assert_eq!(step(&reports, "describe")["known"], true);
    let upsert = step(&reports, "upsert");
    assert_eq!(upsert["statuses"], json!([201, 200]));
    assert_eq!(upsert["title"], "Admiral");
    let query = step(&reports, "query");
    assert_eq!(query["total"], 2_001);
    assert_eq!(query["fetched"], 2_001);

    let refusals = step(&reports, "refusals");
    let malformed = |code: &str| {
        json!({
            "name": "SalesforceMalformedRequest", "status": 400, "code": code,
        })
    };
    assert_eq!(refusals["field"], malformed("INVALID_FIELD"));
    assert_eq!(refusals["query"], malformed("INVALID_FIELD"));
    let absent = json!({
        "name": "SalesforceResourceNotFound", "status": 404, "code": "NOT_FOUND",
    });
    assert_eq!(refusals["absent"], absent);
    let upserts = "/sobjects/Lead/Intercom_Contact_ID__c/e:2";
    let asked = org.asked();
    assert!(asked.contains(&format!("PATCH {upserts} 201")), "{asked:?}");
}
