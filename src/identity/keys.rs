//! Match keys: the normalised identifiers of a record, by the mapping's rules.

use std::collections::BTreeSet;

use crate::domain::{Fields, MatchKey, MatchRule, RecordRef, Value};
use crate::mapping::{Mapping, MatchBy, Section};

/// The match keys of a record that holds these fields.
pub fn keys_of(
    mapping: &Mapping,
    section: &Section,
    record: &RecordRef,
    fields: &Fields,
) -> BTreeSet<MatchKey> {
    let salesforce = mapping.is_salesforce(record);
    let key = |by: &MatchBy| {
        let text = if salesforce {
            normalised(by.rule, fields.get(&by.salesforce)?)?
        } else if by.rule == MatchRule::Explicit {
            mapping.explicit_key(record)?
        } else if by.rule == MatchRule::ExternalId && is_lead(fields) {
            // Intercom assigns a lead's external id itself; no other system knows it.
            return None;
        } else {
            normalised(by.rule, fields.get(&by.intercom)?)?
        };
        Some(MatchKey::new(by.rule, &text))
    };
    section.rules.iter().filter_map(key).collect()
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

fn is_lead(fields: &Fields) -> bool {
    fields.get("role").and_then(Value::as_text) == Some("lead")
}
