//! What both systems hold when crosswalk is installed: years of people and companies, some of them
//! on both sides, and nothing between them.

use anyhow::Context;
use crosswalk::sandbox::{intercom, salesforce};
use serde_json::{Value, json};

use crate::demo::cast::{self, Extra};

/// On both sides, told by their address.
const BY_ADDRESS: u32 = 120;
/// On both sides, told by our key alone: sales knows them by another address.
const BY_KEY: u32 = 40;
const IN_SALESFORCE_ONLY: u32 = 40;
const IN_INTERCOM_ONLY: u32 = 40;
pub const PEOPLE: u32 = BY_ADDRESS + BY_KEY + IN_SALESFORCE_ONLY + IN_INTERCOM_ONLY;
pub const COMPANIES: usize = 40;
/// Companies whose account holds their governed key.
pub const COMPANIES_KEYED: usize = 25;
/// Accounts directly below the first one; the rest is below these.
const SUBSIDIARIES: usize = 6;
/// Everybody's position in sales, where sales knows one.
const TITLE: &str = "Computer";

/// Who was there.
#[derive(Default)]
pub struct Past {
    pub joined: Vec<Joined>,
    /// Contacts of Intercom for whom nothing may happen, and why.
    pub alone: Vec<(String, &'static str)>,
}

/// Somebody who stands on both sides.
pub struct Joined {
    pub who: String,
    pub contact: String,
    /// The row of the Contact as it was.
    pub row: Value,
    /// What Intercom knows and sales does not.
    pub phone: Option<String>,
}

pub fn person(number: u32) -> Extra {
    let extra = Extra::numbered(number);
    Extra {
        email: format!("past{number:04}@archive.example"),
        ..extra
    }
}

/// The texts that identify somebody of them.
pub fn personal() -> Vec<String> {
    let all = (0..PEOPLE).map(person);
    let texts = all.flat_map(|one| [one.name(), one.email, one.phone]);
    texts
        .chain(["doubtful@archive.example".to_owned()])
        .collect()
}

/// Fills both systems. Nobody listens yet.
pub fn happens(
    intercom: &intercom::Handle,
    salesforce: &salesforce::Handle,
) -> anyhow::Result<Past> {
    let systems = Systems {
        intercom,
        salesforce,
    };
    let mut past = Past::default();
    let companies = systems.companies()?;
    for number in 0..PEOPLE {
        let who = person(number);
        let last_both = BY_ADDRESS + BY_KEY;
        if number < last_both {
            let joined = systems.on_both_sides(number, &who)?;
            if let Some(company) = companies.get(number as usize) {
                systems.intercom.act(json!({
                    "verb": "attach_company", "contact_id": joined.contact,
                    "company_id": company,
                }))?;
            }
            past.joined.push(joined);
        } else if number < last_both + IN_SALESFORCE_ONLY {
            systems.there(&who, &who.email, json!({"Title": TITLE}))?;
        } else {
            let contact = systems.here(&who, json!({}))?;
            past.alone.push((contact, "she never qualified"));
        }
    }
    let doubtful = Extra {
        email: "doubtful@archive.example".to_owned(),
        ..person(0)
    };
    for _ in 0..2 {
        systems.there(&doubtful, &doubtful.email, json!({}))?;
    }
    let contact = systems.here(&doubtful, json!({}))?;
    past.alone.push((contact, "two have her address"));
    Ok(past)
}

struct Systems<'a> {
    intercom: &'a intercom::Handle,
    salesforce: &'a salesforce::Handle,
}

impl Systems<'_> {
    /// Companies, and accounts in a tree of three levels. Answers the companies' ids.
    fn companies(&self) -> anyhow::Result<Vec<String>> {
        let mut accounts: Vec<String> = Vec::new();
        let mut companies = Vec::new();
        for number in 0..COMPANIES {
            let name = format!("Works No. {number}");
            let company = json!({
                "verb": "create_company", "company_id": format!("works-{number}"), "name": name,
            });
            companies.push(id(self.intercom.act(company)?)?);
            let mut fields = json!({"Name": name});
            if number < COMPANIES_KEYED {
                fields["Intercom_Company_ID__c"] = json!(format!("works-{number}"));
            }
            let parent = match number {
                0 => None,
                1..=SUBSIDIARIES => accounts.first(),
                _ => accounts.get(1 + number % SUBSIDIARIES),
            };
            if let Some(parent) = parent {
                fields["ParentId"] = json!(parent);
            }
            let create = json!({"verb": "create", "object": "Account", "fields": fields});
            accounts.push(id(self.salesforce.act(create)?)?);
        }
        Ok(companies)
    }

    fn on_both_sides(&self, number: u32, who: &Extra) -> anyhow::Result<Joined> {
        let told = number < BY_ADDRESS;
        let phone = told.then(|| who.phone.clone());
        let contact = self.here(who, json!({"phone": phone}))?;
        let id = if told {
            self.there(who, &who.email, json!({"Title": TITLE}))?
        } else {
            let key = format!("{}:{contact}", cast::APP_ID);
            let more = json!({"Intercom_Contact_ID__c": key, "Title": TITLE});
            self.there(who, &format!("old.{}", who.email), more)?
        };
        let mut state = self.salesforce.state();
        let rows = state["records"]["Contact"].take();
        let mut rows = rows.as_array().cloned().unwrap_or_default().into_iter();
        let row = rows.find(|row| row["Id"] == id.as_str());
        Ok(Joined {
            who: format!("{} of old ({number})", who.name()),
            contact,
            row: row.context("Salesforce does not show the Contact that was just made")?,
            phone,
        })
    }

    fn here(&self, who: &Extra, more: Value) -> anyhow::Result<String> {
        let mut act = json!({
            "verb": "create_contact", "role": "lead", "name": who.name(), "email": who.email,
        });
        add(&mut act, more);
        id(self.intercom.act(act)?)
    }

    fn there(&self, who: &Extra, email: &str, more: Value) -> anyhow::Result<String> {
        let mut fields = json!({"FirstName": who.first, "LastName": who.last, "Email": email});
        add(&mut fields, more);
        let act = json!({"verb": "create", "object": "Contact", "fields": fields});
        id(self.salesforce.act(act)?)
    }
}

fn add(to: &mut Value, more: Value) {
    let more = more.as_object().cloned().unwrap_or_default();
    let more = more.into_iter().filter(|(_, value)| !value.is_null());
    if let Some(to) = to.as_object_mut() {
        to.extend(more);
    }
}

fn id(made: Value) -> anyhow::Result<String> {
    let id = made["id"].as_str().map(str::to_owned);
    id.context("a sandbox made something without an id")
}
