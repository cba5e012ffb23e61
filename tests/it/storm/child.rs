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

fn config(folder: &Path) -> String {
    folder.join("crosswalk.yaml").to_str().unwrap().to_owned()
}

impl Child {
    pub async fn start(folder: &Path) -> Self {
        // Whatever it logs goes to a file: a full pipe would stop it.
        let mut options = File::options();
        let log = options.append(true).create(true);
        let log = log.open(folder.join("run.log")).unwrap();
        let mut command = crosswalk(&["run", "--config", &config(folder), "--print-addresses"]);
        command.stdout(Stdio::piped()).stderr(log);
        command.env("MALLOC_ARENA_MAX", "2");
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        let out = process.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let written = || std::fs::read_to_string(folder.join("run.log")).unwrap();
        let addresses: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}", written()));
        let address = |name: &str| addresses[name].as_str().unwrap().to_owned();
        Self {
            process,
            webhooks: address("webhooks"),
            admin: address("admin"),
            peak_mb: 0.0,
        }
    }

    /// SIGKILL, and another process in its place.
    pub async fn die_and_rise(&mut self, folder: &Path) {
        let peak_mb = self.peak_mb.max(self.status("VmHWM:"));
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        *self = Self::start(folder).await;
        self.peak_mb = peak_mb;
    }

    /// SIGTERM, and another process in its place.
    pub async fn end_and_rise(&mut self, folder: &Path) {
        let peak_mb = self.peak_mb.max(self.status("VmHWM:"));
        let id = self.process.id().to_string();
        let asked = std::process::Command::new("kill")
            .args(["-TERM", &id])
            .status();
        assert!(asked.unwrap().success());
        self.process.wait().unwrap();
        *self = Self::start(folder).await;
        self.peak_mb = peak_mb;
    }

    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// How often the running process has journaled an event.
    pub async fn counted(&self, event: &str) -> u64 {
        let metrics = reqwest::get(format!("{}/metrics", self.admin))
            .await
            .unwrap();
        let metrics = metrics.text().await.unwrap();
        let line = format!("crosswalk_journal_events_total{{event=\"{event}\"}} ");
        let found = metrics.lines().find_map(|one| one.strip_prefix(&line));
        found.map_or(0, |count| count.parse().unwrap())
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
            "it ended by itself: {}/run.log",
            folder.display()
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
        let config = config(folder);
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
        lines(folder, "dead-letters").count()
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

fn lines(folder: &Path, topic: &str) -> impl Iterator<Item = String> {
    let config = config(folder);
    let command = ["tail", topic, "--json", "--from-beginning", "--no-follow"];
    let told = output(&[&command[..], &["--config", &config]].concat());
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
