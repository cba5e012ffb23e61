//! Objects, match rules, policies and creation that cannot work: where, what, and the fix.

use crate::mapping::tests::small_file::{GOOD, check_refused};

/// What the file says, what it says instead, and the findings.
pub const REFUSED: &[(&str, &str, &str)] = &[
    (
        "version: 3",
        "version: 0",
        "1:10: version: the version is 0; begin with 1, raise it with each change",
    ),
    (
        "version: 3",
        "version: -1",
        "1:10: version: the version is -1; begin with 1, raise it with each change",
    ),
    (
        "contact, salesforce",
        "contacts, salesforce",
        "3:23: people.objects.intercom: `contacts` is no object of people in Intercom; write \
         `contact`",
    ),
    (
        "[Contact, Lead]",
        "[Contact, Lead, Contact]",
        "3:60: people.objects.salesforce: `Contact` stands twice; keep the first",
    ),
    (
        "[Contact, Lead]",
        "[Contact, 'My Lead', Lead]",
        "3:54: people.objects.salesforce: `My Lead` is no API name of an object; write it as \
         in Setup, such as Lead",
    ),
    (
        "[Contact, Lead]",
        "[Contact, Lead, Account]",
        "39:45: companies.objects.salesforce: `Account` is mapped under people already; an \
         object belongs to one section",
    ),
    (
        "[Account]}\n",
        "[Account]}\n  ambiguous: all\n",
        "40:14: companies.ambiguous: a company is one account, not all that match; use review or \
         best",
    ),
    (
        "[Account]",
        "[]",
        "39:44: companies.objects.salesforce: no object is named; name one at least, the \
         preferred one first",
    ),
    (
        "- explicit: {salesforce: Intercom_Contact_ID__c}",
        "- {}",
        "5:7: people.match: a match rule names one way, this one names 0; write one of \
         explicit, external_id, email, phone, account_key, domain per list item\n12:7: \
         people.create.salesforce_lead: a Lead is created by upsert on the explicit key, and \
         no rule names it; add `- explicit: {salesforce: Intercom_Contact_ID__c}` as the \
         first rule",
    ),
    (
        "- explicit: {salesforce: Intercom_Contact_ID__c}",
        "- {explicit: {salesforce: A__c}, email: {salesforce: Email, intercom: email}}",
        "5:7: people.match: a match rule names one way, this one names 2; write one of \
         explicit, external_id, email, phone, account_key, domain per list item\n12:7: \
         people.create.salesforce_lead: a Lead is created by upsert on the explicit key, and \
         no rule names it; add `- explicit: {salesforce: Intercom_Contact_ID__c}` as the \
         first rule",
    ),
    (
        "- external_id: {salesforce: External_User_ID__c, intercom: external_id}",
        "- email: {salesforce: Email2__c, intercom: email}",
        "7:7: people.match: a rule of this kind stands above already; keep one of each kind",
    ),
    (
        "- external_id: {salesforce: External_User_ID__c, intercom: external_id}",
        "- account_key: {salesforce: Key__c, intercom: external_id}",
        "6:7: people.match: account_key is a rule for companies; use external_id, email or phone",
    ),
    (
        "- account_key: {salesforce: Intercom_Company_ID__c, intercom: company_id}",
        "- email: {salesforce: Email__c, intercom: website}",
        "41:7: companies.match: email, external_id and phone are rules for people; use \
         account_key or domain",
    ),
    (
        "{salesforce: Email, intercom: email}",
        "{salesforce: Lead.Email, intercom: email}",
        "7:27: people.match: `Lead.Email` is no API name of a Salesforce field; letters, \
         digits and _ as in Setup, such as Company_Size__c, without the object",
    ),
    (
        "{salesforce: Email, intercom: email}",
        "{salesforce: Email, intercom: emial}",
        "7:44: people.match: `emial` is no attribute of Intercom's; did you mean \"email\"?",
    ),
    (
        "    - account_key: {salesforce: Intercom_Company_ID__c, intercom: company_id}",
        "    []",
        "41:5: companies.match: no way to find a counterpart is named; add a rule, such as \
         `- explicit: {…}`",
    ),
    (
        "    - explicit: {salesforce: Intercom_Contact_ID__c}\n",
        "",
        "11:7: people.create.salesforce_lead: a Lead is created by upsert on the explicit \
         key, and no rule names it; add `- explicit: {salesforce: Intercom_Contact_ID__c}` \
         as the first rule",
    ),
    (
        "ambiguous: review",
        "ambiguous: reveiw",
        "8:14: people.ambiguous: `reveiw` is no policy for several matches; use one of review, \
         best, all; did you mean \"review\"?",
    ),
    (
        "ambiguous: review",
        "protect: {blocked: [\"*\"]}",
        "8:23: people.protect.blocked: `*` would block every value; name what is to be blocked, \
         such as `test@*`",
    ),
    (
        "ambiguous: review",
        "protect: {holders_max: 1}",
        "8:26: people.protect.holders_max: 1 is not between 2 and 100; write a number of records",
    ),
    (
        "ambiguous: review",
        "protect: {records_max: 1001}",
        "8:26: people.protect.records_max: 1001 is not between 2 and 1000; write a number of \
         records",
    ),
    (
        "{salesforce: Email, intercom: email}",
        "{salesforce: Email, intercom: email, ignore: [dot]}",
        "7:60: people.match.email.ignore: `dot` is no part of an address that can be ignored; use \
         dots, plus_tags; did you mean \"dots\"?",
    ),
    (
        "    - email: {salesforce: Email, intercom: email}",
        "    - phone: {salesforce: Phone, intercom: phone, region: XX}",
        "7:59: people.match.phone.region: `XX` is no country; write its two letters, as in \
         `region: US`",
    ),
    (
        "    - account_key: {salesforce: Intercom_Company_ID__c, intercom: company_id}",
        "    - domain: {salesforce: Website, intercom: website, on_match: take}",
        "41:66: companies.match.domain.on_match: `take` is nothing that can be done with a match; \
         use propose or link",
    ),
    (
        "on_first_link: fill_blank",
        "on_first_link: report_onyl",
        "9:18: people.on_first_link: `report_onyl` is no policy for the first link; use one of \
         fill_blank, owner, review, report_only; did you mean \"report_only\"?",
    ),
    (
        "objects: {intercom: contact, salesforce: [Contact, Lead]}",
        "objects: {intercom: contact, salesforce: [Contact]}",
        "12:7: people.create.salesforce_lead: a Lead is to be created, and \
         objects.salesforce does not name Lead; add Lead to objects.salesforce\n32:19: \
         people.fields.salesforce: `Lead.Size__c` names Lead, which this section does not \
         map; use one of Contact, or add it under objects",
    ),
    (
        "'\"qualified\" in contact.tags'",
        "'\"qualified\" in tags'",
        "12:13: people.create.salesforce_lead.when: `tags` is unknown: an expression sees \
         `contact` only; see \"Conditions\" in docs/mapping.md",
    ),
    (
        "'\"qualified\" in contact.tags'",
        "'\"qualified\" in contact.tags &&'",
        "12:13: people.create.salesforce_lead.when: is no expression, line 1, character 31: \
         it ends too early; see \"Conditions\" in docs/mapping.md",
    ),
    (
        "'\"qualified\" in contact.tags'",
        "'contact.custom_attributes.seats + 1'",
        "12:13: people.create.salesforce_lead.when: yields a number or a text, not true or \
         false; see \"Conditions\" in docs/mapping.md",
    ),
    (
        "'\"qualified\" in contact.tags'",
        "'contact.emial == \"x\"'",
        "12:13: people.create.salesforce_lead.when: `emial` is no attribute of Intercom's; \
         did you mean \"email\"?; see \"Conditions\" in docs/mapping.md",
    ),
    (
        "needs: [email]",
        "needs: [emial]",
        "13:15: people.create.salesforce_lead.needs: `emial` is no attribute of Intercom's; \
         did you mean \"email\"?",
    ),
    (
        "needs: [email]",
        "needs: [tags]",
        "13:15: people.create.salesforce_lead.needs: `tags` is a list; name a single value; \
         conditions can ask `\"name\" in contact.tags`",
    ),
    (
        "set: {LeadSource: Intercom}",
        "set: {Lead.Source: Intercom}",
        "14:26: people.create.salesforce_lead.set: `Lead.Source` is no API name of a \
         Salesforce field; letters, digits and _ as in Setup, such as Company_Size__c, \
         without the object",
    ),
    (
        "set: {LeadSource: Intercom}",
        "set: {LeadSource: ''}",
        "14:25: people.create.salesforce_lead.set: `LeadSource` is set to nothing; write a \
         value, or leave it out",
    ),
    (
        "set: {LeadSource: Intercom}",
        "set: {Phone: '1'}",
        "14:20: people.create.salesforce_lead.set: `Phone` is written by `phone` already; \
         write it under placeholders if it stands in for a blank value",
    ),
    (
        "set: {LeadSource: Intercom}",
        "set: {Company: x}",
        "14:22: people.create.salesforce_lead.set: `Company` has a placeholder too, which \
         never shows; keep one of them\n15:21: people.create.salesforce_lead.company_name: \
         `Company` is set to a constant already; let one of them write it",
    ),
    (
        "set: {LeadSource: Intercom}",
        "set: {Intercom_Contact_ID__c: x}",
        "14:37: people.create.salesforce_lead.set: `Intercom_Contact_ID__c` holds the \
         explicit key; leave it out: crosswalk writes it itself",
    ),
    (
        "company_name: Company",
        "company_name: Phone",
        "15:21: people.create.salesforce_lead.company_name: `Phone` is written by `phone` \
         already; let one of them write it",
    ),
    (
        "company_name: Company",
        "company_name: Lead.Company",
        "15:21: people.create.salesforce_lead.company_name: `Lead.Company` is no API name of \
         a Salesforce field; letters, digits and _ as in Setup, such as Company_Size__c, \
         without the object",
    ),
    (
        "      placeholders: {Company: \"[not provided]\", LastName: \"[not provided]\"}\n",
        "",
        "12:7: people.create.salesforce_lead.placeholders: a Lead must have LastName, and \
         nothing makes sure of it; add `placeholders: {LastName: \"[not provided]\"}`\n12:7: \
         people.create.salesforce_lead.placeholders: a Lead must have Company, and nothing \
         makes sure of it; add `placeholders: {Company: \"[not provided]\"}`",
    ),
    (
        "  fields: []",
        "  create:\n    salesforce_lead: {when: 'true'}\n  fields: []",
        "43:22: companies.create.salesforce_lead: a Lead is made of a contact, not of a \
         company; move it under people",
    ),
];

#[test]
fn faults_of_sections_are_named_with_place_and_fix() {
    check_refused(GOOD, REFUSED);
}
