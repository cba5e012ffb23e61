//! Real Kafka brokers for tests: those that CROSSWALK_KAFKA_BOOTSTRAP names. `make test` starts one
//! where Java and Maven are there.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crosswalk::domain::Topic;
use crosswalk::log::kafka::Options;
use crosswalk::log::kafka::topics::{Replication, create_missing};
use crosswalk::log::topics::Partitions;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

/// The brokers. None, said loudly, where there are none; in CI their absence is a failure.
pub fn bootstrap() -> Option<String> {
    static TOLD: Once = Once::new();
    named("CROSSWALK_KAFKA_BOOTSTRAP", "brokers", &TOLD)
}

/// The base of the registry's API, in the same way.
pub fn registry() -> Option<String> {
    static TOLD: Once = Once::new();
    named("CROSSWALK_REGISTRY_URL", "schema registry", &TOLD)
}

fn named(variable: &str, what: &str, told: &'static Once) -> Option<String> {
    let named = std::env::var(variable).ok();
    if let Some(named) = named.filter(|text| !text.is_empty()) {
        return Some(named);
    }
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!ci, "{variable} names no {what}: see `make kafka-up`");
    told.call_once(|| {
        let line = format!(
            "\nSKIPPED real Kafka: {variable} names no {what}; `make test` starts one where \
             Java 17 and Maven are there\n"
        );
        let _ = std::io::stderr().write_all(line.as_bytes());
    });
    None
}

/// A prefix of topics that no other test has, on brokers that others use too.
pub fn fresh_prefix() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let now = std::time::SystemTime::now();
    let now = now
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    format!("t{now}-{process}-{next}.")
}

/// Removes what stands below an offset, as retention does.
pub async fn remove_below(bootstrap: &str, topic: &str, offset: i64) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    let client: AdminClient<DefaultClientContext> = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(offset))
        .unwrap();
    let wait = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
    client.delete_records(&list, &wait).await.unwrap();
}

/// Makes the topics of a prefix.
pub fn create_topics(bootstrap: &str, prefix: &str, partitions: Partitions) {
    let options = Options {
        bootstrap: bootstrap.to_owned(),
        prefix: prefix.to_owned(),
        partitions,
        timeout: Duration::from_secs(20),
        ..Options::default()
    };
    let replication = Replication {
        copies: 1,
        in_sync_min: 1,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let created = runtime
        .unwrap()
        .block_on(create_missing(&options, replication));
    assert_eq!(created.unwrap().len(), Topic::ALL.len());
}

/// A broker of a test's own, which may be frozen, or killed and started again.
pub struct Own {
    pub address: String,
    process: String,
    folder: tempfile::TempDir,
}

impl Own {
    /// None where the tests have no brokers at all.
    pub fn start() -> Option<Self> {
        bootstrap()?;
        let folder = tempfile::tempdir().unwrap();
        let (address, process) = started(folder.path());
        Some(Self {
            address,
            process,
            folder,
        })
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process]).status();
        assert!(sent.unwrap().success());
    }

    /// Kills it and starts it with what it had on its disk, at the same address.
    pub fn restart(&mut self) {
        self.signal("-KILL");
        let process = Path::new("/proc").join(&self.process);
        while process.exists() {
            std::thread::sleep(Duration::from_millis(50));
        }
        (self.address, self.process) = started(self.folder.path());
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", &self.process]).status();
    }
}

fn started(folder: &Path) -> (String, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/kafka");
    let started = Command::new(script)
        .arg("own")
        .arg(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    assert!(started.status.success(), "{}", said(&started.stderr));
    let process = std::fs::read_to_string(folder.join("pid")).unwrap();
    (said(&started.stdout), process.trim().to_owned())
}
