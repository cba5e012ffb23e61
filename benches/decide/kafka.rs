//! `KAFKA=1`: what the processor takes of the machine on real Kafka, beside the sum of its named
//! parts, each alone on the same bytes; then a rebuild from the journal that it wrote.
//!
//! The mix is played once in memory, which is what deciding and evolving take; once through the
//! topics, as the driver does it; and once for each other part. CPU is that of all threads of this
//! process: the brokers share the machine.

mod copy;
mod rebuild;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crosswalk::avro;
use crosswalk::domain::{Message, Topic};
use crosswalk::log::kafka::topics::{Replication, create_missing};
use crosswalk::log::kafka::{KafkaLog, Options};
use crosswalk::ports::event_log::{Commit, EntryBody, EventLog, Group, Outgoing, Place};
use crosswalk::ports::event_log::{ReadFrom, ReadLimit, TopicPartition};
use crosswalk::processor::step::{Mappings, Settings, step};
use crosswalk::processor::view::View;
use crosswalk::store::{self, SledStore};

use crate::PER_ROUND;
use crate::world::{self, Batch, World};

const LIMIT: ReadLimit = ReadLimit {
    entries_max: 500,
    bytes_max: 8 << 20,
};

/// What all threads of this process have had of the processors.
pub fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let of_task = |path: std::path::PathBuf| -> Option<u64> {
        let told = std::fs::read_to_string(path.join("schedstat")).ok()?;
        told.split_whitespace().next()?.parse().ok()
    };
    Duration::from_nanos(tasks.filter_map(|task| of_task(task.path())).sum())
}

pub fn run(people: usize, rounds: usize) {
    let Ok(bootstrap) = std::env::var("CROSSWALK_KAFKA_BOOTSTRAP") else {
        println!("SKIPPED: CROSSWALK_KAFKA_BOOTSTRAP names no brokers; see make kafka-up");
        return;
    };
    let prefix = format!("bench{}.", std::process::id());
    let options = Options {
        bootstrap,
        prefix,
        ..Options::default()
    };
    let one = Replication {
        copies: 1,
        in_sync_min: 1,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(create_missing(&options, one)).unwrap();
    drop(runtime);

    let mut world = World::taped(people);
    let settings = world.settings.clone();
    world.link_everybody();
    let linked = world.tape.as_ref().unwrap().len();
    for _ in 0..rounds {
        let classes = world.classes(10 * PER_ROUND);
        world.round(&classes);
    }
    let tape = world.tape.take().unwrap();
    drop(world);
    let (before, mix) = tape.split_at(linked);
    let count: usize = mix.iter().map(|batch| batch.entries.len()).sum();
    let outputs: usize = mix.iter().map(|batch| batch.outputs.len()).sum();
    println!(
        "{count} observations and answers in {} commits, {outputs} outputs",
        mix.len()
    );

    let log: Arc<dyn EventLog> = Arc::new(KafkaLog::open(options.clone()).unwrap());
    let whole = through(&log, &settings, before, mix);
    let decided = Duration::from_nanos(mix.iter().map(|batch| batch.cpu_ns).sum());
    let coded = codec(mix);
    let stored = checkpoints(before, mix);
    let copied = copy::copy(&options, mix);
    let parts = [
        ("librdkafka, transactional consume and produce", copied),
        ("codec, decode and encode", coded),
        ("decide and evolve", decided),
        ("sled, apply and checkpoint", stored),
    ];
    compare("the processor on Kafka", whole, &parts, count);
    rebuild::rebuild(&options, &log);
}

/// Says what each part took of the processors for a million, and how the whole stands to their sum.
fn compare(what: &str, whole: Duration, parts: &[(&str, Duration)], count: usize) {
    let say = |what: &str, took: Duration| {
        let each = took.as_secs_f64() * 1e6 / count as f64;
        println!("{what:<50} {each:>8.1} CPU seconds a million");
    };
    say(what, whole);
    for (part, took) in parts {
        say(&format!("  {part}"), *took);
    }
    let sum: Duration = parts.iter().map(|(_, took)| *took).sum();
    let ratio = whole.as_secs_f64() / sum.as_secs_f64();
    println!("the whole is {ratio:.2} of the sum of its parts (at most 1.3 wanted)");
}

fn own(entry: &crosswalk::ports::event_log::Entry) -> Outgoing {
    let EntryBody::Message(message) = &entry.body else {
        panic!("only messages are taken");
    };
    Outgoing {
        topic: entry.at.topic,
        place: Place::Partition(0),
        key: entry.key.as_str().into(),
        message: Some(message.clone()),
    }
}

fn sled(folder: &std::path::Path) -> View {
    let (store, _) = SledStore::open(folder, store::Options::default()).unwrap();
    View::open(Box::new(store)).unwrap()
}

/// Everything as the driver does it: read, step, commit, apply, checkpoint. What stands on the
/// inputs is appended before the clock starts.
fn through(
    log: &Arc<dyn EventLog>,
    settings: &Settings,
    before: &[Batch],
    mix: &[Batch],
) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let (mut view, mut mappings) = (sled(folder.path()), Mappings::default());
    let lease = log.acquire(Group::Processor, 0).unwrap();
    let mut positions: BTreeMap<Topic, u64> = BTreeMap::new();
    let mut took = Duration::ZERO;
    for (place, batch) in before.iter().chain(mix).enumerate() {
        let entries: Vec<Outgoing> = batch.entries.iter().map(own).collect();
        log.append(entries).unwrap();
        let began = cpu();
        let mut entries = Vec::new();
        while entries.len() < batch.entries.len() {
            let from: Vec<ReadFrom> = Topic::INPUTS
                .into_iter()
                .map(|topic| ReadFrom {
                    at: TopicPartition {
                        topic,
                        partition: 0,
                    },
                    offset: positions.get(&topic).copied().unwrap_or(0),
                })
                .collect();
            for entry in log.read(&from, LIMIT, Duration::from_millis(50)).unwrap() {
                positions.insert(entry.at.topic, entry.offset + 1);
                entries.push(entry);
            }
        }
        let in_order = |topic: &Topic| Topic::INPUTS.iter().position(|one| one == topic);
        entries.sort_by_key(|entry| in_order(&entry.at.topic));
        let output = step(&view, settings, &mut mappings, &entries, batch.now).unwrap();
        assert_eq!(output.outputs.len(), batch.outputs.len(), "another story");
        let Commit::Committed { ends } = log.commit(&lease, output.outputs, &output.positions)
        else {
            panic!("a commit did not come through");
        };
        view.apply(output.changes, ends[&Topic::Journal]);
        if view.is_full() {
            view.checkpoint().unwrap();
        }
        if place >= before.len() {
            took += cpu().saturating_sub(began);
        }
    }
    took
}

/// The bytes of the inputs decoded, and the outputs encoded.
fn codec(mix: &[Batch]) -> Duration {
    let encoded = |message: &Message| avro::encode(message).unwrap();
    let mut took = Duration::ZERO;
    for batch in mix {
        let inputs: Vec<(Topic, Vec<u8>)> = batch
            .entries
            .iter()
            .map(|entry| {
                (
                    entry.at.topic,
                    encoded(own(entry).message.as_ref().unwrap()),
                )
            })
            .collect();
        let began = world::thread_cpu_ns();
        for (topic, bytes) in &inputs {
            std::hint::black_box(avro::decode(*topic, bytes).unwrap());
        }
        for message in batch.outputs.iter().filter_map(|one| one.message.as_ref()) {
            std::hint::black_box(encoded(message));
        }
        took += Duration::from_nanos(world::thread_cpu_ns().saturating_sub(began));
    }
    took
}

/// The same changes brought to sled, as often.
fn checkpoints(before: &[Batch], mix: &[Batch]) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let mut view = sled(folder.path());
    let (mut took, mut offset) = (Duration::ZERO, 0);
    for (place, batch) in before.iter().chain(mix).enumerate() {
        let changes = batch.changes.clone();
        offset += batch.outputs.len() as u64;
        let began = cpu();
        view.apply(changes, offset);
        if view.is_full() {
            view.checkpoint().unwrap();
        }
        if place >= before.len() {
            took += cpu().saturating_sub(began);
        }
    }
    took
}
