//! Remote systems have bad days: a token that expired, an outage, an answer that never came.

use crosswalk::sandbox::fault::{Kind, Rule};
use serde_json::json;

use crate::demo::cast::{ADA, EDSGER};
use crate::demo::chapters::CALM;
use crate::demo::story::Story;

pub async fn happen(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Salesforce has a bad day: nothing is lost, nothing is doubled");
    refused(
        story,
        Kind::Unauthorized,
        "the token has expired (401)",
        "First Programmer",
    )
    .await?;
    refused(
        story,
        Kind::ServerError,
        "out of service for a moment (503)",
        "Visionary",
    )
    .await?;
    silent(story).await
}

/// One update is refused for a reason that passes.
async fn refused(story: &mut Story, kind: Kind, what: &str, title: &str) -> anyhow::Result<()> {
    let ada = story.visitors[0].clone();
    story.stage.salesforce.add_fault(Rule {
        method: Some("PATCH".to_owned()),
        body_contains: Some(title.to_owned()),
        ..Rule::once(kind)
    })?;
    story.script.update(ADA.name, &[("Title", title)]);
    story.script.refuses(ADA.name);
    let mark = story.salesforce_mark();
    story
        .edit(&ada, json!({"custom_attributes": {"job_title": title}}))
        .await?;
    story.intercom(&format!("Ada's title becomes {title}"));
    story.until_field(&ada, "Title", title).await?;
    story.salesforce(what);
    story.crosswalk(&format!("what it did: {}", requests(story, mark)));
    story.quiet(CALM).await.map(|_| ())
}

/// A creation is carried out, and the answer never comes.
async fn silent(story: &mut Story) -> anyhow::Result<()> {
    let contact = story.new_lead(&EDSGER).await?;
    story.script.lead(&EDSGER, &[&contact]);
    story.stage.salesforce.add_fault(Rule {
        method: Some("PATCH".to_owned()),
        path_contains: Some("/sobjects/Lead/".to_owned()),
        body_contains: Some(EDSGER.email.to_owned()),
        delay_ms: Some(10_000),
        ..Rule::once(Kind::TimeoutAfterCommit)
    })?;
    let mark = story.salesforce_mark();
    story.qualify(&contact).await?;
    story.intercom(&format!("{} is tagged \"qualified\"", EDSGER.name));
    story.until_lead(&contact).await?;
    story.salesforce("creates the Lead, and then says nothing: the answer is lost");
    story.crosswalk("waits, gives up, and looks before it would repeat anything");
    story.quiet(CALM).await?;
    story.crosswalk(&format!("what it did: {}", requests(story, mark)));
    let leads = story.stage.rows("Lead");
    let his = leads
        .iter()
        .filter(|row| row["Email"] == EDSGER.email)
        .count();
    story.salesforce(&format!("{his} Lead with the address {}", EDSGER.email));
    Ok(())
}

/// The requests since a mark, in few words.
fn requests(story: &Story, mark: u64) -> String {
    let log = story.stage.salesforce.request_log_since(mark);
    let shown = log.iter().map(|entry| {
        let what = if entry.path.contains("/oauth2/") {
            "new token"
        } else if entry.path.contains("/query") {
            "look"
        } else if entry.method == "GET" {
            "read"
        } else {
            "write"
        };
        match (entry.fault.as_deref(), entry.status) {
            (Some("timeout_after_commit"), _) => format!("{what} (no answer)"),
            (Some(_), status) => format!("{what} ({status})"),
            (None, _) => what.to_owned(),
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}
