//! The chapters, in the order in which they are told.

mod bad_days;
mod conversion;
mod crowd;
mod echoes;
mod growing;
mod invited;
mod killed;
mod matching;
mod past;
mod proof;
pub mod sales;
mod strangers;

use std::time::Duration;

use crate::demo::script::Fields;
use crate::demo::story::Story;

/// Long enough to say that a chapter is over; the end of the story waits longer.
const CALM: Duration = Duration::from_millis(250);

/// Plays the whole story.
pub async fn play(story: &mut Story, contacts: u32, edits: u32) -> anyhow::Result<()> {
    opening(story);
    past::is_taken_in(story).await?;
    growing::visitors_write(story).await?;
    growing::one_qualifies(story).await?;
    growing::she_changes_details(story).await?;
    growing::told_thrice_and_backwards(story).await?;
    matching::known_in_salesforce(story).await?;
    matching::two_at_once(story).await?;
    matching::which_of_two(story).await?;
    matching::without_an_address(story).await?;
    strangers::knock(story).await?;
    bad_days::happen(story).await?;
    sales::edits(story).await?;
    sales::both_at_once(story).await?;
    sales::a_person_decides(story).await?;
    echoes::come_back(story).await?;
    conversion::happens(story).await?;
    invited::is_made(story).await?;
    crowd::comes(story, contacts, edits).await?;
    killed::in_a_burst(story).await?;
    proof::rebuild(story).await
}

fn opening(story: &Story) {
    let stage = &story.stage;
    story
        .voice
        .plain("crosswalk, between a simulated Intercom and a simulated Salesforce");
    story.intercom(&format!("listens on {}", stage.intercom.base_url()));
    story.salesforce(&format!("listens on {}", stage.salesforce.base_url()));
    story.crosswalk(&format!("takes webhooks at {}", stage.child.webhooks));
    story.crosswalk(&format!("answers questions at {}", stage.child.admin));
}

/// The fields of a write as it was logged, with their values.
pub fn values(fields: &Fields) -> String {
    let shown = |(name, value): (&String, &serde_json::Value)| {
        let name = name.trim_start_matches("custom_attributes.");
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}={value}")
    };
    fields.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// Everything that a row holds.
fn all_fields(row: &serde_json::Value) -> Fields {
    row.as_object()
        .cloned()
        .unwrap_or_default()
        .into_iter()
        .collect()
}
