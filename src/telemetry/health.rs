//! Whether the process lives and is ready, and if not, why: one state per role.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// The process's health, shared by its roles and the admin server.
///
/// Not ready before `all_registered`, so that no role is forgotten while the process starts.
#[derive(Clone, Debug, Default)]
pub struct Health {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    complete: bool,
    stopping: bool,
    roles: BTreeMap<&'static str, State>,
    /// What works on with less than it should have: reasons by part.
    degraded: BTreeMap<String, String>,
}

#[derive(Debug)]
enum State {
    /// Why it is not ready yet: `starting`, `catching up`.
    NotReady(String),
    Ready,
    /// It ended although nobody asked it to: the process should be restarted.
    Failed(String),
}

/// One role's hand on its state.
#[derive(Clone, Debug)]
pub struct RoleHealth {
    role: &'static str,
    health: Health,
}

/// What `/readyz` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    NotReady {
        /// By role.
        reasons: BTreeMap<String, String>,
    },
}

// === impl Health ===

impl Health {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a role, which is not ready until it says so.
    pub fn register(&self, role: &'static str) -> RoleHealth {
        let state = State::NotReady("starting".to_owned());
        self.lock().roles.insert(role, state);
        RoleHealth {
            role,
            health: self.clone(),
        }
    }

    /// Says that no further role will be registered.
    pub fn all_registered(&self) {
        self.lock().complete = true;
    }

    /// Says that the process is shutting down: not ready from now on, but alive.
    pub fn stopping(&self) {
        self.lock().stopping = true;
    }

    /// False once a role has failed.
    pub fn live(&self) -> bool {
        let inner = self.lock();
        !inner
            .roles
            .values()
            .any(|state| matches!(state, State::Failed(_)))
    }

    pub fn readiness(&self) -> Readiness {
        let inner = self.lock();
        let mut reasons = BTreeMap::new();
        if inner.stopping {
            reasons.insert("process".to_owned(), "shutting down".to_owned());
        } else if !inner.complete {
            reasons.insert("process".to_owned(), "starting".to_owned());
        }
        for (role, state) in &inner.roles {
            match state {
                State::Ready => {}
                State::NotReady(reason) => {
                    reasons.insert((*role).to_owned(), reason.clone());
                }
                State::Failed(reason) => {
                    reasons.insert((*role).to_owned(), format!("failed: {reason}"));
                }
            }
        }
        if reasons.is_empty() {
            Readiness::Ready
        } else {
            Readiness::NotReady { reasons }
        }
    }

    /// What works on, but needs somebody's eye: reasons by part, such as `sales/cdc`.
    pub fn degraded(&self) -> BTreeMap<String, String> {
        self.lock().degraded.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock panics")
    }
}

// === impl RoleHealth ===

impl RoleHealth {
    pub fn ready(&self) {
        self.set(State::Ready);
    }

    /// Reasons are shown to anybody who asks: codes and ids only.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.set(State::NotReady(reason.into()));
    }

    pub fn failed(&self, reason: impl Into<String>) {
        self.set(State::Failed(reason.into()));
    }

    /// Says that a part of the role does not do all of its work; the role stays as ready as it is.
    /// Parts are feeds by name, so their number is bounded by the configuration.
    pub fn degraded(&self, part: &str, reason: impl Into<String>) {
        let mut inner = self.health.lock();
        inner.degraded.insert(part.to_owned(), reason.into());
    }

    /// Takes `degraded` back.
    pub fn recovered(&self, part: &str) {
        self.health.lock().degraded.remove(part);
    }

    fn set(&self, state: State) {
        let mut inner = self.health.lock();
        let failed = matches!(inner.roles.get(self.role), Some(State::Failed(_)));
        if !failed {
            inner.roles.insert(self.role, state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(health: &Health) -> Vec<(String, String)> {
        match health.readiness() {
            Readiness::Ready => Vec::new(),
            Readiness::NotReady { reasons } => reasons.into_iter().collect(),
        }
    }

    #[test]
    fn ready_only_when_every_role_is() {
        let health = Health::new();
        assert_eq!(reasons(&health), [("process".into(), "starting".into())]);
        let (ingest, processor) = (health.register("ingest"), health.register("processor"));
        health.all_registered();
        ingest.ready();
        processor.not_ready("catching up");
        assert_eq!(
            reasons(&health),
            [("processor".into(), "catching up".into())]
        );
        processor.ready();
        assert_eq!(health.readiness(), Readiness::Ready);
        health.stopping();
        assert_eq!(
            reasons(&health),
            [("process".into(), "shutting down".into())]
        );
        assert!(health.live());
    }

    #[test]
    fn a_degraded_part_is_named_and_leaves_the_role_ready() {
        let health = Health::new();
        let role = health.register("feeds");
        health.all_registered();
        role.ready();
        role.degraded("sales/cdc", "limit_used_up");
        assert_eq!(health.readiness(), Readiness::Ready);
        assert_eq!(health.degraded()["sales/cdc"], "limit_used_up");
        role.recovered("sales/cdc");
        assert!(health.degraded().is_empty());
    }

    #[test]
    fn a_failed_role_stays_failed() {
        let health = Health::new();
        let role = health.register("sink");
        health.all_registered();
        role.failed("lane ended");
        role.ready();
        assert!(!health.live());
        assert_eq!(
            reasons(&health),
            [("sink".into(), "failed: lane ended".into())]
        );
    }
}
