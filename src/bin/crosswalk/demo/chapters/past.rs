//! The past: what both systems hold already is taken in, joined, and not overwritten.

use std::collections::BTreeMap;

use serde_json::json;

use crate::demo::chapters::{CALM, all_fields};
use crate::demo::past::{self, Joined};
use crate::demo::quiet::events;
use crate::demo::script::{Mirror, Origin, Record, Updates};
use crate::demo::story::Story;

pub async fn is_taken_in(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Both systems are full before crosswalk comes: an import joins them");
    let people = past::PEOPLE + 3;
    let companies = past::COMPANIES;
    story.intercom(&format!(
        "holds leads of years, and {companies} companies; sales knows some of them"
    ));
    story.salesforce(&format!(
        "holds Contacts, and {companies} Accounts in a tree of three levels; {people} people in all"
    ));
    let past = std::mem::take(&mut story.stage.past);
    for (contact, why) in &past.alone {
        story.script.nothing_for(contact, why);
    }
    story.script.review_items += 1;
    let joined = past.joined.len();
    for one in past.joined {
        let record = expected(story, one);
        story.script.records.push(record);
    }
    let told = story.stage.child.backfill().await?;
    let rows = &told["rows"];
    story.crosswalk(&format!("crosswalk backfill: {rows} rows, page by page"));
    let walked = |story: &Story| {
        let keys: Vec<String> = story.script.records.iter().flat_map(key_of).collect();
        let rows = story.stage.rows("Contact");
        let linked = rows.iter().filter(|row| {
            let key = row["Intercom_Contact_ID__c"].as_str().unwrap_or_default();
            keys.iter().any(|known| known == key)
        });
        (linked.count() == joined).then_some(())
    };
    story.until("everybody's key in Salesforce", walked).await?;
    let stats = story.quiet(CALM).await?;
    let links = events(&stats, &["record_linked"]);
    let companies = links.saturating_sub(joined as u64);
    story.crosswalk(&format!(
        "{joined} people stand on both sides: {} by their address, the rest by our key",
        joined - 40
    ));
    story.crosswalk(&format!(
        "{companies} companies are their accounts, by the governed key"
    ));
    story.salesforce("got telephone numbers where there were none; nothing that stood was changed");
    story.crosswalk("one address belongs to two Contacts: a review item, no guess");
    Ok(())
}

fn key_of(record: &Record) -> Option<String> {
    let key = record.fields.get("Intercom_Contact_ID__c")?.as_str()?;
    Some(key.to_owned())
}

/// Blanks are filled on both sides, and our key is written where there is none.
fn expected(story: &Story, one: Joined) -> Record {
    let key = story.script.key(&one.contact);
    let mut fields = BTreeMap::from([("Intercom_Contact_ID__c".to_owned(), json!(key))]);
    let mut updates = Vec::new();
    if let Some(phone) = &one.phone {
        fields.insert("Phone".to_owned(), json!(phone));
        updates.push(vec!["Phone", "Intercom_Contact_ID__c"]);
    }
    let mut mirror = Mirror::new(&one.contact);
    let title = one.row["Title"].clone();
    let shown = "custom_attributes.job_title".to_owned();
    mirror.fields.insert(shown, title);
    Record {
        who: one.who,
        origin: Origin::Contact {
            id: one.row["Id"].as_str().unwrap_or_default().to_owned(),
            before: all_fields(&one.row),
        },
        fields,
        updates: Updates::Exactly(updates),
        refused: 0,
        mirrors: vec![mirror],
    }
}
