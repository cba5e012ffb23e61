//! Sales knows somebody whom Intercom does not: a rule makes the contact there, once.

use std::collections::BTreeMap;

use anyhow::ensure;
use serde_json::{Value, json};

use crate::demo::cast::MARGARET;
use crate::demo::chapters::sales::text;
use crate::demo::chapters::{CALM, all_fields, values};
use crate::demo::quiet::events;
use crate::demo::script::{Fields, Mirror, Origin, Record, Updates};
use crate::demo::story::Story;

const MARKER: &str = "crosswalk_created_from";

pub async fn is_made(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Sales invites somebody whom Intercom does not know: a rule makes the contact");
    let before = story.quiet(CALM).await?;
    let (mark, mark_intercom) = (story.salesforce_mark(), story.intercom_mark());
    let row = story.known_contact(json!({
        "FirstName": MARGARET.first, "LastName": MARGARET.last, "Email": MARGARET.email,
        "Phone": MARGARET.phone_e164, "Title": "Director of Software", "Department": "Pilot",
    }))?;
    let id = text(&row["Id"]);
    story.salesforce(&format!(
        "a rep enters the Contact {id}, {} <{}>, of the department Pilot",
        MARGARET.name, MARGARET.email
    ));
    let find = |story: &Story| made_from(story, &id);
    let contact = story.until("a contact in Intercom", find).await?;
    let contact = text(&contact["id"]);
    story.crosswalk("looks who in Intercom that could be, finds nobody, and creates a lead");
    for call in story.writes_to_intercom_since(mark_intercom) {
        let fields = values(&call.fields);
        story.intercom(&match (call.object.as_str(), call.applied) {
            ("contacts", true) => format!("lead {contact} stands: {fields}"),
            ("contacts", false) => "refuses her, for want of an attribute".to_owned(),
            _ => format!("an attribute is defined: {fields}"),
        });
    }
    expect(story, row, &contact);
    let key = json!(story.script.key(&contact));
    let linked = |story: &Story| {
        let rows = story.stage.rows("Contact");
        rows.into_iter()
            .find(|row| row["Id"] == id && row["Intercom_Contact_ID__c"] == key)
    };
    story.until("our key on the Contact", linked).await?;
    for call in story.writes_since(mark) {
        let (method, fields) = (&call.method, values(&call.fields));
        story.salesforce(&format!("{method} Contact {id}: {fields}"));
    }
    let after = story.quiet(CALM).await?;
    let created = |stats| events(stats, &["write_requested"]);
    ensure!(
        created(&after) > created(&before),
        "a contact was made without being asked for"
    );
    let contacts = story.stage.intercom.state()["contacts"].take();
    let contacts = contacts.as_array().cloned().unwrap_or_default();
    let hers = contacts.iter().filter(|one| one["email"] == MARGARET.email);
    story.intercom(&format!("{} contact with her address", hers.count()));
    Ok(())
}

/// The contact that bears the id of a record of Salesforce.
fn made_from(story: &Story, id: &str) -> Option<Value> {
    let state = story.stage.intercom.state();
    let mut contacts = state["contacts"].as_array()?.iter();
    let made = contacts.find(|contact| contact["custom_attributes"][MARKER] == id);
    made.cloned()
}

/// She stands in Intercom once, told of with one call more than a link takes at most.
fn expect(story: &mut Story, row: Value, contact: &str) {
    let key = json!(story.script.key(contact));
    let mut mirror = Mirror::new(contact);
    mirror.made = true;
    mirror.fields = Fields::from([
        ("role".to_owned(), json!("lead")),
        ("name".to_owned(), json!(MARGARET.name)),
        ("email".to_owned(), json!(MARGARET.email)),
        ("phone".to_owned(), json!(MARGARET.phone_e164)),
        (format!("custom_attributes.{MARKER}"), row["Id"].clone()),
        (
            "custom_attributes.job_title".to_owned(),
            row["Title"].clone(),
        ),
    ]);
    story.script.attributes.push(MARKER);
    story.script.records.push(Record {
        who: MARGARET.name.to_owned(),
        origin: Origin::Contact {
            id: text(&row["Id"]),
            before: all_fields(&row),
        },
        fields: BTreeMap::from([("Intercom_Contact_ID__c".to_owned(), key)]),
        updates: Updates::Exactly(vec![vec!["Intercom_Contact_ID__c"]]),
        refused: 0,
        mirrors: vec![mirror],
    });
}
