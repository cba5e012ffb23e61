//! Storms: the real process between both sandboxes, with people at work on both sides, while
//! requests fail, webhooks get lost and the process is killed. The counts are small here; `make
//! soak` sets them full (`STORM_CHANGES`, `STORM_KILLS`, `STORM_MINUTES`, `STORM_SEED`).

mod child;
mod fleet;
mod judge;
mod menu;
mod moved;
mod people;
mod wide;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::storm::child::{Child, Sample};
use crate::storm::judge::Verdict;
use crate::storm::menu::{Fault, menu, mixed};
use crate::storm::people::{Chance, Stage};

/// How long it may take after the last change and the last fault until both sides agree.
const CALM_MAX: Duration = Duration::from_secs(240);

/// Held by what measures time, and by what keeps the machine busy with many processes.
static MACHINE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// What happens in a storm.
struct Plan {
    name: String,
    people: usize,
    changes: usize,
    per_second: usize,
    faults: Vec<Fault>,
    kills: usize,
}

/// What came of it.
struct Report {
    plan: Plan,
    elapsed: Duration,
    calm_after: Duration,
    verdict: Verdict,
    samples: Vec<Sample>,
}

fn setting(name: &str, default: usize) -> usize {
    let set = std::env::var(name).ok();
    set.map_or(default, |text| text.parse().unwrap())
}

/// Past the capture of a test's output: what is not played is told.
fn skipped(why: &str) {
    use std::io::Write;
    let line = format!("SKIPPED: {why}: make soak\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

async fn storm(plan: Plan) -> Report {
    let seed = setting("STORM_SEED", 1) as u64;
    let mut stage = Stage::new(plan.people).await;
    let mut child = Child::start(&stage.folder).await;
    stage.gather(&mut child).await;
    for fault in &plan.faults {
        stage.suffers(fault);
    }
    let (mut chance, began) = (Chance::new(seed), Instant::now());
    let (mut samples, mut sampled) = (Vec::new(), Instant::now());
    let mut kills = kill_times(&plan, &mut chance);
    for change in 0..plan.changes {
        let due = Duration::from_secs_f64(change as f64 / plan.per_second as f64);
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        stage.somebody_acts(&mut chance);
        stage.hazards(&plan.faults, change);
        if kills.first().is_some_and(|at| began.elapsed() >= *at) {
            kills.remove(0);
            child.die_and_rise(&stage.folder).await;
        }
        if sampled.elapsed() >= Duration::from_secs(1) {
            sampled = Instant::now();
            samples.push(child.sample(began.elapsed(), &stage.folder));
            stage.take_down();
        }
    }
    // Whoever was to be killed is killed, also where the changes were over sooner.
    for _ in kills {
        child.die_and_rise(&stage.folder).await;
        tokio::time::sleep(Duration::from_millis(chance.below(1_500) as u64)).await;
    }
    let elapsed = began.elapsed();
    stage.is_calm();
    let verdict = loop {
        stage.take_down();
        let verdict = judge::judge(&stage);
        if verdict.is_agreed() || began.elapsed() > elapsed + CALM_MAX {
            break verdict;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    samples.push(child.sample(began.elapsed(), &stage.folder));
    let calm_after = began.elapsed() - elapsed;
    // What was to come late must change nothing any more.
    tokio::time::sleep(Duration::from_secs(3)).await;
    stage.take_down();
    let mut verdict = if verdict.is_agreed() {
        judge::judge(&stage)
    } else {
        verdict
    };
    verdict.rebuilds = child.verify(&stage.folder);
    verdict.reviews = child.reviews().await;
    verdict.dead_letters = child.dead_letters(&stage.folder);
    verdict.healed = child.healed();
    Report {
        plan,
        elapsed,
        calm_after,
        verdict,
        samples,
    }
}

/// Moments at random over the time of the changes.
fn kill_times(plan: &Plan, chance: &mut Chance) -> Vec<Duration> {
    let length = 1_000 * plan.changes / plan.per_second;
    let times = (0..plan.kills).map(|_| Duration::from_millis(chance.below(length) as u64));
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times
}

impl Report {
    fn line(&self) -> Value {
        let (plan, verdict) = (&self.plan, &self.verdict);
        let last = self.samples.last();
        let second_half = &self.samples[self.samples.len() / 2..];
        let resident = second_half.iter().map(|one| one.resident_mb);
        json!({
            "storm": plan.name, "changes": plan.changes, "per_second": plan.per_second,
            "kills": plan.kills, "elapsed_s": self.elapsed.as_secs(),
            "calm_after_s": self.calm_after.as_secs_f64().round(),
            "lost": verdict.lost.len(), "doubled": verdict.doubled.len(),
            "overwritten": verdict.overwritten.len(), "converged": verdict.is_agreed(),
            "rebuilds": verdict.rebuilds, "writes": verdict.writes, "healed": verdict.healed,
            "reviews": verdict.reviews, "dead_letters": verdict.dead_letters,
            "vm_hwm_mb": last.map(|one| one.peak_mb),
            "resident_mb_second_half_max": resident.fold(0.0, f64::max),
            "disk_mb": last.map(|one| one.disk_mb),
        })
    }

    fn tell(&self) {
        println!("{}", self.line());
        if let Ok(folder) = std::env::var("STORM_SAMPLES") {
            let lines = self.samples.iter().map(Sample::line);
            let text: String = lines.collect();
            let path = format!("{folder}/{}.csv", self.plan.name);
            std::fs::write(path, Sample::HEAD.to_owned() + &text).unwrap();
        }
    }

    fn demand(&self) {
        let verdict = &self.verdict;
        assert!(verdict.is_agreed(), "{}: {verdict:#?}", self.plan.name);
        let (name, doubled) = (&self.plan.name, &verdict.doubled);
        assert!(doubled.is_empty(), "{name}: {doubled:?}");
        assert!(verdict.overwritten.is_empty(), "{:?}", verdict.overwritten);
        assert!(verdict.rebuilds, "{}: another digest", self.plan.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_nothing_is_lost_doubled_or_overwritten() {
    let kills = setting("STORM_KILLS", 4);
    let report = storm(Plan {
        name: "killed".to_owned(),
        people: 40,
        changes: 60 * kills,
        per_second: 40,
        faults: Vec::new(),
        kills,
    })
    .await;
    report.tell();
    report.demand();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_once_loses_and_doubles_nothing() {
    let changes = setting("STORM_CHANGES", 300);
    let report = storm(Plan {
        name: "mixed".to_owned(),
        people: 100,
        changes,
        per_second: 50,
        faults: mixed(0.10),
        kills: 0,
    })
    .await;
    report.tell();
    report.demand();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_alone_loses_and_doubles_nothing() {
    let changes = setting("STORM_EACH", 0);
    if changes == 0 {
        return skipped("each fault alone takes a minute; every_fault_at_once plays them together");
    }
    // All are played, also after one that fails: a soak tells of everything at once.
    let mut reports = Vec::new();
    let only = std::env::var("STORM_FAULT").ok();
    let is_asked = |fault: &Fault| only.as_ref().is_none_or(|only| *only == fault.name());
    for fault in menu(0.10).into_iter().filter(is_asked) {
        let report = storm(Plan {
            name: format!("alone_{}", fault.name()),
            people: 200,
            changes,
            per_second: 100,
            faults: vec![fault],
            kills: 0,
        })
        .await;
        report.tell();
        reports.push(report);
    }
    assert!(
        !reports.is_empty(),
        "STORM_FAULT names no fault of the menu"
    );
    for report in reports {
        report.demand();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_run_stays_flat() {
    let minutes = setting("STORM_MINUTES", 0);
    if minutes == 0 {
        return skipped("an hour at fifty changes a second takes an hour; STORM_MINUTES=60");
    }
    let report = storm(Plan {
        name: format!("long_{minutes}_minutes"),
        people: 500,
        changes: minutes * 60 * 50,
        per_second: 50,
        faults: mixed(0.02),
        kills: 0,
    })
    .await;
    report.tell();
    report.demand();
    // The first half fills the caches; what grows on after that is a leak.
    let quarter = report.samples.len() / 4;
    let most = |samples: &[Sample]| {
        let resident = samples.iter().map(|one| one.resident_mb);
        resident.fold(0.0, f64::max)
    };
    let (third, last) = report.samples[2 * quarter..].split_at(quarter);
    let (third, last) = (most(third), most(last));
    assert!(last <= 1.10 * third, "{last:.1} MB after {third:.1} MB");
}

/// What touches everybody keeps nobody waiting: `STORM_WIDE=100000` for the full count. Here the
/// count is small, and what is judged is that changes come through.
#[tokio::test(flavor = "multi_thread")]
async fn what_touches_everybody_lets_a_change_through() {
    let _machine = MACHINE.lock().await;
    let people = setting("STORM_WIDE", 300);
    let report = wide::wide(people).await;
    println!("{report}");
    for name in ["latency_remapped_ms", "latency_renamed_ms"] {
        let p50 = report[name]["p50"].as_f64().unwrap();
        // Far above what is measured, far below what waiting for everybody would take.
        assert!(p50 < 2_000.0, "{name}: {report}");
    }
}
