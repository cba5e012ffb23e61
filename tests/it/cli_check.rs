//! `crosswalk check` against both sandboxes: what is missing is named in words with the fix.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crosswalk::sandbox::{intercom, salesforce};
use serde_json::{Value, json};
use tempfile::TempDir;

const PAGE: &str = include_str!("../../docs/mapping.md");
const TOKEN: &str = "sandbox-access-token";
const SECRET: &str = "sandbox-client-secret";

/// Both systems, the change events, and the files of one installation.
struct Stage {
    salesforce: salesforce::Handle,
    intercom: intercom::Handle,
    folder: TempDir,
    config: String,
    mapping: String,
}

impl Stage {
    async fn new() -> Self {
        Self::with(salesforce::Options::default()).await
    }

    async fn with(options: salesforce::Options) -> Self {
        let salesforce = salesforce::start(options).await.unwrap();
        let intercom = intercom::start(Default::default()).await.unwrap();
        let config = format!(
            "sources:\n  support:\n    intercom:\n      app_id: sandbox1\n      \
             client_secret: {SECRET}\n      access_token: {TOKEN}\n      base_url: {}\n  \
             sales:\n    salesforce:\n      login_url: {}\n      \
             client_id: sandbox-client-id\n      client_secret: {SECRET}\n      \
             client_token: crosswalk-main\n      pubsub: {{ endpoint: \"{}\" }}\n\
             bridges:\n  main: {{ sources: [support, sales], mapping: mapping.yaml }}\n",
            intercom.base_url(),
            salesforce.base_url(),
            salesforce.pubsub_url(),
        );
        let (_, rest) = PAGE.split_once("```yaml\n").unwrap();
        let mapping = rest.split_once("```").unwrap().0.to_owned();
        for name in ["account_support_tier", "of_a_company"] {
            let act = json!({"verb": "define_attribute", "model": "company", "name": name,
                "data_type": "string"});
            intercom.act(act).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        Self {
            salesforce,
            intercom,
            folder,
            config,
            mapping,
        }
    }

    fn check(&self, more: &[&str]) -> Output {
        let config: PathBuf = self.folder.path().join("crosswalk.yaml");
        std::fs::write(&config, &self.config).unwrap();
        std::fs::write(self.folder.path().join("mapping.yaml"), &self.mapping).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_crosswalk"));
        command.arg("check").arg("--config").arg(config);
        let output = command.args(more).stdin(Stdio::null()).output().unwrap();
        for hidden in [TOKEN, SECRET, "sandbox-client-id"] {
            let shown = format!("{output:?}");
            assert!(!shown.contains(hidden), "{hidden} is in {shown}");
        }
        output
    }

    /// Checks, and finds a line that says `words` is missing; one line each.
    fn lacks(&self, expected: &[&str]) {
        let output = self.check(&[]);
        let shown = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{shown}");
        let missing: Vec<&str> = shown
            .lines()
            .filter(|line| line.starts_with("missing"))
            .collect();
        assert_eq!(missing.len(), expected.len(), "{shown}");
        for (line, words) in missing.iter().zip(expected) {
            assert!(line.contains(words), "{words} is not in: {line}");
            let parts: Vec<&str> = line.split("  ").filter(|part| !part.is_empty()).collect();
            assert_eq!(parts.len(), 3, "it says what and what to do: {line}");
        }
    }

    fn act(&self, act: Value) {
        self.salesforce.act(act).unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Whoever begins with the shipped mapping and the sandboxes finds that they fit.
#[tokio::test(flavor = "multi_thread")]
async fn the_default_mapping_fits_the_sandboxes() {
    let mut stage = Stage::new().await;
    stage.mapping = include_str!("../../src/mapping/default.yaml").to_owned();
    let token = format!("access_token: {TOKEN}\n");
    let creates = format!("{token}      create_attributes: true\n");
    stage.config = stage.config.replace(&token, &creates);
    let output = stage.check(&[]);
    assert!(output.status.success(), "{}", text(&output.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_everything_there_the_check_says_so_and_succeeds() {
    let stage = Stage::new().await;
    let output = stage.check(&[]);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{shown}");
    for words in [
        "mapping.yaml can be used, version 1",
        "support: the token works, workspace sandbox1, API version 2.14",
        "custom attributes are there",
        "sales: the login with client credentials works, org 00D5g00000SandbEAB, user 0055g0",
        "sales: API version 66.0 is served",
        "API requests remain of 24 hours",
        "sales: Lead can be created, changed and read",
        "sales: Contact can be changed and read",
        "sales: /data/ChangeEvents can be subscribed to",
        "contact.lead.signed_up",
        "selected: Account, Contact, Lead",
        " 0 missing, ",
    ] {
        assert!(shown.contains(words), "{words} is not in: {shown}");
    }
    let output = stage.check(&["--json"]);
    assert!(output.status.success());
    let whole: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(whole["missing"], 0);
    let lines = whole["lines"].as_array().unwrap();
    let ok = lines.iter().filter(|line| line["state"] == "ok").count();
    assert_eq!(whole["ok"], ok);
    let writes = stage.salesforce.request_log().into_iter();
    let writes = writes.filter(|entry| entry.method != "GET" && !entry.path.contains("oauth2"));
    assert_eq!(writes.count(), 0, "a check writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_org_lacks_is_named_with_its_fix() {
    let stage = Stage::new().await;
    let field =
        |verb: &str, on: &str, name: &str| json!({"verb": verb, "object": on, "field": name});
    stage.act(field("remove_field", "Lead", "Company_Size__c"));
    stage.lacks(&["Lead.Company_Size__c is not there"]);
    stage.act(json!({"verb": "restore_access"}));
    stage.act(field("hide_field", "Contact", "Phone"));
    stage.lacks(&["Contact.Phone is not there, or the integration user may not read it"]);
    stage.act(json!({"verb": "restore_access"}));
    let mut read_only = field("hide_field", "Contact", "Title");
    read_only["rights"] = json!("read");
    stage.act(read_only);
    stage.lacks(&["Contact.Title cannot be changed by the integration user"]);
    stage.act(json!({"verb": "restore_access"}));
    stage.act(json!({"verb": "revoke_object", "object": "Contact"}));
    stage.lacks(&["Contact is not there"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_mapping_writes_and_the_picklist_lacks_is_named() {
    let mut stage = Stage::new().await;
    stage.mapping = stage.mapping.replace("gold: Gold,", "gold: Golden,");
    stage.lacks(&["Contact.Support_Tier__c has no picklist value \"Golden\""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_workspace_lacks_is_named_with_its_fix() {
    let mut stage = Stage::new().await;
    let whole = stage.mapping.clone();
    stage.mapping = whole.replace("attributes.job_title", "attributes.shoe_size");
    stage.lacks(&["custom attribute shoe_size of a contact is not there"]);
    stage.mapping = whole.replace("attributes.job_title", "attributes.of_a_company");
    stage.lacks(&[
        "Intercom takes a name once, and the other kind of record has it: map another name",
    ]);
    stage.mapping = whole;
    let config = stage.config.clone();
    stage.config = config.replace("app_id: sandbox1", "app_id: other1");
    stage.lacks(&["the token is of workspace sandbox1, app_id says other1"]);
    stage.config = config.replace(TOKEN, "a-guess");
    stage.lacks(&["status 401, unauthorized  copy the access token of the app again"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_and_hosts_that_do_not_answer_are_named() {
    let mut stage = Stage::new().await;
    let config = stage.config.clone();
    let nobody = "http://127.0.0.1:9";
    stage.config = config
        .replace(
            "client_token: crosswalk-main",
            "client_token: crosswalk-main\n      api_version: \"99.0\"",
        )
        .replace(
            "app_id: sandbox1",
            "app_id: sandbox1\n      api_version: \"9.99\"",
        );
    stage.lacks(&[
        "support: API version 9.99 is not served",
        "sales: API version 99.0 is not served",
    ]);
    stage.config = config.replace(&stage.salesforce.base_url(), nobody);
    stage.lacks(&["failed: not_sent  check login_url, and that this machine reaches it"]);
    stage.config = config.replace(&stage.intercom.base_url(), nobody);
    stage.lacks(&["no connection  check base_url"]);
    let (start, rest) = config.split_once("endpoint: \"").unwrap();
    let (_, end) = rest.split_once('"').unwrap();
    stage.config = format!("{start}endpoint: \"{nobody}\"{end}");
    stage.lacks(&["/data/ChangeEvents cannot be subscribed to: "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_without_approval_says_who_has_to_approve() {
    let made = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let options = salesforce::Options {
        jwt_public_key: Some(made.public_key_pem()),
        switches: salesforce::Switches {
            jwt_user_approved: false,
            ..Default::default()
        },
        ..Default::default()
    };
    let mut stage = Stage::with(options).await;
    let key = stage.folder.path().join("server.key");
    std::fs::write(&key, made.serialize_pem()).unwrap();
    let users = stage.salesforce.state();
    let user = users["records"]["User"].as_array().cloned();
    let user = user.unwrap_or_default().into_iter();
    let name = user
        .filter(|user| user["Id"] == "0055g00000CrossAAB")
        .find_map(|user| user["Username"].as_str().map(str::to_owned))
        .unwrap();
    let (start, rest) = stage
        .config
        .split_once("client_id: sandbox-client-id\n")
        .unwrap();
    let (_, end) = rest
        .split_once(&format!("client_secret: {SECRET}\n"))
        .unwrap();
    stage.config = format!(
        "{start}client_id: sandbox-client-id\n      oauth:\n        grant: jwt_bearer\n        \
         username: {name}\n        private_key: {{ file: server.key }}\n{end}"
    );
    stage.lacks(&["failed: invalid_grant  the integration user has not approved the app"]);
    stage
        .salesforce
        .set_switches(json!({"jwt_user_approved": true}))
        .unwrap();
    let output = stage.check(&[]);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("the login with a key (JWT bearer) works"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_address_must_answer_head() {
    let stage = Stage::new().await;
    let url = format!("{}/webhooks/intercom", stage.salesforce.base_url());
    for (url, words) in [
        (url.as_str(), "the webhook address answers HEAD with status"),
        ("http://127.0.0.1:9/", "the webhook address does not answer"),
    ] {
        let output = stage.check(&["--webhook-url", url]);
        let shown = text(&output.stdout);
        assert!(!output.status.success() && shown.contains(words), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_nobody_is_asked_and_every_finding_is_shown() {
    let mut stage = Stage::new().await;
    let asked =
        |stage: &Stage| stage.salesforce.request_log().len() + stage.intercom.request_log().len();
    let output = stage.check(&["--offline"]);
    assert!(output.status.success(), "{}", text(&output.stdout));
    assert_eq!(asked(&stage), 0);
    stage.mapping = stage
        .mapping
        .replace("conflict: newest_wins", "conflict: nobody_wins")
        .replace("region: US", "region: XX");
    let output = stage.check(&["--offline"]);
    let shown = text(&output.stdout);
    assert!(!output.status.success(), "{shown}");
    for words in ["nobody_wins", "XX", "2 missing"] {
        assert!(shown.contains(words), "{words} is not in: {shown}");
    }
    assert_eq!(text(&output.stderr), "error: 2 things are missing\n");
    stage.config = stage.config.replace("[support, sales]", "[support, salez]");
    let output = stage.check(&[]);
    let shown = text(&output.stdout);
    assert!(shown.contains("did you mean \"sales\"?"), "{shown}");
    assert_eq!(asked(&stage), 0);
}
