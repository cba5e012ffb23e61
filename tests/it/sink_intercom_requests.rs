//! Which requests does a write to Intercom become, and what is made of the answers? Goldens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crosswalk::clients::Transport;
use crosswalk::clients::intercom::{Client, Options};
use crosswalk::clients::transport::Response;
use crosswalk::config::Secret;
use crosswalk::domain::{
    Command, CommandKind, FieldWrite, Lookup, LookupQuery, ObjectName, Outcome, ReadCommand,
    RecordRef, SourceId, Value, WriteCommand, WriteTarget,
};
use crosswalk::ports::clock::SystemClock;
use crosswalk::sink::Execute;
use crosswalk::sink::intercom::{Executor, Settings};
use serde_json::{Value as Json, json};

use crate::sink_remote::{bridge, command, fast, response};
use crate::sink_requests::{Answer, golden, ok, scripted, timeout};

pub const CONTACT: &str = "5f3a";
pub const COMPANY: &str = "6c0a";
pub const MARKER: &str = "custom_attributes.SALESFORCE_ID";

pub fn workspace() -> SourceId {
    SourceId::new("ws").unwrap()
}

pub fn record(object: &str, id: &str) -> RecordRef {
    RecordRef::new(&workspace(), object, id).unwrap()
}

/// The real executor above a transport.
pub fn executor(
    transport: Arc<dyn Transport>,
    base_url: &str,
    version: &str,
    settings: Settings,
) -> Executor {
    let options = Options {
        base_url: base_url.into(),
        access_token: Secret::new("sandbox-access-token"),
        api_version: version.into(),
        request_timeout: Duration::from_millis(400),
        reserve_percent: 20,
    };
    let client = Arc::new(Client::new(options, transport, Arc::new(SystemClock)));
    let clients = BTreeMap::from([((bridge(), workspace()), client)]);
    let settings = BTreeMap::from([(workspace(), settings)]);
    Executor::new(clients, fast()).with_settings(settings)
}

pub fn field(name: &str, expect: impl Into<Value>, value: impl Into<Value>) -> FieldWrite {
    FieldWrite {
        name: name.into(),
        value: value.into(),
        expect: expect.into(),
    }
}

pub fn write(target: WriteTarget, fields: Vec<FieldWrite>) -> Command {
    let write = WriteCommand {
        target,
        sequence: 1,
        fields,
        auto_assign: false,
        read_first: false,
    };
    Command {
        source: workspace(),
        ..command(1, "a", CommandKind::Write(write))
    }
}

pub fn update(record: &RecordRef, fields: Vec<FieldWrite>) -> Command {
    write(WriteTarget::Record(record.clone()), fields)
}

pub fn create(object: &str, key_field: &str, key: &str, fields: Vec<FieldWrite>) -> Command {
    let org = SourceId::new("org").unwrap();
    let target = WriteTarget::Create {
        object: ObjectName::new(object).unwrap(),
        key_field: key_field.into(),
        key_value: key.into(),
        origin: RecordRef::new(&org, "Contact", "003D000000IqhSLIAZ").unwrap(),
    };
    write(target, fields)
}

pub fn attach(contact: &str, company: &str) -> Command {
    let target = WriteTarget::Attach {
        contact: record("contact", contact),
        company: record("company", company),
    };
    write(target, Vec::new())
}

pub fn lookup(queries: Vec<LookupQuery>) -> Command {
    let org = SourceId::new("org").unwrap();
    let origin = RecordRef::new(&org, "Contact", "003D000000IqhSLIAZ").unwrap();
    let lookup = ReadCommand::Lookup(Lookup { origin, queries });
    Command {
        source: workspace(),
        ..command(1, "a", CommandKind::Read(lookup))
    }
}

pub fn query(object: &str, any_of: &[(&str, &str)], rows_max: u32) -> LookupQuery {
    let terms = any_of.iter();
    LookupQuery {
        object: ObjectName::new(object).unwrap(),
        any_of: terms.map(|(n, v)| ((*n).into(), v.to_string())).collect(),
        fields: Vec::new(),
        rows_max,
    }
}

/// What a new lead has at once in these tests, and no search that lags.
async fn check_with(
    case: &str,
    command: &Command,
    repeat: bool,
    answers: Vec<Answer>,
    create_attributes: bool,
) {
    let remote = scripted(answers);
    let settings = Settings {
        create_attributes,
        search_lag: Duration::ZERO,
    };
    let executor = executor(remote.clone(), "https://api.example", "2.14", settings);
    let outcome: Outcome = executor.execute(command, repeat).await;
    golden("sink_intercom", case, &remote, &outcome);
}

async fn check(case: &str, command: &Command, repeat: bool, answers: Vec<Answer>) {
    check_with(case, command, repeat, answers, false).await;
}

fn contact(name: &str) -> Json {
    json!({"type": "contact", "id": CONTACT, "updated_at": 1_768_019_995, "name": name,
           "email": "", "custom_attributes": {"job_title": "CTO"}})
}

fn company(updated_at: i64) -> Json {
    json!({"type": "company", "id": COMPANY, "company_id": "0015", "created_at": 1_768_019_995,
           "updated_at": updated_at, "name": "Acme", "plan": {"name": "Gold"}})
}

fn no(status: u16, code: &str, message: &str) -> Answer {
    let errors = json!([{"code": code, "message": message}]);
    ok(
        status,
        json!({"type": "error.list", "request_id": "r", "errors": errors}),
    )
}

fn found(rows: &[Json]) -> Answer {
    ok(
        200,
        json!({"type": "list", "data": rows, "pages": {"type": "pages"}}),
    )
}

fn renamed() -> Command {
    let job = field("custom_attributes.job_title", "CIO", "CTO");
    let fields = vec![
        field("name", "Ann", "Ann Hara"),
        field("email", "a@b.c", ""),
        job,
    ];
    update(&record("contact", CONTACT), fields)
}

fn new_lead() -> Command {
    let fields = vec![field("name", "", "Ann Hara")];
    create("contact", MARKER, "0035", fields)
}

fn new_user() -> Command {
    let fields = vec![field("email", "", "ann@example.com")];
    create("contact", "external_id", "0035", fields)
}

fn new_company() -> Command {
    let fields = vec![field("name", "", "Acme"), field("plan.name", "", "Gold")];
    create("company", "company_id", "0015", fields)
}

#[tokio::test]
async fn updates() {
    let answered = || ok(200, contact("Ann Hara"));
    check("an update is one put", &renamed(), false, vec![answered()]).await;
    let fields = vec![
        field("size", 10_i64, 12_i64),
        field("monthly_spend", Value::Null, 5_i64),
        field("company_id", "", "never written"),
    ];
    let sized = update(&record("company", COMPANY), fields);
    let answer = vec![ok(200, company(1_768_019_999))];
    check("a company is changed by its id", &sized, false, answer).await;
    let gone = vec![no(404, "not_found", "User Not Found")];
    check("an update of nobody", &renamed(), false, gone).await;
    let link = Response {
        headers: vec![("link".into(), "</contacts/6a4b>; rel=\"canonical\"".into())],
        ..response(410, &json!({"errors": [{"code": "contact_merged"}]}))
    };
    check(
        "an update of one who was merged",
        &renamed(),
        false,
        vec![Ok(link)],
    )
    .await;
    let path = update(
        &record("contact", CONTACT),
        vec![field("location.country", "", "Ireland")],
    );
    check("an update of what cannot be written", &path, false, vec![]).await;
}

#[tokio::test]
async fn repeated_updates() {
    let shown = |name: &str| ok(200, contact(name));
    let command = renamed();
    check(
        "a repeat that finds all in place",
        &command,
        true,
        vec![shown("Ann Hara")],
    )
    .await;
    check(
        "a repeat that finds a third value",
        &command,
        true,
        vec![shown("Bob")],
    )
    .await;
    let open = vec![shown("Ann"), shown("Ann Hara")];
    check(
        "a repeat that finds what was expected",
        &command,
        true,
        open,
    )
    .await;
    let gone = vec![no(404, "not_found", "User Not Found")];
    check("a repeat that finds nobody", &command, true, gone).await;
    let lost = vec![timeout(), shown("Ann Hara")];
    check("a put without an answer is read", &command, false, lost).await;
    let odd = vec![
        ok(200, json!({"id": "6a4b", "updated_at": 1})),
        shown("Ann Hara"),
    ];
    check(
        "a put answered with another contact is read",
        &command,
        false,
        odd,
    )
    .await;
}

#[tokio::test]
async fn creates() {
    let made = || vec![ok(200, contact("Ann Hara"))];
    check("a user is one post", &new_user(), false, made()).await;
    check("a lead is one post", &new_lead(), false, made()).await;
    let upserted = |updated_at| vec![ok(200, company(updated_at))];
    check(
        "a company is one upsert",
        &new_company(),
        false,
        upserted(1_768_019_995),
    )
    .await;
    check(
        "an upsert of a known company",
        &new_company(),
        false,
        upserted(1_768_019_999),
    )
    .await;
    let marked_by_mail = create("contact", "email", "a@b.c", Vec::new());
    check("a contact without a key", &marked_by_mail, false, vec![]).await;
}

#[tokio::test]
async fn conflicts() {
    let conflict = |text: &str| vec![no(409, "conflict", text)];
    let live = "A contact matching those details already exists with id=6a4b";
    check("a user who exists", &new_user(), false, conflict(live)).await;
    let archived = "An archived contact matching those details already exists with id=6a4b";
    check(
        "a user in the archive",
        &new_user(),
        false,
        conflict(archived),
    )
    .await;
    let several = "Multiple existing users match this email address";
    check(
        "a user whom several match",
        &new_user(),
        false,
        conflict(several),
    )
    .await;
}

#[tokio::test]
async fn repeated_creates() {
    let made = || ok(200, contact("Ann Hara"));
    let mut marked = contact("Ann Hara");
    marked["custom_attributes"]["SALESFORCE_ID"] = json!("0035");
    let nobody = || no(404, "not_found", "User Not Found");
    check("a repeat finds the user", &new_user(), true, vec![made()]).await;
    check(
        "a repeat makes the user",
        &new_user(),
        true,
        vec![nobody(), made()],
    )
    .await;
    check(
        "a repeat finds the lead",
        &new_lead(),
        true,
        vec![found(&[marked.clone()])],
    )
    .await;
    // Search ignores case; another key in another case is another lead.
    let mut other = marked.clone();
    other["custom_attributes"]["SALESFORCE_ID"] = json!("0035x");
    let absent = vec![found(&[other]), made()];
    check("a repeat makes the lead", &new_lead(), true, absent).await;
    let mut twin = marked.clone();
    twin["id"] = json!("6a4b");
    let twins = vec![found(&[marked, twin])];
    check("a repeat finds two leads", &new_lead(), true, twins).await;
    let none = || no(404, "company_not_found", "Company Not Found");
    let shown = || ok(200, company(1_768_019_999));
    check(
        "a repeat finds the company",
        &new_company(),
        true,
        vec![shown()],
    )
    .await;
    check(
        "a repeat makes the company",
        &new_company(),
        true,
        vec![none(), shown()],
    )
    .await;
    let never = vec![timeout(), found(&[]), timeout(), found(&[])];
    check(
        "a lead that is never answered ends",
        &new_lead(),
        false,
        never,
    )
    .await;
}

#[tokio::test]
async fn attributes() {
    let lacks = || {
        let text = "Custom attribute 'job_title' does not exist";
        no(400, "parameter_invalid", text)
    };
    let defined = || ok(200, json!({"type": "data_attribute", "name": "job_title"}));
    let written = || ok(200, contact("Ann Hara"));
    check(
        "an attribute that may not be made",
        &renamed(),
        false,
        vec![lacks()],
    )
    .await;
    let made = vec![lacks(), defined(), written()];
    check_with(
        "an attribute is made and the write repeated",
        &renamed(),
        false,
        made,
        true,
    )
    .await;
    let stubborn = vec![lacks(), defined(), lacks()];
    check_with(
        "an attribute is made once",
        &renamed(),
        false,
        stubborn,
        true,
    )
    .await;
    let text = "You already have 'job_title' in your company data.";
    let taken = || no(400, "parameter_invalid", text);
    let list = |archived: bool| {
        let one = json!({"name": "job_title", "custom": true, "archived": archived});
        ok(200, json!({"type": "list", "data": [one]}))
    };
    let raced = vec![lacks(), taken(), list(false), written()];
    check_with(
        "an attribute that somebody made",
        &renamed(),
        false,
        raced,
        true,
    )
    .await;
    let other = vec![lacks(), taken(), list(true)];
    check_with(
        "an attribute whose name is taken",
        &renamed(),
        false,
        other,
        true,
    )
    .await;
    let blank = vec![
        field("name", "Ann", "Ann Hara"),
        field("custom_attributes.job_title", "x", ""),
    ];
    let blank = update(&record("contact", CONTACT), blank);
    let omitted = vec![lacks(), written()];
    check_with(
        "an attribute that is blank is not made",
        &blank,
        false,
        omitted,
        true,
    )
    .await;
}

#[tokio::test]
async fn attaching() {
    let joins = attach(CONTACT, COMPANY);
    let attached = || ok(200, company(1_768_019_999));
    check("a contact joins a company", &joins, false, vec![attached()]).await;
    let with = |companies: &[&str]| {
        let data: Vec<Json> = companies.iter().map(|id| json!({"id": id})).collect();
        let mut shown = contact("Ann");
        shown["companies"] = json!({"type": "list", "total_count": data.len(), "data": data});
        ok(200, shown)
    };
    check(
        "a repeat finds the contact there",
        &joins,
        true,
        vec![with(&["1", COMPANY])],
    )
    .await;
    let apart = vec![with(&["1"]), attached()];
    check("a repeat finds the contact elsewhere", &joins, true, apart).await;
    let nobody = vec![no(404, "not_found", "User Not Found")];
    check("nobody joins a company", &joins, false, nobody).await;
    let nothing = vec![no(404, "company_not_found", "Company Not Found")];
    check("a contact joins nothing", &joins, false, nothing).await;
    let full = vec![no(
        400,
        "contact_company_limit_exceeded",
        "Contact has reached the maximum",
    )];
    check("a contact joins one company too many", &joins, false, full).await;
}

#[tokio::test]
async fn lookups() {
    let terms = [
        ("email", "ann@example.com"),
        ("external_id", "0035"),
        (MARKER, "0035"),
    ];
    let both = lookup(vec![
        query("contact", &terms, 1),
        query("contact", &[], 5),
        query(
            "company",
            &[("company_id", "0015"), ("name", "Acme & Co")],
            5,
        ),
    ]);
    let mut twin = contact("Bob");
    twin["id"] = json!("6a4b");
    let answers = vec![
        found(&[contact("Ann"), twin]),
        no(404, "company_not_found", "Company Not Found"),
        ok(200, company(1_768_019_999)),
    ];
    check(
        "a lookup asks for contacts and companies",
        &both,
        false,
        answers,
    )
    .await;
    let by_mail = lookup(vec![query("company", &[("email", "a@b.c")], 5)]);
    check("a lookup of companies by e-mail", &by_mail, false, vec![]).await;
}
