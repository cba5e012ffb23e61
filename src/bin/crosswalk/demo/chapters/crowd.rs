//! Speed: a crowd of leads qualifies, then edits of both sides are timed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use crosswalk::sandbox::clock;
use serde_json::{Value, json};

use crate::demo::cast::Extra;
use crate::demo::chapters::CALM;
use crate::demo::chapters::sales::text;
use crate::demo::latency::{Edit, Latency, Told};
use crate::demo::script::{Mirror, Origin, Record, Updates, lead_fields};
use crate::demo::story::Story;

/// Edits of one side follow each other at 20 a second.
const BETWEEN_EDITS: Duration = Duration::from_millis(50);
/// Longest wait for the crowd, and for the last edit.
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// What the edits change, and where it arrives.
const FIELD: &str = "Title";
const SHOWN: &str = "custom_attributes.SALESFORCE_TITLE";

/// One pair of edits, prepared before the clock starts: two people, one on each side.
struct Prepared {
    in_intercom: Value,
    title: String,
    in_salesforce: Value,
    sales_title: String,
}

pub async fn comes(story: &mut Story, contacts: u32, edits: u32) -> anyhow::Result<()> {
    story.voice.chapter(&format!(
        "Speed: {contacts} leads qualify, then {edits} edits of each side are timed"
    ));
    story.extras = contacts;
    let crowd: Vec<Extra> = (0..contacts).map(Extra::numbered).collect();
    let mark = story.salesforce_mark();
    let ids = qualified(story, &crowd).await?;
    created(story, mark, &crowd).await?;
    story.quiet(CALM).await?;
    let owners = owners(story)?;
    let prepared = prepare(story, &ids, edits, &owners)?;
    for (number, (extra, id)) in (0..).zip(crowd.iter().zip(&ids)) {
        let record = expected(extra, id, number, (contacts, edits), &owners);
        story.script.records.push(record);
    }
    story.intercom(&format!("{edits} edits of job titles follow, 20 a second"));
    story.salesforce(&format!(
        "{edits} edits of title and owner, of other people, as fast"
    ));
    let deliveries = story.stage.intercom.deliveries();
    let sent_mark = deliveries.last().map_or(0, |one| one.n);
    let marks = (story.salesforce_mark(), story.intercom_mark());
    let (made, made_by_sales) = edit(story, &prepared).await?;
    story.quiet(CALM).await?;
    let sent = story.stage.intercom.deliveries_since(sent_mark);
    let received = story.writes_since(marks.0);
    story.latency = Latency::measure(&made, FIELD, &sent, &received);
    let received = story.writes_to_intercom_since(marks.1);
    story.latency_to_intercom = Latency::measure(&made_by_sales, SHOWN, &[], &received);
    for (way, latency) in [
        ("webhook sent to write received", &story.latency),
        (
            "change committed to write received",
            &story.latency_to_intercom,
        ),
    ] {
        let shown = |percent| match latency.percentile_ms(percent) {
            Some(ms) => format!("{ms} ms"),
            None => "unknown".to_owned(),
        };
        let (half, most) = (shown(50), shown(99));
        story.crosswalk(&format!(
            "{way}: half within {half}, 99 of 100 within {most}"
        ));
    }
    Ok(())
}

/// Everybody writes in and is tagged; answers their ids.
async fn qualified(story: &mut Story, crowd: &[Extra]) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::with_capacity(crowd.len());
    for extra in crowd {
        let lead = json!({
            "verb": "create_contact", "role": "lead", "name": extra.name(),
            "email": extra.email, "phone": extra.phone,
        });
        let acted = story.stage.intercom.act(lead)?;
        let id = acted["id"]
            .as_str()
            .context("a contact without an id")?
            .to_owned();
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

fn sales_title(number: u32) -> String {
    format!("Director {number:05}")
}

/// Whom the pair of edits of this number is about: never one person twice, and nobody again before
/// half of the crowd had their turn.
fn whom(number: u32, contacts: u32) -> (u32, u32) {
    (number % contacts, (number + contacts / 2) % contacts)
}

fn expected(
    extra: &Extra,
    id: &str,
    place: u32,
    (contacts, edits): (u32, u32),
    owners: &[String; 2],
) -> Record {
    let mut fields = lead_fields((extra.first, extra.last), &extra.email);
    fields.insert("Phone".to_owned(), json!(extra.phone));
    let mut mirror = Mirror::new(id);
    let mut updates = 0;
    for number in 0..edits {
        let (agents, reps) = whom(number, contacts);
        let title = if agents == place {
            updates += 1;
            title(number)
        } else if reps == place {
            let owner = &owners[number as usize % 2];
            fields.insert("OwnerId".to_owned(), json!(owner));
            sales_title(number)
        } else {
            continue;
        };
        mirror.calls_max += 1;
        mirror
            .fields
            .insert("custom_attributes.job_title".to_owned(), json!(title));
        fields.insert(FIELD.to_owned(), json!(title));
    }
    Record {
        who: extra.email.clone(),
        origin: Origin::Lead {
            contacts: vec![id.to_owned()],
        },
        fields,
        updates: Updates::AtMost(updates, vec![FIELD]),
        refused: 0,
        mirrors: vec![mirror],
    }
}

/// Two people in sales, who take the leads in turn.
fn owners(story: &Story) -> anyhow::Result<[String; 2]> {
    let users = story.stage.rows("User");
    let reps = users.iter().filter(|user| user["IsActive"] == true);
    let mut ids = reps.map(|user| text(&user["Id"]));
    let both = ids.next().zip(ids.next()).map(|(one, other)| [one, other]);
    both.context("sales has nobody to own the leads")
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

fn prepare(
    story: &Story,
    ids: &[String],
    edits: u32,
    owners: &[String; 2],
) -> anyhow::Result<Vec<Prepared>> {
    let leads = story.stage.rows("Lead");
    let keys: BTreeMap<String, String> = leads
        .iter()
        .map(|row| (text(&row["Intercom_Contact_ID__c"]), text(&row["Id"])))
        .collect();
    let one = |number: u32| {
        let (agents, reps) = whom(number, ids.len() as u32);
        let (title, sales_title) = (title(number), sales_title(number));
        let set = json!({"custom_attributes": {"job_title": title}});
        let key = story.script.key(&ids[reps as usize]);
        let lead = keys
            .get(&key)
            .context("somebody of the crowd has no Lead")?;
        let fields = json!({"Title": sales_title, "OwnerId": owners[number as usize % 2]});
        Ok(Prepared {
            in_intercom: json!({"verb": "update_contact", "id": ids[agents as usize], "set": set}),
            title,
            in_salesforce: json!({"verb": "update", "id": lead, "fields": fields}),
            sales_title,
        })
    };
    (0..edits).map(one).collect()
}

/// Makes the edits at their times, whatever comes of them: those of Intercom, those of sales.
async fn edit(story: &mut Story, prepared: &[Prepared]) -> anyhow::Result<(Vec<Edit>, Vec<Edit>)> {
    let (mut made, mut made_by_sales) = (Vec::new(), Vec::new());
    let begun = tokio::time::Instant::now();
    for (number, pair) in prepared.iter().enumerate() {
        let at = begun + BETWEEN_EDITS * number as u32;
        tokio::time::sleep_until(at).await;
        let acted = story.stage.intercom.act(pair.in_intercom.clone())?;
        let notification = acted["notifications"][0].as_str();
        let notification = notification.context("an edit told nobody")?.to_owned();
        made.push(Edit {
            told: Told::Notification(notification),
            value: pair.title.clone(),
        });
        tokio::time::sleep_until(at + BETWEEN_EDITS / 2).await;
        made_by_sales.push(Edit {
            told: Told::Commit(clock::now_ns()),
            value: pair.sales_title.clone(),
        });
        story.stage.salesforce.act(pair.in_salesforce.clone())?;
        if number % 20 == 0 {
            story.stage.child.alive()?;
            let progress = format!("{number} of {} edits of each side", prepared.len());
            story.voice.progress(&progress);
        }
    }
    Ok((made, made_by_sales))
}
