//! `crosswalk topics`: the topics that the log on Kafka needs, and their schemas in a registry.

use anyhow::bail;
use clap::{Args, Subcommand};
use crosswalk::config::{Config, Log};
use crosswalk::domain::Topic;
use crosswalk::log::kafka::Options;
use crosswalk::log::kafka::registry::{Registry, Settings};
use crosswalk::log::kafka::topics::{
    Difference, Replication, create_missing, differences, missing, settings,
};
use crosswalk::log::topics::name;

use crate::open_log::kafka_options;

/// Show or make the topics of a log on Kafka, and register their schemas. Nothing is ever deleted
/// or made smaller.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say which topics are missing, with what settings they would be made, and which schemas the
    /// registry does not know.
    Plan(Asked),
    /// Make the topics that are missing and register the schemas that are not known; what is there
    /// stays as it is.
    Apply(Asked),
}

#[derive(Args)]
struct Asked {
    /// The configuration file.
    #[arg(long, default_value = "crosswalk.yaml")]
    config: std::path::PathBuf,
    /// Copies of each partition.
    #[arg(long, default_value_t = 3)]
    replicas: u32,
    /// Copies that must have an entry before it counts; below `--replicas`, or a broker's restart
    /// stops everything.
    #[arg(long, default_value_t = 2)]
    in_sync_min: u32,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let (asked, applies) = match &arguments.command {
        Command::Plan(asked) => (asked, false),
        Command::Apply(asked) => (asked, true),
    };
    let config = Config::load(&asked.config)?;
    let Log::Kafka(kafka) = &config.log else {
        bail!("the configuration names no log on Kafka; set log.kafka.bootstrap");
    };
    let options = kafka_options(&config, kafka);
    options.check()?;
    let replication = Replication {
        copies: asked.replicas,
        in_sync_min: asked.in_sync_min,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let topics: Vec<Topic> = match applies {
        true => runtime.block_on(create_missing(&options, replication)),
        false => missing(&options),
    }
    .map_err(anyhow::Error::msg)?;
    let verb = if applies { "made" } else { "missing" };
    for topic in &topics {
        let set = settings(*topic, replication);
        let set: Vec<String> = set
            .iter()
            .map(|(name, to)| format!("{name}={to}"))
            .collect();
        println!(
            "{verb} {} partitions={} replicas={} {}",
            name(&options.prefix, *topic),
            options.partitions.of(*topic),
            replication.copies,
            set.join(" ")
        );
    }
    println!("{} of {} topics {verb}", topics.len(), Topic::ALL.len());
    let differences = runtime.block_on(differences(&options, replication));
    print_diff(&options, &differences.map_err(anyhow::Error::msg)?);
    match options.registry.clone() {
        Some(settings) => schemas(&options, settings, applies),
        None => Ok(()),
    }
}

/// What is there stays as it is: it may be meant so.
fn print_diff(options: &Options, differences: &[Difference]) {
    let mut before = None;
    for one in differences {
        if before.replace(one.topic) != Some(one.topic) {
            println!("{} differs", name(&options.prefix, one.topic));
        }
        println!("- {}={}", one.setting, one.has);
        println!("+ {}={}", one.setting, one.wants);
    }
    if !differences.is_empty() {
        let count = differences.len();
        println!("{count} settings differ; nothing that is there is changed");
    }
}

/// What the registry does not know of today's schemas.
fn schemas(options: &Options, settings: Settings, applies: bool) -> anyhow::Result<()> {
    let registry = Registry::open(settings).map_err(anyhow::Error::msg)?;
    let mut unknown = 0;
    for topic in Topic::ALL {
        let name = name(&options.prefix, topic);
        let found = registry.lookup(topic, &name).map_err(anyhow::Error::msg)?;
        match (found, applies) {
            (Some(_), _) => continue,
            (None, false) => println!("missing the schema of {name}-value"),
            (None, true) => {
                let id = registry
                    .register(topic, &name)
                    .map_err(anyhow::Error::msg)?;
                println!("registered the schema of {name}-value as {id}");
            }
        }
        unknown += 1;
    }
    let verb = if applies { "registered" } else { "missing" };
    println!("{unknown} of {} schemas {verb}", Topic::ALL.len());
    Ok(())
}
