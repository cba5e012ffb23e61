//! The simulated org on a socket, and the handle a script holds.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::sandbox::clock::Clock;
use crate::sandbox::error::Error;
use crate::sandbox::exchange::{Answer, Request};
use crate::sandbox::fault::{Kind, Rule};
use crate::sandbox::guard::lock;
use crate::sandbox::host::{self, Host, Port, Vendor};
use crate::sandbox::request_log::Entry;
use crate::sandbox::salesforce::control;
use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::model::{Change, Org, Settings};
use crate::sandbox::salesforce::options::Options;
use crate::sandbox::salesforce::pubsub::{self, Timing};
use crate::sandbox::switches;
use crate::sandbox::tls::{self, Tls};

/// A running simulated org. It stops when this is dropped.
pub struct Handle {
    host: Arc<Host<Salesforce>>,
    port: Port,
    pubsub: Port,
    scheme: &'static str,
}

/// What the shared socket side asks for.
pub(super) struct Salesforce {
    pub(super) org: Mutex<Org>,
    first: Settings,
    /// Rings when there may be new change events.
    pub(super) bell: watch::Sender<u64>,
}

/// Starts a simulated org.
pub async fn start(options: Options) -> Result<Handle, Error> {
    let (listener, addr) = host::listen(options.listen).await?;
    let pubsub_listener = host::listen(options.pubsub_listen).await?;
    let acceptor = options.tls.as_ref().map(Tls::acceptor).transpose()?;
    let scheme = tls::scheme(options.tls.as_ref());
    let first = Settings::of(&options, format!("{scheme}://{addr}"));
    let vendor = Salesforce {
        org: Mutex::new(Org::new(first.clone())),
        first,
        bell: watch::Sender::new(0),
    };
    let clock = Arc::new(Clock::new());
    let host = Arc::new(Host::new(vendor, clock, Arc::default(), options.control));
    let pubsub = pubsub::open(
        Arc::clone(&host),
        pubsub_listener,
        options.tls.as_ref(),
        Timing {
            keepalive: options.keepalive,
            credit_wait: options.credit_wait,
        },
    )?;
    let port = host::serve(Arc::clone(&host), listener, addr, acceptor);
    Ok(Handle {
        host,
        port,
        pubsub,
        scheme,
    })
}

// === impl Handle ===

impl Handle {
    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.port.addr
    }

    /// The base of its API and of its token endpoint, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("{}://{}", self.scheme, self.port.addr)
    }

    /// The base of its Pub/Sub API, without a slash at the end.
    pub fn pubsub_url(&self) -> String {
        format!("{}://{}", self.scheme, self.pubsub.addr)
    }

    /// Every request, oldest first.
    pub fn request_log(&self) -> Vec<Entry> {
        self.request_log_since(0)
    }

    /// The requests with a number greater than `since`.
    pub fn request_log_since(&self, since: u64) -> Vec<Entry> {
        self.host.requests_since(since)
    }

    /// The changes with a number greater than `since`, in commit order.
    pub fn changes_since(&self, since: u64) -> Vec<Change> {
        lock(&self.host.vendor.org).changes_since(since)
    }

    /// The whole state; see `GET /__sandbox/state`.
    pub fn state(&self) -> Value {
        self.host.vendor.state(self.host.clock.now_ms())
    }

    /// Acts as a person; verbs in [`crate::sandbox::salesforce::acts`].
    pub fn act(&self, act: Value) -> Result<Value, Error> {
        self.host
            .vendor
            .act(&act, self.host.clock.now_ms())
            .map_err(Error::Refused)
    }

    /// Adds a fault rule.
    pub fn add_fault(&self, rule: Rule) -> Result<(), Error> {
        self.host.add_fault(rule).map_err(Error::Refused)
    }

    /// Removes every fault rule.
    pub fn clear_faults(&self) {
        lock(&self.host.faults).clear();
    }

    /// Sets switches by name and answers all of them.
    pub fn set_switches(&self, changes: Value) -> Result<Value, Error> {
        self.host
            .vendor
            .set_switches(&changes)
            .map_err(Error::Refused)
    }

    /// Moves this sandbox's clock forward.
    pub fn advance_ms(&self, by_ms: u64) {
        self.host
            .clock
            .advance_ms(i64::try_from(by_ms).unwrap_or(i64::MAX));
    }

    /// Back to the first state: records, tokens, faults, logs and clock.
    pub fn reset(&self) {
        self.host.reset();
    }

    /// Closes both ports; open streams end.
    pub async fn shutdown(self) {
        self.pubsub.close().await;
        self.port.close().await;
    }
}

// === impl Salesforce ===

impl Salesforce {
    /// Makes events of what was committed and wakes the streams.
    fn publish(&self, org: &mut Org) {
        org.publish_events();
        self.bell.send_modify(|rung| *rung = rung.wrapping_add(1));
    }
}

impl Vendor for Salesforce {
    fn answer(&self, request: &Request, now_ms: i64) -> Answer {
        let mut org = lock(&self.org);
        let answer = org.handle(request, now_ms);
        self.publish(&mut org);
        answer
    }

    fn refuse(&self, kind: Kind, request: &Request, now_ms: i64) -> Answer {
        let mut org = lock(&self.org);
        let refusal = match kind {
            Kind::Unauthorized => {
                org.forget_session(request);
                return Refusal::session().answer();
            }
            Kind::RateLimited | Kind::ForbiddenLimit => Refusal::over_limit(),
            Kind::LockedRow => return org.locked(request, now_ms),
            _ => Refusal::new(503, "SERVER_UNAVAILABLE", "Server temporarily unavailable"),
        };
        org.with_usage(refusal.answer(), now_ms)
    }

    fn state(&self, now_ms: i64) -> Value {
        lock(&self.org).state(now_ms)
    }

    fn act(&self, act: &Value, now_ms: i64) -> Result<Value, String> {
        let mut org = lock(&self.org);
        let outcome = org.act(act, now_ms);
        self.publish(&mut org);
        outcome
    }

    fn set_switches(&self, changes: &Value) -> Result<Value, String> {
        let mut org = lock(&self.org);
        org.settings.switches = switches::overlaid(&org.settings.switches, changes)?;
        Ok(json!(org.settings.switches))
    }

    fn reset(&self) {
        let mut org = lock(&self.org);
        let mut hazards = org.events.hazards.clone();
        *org = Org::new(self.first.clone());
        // Open streams stand at positions that no longer exist.
        hazards.cut();
        org.events.hazards.cuts = hazards.cuts;
        org.events.hazards.silences = hazards.silences;
        self.publish(&mut org);
    }

    async fn control(&self, request: &Request) -> Option<Result<Value, String>> {
        control::answer(&lock(&self.org), request)
    }
}
