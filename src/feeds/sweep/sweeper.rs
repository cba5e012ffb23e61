//! One bridge's sweep: reads the pages of a window, appends what they hold, moves the position, and
//! says behind the last one what was compared.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::watch;

use crate::clients::Error as ClientError;
use crate::domain::{BridgeId, Change, Cursor, ObservationId, SourceId};
use crate::feeds::book::{self, Book, Standing};
use crate::feeds::pages::{Item, Org, Part, Phase, Workspace, phases};
use crate::feeds::pause::wait_after;
use crate::feeds::remembered::Remembered;
use crate::feeds::rows::Rows;
use crate::feeds::salesforce::notes;
use crate::feeds::sweep::position::Position;
use crate::ports::clock::Clock;
use crate::ports::event_log::Outgoing;
use crate::telemetry::{RoleHealth, metrics};

/// Between two tries of a call that failed; doubles up to the longest.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Rows of one commit: a page is split, so that live changes come between.
const COMMIT_ROWS_MAX: usize = 100;
/// The overlap of two windows shows its rows again.
const REMEMBERED_MAX: usize = 20_000;
/// In metrics.
const FEED: &str = "sweep";

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Between the ends of two windows.
    pub interval: Duration,
    /// How long ago a window ends: what was saved since may still be on its way.
    pub settle: Duration,
    /// How much of the window before is read again: a source can show a row late.
    pub overlap: Duration,
    /// Rows appended in a second at most: what people change meanwhile stands behind them.
    pub rows_per_second_max: u32,
}

/// What a sweeper is made of.
pub struct Parts {
    pub bridge: BridgeId,
    /// Of the input topics.
    pub partition: u32,
    pub org: Org,
    pub workspaces: Vec<Workspace>,
    pub book: Arc<Book>,
    pub clock: Arc<dyn Clock>,
    pub health: RoleHealth,
    pub options: Options,
}

/// One bridge's sweep.
pub struct Sweeper {
    parts: Parts,
    rows: Rows,
    remembered: Remembered,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Remote(#[from] ClientError),
    #[error("{0}")]
    Book(#[from] book::Error),
}

impl Sweeper {
    pub fn new(parts: Parts) -> Self {
        let rows = Rows {
            bridge: parts.bridge.clone(),
            partition: parts.partition,
            clock: Arc::clone(&parts.clock),
        };
        Self {
            parts,
            rows,
            remembered: Remembered::new(REMEMBERED_MAX),
        }
    }

    /// Sweeps every interval, until `stop` turns true or its sender is dropped.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.serve() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn serve(&mut self) {
        let mut pause = PAUSE_FIRST;
        loop {
            match self.turn().await {
                Ok(wait) => {
                    pause = PAUSE_FIRST;
                    self.parts.health.recovered(&self.part());
                    tokio::time::sleep(wait).await;
                }
                Err(error) => {
                    let bridge = &self.parts.bridge;
                    let wait = match &error {
                        Error::Remote(error) => wait_after(error, pause),
                        Error::Book(_) => pause,
                    };
                    tracing::warn!(%bridge, %error, ?wait, "the sweep waits");
                    self.parts.health.degraded(&self.part(), error.reason());
                    tokio::time::sleep(wait).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    fn part(&self) -> String {
        format!("{}/{FEED}", self.parts.bridge)
    }

    /// One run, what is left of one, or how long it is until the next.
    async fn turn(&mut self) -> Result<Duration, Error> {
        let name = format!("{FEED}/{}", self.parts.bridge);
        let source = &self.parts.org.source;
        let mut standing = self.parts.book.enter(source, &name).await?;
        let options = self.parts.options;
        let now = self.parts.clock.now().0;
        let until = now - millis(options.settle);
        let known = standing.cursor.as_ref().and_then(Position::of);
        let mut position = match known {
            None => {
                let cursor = self.cursor(&mut standing, &Position::first(now));
                self.append(&standing, vec![cursor]).await?;
                return Ok(options.interval);
            }
            Some(known) if known.is_over => {
                let due = known.until.saturating_add(millis(options.interval));
                if until < due {
                    return Ok(Duration::from_millis(until.abs_diff(due)));
                }
                known.next(until, millis(options.overlap))
            }
            Some(known) => known,
        };
        let org = &self.parts.org;
        let phases = phases(org, &self.parts.workspaces, Some(position.window()));
        while let Some(phase) = phases.get(position.phase) {
            self.page(&mut standing, &mut position, phase).await?;
        }
        self.end(&mut standing, position).await?;
        Ok(Duration::ZERO)
    }

    /// Reads one page and appends it, in parts, the position with the last of them.
    async fn page(
        &mut self,
        standing: &mut Standing,
        position: &mut Position,
        phase: &Phase,
    ) -> Result<(), Error> {
        let Part { items, next } = match phase.read(position.after.as_deref()).await {
            Ok(part) => part,
            Err(error) if position.after.is_some() && phase.is_lost(&error) => {
                position.after = None;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let rows = items.iter().filter(|one| !matches!(one, Item::Tag(..)));
        let count = rows.count() as u64;
        *position.rows.entry(phase.source().to_string()).or_default() += count;
        position.after = next;
        if position.after.is_none() {
            position.phase += 1;
        }
        let mut ids = Vec::new();
        let mut entries = Vec::new();
        for item in items {
            entries.extend(self.entry(phase, item, &mut ids));
        }
        let mut rest = entries.as_slice();
        while rest.len() > COMMIT_ROWS_MAX {
            let (now, later) = rest.split_at(COMMIT_ROWS_MAX);
            self.append(standing, now.to_vec()).await?;
            rest = later;
        }
        let mut last = rest.to_vec();
        last.push(self.cursor(standing, position));
        self.append(standing, last).await?;
        self.remembered.extend(ids);
        let labels = [phase.source().as_str(), phase.object()];
        let counter = &metrics().feeds.swept_rows_total;
        counter.with_label_values(&labels).inc_by(count);
        Ok(())
    }

    /// The entry of an item, unless this process has appended it already.
    fn entry(&self, phase: &Phase, item: Item, ids: &mut Vec<ObservationId>) -> Option<Outgoing> {
        let (source, object) = (phase.source(), phase.object());
        let (id, change, raw) = match item {
            Item::Row(row, raw) => {
                let id = ObservationId::of_swept_row(&row);
                (id, Change::Swept(*row), raw)
            }
            Item::Gone(record, at, raw) => {
                let id = ObservationId::of_swept_gone(&record, at.from_ms);
                (id, Change::SweptGone { record, at }, raw)
            }
            Item::Tag(tag_id, name, raw) => {
                let id = ObservationId::of_import(source, 0, &format!("tag {tag_id} {name}"));
                (id, Change::TagNamed { tag_id, name }, raw)
            }
            Item::Unreadable(why, raw) => return Some(self.rows.dead_letter(phase, why, &raw)),
        };
        if self.remembered.contains(&id) {
            return None;
        }
        ids.push(id);
        let body = (source, object, change, raw);
        Some(self.rows.observation(id, phase.is_salesforce(), body))
    }

    async fn append(&self, standing: &Standing, entries: Vec<Outgoing>) -> Result<(), Error> {
        let count = entries.len() as u32;
        self.parts.book.commit(standing, entries).await?;
        let second = f64::from(count) / f64::from(self.parts.options.rows_per_second_max.max(1));
        tokio::time::sleep(Duration::from_secs_f64(second)).await;
        Ok(())
    }

    fn cursor(&self, standing: &mut Standing, position: &Position) -> Outgoing {
        let now = self.parts.clock.now();
        let cursor = Cursor {
            source: self.parts.org.source.clone(),
            name: format!("{FEED}/{}", self.parts.bridge),
            position: position.to_bytes(),
            at: now,
        };
        let entry = notes::cursor(&cursor);
        standing.cursor = Some(cursor);
        let gauge = &metrics().feeds.cursor_timestamp_seconds;
        let labels = [self.parts.org.source.as_str(), FEED];
        gauge.with_label_values(&labels).set(now.0 as f64 / 1_000.0);
        entry
    }

    /// Says behind the rows of every source what was compared.
    async fn end(&self, standing: &mut Standing, mut position: Position) -> Result<(), Error> {
        position.is_over = true;
        let workspaces = self.parts.workspaces.iter().map(|one| (&one.source, false));
        let sources: Vec<(&SourceId, bool)> = std::iter::once((&self.parts.org.source, true))
            .chain(workspaces)
            .collect();
        let window = position.window();
        let mut entries: Vec<Outgoing> = Vec::new();
        for (source, is_salesforce) in sources {
            let compared = position.rows.get(source.as_str()).copied().unwrap_or(0);
            let id = ObservationId::of_sweep(source, position.run, position.until);
            let change = Change::SweepEnded {
                run: position.run,
                since: window.since,
                until: window.until,
                compared,
            };
            let body = (source, FEED, change, Json::Null);
            entries.push(self.rows.observation(id, is_salesforce, body));
        }
        entries.push(self.cursor(standing, &position));
        self.append(standing, entries).await?;
        let (bridge, run) = (&self.parts.bridge, position.run);
        let rows: u64 = position.rows.values().sum();
        tracing::debug!(%bridge, run, rows, "sweep {run} compared {rows} rows");
        Ok(())
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

fn millis(duration: Duration) -> i64 {
    duration.as_millis().try_into().unwrap_or(i64::MAX)
}
