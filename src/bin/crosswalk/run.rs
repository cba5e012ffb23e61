//! `crosswalk run`: the roles in one process, until a signal ends them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context;
use crosswalk::config::{Config, LoggingFormat};
use crosswalk::telemetry::logging;
use serde_json::json;

use crate::roles::{self, Role, Running};
use crate::secrets;
use crate::signals::Signals;

/// Run the roles that keep the systems joined; all of them unless told otherwise.
///
/// Takes webhooks, decides, and writes, until SIGTERM or Ctrl-C: then it takes no new webhook,
/// finishes what is under way, and stops. /livez, /readyz and /metrics answer at server.admin.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  \
    crosswalk run --config crosswalk.yaml\n  \
    crosswalk run --config crosswalk.yaml --role ingest --role processor\n  \
    CROSSWALK__SERVER__ADMIN=127.0.0.1:0 crosswalk run --print-addresses\n\n\
    Settings come from the file; CROSSWALK__SECTION__NAME in the environment overrides them."
)]
pub struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// Run only this role; may be given several times.
    #[arg(long = "role", value_name = "ROLE", default_value = "all")]
    roles: Vec<Role>,
    /// Once ready, print the addresses as one JSON line instead of a sentence.
    #[arg(long)]
    print_addresses: bool,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    let format = match config.logging.format {
        LoggingFormat::Pretty => logging::Format::Pretty,
        LoggingFormat::Json => logging::Format::Json,
    };
    logging::start(format, &config.logging.level)?;
    let roles = Role::expand(&arguments.roles);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(until_signal(config, roles, arguments.print_addresses));
    // A blocking call that hangs must not hold up the end of the process.
    runtime.shutdown_background();
    done
}

async fn until_signal(
    config: Config,
    roles: BTreeSet<Role>,
    print_addresses: bool,
) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    secrets::watch(&config);
    let mut running = roles::run_all(config, roles).await?;
    let ended = tokio::select! {
        signal = signals.next() => Ok(signal),
        failure = announce_and_watch(&mut running, print_addresses) => Err(failure),
    };
    match &ended {
        Ok(signal) => tracing::info!(signal, "{signal}: stopping"),
        Err(error) => tracing::error!("stopping: {error:#}"),
    }
    let stopped = tokio::select! {
        stopped = running.stop() => stopped,
        // Who asks twice does not want to wait.
        signal = signals.next() => anyhow::bail!("a second {signal} cut the orderly end short"),
    };
    ended.map_or_else(Err, |_| stopped)
}

/// Prints the addresses once ready, then waits for a role to fail.
async fn announce_and_watch(running: &mut Running, print_addresses: bool) -> anyhow::Error {
    let ready = running.readiness();
    tokio::select! {
        () = ready => {}
        failure = running.failure() => return failure,
    }
    let webhooks = running.webhooks_url();
    let admin = running.admin_url();
    if print_addresses {
        println!("{}", json!({"webhooks": webhooks, "admin": admin}));
    } else {
        let webhooks = webhooks.map_or(String::new(), |url| format!("webhooks at {url}, "));
        println!("crosswalk is ready: {webhooks}admin at {admin}");
    }
    running.failure().await
}
