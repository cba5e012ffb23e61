//! Speed: a crowd of leads qualifies, then their edits are timed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::demo::cast::Extra;
use crate::demo::chapters::CALM;
use crate::demo::latency::{Edit, Latency};
use crate::demo::script::{Mirror, Origin, Record, Updates, lead_fields};
use crate::demo::story::Story;

/// Edits follow each other at 20 a second.
const BETWEEN_EDITS: Duration = Duration::from_millis(50);
/// Longest wait for the crowd, and for the last edit.
const PATIENCE: Duration = Duration::from_secs(40);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// What the edits change.
const FIELD: &str = "Title";

/// One edit, prepared before the clock starts.
struct Prepared {
    act: Value,
    value: String,
}

pub async fn comes(story: &mut Story, contacts: u32, edits: u32) -> anyhow::Result<()> {
    story.voice.chapter(&format!(
        "Speed: {contacts} leads qualify, then {edits} edits are timed"
    ));
    story.extras = contacts;
    let crowd: Vec<Extra> = (0..contacts).map(Extra::numbered).collect();
    let mark = story.salesforce_mark();
    let ids = qualified(story, &crowd, edits).await?;
    created(story, mark, &crowd).await?;
    story.quiet(CALM).await?;
    let prepared = prepare(&ids, edits);
    story.intercom(&format!("{edits} edits follow, 20 a second"));
    let sent_mark = story
        .stage
        .intercom
        .deliveries()
        .last()
        .map_or(0, |one| one.n);
    let write_mark = story.salesforce_mark();
    let made = edit(story, &prepared).await?;
    story.quiet(CALM).await?;
    let sent = story.stage.intercom.deliveries_since(sent_mark);
    let received = story.writes_since(write_mark);
    story.latency = Latency::measure(&made, FIELD, &sent, &received);
    let shown = |percent| match story.latency.percentile_ms(percent) {
        Some(ms) => format!("{ms} ms"),
        None => "unknown".to_owned(),
    };
    story.crosswalk(&format!(
        "webhook sent to write received: half within {}, 99 of 100 within {}",
        shown(50),
        shown(99)
    ));
    Ok(())
}

/// Everybody writes in and is tagged; answers their ids.
async fn qualified(story: &mut Story, crowd: &[Extra], edits: u32) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::with_capacity(crowd.len());
    for (number, extra) in (0..).zip(crowd) {
        // The edits go round in turn: these are the numbers of this contact's own.
        let own: Vec<u32> = (number..edits).step_by(crowd.len()).collect();
        let lead = json!({
            "verb": "create_contact", "role": "lead", "name": extra.name(),
            "email": extra.email, "phone": extra.phone,
        });
        let acted = story.stage.intercom.act(lead)?;
        let id = acted["id"]
            .as_str()
            .context("a contact without an id")?
            .to_owned();
        story.script.records.push(expected(extra, &id, &own));
        ids.push(id);
    }
    for id in &ids {
        let tag = json!({"verb": "tag", "contact_id": id, "name": "qualified"});
        story.stage.intercom.act(tag)?;
    }
    story.intercom(&format!(
        "{} leads are tagged \"qualified\", all at once",
        ids.len()
    ));
    Ok(ids)
}

fn title(number: u32) -> String {
    format!("Engineer {number:05}")
}

fn expected(extra: &Extra, id: &str, edits: &[u32]) -> Record {
    let mut fields = lead_fields((extra.first, extra.last), &extra.email);
    fields.insert("Phone".to_owned(), json!(extra.phone));
    if let Some(last) = edits.last() {
        fields.insert(FIELD.to_owned(), json!(title(*last)));
    }
    let mut mirror = Mirror::new(id);
    mirror.calls_max += edits.len() as u64;
    Record {
        who: extra.email.clone(),
        origin: Origin::Lead {
            contacts: vec![id.to_owned()],
        },
        fields,
        updates: Updates::AtMost(edits.len() as u64, vec![FIELD]),
        refused: 0,
        mirrors: vec![mirror],
    }
}

/// Waits until everybody has a Lead.
async fn created(story: &mut Story, mark: u64, crowd: &[Extra]) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let addresses: BTreeSet<String> = story
            .writes_since(mark)
            .iter()
            .filter(|entry| entry.applied)
            .filter_map(|call| call.value("Email").map(str::to_owned))
            .collect();
        let count = addresses.len();
        if count >= crowd.len() {
            let seconds = begun.elapsed().as_secs_f64();
            story.salesforce(&format!("{count} Leads stand after {seconds:.1} s"));
            return Ok(());
        }
        story.stage.child.alive()?;
        if begun.elapsed() > PATIENCE {
            let seconds = PATIENCE.as_secs();
            bail!(
                "only {count} of {} Leads stand after {seconds} s",
                crowd.len()
            );
        }
        story
            .voice
            .progress(&format!("{count} of {} Leads", crowd.len()));
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn prepare(ids: &[String], edits: u32) -> Vec<Prepared> {
    let one = |number: u32| {
        let id = &ids[number as usize % ids.len()];
        let value = title(number);
        let set = json!({"custom_attributes": {"job_title": value}});
        let act = json!({"verb": "update_contact", "id": id, "set": set});
        Prepared { act, value }
    };
    (0..edits).map(one).collect()
}

/// Makes the edits at their times, whatever comes of them.
async fn edit(story: &mut Story, prepared: &[Prepared]) -> anyhow::Result<Vec<Edit>> {
    let mut made = Vec::with_capacity(prepared.len());
    let begun = tokio::time::Instant::now();
    for (number, edit) in prepared.iter().enumerate() {
        tokio::time::sleep_until(begun + BETWEEN_EDITS * number as u32).await;
        let acted = story.stage.intercom.act(edit.act.clone())?;
        let notification = acted["notifications"][0].as_str();
        made.push(Edit {
            notification: notification.context("an edit told nobody")?.to_owned(),
            value: edit.value.clone(),
        });
        if number % 20 == 0 {
            story.stage.child.alive()?;
            story
                .voice
                .progress(&format!("{number} of {} edits", prepared.len()));
        }
    }
    Ok(made)
}
