//! One bridge's import: reads the pages, appends what they hold, moves the position.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::watch;

use crate::clients::Error as ClientError;
use crate::domain::{BridgeId, Change, Cursor, ObservationId, SourceId, Timestamp, Value};
use crate::feeds::book::{self, Book, Standing};
use crate::feeds::import::board::{Asked, Counter, Progress, State};
use crate::feeds::import::pilot::Pilot;
use crate::feeds::import::position::Position;
use crate::feeds::pages::{Item, Org, Part, Phase, Workspace, phases};
use crate::feeds::pause::wait_after;
use crate::feeds::rows::Rows;
use crate::feeds::salesforce::notes;
use crate::feeds::salesforce::subscribe::is_position;
use crate::ports::clock::Clock;
use crate::ports::event_log::Outgoing;
use crate::telemetry::{RoleHealth, metrics};

/// Between two tries of a call that failed; doubles up to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Rows of one commit: a page of Salesforce is split, so that live changes come between.
const COMMIT_ROWS_MAX: usize = 200;
/// Accounts and companies of a pilot's people; the others stay for the import of everybody.
const ACCOUNTS_MAX: usize = 10_000;
/// What people belong to, in either system.
const BELONGED_TO: [&str; 2] = ["Account", "company"];
/// How often it is looked whether the subscription has begun.
const FEED_POLL: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Rows appended in a second at most: what people change meanwhile stands behind them.
    pub rows_per_second_max: u32,
}

/// What an importer is made of.
pub struct Parts {
    pub bridge: BridgeId,
    /// Of the input topics.
    pub partition: u32,
    pub org: Org,
    pub workspaces: Vec<Workspace>,
    /// The name of the subscription's cursor.
    pub feed: &'static str,
    /// Counts the subscriptions that were opened without a position.
    pub blind: watch::Receiver<u64>,
    pub book: Arc<Book>,
    pub clock: Arc<dyn Clock>,
    pub health: RoleHealth,
    pub counter: Arc<Counter>,
    pub options: Options,
}

/// One bridge's import.
pub struct Importer {
    parts: Parts,
    phases: Vec<Phase>,
    /// The same with people before the accounts and companies that they belong to.
    people_first: Vec<Phase>,
    rows: Rows,
    began_at: Timestamp,
}

/// What keeps the changes that people make while the rows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Anchor {
    /// The subscription has a position: whatever happens, it goes on from there.
    Position,
    /// This subscription, as long as it lasts.
    Subscription(u64),
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Remote(#[from] ClientError),
    #[error("{0}")]
    Book(#[from] book::Error),
    #[error("the subscription broke off before it had a position; the import begins anew")]
    Unanchored,
}

impl Importer {
    pub fn new(parts: Parts) -> Self {
        let phases = phases(&parts.org, &parts.workspaces, None);
        let people_first = people_first(&phases);
        let began_at = parts.clock.now();
        let rows = Rows {
            bridge: parts.bridge.clone(),
            partition: parts.partition,
            clock: Arc::clone(&parts.clock),
        };
        Self {
            parts,
            phases,
            people_first,
            rows,
            began_at,
        }
    }

    /// The name of the cursor of a bridge, at its org.
    fn name(&self) -> String {
        format!("import/{}", self.parts.bridge)
    }

    /// Goes on with a run that is unfinished, then waits to be asked, until `stop` turns true or
    /// its sender is dropped.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.serve() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn serve(&self) {
        let mut pause = PAUSE_FIRST;
        // A pilot's list, which outlives what makes its run wait.
        let mut list = None;
        loop {
            match self.turn(&mut list).await {
                Ok(()) => {
                    pause = PAUSE_FIRST;
                    self.parts.health.recovered(&self.part());
                }
                Err(error) => {
                    let bridge = &self.parts.bridge;
                    let wait = match &error {
                        Error::Remote(error) => wait_after(error, pause),
                        _ => pause,
                    };
                    tracing::warn!(%bridge, %error, ?wait, "the import waits");
                    self.parts.health.degraded(&self.part(), error.reason());
                    self.parts.counter.show(|shown| {
                        shown.state = State::Waiting;
                        shown.why = Some(error.to_string());
                    });
                    tokio::time::sleep(wait).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    fn part(&self) -> String {
        format!("{}/import", self.parts.bridge)
    }

    /// One run, or what is left of one. `list` is the pilot's, if this process was given it.
    async fn turn(&self, list: &mut Option<Arc<Pilot>>) -> Result<(), Error> {
        let mut standing = self.enter().await?;
        let mut position = self.begun(&mut standing, list).await?;
        self.show(&position);
        let anchor = self.subscribed(&mut position).await?;
        if position.expected.is_none() && position.phase == 0 {
            position.expected = Some(self.expected().await?);
        }
        while let Some(phase) = self.phases_of(&position).get(position.phase) {
            let pilot = list.as_deref();
            self.page(&mut standing, &mut position, phase, pilot)
                .await?;
            if self.is_adrift(anchor) {
                let (run, now) = (position.run + 1, self.parts.clock.now().0);
                let next = Position::next(run, now, position.pilot);
                let cursor = self.cursor(&mut standing, &next);
                self.append(&standing, vec![cursor]).await?;
                return Err(Error::Unanchored);
            }
        }
        self.end(&mut standing, position).await
    }

    /// Where the run stands that is under way, or that somebody asks for.
    async fn begun(
        &self,
        standing: &mut Standing,
        list: &mut Option<Arc<Pilot>>,
    ) -> Result<Position, Error> {
        let known = standing.cursor.as_ref().and_then(Position::of);
        let given = list.as_ref().map(|list| list.name());
        let position = match known {
            Some(known) if !known.is_over && known.pilot.is_some() && known.pilot != given => {
                let (position, pilot) = self.listed(standing, known).await?;
                *list = pilot;
                position
            }
            Some(known) if !known.is_over => {
                // Whoever asked meanwhile has what they asked for.
                self.parts.counter.forget();
                self.resumed(known).await?
            }
            known => {
                let asked = loop {
                    self.rest(known.as_ref());
                    if let Asked::Fresh(pilot) = self.parts.counter.next().await {
                        break pilot;
                    }
                };
                *list = asked;
                *standing = self.enter().await?;
                let run = known.map_or(1, |known| known.run + 1);
                let name = list.as_ref().map(|list| list.name());
                let begun = Position::next(run, self.parts.clock.now().0, name);
                // From here on it is done, whatever happens to this process.
                let cursor = self.cursor(standing, &begun);
                self.append(standing, vec![cursor]).await?;
                begun
            }
        };
        if position.pilot.is_none() {
            *list = None;
        }
        Ok(position)
    }

    fn phases_of(&self, position: &Position) -> &[Phase] {
        match position.pilot {
            None => &self.phases,
            Some(_) => &self.people_first,
        }
    }

    /// A pilot that another process began: the list stands nowhere, so that it is asked for. With
    /// another list, and without one, it is another run.
    async fn listed(
        &self,
        standing: &mut Standing,
        known: Position,
    ) -> Result<(Position, Option<Arc<Pilot>>), Error> {
        self.need_list(&known);
        loop {
            let Asked::Fresh(list) = self.parts.counter.next().await else {
                continue;
            };
            *standing = self.enter().await?;
            let pilot = list.as_ref().map(|list| list.name());
            if known.pilot == pilot {
                return Ok((self.resumed(known).await?, list));
            }
            let next = Position::next(known.run + 1, self.parts.clock.now().0, pilot);
            let cursor = self.cursor(standing, &next);
            self.append(standing, vec![cursor]).await?;
            return Ok((next, list));
        }
    }

    /// Says that a pilot waits for its list, unless somebody who asked already waits for a run.
    fn need_list(&self, known: &Position) {
        if self.parts.counter.is_asked() {
            return;
        }
        self.parts.counter.show(|shown| {
            shown.state = State::NeedsList;
            count(shown, known);
            shown.why = Some("the pilot's list, which is kept nowhere".to_owned());
        });
    }

    async fn enter(&self) -> Result<Standing, Error> {
        let (source, name) = (&self.parts.org.source, self.name());
        Ok(self.parts.book.enter(source, &name).await?)
    }

    /// Nothing is under way.
    fn rest(&self, last: Option<&Position>) {
        let is_asked = self.parts.counter.is_asked();
        self.parts.counter.show(|shown| {
            // Somebody who asked already is not to be told that nothing runs.
            if !is_asked {
                shown.state = match last {
                    Some(_) => State::Done,
                    None => State::Idle,
                };
                if let Some(last) = last {
                    count(shown, last);
                }
            }
            shown.why = None;
        });
    }

    fn show(&self, position: &Position) {
        let phase = self
            .phases_of(position)
            .get(position.phase)
            .map(Phase::name);
        self.parts.counter.show(|shown| {
            count(shown, position);
            shown.state = State::Running;
            shown.phase = phase.unwrap_or_default();
            shown.finished_at = None;
            shown.why = None;
        });
    }

    /// A run that another process began. If its subscription had no position by then, what
    /// happened since is known to nobody: the rows are read anew, as another run.
    async fn resumed(&self, known: Position) -> Result<Position, Error> {
        if known.is_anchored || known.started_at >= self.began_at.0 {
            return Ok(known);
        }
        let source = &self.parts.org.source;
        let feed = self.parts.book.enter(source, self.parts.feed).await?;
        let kept = feed.cursor.filter(is_position);
        let kept = kept.is_some_and(|cursor| cursor.at < self.began_at);
        Ok(match kept {
            true => Position {
                is_anchored: true,
                ..known
            },
            false => Position::next(known.run + 1, self.parts.clock.now().0, known.pilot),
        })
    }

    fn is_adrift(&self, anchor: Anchor) -> bool {
        match anchor {
            Anchor::Position => false,
            Anchor::Subscription(count) => *self.parts.blind.borrow() != count,
        }
    }

    /// Subscribe first, then read: what changes from here on is told by the feed.
    async fn subscribed(&self, position: &mut Position) -> Result<Anchor, Error> {
        let source = &self.parts.org.source;
        loop {
            let feed = self.parts.book.enter(source, self.parts.feed).await?;
            if feed.cursor.as_ref().is_some_and(is_position) {
                position.is_anchored = true;
                return Ok(Anchor::Position);
            }
            let blind = *self.parts.blind.borrow();
            if blind > 0 {
                return Ok(Anchor::Subscription(blind));
            }
            let why = format!("{source}: the subscription to change events has not begun");
            self.parts.counter.show(|shown| shown.why = Some(why));
            tokio::time::sleep(FEED_POLL).await;
        }
    }

    async fn expected(&self) -> Result<u64, Error> {
        let mut sum = 0;
        for phase in &self.phases {
            sum += phase.expected().await?.unwrap_or(0);
        }
        Ok(sum)
    }

    /// Reads one page and appends it, in parts, the position with the last of them.
    async fn page(
        &self,
        standing: &mut Standing,
        position: &mut Position,
        phase: &Phase,
        pilot: Option<&Pilot>,
    ) -> Result<(), Error> {
        let Part { mut items, next } = match phase.read(position.after.as_deref()).await {
            Ok(part) => part,
            Err(error) if position.after.is_some() && phase.is_lost(&error) => {
                // What was appended already is recognised when it comes again.
                position.after = None;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(pilot) = pilot {
            pass_over(pilot, position, phase, &mut items);
        }
        let count = items.len() as u64;
        let unreadable = items
            .iter()
            .filter(|one| matches!(one, Item::Unreadable(..)));
        position.unreadable += unreadable.count() as u64;
        *position.rows.entry(phase.source().to_string()).or_default() += count;
        position.after = next;
        if position.after.is_none() {
            position.phase += 1;
        }
        let entries: Vec<Outgoing> = items
            .into_iter()
            .map(|item| self.entry(phase, position.run, item))
            .collect();
        let mut rest = entries.as_slice();
        while rest.len() > COMMIT_ROWS_MAX {
            let (now, later) = rest.split_at(COMMIT_ROWS_MAX);
            self.append(standing, now.to_vec()).await?;
            rest = later;
        }
        let mut last = rest.to_vec();
        last.push(self.cursor(standing, position));
        self.append(standing, last).await?;
        let labels = [phase.source().as_str(), phase.object()];
        let counter = &metrics().feeds.imported_rows_total;
        counter.with_label_values(&labels).inc_by(count);
        self.show(position);
        Ok(())
    }

    async fn append(&self, standing: &Standing, entries: Vec<Outgoing>) -> Result<(), Error> {
        let count = entries.len() as u32;
        self.parts.book.commit(standing, entries).await?;
        let second = f64::from(count) / f64::from(self.parts.options.rows_per_second_max.max(1));
        tokio::time::sleep(Duration::from_secs_f64(second)).await;
        Ok(())
    }

    fn cursor(&self, standing: &mut Standing, position: &Position) -> Outgoing {
        let cursor = Cursor {
            source: self.parts.org.source.clone(),
            name: self.name(),
            position: position.to_bytes(),
            at: self.parts.clock.now(),
        };
        let entry = notes::cursor(&cursor);
        standing.cursor = Some(cursor);
        entry
    }

    /// Says behind the rows of every source that they were all.
    async fn end(&self, standing: &mut Standing, mut position: Position) -> Result<(), Error> {
        position.is_over = true;
        let workspaces = self.parts.workspaces.iter().map(|one| (&one.source, false));
        let sources: Vec<(&SourceId, bool)> = std::iter::once((&self.parts.org.source, true))
            .chain(workspaces)
            .collect();
        let (run, of) = (position.run, sources.len() as u32);
        let mut entries: Vec<Outgoing> = Vec::new();
        for (source, is_salesforce) in sources {
            let rows = position.rows.get(source.as_str()).copied().unwrap_or(0);
            let id = ObservationId::of_import(source, run, "ended");
            let change = Change::ImportEnded { run, of, rows };
            let body = (source, "import", change, Json::Null);
            entries.push(self.rows.observation(id, is_salesforce, body));
        }
        entries.push(self.cursor(standing, &position));
        self.append(standing, entries).await?;
        let now = self.parts.clock.now().0;
        self.parts.counter.show(|shown| {
            shown.state = State::Done;
            shown.finished_at = Some(now);
            shown.phase.clear();
        });
        let (bridge, rows) = (&self.parts.bridge, position.row_count());
        tracing::info!(%bridge, run, rows, "import {run}: all rows are in the log");
        Ok(())
    }

    fn entry(&self, phase: &Phase, run: u64, item: Item) -> Outgoing {
        let (source, object) = (phase.source(), phase.object());
        match item {
            Item::Row(row, raw) => {
                let id = ObservationId::of_imported_row(&row.record, run);
                let change = Change::Imported { run, row: *row };
                let body = (source, object, change, raw);
                self.rows.observation(id, phase.is_salesforce(), body)
            }
            Item::Tag(tag_id, name, raw) => {
                let id = ObservationId::of_import(source, run, &format!("tag {tag_id} {name}"));
                let change = Change::TagNamed { tag_id, name };
                self.rows
                    .observation(id, false, (source, object, change, raw))
            }
            Item::Unreadable(why, raw) => self.rows.dead_letter(phase, why, &raw),
            // Rows are asked for that are there.
            Item::Gone(..) => unreachable!("an import asks for no deleted records"),
        }
    }
}

/// The numbers of a run.
fn count(shown: &mut Progress, position: &Position) {
    shown.run = position.run;
    shown.rows = position.row_count();
    shown.expected = position.expected;
    shown.unreadable = position.unreadable;
    shown.passed_over = position.passed_over;
    shown.taken = position.taken;
    shown.started_at = Some(position.started_at);
}

/// People before what they belong to: a pilot takes the accounts of those that it has taken.
fn people_first(phases: &[Phase]) -> Vec<Phase> {
    let is_account = |phase: &&Phase| BELONGED_TO.contains(&phase.object());
    let people = phases.iter().filter(|phase| !is_account(phase));
    let accounts = phases.iter().filter(is_account);
    people.chain(accounts).cloned().collect()
}

/// Leaves those on the list, what they belong to, and what no list could name.
fn pass_over(pilot: &Pilot, position: &mut Position, phase: &Phase, items: &mut Vec<Item>) {
    let before = items.len();
    let is_account = BELONGED_TO.contains(&phase.object());
    let accounts = &mut position.accounts;
    items.retain(|item| {
        let Item::Row(row, _) = item else {
            return true;
        };
        let taken = pilot.has(row) || (is_account && accounts.contains(row.record.id.as_str()));
        if taken && accounts.len() < ACCOUNTS_MAX {
            let account = row.fields.get("AccountId").and_then(Value::as_text);
            accounts.extend(account.map(str::to_owned));
            let companies = row.companies.iter().flat_map(|set| &set.ids);
            accounts.extend(companies.cloned());
        }
        taken
    });
    position.passed_over += (before - items.len()) as u64;
    let rows = items.iter().filter(|one| matches!(one, Item::Row(..)));
    let taken = rows.count() as u64;
    position.taken = position.taken.map(|before| before + taken);
}

impl Error {
    /// A code for health.
    fn reason(&self) -> &'static str {
        match self {
            Self::Remote(error) => error.health_code(),
            Self::Book(_) => "log_failed",
            Self::Unanchored => "subscription_lost",
        }
    }
}
