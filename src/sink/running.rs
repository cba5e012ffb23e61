//! Requests under way: one task each, for one command or for several that share it.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinSet};

use crate::domain::Outcome;
use crate::sink::executor::{Alone, Answer};
use crate::sink::lanes::Job;

/// A panic's own words may quote a value; its place is in the process's output.
const PANICKED: &str = "the sink failed while it executed the command";

#[derive(Default)]
pub struct Running {
    tasks: JoinSet<Vec<Answer>>,
    jobs: HashMap<Id, Vec<Job>>,
}

impl Running {
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Starts a task that answers each of the jobs, in their order.
    pub fn start<T>(&mut self, jobs: Vec<Job>, task: T)
    where
        T: Future<Output = Vec<Answer>> + Send + 'static,
    {
        let id = self.tasks.spawn(task).id();
        self.jobs.insert(id, jobs);
    }

    /// Waits until a request ends, and answers what each of its commands came to. None if none
    /// is under way. Nothing is lost when the wait is dropped.
    pub async fn next(&mut self) -> Option<Vec<(Job, Answer)>> {
        let (id, answers) = match self.tasks.join_next_with_id().await? {
            Ok((id, answers)) => (id, Some(answers)),
            Err(error) => (error.id(), None),
        };
        let jobs = self.jobs.remove(&id).expect("every task has its jobs");
        let answers = answers.unwrap_or_else(|| after_panic(jobs.len()));
        assert_eq!(jobs.len(), answers.len(), "each command has its answer");
        Some(jobs.into_iter().zip(answers).collect())
    }

    pub async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }
}

/// One command of several may be what the panic was about; the others go on without it.
fn after_panic(count: usize) -> Vec<Answer> {
    if count > 1 {
        let repeat = true;
        let alone = Alone {
            repeat,
            ..Alone::default()
        };
        return Answer::all_alone(count, alone);
    }
    let reason = PANICKED.to_string();
    vec![Answer::Settled(Outcome::Unknown { reason })]
}
