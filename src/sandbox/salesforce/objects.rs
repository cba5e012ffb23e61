//! The objects of every simulated org: standard fields, and the custom ones crosswalk's default
//! mapping uses.

use std::sync::LazyLock;

use crate::sandbox::salesforce::schema::{Field, Kind, Object};

/// Those of the demo's mapping, and those of the default one.
const TIERS: &[&str] = &[
    "Basic",
    "Standard",
    "Premium",
    "Enterprise",
    "Silver",
    "Gold",
];
const SIZES: &[&str] = &[
    "1-10", "11-50", "51-200", "201-500", "501-1000", "1000+", "51+",
];
const LEAD_STATUSES: &[&str] = &[
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Converted",
    "Closed - Not Converted",
];
const SOURCES: &[&str] = &[
    "Web",
    "Phone Inquiry",
    "Partner Referral",
    "Purchased List",
    "Intercom",
    "Other",
];
const SALUTATIONS: &[&str] = &["Mr.", "Ms.", "Mrs.", "Dr.", "Prof."];
const STAGES: &[&str] = &["Prospecting", "Qualification", "Closed Won", "Closed Lost"];
const RENEWAL_STAGES: &[&str] = &["Not Started", "In Progress", "Committed", "Renewed", "Lost"];
const SEGMENTS: &[&str] = &["SMB", "Mid-Market", "Enterprise"];
const OWNERS: &[&str] = &["User", "Group"];

static OBJECTS: LazyLock<Vec<Object>> = LazyLock::new(|| {
    vec![
        lead(),
        contact(),
        account(),
        user(),
        group(),
        user_role(),
        opportunity(),
        case(),
        task(),
    ]
});

/// Every object.
pub(crate) fn all() -> &'static [Object] {
    &OBJECTS
}

/// The object with this name; names have no case.
pub(crate) fn named(name: &str) -> Option<&'static Object> {
    OBJECTS
        .iter()
        .find(|object| object.name.eq_ignore_ascii_case(name))
}

/// The object whose ids begin like this one.
pub(crate) fn of_id(id: &str) -> Option<&'static Object> {
    OBJECTS.iter().find(|object| id.starts_with(object.prefix))
}

fn object(
    (name, label, plural): (&'static str, &'static str, &'static str),
    prefix: &'static str,
    own: Vec<Field>,
) -> Object {
    let flag = |name| Field::new(name, Kind::Boolean).read_only();
    let moment = |name| Field::new(name, Kind::DateTime).read_only();
    let user = |name, relationship| Field::reference(name, &["User"], relationship).read_only();
    let mut fields = vec![Field::new("Id", Kind::Id).read_only(), flag("IsDeleted")];
    let (customs, standard): (Vec<Field>, Vec<Field>) = own.into_iter().partition(Field::is_custom);
    fields.extend(standard);
    fields.extend([
        moment("CreatedDate"),
        user("CreatedById", "CreatedBy"),
        moment("LastModifiedDate"),
        user("LastModifiedById", "LastModifiedBy"),
        moment("SystemModstamp"),
    ]);
    fields.extend(customs);
    Object {
        name,
        label,
        plural,
        prefix,
        fields,
    }
}

fn person() -> Vec<Field> {
    vec![
        Field::text("LastName", 80).required(),
        Field::text("FirstName", 40),
        Field::pick("Salutation", SALUTATIONS),
        Field::text("Name", 121).read_only(),
        Field::text("Title", 128),
        Field::new("Phone", Kind::Phone),
        Field::new("MobilePhone", Kind::Phone),
        Field::new("Email", Kind::Email).id_lookup(),
        Field::new("Description", Kind::LongText { length: 32_000 }),
        Field::pick("LeadSource", SOURCES),
        Field::new("HasOptedOutOfEmail", Kind::Boolean),
        Field::new("DoNotCall", Kind::Boolean),
        Field::text("EmailBouncedReason", 255),
        Field::new("EmailBouncedDate", Kind::DateTime),
        Field::text("Intercom_Contact_ID__c", 40).external_id(),
        Field::text("External_User_ID__c", 255).external_id(),
    ]
}

fn address(names: [&'static str; 5]) -> Vec<Field> {
    let [street, city, state, postal_code, country] = names;
    vec![
        Field::new(street, Kind::LongText { length: 255 }),
        Field::text(city, 40),
        Field::text(state, 80),
        Field::text(postal_code, 20),
        Field::text(country, 80),
    ]
}

fn lead() -> Object {
    let mut fields = person();
    fields.extend(address([
        "Street",
        "City",
        "State",
        "PostalCode",
        "Country",
    ]));
    fields.extend([
        Field::reference("MasterRecordId", &["Lead"], "MasterRecord").read_only(),
        Field::text("Company", 255).required(),
        Field::new("Website", Kind::Url),
        Field::pick("Status", LEAD_STATUSES).default("Open - Not Contacted"),
        Field::pick(
            "Industry",
            &["Technology", "Retail", "Manufacturing", "Other"],
        ),
        Field::pick("Rating", &["Hot", "Warm", "Cold"]),
        Field::new("NumberOfEmployees", Kind::Integer),
        Field::reference("OwnerId", OWNERS, "Owner"),
        Field::new("IsConverted", Kind::Boolean).read_only(),
        Field::new("ConvertedDate", Kind::Date).read_only(),
        Field::reference("ConvertedAccountId", &["Account"], "ConvertedAccount").read_only(),
        Field::reference("ConvertedContactId", &["Contact"], "ConvertedContact").read_only(),
        Field::reference(
            "ConvertedOpportunityId",
            &["Opportunity"],
            "ConvertedOpportunity",
        )
        .read_only(),
        Field::new("IsUnreadByOwner", Kind::Boolean),
        Field::restricted("Company_Size__c", SIZES),
        Field::text("UTM_Source__c", 255),
        Field::text("UTM_Medium__c", 255),
        Field::text("UTM_Campaign__c", 255),
    ]);
    object(("Lead", "Lead", "Leads"), "00Q", fields)
}

fn contact() -> Object {
    let mut fields = person();
    fields.extend(address([
        "MailingStreet",
        "MailingCity",
        "MailingState",
        "MailingPostalCode",
        "MailingCountry",
    ]));
    fields.extend([
        Field::reference("MasterRecordId", &["Contact"], "MasterRecord").read_only(),
        Field::reference("AccountId", &["Account"], "Account"),
        Field::reference("ReportsToId", &["Contact"], "ReportsTo"),
        Field::text("Department", 80),
        Field::reference("OwnerId", &["User"], "Owner"),
        Field::restricted("Support_Tier__c", TIERS),
    ]);
    object(("Contact", "Contact", "Contacts"), "003", fields)
}

fn account() -> Object {
    let mut fields = vec![
        Field::reference("MasterRecordId", &["Account"], "MasterRecord").read_only(),
        Field::text("Name", 255).required(),
        Field::pick("Type", &["Prospect", "Customer", "Partner", "Other"]),
        Field::reference("ParentId", &["Account"], "Parent"),
        Field::new("Phone", Kind::Phone),
        Field::text("AccountNumber", 40),
        Field::new("Website", Kind::Url),
        Field::pick(
            "Industry",
            &["Technology", "Retail", "Manufacturing", "Other"],
        ),
        Field::new("AnnualRevenue", Kind::Currency),
        Field::new("NumberOfEmployees", Kind::Integer),
        Field::new("Description", Kind::LongText { length: 32_000 }),
        Field::reference("OwnerId", &["User"], "Owner"),
        Field::text("Intercom_Company_ID__c", 255).external_id(),
        Field::text("Intercom_Plan__c", 255),
        Field::new(
            "Intercom_Health_Notes__c",
            Kind::LongText { length: 32_768 },
        ),
        Field::text("Customer_Category__c", 255),
        Field::restricted("Segment__c", SEGMENTS),
        Field::new("Renewal_Date__c", Kind::Date),
        Field::restricted("Renewal_Stage__c", RENEWAL_STAGES),
        Field::restricted("Support_Tier__c", TIERS),
    ];
    fields.extend(address([
        "BillingStreet",
        "BillingCity",
        "BillingState",
        "BillingPostalCode",
        "BillingCountry",
    ]));
    object(("Account", "Account", "Accounts"), "001", fields)
}

fn user() -> Object {
    let fields = vec![
        Field::text("Username", 80).required(),
        Field::text("LastName", 80).required(),
        Field::text("FirstName", 40),
        Field::text("Name", 121).read_only(),
        Field::text("Title", 80),
        Field::new("Email", Kind::Email).id_lookup(),
        Field::new("IsActive", Kind::Boolean),
        Field::reference("UserRoleId", &["UserRole"], "UserRole"),
        Field::text("FederationIdentifier", 512),
    ];
    object(("User", "User", "Users"), "005", fields)
}

fn group() -> Object {
    let fields = vec![
        Field::text("Name", 40).required(),
        Field::text("DeveloperName", 80),
        Field::pick("Type", &["Queue", "Regular"]),
        Field::new("Email", Kind::Email),
    ];
    object(("Group", "Group", "Groups"), "00G", fields)
}

fn user_role() -> Object {
    let fields = vec![
        Field::text("Name", 80).required(),
        Field::text("DeveloperName", 80),
    ];
    object(("UserRole", "Role", "Roles"), "00E", fields)
}

fn opportunity() -> Object {
    let fields = vec![
        Field::text("Name", 120).required(),
        Field::reference("AccountId", &["Account"], "Account"),
        Field::reference("ContactId", &["Contact"], "Contact"),
        Field::pick("StageName", STAGES).required(),
        Field::new("CloseDate", Kind::Date).required(),
        Field::new("Amount", Kind::Currency),
        Field::pick("LeadSource", SOURCES),
        Field::new("Description", Kind::LongText { length: 32_000 }),
        Field::reference("OwnerId", &["User"], "Owner"),
    ];
    object(
        ("Opportunity", "Opportunity", "Opportunities"),
        "006",
        fields,
    )
}

fn case() -> Object {
    let fields = vec![
        Field::reference("ContactId", &["Contact"], "Contact"),
        Field::reference("AccountId", &["Account"], "Account"),
        Field::pick("Status", &["New", "Working", "Escalated", "Closed"]).default("New"),
        Field::pick("Origin", &["Phone", "Email", "Web", "Intercom"]),
        Field::pick("Priority", &["High", "Medium", "Low"]).default("Medium"),
        Field::text("Subject", 255),
        Field::new("Description", Kind::LongText { length: 32_000 }),
        Field::reference("OwnerId", OWNERS, "Owner"),
    ];
    object(("Case", "Case", "Cases"), "500", fields)
}

fn task() -> Object {
    let fields = vec![
        Field::reference("WhoId", &["Contact", "Lead"], "Who"),
        Field::reference("WhatId", &["Account", "Opportunity", "Case"], "What"),
        Field::text("Subject", 255),
        Field::pick("Status", &["Not Started", "In Progress", "Completed"]).default("Not Started"),
        Field::pick("Priority", &["High", "Normal", "Low"]).default("Normal"),
        Field::new("ActivityDate", Kind::Date),
        Field::new("Description", Kind::LongText { length: 32_000 }),
        Field::reference("OwnerId", &["User"], "Owner"),
    ];
    object(("Task", "Task", "Tasks"), "00T", fields)
}
