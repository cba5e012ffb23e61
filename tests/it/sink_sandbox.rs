//! Do the sinks and the sandboxes understand each other, and does a fault leave one effect?
//! The two share no code: each is a check of the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crosswalk::clients::http::{HttpTransport, Options};
use crosswalk::clients::{intercom, salesforce};
use crosswalk::config::{Grant, Secret};
use crosswalk::domain::{
    Command, CommandKind, Lookup, LookupQuery, ObjectName, Outcome, ReadCommand, RecordRef,
    SourceId, WriteCommand, WriteTarget,
};
use crosswalk::ports::clock::SystemClock;
use crosswalk::sandbox::fault::{Kind, Rule};
use crosswalk::sandbox::salesforce::Handle;
use crosswalk::sink::{Answer, Execute, intercom as intercom_sink, salesforce as salesforce_sink};
use serde_json::json;

use crate::sink_remote::{bridge, command, create, fast, field, org};

fn transport() -> Arc<HttpTransport> {
    Arc::new(HttpTransport::new(&Options::default()).unwrap())
}

/// A sandbox and the real executor before it.
async fn world() -> (Handle, salesforce_sink::Executor) {
    let sandbox = crosswalk::sandbox::salesforce::start(Default::default())
        .await
        .unwrap();
    let options = salesforce::Options {
        login_url: sandbox.base_url(),
        client_id: "sandbox-client-id".into(),
        grant: Grant::ClientCredentials {
            client_secret: Secret::new("sandbox-client-secret"),
        },
        api_version: "66.0".into(),
        client_token: "crosswalk-main".into(),
        request_timeout: Duration::from_millis(400),
    };
    let client = Arc::new(salesforce::Client::new(options, transport()));
    let clients = BTreeMap::from([((bridge(), org()), client)]);
    (sandbox, salesforce_sink::Executor::new(clients, fast()))
}

/// A create that has all that a lead needs.
fn full_create() -> Command {
    let mut command = create(1);
    let CommandKind::Write(write) = &mut command.kind else {
        panic!("a create is a write");
    };
    write.fields.push(field("Company", "", "Acme"));
    write.fields.push(field("Email", "", "o'hara@example.com"));
    command
}

fn update(record: &RecordRef, before: &str, after: &str) -> Command {
    let write = WriteCommand {
        target: WriteTarget::Record(record.clone()),
        sequence: 2,
        fields: vec![field("Title", before, after)],
        auto_assign: false,
        read_first: false,
    };
    command(2, "a", CommandKind::Write(write))
}

fn read(record: &RecordRef, fields: &[&str]) -> Command {
    let fields = fields.iter().map(|field| field.to_string()).collect();
    let record = record.clone();
    command(
        3,
        "a",
        CommandKind::Read(ReadCommand::Record { record, fields }),
    )
}

/// Writes that changed something in the sandbox.
fn applied(sandbox: &Handle) -> usize {
    let requests = sandbox.request_log();
    requests
        .iter()
        .filter(|entry| entry.applied && entry.method == "PATCH")
        .count()
}

async fn made(executor: &salesforce_sink::Executor) -> RecordRef {
    match executor.execute(&full_create(), false).await {
        Outcome::Written {
            record,
            created: true,
            ..
        } => record,
        other => panic!("a lead is created, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_is_made_found_changed_and_read() {
    let (_sandbox, executor) = world().await;
    let lead = made(&executor).await;

    let Outcome::AlreadyThere { snapshot } = executor.execute(&full_create(), true).await else {
        panic!("a repeat finds the lead");
    };
    assert_eq!(snapshot.record, lead);

    let written = executor.execute(&update(&lead, "", "CEO"), false).await;
    assert!(
        matches!(written, Outcome::Written { created: false, .. }),
        "{written:?}"
    );
    let Outcome::Read { snapshot } = executor.execute(&read(&lead, &["Title"]), false).await else {
        panic!("the lead can be read");
    };
    assert_eq!(snapshot.fields["Title"], "CEO".into());
    assert_eq!(snapshot.fields["IsConverted"], false.into());

    let again = executor.execute(&update(&lead, "", "CEO"), true).await;
    assert!(matches!(again, Outcome::AlreadyThere { .. }), "{again:?}");
    let other = executor.execute(&update(&lead, "CFO", "COO"), true).await;
    assert!(matches!(other, Outcome::FoundOther { .. }), "{other:?}");
}

/// Makes a person and answers its record.
fn made_by_hand(sandbox: &Handle, name: &str) -> RecordRef {
    let fields = json!({"LastName": name});
    let act = json!({"verb": "create", "object": "Contact", "fields": fields});
    let made = sandbox.act(act).unwrap();
    RecordRef::new(&org(), "Contact", made["id"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bin_tells_who_a_record_was_merged_into() {
    let (sandbox, executor) = world().await;
    let master = made_by_hand(&sandbox, "Stays");
    let loser = made_by_hand(&sandbox, "Goes");
    let deleted = made_by_hand(&sandbox, "Is deleted");
    let losers = json!([loser.id]);
    let merge = json!({"verb": "merge", "winner": master.id, "losers": losers});
    sandbox.act(merge).unwrap();
    sandbox
        .act(json!({"verb": "delete", "id": deleted.id}))
        .unwrap();
    let ask = |record: &RecordRef| {
        let record = record.clone();
        command(9, "a", CommandKind::Read(ReadCommand::Gone { record }))
    };
    let told = |outcome: Outcome| match outcome {
        Outcome::Read { snapshot } => snapshot.fields["MasterRecordId"].clone(),
        other => panic!("the bin shows the row, not {other:?}"),
    };
    let by_id = executor.execute(&read(&loser, &["LastName"]), false).await;
    assert!(matches!(by_id, Outcome::NotFound { .. }), "{by_id:?}");
    let asked = executor.execute(&ask(&loser), false).await;
    assert_eq!(told(asked), master.id.as_str().into());
    let asked = executor.execute(&ask(&deleted), false).await;
    assert!(told(asked).is_blank());
    sandbox
        .act(json!({"verb": "purge", "id": loser.id}))
        .unwrap();
    let asked = executor.execute(&ask(&loser), false).await;
    assert!(matches!(asked, Outcome::NotFound { .. }), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upsert_that_updates_is_understood_with_either_status() {
    let (sandbox, executor) = world().await;
    let lead = made(&executor).await;
    for status in [200, 204] {
        sandbox
            .set_switches(json!({"upsert_update_status": status}))
            .unwrap();
        match executor.execute(&full_create(), false).await {
            Outcome::Written {
                record,
                created: false,
                ..
            } => assert_eq!(record, lead),
            other => panic!("{status}: the lead is updated, not {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_finds_by_key_and_by_email_without_regard_to_case() {
    let (_sandbox, executor) = world().await;
    let lead = made(&executor).await;
    let query = |object: &str, name: &str, value: &str| LookupQuery {
        object: ObjectName::new(object).unwrap(),
        any_of: vec![(name.into(), value.into())],
        fields: vec!["Email".into(), "LastName".into()],
        rows_max: 3,
    };
    let lookup = |queries: Vec<LookupQuery>| {
        let origin = RecordRef::new(&SourceId::new("ws").unwrap(), "contact", "5f3a").unwrap();
        let lookup = ReadCommand::Lookup(Lookup { origin, queries });
        command(4, "a", CommandKind::Read(lookup))
    };
    let found = lookup(vec![
        query("Contact", "Email", "o'hara@example.com"),
        query("Lead", "Email", "O'HARA@example.com"),
        query("Lead", "Intercom_Contact_ID__c", "app:5f3a"),
        query("Lead", "Email", "x' OR LastName != '"),
    ]);
    match executor.execute(&found, false).await {
        Outcome::LookedUp { rows, truncated } => {
            let records: Vec<&RecordRef> = rows.iter().map(|row| &row.record).collect();
            assert_eq!(records, [&lead, &lead]);
            assert!(!truncated);
        }
        other => panic!("a lookup answers rows, not {other:?}"),
    }
    let unknown = lookup(vec![query("Lead", "No_Such_Field__c", "x")]);
    match executor.execute(&unknown, false).await {
        Outcome::Rejected(rejection) => assert_eq!(rejection.class.as_str(), "permission"),
        other => panic!("an unknown field is refused, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_a_write_takes_effect_once() {
    for kind in [
        Kind::Unauthorized,
        Kind::ForbiddenLimit,
        Kind::ServerError,
        Kind::BadGatewayHtml,
        Kind::TimeoutAfterCommit,
        Kind::TimeoutBeforeCommit,
        Kind::ResetConnection,
    ] {
        let (sandbox, executor) = world().await;
        let lead = made(&executor).await;
        let before = applied(&sandbox);
        let fault = Rule {
            method: Some("PATCH".into()),
            ..Rule::once(kind)
        };
        sandbox.add_fault(fault).unwrap();
        let ended = executor.execute(&update(&lead, "", "CEO"), false).await;
        assert!(
            matches!(
                ended,
                Outcome::Written { .. } | Outcome::AlreadyThere { .. }
            ),
            "{kind:?}: {ended:?}"
        );
        assert_eq!(applied(&sandbox) - before, 1, "{kind:?}");
    }
}

/// A create with that key.
fn keyed(number: u64) -> Command {
    let mut command = full_create();
    let CommandKind::Write(write) = &mut command.kind else {
        panic!("a create is a write");
    };
    let WriteTarget::Create { key_value, .. } = &mut write.target else {
        panic!("it has a key");
    };
    *key_value = format!("app:{number}");
    let email = write.fields.iter_mut().find(|field| field.name == "Email");
    email.unwrap().value = format!("lead{number}@example.com").as_str().into();
    command
}

/// Commands that share a request, and those that go on alone after it.
async fn settled(executor: &salesforce_sink::Executor, commands: &[Command]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let answers = executor.execute_many(commands).await;
    for (command, answer) in commands.iter().zip(answers) {
        outcomes.push(match answer {
            Answer::Settled(outcome) => outcome,
            Answer::Alone(alone) => executor.execute(command, alone.repeat).await,
        });
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_writes_that_share_a_request_hold_and_make_no_doubles() {
    for kind in [
        None,
        Some(Kind::Unauthorized),
        Some(Kind::ForbiddenLimit),
        Some(Kind::ServerError),
        Some(Kind::BadGatewayHtml),
        Some(Kind::TimeoutAfterCommit),
        Some(Kind::TimeoutBeforeCommit),
        Some(Kind::ResetConnection),
    ] {
        let (sandbox, executor) = world().await;
        let strike = || {
            let fault = kind.map(|kind| Rule {
                method: Some("PATCH".into()),
                ..Rule::once(kind)
            });
            if let Some(fault) = fault {
                sandbox.add_fault(fault).unwrap();
            }
        };
        strike();
        let creates: Vec<Command> = (0..5).map(keyed).collect();
        let mut leads: Vec<RecordRef> = Vec::new();
        for outcome in settled(&executor, &creates).await {
            leads.push(match outcome {
                Outcome::Written { record, .. } => record,
                Outcome::AlreadyThere { snapshot } => snapshot.record,
                other => panic!("{kind:?}: {other:?}"),
            });
        }
        leads.sort();
        leads.dedup();
        assert_eq!(leads.len(), 5, "{kind:?}");

        strike();
        let updates: Vec<Command> = leads.iter().map(|lead| update(lead, "", "CEO")).collect();
        let before = applied(&sandbox);
        for outcome in settled(&executor, &updates).await {
            let held = matches!(
                outcome,
                Outcome::Written { .. } | Outcome::AlreadyThere { .. }
            );
            assert!(held, "{kind:?}: {outcome:?}");
        }
        assert!(applied(&sandbox) - before <= 5, "{kind:?}");
        for lead in &leads {
            let read = executor.execute(&read(lead, &["Title"]), false).await;
            let Outcome::Read { snapshot } = read else {
                panic!("the lead can be read");
            };
            assert_eq!(snapshot.fields["Title"], "CEO".into(), "{kind:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_timed_out_is_found_and_not_doubled() {
    let (sandbox, executor) = world().await;
    let fault = Rule {
        method: Some("PATCH".into()),
        ..Rule::once(Kind::TimeoutAfterCommit)
    };
    sandbox.add_fault(fault).unwrap();
    let ended = executor.execute(&full_create(), false).await;
    assert!(matches!(ended, Outcome::AlreadyThere { .. }), "{ended:?}");
    assert_eq!(applied(&sandbox), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_carry_what_a_person_needs() {
    let (sandbox, executor) = world().await;
    let refused = match executor.execute(&create(1), false).await {
        Outcome::Rejected(rejection) => rejection,
        other => panic!("a lead without a company is refused, not {other:?}"),
    };
    assert_eq!(refused.code, "REQUIRED_FIELD_MISSING");
    assert_eq!(refused.hint, "map a value or a default to Lead.Company");

    let lead = made(&executor).await;
    sandbox
        .act(json!({"verb": "delete", "id": lead.id}))
        .unwrap();
    match executor.execute(&update(&lead, "", "CEO"), false).await {
        Outcome::Rejected(rejection) => assert_eq!(rejection.class.as_str(), "gone"),
        other => panic!("an update of a deleted lead is refused, not {other:?}"),
    }
    let missing = executor.execute(&read(&lead, &["Title"]), false).await;
    assert_eq!(missing, Outcome::NotFound { record: lead });
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_and_companies_of_the_workspace_are_read() {
    let sandbox = crosswalk::sandbox::intercom::start(Default::default())
        .await
        .unwrap();
    let act = |act| {
        sandbox.act(act).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_string()
    };
    let contact = act(
        json!({"verb": "create_contact", "role": "lead", "name": "Ann",
                             "email": "ann@example.com"}),
    );
    let company = act(
        json!({"verb": "create_company", "company_id": "acme", "name": "Acme",
                             "plan": "Gold"}),
    );
    let tag = json!({"verb": "tag", "contact_id": contact, "name": "qualified"});
    sandbox.act(tag).unwrap();
    let options = intercom::Options {
        base_url: sandbox.base_url(),
        access_token: Secret::new("sandbox-access-token"),
        api_version: "2.14".into(),
        request_timeout: Duration::from_secs(2),
        reserve_percent: 20,
    };
    let client = Arc::new(intercom::Client::new(
        options,
        transport(),
        Arc::new(SystemClock),
    ));
    let workspace = SourceId::new("ws").unwrap();
    let clients = BTreeMap::from([((bridge(), workspace.clone()), client)]);
    let executor = intercom_sink::Executor::new(clients, fast());
    let read = async |object: &str, id: &str| {
        let record = RecordRef::new(&workspace, object, id).unwrap();
        let command = Command {
            source: workspace.clone(),
            ..read(&record, &[])
        };
        executor.execute(&command, false).await
    };
    let Outcome::Read { snapshot } = read("contact", &contact).await else {
        panic!("the contact can be read");
    };
    assert_eq!(snapshot.fields["email"], "ann@example.com".into());
    assert_eq!(snapshot.fields["role"], "lead".into());
    assert_eq!(snapshot.tags.unwrap().ids.len(), 1);
    let Outcome::Read { snapshot } = read("company", &company).await else {
        panic!("the company can be read");
    };
    assert_eq!(snapshot.fields["plan.name"], "Gold".into());
    assert_eq!(snapshot.fields["company_id"], "acme".into());
    let missing = read("contact", "6961d43b372591e999b3ea56").await;
    assert!(matches!(missing, Outcome::NotFound { .. }), "{missing:?}");
}
