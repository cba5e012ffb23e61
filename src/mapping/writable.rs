//! What can be written in each system, as far as a name tells, and why the rest can only be read.

use crate::domain::journal::CustomerKind;
use crate::mapping::names::{Fault, is_owner_path, is_virtual};

/// Fields that Salesforce writes itself. A formula field looks like any other: only the org knows.
const OF_SALESFORCE: [&str; 15] = [
    "IsConverted",
    "ConvertedDate",
    "ConvertedAccountId",
    "ConvertedContactId",
    "ConvertedOpportunityId",
    "IsDeleted",
    "MasterRecordId",
    "CreatedDate",
    "CreatedById",
    "LastModifiedById",
    "LastActivityDate",
    "IsEmailBounced",
    "IsPersonAccount",
    "IsUnreadByOwner",
    "PhotoUrl",
];
/// Moments of the last save or look: the first two are a record's version, the others noise.
const STAMPS: [&str; 4] = [
    "LastModifiedDate",
    "SystemModstamp",
    "LastViewedDate",
    "LastReferencedDate",
];
/// What Intercom takes for contacts besides custom attributes (intercom.md 2.4).
const OF_CONTACTS: [&str; 6] = [
    "name",
    "email",
    "phone",
    "unsubscribed_from_emails",
    "owner_id",
    "language_override",
];
/// What Intercom takes for companies (intercom.md 2.5); it reads `plan.name` where `plan` is
/// written, and the sink knows.
const OF_COMPANIES: [&str; 6] = [
    "name",
    "website",
    "industry",
    "size",
    "monthly_spend",
    "plan.name",
];
const CUSTOM: &str = "custom_attributes.";

/// Why a Salesforce field cannot be mapped, whichever way it flows.
pub fn salesforce_fault(kind: CustomerKind, name: &str) -> Option<Fault> {
    if STAMPS.contains(&name) {
        let what = format!("`{name}` is not kept: it moves with every save or look");
        return Some((what, "leave it out".to_owned()));
    }
    // A person's Name is made of its parts, and change events tell the parts only; an account's is
    // a field like others.
    if name == "Name" && kind == CustomerKind::Person {
        let fix = "write [FirstName, LastName] with `transform: split_name`";
        return Some(("`Name` is made of its parts".to_owned(), fix.to_owned()));
    }
    None
}

/// Why a Salesforce field cannot be written; none if it can.
pub fn salesforce_write_fault(name: &str) -> Option<Fault> {
    let read_only = is_virtual(name) || is_owner_path(name) || OF_SALESFORCE.contains(&name);
    read_only.then(|| {
        let what = format!("`{name}` can only be read in Salesforce");
        let fix = "write `direction: to_intercom`, or leave it out";
        (what, fix.to_owned())
    })
}

/// Whether a path can be written in Intercom, as far as its name tells.
pub fn is_writable_in_intercom(kind: CustomerKind, path: &str) -> bool {
    intercom_write_fault(kind, path).is_none()
}

/// Why a path cannot be written in Intercom; none if it can.
pub fn intercom_write_fault(kind: CustomerKind, path: &str) -> Option<Fault> {
    if let Some(name) = path.strip_prefix(CUSTOM) {
        // intercom.md 2.6: no nested values, no dot and no dollar sign in names.
        return name.contains(['.', '$']).then(|| {
            let what = format!("Intercom makes no attribute named `{name}`");
            (what, "take a name without `.` and `$`".to_owned())
        });
    }
    let known: &[&str] = match kind {
        CustomerKind::Person => &OF_CONTACTS,
        CustomerKind::Company => &OF_COMPANIES,
    };
    if known.contains(&path) {
        return None;
    }
    let why = match path {
        "role" => "a lead becomes a user when Intercom learns who it is",
        "external_id" => "it says who the contact is",
        "company_id" => "a company keeps the one it was made with",
        "id" | "workspace_id" | "app_id" | "created_at" => "Intercom sets it itself",
        _ => "Intercom gathers it itself",
    };
    let last = path.rsplit('.').next().unwrap_or(path);
    let what = format!("`{path}` cannot be written in Intercom: {why}");
    let fix = format!("write `direction: to_salesforce`, or map `{CUSTOM}{last}`");
    Some((what, fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_intercom_takes_is_not_refused() {
        for path in OF_CONTACTS {
            assert_eq!(intercom_write_fault(CustomerKind::Person, path), None);
        }
        for path in OF_COMPANIES {
            assert_eq!(intercom_write_fault(CustomerKind::Company, path), None);
        }
        let custom = "custom_attributes.Job Title";
        assert_eq!(intercom_write_fault(CustomerKind::Person, custom), None);
    }

    #[test]
    fn what_intercom_owns_is_refused() {
        for path in [
            "id",
            "role",
            "external_id",
            "utm_source",
            "location.city",
            "plan.name",
            "website",
            "sms_consent",
            "custom_attributes.a.b",
            "custom_attributes.a$",
        ] {
            let fault = intercom_write_fault(CustomerKind::Person, path);
            assert!(fault.is_some(), "{path}");
        }
        for path in ["company_id", "email", "owner_id", "plan.id", "user_count"] {
            let fault = intercom_write_fault(CustomerKind::Company, path);
            assert!(fault.is_some(), "{path}");
        }
    }
}
