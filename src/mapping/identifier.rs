//! Identifiers: the forms in which those of both systems are compared, and those that say nothing.

use std::collections::BTreeSet;

use phonenumber::country;
use url::Url;

use crate::domain::Value;
use crate::mapping::phone;

/// Free mail, internet providers, and places where companies have a page: no domain of theirs names
/// a company. One a line.
const SHARED_DOMAINS: &str = include_str!("shared_domains.txt");

/// What is compared of an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// The text without its outer space.
    Exact,
    /// Case never counts. `dots` and `tags` say whether those of the local part do: `j.doe+shop@…`.
    Email { dots: bool, tags: bool },
    /// E.164; numbers without a country code are of this region. What is no number identifies
    /// nobody.
    Phone { region: Option<country::Id> },
    /// The host of an address, without `www.`.
    Domain,
}

impl Form {
    /// The identifier as it is compared; none if the value holds none.
    pub fn compared(&self, value: &Value) -> Option<String> {
        let text = value.display();
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        match self {
            Self::Exact => Some(text.to_owned()),
            Self::Email { dots, tags } => Some(address(&text.to_lowercase(), *dots, *tags)),
            Self::Phone { region } => Some(phone::number(text, *region)?.to_string()),
            Self::Domain => domain(text),
        }
    }

    /// How the other system may hold an identifier that is compared as equal, for a search there.
    /// Searches compare texts: beside the compared form there can be others that they do not find.
    pub fn spellings(&self, value: &Value) -> BTreeSet<String> {
        let Some(compared) = self.compared(value) else {
            return BTreeSet::new();
        };
        let text = value.display().trim().to_owned();
        match self {
            Self::Exact => BTreeSet::from([compared]),
            Self::Email { .. } => BTreeSet::from([text.to_lowercase(), compared]),
            Self::Phone { .. } => BTreeSet::from([text, compared]),
            Self::Domain => {
                let hosts = [compared.clone(), format!("www.{compared}")];
                let forms = hosts.iter().flat_map(|host| {
                    ["", "http://", "https://"].map(|scheme| format!("{scheme}{host}"))
                });
                let closed = forms.clone().filter(|form| form.contains("://"));
                let closed = closed.map(|form| format!("{form}/"));
                forms.chain(closed).chain([text]).collect()
            }
        }
    }
}

/// An address in lower case, without what does not count.
fn address(text: &str, dots: bool, tags: bool) -> String {
    let Some((local, host)) = text.rsplit_once('@') else {
        return text.to_owned();
    };
    let mut local = local.to_owned();
    // A tag stands behind something: `+x@…` is a name that begins so.
    if let (false, Some(at)) = (tags, local.find('+').filter(|at| *at > 0)) {
        local.truncate(at);
    }
    if !dots {
        local.retain(|one| one != '.');
    }
    format!("{local}@{host}")
}

/// The host of a web address or of a bare name, in the form that DNS has; none of a shared one, or
/// of what is no name that companies have.
fn domain(text: &str) -> Option<String> {
    let with_scheme = match text.contains("://") {
        true => Url::parse(text),
        false => Url::parse(&format!("http://{text}")),
    };
    let url = with_scheme.ok()?;
    let host = url.domain()?.trim_end_matches('.');
    let host = host.strip_prefix("www.").unwrap_or(host);
    let names = host.split('.');
    let is_name = names.clone().count() > 1 && names.clone().all(|one| !one.is_empty());
    (is_name && !is_shared(host)).then(|| host.to_owned())
}

fn is_shared(host: &str) -> bool {
    SHARED_DOMAINS.lines().any(|one| {
        let below = host.strip_suffix(one);
        !one.is_empty() && below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
    })
}

/// A value that never makes two records one customer, such as `test@*`. `*` stands for any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<String>);

impl Pattern {
    pub fn new(text: &str) -> Self {
        Self(
            text.trim()
                .to_lowercase()
                .split('*')
                .map(str::to_owned)
                .collect(),
        )
    }

    /// Whether it would hold for anything.
    pub fn is_everything(&self) -> bool {
        self.0.iter().all(String::is_empty)
    }

    /// Whether it holds for an identifier in its compared form, whatever its case.
    pub fn holds(&self, identifier: &str) -> bool {
        let text = identifier.to_lowercase();
        let [only] = self.0.as_slice() else {
            return self.holds_in_parts(&text);
        };
        text == *only
    }

    fn holds_in_parts(&self, text: &str) -> bool {
        let (Some((first, rest)), text) = (self.0.split_first(), text) else {
            return false;
        };
        let Some((last, middle)) = rest.split_last() else {
            return false;
        };
        let Some(mut left) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        // The first place where a part stands leaves the most for those behind it.
        for part in middle {
            let Some(at) = left.find(part.as_str()) else {
                return false;
            };
            left = &left[at + part.len()..];
        }
        left.ends_with(last.as_str())
    }
}

/// What keeps one bad identifier from making many records one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// Identifiers that never match.
    pub blocked: Vec<Pattern>,
    /// An identifier that more records hold than this matches none of them.
    pub holders_max: usize,
    /// A customer that would hold more records than this is put before a person first.
    pub records_max: usize,
}

/// What stands where the mapping says nothing: people who write from several devices are several
/// leads in Intercom, but not dozens.
const HOLDERS_MAX: usize = 20;
const RECORDS_MAX: usize = 50;

impl Default for Protection {
    fn default() -> Self {
        Self {
            blocked: Vec::new(),
            holders_max: HOLDERS_MAX,
            records_max: RECORDS_MAX,
        }
    }
}

impl Protection {
    pub fn blocks(&self, identifier: &str) -> bool {
        self.blocked.iter().any(|pattern| pattern.holds(identifier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(form: &Form, text: &str) -> Option<String> {
        form.compared(&Value::text(text))
    }

    #[test]
    fn dots_and_tags_of_an_address_count_unless_the_mapping_says_otherwise() {
        let (all, none) = (
            Form::Email {
                dots: true,
                tags: true,
            },
            Form::Email {
                dots: false,
                tags: false,
            },
        );
        let compare = |form: &Form, text: &str| compared(form, text).unwrap();
        assert_eq!(
            compare(&all, " J.Doe+Shop@Example.COM "),
            "j.doe+shop@example.com"
        );
        assert_eq!(
            compare(&none, " J.Doe+Shop@Example.COM "),
            "jdoe@example.com"
        );
        assert_eq!(compare(&none, "+49@example.com"), "+49@example.com");
        assert_eq!(compare(&none, "no address"), "no address");
        assert_eq!(compared(&none, "  "), None);
        let searched = none.spellings(&Value::text("J.Doe+Shop@example.com"));
        assert_eq!(
            searched.into_iter().collect::<Vec<_>>(),
            ["j.doe+shop@example.com", "jdoe@example.com"]
        );
    }

    #[test]
    fn a_phone_number_is_compared_whatever_its_form_and_nothing_else_is_one() {
        let form = Form::Phone {
            region: Some(country::DE),
        };
        let number = Some("+493012345678".to_owned());
        for text in ["030 12345678", "+49 (30) 123 456 78", "0049 30 12345678"] {
            assert_eq!(compared(&form, text), number, "{text}");
        }
        for text in ["n/a", "0", "000000", "call me"] {
            assert_eq!(compared(&form, text), None, "{text}");
        }
    }

    #[test]
    fn a_domain_names_a_company_unless_it_is_shared_by_many() {
        let acme = Some("acme.example".to_owned());
        for text in [
            "acme.example",
            "https://www.ACME.example/about?x=1",
            "http://acme.example:8080",
            "www.acme.example.",
        ] {
            assert_eq!(compared(&Form::Domain, text), acme, "{text}");
        }
        for text in [
            "gmail.com",
            "https://www.facebook.com/acme",
            "me.t-online.de",
            "localhost",
            "10.0.0.1",
            "ftp",
            "http://",
            "acme",
        ] {
            assert_eq!(compared(&Form::Domain, text), None, "{text}");
        }
        assert_eq!(
            compared(&Form::Domain, "notgmail.com"),
            Some("notgmail.com".to_owned())
        );
        assert_eq!(
            compared(&Form::Domain, "bücher.example"),
            Some("xn--bcher-kva.example".to_owned())
        );
        assert!(
            Form::Domain
                .spellings(&Value::text("acme.example"))
                .contains("https://www.acme.example")
        );
    }

    #[test]
    fn a_star_stands_for_any_text_and_for_none() {
        let holds = |pattern: &str, text: &str| Pattern::new(pattern).holds(text);
        assert!(holds("test@*", "Test@example.com"));
        assert!(!holds("test@*", "latest@example.com"));
        assert!(holds("*@example.com", "@example.com"));
        assert!(holds("no*reply@*", "noreply@a") && holds("no*reply@*", "no-reply@a"));
        assert!(!holds("a*a", "a") && holds("a*a", "aa"));
        assert!(holds("a*b*b", "abb") && !holds("a*b*b", "ab"));
        assert!(holds("+490*", "+490000") && !holds("+490000", "+4900001"));
        assert!(Pattern::new("**").is_everything() && !Pattern::new("a*").is_everything());
    }
}
