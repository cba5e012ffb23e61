//! A Lead becomes a Contact of an Account; the customer stays who they are.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::json;

use crate::demo::cast::KONRAD;
use crate::demo::chapters::CALM;
use crate::demo::chapters::echoes::contact_of;
use crate::demo::chapters::sales::{lead_id, text};
use crate::demo::script::{Origin, Record, Updates};
use crate::demo::story::Story;

pub async fn happens(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("The Lead is converted: the link moves on, the customer stays the same");
    let konrad = contact_of(story, &KONRAD)?;
    let lead = lead_id(story, &konrad)?;
    let before = customer(story, &konrad).await?;
    story.crosswalk(&format!("{} is {before}", KONRAD.name));
    let converted = story
        .stage
        .salesforce
        .act(json!({"verb": "convert_lead", "id": lead}))?;
    let id = text(&converted["contact_id"]);
    story.salesforce(&format!(
        "Lead {lead} becomes Contact {id} of Account {}",
        text(&converted["account_id"])
    ));
    expect(story, &konrad, &id);
    let key = json!(story.script.key(&konrad));
    let linked = |story: &Story| {
        let rows = story.stage.rows("Contact");
        rows.into_iter()
            .find(|row| row["Id"] == id && row["Intercom_Contact_ID__c"] == key)
    };
    story.until("our key on the Contact", linked).await?;
    story
        .until_attribute(&konrad, "SALESFORCE_OBJECT_TYPE", "Contact")
        .await?;
    story.until_attribute(&konrad, "SALESFORCE_ID", &id).await?;
    story.quiet(CALM).await?;
    let after = customer(story, &konrad).await?;
    ensure!(
        before == after,
        "the customer was {before} and became {after}"
    );
    story.crosswalk(&format!(
        "the Contact bears our key; the customer still is {after}"
    ));
    story.intercom(&format!(
        "SALESFORCE_OBJECT_TYPE is Contact, SALESFORCE_ID is {id}"
    ));
    Ok(())
}

/// The Lead is closed, and what it showed is now of the Contact.
fn expect(story: &mut Story, contact: &str, id: &str) {
    let key = story.script.key(contact);
    story
        .script
        .holds(KONRAD.name, &[("Status", "Closed - Converted")]);
    let records = &mut story.script.records;
    let lead = records.iter_mut().find(|record| record.who == KONRAD.name);
    let Some(lead) = lead else {
        return;
    };
    let mut mirrors = std::mem::take(&mut lead.mirrors);
    for mirror in &mut mirrors {
        // The two events of the conversion come one after the other.
        mirror.calls_max += 2;
    }
    let copied = ["FirstName", "LastName", "Email", "Title", "Phone"];
    let copied = copied.map(|name| (name.to_owned(), lead.fields[name].clone()));
    let mut fields = BTreeMap::from(copied);
    fields.insert("Intercom_Contact_ID__c".to_owned(), json!(key));
    records.push(Record {
        who: format!("{}, converted", KONRAD.name),
        origin: Origin::Contact {
            id: id.to_owned(),
            before: BTreeMap::new(),
        },
        fields,
        updates: Updates::Exactly(vec![vec!["Intercom_Contact_ID__c"]]),
        refused: 0,
        mirrors,
    });
}

/// The id of the customer that a contact is, as an operator would ask for it.
async fn customer(story: &Story, contact: &str) -> anyhow::Result<String> {
    let path = format!("/v1/identity?query={contact}");
    let answer = story.stage.admin.json(&path).await?;
    let customer = &answer["bridges"][0]["customers"][0]["customer_id"];
    let id = customer.as_str().map(str::to_owned);
    id.with_context(|| format!("nobody is known by {contact}"))
}
