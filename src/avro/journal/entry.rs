//! `crosswalk.journal.JournalEntry`: one line of the journal.

use crate::avro::error::Error;
use crate::avro::wire::{Reader, Wire, Writer};
use crate::domain::{JournalEntry, JournalKey};

/// By hand: the schema says owner and body where the domain says key and event.
impl Wire for JournalEntry {
    fn put(&self, w: &mut Writer) {
        w.field("owner", &self.key);
        w.field("sequence", &self.sequence);
        w.field("at", &self.at);
        w.field("cause", &self.cause);
        w.field("body", &self.event);
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            key: r.field("owner")?,
            sequence: r.field("sequence")?,
            at: r.field("at")?,
            cause: r.field("cause")?,
            event: r.field("body")?,
        })
    }
}

union!(JournalKey {
    0 "Bridge" => Bridge(bridge),
    1 "Partition" => Partition(partition),
});
