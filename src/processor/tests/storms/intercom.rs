//! A naive Intercom: contacts and companies as plain values, a notification for every change.

use std::collections::BTreeMap;

use crate::domain::{Change, Fields, Gone, Outcome, RecordRef, RecordSnapshot, RefSet};
use crate::domain::{Value, Version};
use crate::processor::tests::storms::prng::Prng;
use crate::processor::tests::world::{company, contact};

pub const EMAILS: [&str; 4] = ["ada@example.com", "Bob@example.com", "cy@example.com", ""];
const NAMES: [&str; 5] = ["Ada Lovelace", "Ada Byron", "Bob", "Cy de Vries", ""];
const TITLES: [&str; 4] = ["Countess", "Poet", "Engineer", ""];
const PHONES: [&str; 3] = ["111", "222", ""];
const COMPANY_NAMES: [&str; 3] = ["Acme", "Initech", ""];
pub const CONTACTS: usize = 6;

#[derive(Clone, Default)]
pub struct Person {
    pub role: &'static str,
    pub email: &'static str,
    pub name: &'static str,
    pub title: &'static str,
    pub phone: &'static str,
    pub tagged: bool,
    pub company: Option<&'static str>,
    pub gone: Option<Gone>,
    pub at: i64,
}

#[derive(Default)]
pub struct Intercom {
    pub people: BTreeMap<String, Person>,
    companies: BTreeMap<&'static str, (&'static str, i64)>,
}

/// A change, the contact it is about, and whether it must not overtake what came before it: an
/// archived contact's notice carries no version.
pub struct Told {
    pub change: Change,
    pub about: String,
    pub in_order: bool,
}

impl Intercom {
    /// Something happens to somebody at a moment of Intercom's clock.
    pub fn act(&mut self, chance: &mut Prng, at: i64) -> Vec<Told> {
        let id = format!("c{}", chance.below(CONTACTS));
        if !self.people.contains_key(&id) {
            self.people.insert(id.clone(), born(chance, at));
            return vec![self.told(&id)];
        }
        let person = self.people.get_mut(&id).expect("it is there");
        if person.gone.is_some() {
            return Vec::new();
        }
        person.at = at;
        match chance.below(100) {
            0..12 => person.email = chance.one_of(&EMAILS),
            12..24 => person.name = chance.one_of(&NAMES),
            24..36 => person.title = chance.one_of(&TITLES),
            36..44 => person.phone = chance.one_of(&PHONES),
            44..70 => return vec![self.tag(&id, chance.percent(80))],
            70..78 => return self.join(&id, chance, at),
            78..84 => return self.rename_company(chance, at),
            84..88 => person.role = if chance.percent(70) { "lead" } else { "user" },
            88..91 => return vec![self.leave(&id, Gone::Archived)],
            91..94 => return vec![self.leave(&id, Gone::Deleted)],
            94..98 => return self.merge(&id, chance, at),
            _ => {}
        }
        vec![self.told(&id)]
    }

    fn told(&self, id: &str) -> Told {
        let change = Change::Shown(self.snapshot(id));
        self.tell(change, id)
    }

    fn tell(&self, change: Change, id: &str) -> Told {
        Told {
            change,
            about: id.to_owned(),
            in_order: false,
        }
    }

    fn tag(&mut self, id: &str, added: bool) -> Told {
        self.people.get_mut(id).expect("it is there").tagged = added;
        let change = Change::Tagged {
            snapshot: self.snapshot(id),
            tag_id: "t1".into(),
            tag_name: "qualified".into(),
            added,
        };
        self.tell(change, id)
    }

    fn join(&mut self, id: &str, chance: &mut Prng, at: i64) -> Vec<Told> {
        let of = chance.one_of(&["co1", "co2"]);
        let name = chance.one_of(&COMPANY_NAMES);
        self.companies.entry(of).or_insert((name, at));
        let person = self.people.get_mut(id).expect("it is there");
        if let Some(left) = person.company.take() {
            let change = Change::Attached {
                company: self.company(left),
                contact: self.snapshot(id),
                attached: false,
            };
            return vec![self.tell(change, id)];
        }
        person.company = Some(of);
        if chance.percent(60) {
            return vec![self.told(id)];
        }
        let change = Change::Attached {
            company: self.company(of),
            contact: self.snapshot(id),
            attached: true,
        };
        vec![self.tell(change, id)]
    }

    fn rename_company(&mut self, chance: &mut Prng, at: i64) -> Vec<Told> {
        let of = chance.one_of(&["co1", "co2"]);
        let Some(known) = self.companies.get_mut(of) else {
            return Vec::new();
        };
        *known = (chance.one_of(&COMPANY_NAMES), at);
        let change = Change::Shown(self.company(of));
        vec![self.tell(change, of)]
    }

    fn leave(&mut self, id: &str, how: Gone) -> Told {
        self.people.get_mut(id).expect("it is there").gone = Some(how);
        let record = contact(id);
        Told {
            change: Change::Left {
                record,
                how,
                at: None,
            },
            about: id.to_owned(),
            in_order: how == Gone::Archived,
        }
    }

    fn merge(&mut self, into: &str, chance: &mut Prng, at: i64) -> Vec<Told> {
        let absorbed = format!("c{}", chance.below(CONTACTS));
        let lives = |person: &&mut Person| person.gone.is_none();
        let other = self.people.get_mut(&absorbed).filter(lives);
        let (Some(other), true) = (other, absorbed != into) else {
            return Vec::new();
        };
        other.gone = Some(Gone::Deleted);
        let email = other.email;
        let person = self.people.get_mut(into).expect("it is there");
        person.at = at;
        if person.email.is_empty() {
            person.email = email;
        }
        let change = Change::Merged {
            survivor: self.snapshot(into),
            absorbed: Some(contact(&absorbed)),
        };
        vec![self.tell(change, into)]
    }

    /// What a webhook shows: exact to the millisecond.
    pub fn snapshot(&self, id: &str) -> RecordSnapshot {
        let person = &self.people[id];
        let set = |ids: Option<&str>| RefSet {
            ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            complete: true,
        };
        RecordSnapshot {
            record: contact(id),
            version: Version::exact_ms(person.at),
            fields: fields(&[
                ("role", person.role),
                ("email", person.email),
                ("name", person.name),
                ("phone", person.phone),
                ("custom_attributes.job_title", person.title),
            ]),
            tags: Some(set(person.tagged.then_some("t1"))),
            companies: Some(set(person.company)),
        }
    }

    fn company(&self, id: &str) -> RecordSnapshot {
        let (name, at) = self.companies[id];
        RecordSnapshot {
            record: company(id),
            version: Version::exact_ms(at),
            fields: fields(&[("name", name)]),
            tags: None,
            companies: None,
        }
    }

    /// What REST answers: the same, in whole seconds.
    pub fn read(&self, record: &RecordRef) -> Outcome {
        let mut snapshot = if record.object.as_str() == "company" {
            if !self.companies.contains_key(record.id.as_str()) {
                let record = record.clone();
                return Outcome::NotFound { record };
            }
            self.company(&record.id)
        } else {
            let lives = |person: &&Person| person.gone.is_none();
            if self.people.get(record.id.as_str()).filter(lives).is_none() {
                let record = record.clone();
                return Outcome::NotFound { record };
            }
            self.snapshot(&record.id)
        };
        snapshot.version = Version::second(snapshot.version.from_ms / 1000);
        Outcome::Read { snapshot }
    }
}

fn born(chance: &mut Prng, at: i64) -> Person {
    Person {
        role: if chance.percent(85) { "lead" } else { "user" },
        email: chance.one_of(&EMAILS),
        name: chance.one_of(&NAMES),
        title: chance.one_of(&TITLES),
        phone: chance.one_of(&PHONES),
        tagged: false,
        company: None,
        gone: None,
        at,
    }
}

pub fn fields(list: &[(&str, &str)]) -> Fields {
    list.iter()
        .map(|(name, value)| ((*name).into(), Value::text(*value)))
        .collect()
}
