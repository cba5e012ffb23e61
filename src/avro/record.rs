//! `crosswalk.record`: references, versions, snapshots, match keys.

use crate::avro::error::Error;
use crate::avro::scalar::Item;
use crate::avro::wire::{Reader, Wire, Writer};
use crate::domain::{Gone, MatchKey, MatchRule, RecordRef, RecordSnapshot, RefSet, Version};

/// By hand: a reference is only made through its checks.
impl Wire for RecordRef {
    fn put(&self, w: &mut Writer) {
        w.field("source", &self.source);
        w.field("object", &self.object);
        w.field("id", &self.id);
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        let source = r.field("source")?;
        r.enter("object");
        let object = r.text()?;
        r.enter("id");
        let id = r.text()?;
        RecordRef::new(&source, object, id).map_err(|source| Error::Id {
            field: "record",
            source,
        })
    }
}

impl Item for RecordRef {}

record!(Version { from_ms, to_ms });

record!(RefSet { ids, complete });

record!(RecordSnapshot {
    record,
    version,
    fields,
    tags,
    companies,
});

impl Item for RecordSnapshot {}

symbols!(Gone {
    1 "ARCHIVED" => Archived,
    2 "DELETED" => Deleted,
    3 "NOT_FOUND" => NotFound,
    4 "CONVERTED" => Converted,
});

symbols!(MatchRule {
    1 "EXPLICIT" => Explicit,
    2 "EXTERNAL_ID" => ExternalId,
    3 "EMAIL" => Email,
    4 "ACCOUNT_KEY" => AccountKey,
    5 "CREATED" => Created,
    6 "SOURCE_MERGE" => SourceMerge,
    7 "CONVERSION" => Conversion,
    8 "OPERATOR" => Operator,
    9 "PHONE" => Phone,
    10 "DOMAIN" => Domain,
});

record!(MatchKey { rule, hash });

impl Item for MatchKey {}
