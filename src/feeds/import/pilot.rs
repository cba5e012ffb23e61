//! A pilot: an import of a few, to see what happens to them before everybody follows.

use std::collections::BTreeSet;

use crate::clients::salesforce::record_id;
use crate::domain::{Name, RecordSnapshot, Value};

/// Lines of a list.
pub const LINES_MAX: usize = 10_000;
/// An address is no longer.
const ENTRY_BYTES_MAX: usize = 320;
/// Of a contact or company.
const INTERCOM_ID_LENGTH: usize = 24;
/// Without its checksum.
const SALESFORCE_ID_LENGTH: usize = 15;
/// Straight, as a program writes them, and curly, as a word processor does.
const QUOTES: [char; 8] = [
    '"', '`', '\u{ab}', '\u{bb}', '\u{2018}', '\u{201c}', '\u{201d}', '\u{201e}',
];
/// Besides letters and digits.
const MAILBOX_SIGNS: &str = "!$&'+-/=^_{|}~.";
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
    #[error("line {0} {1}")]
    Line(usize, Fault),
}

/// Why a line names nobody, and what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("has quotes; write it without")]
    Quotes,
    #[error("has a comma or semicolon; write one entry on each line and nothing behind it")]
    Separator,
    #[error("has a wildcard; write @kestrel.example for everybody at a domain")]
    Wildcard,
    #[error("has white space inside; write one entry on each line, a remark behind a #")]
    WhiteSpace,
    #[error("ends with a dot; write it without")]
    Dot,
    #[error(
        "is an id of Salesforce that lost which of its letters are capital; copy it from the \
         address of the record's page"
    )]
    Capitals,
    #[error("is no address, no @domain and no record's id; write one of them on each line")]
    Unknown,
}

/// What a line names.
enum Entry {
    Address(String),
    Domain(String),
    SalesforceId(String),
    IntercomId(String),
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
            // Spreadsheets and editors of Windows begin a file with a byte order mark.
            let line = match number {
                0 => line.trim_start_matches('\u{feff}'),
                _ => line,
            };
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            match entry(line).map_err(|fault| Refusal::Line(number + 1, fault))? {
                Entry::Address(address) => {
                    pilot.addresses.insert(address);
                }
                Entry::Domain(domain) => {
                    pilot.domains.insert(domain);
                }
                Entry::IntercomId(id) => {
                    pilot.ids.insert(id);
                }
                Entry::SalesforceId(id) => {
                    pilot.ids.extend(record_id::normalise(&id));
                    pilot.ids.insert(id);
                }
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

fn entry(line: &str) -> Result<Entry, Fault> {
    // A name such as O'Brien has one inside.
    let is_quoted = line.starts_with('\'') || line.ends_with('\'');
    if is_quoted || line.contains(QUOTES) {
        return Err(Fault::Quotes);
    }
    if line.contains([',', ';']) {
        return Err(Fault::Separator);
    }
    if line.contains(['*', '?', '%']) {
        return Err(Fault::Wildcard);
    }
    if line.contains(char::is_whitespace) {
        return Err(Fault::WhiteSpace);
    }
    if line.ends_with('.') {
        return Err(Fault::Dot);
    }
    if line.len() > ENTRY_BYTES_MAX {
        return Err(Fault::Unknown);
    }
    match line.split_once('@') {
        Some(("", domain)) if is_domain(domain) => Ok(Entry::Domain(domain.to_lowercase())),
        Some((name, domain)) if is_mailbox(name) && is_domain(domain) => {
            Ok(Entry::Address(line.to_lowercase()))
        }
        Some(_) => Err(Fault::Unknown),
        None => id(line),
    }
}

/// The ids that either system gives; their lengths tell them apart.
fn id(line: &str) -> Result<Entry, Fault> {
    if line.len() == INTERCOM_ID_LENGTH && line.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Entry::IntercomId(line.to_ascii_lowercase()));
    }
    // A long name is no id: each id counts.
    let has_digit = line.bytes().any(|byte| byte.is_ascii_digit());
    let Some(full) = record_id::normalise(line).filter(|_| has_digit) else {
        return Err(Fault::Unknown);
    };
    // The last three characters say which of the others are capital.
    match record_id::normalise(&full[..SALESFORCE_ID_LENGTH]) == Some(full) {
        true => Ok(Entry::SalesforceId(line.to_owned())),
        false => Err(Fault::Capitals),
    }
}

/// What stands before the @ of an address, as both systems take it.
fn is_mailbox(name: &str) -> bool {
    let is_taken = |one: char| one.is_alphanumeric() || MAILBOX_SIGNS.contains(one);
    !name.is_empty() && name.chars().all(is_taken)
}

fn is_domain(domain: &str) -> bool {
    let is_taken = |one: char| one.is_alphanumeric() || matches!(one, '-' | '_');
    let is_label = |label: &str| !label.is_empty() && label.chars().all(is_taken);
    domain.contains('.') && domain.split('.').all(is_label)
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
        assert_eq!(Pilot::read("# nobody".lines()), Err(Refusal::Empty));
        for (line, why) in [
            ("Ada Lovelace", "has white space inside; write one entry"),
            ("\"p2@d2.example\"", "has quotes; write it without"),
            ("'p2@d2.example'", "has quotes; write it without"),
            (
                "p3@d3.example,",
                "has a comma or semicolon; write one entry",
            ),
            ("a@x.example;b@x.example", "has a comma or semicolon"),
            ("*@x.example", "has a wildcard; write @kestrel.example"),
            ("p1@D1.EXAMPLE.", "ends with a dot; write it without"),
            ("@x.example.", "ends with a dot; write it without"),
            ("ada", "is no address"),
            ("@", "is no address"),
            ("a@", "is no address"),
            ("a@intranet", "is no address"),
            ("a@b@x.example", "is no address"),
            ("a@x..example", "is no address"),
            ("@x_y", "is no address"),
            ("<a@x.example>", "is no address"),
            ("constantinopler", "is no address"),
            ("6961d4041c1e12de4c5499cg", "is no address"),
            ("0035G00000ABCDEAA5", "is an id of Salesforce that lost"),
        ] {
            let list = format!("b@x.example\n{line}");
            let told = Pilot::read(list.lines()).unwrap_err().to_string();
            assert!(told.starts_with(&format!("line 2 {why}")), "{line}: {told}");
        }
    }

    #[test]
    fn a_list_that_a_spreadsheet_saved_names_its_first_person() {
        let list = "\u{feff}ada@kestrel.example\r\n\u{a0}bo@osprey.example\t# two\r\n";
        let plain = "ada@kestrel.example\nbo@osprey.example";
        let read = |list: &str| Pilot::read(list.lines()).unwrap();
        assert_eq!(read(list), read(plain));
    }

    #[test]
    fn what_people_and_records_may_be_called_is_taken() {
        for line in [
            "o'brien+news@mail.kestrel.example",
            "J\u{fc}rgen@m\u{fc}ller.example",
            "a_b-c.d=e/f@x-y.co.example",
            "@mail.kestrel.example",
            "0015g00000ABCDE",
            "00Q5g0000000001EAA",
            "6961D4041c1e12de4c5499cc",
        ] {
            assert!(Pilot::read([line]).is_ok(), "{line}");
        }
    }
}
