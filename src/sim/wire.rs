//! The transport under one execution: a request is parked until the world has answered it, so the
//! real executors run, stop and go on as the world's clock says.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::clients::intercom::{self, client::Options as IntercomOptions};
use crate::clients::salesforce::{self, client::Options as SalesforceOptions};
use crate::clients::transport::{Answer, Failure, Request, Response, Transport};
use crate::config::{Grant, Secret};
use crate::domain::{BridgeId, Command, Outcome, SourceId, Timestamp, Topic};
use crate::ports::clock::Clock;
use crate::sim::mapping::{BRIDGE, CLIENT_TOKEN, SALES, SUPPORT};
use crate::sink::{self, Execute};

/// Requests are given up after this long.
pub const REQUEST_TIMEOUT_MS: i64 = 30_000;
pub const ORG_URL: &str = "https://org.example.com";
pub const WORKSPACE_URL: &str = "https://api.example.com";

type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The world's clock, in milliseconds since the epoch.
#[derive(Debug, Default)]
pub struct WorldClock(pub AtomicI64);

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

#[derive(Default)]
struct Slot {
    asked: Option<Request>,
    answer: Option<Result<Response, Failure>>,
}

struct Wire {
    slot: Mutex<Slot>,
    /// The body that answers every login.
    login: Vec<u8>,
}

impl Wire {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().expect("no holder of this lock panics")
    }
}

impl Transport for Wire {
    fn send(&self, request: Request) -> Answer<'_> {
        if request.url.ends_with("/services/oauth2/token") {
            let body = self.login.clone();
            return Box::pin(async move {
                Ok(Response {
                    status: 200,
                    headers: Vec::new(),
                    body,
                })
            });
        }
        self.lock().asked = Some(request);
        Box::pin(poll_fn(|_| match self.lock().answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }))
    }
}

/// How far an execution came.
pub enum Progress {
    Asks(Request),
    Done(Outcome),
}

/// One command on its way through the real executor. It has clients of its own: what one learns
/// of pauses does not hold up another, which would make the order of their requests chance.
pub struct Run {
    wire: Arc<Wire>,
    running: Running,
    /// Whether it has to read before it writes.
    pub repeat: bool,
}

impl Run {
    pub fn new(
        topic: Topic,
        command: Command,
        repeat: bool,
        clock: Arc<WorldClock>,
        login: Vec<u8>,
    ) -> Self {
        let slot = Mutex::default();
        let wire = Arc::new(Wire { slot, login });
        let transport: Arc<dyn Transport> = wire.clone();
        let executor: Box<dyn Execute> = match topic {
            Topic::SalesforceWrites => Box::new(salesforce_executor(transport)),
            _ => Box::new(intercom_executor(transport, clock)),
        };
        let running = async move { executor.execute(&command, repeat).await };
        Self {
            wire,
            running: Box::pin(running),
            repeat,
        }
    }

    pub fn answer(&mut self, answer: Result<Response, Failure>) {
        self.wire.lock().answer = Some(answer);
    }

    /// Goes on until it asks something or is done. Its pauses pass at once, in a millisecond or
    /// two of real time.
    pub fn advance(&mut self, runtime: &Runtime) -> Progress {
        let (wire, running) = (&self.wire, &mut self.running);
        runtime.block_on(poll_fn(|context| {
            if let Poll::Ready(outcome) = running.as_mut().poll(context) {
                return Poll::Ready(Progress::Done(outcome));
            }
            match wire.lock().asked.take() {
                Some(request) => Poll::Ready(Progress::Asks(request)),
                None => Poll::Pending,
            }
        }))
    }
}

fn pace() -> sink::retry::Options {
    sink::retry::Options {
        interval_first: Duration::ZERO,
        interval_max: Duration::ZERO,
        // Real time is not the world's: a slow machine must not change what happens.
        stale_after: Duration::from_secs(3_600),
        ..sink::retry::Options::default()
    }
}

fn bridge() -> BridgeId {
    BridgeId::new(BRIDGE).expect("it is a well-formed id")
}

fn source(name: &str) -> SourceId {
    SourceId::new(name).expect("it is a well-formed id")
}

fn salesforce_executor(transport: Arc<dyn Transport>) -> sink::salesforce::execute::Executor {
    let options = SalesforceOptions {
        login_url: ORG_URL.into(),
        client_id: "sandbox-client-id".into(),
        grant: Grant::ClientCredentials {
            client_secret: Secret::new("sandbox-client-secret"),
        },
        api_version: "66.0".into(),
        client_token: CLIENT_TOKEN.into(),
        request_timeout: Duration::from_millis(REQUEST_TIMEOUT_MS as u64),
    };
    let client = Arc::new(salesforce::client::Client::new(options, transport));
    let clients = [((bridge(), source(SALES)), client)].into();
    sink::salesforce::execute::Executor::new(clients, pace())
}

fn intercom_executor(
    transport: Arc<dyn Transport>,
    clock: Arc<WorldClock>,
) -> sink::intercom::execute::Executor {
    let options = IntercomOptions {
        base_url: WORKSPACE_URL.into(),
        access_token: Secret::new("sandbox-access-token"),
        api_version: "2.14".into(),
        request_timeout: Duration::from_millis(REQUEST_TIMEOUT_MS as u64),
        reserve_percent: 0,
    };
    let client = Arc::new(intercom::Client::new(options, transport, clock));
    let clients = [((bridge(), source(SUPPORT)), client)].into();
    // Search shows at once what was made: its lag is a pause of real time.
    let settings = sink::intercom::execute::Settings {
        search_lag: Duration::ZERO,
        ..Default::default()
    };
    let executor = sink::intercom::execute::Executor::new(clients, pace());
    executor.with_settings([(source(SUPPORT), settings)].into())
}
