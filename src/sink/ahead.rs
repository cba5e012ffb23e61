//! Ahead: which commands beyond a sink's position are settled. It is remembered in the very commit
//! that tells their results: a successor that carried them out again would undo what a person has
//! made of them since.

use crate::clients::System;
use crate::domain::{Cursor, Message, SourceId, Timestamp, Topic};
use crate::ports::event_log::{Entry, EntryBody, Outgoing, Place};

/// Under which source the cursors of the sinks stand. No feed of any source has such a name as
/// theirs, so that they are nobody else's.
const SOURCE: &str = "_sinks";

/// Offsets from the first one up to, and without, the second.
pub type Span = (u64, u64);

/// What one owner has told, and found told, of the commands beyond its position.
#[derive(Debug)]
pub struct Ahead {
    name: String,
    /// What the newest entry in the log says.
    told: Vec<Span>,
}

impl Ahead {
    /// Takes what the predecessor left; what cannot be read is as good as nothing: every command
    /// below the topic's end reads before it writes.
    pub fn inherited(system: System, partition: u32, entry: Option<&Entry>) -> Self {
        let told = match entry.map(|entry| &entry.body) {
            Some(EntryBody::Message(Message::Cursor(cursor))) => decode(&cursor.position),
            _ => None,
        };
        Self {
            name: name(system, partition),
            told: told.unwrap_or_default(),
        }
    }

    /// Whether the predecessor has settled a command, or this owner has.
    pub fn is_settled(&self, offset: u64) -> bool {
        let holds = |(from, to): &Span| (*from..*to).contains(&offset);
        self.told.iter().any(holds)
    }

    /// What a commit has to say beside its results; nothing where it would say the same again.
    /// `settled` is known of what was taken, up to `next`: of what lies behind, what was told
    /// stands, or a slow reader would make it forgotten.
    pub fn tell(&mut self, settled: Vec<Span>, next: u64, at: Timestamp) -> Option<Outgoing> {
        let mut settled = settled;
        for (from, to) in &self.told {
            let from = next.max(*from);
            match settled.last_mut() {
                _ if from >= *to => {}
                Some((_, end)) if *end == from => *end = *to,
                _ => settled.push((from, *to)),
            }
        }
        if settled == self.told {
            return None;
        }
        let source = SourceId::new(SOURCE).expect("the name is a valid id");
        let cursor = Cursor {
            source: source.clone(),
            name: self.name.clone(),
            position: encode(&settled),
            at,
        };
        let message = (!settled.is_empty()).then_some(Message::Cursor(cursor));
        self.told = settled;
        Some(Outgoing {
            topic: Topic::Cursors,
            place: Place::ByKey,
            key: Cursor::key(&source, &self.name).into(),
            message,
        })
    }
}

/// The key under which a sink's entry stands.
pub fn key(system: System, partition: u32) -> String {
    let (source, name) = place(system, partition, "");
    Cursor::key(&source, &name)
}

/// Where a sink's cursors stand; what else it says than this has another ending.
pub fn place(system: System, partition: u32, ending: &str) -> (SourceId, String) {
    let source = SourceId::new(SOURCE).expect("the name is a valid id");
    (source, name(system, partition) + ending)
}

fn name(system: System, partition: u32) -> String {
    match system {
        System::Intercom => format!("intercom.writes/{partition}"),
        System::Salesforce => format!("salesforce.writes/{partition}"),
    }
}

fn encode(spans: &[Span]) -> Vec<u8> {
    postcard::to_stdvec(spans).expect("numbers can be written")
}

fn decode(bytes: &[u8]) -> Option<Vec<Span>> {
    postcard::from_bytes(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::event_log::TopicPartition;

    fn entry(outgoing: Outgoing) -> Entry {
        let body = outgoing.message.map(EntryBody::Message);
        Entry {
            at: TopicPartition {
                topic: Topic::Cursors,
                partition: 0,
            },
            offset: 0,
            appended_at: Timestamp(0),
            key: outgoing.key.to_string(),
            body: body.unwrap_or(EntryBody::Tombstone),
        }
    }

    #[test]
    fn what_was_told_is_known_to_the_successor() {
        let mut ahead = Ahead::inherited(System::Salesforce, 3, None);
        assert_eq!(
            ahead.tell(vec![], 12, Timestamp(0)),
            None,
            "in order: no word"
        );
        let told = ahead.tell(vec![(5, 7), (9, 10)], 12, Timestamp(0)).unwrap();
        assert_eq!(ahead.tell(vec![(5, 7), (9, 10)], 12, Timestamp(0)), None);
        assert_eq!(*told.key, key(System::Salesforce, 3));
        let mut next = Ahead::inherited(System::Salesforce, 3, Some(&entry(told)));
        let settled: Vec<u64> = (0..12).filter(|offset| next.is_settled(*offset)).collect();
        assert_eq!(settled, [5, 6, 9]);
        let last = next.tell(vec![], 12, Timestamp(0)).unwrap();
        assert_eq!(last.message, None, "a tombstone, once");
        assert_eq!(next.tell(vec![], 12, Timestamp(0)), None);
    }

    #[test]
    fn what_has_not_been_read_again_yet_stays_told() {
        let mut ahead = Ahead::inherited(System::Salesforce, 0, None);
        let told = ahead.tell(vec![(1, 3), (5, 6)], 6, Timestamp(0)).unwrap();
        let mut next = Ahead::inherited(System::Salesforce, 0, Some(&entry(told)));
        // The reader has shown the first command only, which is open.
        assert_eq!(next.tell(vec![], 1, Timestamp(0)), None);
        assert!(next.is_settled(1) && next.is_settled(5));
        assert_eq!(next.tell(vec![(1, 2)], 2, Timestamp(0)), None);
        next.tell(vec![(1, 4)], 4, Timestamp(0)).unwrap();
        assert!(next.is_settled(3) && next.is_settled(5) && !next.is_settled(4));
    }

    #[test]
    fn bytes_that_cannot_be_read_say_nothing() {
        let mut told = Ahead::inherited(System::Intercom, 0, None);
        let mut told = told.tell(vec![(1, 2)], 12, Timestamp(0)).unwrap();
        if let Some(Message::Cursor(cursor)) = &mut told.message {
            cursor.position = vec![255; 3];
        }
        let next = Ahead::inherited(System::Intercom, 0, Some(&entry(told)));
        assert!(!next.is_settled(1));
    }
}
