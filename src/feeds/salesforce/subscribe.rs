//! The subscription to an org's change events: from the stored cursor on, into the log, for ever.
//!
//! A cursor is appended with what it covers or after it, never before. What ends a subscription
//! leads back to the stored cursor: nothing is lost, and what comes twice has the same id.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::AfterGap;
use crate::domain::{Cursor, SourceSchema, Timestamp};
use crate::feeds::book::{Book, Standing};
use crate::feeds::remembered::Remembered;
use crate::feeds::salesforce::cache::{self, Cache, Found};
use crate::feeds::salesforce::event::{Decode, Event};
use crate::feeds::salesforce::gather::{Limits, Pack};
use crate::feeds::salesforce::notes::{self, Dead};
use crate::feeds::salesforce::org::Org;
use crate::feeds::salesforce::pace::{Pace, Trouble};
use crate::feeds::salesforce::source::{Answer, Batch, Failure, Identity, Received, Source, Start};
use crate::feeds::salesforce::translate::Context;
use crate::ports::clock::Clock;
use crate::telemetry::{RoleHealth, metrics};

/// The name of the cursor.
pub const NAME: &str = "cdc";
/// Tokens refused in a row after which a person is told.
const TOKENS_MAX: u32 = 3;

#[derive(Clone, Debug)]
pub struct Options {
    pub channel: String,
    pub after_gap: AfterGap,
    /// Entries and bytes of one append.
    pub batch_entries_max: usize,
    pub batch_bytes_max: usize,
    /// How long a call or an open subscription may say nothing.
    pub liveness: Duration,
    /// Before a subscription is opened again: from the first pause, growing, to the longest.
    pub pause_first: Duration,
    pub pause_max: Duration,
    /// Between two cursors while nothing happens but signs of life.
    pub cursor_interval: Duration,
    pub schemas_max: usize,
    pub remembered_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            channel: "/data/ChangeEvents".to_owned(),
            after_gap: AfterGap::Earliest,
            batch_entries_max: 500,
            batch_bytes_max: 8 * 1_048_576,
            liveness: Duration::from_secs(120),
            pause_first: Duration::from_secs(1),
            pause_max: Duration::from_secs(60),
            cursor_interval: Duration::from_secs(30),
            schemas_max: 256,
            remembered_max: 50_000,
        }
    }
}

/// How much longer a subscription without a position may say nothing. Opened anew it begins at the
/// next event, and what lies between is lost; Salesforce says something within 270 s (salesforce.md
/// 1.4), which is more than a subscription with a position is given.
pub const BLIND_PATIENCE: u32 = 3;

/// What a feed is made of.
pub struct Parts {
    pub org: Org,
    pub source: Arc<dyn Source>,
    pub decoder: Arc<dyn Decode>,
    pub book: Arc<Book>,
    pub clock: Arc<dyn Clock>,
    pub health: RoleHealth,
    pub options: Options,
}

/// One org's feed.
pub struct Feed {
    parts: Parts,
    /// As last read or appended under the lease; none before the first session.
    standing: Option<Standing>,
    schemas: Cache,
    remembered: Remembered,
    pace: Pace,
    tokens_refused: u32,
    /// The trouble that people were told of last, until something comes again.
    told: Option<&'static str>,
    /// Subscriptions that were opened at the next event, no position being known.
    blind: watch::Sender<u64>,
    /// Whether a subscription was opened, or could not be.
    tried: watch::Sender<bool>,
}

// === impl Feed ===

impl Feed {
    pub fn new(parts: Parts) -> Self {
        Self {
            schemas: Cache::new(parts.options.schemas_max),
            remembered: Remembered::new(parts.options.remembered_max),
            standing: None,
            pace: Pace::new(parts.options.pause_first, parts.options.pause_max),
            tokens_refused: 0,
            told: None,
            blind: watch::Sender::new(0),
            tried: watch::Sender::new(false),
            parts,
        }
    }

    /// Counts the subscriptions that were opened without a position. Until something comes that
    /// names one, a later one of them means that changes may lie between the two.
    pub fn blind(&self) -> watch::Receiver<u64> {
        self.blind.subscribe()
    }

    /// Turns true when the first subscription is open, or could not be opened.
    pub fn tried(&self) -> watch::Receiver<bool> {
        self.tried.subscribe()
    }

    /// Follows the feed until `stop` turns true or its sender is dropped. What is being appended
    /// then is appended whole or not at all.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            never = self.follow() => match never {},
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn follow(&mut self) -> Infallible {
        loop {
            let trouble = match self.session().await {
                Err(trouble) => trouble,
                Ok(never) => match never {},
            };
            self.tried.send_replace(true);
            let pause = match self.face(&trouble).await {
                Ok(pause) => pause,
                // What was to be told could not be: it is told when it comes again.
                Err(trouble) => self.pace.pause(&trouble),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// One subscription, from the stored cursor until something ends it.
    async fn session(&mut self) -> Result<Infallible, Trouble> {
        let source = Arc::clone(&self.parts.source);
        let book = &self.parts.book;
        let standing = book.enter(&self.parts.org.source, NAME).await;
        let standing = standing.map_err(Trouble::Book)?;
        let start = start(standing.cursor.as_ref());
        let is_blind = matches!(start, Start::Latest);
        self.standing = Some(standing);
        let identity = self.within(source.identity()).await?;
        let channel = self.parts.options.channel.clone();
        let mut stream = self.within(source.connect(&channel, &start)).await?;
        if is_blind {
            self.blind.send_modify(|count| *count += 1);
        }
        self.tried.send_replace(true);
        loop {
            let batch = waited(self.patience(), stream.next()).await?;
            self.take(&identity, batch).await?;
            self.progress();
        }
    }

    /// How long the subscription may say nothing.
    fn patience(&self) -> Duration {
        let standing = self.standing.as_ref();
        match start(standing.and_then(|standing| standing.cursor.as_ref())) {
            Start::Latest => self.parts.options.liveness * BLIND_PATIENCE,
            _ => self.parts.options.liveness,
        }
    }

    async fn within<T>(&self, answer: Answer<'_, T>) -> Result<T, Trouble> {
        waited(self.parts.options.liveness, answer).await
    }

    /// Appends what came, with the cursor behind it.
    async fn take(&mut self, identity: &Identity, batch: Batch) -> Result<(), Trouble> {
        let mut pack = Pack::default();
        for (at, received) in batch.events.iter().enumerate() {
            self.gather(identity, received, &mut pack).await?;
            // Events can share a replay id (salesforce.md 0.8): it is passed with the last one.
            let next = batch.events.get(at + 1);
            let shared = next.is_some_and(|next| next.replay_id == received.replay_id);
            if !shared && !received.replay_id.is_empty() {
                pack.covered = Some(received.replay_id.clone());
            }
        }
        if batch.events.is_empty() && self.cursor_is_due(&batch.latest_replay_id) {
            pack.covered = Some(batch.latest_replay_id);
        }
        self.commit(pack).await
    }

    /// A quiet channel's cursor must move on too, or it ages past what is kept.
    fn cursor_is_due(&self, latest: &[u8]) -> bool {
        let standing = self.standing.as_ref();
        let Some(cursor) = standing.and_then(|standing| standing.cursor.as_ref()) else {
            return !latest.is_empty();
        };
        let interval = self.parts.options.cursor_interval.as_millis() as i64;
        let age = self.parts.clock.now().0 - cursor.at.0;
        !latest.is_empty() && (age >= interval || age < 0)
    }

    async fn gather(
        &mut self,
        identity: &Identity,
        received: &Received,
        pack: &mut Pack,
    ) -> Result<(), Trouble> {
        let (event, new) = self.read(received).await?;
        if let Some(schema) = new {
            let bytes = schema.json.len();
            pack.add(vec![notes::schema(schema)], bytes);
        }
        let event = match event {
            Ok(event) => event,
            Err(dead) => {
                self.bury(received, dead, pack);
                return Ok(());
            }
        };
        for index in 0..event.targets.len() {
            self.gather_target(identity, (received, &event, index), pack)
                .await?;
        }
        if event.targets.is_empty() {
            let hint = "it names no record; look at its bytes".to_owned();
            self.bury(received, ("no_record", hint), pack);
        }
        Ok(())
    }

    async fn gather_target(
        &mut self,
        identity: &Identity,
        (received, event, index): (&Received, &Event, usize),
        pack: &mut Pack,
    ) -> Result<(), Trouble> {
        let context = Context {
            org: &self.parts.org,
            identity,
            channel: &self.parts.options.channel,
        };
        let now = self.parts.clock.now();
        let (change, committed_ms) = (event.kind.as_str(), Some(event.committed_ms));
        let Ok(translated) = context.translate(received, event, index, now) else {
            let hint = "the object or record it names is none; look at its bytes".to_owned();
            self.bury(received, ("no_record", hint), pack);
            return Ok(());
        };
        if self.remembered.contains(&translated.id) || pack.ids.contains(&translated.id) {
            pack.count(change, "repeated", committed_ms);
            return Ok(());
        }
        let limits = Limits {
            entries_max: self.parts.options.batch_entries_max,
            bytes_max: self.parts.options.batch_bytes_max,
        };
        let size = received.payload.len();
        if pack.is_full(limits, translated.entries.len(), size) {
            // Without this event's replay id: it is passed when all of its records are in.
            self.commit(std::mem::take(pack)).await?;
        }
        let outcome = if translated.kept { "kept" } else { "appended" };
        pack.count(change, outcome, committed_ms);
        pack.ids.insert(translated.id);
        pack.add(translated.entries, size);
        Ok(())
    }

    /// The event, or why it is none, with a schema that is to be kept.
    #[allow(clippy::type_complexity, reason = "two answers to one question")]
    async fn read(
        &mut self,
        received: &Received,
    ) -> Result<(Result<Event, (&'static str, String)>, Option<SourceSchema>), Trouble> {
        let id = &received.schema_id;
        let parts = &self.parts;
        let from = (&parts.org.source, parts.source.as_ref());
        let finding = self
            .schemas
            .find(id, from, &parts.book, parts.decoder.as_ref());
        let found = match tokio::time::timeout(parts.options.liveness, finding).await {
            Ok(found) => found.map_err(|error| match error {
                cache::Error::Book(error) => Trouble::Book(error),
                cache::Error::Remote(failure) => Trouble::Remote(failure),
            })?,
            Err(_) => return Err(Trouble::Silent),
        };
        Ok(match found {
            Found::Reader { reader, new } => {
                let read = reader.read(&received.payload);
                let dead = |why| ("event_unreadable", format!("schema {id}: {why}"));
                (read.map_err(dead), new)
            }
            Found::Unreadable { why, new } => {
                let dead = ("schema_unknown", format!("schema {id}: {why}"));
                (Err(dead), new)
            }
        })
    }

    /// One event must not stop the feed: its bytes are kept for a person.
    fn bury(&self, received: &Received, (reason, hint): (&str, String), pack: &mut Pack) {
        let replay = hex::encode(&received.replay_id);
        let dead = Dead {
            origin: format!(
                "{}{}@{replay}",
                self.parts.org.source, self.parts.options.channel
            ),
            reason,
            hint,
            bytes: &received.payload,
        };
        let now = self.parts.clock.now();
        let letters = notes::dead_letters(&self.parts.org, now, &dead);
        tracing::warn!(source = %self.parts.org.source, schema = received.schema_id, reason,
            "a change event became a dead letter");
        pack.add(letters, received.payload.len());
        pack.count("undecoded", "dead_letter", None);
        let counter = &metrics().dead_letters_total;
        counter.with_label_values(&[reason]).inc();
    }

    /// Appends the pack and, if it covers something, the cursor, as one step.
    async fn commit(&mut self, pack: Pack) -> Result<(), Trouble> {
        let Some(standing) = &self.standing else {
            return Err(Trouble::Book(crate::feeds::book::Error::Lost));
        };
        let now = self.parts.clock.now();
        let mut entries = pack.entries.clone();
        let moved = pack.covered.clone().map(|to| self.cursor(to, now));
        if let Some(cursor) = &moved {
            if let Some((kind, text)) = beginning(standing.cursor.as_ref()) {
                let org = &self.parts.org;
                entries.extend(notes::notifications(org, now, kind, text));
            }
            entries.push(notes::cursor(cursor));
        }
        if entries.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.parts.book.commit(standing, entries).await {
            self.schemas.clear();
            return Err(Trouble::Book(error));
        }
        pack.measure(self.parts.org.source.as_str(), now.0);
        self.remembered.extend(pack.ids);
        if let Some(cursor) = moved {
            self.stand_at(cursor);
        }
        Ok(())
    }

    fn cursor(&self, position: Vec<u8>, at: Timestamp) -> Cursor {
        Cursor {
            source: self.parts.org.source.clone(),
            name: NAME.to_owned(),
            position,
            at,
        }
    }

    fn stand_at(&mut self, cursor: Cursor) {
        let labels = [cursor.source.as_str(), NAME];
        let gauge = &metrics().feeds.cursor_timestamp_seconds;
        let seconds = cursor.at.0 as f64 / 1_000.0;
        gauge.with_label_values(&labels).set(seconds);
        if let Some(standing) = &mut self.standing {
            standing.cursor = Some(cursor);
        }
    }

    fn progress(&mut self) {
        self.pace.progress();
        self.tokens_refused = 0;
        self.told = None;
        self.parts.health.recovered(&self.parts.org.part(NAME));
    }

    /// Does what a trouble asks for; returns how long to wait before the next session.
    async fn face(&mut self, trouble: &Trouble) -> Result<Duration, Trouble> {
        let reason = trouble.reason();
        metrics()
            .feeds
            .reconnects_total
            .with_label_values(&[reason])
            .inc();
        let source = &self.parts.org.source;
        tracing::warn!(%source, reason, "the feed of change events ended: {trouble}");
        let part = self.parts.org.part(NAME);
        self.parts.health.degraded(&part, reason);
        match trouble {
            Trouble::Remote(Failure::ReplayRejected) if self.rejected_cursor().is_some() => {
                self.declare_gap().await?;
                return Ok(Duration::ZERO);
            }
            Trouble::Remote(Failure::Unauthorised) => {
                self.tokens_refused += 1;
                if self.tokens_refused >= TOKENS_MAX {
                    self.tell(
                        reason,
                        "Salesforce refuses every token; look at the app's user",
                    )
                    .await?;
                }
            }
            Trouble::Remote(Failure::LimitUsedUp) => {
                let text = "the org's allocation of delivered events is used up; the feed waits, \
                            and goes on where it stands within the 72 h that events are kept";
                self.tell(reason, text).await?;
            }
            Trouble::Remote(Failure::Refused(code)) => {
                let text = format!(
                    "Salesforce refuses the subscription ({code}); \
                     look at the channel, the licence and the user's permissions"
                );
                self.tell(reason, &text).await?;
            }
            _ => {}
        }
        Ok(self.pace.pause(trouble))
    }

    /// The cursor whose replay id was sent, if one was.
    fn rejected_cursor(&self) -> Option<&Cursor> {
        let cursor = self.standing.as_ref()?.cursor.as_ref()?;
        matches!(start(Some(cursor)), Start::After(_)).then_some(cursor)
    }

    /// Says which window may be missing and where the feed goes on, in one step: it never starts
    /// anew without a word (salesforce.md 1.5).
    async fn declare_gap(&mut self) -> Result<(), Trouble> {
        let (Some(standing), Some(cursor)) = (&self.standing, self.rejected_cursor()) else {
            return Ok(());
        };
        let now = self.parts.clock.now();
        let (position, goes_on) = match self.parts.options.after_gap {
            AfterGap::Earliest => (notes::AT_EARLIEST, "the oldest event that is kept"),
            AfterGap::Latest => (notes::AT_LATEST, "the next event"),
        };
        let (from, to) = (notes::moment(cursor.at), notes::moment(now));
        let text = format!(
            "Salesforce no longer takes the cursor of {}: changes from {from} to {to} may be \
             missing; the feed goes on at {goes_on}; import what changed in that window",
            cursor.source
        );
        let cursor = self.cursor(position.to_vec(), now);
        let org = &self.parts.org;
        let mut entries: Vec<_> = notes::notifications(org, now, "feed_gap", &text).collect();
        entries.push(notes::cursor(&cursor));
        let committed = self.parts.book.commit(standing, entries).await;
        committed.map_err(Trouble::Book)?;
        tracing::error!(source = %org.source, "{text}");
        let counter = &metrics().feeds.gaps_total;
        counter.with_label_values(&[org.source.as_str()]).inc();
        // Stays until the process ends: a person has to look whether the import was made.
        let reason = format!("from {from} to {to}");
        self.parts.health.degraded(&org.part("gap"), reason);
        self.stand_at(cursor);
        Ok(())
    }

    /// Tells people once per row of troubles.
    async fn tell(&mut self, reason: &'static str, text: &str) -> Result<(), Trouble> {
        let Some(standing) = self.standing.as_ref().filter(|_| self.told != Some(reason)) else {
            return Ok(());
        };
        let now = self.parts.clock.now();
        let entries = notes::notifications(&self.parts.org, now, "feed_paused", text).collect();
        let committed = self.parts.book.commit(standing, entries).await;
        committed.map_err(Trouble::Book)?;
        self.told = Some(reason);
        Ok(())
    }
}

/// Whether a cursor says where to go on, and not only that the next event will say it.
pub fn is_position(cursor: &Cursor) -> bool {
    cursor.position != notes::AT_LATEST
}

async fn waited<T>(patience: Duration, answer: Answer<'_, T>) -> Result<T, Trouble> {
    match tokio::time::timeout(patience, answer).await {
        Ok(answered) => answered.map_err(Trouble::Remote),
        Err(_) => Err(Trouble::Silent),
    }
}

fn start(cursor: Option<&Cursor>) -> Start {
    match cursor.map(|cursor| cursor.position.as_slice()) {
        // A first start: there is nothing to go on from.
        None | Some(notes::AT_LATEST) => Start::Latest,
        Some(notes::AT_EARLIEST) => Start::Earliest,
        Some(position) => Start::After(position.to_vec()),
    }
}

/// What people are told with the first cursor behind a start at the next event: until then such a
/// start may be made again, and this says from when on nothing is missing.
fn beginning(cursor: Option<&Cursor>) -> Option<(&'static str, &'static str)> {
    let Some(cursor) = cursor else {
        let text = "the feed of change events begins here; earlier changes come by import";
        return Some(("feed_started", text));
    };
    let text = "the gap of the feed of change events ends here";
    (cursor.position == notes::AT_LATEST).then_some(("feed_resumed", text))
}
