//! The scripts of `tests/clients` as child processes: what they need, a time limit, their reports.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// Between two reports; a script starts in about a second, more on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many reports may wait; the script waits when there are more.
const LINES_MAX: usize = 64;

/// What a script is written in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Language {
    Node,
    Python,
}

/// The folder with the installed clients.
pub struct Installed {
    folder: PathBuf,
    language: Language,
}

/// A running script; it is killed when its test ends.
pub struct Script {
    child: Child,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

// === impl Language ===

impl Language {
    fn program(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python3",
        }
    }

    /// The file with the pins, and the folder that installing them makes.
    fn pins(self) -> (&'static str, &'static str) {
        match self {
            Self::Node => ("package-lock.json", "node_modules"),
            Self::Python => ("requirements.txt", "python"),
        }
    }
}

// === impl Installed ===

impl Installed {
    /// Finds the clients at today's pins. Where they are missing the test is skipped, which the
    /// test runner cannot capture; with CI=true that is a failure.
    pub fn find(language: Language) -> Option<Self> {
        let folder = std::env::var_os("CROSSWALK_CLIENTS")
            .map_or_else(|| crate::tidy::root().join(".tools/clients"), PathBuf::from);
        let Some(missing) = lacking(&folder, language) else {
            return Some(Self { folder, language });
        };
        let advice = format!("{missing}. Install Node 20.18 and Python 3, run: make client-tools");
        let binding = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!binding, "{advice}");
        let rule = "=".repeat(80);
        let notice = format!("{rule}\nSKIPPED: public clients were NOT run, {advice}\n{rule}\n");
        std::io::stderr().write_all(notice.as_bytes()).unwrap();
        None
    }

    /// A script that trusts the certificate in `folder`.
    pub fn command(&self, name: &str, folder: &Path) -> Command {
        let certificate = folder.join("certificate.pem");
        let mut command = Command::new(self.language.program());
        command
            .arg(scripts().join(name))
            .env("CLIENTS", &self.folder)
            .env("PYTHONPATH", self.folder.join("python"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NODE_EXTRA_CA_CERTS", &certificate)
            .env("REQUESTS_CA_BUNDLE", &certificate)
            // The sandbox is on this machine, whatever else goes through a proxy.
            .env("NO_PROXY", "127.0.0.1");
        command
    }
}

/// What is missing, as a sentence without its full stop.
fn lacking(folder: &Path, language: Language) -> Option<String> {
    let (pins, made) = language.pins();
    let program = language.program();
    let version = Command::new(program).arg("--version").output();
    if !version.is_ok_and(|output| output.status.success()) {
        return Some(format!("{program} is missing"));
    }
    if !folder.join(made).is_dir() {
        return Some(format!("{} holds no {made}", folder.display()));
    }
    let read = |folder: &Path| std::fs::read(folder.join(pins)).ok();
    (read(folder) != read(&scripts())).then(|| format!("{pins} has changed since they were"))
}

fn scripts() -> PathBuf {
    crate::tidy::root().join("tests/clients")
}

// === impl Script ===

impl Script {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = sync_channel(LINES_MAX);
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap_or_default();
            text
        });
        Self {
            child,
            lines,
            errors: Some(errors),
        }
    }

    /// The next report; `None` once the script has ended well.
    pub fn next(&mut self) -> Option<Value> {
        use std::sync::mpsc::RecvTimeoutError;
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(serde_json::from_str(&line).unwrap()),
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                panic!("no report for {PATIENCE:?}: {}", self.errors());
            }
            Err(RecvTimeoutError::Disconnected) => {
                let ended = self.child.wait().unwrap().success();
                assert!(ended, "the script failed: {}", self.errors());
                None
            }
        }
    }

    /// Every report to the end.
    pub fn reports(mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.next()).collect()
    }

    fn errors(&mut self) -> String {
        let errors = self.errors.take().map(JoinHandle::join);
        errors.and_then(Result::ok).unwrap_or_default()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
