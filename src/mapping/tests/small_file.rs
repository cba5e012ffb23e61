//! A small right file, and what tests ask of it and of its broken copies.

use std::collections::BTreeMap;

use crate::domain::SourceId;
use crate::mapping::lint::Findings;
use crate::mapping::{Mapping, Sources};

/// A small file that is right; tables of faults change one place of it.
pub const GOOD: &str = r#"version: 3
people:
  objects: {intercom: contact, salesforce: [Contact, Lead]}
  match:
    - explicit: {salesforce: Intercom_Contact_ID__c}
    - external_id: {salesforce: External_User_ID__c, intercom: external_id}
    - email: {salesforce: Email, intercom: email}
  ambiguous: review
  on_first_link: fill_blank
  create:
    salesforce_lead:
      when: '"qualified" in contact.tags'
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
      meaning: how the person is called
    - intercom: phone
      salesforce: Phone
      transform: phone_e164
      region: US
      owner: intercom
      direction: to_salesforce
      meaning: where the person is called
    - intercom: custom_attributes.size
      salesforce: Lead.Size__c
      transform: picklist
      values: {10: 1-10}
      owner: intercom
      direction: to_salesforce
      meaning: size band
companies:
  objects: {intercom: company, salesforce: [Account]}
  match:
    - account_key: {salesforce: Intercom_Company_ID__c, intercom: company_id}
  fields: []
"#;

pub fn compile(text: &str) -> Result<Mapping, Findings> {
    let sources = Sources {
        salesforce: SourceId::new("sales").unwrap(),
        intercom: BTreeMap::from([(SourceId::new("support").unwrap(), "abc123".to_owned())]),
    };
    Mapping::compile(text, sources, [7; 32])
}

#[test]
fn the_small_file_is_right() {
    let mapping = compile(GOOD).unwrap_or_else(|findings| panic!("{findings}"));
    assert_eq!((mapping.version, mapping.hash), (3, [7; 32]));
    assert_eq!(mapping.people.salesforce_objects, ["Contact", "Lead"]);
    assert_eq!(mapping.people.fields.len(), 3);
}

/// The memo of compiled mappings and every rebuild rest on it.
#[test]
fn compiling_twice_gives_the_same() {
    let shown = |text: &str| format!("{:?}", compile(text));
    let broken = GOOD
        .replace("owner: intercom", "owner: intercon")
        .replace("[FirstName, LastName]", "[First Name]")
        .replace("on_first_link: fill_blank", "on_first_link: ours");
    assert_eq!(shown(GOOD), shown(GOOD));
    assert_eq!(shown(&broken), shown(&broken));
    let findings = compile(&broken).unwrap_err().0;
    let places: Vec<u64> = findings.iter().map(|one| one.line).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(places.len(), 5);
}

/// The findings as they are shown.
pub fn refusal(text: &str) -> String {
    compile(text).map_or_else(|findings| findings.to_string(), |_| "nothing".to_owned())
}

/// Rows of what the file says, what it says instead, and what is found.
pub fn check_refused(file: &str, rows: &[(&str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (good, bad, expected) in rows {
        assert!(file.contains(good), "{good} is not in the file");
        let found = refusal(&file.replacen(good, bad, 1));
        if found != *expected {
            wrong.push(format!("{bad}\n finds {found}\n not   {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
