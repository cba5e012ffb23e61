//! The view as it stood at a moment, rebuilt beside the running process.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use crosswalk::config::Config;
use crosswalk::domain::{BridgeId, JournalEntry, Timestamp, Topic};
use crosswalk::ports::event_log::{EventLog, TopicPartition};
use crosswalk::ports::view_snapshots::ViewSnapshots;
use crosswalk::processor::queries;
use crosswalk::processor::travel::replay::{Replay, Until, Watch, stands};
use crosswalk::processor::view::View;
use crosswalk::store::SnapshotFolder;
use serde_json::{Value, json};

use crate::event_json::time;
use crate::view_answers::Bridge;
use crate::{open_log, processors};

/// Between two lines that say how far it is.
const TELL: Duration = Duration::from_secs(2);

/// A moment or a position, as a person writes it.
pub fn parse(text: &str) -> Result<Until, String> {
    let text = text.trim();
    if let Some(offset) = text.strip_prefix('@') {
        let offset = offset.parse();
        return offset.map(Until::Offset).map_err(|_| FORMS.to_owned());
    }
    if let Ok(sequence) = text.parse() {
        return Ok(Until::Sequence(sequence));
    }
    let at: jiff::Timestamp = text.parse().map_err(|_| FORMS.to_owned())?;
    Ok(Until::Time(Timestamp(at.as_millisecond())))
}

const FORMS: &str = "write a time with its zone, as 2026-01-30T09:00:00Z; a sequence of the \
                     bridge's journal, as 17; or an offset of it, as @23";

/// The journals of the configured log, each with the moment that is asked for.
pub struct Past {
    config: Config,
    log: Arc<dyn EventLog>,
    bridges: Vec<Bridge>,
    pub until: Until,
}

impl Past {
    /// `bridge` names the one that is looked at; all of them are where none is named.
    pub fn open(config: Config, until: Until, bridge: Option<&str>) -> anyhow::Result<Self> {
        let mut bridges = processors::bridges_of(&config);
        if let Some(name) = bridge {
            bridges.retain(|one| one.id.as_str() == name);
            if bridges.is_empty() {
                bail!("no bridge of the configuration is called {name:?}");
            }
        }
        if matches!(until, Until::Sequence(_) | Until::Offset(_)) && bridges.len() > 1 {
            bail!(
                "a position is one of a single bridge's journal, and {} are configured: name one \
                 with --bridge",
                bridges.len()
            );
        }
        let log = open_log::beside(&config)?;
        Ok(Self {
            config,
            log,
            bridges,
            until,
        })
    }

    pub fn bridges(&self) -> &[Bridge] {
        &self.bridges
    }

    /// The view of a bridge at the moment; of a position that its journal does not have, an error.
    pub fn view(&self, bridge: &Bridge) -> anyhow::Result<View> {
        let replay = self.replay(bridge, self.until)?;
        let snapshots = self.snapshots();
        let view = replay.begin(snapshots.as_deref());
        let mut view = view.with_context(|| format!("rebuilding the view of {}", bridge.id))?;
        let ran = replay.run(&mut view, &mut Shown::new(replay.end));
        ran.with_context(|| format!("rebuilding the view of {}", bridge.id))?;
        let last = stands(&view, &bridge.id).map(|(sequence, _)| sequence);
        match self.until {
            Until::Sequence(asked) if last.is_none_or(|last| last < asked) => bail!(
                "the journal of {} ends at sequence {}",
                bridge.id,
                last.map_or_else(|| "none".to_owned(), |last| last.to_string())
            ),
            Until::Offset(asked) if asked >= replay.end => bail!(
                "the journal of partition {} ends before offset {}",
                bridge.partition,
                replay.end
            ),
            _ => Ok(view),
        }
    }

    /// A replay of a bridge's journal up to a moment.
    pub fn replay<'a>(&'a self, bridge: &'a Bridge, until: Until) -> anyhow::Result<Replay<'a>> {
        let journal = TopicPartition {
            topic: Topic::Journal,
            partition: bridge.partition,
        };
        Ok(Replay {
            log: &self.log,
            partition: bridge.partition,
            bridge: &bridge.id,
            until,
            end: self.log.bounds(journal)?.end,
        })
    }

    /// Where snapshots lie, if any are kept: they are only read.
    pub fn snapshots(&self) -> Option<Box<dyn ViewSnapshots>> {
        let path = &self.config.view.snapshots_path;
        if !path.is_dir() {
            return None;
        }
        let folder = SnapshotFolder::open(path).ok()?;
        Some(Box::new(folder))
    }

    /// As the admin port answers, of each bridge at the moment.
    pub fn identity(&self, query: &str) -> anyhow::Result<Value> {
        self.answers(|view, bridge| {
            queries::identity(view, &bridge.id, bridge.sources.as_ref(), query)
        })
    }

    /// As the admin port answers, of each bridge at the moment.
    pub fn explain(&self, query: &str) -> anyhow::Result<Value> {
        self.answers(|view, bridge| queries::explain_at_leisure(view, &bridge.id, query))
    }

    fn answers(&self, ask: impl Fn(&View, &Bridge) -> Value) -> anyhow::Result<Value> {
        let mut answers = Vec::new();
        for bridge in &self.bridges {
            let view = self.view(bridge)?;
            let mut answer = ask(&view, bridge);
            answer["at"] = standing(&view, &bridge.id);
            answers.push(answer);
        }
        Ok(json!({"bridges": answers}))
    }
}

/// Where a view stands: what it was asked for may lie between two entries.
pub fn standing(view: &View, bridge: &BridgeId) -> Value {
    let last = stands(view, bridge);
    json!({
        "journal_sequence": last.map(|(sequence, _)| sequence),
        "time": last.map(|(_, at)| time(at.0)),
        "journal_offset": view.journal_offset(),
    })
}

/// Says on standard error how far a replay is, where it takes long and somebody looks.
pub struct Shown {
    end: u64,
    told: Instant,
    looks: bool,
}

impl Shown {
    pub fn new(end: u64) -> Self {
        let looks = std::io::stderr().is_terminal();
        Self {
            end,
            told: Instant::now(),
            looks,
        }
    }

    pub fn at(&mut self, offset: u64) {
        if self.looks && offset.is_multiple_of(1024) && self.told.elapsed() > TELL {
            self.told = Instant::now();
            eprintln!("{offset} of {} journal entries", self.end);
        }
    }
}

impl Watch for Shown {
    fn before(&mut self, _: &View, offset: u64, _: &JournalEntry) -> bool {
        self.at(offset);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_a_sequence_or_an_offset() {
        assert_eq!(parse(" 17 "), Ok(Until::Sequence(17)));
        assert_eq!(parse("@23"), Ok(Until::Offset(23)));
        let time = Until::Time(Timestamp(1_767_225_600_500));
        assert_eq!(parse("2026-01-01T00:00:00.500Z"), Ok(time));
        assert_eq!(parse("2026-01-01T01:00:00.5+01:00"), Ok(time));
        for unclear in [
            "",
            "@",
            "-1",
            "yesterday",
            "2026-01-01",
            "2026-01-01T00:00:00",
        ] {
            let error = parse(unclear).unwrap_err();
            assert!(error.contains("a time with its zone"), "{unclear}: {error}");
        }
    }
}
