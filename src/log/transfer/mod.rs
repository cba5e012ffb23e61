//! Moving an installation: a whole log in one file, and that file on Kafka.
//!
//! What the journal and the positions name by its offset keeps it: a view made from the moved
//! journal has the digest that it had, and every role goes on where it stood. Commands are spread
//! over other lanes, so only those that wait are moved; topics that nobody has a position in
//! (customer events, profiles, cursors, the trace) get new offsets.

mod error;
mod export;
mod file;
mod import;

use crate::domain::Topic;

pub use error::Error;
pub use export::export;
pub use file::Header;
pub use import::import;

/// Entries that were moved, by topic.
pub type Moved = std::collections::BTreeMap<Topic, u64>;

/// Whether entries of a topic keep their offsets: positions are taken in it, or entries are named
/// by them.
fn keeps_offsets(topic: Topic) -> bool {
    matches!(
        topic,
        Topic::Journal
            | Topic::Decisions
            | Topic::Results
            | Topic::IntercomObserved
            | Topic::SalesforceObserved
            | Topic::DeadLetters
    )
}
