//! Where operators ask for an import and see how far it has come.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Serialize;
use tokio::sync::Notify;

use crate::domain::BridgeId;
use crate::feeds::import::pilot::Pilot;

/// The imports of a process, by bridge.
#[derive(Default)]
pub struct Board {
    counters: BTreeMap<BridgeId, Arc<Counter>>,
}

/// What is asked of one bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A run over everything, or over those on a list.
    Fresh(Option<Arc<Pilot>>),
    /// The last run, from where it stands.
    Resume,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has not been looked whether a run is unfinished.
    #[default]
    Starting,
    /// Nothing was asked for since the process started, and no run is unfinished.
    Idle,
    Running,
    /// A call failed and is made again; `why` says which.
    Waiting,
    /// A pilot was cut off by a restart, and its list is kept nowhere: give it again.
    NeedsList,
    /// All rows are in the log; the processor pursues them as a walk.
    Done,
}

/// How far an import has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Counts the runs of the bridge, from 1; 0 before the first, and while one that was asked for
    /// has not begun.
    pub run: u64,
    pub state: State,
    /// `source/object` that is being read.
    pub phase: String,
    pub rows: u64,
    /// Rows that the run is expected to take, as the systems said when it began.
    pub expected: Option<u64>,
    /// Rows that could not be read; each is a dead letter.
    pub unreadable: u64,
    /// Rows of others than those on the pilot's list.
    pub passed_over: u64,
    /// Rows of those on the pilot's list; none where everybody is taken.
    pub taken: Option<u64>,
    /// Milliseconds since the epoch.
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    /// What it waits for.
    pub why: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no bridge {0} is imported by this process")]
    UnknownBridge(String),
    #[error("an import of this bridge is under way")]
    Running,
    #[error(
        "the pilot was cut off, and its list is kept nowhere: give it again with --pilot FILE, \
         which goes on, or import everybody without --pilot and --resume"
    )]
    NeedsList,
    #[error("no import of this bridge was ever begun")]
    NothingToResume,
}

/// One bridge's part: the importer holds the other end.
#[derive(Default)]
pub struct Counter {
    inner: Mutex<(Progress, Option<Asked>)>,
    asked: Notify,
}

impl Board {
    /// Opens a counter; before anything is asked.
    pub fn open(&mut self, bridge: &BridgeId) -> Arc<Counter> {
        Arc::clone(self.counters.entry(bridge.clone()).or_default())
    }

    pub fn ask(&self, bridge: &str, asked: Asked) -> Result<Progress, Refusal> {
        let counter = self.counters.iter().find(|(id, _)| id.as_str() == bridge);
        let Some((_, counter)) = counter else {
            return Err(Refusal::UnknownBridge(bridge.to_owned()));
        };
        counter.ask(asked)
    }

    pub fn progress(&self) -> Vec<(BridgeId, Progress)> {
        let all = self.counters.iter();
        all.map(|(bridge, counter)| (bridge.clone(), counter.progress()))
            .collect()
    }
}

impl Counter {
    fn held(&self) -> MutexGuard<'_, (Progress, Option<Asked>)> {
        self.inner.lock().expect("no holder of this lock panics")
    }

    fn ask(&self, asked: Asked) -> Result<Progress, Refusal> {
        let mut held = self.held();
        let busy = matches!(held.0.state, State::Running | State::Waiting) || held.1.is_some();
        match asked {
            Asked::Fresh(_) if busy => return Err(Refusal::Running),
            // It goes on by itself.
            Asked::Resume if busy || held.0.state == State::Starting => {
                return Ok(held.0.clone());
            }
            Asked::Resume if held.0.state == State::NeedsList => {
                return Err(Refusal::NeedsList);
            }
            Asked::Resume if held.0.state == State::Done => return Ok(held.0.clone()),
            Asked::Resume => return Err(Refusal::NothingToResume),
            Asked::Fresh(_) => {}
        }
        held.1 = Some(asked);
        let state = match held.0.state {
            State::Starting => State::Starting,
            _ => State::Running,
        };
        // The numbers are those of the run before: whoever asks is told of their own.
        held.0 = Progress {
            state,
            ..Progress::default()
        };
        self.asked.notify_one();
        Ok(held.0.clone())
    }

    pub fn is_asked(&self) -> bool {
        self.held().1.is_some()
    }

    /// Drops what was asked and not begun.
    pub fn forget(&self) {
        self.held().1 = None;
    }

    pub fn progress(&self) -> Progress {
        self.held().0.clone()
    }

    pub fn show(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.held().0);
    }

    /// Waits until somebody asks.
    pub async fn next(&self) -> Asked {
        loop {
            let asked = self.asked.notified();
            if let Some(next) = self.held().1.take() {
                return next;
            }
            asked.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_shows_nothing_of_the_run_before() {
        let counter = Counter::default();
        let before = Progress {
            run: 1,
            state: State::Done,
            rows: 3,
            expected: Some(610),
            unreadable: 1,
            passed_over: 607,
            started_at: Some(1),
            finished_at: Some(2),
            ..Progress::default()
        };
        counter.show(|shown| *shown = before.clone());
        assert_eq!(counter.ask(Asked::Resume), Ok(before));
        let asked = Progress {
            state: State::Running,
            ..Progress::default()
        };
        assert_eq!(counter.ask(Asked::Fresh(None)), Ok(asked.clone()));
        assert_eq!(counter.progress(), asked);
    }
}
