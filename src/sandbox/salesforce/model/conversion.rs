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
        let standing = match &conversion.contact_id {
            Some(id) => Some(self.living(contact_object, id)?.clone()),
            None => None,
        };
        let own_account = standing
            .as_ref()
            .and_then(|contact| contact.text("AccountId").map(str::to_owned));
        let account = match conversion.account_id.clone().or(own_account) {
            Some(id) => {
                let row = self.living(object("Account")?, &id)?.clone();
                let blanks = self.blanks(&row, self.account_values(&lead));
                self.update(object("Account")?, &id, &blanks, actor)?;
                id
            }
            None => self.new_account(&lead, actor)?,
        };
        let contact = match standing {
            Some(row) => {
                let values = self.contact_values(contact_object, &lead, actor);
                let mut set = self.blanks(&row, values);
                set["AccountId"] = json!(account);
                self.update(contact_object, &row.id, &set, actor)?;
                row.id
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
        self.move_tasks(lead_id, &contact, actor)?;
        Ok(json!({"account_id": account, "contact_id": contact, "opportunity_id": opportunity}))
    }

    fn new_account(&mut self, lead: &Row, actor: &mut Actor) -> Result<String, Refusal> {
        let mut fields = self.account_values(lead);
        fields["Name"] = lead.get("Company");
        fields["OwnerId"] = human_owner(lead, actor);
        self.create(object("Account")?, &fields, actor)
    }

    fn account_values(&self, lead: &Row) -> Value {
        let mut fields = json!({});
        for name in ["Website", "Industry", "Phone"] {
            fields[name] = lead.get(name);
        }
        fields
    }

    fn new_contact(
        &mut self,
        contact: &'static Object,
        lead: &Row,
        account: &str,
        actor: &mut Actor,
    ) -> Result<String, Refusal> {
        let mut fields = self.contact_values(contact, lead, actor);
        fields["AccountId"] = json!(account);
        fields["OwnerId"] = human_owner(lead, actor);
        self.create(contact, &fields, actor)
    }

    /// What a lead gives to a contact.
    fn contact_values(&self, contact: &'static Object, lead: &Row, actor: &Actor) -> Value {
        let copied = self.settings.switches.conversion_copies_custom_fields;
        let customs = contact
            .fields
            .iter()
            .filter(|field| copied && field.is_custom())
            .map(|field| (field.name, field.name));
        let mut fields = json!({});
        for (from, to) in TO_CONTACT.into_iter().chain(customs) {
            let value = lead.get(from);
            let there = self.field_for(&actor.user_id, contact, to).is_some();
            if there && !value.is_null() {
                fields[to] = value;
            }
        }
        fields
    }

    /// Of these values those that the row has no value for: a conversion overwrites nothing.
    fn blanks(&self, row: &Row, mut values: Value) -> Value {
        let fills = self.settings.switches.conversion_fills_blanks;
        if let Some(values) = values.as_object_mut() {
            values.retain(|name, value| fills && !value.is_null() && row.get(name).is_null());
        }
        values
    }

    /// Tasks of the lead are the contact's afterwards (salesforce.md 5).
    fn move_tasks(&mut self, lead: &str, contact: &str, actor: &mut Actor) -> Result<(), Refusal> {
        let task = object("Task")?;
        let moving: Vec<Row> = self
            .rows_of(task.name)
            .filter(|row| !row.deleted && row.text("WhoId") == Some(lead))
            .cloned()
            .collect();
        for mut row in moving {
            row.fields.insert("WhoId", json!(contact));
            self.save(task, row, ChangeType::Update, actor);
        }
        Ok(())
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
