//! What goes wrong with the stream of change events because a script wants it to. Counters and
//! flags only; the server and the log look at them.

use serde_json::{Value, json};

/// The longest delay a script may ask for: a day.
const DELAY_MS_MAX: i64 = 24 * 60 * 60 * 1_000;

/// The faults that are switched on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hazards {
    /// Streams that began before this rose are cut.
    pub(crate) cuts: u64,
    /// Streams that began before this rose say nothing any more.
    pub(crate) silences: u64,
    /// So many calls are answered "unavailable".
    pub(crate) unavailable: u64,
    /// So many events are published twice.
    pub(crate) duplicates: u64,
    /// How long after the commit an event is delivered.
    pub(crate) delay_ms: i64,
    /// The delivery allocation counts as used up.
    pub(crate) used_up: bool,
}

// === impl Hazards ===

impl Hazards {
    /// Ends every open stream.
    pub(crate) fn cut(&mut self) {
        self.cuts += 1;
    }

    /// Does what `pubsub_fault` asks for; the refusal is a sentence for the script's author.
    pub(crate) fn set(&mut self, act: &Value) -> Result<Value, String> {
        let kind = act["kind"].as_str().ok_or("kind must be a text")?;
        let times = act["times"].as_u64().unwrap_or(1);
        match kind {
            "cut" => self.cut(),
            "silent" => self.silences += 1,
            "unavailable" => self.unavailable = times,
            "duplicate" => self.duplicates = times,
            "delay" => {
                let delay_ms = act["delay_ms"].as_i64();
                self.delay_ms = delay_ms
                    .filter(|delay_ms| (0..=DELAY_MS_MAX).contains(delay_ms))
                    .ok_or("delay_ms must be a whole number from 0 to a day")?;
            }
            "allocation" => self.used_up = true,
            "none" => {
                let (cuts, silences) = (self.cuts, self.silences);
                *self = Self {
                    cuts,
                    silences,
                    ..Self::default()
                };
            }
            _ => return Err(format!("there is no stream fault '{kind}'")),
        }
        Ok(json!({"id": null}))
    }

    pub(crate) fn takes_duplicate(&mut self) -> bool {
        take(&mut self.duplicates)
    }

    pub(crate) fn takes_unavailable(&mut self) -> bool {
        take(&mut self.unavailable)
    }
}

fn take(left: &mut u64) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}
