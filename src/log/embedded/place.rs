//! Where an entry stands in the file: one integer that sorts by topic, partition and offset.
//!
//! ```text
//! bit 63   62..56   55..44      43..0
//!     0    topic    partition   offset
//! ```
//! Being the table's own key it needs no index beside it, and a partition is a range.

use crate::domain::Topic;
use crate::log::topics;
use crate::ports::event_log::TopicPartition;

/// Partitions of a topic at most.
pub const PARTITIONS_MAX: u32 = 1 << 12;
const OFFSET_BITS: u32 = 44;
const OFFSET_MAX: u64 = (1 << OFFSET_BITS) - 1;

/// A topic's partition as the upper bits of its places.
pub fn slot(at: TopicPartition) -> i64 {
    debug_assert!(at.partition < PARTITIONS_MAX);
    i64::from(topics::spec(at.topic).number) << 12 | i64::from(at.partition)
}

/// The place of an offset; an offset beyond the last possible one is the last.
pub fn place(slot: i64, offset: u64) -> i64 {
    slot << OFFSET_BITS | offset.min(OFFSET_MAX) as i64
}

pub fn offset(place: i64) -> u64 {
    place as u64 & OFFSET_MAX
}

/// The partition in which a place lies.
pub fn partition(place: i64) -> u32 {
    (place >> OFFSET_BITS & i64::from(PARTITIONS_MAX - 1)) as u32
}

/// The last possible place of a slot; no entry ever stands there.
pub fn past(slot: i64) -> i64 {
    place(slot, OFFSET_MAX)
}

/// The topic and partition of a slot; none for a topic this version does not know.
pub fn topic_partition(slot: i64) -> Option<TopicPartition> {
    let number = u8::try_from(slot >> 12).ok()?;
    let mut topics = Topic::ALL.into_iter();
    let topic = topics.find(|topic| topics::spec(*topic).number == number)?;
    let partition = (slot & i64::from(PARTITIONS_MAX - 1)) as u32;
    Some(TopicPartition { topic, partition })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_sort_by_topic_partition_offset_and_split_again() {
        let mut last = -1;
        for topic in Topic::ALL {
            for partition in [0, 1, PARTITIONS_MAX - 1] {
                let at = TopicPartition { topic, partition };
                for offset in [0, 1, OFFSET_MAX - 1] {
                    let here = place(slot(at), offset);
                    assert!(here > last);
                    last = here;
                    assert_eq!(super::offset(here), offset);
                    assert_eq!(super::partition(here), partition);
                    assert_eq!(topic_partition(slot(at)), Some(at));
                }
            }
        }
    }
}
