//! A schema registry that speaks Confluent's API, as Confluent's own, Karapace, and Apicurio under
//! `/apis/ccompat/v7`: a schema has an id there, which stands before what was written with it.
//!
//! A topic's subject is `TOPIC-value`. Ids never change, so what was told once is kept; a registry
//! that goes away later is missed only for ids that are new.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use reqwest::{Certificate, Client};
use schema_registry_converter::async_impl::schema_registry::{
    SrSettings, get_schema_by_id, perform_sr_call, post_schema,
};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{SchemaType, SrCall, SuppliedSchema};
use serde_json::json;

use crate::avro;
use crate::domain::Topic;

/// After how long an id that the registry did not know is asked for again.
const UNKNOWN_FOR: Duration = Duration::from_secs(30);

/// Where the registry is and how it is spoken to.
#[derive(Clone)]
pub struct Settings {
    /// Asked in this order until one answers.
    pub urls: Vec<String>,
    /// User name and password of HTTP's basic authentication.
    pub user: Option<(String, String)>,
    /// Certificates that are trusted besides the machine's, PEM.
    pub ca_file: Option<PathBuf>,
    /// Whether schemas that it does not know are registered.
    pub registers: bool,
    /// How long one call may take.
    pub timeout: Duration,
}

/// Passwords are not shown.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("urls", &self.urls)
            .field("registers", &self.registers)
            .finish_non_exhaustive()
    }
}

/// What an id leads to.
#[derive(Clone, Copy)]
enum Found {
    /// A schema with this CRC-64-AVRO fingerprint.
    Schema(u64),
    /// Nothing, or no Avro schema, when it was asked for.
    Nothing(Instant),
}

pub struct Registry {
    settings: Settings,
    calls: SrSettings,
    /// Of today's schemas.
    ids: Mutex<BTreeMap<Topic, u32>>,
    found: Mutex<BTreeMap<u32, Found>>,
}

impl Registry {
    /// Asks for nothing yet.
    pub fn open(settings: Settings) -> Result<Self, String> {
        let (first, more) = settings.urls.split_first().ok_or("it has no url")?;
        let mut calls = SrSettings::new_builder(first.clone());
        for url in more {
            calls.add_url(url.clone());
        }
        if let Some((user, password)) = &settings.user {
            calls.set_basic_authorization(user, Some(password));
        }
        calls.set_timeout(settings.timeout);
        // Each call has a runtime of its own, which a kept connection would not outlive.
        let mut client = Client::builder().pool_max_idle_per_host(0);
        if let Some(file) = &settings.ca_file {
            let named = |why: String| format!("{}: {why}", file.display());
            let pem = std::fs::read(file).map_err(|error| named(error.to_string()))?;
            let trusted = Certificate::from_pem_bundle(&pem).ok();
            let trusted = trusted.filter(|list| !list.is_empty());
            let trusted = trusted.ok_or_else(|| named("it holds no certificate".to_owned()))?;
            client = client.tls_certs_merge(trusted);
        }
        let calls = calls.build_with(client).map_err(|error| said(&error))?;
        Ok(Self {
            settings,
            calls,
            ids: Mutex::default(),
            found: Mutex::default(),
        })
    }

    /// The id of today's schema of a topic, which is registered where it may be.
    pub fn id(&self, topic: Topic, name: &str) -> Result<u32, String> {
        // The lock is not held over a call.
        let known = locked(&self.ids).get(&topic).copied();
        if let Some(id) = known {
            return Ok(id);
        }
        let id = match self.settings.registers {
            true => self.register(topic, name)?,
            false => self.lookup(topic, name)?.ok_or_else(|| {
                format!(
                    "{} does not know today's schema of {name}-value: crosswalk topics apply \
                     registers it, and so does log.kafka.registry.register: true",
                    self.name()
                )
            })?,
        };
        self.learn(topic, id);
        Ok(id)
    }

    /// Registers today's schema of a topic. Told twice it has one id.
    pub fn register(&self, topic: Topic, name: &str) -> Result<u32, String> {
        let text = avro::schema(topic).to_string();
        let schema = SuppliedSchema::new(None, SchemaType::Avro, text);
        let subject = format!("{name}-value");
        let posted = self.call(post_schema(&self.calls, subject, schema));
        let posted = posted.map_err(|error| {
            format!(
                "{} does not take today's schema of {name}-value: {}",
                self.name(),
                said(&error)
            )
        })?;
        Ok(posted.id)
    }

    /// The id of today's schema of a topic, if it is registered.
    pub fn lookup(&self, topic: Topic, name: &str) -> Result<Option<u32>, String> {
        let text = avro::schema(topic).to_string();
        let body = json!({"schema": text, "schemaType": "AVRO"}).to_string();
        let subject = format!("{name}-value");
        let asked = perform_sr_call(&self.calls, SrCall::PostForVersion(&subject, &body));
        match self.call(asked) {
            Ok(found) => Ok(found.id),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(format!("{} does not answer: {}", self.name(), said(&error))),
        }
    }

    /// The fingerprint of the schema that has an id; none where the registry has none. The error is
    /// that nobody can tell now.
    pub fn fingerprint(&self, id: u32) -> Result<Option<u64>, String> {
        let known = locked(&self.found).get(&id).copied();
        match known {
            Some(Found::Schema(fingerprint)) => return Ok(Some(fingerprint)),
            Some(Found::Nothing(asked)) if asked.elapsed() < UNKNOWN_FOR => return Ok(None),
            _ => {}
        }
        let found = match self.call(get_schema_by_id(id, &self.calls)) {
            Ok(schema) => avro::fingerprint(&schema.schema),
            Err(error) if is_not_found(&error) => None,
            Err(error) => {
                let why = said(&error);
                return Err(format!("{} does not tell schema {id}: {why}", self.name()));
            }
        };
        let entry = found.map_or_else(|| Found::Nothing(Instant::now()), Found::Schema);
        locked(&self.found).insert(id, entry);
        Ok(found)
    }

    fn learn(&self, topic: Topic, id: u32) {
        locked(&self.ids).insert(topic, id);
        if let Some(fingerprint) = avro::fingerprint(&avro::schema(topic).to_string()) {
            locked(&self.found).insert(id, Found::Schema(fingerprint));
        }
    }

    fn name(&self) -> String {
        format!("the schema registry at {}", self.settings.urls.join(", "))
    }

    /// The log's calls block, from threads with a runtime and without: this one has its own.
    fn call<T: Send>(&self, call: impl Future<Output = T> + Send) -> T {
        std::thread::scope(|scope| {
            let called = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                runtime.expect("a runtime can be made").block_on(call)
            });
            called.join().expect("the client does not panic")
        })
    }
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().expect("no holder of this lock panics")
}

fn is_not_found(error: &SRCError) -> bool {
    error.error.contains("status 404")
}

fn said(error: &SRCError) -> String {
    match &error.cause {
        Some(cause) => format!("{}: {cause}", error.error),
        None => error.error.clone(),
    }
}
