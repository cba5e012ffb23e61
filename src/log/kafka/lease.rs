//! Leases: the transactional id of a partition of a role, the positions of its group, and what was
//! last committed under it.

use std::collections::BTreeMap;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;

use crate::domain::Topic;
use crate::log::encoded::{CallId, Encoded, check_outputs};
use crate::log::faults::{Fault, Point};
use crate::log::kafka::anchor::{Anchor, Ends};
use crate::log::kafka::connect::{self, topic_name, transactional_id};
use crate::log::kafka::left_open;
use crate::log::kafka::offsets::Offsets;
use crate::log::kafka::options::Options;
use crate::log::kafka::producer::Transactional;
use crate::log::kafka::refusal::Refusal;
use crate::log::topics::{group_outputs, group_topics};
use crate::ports::event_log::{Commit, Group, Lease, TopicPartition};

/// What this process holds of a lease.
pub struct Owned {
    lease: Lease,
    producer: Transactional,
    group: BaseConsumer,
    /// The call whose outcome nobody knows yet, with where its outputs would end.
    open: Option<(CallId, Ends)>,
    /// The last call that was committed.
    last: Option<(CallId, Ends)>,
    /// Where what was committed under the id ended, on each partition by the last that wrote to it.
    committed: Ends,
    /// Why the lease is of no use any more.
    lost: Option<String>,
    /// Why nothing can be committed under it until it is acquired anew.
    broken: Option<String>,
    /// Whether a transaction was aborted: its markers may be missing, too.
    has_aborted: bool,
    /// After a crash that a test asked for, nothing is answered any more.
    is_dead: bool,
}

/// The topics whose positions a group commits. The processor writes its journal and consumes it
/// from where its view stands.
pub(super) fn consumed(group: Group) -> impl Iterator<Item = Topic> {
    let topics = group_topics(group).iter().copied();
    topics.filter(|topic| *topic != Topic::Journal)
}

/// Where a group's owners write their [`Anchor`]: beside the position of its first topic. The feeds
/// consume nothing; theirs stands at the cursors that they move.
pub(super) fn anchor_of(group: Group) -> Topic {
    consumed(group).next().unwrap_or(Topic::Cursors)
}

impl Owned {
    /// Takes a partition of a group over.
    /// `before` is where the last commits that this process knows of ended.
    pub fn acquire(
        options: &Options,
        group: Group,
        partition: u32,
        before: &Ends,
    ) -> Result<Self, Refusal> {
        let id = transactional_id(&options.prefix, group, partition);
        let producer = Transactional::open(options, &id)?;
        let client: BaseConsumer = connect::of_group(options, group).create()?;
        let journal = TopicPartition {
            topic: Topic::Journal,
            partition,
        };
        let (known, anchor) = positions(options, &client, group, partition)?;
        let mut committed = anchor.ends;
        add_ends(&mut committed, before);
        let ended = left_open::end(options, group_outputs(group), &producer, &committed)?;
        let mut positions: BTreeMap<Topic, u64> = consumed(group).map(|topic| (topic, 0)).collect();
        positions.extend(known.clone());
        // Ends are those that anybody sees: what is still open may become visible.
        let mut ends = BTreeMap::new();
        for topic in group_topics(group) {
            let topic = *topic;
            let at = TopicPartition { topic, partition };
            let (_, end) = connect::watermarks(options, &client, at)?;
            ends.insert(topic, end);
        }
        let lease = Lease {
            group,
            partition,
            epoch: anchor.epoch + 1,
            positions,
            ends,
            taken_back: ended.get(&journal).copied(),
        };
        let owned = Self {
            lease,
            producer,
            group: client,
            open: None,
            last: None,
            committed,
            lost: None,
            broken: None,
            has_aborted: false,
            is_dead: false,
        };
        // Written down before anything is decided: the next owner counts on from it. The positions
        // take the place of what may be pending of them.
        owned.write(options, &[], &known)?;
        owned.producer.commit()?;
        Ok(owned)
    }

    /// Where the last commits under the lease's id ended, whoever made them.
    pub fn committed(&self) -> &Ends {
        &self.committed
    }

    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The inputs whose end lies behind the group's position, from where to where.
    pub fn untaken(&self) -> Vec<(TopicPartition, u64, u64)> {
        let partition = self.lease.partition;
        let positions = self.lease.positions.iter();
        let untaken = positions.filter_map(|(topic, from)| {
            let topic = *topic;
            let end = *self.lease.ends.get(&topic)?;
            (*from < end).then_some((TopicPartition { topic, partition }, *from, end))
        });
        untaken.collect()
    }

    /// What lies behind the position is the end of a transaction and no entry: the predecessor has
    /// taken all there was.
    pub fn nothing_waits(&mut self, topic: Topic) {
        if let Some(position) = self.lease.positions.get(&topic) {
            self.lease.ends.insert(topic, *position);
        }
    }

    pub fn commit(
        &mut self,
        options: &Options,
        call: CallId,
        entries: &[Encoded],
        positions: &[(TopicPartition, u64)],
    ) -> Commit {
        if self.is_dead {
            return unknown("the handle has crashed");
        }
        if let Some(reason) = &self.lost {
            return lost(reason.clone());
        }
        if let Some(reason) = self.broken.clone() {
            let fenced = false;
            return Commit::Aborted { fenced, reason };
        }
        match self.open.take() {
            Some((open, ends)) if open == call => return self.settle(call, ends),
            // Only the same call again, or another owner, can tell what became of it.
            Some(open) => {
                self.open = Some(open);
                return lost("the outcome of the call before is not known".to_owned());
            }
            None => {}
        }
        if let Some((last, ends)) = self.last.clone()
            && last == call
        {
            // It has happened; whether the lease still holds, only the brokers can say.
            return match self.confirm(options) {
                Ok(()) => self.answered(options, carried_out(&ends)),
                Err(refusal) => self.abort(refusal),
            };
        }
        // What an owner may have left open is looked for on its role's outputs.
        let checked = check_outputs(self.lease.group, entries);
        let moved = match checked.and_then(|()| self.moved(positions)) {
            Ok(moved) => moved,
            Err(reason) => {
                let fenced = false;
                return Commit::Aborted { fenced, reason };
            }
        };
        if self.has_aborted {
            let outputs = group_outputs(self.lease.group);
            let ended = left_open::end(options, outputs, &self.producer, &self.committed);
            if let Err(refusal) = ended {
                return self.abort(refusal);
            }
            self.has_aborted = false;
        }
        let ends = match self.write(options, entries, &moved) {
            Ok(ends) => ends,
            Err(refusal) => return self.abort(refusal),
        };
        match options.fault(Point::BeforeCommit) {
            Fault::None => {}
            Fault::Fail => return self.abort(Refusal::abortable("a test says so".to_owned())),
            Fault::Crash => {
                self.is_dead = true;
                return unknown("the handle has crashed");
            }
        }
        self.lease.positions.extend(moved);
        let ended = self.settle(call, ends);
        self.answered(options, ended)
    }

    /// The answer, unless a test loses it.
    fn answered(&mut self, options: &Options, ended: Commit) -> Commit {
        match options.fault(Point::AfterCommit) {
            Fault::None => ended,
            Fault::Fail => unknown("the answer was lost"),
            Fault::Crash => {
                self.is_dead = true;
                unknown("the handle has crashed")
            }
        }
    }

    /// The positions of a call, if they are the group's own and do not go back.
    fn moved(&self, positions: &[(TopicPartition, u64)]) -> Result<BTreeMap<Topic, u64>, String> {
        let mut moved = BTreeMap::new();
        for (at, position) in positions {
            let is_own = at.partition == self.lease.partition
                && consumed(self.lease.group).any(|topic| topic == at.topic);
            if !is_own {
                return Err(format!("{at:?} is no input of this lease"));
            }
            let known = self.lease.positions.get(&at.topic).copied();
            if known.is_some_and(|known| *position < known) {
                return Err(format!(
                    "the position of {at:?} would go back to {position}"
                ));
            }
            moved.insert(at.topic, *position);
        }
        Ok(moved)
    }

    /// Writes a transaction that is still open afterwards.
    fn write(
        &self,
        options: &Options,
        entries: &[Encoded],
        moved: &BTreeMap<Topic, u64>,
    ) -> Result<Ends, Refusal> {
        let ends = self.producer.write(options, entries)?;
        let mut committed = self.committed.clone();
        add_ends(&mut committed, &ends);
        let list = self.offsets(options, moved, committed)?;
        let group = self.group.group_metadata();
        let group = group.ok_or_else(|| Refusal::abortable("the group is not known".to_owned()))?;
        self.producer.add(Offsets { list, group })?;
        Ok(ends)
    }

    /// The positions that move, and always that of the anchor.
    fn offsets(
        &self,
        options: &Options,
        moved: &BTreeMap<Topic, u64>,
        ends: Ends,
    ) -> Result<TopicPartitionList, KafkaError> {
        let epoch = self.lease.epoch;
        let said = Anchor { epoch, ends };
        let Lease {
            group, partition, ..
        } = self.lease;
        let mut list = TopicPartitionList::new();
        let anchor = anchor_of(group);
        let known = self.lease.positions.get(&anchor).copied().unwrap_or(0);
        let mut all = BTreeMap::from([(anchor, known)]);
        all.extend(moved);
        for (topic, position) in all {
            let name = topic_name(options, topic);
            let at = anchor_partition(topic, partition);
            let mut element = list.add_partition(&name, at);
            element.set_offset(Offset::Offset(position as i64))?;
            if topic == anchor {
                element.set_metadata(said.text());
            }
        }
        Ok(list)
    }

    fn settle(&mut self, call: CallId, ends: Ends) -> Commit {
        match self.producer.commit() {
            Ok(()) => {
                add_ends(&mut self.committed, &ends);
                let committed = carried_out(&ends);
                self.last = Some((call, ends));
                committed
            }
            Err(refusal) if refusal.is_retriable => {
                self.open = Some((call, ends));
                unknown(&refusal.reason)
            }
            // It may have been carried out before somebody else took over: only who reads knows.
            Err(refusal) if refusal.is_fenced => {
                self.lost = Some(refusal.reason.clone());
                unknown(&refusal.reason)
            }
            // Without an answer to the abort nobody knows.
            Err(refusal) => match self.abort(refusal) {
                Commit::Aborted { reason, .. } if self.broken.is_some() => unknown(&reason),
                ended => ended,
            },
        }
    }

    /// Writes nothing but the count of owners, under the lease.
    fn confirm(&self, options: &Options) -> Result<(), Refusal> {
        self.write(options, &[], &BTreeMap::new())?;
        self.producer.commit()
    }

    fn abort(&mut self, refusal: Refusal) -> Commit {
        self.has_aborted = true;
        let is_usable = !refusal.is_fenced && !refusal.is_broken;
        let ended = if is_usable {
            self.producer.abort()
        } else {
            Err(refusal.clone())
        };
        let reason = refusal.reason;
        let fenced = ended.as_ref().is_err_and(|refusal| refusal.is_fenced);
        if fenced {
            self.lost = Some(reason.clone());
        } else if ended.is_err() {
            self.broken = Some(reason.clone());
        }
        Commit::Aborted { fenced, reason }
    }
}

/// The cursors have one partition, whichever the lease's is.
fn anchor_partition(topic: Topic, partition: u32) -> i32 {
    if topic == Topic::Cursors {
        return 0;
    }
    partition as i32
}

fn unknown(reason: &str) -> Commit {
    let reason = reason.to_owned();
    Commit::Unknown { reason }
}

fn carried_out(ends: &Ends) -> Commit {
    let mut of_topics = BTreeMap::new();
    for (at, end) in ends {
        let known: &mut u64 = of_topics.entry(at.topic).or_default();
        *known = (*end).max(*known);
    }
    Commit::Committed { ends: of_topics }
}

fn add_ends(known: &mut Ends, ends: &Ends) {
    for (at, end) in ends {
        let known = known.entry(*at).or_default();
        *known = (*end).max(*known);
    }
}

/// The lease is of no use any more.
pub fn lost(reason: String) -> Commit {
    let fenced = true;
    Commit::Aborted { fenced, reason }
}

/// The committed positions of a group in a partition, and what its owners wrote beside them.
pub(super) fn positions(
    options: &Options,
    client: &BaseConsumer,
    group: Group,
    partition: u32,
) -> Result<(BTreeMap<Topic, u64>, Anchor), KafkaError> {
    let anchor = anchor_of(group);
    let topics: BTreeMap<String, Topic> = consumed(group)
        .chain([anchor])
        .map(|topic| (topic_name(options, topic), topic))
        .collect();
    let mut list = TopicPartitionList::new();
    for (name, topic) in &topics {
        list.add_partition(name, anchor_partition(*topic, partition));
    }
    let committed = connect::patiently(options, || {
        let committed = client.committed_offsets(list.clone(), options.timeout)?;
        for element in committed.elements() {
            element.error()?;
        }
        Ok(committed)
    })?;
    let (mut positions, mut said) = (BTreeMap::new(), Anchor::default());
    for element in committed.elements() {
        let topic = topics[element.topic()];
        if let Offset::Offset(offset) = element.offset()
            && topic != Topic::Cursors
        {
            positions.insert(topic, offset.max(0) as u64);
        }
        if topic == anchor {
            said = Anchor::parse(element.metadata());
        }
    }
    Ok((positions, said))
}
