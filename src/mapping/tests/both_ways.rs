//! Fields that flow to Intercom: what is refused, what the journal keeps, what creates.

use crate::domain::{Fields, MatchRule, Value};
use crate::mapping::tests::small_file::{GOOD, check_refused, compile};
use crate::mapping::{MARKER, Offer, OnFirstLink, Sources};

/// One field as it would stand at the end of the section people.
macro_rules! field {
    ($text:literal) => {
        concat!(
            "meaning: size band\n    - {owner: salesforce, meaning: m, ",
            $text,
            "}"
        )
    };
}

const COMPANY_FIELD: &str = "fields:\n    - {owner: salesforce, meaning: m, direction: \
                             to_intercom, salesforce: Size__c, intercom: ";

/// What the file says, what it says instead, and the findings.
pub const REFUSED: &[(&str, &str, &str)] = &[
    (
        "meaning: size band",
        field!("direction: both, intercom: custom_attributes.owner, salesforce: Owner.Name"),
        "38:103: people.fields.salesforce: `Owner.Name` can only be read in Salesforce; write \
         `direction: to_intercom`, or leave it out",
    ),
    (
        "meaning: size band",
        field!("direction: to_intercom, intercom: role, salesforce: Rating"),
        "38:73: people.fields.intercom: `role` cannot be written in Intercom: a lead becomes a \
         user when Intercom learns who it is; write `direction: to_salesforce`, or map \
         `custom_attributes.role`",
    ),
    (
        "meaning: size band",
        field!("direction: to_intercom, intercom: custom_attributes.a.b, salesforce: Rating"),
        "38:73: people.fields.intercom: Intercom makes no attribute named `a.b`; take a name \
         without `.` and `$`",
    ),
    (
        "meaning: size band",
        field!("direction: to_intercom, intercom: custom_attributes.a, salesforce: SystemModstamp"),
        "38:106: people.fields.salesforce: `SystemModstamp` is not kept: it moves with every \
         save or look; leave it out",
    ),
    (
        "meaning: size band",
        field!("direction: to_intercom, intercom: custom_attributes.a, salesforce: Onwer.Name"),
        "38:106: people.fields.salesforce: `Onwer.Name` names Onwer, which this section does not \
         map; did you mean \"Owner\"?",
    ),
    (
        "meaning: size band",
        field!(
            "direction: to_intercom, intercom: custom_attributes.size, salesforce: Lead.Size__c"
        ),
        "38:73: people.fields.direction: `custom_attributes.size` and `Size__c` go round in a \
         circle of 2 entries; write one entry with `direction: both`",
    ),
    (
        "direction: to_salesforce\n      meaning: size band",
        "direction: both\n      meaning: size band\n    - {owner: salesforce, meaning: m, \
         direction: to_intercom, intercom: custom_attributes.size, salesforce: Contact.Size__c}",
        "38:73: people.fields.intercom: `custom_attributes.size` is written by `Size__c` \
         already; let one entry write it",
    ),
    (
        "values: {10: 1-10}\n      owner: intercom\n      direction: to_salesforce",
        "values: {10: 1-10, 1: 1-10}\n      owner: intercom\n      direction: both",
        "34:15: people.fields.values: `1` and `10` are one value in Salesforce, which has one way \
         back; give each its own value, or write `direction: to_salesforce`",
    ),
    (
        "values: {10: 1-10}\n      owner: intercom\n      direction: to_salesforce",
        "values: {none: \"\"}\n      owner: intercom\n      direction: to_intercom",
        "34:15: people.fields.values: `none` is a blank in Salesforce, which has no way back; \
         give each its own value, or write `direction: to_salesforce`",
    ),
    (
        "values: {10: 1-10}",
        "values: {10: ' 1-10'}",
        "34:15: people.fields.values: ` 1-10` has white space around it, which no value keeps; \
         write it without",
    ),
    (
        "direction: to_salesforce\n      meaning: where the person is called",
        "direction: both\n      conflict: newest\n      meaning: where the person is called",
        "30:17: people.fields.conflict: conflict policy `newest` is unknown; write owner_wins, \
         newest_wins, restrictive_wins, review or merge",
    ),
    (
        "direction: to_salesforce\n      meaning: where the person is called",
        "direction: both\n      conflict: restrictive_wins\n      restrictive: true\n      \
         meaning: where the person is called",
        "30:17: people.fields.conflict: restrictive_wins compares true and false, which no \
         transform makes; leave the transform out, or write `review`",
    ),
    (
        "meaning: size band",
        field!(
            "direction: both, conflict: restrictive_wins, intercom: custom_attributes.a, \
             salesforce: A__c"
        ),
        "38:66: people.fields.conflict: restrictive_wins cannot tell the stricter value of \
         `custom_attributes.a`; add `restrictive: true` or `restrictive: false`, or write \
         `review`",
    ),
    (
        "meaning: size band",
        "meaning: size band\n      restrictive: true",
        "38:20: people.fields.restrictive: restrictive says what restrictive_wins protects; add \
         `conflict: restrictive_wins`, or leave it out",
    ),
    (
        "companies:",
        "relations: {contact_company: to_salesforce}\ncompanies:",
        "38:30: relations.contact_company: `to_salesforce` is no way a relation goes; write \
         to_intercom or off",
    ),
    (
        "companies:",
        "relations: {account_tree: up}\ncompanies:",
        "38:27: relations.account_tree: `up` is nothing that can be done with the tree of \
         accounts; write follow or off",
    ),
    (
        "companies:\n  objects: {intercom: company, salesforce: [Account]}",
        "relations: {account_tree: follow}\ncompanies:\n  objects: {intercom: company, \
         salesforce: [Firm__c]}",
        "38:27: relations.account_tree: the tree of accounts is followed, and no Account is \
         mapped; map Account under companies, or write `off`",
    ),
    (
        "companies:\n  objects: {intercom: company, salesforce: [Account]}",
        "relations: {contact_company: to_intercom}\ncompanies:\n  objects: {intercom: company, \
         salesforce: [Firm__c]}",
        "38:30: relations.contact_company: contacts join companies by Contact.AccountId, and not \
         both are mapped; map Contact under people and Account under companies, or write `off`",
    ),
    (
        "    salesforce_lead:\n      when: '\"qualified\" in contact.tags'\n      needs: \
         [email]\n      \
         set: {LeadSource: Intercom}\n      company_name: Company\n      placeholders: {Company: \
         \"[not provided]\", LastName: \"[not provided]\"}",
        "    {}",
        "11:5: people.create: create names nothing; leave it out",
    ),
    (
        "  create:\n",
        "  create:\n    intercom_contact: {when: 'record.Email == \"a\"', role: boss}\n",
        "11:59: people.create.intercom_contact.role: `boss` is no role of a contact; write lead or \
         user",
    ),
    (
        "  create:\n",
        "  create:\n    intercom_contact: {when: 'true', role: user}\n",
        "11:44: people.create.intercom_contact.external_id: a user is created by an external id, \
         and nothing gives one; add `external_id: FIELD`, or write `role: lead`",
    ),
    (
        "  create:\n",
        "  create:\n    intercom_contact: {when: 'true', role: user, external_id: Id}\n",
        "11:63: people.create.intercom_contact.external_id: records are found by \
         `External_User_ID__c` in Salesforce and `external_id` in Intercom, not by this; write \
         `External_User_ID__c` here, or make the rule {salesforce: Id, intercom: external_id}",
    ),
    (
        "  create:\n",
        "  create:\n    intercom_contact: {when: 'true', role: lead, external_id: Id, from: \
         Laed}\n",
        "11:63: people.create.intercom_contact.external_id: Intercom gives a lead an external id \
         of \
         its own; leave it out, or write `role: user`\n11:73: people.create.intercom_contact.from: \
         `Laed` is an object which this section does not map; did you mean \"Lead\"?",
    ),
    (
        "  create:\n",
        "  create:\n    intercom_contact: {when: 'contact.role == \"a\"', role: lead, from: []}\n",
        "11:30: people.create.intercom_contact.when: `contact` is unknown: an expression sees \
         `record` only; see \"Conditions\" in docs/mapping.md\n11:71: \
         people.create.intercom_contact.from: no object is named; name one at least, or leave it \
         out for all of the section",
    ),
    (
        "  create:\n",
        "  create:\n    intercom_company: {when: 'true', company_id: Id}\n",
        "11:23: people.create.intercom_company: a company is made of an Account, not of a person; \
         move it under companies",
    ),
    (
        "  fields: []",
        "  create: {intercom_contact: {when: 'true', role: lead}}\n  fields: []",
        "42:30: companies.create.intercom_contact: a contact is a person; move it under people",
    ),
];

#[test]
fn faults_of_flows_are_named_with_place_and_fix() {
    check_refused(GOOD, REFUSED);
}

fn sources() -> Sources {
    compile(GOOD).unwrap().sources
}

/// Intercom keeps one attribute of a name for both kinds of record.
#[test]
fn one_attribute_for_contacts_and_companies_is_refused_in_new_files_only() {
    let to_intercom = "direction: to_intercom\n      meaning: size band";
    let text = GOOD
        .replace(
            "direction: to_salesforce\n      meaning: size band",
            to_intercom,
        )
        .replace(
            "fields: []",
            &format!("{COMPANY_FIELD}custom_attributes.size}}"),
        );
    let found = compile(&text).unwrap_err().to_string();
    assert!(
        found.contains("`custom_attributes.size` is written for contacts too"),
        "{found}"
    );
    assert!(
        found.contains("`custom_attributes.account_size`"),
        "{found}"
    );
    let offer = Offer {
        sources: sources(),
        file: text,
    };
    assert!(offer.compile().is_err());
    assert!(Offer::compile_body(&offer.body()).is_ok());
}

/// Faults count for what the journal holds as they do for new files.
#[test]
fn a_journaled_mapping_that_cannot_work_is_refused() {
    let file = GOOD.replace("owner: intercom", "owner: intercon");
    let offer = Offer {
        sources: sources(),
        file,
    };
    assert!(Offer::compile_body(&offer.body()).is_err());
}

#[test]
fn all_policies_of_the_first_link_are_known() {
    let policies = [
        ("fill_blank", OnFirstLink::FillBlank),
        ("owner", OnFirstLink::Owner),
        ("review", OnFirstLink::Review),
        ("report_only", OnFirstLink::ReportOnly),
    ];
    for (name, policy) in policies {
        let text = GOOD.replace(
            "on_first_link: fill_blank",
            &format!("on_first_link: {name}"),
        );
        assert_eq!(compile(&text).unwrap().people.on_first_link, policy);
    }
}

#[test]
fn relations_are_off_unless_switched_on() {
    let with = |text: &str| compile(&format!("{GOOD}{text}")).unwrap().relations;
    assert!(!with("").contact_company);
    assert!(!with("relations: {}\n").contact_company);
    assert!(!with("relations: {contact_company: off}\n").contact_company);
    assert!(with("relations: {contact_company: to_intercom}\n").contact_company);
    assert!(!with("relations: {account_tree: off}\n").account_tree);
    assert!(with("relations: {account_tree: follow}\n").account_tree);
}

#[test]
fn records_that_become_contacts_and_companies_are_told_by_their_fields() {
    let contact = "  create:\n    intercom_contact: {when: 'record.object == \"Contact\" && \
                   record.Owner.Name == \"Rosa\"', role: user, \
                   external_id: External_User_ID__c, from: Contact}\n";
    let company = "  create: {intercom_company: {when: has(record.Key__c), company_id: \
                   Intercom_Company_ID__c}}\n  fields: []";
    let text = GOOD
        .replace("  create:\n", contact)
        .replace("  fields: []", company);
    let mapping = compile(&text).unwrap_or_else(|findings| panic!("{findings}"));
    let people = &mapping.people;
    let rule = people.create_in_intercom.as_ref().unwrap();
    assert_eq!(rule.key, *people.rule(MatchRule::ExternalId).unwrap());
    assert_eq!(rule.objects, ["Contact"]);
    let fields = Fields::from([("Owner.Name".into(), Value::text("Rosa"))]);
    assert!(rule.when.holds_for("Contact", &fields));
    assert!(!rule.when.holds_for("Lead", &fields));
    assert!(!rule.when.holds_for("Contact", &Fields::new()));
    for name in ["Owner.Name", "OwnerId"] {
        assert!(
            people.watched_salesforce["Contact"].contains(name),
            "{name}"
        );
        assert!(!people.watched_salesforce["Lead"].contains(name), "{name}");
    }
    let companies = mapping.companies.unwrap();
    let rule = companies.create_in_intercom.as_ref().unwrap();
    assert_eq!(rule.key, companies.rules[0]);
    assert_eq!(
        companies.salesforce_fields("Account"),
        ["Intercom_Company_ID__c", "Key__c"]
    );
}

/// What is created is found by what it is created with, so that rule need not be written.
#[test]
fn a_rule_of_creation_brings_its_match_rule() {
    let lead = "  create:\n    intercom_contact: {when: 'true', role: lead}\n";
    let companies = "  match:\n    - account_key: {salesforce: Intercom_Company_ID__c, intercom: \
                     company_id}\n  fields: []";
    let made = "  create: {intercom_company: {when: 'true', company_id: Id}}\n  match: \
                [{explicit: {salesforce: Key__c}}]\n  fields: []";
    let text = GOOD.replace("  create:\n", lead).replace(companies, made);
    let mapping = compile(&text).unwrap_or_else(|findings| panic!("{findings}"));
    let marker = &mapping.people.rules[1];
    assert_eq!(
        (marker.salesforce.as_str(), marker.intercom.as_str()),
        ("Id", MARKER)
    );
    assert!(mapping.people.watched_intercom.contains(MARKER));
    let explicit = mapping.people.rule(MatchRule::Explicit).unwrap();
    assert_eq!(explicit.salesforce, "Intercom_Contact_ID__c");
    let companies = mapping.companies.unwrap();
    let key = companies.rule(MatchRule::AccountKey).unwrap();
    assert_eq!(
        (key.salesforce.as_str(), key.intercom.as_str()),
        ("Id", "company_id")
    );
    assert!(companies.watched_salesforce["Account"].contains("Id"));
}

#[test]
fn nothing_is_created_where_nobody_says_in_which_workspace() {
    let mut sources = sources();
    let other = crate::domain::SourceId::new("emea").unwrap();
    sources.intercom.insert(other, "def456".into());
    let rule = "  create:\n    intercom_contact: {when: 'true', role: lead}\n";
    let text = GOOD.replace("  create:\n", rule);
    let found = crate::mapping::Mapping::compile(&text, sources, [7; 32]);
    let found = found.unwrap_err().to_string();
    assert!(found.contains("several workspaces"), "{found}");
}
