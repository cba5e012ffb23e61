//! Which commands may be written without a read before.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::Command;
use crate::ports::clock::Clock;

/// What tells a first try from one that an earlier owner or attempt may have carried out.
#[derive(Clone)]
pub struct FirstTries {
    pub clock: Arc<dyn Clock>,
    /// Commands below it may have been executed by the predecessor without a trace.
    pub end: u64,
    /// When its last request has ended.
    pub predecessor_until: Instant,
    /// A first try that is older reads before it writes.
    pub age_max: Duration,
}

impl FirstTries {
    /// Whether the command at `offset` must read before it writes, as of now.
    pub fn read_first(&self, offset: u64, command: &Command) -> bool {
        let age = self.clock.now().0.saturating_sub(command.requested_at.0);
        let old = i128::from(age) > self.age_max.as_millis() as i128;
        let below_end = offset < self.end;
        below_end || old || command.reads_first()
    }

    /// Until when somebody may have sent the command before; none if that may be up to now, which
    /// is so of a repeat of what this owner had in hand.
    pub fn sent_until(&self, offset: u64, command: &Command) -> Option<Instant> {
        let ours = offset >= self.end && command.attempt > 1;
        (!ours).then_some(self.predecessor_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        BridgeId, CommandId, CommandKind, ObservationId, ReadCommand, RecordRef, SourceId,
        Timestamp, WriteCommand, WriteTarget,
    };

    struct At(i64);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp(self.0)
        }
    }

    fn command(attempt: u32) -> Command {
        let bridge = BridgeId::new("main").unwrap();
        let source = SourceId::new("desk").unwrap();
        Command {
            id: CommandId::requested_at(&bridge, 1),
            attempt,
            requested_at: Timestamp(0),
            deadline: Timestamp(0),
            lane: String::new(),
            cause: ObservationId::of_decision("test"),
            caused_at: Timestamp(0),
            kind: CommandKind::Read(ReadCommand::Record {
                record: RecordRef::new(&source, "contact", "1").unwrap(),
                fields: Vec::new(),
            }),
            bridge,
            source,
        }
    }

    #[test]
    fn only_a_repeat_of_our_own_may_have_been_sent_up_to_now() {
        let predecessor_until = Instant::now();
        let tries = |now| FirstTries {
            clock: Arc::new(At(now)),
            end: 10,
            predecessor_until,
            age_max: Duration::from_secs(60),
        };
        let cases = [
            // What its predecessor had in hand, in any attempt.
            (9, 1, 0, true, Some(predecessor_until)),
            (9, 2, 0, true, Some(predecessor_until)),
            (10, 1, 0, false, Some(predecessor_until)),
            // Nobody has sent what only waited for long.
            (10, 1, 60_001, true, Some(predecessor_until)),
            (10, 2, 0, true, None),
        ];
        for (offset, attempt, now, read_first, sent_until) in cases {
            let (tries, command) = (tries(now), command(attempt));
            let found = (
                tries.read_first(offset, &command),
                tries.sent_until(offset, &command),
            );
            assert_eq!(found, (read_first, sent_until), "{offset} {attempt} {now}");
        }
    }

    #[test]
    fn a_write_over_what_people_there_say_reads_first_at_its_first_try() {
        let tries = FirstTries {
            clock: Arc::new(At(0)),
            end: 10,
            predecessor_until: Instant::now(),
            age_max: Duration::from_secs(60),
        };
        for read_first in [false, true] {
            let mut command = command(1);
            command.kind = CommandKind::Write(WriteCommand {
                target: WriteTarget::Record(
                    RecordRef::new(&command.source, "contact", "1").unwrap(),
                ),
                sequence: 1,
                fields: Vec::new(),
                auto_assign: false,
                read_first,
            });
            assert_eq!(tries.read_first(10, &command), read_first);
        }
    }
}
