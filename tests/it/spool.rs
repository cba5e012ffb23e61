//! The spool: what ingest appends while the log takes nothing, in order, over restarts, bounded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crosswalk::domain::Message;
use crosswalk::log::spool::{Options, SpoolingLog};
use crosswalk::ports::event_log::{EventLog, Outgoing};

use crate::contract_event_log::bench::observed;
use crate::ingest_fake_log::{FakeLog, Mood};

const AFTER: Duration = Duration::from_millis(50);

fn open(log: &Arc<FakeLog>, folder: &tempfile::TempDir, bytes_max: u64) -> SpoolingLog {
    let options = Options {
        folder: folder.path().to_owned(),
        bytes_max,
        after: AFTER,
    };
    SpoolingLog::open(log.clone(), options).unwrap()
}

fn until(log: &FakeLog, expected: &[Outgoing]) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while log.entries() != expected {
        assert!(Instant::now() < deadline, "{:?}", log.entries());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn some(count: u64) -> Vec<Outgoing> {
    (0..count).map(observed).collect()
}

#[test]
fn what_the_log_does_not_take_is_appended_in_order_when_it_does() {
    let (log, folder) = (Arc::new(FakeLog::default()), tempfile::tempdir().unwrap());
    let spooling = open(&log, &folder, 1 << 20);
    let all = some(6);
    spooling.append(vec![all[0].clone()]).unwrap();
    log.set(Mood::Fails);
    spooling.append(all[1..3].to_vec()).unwrap();
    spooling.append(vec![all[3].clone()]).unwrap();
    assert_eq!(log.entries(), all[..1]);
    log.set(Mood::Works);
    spooling.append(vec![all[4].clone()]).unwrap();
    until(&log, &all[..5]);
    spooling.append(vec![all[5].clone()]).unwrap();
    assert_eq!(log.entries(), all, "at once again");
}

#[test]
fn an_append_that_comes_through_late_is_not_repeated() {
    let (log, folder) = (Arc::new(FakeLog::default()), tempfile::tempdir().unwrap());
    let spooling = open(&log, &folder, 1 << 20);
    let all = some(3);
    log.set(Mood::Hangs);
    let began = Instant::now();
    spooling.append(vec![all[0].clone()]).unwrap();
    assert!(began.elapsed() >= AFTER);
    spooling.append(all[1..].to_vec()).unwrap();
    log.set(Mood::Works);
    until(&log, &all);
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(log.entries(), all);
}

#[test]
fn what_waits_survives_the_process_and_a_record_cut_off_hides_nothing() {
    let (log, folder) = (Arc::new(FakeLog::default()), tempfile::tempdir().unwrap());
    let all = some(4);
    log.set(Mood::Fails);
    let spooling = open(&log, &folder, 1 << 20);
    spooling.append(all[..2].to_vec()).unwrap();
    drop(spooling);
    // Killed in the middle of a record: it was not answered.
    let path = folder.path().join("appends.spool");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(&[200, 0, 0, 0, 1, 2, 3]);
    std::fs::write(&path, bytes).unwrap();
    let spooling = open(&log, &folder, 1 << 20);
    spooling.append(all[2..].to_vec()).unwrap();
    assert!(folder.path().join("appends.cut").is_file());
    drop(spooling);
    let _spooling = open(&log, &folder, 1 << 20);
    log.set(Mood::Works);
    until(&log, &all);
}

#[test]
fn a_full_spool_refuses_and_keeps_what_it_has() {
    let (log, folder) = (Arc::new(FakeLog::default()), tempfile::tempdir().unwrap());
    log.set(Mood::Fails);
    let spooling = open(&log, &folder, 2_000);
    let taken = (0..100).take_while(|number| spooling.append(vec![observed(*number)]).is_ok());
    let taken = taken.count();
    assert!((1..100).contains(&taken), "{taken}");
    let refused = spooling.append(vec![observed(7)]).unwrap_err().to_string();
    assert!(refused.contains("the spool is full"), "{refused}");
    log.set(Mood::Works);
    until(&log, &some(taken as u64));
}

#[test]
fn what_the_log_refuses_for_good_is_set_aside_and_holds_up_nobody() {
    let (log, folder) = (Arc::new(FakeLog::default()), tempfile::tempdir().unwrap());
    log.set(Mood::Fails);
    let spooling = open(&log, &folder, 1 << 20);
    let all = some(2);
    spooling.append(vec![all[0].clone()]).unwrap();
    log.set(Mood::RefusesFrom(0));
    let aside = folder.path().join("appends.refused");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !aside.is_file() {
        assert!(Instant::now() < deadline, "it is not set aside");
        std::thread::sleep(Duration::from_millis(5));
    }
    log.set(Mood::Works);
    spooling.append(vec![all[1].clone()]).unwrap();
    until(&log, &all[1..]);
    assert!(matches!(all[0].message, Some(Message::Observation(_))));
}

/// Found by a stranger: each of two processes wrote over what the other had been answered for.
#[test]
fn a_spool_has_one_owner() {
    let (log, folder) = (Arc::new(FakeLog::default()), tempfile::tempdir().unwrap());
    let _first = open(&log, &folder, 1 << 20);
    let options = Options {
        folder: folder.path().to_owned(),
        bytes_max: 1 << 20,
        after: AFTER,
    };
    let refused = SpoolingLog::open(log.clone(), options).err().unwrap();
    let refused = refused.to_string();
    assert!(
        refused.contains("give each a spool.path of its own"),
        "{refused}"
    );
}

/// Found by a stranger: killed between emptying the file and writing down where it begins, the next
/// outage's appends stood before the front.
#[test]
fn a_front_that_is_not_that_of_the_records_hides_nothing() {
    let (log, folder) = (Arc::new(FakeLog::default()), tempfile::tempdir().unwrap());
    log.set(Mood::Fails);
    let front = folder.path().join("appends.front");
    std::fs::write(&front, "50").unwrap();
    let spooling = open(&log, &folder, 1 << 20);
    let all = some(3);
    for one in &all {
        spooling.append(vec![one.clone()]).unwrap();
    }
    drop(spooling);
    // As an earlier version left it.
    std::fs::write(&front, "50").unwrap();
    let _spooling = open(&log, &folder, 1 << 20);
    log.set(Mood::Works);
    until(&log, &all);
}
