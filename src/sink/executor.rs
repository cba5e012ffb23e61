//! What a worker asks of a system's executor.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::clients::System;
use crate::domain::{Command, Outcome};

pub type Execution<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;
pub type Proceeding<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;
pub type Executions<'a> = Pin<Box<dyn Future<Output = Vec<Answer>> + Send + 'a>>;

/// Carries commands out.
///
/// - `execute` returns when the command is settled: while the system is down it does not return.
///   What may concern one record only ends within a bound, if need be with an unknown outcome.
/// - With `repeat` it must not write before it has read, since an earlier try may have written.
/// - Dropping the future may leave a request under way for up to `request_timeout`.
pub trait Execute: Send + Sync {
    fn system(&self) -> System;

    fn request_timeout(&self) -> Duration;

    fn execute<'a>(&'a self, command: &'a Command, repeat: bool) -> Execution<'a>;

    /// Carries a command out as far as that takes no long wait: what has to wait for long answers
    /// how it goes on after it, so that it holds up no others meanwhile.
    fn proceed<'a>(&'a self, command: &'a Command, alone: Alone) -> Proceeding<'a> {
        Box::pin(async move { Answer::Settled(self.execute(command, alone.repeat).await) })
    }

    /// With which others a first try may share a request. None for what always goes alone.
    fn sharing(&self, command: &Command) -> Option<Sharing> {
        let _ = command;
        None
    }

    /// Carries first tries out in one request; one answer for each, in their order. They are of one
    /// bridge and source, their `sharing` names one request and distinct rows, and none of them
    /// need read first. Returns as soon as what concerns one row only is all that is left to do.
    fn execute_many<'a>(&'a self, commands: &'a [Command]) -> Executions<'a> {
        Box::pin(async move { Answer::all_alone(commands.len(), Alone::default()) })
    }
}

/// What a command may share a request with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// Commands of one bridge and source that name the same may share one.
    pub request: String,
    /// The record it writes: a request holds each once.
    pub row: String,
    /// Commands in that request, at most.
    pub rows_max: usize,
}

/// What a command of a shared request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Settled(Outcome),
    /// It is still to be executed, by itself.
    Alone(Alone),
}

/// How a command goes on by itself, and what is known of the tries before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alone {
    /// It may have been carried out.
    pub repeat: bool,
    /// How long it waits before. Others go on meanwhile, but for those of its lane.
    pub after: Duration,
    /// Until when it may have been sent; none if that may be up to now.
    pub sent_until: Option<Instant>,
    /// How often it was sent, as far as is known.
    pub sendings: u32,
}

impl Answer {
    pub fn all_alone(count: usize, alone: Alone) -> Vec<Self> {
        vec![Self::Alone(alone); count]
    }
}
