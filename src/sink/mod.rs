//! Commands in, idempotent requests out, results back.
//!
//! One worker per system and partition owns a lease, reads commands, runs their lanes and commits
//! results and position together. What a system must be told stands in its own folder, twice the
//! same files: `plan` (command to requests, pure), `execute`, `classify` (its errors, pure).

mod ahead;
mod answer;
mod commit;
mod error;
mod executor;
mod first_try;
mod gate;
mod hold;
mod in_flight;
pub mod intercom;
mod lanes;
mod left;
mod pause;
mod reader;
pub mod retry;
mod running;
pub mod salesforce;
mod shared;
mod tenure;
mod worker;

pub use error::{Access, Error};
pub use executor::{Alone, Answer, Execute, Execution, Executions, Proceeding, Sharing};
pub use hold::Held;
pub use pause::Pause;
pub use worker::{Options, Worker};
