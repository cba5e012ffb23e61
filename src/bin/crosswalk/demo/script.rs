//! The script: what must stand in both systems when the story is over, as plain data.
//!
//! Written down by the storyteller while it acts, from what it did; never from what it sees.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::demo::cast::Person;

/// Field values by API name. A field that must be blank is `null`.
pub type Fields = BTreeMap<String, Value>;

/// What a company's name is while nobody has told one.
pub const NO_COMPANY: &str = "[not provided]";

/// Everything the story expects.
#[derive(Debug, Default)]
pub struct Script {
    pub app_id: String,
    pub records: Vec<Record>,
    pub leadless: Vec<Leadless>,
    pub dead_letters: u64,
    pub review_items: u64,
    /// Notifications that must have been refused at the door.
    pub refused_posts: u64,
    /// One field changed on both sides, neither knowing of the other.
    pub conflicts: u64,
    /// Attributes of contacts that must be defined in Intercom, once each.
    pub attributes: Vec<&'static str>,
    /// Values that Salesforce stores in a form of its own.
    pub accepted_forms: u64,
}

/// One record that must stand in Salesforce, exactly once.
#[derive(Debug, Clone)]
pub struct Record {
    /// For people: who it is.
    pub who: String,
    pub origin: Origin,
    /// Every mapped field as it must be at the end.
    pub fields: Fields,
    pub updates: Updates,
    /// Write calls that a fault of the script refused, and which must therefore be repeated.
    pub refused: u64,
    /// The Intercom contacts that must show what this record holds.
    pub mirrors: Vec<Mirror>,
}

/// An Intercom contact that shows what sales knows.
#[derive(Debug, Clone)]
pub struct Mirror {
    pub contact: String,
    /// Values beside those that follow from the record, by name as in a write.
    pub fields: Fields,
    /// Whether crosswalk makes it, from the record.
    pub made: bool,
    /// Write calls that it may take. What changes in Salesforce comes in parts and may be
    /// written together, so this is a bound.
    pub calls_max: u64,
}

/// A new record is told of in parts: the answer to its creation, its change event, and what the
/// org adds by itself.
const CALLS_OF_A_LINK: u64 = 3;

#[derive(Debug, Clone)]
pub enum Origin {
    /// A Lead that the story makes come about, bearing the key of one of these contacts.
    Lead { contacts: Vec<String> },
    /// A Contact that stood there before, with everything it held.
    Contact { id: String, before: Fields },
}

/// The updates that a record needs, beyond being created.
#[derive(Debug, Clone)]
pub enum Updates {
    /// These, in this order: the names of the fields that change.
    Exactly(Vec<Vec<&'static str>>),
    /// Edits that come faster than they are written may legally be written together: at most
    /// this many calls, of these fields only.
    AtMost(u64, Vec<&'static str>),
}

/// An Intercom contact for which nothing may be written.
#[derive(Debug, Clone)]
pub struct Leadless {
    pub contact: String,
    pub why: &'static str,
}

impl Script {
    pub fn new(app_id: &str) -> Self {
        Self {
            app_id: app_id.to_owned(),
            ..Self::default()
        }
    }

    /// The value of the explicit key for a contact.
    pub fn key(&self, contact: &str) -> String {
        format!("{}:{contact}", self.app_id)
    }

    /// A Lead must come about from this contact, with what every Lead of the story holds.
    pub fn lead(&mut self, person: &Person, contacts: &[&str]) {
        let names = (person.first, person.last);
        let fields = lead_fields(names, person.email);
        self.record(person.name.to_owned(), contacts, fields);
    }

    pub fn record(&mut self, who: String, contacts: &[&str], fields: Fields) {
        let mirrors = contacts.iter().map(|id| Mirror::new(id)).collect();
        let contacts = contacts.iter().map(|&id| id.to_owned()).collect();
        self.records.push(Record {
            who,
            mirrors,
            origin: Origin::Lead { contacts },
            fields,
            updates: Updates::Exactly(Vec::new()),
            refused: 0,
        });
    }

    /// Nothing may be written for this contact.
    pub fn nothing_for(&mut self, contact: &str, why: &'static str) {
        let contact = contact.to_owned();
        self.leadless.push(Leadless { contact, why });
    }

    /// Values that the record of this person must hold, from now on.
    pub fn holds(&mut self, who: &str, values: &[(&str, &str)]) {
        if let Some(record) = self.of(who) {
            for (name, value) in values {
                record.fields.insert((*name).to_owned(), json!(value));
            }
        }
    }

    /// One more update of this person's record, of these fields.
    pub fn update(&mut self, who: &str, values: &[(&'static str, &str)]) {
        self.holds(who, values);
        let shown = values.iter().any(|(name, _)| *name == "Title");
        self.mirrored(who, u64::from(shown), &[]);
        let names = values.iter().map(|(name, _)| *name).collect();
        if let Some(Record {
            updates: Updates::Exactly(updates),
            ..
        }) = self.of(who)
        {
            updates.push(names);
        }
    }

    /// Salesforce changes this person's record: Intercom follows with one write call.
    pub fn sales(&mut self, who: &str, values: &[(&str, &str)], shown: &[(&str, &str)]) {
        self.holds(who, values);
        self.mirrored(who, 1, shown);
    }

    /// Intercom shows these values and may take this many write calls more.
    pub fn mirrored(&mut self, who: &str, calls: u64, shown: &[(&str, &str)]) {
        for mirror in self
            .of(who)
            .into_iter()
            .flat_map(|record| &mut record.mirrors)
        {
            mirror.calls_max += calls;
            for (name, value) in shown {
                mirror.fields.insert((*name).to_owned(), json!(value));
            }
        }
    }

    /// One write call of this person's record is refused by a fault and must be repeated.
    pub fn refuses(&mut self, who: &str) {
        if let Some(record) = self.of(who) {
            record.refused += 1;
        }
    }

    fn of(&mut self, who: &str) -> Option<&mut Record> {
        self.records.iter_mut().find(|record| record.who == who)
    }
}

impl Mirror {
    pub fn new(contact: &str) -> Self {
        Self {
            contact: contact.to_owned(),
            fields: Fields::new(),
            made: false,
            calls_max: CALLS_OF_A_LINK,
        }
    }
}

/// What a new Lead holds when only a name and an e-mail address are known.
pub fn lead_fields((first, last): (&str, &str), email: &str) -> Fields {
    let fields = json!({
        "FirstName": first,
        "LastName": last,
        "Email": email,
        "Company": NO_COMPANY,
        "LeadSource": "Intercom",
        "Status": "Open - Not Contacted",
        "HasOptedOutOfEmail": false,
        "Phone": null,
        "Title": null,
        "Company_Size__c": null,
        "UTM_Source__c": null,
        "UTM_Medium__c": null,
        "UTM_Campaign__c": null,
    });
    let object = fields.as_object().cloned().unwrap_or_default();
    object.into_iter().collect()
}
