//! The proof that the view is nothing but what the journal says.

use crate::demo::chapters::CALM;
use crate::demo::story::Story;

pub async fn rebuild(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Proof: the view is rebuilt from the journal and is the same");
    story.quiet(CALM).await?;
    let answer = story.stage.admin.json("/v1/digest").await?;
    let view = answer["partitions"][0]["digest"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let rebuilt = story.stage.child.verify().await?;
    story.crosswalk(&format!("view     {view}"));
    story.crosswalk(&format!("rebuild  {rebuilt}"));
    story.digests = (view, rebuilt);
    Ok(())
}
