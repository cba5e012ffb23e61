//! Fields made of several, of HTML, of nothing but a constant.

use super::stage::*;
use crate::domain::{Command, Value, Writer};

const FIELDS: &str = "    - intercom: [custom_attributes.city, location.country]
      salesforce: Place__c
      transform: concat
      separator: ', '
      owner: intercom
      direction: to_salesforce
      meaning: where the person lives
    - intercom: custom_attributes.country
      salesforce: CountryCode__c
      transform: country
      forms: {salesforce: alpha_2}
      owner: salesforce
      direction: both
      meaning: the country of it
    - intercom: custom_attributes.notes
      salesforce: Notes__c
      transform: html_to_text
      owner: intercom
      direction: to_salesforce
      meaning: what support wrote down
    - intercom: custom_attributes.notes
      salesforce: Has_Notes__c
      transform: constant
      value: yes
      owner: intercom
      direction: to_salesforce
      meaning: whether support wrote anything down
";

fn pair() -> Pair {
    Pair::of(&format!("{BOTH}{FIELDS}"))
}

#[test]
fn each_part_that_changes_changes_what_is_joined() {
    let mut pair = pair();
    let city = ("custom_attributes.city", "Cork");
    let out = pair.webhook(30_000, &[city]);
    pair.settle(out, 31);
    assert_eq!(pair.seen(&pair.lead, "Place__c"), "Cork".into());
    let out = pair.webhook(40_000, &[("location.country", "Ireland")]);
    pair.settle(out, 41);
    assert_eq!(pair.seen(&pair.lead, "Place__c"), "Cork, Ireland".into());
    let out = pair.webhook(50_000, &[("custom_attributes.city", "")]);
    pair.settle(out, 51);
    assert_eq!(pair.seen(&pair.lead, "Place__c"), "Ireland".into());
    assert!(pair.is_at_rest());
}

#[test]
fn a_country_has_its_form_on_each_side_and_nonsense_none() {
    let mut pair = pair();
    let country = "custom_attributes.country";
    let out = pair.webhook(30_000, &[(country, "germany")]);
    pair.settle(out, 31);
    assert_eq!(pair.seen(&pair.lead, "CountryCode__c"), "DE".into());
    let out = pair.event(40, Writer::Foreign, &[("CountryCode__c", "GB")]);
    pair.settle(out, 41);
    assert_eq!(pair.seen(&pair.contact, country), "United Kingdom".into());
    let out = pair.webhook(50_000, &[(country, "Atlantis")]);
    assert_eq!(writes_to(&out, &pair.lead), Vec::<&Command>::new());
    assert_eq!(pair.seen(&pair.lead, "CountryCode__c"), "GB".into());
    assert!(pair.is_at_rest());
}

#[test]
fn one_path_can_be_two_fields_that_say_different_things() {
    let mut pair = pair();
    let notes = "custom_attributes.notes";
    let out = pair.webhook(30_000, &[(notes, "<p>Likes <i>tea</i></p>")]);
    pair.settle(out, 31);
    assert_eq!(pair.seen(&pair.lead, "Notes__c"), "Likes tea".into());
    assert_eq!(pair.seen(&pair.lead, "Has_Notes__c"), "yes".into());
    let mut shown = pair.shown(40_000, &[]);
    shown.fields.insert(notes.into(), Value::Null);
    let out = pair.world.show(shown);
    pair.settle(out, 41);
    assert_eq!(pair.seen(&pair.lead, "Notes__c"), Value::Null);
    assert_eq!(pair.seen(&pair.lead, "Has_Notes__c"), Value::Null);
    assert!(pair.is_at_rest());
}
