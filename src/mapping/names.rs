//! Names that a mapping may use: API names of Salesforce, paths of Intercom.
//!
//! API names become part of queries, so nothing else than a name may pass.

use crate::domain::journal::CustomerKind;
use crate::domain::nearest::did_you_mean;

/// Salesforce's longest API name: namespace, name and suffix.
const API_NAME_CHARS_MAX: usize = 80;
/// What ingest keeps of a path.
const PATH_BYTES_MAX: usize = 512;

/// Objects of a contact or company: their members have paths, they themselves have no value.
const GROUPS: [&str; 4] = ["custom_attributes", "location", "avatar", "plan"];
/// Lists, which have no single value.
const LISTS: [&str; 8] = [
    "tags",
    "companies",
    "notes",
    "social_profiles",
    "segments",
    "opted_in_subscription_types",
    "opted_out_subscription_types",
    "contacts",
];
const OF_CONTACTS: [&str; 34] = [
    "id",
    "workspace_id",
    "external_id",
    "role",
    "email",
    "phone",
    "formatted_phone",
    "name",
    "owner_id",
    "has_hard_bounced",
    "marked_email_as_spam",
    "unsubscribed_from_emails",
    "created_at",
    "language_override",
    "browser",
    "browser_version",
    "browser_language",
    "os",
    "referrer",
    "utm_campaign",
    "utm_content",
    "utm_medium",
    "utm_source",
    "utm_term",
    "sms_consent",
    "unsubscribed_from_sms",
    "custom_attributes",
    "location",
    "avatar",
    "android_app_name",
    "android_app_version",
    "android_device",
    "ios_app_name",
    "ios_app_version",
];
const OF_COMPANIES: [&str; 12] = [
    "id",
    "company_id",
    "app_id",
    "name",
    "website",
    "size",
    "industry",
    "monthly_spend",
    "session_count",
    "user_count",
    "created_at",
    "plan",
];

/// The parent whose fields can be read: the owner of a record, a user or a queue.
pub const OWNER: &str = "Owner";
/// The name of a record's object, as the REST API shows it.
pub const OBJECT_TYPE: &str = "attributes.type";
/// SOQL goes so many levels up.
const PARENTS_MAX: usize = 5;

/// What is wrong with a name, and the fix.
pub type Fault = (String, String);

/// Whether Salesforce could have an object or field of this name.
pub fn is_api_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.len() <= API_NAME_CHARS_MAX
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(allowed)
}

/// Whether a name is a field of the record's owner: `Owner.Name`, `Owner.UserRole.Name`.
pub fn is_owner_path(name: &str) -> bool {
    let mut parts = name.split('.');
    let parents = name.matches('.').count();
    parts.next() == Some(OWNER) && (1..=PARENTS_MAX).contains(&parents) && parts.all(is_api_name)
}

/// Whether every record has it without being asked: its id and the name of its object.
pub fn is_virtual(name: &str) -> bool {
    name == "Id" || name == OBJECT_TYPE
}

/// Whether a name can be read of a Salesforce record.
pub fn is_readable(name: &str) -> bool {
    is_api_name(name) || is_owner_path(name) || is_virtual(name)
}

/// A Salesforce field of a rule or of what is created, without its object.
pub fn field_fault(name: &str) -> Option<Fault> {
    if is_api_name(name) {
        return None;
    }
    let what = format!("`{name}` is no API name of a Salesforce field");
    let fix = "letters, digits and _ as in Setup, such as Company_Size__c, without the object";
    Some((what, fix.to_owned()))
}

/// Why a path of a contact or company can have no value; none if it can.
pub fn path_fault(kind: CustomerKind, path: &str) -> Option<Fault> {
    let (first, inner) = match path.split_once('.') {
        Some((first, inner)) => (first, Some(inner)),
        None => (path, None),
    };
    let fault = |what: String, fix: String| Some((what, fix));
    let is_shaped = |part: &str| !part.is_empty() && part.trim() == part;
    if !is_shaped(first)
        || inner.is_some_and(|inner| !is_shaped(inner))
        || path.len() > PATH_BYTES_MAX
    {
        let fix = "write it as in Intercom's API: `email`, `custom_attributes.job_title`";
        return fault(format!("`{path}` is no path"), fix.to_owned());
    }
    if LISTS.contains(&first) {
        let fix = "name a single value; conditions can ask `\"name\" in contact.tags`";
        return fault(format!("`{first}` is a list"), fix.to_owned());
    }
    if inner.is_none() && is_group(first) {
        let what = format!("`{first}` is a group of attributes, not one value");
        return fault(what, format!("name one of them, as in `{first}.NAME`"));
    }
    if inner.is_none() && is_noise(first) {
        let what = format!("`{first}` is not kept: it moves with every visit");
        return fault(what, "leave it out".to_owned());
    }
    let known: &[&str] = match kind {
        CustomerKind::Person => &OF_CONTACTS,
        CustomerKind::Company => &OF_COMPANIES,
    };
    // Intercom may have attributes that this list lacks; only a near miss is surely a slip.
    let near = did_you_mean(first, known.iter().copied());
    if known.contains(&first) || near.is_empty() {
        return None;
    }
    let near = near.trim_start_matches("; ").to_owned();
    fault(format!("`{first}` is no attribute of Intercom's"), near)
}

/// Whether paths begin with this name and it has no value of its own.
pub fn is_group(first: &str) -> bool {
    GROUPS.contains(&first)
}

/// Ingest drops times of activity and type tags: see `clients::intercom::snapshot`.
fn is_noise(name: &str) -> bool {
    name == "type" || (name.ends_with("_at") && name != "created_at")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: CustomerKind, path: &str, expected: &str) {
        let fault = path_fault(kind, path);
        let shown = fault.map(|(what, fix)| format!("{what}; {fix}"));
        let shown = shown.unwrap_or_default();
        let holds = if expected.is_empty() {
            shown.is_empty()
        } else {
            shown.contains(expected)
        };
        assert!(holds, "{path}: {shown}");
    }

    #[test]
    fn paths_that_can_have_a_value_pass() {
        for path in [
            "email",
            "custom_attributes.Job Title",
            "custom_attributes.a.b",
            "custom_attributes.last_seen_at",
            "location.country",
            "created_at",
            "something_of_next_year",
        ] {
            check(CustomerKind::Person, path, "");
        }
        check(CustomerKind::Company, "plan.name", "");
        for known in OF_CONTACTS.into_iter().filter(|name| !is_group(name)) {
            check(CustomerKind::Person, known, "");
        }
        for known in OF_COMPANIES.into_iter().filter(|name| !is_group(name)) {
            check(CustomerKind::Company, known, "");
        }
    }

    #[test]
    fn paths_that_never_have_a_value_are_refused() {
        let person = |path, expected| check(CustomerKind::Person, path, expected);
        for path in [
            "",
            ".email",
            "email.",
            " email",
            "email ",
            "custom_attributes.",
        ] {
            person(path, "is no path");
        }
        check(CustomerKind::Person, &"a".repeat(513), "is no path");
        person("tags", "is a list");
        person("companies.data", "is a list");
        person("custom_attributes", "name one of them");
        person("last_seen_at", "is not kept");
        person("type", "is not kept");
        person("emial", "did you mean \"email\"?");
        person(
            "custom_atributes.seats",
            "did you mean \"custom_attributes\"?",
        );
        check(
            CustomerKind::Company,
            "webiste",
            "did you mean \"website\"?",
        );
    }

    #[test]
    fn only_names_reach_a_query() {
        for name in ["Email", "Company_Size__c", "ns__Field__c"] {
            assert!(is_api_name(name), "{name}");
        }
        for name in [
            "",
            "1st",
            "_x",
            "A B",
            "Owner.Name",
            "Id FROM Lead--",
            "Größe__c",
            "A'",
        ] {
            assert!(!is_api_name(name), "{name}");
        }
        assert!(!is_api_name(&"A".repeat(81)));
    }

    /// Paths reach a query as names do.
    #[test]
    fn only_the_owner_has_a_path() {
        for name in [
            "Owner.Name",
            "Owner.Email",
            "Owner.UserRole.Name",
            "Owner.A.B.C.D.E",
        ] {
            assert!(is_owner_path(name) && is_readable(name), "{name}");
        }
        for name in [
            "Owner",
            "Owner.",
            "Owner..Name",
            "Owner.Name FROM Lead--",
            "Owner.A.B.C.D.E.F",
            "owner.Name",
            "OwnerId",
            "Account.Name",
            "Lead.Owner.Name",
        ] {
            assert!(!is_owner_path(name), "{name}");
        }
        assert!(is_readable("attributes.type") && is_readable("Id"));
        assert!(!is_readable("attributes.url") && !is_readable("Lead.Status"));
    }
}
