//! Every write comes back. It is told from what others do, even within one transaction.

use anyhow::Context;
use serde_json::json;

use crate::demo::cast::{EDSGER, KONRAD, Person};
use crate::demo::chapters::CALM;
use crate::demo::chapters::sales::{lead_id, text};
use crate::demo::quiet::events;
use crate::demo::story::Story;

/// How late change events are while a rep is quicker than they are.
const LATE_MS: u64 = 600;

pub async fn come_back(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Every write comes back as a change: ours is suppressed, all else is not");
    automation(story).await?;
    form_of_its_own(story).await?;
    between_write_and_echo(story).await
}

/// A flow of the org changes another field in the transaction of our write.
async fn automation(story: &mut Story) -> anyhow::Result<()> {
    let konrad = contact_of(story, &KONRAD)?;
    let (title, status) = ("Engineer", "Working - Contacted");
    story.script.update(KONRAD.name, &[("Title", title)]);
    story.script.sales(KONRAD.name, &[("Status", status)], &[]);
    let flow = story.stage.salesforce.act(json!({
        "verb": "automation", "object": "Lead", "when_field": "Title",
        "set": {"Status": status}, "same_transaction": true,
    }))?;
    story.salesforce("an administrator: whose title changes is being worked on");
    let before = story.quiet(CALM).await?;
    story
        .edit(&konrad, json!({"custom_attributes": {"job_title": title}}))
        .await?;
    story.intercom(&format!("{}'s job title becomes {title}", KONRAD.name));
    story.until_field(&konrad, "Title", title).await?;
    story
        .until_attribute(&konrad, "SALESFORCE_STATUS", status)
        .await?;
    let after = story.quiet(CALM).await?;
    let echoes = |stats| events(stats, &["echo_suppressed"]);
    let suppressed = echoes(&after) - echoes(&before);
    story.crosswalk(&format!(
        "suppresses {suppressed} echoes; the status, set in the same transaction, is news"
    ));
    story.intercom(&format!("SALESFORCE_STATUS is {status}"));
    story
        .stage
        .salesforce
        .act(json!({"verb": "remove_automation", "id": flow["id"]}))?;
    Ok(())
}

/// The org stores a telephone number in another form than we wrote.
async fn form_of_its_own(story: &mut Story) -> anyhow::Result<()> {
    let konrad = contact_of(story, &KONRAD)?;
    let stored = "(415) 555-0148";
    story.script.update(KONRAD.name, &[("Phone", stored)]);
    story
        .script
        .mirrored(KONRAD.name, 0, &[("phone", KONRAD.phone_e164)]);
    story.script.accepted_forms += 1;
    let form =
        |how: &str| json!({"verb": "normalise", "object": "Lead", "field": "Phone", "how": how});
    story.stage.salesforce.act(form("phone"))?;
    let mark = story.salesforce_mark();
    story
        .edit(&konrad, json!({"phone": KONRAD.phone_e164}))
        .await?;
    story.intercom(&format!("his phone is {}", KONRAD.phone_e164));
    story.until_field(&konrad, "Phone", stored).await?;
    story.quiet(CALM).await?;
    let writes = story.writes_since(mark).len();
    story.salesforce(&format!("stores it as {stored}, after {writes} write call"));
    story.crosswalk("the same number in the org's own form: accepted, not fought");
    story.stage.salesforce.act(form("none"))?;
    Ok(())
}

/// A rep edits what we have just written, before its change event comes.
async fn between_write_and_echo(story: &mut Story) -> anyhow::Result<()> {
    let edsger = contact_of(story, &EDSGER)?;
    let lead = lead_id(story, &edsger)?;
    let (agents, reps) = ("Pathfinder", "Shortest Pathfinder");
    story.script.update(EDSGER.name, &[("Title", agents)]);
    let shown = [("custom_attributes.job_title", reps)];
    story.script.sales(EDSGER.name, &[("Title", reps)], &shown);
    let delay =
        |delay_ms: u64| json!({"verb": "pubsub_fault", "kind": "delay", "delay_ms": delay_ms});
    story.stage.salesforce.act(delay(LATE_MS))?;
    story
        .edit(&edsger, json!({"custom_attributes": {"job_title": agents}}))
        .await?;
    story.intercom(&format!("{}'s job title becomes {agents}", EDSGER.name));
    story.until_field(&edsger, "Title", agents).await?;
    story.sales_edit(&lead, json!({"Title": reps}))?;
    story.stage.salesforce.act(delay(0))?;
    story.salesforce(&format!(
        "a rep makes it {reps}, before our own change event has come"
    ));
    story.until_attribute(&edsger, "job_title", reps).await?;
    story.quiet(CALM).await?;
    let row = story.lead_of(&edsger).context("his Lead has vanished")?;
    story.crosswalk("suppresses the echo and takes the edit for what it is");
    story.intercom(&format!(
        "his job title is {}, as in Salesforce",
        text(&row["Title"])
    ));
    Ok(())
}

/// The Intercom contact of somebody who became a Lead.
pub fn contact_of(story: &Story, person: &Person) -> anyhow::Result<String> {
    let record = story
        .script
        .records
        .iter()
        .find(|one| one.who == person.name);
    let mirror = record.and_then(|record| record.mirrors.first());
    let contact = mirror.map(|mirror| mirror.contact.clone());
    contact.with_context(|| format!("{} has no contact in Intercom", person.name))
}
