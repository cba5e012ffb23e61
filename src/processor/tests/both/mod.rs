//! Both ways: change events in, writes to Intercom out, echoes, conflicts, conversion.

mod breaker;
mod conflicts;
mod conversion;
mod echoes;
mod explaining;
mod flow;
mod joining;
mod late;
mod late_sets;
mod merging;
mod outward;
mod owning;
mod placeholders;
mod relations;
mod sets;
mod shadow;
pub mod stage;
mod starved;
mod texts;
mod transforms;
mod storm;
