//! The mapping under which the simulation runs: every direction and every conflict policy once.

use std::sync::{Arc, OnceLock};

use crate::mapping::{Mapping, Offer, Sources};
use crate::sim::pipeline::source;

/// Leads and contacts of the org share few fields: one that is nobody's else stands in for a
/// multi-select picklist, and one for a text that holds a day.
const MAPPING: &str = r#"
version: 1
people:
  objects: {intercom: contact, salesforce: [Contact, Lead]}
  match:
    - explicit: {salesforce: Intercom_Contact_ID__c}
    - email: {salesforce: Email, intercom: email}
  create:
    salesforce_lead:
      when: '"qualified" in contact.tags && contact.role == "lead"'
      needs: [email]
      set: {LeadSource: Intercom}
      company_name: Company
      placeholders: {Company: "[not provided]", LastName: "[not provided]"}
  fields:
    - intercom: name
      salesforce: [FirstName, LastName]
      transform: split_name
      owner: intercom
      direction: to_salesforce
      meaning: name
    - {intercom: email, salesforce: Email, owner: intercom, direction: to_salesforce, meaning: m}
    - intercom: phone
      salesforce: Phone
      transform: phone_e164
      region: US
      owner: salesforce
      direction: both
      conflict: newest_wins
      meaning: number
    - intercom: custom_attributes.job_title
      salesforce: Title
      owner: salesforce
      direction: both
      conflict: owner_wins
      meaning: position
    - intercom: custom_attributes.nickname
      salesforce: External_User_ID__c
      owner: intercom
      direction: both
      conflict: owner_wins
      meaning: how friends call the person
    - intercom: custom_attributes.support_tier
      salesforce: Salutation
      owner: salesforce
      direction: both
      conflict: review
      meaning: agreed level of support
    - intercom: unsubscribed_from_emails
      salesforce: HasOptedOutOfEmail
      owner: intercom
      direction: both
      conflict: restrictive_wins
      meaning: consent
    - intercom: custom_attributes.interests
      salesforce: EmailBouncedReason
      transform: set
      owner: salesforce
      direction: both
      meaning: what the person is interested in
    - intercom: custom_attributes.trial_ends
      salesforce: MobilePhone
      transform: date
      time_zone: Asia/Kolkata
      owner: intercom
      direction: to_salesforce
      meaning: until when the person may try
    - intercom: custom_attributes.SALESFORCE_STATUS
      salesforce: Lead.Status
      owner: salesforce
      direction: to_intercom
      meaning: status
    - intercom: custom_attributes.SALESFORCE_OWNER_NAME
      salesforce: Owner.Name
      owner: salesforce
      direction: to_intercom
      meaning: who looks after the person
    - intercom: custom_attributes.SALESFORCE_ID
      salesforce: Id
      owner: salesforce
      direction: to_intercom
      meaning: where to find the person
companies:
  objects: {intercom: company, salesforce: [Account]}
  match:
    - domain: {salesforce: Website, intercom: website, on_match: link}
  fields:
    - intercom: name
      salesforce: Name
      owner: salesforce
      direction: to_intercom
      meaning: what the company is called
"#;

/// What makes contacts of the people that reps enter.
const OUTWARD: &str = "  create:
    intercom_contact: {when: 'record.LastName.startsWith(\"Byron\")', role: lead}
";

/// The mapping; with `outward`, people flow from Salesforce too.
fn mapping(outward: bool) -> String {
    if outward {
        MAPPING.replace("  create:\n", OUTWARD)
    } else {
        MAPPING.to_owned()
    }
}

/// The file with its sources, as the bridge offers it.
pub fn offer(outward: bool) -> Offer {
    Offer {
        sources: Sources {
            salesforce: source(SALES),
            intercom: [(source(SUPPORT), APP_ID.to_owned())].into(),
        },
        file: mapping(outward),
    }
}

/// What is offered, compiled once for all seeds.
pub fn compiled(outward: bool) -> Arc<Mapping> {
    static COMPILED: [OnceLock<Arc<Mapping>>; 2] = [OnceLock::new(), OnceLock::new()];
    let compile = || {
        let compiled = offer(outward).compile();
        Arc::new(compiled.expect("the simulation's mapping holds"))
    };
    Arc::clone(COMPILED[usize::from(outward)].get_or_init(compile))
}

pub const BRIDGE: &str = "main";
pub const SUPPORT: &str = "support";
pub const SALES: &str = "sales";
pub const APP_ID: &str = "sandbox1";
/// What stands at the end of `changeOrigin` of our writes.
pub const CLIENT_TOKEN: &str = "crosswalk-main";
