//! `crosswalk demo`: the story against two sandboxes.

/// Tell the whole story against two sandboxes; no accounts needed.
///
/// Starts a simulated Intercom and a simulated Salesforce on free local ports, runs crosswalk
/// between them, plays a day at work, and checks that both ended as they should.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  crosswalk demo\n  crosswalk demo --json | tail -n 1\n  \
                        crosswalk demo --serve"
)]
pub struct Arguments {
    /// Print the summary as one JSON object on the last line.
    #[arg(long)]
    pub json: bool,
    /// Keep everything running afterwards, and print addresses and curl lines.
    #[arg(long)]
    pub serve: bool,
}

pub fn run(_arguments: Arguments) -> anyhow::Result<()> {
    anyhow::bail!("the demo is not part of this build yet")
}
