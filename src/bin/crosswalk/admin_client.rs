//! Asking the admin port of a running process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use crosswalk::config::Config;
use serde_json::Value;

const CONNECT_WAIT: Duration = Duration::from_secs(2);
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// Where the running process answers.
#[derive(clap::Args)]
pub struct Place {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// Ask the process at this address instead of the configured one.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
}

impl Place {
    pub fn base(&self) -> anyhow::Result<String> {
        if let Some(given) = &self.admin {
            return Ok(url(given));
        }
        configured(&Config::load(&self.config)?).context(
            "server.admin has port 0 in the configuration, so nobody knows where the process \
             answers; give --admin HOST:PORT",
        )
    }
}

/// What to do where nobody listens.
pub fn not_running(base: &str) -> String {
    format!("nobody listens at {base}; start crosswalk run, or give --admin HOST:PORT")
}

/// The address a person gave, with or without its scheme.
pub fn url(given: &str) -> String {
    let given = given.trim_end_matches('/');
    if given.contains("://") {
        given.to_owned()
    } else {
        format!("http://{given}")
    }
}

/// Where the process of a configuration answers; none where the port is left to chance.
pub fn configured(config: &Config) -> Option<String> {
    let mut admin = config.server.admin;
    if admin.port() == 0 {
        return None;
    }
    if admin.ip().is_unspecified() {
        admin.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    Some(format!("http://{admin}"))
}

/// The address that was given, or that of a configuration.
pub fn base(given: Option<&str>, config: &Path) -> anyhow::Result<String> {
    match given {
        Some(given) => Ok(url(given)),
        None => configured(&Config::load(config)?)
            .context("server.admin listens on a port of chance: name it with --admin"),
    }
}

/// The answer, or none where nobody listens.
pub fn ask(base: &str, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Option<Value>> {
    let url = format!("{base}{path}");
    send(base, |client| client.get(&url).query(query))
}

/// What the process says to something it is told, or none where nobody listens.
pub fn tell(base: &str, path: &str, body: &Value) -> anyhow::Result<Option<Value>> {
    let url = format!("{base}{path}");
    send(base, |client| client.post(&url).json(body))
}

fn send(
    base: &str,
    request: impl FnOnce(&reqwest::Client) -> reqwest::RequestBuilder,
) -> anyhow::Result<Option<Value>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_WAIT)
            .timeout(ANSWER_WAIT)
            .no_proxy()
            .build()
            .context("cannot make an HTTP client")?;
        let response = match request(&client).send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Ok(None),
            Err(error) => {
                let why = error.without_url();
                bail!("the process at {base} did not answer: {why}")
            }
        };
        let status = response.status();
        let body: Value = response.json().await.unwrap_or_default();
        if status.is_success() {
            return Ok(Some(body));
        }
        match body["error"].as_str() {
            Some(reason) => bail!("the process at {base} refused: {reason}"),
            None => bail!("the process at {base} answered {status}"),
        }
    })
}
