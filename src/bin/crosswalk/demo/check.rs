//! The checker: holds both systems' final states and request logs against the script.
//!
//! It must never share code with the pipeline it judges: it knows JSON, the script, and what the
//! sandboxes recorded.

pub mod calls;
mod mirrors;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crosswalk::sandbox::request_log::Entry;
use serde_json::Value;

use crate::demo::check::calls::Call;
use crate::demo::script::{Fields, Origin, Record, Script, Updates};

/// Fields that the org sets by itself whenever anything changes.
const ORGS_OWN: [&str; 5] = [
    "LastModifiedDate",
    "LastModifiedById",
    "SystemModstamp",
    "sandbox_last_change",
    "Name",
];

/// What the sandboxes recorded.
pub struct Evidence<'a> {
    pub salesforce: &'a Value,
    pub salesforce_log: &'a [Entry],
    pub intercom: &'a Value,
    pub intercom_log: &'a [Entry],
}

/// What the evidence says.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Effects of the script that are missing.
    pub lost: u64,
    /// Write calls beyond those that the script needs.
    pub duplicate_writes: u64,
    /// Every mapped field of every linked record holds the script's value.
    pub converged: bool,
    pub writes_salesforce: u64,
    pub writes_intercom: u64,
    pub failures: Vec<Failure>,
}

/// One check that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub check: &'static str,
    pub expected: String,
    pub found: String,
}

impl Failure {
    pub fn new(check: &'static str, expected: String, found: String) -> Self {
        Self {
            check,
            expected,
            found,
        }
    }
}

/// Judges; never stops at the first failure.
pub fn check(script: &Script, evidence: &Evidence<'_>) -> Verdict {
    let calls = calls::write_calls(evidence.salesforce_log);
    let to_intercom = calls::intercom_calls(evidence.intercom_log);
    let mut verdict = Verdict {
        converged: true,
        writes_salesforce: calls.len() as u64,
        writes_intercom: to_intercom.len() as u64,
        ..Verdict::default()
    };
    let mut claimed = BTreeSet::new();
    for record in &script.records {
        let rows = rows_of(script, record, evidence.salesforce);
        claimed.extend(rows.iter().map(|row| text(row, "Id").to_owned()));
        values(script, record, &rows, &mut verdict);
        let keys = keys_of(script, record);
        let ids: BTreeSet<&str> = rows.iter().map(|row| text(row, "Id")).collect();
        let own: Vec<&Call> = calls.iter().filter(|c| c.is_about(&ids, &keys)).collect();
        need(record, &own, &mut verdict);
        claimed.extend(keys);
    }
    strangers(&calls, &claimed, &mut verdict);
    extra_leads(evidence.salesforce, &claimed, &mut verdict);
    leadless(script, evidence.salesforce, &mut verdict);
    mirrors::check(script, evidence, &to_intercom, &mut verdict);
    verdict
}

/// The rows of one record: exactly one if all is well.
fn rows_of<'a>(script: &Script, record: &Record, state: &'a Value) -> Vec<&'a Value> {
    let keys = keys_of(script, record);
    match &record.origin {
        Origin::Contact { id, .. } => {
            let rows = rows(state, "Contact");
            rows.filter(|row| text(row, "Id") == id).collect()
        }
        Origin::Lead { .. } => {
            let email = record.fields.get("Email").and_then(Value::as_str);
            let same_email = |row: &Value| email.is_some_and(|email| text(row, "Email") == email);
            let rows = rows(state, "Lead");
            rows.filter(|row| keys.contains(text(row, "Intercom_Contact_ID__c")) || same_email(row))
                .collect()
        }
    }
}

fn keys_of(script: &Script, record: &Record) -> BTreeSet<String> {
    match &record.origin {
        Origin::Lead { contacts } => contacts.iter().map(|id| script.key(id)).collect(),
        Origin::Contact { .. } => BTreeSet::new(),
    }
}

/// The record stands there once and holds the script's values.
fn values(script: &Script, record: &Record, rows: &[&Value], verdict: &mut Verdict) {
    let who = &record.who;
    let Some(row) = rows.first() else {
        verdict.lost += 1;
        verdict.converged = false;
        let expected = format!("one record of {who}");
        verdict.fail("record_exists", expected, "none".to_owned());
        return;
    };
    if rows.len() > 1 {
        verdict.converged = false;
        let found = format!("{} records", rows.len());
        verdict.fail("record_once", format!("one record of {who}"), found);
    }
    let mut wanted: Fields = match &record.origin {
        Origin::Contact { before, .. } => before.clone(),
        Origin::Lead { .. } => Fields::new(),
    };
    wanted.extend(record.fields.clone());
    for (name, wanted) in &wanted {
        if ORGS_OWN.contains(&name.as_str()) || row[name] == *wanted {
            continue;
        }
        verdict.lost += u64::from(record.fields.contains_key(name));
        verdict.converged = false;
        let expected = format!("{who}: {name} = {wanted}");
        verdict.fail("field_value", expected, row[name].to_string());
    }
    let keys = keys_of(script, record);
    let key = text(row, "Intercom_Contact_ID__c");
    if !keys.is_empty() && !keys.contains(key) {
        verdict.lost += 1;
        verdict.converged = false;
        let keys: Vec<String> = keys.into_iter().collect();
        let expected = format!("{who}: Intercom_Contact_ID__c = {}", keys.join(" or "));
        verdict.fail("field_value", expected, key.to_owned());
    }
}

/// The record received the write calls it needs, and no other.
fn need(record: &Record, own: &[&Call], verdict: &mut Verdict) {
    let creates = u64::from(matches!(record.origin, Origin::Lead { .. }));
    let (at_least, at_most) = match &record.updates {
        Updates::Exactly(updates) => (updates.len() as u64, updates.len() as u64),
        Updates::AtMost(calls, _) => (u64::from(*calls > 0), *calls),
    };
    let [at_least, at_most] = [at_least, at_most].map(|count| count + creates + record.refused);
    let found = own.len() as u64;
    let who = &record.who;
    if found > at_most {
        verdict.duplicate_writes += found - at_most;
        let expected = format!("{who}: at most {at_most} write calls");
        verdict.fail("write_calls", expected, found.to_string());
    }
    if found < at_least {
        verdict.lost += at_least - found;
        let expected = format!("{who}: at least {at_least} write calls");
        verdict.fail("write_calls", expected, found.to_string());
    }
    let updates: Vec<BTreeSet<&str>> = own
        .iter()
        .filter(|call| call.applied && !call.by_key)
        .map(|call| call.names())
        .collect();
    let as_needed = match &record.updates {
        Updates::Exactly(needed) => {
            let needed = needed.iter().map(|names| names.iter().copied().collect());
            updates == needed.collect::<Vec<BTreeSet<&str>>>()
        }
        Updates::AtMost(_, names) => updates
            .iter()
            .all(|update| update.iter().all(|name| names.contains(name))),
    };
    if !as_needed {
        let expected = format!("{who}: updates of {:?}", record.updates);
        verdict.fail("changed_fields", expected, format!("{updates:?}"));
    }
}

/// Write calls about records of which the script knows nothing.
fn strangers(calls: &[Call], claimed: &BTreeSet<String>, verdict: &mut Verdict) {
    for call in calls.iter().filter(|call| !claimed.contains(&call.target)) {
        verdict.duplicate_writes += 1;
        let expected = "no write call outside the script".to_owned();
        let found = format!("{} {} {:?}", call.object, call.target, call.names());
        verdict.fail("write_calls", expected, found);
    }
}

/// Leads that nobody in the script became.
fn extra_leads(state: &Value, claimed: &BTreeSet<String>, verdict: &mut Verdict) {
    for row in rows(state, "Lead").filter(|row| !claimed.contains(text(row, "Id"))) {
        verdict.converged = false;
        let expected = "no Lead outside the script".to_owned();
        verdict.fail("record_once", expected, text(row, "Id").to_owned());
    }
}

fn leadless(script: &Script, state: &Value, verdict: &mut Verdict) {
    for one in &script.leadless {
        let key = script.key(&one.contact);
        for row in rows(state, "Lead").chain(rows(state, "Contact")) {
            if text(row, "Intercom_Contact_ID__c") == key {
                verdict.converged = false;
                let expected = format!("nothing for {}: {}", one.contact, one.why);
                verdict.fail("no_record", expected, text(row, "Id").to_owned());
            }
        }
    }
}

impl Verdict {
    fn fail(&mut self, check: &'static str, expected: String, found: String) {
        self.failures.push(Failure::new(check, expected, found));
    }
}

fn rows<'a>(state: &'a Value, object: &str) -> impl Iterator<Item = &'a Value> {
    let rows = state["records"][object].as_array();
    rows.into_iter()
        .flatten()
        .filter(|row| row["IsDeleted"] != Value::Bool(true))
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}
