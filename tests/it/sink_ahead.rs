//! Is what a predecessor settled beyond its position left as it is?

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crosswalk::domain::{CommandId, Topic};

use crate::sink_log::MemoryLog;
use crate::sink_remote::retitle;
use crate::sink_worker::{Scripted, read, start, starts, until, write};

/// Found by the simulation: a rep had deleted a Lead, or put an old value back, after our write had
/// been answered; the successor of a dead sink found what the write expected, and wrote again.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_settled_beyond_the_position_is_not_carried_out_again() {
    let log = Arc::new(MemoryLog::default());
    let executor = Scripted::with_lanes(&["stuck"]);
    let stuck = read(1, "stuck");
    let others = [retitle(2, "b", "", "x"), retitle(3, "c", "", "x")];
    write(&log, std::slice::from_ref(&stuck));
    write(&log, &others);
    let running = start(&log, executor.clone(), 1_000_000);
    until("the others answer", || running.log.results().len() == 2).await;
    assert_eq!(log.position(), 0, "the first is not settled");
    // It dies; its successor has the same topic before it.
    log.fence();
    until("it is acquired anew", || log.epoch() == 3).await;
    executor.open("stuck");
    executor.open("stuck");
    until("the position is behind all", || log.position() == 3).await;
    let asked = |id: CommandId| starts(&executor).iter().filter(|one| **one == id).count();
    assert_eq!(others.each_ref().map(|one| asked(one.id)), [1, 1]);
    let answered: Vec<CommandId> = log.results().iter().map(|one| one.command).collect();
    let each: BTreeSet<CommandId> = answered.iter().copied().collect();
    assert_eq!((answered.len(), each.len()), (3, 3), "one result for each");
    until("nothing is remembered", || {
        let outputs = log.outputs();
        let mut cursors = outputs.iter().filter(|one| one.topic == Topic::Cursors);
        cursors.next_back().is_some_and(|one| one.message.is_none())
    })
    .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_order_nothing_is_remembered() {
    let log = Arc::new(MemoryLog::default());
    let executor = Scripted::with_lanes(&[]);
    let running = start(&log, executor, 1_000_000);
    for number in 1..5 {
        write(&log, &[read(number, "a")]);
        until("it answers", || log.position() == number).await;
    }
    tokio::time::sleep(Duration::from_millis(60)).await;
    let all = log.outputs();
    running.stop().await;
    assert!(all.iter().all(|one| one.topic == Topic::Results), "{all:?}");
}
