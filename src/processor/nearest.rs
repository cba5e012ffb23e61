//! Who came nearest to being a record's counterpart, and the rule that failed. Read only.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::domain::nearest::distance;
use crate::domain::view::{RecordState, ViewEntry, ViewRead, customer_of, matching};
use crate::domain::{BridgeId, MatchRule, RecordRef, ViewKey};
use crate::identity::keys::{is_shared, key_by};
use crate::mapping::{Mapping, MatchBy, Section};

/// Candidates that are shown.
const SHOWN_MAX: usize = 5;
/// Holders of one identifier that are looked at.
const HOLDERS_MAX: usize = 10;
/// Customers that are looked at where nobody waits.
const CUSTOMERS_MAX: usize = 200_000;

/// How far candidates are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Those that hold an identifier of the record.
    Index,
    /// Also those whose identifiers are written much alike, among all customers up to a bound.
    All,
}

/// A record that has no counterpart, and what it is compared by.
pub struct Alone<'a, V: ViewRead> {
    pub view: &'a V,
    pub bridge: &'a BridgeId,
    pub mapping: &'a Mapping,
    pub section: &'a Section,
    pub record: &'a RecordRef,
    pub state: &'a RecordState,
}

/// The nearest first: more rules that hold, then fewer letters that differ.
pub fn nearest<V: ViewRead>(alone: &Alone<'_, V>, depth: Depth) -> Vec<Json> {
    let mut found: BTreeMap<RecordRef, usize> = BTreeMap::new();
    for key in &alone.state.keys {
        let holders = matching(alone.view, alone.bridge, key).records.into_iter();
        let others = holders.filter(|one| alone.is_opposite(one));
        found.extend(others.take(HOLDERS_MAX).map(|one| (one, 0)));
    }
    if depth == Depth::All && found.is_empty() {
        found = alone.alike();
    }
    let mut ranked: Vec<(usize, usize, Json)> = found
        .iter()
        .filter_map(|(candidate, letters)| {
            let (holds, shown) = alone.compare(candidate)?;
            Some((holds, *letters, shown))
        })
        .collect();
    ranked.sort_by_key(|(holds, letters, _)| (std::cmp::Reverse(*holds), *letters));
    let shown = ranked.into_iter().map(|(_, _, shown)| shown);
    shown.take(SHOWN_MAX).collect()
}

impl<V: ViewRead> Alone<'_, V> {
    fn is_opposite(&self, other: &RecordRef) -> bool {
        let opposite = self.mapping.is_salesforce(other) != self.mapping.is_salesforce(self.record);
        let section = self.mapping.section_of(other);
        opposite && section.is_some_and(|section| section.kind == self.section.kind)
    }

    /// What a record is compared by, as text; none where it has nothing of the kind.
    fn compared(&self, by: &MatchBy, record: &RecordRef, state: &RecordState) -> Option<String> {
        let salesforce = self.mapping.is_salesforce(record);
        if by.is_our_key() && !salesforce {
            return self.mapping.explicit_key(record);
        }
        let name = if salesforce {
            &by.salesforce
        } else {
            &by.intercom
        };
        by.form.compared(state.value_seen(name))
    }

    /// Records of the other system whose identifiers are written much alike.
    fn alike(&self) -> BTreeMap<RecordRef, usize> {
        let own = self
            .section
            .rules
            .iter()
            .filter(|by| by.rule != MatchRule::Explicit);
        let own = own.filter_map(|by| Some((by, self.compared(by, self.record, self.state)?)));
        let own: Vec<(&MatchBy, String)> = own.collect();
        let mut found = BTreeMap::new();
        let (mut from, to) = ViewKey::range(self.bridge, 0x01);
        for _ in 0..CUSTOMERS_MAX {
            let Some((key, entry)) = self.view.first(&from, &to) else {
                break;
            };
            from = key.next();
            let ViewEntry::Customer(customer) = &*entry else {
                continue;
            };
            if customer.kind != self.section.kind {
                continue;
            }
            let others = customer.records.iter();
            for (other, state) in others.filter(|(other, _)| self.is_opposite(other)) {
                let letters = own.iter().filter_map(|(by, text)| {
                    let theirs = self.compared(by, other, state)?;
                    near(text, &theirs)
                });
                if let Some(letters) = letters.min() {
                    found.insert(other.clone(), letters);
                }
            }
            if found.len() > 4 * SHOWN_MAX {
                let farthest = found.iter().max_by_key(|(_, letters)| **letters);
                let farthest = farthest.map(|(record, _)| record.clone());
                found.remove(&farthest.expect("there are more than none"));
            }
        }
        found
    }

    /// How many rules hold, and what each of them says.
    fn compare(&self, other: &RecordRef) -> Option<(usize, Json)> {
        let customer = customer_of(self.view, self.bridge, other)?;
        let state = customer.records.get(other)?;
        let mut holds = Vec::new();
        let rules = self.section.rules.iter().map(|by| {
            let own = self.compared(by, self.record, self.state);
            let theirs = self.compared(by, other, state);
            let verdict = match (&own, &theirs) {
                (None, None) => "neither has one",
                (None, Some(_)) => "the record has none",
                (Some(_), None) => "the candidate has none",
                (Some(own), Some(theirs)) if own != theirs => "they differ",
                _ => self.same(by, other, state, &mut holds),
            };
            let rule = format!("{:?}", by.rule);
            json!({"rule": rule, "verdict": verdict, "own": own, "candidate": theirs})
        });
        let rules: Vec<Json> = rules.collect();
        let because =
            if self.state.apart.contains(other) || state.apart.contains(self.record) {
                "a person said that they are not the same".to_owned()
            } else if let Some(gone) = state.gone {
                format!("the candidate is gone ({gone:?})").to_lowercase()
            } else if let Some(met) = customer.records.keys().find(|met| {
                self.mapping.is_salesforce(met) == self.mapping.is_salesforce(self.record)
            }) {
                format!("the candidate is linked to {met} already")
            } else if holds.is_empty() {
                "no rule holds".to_owned()
            } else if holds.iter().all(|by| by.proposes) {
                "the rule that holds only proposes a match".to_owned()
            } else {
                "a rule holds: see where the record stands".to_owned()
            };
        let shown = json!({"record": other.to_string(), "because": because, "rules": rules});
        Some((holds.len(), shown))
    }

    /// Two identifiers are the same; whether that says anything is another matter.
    fn same<'s>(
        &'s self,
        by: &'s MatchBy,
        other: &RecordRef,
        state: &RecordState,
        holds: &mut Vec<&'s MatchBy>,
    ) -> &'static str {
        let own = key_by(self.mapping, self.section, by, self.record, self.state);
        let theirs = key_by(self.mapping, self.section, by, other, state);
        match (own, theirs) {
            (Some(key), Some(_)) if is_shared(self.view, self.bridge, self.section, &key) => {
                "they are the same, and too many records hold it"
            }
            (Some(_), Some(_)) => {
                holds.push(by);
                "they are the same"
            }
            _ => "they are the same, and it is one that never matches",
        }
    }
}

/// How many letters differ, where those are few: an eighth of them, two at least.
fn near(own: &str, theirs: &str) -> Option<usize> {
    let (shorter, longer) = (own.len().min(theirs.len()), own.len().max(theirs.len()));
    let most = (longer / 8).max(2);
    // Comparing letter by letter costs their product.
    if longer > 200 || longer - shorter > most || shorter <= most {
        return None;
    }
    let letters = distance(own, theirs);
    (letters <= most).then_some(letters)
}
