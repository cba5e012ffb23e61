//! The summary: a table for people, one JSON object for machines.

use std::process::ExitStatus;

use serde_json::{Map, Value, json};

use crate::demo::check::Failure;
use crate::demo::voice::{COLUMNS_MAX, Voice, wrapped};

/// What each figure means, for people.
const MEANINGS: [(&str, &str); 19] = [
    ("observations", "what the sources told us"),
    ("journal_events", "what was decided because of it"),
    ("writes_salesforce", "write calls that Salesforce received"),
    ("writes_intercom", "write calls that Intercom received"),
    ("echoes_suppressed", "our own writes, come back as changes"),
    ("conflicts", "one field changed on both sides"),
    ("review_items", "asked of a person"),
    (
        "dead_letters",
        "kept with their bytes for a person to look at",
    ),
    ("lost", "effects of the script that are missing"),
    (
        "duplicate_writes",
        "write calls beyond those that the script needs",
    ),
    ("converged", "every mapped field holds the script's value"),
    ("view_digest", "of the materialised state"),
    ("rebuild_digest", "of the state rebuilt from the journal"),
    ("elapsed_ms", "this whole story"),
    ("sync_latency_ms_p50", "from webhook sent to write received"),
    (
        "sync_latency_ms_p99",
        "the same, for the slowest in a hundred",
    ),
    (
        "sync_latency_to_intercom_ms_p50",
        "from change committed to write received",
    ),
    (
        "sync_latency_to_intercom_ms_p99",
        "the same, for the slowest in a hundred",
    ),
    ("vm_hwm_mb", "the most memory the process ever held"),
];

/// The figures in the order in which they are printed, and what did not hold.
pub struct Summary {
    pub figures: Vec<(&'static str, Value)>,
    pub failures: Vec<Failure>,
    /// What people should know about a figure.
    pub notes: Vec<String>,
}

impl Summary {
    /// Of a story that could not be told to its end.
    pub fn of_nothing(stopped: &anyhow::Error) -> Self {
        let expected = "a story that is told to its end".to_owned();
        Self {
            figures: MEANINGS.map(|(name, _)| (name, Value::Null)).to_vec(),
            failures: vec![Failure::new("story", expected, format!("{stopped:#}"))],
            notes: Vec::new(),
        }
    }

    pub fn show(&self, voice: &Voice) {
        voice.plain("");
        voice.plain("What happened, in figures");
        for (name, value) in &self.figures {
            let meaning = MEANINGS.iter().find(|(known, _)| known == name);
            let meaning = meaning.map_or("", |(_, meaning)| *meaning);
            let value = match value {
                Value::String(text) if text.len() > 14 => format!("{}…", &text[..12]),
                Value::String(text) => text.clone(),
                Value::Null => "unknown".to_owned(),
                value => value.to_string(),
            };
            voice.plain(&format!("  {name:<31} {value:>13}  {meaning}"));
        }
        for note in &self.notes {
            for line in wrapped(note, COLUMNS_MAX - 2) {
                voice.plain(&format!("  {line}"));
            }
        }
        voice.plain("");
        self.show_failures(voice);
    }

    fn show_failures(&self, voice: &Voice) {
        if self.failures.is_empty() {
            voice.plain("Both systems hold what the script says. Nothing lost, nothing twice.");
            return;
        }
        for failure in &self.failures {
            voice.plain(&format!("FAILED {}", failure.check));
            voice.plain(&format!("  expected: {}", failure.expected));
            voice.plain(&format!("  found:    {}", failure.found));
        }
    }

    /// Adds how the process ended when it was asked to.
    pub fn with_end(mut self, stopped: anyhow::Result<ExitStatus>) -> Self {
        let found = match stopped {
            Ok(status) if status.success() => return self,
            Ok(status) => status.to_string(),
            Err(error) => format!("{error:#}"),
        };
        let expected = "crosswalk ends by itself, with 0, after SIGTERM".to_owned();
        let failure = Failure::new("clean_end", expected, found);
        eprintln!("FAILED {}: {}", failure.check, failure.found);
        self.failures.push(failure);
        self
    }

    pub fn json(&self) -> String {
        let mut object = Map::new();
        for (name, value) in &self.figures {
            object.insert((*name).to_owned(), value.clone());
        }
        let failed: Vec<Value> = self.failures.iter().map(shown).collect();
        object.insert("checks_failed".to_owned(), json!(failed));
        Value::Object(object).to_string()
    }
}

fn shown(failure: &Failure) -> Value {
    json!({"check": failure.check, "expected": failure.expected, "found": failure.found})
}
