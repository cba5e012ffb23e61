//! What a mapping keeps of the records it sees.

use crate::mapping::tests::small_file::{GOOD, compile};

#[test]
fn rules_conditions_and_fields_are_watched() {
    let text = GOOD.replace(
        "when: '\"qualified\" in contact.tags'",
        "when: 'contact.custom_attributes.seats > 5 && contact.email != \"contact.os\"'",
    );
    let people = compile(&text).unwrap().people;
    let watched: Vec<&str> = people
        .watched_intercom
        .iter()
        .map(|name| name.as_str())
        .collect();
    assert_eq!(
        watched,
        [
            "custom_attributes.seats",
            "custom_attributes.size",
            "email",
            "external_id",
            "name",
            "phone",
            "role"
        ]
    );
    let lead = people.salesforce_fields("Lead");
    assert_eq!(
        lead,
        [
            "Company",
            "ConvertedAccountId",
            "ConvertedContactId",
            "ConvertedOpportunityId",
            "Email",
            "External_User_ID__c",
            "FirstName",
            "Intercom_Contact_ID__c",
            "IsConverted",
            "LastName",
            "LeadSource",
            "Phone",
            "Size__c"
        ]
    );
    assert!(
        !people
            .salesforce_fields("Contact")
            .contains(&"Size__c".to_owned())
    );
}

/// Intercom invents the external id of a lead. Without its role it would be taken for a user's and
/// asked of Salesforce.
#[test]
fn the_role_is_watched_where_external_ids_match() {
    let people = compile(GOOD).unwrap().people;
    assert!(people.watched_intercom.contains("role"));
    let rule = "    - external_id: {salesforce: External_User_ID__c, intercom: external_id}\n";
    let people = compile(&GOOD.replace(rule, "")).unwrap().people;
    assert!(!people.watched_intercom.contains("role"));
}

/// A record's id and object come with every row: they are kept, and nobody asks for them.
#[test]
fn what_every_row_shows_is_watched_and_not_asked_for() {
    let mapping = compile(include_str!("../default.yaml")).unwrap();
    let contact = &mapping.people.watched_salesforce["Contact"];
    for name in [
        "Id",
        "attributes.type",
        "Owner.UserRole.Name",
        "OwnerId",
        "AccountId",
    ] {
        assert!(contact.contains(name), "{name}");
    }
    let asked = mapping.people.salesforce_fields("Contact");
    assert!(!asked.contains(&"Id".to_owned()) && !asked.contains(&"attributes.type".to_owned()));
    assert!(asked.contains(&"Owner.Name".to_owned()) && asked.contains(&"OwnerId".to_owned()));
    assert!(!mapping.people.watched_salesforce["Lead"].contains("AccountId"));
    let account = &mapping.companies.unwrap().watched_salesforce["Account"];
    assert!(account.contains("OwnerId") && account.contains("Owner.Name"));
    assert!(account.contains("ParentId"));
}
