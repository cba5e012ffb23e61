//! The simulated org on a socket, and the handle a script holds.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

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
use crate::sandbox::switches;

/// A running simulated org. It stops when this is dropped.
pub struct Handle {
    host: Arc<Host<Salesforce>>,
    port: Port,
}

/// What the shared socket side asks for.
struct Salesforce {
    org: Mutex<Org>,
    first: Settings,
}

/// Starts a simulated org.
pub async fn start(options: Options) -> Result<Handle, Error> {
    let (listener, addr) = host::listen(options.listen).await?;
    let first = Settings {
        client_id: options.client_id,
        client_secret: options.client_secret,
        org_id: options.org_id,
        user_id: options.user_id,
        base_url: format!("http://{addr}"),
        api_daily_max: options.api_daily_max,
        session_idle_ms: i64::try_from(options.session_idle.as_millis()).unwrap_or(i64::MAX),
        jwt_public_key: options.jwt_public_key,
        switches: options.switches,
    };
    let vendor = Salesforce {
        org: Mutex::new(Org::new(first.clone())),
        first,
    };
    let clock = Arc::new(Clock::new());
    let host = Arc::new(Host::new(vendor, clock, Arc::default(), options.control));
    let port = host::serve(Arc::clone(&host), listener, addr);
    Ok(Handle { host, port })
}

// === impl Handle ===

impl Handle {
    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.port.addr
    }

    /// The base of its API and of its token endpoint, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.port.addr)
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

    /// Closes the port.
    pub async fn shutdown(self) {
        self.port.close().await;
    }
}

// === impl Salesforce ===

impl Vendor for Salesforce {
    fn answer(&self, request: &Request, now_ms: i64) -> Answer {
        lock(&self.org).handle(request, now_ms)
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
        lock(&self.org).act(act, now_ms)
    }

    fn set_switches(&self, changes: &Value) -> Result<Value, String> {
        let mut org = lock(&self.org);
        org.settings.switches = switches::overlaid(&org.settings.switches, changes)?;
        Ok(json!(org.settings.switches))
    }

    fn reset(&self) {
        *lock(&self.org) = Org::new(self.first.clone());
    }

    async fn control(&self, request: &Request) -> Option<Result<Value, String>> {
        control::answer(&lock(&self.org), request)
    }
}
