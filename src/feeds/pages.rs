//! The pages of an import or a sweep: which parts there are, in which order, and how each is read.
//!
//! Salesforce comes first and accounts before people, so that whoever comes from Intercom finds
//! the counterpart in the view.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::clients::intercom::{self, snapshot};
use crate::clients::salesforce::{self, Page, row};
use crate::clients::{self, Error};
use crate::domain::{RecordRef, RecordSnapshot, SourceId, Timestamp, Version};

/// Rows asked of one query.
const ROWS_MAX: usize = 2_000;

/// An object of the org and the fields that the mapping reads of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub name: String,
    pub fields: Vec<String>,
}

impl Object {
    /// Asks for the page behind an id, of all rows or of those saved in a window.
    pub fn soql(&self, after: Option<&str>, window: Option<Window>) -> String {
        let mut fields: Vec<&str> = vec!["Id"];
        let others = self.fields.iter().map(String::as_str);
        fields.extend(others.filter(|name| *name != "Id" && *name != "SystemModstamp"));
        fields.push("SystemModstamp");
        let conditions = window.into_iter().flat_map(Window::soql).collect();
        paged(&self.name, &fields, conditions, after)
    }

    /// The same for those that were deleted in the window, as long as the bin keeps them.
    pub fn soql_of_gone(&self, after: Option<&str>, window: Window) -> String {
        let mut conditions = vec!["IsDeleted = true".to_owned()];
        conditions.extend(window.soql());
        paged(&self.name, &["Id", "SystemModstamp"], conditions, after)
    }
}

fn paged(name: &str, fields: &[&str], mut conditions: Vec<String>, after: Option<&str>) -> String {
    // An id comes from an answer of theirs; nothing but letters and digits may stand in it.
    let after = after.filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    conditions.extend(after.map(|id| format!("Id > '{id}'")));
    let from = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    let fields = fields.join(", ");
    format!("SELECT {fields} FROM {name}{from} ORDER BY Id LIMIT {ROWS_MAX}")
}

/// From a moment on and before another, by the source's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Window {
    fn soql(self) -> [String; 2] {
        let moment = |at: Timestamp| {
            let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            format!("{at:.3}")
        };
        let (since, until) = (moment(self.since), moment(self.until));
        [
            format!("SystemModstamp >= {since}"),
            format!("SystemModstamp < {until}"),
        ]
    }

    /// A version of a whole second belongs to the window in which it begins.
    fn has(&self, row: &RecordSnapshot) -> bool {
        (self.since.0..self.until.0).contains(&row.version.from_ms)
    }

    /// A search that finds everything of the window, and more: dates are compared by the calendar
    /// day of the workspace, and `>` begins at the next one (intercom.md 2.4). A day of a change of
    /// the clocks has 25 hours.
    fn search(&self) -> Json {
        let since = self.since.0.div_euclid(1_000) - 26 * 3_600;
        json!({"field": "updated_at", "operator": ">", "value": since})
    }
}

/// The org of a bridge: its objects in the order in which they are read.
#[derive(Clone)]
pub struct Org {
    pub source: SourceId,
    pub client: Arc<salesforce::Client>,
    pub objects: Vec<Object>,
}

#[derive(Clone)]
pub struct Workspace {
    pub source: SourceId,
    pub client: Arc<intercom::Client>,
    /// Whether the mapping knows companies.
    pub companies: bool,
}

/// One part of an import or a sweep.
#[derive(Clone)]
pub enum Phase {
    Rows(Org, Object, Option<Window>),
    /// Rows that were deleted.
    Gone(Org, Object, Window),
    Tags(Workspace),
    /// No question finds the companies that changed: all are read, and those of the window kept.
    Companies(Workspace, Option<Window>),
    Contacts(Workspace),
    /// Contacts that were changed, the newest first.
    Changed(Workspace, Window),
}

/// What a page holds.
pub struct Part {
    pub items: Vec<Item>,
    /// Where the next page begins; none where the phase is over.
    pub next: Option<String>,
}

pub enum Item {
    Row(Box<RecordSnapshot>, Json),
    /// Id and name.
    Tag(String, String, Json),
    /// A record that was deleted, and when.
    Gone(RecordRef, Version, Json),
    /// Why, and what.
    Unreadable(String, Json),
}

/// All rows, or those that were saved in a window.
pub fn phases(org: &Org, workspaces: &[Workspace], window: Option<Window>) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::new();
    for object in &org.objects {
        phases.push(Phase::Rows(org.clone(), object.clone(), window));
        phases.extend(window.map(|window| Phase::Gone(org.clone(), object.clone(), window)));
    }
    for workspace in workspaces {
        phases.push(Phase::Tags(workspace.clone()));
        if workspace.companies {
            phases.push(Phase::Companies(workspace.clone(), window));
        }
        phases.push(match window {
            None => Phase::Contacts(workspace.clone()),
            Some(window) => Phase::Changed(workspace.clone(), window),
        });
    }
    phases
}

impl Phase {
    pub fn source(&self) -> &SourceId {
        match self {
            Self::Rows(org, ..) | Self::Gone(org, ..) => &org.source,
            Self::Tags(at) | Self::Companies(at, _) | Self::Contacts(at) | Self::Changed(at, _) => {
                &at.source
            }
        }
    }

    pub fn is_salesforce(&self) -> bool {
        matches!(self, Self::Rows(..) | Self::Gone(..))
    }

    pub fn object(&self) -> &str {
        match self {
            Self::Rows(_, object, _) | Self::Gone(_, object, _) => &object.name,
            Self::Tags(_) => "tag",
            Self::Companies(..) => snapshot::COMPANY,
            Self::Contacts(_) | Self::Changed(..) => snapshot::CONTACT,
        }
    }

    pub fn name(&self) -> String {
        format!("{}/{}", self.source(), self.object())
    }

    /// How many rows it has, where the source says so without reading them.
    pub async fn expected(&self) -> Result<Option<u64>, Error> {
        match self {
            Self::Rows(org, object, _) => org.client.count(&object.name).await.map(Some),
            Self::Contacts(at) => Ok(at.client.contacts(None).await?.total),
            _ => Ok(None),
        }
    }

    /// Reads the page behind `after`.
    pub async fn read(&self, after: Option<&str>) -> Result<Part, Error> {
        match self {
            Self::Rows(org, object, window) => rows(org, object, after, *window).await,
            Self::Gone(org, object, window) => gone(org, object, after, *window).await,
            Self::Tags(at) => tags(at).await,
            Self::Companies(at, window) => {
                let listed = at.client.scroll_companies(after).await?;
                let read = |row: &Json| snapshot::company_snapshot(&at.source, row);
                Ok(part(listed, *window, read))
            }
            Self::Contacts(at) => {
                let listed = at.client.contacts(after).await?;
                let read = |row: &Json| snapshot::contact_snapshot(&at.source, row);
                Ok(part(listed, None, read))
            }
            Self::Changed(at, window) => changed(at, after, *window).await,
        }
    }

    /// Whether an error means that the phase has to be read from its start: a scroll that is gone.
    pub fn is_lost(&self, error: &Error) -> bool {
        let Error::Refused(refusal) = error else {
            return false;
        };
        matches!(self, Self::Companies(..)) && matches!(refusal.status, 404 | 500)
    }
}

/// By id, so that the position means the same in a week: a query's own cursor is forgotten after
/// two days.
async fn rows(
    org: &Org,
    object: &Object,
    after: Option<&str>,
    window: Option<Window>,
) -> Result<Part, Error> {
    let soql = object.soql(after, window);
    let page = org.client.query_page(&Page::First { soql }).await?;
    let next = behind(&page);
    let read = |row: Json| match row::snapshot(&org.source, &object.name, &row, &object.fields) {
        Ok(snapshot) => Item::Row(Box::new(snapshot), row),
        Err(error) => Item::Unreadable(error.to_string(), row),
    };
    let items = page.rows.into_iter().map(read).collect();
    Ok(Part { items, next })
}

/// Where the next page begins: behind the last id, unless fewer rows came than were asked for.
fn behind(page: &salesforce::Rows) -> Option<String> {
    if page.next.is_none() && page.rows.len() < ROWS_MAX {
        return None;
    }
    let last = page.rows.last()?["Id"].as_str()?;
    Some(last.to_owned())
}

async fn gone(
    org: &Org,
    object: &Object,
    after: Option<&str>,
    window: Window,
) -> Result<Part, Error> {
    let soql = object.soql_of_gone(after, window);
    let page = org.client.query_page(&Page::All { soql }).await?;
    let next = behind(&page);
    let read = |row: Json| match row::snapshot(&org.source, &object.name, &row, &[]) {
        Ok(snapshot) => Item::Gone(snapshot.record, snapshot.version, row),
        Err(error) => Item::Unreadable(error.to_string(), row),
    };
    let items = page.rows.into_iter().map(read).collect();
    Ok(Part { items, next })
}

/// The newest first, until one is older than the window; where a page is in another order, all of
/// them.
async fn changed(at: &Workspace, after: Option<&str>, window: Window) -> Result<Part, Error> {
    let listed = at.client.changed_contacts(&window.search(), after).await?;
    let stamps = listed
        .rows
        .iter()
        .filter_map(|row| row["updated_at"].as_i64());
    let stamps: Vec<i64> = stamps.collect();
    let is_sorted = stamps.is_sorted_by(|earlier, later| earlier >= later);
    let last = stamps.last().copied().filter(|_| is_sorted);
    let is_past = last.is_some_and(|last| last < window.since.0.div_euclid(1_000));
    let read = |row: &Json| snapshot::contact_snapshot(&at.source, row);
    let mut part = part(listed, Some(window), read);
    part.next = part.next.filter(|_| !is_past);
    Ok(part)
}

async fn tags(at: &Workspace) -> Result<Part, Error> {
    let read = |tag: Json| {
        let text = |name: &str| match &tag[name] {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => Some(number.to_string()),
            _ => None,
        };
        match (text("id"), text("name")) {
            (Some(id), Some(name)) => Item::Tag(id, name, tag),
            _ => Item::Unreadable("the tag has no id or no name".into(), tag),
        }
    };
    let items = at.client.tags().await?.into_iter().map(read).collect();
    Ok(Part { items, next: None })
}

fn part(
    listed: clients::intercom::Listed,
    window: Option<Window>,
    read: impl Fn(&Json) -> Result<RecordSnapshot, snapshot::Error>,
) -> Part {
    let item = |row: Json| match read(&row) {
        Ok(snapshot) if window.is_some_and(|window| !window.has(&snapshot)) => None,
        Ok(snapshot) => Some(Item::Row(Box::new(snapshot), row)),
        Err(error) => Some(Item::Unreadable(error.to_string(), row)),
    };
    Part {
        items: listed.rows.into_iter().filter_map(item).collect(),
        next: listed.next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_behind_the_last_id_and_no_text_can_change_the_query() {
        let object = Object {
            name: "Lead".into(),
            fields: vec!["Email".into(), "Id".into()],
        };
        assert_eq!(
            object.soql(Some("00Q000000000001AAA"), None),
            "SELECT Id, Email, SystemModstamp FROM Lead WHERE Id > '00Q000000000001AAA' \
             ORDER BY Id LIMIT 2000"
        );
        let first = object.soql(None, None);
        assert_eq!(object.soql(Some("1' OR Id != '"), None), first);
        assert!(!first.contains("WHERE"));
    }

    #[test]
    fn a_window_begins_with_its_first_moment_and_ends_before_its_last() {
        let object = Object {
            name: "Lead".into(),
            fields: Vec::new(),
        };
        let window = Window {
            since: Timestamp(1_768_018_994_000),
            until: Timestamp(1_768_019_994_250),
        };
        assert_eq!(
            object.soql(Some("00Q000000000001AAA"), Some(window)),
            "SELECT Id, SystemModstamp FROM Lead WHERE SystemModstamp >= 2026-01-10T04:23:14.000Z \
             AND SystemModstamp < 2026-01-10T04:39:54.250Z AND Id > '00Q000000000001AAA' \
             ORDER BY Id LIMIT 2000"
        );
        assert_eq!(
            object.soql_of_gone(None, window),
            "SELECT Id, SystemModstamp FROM Lead WHERE IsDeleted = true \
             AND SystemModstamp >= 2026-01-10T04:23:14.000Z \
             AND SystemModstamp < 2026-01-10T04:39:54.250Z ORDER BY Id LIMIT 2000"
        );
    }
}
