//! The judge of a storm: what stands in both systems, and what was written, against what people
//! said. It knows JSON and the sandboxes' logs, and nothing of the pipeline.

use std::collections::{BTreeMap, HashMap};

use crosswalk::sandbox::request_log::Entry;
use crosswalk::sandbox::{intercom, salesforce};
use serde_json::{Map, Value};

use crate::storm::people::{Person, Stage};

/// Each value is said once, so that a second write of it is one too many.
const SAID_ONCE: [&str; 2] = ["LastName", "custom_attributes.job_title"];

/// What arrived and was carried out: when each value was written to each field.
#[derive(Default)]
pub struct Written {
    pub values: HashMap<(String, String, String), Vec<String>>,
    pub calls: usize,
    salesforce_n: u64,
    intercom_n: u64,
}

#[derive(Debug, Default)]
pub struct Verdict {
    pub lost: Vec<String>,
    pub doubled: Vec<String>,
    /// A person's value that one of ours replaced.
    pub overwritten: Vec<String>,
    pub writes: usize,
    pub rebuilds: bool,
    pub reviews: usize,
    pub dead_letters: usize,
    pub healed: u64,
}

impl Verdict {
    pub fn is_agreed(&self) -> bool {
        self.lost.is_empty()
    }
}

impl Written {
    pub fn take(&mut self, org: &salesforce::Handle, workspace: &intercom::Handle) {
        for entry in org.request_log_since(self.salesforce_n) {
            self.salesforce_n = entry.n;
            self.note(&entry, salesforce_rows(&entry));
        }
        for entry in workspace.request_log_since(self.intercom_n) {
            self.intercom_n = entry.n;
            let rows = intercom_rows(&entry).into_iter().collect();
            self.note(&entry, rows);
        }
    }

    fn note(&mut self, entry: &Entry, rows: Vec<(String, Map<String, Value>)>) {
        // What was refused, or never carried out, is not written.
        if !(200..300).contains(&entry.status) || entry.fault.as_deref() == Some("locked_row") {
            return;
        }
        self.calls += usize::from(!rows.is_empty());
        for (record, fields) in rows {
            for (name, value) in fields {
                let value = value.as_str().map_or(value.to_string(), str::to_owned);
                let key = (record.clone(), name, value);
                self.values.entry(key).or_default().push(entry.at.clone());
            }
        }
    }
}

fn salesforce_rows(entry: &Entry) -> Vec<(String, Map<String, Value>)> {
    if !matches!(entry.method.as_str(), "PATCH" | "POST") {
        return Vec::new();
    }
    if let Some(rows) = entry.body["records"].as_array() {
        let row = |row: &Value| {
            let row = row.as_object()?;
            let id = row.get("Id").or_else(|| row.get("id"))?.as_str()?;
            Some((id.to_owned(), row.clone()))
        };
        return rows.iter().filter_map(row).collect();
    }
    let id = entry.path.rsplit('/').next().unwrap_or_default();
    match (entry.path.contains("/sobjects/"), entry.body.as_object()) {
        (true, Some(fields)) => vec![(id.to_owned(), fields.clone())],
        _ => Vec::new(),
    }
}

fn intercom_rows(entry: &Entry) -> Option<(String, Map<String, Value>)> {
    let id = entry.path.strip_prefix("/contacts/")?;
    if entry.method != "PUT" {
        return None;
    }
    let mut fields = entry.body.as_object()?.clone();
    if let Some(Value::Object(custom)) = fields.remove("custom_attributes") {
        for (name, value) in custom {
            fields.insert(format!("custom_attributes.{name}"), value);
        }
    }
    Some((id.to_owned(), fields))
}

pub fn judge(stage: &Stage) -> Verdict {
    let (leads, contacts) = (stage.leads(), stage.contacts());
    let mut verdict = Verdict {
        writes: stage.written.calls,
        ..Verdict::default()
    };
    for person in &stage.people {
        let (Some(lead), Some(contact)) = (leads.get(&person.lead), contacts.get(&person.contact))
        else {
            verdict.lost.push(format!("{} is gone", person.email));
            continue;
        };
        differences(person, lead, contact, &mut verdict);
        let same = leads
            .values()
            .filter(|row| row["Email"] == person.email.as_str());
        if same.count() != 1 {
            verdict
                .doubled
                .push(format!("the Lead of {}", person.email));
        }
    }
    for ((record, field, value), times) in &stage.written.values {
        if times.len() > 1 && SAID_ONCE.contains(&field.as_str()) {
            let doubled = format!("{record} {field} = {value}, at {}", times.join(" and "));
            verdict.doubled.push(doubled);
        }
    }
    verdict
}

fn differences(person: &Person, lead: &Value, contact: &Value, verdict: &mut Verdict) {
    let custom = &contact["custom_attributes"];
    let title = person.title.as_deref();
    let said: BTreeMap<&str, (Value, Value)> = BTreeMap::from([
        (
            "LastName",
            (lead["LastName"].clone(), person.last_name.as_str().into()),
        ),
        ("Title", (custom["job_title"].clone(), title.into())),
        (
            "SALESFORCE_TITLE",
            (custom["SALESFORCE_TITLE"].clone(), title.into()),
        ),
    ]);
    for (field, (stands, said)) in said {
        if stands != said {
            let email = &person.email;
            verdict
                .lost
                .push(format!("{email} {field}: {stands}, said was {said}"));
        }
    }
    // What people said last stands where they said it.
    let name = format!("Pat {}", person.last_name);
    if contact["name"] != name.as_str() || (title.is_some() && lead["Title"] != title.unwrap()) {
        verdict.overwritten.push(person.email.clone());
    }
    let (here, there) = (&contact["phone"], &lead["Phone"]);
    let said = [&person.phone_here, &person.phone_there];
    let any = said.iter().any(|one| one.is_some());
    let last = |one: &&&Option<String>| one.as_deref().is_some_and(|one| *here == one);
    if here != there || (any && !said.iter().any(|one| last(&one))) {
        let email = &person.email;
        verdict.lost.push(format!(
            "{email} phone: {here} and {there}, said were {said:?}"
        ));
    }
}
