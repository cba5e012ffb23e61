//! How long one captured Account event takes: our whole decode, bitmaps and names included,
//! against `apache-avro`'s generic values alone. `cargo bench --bench change_event`.
#![allow(
    clippy::unwrap_used,
    reason = "a bench that meets an error should stop"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crosswalk::clients::salesforce::pubsub::change::Schema;
use serde_json::Value as Json;

/// Pairs of runs, A B A B …, so that a slow minute of the machine falls on both.
const PAIRS: usize = 11;
const EVENTS_PER_RUN: u32 = 20_000;

struct Sample {
    name: &'static str,
    ours: Schema,
    generic: apache_avro::Schema,
    payload: Vec<u8>,
}

fn main() {
    let folder = folder();
    if !folder.exists() {
        println!("SKIPPED: {} is absent", folder.display());
        return;
    }
    for (name, index) in [("create", 0), ("update", 3)] {
        compare(&sample(&folder, name, index));
    }
}

fn folder() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    let fixtures = std::env::var_os("CROSSWALK_FIXTURES").map_or(beside, PathBuf::from);
    fixtures.join("salesforce")
}

fn sample(folder: &Path, name: &'static str, index: usize) -> Sample {
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    let expected: Json = serde_json::from_str(&read(folder.join("expected.json"))).unwrap();
    let event = &expected["events"][index];
    let file = event["schema_file"].as_str().unwrap();
    let json = read(folder.join("schemas").join(file));
    Sample {
        name,
        ours: Schema::parse(event["schema_id"].as_str().unwrap(), &json).unwrap(),
        generic: apache_avro::Schema::parse_str(&json).unwrap(),
        payload: STANDARD
            .decode(event["payload_base64"].as_str().unwrap())
            .unwrap(),
    }
}

fn compare(sample: &Sample) {
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(&sample.generic)
        .build()
        .unwrap();
    let ours = || {
        let event = sample.ours.decode(black_box(&sample.payload)).unwrap();
        black_box((event.targets().unwrap(), event));
    };
    let flat = || {
        let event = sample.ours.decode(black_box(&sample.payload)).unwrap();
        black_box((event.targets().unwrap(), event.flatten()));
    };
    let generic = || {
        let mut bytes = black_box(sample.payload.as_slice());
        black_box(reader.read_value(&mut bytes).unwrap());
    };
    let mut runs: [Vec<f64>; 3] = Default::default();
    for _ in 0..PAIRS {
        runs[0].push(ns_per_event(ours));
        runs[1].push(ns_per_event(generic));
        runs[2].push(ns_per_event(flat));
    }
    println!("{} event, {} bytes:", sample.name, sample.payload.len());
    let [ours, generic, flat] = runs.map(Spread::of);
    ours.print("decode with bitmaps and names");
    generic.print("apache-avro generic values");
    flat.print("decode and flatten");
    println!("  generic / decode = {:.2}\n", generic.median / ours.median);
}

fn ns_per_event(run: impl Fn()) -> f64 {
    let started = Instant::now();
    for _ in 0..EVENTS_PER_RUN {
        run();
    }
    started.elapsed().as_nanos() as f64 / f64::from(EVENTS_PER_RUN)
}

struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(mut runs: Vec<f64>) -> Self {
        runs.sort_by(f64::total_cmp);
        Self {
            least: runs[0],
            median: runs[runs.len() / 2],
            most: runs[runs.len() - 1],
        }
    }

    fn print(&self, what: &str) {
        let Self {
            least,
            median,
            most,
        } = self;
        println!("  {what:32} {median:8.0} ns/event ({least:.0} to {most:.0})");
    }
}
