//! A report over all customers: what would be done with how many records, by object and field.

use std::collections::BTreeMap;

use anyhow::Context;
use crosswalk::domain::BridgeId;
use serde_json::{Value, json};

use crate::admin_client::{self, not_running};

/// Records of which the same would be done.
#[derive(Default)]
struct Count {
    records: u64,
    samples: Vec<String>,
}

impl Count {
    fn add(&mut self, record: &str, samples_max: usize) {
        self.records += 1;
        if self.samples.len() < samples_max {
            self.samples.push(record.to_owned());
        }
    }

    fn shown(&self) -> Value {
        json!({"records": self.records, "samples": self.samples})
    }
}

/// What would be done, by object and by field.
#[derive(Default)]
pub struct Report {
    customers: u64,
    writes: BTreeMap<(String, String), Count>,
    fields: BTreeMap<(String, String, String), Count>,
}

impl Report {
    /// Asks for all pages.
    pub fn of(
        base: &str,
        path: &str,
        query: &[(&str, &str)],
        samples_max: usize,
    ) -> anyhow::Result<Self> {
        let mut report = Self::default();
        let mut after: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.extend(after.as_deref().map(|after| ("after", after)));
            let page = admin_client::ask(base, path, &query)?;
            let page = page.with_context(|| not_running(base))?;
            report.take(&page, samples_max);
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return Ok(report),
            }
        }
    }

    fn take(&mut self, page: &Value, samples_max: usize) {
        self.customers += page["customers"].as_u64().unwrap_or_default();
        for one in page["records"].as_array().into_iter().flatten() {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            let (what, object, record) = (text("what"), text("object"), text("record"));
            let writes = self.writes.entry((what.clone(), object.clone()));
            writes.or_default().add(&record, samples_max);
            for field in one["fields"].as_array().into_iter().flatten() {
                let field = field.as_str().unwrap_or_default().to_owned();
                let key = (what.clone(), object.clone(), field);
                let count = self.fields.entry(key).or_default();
                count.add(&record, samples_max);
            }
        }
    }

    pub fn shown(&self, bridge: &BridgeId) -> Value {
        let writes = self.writes.iter().map(|((what, object), count)| {
            let fields = self.fields_of(what, object).map(|(field, count)| {
                let mut shown = count.shown();
                shown["field"] = json!(field);
                shown
            });
            let mut shown = count.shown();
            shown["what"] = json!(what);
            shown["object"] = json!(object);
            shown["fields"] = fields.collect();
            shown
        });
        let writes: Vec<Value> = writes.collect();
        json!({"bridge": bridge.as_str(), "customers": self.customers, "writes": writes})
    }

    fn fields_of(&self, what: &str, object: &str) -> impl Iterator<Item = (&str, &Count)> {
        let (what, object) = (what.to_owned(), object.to_owned());
        let same = move |key: &&(String, String, String)| key.0 == what && key.1 == object;
        let fields = self.fields.iter();
        let fields = fields.filter(move |(key, _)| same(key));
        fields.map(|((_, _, field), count)| (field.as_str(), count))
    }

    pub fn print(&self, bridge: &BridgeId, nothing: &str) {
        println!("{bridge}: {} customers looked at", self.customers);
        if self.writes.is_empty() {
            println!("{nothing}");
        }
        for ((what, object), count) in &self.writes {
            println!("{what} {object}: {} records", count.records);
            for (field, count) in self.fields_of(what, object) {
                println!("  {field}  {}  {}", count.records, count.samples.join(" "));
            }
            if self.fields_of(what, object).next().is_none() {
                println!("  {}", count.samples.join(" "));
            }
        }
    }
}
