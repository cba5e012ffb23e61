//! `crosswalk review` and the admin port: refusals, and one doubt from beginning to end.

use std::time::{Duration, Instant};

use crosswalk::sandbox::{intercom, salesforce};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::cli::{Running, folder, output, text};

const EMAIL: &str = "joan@kestrel.example";
const NOBODY: &str = "rev_0123456789abcdef0123456789abcdef";
const MAPPING: &str = include_str!("../../src/bin/crosswalk/demo/mapping.yaml");

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// Starts `crosswalk run` and answers where webhooks and questions go.
fn run(config: &str) -> (Running, String, String) {
    let mut running = Running::start(&["run", "--config", config, "--print-addresses"]);
    let addresses: Value = serde_json::from_str(&running.line()).unwrap();
    let address = |name: &str| addresses[name].as_str().unwrap().to_owned();
    let (webhooks, admin) = (address("webhooks"), address("admin"));
    (running, webhooks, admin)
}

async fn post(admin: &str, review: &str, body: String) -> (StatusCode, String) {
    let post = client().post(format!("{admin}/v1/reviews/{review}"));
    let post = post.header("content-type", "application/json").body(body);
    let answer = post.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_taken_is_refused_with_what_would_be() {
    let (_folder, config) = folder();
    let (_running, _, admin) = run(&config);
    // Until the processor has the partition it answers nothing.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !output(&["review", "list", "--admin", &admin])
        .status
        .success()
    {
        assert!(Instant::now() < deadline, "never ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let bad = StatusCode::BAD_REQUEST;
    let answer = |by: &str, answer: &str| json!({"by": by, "answer": answer});
    let with =
        |answer: &str, record: &str| json!({"by": "ann", "answer": answer, "record": record});
    for (review, body, status, words) in [
        ("nonsense", answer("ann", "retry"), bad, "is no review item"),
        (
            "rev_0123",
            answer("ann", "retry"),
            bad,
            "rev_ and 32 digits",
        ),
        (NOBODY, answer("ann", "retry"), bad, "is not open"),
        (NOBODY, answer(" ", "retry"), bad, "names who answers"),
        (
            NOBODY,
            answer(&"a".repeat(201), "retry"),
            bad,
            "1 to 200 bytes",
        ),
        (
            NOBODY,
            answer("ann", "link"),
            bad,
            "link or keep and a record",
        ),
        (
            NOBODY,
            answer("ann", "perhaps"),
            bad,
            "link or keep and a record",
        ),
        (
            NOBODY,
            with("retry", "sales/Lead/x"),
            bad,
            "refuse or dismiss alone",
        ),
        (
            NOBODY,
            with("link", "00Q000000000001AAA"),
            bad,
            "source/object/id",
        ),
        (NOBODY, with("keep", "sales//x"), bad, "source/object/id"),
        (
            NOBODY,
            json!({"by": "ann", "answer": "retry", "force": true}),
            StatusCode::UNPROCESSABLE_ENTITY,
            "the body is",
        ),
        (
            NOBODY,
            answer("ann", &"x".repeat(20_000)),
            StatusCode::PAYLOAD_TOO_LARGE,
            "at most 16384 bytes",
        ),
    ] {
        let (got, text) = post(&admin, review, body.to_string()).await;
        assert_eq!(got, status, "{review} {text}");
        let told: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        let told = told["error"].as_str().unwrap();
        assert!(told.contains(words), "{words} is not in: {told}");
    }
    let (got, _) = post(&admin, NOBODY, "{".into()).await;
    assert_eq!(got, bad);
    for (method, path) in [
        (Method::GET, format!("/v1/reviews/{NOBODY}")),
        (Method::DELETE, format!("/v1/reviews/{NOBODY}")),
        (Method::POST, "/v1/reviews".to_owned()),
    ] {
        let asked = client().request(method, format!("{admin}{path}"));
        let status = asked.send().await.unwrap().status();
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    for (query, words) in [
        ("", "the query is not understood: it is empty"),
        ("x", "customers"),
    ] {
        let asked = client().get(format!("{admin}/v1/explain?query={query}"));
        let told = asked.send().await.unwrap().text().await.unwrap();
        assert!(told.contains(words), "{told}");
    }
    commands_refuse(&admin);
}

fn commands_refuse(admin: &str) {
    let listed = output(&["review", "list", "--admin", admin]);
    assert_eq!(text(&listed.stdout), "nothing waits for a person\n");
    let json = output(&["review", "list", "--json", "--admin", admin]);
    assert_eq!(text(&json.stdout), "[]\n");
    let decide = ["review", "decide", NOBODY, "--by", "ann"];
    let show = ["review", "show", NOBODY, "--admin", admin];
    for (arguments, words) in [
        (show.to_vec(), "is not open"),
        (
            vec!["review", "show", "rev_1", "--admin", admin],
            "is no review item",
        ),
        (
            [&decide[..], &["--retry", "--admin", admin]].concat(),
            "is not open: see crosswalk review list",
        ),
        (
            vec![
                "review", "decide", "../stats", "--retry", "--by", "ann", "--admin", admin,
            ],
            "is no review item",
        ),
        (
            [&decide[..], &["--link", "x", "--admin", admin]].concat(),
            "a record is written as source/object/id",
        ),
        (
            [&decide[..], &["--retry", "--admin", "127.0.0.1:9"]].concat(),
            "nobody listens at http://127.0.0.1:9",
        ),
        (decide.to_vec(), "required"),
        (
            [&decide[..], &["--retry", "--dismiss"]].concat(),
            "cannot be used with",
        ),
    ] {
        let failed = output(&arguments);
        assert!(!failed.status.success(), "{arguments:?}");
        let error = text(&failed.stderr);
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
}

/// Both sandboxes with a bridge between them.
struct Bridged {
    salesforce: salesforce::Handle,
    intercom: intercom::Handle,
    running: Running,
    admin: String,
    _folder: tempfile::TempDir,
}

impl Bridged {
    async fn new() -> Self {
        let salesforce = salesforce::start(Default::default()).await.unwrap();
        let intercom = intercom::start(Default::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("crosswalk.yaml");
        let config = json!({
            "server": {"webhooks": "127.0.0.1:0", "admin": "127.0.0.1:0"},
            "sources": {
                "support": {"intercom": {
                    "app_id": "sandbox1", "client_secret": "sandbox-client-secret",
                    "access_token": "sandbox-access-token", "base_url": intercom.base_url(),
                }},
                "sales": {"salesforce": {
                    "login_url": salesforce.base_url(), "client_id": "sandbox-client-id",
                    "client_secret": "sandbox-client-secret", "client_token": "crosswalk-main",
                    "pubsub": {"endpoint": salesforce.pubsub_url()},
                }},
            },
            "bridges": {"main": {"sources": ["support", "sales"], "mapping": "mapping.yaml"}},
        });
        std::fs::write(&file, config.to_string()).unwrap();
        std::fs::write(folder.path().join("mapping.yaml"), MAPPING).unwrap();
        let (running, webhooks, admin) = run(file.to_str().unwrap());
        intercom.set_webhook_url(webhooks).await.unwrap();
        Self {
            salesforce,
            intercom,
            running,
            admin,
            _folder: folder,
        }
    }

    fn contact(&self, id: &str) -> Value {
        let state = self.salesforce.state();
        let rows = state["records"]["Contact"].as_array().unwrap();
        rows.iter().find(|row| row["Id"] == id).unwrap().clone()
    }

    fn knows(&self, record: &str) -> bool {
        let show = ["identity", "show", record, "--admin", &self.admin];
        output(&show).status.success()
    }

    fn reviews(&self) -> Vec<Value> {
        let listed = output(&["review", "list", "--json", "--admin", &self.admin]);
        serde_json::from_slice(&listed.stdout).unwrap_or_default()
    }

    fn decide(&self, review: &str, answer: [&str; 2]) -> (bool, String) {
        let decide = [
            "review",
            "decide",
            review,
            "--by",
            "ann",
            "--admin",
            &self.admin,
        ];
        let decided = output(&[&decide[..], &answer].concat());
        let told = text(&decided.stdout) + &text(&decided.stderr);
        (decided.status.success(), told)
    }
}

async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} never came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_settles_which_of_two_contacts_it_is_and_the_pair_is_kept_in_step() {
    let bridged = Bridged::new().await;
    let made = ["Joan", "Alan"].map(|first| {
        let fields = json!({"FirstName": first, "LastName": "Clarke", "Email": EMAIL,
            "Title": "Director"});
        let act = json!({"verb": "create", "object": "Contact", "fields": fields});
        let made = bridged.salesforce.act(act).unwrap();
        made["id"].as_str().unwrap().to_owned()
    });
    // One of two that come apart would be the only one.
    for id in &made {
        let record = format!("sales/Contact/{id}");
        let known = || bridged.knows(&record).then_some(());
        until("a contact of sales", known).await;
    }
    let lead = json!({"verb": "create_contact", "role": "lead", "name": "Joan C", "email": EMAIL,
        "custom_attributes": {"job_title": "Cryptanalyst"}});
    let lead = bridged.intercom.act(lead).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let tag = json!({"verb": "tag", "contact_id": lead, "name": "qualified"});
    bridged.intercom.act(tag).unwrap();

    let item = until("a review item", || bridged.reviews().pop()).await;
    let mut candidates = made.clone().map(|id| format!("sales/Contact/{id}"));
    candidates.sort();
    let mut named = item["candidates"].as_array().unwrap().clone();
    named.sort_by_key(ToString::to_string);
    assert_eq!(json!(named), json!(candidates));
    let listed = text(&output(&["review", "list", "--admin", &bridged.admin]).stdout);
    for words in [&candidates[0], &candidates[1], "ambiguous", "--link RECORD"] {
        assert!(listed.contains(words), "{words} is not in: {listed}");
    }
    assert!(!listed.contains(EMAIL), "{listed}");
    let review = item["review"].as_str().unwrap();
    let shown = output(&["review", "show", review, "--admin", &bridged.admin]);
    assert_eq!(
        serde_json::from_slice::<Value>(&shown.stdout).unwrap(),
        item
    );

    let chosen = format!("sales/Contact/{}", made[0]);
    for (answer, words) in [
        (
            ["--keep", chosen.as_str()],
            "cannot be answered so; it takes --link",
        ),
        (
            ["--link", "sales/Contact/0035g00000000ZZAAA"],
            "it takes --link RECORD (one of",
        ),
    ] {
        let (taken, told) = bridged.decide(review, answer);
        assert!(!taken && told.contains(words), "{told}");
    }
    let (taken, told) = bridged.decide(review, ["--link", &chosen]);
    assert!(
        taken && told.contains("is answered: link; decision obs_"),
        "{told}"
    );

    let key = format!("sandbox1:{lead}");
    until("our key", || {
        (bridged.contact(&made[0])["Intercom_Contact_ID__c"] == key.as_str()).then_some(())
    })
    .await;
    let row = bridged.contact(&made[0]);
    let kept = (&row["FirstName"], &row["LastName"], &row["Title"]);
    assert_eq!(kept, (&json!("Joan"), &json!("Clarke"), &json!("Director")));
    assert_eq!(
        bridged.contact(&made[1])["Intercom_Contact_ID__c"],
        Value::Null
    );
    let (taken, told) = bridged.decide(review, ["--link", &chosen]);
    assert!(!taken && told.contains("is not open"), "{told}");
    assert_eq!(bridged.reviews(), Vec::<Value>::new());
    let explained = output(&["identity", "explain", &chosen, "--admin", &bridged.admin]);
    let explained = text(&explained.stdout);
    assert!(
        explained.contains("\"meaning\": \"a person said so\""),
        "{explained}"
    );

    let edit = json!({"verb": "update_contact", "id": lead, "set": {"phone": "+14155550123"}});
    bridged.intercom.act(edit).unwrap();
    until("the telephone number", || {
        (bridged.contact(&made[0])["Phone"] == "+14155550123").then_some(())
    })
    .await;
    taken_apart_again(&bridged, &lead, [&made[0], &made[1]]).await;
    let (success, logged) = bridged.running.end("-TERM");
    assert!(success && !logged.contains(EMAIL), "{logged}");
}

/// A person takes back what was said: each side holds what it held before.
async fn taken_apart_again(bridged: &Bridged, contact: &str, [chosen, other]: [&str; 2]) {
    let ours = format!("support/contact/{contact}");
    let theirs = format!("sales/Contact/{chosen}");
    let say = |what: &str, left: &str, right: &str| {
        let said = output(&[
            "identity",
            what,
            left,
            right,
            "--by",
            "ann",
            "--admin",
            &bridged.admin,
        ]);
        let told = text(&said.stdout) + &text(&said.stderr);
        (said.status.success(), told)
    };
    for (what, right, words) in [
        (
            "link",
            theirs.as_str(),
            "main: they are one customer already",
        ),
        ("link", ours.as_str(), "both are one record"),
        (
            "link",
            "sales/Account/0015g00000000AAAAA",
            "a person and a company",
        ),
        ("unlink", "sales/Contact/0035g00000000ZZAAA", "is not known"),
        ("unlink", "Ada", "a record is written as source/object/id"),
    ] {
        let (taken, told) = say(what, &ours, right);
        assert!(!taken && told.contains(words), "{words} is not in: {told}");
    }
    let (taken, told) = say("unlink", &ours, &theirs);
    assert!(taken && told.contains("unlink: decision obs_"), "{told}");
    until("the repair", || {
        let row = bridged.contact(chosen);
        let empty = row["Phone"].is_null() && row["Intercom_Contact_ID__c"].is_null();
        empty.then_some(())
    })
    .await;
    let row = bridged.contact(chosen);
    let kept = (&row["FirstName"], &row["LastName"], &row["Title"]);
    assert_eq!(kept, (&json!("Joan"), &json!("Clarke"), &json!("Director")));
    // Of the two with this address the other one is left, and it is no guess any more.
    let other = other.to_owned();
    until("the other one", || {
        let state = bridged.intercom.state();
        let mut contacts = state["contacts"].as_array().unwrap().iter();
        let attributes = &contacts.find(|one| one["id"] == contact)?["custom_attributes"];
        let title = attributes["job_title"] == "Cryptanalyst";
        (title && attributes["SALESFORCE_ID"] == other.as_str()).then_some(())
    })
    .await;
    let (taken, told) = say("unlink", &ours, &theirs);
    assert!(
        !taken && told.contains("they are not one customer"),
        "{told}"
    );
}
