//! `jsforce` reads and writes.

use serde_json::json;

use super::{Language, Org, step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jsforce_reads_and_upserts() {
    let Some(org) = Org::start(Language::Node).await else {
        return;
    };
    org.fill();
    let reports = org.run("jsforce.mjs", &[]).reports();

    let login = json!({
        "step": "login", "organization": "00D5g00000SandbEAB", "user": "0055g00000CrossAAB",
    });
    assert_eq!(step(&reports, "login"), &login);
    let key = &step(&reports, "describe")["key"];
    assert_eq!(key["externalId"], true);
    assert_eq!(key["unique"], true);

    let upsert = step(&reports, "upsert");
    assert_eq!(upsert["created"]["created"], true);
    assert_eq!(upsert["updated"]["created"], false);
    assert_eq!(upsert["updated"]["id"], upsert["created"]["id"]);
    assert_eq!(upsert["title"], "Countess");

    let collection = step(&reports, "collection");
    assert_eq!(collection["first"]["success"], true);
    assert_eq!(collection["missing"]["success"], false);
    let code = &collection["missing"]["errors"][0]["statusCode"];
    assert_eq!(code, "MALFORMED_ID");

    let query = step(&reports, "query");
    assert_eq!(query["total"], 2_001);
    assert_eq!(query["fetched"], 2_001);
    assert_eq!(query["last"], "Person 2000");
    assert_eq!(query["owner"], "Rosa Lindqvist");

    let refusals = step(&reports, "refusals");
    assert_eq!(refusals["field"]["code"], "INVALID_FIELD");
    assert_eq!(refusals["query"]["code"], "INVALID_FIELD");
    assert_eq!(refusals["missing"]["code"], "REQUIRED_FIELD_MISSING");
    let code = &refusals["picklist"]["code"];
    assert_eq!(code, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
    let gone = &step(&reports, "deleted")["gone"];
    assert_eq!(gone["code"], "ENTITY_IS_DELETED");
    // It tells a dead session by its 401 and goes for a new one.
    let stale = step(&reports, "stale")["stale"]["message"]
        .as_str()
        .unwrap();
    assert!(stale.contains("No refresh token"), "{stale}");

    // And the org did what was reported.
    let id = upsert["created"]["id"].as_str().unwrap();
    let asked = org.asked();
    let count = |line: &str| asked.iter().filter(|asked| *asked == line).count();
    assert_eq!(
        count("PATCH /sobjects/Lead/Intercom_Contact_ID__c/e:1 201"),
        1
    );
    assert_eq!(
        count("PATCH /sobjects/Lead/Intercom_Contact_ID__c/e:1 200"),
        1
    );
    assert_eq!(count("PATCH /composite/sobjects 200"), 1);
    assert_eq!(count(&format!("DELETE /sobjects/Lead/{id} 204")), 1);
    assert_eq!(count("GET /query 401"), 1);
}
