//! Tests of the org model.

use serde_json::{Value, json};

use crate::sandbox::exchange::{Answer, Content, Request};
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::model::event_log::EventSettings;
use crate::sandbox::salesforce::model::org::{LEAD_QUEUE, Org, Settings};
use crate::sandbox::salesforce::options::{Options, Switches, UpsertUpdateStatus};

mod any_request;
mod arranging;
mod assertion;
mod collections;

const NOW: i64 = 1_768_018_294_206;
const BASE: &str = "/services/data/v67.0";

struct Caller {
    org: Org,
    token: String,
    headers: Vec<(String, String)>,
    now_ms: i64,
}

impl Caller {
    fn new() -> Self {
        let options = Options::default();
        let mut org = Org::new(Settings {
            client_id: options.client_id.clone(),
            client_secret: options.client_secret.clone(),
            org_id: options.org_id,
            user_id: options.user_id,
            base_url: "http://127.0.0.1:1".to_owned(),
            api_daily_max: 1_000,
            session_idle_ms: 7_200_000,
            jwt_public_key: None,
            events: EventSettings::default(),
            switches: Switches::default(),
        });
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            options.client_id, options.client_secret
        );
        let request = Request::new("POST", "/services/oauth2/token", "", form.into_bytes());
        let token = body(&org.handle(&request, NOW))["access_token"]
            .as_str()
            .map(str::to_owned);
        Self {
            org,
            token: token.expect("a token"),
            headers: Vec::new(),
            now_ms: NOW,
        }
    }

    fn call(&mut self, method: &str, target: &str, body: Value) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let bytes = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let mut request = Request::new(method, &format!("{BASE}{path}"), query, bytes);
        request.headers.extend(self.headers.iter().cloned());
        request
            .headers
            .insert("authorization".to_owned(), format!("Bearer {}", self.token));
        self.org.handle(&request, self.now_ms)
    }

    fn make(&mut self, object: &str, fields: Value) -> String {
        let answer = self.call("POST", &format!("/sobjects/{object}"), fields);
        assert_eq!(answer.status, 201, "{answer:?}");
        body(&answer)["id"].as_str().expect("an id").to_owned()
    }

    fn query(&mut self, soql: &str) -> Answer {
        let soql = soql.replace('%', "%25").replace(' ', "+");
        self.call("GET", &format!("/query?q={soql}"), Value::Null)
    }
}

fn lead() -> Value {
    json!({"LastName": "Doe", "Company": "[not provided]", "Email": "doe@example.com"})
}

fn body(answer: &Answer) -> Value {
    match &answer.content {
        Content::Json(body) => body.clone(),
        other => panic!("no JSON body: {other:?}"),
    }
}

fn check(answer: &Answer, status: u16, code: &str, message_part: &str) {
    let body = body(answer);
    assert_eq!(answer.status, status, "{body}");
    assert_eq!(body[0]["errorCode"], code, "{body}");
    let message = body[0]["message"].as_str().unwrap_or_default();
    assert!(message.contains(message_part), "{message}");
    assert!(!answer.applied);
}

#[test]
fn ids_have_the_vendors_checksum() {
    // Ids of captured change events.
    for real in [
        "001Dp00000JJkjiIAD",
        "001Dp00000JJkkHIAT",
        "005Dp000000PpjsIAC",
    ] {
        assert_eq!(ids::normalise(ids::shorten(real)).as_deref(), Some(real));
    }
    assert_eq!(ids::normalise("a1V3E000000EXomUAM"), None);
    assert_eq!(
        ids::normalise("0055g00000CrossAAB").as_deref(),
        Some("0055g00000CrossAAB")
    );
    assert_eq!(ids::normalise("é015g00000Sand"), None);
    let made = ids::record_id("00Q", 62 * 36 + 10);
    assert_eq!(ids::normalise(&made), Some(made.clone()));
    assert_eq!(ids::normalise(ids::shorten(&made)), Some(made));
}

#[test]
fn writes_are_validated_with_the_vendors_codes() {
    let mut caller = Caller::new();
    let long = "x".repeat(41);
    let cases = [
        (json!({}), "REQUIRED_FIELD_MISSING", "[LastName, Company]"),
        (
            json!({"FirstName": long}),
            "STRING_TOO_LONG",
            "(max length=40)",
        ),
        (
            json!({"Email": "nope"}),
            "INVALID_EMAIL_ADDRESS",
            "invalid email address: nope",
        ),
        (
            json!({"Company_Size__c": "many"}),
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "bad value for restricted picklist field: many",
        ),
        (
            json!({"Nope__c": 1}),
            "INVALID_FIELD",
            "No such column 'Nope__c' on sobject of type Lead",
        ),
        (
            json!({"CreatedDate": "x"}),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "CreatedDate",
        ),
        (
            json!({"DoNotCall": "perhaps"}),
            "JSON_PARSER_ERROR",
            "boolean",
        ),
        (
            json!({"OwnerId": "001000"}),
            "MALFORMED_ID",
            "id value of incorrect type",
        ),
        (json!([]), "JSON_PARSER_ERROR", ""),
    ];
    for (fields, code, message) in cases {
        check(
            &caller.call("POST", "/sobjects/Lead", fields),
            400,
            code,
            message,
        );
    }
    let missing = caller.call("POST", "/sobjects/Nope", json!({}));
    check(&missing, 404, "NOT_FOUND", "");
    let put = caller.call("PUT", "/sobjects/Lead", json!({}));
    check(
        &put,
        405,
        "METHOD_NOT_ALLOWED",
        "HTTP Method 'PUT' not allowed",
    );
}

#[test]
fn text_is_trimmed_and_blank_is_null() {
    let mut caller = Caller::new();
    let mut fields = lead();
    fields["FirstName"] = json!("  Ann ");
    fields["Title"] = json!("   ");
    let id = caller.make("Lead", fields);
    let shown = body(&caller.call("GET", &format!("/sobjects/Lead/{id}"), Value::Null));
    assert_eq!(
        (&shown["Name"], &shown["Title"]),
        (&json!("Ann Doe"), &Value::Null)
    );
    assert_eq!(shown["LastModifiedDate"], "2026-01-10T04:11:34.000+0000");
    assert_eq!(shown["Status"], "Open - Not Contacted");
    assert!(
        shown
            .as_object()
            .is_some_and(|fields| fields.contains_key("Title"))
    );
    let cleared = caller.call(
        "PATCH",
        &format!("/sobjects/Lead/{id}"),
        json!({"LastName": " "}),
    );
    check(&cleared, 400, "REQUIRED_FIELD_MISSING", "[LastName]");
}

#[test]
fn assignment_rules_run_unless_switched_off_and_the_origin_is_kept() {
    let mut caller = Caller::new();
    let id = caller.make("Lead", lead());
    let target = format!("/sobjects/Lead/{id}?fields=OwnerId");
    let owner = body(&caller.call("GET", &target, Value::Null));
    assert_eq!(owner["OwnerId"], LEAD_QUEUE);
    caller.headers = vec![
        ("sforce-auto-assign".to_owned(), "FALSE".to_owned()),
        (
            "sforce-call-options".to_owned(),
            "client=crosswalk/7, other=1".to_owned(),
        ),
    ];
    let second = caller.make("Lead", lead());
    let row = caller.org.row("Lead", &second).expect("a row");
    assert_eq!(row.text("OwnerId"), Some("0055g00000CrossAAB"));
    let origin = "com/salesforce/api/rest/67.0;client=crosswalk/7";
    assert_eq!(row.origin, origin);
    let changes = caller.org.changes_since(1);
    assert_eq!(
        (changes.len(), changes[0].change_origin.as_str()),
        (1, origin)
    );
}

#[test]
fn an_upsert_creates_updates_or_offers_a_choice() {
    let mut caller = Caller::new();
    let target = "/sobjects/Lead/Intercom_Contact_ID__c/abc%3A1%2F2";
    let made = caller.call("PATCH", target, lead());
    assert_eq!((made.status, made.applied), (201, true));
    let id = body(&made)["id"].clone();
    assert_eq!(body(&made)["created"], true);
    let row = caller
        .org
        .row("Lead", id.as_str().unwrap_or_default())
        .expect("a row");
    assert_eq!(row.text("Intercom_Contact_ID__c"), Some("abc:1/2"));
    let again = caller.call(
        "PATCH",
        &target.to_uppercase().replace("/SOBJECTS", "/sobjects"),
        lead(),
    );
    assert_eq!((again.status, again.applied), (200, false));
    assert_eq!(body(&again)["created"], false);
    caller.org.settings.switches.upsert_update_status = UpsertUpdateStatus::NoContent;
    assert_eq!(
        caller.call("PATCH", target, json!({"Title": "x"})).status,
        204
    );
    caller.make("Lead", lead());
    let several = caller.call(
        "PATCH",
        "/sobjects/Lead/Email/DOE@example.com",
        json!({"Title": "y"}),
    );
    assert_eq!((several.status, several.applied), (300, false));
    assert_eq!(body(&several).as_array().map(Vec::len), Some(2));
    let unknown = "/sobjects/Lead/Intercom_Contact_ID__c/none?updateOnly=true";
    check(&caller.call("PATCH", unknown, lead()), 404, "NOT_FOUND", "");
    let not_a_key = caller.call("PATCH", "/sobjects/Lead/Title/x", lead());
    check(&not_a_key, 404, "NOT_FOUND", "Provided external ID field");
}

#[test]
fn unique_keys_and_parents_are_checked() {
    let mut caller = Caller::new();
    let mut fields = lead();
    fields["Intercom_Contact_ID__c"] = json!("K");
    let first = caller.make("Lead", fields.clone());
    fields["Intercom_Contact_ID__c"] = json!("k");
    let twin = caller.call("POST", "/sobjects/Lead", fields);
    check(&twin, 400, "DUPLICATE_VALUE", ids::shorten(&first));
    let account = caller.make(
        "Account",
        json!({"Name": "A", "Intercom_Company_ID__c": "c1"}),
    );
    let child = json!({"LastName": "X", "Account": {"Intercom_Company_ID__c": "c1"}});
    let contact = caller.make("Contact", child);
    assert_eq!(
        caller
            .org
            .row("Contact", &contact)
            .and_then(|r| r.text("AccountId")),
        Some(account.as_str())
    );
    let orphan = json!({"LastName": "X", "Account": {"Intercom_Company_ID__c": "c2"}});
    check(
        &caller.call("POST", "/sobjects/Contact", orphan),
        400,
        "INVALID_FIELD",
        "Foreign key",
    );
    let nobody = json!({"LastName": "X", "AccountId": ids::record_id("001", 9_999)});
    check(
        &caller.call("POST", "/sobjects/Contact", nobody),
        400,
        "INVALID_CROSS_REFERENCE_KEY",
        "",
    );
}

#[test]
fn deleted_rows_hide_and_conversion_closes_the_lead() {
    let mut caller = Caller::new();
    let id = caller.make("Lead", lead());
    let act = json!({"verb": "convert_lead", "id": id, "opportunity": true});
    let made = caller.org.act(&act, NOW).expect("converts");
    let changes = caller.org.changes_since(1);
    let kinds: Vec<&str> = changes
        .iter()
        .map(|change| change.object.as_str())
        .collect();
    assert_eq!(kinds, ["Account", "Contact", "Opportunity", "Lead"]);
    assert!(
        changes
            .iter()
            .all(|change| change.transaction_key == changes[0].transaction_key)
    );
    let refused = caller.call(
        "PATCH",
        &format!("/sobjects/Lead/{id}"),
        json!({"Title": "x"}),
    );
    check(&refused, 400, "CANNOT_UPDATE_CONVERTED_LEAD", "");
    let contact = made["contact_id"].as_str().unwrap_or_default().to_owned();
    let target = format!("/sobjects/Contact/{contact}");
    assert_eq!(caller.call("DELETE", &target, Value::Null).status, 204);
    check(
        &caller.call("GET", &target, Value::Null),
        404,
        "ENTITY_IS_DELETED",
        "",
    );
    assert_eq!(
        body(&caller.query("SELECT Id FROM Contact"))["totalSize"],
        0
    );
    let all = caller.call(
        "GET",
        "/queryAll?q=SELECT+Id,IsDeleted+FROM+Contact",
        Value::Null,
    );
    assert_eq!(body(&all)["records"][0]["IsDeleted"], true);
    caller
        .org
        .act(&json!({"verb": "undelete", "id": contact}), NOW)
        .expect("comes back");
    assert_eq!(
        body(&caller.query("SELECT Id FROM Contact"))["totalSize"],
        1
    );
}

#[test]
fn a_merge_points_losers_to_the_winner_and_moves_children() {
    let mut caller = Caller::new();
    let winner = caller.make("Account", json!({"Name": "W"}));
    let loser = caller.make(
        "Account",
        json!({"Name": "L", "Intercom_Company_ID__c": "c9"}),
    );
    let child = caller.make("Contact", json!({"LastName": "C", "AccountId": loser}));
    let act = json!({"verb": "merge", "winner": winner, "losers": [loser]});
    caller.org.act(&act, NOW).expect("merges");
    let moved = caller
        .org
        .row("Contact", &child)
        .and_then(|row| row.text("AccountId"));
    assert_eq!(moved, Some(winner.as_str()));
    let soql = format!("/queryAll?q=SELECT+MasterRecordId+FROM+Account+WHERE+Id='{loser}'");
    let found = body(&caller.call("GET", &soql, Value::Null));
    assert_eq!(found["records"][0]["MasterRecordId"], json!(winner));
    let kept = caller
        .org
        .row("Account", &winner)
        .and_then(|row| row.text("Intercom_Company_ID__c"));
    assert_eq!(kept, None, "the loser's key is lost");
    let refused = caller.org.act(&json!({"verb": "purge", "id": winner}), NOW);
    assert!(refused.is_err(), "what stands is not purged");
    caller
        .org
        .act(&json!({"verb": "purge", "id": loser}), NOW)
        .expect("is purged");
    let found = body(&caller.call("GET", &soql, Value::Null));
    assert_eq!(found["totalSize"], 0, "the bin has forgotten it");
}

#[test]
fn queries_follow_parents_and_page() {
    let mut caller = Caller::new();
    let id = caller.make("Lead", lead());
    let found = caller.query("SELECT Id, Owner.Name, Owner.UserRole.Name FROM Lead");
    let record = body(&found)["records"][0].clone();
    assert_eq!(
        record["attributes"]["url"],
        format!("{BASE}/sobjects/Lead/{id}")
    );
    assert_eq!(record["Owner"]["Name"], "Inbound Leads");
    assert_eq!(record["Owner"]["UserRole"], Value::Null);
    let act = json!({"verb": "update", "id": id, "fields": {"OwnerId": "0055g00000Rep01AAB"}});
    caller.org.act(&act, NOW).expect("changes");
    let found = caller.query("SELECT Owner.UserRole.Name FROM Lead WHERE Owner.Name LIKE 'rosa%'");
    assert_eq!(
        body(&found)["records"][0]["Owner"]["UserRole"]["Name"],
        "Account Executive"
    );
    for _ in 0..205 {
        caller.make("Contact", json!({"LastName": "N"}));
    }
    caller.headers = vec![(
        "sforce-query-options".to_owned(),
        "batchSize=200".to_owned(),
    )];
    let page = body(&caller.query("SELECT Id FROM Contact ORDER BY CreatedDate"));
    assert_eq!(
        (&page["done"], &page["totalSize"]),
        (&json!(false), &json!(205))
    );
    let next = page["nextRecordsUrl"]
        .as_str()
        .unwrap_or_default()
        .replace(BASE, "");
    let rest = body(&caller.call("GET", &next, Value::Null));
    assert_eq!(rest["records"].as_array().map(Vec::len), Some(5));
    assert_eq!(rest["done"], true);
    let by_key = "SELECT Id FROM Lead WHERE Email = 'DOE@EXAMPLE.COM' AND IsConverted = false";
    assert_eq!(body(&caller.query(by_key))["totalSize"], 1);
    let nobody = "SELECT Id FROM Lead WHERE Email IN ('doe@example.com') AND Title = 'x'";
    assert_eq!(body(&caller.query(nobody))["totalSize"], 0);
    check(
        &caller.query("SELECT Nope FROM Lead"),
        400,
        "INVALID_FIELD",
        "No such column 'Nope'",
    );
    check(
        &caller.query("SELECT Id FROM Nope"),
        400,
        "INVALID_TYPE",
        "sObject type 'Nope'",
    );
}

#[test]
fn sessions_end_and_the_allocation_runs_out() {
    let mut caller = Caller::new();
    let limits = caller.call("GET", "/limits", Value::Null);
    assert_eq!(body(&limits)["DailyApiRequests"]["Max"], 1_000);
    let usage = limits
        .headers
        .iter()
        .find(|(name, _)| name == "Sforce-Limit-Info");
    assert_eq!(
        usage.map(|(_, value)| value.as_str()),
        Some("api-usage=1/1000")
    );
    caller.org.settings.api_daily_max = 1;
    check(
        &caller.call("GET", "/limits", Value::Null),
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "",
    );
    caller.now_ms = NOW + 7_200_001;
    check(
        &caller.call("GET", "/limits", Value::Null),
        401,
        "INVALID_SESSION_ID",
        "Session expired",
    );
}

#[test]
fn a_newer_row_refuses_an_older_precondition() {
    let mut caller = Caller::new();
    let id = caller.make("Lead", lead());
    let target = format!("/sobjects/Lead/{id}");
    let header = |date: &str| vec![("if-unmodified-since".to_owned(), date.to_owned())];
    caller.headers = header("Sat, 10 Jan 2026 04:11:33 GMT");
    let refused = caller.call("PATCH", &target, json!({"Title": "x"}));
    check(&refused, 412, "PRECONDITION_FAILED", "");
    caller.headers = header("Sat, 10 Jan 2026 04:11:34 GMT");
    assert_eq!(
        caller.call("PATCH", &target, json!({"Title": "x"})).status,
        204
    );
}
