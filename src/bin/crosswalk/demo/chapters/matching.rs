//! Who is who: known people are linked, twins are joined, doubt goes to a person, and who has no
//! address waits.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::demo::cast::{ALAN, CHARLES, GRACE, JOAN, KONRAD};
use crate::demo::chapters::{CALM, all_fields, values};
use crate::demo::quiet::events;
use crate::demo::script::{Fields, Mirror, Origin, Record, Updates};
use crate::demo::story::Story;

pub async fn known_in_salesforce(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Salesforce knows her already: linked, not doubled, only blanks filled");
    let row = story.known_contact(json!({
        "FirstName": GRACE.first, "LastName": GRACE.last, "Email": GRACE.email,
        "Phone": GRACE.phone,
    }))?;
    let id = row["Id"].as_str().unwrap_or_default().to_owned();
    story.salesforce(&format!(
        "has the Contact {} <{}>, without a title",
        GRACE.name, GRACE.email
    ));
    story.quiet(CALM).await?;
    let lead = json!({
        "verb": "create_contact", "role": "lead", "name": "Amazing Grace",
        "email": GRACE.email, "phone": "+1 415 555 0199",
        "custom_attributes": {"job_title": "Rear Admiral"},
    });
    let contact = story.act(lead).await?;
    story.intercom("a lead with that address calls herself Amazing Grace, Rear Admiral");
    let key = story.script.key(&contact);
    story.script.records.push(Record {
        who: GRACE.name.to_owned(),
        origin: Origin::Contact {
            id: id.clone(),
            before: all_fields(&row),
        },
        fields: BTreeMap::from([
            ("Title".to_owned(), json!("Rear Admiral")),
            ("Intercom_Contact_ID__c".to_owned(), json!(key)),
        ]),
        updates: Updates::Exactly(vec![vec!["Title", "Intercom_Contact_ID__c"]]),
        refused: 0,
        mirrors: vec![Mirror::new(&contact)],
    });
    let mark = story.salesforce_mark();
    story.qualify(&contact).await?;
    let key = json!(key);
    let linked = |story: &Story| {
        let rows = story.stage.rows("Contact");
        rows.into_iter()
            .find(|row| row["Intercom_Contact_ID__c"] == key)
    };
    let row = story.until("a link to the known Contact", linked).await?;
    story.crosswalk("the same address: this is one customer, no Lead is needed");
    for entry in story.writes_since(mark) {
        story.salesforce(&format!(
            "{} Contact {id}: {}",
            entry.method,
            values(&entry.fields)
        ));
    }
    let kept = format!("{} {}, {}", row["FirstName"], row["LastName"], row["Phone"]);
    story.salesforce(&format!(
        "kept what sales had written: {}",
        kept.replace('"', "")
    ));
    story.quiet(CALM).await.map(|_| ())
}

pub async fn two_at_once(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Two leads, one address, the same moment: one Lead");
    let before = story.quiet(CALM).await?;
    let first = story.new_lead(&CHARLES).await?;
    let second = story.new_lead(&CHARLES).await?;
    story.intercom(&format!(
        "{} wrote twice, from two browsers: two leads",
        CHARLES.name
    ));
    story.script.lead(&CHARLES, &[&first, &second]);
    let tag = |contact: &str| json!({"verb": "tag", "contact_id": contact, "name": "qualified"});
    // Not `qualify`: no moment passes between the two.
    story.stage.intercom.act(tag(&first))?;
    story.stage.intercom.act(tag(&second))?;
    story.intercom("both are tagged \"qualified\" at once");
    let find = |story: &Story| story.lead_of(&first).or_else(|| story.lead_of(&second));
    story.until("one Lead for both", find).await?;
    let after = story.quiet(CALM).await?;
    let leads = story.stage.rows("Lead");
    let his = leads
        .iter()
        .filter(|row| row["Email"] == CHARLES.email)
        .count();
    let deferred = |stats| events(stats, &["link_deferred"]);
    // Where the first was answered before the second was heard of, there was nothing to wait for.
    let how = match deferred(&after) > deferred(&before) {
        true => "the second waited for the answer to the first, and joined it",
        false => "the second came when the first had its Lead, and joined it",
    };
    story.crosswalk(how);
    story.salesforce(&format!("{his} Lead with the address {}", CHARLES.email));
    Ok(())
}

pub async fn which_of_two(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Two Contacts with one address: a person decides, nothing is guessed");
    for person in [JOAN, ALAN] {
        let row = story.known_contact(json!({
            "FirstName": person.first, "LastName": person.last, "Email": person.email,
        }))?;
        story.script.records.push(Record {
            who: person.name.to_owned(),
            origin: Origin::Contact {
                id: row["Id"].as_str().unwrap_or_default().to_owned(),
                before: all_fields(&row),
            },
            fields: Fields::new(),
            updates: Updates::Exactly(Vec::new()),
            refused: 0,
            mirrors: Vec::new(),
        });
    }
    // Sales has had both for long: that is known before anybody writes.
    story.quiet(CALM).await?;
    let (joan, alan, email) = (JOAN.name, ALAN.name, JOAN.email);
    story.salesforce(&format!("{joan} and {alan} share the address {email}"));
    let contact = story.new_lead(&JOAN).await?;
    story.intercom("a lead with that address is tagged \"qualified\"");
    story.script.nothing_for(&contact, "two Contacts match");
    story.script.review_items += 1;
    story.qualify(&contact).await?;
    let stats = story.quiet(CALM).await?;
    let items = stats["reviews"]["main"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for item in &items {
        let candidates = item["candidates"].as_array().cloned().unwrap_or_default();
        let names = candidates.iter().filter_map(Value::as_str);
        story.crosswalk(&format!(
            "review item {}: {} at {}, candidates {}",
            item["review"].as_str().unwrap_or_default(),
            item["reason"].as_str().unwrap_or_default(),
            item["record"].as_str().unwrap_or_default(),
            names.collect::<Vec<_>>().join(" and ")
        ));
    }
    story.salesforce("no new Lead; neither Contact was touched");
    Ok(())
}

pub async fn without_an_address(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Qualified without an address: it waits, and goes on when one comes");
    let lead = json!({"verb": "create_contact", "role": "lead", "name": KONRAD.name});
    let contact = story.act(lead).await?;
    story.qualify(&contact).await?;
    story.intercom(&format!(
        "{} is tagged \"qualified\", but left no address",
        KONRAD.name
    ));
    story.quiet(CALM).await?;
    let notes = story.stage.child.tail("notifications").await?;
    let about = |note: &&Value| {
        let text = note["body"]["text"].as_str().unwrap_or_default();
        note["body"]["what"] == "record_waiting" && text.contains(&contact)
    };
    match notes.iter().find(about) {
        Some(note) => {
            let text = note["body"]["text"].as_str().unwrap_or_default();
            story.crosswalk(&format!("notification: {text}"));
        }
        None => anyhow::bail!("no notification says that the contact {contact} waits"),
    }
    let none = story.lead_of(&contact).is_none();
    story.salesforce(if none {
        "no Lead yet"
    } else {
        "a Lead, although nobody can write to it"
    });
    story.script.lead(&KONRAD, &[&contact]);
    story.edit(&contact, json!({"email": KONRAD.email})).await?;
    story.intercom(&format!("he leaves his address: {}", KONRAD.email));
    let row = story.until_lead(&contact).await?;
    let id = row["Id"].as_str().unwrap_or_default();
    story.salesforce(&format!("Lead {id} stands for {}", KONRAD.name));
    story.quiet(CALM).await.map(|_| ())
}
