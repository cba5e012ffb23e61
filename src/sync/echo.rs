//! Echoes: which fields of a change event are our own writes coming back, field by field
//! (design section 8).

use std::collections::BTreeSet;

use crate::domain::journal::{EchoSignal, Via};
use crate::domain::time::Order;
use crate::domain::view::{RecentWrite, RecordState, Seen};
use crate::domain::{Fields, Name, RecordSnapshot, Value, Version, Writer};
use crate::mapping::{Section, System};
use crate::sync::conflict::Sent;

/// What the fields of one change event are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sorted {
    /// Somebody else's.
    pub moves: Fields,
    /// Those of the moves that put another value in the place of one that we wrote, in our own
    /// transaction: automation.
    pub against: BTreeSet<Name>,
    /// They overlap a write of ours that no echo has confirmed: only a read can tell which of the
    /// two came last.
    pub held: Fields,
    /// Ours.
    pub echoes: Vec<Echo>,
    /// Ours, in a form of the remote's own that is accepted: name, what was sent, what is stored.
    pub forms: Vec<(Name, Value, Value)>,
    /// Ours, and it may be of an earlier write than the latest: only a read can tell.
    pub unclear: Vec<Name>,
    /// Told of before a read showed something newer.
    pub older: Vec<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    pub name: Name,
    pub value: Value,
    pub signal: EchoSignal,
    /// The record's write that it is the echo of.
    pub write: u64,
    /// Whether it also says what the field now holds.
    pub confirms: bool,
}

/// What is known when an event comes.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub section: &'a Section,
    pub system: System,
    pub object: &'a str,
    pub state: &'a RecordState,
    pub sent: Sent<'a>,
}

/// Sorts the fields of a change event.
pub fn sort(
    known: Known<'_>,
    watched: &BTreeSet<Name>,
    writer: Writer,
    snapshot: &RecordSnapshot,
) -> Sorted {
    let mut sorted = Sorted::default();
    let of = (writer != Writer::Foreign)
        .then(|| known.write_of(snapshot))
        .flatten();
    for name in watched {
        if let Some(got) = snapshot.fields.get(name) {
            if of.is_some_and(|of| known.is_rewritten(name, got, of)) {
                sorted.older.push(name.clone());
                continue;
            }
            known.sort_one(&mut sorted, writer, snapshot.version, name, got);
        }
    }
    sorted
}

impl Known<'_> {
    /// The write that an event of our own belongs to: the earliest that still waits for an echo and
    /// sent a value that the event shows.
    fn write_of(&self, snapshot: &RecordSnapshot) -> Option<u64> {
        let shows = |one: &&RecentWrite| {
            one.hashes.iter().any(|(name, sent)| {
                let shown = snapshot.fields.get(name);
                !one.echoed.contains(name) && shown.is_some_and(|value| value.hash() == *sent)
            })
        };
        self.state.writes().find(shows).map(|one| one.sequence)
    }

    /// Whether a later write than the event's own has replaced what it shows of a field that the
    /// event's write did not send: what a creation left blank, what automation set then.
    fn is_rewritten(&self, name: &Name, got: &Value, of: u64) -> bool {
        let wrote = |one: &&RecentWrite| one.hashes.contains_key(name);
        let mut writes = self.state.writes().filter(wrote);
        let own = writes.clone().any(|one| one.sequence == of);
        let later = writes.any(|one| one.sequence > of && !one.doubtful);
        !own && later && got != self.state.value_seen(name)
    }

    fn sort_one(&self, out: &mut Sorted, writer: Writer, at: Version, name: &Name, got: &Value) {
        let ours = writer != Writer::Foreign;
        if let Some(value) = self.sent.value(name)
            && !self.state.echoed.contains(name)
        {
            return self.of_write_in_flight(out, (writer, at), name, got, value);
        }
        if ours && let Some(echo) = self.of_earlier_write(writer, name, got) {
            return out.echoes.push(echo);
        }
        let last = self.state.seen.get(name);
        let unconfirmed = last.filter(|seen| seen.via == Via::Write && !seen.confirmed);
        if ours && let Some(seen) = unconfirmed {
            return self.own_form(out, name, &seen.value, got);
        }
        let order = last.and_then(|seen| against_an_answer(at, seen));
        if got == self.state.value_seen(name) {
            match order {
                // Somebody said the same before our write, whose echo is still to come.
                Some(Order::Older) => out.older.push(name.clone()),
                _ => out.echoes.extend(self.untagged(name, got)),
            }
            return;
        }
        let (name, got) = (name.clone(), got.clone());
        match order {
            _ if unconfirmed.is_some() => {
                out.held.insert(name, got);
            }
            // The answer may have been given before or after: only another one can tell.
            Some(Order::Overlaps) => {
                out.held.insert(name, got);
            }
            Some(Order::Older) => out.older.push(name),
            Some(Order::Newer) | None => {
                out.moves.insert(name, got);
            }
        }
    }

    fn of_write_in_flight(
        &self,
        out: &mut Sorted,
        (writer, at): (Writer, Version),
        name: &Name,
        got: &Value,
        sent: &Value,
    ) {
        if writer != Writer::Foreign
            && let Some(echo) = self.of_one_before_another(writer, name, got)
        {
            return out.echoes.push(echo);
        }
        if got == sent {
            if writer == Writer::Foreign && self.sent.is_after(at) {
                // Somebody said the same before, and our echo is still to come.
                return out.older.push(name.clone());
            }
            let signal = match writer {
                Writer::Ours => EchoSignal::Tag,
                Writer::OurUser | Writer::Foreign => EchoSignal::InFlight,
            };
            out.echoes.push(Echo {
                name: name.clone(),
                value: got.clone(),
                signal,
                write: self.state.write_sequence,
                confirms: true,
            });
        } else if writer != Writer::Foreign {
            match self.of_earlier_write(writer, name, got) {
                Some(echo) => out.echoes.push(echo),
                None => self.own_form(out, name, sent, got),
            }
        } else {
            out.held.insert(name.clone(), got.clone());
        }
    }

    /// The echo of a write behind which another one of another value waits for its own: a feed
    /// keeps the order of the writes, so it is not that of a later write which sent the same again.
    fn of_one_before_another(&self, writer: Writer, name: &Name, got: &Value) -> Option<Echo> {
        let echo = self.of_earlier_write(writer, name, got)?;
        let hash = got.hash();
        let mut later = self.state.writes().filter(|one| one.sequence > echo.write);
        let another = later.any(|one| one.hashes.get(name).is_some_and(|sent| *sent != hash));
        another.then_some(echo)
    }

    /// An event of our own that shows what one of the last writes sent; of several the earliest
    /// whose echo can still come. An earlier one than the latest sets nothing back. A feed keeps
    /// the order of the writes: once a write's echo has been seen, that of an earlier one cannot
    /// come.
    fn of_earlier_write(&self, writer: Writer, name: &Name, got: &Value) -> Option<Echo> {
        let wrote = |one: &&RecentWrite| one.hashes.contains_key(name);
        let writes = self.state.writes().rev().filter(wrote);
        let latest = writes.clone().next()?.sequence;
        let open = writes.take_while(|one| !one.echoed.contains(name));
        let hash = got.hash();
        let found = open
            .filter(|one| one.hashes.get(name) == Some(&hash))
            .last()?;
        let signal = match writer {
            _ if found.sequence != latest => EchoSignal::Late,
            Writer::Ours => EchoSignal::Tag,
            Writer::OurUser | Writer::Foreign => EchoSignal::Seen,
        };
        Some(Echo {
            name: name.clone(),
            value: got.clone(),
            signal,
            write: found.sequence,
            // What stands between it and the latest is still to come.
            confirms: found.sequence == latest && got == self.state.value_seen(name),
        })
    }

    /// The value is what is seen already. The first time after a write, that is its echo.
    fn untagged(&self, name: &Name, got: &Value) -> Option<Echo> {
        let echo = self.of_earlier_write(Writer::Foreign, name, got)?;
        (echo.signal == EchoSignal::Seen).then_some(echo)
    }

    /// We wrote the field and it came back different: the remote's own form, or automation. Where
    /// a write of another value waits for its echo too, it may be that one's.
    fn own_form(&self, out: &mut Sorted, name: &Name, sent: &Value, got: &Value) {
        if got == sent {
            return;
        }
        let wrote = |one: &&RecentWrite| one.hashes.contains_key(name);
        let writes = self.state.writes().rev().filter(wrote);
        let open = writes.take_while(|one| !one.echoed.contains(name));
        let others = open.filter(|one| one.hashes.get(name) != Some(&sent.hash()));
        let field = self.section.written_as(self.system, self.object, name);
        let accepted =
            field.is_none_or(|field| !field.flows_from(self.system) || field.equivalent(sent, got));
        let same = field.is_some_and(|field| field.equivalent(sent, got));
        if others.count() > 0 && !same {
            out.unclear.push(name.clone());
        } else if accepted {
            out.forms.push((name.clone(), sent.clone(), got.clone()));
        } else {
            out.against.insert(name.clone());
            out.moves.insert(name.clone(), got.clone());
        }
    }
}

/// How an event stands to an answer that showed the field. Events among themselves keep the feed's
/// order.
fn against_an_answer(at: Version, seen: &Seen) -> Option<Order> {
    let answered = !matches!(seen.via, Via::Feed);
    answered.then(|| at.against(&seen.version))
}

/// Whether the last write of a field still waits for its echo: what a feed tells of the field until
/// then was committed before that write.
pub fn awaits_echo(state: &RecordState, name: &str) -> bool {
    let mut writes = state.writes().rev();
    let last = writes.find(|write| write.hashes.contains_key(name));
    last.is_some_and(|write| !write.echoed.contains(name))
}

/// The recent write whose echo a snapshot is, if it shows values that this write sent and that no
/// echo has shown yet: the write's sequence and the fields.
pub fn shown_again(state: &RecordState, snapshot: &RecordSnapshot) -> Option<(u64, Vec<Name>)> {
    let write = state.writes().next_back()?;
    let shown = |name: &&Name| {
        let value = snapshot.fields.get(*name);
        !write.echoed.contains(*name)
            && value.is_some_and(|value| *value == *state.value_seen(name))
    };
    let fields: Vec<Name> = write.hashes.keys().filter(shown).cloned().collect();
    (!fields.is_empty()).then_some((write.sequence, fields))
}

/// What is known of the place of a snapshot that shows other values than our write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// By its version alone, at which it came to be.
    ByVersion,
    /// By its version alone, at which it was there: what was read may be from before any of the
    /// last writes.
    Shown,
    /// A feed keeps its order: it comes from after what the write expected, whatever the clocks
    /// say.
    Causally,
}

/// How far our clock may be ahead of a source's where it alone tells that a write looked later.
const CLOCK_AHEAD_MS: i64 = 10_000;

/// Whether a value was over when a write of ours looked: it was told of minutes late. What the
/// first write after it found is what came after the value, unless a write before that one has put
/// it there: that may have replaced the value.
fn was_over(state: &RecordState, name: &Name, told: Version) -> bool {
    let over = told.to_ms.saturating_add(CLOCK_AHEAD_MS);
    let wrote = |write: &&RecentWrite| write.hashes.contains_key(name);
    let mut earlier = Vec::new();
    for write in state.writes().filter(wrote) {
        if write.doubtful || write.asked.at.0 <= over {
            earlier.push(write);
            continue;
        }
        let found = write.before.get(name).filter(|_| write.looked);
        return found.is_some_and(|found| {
            let hash = found.hash();
            !earlier.iter().any(|one| one.sent(name, &hash))
        });
    }
    false
}

/// What a snapshot from before a write of ours shows of fields that the write has replaced:
/// somebody set them, not knowing of the write, and we did not know of them.
pub fn overwritten(state: &RecordState, snapshot: &RecordSnapshot, placed: Placed) -> Fields {
    let is_lost = |(name, shown): &(&Name, &Value)| {
        let hash = shown.hash();
        let wrote = |write: &&RecentWrite| write.hashes.contains_key(*name);
        let mut writes = state.writes().rev().filter(wrote);
        let known = writes.clone().any(|write| {
            write.hashes.get(*name) == Some(&hash) || write.before.get(*name) == Some(shown)
        });
        // What is held is judged at the answer it waited for, so no write came after that one.
        let Some(write) = writes.next() else {
            return false;
        };
        let sent = |hash: &[u8; 16]| {
            let mut earlier = writes.clone();
            earlier.any(|write| write.hashes.get(*name) == Some(hash))
        };
        let found_later = |write: &RecentWrite| {
            let found = write.before.get(*name).filter(|_| write.looked);
            found.is_some_and(|found| !sent(&found.hash()))
        };
        let news = match snapshot.version.against(&write.since) {
            _ if placed == Placed::Shown && known => false,
            _ if placed == Placed::Causally && was_over(state, name, snapshot.version) => false,
            // The write found what came after it.
            Order::Older if placed == Placed::Causally && write.looked => false,
            _ if placed == Placed::Causally => write.before.get(*name) != Some(shown),
            Order::Newer => write.before.get(*name) != Some(shown),
            // In the second of what was known: what we have not seen there before is news too,
            // unless the write looked and found what somebody had said after it.
            Order::Overlaps => !known && !found_later(write),
            Order::Older => false,
        };
        let stands = write.sent(name, &state.value_seen(name).hash());
        // What the write itself sent is that write coming back.
        let is_ours = write.sent(name, &hash);
        stands && news && !is_ours
    };
    let lost = snapshot.fields.iter().filter(is_lost);
    lost.map(|(name, shown)| (name.clone(), shown.clone()))
        .collect()
}
