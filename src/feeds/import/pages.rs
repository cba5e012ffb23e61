//! The pages of an import: which parts there are, in which order, and how each is read.
//!
//! Salesforce comes first and accounts before people, so that whoever comes from Intercom finds
//! the counterpart in the view.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::clients::intercom::{self, snapshot};
use crate::clients::salesforce::{self, Page, row};
use crate::clients::{self, Error};
use crate::domain::{RecordSnapshot, SourceId};

/// Rows asked of one query.
const ROWS_MAX: usize = 2_000;

/// An object of the org and the fields that the mapping reads of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub name: String,
    pub fields: Vec<String>,
}

impl Object {
    /// Asks for the page behind an id.
    pub fn soql(&self, after: Option<&str>) -> String {
        let mut fields: Vec<&str> = vec!["Id"];
        let others = self.fields.iter().map(String::as_str);
        fields.extend(others.filter(|name| *name != "Id" && *name != "SystemModstamp"));
        fields.push("SystemModstamp");
        // An id comes from an answer of theirs; nothing but letters and digits may stand in it.
        let after = after.filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let from = after.map_or(String::new(), |id| format!(" WHERE Id > '{id}'"));
        let (fields, name) = (fields.join(", "), &self.name);
        format!("SELECT {fields} FROM {name}{from} ORDER BY Id LIMIT {ROWS_MAX}")
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

/// One part of an import.
#[derive(Clone)]
pub enum Phase {
    Rows(Org, Object),
    Tags(Workspace),
    Companies(Workspace),
    Contacts(Workspace),
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
    /// Why, and what.
    Unreadable(String, Json),
}

pub fn phases(org: &Org, workspaces: &[Workspace]) -> Vec<Phase> {
    let rows = org.objects.iter();
    let mut phases: Vec<Phase> = rows
        .map(|object| Phase::Rows(org.clone(), object.clone()))
        .collect();
    for workspace in workspaces {
        phases.push(Phase::Tags(workspace.clone()));
        if workspace.companies {
            phases.push(Phase::Companies(workspace.clone()));
        }
        phases.push(Phase::Contacts(workspace.clone()));
    }
    phases
}

impl Phase {
    pub fn source(&self) -> &SourceId {
        match self {
            Self::Rows(org, _) => &org.source,
            Self::Tags(at) | Self::Companies(at) | Self::Contacts(at) => &at.source,
        }
    }

    pub fn is_salesforce(&self) -> bool {
        matches!(self, Self::Rows(..))
    }

    pub fn object(&self) -> &str {
        match self {
            Self::Rows(_, object) => &object.name,
            Self::Tags(_) => "tag",
            Self::Companies(_) => snapshot::COMPANY,
            Self::Contacts(_) => snapshot::CONTACT,
        }
    }

    pub fn name(&self) -> String {
        format!("{}/{}", self.source(), self.object())
    }

    /// How many rows it has, where the source says so without reading them.
    pub async fn expected(&self) -> Result<Option<u64>, Error> {
        match self {
            Self::Rows(org, object) => org.client.count(&object.name).await.map(Some),
            Self::Contacts(at) => Ok(at.client.contacts(None).await?.total),
            Self::Tags(_) | Self::Companies(_) => Ok(None),
        }
    }

    /// Reads the page behind `after`.
    pub async fn read(&self, after: Option<&str>) -> Result<Part, Error> {
        match self {
            Self::Rows(org, object) => rows(org, object, after).await,
            Self::Tags(at) => tags(at).await,
            Self::Companies(at) => {
                let listed = at.client.scroll_companies(after).await?;
                Ok(part(listed, |row| {
                    snapshot::company_snapshot(&at.source, row)
                }))
            }
            Self::Contacts(at) => {
                let listed = at.client.contacts(after).await?;
                Ok(part(listed, |row| {
                    snapshot::contact_snapshot(&at.source, row)
                }))
            }
        }
    }

    /// Whether an error means that the phase has to be read from its start: a scroll that is gone.
    pub fn is_lost(&self, error: &Error) -> bool {
        let Error::Refused(refusal) = error else {
            return false;
        };
        matches!(self, Self::Companies(_)) && matches!(refusal.status, 404 | 500)
    }
}

/// By id, so that the position means the same in a week: a query's own cursor is forgotten after
/// two days.
async fn rows(org: &Org, object: &Object, after: Option<&str>) -> Result<Part, Error> {
    let soql = object.soql(after);
    let page = org.client.query_page(&Page::First { soql }).await?;
    let last = page.rows.last().and_then(|row| row["Id"].as_str());
    let next = last.map(str::to_owned);
    let read = |row: Json| match row::snapshot(&org.source, &object.name, &row, &object.fields) {
        Ok(snapshot) => Item::Row(Box::new(snapshot), row),
        Err(error) => Item::Unreadable(error.to_string(), row),
    };
    let items = page.rows.into_iter().map(read).collect();
    Ok(Part { items, next })
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
    read: impl Fn(&Json) -> Result<RecordSnapshot, snapshot::Error>,
) -> Part {
    let item = |row: Json| match read(&row) {
        Ok(snapshot) => Item::Row(Box::new(snapshot), row),
        Err(error) => Item::Unreadable(error.to_string(), row),
    };
    Part {
        items: listed.rows.into_iter().map(item).collect(),
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
            object.soql(Some("00Q000000000001AAA")),
            "SELECT Id, Email, SystemModstamp FROM Lead WHERE Id > '00Q000000000001AAA' \
             ORDER BY Id LIMIT 2000"
        );
        let first = object.soql(None);
        assert_eq!(object.soql(Some("1' OR Id != '")), first);
        assert!(!first.contains("WHERE"));
    }
}
