//! The process is killed in the middle of a burst, and started again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::demo::chapters::CALM;
use crate::demo::script::Origin;
use crate::demo::story::Story;

/// People of either side who are changed.
const EACH_SIDE: usize = 50;
/// After so many edits of each side it is killed.
const KILLED_AFTER: usize = 20;
const BETWEEN_EDITS: Duration = Duration::from_millis(10);

struct Edited {
    who: String,
    /// The record that is edited.
    id: String,
    there: String,
    title: String,
}

pub async fn in_a_burst(story: &mut Story) -> anyhow::Result<()> {
    story.voice.chapter(&format!(
        "The process is killed in the middle of {} edits: nothing is lost, nothing doubled",
        2 * EACH_SIDE
    ));
    let stats = story.quiet(CALM).await?;
    let (agents, reps) = edited(story);
    for one in &agents {
        story.script.update(&one.who, &[("Title", &one.title)]);
        let shown = [("custom_attributes.job_title", one.title.as_str())];
        story.script.mirrored(&one.who, 0, &shown);
    }
    for one in &reps {
        let title = one.title.as_str();
        let shown = [("custom_attributes.job_title", title)];
        story.script.sales(&one.who, &[("Title", title)], &shown);
    }
    story.intercom(&format!("{EACH_SIDE} job titles change, 100 a second"));
    story.salesforce(&format!("{EACH_SIDE} titles of other people, as fast"));
    for (number, (agents, reps)) in agents.iter().zip(&reps).enumerate() {
        let set = json!({"custom_attributes": {"job_title": agents.title}});
        let edit = json!({"verb": "update_contact", "id": agents.id, "set": set});
        story.stage.intercom.act(edit)?;
        let fields = json!({"Title": reps.title});
        let edit = json!({"verb": "update", "id": reps.id, "fields": fields});
        story.stage.salesforce.act(edit)?;
        if number == KILLED_AFTER {
            let down = Instant::now();
            story.killed(stats.clone()).await?;
            let ms = down.elapsed().as_millis();
            story.crosswalk(&format!(
                "is killed (SIGKILL), and ready again after {ms} ms"
            ));
        }
        tokio::time::sleep(BETWEEN_EDITS).await;
    }
    let all: Vec<(String, Value)> = agents
        .iter()
        .chain(&reps)
        .map(|one| (one.there.clone(), json!(one.title)))
        .collect();
    let arrived = |story: &Story| {
        let rows = story.stage.rows("Contact");
        let title = |id: &str| {
            rows.iter()
                .find(|row| row["Id"] == id)
                .map(|row| &row["Title"])
        };
        let all = all.iter().all(|(id, wanted)| title(id) == Some(wanted));
        all.then_some(())
    };
    story.until("every title in Salesforce", arrived).await?;
    story.quiet(CALM).await?;
    story.salesforce(&format!("holds all {} titles", all.len()));
    Ok(())
}

/// People of the past: some are edited here, others there.
fn edited(story: &Story) -> (Vec<Edited>, Vec<Edited>) {
    let known = story.script.records.iter().filter_map(|record| {
        let Origin::Contact { id, .. } = &record.origin else {
            return None;
        };
        let contact = record.mirrors.first()?.contact.clone();
        let old = record.who.contains(" of old ");
        old.then(|| (record.who.clone(), id.clone(), contact))
    });
    let mut all = known.enumerate().map(|(number, (who, there, contact))| {
        let side = number < EACH_SIDE;
        Edited {
            who,
            id: if side { contact } else { there.clone() },
            there,
            title: format!("Senior Computer {number}"),
        }
    });
    let agents = all.by_ref().take(EACH_SIDE).collect();
    (agents, all.take(EACH_SIDE).collect())
}
