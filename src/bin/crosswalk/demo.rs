//! `crosswalk demo`: tells the whole story against two sandboxes, and proves that it holds.

mod admin;
mod cast;
mod chapters;
mod check;
mod child;
mod judge;
mod latency;
mod past;
mod privacy;
mod quiet;
mod script;
mod serve;
mod stage;
mod story;
mod summary;
mod voice;
mod workdir;

use anyhow::{Context, bail};

use crate::demo::stage::{Brokers, Stage};
use crate::demo::story::Story;
use crate::demo::summary::Summary;
use crate::demo::voice::Voice;
use crate::demo::workdir::Workdir;
use crate::signals::Signals;

const CONTACTS: u32 = 1_000;
const EDITS: u32 = 1_000;
/// What `--serve` plays unless told: somebody wants to look around, not to wait.
const SERVED: (u32, u32) = (40, 20);

/// Tell the whole story against two sandboxes; no accounts needed.
///
/// Starts a simulated Intercom and a simulated Salesforce on free local ports, runs crosswalk
/// between them, plays a day at work, and checks both systems against its own script. It ends
/// with 0 only if nothing was lost, nothing was written twice, and everything agrees.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  crosswalk demo\n  crosswalk demo --json | tail -n 1\n  \
                        crosswalk demo --serve\n  \
                        crosswalk demo --kafka 127.0.0.1:19092"
)]
pub struct Arguments {
    /// Print the summary as one JSON object on the last line; the story goes to standard error.
    #[arg(long)]
    pub json: bool,
    /// Keep everything running afterwards, and print addresses and curl lines.
    #[arg(long)]
    pub serve: bool,
    /// Keep the temporary directory: configuration, log, view, what the process logged.
    #[arg(long)]
    pub keep: bool,
    /// How many leads qualify before the speed is measured (1000).
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(8..=5_000))]
    pub contacts: Option<u32>,
    /// How many edits of each side the speed is measured with, 20 a second (1000).
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub edits: Option<u32>,
    /// Play it on these Kafka brokers instead of the embedded log, on topics of its own.
    #[arg(long, value_name = "HOST:PORT")]
    pub kafka: Option<String>,
    /// With this schema registry.
    #[arg(long, value_name = "URL", requires = "kafka")]
    pub registry: Option<String>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(play(&arguments));
    // Deliveries of a sandbox that still wait for a retry must not hold up the end.
    runtime.shutdown_background();
    done
}

async fn play(arguments: &Arguments) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let workdir = Workdir::make()?;
    let told = tokio::select! {
        told = tell(arguments, &workdir) => told,
        signal = signals.next() => {
            // Whoever watches has seen enough.
            workdir.leave(arguments.keep);
            bail!("{signal} ended the demo before its story did");
        }
    };
    let ended = match told {
        Ok((story, summary)) => end(arguments, story, summary, &mut signals).await,
        Err(error) => {
            if arguments.json {
                println!("{}", Summary::of_nothing(&error).json());
            }
            Err(error)
        }
    };
    workdir.leave(arguments.keep || ended.is_err());
    ended
}

async fn tell(arguments: &Arguments, workdir: &Workdir) -> anyhow::Result<(Story, Summary)> {
    let (contacts, edits) = match arguments.serve {
        true => SERVED,
        false => (CONTACTS, EDITS),
    };
    let contacts = arguments.contacts.unwrap_or(contacts);
    let edits = arguments.edits.unwrap_or(edits);
    let voice = Voice::new(arguments.json);
    let brokers = arguments.kafka.clone().map(|bootstrap| Brokers {
        bootstrap,
        registry: arguments.registry.clone(),
        prefix: workdir.prefix(),
    });
    if let Some(Brokers { prefix, .. }) = &brokers {
        eprintln!("the topics of this story begin with {prefix} and stay");
    }
    let stage = Stage::set(workdir, arguments.serve, brokers.as_ref()).await?;
    let mut story = Story::new(voice, stage);
    chapters::play(&mut story, contacts, edits).await?;
    let summary = judge::judge(&mut story).await?;
    summary.show(&story.voice);
    Ok((story, summary))
}

/// Serves if asked to, stops everything, and says whether all of it held.
async fn end(
    arguments: &Arguments,
    mut story: Story,
    summary: Summary,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    if arguments.serve {
        serve::serve(&mut story, signals).await?;
    }
    let summary = summary.with_end(story.stage.close().await);
    if arguments.json {
        println!("{}", summary.json());
    }
    match summary.failures.len() {
        0 => Ok(()),
        1 => bail!("one of the demo's checks failed"),
        failed => bail!("{failed} of the demo's checks failed"),
    }
}
