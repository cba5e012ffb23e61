//! crosswalk itself, as a process of its own: started, watched, stopped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child as Process, ChildStdout, Command};

const READY_WAIT: Duration = Duration::from_secs(60);
const STOP_WAIT: Duration = Duration::from_secs(20);
const COMMAND_WAIT: Duration = Duration::from_secs(60);

/// The running process. It is killed if this is dropped.
pub struct Child {
    process: Process,
    log: PathBuf,
    config: PathBuf,
    pub webhooks: String,
    pub admin: String,
}

impl Child {
    /// Starts `crosswalk run` and waits until it is ready.
    pub async fn start(config: &Path, log: &Path) -> anyhow::Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot make {}", log.display()))?;
        let mut command = crosswalk()?;
        command
            .args(["run", "--print-addresses", "--config"])
            .arg(config)
            .stderr(file);
        let mut process = command.spawn().context("cannot start crosswalk run")?;
        let stdout = process
            .stdout
            .take()
            .context("crosswalk run has no output")?;
        let ready = tokio::time::timeout(READY_WAIT, addresses(stdout)).await;
        let addresses = match ready {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(error)) => bail!("crosswalk run did not start: {error:#}; {}", last_line(log)),
            Err(_) => bail!(
                "crosswalk run is not ready after {} s",
                READY_WAIT.as_secs()
            ),
        };
        let text = |name: &str| {
            let text = addresses[name].as_str().map(str::to_owned);
            text.with_context(|| format!("crosswalk run names no {name} address"))
        };
        Ok(Self {
            process,
            log: log.to_path_buf(),
            config: config.to_path_buf(),
            webhooks: text("webhooks")?,
            admin: text("admin")?,
        })
    }

    /// Fails if the process has ended.
    pub fn alive(&mut self) -> anyhow::Result<()> {
        match self.process.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => bail!("crosswalk ended ({status}): {}", last_line(&self.log)),
            Err(error) => bail!("cannot look after crosswalk: {error}"),
        }
    }

    pub fn config(&self) -> &Path {
        &self.config
    }

    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The most memory it ever held, in MiB; none where the system does not tell.
    pub fn memory_peak_mb(&self) -> Option<f64> {
        let path = format!("/proc/{}/status", self.process.id()?);
        let status = std::fs::read_to_string(path).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        let kb: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some((kb / 1_024.0 * 10.0).round() / 10.0)
    }

    /// Takes in what both systems hold, as an operator would; answers what the command said.
    pub async fn backfill(&self) -> anyhow::Result<Value> {
        let mut command = crosswalk()?;
        command.args(["backfill", "--bridge", "main", "--json"]);
        command.args(["--admin", &self.admin]).stderr(Stdio::null());
        let output = tokio::time::timeout(COMMAND_WAIT, command.output()).await;
        let output = output.context("crosswalk backfill does not end")??;
        if !output.status.success() {
            bail!("crosswalk backfill ended with {}", output.status);
        }
        serde_json::from_slice(&output.stdout).context("crosswalk backfill printed no JSON")
    }

    /// Everything that stands on a topic, as `crosswalk tail` shows it to an operator.
    pub async fn tail(&self, topic: &str) -> anyhow::Result<Vec<Value>> {
        self.read(topic, &[]).await
    }

    /// The same with the values that are hidden unless they are asked for.
    pub async fn tail_personal(&self, topic: &str) -> anyhow::Result<Vec<Value>> {
        self.read(topic, &["--show-personal"]).await
    }

    async fn read(&self, topic: &str, more: &[&str]) -> anyhow::Result<Vec<Value>> {
        let mut command = crosswalk()?;
        command
            .args(["tail", topic, "--json", "--from-beginning", "--no-follow"])
            .args(more)
            .arg("--config")
            .arg(&self.config)
            .stderr(Stdio::null());
        let output = tokio::time::timeout(COMMAND_WAIT, command.output()).await;
        let output = output.context("crosswalk tail does not end")??;
        if !output.status.success() {
            bail!("crosswalk tail {topic} ended with {}", output.status);
        }
        let text = String::from_utf8(output.stdout).context("crosswalk tail is not text")?;
        let lines = text.lines().map(serde_json::from_str);
        let lines: Result<Vec<Value>, _> = lines.collect();
        lines.context("crosswalk tail printed a line that is no JSON")
    }

    /// The digest of the view rebuilt from the journal, as `crosswalk verify` finds it.
    pub async fn verify(&self) -> anyhow::Result<String> {
        let mut command = crosswalk()?;
        command.arg("verify").arg("--config").arg(&self.config);
        command
            .args(["--admin", &self.admin])
            .stderr(Stdio::piped());
        let output = tokio::time::timeout(COMMAND_WAIT, command.output()).await;
        let output = output.context("crosswalk verify does not end")??;
        // The rebuild is named last, where it differs as where it does not.
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let digest = text
            .rsplit_once(" at ")
            .and_then(|(before, _)| before.rsplit(' ').next());
        let digest = digest.map(str::to_owned);
        digest.with_context(|| format!("crosswalk verify names no digest: {}", text.trim()))
    }

    /// Kills it: nothing of it is finished.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await.context("cannot kill crosswalk")
    }

    /// Asks it to end, as an orchestrator does; kills it if it does not.
    pub async fn stop(mut self) -> anyhow::Result<ExitStatus> {
        let id = self.process.id().context("crosswalk has ended already")?;
        let asked = Command::new("sh")
            .args(["-c", "kill -TERM \"$0\"", &id.to_string()])
            .status()
            .await;
        asked.context("cannot send SIGTERM")?;
        match tokio::time::timeout(STOP_WAIT, self.process.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => {
                self.process.kill().await.context("cannot kill crosswalk")?;
                bail!("it did not end within {} s of SIGTERM", STOP_WAIT.as_secs())
            }
        }
    }
}

/// As docs/configuration.md advises: glibc otherwise keeps freed memory in up to eight arenas for
/// each core, and the peak would tell of the machine's cores.
const ARENAS: (&str, &str) = ("MALLOC_ARENA_MAX", "2");

/// This binary, in an environment in which no setting of the user's own reaches the demo.
fn crosswalk() -> anyhow::Result<Command> {
    let binary = std::env::current_exe().context("cannot find the crosswalk binary")?;
    let mut command = Command::new(binary);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    if std::env::var_os(ARENAS.0).is_none() {
        command.env(ARENAS.0, ARENAS.1);
    }
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy().to_ascii_uppercase();
        // Both systems stand on this machine: a proxy could not reach them.
        if known.starts_with("CROSSWALK__") || known.ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    Ok(command)
}

async fn addresses(stdout: ChildStdout) -> anyhow::Result<Value> {
    let mut lines = BufReader::new(stdout).lines();
    let line = lines.next_line().await?;
    let line = line.context("it ended before it was ready")?;
    serde_json::from_str(&line).with_context(|| format!("it printed {line:?} for its addresses"))
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let last = text.lines().next_back().unwrap_or("it logged nothing");
    format!("its last words: {last}")
}
