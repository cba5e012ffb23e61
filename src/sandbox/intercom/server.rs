//! The simulated workspace on a socket, and the handle a script holds.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::sandbox::clock::Clock;
use crate::sandbox::error::Error;
use crate::sandbox::exchange::{Answer, Request};
use crate::sandbox::fault::{Kind, Plan, Rule};
use crate::sandbox::guard::lock;
use crate::sandbox::host::{self, Host, Port, Vendor};
use crate::sandbox::intercom::control;
use crate::sandbox::intercom::delivery::Courier;
use crate::sandbox::intercom::delivery_log::Delivery;
use crate::sandbox::intercom::model::{Problem, Settings, Workspace};
use crate::sandbox::intercom::options::Options;
use crate::sandbox::request_log::Entry;
use crate::sandbox::switches;
use crate::sandbox::tls::{self, Tls};

/// A running simulated workspace. It stops when this is dropped.
pub struct Handle {
    host: Arc<Host<Intercom>>,
    port: Port,
    scheme: &'static str,
}

/// What the shared socket side asks for.
struct Intercom {
    workspace: Mutex<Workspace>,
    first: Settings,
    courier: Arc<Courier>,
}

/// Starts a simulated workspace.
pub async fn start(options: Options) -> Result<Handle, Error> {
    let (listener, addr) = host::listen(options.listen).await?;
    let clock = Arc::new(Clock::new());
    let faults = Arc::new(Mutex::new(Plan::default()));
    let acceptor = options.tls.as_ref().map(Tls::acceptor).transpose()?;
    let scheme = tls::scheme(options.tls.as_ref());
    let courier = Courier::new(&options, Arc::clone(&clock), Arc::clone(&faults))?;
    let first = Settings {
        app_id: options.app_id,
        access_token: options.access_token,
        rate_limit_per_10s: options.rate_limit_per_10s,
        search_lag_ms: i64::try_from(options.search_lag.as_millis()).unwrap_or(i64::MAX),
        utc_offset_minutes: options.workspace_utc_offset_minutes,
        switches: options.switches,
    };
    let workspace = Mutex::new(Workspace::new(first.clone()));
    let vendor = Intercom {
        workspace,
        first,
        courier,
    };
    let host = Arc::new(Host::new(vendor, clock, faults, options.control));
    let port = host::serve(Arc::clone(&host), listener, addr, acceptor);
    Ok(Handle { host, port, scheme })
}

// === impl Handle ===

impl Handle {
    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.port.addr
    }

    /// The base of its REST API, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("{}://{}", self.scheme, self.port.addr)
    }

    /// Points the notifications at an endpoint that must answer a HEAD request first.
    pub async fn set_webhook_url(&self, url: String) -> Result<(), Error> {
        self.host.vendor.courier.point_at(&url, true).await
    }

    /// Every request, oldest first.
    pub fn request_log(&self) -> Vec<Entry> {
        self.request_log_since(0)
    }

    /// The requests with a number greater than `since`.
    pub fn request_log_since(&self, since: u64) -> Vec<Entry> {
        self.host.requests_since(since)
    }

    /// Every attempt to deliver a notification, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.deliveries_since(0)
    }

    /// The attempts with a number greater than `since`.
    pub fn deliveries_since(&self, since: u64) -> Vec<Delivery> {
        self.host.vendor.courier.since(since)
    }

    /// The whole state; see `GET /__sandbox/state`.
    pub fn state(&self) -> Value {
        self.host.vendor.state(self.host.clock.now_ms())
    }

    /// Acts as a person; verbs in [`crate::sandbox::intercom::acts`].
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

    /// How many requests it answers in ten seconds from now on; Intercom's own is 1,667.
    pub fn set_rate_limit(&self, per_10s: u32) {
        lock(&self.host.vendor.workspace)
            .settings
            .rate_limit_per_10s = per_10s;
    }

    /// Moves this sandbox's clock forward.
    pub fn advance_ms(&self, by_ms: u64) {
        self.host
            .clock
            .advance_ms(i64::try_from(by_ms).unwrap_or(i64::MAX));
    }

    /// Back to the first state: records, faults, logs and clock; the endpoint stays.
    pub fn reset(&self) {
        self.host.reset();
    }

    /// Closes the port; what waits to be delivered is given up.
    pub async fn shutdown(self) {
        self.host.vendor.courier.reset();
        self.port.close().await;
    }
}

// === impl Intercom ===

impl Vendor for Intercom {
    fn answer(&self, request: &Request, now_ms: i64) -> Answer {
        let mut workspace = lock(&self.workspace);
        let answer = workspace.handle(request, now_ms);
        self.courier.submit(workspace.take_notifications());
        answer
    }

    fn refuse(&self, kind: Kind, _request: &Request, now_ms: i64) -> Answer {
        let mut workspace = lock(&self.workspace);
        let limit = workspace.settings.rate_limit_per_10s;
        let limited = matches!(kind, Kind::RateLimited | Kind::ForbiddenLimit);
        let problem = match kind {
            Kind::Unauthorized => Problem::new(
                401,
                "token_unauthorized",
                "Not authorized to access resource",
            ),
            _ if limited => Problem::new(
                429,
                "rate_limit_exceeded",
                format!("Exceeded rate limit of {limit} in 10_seconds"),
            ),
            _ => Problem::new(500, "server_error", "An unexpected error occurred"),
        };
        workspace.refuse(&problem, limited, now_ms)
    }

    fn state(&self, _now_ms: i64) -> Value {
        let mut state = lock(&self.workspace).state();
        state["deliveries"] = self.courier.standing();
        state
    }

    fn act(&self, act: &Value, now_ms: i64) -> Result<Value, String> {
        if let Some(outcome) = control::act(&self.courier, act) {
            return outcome;
        }
        let mut workspace = lock(&self.workspace);
        let outcome = workspace.act(act, now_ms);
        self.courier.submit(workspace.take_notifications());
        outcome
    }

    fn set_switches(&self, changes: &Value) -> Result<Value, String> {
        let mut workspace = lock(&self.workspace);
        let switches = switches::overlaid(&workspace.settings.switches, changes)?;
        let all = json!(switches);
        let keeps = switches.retry_keeps_notification_id;
        self.courier.retry_keeps_id.store(keeps, Ordering::Release);
        workspace.settings.switches = switches;
        Ok(all)
    }

    fn reset(&self) {
        *lock(&self.workspace) = Workspace::new(self.first.clone());
        self.courier.reset();
        let keeps = self.first.switches.retry_keeps_notification_id;
        self.courier.retry_keeps_id.store(keeps, Ordering::Release);
    }

    async fn control(&self, request: &Request) -> Option<Result<Value, String>> {
        control::answer(&self.courier, request).await
    }
}
