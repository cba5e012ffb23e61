//! Sets: several values in one field, in whatever order and however often.
//!
//! The decided form has one value a line, in order and each once, so that two sets of the same
//! values are one text. No value has a line break in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::Value;
use crate::mapping::transform::{Refusal, Unknown, one_space};

/// Values that Salesforce takes in one multi-select picklist.
pub const VALUES_MAX: usize = 100;
/// Characters of a text in Intercom (intercom.md 2.6).
const TEXT_MAX: usize = 255;
/// What stands between values in Salesforce.
pub const THEIRS: &str = ";";

/// How a set is written in each system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetOf {
    /// What stands between values in Intercom, with the space around it.
    separator: String,
    /// Intercom's value to Salesforce's value.
    values: BTreeMap<String, String>,
    /// The way back.
    back: BTreeMap<String, String>,
    unknown: Unknown,
}

impl SetOf {
    /// `separator` has one sign at least that is no space.
    pub fn new(separator: String, values: BTreeMap<String, String>, unknown: Unknown) -> Self {
        let mut back = BTreeMap::new();
        for (ours, theirs) in &values {
            let theirs = one_space(theirs);
            if !theirs.is_empty() {
                back.entry(theirs).or_insert_with(|| ours.clone());
            }
        }
        Self {
            separator,
            values,
            back,
            unknown,
        }
    }

    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    pub fn separator(&self) -> &str {
        &self.separator
    }

    /// The sign between values without the space around it.
    fn sign(&self) -> &str {
        self.separator.trim()
    }

    /// The decided form of what an Intercom attribute holds.
    pub fn decided(&self, value: &Value) -> Value {
        self.of(&value.display(), self.sign(), |shown| {
            // Somebody wrote Salesforce's own value in Intercom.
            match self.values.contains_key(&shown) {
                true => shown,
                false => self.ours(shown),
            }
        })
    }

    /// The decided form of what a Salesforce field holds.
    pub fn decided_from_salesforce(&self, value: &Value) -> Value {
        self.of(&value.display(), THEIRS, |shown| self.ours(shown))
    }

    fn of(&self, text: &str, sign: &str, ours: impl Fn(String) -> String) -> Value {
        let lines = text.split('\n');
        let parts = lines.flat_map(|line| line.split(sign));
        joined(parts.map(|part| ours(one_space(part))).collect())
    }

    /// Intercom's value for one of Salesforce's.
    fn ours(&self, shown: String) -> String {
        self.back.get(&shown).cloned().unwrap_or(shown)
    }

    fn theirs<'a>(&'a self, ours: &'a str) -> &'a str {
        self.values.get(ours).map_or(ours, String::as_str)
    }

    /// Whether a set has a form in both systems.
    pub fn check(&self, decided: &Value) -> Result<(), Refusal> {
        let text = decided.display();
        let values = elements(&text);
        if values.len() > VALUES_MAX {
            return Err(Refusal("too_many_values"));
        }
        let unknown = |value: &&str| {
            self.unknown == Unknown::Refuse && !self.values.contains_key::<str>(value)
        };
        if values.iter().any(unknown) {
            return Err(Refusal("not_in_the_list"));
        }
        let torn =
            |value: &&str| value.contains(self.sign()) || self.theirs(value).contains(THEIRS);
        if values.iter().any(torn) {
            return Err(Refusal("holds_the_separator"));
        }
        match self.in_intercom(&values).chars().count() > TEXT_MAX {
            true => Err(Refusal("too_long_a_list")),
            false => Ok(()),
        }
    }

    /// A set that was checked, as Intercom holds it.
    pub fn to_intercom(&self, decided: &Value) -> Value {
        Value::text(self.in_intercom(&elements(&decided.display())))
    }

    fn in_intercom(&self, values: &BTreeSet<&str>) -> String {
        let values: Vec<&str> = values.iter().copied().collect();
        values.join(&self.separator)
    }

    /// A set that was checked, as Salesforce holds it.
    pub fn to_salesforce(&self, decided: &Value) -> Value {
        let text = decided.display();
        let theirs: BTreeSet<&str> = elements(&text)
            .into_iter()
            .map(|value| self.theirs(value).trim())
            .filter(|value| !value.is_empty())
            .collect();
        Value::text(theirs.into_iter().collect::<Vec<_>>().join(THEIRS))
    }

    /// Whether two values of one system have the same elements, whatever their order and case.
    pub fn equivalent(&self, sent: &Value, stored: &Value) -> bool {
        let plain = |value: &Value| {
            let text = value.display().to_lowercase();
            let parts = text.split(THEIRS);
            let parts = parts.flat_map(|part| part.split(self.sign()));
            let parts = parts.flat_map(|part| part.split('\n')).map(one_space);
            let parts: BTreeSet<String> = parts.filter(|part| !part.is_empty()).collect();
            parts
        };
        plain(sent) == plain(stored)
    }
}

/// The values of a set in its decided form.
fn elements(decided: &str) -> BTreeSet<&str> {
    let lines = decided.split('\n').map(str::trim);
    lines.filter(|line| !line.is_empty()).collect()
}

fn joined(values: BTreeSet<String>) -> Value {
    let values: Vec<String> = values.into_iter().filter(|one| !one.is_empty()).collect();
    Value::text(values.join("\n"))
}

/// What holds of a set of several once some of them have left: what those who stay say themselves.
/// All are in the decided form.
pub fn said_by(stands: &Value, own: &[Value]) -> Value {
    let own: Vec<String> = own.iter().map(Value::display).collect();
    let said: BTreeSet<&str> = own.iter().flat_map(|one| elements(one)).collect();
    let stands = stands.display();
    let stays = elements(&stands).into_iter();
    joined(
        stays
            .filter(|value| said.contains(value))
            .map(str::to_owned)
            .collect(),
    )
}

/// What a side knew of a set when it changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base<'a> {
    /// It showed this, and what it showed was agreed.
    Agreed(&'a Value),
    /// It showed this, which was its own and not what was agreed.
    Own(&'a Value),
    /// Nobody can tell any more.
    Unknown,
}

/// What holds where a set that `stands` was changed to `claim` by a side that did not know of it:
/// what that side added is added, what it took away is taken away, and all others stay. All are in
/// the decided form.
pub fn merged(base: Base<'_>, stands: &Value, claim: &Value) -> Value {
    let (known, is_own) = match base {
        Base::Agreed(known) => (known.display(), false),
        Base::Own(known) => (known.display(), true),
        Base::Unknown => (String::new(), true),
    };
    let (stands, claim) = (stands.display(), claim.display());
    let (known, claim) = (elements(&known), elements(&claim));
    let is_taken = |value: &&str| known.contains(value) && !claim.contains(value);
    let stays = elements(&stands)
        .into_iter()
        .filter(|value| !is_taken(value));
    // What a side only keeps of what was agreed, the other may have taken away.
    let is_said = |value: &&&str| is_own || !known.contains(*value);
    let said = claim.iter().filter(is_said).copied();
    joined(stays.chain(said).map(str::to_owned).collect())
}
