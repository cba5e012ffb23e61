//! What a worker asks of a system's executor.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::clients::System;
use crate::domain::{Command, Outcome};

pub type Execution<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

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
}
