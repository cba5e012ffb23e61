//! Whether a value of one system's type can be written into a field of the other. Pure.

use std::collections::BTreeMap;

/// Data types of custom attributes by model and name, as Intercom calls them.
pub type Types = BTreeMap<(String, String), String>;

/// What kinds of values a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Text,
    Number,
    Boolean,
    Date,
}

const CUSTOM: &str = "custom_attributes.";
const BOOLEANS: [&str; 5] = [
    "has_hard_bounced",
    "marked_email_as_spam",
    "sms_consent",
    "unsubscribed_from_emails",
    "unsubscribed_from_sms",
];
const NUMBERS: [&str; 4] = ["monthly_spend", "session_count", "size", "user_count"];

// === impl Class ===

impl Class {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "numbers",
            Self::Boolean => "true or false",
            Self::Date => "dates",
        }
    }

    /// Of a Salesforce field by the type of its describe; none for types that no mapping can use.
    pub fn of_salesforce(kind: &str) -> Option<Self> {
        Some(match kind {
            "string" | "textarea" | "phone" | "email" | "url" | "picklist" | "multipicklist"
            | "combobox" | "reference" | "id" | "encryptedstring" => Self::Text,
            "int" | "long" | "double" | "currency" | "percent" => Self::Number,
            "boolean" => Self::Boolean,
            "date" | "datetime" | "time" => Self::Date,
            _ => return None,
        })
    }

    /// Of a custom attribute by its data type.
    pub fn of_attribute(data_type: &str) -> Option<Self> {
        Some(match data_type {
            "string" | "options" | "list" => Self::Text,
            "integer" | "float" => Self::Number,
            "boolean" => Self::Boolean,
            "date" | "datetime" => Self::Date,
            _ => return None,
        })
    }

    /// Of an Intercom path; none where the workspace does not know the attribute.
    pub fn of_path(model: &str, path: &str, types: &Types) -> Option<Self> {
        if let Some(name) = path.strip_prefix(CUSTOM) {
            let key = (model.to_owned(), name.to_owned());
            return Self::of_attribute(types.get(&key)?);
        }
        Some(match path {
            _ if BOOLEANS.contains(&path) => Self::Boolean,
            _ if NUMBERS.contains(&path) => Self::Number,
            _ if path.ends_with("_at") => Self::Date,
            _ => Self::Text,
        })
    }
}

/// How sure it is that a field of `into` refuses values of `from`; none if it takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    Refused,
    /// No source says what the vendor does with it.
    Doubtful,
}

pub fn into_salesforce(from: Class, into: Class) -> Option<Misfit> {
    match (from, into) {
        (from, into) if from == into => None,
        (_, Class::Text) | (Class::Date, Class::Number) => Some(Misfit::Doubtful),
        _ => Some(Misfit::Refused),
    }
}

/// A text attribute takes numbers and booleans as well.
pub fn into_intercom(from: Class, into: Class) -> Option<Misfit> {
    match (from, into) {
        (_, Class::Text) => None,
        (from, into) if from == into => None,
        _ => Some(Misfit::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_do_not_fit_into_a_checkbox_and_anything_fits_into_a_text_attribute() {
        let refused = Some(Misfit::Refused);
        assert_eq!(into_salesforce(Class::Text, Class::Boolean), refused);
        assert_eq!(into_salesforce(Class::Text, Class::Number), refused);
        assert_eq!(into_salesforce(Class::Text, Class::Text), None);
        let doubtful = Some(Misfit::Doubtful);
        assert_eq!(into_salesforce(Class::Number, Class::Text), doubtful);
        assert_eq!(into_intercom(Class::Boolean, Class::Text), None);
        assert_eq!(into_intercom(Class::Text, Class::Number), refused);
    }

    #[test]
    fn an_attribute_that_nobody_knows_has_no_class() {
        let mut types = Types::new();
        assert_eq!(
            Class::of_path("contact", "custom_attributes.seats", &types),
            None
        );
        types.insert(("contact".into(), "seats".into()), "integer".into());
        let of = |model, path| Class::of_path(model, path, &types);
        assert_eq!(
            of("contact", "custom_attributes.seats"),
            Some(Class::Number)
        );
        assert_eq!(of("company", "custom_attributes.seats"), None);
        assert_eq!(
            of("contact", "unsubscribed_from_emails"),
            Some(Class::Boolean)
        );
        assert_eq!(of("contact", "utm_source"), Some(Class::Text));
    }
}
