//! Match keys: the normalised identifiers of a record, by the mapping's rules.

use std::collections::BTreeSet;

use crate::domain::{MatchKey, MatchRule, RecordRef, Shows, Value};
use crate::mapping::{Mapping, MatchBy, Section};

/// The match keys of a record that holds these fields.
pub fn keys_of(
    mapping: &Mapping,
    section: &Section,
    record: &RecordRef,
    shown: &impl Shows,
) -> BTreeSet<MatchKey> {
    let key = |by| key_by(mapping, by, record, shown);
    section.rules.iter().filter_map(key).collect()
}

/// The match key of a record by one rule.
pub fn key_by(
    mapping: &Mapping,
    by: &MatchBy,
    record: &RecordRef,
    shown: &impl Shows,
) -> Option<MatchKey> {
    let text = if mapping.is_salesforce(record) {
        normalised(by.rule, shown.shown(&by.salesforce)?)?
    } else if by.is_our_key() {
        mapping.explicit_key(record)?
    } else if by.rule == MatchRule::ExternalId && is_lead(shown) {
        // Intercom assigns a lead's external id itself; no other system knows it.
        return None;
    } else {
        normalised(by.rule, shown.shown(&by.intercom)?)?
    };
    Some(MatchKey::new(by.rule, &text))
}

/// An identifier as it is compared; none if it is blank.
pub fn normalised(rule: MatchRule, value: &Value) -> Option<String> {
    let text = value.display();
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    Some(if rule == MatchRule::Email {
        text.to_lowercase()
    } else {
        text.to_owned()
    })
}

fn is_lead(shown: &impl Shows) -> bool {
    shown.shown("role").and_then(Value::as_text) == Some("lead")
}
