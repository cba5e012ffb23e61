//! The people of a storm: who is there, and what they change.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crosswalk::sandbox::{intercom, salesforce};
use serde_json::{Value, json};

use crate::storm::child::Child;
use crate::storm::judge::Written;
use crate::storm::menu::Fault;

const MAPPING: &str = include_str!("../../../src/bin/crosswalk/demo/mapping.yaml");

/// A row of numbers that a seed gives: xorshift.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

/// One person, and what was said of them last.
#[derive(Default)]
pub struct Person {
    pub email: String,
    pub contact: String,
    pub lead: String,
    /// Only Intercom's people say it.
    pub last_name: String,
    /// Only sales people say it.
    pub title: Option<String>,
    /// Either says it; the newest wins.
    pub phone_here: Option<String>,
    pub phone_there: Option<String>,
}

/// Both systems, the folder of the installation, and who is there.
pub struct Stage {
    pub salesforce: salesforce::Handle,
    pub intercom: intercom::Handle,
    pub folder: PathBuf,
    pub people: Vec<Person>,
    pub written: Written,
    said: usize,
    app_id: String,
    config: Value,
    _kept: tempfile::TempDir,
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Ports of its own, the same after a restart.
fn server() -> Value {
    let (webhooks, admin) = (free_port(), free_port());
    json!({
        "webhooks": format!("127.0.0.1:{webhooks}"), "admin": format!("127.0.0.1:{admin}"),
    })
}

impl Stage {
    pub async fn new(people: usize) -> Self {
        Self::on(people, json!({"embedded": {"path": "log.db"}})).await
    }

    /// On this log.
    pub async fn on(people: usize, log: Value) -> Self {
        Self::named("sandbox1", people, log).await
    }

    /// The workspace has this code.
    async fn named(app_id: &str, people: usize, log: Value) -> Self {
        let salesforce = salesforce::start(Default::default()).await.unwrap();
        let options = intercom::Options {
            app_id: app_id.to_owned(),
            ..intercom::Options::default()
        };
        let intercom = intercom::start(options).await.unwrap();
        let mut kept = tempfile::tempdir().unwrap();
        let folder = kept.path().to_owned();
        // To look at it afterwards.
        kept.disable_cleanup(std::env::var("STORM_KEEP").is_ok());
        let config = json!({
            "server": server(), "log": log, "view": {"path": "view"},
            "sources": {
                "support": {"intercom": {
                    "app_id": app_id, "client_secret": "sandbox-client-secret",
                    "access_token": "sandbox-access-token", "base_url": intercom.base_url(),
                    "create_attributes": true,
                }},
                "sales": {"salesforce": {
                    "login_url": salesforce.base_url(), "client_id": "sandbox-client-id",
                    "client_secret": "sandbox-client-secret", "client_token": "crosswalk-main",
                    "pubsub": {"endpoint": salesforce.pubsub_url()},
                }},
            },
            "bridges": {"main": {"sources": ["support", "sales"], "mapping": "mapping.yaml"}},
            // What happens here within seconds takes people days.
            "processor": {"mass_change_percent_max": 100, "breaker_window_seconds": 1,
                "breaker_reversals_max": 16},
            "sink": {"request_timeout_seconds": 2, "retry_interval_max_ms": 2_000},
            "feeds": {
                "import_rows_per_second_max": 100_000, "owners_interval_seconds": 2,
                "liveness_seconds": 5, "sweep_interval_seconds": 5, "sweep_settle_seconds": 5,
                "sweep_overlap_seconds": 10,
            },
            "logging": {"level": "error"},
        });
        std::fs::write(folder.join("crosswalk.yaml"), config.to_string()).unwrap();
        std::fs::write(folder.join("mapping.yaml"), MAPPING).unwrap();
        let person = |number| Person {
            email: format!("pat{number}@kestrel.example"),
            last_name: format!("N{number}"),
            ..Person::default()
        };
        Self {
            salesforce,
            intercom,
            folder,
            people: (0..people).map(person).collect(),
            written: Written::default(),
            said: 0,
            app_id: app_id.to_owned(),
            config,
            _kept: kept,
        }
    }

    /// Several bridges of one installation, each with both systems of its own and in a partition
    /// of its own. The first one's folder is the installation's.
    pub async fn several(bridges: usize, people: usize, log: Value) -> Vec<Self> {
        let mut stages = Vec::new();
        for number in 0..bridges {
            let app_id = format!("sandbox{number}");
            stages.push(Self::named(&app_id, people, log.clone()).await);
        }
        let mut config = stages[0].config.clone();
        config["partitions"] = bridges.into();
        config["sources"] = json!({});
        config["bridges"] = json!({});
        for (number, stage) in stages.iter().enumerate() {
            let (support, sales) = (format!("support{number}"), format!("sales{number}"));
            config["sources"][&support] = stage.config["sources"]["support"].clone();
            config["sources"][&sales] = stage.config["sources"]["sales"].clone();
            config["bridges"][format!("bridge{number}")] = json!({
                "sources": [support, sales], "mapping": "mapping.yaml", "partition": number});
        }
        stages[0].config = config;
        stages
    }

    /// The configuration of one of several processes, by its name.
    pub fn configure(&self, name: &str) {
        let mut config = self.config.clone();
        config["server"] = server();
        config["view"]["path"] = format!("view-{name}").into();
        config["spool"]["path"] = format!("spool-{name}").into();
        config["log"]["kafka"]["instance"] = name.into();
        let path = self.folder.join(format!("{name}.yaml"));
        std::fs::write(path, config.to_string()).unwrap();
    }

    /// How many commands a walk asks for in a second from the next start on; None for the default.
    /// And nothing is hurried that an import waits for.
    pub fn pace_walks(&self, per_second: Option<u32>) {
        let mut config = self.config.clone();
        config["feeds"] = json!({"import_rows_per_second_max": 100_000,
            "owners_interval_seconds": 2});
        if let Some(most) = per_second {
            config["processor"]["walk_commands_per_second_max"] = most.into();
        }
        std::fs::write(self.folder.join("crosswalk.yaml"), config.to_string()).unwrap();
    }

    /// Everybody qualifies, and has a Lead.
    pub async fn gather(&mut self, child: &mut Child) {
        let webhooks = child.webhooks.clone();
        self.intercom.set_webhook_url(webhooks).await.unwrap();
        for person in &mut self.people {
            let act = json!({"verb": "create_contact", "role": "lead", "email": person.email,
                "name": format!("Pat {}", person.last_name)});
            let made = self.intercom.act(act).unwrap();
            person.contact = made["id"].as_str().unwrap().to_owned();
            let tag = json!({"verb": "tag", "contact_id": person.contact, "name": "qualified"});
            self.intercom.act(tag).unwrap();
        }
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let leads = self.leads();
            if leads.len() == self.people.len() {
                for person in &mut self.people {
                    let key = format!("{}:{}", self.app_id, person.contact);
                    let own = |row: &&Value| row["Intercom_Contact_ID__c"] == key.as_str();
                    let lead = leads.values().find(own).unwrap();
                    person.lead = lead["Id"].as_str().unwrap().to_owned();
                }
                return;
            }
            assert!(Instant::now() < deadline, "{} leads", leads.len());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Those that are there, by id.
    pub fn leads(&self) -> BTreeMap<String, Value> {
        let state = self.salesforce.state();
        let rows = state["records"]["Lead"].as_array().cloned();
        let rows = rows.unwrap_or_default().into_iter();
        let live = rows.filter(|row| row["IsDeleted"] != Value::Bool(true));
        live.map(|row| (row["Id"].as_str().unwrap().to_owned(), row))
            .collect()
    }

    pub fn contacts(&self) -> BTreeMap<String, Value> {
        let state = self.intercom.state();
        let all = state["contacts"].as_array().cloned().unwrap_or_default();
        all.into_iter()
            .map(|one| (one["id"].as_str().unwrap().to_owned(), one))
            .collect()
    }

    pub fn suffers(&self, fault: &Fault) {
        match fault {
            Fault::Salesforce(rule) => self.salesforce.add_fault(rule.clone()).unwrap(),
            Fault::Intercom(rule) => self.intercom.add_fault(rule.clone()).unwrap(),
            Fault::Stream(..) => {}
        }
    }

    /// Faults of the stream strike now and then.
    pub fn hazards(&self, faults: &[Fault], change: usize) {
        for (place, fault) in faults.iter().enumerate() {
            if let Fault::Stream(act, each) = fault
                && change % each == 17 * (place % 20)
            {
                self.salesforce.act(act.clone()).unwrap();
            }
        }
    }

    /// Nothing goes wrong any more.
    pub fn is_calm(&self) {
        self.salesforce.clear_faults();
        self.intercom.clear_faults();
        let none = json!({"verb": "pubsub_fault", "kind": "none"});
        self.salesforce.act(none).unwrap();
    }

    /// Whatever is said is said once.
    pub fn somebody_acts(&mut self, chance: &mut Chance) {
        self.said += 1;
        let said = self.said;
        let place = chance.below(self.people.len());
        let person = &mut self.people[place];
        let phone = || format!("+1212{:07}", 2_000_000 + said % 7_900_000);
        let here = |set: Value| {
            let act = json!({"verb": "update_contact", "id": person.contact, "set": set});
            self.intercom.act(act).unwrap();
        };
        let there = |fields: Value| {
            let act = json!({"verb": "update", "id": person.lead, "fields": fields});
            self.salesforce.act(act).unwrap();
        };
        match chance.below(10) {
            0..4 => {
                let last_name = format!("N{place}x{said}");
                here(json!({"name": format!("Pat {last_name}")}));
                person.last_name = last_name;
            }
            4..8 => {
                let title = format!("Title {said}");
                there(json!({"Title": title}));
                person.title = Some(title);
            }
            8 => {
                here(json!({"phone": phone()}));
                person.phone_here = Some(phone());
            }
            _ => {
                there(json!({"Phone": phone()}));
                person.phone_there = Some(phone());
            }
        }
    }

    /// Keeps what was written so far; the sandboxes' own logs have an end.
    pub fn take_down(&mut self) {
        self.written.take(&self.salesforce, &self.intercom);
    }
}
