//! The simulation: `SIM_SEED=17 make sim` replays one seed, `SIM_COUNT=5000 make sim` runs more.
#![allow(
    clippy::unwrap_used,
    reason = "a test that meets an error it did not expect should stop"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use crosswalk::sim::{Options, run};

const COUNT: u64 = 300;
const ACTIONS: u64 = 80;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn options(seed: u64) -> Options {
    Options {
        seed,
        actions: setting("SIM_ACTIONS").unwrap_or(ACTIONS) as usize,
        faults: setting("SIM_FAULTS").unwrap_or(1) == 1,
    }
}

/// What is wrong with a seed; nothing if all holds.
fn failures(seed: u64) -> Vec<String> {
    let run = AssertUnwindSafe(|| run(options(seed)));
    match catch_unwind(run) {
        Ok(story) => {
            if setting("SIM_TELL").is_some() {
                eprintln!("seed {seed}: {story}");
            }
            story.failures
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            vec![format!("panicked: {}", text.unwrap_or_default())]
        }
    }
}

#[test]
fn no_seed_leaves_the_two_systems_apart() {
    let (seeds, tells) = match setting("SIM_SEED") {
        Some(seed) => (seed..seed + 1, true),
        None => (1..1 + setting("SIM_COUNT").unwrap_or(COUNT), false),
    };
    let mut failed = 0;
    for seed in seeds {
        let failures = failures(seed);
        let Some(first) = failures.first() else {
            continue;
        };
        failed += 1;
        let shown = if tells {
            failures.join("\n")
        } else {
            first.lines().next().unwrap().into()
        };
        eprintln!("SIM_SEED={seed} make sim # {shown}");
    }
    assert_eq!(failed, 0, "{failed} seeds failed");
}

#[test]
fn one_seed_is_one_story() {
    for seed in [1, 2, 3] {
        assert_eq!(
            run(options(seed)).transcript,
            run(options(seed)).transcript,
            "seed {seed}"
        );
    }
}
