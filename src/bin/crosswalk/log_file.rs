//! `crosswalk log`: a whole installation in one file, and that file on Kafka.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, Subcommand};
use crosswalk::config::{Config, Log};
use crosswalk::domain::Topic;
use crosswalk::log::KafkaLog;
use crosswalk::log::topics::spec;
use crosswalk::log::transfer;

use crate::open_log::{self, kafka_options, partitions};

/// Move an installation from the embedded log to Kafka.
///
/// Stop crosswalk, export its log to a file, make the topics (crosswalk topics apply), import the
/// file, and start with the new configuration: every role goes on where it stood, and the view has
/// the digest that it had.
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:\n  crosswalk log export --config embedded.yaml crosswalk.export\n  \
                  crosswalk topics apply --config kafka.yaml\n  \
                  crosswalk log import --config kafka.yaml crosswalk.export\n  \
                  crosswalk verify --config kafka.yaml"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write every entry of the log, and where each group stands, to a file: an Avro object
    /// container. Nothing may run on the log meanwhile; whoever writes then is noticed.
    Export(Asked),
    /// Fill empty topics from such a file.
    Import(Asked),
}

#[derive(Args)]
struct Asked {
    /// The configuration file; the log that it names is meant.
    #[arg(long, default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// The file of the export. It holds whatever customers' records hold.
    file: PathBuf,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Export(asked) => export(&asked),
        Command::Import(asked) => import(&asked),
    }
}

fn export(asked: &Asked) -> anyhow::Result<()> {
    let file = asked.file.display();
    if asked.file.exists() {
        bail!("{file} exists already; name another file");
    }
    let folder = asked.file.parent().filter(|path| *path != Path::new(""));
    if asked.file.to_string_lossy().ends_with('/') || folder.is_some_and(|path| !path.is_dir()) {
        bail!("{file} is no file in a folder that is there");
    }
    let config = Config::load(&asked.config)?;
    let log = open_log::beside(&config)?;
    open_log::check_partitions(&config)?;
    let moved = transfer::export(log.as_ref(), partitions(&config), &asked.file, say)?;
    println!(
        "{} entries in {}; do not start this log again once the file is imported",
        moved.values().sum::<u64>(),
        asked.file.display()
    );
    Ok(())
}

fn import(asked: &Asked) -> anyhow::Result<()> {
    let config = Config::load(&asked.config)?;
    let Log::Kafka(kafka) = &config.log else {
        bail!("an import fills topics on Kafka; set log.kafka.bootstrap in the configuration");
    };
    let log = KafkaLog::open(kafka_options(&config, kafka))?;
    let bridge = |name: &str| {
        let mut bridges = config.bridges.iter();
        let found = bridges.find(|(id, _)| id.as_str() == name);
        found.map(|(_, bridge)| bridge.partition)
    };
    let moved = transfer::import(&asked.file, &log, partitions(&config), bridge, say)?;
    println!("{} entries imported", moved.values().sum::<u64>());
    Ok(())
}

fn say(topic: Topic, count: u64) {
    println!("{count:>10} {}", spec(topic).name);
}
