//! What a released bridge was sent while it stood aside is read again.

use crate::domain::{BridgeId, Timestamp};
use crate::ports::event_log::{ReadFrom, TopicPartition};
use crate::processor::driver::{Driver, Error};
use crate::processor::step::{self, waiting};

/// Parts that a released bridge takes again in one turn.
const PARTS_PER_TURN: usize = 4;

impl Driver {
    /// Bridges that were released take a part of what they were sent meanwhile: more than a turn
    /// takes of what comes, so that they arrive.
    pub(super) fn reread(&mut self, now: Timestamp) -> Result<usize, Error> {
        let mut taken = 0;
        for bridge in self.options.settings.bridges.clone() {
            for _ in 0..PARTS_PER_TURN {
                let Some(part) = self.part_of(&bridge)? else {
                    break;
                };
                let settings = &self.options.settings;
                let output = step::reread(
                    &self.view,
                    settings,
                    &mut self.mappings,
                    &bridge,
                    &part,
                    now,
                )?;
                self.check_view()?;
                self.commit(output, &[], now)?;
                taken += part.entries.len().max(1);
                self.show_bridges();
            }
        }
        Ok(taken)
    }

    /// The next part that a released bridge is to take again, none where none waits for it.
    fn part_of(&self, bridge: &BridgeId) -> Result<Option<step::Part>, Error> {
        let partition = self.options.settings.partition;
        let Some((topic, from, end)) = waiting(&self.view, partition, bridge) else {
            return Ok(None);
        };
        let at = TopicPartition { topic, partition };
        let start = self.log.bounds(at)?.start.clamp(from, end);
        let limit = self.limit();
        let entries = self
            .log
            .read_below(ReadFrom { at, offset: start }, end, limit)?;
        Ok(Some(step::Part {
            at,
            from,
            to: entries.last().map_or(end, |last| last.offset + 1),
            gone: start - from,
            entries,
        }))
    }
}
