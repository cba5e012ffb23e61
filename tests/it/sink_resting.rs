//! Does a command that has to wait for long, such as a lead that search does not show yet, leave
//! the way to others meanwhile, and go on in its place?

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crosswalk::clients::System;
use crosswalk::domain::{Command, CommandId, Outcome};
use crosswalk::sink::{Alone, Answer, Execute, Execution, Proceeding};
use tokio::time::Instant;

use crate::sink_log::MemoryLog;
use crate::sink_remote::lead;
use crate::sink_worker::{read, start, until, write};

/// More than may be under way at once.
const MANY: u64 = 40;
const REST: Duration = Duration::from_millis(400);

/// Each command of a lane named "slow…" rests once before it is carried out.
#[derive(Default)]
struct Resting {
    proceeded: Mutex<BTreeMap<CommandId, Vec<Alone>>>,
}

impl Execute for Resting {
    fn system(&self) -> System {
        System::Salesforce
    }

    fn request_timeout(&self) -> Duration {
        Duration::ZERO
    }

    fn execute<'a>(&'a self, _: &'a Command, _: bool) -> Execution<'a> {
        Box::pin(async { Outcome::NotFound { record: lead() } })
    }

    fn proceed<'a>(&'a self, command: &'a Command, alone: Alone) -> Proceeding<'a> {
        let mut proceeded = self.proceeded.lock().unwrap();
        let tries = proceeded.entry(command.id).or_default();
        tries.push(alone);
        let rests = command.lane.starts_with("slow") && tries.len() == 1;
        Box::pin(async move {
            if rests {
                return Answer::Alone(Alone {
                    repeat: true,
                    after: REST,
                    sent_until: Some(Instant::now()),
                    sendings: 1,
                });
            }
            Answer::Settled(Outcome::NotFound { record: lead() })
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_long_holds_up_nobody_but_its_lane() {
    let log = Arc::new(MemoryLog::default());
    let executor = Arc::new(Resting::default());
    let slow = (1..=MANY).map(|number| read(number, &format!("slow{number}")));
    let mut commands: Vec<Command> = slow.collect();
    commands.push(read(MANY + 1, "slow1"));
    commands.push(read(MANY + 2, "quick"));
    write(&log, &commands);
    let began = Instant::now();
    let running = start(&log, executor.clone(), 1_000_000);

    until("the quick one answers", || running.log.results().len() == 1).await;
    assert!(began.elapsed() < REST, "it waited for the resting ones");
    let count = |number: u64| {
        let proceeded = executor.proceeded.lock().unwrap();
        proceeded
            .get(&commands[number as usize - 1].id)
            .map_or(0, Vec::len)
    };
    assert_eq!(count(MANY + 1), 0, "its lane is taken");
    let all = commands.len();
    until("all answer", || running.log.results().len() == all).await;
    let took = began.elapsed();
    assert!(
        took < 3 * REST,
        "they rest side by side, not in turns: {took:?}"
    );
    assert_eq!((count(1), count(MANY + 1)), (2, 2));
    let went_on = |command: &Command| {
        let again = executor.proceeded.lock().unwrap()[&command.id][1];
        again.repeat && again.sendings == 1 && again.sent_until.is_some()
    };
    assert!(commands[..MANY as usize].iter().all(went_on));
    until("the position moves", || {
        running.log.position() == all as u64
    })
    .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_what_rests() {
    let log = Arc::new(MemoryLog::default());
    let executor = Arc::new(Resting::default());
    write(&log, &[read(1, "slow1"), read(2, "quick")]);
    let running = start(&log, executor, 1_000_000);
    until("the quick one answers", || running.log.results().len() == 1).await;
    let began = Instant::now();
    running.stop().await;
    assert!(began.elapsed() < REST / 2, "{:?}", began.elapsed());
    assert_eq!(log.position(), 0, "the next owner takes it up");
}
