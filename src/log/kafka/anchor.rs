//! What a group's owners write beside one position of a partition, with every transaction: how many
//! of them there were, and where the last transaction that was committed ended. Whoever reads it
//! knows that this transaction came through, also where the brokers have not told so on a partition
//! that it wrote to.

use std::collections::BTreeMap;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;

use crate::domain::Topic;
use crate::log::kafka::connect::{self, topic_name};
use crate::log::kafka::lease::anchor_of;
use crate::log::kafka::options::Options;
use crate::log::topics;
use crate::ports::event_log::{Group, TopicPartition};

/// Where what a transaction wrote ends: the offset behind the last entry of each partition.
pub type Ends = BTreeMap<TopicPartition, u64>;

/// Brokers take 4,096 bytes unless told otherwise (`offset.metadata.max.bytes`).
const BYTES_MAX: usize = 4_000;

/// The metadata of the position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anchor {
    pub epoch: u64,
    pub ends: Ends,
}

impl Anchor {
    /// As it is stored. Beyond what brokers take, ends are left out, the journal's last of all.
    pub fn text(&self) -> String {
        let mut text = format!("epoch={}", self.epoch);
        let is_journal = |at: &TopicPartition| at.topic == Topic::Journal;
        let (first, rest): (Vec<_>, Vec<_>) = self.ends.iter().partition(|(at, _)| is_journal(at));
        for (at, end) in first.into_iter().chain(rest) {
            let number = topics::spec(at.topic).number;
            let part = format!(" {number}/{}={end}", at.partition);
            if text.len() + part.len() > BYTES_MAX {
                break;
            }
            text.push_str(&part);
        }
        text
    }

    /// What another crosswalk wrote there and this one does not know is passed over.
    pub fn parse(text: &str) -> Self {
        let mut anchor = Self::default();
        for (name, value) in text.split(' ').filter_map(|part| part.split_once('=')) {
            let Ok(value) = value.parse() else {
                continue;
            };
            if name == "epoch" {
                anchor.epoch = value;
            } else if let Some(at) = place(name) {
                anchor.ends.insert(at, value);
            }
        }
        anchor
    }
}

/// What stands there while an import is under way. The first owner afterwards writes over it.
const IMPORTING: &str = "importing";

/// Says that the log holds part of an installation only.
pub fn mark(options: &Options) -> Result<(), KafkaError> {
    let client: BaseConsumer = connect::of_group(options, Group::Processor).create()?;
    let mut list = TopicPartitionList::new();
    let topic = topic_name(options, anchor_of(Group::Processor));
    let mut element = list.add_partition(&topic, 0);
    element.set_offset(Offset::Offset(0))?;
    element.set_metadata(IMPORTING);
    client.commit(&list, CommitMode::Sync)
}

/// Whether an import has not ended.
pub fn is_marked(options: &Options) -> Result<bool, KafkaError> {
    let client: BaseConsumer = connect::of_group(options, Group::Processor).create()?;
    let mut list = TopicPartitionList::new();
    list.add_partition(&topic_name(options, anchor_of(Group::Processor)), 0);
    let found = connect::patiently(options, || {
        client.committed_offsets(list.clone(), options.timeout)
    })?;
    let mut found = found.elements().into_iter();
    Ok(found.any(|element| element.metadata() == IMPORTING))
}

fn place(text: &str) -> Option<TopicPartition> {
    let (number, partition) = text.split_once('/')?;
    let number: u8 = number.parse().ok()?;
    let mut all = Topic::ALL.into_iter();
    let topic = all.find(|topic| topics::spec(*topic).number == number)?;
    let partition = partition.parse().ok()?;
    Some(TopicPartition { topic, partition })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(topic: Topic, partition: u32) -> TopicPartition {
        TopicPartition { topic, partition }
    }

    #[test]
    fn an_anchor_is_read_as_it_was_written() {
        let ends = [(at(Topic::Results, 7), 3), (at(Topic::Journal, 2), 1 << 40)];
        let anchor = Anchor {
            epoch: 12,
            ends: ends.into(),
        };
        assert_eq!(anchor.text(), "epoch=12 5/2=1099511627776 2/7=3");
        assert_eq!(Anchor::parse(&anchor.text()), anchor);
    }

    #[test]
    fn of_an_anchor_what_is_not_known_is_passed_over() {
        let strange = "epoch=4 99/0=7 5/x=1 5/0=y later=3 2/1=6 nonsense";
        let ends = [(at(Topic::Results, 1), 6)].into();
        assert_eq!(Anchor::parse(strange), Anchor { epoch: 4, ends });
        assert_eq!(Anchor::parse(""), Anchor::default());
    }

    #[test]
    fn an_anchor_is_cut_to_what_brokers_take_and_keeps_the_journal() {
        let lanes = (0..1_000).map(|lane| (at(Topic::SalesforceWrites, lane), u64::MAX));
        let mut ends: Ends = lanes.collect();
        ends.insert(at(Topic::Journal, 9), 5);
        let anchor = Anchor { epoch: 1, ends };
        let text = anchor.text();
        assert!(text.len() <= BYTES_MAX && text.len() > BYTES_MAX - 100);
        let read = Anchor::parse(&text);
        assert_eq!(read.ends[&at(Topic::Journal, 9)], 5);
        assert!(read.ends.iter().all(|(at, end)| anchor.ends[at] == *end));
    }
}
