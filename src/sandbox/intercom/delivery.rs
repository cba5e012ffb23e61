//! Delivery of notifications: attempts, the one retry, and faults.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tokio::runtime::Handle as Runtime;
use tokio::sync::{Notify, Semaphore};

use crate::sandbox::clock::{self, Clock};
use crate::sandbox::error::Error;
use crate::sandbox::fault::{Kind, Plan, Strike};
use crate::sandbox::guard::lock;
use crate::sandbox::intercom::delivery_log::{Delivery, DeliveryLog, Outcome};
use crate::sandbox::intercom::model::Notification;
use crate::sandbox::intercom::options::Options;
use crate::sandbox::intercom::signature::{self, Seal};

/// Attempts under way at the same time.
const ATTEMPTS_AT_ONCE: usize = 64;
/// Notifications waiting for an attempt or a retry; further ones are dropped and logged.
const WAITING_MAX: usize = 100_000;
/// Notifications kept for `redeliver`, and held back ones.
pub(crate) const KEPT_MAX: usize = 100_000;
/// A notification delayed longer than this by 429 answers is dropped (intercom.md 1.6).
const DELAYED_MS_MAX: i64 = 2 * 60 * 60 * 1_000;
const FAULT_DELAY_MS: u64 = 2_000;
const USER_AGENT: &str = "intercom-parrot-service-client/1.0";

/// Carries notifications to the app's endpoint.
#[derive(Debug)]
pub(crate) struct Courier {
    client: Client,
    secret: String,
    retry_after_ms: i64,
    clock: Arc<Clock>,
    faults: Arc<Mutex<Plan>>,
    runtime: Runtime,
    pub(crate) endpoint: Mutex<Endpoint>,
    pub(crate) shelf: Mutex<Shelf>,
    log: Mutex<DeliveryLog>,
    attempts: Semaphore,
    waiting: AtomicUsize,
    delivered: Notify,
    /// Grows with each reset, so that what waits from before gives up.
    era: AtomicU64,
    pub(crate) raw_sent: AtomicU64,
    pub(crate) retry_keeps_id: AtomicBool,
}

#[derive(Debug, Default)]
pub(crate) struct Endpoint {
    pub(crate) url: Option<String>,
    disabled: bool,
    /// Nothing is sent before this, because the endpoint answered 429.
    quiet_until_ms: i64,
}

#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) holding: bool,
    pub(crate) held: VecDeque<Notification>,
    pub(crate) kept: VecDeque<Notification>,
}

/// What an answer of the endpoint means (intercom.md 1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Delivered,
    Failed,
    Throttled,
    GivenUp,
}

/// One attempt to be made.
pub(crate) struct Attempt<'a> {
    pub(crate) notification: &'a Notification,
    pub(crate) number: u32,
    pub(crate) seal: Seal,
    pub(crate) fault: Option<String>,
}

// === impl Courier ===

impl Courier {
    pub(crate) fn new(
        options: &Options,
        clock: Arc<Clock>,
        faults: Arc<Mutex<Plan>>,
    ) -> Result<Arc<Self>, Error> {
        let client = Client::builder()
            .timeout(options.webhook_timeout)
            .user_agent(USER_AGENT)
            .build()
            .map_err(|source| Error::WebhookClient { source })?;
        let endpoint = Endpoint {
            url: options.webhook_url.clone(),
            ..Endpoint::default()
        };
        Ok(Arc::new(Self {
            client,
            secret: options.client_secret.clone(),
            retry_after_ms: i64::try_from(options.webhook_retry_after.as_millis())
                .unwrap_or(i64::MAX),
            clock,
            faults,
            runtime: Runtime::current(),
            endpoint: Mutex::new(endpoint),
            shelf: Mutex::default(),
            log: Mutex::default(),
            attempts: Semaphore::new(ATTEMPTS_AT_ONCE),
            waiting: AtomicUsize::new(0),
            delivered: Notify::new(),
            era: AtomicU64::new(0),
            raw_sent: AtomicU64::new(0),
            retry_keeps_id: AtomicBool::new(options.switches.retry_keeps_notification_id),
        }))
    }

    /// Takes new notifications over: each goes its own way, none waits for another.
    pub(crate) fn submit(self: &Arc<Self>, notifications: Vec<Notification>) {
        for notification in notifications {
            let holding = {
                let mut shelf = lock(&self.shelf);
                keep(&mut shelf.kept, notification.clone());
                if shelf.holding {
                    keep(&mut shelf.held, notification.clone());
                }
                shelf.holding
            };
            if holding || lock(&self.endpoint).url.is_none() {
                continue;
            }
            let strike = lock(&self.faults).for_notification(&notification.topic);
            self.spawn(vec![notification], move |courier, mut one| async move {
                if let Some(notification) = one.pop() {
                    courier.carry(notification, strike).await;
                }
            });
        }
    }

    /// Sends these one after another, each awaited; retries do not hold up the rest.
    pub(crate) fn submit_in_order(self: &Arc<Self>, notifications: Vec<Notification>) {
        self.spawn(notifications, |courier, notifications| async move {
            for notification in notifications {
                let first_sent_s = courier.clock.now_ms().div_euclid(1_000);
                let verdict = courier.attempt(&notification, 1, first_sent_s, None).await;
                if matches!(verdict, Verdict::Failed | Verdict::Throttled) {
                    courier.spawn(vec![notification], move |courier, mut one| async move {
                        if let Some(notification) = one.pop() {
                            courier
                                .again(&notification, verdict, first_sent_s, None)
                                .await;
                        }
                    });
                }
            }
        });
    }

    pub(crate) fn spawn<F>(
        self: &Arc<Self>,
        notifications: Vec<Notification>,
        work: impl FnOnce(Arc<Self>, Vec<Notification>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let count = notifications.len();
        if self.waiting.load(Ordering::Acquire).saturating_add(count) > WAITING_MAX {
            for notification in &notifications {
                self.drop_logged(notification, "too many notifications are waiting");
            }
            return;
        }
        self.waiting.fetch_add(count, Ordering::AcqRel);
        let courier = Arc::clone(self);
        self.runtime.spawn(async move {
            work(Arc::clone(&courier), notifications).await;
            courier.waiting.fetch_sub(count, Ordering::AcqRel);
        });
    }

    async fn carry(self: &Arc<Self>, notification: Notification, strike: Option<Strike>) {
        let wait_ms = strike
            .and_then(|strike| strike.delay_ms)
            .unwrap_or(FAULT_DELAY_MS);
        let wait = tokio::time::sleep(Duration::from_millis(wait_ms));
        match strike.map(|strike| strike.kind) {
            Some(Kind::Drop) => return self.drop_logged(&notification, "drop"),
            Some(Kind::Delay) => wait.await,
            Some(Kind::Reorder) => tokio::select! {
                () = wait => {}
                () = self.delivered.notified() => {}
            },
            _ => {}
        }
        let duplicate = strike.filter(|strike| strike.kind == Kind::Duplicate);
        for _ in 0..=duplicate.map_or(0, |strike| strike.extra) {
            let first_sent_s = self.clock.now_ms().div_euclid(1_000);
            let verdict = self.attempt(&notification, 1, first_sent_s, strike).await;
            self.again(&notification, verdict, first_sent_s, strike)
                .await;
        }
    }

    /// What follows a first attempt: one retry after a failure, patience after a 429.
    async fn again(
        &self,
        notification: &Notification,
        mut verdict: Verdict,
        first_sent_s: i64,
        strike: Option<Strike>,
    ) {
        let begun_ms = self.clock.now_ms();
        let era = self.era.load(Ordering::Acquire);
        let mut number = 1;
        loop {
            let now_ms = self.clock.now_ms();
            match verdict {
                Verdict::Failed if number == 1 => {}
                Verdict::Throttled if now_ms - begun_ms > DELAYED_MS_MAX => {
                    return self.drop_logged(notification, "delayed for more than two hours");
                }
                Verdict::Throttled => {}
                _ => return,
            }
            self.clock
                .until_ms(now_ms.saturating_add(self.retry_after_ms))
                .await;
            if self.era.load(Ordering::Acquire) != era {
                return;
            }
            number += 1;
            verdict = self
                .attempt(notification, number, first_sent_s, strike)
                .await;
            if verdict == Verdict::Failed {
                return;
            }
        }
    }

    async fn attempt(
        &self,
        notification: &Notification,
        number: u32,
        first_sent_s: i64,
        strike: Option<Strike>,
    ) -> Verdict {
        let Ok(_slot) = self.attempts.acquire().await else {
            return Verdict::GivenUp;
        };
        let seal = match strike.map(|strike| strike.kind) {
            Some(Kind::Unsigned) => Seal::Missing,
            Some(Kind::BadSignature) => Seal::Bad,
            _ => Seal::Valid,
        };
        let fault = strike.map(|strike| strike.kind.name());
        let attempt = Attempt {
            notification,
            number,
            seal,
            fault,
        };
        let (url, quiet_until_ms) = {
            let endpoint = lock(&self.endpoint);
            if endpoint.disabled {
                drop(endpoint);
                self.drop_logged(notification, "the endpoint is disabled");
                return Verdict::GivenUp;
            }
            (endpoint.url.clone(), endpoint.quiet_until_ms)
        };
        let Some(url) = url else {
            return Verdict::GivenUp;
        };
        self.clock.until_ms(quiet_until_ms).await;
        let id = if number > 1 && !self.retry_keeps_id.load(Ordering::Acquire) {
            format!("{}-retry", notification.id)
        } else {
            notification.id.clone()
        };
        let body = notification
            .envelope(&id, number, first_sent_s)
            .to_string()
            .into_bytes();
        self.post(&url, body, &attempt).await
    }

    pub(crate) async fn post(&self, url: &str, body: Vec<u8>, attempt: &Attempt<'_>) -> Verdict {
        let mut request = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("accept", "application/json");
        if let Some(signature) = signature::header(&self.secret, &body, attempt.seal) {
            request = request.header("x-hub-signature", signature);
        }
        let request = request.body(body);
        let mut delivery = blank(attempt.notification);
        delivery.attempt = attempt.number;
        delivery.fault = attempt.fault.clone();
        delivery.sent_ns = clock::now_ns();
        let n = lock(&self.log).open(delivery);
        let status = request
            .send()
            .await
            .ok()
            .map(|answer| answer.status().as_u16());
        let answered_ns = status.map(|_| clock::now_ns());
        let verdict = self.judge(status);
        let outcome = match verdict {
            Verdict::Delivered => Outcome::Delivered,
            _ => Outcome::Failed,
        };
        lock(&self.log).close(n, answered_ns, status, outcome);
        if verdict == Verdict::Delivered {
            self.delivered.notify_waiters();
        }
        verdict
    }

    fn judge(&self, status: Option<u16>) -> Verdict {
        match status {
            Some(200..=299) => Verdict::Delivered,
            Some(410) => {
                lock(&self.endpoint).disabled = true;
                Verdict::GivenUp
            }
            Some(429) => {
                let until_ms = self.clock.now_ms().saturating_add(self.retry_after_ms);
                lock(&self.endpoint).quiet_until_ms = until_ms;
                Verdict::Throttled
            }
            _ => Verdict::Failed,
        }
    }

    fn drop_logged(&self, notification: &Notification, why: &str) {
        let mut delivery = blank(notification);
        delivery.outcome = Outcome::Dropped;
        delivery.fault = Some(why.to_owned());
        lock(&self.log).open(delivery);
    }

    /// Points the notifications somewhere else, after the HEAD request of intercom.md 1.1.
    pub(crate) async fn point_at(&self, url: &str, check: bool) -> Result<(), Error> {
        if check {
            let refused = |reason: String| Error::Endpoint {
                url: url.to_owned(),
                reason,
            };
            let answer = self.client.head(url).send().await;
            let status = answer.map_err(|error| refused(error.to_string()))?.status();
            if !status.is_success() {
                return Err(refused(status.to_string()));
            }
        }
        let url = Some(url.to_owned());
        *lock(&self.endpoint) = Endpoint {
            url,
            ..Endpoint::default()
        };
        Ok(())
    }

    pub(crate) fn since(&self, since: u64) -> Vec<Delivery> {
        lock(&self.log).since(since)
    }

    /// Forgets what waits, is held or was logged; the endpoint stays.
    pub(crate) fn reset(&self) {
        self.era.fetch_add(1, Ordering::AcqRel);
        *lock(&self.shelf) = Shelf::default();
        lock(&self.log).clear();
        let mut endpoint = lock(&self.endpoint);
        endpoint.disabled = false;
        endpoint.quiet_until_ms = 0;
    }

    /// Where deliveries stand, for the control API.
    pub(crate) fn standing(&self) -> Value {
        let (holding, held) = {
            let shelf = lock(&self.shelf);
            (shelf.holding, shelf.held.len())
        };
        let endpoint = lock(&self.endpoint);
        json!({
            "url": endpoint.url,
            "disabled": endpoint.disabled,
            "holding": holding,
            "held": held,
            "under_way": self.waiting.load(Ordering::Acquire),
        })
    }
}

fn keep(list: &mut VecDeque<Notification>, notification: Notification) {
    if list.len() >= KEPT_MAX {
        list.pop_front();
    }
    list.push_back(notification);
}

fn blank(notification: &Notification) -> Delivery {
    Delivery {
        n: 0,
        notification_id: notification.id.clone(),
        topic: notification.topic.clone(),
        record_id: notification.record_id.clone(),
        attempt: 1,
        sent_ns: 0,
        answered_ns: None,
        status: None,
        outcome: Outcome::Sending,
        fault: None,
    }
}
