//! Do clients that others published understand the sandboxes? They share no code with us, so they
//! judge the sandboxes, which judge crosswalk. `tests/clients/DEVIATIONS.md` lists what differs.

pub mod analyst;
mod intercom;
mod jsforce;
mod pubsub;
mod script;
mod simple_salesforce;

use crosswalk::sandbox::{Tls, salesforce};
use serde_json::{Value, json};
use tempfile::TempDir;

use script::{Installed, Language, Script};

/// An org with TLS, and the file with its certificate.
struct Org {
    handle: salesforce::Handle,
    folder: TempDir,
    installed: Installed,
}

impl Org {
    /// `None` where the clients are not installed.
    async fn start(language: Language) -> Option<Self> {
        let installed = Installed::find(language)?;
        let tls = Tls::self_signed().unwrap();
        let folder = certificate(&tls);
        let options = salesforce::Options {
            tls: Some(tls),
            ..Default::default()
        };
        let handle = salesforce::start(options).await.unwrap();
        Some(Self {
            handle,
            folder,
            installed,
        })
    }

    fn run(&self, name: &str, more: &[(&str, &str)]) -> Script {
        let mut command = self.installed.command(name, self.folder.path());
        let options = salesforce::Options::default();
        command
            .env("SALESFORCE_URL", self.handle.base_url())
            .env("CLIENT_ID", options.client_id)
            .env("CLIENT_SECRET", options.client_secret)
            .envs(more.iter().copied());
        Script::start(command)
    }

    /// A person's act; answers the record's id.
    fn act(&self, act: Value) -> String {
        let answer = self.handle.act(act).unwrap();
        answer["id"].as_str().unwrap_or_default().to_owned()
    }

    /// One more than one page of a query.
    fn fill(&self) {
        for number in 0..2_001 {
            let fields = json!({"LastName": format!("Person {number:04}")});
            self.act(json!({"verb": "create", "object": "Contact", "fields": fields}));
        }
    }

    /// What was asked, as `METHOD /path status`, without the API's prefix.
    fn asked(&self) -> Vec<String> {
        let entries = self.handle.request_log().into_iter();
        let line = |entry: crosswalk::sandbox::request_log::Entry| {
            let path = entry.path.replace("/services/data/v66.0", "");
            format!("{} {path} {}", entry.method, entry.status)
        };
        entries.map(line).collect()
    }
}

/// A folder with `certificate.pem`.
fn certificate(tls: &Tls) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("certificate.pem"), tls.certificate_pem()).unwrap();
    folder
}

/// The report of one step.
fn step<'a>(reports: &'a [Value], name: &str) -> &'a Value {
    let found = reports.iter().find(|report| report["step"] == name);
    found.unwrap_or_else(|| panic!("no step {name} in {reports:?}"))
}
