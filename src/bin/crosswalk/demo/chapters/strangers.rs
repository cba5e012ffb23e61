//! Strangers at the door: what nobody signed is refused, what nobody knows is set aside.

use anyhow::bail;
use serde_json::{Value, json};

use crate::demo::cast::{ADA, APP_ID, STRANGER_APP_ID};
use crate::demo::chapters::CALM;
use crate::demo::quiet::observations;
use crate::demo::story::Story;

pub async fn knock(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Strangers at the door: refused, or set aside for a person");
    let before = observations(&story.quiet(CALM).await?);
    for (signature, how) in [
        ("none", "without a signature"),
        ("bad", "with a wrong signature"),
    ] {
        let status = post(story, APP_ID, signature).await?;
        story.intercom(&format!("somebody posts a notification {how}"));
        story.crosswalk(&format!("answers {status}"));
        story.script.refused_posts += 1;
    }
    let after = observations(&story.quiet(CALM).await?);
    if after != before {
        bail!("{before} observations before the refused posts, {after} after them");
    }
    story.crosswalk("kept nothing of that");
    let status = post(story, STRANGER_APP_ID, "valid").await?;
    story.intercom("a well signed notification comes from a workspace that nobody configured");
    story.script.dead_letters += 1;
    story.quiet(CALM).await?;
    let letters = story.stage.child.tail("dead-letters").await?;
    let newest = letters.last().cloned().unwrap_or_default();
    let text = |name: &str| {
        newest["body"][name]
            .as_str()
            .unwrap_or("unknown")
            .to_owned()
    };
    story.crosswalk(&format!(
        "answers {status} and keeps its bytes as a dead letter: {}; {}",
        text("reason"),
        text("hint")
    ));
    Ok(())
}

/// Posts what would rename Ada, and answers the status.
async fn post(story: &mut Story, app_id: &str, signature: &str) -> anyhow::Result<u16> {
    let ada = story.visitors[0].clone();
    let raw = json!({
        "verb": "send_raw",
        "signature": signature,
        "body": notification(app_id, &ada),
    });
    let sent = story.stage.intercom.act(raw)?;
    let id = sent["id"].as_str().unwrap_or_default().to_owned();
    let answered = |story: &Story| {
        let deliveries = story.stage.intercom.deliveries();
        deliveries
            .iter()
            .find(|one| one.notification_id == id)?
            .status
    };
    story.until("an answer to a post", answered).await
}

fn notification(app_id: &str, contact: &str) -> Value {
    json!({
        "type": "notification_event",
        "app_id": app_id,
        "data": {"type": "notification_event_data", "item": {
            "type": "contact", "id": contact, "role": "lead", "name": "Mallory",
            "email": ADA.email, "created_at": "2026-01-10T04:41:59.251+00:00",
            "updated_at": "2099-01-10T04:41:59.251+00:00",
            "custom_attributes": {"job_title": "Impostor"},
        }},
        "id": format!("notif_00000000-0000-4000-8000-{app_id:0>12}"),
        "topic": "contact.lead.updated",
        "delivery_status": "pending",
        "delivery_attempts": 1,
        "delivered_at": 0,
        "first_sent_at": 1_768_020_119,
        "created_at": 1_768_020_119,
        "self": null,
    })
}
