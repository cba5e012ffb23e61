//! A pilot: an import of a few, to see what happens to them before everybody follows.

use std::collections::BTreeSet;

use crate::clients::salesforce::record_id;
use crate::domain::{Name, RecordSnapshot, Value};

/// Lines of a list.
pub const LINES_MAX: usize = 10_000;
/// What a row says of the address, in either system.
const ADDRESSES: [&str; 2] = ["email", "Email"];
/// And of where a person belongs.
const ACCOUNT: &str = "AccountId";

/// Who is taken: addresses, whole domains, and records by id. It is kept in memory only: a list of
/// people does not belong on a topic that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pilot {
    addresses: BTreeSet<String>,
    domains: BTreeSet<String>,
    ids: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the list names nobody")]
    Empty,
    #[error("the list has more than {LINES_MAX} lines")]
    TooLong,
    #[error(
        "line {0} is no address, no @domain and no record's id; write one of them on each line"
    )]
    Line(usize),
}

impl Pilot {
    /// Reads a list: one address, `@domain` or record id on a line; what follows a `#` is for
    /// people.
    pub fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, Refusal> {
        let mut pilot = Self::default();
        for (number, line) in lines.into_iter().enumerate() {
            if number >= LINES_MAX {
                return Err(Refusal::TooLong);
            }
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let refused = Refusal::Line(number + 1);
            if line.len() > 320 || line.chars().any(char::is_whitespace) {
                return Err(refused);
            }
            match line.split_once('@') {
                Some(("", domain)) if domain.contains('.') => {
                    pilot.domains.insert(domain.to_lowercase());
                }
                Some((name, domain)) if !name.is_empty() && !domain.is_empty() => {
                    pilot.addresses.insert(line.to_lowercase());
                }
                Some(_) => return Err(refused),
                None if line.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                    pilot.ids.insert(line.to_owned());
                    // Intercom's ids have 24 digits, so none is taken for one of these.
                    pilot.ids.extend(record_id::normalise(line));
                }
                None => return Err(refused),
            }
        }
        match pilot == Self::default() {
            true => Err(Refusal::Empty),
            false => Ok(pilot),
        }
    }

    /// Names the list without telling it: the same list has the same name.
    pub fn name(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (kind, set) in [
            ("address", &self.addresses),
            ("domain", &self.domains),
            ("id", &self.ids),
        ] {
            for one in set {
                hasher.update(kind.as_bytes());
                hasher.update(&[0]);
                hasher.update(one.as_bytes());
                hasher.update(&[0]);
            }
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }

    /// Whether a row is of somebody on the list, or of a company or account that is.
    pub fn has(&self, row: &RecordSnapshot) -> bool {
        let text = |name: &str| {
            let value = row.fields.get(&Name::from(name));
            value.and_then(Value::as_text)
        };
        let is_named = self.ids.contains(row.record.id.as_str())
            || text(ACCOUNT).is_some_and(|id| self.ids.contains(id))
            || row
                .companies
                .iter()
                .any(|set| set.ids.iter().any(|id| self.ids.contains(id)));
        is_named
            || ADDRESSES.iter().any(|name| {
                let address = text(name).map(str::to_lowercase);
                address.is_some_and(|address| {
                    let domain = address.rsplit_once('@').map(|(_, domain)| domain);
                    self.addresses.contains(&address)
                        || domain.is_some_and(|domain| self.domains.contains(domain))
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{RecordRef, RefSet, SourceId, Version};

    fn row(object: &str, id: &str, fields: &[(&str, &str)]) -> RecordSnapshot {
        let source = SourceId::new("sales").unwrap();
        let fields = fields.iter();
        RecordSnapshot {
            record: RecordRef::new(&source, object, id).unwrap(),
            version: Version::second(1),
            fields: fields
                .map(|(name, value)| ((*name).into(), Value::text(*value)))
                .collect(),
            tags: None,
            companies: None,
        }
    }

    #[test]
    fn people_are_taken_by_address_by_domain_and_by_id() {
        let list = "# first\nAda@Kestrel.example  # the pilot\n@osprey.example\n\n\
                    0015g00000ABCDE\n6961d4041c1e12de4c5499cc";
        let pilot = Pilot::read(list.lines()).unwrap();
        let has = |object, id, fields: &[(&str, &str)]| pilot.has(&row(object, id, fields));
        assert!(has("Lead", "00Q1", &[("Email", "ada@kestrel.example")]));
        assert!(has("contact", "c1", &[("email", "Bo@Osprey.example")]));
        assert!(!has("contact", "c2", &[("email", "bo@notosprey.example")]));
        assert!(!has("contact", "c3", &[]));
        assert!(has("contact", "6961d4041c1e12de4c5499cc", &[]));
        let account = record_id::normalise("0015g00000ABCDE").unwrap();
        assert!(has("Account", &account, &[]));
        assert!(has("Contact", "0031", &[("AccountId", &account)]));
        let mut member = row("contact", "c4", &[]);
        member.companies = Some(RefSet {
            ids: ["6961d4041c1e12de4c5499cc".to_owned()].into(),
            complete: true,
        });
        assert!(pilot.has(&member));
    }

    #[test]
    fn a_list_has_one_name_and_what_is_no_list_says_where() {
        let name = |list: &str| Pilot::read(list.lines()).unwrap().name();
        assert_eq!(
            name("a@x.example\nb@x.example"),
            name("B@x.example #\na@x.example")
        );
        assert_ne!(name("a@x.example"), name("@x.example"));
        for (list, refusal) in [
            ("# nobody", Refusal::Empty),
            ("a@x.example\nAda Lovelace", Refusal::Line(2)),
            ("@", Refusal::Line(1)),
            ("a@", Refusal::Line(1)),
        ] {
            assert_eq!(Pilot::read(list.lines()), Err(refusal), "{list}");
        }
    }
}
