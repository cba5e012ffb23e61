//! What the processor and a sink keep in memory while a backlog stands before them on real Kafka
//! (workload W4: six bridges in six partitions, bodies of 1.2 KB). `BACKLOG=5000000` is the full
//! count. Resident memory of each process at every tenth of its backlog.
//!
//! Needs brokers that `CROSSWALK_KAFKA_BOOTSTRAP` names (`make kafka-up`); says SKIPPED without.

#![allow(
    clippy::unwrap_used,
    reason = "a benchmark ends where what it stands on fails"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crosswalk::avro;
use crosswalk::config::Secret;
use crosswalk::domain::{self, BridgeId, CommandId, CommandKind, FieldWrite, Message};
use crosswalk::domain::{ObservationId, RecordRef, SourceId, Timestamp, Topic, Value};
use crosswalk::domain::{WriteCommand, WriteTarget};
use crosswalk::ingest::intercom::{Destination, Workspace, taken_up};
use crosswalk::log::kafka::topics::{Replication, create_missing};
use crosswalk::log::kafka::{KafkaLog, Options};
use crosswalk::log::topics::{Partitions, name};
use crosswalk::ports::event_log::{EventLog, Group};
use crosswalk::sandbox::intercom;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use serde_json::{Value as Json, json};

const BRIDGES: u32 = 6;
/// Of each bridge.
const PEOPLE: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a sink is watched: what it may ask of a workspace in a minute has an end.
const WATCHED: Duration = Duration::from_secs(180);

fn main() {
    let Ok(bootstrap) = std::env::var("CROSSWALK_KAFKA_BOOTSTRAP") else {
        println!("SKIPPED: CROSSWALK_KAFKA_BOOTSTRAP names no brokers; see make kafka-up");
        return;
    };
    let count = std::env::var("BACKLOG").map_or(200_000, |text| text.parse().unwrap());
    let options = Options {
        bootstrap,
        prefix: format!("bench{}.", std::process::id()),
        partitions: Partitions {
            bridges: BRIDGES,
            lanes: BRIDGES,
        },
        ..Options::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let one = Replication {
        copies: 1,
        in_sync_min: 1,
    };
    runtime.block_on(create_missing(&options, one)).unwrap();
    // It answers as long as it is held.
    let workspace = runtime.block_on(intercom::start(Default::default()));
    let workspace = workspace.unwrap();
    let base_url = workspace.base_url();
    let folder = tempfile::tempdir().unwrap();
    let config = installation(folder.path(), &options, &base_url);
    let log = KafkaLog::beside(options.clone()).unwrap();

    let only = std::env::var("ONLY").unwrap_or_default();
    if only != "sink" {
        observed(&options, count);
        println!("{count} observations of {BRIDGES} bridges with {PEOPLE} people each\n");
        watch("processor", &config, count, None, || {
            taken(&log, Group::Processor, &[Topic::IntercomObserved])
        });
    }
    drop(log);
    if only == "processor" {
        return;
    }

    // Commands alone, in topics of their own: the sink has nothing to do with the others.
    let options = Options {
        prefix: format!("bench{}sink.", std::process::id()),
        ..options
    };
    runtime.block_on(create_missing(&options, one)).unwrap();
    let config = installation(folder.path(), &options, &base_url);
    let log = KafkaLog::beside(options.clone()).unwrap();
    asked(&options, count);
    println!("\n{count} commands to one workspace\n");
    watch("sink", &config, count, Some(WATCHED), || {
        taken(&log, Group::IntercomSink, &[Topic::IntercomWrites])
    });
}

/// How far a group is.
fn taken(log: &KafkaLog, group: Group, topics: &[Topic]) -> usize {
    let of_partition = |partition| {
        let known = log.positions(group, partition).unwrap();
        topics
            .iter()
            .filter_map(move |topic| known.get(topic).copied())
            .sum::<u64>()
    };
    (0..BRIDGES).map(of_partition).sum::<u64>() as usize
}

fn producer(options: &Options) -> ThreadedProducer<DefaultProducerContext> {
    ClientConfig::new()
        .set("bootstrap.servers", &options.bootstrap)
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .create()
        .unwrap()
}

fn send(
    producer: &ThreadedProducer<DefaultProducerContext>,
    topic: &str,
    bridge: u32,
    message: &Message,
) {
    let (key, value) = (format!("bridge{bridge}"), avro::encode(message).unwrap());
    let mut record = BaseRecord::to(topic)
        .partition(bridge as i32)
        .key(&key)
        .payload(&value);
    while let Err((_, given)) = producer.send(record) {
        record = given;
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Notifications of people who change, one after the other.
fn observed(options: &Options, count: usize) {
    let workspaces: Vec<Workspace> = (0..BRIDGES)
        .map(|bridge| Workspace {
            source: SourceId::new(format!("support{bridge}")).unwrap(),
            app_id: format!("sandbox{bridge}"),
            client_secret: Secret::new("sandbox-client-secret"),
            bridges: vec![Destination {
                bridge: BridgeId::new(format!("bridge{bridge}")).unwrap(),
                partition: bridge,
            }],
        })
        .collect();
    let producer = producer(options);
    let topic = name(&options.prefix, Topic::IntercomObserved);
    for number in 0..count {
        let bridge = number as u32 % BRIDGES;
        let body = notification(bridge, number).to_string();
        let now = Timestamp(1_790_000_000_000 + number as i64);
        let entries = taken_up(&workspaces, body.as_bytes(), now).unwrap();
        send(
            &producer,
            &topic,
            bridge,
            entries[0].message.as_ref().unwrap(),
        );
    }
    producer.flush(PATIENCE).unwrap();
}

fn notification(bridge: u32, number: usize) -> Json {
    let at = 1_790_000_000 + number / 100;
    let person = number / BRIDGES as usize % PEOPLE;
    json!({
        "type": "notification_event", "app_id": format!("sandbox{bridge}"),
        "id": format!("notif_{number:032x}"), "topic": "contact.lead.updated",
        "created_at": at, "delivery_attempts": 1, "first_sent_at": at,
        "data": {"type": "notification_event_data", "item": {
            "type": "contact", "id": format!("{person:024x}"), "role": "lead",
            "email": format!("pat{person}@kestrel.example"), "name": format!("Pat N{number}"),
            "phone": format!("+1212{:07}", 2_000_000 + number % 7_900_000),
            "created_at": 1_780_000_000, "updated_at": at,
            "custom_attributes": {"job_title": format!("Title {number}"),
                "note": "word ".repeat(110)},
            "tags": {"type": "list", "data": []},
        }},
    })
}

/// Updates of contacts, which the workspace answers that it does not know.
fn asked(options: &Options, count: usize) {
    let producer = producer(options);
    let topic = name(&options.prefix, Topic::IntercomWrites);
    for number in 0..count {
        let bridge = number as u32 % BRIDGES;
        let id = BridgeId::new(format!("bridge{bridge}")).unwrap();
        let source = SourceId::new(format!("support{bridge}")).unwrap();
        let person = format!("{:024x}", number / BRIDGES as usize % PEOPLE);
        let record = RecordRef::new(&source, "contact", &person).unwrap();
        let now = Timestamp(1_790_000_000_000 + number as i64);
        let command = domain::Command {
            id: CommandId::requested_at(&id, number as u64),
            bridge: id,
            source,
            attempt: 1,
            requested_at: now,
            deadline: now.plus_ms(30_000),
            lane: record.to_string(),
            cause: ObservationId::from_bytes([7; 16]),
            caused_at: now,
            kind: CommandKind::Write(WriteCommand {
                target: WriteTarget::Record(record),
                sequence: number as u64,
                fields: vec![FieldWrite {
                    name: "custom_attributes.job_title".into(),
                    value: Value::text(format!("Title {number}")),
                    expect: Value::Null,
                }],
                auto_assign: false,
                read_first: false,
            }),
        };
        let message = Message::Command(Box::new(command));
        send(&producer, &topic, bridge, &message);
    }
    producer.flush(PATIENCE).unwrap();
}

fn installation(folder: &Path, options: &Options, base_url: &str) -> std::path::PathBuf {
    let (mut sources, mut bridges) = (json!({}), json!({}));
    for bridge in 0..BRIDGES {
        sources[format!("support{bridge}")] = json!({"intercom": {
            "app_id": format!("sandbox{bridge}"), "client_secret": "sandbox-client-secret",
            "access_token": "sandbox-access-token", "base_url": base_url,
        }});
        sources[format!("sales{bridge}")] = json!({"salesforce": {
            "login_url": "http://127.0.0.1:9", "client_id": "sandbox-client-id",
            "client_secret": "sandbox-client-secret",
            "client_token": format!("crosswalk-{bridge}"),
            "pubsub": {"endpoint": "http://127.0.0.1:9"},
        }});
        bridges[format!("bridge{bridge}")] = json!({
            "sources": [format!("support{bridge}"), format!("sales{bridge}")],
            "mapping": "mapping.yaml", "partition": bridge,
        });
    }
    let level = std::env::var("LEVEL").unwrap_or_else(|_| "error".to_owned());
    let config = json!({
        "server": {"webhooks": "127.0.0.1:0", "admin": "127.0.0.1:0"},
        "log": {"kafka": {
            "bootstrap": options.bootstrap, "prefix": options.prefix, "instance": "bench",
            "lane_partitions": BRIDGES,
        }},
        "partitions": BRIDGES, "view": {"path": format!("view-{}", options.prefix)},
        "sources": sources, "bridges": bridges, "logging": {"level": level},
    });
    let path = folder.join(format!("{}yaml", options.prefix));
    std::fs::write(&path, config.to_string()).unwrap();
    let mapping = include_str!("../src/bin/crosswalk/demo/mapping.yaml");
    std::fs::write(folder.join("mapping.yaml"), mapping).unwrap();
    path
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn status(&self, what: &str) -> f64 {
        let path = format!("/proc/{}/status", self.0.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let kb: f64 = line
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .parse()
            .unwrap();
        kb / 1_024.0
    }
}

/// Runs a role until it has taken its backlog, or for so long.
fn watch(
    role: &str,
    config: &Path,
    count: usize,
    longest: Option<Duration>,
    taken: impl Fn() -> usize,
) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_crosswalk"))
        .args(["run", "--print-addresses", "--role", role, "--config"])
        .arg(config)
        .env("MALLOC_ARENA_MAX", "2")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut line).unwrap();
    assert!(!line.is_empty(), "it ended before it said where it listens");
    let process = Process(child);
    println!("| {role}: taken | after, s | resident, MB | VmHWM, MB |\n|---|---|---|---|");
    let (began, mut next, mut said) = (Instant::now(), 0, Instant::now());
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let taken = taken();
        let due = match longest {
            Some(_) => said.elapsed() >= Duration::from_secs(20),
            None => taken >= next,
        };
        let is_over = taken >= count || longest.is_some_and(|longest| began.elapsed() > longest);
        if due || is_over {
            next = taken + count / 10;
            said = Instant::now();
            let (resident, peak) = (process.status("VmRSS:"), process.status("VmHWM:"));
            let after = began.elapsed().as_secs();
            println!("| {taken} | {after} | {resident:.1} | {peak:.1} |");
        }
        if is_over {
            return;
        }
    }
}
