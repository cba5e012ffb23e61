//! A naive Salesforce with the sink before it: rows as plain maps, commands of a lane one after the
//! other, an attempt above the first reads before it writes.

use std::collections::BTreeMap;

use crate::domain::command::{LookupQuery, ReadCommand};
use crate::domain::{Command, CommandKind, FieldWrite, Fields, Outcome, RecordRef, RecordSnapshot};
use crate::domain::{RejectClass, Rejection, Value, Version, WriteCommand, WriteTarget};
use crate::processor::tests::storms::intercom::{EMAILS, fields};
use crate::processor::tests::storms::prng::Prng;
use crate::processor::tests::world::salesforce;

#[derive(Default)]
pub struct Salesforce {
    pub rows: BTreeMap<RecordRef, (Fields, i64)>,
    /// Fields that a person changed and that nothing of ours has touched or read since, and when.
    pub edited: BTreeMap<(RecordRef, String), i64>,
    drawn: usize,
}

impl Salesforce {
    /// Rows that stand there before anything happens.
    pub fn seeded(chance: &mut Prng) -> Self {
        let mut org = Self::default();
        for _ in 0..chance.below(4) {
            let object = chance.one_of(&["Contact", "Lead"]);
            let email = chance.one_of(&EMAILS);
            let title = chance.one_of(&["Boss", ""]);
            let row = fields(&[("Email", email), ("Title", title), ("LastName", "Old")]);
            org.insert(object, row, 0);
        }
        org
    }

    fn insert(&mut self, object: &str, row: Fields, at: i64) -> RecordRef {
        self.drawn += 1;
        let record = salesforce(object, &format!("sf{}", self.drawn));
        self.rows.insert(record.clone(), (row, at));
        record
    }

    /// A person edits or deletes a row.
    pub fn edit(&mut self, chance: &mut Prng, at: i64) {
        if self.rows.is_empty() {
            return;
        }
        let place = chance.below(self.rows.len());
        let record = self.rows.keys().nth(place).expect("it is below").clone();
        if chance.percent(6) {
            self.rows.remove(&record);
            return;
        }
        let field = chance.one_of(&["Title", "Phone", "Company", "FirstName"]);
        let value = Value::text(chance.one_of(&["Edited", "Changed", ""]));
        let row = self.rows.get_mut(&record).expect("it is there");
        row.0.insert(field.into(), value);
        row.1 = at;
        self.edited.insert((record, field.to_owned()), at);
    }

    pub fn execute(&mut self, command: &Command, at: i64) -> Outcome {
        let repeat = command.attempt > 1;
        match &command.kind {
            CommandKind::Read(ReadCommand::Lookup(lookup)) => Outcome::LookedUp {
                rows: lookup.queries.iter().flat_map(|q| self.query(q)).collect(),
                truncated: false,
            },
            CommandKind::Read(ReadCommand::Gone { record }) => Outcome::NotFound {
                record: record.clone(),
            },
            CommandKind::Read(ReadCommand::Record { record, fields }) => {
                match self.snapshot(record, fields.iter().map(String::as_str)) {
                    Some(snapshot) => Outcome::Read { snapshot },
                    None => Outcome::NotFound {
                        record: record.clone(),
                    },
                }
            }
            CommandKind::Write(write) => match &write.target {
                WriteTarget::Record(record) => self.update(record, write, repeat, at),
                WriteTarget::Create { .. } => self.create(write, repeat, at),
                WriteTarget::Attach { .. } => panic!("Salesforce attaches nobody"),
            },
        }
    }

    fn update(
        &mut self,
        record: &RecordRef,
        write: &WriteCommand,
        repeat: bool,
        at: i64,
    ) -> Outcome {
        let names = write.fields.iter().map(|field| field.name.as_str());
        let Some(snapshot) = self.snapshot(record, names) else {
            return Outcome::Rejected(refusal(RejectClass::Gone));
        };
        let there = |field: &FieldWrite| snapshot.fields[&field.name] == field.value;
        let expected = |field: &FieldWrite| snapshot.fields[&field.name] == field.expect;
        if repeat && write.fields.iter().all(there) {
            return Outcome::AlreadyThere { snapshot };
        }
        if repeat && !write.fields.iter().all(|f| there(f) || expected(f)) {
            return Outcome::FoundOther { snapshot };
        }
        self.apply(record, write, at);
        written(record, false)
    }

    fn create(&mut self, write: &WriteCommand, repeat: bool, at: i64) -> Outcome {
        let WriteTarget::Create {
            object,
            key_field,
            key_value,
            ..
        } = &write.target
        else {
            unreachable!("the caller matched the target");
        };
        let key = Value::text(key_value.as_str());
        let held = |(_, (row, _)): &(&RecordRef, &(Fields, i64))| row.get(key_field) == Some(&key);
        let known = self
            .rows
            .iter()
            .find(held)
            .map(|(record, _)| record.clone());
        if let (Some(record), true) = (&known, repeat) {
            let names = write.fields.iter().map(|field| field.name.as_str());
            let snapshot = self.snapshot(record, names).expect("it is there");
            return Outcome::AlreadyThere { snapshot };
        }
        let created = known.is_none();
        let row = Fields::from([(key_field.clone(), key)]);
        let record = known.unwrap_or_else(|| self.insert(object.as_str(), row, at));
        self.apply(&record, write, at);
        written(&record, created)
    }

    fn apply(&mut self, record: &RecordRef, write: &WriteCommand, at: i64) {
        let row = self.rows.get_mut(record).expect("it is there");
        row.1 = at;
        for field in &write.fields {
            row.0.insert(field.name.clone(), field.value.clone());
            self.edited
                .remove(&(record.clone(), field.name.to_string()));
        }
    }

    fn query(&self, query: &LookupQuery) -> Vec<RecordSnapshot> {
        let holds = |row: &Fields| {
            query.any_of.iter().any(|(name, value)| {
                let held = row.get(name).map(Value::display).unwrap_or_default();
                held.to_lowercase() == value.to_lowercase()
            })
        };
        let of_object = |record: &&RecordRef| record.object == query.object;
        let records = self.rows.keys().filter(of_object);
        let found = records.filter(|record| holds(&self.rows[*record].0));
        found
            .filter_map(|record| self.snapshot(record, query.fields.iter().map(String::as_str)))
            .collect()
    }

    fn snapshot<'a>(
        &self,
        record: &RecordRef,
        names: impl Iterator<Item = &'a str>,
    ) -> Option<RecordSnapshot> {
        let (row, at) = self.rows.get(record)?;
        let value = |name: &str| row.get(name).cloned().unwrap_or_default();
        Some(RecordSnapshot {
            record: record.clone(),
            version: Version::second(at / 1000),
            fields: names.map(|name| (name.into(), value(name))).collect(),
            tags: None,
            companies: None,
        })
    }
}

pub fn written(record: &RecordRef, created: bool) -> Outcome {
    Outcome::Written {
        record: record.clone(),
        created,
        values: None,
        version: None,
    }
}

pub fn refusal(class: RejectClass) -> Rejection {
    Rejection {
        class,
        code: "STORM".into(),
        text: String::new(),
        fields: Vec::new(),
        records: Vec::new(),
        hint: String::new(),
    }
}
