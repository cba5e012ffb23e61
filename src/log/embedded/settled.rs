//! What a lease remembers of its last commit, so that the same call again gets the same answer.
//!
//! ```text
//! call id 32 | for each topic that got an output: topic number u8, end u64 big endian
//! ```
//! The ends are stored since others may have appended to the same topics in between.

use std::collections::BTreeMap;

use crate::domain::Topic;
use crate::log::encoded::CallId;
use crate::log::topics::spec;

/// The offset behind the last output, per topic.
pub type Ends = BTreeMap<Topic, u64>;

pub fn pack(call: &CallId, ends: &Ends) -> Vec<u8> {
    let mut bytes = call.to_vec();
    for (topic, end) in ends {
        bytes.push(spec(*topic).number);
        bytes.extend_from_slice(&end.to_be_bytes());
    }
    bytes
}

/// The ends of the remembered commit, if it was made by this call.
pub fn ends_of(bytes: &[u8], call: &CallId) -> Option<Ends> {
    let mut rest = bytes.strip_prefix(call)?;
    let mut ends = Ends::new();
    while let Some((packed, tail)) = rest.split_first_chunk::<9>() {
        let [number, end @ ..] = *packed;
        let mut topics = Topic::ALL.into_iter();
        if let Some(topic) = topics.find(|topic| spec(*topic).number == number) {
            ends.insert(topic, u64::from_be_bytes(end));
        }
        rest = tail;
    }
    Some(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_call_finds_its_ends_and_another_finds_nothing() {
        let ends = Ends::from([(Topic::Journal, 7), (Topic::Trace, u64::MAX)]);
        for ends in [Ends::new(), ends] {
            let bytes = pack(&[3; 32], &ends);
            assert_eq!(ends_of(&bytes, &[3; 32]), Some(ends));
            assert_eq!(ends_of(&bytes, &[4; 32]), None);
        }
    }
}
