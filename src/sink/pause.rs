//! Pauses of a system: counted over its gates, shown as a gauge, logged once per change.

use std::sync::{Arc, Mutex};

use crate::clients::System;
use crate::sink::error::Error;
use crate::telemetry::{RoleHealth, metrics};

/// Why a system takes nothing at all for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pause {
    Credentials,
    Limit,
    Outage,
}

impl Pause {
    const ALL: [Self; 3] = [Self::Credentials, Self::Limit, Self::Outage];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Limit => "limit",
            Self::Outage => "outage",
        }
    }

    /// What a person can do about it. Nothing is given up meanwhile.
    fn fix(self, system: System) -> &'static str {
        match (self, system) {
            (Self::Credentials, System::Intercom) => {
                "put a valid access_token where the configuration says; one in a file is read anew"
            }
            (Self::Credentials, System::Salesforce) => {
                "see that the app, its secret or key and the integration user are valid; a secret \
                 in a file is read anew"
            }
            (Self::Limit, _) => "wait, or see who else uses up the calls",
            (Self::Outage, _) => "wait; the system does not answer",
        }
    }
}

/// How many gates of a system are shut, per reason.
#[derive(Debug)]
pub struct Pauses {
    system: System,
    health: Option<RoleHealth>,
    waiting: Mutex<[usize; 3]>,
}

/// One gate's pause; ends when dropped.
#[derive(Debug)]
pub struct Waiting {
    pauses: Arc<Pauses>,
    reason: Pause,
}

impl Pauses {
    pub fn new(system: System, health: Option<RoleHealth>) -> Arc<Self> {
        Arc::new(Self {
            system,
            health,
            waiting: Mutex::default(),
        })
    }

    pub fn enter(self: &Arc<Self>, reason: Pause, error: &Error) -> Waiting {
        if self.change(reason, |gates| gates + 1) == 1 {
            let fix = reason.fix(self.system);
            let (system, reason) = (self.system.as_str(), reason.as_str());
            let code = &error.source;
            tracing::warn!(system, reason, %code, fix, "{system} is paused: {reason}; {fix}");
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
        let left = *gates;
        if let Some(health) = &self.health {
            let part = format!("sink/{}", self.system.as_str());
            let held = |reason: &Pause| waiting[*reason as usize] > 0;
            match Pause::ALL.iter().find(|reason| held(reason)) {
                Some(reason) => health.degraded(&part, reason.as_str()),
                None => health.recovered(&part),
            }
        }
        left
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
        let pauses = Pauses::new(System::Intercom, None);
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
