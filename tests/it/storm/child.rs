//! `crosswalk run` as a process that is killed and started again at the same addresses.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child as Process, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::cli::{crosswalk, output, text};

pub struct Child {
    process: Process,
    /// Of its configuration and its log in the folder.
    name: String,
    role: &'static str,
    pub webhooks: String,
    admin: String,
    /// The highest peak of those that were killed.
    peak_mb: f64,
}

/// What a process takes at one moment.
pub struct Sample {
    pub at: Duration,
    pub resident_mb: f64,
    pub peak_mb: f64,
    pub disk_mb: f64,
}

impl Sample {
    pub const HEAD: &str = "seconds,resident_mb,peak_mb,disk_mb\n";

    pub fn line(&self) -> String {
        let (at, resident) = (self.at.as_secs_f64(), self.resident_mb);
        let (peak, disk) = (self.peak_mb, self.disk_mb);
        format!("{at:.0},{resident:.1},{peak:.1},{disk:.1}\n")
    }
}

fn config(folder: &Path, name: &str) -> String {
    let path = folder.join(format!("{name}.yaml"));
    path.to_str().unwrap().to_owned()
}

impl Child {
    pub async fn start(folder: &Path) -> Self {
        Self::start_as(folder, "crosswalk").await
    }

    pub async fn start_as(folder: &Path, name: &str) -> Self {
        Self::start_with(folder, name, "all").await
    }

    /// One role only.
    pub async fn start_with(folder: &Path, name: &str, role: &'static str) -> Self {
        // Whatever it logs goes to a file: a full pipe would stop it.
        let mut options = File::options();
        let log = options.append(true).create(true);
        let path = folder.join(format!("{name}.log"));
        let log = log.open(&path).unwrap();
        let config = config(folder, name);
        let run = ["run", "--config", &config, "--role", role];
        let mut command = crosswalk(&[&run[..], &["--print-addresses"]].concat());
        command.stdout(Stdio::piped()).stderr(log);
        command.env("MALLOC_ARENA_MAX", "2");
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        let out = process.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let written = || std::fs::read_to_string(&path).unwrap();
        let addresses: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}", written()));
        // Only ingest takes webhooks.
        let address = |name: &str| addresses[name].as_str().unwrap_or_default().to_owned();
        Self {
            process,
            name: name.to_owned(),
            role,
            webhooks: address("webhooks"),
            admin: address("admin"),
            peak_mb: 0.0,
        }
    }

    /// SIGKILL, and another process in its place.
    pub async fn die_and_rise(&mut self, folder: &Path) {
        let peak_mb = self.peak_mb.max(self.status("VmHWM:"));
        self.die();
        *self = Self::start_with(folder, &self.name, self.role).await;
        self.peak_mb = peak_mb;
    }

    /// SIGTERM, and another process in its place.
    pub async fn end_and_rise(&mut self, folder: &Path) {
        let peak_mb = self.peak_mb.max(self.status("VmHWM:"));
        self.signal("-TERM");
        self.process.wait().unwrap();
        *self = Self::start_with(folder, &self.name, self.role).await;
        self.peak_mb = peak_mb;
    }

    /// SIGKILL.
    pub fn die(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits until it has ended of its own.
    pub fn ends(&mut self) {
        self.process.wait().unwrap();
    }

    /// SIGSTOP or SIGCONT, for one.
    pub fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let asked = std::process::Command::new("kill")
            .args([signal, &id])
            .status();
        assert!(asked.unwrap().success());
    }

    /// Whether it has the processor's partition, and answers.
    pub async fn leads(&self) -> bool {
        let answer = reqwest::get(format!("{}/v1/digest", self.admin));
        let answer = tokio::time::timeout(Duration::from_secs(2), answer).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status().is_success()))
    }

    /// Of how many partitions it decides; none where it does not answer.
    pub async fn partitions(&self) -> usize {
        let answer = reqwest::get(format!("{}/v1/digest", self.admin));
        let answer = tokio::time::timeout(Duration::from_secs(2), answer).await;
        let Ok(Ok(answer)) = answer else {
            return 0;
        };
        let told: Value = answer.json().await.unwrap_or_default();
        told["partitions"].as_array().map_or(0, Vec::len)
    }

    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// How often the running process has journaled an event.
    pub async fn counted(&self, event: &str) -> u64 {
        let metric = format!("crosswalk_journal_events_total{{event=\"{event}\"}}");
        self.metric(&metric).await
    }

    /// A metric as the process shows it, with its labels; 0 while it has none.
    pub async fn metric(&self, metric: &str) -> u64 {
        let metrics = reqwest::get(format!("{}/metrics", self.admin))
            .await
            .unwrap();
        let metrics = metrics.text().await.unwrap();
        let value = |line: &str| line.strip_prefix(metric)?.trim().parse().ok();
        metrics.lines().find_map(value).unwrap_or(0)
    }

    fn status(&self, what: &str) -> f64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let kb: Option<f64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kb.unwrap_or_default() / 1_024.0
    }

    pub fn sample(&mut self, at: Duration, folder: &Path) -> Sample {
        let ended = self.process.try_wait().unwrap();
        assert!(
            ended.is_none(),
            "it ended by itself: {}/{}.log",
            folder.display(),
            self.name
        );
        self.peak_mb = self.peak_mb.max(self.status("VmHWM:"));
        Sample {
            at,
            resident_mb: self.status("VmRSS:"),
            peak_mb: self.peak_mb,
            disk_mb: size(folder) as f64 / 1_048_576.0,
        }
    }

    /// Whether a rebuild from the journal gives the same digest.
    pub fn verify(&self, folder: &Path) -> bool {
        let config = config(folder, &self.name);
        let verified = output(&["verify", "--config", &config, "--admin", &self.admin]);
        if !verified.status.success() {
            println!("{}", text(&verified.stderr));
        }
        verified.status.success()
    }

    pub async fn reviews(&self) -> usize {
        let answer = output(&["review", "list", "--json", "--admin", &self.admin]);
        let items: Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
        items.as_array().map_or(0, Vec::len)
    }

    pub fn dead_letters(&self, folder: &Path) -> usize {
        lines(&config(folder, &self.name), "dead-letters").count()
    }

    pub fn healed(&self) -> u64 {
        let answer = output(&["sweeps", "--json", "--admin", &self.admin]);
        let reports: Vec<Value> = serde_json::from_slice(&answer.stdout).unwrap_or_default();
        let ever = reports.iter().filter_map(|one| one["healed_ever"].as_u64());
        ever.sum()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lines(config: &str, topic: &str) -> impl Iterator<Item = String> {
    let command = ["tail", topic, "--json", "--from-beginning", "--no-follow"];
    let told = output(&[&command[..], &["--config", config]].concat());
    let lines: Vec<String> = text(&told.stdout).lines().map(str::to_owned).collect();
    lines.into_iter()
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return std::fs::metadata(path).map_or(0, |file| file.len());
    };
    let sizes = entries.flatten().map(|entry| size(&entry.path()));
    sizes.sum()
}
