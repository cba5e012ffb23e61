//! The sweep of an org's users: who the owners that records name are, and their roles. Users are
//! no change events unless somebody pays for them (salesforce.md 0.10), so they are asked for.
//!
//! A renamed role shows with the next save of its users: the role is no field of theirs.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::watch;

use crate::clients::Error as ClientError;
use crate::clients::salesforce::{Client, Page, row};
use crate::domain::{
    Change, Cursor, Message, Observation, ObservationBody, ObservationId, RawPayload,
    RecordSnapshot, Topic,
};
use crate::feeds::book::{self, Book, Standing};
use crate::feeds::remembered::Remembered;
use crate::feeds::salesforce::gather::Pack;
use crate::feeds::salesforce::notes::{self, Dead};
use crate::feeds::salesforce::org::Org;
use crate::ports::clock::Clock;
use crate::ports::event_log::{Outgoing, Place};
use crate::telemetry::{RoleHealth, metrics};

/// The name of the cursor: its position is the newest `SystemModstamp` in milliseconds.
pub const NAME: &str = "owners";
const OBJECT: &str = "User";
const FIELDS: [&str; 5] = ["Id", "Name", "Email", "IsActive", "UserRole.Name"];
/// A row can become visible after one that was saved later.
const OVERLAP_MS: i64 = 60_000;
/// Pages of one sweep; the next one goes on where it ended.
const PAGES_MAX: usize = 1_000;
/// After a sweep that failed.
const PAUSE_MAX: Duration = Duration::from_secs(30);
const REMEMBERED_MAX: usize = 10_000;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Remote(#[from] ClientError),
    #[error("{0}")]
    Book(#[from] book::Error),
}

/// What a sweep is made of.
pub struct Parts {
    pub org: Org,
    pub client: Arc<Client>,
    pub book: Arc<Book>,
    pub clock: Arc<dyn Clock>,
    pub health: RoleHealth,
    /// Between the end of a sweep and the next one.
    pub interval: Duration,
}

/// One org's sweep.
pub struct Owners {
    parts: Parts,
    /// The overlap shows the newest users again each time.
    remembered: Remembered,
}

impl Owners {
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            remembered: Remembered::new(REMEMBERED_MAX),
        }
    }

    /// Sweeps at once and then every interval, until `stop` turns true or its sender is dropped.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let swept = tokio::select! {
                swept = self.sweep() => swept,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let (health, part) = (&self.parts.health, self.parts.org.part(NAME));
            let pause = match swept {
                Ok(()) => {
                    health.recovered(&part);
                    self.parts.interval
                }
                Err(error) => {
                    let source = &self.parts.org.source;
                    tracing::warn!(%source, %error, "the sweep of users ended early");
                    health.degraded(&part, error.reason());
                    self.parts.interval.min(PAUSE_MAX)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Appends every user saved since the cursor, page by page, each with the cursor behind it.
    async fn sweep(&mut self) -> Result<(), Error> {
        let mut standing = self.parts.book.enter(&self.parts.org.source, NAME).await?;
        let soql = soql(standing.cursor.as_ref().and_then(since_ms));
        let mut page = Page::First { soql };
        for _ in 0..PAGES_MAX {
            let rows = self.parts.client.query_page(&page).await?;
            self.take(&mut standing, &rows.rows).await?;
            match rows.next {
                Some(next) => page = next,
                None => break,
            }
        }
        Ok(())
    }

    async fn take(&mut self, standing: &mut Standing, rows: &[Json]) -> Result<(), Error> {
        let now = self.parts.clock.now();
        let mut pack = Pack::default();
        let mut newest = standing.cursor.as_ref().and_then(since_ms);
        for row in rows {
            let asked = FIELDS.map(str::to_owned);
            match row::snapshot(&self.parts.org.source, OBJECT, row, &asked) {
                Ok(snapshot) => {
                    newest = newest.max(Some(snapshot.version.from_ms));
                    self.gather(row, snapshot, &mut pack);
                }
                Err(error) => self.bury(row, &error, &mut pack),
            }
        }
        let Some(newest) = newest else {
            // No row says where the sweep stands; what cannot be read is told all the same.
            if !pack.entries.is_empty() {
                self.parts.book.commit(standing, pack.entries).await?;
            }
            return Ok(());
        };
        let cursor = Cursor {
            source: self.parts.org.source.clone(),
            name: NAME.to_owned(),
            position: newest.to_string().into_bytes(),
            at: now,
        };
        let mut entries = pack.entries.clone();
        entries.push(notes::cursor(&cursor));
        self.parts.book.commit(standing, entries).await?;
        pack.measure(self.parts.org.source.as_str(), now.0);
        self.remembered.extend(pack.ids);
        let gauge = &metrics().feeds.cursor_timestamp_seconds;
        let labels = [self.parts.org.source.as_str(), NAME];
        gauge.with_label_values(&labels).set(now.0 as f64 / 1_000.0);
        standing.cursor = Some(cursor);
        Ok(())
    }

    fn gather(&self, row: &Json, snapshot: RecordSnapshot, pack: &mut Pack) {
        let id = ObservationId::of_swept_row(&snapshot);
        if self.remembered.contains(&id) || !pack.ids.insert(id) {
            pack.count("row", "repeated", None);
            return;
        }
        let bytes = row.to_string().into_bytes();
        let change = Change::Row(snapshot);
        let copies = self.parts.org.bridges.iter().map(|to| Outgoing {
            topic: Topic::SalesforceObserved,
            place: Place::Partition(to.partition),
            key: to.bridge.text(),
            message: Some(Message::Observation(Box::new(Observation {
                id,
                bridge: to.bridge.clone(),
                received_at: self.parts.clock.now(),
                traceparent: None,
                body: ObservationBody::Changed {
                    source: self.parts.org.source.clone(),
                    topic: OBJECT.to_owned(),
                    change: change.clone(),
                    raw: RawPayload {
                        content_type: "application/json".to_owned(),
                        bytes: bytes.clone(),
                    },
                },
            }))),
        });
        pack.add(copies.collect(), bytes.len());
        pack.count("row", "appended", None);
    }

    fn bury(&self, row: &Json, error: &row::Error, pack: &mut Pack) {
        let bytes = row.to_string().into_bytes();
        let dead = Dead {
            origin: format!("{}/{OBJECT}", self.parts.org.source),
            reason: "row_unreadable",
            hint: error.to_string(),
            bytes: &bytes,
        };
        let letters = notes::dead_letters(&self.parts.org, self.parts.clock.now(), &dead);
        pack.add(letters, bytes.len());
        pack.count("row", "dead_letter", None);
        let counter = &metrics().dead_letters_total;
        counter.with_label_values(&[dead.reason]).inc();
    }
}

impl Error {
    /// A code for health.
    fn reason(&self) -> &'static str {
        match self {
            Self::Remote(error) => error.health_code(),
            Self::Book(_) => "log_failed",
        }
    }
}

fn since_ms(cursor: &Cursor) -> Option<i64> {
    std::str::from_utf8(&cursor.position).ok()?.parse().ok()
}

/// Oldest first, so that the cursor can move with every page.
fn soql(since_ms: Option<i64>) -> String {
    let fields = FIELDS.join(", ");
    let since = since_ms.and_then(|ms| {
        let from = jiff::Timestamp::from_millisecond(ms.saturating_sub(OVERLAP_MS)).ok()?;
        Some(format!(" WHERE SystemModstamp >= {from}"))
    });
    let since = since.unwrap_or_default();
    format!("SELECT {fields}, SystemModstamp FROM {OBJECT}{since} ORDER BY SystemModstamp, Id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_overlaps_what_was_seen() {
        assert_eq!(
            soql(Some(1_768_018_994_000)),
            "SELECT Id, Name, Email, IsActive, UserRole.Name, SystemModstamp FROM User \
             WHERE SystemModstamp >= 2026-01-10T04:22:14Z ORDER BY SystemModstamp, Id"
        );
        assert!(!soql(None).contains("WHERE"));
    }
}
