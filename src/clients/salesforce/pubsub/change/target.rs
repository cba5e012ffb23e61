//! Whom an event is about: records by id, or more of them than ids are listed for
//! (salesforce.md 0.7).

use crate::clients::salesforce::record_id;

/// Stands where a transaction changed more than an event lists.
const OVERFLOW: &str = "000000000000000AAA";

/// One entry of `recordIds`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordTarget {
    /// A record, its id in 18 characters.
    One(String),
    /// Every record whose id begins so: `001*`.
    Wildcard { prefix: String },
    /// Any record of the entity: the event lists none.
    Overflow,
}

impl RecordTarget {
    /// None for what has none of the three forms.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(prefix) = text.strip_suffix('*') {
            let plain = prefix.bytes().all(|byte| byte.is_ascii_alphanumeric());
            return (plain && prefix.len() == 3).then(|| Self::Wildcard {
                prefix: prefix.to_owned(),
            });
        }
        let id = record_id::normalise(text)?;
        Some(if id == OVERFLOW {
            Self::Overflow
        } else {
            Self::One(id)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_wildcards_and_the_overflow_are_told_apart() {
        let one = |id: &str| Some(RecordTarget::One(id.into()));
        let prefix = "001".to_owned();
        let cases = [
            ("001D000000IqhSLIAZ", one("001D000000IqhSLIAZ")),
            ("001D000000IqhSL", one("001D000000IqhSLIAZ")),
            ("001*", Some(RecordTarget::Wildcard { prefix })),
            ("000000000000000AAA", Some(RecordTarget::Overflow)),
            ("000000000000000", Some(RecordTarget::Overflow)),
            ("", None),
            ("*", None),
            ("00-*", None),
            ("001D000000IqhS", None),
        ];
        for (text, target) in cases {
            assert_eq!(RecordTarget::parse(text), target, "{text}");
        }
    }
}
