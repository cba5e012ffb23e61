//! Pauses of a system: counted over its gates, shown as a gauge, logged once per change.

use std::sync::{Arc, Mutex};

use crate::clients::System;
use crate::sink::error::Error;
use crate::telemetry::metrics;

/// Why a system takes nothing at all for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pause {
    Credentials,
    Limit,
    Outage,
}

impl Pause {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Limit => "limit",
            Self::Outage => "outage",
        }
    }
}

/// How many gates of a system are shut, per reason.
#[derive(Debug)]
pub struct Pauses {
    system: System,
    waiting: Mutex<[usize; 3]>,
}

/// One gate's pause; ends when dropped.
#[derive(Debug)]
pub struct Waiting {
    pauses: Arc<Pauses>,
    reason: Pause,
}

impl Pauses {
    pub fn new(system: System) -> Arc<Self> {
        Arc::new(Self {
            system,
            waiting: Mutex::default(),
        })
    }

    pub fn enter(self: &Arc<Self>, reason: Pause, error: &Error) -> Waiting {
        if self.change(reason, |gates| gates + 1) == 1 {
            let (system, reason) = (self.system.as_str(), reason.as_str());
            tracing::warn!(system, reason, code = %error.source, "{system} is paused: {reason}");
        }
        Waiting {
            pauses: self.clone(),
            reason,
        }
    }

    fn change(&self, reason: Pause, by: impl Fn(usize) -> usize) -> usize {
        let mut waiting = self.waiting.lock().expect("no holder of this lock panics");
        let gates = &mut waiting[reason as usize];
        *gates = by(*gates);
        let labels = [self.system.as_str(), reason.as_str()];
        let gauge = metrics().lane_paused.with_label_values(&labels);
        gauge.set(i64::from(*gates > 0));
        *gates
    }
}

impl Waiting {
    pub fn reason(&self) -> Pause {
        self.reason
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.pauses.change(self.reason, |gates| gates - 1) == 0 {
            let (system, reason) = (self.pauses.system.as_str(), self.reason.as_str());
            tracing::info!(system, reason, "{system} is no longer paused: {reason}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients;
    use crate::domain::SourceId;
    use crate::sink::error::Access;

    #[test]
    fn a_system_is_paused_while_one_of_its_gates_is_shut() {
        let pauses = Pauses::new(System::Intercom);
        let error = Error {
            system: System::Intercom,
            at: SourceId::new("ws").unwrap(),
            object: "contact".into(),
            access: Access::Read,
            source: clients::Error::NotSent("no connection"),
        };
        let labels = ["intercom", "limit"];
        let shown = || metrics().lane_paused.with_label_values(&labels).get();
        let one = pauses.enter(Pause::Limit, &error);
        let two = pauses.enter(Pause::Limit, &error);
        assert_eq!(shown(), 1);
        drop(one);
        assert_eq!(shown(), 1);
        drop(two);
        assert_eq!(shown(), 0);
    }
}
