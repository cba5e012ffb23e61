//! W1: how long the pure step takes, from a typed observation to journal events, commands and the
//! changed view with its digest, on one core. `cargo bench --bench decide`.
//!
//! `PEOPLE` (5,000) people are linked first, untimed, each a contact and a Contact; the workload's
//! own size is 1,000,000. Then `ROUNDS` (7) rounds of the mix, and of each class alone. Answers to
//! the commands that follow are fed back and timed apart; the mix is told without and with them.
//!
//! `STORE=1`: the same over sled, checkpointed as the driver does, and beside it bare sled with
//! the same gets and puts. `MEMORY=10`: ten million observations over sled, and the memory that is
//! resident after each million; with `STEADY=1` of the same people all the time, since the mix
//! brings 50,000 new ones in a million. `KAFKA=1`: through real Kafka, in CPU seconds.
#![allow(
    clippy::unwrap_used,
    reason = "a bench that meets an error should stop"
)]

mod bare;
mod kafka;
mod world;

use std::time::Duration;

use crosswalk::ports::view_store::MemoryStore;
use crosswalk::store::{Options, SledStore};

use crate::bare::Bare;
use crate::world::{MIX, PEOPLE_EACH, World};

const ROUNDS: usize = 7;
const PER_ROUND: usize = 1_000;
const MILLION: usize = 1_000_000;

fn main() {
    match (number("MEMORY"), number("STORE"), number("KAFKA")) {
        (Some(millions), ..) => memory(millions),
        (None, Some(_), _) => stored(),
        (None, None, Some(_)) => kafka::run(people(), rounds()),
        (None, None, None) => in_memory(),
    }
}

fn number(name: &str) -> Option<usize> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

fn people() -> usize {
    number("PEOPLE").unwrap_or(5_000)
}

fn rounds() -> usize {
    number("ROUNDS").unwrap_or(ROUNDS)
}

fn link(world: &mut World) {
    world.link_everybody();
    let people = people();
    println!("{people} people linked, {} companies", people / PEOPLE_EACH);
}

fn in_memory() {
    let mut world = World::new(people(), Box::new(MemoryStore::default()), None);
    link(&mut world);
    let mix = (0..rounds()).map(|_| {
        let classes = world.classes(PER_ROUND);
        world.round(&classes)
    });
    let mix: Vec<_> = mix.collect();
    let alone = mix
        .iter()
        .map(|(took, _, count, _)| each(took.ours, *count));
    print("the mix", alone);
    let answered = mix.iter().filter(|(_, _, _, answers)| *answers > 0);
    let answer = answered.map(|(_, answering, _, answers)| each(answering.ours, *answers));
    print("an answer", answer);
    let whole = mix.iter();
    let whole = whole.map(|(took, answering, count, _)| each(took.ours + answering.ours, *count));
    print("mix + answers", whole);
    let only = std::env::var("ONLY").ok();
    for (class, _) in MIX {
        let name = format!("{class:?}");
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let alone = (0..rounds()).map(|_| {
            let (took, _, count, _) = world.round(&[class; PER_ROUND / 10]);
            each(took.ours, count)
        });
        print(&format!("{name} alone"), alone);
    }
    println!(
        "{} commands answered, digest {}",
        world.answered,
        world.view.digest()
    );
    println!("{}", status("VmHWM"));
}

/// The mix over sled beside bare sled, in turn, batch by batch.
fn stored() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::default();
    let bare = Bare::open(&directory.path().join("bare"), options.cache_bytes);
    let (store, _) = SledStore::open(directory.path().join("view"), options).unwrap();
    let mut world = World::new(people(), Box::new(store), Some(bare));
    world.is_stored = true;
    link(&mut world);
    let mut ratios = Vec::new();
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..rounds() {
        let classes = world.classes(10 * PER_ROUND);
        let (mut took, answering, count, _) = world.round(&classes);
        took += answering;
        ours.push(each(took.ours, count));
        bare.push(each(took.bare, count));
        ratios.push(took.bare.as_secs_f64() / took.ours.as_secs_f64());
    }
    print("mix + answers", ours.into_iter());
    print("bare sled", bare.into_iter());
    ratios.sort_by(f64::total_cmp);
    println!(
        "throughput beside bare sled: {:.2} ({:.2} to {:.2})",
        ratios[ratios.len() / 2],
        ratios[0],
        ratios[ratios.len() - 1]
    );
}

/// Memory after each million observations over sled.
fn memory(millions: usize) {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = SledStore::open(directory.path(), Options::default()).unwrap();
    let mut world = World::new(people(), Box::new(store), None);
    world.is_stored = true;
    world.is_steady = number("STEADY").is_some();
    link(&mut world);
    println!("linked: {} {}", status("VmRSS"), status("VmHWM"));
    for million in 1..=millions {
        let (mut done, mut took) = (0, Duration::ZERO);
        while done < MILLION {
            let classes = world.classes(10 * PER_ROUND);
            let (mix, answering, count, _) = world.round(&classes);
            done += count;
            took += mix.ours + answering.ours;
        }
        println!(
            "{million} M observations: {} {}, {:.0} ns each with answers",
            status("VmRSS"),
            status("VmHWM"),
            each(took, done)
        );
    }
}

/// Nanoseconds per item.
fn each(took: Duration, count: usize) -> f64 {
    took.as_nanos() as f64 / count as f64
}

fn status(what: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(what));
    line.map_or_else(
        || format!("{what} unknown"),
        |line| line.split_whitespace().collect::<Vec<_>>().join(" "),
    )
}

fn print(what: &str, rounds: impl Iterator<Item = f64>) {
    let mut sorted: Vec<f64> = rounds.collect();
    if sorted.is_empty() {
        return println!("{what:<16} nothing measured");
    }
    sorted.sort_by(f64::total_cmp);
    let (least, median, most) = (
        sorted[0],
        sorted[sorted.len() / 2],
        sorted[sorted.len() - 1],
    );
    let rate = 1e9 / median;
    println!("{what:<16} {median:>8.0} ns ({least:.0} to {most:.0}), {rate:>8.0} a second");
}
