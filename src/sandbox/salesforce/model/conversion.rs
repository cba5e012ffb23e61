//! Converting a lead into a contact of an account, perhaps with an opportunity, in one
//! transaction (salesforce.md 2.6).

use serde_json::{Value, json};

use crate::sandbox::moment;
use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::model::changes::{Actor, ChangeType};
use crate::sandbox::salesforce::model::org::Org;
use crate::sandbox::salesforce::model::row::Row;
use crate::sandbox::salesforce::objects;
use crate::sandbox::salesforce::schema::Object;

const DAYS_30_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// Lead fields and the contact fields they go to.
const TO_CONTACT: [(&str, &str); 15] = [
    ("FirstName", "FirstName"),
    ("LastName", "LastName"),
    ("Salutation", "Salutation"),
    ("Title", "Title"),
    ("Phone", "Phone"),
    ("MobilePhone", "MobilePhone"),
    ("Email", "Email"),
    ("LeadSource", "LeadSource"),
    ("HasOptedOutOfEmail", "HasOptedOutOfEmail"),
    ("DoNotCall", "DoNotCall"),
    ("Street", "MailingStreet"),
    ("City", "MailingCity"),
    ("State", "MailingState"),
    ("PostalCode", "MailingPostalCode"),
    ("Country", "MailingCountry"),
];

/// What a conversion is asked to do.
#[derive(Debug, Default)]
pub(crate) struct Conversion {
    pub(crate) account_id: Option<String>,
    pub(crate) contact_id: Option<String>,
    pub(crate) opportunity: bool,
}

// === impl Org ===

impl Org {
    /// Converts; answers the ids of account, contact and opportunity.
    pub(crate) fn convert(
        &mut self,
        lead_id: &str,
        conversion: &Conversion,
        actor: &mut Actor,
    ) -> Result<Value, Refusal> {
        let (lead_object, contact_object) = (object("Lead")?, object("Contact")?);
        let lead = self.living(lead_object, lead_id)?.clone();
        if lead.flag("IsConverted") {
            let message = "cannot reference converted lead";
            return Err(Refusal::of_fields(
                "CANNOT_UPDATE_CONVERTED_LEAD",
                message,
                &[],
            ));
        }
        if let Some(id) = &conversion.account_id {
            self.living(object("Account")?, id)?;
        }
        if let Some(id) = &conversion.contact_id {
            self.living(contact_object, id)?;
        }
        let account = match &conversion.account_id {
            Some(id) => id.clone(),
            None => self.new_account(&lead, actor)?,
        };
        let contact = match &conversion.contact_id {
            Some(id) => {
                let set = json!({"AccountId": account});
                self.update(contact_object, id, &set, actor)?;
                id.clone()
            }
            None => self.new_contact(contact_object, &lead, &account, actor)?,
        };
        let opportunity = if conversion.opportunity {
            let close = moment::day(actor.now_ms.saturating_add(DAYS_30_MS));
            let fields = json!({
                "Name": format!("{}-", lead.text("Company").unwrap_or("New")),
                "AccountId": account,
                "StageName": "Prospecting",
                "CloseDate": close,
            });
            Some(self.create(object("Opportunity")?, &fields, actor)?)
        } else {
            None
        };
        self.close_lead(
            lead_object,
            lead,
            (&account, &contact, opportunity.as_deref()),
            actor,
        );
        Ok(json!({"account_id": account, "contact_id": contact, "opportunity_id": opportunity}))
    }

    fn new_account(&mut self, lead: &Row, actor: &mut Actor) -> Result<String, Refusal> {
        let mut fields = json!({"Name": lead.get("Company"), "OwnerId": human_owner(lead, actor)});
        for name in ["Website", "Industry", "Phone"] {
            fields[name] = lead.get(name);
        }
        self.create(object("Account")?, &fields, actor)
    }

    fn new_contact(
        &mut self,
        contact: &'static Object,
        lead: &Row,
        account: &str,
        actor: &mut Actor,
    ) -> Result<String, Refusal> {
        let mut fields = json!({"AccountId": account, "OwnerId": human_owner(lead, actor)});
        for (from, to) in TO_CONTACT {
            let value = lead.get(from);
            if !value.is_null() {
                fields[to] = value;
            }
        }
        if self.settings.switches.conversion_copies_custom_fields {
            let customs = contact.fields.iter().filter(|field| field.is_custom());
            for field in customs {
                let value = lead.get(field.name);
                if !value.is_null() {
                    fields[field.name] = value;
                }
            }
        }
        self.create(contact, &fields, actor)
    }

    fn close_lead(
        &mut self,
        object: &'static Object,
        mut lead: Row,
        (account, contact, opportunity): (&str, &str, Option<&str>),
        actor: &mut Actor,
    ) {
        lead.fields.insert("IsConverted", json!(true));
        lead.fields.insert("Status", json!("Closed - Converted"));
        lead.fields
            .insert("ConvertedDate", json!(moment::day(actor.now_ms)));
        lead.fields.insert("ConvertedAccountId", json!(account));
        lead.fields.insert("ConvertedContactId", json!(contact));
        if let Some(opportunity) = opportunity {
            lead.fields
                .insert("ConvertedOpportunityId", json!(opportunity));
        }
        self.save(object, lead, ChangeType::Update, actor);
    }
}

/// Queues own leads but neither contacts nor accounts (salesforce.md 5).
fn human_owner(lead: &Row, actor: &Actor) -> Value {
    match lead.text("OwnerId") {
        Some(owner) if owner.starts_with("005") => json!(owner),
        _ => json!(actor.user_id),
    }
}

fn object(name: &str) -> Result<&'static Object, Refusal> {
    objects::named(name).ok_or_else(Refusal::not_found)
}
