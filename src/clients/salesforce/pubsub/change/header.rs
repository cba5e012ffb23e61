//! `ChangeEventHeader`: who changed what and when (salesforce.md 2.2).

use crate::clients::salesforce::pubsub::change::raw::{Raw, Record};
use crate::clients::salesforce::pubsub::change::schema::{RecordShape, Shape};

/// The header's field in every change event, always the first.
const NAME: &str = "ChangeEventHeader";

/// What happened. The list grows: what is not known here keeps its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeType {
    Create,
    Update,
    Delete,
    Undelete,
    GapCreate,
    GapUpdate,
    GapDelete,
    GapUndelete,
    GapOverflow,
    /// The symbol, or `#<number>` where even the schema has none for it.
    Other(String),
}

/// The header with its lists of fields as names: `Phone`, `BillingAddress.Street`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The object's API name.
    pub entity: String,
    /// As they were sent; see `ChangeEvent::targets`.
    pub record_ids: Vec<String>,
    pub change_type: ChangeType,
    /// `com/salesforce/api/<api>/<version>;client=<token>`, or empty for what is no API call.
    pub change_origin: String,
    pub transaction_key: String,
    /// Within the transaction, from 1; holes are normal.
    pub sequence_number: i32,
    pub commit_timestamp_ms: i64,
    /// Uses all 64 bits. For diagnosis only.
    pub commit_number: i64,
    pub commit_user: String,
    /// Changed to blank; a subset of `changed`.
    pub nulled: Vec<String>,
    /// Sent as a unified diff (salesforce.md 2.4).
    pub diff: Vec<String>,
    pub changed: Vec<String>,
}

/// Where the header's fields stand in it: names are looked up once per schema.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slots {
    entity: usize,
    record_ids: usize,
    change_type: usize,
    change_origin: Option<usize>,
    transaction_key: usize,
    sequence_number: Option<usize>,
    commit_timestamp: usize,
    commit_number: Option<usize>,
    commit_user: Option<usize>,
    nulled: Option<usize>,
    diff: Option<usize>,
    changed: Option<usize>,
}

// === impl ChangeType ===

impl ChangeType {
    fn of(raw: &Raw<'_>) -> Self {
        let symbol = match raw {
            Raw::Symbol(_, Some(symbol)) | Raw::Text(symbol) => *symbol,
            Raw::Symbol(index, None) => return Self::Other(format!("#{index}")),
            _ => "",
        };
        match symbol {
            "CREATE" => Self::Create,
            "UPDATE" => Self::Update,
            "DELETE" => Self::Delete,
            "UNDELETE" => Self::Undelete,
            "GAP_CREATE" => Self::GapCreate,
            "GAP_UPDATE" => Self::GapUpdate,
            "GAP_DELETE" => Self::GapDelete,
            "GAP_UNDELETE" => Self::GapUndelete,
            "GAP_OVERFLOW" => Self::GapOverflow,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The vendor's spelling.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Undelete => "UNDELETE",
            Self::GapCreate => "GAP_CREATE",
            Self::GapUpdate => "GAP_UPDATE",
            Self::GapDelete => "GAP_DELETE",
            Self::GapUndelete => "GAP_UNDELETE",
            Self::GapOverflow => "GAP_OVERFLOW",
            Self::Other(symbol) => symbol,
        }
    }

    /// Whether something happened that the event does not show: the records must be read.
    pub fn is_gap(&self) -> bool {
        self.as_str().starts_with("GAP_")
    }
}

// === impl Header ===

impl Header {
    /// All but the three lists of names, which the bitmaps give. Blank where the writer's schema
    /// has no such field.
    pub(super) fn read(slots: &Slots, record: &Record<'_>) -> Self {
        let at = |slot: usize| record.values.get(slot).unwrap_or(&Raw::Null);
        let text = |slot: usize| match at(slot) {
            Raw::Text(text) => (*text).to_owned(),
            _ => String::new(),
        };
        let int = |slot: Option<usize>| match slot.map(at) {
            Some(Raw::Int(int)) => *int,
            _ => 0,
        };
        Self {
            entity: text(slots.entity),
            record_ids: texts(at(slots.record_ids)).map(str::to_owned).collect(),
            change_type: ChangeType::of(at(slots.change_type)),
            change_origin: slots.change_origin.map(text).unwrap_or_default(),
            transaction_key: text(slots.transaction_key),
            sequence_number: i32::try_from(int(slots.sequence_number)).unwrap_or_default(),
            commit_timestamp_ms: int(Some(slots.commit_timestamp)),
            commit_number: int(slots.commit_number),
            commit_user: slots.commit_user.map(text).unwrap_or_default(),
            nulled: Vec::new(),
            diff: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// The token that the writer named itself by in `Sforce-Call-Options: client=<token>`, whole:
    /// compare it exactly (salesforce.md 2.7).
    pub fn client_token(&self) -> Option<&str> {
        let (_, options) = self.change_origin.split_once(';')?;
        let tokens = options.split([';', ',']);
        let mut named = tokens.filter_map(|option| option.trim().strip_prefix("client="));
        named.next().filter(|token| !token.is_empty())
    }
}

/// The texts of a list, whatever else stands in it.
fn texts<'v>(raw: &'v Raw<'_>) -> impl Iterator<Item = &'v str> {
    let list: &[Raw<'_>] = match raw {
        Raw::List(list) => list,
        _ => &[],
    };
    list.iter().filter_map(|entry| match entry {
        Raw::Text(text) => Some(*text),
        _ => None,
    })
}

// === impl Slots ===

impl Slots {
    /// Fails when the event does not begin with a header that says whom, what and when.
    pub(super) fn find(records: &[RecordShape]) -> Result<Self, String> {
        let first = records.first().and_then(|root| root.fields.first());
        let header = first.filter(|field| field.name == NAME);
        let header = match header.map(|field| &field.shape) {
            Some(Shape::Record(place)) => &records[*place],
            _ => return Err(format!("it does not begin with {NAME}")),
        };
        let find = |name: &str| header.fields.iter().position(|field| field.name == name);
        let need = |name: &str| find(name).ok_or(format!("{NAME} lacks {name}"));
        Ok(Self {
            entity: need("entityName")?,
            record_ids: need("recordIds")?,
            change_type: need("changeType")?,
            change_origin: find("changeOrigin"),
            transaction_key: need("transactionKey")?,
            sequence_number: find("sequenceNumber"),
            commit_timestamp: need("commitTimestamp")?,
            commit_number: find("commitNumber"),
            commit_user: find("commitUser"),
            nulled: find("nulledFields"),
            diff: find("diffFields"),
            changed: find("changedFields"),
        })
    }

    pub(super) fn nulled<'v>(&self, record: &'v Record<'_>) -> impl Iterator<Item = &'v str> {
        listed(record, self.nulled)
    }

    pub(super) fn diff<'v>(&self, record: &'v Record<'_>) -> impl Iterator<Item = &'v str> {
        listed(record, self.diff)
    }

    pub(super) fn changed<'v>(&self, record: &'v Record<'_>) -> impl Iterator<Item = &'v str> {
        listed(record, self.changed)
    }
}

fn listed<'v>(record: &'v Record<'_>, slot: Option<usize>) -> impl Iterator<Item = &'v str> {
    let list = slot.and_then(|slot| record.values.get(slot));
    texts(list.unwrap_or(&Raw::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_token_is_taken_whole() {
        let token = |origin: &str| {
            let header = Header {
                entity: String::new(),
                record_ids: Vec::new(),
                change_type: ChangeType::Create,
                change_origin: origin.into(),
                transaction_key: String::new(),
                sequence_number: 0,
                commit_timestamp_ms: 0,
                commit_number: 0,
                commit_user: String::new(),
                nulled: Vec::new(),
                diff: Vec::new(),
                changed: Vec::new(),
            };
            header.client_token().map(str::to_owned)
        };
        let rest = "com/salesforce/api/rest/66.0";
        assert_eq!(token(rest), None);
        assert_eq!(token(""), None);
        assert_eq!(
            token(&format!("{rest};client=crosswalk-main")).as_deref(),
            Some("crosswalk-main")
        );
        assert_eq!(
            token("com/salesforce/api/soap/66.0;client=SfdcInternalAPI/").as_deref(),
            Some("SfdcInternalAPI/")
        );
        assert_eq!(
            token(&format!("{rest};client=a/1, defaultNamespace=x")).as_deref(),
            Some("a/1")
        );
    }
}
