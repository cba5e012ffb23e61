//! Candidates: the records that could be a record's counterpart, and what follows from them.

use std::collections::BTreeSet;

use crate::domain::view::{ViewRead, matching, record_state};
use crate::domain::{BridgeId, MatchKey, MatchRule, RecordRef, RecordSnapshot, Value};
use crate::identity::keys::keys_of;
use crate::mapping::{Mapping, Section};

/// What the candidates amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Nobody,
    One {
        record: RecordRef,
        key: MatchKey,
    },
    /// More than one by the same rule in the same object: a person decides.
    Several {
        records: Vec<RecordRef>,
        key: MatchKey,
    },
}

/// Candidates that the view knows already.
pub fn in_view<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    keys: &BTreeSet<MatchKey>,
) -> Verdict {
    judge(section, keys, |key| {
        let live = |record: &RecordRef| {
            mapping.is_salesforce(record)
                && record_state(view, bridge, record).is_some_and(|state| state.gone.is_none())
        };
        matching(view, bridge, key)
            .records
            .into_iter()
            .filter(live)
            .collect()
    })
}

/// Candidates among the rows of a lookup. Converted leads are no target.
pub fn in_rows(
    mapping: &Mapping,
    section: &Section,
    keys: &BTreeSet<MatchKey>,
    rows: &[RecordSnapshot],
) -> Verdict {
    judge(section, keys, |key| {
        let holds = |row: &&RecordSnapshot| {
            !is_converted(row) && keys_of(mapping, section, &row.record, &row.fields).contains(key)
        };
        rows.iter()
            .filter(holds)
            .map(|row| row.record.clone())
            .collect()
    })
}

fn is_converted(row: &RecordSnapshot) -> bool {
    row.fields.get("IsConverted") == Some(&Value::Bool(true))
}

/// Asks the rules in their order, and within a rule the objects in theirs; the first that has
/// candidates decides.
fn judge(
    section: &Section,
    keys: &BTreeSet<MatchKey>,
    candidates: impl Fn(&MatchKey) -> Vec<RecordRef>,
) -> Verdict {
    let by_rule = section.rules.iter().flat_map(|by| {
        let same = keys.iter().filter(|key| key.rule == by.rule);
        same.collect::<Vec<_>>()
    });
    for key in by_rule {
        let found = candidates(key);
        for object in &section.salesforce_objects {
            let mut same: Vec<RecordRef> = found
                .iter()
                .filter(|record| record.object.as_str() == object)
                .cloned()
                .collect();
            same.sort();
            same.dedup();
            match same.len() {
                0 => {}
                1 => {
                    return Verdict::One {
                        record: same.remove(0),
                        key: *key,
                    };
                }
                _ => {
                    return Verdict::Several {
                        records: same,
                        key: *key,
                    };
                }
            }
        }
    }
    Verdict::Nobody
}

/// Whether two rules' keys are worth a lookup: something that another system can hold.
pub fn searchable(key: &MatchKey) -> bool {
    !matches!(key.rule, MatchRule::Created | MatchRule::SourceMerge)
}
