//! A process that is measured.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// It ends with the bench.
pub struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
    input: ChildStdin,
    /// What it said first, read by whoever started it.
    pub address: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    pub fn start(mut command: Command, address: impl Fn(&str) -> String) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        Self {
            address: address(line.trim()),
            input: child.stdin.take().unwrap(),
            lines,
            child,
        }
    }

    /// This program again, as a bare one.
    pub fn floor(name: &str, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env("FLOOR", name).envs(settings.iter().copied());
        Self::start(command, str::to_owned)
    }

    /// Lets it do its work, and waits for the end of that.
    pub fn go(&mut self) {
        self.input.write_all(b"go\n").unwrap();
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert_eq!(line, "done\n");
    }

    /// What its threads have had of the processors, also those that have ended: a hundredth of a
    /// second is a tick (`proc(5)`, fields 14 and 15 of `stat`).
    pub fn cpu(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.child.id());
        let told = std::fs::read_to_string(path).unwrap();
        let behind = told.rsplit(')').next().unwrap();
        let fields: Vec<&str> = behind.split_whitespace().collect();
        let ticks: u64 = [11, 12]
            .map(|at| fields[at].parse::<u64>().unwrap())
            .iter()
            .sum();
        Duration::from_millis(10 * ticks)
    }
}
