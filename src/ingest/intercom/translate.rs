//! From a notification's item to the change it tells of. Pure: bytes in, a value out.
//!
//! Shapes as captured and documented (intercom facts, section 1.5): a contact topic's item is the
//! contact, a tag topic's wraps it, an attach topic's holds contact and company side by side.

use serde_json::Value;

use crate::clients::intercom::snapshot::{company_snapshot, contact_snapshot};
use crate::domain::{Change, Fields, Gone, RecordRef, RecordSnapshot, SourceId, Version};
use crate::ingest::intercom::envelope::Envelope;

/// A notification with its change in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translated {
    pub notification_id: String,
    pub topic: String,
    pub change: Change,
}

/// Why a notification of a known workspace cannot be taken as an observation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misunderstood {
    #[error("the notification has no id")]
    NoId,
    /// `path` is where the item departs from what its topic promises; never a value.
    #[error("{path}: {why}")]
    BadItem { path: String, why: String },
}

impl Misunderstood {
    /// The dead letter's reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoId => "no_id",
            Self::BadItem { .. } => "bad_item",
        }
    }
}

/// Says what a notification means. There is no bound on its age: what is older than the record's
/// seen version is dropped where versions are compared, in the processor.
pub fn translate(source: &SourceId, envelope: &Envelope) -> Result<Translated, Misunderstood> {
    let notification_id = envelope.id.clone().ok_or(Misunderstood::NoId)?;
    Ok(Translated {
        notification_id,
        topic: envelope.topic.clone(),
        change: change(source, envelope)?,
    })
}

fn change(source: &SourceId, envelope: &Envelope) -> Result<Change, Misunderstood> {
    let item = &envelope.item;
    // Items of what left carry no time of their own; the envelope's second is the next best.
    let at = envelope.created_at.map(Version::second);
    match envelope.topic.as_str() {
        "contact.user.created"
        | "contact.user.updated"
        | "contact.lead.created"
        | "contact.lead.updated"
        | "contact.lead.added_email"
        | "contact.lead.signed_up"
        | "contact.email.updated"
        | "contact.unarchive"
        | "contact.unarchived" => Ok(Change::Shown(contact(source, item, "data.item")?)),
        "contact.subscribed" | "contact.unsubscribed" => {
            let at = "data.item.contact";
            Ok(Change::Shown(contact(source, &item["contact"], at)?))
        }
        "contact.user.tag.created" | "contact.lead.tag.created" => tagged(source, item, true),
        "contact.user.tag.deleted" | "contact.lead.tag.deleted" => tagged(source, item, false),
        "contact.merged" => merged(source, item),
        "contact.archived" | "contact.archive" => left(source, "contact", item, Gone::Archived, at),
        "contact.deleted" => left(source, "contact", item, Gone::Deleted, at),
        "company.created" | "company.updated" => {
            Ok(Change::Shown(company(source, item, "data.item")?))
        }
        "company.deleted" => left(source, "company", item, Gone::Deleted, at),
        "company.contact.attached" => attached(source, item, true),
        "company.contact.detached" => attached(source, item, false),
        _ => Ok(Change::Kept),
    }
}

fn tagged(source: &SourceId, item: &Value, added: bool) -> Result<Change, Misunderstood> {
    Ok(Change::Tagged {
        snapshot: contact(source, &item["contact"], "data.item.contact")?,
        tag_id: text(&item["tag"]["id"], "data.item.tag.id")?,
        tag_name: text(&item["tag"]["name"], "data.item.tag.name")?,
        added,
    })
}

fn merged(source: &SourceId, item: &Value) -> Result<Change, Misunderstood> {
    let absorbed = match &item["merged_from"] {
        // Documented in 2026, absent from captures of the same year.
        Value::Null => None,
        from => Some(record(source, "contact", from, "data.item.merged_from")?),
    };
    // It tells of the merge, it is no field of the survivor.
    let mut survivor = item.clone();
    if let Some(survivor) = survivor.as_object_mut() {
        survivor.shift_remove("merged_from");
    }
    Ok(Change::Merged {
        survivor: contact(source, &survivor, "data.item")?,
        absorbed,
    })
}

fn attached(source: &SourceId, item: &Value, attached: bool) -> Result<Change, Misunderstood> {
    Ok(Change::Attached {
        company: flattened_company(source, &item["company"])?,
        contact: contact(source, &item["contact"], "data.item.contact")?,
        attached,
    })
}

/// The flattened company of an attach topic. Without a time of change it says only which company:
/// a version of zero moves nothing and supersedes nothing.
fn flattened_company(source: &SourceId, value: &Value) -> Result<RecordSnapshot, Misunderstood> {
    let path = "data.item.company";
    if !value["updated_at"].is_null() {
        return company(source, value, path);
    }
    Ok(RecordSnapshot {
        record: record(source, "company", value, path)?,
        version: Version::exact_ms(0),
        fields: Fields::new(),
        tags: None,
        companies: None,
    })
}

fn left(
    source: &SourceId,
    object: &str,
    item: &Value,
    how: Gone,
    at: Option<Version>,
) -> Result<Change, Misunderstood> {
    Ok(Change::Left {
        record: record(source, object, item, "data.item")?,
        how,
        at,
    })
}

fn record(
    source: &SourceId,
    object: &str,
    value: &Value,
    path: &str,
) -> Result<RecordRef, Misunderstood> {
    let path = format!("{path}.id");
    let id = text(&value["id"], &path)?;
    RecordRef::new(source, object, id).map_err(|error| bad(&path, error))
}

fn contact(source: &SourceId, value: &Value, path: &str) -> Result<RecordSnapshot, Misunderstood> {
    contact_snapshot(source, value).map_err(|error| bad(path, error))
}

fn company(source: &SourceId, value: &Value, path: &str) -> Result<RecordSnapshot, Misunderstood> {
    company_snapshot(source, value).map_err(|error| bad(path, error))
}

fn text(value: &Value, path: &str) -> Result<String, Misunderstood> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned)
        .ok_or_else(|| bad(path, "is not a text"))
}

fn bad(path: &str, why: impl std::fmt::Display) -> Misunderstood {
    Misunderstood::BadItem {
        path: path.to_owned(),
        why: why.to_string(),
    }
}
