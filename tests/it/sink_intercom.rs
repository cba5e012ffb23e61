//! Do the Intercom sink and the sandbox understand each other, and does a fault leave one effect?
//! The two share no code: each is a check of the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crosswalk::clients::http::{HttpTransport, Options};
use crosswalk::domain::{Outcome, RecordRef, RejectClass, Rejection, Value};
use crosswalk::sandbox::fault::{Kind, Rule};
use crosswalk::sandbox::intercom::{self, Handle};
use crosswalk::sink::intercom::{Executor, Settings};
use crosswalk::sink::{Alone, Answer, Execute};
use serde_json::{Value as Json, json};

use crate::sink_intercom_requests::{
    MARKER, attach, create, executor, field, lookup, query, record, update,
};

pub fn transport() -> Arc<HttpTransport> {
    Arc::new(HttpTransport::new(&Options::default()).unwrap())
}

/// A sandbox and the real executor before it.
pub async fn world(options: intercom::Options, settings: Settings) -> (Handle, Executor) {
    world_of("2.14", options, settings).await
}

async fn world_of(
    version: &str,
    options: intercom::Options,
    settings: Settings,
) -> (Handle, Executor) {
    let sandbox = intercom::start(options).await.unwrap();
    let executor = executor(transport(), &sandbox.base_url(), version, settings);
    (sandbox, executor)
}

async fn plain() -> (Handle, Executor) {
    world(Default::default(), Default::default()).await
}

pub fn act(sandbox: &Handle, act: Json) -> String {
    sandbox.act(act).unwrap()["id"].as_str().unwrap().into()
}

pub fn person(sandbox: &Handle, email: &str) -> RecordRef {
    let verb = json!({"verb": "create_contact", "role": "user", "email": email, "name": "Ann"});
    record("contact", &act(sandbox, verb))
}

/// Requests with this method that changed something in the sandbox.
fn applied(sandbox: &Handle, method: &str) -> usize {
    let requests = sandbox.request_log();
    let applied = requests.iter().filter(|e| e.applied && e.method == method);
    applied.count()
}

pub fn refused(outcome: Outcome) -> Rejection {
    match outcome {
        Outcome::Rejected(rejection) => rejection,
        other => panic!("it is refused, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_changed_and_its_whole_answer_reported() {
    let (sandbox, executor) = plain().await;
    let ann = person(&sandbox, "ann@example.com");
    let fields = vec![
        field("name", "Ann", "Ann Hara"),
        field("email", "ann@example.com", Value::Null),
        field("unsubscribed_from_emails", false, true),
        field("owner_id", Value::Null, 9_608_799_i64),
        field("custom_attributes.job_title", Value::Null, "CTO"),
    ];
    let command = update(&ann, fields);
    let Outcome::Written {
        record: written,
        created: false,
        values: Some(values),
        version: Some(version),
    } = executor.execute(&command, false).await
    else {
        panic!("the contact is written");
    };
    assert_eq!(written, ann);
    assert_eq!(values["name"], "Ann Hara".into());
    assert_eq!(values["email"], Value::Null, "read back as an empty text");
    assert_eq!(values["unsubscribed_from_emails"], true.into());
    assert_eq!(values["owner_id"].display(), "9608799");
    assert_eq!(values["custom_attributes.job_title"], "CTO".into());
    assert_eq!(
        values["role"],
        "user".into(),
        "what was not sent is shown too"
    );
    assert_eq!(version.to_ms - version.from_ms, 999, "REST knows seconds");

    let again = executor.execute(&command, true).await;
    assert!(matches!(again, Outcome::AlreadyThere { .. }), "{again:?}");
    let clears = vec![field("custom_attributes.job_title", "CTO", Value::Null)];
    executor.execute(&update(&ann, clears.clone()), false).await;
    let cleared = executor.execute(&update(&ann, clears), true).await;
    assert!(
        matches!(cleared, Outcome::AlreadyThere { .. }),
        "{cleared:?}"
    );
}

/// Whether a contact lists an attribute that was cleared is Intercom's affair. Who only heard of
/// what it lists believed that the old value stands, and wrote for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_tells_of_every_field_that_it_looked_at() {
    for stays in [false, true] {
        let (sandbox, executor) = plain().await;
        let switch = json!({"cleared_attributes_stay": stays});
        sandbox.set_switches(switch).unwrap();
        let ann = person(&sandbox, "ann@example.com");
        for title in [json!("CTO"), serde_json::Value::Null] {
            let set = json!({"name": "Anna", "custom_attributes": {"job_title": title}});
            let act_of = json!({"verb": "update_contact", "id": ann.id, "set": set});
            act(&sandbox, act_of);
        }
        let fields = vec![
            field("name", "Ann", "Ann Hara"),
            field("custom_attributes.job_title", "CTO", "CEO"),
        ];
        let found = executor.execute(&update(&ann, fields), true).await;
        let Outcome::FoundOther { snapshot } = found else {
            panic!("other values are found: {found:?}");
        };
        let title = snapshot.fields.get("custom_attributes.job_title");
        assert_eq!(title, Some(&Value::Null), "stays: {stays}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_that_finds_a_value_of_somebody_else_sends_nothing() {
    let (sandbox, executor) = plain().await;
    let ann = person(&sandbox, "ann@example.com");
    let set = json!({"name": "Anna"});
    act(
        &sandbox,
        json!({"verb": "update_contact", "id": ann.id, "set": set}),
    );
    let renames = update(&ann, vec![field("name", "Ann", "Ann Hara")]);
    match executor.execute(&renames, true).await {
        Outcome::FoundOther { snapshot } => assert_eq!(snapshot.fields["name"], "Anna".into()),
        other => panic!("a third value is found, not {other:?}"),
    }
    let puts = sandbox
        .request_log()
        .into_iter()
        .filter(|e| e.method == "PUT");
    assert_eq!(puts.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_a_write_to_intercom_takes_effect_once() {
    for kind in [
        Kind::Unauthorized,
        Kind::ServerError,
        Kind::BadGatewayHtml,
        Kind::TimeoutAfterCommit,
        Kind::TimeoutBeforeCommit,
        Kind::ResetConnection,
    ] {
        let (sandbox, executor) = plain().await;
        let ann = person(&sandbox, "ann@example.com");
        let fault = Rule {
            method: Some("PUT".into()),
            ..Rule::once(kind)
        };
        sandbox.add_fault(fault).unwrap();
        let renames = update(&ann, vec![field("name", "Ann", "Ann Hara")]);
        let ended = executor.execute(&renames, false).await;
        let stands = matches!(
            ended,
            Outcome::Written { .. } | Outcome::AlreadyThere { .. }
        );
        assert!(stands, "{kind:?}: {ended:?}");
        assert_eq!(applied(&sandbox, "PUT"), 1, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_or_company_whose_creation_timed_out_is_found_and_not_doubled() {
    let user = || {
        let fields = vec![field("email", "", "ann@example.com")];
        create("contact", "external_id", "0035", fields)
    };
    let company = || {
        create(
            "company",
            "company_id",
            "0015",
            vec![field("name", "", "Acme")],
        )
    };
    for command in [user(), company()] {
        let (sandbox, executor) = plain().await;
        let fault = Rule {
            method: Some("POST".into()),
            ..Rule::once(Kind::TimeoutAfterCommit)
        };
        sandbox.add_fault(fault).unwrap();
        let ended = executor.execute(&command, false).await;
        assert!(matches!(ended, Outcome::AlreadyThere { .. }), "{ended:?}");
        assert_eq!(applied(&sandbox, "POST"), 1);
    }
}

fn lead() -> crosswalk::domain::Command {
    create(
        "contact",
        MARKER,
        "0035",
        vec![field("name", "", "Ann Hara")],
    )
}

/// Search shows nothing for half a second, and the sink knows it.
async fn slow_search() -> (Handle, Executor) {
    let options = intercom::Options {
        search_lag: Duration::from_millis(1_000),
        ..Default::default()
    };
    let settings = Settings {
        search_lag: Duration::from_millis(1_200),
        ..Default::default()
    };
    world(options, settings).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_whose_creation_timed_out_is_not_doubled_while_search_lags() {
    for (kind, found) in [
        (Kind::TimeoutAfterCommit, true),
        (Kind::TimeoutBeforeCommit, false),
        (Kind::ServerError, false),
    ] {
        let (sandbox, executor) = slow_search().await;
        let fault = Rule {
            body_contains: Some("\"role\"".into()),
            ..Rule::once(kind)
        };
        sandbox.add_fault(fault).unwrap();
        let began = Instant::now();
        let ended = executor.execute(&lead(), false).await;
        match (&ended, found) {
            (Outcome::AlreadyThere { .. }, true) => {}
            (Outcome::Written { created: true, .. }, false) => {}
            _ => panic!("{kind:?}: {ended:?}"),
        }
        assert_eq!(applied(&sandbox, "POST"), 1, "{kind:?}");
        assert!(began.elapsed() >= Duration::from_millis(1_200), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_owner_does_not_double_the_lead_its_predecessor_has_just_made() {
    let (sandbox, executor) = slow_search().await;
    let made = executor.execute(&lead(), false).await;
    let Outcome::Written { record, .. } = made else {
        panic!("a lead is made, not {made:?}");
    };
    match executor.execute(&lead(), true).await {
        Outcome::AlreadyThere { snapshot } => assert_eq!(snapshot.record, record),
        other => panic!("the lead is found, not {other:?}"),
    }
    assert_eq!(applied(&sandbox, "POST"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_counts_from_when_a_predecessor_may_have_sent_the_lead() {
    let (sandbox, executor) = slow_search().await;
    let repeat = |sent_until| Alone {
        repeat: true,
        sent_until: Some(sent_until),
        ..Alone::default()
    };
    let now = tokio::time::Instant::now();
    let soon = now - Duration::from_millis(700);
    let Answer::Alone(later) = executor.proceed(&lead(), repeat(soon)).await else {
        panic!("search may not show the lead yet");
    };
    assert!(later.after <= Duration::from_millis(500), "{later:?}");
    assert_eq!((later.repeat, later.sent_until), (true, Some(soon)));
    let long_ago = now - Duration::from_millis(1_300);
    let made = executor.proceed(&lead(), repeat(long_ago)).await;
    let written = matches!(
        made,
        Answer::Settled(Outcome::Written { created: true, .. })
    );
    assert!(written, "{made:?}");
    assert_eq!(applied(&sandbox, "POST"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_cannot_be_made_is_unknown_only_after_the_lag() {
    let (sandbox, executor) = slow_search().await;
    let fault = Rule {
        body_contains: Some("\"role\"".into()),
        times: None,
        ..Rule::once(Kind::ServerError)
    };
    sandbox.add_fault(fault).unwrap();
    let began = Instant::now();
    let ended = executor.execute(&lead(), false).await;
    assert!(matches!(ended, Outcome::Unknown { .. }), "{ended:?}");
    let sent = sandbox.request_log();
    let sent = sent.iter().filter(|e| e.path == "/contacts");
    assert_eq!(
        sent.count(),
        2,
        "it was sent twice, and looked for after each"
    );
    assert!(began.elapsed() >= Duration::from_millis(2_400));
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_name_whom_to_link_and_whom_to_take_out_of_the_archive() {
    let (sandbox, executor) = plain().await;
    let user = |email: &str| {
        let fields = vec![field("email", "", email)];
        create("contact", "external_id", "0035", fields)
    };
    let ann = person(&sandbox, "ann@example.com");
    let live = refused(executor.execute(&user("ann@example.com"), false).await);
    assert_eq!(
        (live.class, live.code.as_str()),
        (RejectClass::Duplicate, "conflict")
    );
    assert_eq!(live.records, std::slice::from_ref(&ann));

    act(&sandbox, json!({"verb": "archive", "id": ann.id}));
    let archived = refused(executor.execute(&user("ann@example.com"), false).await);
    assert_eq!(archived.class, RejectClass::Duplicate);
    assert_eq!(archived.code, "conflict_archived");
    assert_eq!(archived.records, std::slice::from_ref(&ann));
    assert!(
        archived
            .hint
            .contains(&format!("unarchive contact {}", ann.id))
    );

    sandbox
        .set_switches(json!({"email_conflict_on_create": false}))
        .unwrap();
    for key in ["u1", "u2"] {
        let twin = json!({"verb": "create_contact", "external_id": key, "email": "b@example.com"});
        act(&sandbox, twin);
    }
    sandbox
        .set_switches(json!({"email_conflict_on_create": true}))
        .unwrap();
    let several = refused(executor.execute(&user("b@example.com"), false).await);
    assert_eq!(several.class, RejectClass::Ambiguous);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_to_one_who_was_merged_names_the_survivor() {
    let (sandbox, executor) = world_of("2.16", Default::default(), Default::default()).await;
    let (ann, anna) = (
        person(&sandbox, "ann@example.com"),
        person(&sandbox, "anna@example.com"),
    );
    act(
        &sandbox,
        json!({"verb": "merge", "from": ann.id, "into": anna.id}),
    );
    for repeat in [false, true] {
        let renames = update(&ann, vec![field("name", "Ann", "Ann Hara")]);
        let merged = refused(executor.execute(&renames, repeat).await);
        assert_eq!(merged.class, RejectClass::Gone);
        assert_eq!(merged.records, std::slice::from_ref(&anna));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_is_made_changed_and_joined() {
    let (sandbox, executor) = plain().await;
    let fields = vec![field("name", "", "Acme"), field("plan.name", "", "Gold")];
    let made = create("company", "company_id", "0015", fields);
    let Outcome::Written {
        record: company,
        created: true,
        values: Some(values),
        ..
    } = executor.execute(&made, false).await
    else {
        panic!("the company is made");
    };
    assert_eq!(values["plan.name"], "Gold".into());

    let larger = update(&company, vec![field("size", Value::Null, 12_i64)]);
    let changed = executor.execute(&larger, false).await;
    assert!(matches!(changed, Outcome::Written { created: false, .. }));
    let again = executor.execute(&larger, true).await;
    assert!(matches!(again, Outcome::AlreadyThere { .. }), "{again:?}");

    let ann = person(&sandbox, "ann@example.com");
    let joins = attach(&ann.id, &company.id);
    let joined = executor.execute(&joins, false).await;
    assert!(matches!(&joined, Outcome::Written { record, .. } if *record == ann));
    let again = executor.execute(&joins, true).await;
    assert!(matches!(again, Outcome::AlreadyThere { .. }), "{again:?}");

    let nowhere = "6961d43b372591e999b3ea56";
    let lost = executor.execute(&attach(&ann.id, nowhere), false).await;
    let missing = record("company", nowhere);
    assert_eq!(lost, Outcome::NotFound { record: missing });
    let lost = executor.execute(&attach(nowhere, &company.id), false).await;
    let missing = record("contact", nowhere);
    assert_eq!(lost, Outcome::NotFound { record: missing });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_finds_contacts_by_any_identifier_and_companies_by_key() {
    let (sandbox, executor) = plain().await;
    let ann = person(&sandbox, "ann@example.com");
    let made = executor.execute(&lead(), false).await;
    let Outcome::Written { record: marked, .. } = made else {
        panic!("a lead is made, not {made:?}");
    };
    let acme = json!({"verb": "create_company", "company_id": "0015", "name": "Acme"});
    let acme = record("company", &act(&sandbox, acme));
    let terms = [("email", "ann@example.com"), (MARKER, "0035")];
    let wanted = |rows_max| {
        lookup(vec![
            query("contact", &terms, rows_max),
            query(
                "company",
                &[("company_id", "0015"), ("company_id", "none")],
                5,
            ),
        ])
    };
    for (rows_max, cut) in [(5, false), (2, false), (1, true)] {
        let Outcome::LookedUp { rows, truncated } =
            executor.execute(&wanted(rows_max), false).await
        else {
            panic!("a lookup answers rows");
        };
        assert_eq!(truncated, cut, "{rows_max}");
        let records: Vec<RecordRef> = rows.into_iter().map(|row| row.record).collect();
        assert_eq!(records.last(), Some(&acme));
        assert_eq!(records.contains(&ann) && records.contains(&marked), !cut);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_lanes_share_the_window_and_leave_a_fifth_of_it_to_others() {
    // A window that turns meanwhile would begin a new count.
    let now = jiff::Timestamp::now().as_millisecond().rem_euclid(10_000);
    if now > 8_000 {
        tokio::time::sleep(Duration::from_millis(10_100 - now as u64)).await;
    }
    let options = intercom::Options {
        rate_limit_per_10s: 20,
        ..Default::default()
    };
    let (sandbox, executor) = world(options, Default::default()).await;
    let ann = person(&sandbox, "ann@example.com");
    let executor = Arc::new(executor);
    let lanes: Vec<_> = (0..40)
        .map(|_| {
            let (executor, ann) = (executor.clone(), ann.clone());
            tokio::spawn(async move {
                let renames = update(&ann, vec![field("name", "Ann", "Ann Hara")]);
                executor.execute(&renames, false).await
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(800)).await;
    let statuses: Vec<u16> = sandbox.request_log().iter().map(|e| e.status).collect();
    lanes.iter().for_each(|lane| lane.abort());
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    // What is under way while an answer comes is counted twice, on the safe side.
    assert!((8..=16).contains(&statuses.len()), "{statuses:?}");
}
