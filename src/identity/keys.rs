//! Match keys: the normalised identifiers of a record, by the mapping's rules.

use std::collections::BTreeSet;

use crate::domain::view::{RecordState, ViewRead, matching};
use crate::domain::{BridgeId, MatchKey, MatchRule, RecordRef, Shows, Value};
use crate::mapping::{Mapping, MatchBy, Section, System};

/// The match keys of a record that holds these fields.
pub fn keys_of(
    mapping: &Mapping,
    section: &Section,
    record: &RecordRef,
    shown: &impl Shows,
) -> BTreeSet<MatchKey> {
    let key = |by| key_by(mapping, section, by, record, shown);
    section.rules.iter().filter_map(key).collect()
}

/// The match key of a record by one rule; none where it holds no identifier, or one that never
/// matches.
pub fn key_by(
    mapping: &Mapping,
    section: &Section,
    by: &MatchBy,
    record: &RecordRef,
    shown: &impl Shows,
) -> Option<MatchKey> {
    let text = if mapping.is_salesforce(record) {
        by.form.compared(shown.shown(&by.salesforce)?)?
    } else if by.is_our_key() {
        mapping.explicit_key(record)?
    } else if by.rule == MatchRule::ExternalId && is_lead(shown) {
        // Intercom assigns a lead's external id itself; no other system knows it.
        return None;
    } else {
        by.form.compared(shown.shown(&by.intercom)?)?
    };
    let name = match mapping.is_salesforce(record) {
        true => &by.salesforce,
        false => &by.intercom,
    };
    // Our own key is made by us: nobody can have written what was not meant.
    let is_ours = by.rule == MatchRule::Explicit;
    let blocked = !is_ours
        && shown
            .shown(name)
            .is_some_and(|value| section.blocks(name, value));
    (!blocked).then(|| MatchKey::new(by.rule, &text))
}

/// Whether so many records hold an identifier that it says nothing of who they are.
pub fn is_shared<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    section: &Section,
    key: &MatchKey,
) -> bool {
    key.rule != MatchRule::Explicit
        && matching(view, bridge, key).holders() > section.protection.holders_max
}

/// The identifiers of a record that say who it is.
pub fn telling<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    section: &Section,
    state: &RecordState,
) -> BTreeSet<MatchKey> {
    let tells = |key: &&MatchKey| !is_shared(view, bridge, section, key);
    state.keys.iter().filter(tells).copied().collect()
}

/// Whether a record lacks what a field is to tell of it: the field is blank, or its value is an
/// identifier that is nobody's. `name` is the field in the record's own system.
pub fn lacks<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    section: &Section,
    state: &RecordState,
    name: &str,
) -> bool {
    let value = state.value_seen(name);
    if value.is_blank() || section.blocks(name, value) {
        return true;
    }
    let of_field = |by: &&MatchBy| by.intercom == name || by.salesforce == name;
    section.rules.iter().filter(of_field).any(|by| {
        let mut keys = state.keys.iter().filter(|key| key.rule == by.rule);
        keys.any(|key| is_shared(view, bridge, section, key))
    })
}

/// Fields whose identifiers are all that a record has, and are nobody's: nothing is made for it, or
/// each of those who share them would get one.
pub fn nameless<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    section: &Section,
    state: &RecordState,
    of: System,
) -> Vec<String> {
    let tells = telling(view, bridge, section, state);
    if tells.iter().any(|key| key.rule != MatchRule::Explicit) {
        return Vec::new();
    }
    let rules = section
        .rules
        .iter()
        .filter(|by| by.rule != MatchRule::Explicit);
    let names = rules.map(|by| match of {
        System::Salesforce => &by.salesforce,
        System::Intercom => &by.intercom,
    });
    let present = names.filter(|name| !state.value_seen(name).is_blank());
    let nobodys = present.filter(|name| lacks(view, bridge, section, state, name));
    nobodys.map(ToString::to_string).collect()
}

fn is_lead(shown: &impl Shows) -> bool {
    shown.shown("role").and_then(Value::as_text) == Some("lead")
}
