//! Transforms: one value as each system writes it.
//!
//! The decided form of a value is Intercom's, tidied: what two spellings of one thing share.

use std::collections::BTreeMap;

use phonenumber::country;

use crate::domain::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    /// The value as it is; text loses its outer white space.
    Same,
    /// One name in Intercom; first and last name in Salesforce.
    SplitName,
    /// E.164 (`+14155552671`); what is no number stays as it was written.
    PhoneE164 { region: Option<country::Id> },
    /// Intercom's value to Salesforce's value; others pass unchanged.
    Picklist { values: BTreeMap<String, String> },
}

impl Transform {
    /// The decided form of a value as Intercom holds it.
    pub fn decided(&self, value: &Value) -> Value {
        match (self, value) {
            (Self::SplitName, Value::Text(text)) => {
                Value::text(text.split_whitespace().collect::<Vec<_>>().join(" "))
            }
            (Self::PhoneE164 { region }, Value::Text(text)) => Value::text(e164(text, *region)),
            (_, Value::Text(text)) => Value::text(text.trim()),
            (_, value) => value.clone(),
        }
    }

    /// The values of the Salesforce fields, in the order in which the mapping names them.
    pub fn to_salesforce(&self, decided: &Value, fields: usize) -> Vec<Value> {
        match self {
            Self::SplitName => split_name(decided, fields),
            Self::Picklist { values } => {
                let shown = decided.display();
                let mapped = values.get(&shown).map(|value| Value::text(value.as_str()));
                vec![mapped.unwrap_or_else(|| decided.clone())]
            }
            Self::Same | Self::PhoneE164 { .. } => vec![decided.clone()],
        }
    }
}

/// The last word is the last name, what stands before it the first name; a single word is a last
/// name, since that is the one Salesforce requires.
fn split_name(name: &Value, fields: usize) -> Vec<Value> {
    let Value::Text(name) = name else {
        return vec![Value::Null; fields];
    };
    match name.rsplit_once(' ') {
        Some((first, last)) => vec![Value::text(first), Value::text(last)],
        None => vec![Value::Null, Value::text(name.as_str())],
    }
}

fn e164(text: &str, region: Option<country::Id>) -> String {
    let text = text.trim();
    match phonenumber::parse(region, text) {
        Ok(number) if phonenumber::is_valid(&number) => {
            number.format().mode(phonenumber::Mode::E164).to_string()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_name(name: &str, first: &str, last: &str) {
        let decided = Transform::SplitName.decided(&Value::text(name));
        let split = Transform::SplitName.to_salesforce(&decided, 2);
        assert_eq!(split, vec![Value::text(first), Value::text(last)], "{name}");
    }

    #[test]
    fn names_split_at_the_last_word() {
        check_name("Ada Lovelace", "Ada", "Lovelace");
        check_name("  Ada   King  Lovelace ", "Ada King", "Lovelace");
        check_name("Ada", "", "Ada");
        check_name("  ", "", "");
        check_name("李 小龍", "李", "小龍");
    }

    #[test]
    fn numbers_become_e164_and_others_stay() {
        let us = Transform::PhoneE164 {
            region: Some(country::Id::US),
        };
        assert_eq!(us.decided(&"(415) 555-2671".into()), "+14155552671".into());
        assert_eq!(
            us.decided(&"+44 20 7946 0958".into()),
            "+442079460958".into()
        );
        assert_eq!(us.decided(&"ask the desk".into()), "ask the desk".into());
        let none = Transform::PhoneE164 { region: None };
        assert_eq!(none.decided(&"415 555".into()), "415 555".into());
    }

    #[test]
    fn a_picklist_maps_what_it_knows_and_passes_the_rest() {
        let values = BTreeMap::from([("50".to_owned(), "11-50".to_owned())]);
        let list = Transform::Picklist { values };
        assert_eq!(list.to_salesforce(&Value::Int(50), 1), vec!["11-50".into()]);
        assert_eq!(
            list.to_salesforce(&"51-200".into(), 1),
            vec!["51-200".into()]
        );
    }
}
