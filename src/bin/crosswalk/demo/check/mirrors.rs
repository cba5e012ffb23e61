//! What Intercom must show of each person, as it follows from what stands in Salesforce.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::demo::check::calls::Call;
use crate::demo::check::{Evidence, Verdict, rows, rows_of, text};
use crate::demo::script::{Fields, Mirror, Record, Script};

/// Where attributes are defined.
const ATTRIBUTES: &str = "data_attributes";

/// Attributes that show a field of the record under another name.
const SHOWN: [(&str, &str); 3] = [
    ("SALESFORCE_TITLE", "Title"),
    ("SALESFORCE_OWNER_ID", "OwnerId"),
    ("SALESFORCE_ID", "Id"),
];

/// What only a new contact is told of.
const OF_A_NEW_CONTACT: [&str; 4] = ["role", "name", "email", "unsubscribed_from_emails"];

/// Shown of a Lead; a Contact has none, and what the Lead had may stay.
const STATUS: &str = "SALESFORCE_STATUS";

/// Holds the contacts, and the calls that wrote them, against the script.
pub fn check(script: &Script, evidence: &Evidence<'_>, calls: &[Call], verdict: &mut Verdict) {
    let mut allowed: BTreeMap<&str, (&str, u64, BTreeSet<String>)> = BTreeMap::new();
    for record in &script.records {
        let rows = rows_of(script, record, evidence.salesforce);
        for mirror in &record.mirrors {
            let mut wanted = match rows.first() {
                Some(row) => shown(row, evidence.salesforce),
                None => Fields::new(),
            };
            wanted.extend(mirror.fields.clone());
            values(record, mirror, &wanted, evidence.intercom, verdict);
            let mut names: BTreeSet<String> = wanted.into_keys().collect();
            names.insert(format!("custom_attributes.{STATUS}"));
            if mirror.made {
                names.extend(OF_A_NEW_CONTACT.map(str::to_owned));
            }
            let contact = mirror.contact.as_str();
            allowed.insert(contact, (&record.who, mirror.calls_max, names));
        }
    }
    let (definitions, calls): (Vec<&Call>, Vec<&Call>) = calls
        .iter()
        .partition(|call| call.object == ATTRIBUTES || is_refused_creation(call));
    attributes(script, &definitions, verdict);
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for call in calls {
        let known = allowed.get(call.target.as_str());
        let Some((who, calls_max, names)) = known.filter(|_| call.object == "contacts") else {
            verdict.duplicate_writes += 1;
            let expected = "no write call to Intercom outside the script".to_owned();
            let found = format!("{} {} {:?}", call.object, call.target, call.names());
            verdict.fail("intercom_calls", expected, found);
            continue;
        };
        let count = counts.entry(call.target.as_str()).or_default();
        *count += 1;
        if *count > *calls_max {
            verdict.duplicate_writes += 1;
            let expected = format!("{who}: at most {calls_max} write calls to Intercom");
            verdict.fail(
                "intercom_calls",
                expected,
                format!("{count}: {:?}", call.fields),
            );
        }
        let strange: Vec<&str> = call
            .names()
            .into_iter()
            .filter(|n| !names.contains(*n))
            .collect();
        if !strange.is_empty() {
            let expected = format!("{who}: only attributes that the script knows");
            verdict.fail("intercom_fields", expected, strange.join(", "));
        }
    }
}

fn is_refused_creation(call: &Call) -> bool {
    call.object == "contacts" && call.target.is_empty() && !call.applied
}

/// The attributes that were missing were defined, once each, after Intercom had refused one write
/// for want of it.
fn attributes(script: &Script, calls: &[&Call], verdict: &mut Verdict) {
    let wanted: Vec<&str> = script
        .attributes
        .iter()
        .flat_map(|name| ["refused", name])
        .collect();
    let what = |call: &&Call| match is_refused_creation(call) {
        true => "refused".to_owned(),
        false => call.value("name").unwrap_or_default().to_owned(),
    };
    let found: Vec<String> = calls.iter().map(what).collect();
    if found != wanted {
        verdict.duplicate_writes += (found.len() as u64).saturating_sub(wanted.len() as u64);
        verdict.lost += (wanted.len() as u64).saturating_sub(found.len() as u64);
        let expected = format!("attributes are defined: {wanted:?}");
        verdict.fail("attributes", expected, format!("{found:?}"));
    }
}

/// What a contact shows of a record, by name as in a write.
fn shown(row: &Value, state: &Value) -> Fields {
    let id = text(row, "Id");
    let is_lead = id.starts_with("00Q");
    let mut shown = Fields::new();
    let mut put = |name: &str, value: Value| {
        shown.insert(format!("custom_attributes.{name}"), value);
    };
    for (name, field) in SHOWN {
        put(name, row[field].clone());
    }
    put(
        "SALESFORCE_OBJECT_TYPE",
        json!(if is_lead { "Lead" } else { "Contact" }),
    );
    if is_lead {
        put(STATUS, row["Status"].clone());
    }
    let of = |object: &str, id: &str| rows(state, object).find(|row| text(row, "Id") == id);
    let owner = text(row, "OwnerId");
    let owner = of("User", owner).or_else(|| of("Group", owner));
    let role = owner.and_then(|owner| of("UserRole", text(owner, "UserRoleId")));
    let named = |row: Option<&Value>, name: &str| row.map_or(Value::Null, |row| row[name].clone());
    put("SALESFORCE_OWNER_NAME", named(owner, "Name"));
    put("SALESFORCE_OWNER_EMAIL", named(owner, "Email"));
    put("SALESFORCE_OWNER_ROLE", named(role, "Name"));
    shown
}

/// The contact shows every value.
fn values(record: &Record, mirror: &Mirror, wanted: &Fields, state: &Value, verdict: &mut Verdict) {
    let contacts = state["contacts"].as_array();
    let mut contacts = contacts.into_iter().flatten();
    let contact = contacts.find(|contact| text(contact, "id") == mirror.contact);
    let contact = contact.unwrap_or(&Value::Null);
    for (name, wanted) in wanted {
        let found = match name.strip_prefix("custom_attributes.") {
            Some(custom) => &contact["custom_attributes"][custom],
            None => &contact[name.as_str()],
        };
        if found != wanted {
            verdict.lost += 1;
            verdict.converged = false;
            let expected = format!("{}: {name} = {wanted} in Intercom", record.who);
            verdict.fail("attribute_value", expected, found.to_string());
        }
    }
}
