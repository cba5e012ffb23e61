//! The gate before one remote: shut while it takes nothing at all. Then one caller at a time
//! probes, in turns, and the others wait: a remote that comes back is not met by every lane at
//! once, and one record that cannot succeed does not keep the others out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;
use tokio::time::Instant;

use crate::domain::{BridgeId, SourceId};
use crate::sink::error::Error;
use crate::sink::pause::{Pause, Pauses, Waiting};

/// Longest wait that a remote may ask for; its clock or ours may be wrong.
pub const ASKED_MAX: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub struct Gate {
    pauses: Arc<Pauses>,
    interval_max: Duration,
    state: Mutex<State>,
    /// Held by the caller who probes; its queue is first come, first served.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    shut: Option<Waiting>,
    pace: ExponentialBackoff,
    probe_at: Instant,
}

/// Leave to make one call.
#[derive(Debug)]
pub struct Pass<'a> {
    gate: &'a Gate,
    probe: Option<tokio::sync::MutexGuard<'a, ()>>,
}

impl Gate {
    pub fn new(pauses: Arc<Pauses>, pace: ExponentialBackoff) -> Self {
        Self {
            pauses,
            interval_max: pace.max_interval,
            state: Mutex::new(State {
                shut: None,
                pace,
                probe_at: Instant::now(),
            }),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Waits while the gate is shut, unless it is this caller's turn to probe.
    pub async fn pass(&self) -> Pass<'_> {
        if self.probe_at().is_none() {
            return self.open_pass();
        }
        let turn = self.turn.lock().await;
        // Whoever had the turn before may have opened the gate.
        let Some(probe_at) = self.probe_at() else {
            return self.open_pass();
        };
        // Nobody else probes meanwhile, and only a probe moves its time.
        tokio::time::sleep_until(probe_at).await;
        Pass {
            gate: self,
            probe: Some(turn),
        }
    }

    fn open_pass(&self) -> Pass<'_> {
        Pass {
            gate: self,
            probe: None,
        }
    }

    fn probe_at(&self) -> Option<Instant> {
        let state = self.lock();
        state.shut.as_ref().map(|_| state.probe_at)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl Pass<'_> {
    /// The remote answered this caller, well or ill.
    pub fn answered(self) {
        // What was under way when the gate shut says nothing about now.
        if self.probe.is_some() {
            let mut state = self.gate.lock();
            state.shut = None;
            state.pace.reset();
        }
    }

    /// The remote takes nothing.
    pub fn paused(self, reason: Pause, asked: Option<Duration>, error: &Error) {
        let mut state = self.gate.lock();
        if self.probe.is_none() && state.shut.is_some() {
            return;
        }
        if state.shut.as_ref().map(Waiting::reason) != Some(reason) {
            state.shut = Some(self.gate.pauses.enter(reason, error));
        }
        let pace = state.pace.next_backoff();
        let pace = pace.unwrap_or(self.gate.interval_max);
        let wait = asked.map_or(pace, |asked| asked.min(ASKED_MAX).max(pace));
        state.probe_at = Instant::now() + wait;
    }
}

/// One gate per client: what concerns one org or workspace leaves the others alone. Bridges that
/// share a client share its gate.
#[derive(Debug)]
pub struct Gates(BTreeMap<(BridgeId, SourceId), Arc<Gate>>);

impl Gates {
    pub fn new<C>(
        clients: &BTreeMap<(BridgeId, SourceId), Arc<C>>,
        gate: impl Fn() -> Gate,
    ) -> Self {
        let mut by_client = BTreeMap::new();
        let gates = clients.iter().map(|(key, client)| {
            let shared = by_client
                .entry(Arc::as_ptr(client))
                .or_insert_with(|| Arc::new(gate()));
            (key.clone(), shared.clone())
        });
        Self(gates.collect())
    }

    /// The gate of a client that was given to `new`.
    pub fn of(&self, key: &(BridgeId, SourceId)) -> &Gate {
        &self.0[key]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::{self, System};
    use crate::sink::error::Access;

    fn gate() -> Gate {
        let mut pace = ExponentialBackoff {
            initial_interval: Duration::from_millis(20),
            max_interval: Duration::from_millis(20),
            randomization_factor: 0.0,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        pace.reset();
        Gate::new(Pauses::new(System::Intercom, None), pace)
    }

    fn error() -> Error {
        Error {
            system: System::Intercom,
            at: SourceId::new("ws").unwrap(),
            object: "contact".into(),
            access: Access::Read,
            source: clients::Error::NotSent("no connection"),
        }
    }

    async fn shut(gate: &Gate) {
        gate.pass().await.paused(Pause::Credentials, None, &error());
    }

    #[tokio::test]
    async fn one_caller_probes_and_the_others_wait_for_it() {
        let gate = gate();
        shut(&gate).await;
        let began = Instant::now();
        let probe = gate.pass().await;
        assert!(began.elapsed() >= Duration::from_millis(19));
        let second = tokio::time::timeout(Duration::from_millis(60), gate.pass());
        assert!(second.await.is_err(), "the probe is not answered yet");
        probe.answered();
        let (one, two) = (gate.pass().await, gate.pass().await);
        assert!(one.probe.is_none() && two.probe.is_none());
    }

    #[tokio::test]
    async fn a_probe_that_fails_gives_the_turn_to_the_next() {
        let gate = gate();
        shut(&gate).await;
        let probe = gate.pass().await;
        let (next, ()) = tokio::join!(gate.pass(), async {
            tokio::task::yield_now().await;
            probe.paused(Pause::Credentials, None, &error());
        });
        assert!(next.probe.is_some());
        // A probe that was cut off says nothing.
        drop(next);
        assert!(gate.probe_at().is_some());
        gate.pass().await.answered();
        assert!(gate.probe_at().is_none());
    }

    #[tokio::test]
    async fn what_was_under_way_neither_opens_the_gate_nor_delays_the_probe() {
        let gate = gate();
        let (late, later, first) = (gate.pass().await, gate.pass().await, gate.pass().await);
        first.paused(Pause::Limit, None, &error());
        let probe_at = gate.probe_at().expect("the gate is shut");
        late.answered();
        later.paused(Pause::Limit, Some(Duration::from_secs(9)), &error());
        assert_eq!(gate.probe_at(), Some(probe_at));
    }

    #[tokio::test]
    async fn a_wait_that_the_remote_asks_for_is_kept_up_to_a_bound() {
        let gate = gate();
        let began = Instant::now();
        let asked = Duration::from_secs(7);
        gate.pass()
            .await
            .paused(Pause::Limit, Some(asked), &error());
        assert!(gate.probe_at().expect("the gate is shut") >= began + asked);
        let probe = Pass {
            gate: &gate,
            probe: Some(gate.turn.lock().await),
        };
        probe.paused(Pause::Limit, Some(Duration::from_secs(9_999)), &error());
        let latest = Instant::now() + ASKED_MAX;
        assert!(gate.probe_at().expect("the gate is shut") <= latest);
    }

    #[test]
    fn bridges_that_share_a_client_share_its_gate() {
        let key = |bridge, source| {
            let bridge = BridgeId::new(bridge).unwrap();
            (bridge, SourceId::new(source).unwrap())
        };
        let (shared, own) = (Arc::new(1), Arc::new(2));
        let clients = BTreeMap::from([
            (key("a", "ws"), shared.clone()),
            (key("b", "ws"), shared),
            (key("b", "other"), own),
        ]);
        let gates = Gates::new(&clients, gate);
        let of = |bridge, source| std::ptr::from_ref(gates.of(&key(bridge, source)));
        assert_eq!(of("a", "ws"), of("b", "ws"));
        assert_ne!(of("b", "ws"), of("b", "other"));
    }
}
