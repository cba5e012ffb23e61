//! Which requests does a command become, and what is made of the answers? Goldens of both.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crosswalk::clients::intercom;
use crosswalk::clients::transport::{Failure, Method, Request, Response};
use crosswalk::config::Secret;
use crosswalk::domain::{
    Command, CommandKind, FieldWrite, Fields, Lookup, LookupQuery, ObjectName, Outcome,
    ReadCommand, RecordRef, RecordSnapshot, SourceId, Value,
};
use crosswalk::ports::clock::SystemClock;
use crosswalk::sink::{Execute, intercom as intercom_sink};
use serde_json::{Value as Json, json};

use crate::sink_remote::{
    LEAD, Remote, bridge, command, create, executor, fast, lead, lead_row, org, refused, response,
    retitle,
};

pub type Answer = Result<Response, Failure>;

pub fn ok(status: u16, body: Json) -> Answer {
    Ok(response(status, &body))
}

fn rows(rows: &[Json]) -> Answer {
    ok(200, json!({"done": true, "records": rows}))
}

fn no(status: u16, code: &str) -> Answer {
    Ok(refused(status, code))
}

pub fn timeout() -> Answer {
    Err(Failure::NoAnswer("timeout"))
}

/// Answers in the order given; one request more than answers is a failure.
pub fn scripted(answers: Vec<Answer>) -> Arc<Remote> {
    let answers = Mutex::new(VecDeque::from(answers));
    Remote::new(move |request| {
        let answer = answers.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| panic!("one request too many: {request:?}"))
    })
}

/// Runs a command against the answers and compares requests and outcome with the golden file.
async fn check(case: &str, command: &Command, repeat: bool, answers: Vec<Answer>) {
    let remote = scripted(answers);
    let outcome = executor(remote.clone()).execute(command, repeat).await;
    golden("sink_salesforce", case, &remote, &outcome);
}

pub fn golden(area: &str, case: &str, remote: &Remote, outcome: &Outcome) {
    let requests: Vec<Json> = remote.requests().iter().map(shown).collect();
    let found = json!({"requests": requests, "outcome": outcome_shown(outcome)});
    let found = serde_json::to_string_pretty(&found).unwrap() + "\n";
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let file = case.replace(' ', "_");
    let path = root.join(format!("tests/golden/{area}/{file}.out.json"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &found).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(golden, found, "{case}; UPDATE_GOLDEN=1 rewrites");
}

fn shown(request: &Request) -> Json {
    let headers: serde_json::Map<String, Json> = request
        .headers
        .iter()
        .filter(|(name, _)| !["accept", "authorization", "content-type"].contains(name))
        .map(|(name, value)| (name.to_string(), value.clone().into()))
        .collect();
    let body: Json = serde_json::from_slice(&request.body).unwrap_or_default();
    json!({"send": format!("{} {}", request.method.as_str(), request.url),
           "headers": headers, "body": body})
}

fn outcome_shown(outcome: &Outcome) -> Json {
    match outcome {
        Outcome::Written {
            record,
            created,
            values,
            version,
        } => {
            // Salesforce answers neither.
            let values = values.as_ref().map(fields_shown);
            let version = version.map(|version| [version.from_ms, version.to_ms]);
            let mut shown = json!({"written": record.to_string(), "created": created});
            if values.is_some() || version.is_some() {
                shown["values"] = json!(values);
                shown["version"] = json!(version);
            }
            shown
        }
        Outcome::AlreadyThere { snapshot } => json!({"already_there": snapshot_shown(snapshot)}),
        Outcome::FoundOther { snapshot } => json!({"found_other": snapshot_shown(snapshot)}),
        Outcome::Read { snapshot } => json!({"read": snapshot_shown(snapshot)}),
        Outcome::NotFound { record } => json!({"not_found": record.to_string()}),
        Outcome::LookedUp { rows, truncated } => {
            let rows: Vec<Json> = rows.iter().map(snapshot_shown).collect();
            json!({"rows": rows, "truncated": truncated})
        }
        Outcome::Rejected(rejection) => {
            let records: Vec<String> = rejection.records.iter().map(RecordRef::to_string).collect();
            json!({"rejected": rejection.class.as_str(), "code": rejection.code,
                   "fields": rejection.fields, "records": records, "hint": rejection.hint})
        }
        Outcome::Unknown { reason } => json!({"unknown": reason}),
    }
}

fn snapshot_shown(snapshot: &RecordSnapshot) -> Json {
    json!({"record": snapshot.record.to_string(), "fields": fields_shown(&snapshot.fields),
           "version": [snapshot.version.from_ms, snapshot.version.to_ms]})
}

fn fields_shown(fields: &Fields) -> BTreeMap<&str, String> {
    fields
        .iter()
        .map(|(k, v)| (k.as_str(), v.display()))
        .collect()
}

fn renamed() -> Command {
    retitle(1, "a", "CTO", "CEO")
}

/// A row of the search for what a create made.
fn made(id: &str) -> Json {
    json!({
        "attributes": {"type": "Lead"}, "Id": id, "Intercom_Contact_ID__c": "app:5f3a",
        "LastName": "Hara", "IsConverted": false, "ConvertedContactId": null,
        "SystemModstamp": "2026-01-10T04:23:23.000+0000",
    })
}

#[tokio::test]
async fn updates() {
    check(
        "an update is one patch",
        &renamed(),
        false,
        vec![ok(204, Json::Null)],
    )
    .await;
    let answered = vec![ok(200, json!({"id": LEAD, "success": true}))];
    check(
        "an update may be answered with 200",
        &renamed(),
        false,
        answered,
    )
    .await;
    let gone = vec![no(404, "NOT_FOUND")];
    check(
        "an update of a deleted record is refused",
        &renamed(),
        false,
        gone,
    )
    .await;
}

#[tokio::test]
async fn every_kind_of_value_is_written_as_json() {
    let mut every = renamed();
    let CommandKind::Write(write) = &mut every.kind else {
        panic!("it is a write");
    };
    let values = [
        ("Title", Value::Null),
        ("HasOptedOutOfEmail", true.into()),
        ("NumberOfEmployees", 12.into()),
        ("AnnualRevenue", Value::number(12.5)),
        ("Id", "never written".into()),
    ];
    write.fields = values
        .map(|(name, value)| FieldWrite {
            name: name.into(),
            value,
            expect: Value::Null,
        })
        .into();
    write.auto_assign = true;
    check("values are typed", &every, false, vec![ok(204, Json::Null)]).await;
}

#[tokio::test]
async fn repeated_updates() {
    let row = |title: &str| ok(200, lead_row(title));
    let command = renamed();
    check(
        "a repeat that finds its value",
        &command,
        true,
        vec![row("CEO")],
    )
    .await;
    check(
        "a repeat that finds another value",
        &command,
        true,
        vec![row("CFO")],
    )
    .await;
    let open = vec![row("CTO"), ok(204, Json::Null)];
    check(
        "a repeat that finds the expected value",
        &command,
        true,
        open,
    )
    .await;
    let gone = vec![no(404, "NOT_FOUND")];
    check("a repeat that finds no record", &command, true, gone).await;
    let lost = vec![timeout(), row("CEO")];
    check("a write without an answer is read", &command, false, lost).await;
    let never = vec![
        timeout(),
        row("CTO"),
        timeout(),
        row("CTO"),
        no(500, "UNKNOWN_EXCEPTION"),
        row("CTO"),
        timeout(),
    ];
    check(
        "a write that is never answered ends",
        &command,
        false,
        never,
    )
    .await;
}

#[tokio::test]
async fn what_surely_was_not_carried_out_is_sent_again() {
    let again = vec![
        Err(Failure::NotSent("no connection")),
        no(403, "REQUEST_LIMIT_EXCEEDED"),
        no(503, "SERVER_UNAVAILABLE"),
        no(400, "UNABLE_TO_LOCK_ROW"),
        ok(204, Json::Null),
    ];
    check(
        "a write that was turned away is sent again",
        &renamed(),
        false,
        again,
    )
    .await;
}

#[tokio::test]
async fn creates() {
    let created = json!({"id": LEAD, "success": true, "errors": [], "created": true});
    check(
        "a create is one upsert",
        &create(1),
        false,
        vec![ok(201, created)],
    )
    .await;
    let updated = json!({"id": LEAD, "success": true, "errors": [], "created": false});
    check(
        "a create that finds the key",
        &create(1),
        false,
        vec![ok(200, updated)],
    )
    .await;
    let silent = vec![ok(204, Json::Null), rows(&[made(LEAD)])];
    check(
        "a create answered with 204 asks for the id",
        &create(1),
        false,
        silent,
    )
    .await;
    let url = |id: &str| format!("/services/data/v66.0/sobjects/Lead/{id}");
    let many = json!([url(LEAD), url("00QD000000IqhSMMAZ")]);
    check(
        "a create on a key that two hold",
        &create(1),
        false,
        vec![ok(300, many)],
    )
    .await;
}

#[tokio::test]
async fn repeated_creates() {
    let created = || ok(201, json!({"id": LEAD, "success": true, "created": true}));
    let none = || rows(&[]);
    check(
        "a repeat finds what it made",
        &create(1),
        true,
        vec![rows(&[made(LEAD)])],
    )
    .await;
    check(
        "a repeat that finds nothing creates",
        &create(1),
        true,
        vec![none(), created()],
    )
    .await;
    let two = vec![rows(&[made(LEAD), made("00QD000000IqhSMMAZ")])];
    check("a repeat that finds two", &create(1), true, two).await;
    let duplicate = || no(400, "DUPLICATE_VALUE");
    let race = vec![duplicate(), rows(&[made(LEAD)])];
    check(
        "a lost race finds the winners record",
        &create(1),
        false,
        race,
    )
    .await;
    let other = vec![duplicate(), none(), duplicate()];
    check(
        "a duplicate in another field is refused",
        &create(1),
        false,
        other,
    )
    .await;
    let lost = vec![timeout(), none(), created()];
    check(
        "a create without an answer is looked for",
        &create(1),
        false,
        lost,
    )
    .await;
}

fn read(fields: &[&str]) -> Command {
    let read = ReadCommand::Record {
        record: lead(),
        fields: fields.iter().map(|field| field.to_string()).collect(),
    };
    command(1, "a", CommandKind::Read(read))
}

#[tokio::test]
async fn reads() {
    check(
        "a read by id",
        &read(&["Title"]),
        false,
        vec![ok(200, lead_row("CEO"))],
    )
    .await;
    let mut row = lead_row("CEO");
    row["Owner"] = json!({"attributes": {}, "Name": "Kim"});
    let owner = read(&["Title", "Owner.Name"]);
    check(
        "a read of a parents field is a query",
        &owner,
        false,
        vec![rows(&[row])],
    )
    .await;
    check("a read that finds no row", &owner, false, vec![rows(&[])]).await;
    let gone = vec![no(404, "ENTITY_IS_DELETED")];
    check("a read of a deleted record", &read(&["Title"]), false, gone).await;
    check(
        "a read of no field name",
        &read(&["Id FROM User"]),
        false,
        vec![],
    )
    .await;
}

#[tokio::test]
async fn lookups() {
    let query = |object: &str, rows_max: u32| LookupQuery {
        object: ObjectName::new(object).unwrap(),
        any_of: vec![
            ("Intercom_Contact_ID__c".into(), "app:5f3a".into()),
            ("Email".into(), "o'hara' OR Name != '@example.com".into()),
        ],
        fields: vec!["Email".into(), "IsConverted".into()],
        rows_max,
    };
    let origin = RecordRef::new(&SourceId::new("ws").unwrap(), "contact", "5f3a").unwrap();
    let nothing = LookupQuery {
        any_of: Vec::new(),
        ..query("Account", 5)
    };
    let queries = vec![query("Contact", 5), query("Lead", 1), nothing];
    let lookup = ReadCommand::Lookup(Lookup { origin, queries });
    let command = command(1, "a", CommandKind::Read(lookup));
    let row = |object: &str, id: &str| {
        json!({"attributes": {"type": object}, "Id": id, "Email": "O'Hara@example.com",
               "SystemModstamp": "2026-01-10T04:23:23.000+0000"})
    };
    let found = vec![
        rows(&[row("Contact", "003D000000IqhSLIAZ")]),
        rows(&[row("Lead", LEAD), row("Lead", "00QD000000IqhSMMAZ")]),
    ];
    check("a lookup asks each object once", &command, false, found).await;
    let text = "No such column 'Intercom_Contact_ID__c' on entity 'Contact'";
    let missing = json!([{"errorCode": "INVALID_FIELD", "message": text}]);
    check(
        "a lookup of a missing field",
        &command,
        false,
        vec![ok(400, missing)],
    )
    .await;
}

#[tokio::test]
async fn intercom_reads() {
    let workspace = SourceId::new("ws").unwrap();
    let read = |object: &str| {
        let read = ReadCommand::Record {
            record: RecordRef::new(&workspace, object, "5f3a").unwrap(),
            fields: Vec::new(),
        };
        Command {
            source: workspace.clone(),
            ..command(1, "a", CommandKind::Read(read))
        }
    };
    let item = |id: &str| json!({"id": id, "updated_at": 1, "name": "Ann"});
    let list = |code: &str| json!({"type": "error.list", "errors": [{"code": code}]});
    let write = Command {
        source: workspace.clone(),
        ..renamed()
    };
    let cases = [
        ("a contact", read("contact"), vec![ok(200, item("5f3a"))]),
        (
            "a company",
            read("company"),
            vec![no(500, ""), ok(200, item("5f3a"))],
        ),
        (
            "a missing contact",
            read("contact"),
            vec![ok(404, list("not_found"))],
        ),
        (
            "a merged contact",
            read("contact"),
            vec![ok(410, list("contact_merged"))],
        ),
        (
            "an answer about another",
            read("contact"),
            vec![ok(200, item("6a4b"))],
        ),
        ("a ticket", read("ticket"), vec![]),
        ("a write", write, vec![]),
        (
            "an unknown workspace",
            Command {
                source: org(),
                ..read("contact")
            },
            vec![],
        ),
    ];
    for (case, command, answers) in cases {
        let remote = scripted(answers);
        let options = intercom::Options {
            base_url: "https://api.example".into(),
            access_token: Secret::new("hush"),
            api_version: "2.14".into(),
            request_timeout: Duration::from_secs(1),
            reserve_percent: 20,
        };
        let client = intercom::Client::new(options, remote.clone(), Arc::new(SystemClock));
        let clients = BTreeMap::from([((bridge(), workspace.clone()), Arc::new(client))]);
        let executor = intercom_sink::Executor::new(clients, fast());
        let outcome = executor.execute(&command, false).await;
        golden("sink_intercom", case, &remote, &outcome);
        assert_eq!(remote.count(Method::Patch) + remote.count(Method::Post), 0);
    }
}
