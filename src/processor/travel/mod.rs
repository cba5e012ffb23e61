//! Time travel: the view as it stood, and the events that made it so. Read only.

pub mod replay;
pub mod touched;
mod changes;
pub mod what_if;
pub mod history;
