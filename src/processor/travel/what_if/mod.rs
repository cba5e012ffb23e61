//! What would have been: the retained observations, decided anew under another mapping, beside what
//! was decided.
//!
//! Two views stand side by side. The one is evolved from the journal: what happened. The other
//! takes the same observations in the same order, each told as it would have been seen there, and
//! its commands are answered as ours were, or as if they had succeeded.

pub mod beginning;
pub mod ledger;
mod answers;
mod retold;
pub mod run;

pub use ledger::{Difference, Effect};
pub use run::{Report, WhatIf};
