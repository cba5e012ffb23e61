//! The command line as a person or a script meets it: the real binary, in processes of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::ingest_door::sign;

const EMAIL: &str = "mila@kestrel.example";
const SECRET: &str = "s3cret-that-no-log-may-show";
const CONFIG: &str = r#"
server: { webhooks: 127.0.0.1:0, admin: 127.0.0.1:0 }
sources:
  support:
    intercom:
      app_id: abc123
      client_secret: { env: SUPPORT_SECRET }
      access_token: token-that-no-log-may-show
      base_url: http://127.0.0.1:9
  sales:
    salesforce:
      login_url: http://127.0.0.1:9
      client_id: key
      client_secret: other-secret-that-no-log-may-show
      client_token: crosswalk-main
bridges:
  main: { sources: [support, sales], mapping: mapping.yaml }
logging: { format: json, level: debug }
"#;

/// As small as a mapping can be that links people.
const MAPPING: &str = r#"
version: 1
people:
  objects: {intercom: contact, salesforce: [Contact, Lead]}
  match:
    - explicit: {salesforce: Intercom_Contact_ID__c}
    - email: {salesforce: Email, intercom: email}
  create:
    salesforce_lead:
      when: '"qualified" in contact.tags && contact.role == "lead"'
      needs: [email]
      set: {LeadSource: Intercom}
      company_name: Company
      placeholders: {Company: "[not provided]", LastName: "[not provided]"}
  fields:
    - intercom: email
      salesforce: Email
      owner: intercom
      direction: to_salesforce
      meaning: where the person is written to
"#;

pub fn crosswalk(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosswalk"));
    command
        .args(arguments)
        .env("SUPPORT_SECRET", SECRET)
        .stdin(Stdio::null());
    command
}

pub fn output(arguments: &[&str]) -> Output {
    crosswalk(arguments).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder with a configuration.
pub fn folder() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("crosswalk.yaml");
    std::fs::write(&config, CONFIG).unwrap();
    std::fs::write(folder.path().join("mapping.yaml"), MAPPING).unwrap();
    let config = config.to_str().unwrap().to_owned();
    (folder, config)
}

/// A child that is killed if its test fails.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = crosswalk(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        if line.is_empty() {
            let mut errors = String::new();
            self.child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut errors)
                .unwrap();
            panic!("it ended: {errors}");
        }
        line.trim_end().to_owned()
    }

    /// Fails with everything that was logged if it has ended by itself.
    pub fn goes_on(&mut self) {
        let Some(status) = self.child.try_wait().unwrap() else {
            return;
        };
        let mut errors = String::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut errors).unwrap();
        panic!("it ended by itself ({status}): {errors}");
    }

    /// Sends the signal, and answers success and everything that was logged.
    pub fn end(mut self, signal: &str) -> (bool, String) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let began = Instant::now();
        let mut errors = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        let status = self.child.wait().unwrap();
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "the end took {:?}",
            began.elapsed()
        );
        (status.success(), errors)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn help_and_version_are_for_people() {
    let version = output(&["--version"]);
    assert!(version.status.success());
    assert_eq!(
        text(&version.stdout),
        concat!("crosswalk ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let help = text(&output(&["--help"]).stdout);
    for word in [
        "run",
        "demo",
        "sandbox",
        "tail",
        "identity",
        "verify",
        "Examples:",
    ] {
        assert!(help.contains(word), "{word} is not in: {help}");
    }
    let subcommands: [&[&str]; 8] = [
        &["run"],
        &["demo"],
        &["sandbox", "salesforce"],
        &["sandbox", "intercom"],
        &["sandbox", "both"],
        &["tail"],
        &["identity", "show"],
        &["verify"],
    ];
    for subcommand in subcommands {
        let shown = output(&[subcommand, &["--help"]].concat());
        assert!(shown.status.success(), "{subcommand:?}");
        let shown = text(&shown.stdout);
        assert!(
            shown.contains("Example"),
            "no example in the help of {subcommand:?}: {shown}"
        );
        let wide = shown.lines().find(|line| line.chars().count() > 100);
        assert_eq!(wide, None, "{subcommand:?}");
    }
}

#[test]
fn an_error_is_one_line_on_standard_error() {
    let (folder, config) = folder();
    let broken = folder.path().join("broken.yaml");
    std::fs::write(
        &broken,
        CONFIG.replace("[support, sales]", "[support, salez]"),
    )
    .unwrap();
    let broken = broken.to_str().unwrap();
    let cases: [(&[&str], &str); 6] = [
        (
            &["run", "--config", "/nowhere.yaml"],
            "error: /nowhere.yaml cannot be read: ",
        ),
        (
            &["run", "--config", broken],
            ":17:30: bridges.main.sources names \"salez\", which is not under sources; did you \
             mean \"sales\"?",
        ),
        (
            &["tail", "jornal", "--config", &config],
            "error: there is no topic \"jornal\"; known: ",
        ),
        (
            &["tail", "journal", "--config", &config],
            "error: there is no log at ",
        ),
        (
            &["identity", "show", "x", "--admin", "127.0.0.1:9"],
            "error: nobody listens at http://127.0.0.1:9",
        ),
        (
            &["sandbox", "both", "--port", "65535"],
            "error: there is no port after --port 65535",
        ),
    ];
    for (arguments, words) in cases {
        let failed = output(arguments);
        assert!(!failed.status.success(), "{arguments:?}");
        let error = text(&failed.stderr);
        assert!(error.contains(words), "{arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
        assert!(error.starts_with("error: "), "{error}");
        assert_eq!(text(&failed.stdout), "", "{arguments:?}");
    }
}

fn notification(id: &str) -> Vec<u8> {
    let body = json!({
        "type": "notification_event", "app_id": "abc123", "id": id,
        "topic": "contact.lead.created",
        "data": {"type": "notification_event_data", "item": {
            "type": "contact", "id": "65a1b2c3d4e5f60718293a4b", "role": "lead", "email": EMAIL,
            "updated_at": "2026-01-01T00:00:00.000+00:00",
        }},
    });
    serde_json::to_vec(&body).unwrap()
}

fn tail(config: &str, more: &[&str]) -> Vec<String> {
    let arguments = [
        "tail",
        "intercom.observed",
        "--config",
        config,
        "--no-follow",
    ];
    let shown = output(&[&arguments[..], more].concat());
    assert!(shown.status.success(), "{}", text(&shown.stderr));
    text(&shown.stdout).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn run_takes_webhooks_is_watched_and_ends_in_order() {
    let (folder, config) = folder();
    let arguments = [
        "run", "--config", &config, "--role", "ingest", "--role", "sink",
    ];
    let mut running = Running::start(&[&arguments[..], &["--print-addresses"]].concat());
    let addresses: Value = serde_json::from_str(&running.line()).unwrap();
    let webhooks = addresses["webhooks"].as_str().unwrap();
    let admin = addresses["admin"].as_str().unwrap();
    let client = Client::builder().no_proxy().build().unwrap();

    let head = client.request(Method::HEAD, webhooks).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    let bytes = notification("notif_1");
    for (signature, status) in [
        (sign(SECRET, &bytes), StatusCode::OK),
        (sign(SECRET, &bytes), StatusCode::OK),
        (sign("guess", &bytes), StatusCode::UNAUTHORIZED),
    ] {
        let post = client.post(webhooks).header("X-Hub-Signature", signature);
        assert_eq!(
            post.body(bytes.clone()).send().await.unwrap().status(),
            status
        );
    }

    ask_admin(&client, admin).await;
    tail_beside(&config, &bytes);
    let (success, logged) = running.end("-TERM");
    assert!(success, "{logged}");
    for line in logged.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    assert!(logged.contains("\"stopped\""), "{logged}");
    for hidden in [EMAIL, SECRET, "that-no-log-may-show"] {
        assert!(!logged.contains(hidden), "{hidden} is in: {logged}");
    }
    assert!(Path::new(&folder.path().join("data/log.db")).is_file());
}

async fn ask_admin(client: &Client, admin: &str) {
    for (path, status, words) in [
        ("/livez", StatusCode::OK, r#"{"live":true}"#),
        ("/readyz", StatusCode::OK, r#"{"ready":true}"#),
        (
            "/metrics",
            StatusCode::OK,
            "crosswalk_webhooks_total{outcome=\"accepted\"} 1",
        ),
        (
            "/metrics",
            StatusCode::OK,
            "crosswalk_webhooks_total{outcome=\"duplicate\"} 1",
        ),
        (
            "/metrics",
            StatusCode::OK,
            "crosswalk_webhooks_total{outcome=\"bad_signature\"} 1",
        ),
        (
            "/v1/digest",
            StatusCode::SERVICE_UNAVAILABLE,
            "the processor does not run",
        ),
        (
            "/v1/identity?query=x",
            StatusCode::SERVICE_UNAVAILABLE,
            "the processor does not run",
        ),
        ("/v1/nothing", StatusCode::NOT_FOUND, ""),
    ] {
        let answer = client.get(format!("{admin}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let body = answer.text().await.unwrap();
        assert!(body.contains(words), "{path}: {body}");
    }
    let asked = output(&["identity", "show", "x", "--admin", admin]);
    assert!(
        text(&asked.stderr).contains("refused: the processor does not run"),
        "{asked:?}"
    );
}

/// From another process, while the first one runs.
fn tail_beside(config: &str, bytes: &[u8]) {
    let lines = tail(config, &["--from-beginning"]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("support/contact/65a1b2c3d4e5f60718293a4b"),
        "{}",
        lines[0]
    );
    assert!(!lines[0].contains(EMAIL), "{}", lines[0]);
    let json = tail(config, &["--from-beginning", "--json"]);
    let entry: Value = serde_json::from_str(&json[0]).unwrap();
    assert_eq!(entry["topic"], "crosswalk.intercom.observed.v1");
    assert_eq!(entry["body"]["event"], "contact.lead.created");
    assert!(!json[0].contains(EMAIL), "{}", json[0]);
    let shown = tail(config, &["--from-beginning", "--json", "--show-personal"]);
    let entry: Value = serde_json::from_str(&shown[0]).unwrap();
    assert_eq!(entry["body"]["shown"]["fields"]["email"], EMAIL);
    assert_eq!(entry["body"]["raw"].as_str().unwrap().as_bytes(), bytes);
    assert_eq!(
        tail(config, &[]).len(),
        0,
        "without --from-beginning it begins at the end"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_view_answers_while_it_runs_and_is_rebuilt_when_it_does_not() {
    let (_folder, config) = folder();
    let mut running = Running::start(&["run", "--config", &config, "--print-addresses"]);
    let addresses: Value = serde_json::from_str(&running.line()).unwrap();
    let admin = addresses["admin"].as_str().unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let bytes = notification("notif_1");
    let post = client.post(addresses["webhooks"].as_str().unwrap());
    let post = post
        .header("X-Hub-Signature", sign(SECRET, &bytes))
        .body(bytes);
    assert_eq!(post.send().await.unwrap().status(), StatusCode::OK);

    let show = ["identity", "show", EMAIL, "--config", &config];
    let deadline = Instant::now() + Duration::from_secs(10);
    let shown = loop {
        let shown = output(&[&show[..], &["--admin", admin]].concat());
        let error = text(&shown.stderr);
        if shown.status.success() {
            break text(&shown.stdout);
        }
        assert_eq!(error, format!("error: no customer matches {EMAIL:?}\n"));
        assert_eq!(text(&shown.stdout), "");
        assert!(Instant::now() < deadline, "never there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let record = "support/contact/65a1b2c3d4e5f60718293a4b";
    assert!(shown.contains(record), "{shown}");
    let verify = ["verify", "--config", &config];
    let verified = output(&[&verify[..], &["--admin", admin]].concat());
    assert!(verified.status.success(), "{}", text(&verified.stderr));
    let verified = text(&verified.stdout);
    assert!(
        verified.starts_with("the view and its rebuild are equal: 0: "),
        "{verified}"
    );
    let stats = client
        .get(format!("{admin}/v1/stats"))
        .send()
        .await
        .unwrap();
    let stats: Value = stats.json().await.unwrap();
    assert_eq!(
        stats["partitions"]["0"]["events"]["customer_founded"], 1,
        "{stats}"
    );
    let (success, logged) = running.end("-TERM");
    assert!(success, "{logged}");
    assert!(!logged.contains(EMAIL), "{logged}");

    // The port of the configuration is left to chance, so nobody is asked.
    let rebuilt = output(&show);
    assert_eq!(text(&rebuilt.stdout), shown, "{}", text(&rebuilt.stderr));
    let nobody = output(&[
        "identity",
        "show",
        "nobody@kestrel.example",
        "--config",
        &config,
    ]);
    assert!(!nobody.status.success());
    assert_eq!(
        text(&nobody.stderr),
        "error: no customer matches \"nobody@kestrel.example\"\n"
    );
    assert_verify_alone(&config, admin);
}

/// Once the process at `admin` has ended.
fn assert_verify_alone(config: &str, admin: &str) {
    let verify = ["verify", "--config", config];
    let alone = output(&verify);
    assert!(alone.status.success(), "{}", text(&alone.stderr));
    let alone = text(&alone.stdout);
    let start = "nothing was compared: server.admin leaves the port to chance, so nobody was \
                 asked; the journal alone gives 0: ";
    assert!(alone.starts_with(start), "{alone}");
    let failed = output(&[&verify[..], &["--admin", admin]].concat());
    assert!(!failed.status.success());
    assert_eq!(text(&failed.stdout), "");
    let expected = format!("error: nobody listens at {admin}; nothing was compared\n");
    assert_eq!(text(&failed.stderr), expected);
}

#[test]
fn a_mapping_that_cannot_work_is_refused_with_its_place() {
    let (folder, config) = folder();
    let mapping = folder.path().join("mapping.yaml");
    let broken = MAPPING.replace("direction: to_salesforce", "direction: sideways");
    std::fs::write(&mapping, broken).unwrap();
    let failed = output(&["run", "--config", &config]);
    assert!(!failed.status.success());
    let error = text(&failed.stderr);
    let error = error.lines().last().unwrap();
    let start = format!("error: {}:", mapping.display());
    assert!(error.starts_with(&start), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let (_folder, config) = folder();
    let arguments = [
        "run",
        "--config",
        &config,
        "--role",
        "ingest",
        "--print-addresses",
    ];
    let mut running = Running::start(&arguments);
    let addresses: Value = serde_json::from_str(&running.line()).unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let mut acknowledged = 0;
    for number in 0..20 {
        let bytes = notification(&format!("notif_{number}"));
        let post = client.post(addresses["webhooks"].as_str().unwrap());
        let post = post
            .header("X-Hub-Signature", sign(SECRET, &bytes))
            .body(bytes);
        acknowledged += usize::from(post.send().await.unwrap().status() == StatusCode::OK);
    }
    assert_eq!(acknowledged, 20);
    let (success, _) = running.end("-KILL");
    assert!(!success);
    assert_eq!(tail(&config, &["--from-beginning"]).len(), acknowledged);
}

#[test]
fn without_a_wish_for_json_one_sentence_says_where() {
    let (_folder, config) = folder();
    let mut running = Running::start(&["run", "--config", &config, "--role", "ingest"]);
    let line = running.line();
    assert!(
        line.starts_with("crosswalk is ready: webhooks at http://127.0.0.1:"),
        "{line}"
    );
    assert!(
        line.contains("/webhooks/intercom, admin at http://127.0.0.1:"),
        "{line}"
    );
    let (success, logged) = running.end("-INT");
    assert!(success, "{logged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sandboxes_print_what_crosswalk_needs_to_know() {
    let mut running = Running::start(&["sandbox", "both", "--port", "0", "--control"]);
    let mut lines = vec![running.line()];
    while lines.last().unwrap() != "# running until Ctrl-C" {
        lines.push(running.line());
    }
    let client = Client::builder().no_proxy().build().unwrap();
    for name in [
        "SUPPORT__INTERCOM__BASE_URL",
        "SALES__SALESFORCE__LOGIN_URL",
    ] {
        let start = format!("export CROSSWALK__SOURCES__{name}=");
        let base = lines
            .iter()
            .find_map(|line| line.strip_prefix(&start))
            .unwrap();
        let state = client
            .get(format!("{base}/__sandbox/state"))
            .send()
            .await
            .unwrap();
        assert_eq!(state.status(), StatusCode::OK);
    }
    assert!(
        lines.iter().any(|line| line.starts_with("curl ")),
        "{lines:?}"
    );
    let (success, logged) = running.end("-INT");
    assert!(success, "{logged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sandboxes_with_tls_say_whom_to_trust() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.pem");
    let file = file.to_str().unwrap();
    let arguments = [
        "sandbox",
        "both",
        "--port",
        "0",
        "--control",
        "--tls",
        "--tls-cert",
        file,
    ];
    let mut running = Running::start(&arguments);
    let mut lines = vec![running.line()];
    while lines.last().unwrap() != "# running until Ctrl-C" {
        lines.push(running.line());
    }
    let told = |start: &str| {
        lines
            .iter()
            .find_map(|line| line.strip_prefix(start))
            .unwrap()
    };
    assert_eq!(told("export SSL_CERT_FILE="), file);
    assert!(
        told("export CROSSWALK__SOURCES__SALES__SALESFORCE__PUBSUB__ENDPOINT=")
            .starts_with("https://127.0.0.1:")
    );
    let pem = std::fs::read(file).unwrap();
    assert!(!text(&pem).contains("PRIVATE KEY"));
    let certificate = reqwest::Certificate::from_pem(&pem).unwrap();
    let client = Client::builder().no_proxy().tls_certs_only([certificate]);
    let client = client.build().unwrap();
    for name in [
        "SUPPORT__INTERCOM__BASE_URL",
        "SALES__SALESFORCE__LOGIN_URL",
    ] {
        let base = told(&format!("export CROSSWALK__SOURCES__{name}="));
        let state = client.get(format!("{base}/__sandbox/state")).send().await;
        assert_eq!(state.unwrap().status(), StatusCode::OK);
    }
    let (success, logged) = running.end("-INT");
    assert!(success, "{logged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_posts_again_when_it_is_told_to() {
    // Nobody listens at port 9.
    let hook = "http://127.0.0.1:9/webhooks/intercom";
    let mut running = Running::start(&[
        "sandbox",
        "intercom",
        "--port",
        "0",
        "--control",
        "--webhook-url",
        hook,
        "--webhook-retry-seconds",
        "0",
    ]);
    let start = "export CROSSWALK__SOURCES__SUPPORT__INTERCOM__BASE_URL=";
    let base = loop {
        if let Some(base) = running.line().strip_prefix(start) {
            break base.to_owned();
        }
    };
    let client = Client::builder().no_proxy().build().unwrap();
    let act = client.post(format!("{base}/__sandbox/act"));
    let act = act.json(&json!({"verb": "create_contact", "email": EMAIL}));
    assert_eq!(act.send().await.unwrap().status(), StatusCode::OK);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let url = format!("{base}/__sandbox/deliveries");
        let shown = client.get(url).send().await.unwrap();
        let shown = shown.text().await.unwrap();
        if shown.contains(r#""attempt":2"#) {
            break;
        }
        assert!(Instant::now() < deadline, "never again: {shown}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (success, logged) = running.end("-INT");
    assert!(success, "{logged}");
}
