//! What truly happened in both systems: every change of a value, who made it and when. Plain
//! words and maps, so that the checker needs to know nothing of the product.

use std::collections::BTreeMap;

use serde_json::Value as Json;

/// Field to value as text; blank values and absent ones are the empty text.
pub type Shown = BTreeMap<String, String>;
/// Record id to what it shows.
pub type People = BTreeMap<String, Shown>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Intercom,
    Salesforce,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Our integration, carrying out this command.
    Us {
        command: String,
        repeat: bool,
    },
    Person,
    /// Something set up in the org, in the wake of a write of ours.
    Automation,
}

/// A field of a record got another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub at: i64,
    pub side: Side,
    /// `contact`, `Lead` or `Contact`.
    pub object: String,
    pub record: String,
    pub field: String,
    pub old: String,
    pub new: String,
    pub by: By,
    /// Whether the record came into being with this value.
    pub born: bool,
}

/// What an execution found when it read before a repeated write, and what it was to find.
#[derive(Debug, Clone)]
pub struct Repeat {
    pub record: String,
    pub field: String,
    pub at: i64,
    pub shown: String,
    pub expected: String,
    pub target: String,
}

/// A value as text.
pub fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

/// The fields of a contact that matter here, under the names of the mapping.
pub const INTERCOM_FIELDS: [&str; 4] = ["name", "email", "phone", "unsubscribed_from_emails"];
pub const ATTRIBUTES: [&str; 9] = [
    "job_title",
    "nickname",
    "support_tier",
    "interests",
    "trial_ends",
    "SALESFORCE_STATUS",
    "SALESFORCE_OWNER_NAME",
    "SALESFORCE_ID",
    "crosswalk_created_from",
];
pub const SALESFORCE_FIELDS: [&str; 17] = [
    "Id",
    "FirstName",
    "LastName",
    "Email",
    "Phone",
    "Title",
    "External_User_ID__c",
    "Salutation",
    "EmailBouncedReason",
    "MobilePhone",
    "HasOptedOutOfEmail",
    "Status",
    "OwnerId",
    "Intercom_Contact_ID__c",
    "IsDeleted",
    "IsConverted",
    "ConvertedContactId",
];

pub fn shown_contact(contact: &Json) -> (String, Shown) {
    let mut shown = Shown::new();
    for name in INTERCOM_FIELDS {
        shown.insert(name.to_owned(), text(&contact[name]));
    }
    for name in ATTRIBUTES {
        let value = text(&contact["custom_attributes"][name]);
        shown.insert(format!("custom_attributes.{name}"), value);
    }
    shown.insert("state".to_owned(), text(&contact["sandbox_state"]));
    shown.insert(
        "merged_into".to_owned(),
        text(&contact["sandbox_merged_into"]),
    );
    shown.insert("tags".to_owned(), contact["sandbox_tags"].to_string());
    (text(&contact["id"]), shown)
}

pub fn shown_row(object: &str, row: &Json) -> (String, Shown) {
    let mut shown: Shown = SALESFORCE_FIELDS
        .iter()
        .map(|name| ((*name).to_owned(), text(&row[*name])))
        .collect();
    shown.insert("object".to_owned(), object.to_owned());
    // Our key names the workspace and the contact; here only the contact counts.
    if let Some(key) = shown.get_mut("Intercom_Contact_ID__c")
        && let Some((_, contact)) = key.split_once(':')
    {
        *key = contact.to_owned();
    }
    (text(&row["Id"]), shown)
}
