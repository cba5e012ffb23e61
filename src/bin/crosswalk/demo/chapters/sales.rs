//! Sales changes something: Intercom follows. Both sides change one field at the same moment: a
//! policy decides, or a person does.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};

use crate::demo::cast::{ADA, CHARLES, GRACE};
use crate::demo::chapters::CALM;
use crate::demo::quiet::events;
use crate::demo::story::{LOOK_AGAIN, PATIENCE, Story};

const JOB_TITLE: &str = "custom_attributes.job_title";
/// Long enough that what two people do at one moment crosses on its way, and that our own write
/// falls into a later second than theirs: Intercom tells no more than seconds.
const SLOW_MS: u64 = 1_300;
/// So that what comes now falls into a later second than our last write.
const A_SECOND: Duration = Duration::from_millis(1_100);

pub async fn edits(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Sales changes title and owner: what Intercom shows of them follows");
    let ada = story.visitors[0].clone();
    let lead = lead_id(story, &ada)?;
    let (owner, owner_name) = another_owner(story, &lead)?;
    let title = "Head of Programming";
    let set = [("Title", title), ("OwnerId", owner.as_str())];
    story.script.sales(ADA.name, &set, &[(JOB_TITLE, title)]);
    let mark = story.intercom_mark();
    story.sales_edit(&lead, json!({"Title": title, "OwnerId": owner}))?;
    story.salesforce(&format!(
        "an account executive: title {title}, owner {owner_name}"
    ));
    story
        .until_attribute(&ada, "SALESFORCE_TITLE", title)
        .await?;
    story
        .until_attribute(&ada, "SALESFORCE_OWNER_NAME", &owner_name)
        .await?;
    story.show_intercom_writes(mark);
    story.quiet(CALM).await.map(|_| ())
}

pub async fn both_at_once(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Both sides change one field at the same moment: its policy decides");
    let ada = story.visitors[0].clone();
    let lead = lead_id(story, &ada)?;
    let (agents, reps) = ("Mathematician", "Director of Engines");
    story.script.conflicts += 1;
    story
        .script
        .sales(ADA.name, &[("Title", reps)], &[(JOB_TITLE, reps)]);
    let before = story.quiet(CALM).await?;
    slow(story, true).await?;
    story
        .edit(&ada, json!({"custom_attributes": {"job_title": agents}}))
        .await?;
    story.sales_edit(&lead, json!({"Title": reps}))?;
    story.intercom(&format!("a support agent makes her job title {agents}"));
    story.salesforce(&format!("a rep makes her title {reps}, at the same moment"));
    story.until_attribute(&ada, "job_title", reps).await?;
    slow(story, false).await?;
    let after = story.quiet(CALM).await?;
    let count = |stats| events(stats, &["conflict_decided"]);
    anyhow::ensure!(
        count(&after) == count(&before) + 1,
        "no conflict was recorded, although two people changed one field at once"
    );
    let journal = story.stage.child.tail_personal("journal").await?;
    let decided = journal
        .iter()
        .rfind(|entry| entry["kind"] == "conflict_decided");
    let body = &decided.context("the journal holds no conflict")?["body"];
    story.crosswalk(&format!(
        "a conflict about {}, decided by {}",
        text(&body["field"]),
        text(&body["policy"])
    ));
    for (what, claim) in [("keeps", &body["kept"]), ("passes over", &body["lost"])] {
        let (value, record) = (text(&claim["value"]), text(&claim["record"]));
        story.crosswalk(&format!("  {what} {value:?} of {record}"));
    }
    Ok(())
}

pub async fn a_person_decides(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("The same again, of a field whose conflicts are for a person to decide");
    let record = story
        .script
        .records
        .iter()
        .find(|one| one.who == GRACE.name);
    let mirror = record.and_then(|record| record.mirrors.first());
    let contact = mirror
        .context("Grace has no contact in Intercom")?
        .contact
        .clone();
    let key = json!(story.script.key(&contact));
    let rows = story.stage.rows("Contact");
    let row = rows.iter().find(|row| row["Intercom_Contact_ID__c"] == key);
    let id = text(&row.context("Grace's Contact has vanished")?["Id"]);
    let (agents, reps) = ("Premium", "Enterprise");
    story.script.conflicts += 1;
    story.script.review_items += 1;
    story
        .script
        .update(GRACE.name, &[("Support_Tier__c", agents)]);
    let shown = [("custom_attributes.support_tier", agents)];
    story.script.mirrored(GRACE.name, 0, &shown);
    slow(story, true).await?;
    story
        .edit(
            &contact,
            json!({"custom_attributes": {"support_tier": agents}}),
        )
        .await?;
    story.sales_edit(&id, json!({"Support_Tier__c": reps}))?;
    story.intercom(&format!(
        "a support agent promises {} the tier {agents}",
        GRACE.name
    ));
    story.salesforce(&format!("a rep sells {reps}, at the same moment"));
    let item = question(story, "custom_attributes.support_tier").await?;
    slow(story, false).await?;
    story.quiet(CALM).await?;
    let held = text(&story.contact(&contact)["custom_attributes"]["support_tier"]);
    anyhow::ensure!(
        held == agents,
        "Intercom shows {held:?} although nobody has decided yet"
    );
    let review = text(&item["review"]);
    story.crosswalk(&format!("review item {review}, and both values:"));
    for claim in item["claims"].as_array().into_iter().flatten() {
        let (value, record) = (text(&claim["value"]), text(&claim["record"]));
        story.crosswalk(&format!("  {value:?} of {record}"));
    }
    let keep = format!("support/contact/{contact}");
    let answer = json!({"by": CHARLES.name, "answer": "keep", "record": keep});
    story
        .stage
        .admin
        .post(&format!("/v1/reviews/{review}"), &answer)
        .await?;
    story.crosswalk(&format!(
        "{} decides: what support has promised",
        CHARLES.name
    ));
    let find = |story: &Story| {
        let rows = story.stage.rows("Contact");
        rows.into_iter()
            .find(|row| row["Id"] == id && row["Support_Tier__c"] == agents)
    };
    story.until("the decided tier in Salesforce", find).await?;
    story
        .until_attribute(&contact, "support_tier", agents)
        .await?;
    story.salesforce(&format!(
        "Contact {id} has the tier {agents}, as has Intercom"
    ));
    story.quiet(CALM).await.map(|_| ())
}

/// The open review item about a field.
async fn question(story: &mut Story, field: &str) -> anyhow::Result<Value> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        story.stage.child.alive()?;
        let open = story.stage.admin.json("/v1/reviews").await?;
        let mut open = open["reviews"].as_array().into_iter().flatten();
        if let Some(item) = open.find(|item| item["field"] == field) {
            return Ok(item.clone());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    anyhow::bail!("the story stopped: nobody is asked about {field}")
}

/// News of both systems takes its time from now on, or what was held back comes.
async fn slow(story: &Story, on: bool) -> anyhow::Result<()> {
    if on {
        tokio::time::sleep(A_SECOND).await;
    }
    let hold = match on {
        true => json!({"verb": "hold_deliveries", "on": true}),
        false => json!({"verb": "release_deliveries"}),
    };
    story.act(hold).await?;
    let delay_ms = if on { SLOW_MS } else { 0 };
    let delay = json!({"verb": "pubsub_fault", "kind": "delay", "delay_ms": delay_ms});
    story.stage.salesforce.act(delay)?;
    Ok(())
}

/// The id of a contact's Lead.
pub fn lead_id(story: &Story, contact: &str) -> anyhow::Result<String> {
    let lead = story.lead_of(contact).context("the Lead has vanished")?;
    Ok(text(&lead["Id"]))
}

/// Somebody in sales who does not own the record yet: id and name.
fn another_owner(story: &Story, lead: &str) -> anyhow::Result<(String, String)> {
    let rows = story.stage.rows("Lead");
    let owner = rows
        .iter()
        .find(|row| row["Id"] == lead)
        .map(|row| row["OwnerId"].clone());
    let users = story.stage.rows("User");
    let other = |user: &&Value| {
        let sells = user["UserRoleId"].is_string() && user["IsActive"] == true;
        sells && Some(&user["Id"]) != owner.as_ref()
    };
    let user = users
        .iter()
        .find(other)
        .context("nobody else is in sales")?;
    Ok((text(&user["Id"]), text(&user["Name"])))
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
