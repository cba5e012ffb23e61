//! Transforms: one value as each system writes it.
//!
//! The decided form of a value is Intercom's, tidied: what two spellings of one thing share.

use std::collections::BTreeMap;

use phonenumber::country;
use smallvec::{SmallVec, smallvec};

use crate::domain::Value;
use crate::mapping::phone::{e164, e164_value};

/// The values of the one or two fields that a decided value is written to.
pub type Written = SmallVec<[Value; 2]>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    /// The value as it is; text loses its outer white space.
    Same,
    /// One name in Intercom; first and last name in Salesforce.
    SplitName,
    /// E.164 (`+14155552671`); what is no number stays as it was written.
    PhoneE164 { region: Option<country::Id> },
    /// Intercom's value to Salesforce's value; others pass unchanged. All are texts.
    Picklist { values: BTreeMap<String, String> },
}

impl Transform {
    /// Loads what the first use would load, so that no change waits for it: the numbering plans of
    /// all countries take some hundred milliseconds.
    pub fn warm_up(&self) {
        if let Self::PhoneE164 { region } = self {
            e164("+14155550100", *region);
        }
    }

    /// Two of Intercom's values that are one in Salesforce, or one that is a blank there: the way
    /// back would lose them.
    pub fn lost_on_the_way_back(&self) -> Option<(&str, &str)> {
        let Self::Picklist { values } = self else {
            return None;
        };
        let mut known: BTreeMap<&str, &str> = BTreeMap::from([("", "")]);
        values.iter().find_map(|(ours, theirs)| {
            let other = known.insert(theirs.trim(), ours)?;
            Some((other, ours.as_str()))
        })
    }

    /// The decided form of a value as Intercom holds it. It is its own decided form, and so is what
    /// comes back from Salesforce after it was written there, if nothing is lost on the way.
    pub fn decided(&self, value: &Value) -> Value {
        match self {
            // Names and numbers are texts, also where an attribute of type number holds them.
            Self::SplitName => match value {
                Value::Text(text) if is_one_spaced(text) => value.clone(),
                value => Value::text(one_space(&value.display())),
            },
            Self::PhoneE164 { region } => e164_value(value, *region),
            Self::Picklist { values } => {
                let shown = value.display();
                let shown = shown.trim();
                // Somebody wrote Salesforce's own value in Intercom.
                let known = values.contains_key(shown);
                let ours = (!known).then(|| intercoms_own(values, shown)).flatten();
                Value::text(ours.unwrap_or(shown))
            }
            Self::Same => match value {
                Value::Text(text) if text.is_empty() || text.trim().len() < text.len() => {
                    Value::text(text.trim())
                }
                other => other.clone(),
            },
        }
    }

    /// The decided form of what the Salesforce fields hold, in the order of the mapping.
    pub fn decided_from_salesforce(&self, values: &[&Value]) -> Value {
        let first = values.first().copied().unwrap_or(&Value::Null);
        match self {
            Self::SplitName => {
                let parts: Vec<String> = values.iter().map(|value| value.display()).collect();
                Value::text(one_space(&parts.join(" ")))
            }
            Self::Picklist { values } => {
                let shown = first.display();
                let shown = shown.trim();
                Value::text(intercoms_own(values, shown).unwrap_or(shown))
            }
            Self::Same | Self::PhoneE164 { .. } => self.decided(first),
        }
    }

    /// The value of the Intercom attribute.
    pub fn to_intercom(&self, decided: &Value) -> Value {
        decided.clone()
    }

    /// Whether a remote that stores `stored` for `sent` has stored what was meant: its own way of
    /// writing numbers, white space, case or a telephone number.
    pub fn equivalent(&self, sent: &Value, stored: &Value) -> bool {
        let plain = |value: &Value| one_space(&value.display()).to_lowercase();
        match self {
            Self::PhoneE164 { region } => {
                e164(&sent.display(), *region) == e164(&stored.display(), *region)
                    || (!digits(sent).is_empty() && digits(sent) == digits(stored))
            }
            Self::Same | Self::SplitName | Self::Picklist { .. } => plain(sent) == plain(stored),
        }
    }

    /// The values of the Salesforce fields, in the order in which the mapping names them.
    pub fn to_salesforce(&self, decided: &Value, fields: usize) -> Written {
        match self {
            Self::SplitName => split_name(decided, fields),
            Self::Picklist { values } => {
                let shown = decided.display();
                let mapped = values.get(&shown).map_or(&shown, |mapped| mapped);
                smallvec![Value::text(mapped.as_str())]
            }
            Self::Same | Self::PhoneE164 { .. } => smallvec![decided.clone()],
        }
    }
}

/// The last word is the last name, what stands before it the first name; a single word is a last
/// name, since that is the one Salesforce requires.
fn split_name(name: &Value, fields: usize) -> Written {
    let Value::Text(name) = name else {
        return smallvec![Value::Null; fields];
    };
    match name.rsplit_once(' ') {
        Some((first, last)) => smallvec![Value::text(first), Value::text(last)],
        None => smallvec![Value::Null, Value::text(&**name)],
    }
}

/// Intercom's value for one that Salesforce shows; a blank is never one of them.
fn intercoms_own<'a>(values: &'a BTreeMap<String, String>, shown: &str) -> Option<&'a str> {
    let mut known = values.iter().filter(|_| !shown.is_empty());
    let found = known.find(|(_, theirs)| theirs.trim() == shown);
    found.map(|(ours, _)| ours.as_str())
}

fn digits(value: &Value) -> String {
    value
        .display()
        .chars()
        .filter(char::is_ascii_digit)
        .collect()
}

/// Whether a text is its own `one_space`, which most are.
fn is_one_spaced(text: &str) -> bool {
    let mut last = ' ';
    let tidy = text.chars().all(|now| {
        let fits = now == ' ' || !now.is_whitespace();
        let fits = fits && !(now == ' ' && last == ' ');
        last = now;
        fits
    });
    tidy && last != ' '
}

fn one_space(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
