//! Does a worker keep the order of lanes, commit results with positions, read before it repeats?

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crosswalk::clients::System;
use crosswalk::clients::transport::{Failure, Method};
use crosswalk::domain::{
    Command, CommandId, CommandKind, Message, ObservationId, Outcome, ReadCommand, Timestamp, Topic,
};
use crosswalk::ports::clock::Clock;
use crosswalk::ports::event_log::{Commit, EntryBody};
use crosswalk::sink::{Execute, Execution, Options, Worker};
use serde_json::Value as Json;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::sink_log::{MemoryLog, result};
use crate::sink_remote::{
    Remote, bridge, command, executor, lead, lead_row, refused, response, retitle, retitle_lead,
};

/// The clock of commands: they were requested at 1,000,000.
struct Fixed(i64);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp(self.0)
    }
}

/// Executes by waiting for a permit of the command's lane; remembers what it was asked.
#[derive(Default)]
pub struct Scripted {
    /// (command, repeat) in the order of their starts.
    started: Mutex<Vec<(CommandId, bool)>>,
    lanes: BTreeMap<String, Semaphore>,
    timeout: Duration,
}

impl Scripted {
    pub fn with_lanes(lanes: &[&str]) -> Arc<Self> {
        let closed = |lane: &&str| (lane.to_string(), Semaphore::new(0));
        Arc::new(Self {
            lanes: lanes.iter().map(closed).collect(),
            ..Self::default()
        })
    }

    pub fn open(&self, lane: &str) {
        self.lanes[lane].add_permits(1);
    }

    pub fn started(&self) -> Vec<(CommandId, bool)> {
        self.started.lock().unwrap().clone()
    }
}

impl Execute for Scripted {
    fn system(&self) -> System {
        System::Salesforce
    }

    fn request_timeout(&self) -> Duration {
        self.timeout
    }

    fn execute<'a>(&'a self, command: &'a Command, repeat: bool) -> Execution<'a> {
        Box::pin(async move {
            self.started.lock().unwrap().push((command.id, repeat));
            assert_ne!(command.lane, "panic", "this lane's commands panic");
            if let Some(gate) = self.lanes.get(&command.lane) {
                gate.acquire().await.unwrap().forget();
            }
            Outcome::NotFound { record: lead() }
        })
    }
}

pub struct Running {
    pub log: Arc<MemoryLog>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Stops in good order.
    pub async fn stop(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
    }
}

fn options() -> Options {
    Options {
        lease_check_interval: Duration::from_millis(40),
        read_wait: Duration::from_millis(5),
        grace: Duration::from_millis(300),
        ..Options::default()
    }
}

pub fn start(log: &Arc<MemoryLog>, executor: Arc<dyn Execute>, now: i64) -> Running {
    let bridges = Arc::new(BTreeMap::from([(bridge(), 3)]));
    let clock = Arc::new(Fixed(now));
    let worker = Worker::new(log.clone(), executor, clock, bridges, options());
    let (stop, stopped) = watch::channel(false);
    Running {
        log: log.clone(),
        stop,
        task: tokio::spawn(async move { worker.run(stopped).await }),
    }
}

pub async fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(10), "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub fn write(log: &MemoryLog, commands: &[Command]) {
    for command in commands {
        log.write(command);
    }
}

pub fn read(number: u64, lane: &str) -> Command {
    let read = ReadCommand::Record {
        record: lead(),
        fields: Vec::new(),
    };
    command(number, lane, CommandKind::Read(read))
}

fn ids(commands: &[&Command]) -> Vec<CommandId> {
    commands.iter().map(|command| command.id).collect()
}

pub fn starts(executor: &Scripted) -> Vec<CommandId> {
    executor.started().into_iter().map(|(id, _)| id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_keeps_its_order_and_does_not_hold_up_another() {
    let log = Arc::new(MemoryLog::default());
    let executor = Scripted::with_lanes(&["a"]);
    let (a1, a2, b1) = (
        retitle(1, "a", "", "x"),
        retitle(2, "a", "", "y"),
        read(3, "b"),
    );
    write(&log, &[a1.clone(), a2.clone(), b1.clone()]);
    let running = start(&log, executor.clone(), 1_000_000);

    until("b answers", || running.log.results().len() == 1).await;
    assert!(!starts(&executor).contains(&a2.id), "a2 waits for a1");
    executor.open("a");
    until("a2 starts", || starts(&executor).contains(&a2.id)).await;
    executor.open("a");
    until("all answer", || running.log.results().len() == 3).await;
    let answered: Vec<CommandId> = log.results().iter().map(|result| result.command).collect();
    assert_eq!(answered, ids(&[&b1, &a1, &a2]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_and_the_position_past_it_stand_in_one_commit() {
    let log = Arc::new(MemoryLog::default());
    let executor = Scripted::with_lanes(&["a"]);
    write(&log, &[read(1, "a"), read(2, "b"), read(3, "c")]);
    let running = start(&log, executor.clone(), 1_000_000);

    until("b and c answer", || running.log.results().len() == 2).await;
    assert_eq!(
        log.position(),
        0,
        "a is not settled: the position stays before it"
    );
    executor.open("a");
    until("the position moves", || running.log.position() == 3).await;
    running.stop().await;

    let mut settled = 0;
    for (outputs, position) in log.commits() {
        settled += outputs.iter().filter_map(result).count();
        assert!(
            position == 0 || settled == 3,
            "a position past what was not answered"
        );
    }
    let first = &log.outputs()[0];
    let answered = result(first).unwrap();
    let Some(Message::Observation(observation)) = &first.message else {
        panic!("a result is an observation");
    };
    assert_eq!(
        observation.id,
        ObservationId::of_result(&answered.command, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_old_commands_and_what_a_predecessor_may_have_done_read_first() {
    let log = Arc::new(MemoryLog::default());
    let executor = Scripted::with_lanes(&[]);
    let inherited = retitle(1, "a", "", "x");
    log.write(&inherited);
    let running = start(&log, executor.clone(), 1_030_001);
    let fresh = Command {
        requested_at: Timestamp(1_030_000),
        ..retitle(2, "b", "", "x")
    };
    let again = Command {
        attempt: 2,
        ..retitle(3, "c", "", "x")
    };
    let (again, old) = (
        Command {
            requested_at: Timestamp(1_030_000),
            ..again
        },
        retitle(4, "d", "", "x"),
    );
    until("the first answers", || running.log.position() == 1).await;
    write(&log, &[fresh.clone(), again.clone(), old.clone()]);
    until("all answer", || running.log.position() == 4).await;
    running.stop().await;
    let asked: BTreeMap<CommandId, bool> = executor.started().into_iter().collect();
    let expected = [
        (&inherited, true),
        (&fresh, false),
        (&again, true),
        (&old, true),
    ];
    for (command, repeat) in expected {
        assert_eq!(
            asked[&command.id], repeat,
            "command of lane {}",
            command.lane
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_done_before_a_crash_is_found_and_not_repeated() {
    let log = Arc::new(MemoryLog::default());
    let title = Arc::new(Mutex::new("CTO".to_string()));
    let remote = Remote::new({
        let title = title.clone();
        move |request| match request.method {
            Method::Patch => {
                let body: Json = serde_json::from_slice(&request.body).unwrap();
                *title.lock().unwrap() = body["Title"].as_str().unwrap().into();
                Ok(response(204, &Json::Null))
            }
            _ => Ok(response(200, &lead_row(&title.lock().unwrap()))),
        }
    });
    // The owner is dead to the log: it writes, and cannot commit.
    let running = start(&log, executor(remote.clone()), 1_000_000);
    until("the lease is taken", || running.log.epoch() == 1).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    log.fence();
    log.write(&retitle(1, "a", "CTO", "CEO"));
    until("it wrote", || remote.count(Method::Patch) == 1).await;
    running.task.abort();
    assert_eq!(log.results().len(), 0);

    let successor = start(&log, executor(remote.clone()), 1_000_000);
    until("the successor answers", || log.results().len() == 1).await;
    successor.stop().await;
    assert!(matches!(
        log.results()[0].outcome,
        Outcome::AlreadyThere { .. }
    ));
    assert_eq!(remote.count(Method::Patch), 1);
    assert_eq!(log.position(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_that_finds_a_foreign_value_writes_nothing() {
    let log = Arc::new(MemoryLog::default());
    let remote = Remote::new(|request| {
        assert_eq!(request.method, Method::Get, "nothing may be written");
        Ok(response(200, &lead_row("Head of Everything")))
    });
    log.write(&retitle(1, "a", "CTO", "CEO"));
    let running = start(&log, executor(remote), 1_000_000);
    until("it answers", || log.results().len() == 1).await;
    running.stop().await;
    let Outcome::FoundOther { snapshot } = &log.results()[0].outcome else {
        panic!("somebody else's value is reported");
    };
    assert_eq!(snapshot.fields["Title"], "Head of Everything".into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_worker_drops_its_work_and_starts_anew_with_reads() {
    let log = Arc::new(MemoryLog::default());
    let executor = Scripted::with_lanes(&["stuck"]);
    let running = start(&log, executor.clone(), 1_000_000);
    until("the lease is taken", || running.log.epoch() == 1).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    log.write(&retitle(1, "stuck", "", "x"));
    until("it runs", || executor.started().len() == 1).await;
    // Nothing settles, so only the check of the lease can notice.
    log.fence();
    until("it is acquired anew", || log.epoch() == 3).await;
    executor.open("stuck");
    until("it answers", || log.results().len() == 1).await;
    running.stop().await;
    let repeats: Vec<bool> = executor
        .started()
        .iter()
        .map(|(_, repeat)| *repeat)
        .collect();
    assert_eq!(repeats, [false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_unknown_outcome_is_repeated_as_it_was() {
    let log = Arc::new(MemoryLog::default());
    let reason = "lost".to_string();
    log.answer_next(Commit::Unknown {
        reason: reason.clone(),
    });
    log.answer_next(Commit::Aborted {
        fenced: false,
        reason,
    });
    let running = start(&log, Scripted::with_lanes(&[]), 1_000_000);
    log.write(&read(1, "a"));
    until("it answers", || log.results().len() == 1).await;
    let calls = log.calls();
    running.stop().await;
    let with_results: Vec<_> = calls
        .iter()
        .filter(|(outputs, _)| !outputs.is_empty())
        .collect();
    assert_eq!(with_results.len(), 3);
    assert!(with_results.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(log.epoch(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_write_waits_out_the_predecessors_request_and_reads_do_not() {
    let log = Arc::new(MemoryLog::default());
    log.fence();
    write(&log, &[retitle(1, "a", "", "x"), read(2, "b")]);
    let executor = Arc::new(Scripted {
        timeout: Duration::from_millis(200),
        ..Scripted::default()
    });
    let began = Instant::now();
    let running = start(&log, executor.clone(), 1_000_000);
    until("the read starts", || executor.started().len() == 1).await;
    assert!(began.elapsed() < Duration::from_millis(150));
    until("the write starts", || executor.started().len() == 2).await;
    assert!(began.elapsed() >= Duration::from_millis(240));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_predecessor_that_left_in_good_order() {
    let log = Arc::new(MemoryLog::default());
    let executor = Scripted::with_lanes(&["hangs"]);
    write(&log, &[read(1, "hangs"), retitle(2, "hangs", "", "x")]);
    let first = start(&log, executor.clone(), 1_000_000);
    until("it runs", || executor.started().len() == 1).await;
    first.stop.send(true).unwrap();
    executor.open("hangs");
    first.task.await.unwrap();
    // The second one is left to a successor, who would wait for longer than this test.
    let executor = Arc::new(Scripted {
        timeout: Duration::from_secs(60),
        ..Scripted::default()
    });
    let second = start(&log, executor.clone(), 1_000_000);
    until("the write starts", || executor.started().len() == 1).await;
    second.stop().await;
    // Somebody else was there in between, and said nothing.
    log.fence();
    write(&log, &[retitle(3, "b", "", "y")]);
    let third = start(&log, executor.clone(), 1_000_000);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(executor.started().len(), 1, "the write waits");
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_runs_and_leaves_what_waits() {
    let log = Arc::new(MemoryLog::default());
    let executor = Scripted::with_lanes(&["a", "hangs"]);
    write(&log, &[read(1, "a"), read(2, "a"), read(3, "hangs")]);
    let running = start(&log, executor.clone(), 1_000_000);
    until("two run", || executor.started().len() == 2).await;
    running.stop.send(true).unwrap();
    executor.open("a");
    running.task.await.unwrap();
    assert_eq!(log.results().len(), 1);
    assert_eq!(log.position(), 1);
    assert_eq!(executor.started().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_command_becomes_a_dead_letter_and_a_panic_an_unknown_outcome() {
    let log = Arc::new(MemoryLog::default());
    log.put(EntryBody::Undecodable {
        bytes: vec![1, 2, 3],
        reason: "no schema".into(),
    });
    log.put(EntryBody::Tombstone);
    log.write(&read(1, "panic"));
    log.write(&Command {
        bridge: crosswalk::domain::BridgeId::new("removed").unwrap(),
        ..read(2, "a")
    });
    log.write(&read(3, "a"));
    let running = start(&log, Scripted::with_lanes(&[]), 1_000_000);
    until("all is settled", || log.position() == 5).await;
    running.stop().await;
    let dead: Vec<_> = log
        .outputs()
        .into_iter()
        .filter(|output| output.topic == Topic::DeadLetters)
        .filter_map(|output| match output.message {
            Some(Message::DeadLetter(dead)) => Some((dead.reason.clone(), dead.bytes.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(dead[0], ("undecodable".to_string(), vec![1, 2, 3]));
    assert_eq!(dead[1].0, "unknown_bridge");
    let mut outcomes = log.results();
    outcomes.sort_by_key(|result| matches!(result.outcome, Outcome::Unknown { .. }));
    assert!(matches!(outcomes[0].outcome, Outcome::NotFound { .. }));
    assert!(matches!(outcomes[1].outcome, Outcome::Unknown { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_is_down_answers_nothing_and_goes_on_when_it_is_back() {
    let log = Arc::new(MemoryLog::default());
    let up = Arc::new(AtomicBool::new(false));
    let remote = Remote::new({
        let up = up.clone();
        move |_| match up.load(Ordering::SeqCst) {
            true => Ok(response(204, &Json::Null)),
            false => Err(Failure::NotSent("no connection")),
        }
    });
    let running = start(&log, executor(remote.clone()), 1_000_000);
    until("the lease is taken", || running.log.epoch() == 1).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    log.write(&retitle(1, "a", "CTO", "CEO"));
    until("it tries again and again", || remote.requests().len() > 5).await;
    assert_eq!(log.results().len(), 0);
    up.store(true, Ordering::SeqCst);
    until("it answers", || log.results().len() == 1).await;
    running.stop().await;
    assert!(matches!(
        log.results()[0].outcome,
        Outcome::Written { created: false, .. }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_never_written_do_not_keep_the_others_from_it() {
    let log = Arc::new(MemoryLog::default());
    let remote = Remote::new(|request| {
        let body = String::from_utf8_lossy(&request.body);
        match request.url.contains("00QBAD") || body.contains("00QBAD") {
            true => Ok(refused(503, "SERVER_UNAVAILABLE")),
            false => Ok(response(204, &Json::Null)),
        }
    });
    let running = start(&log, executor(remote), 1_000_000);
    until("the lease is taken", || running.log.epoch() == 1).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let bad = options().lanes_max as u64;
    for number in 0..bad {
        let id = format!("00QBAD{number:09}");
        log.write(&retitle_lead(number, &id, "CTO", "CEO"));
    }
    let good = retitle_lead(bad, "00QD00000000001", "CTO", "CEO");
    log.write(&good);
    until("all answer", || log.position() == bad + 1).await;
    running.stop().await;
    for result in log.results() {
        let unknown = matches!(result.outcome, Outcome::Unknown { .. });
        let written = matches!(result.outcome, Outcome::Written { .. });
        assert!(unknown || written);
        assert_eq!(written, result.command == good.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_holds_for_the_attempts_that_wait_behind_it() {
    let log = Arc::new(MemoryLog::default());
    let executor = Scripted::with_lanes(&["a"]);
    let running = start(&log, executor.clone(), 1_000_000);
    until("the lease is taken", || running.log.epoch() == 1).await;
    let first = retitle(1, "a", "", "x");
    log.write(&first);
    until("the first runs", || executor.started().len() == 1).await;
    for attempt in 2..=4 {
        let first = first.clone();
        log.write(&Command { attempt, ..first });
    }
    log.write(&read(2, "b"));
    until("another lane answers", || log.results().len() == 1).await;
    assert_eq!(log.position(), 0, "the first attempt still runs");
    executor.open("a");
    // The second and the third attempt gave way to the fourth, which has nothing left to do.
    until("the first answers for all", || log.position() == 5).await;
    running.stop().await;
    let answered: Vec<_> = log
        .results()
        .iter()
        .filter(|result| result.command == first.id)
        .map(|result| result.attempt)
        .collect();
    assert_eq!(answered, [1]);
    assert_eq!(executor.started().len(), 2, "each lane ran one");
}
