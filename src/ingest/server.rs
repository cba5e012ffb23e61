//! The HTTP door for webhooks: limits, statuses, and an orderly end.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::config;
use crate::ingest::appender;
use crate::ingest::intercom::{Answer, Post, Receiver, Workspace};
use crate::ports::clock::Clock;
use crate::ports::event_log::EventLog;
use crate::telemetry::metrics;

pub const INTERCOM_PATH: &str = "/webhooks/intercom";
/// Intercom itself gives up after 5 s.
const BODY_WAIT: Duration = Duration::from_secs(5);
/// How long requests under way may take once the server is told to stop.
const STOP_WAIT: Duration = Duration::from_secs(10);
/// One permit of the intake budget.
const PERMIT_BYTES: usize = 1_024;

/// What the server is started with.
#[derive(Clone, Debug)]
pub struct Options {
    pub listen: SocketAddr,
    pub body_bytes_max: usize,
    pub workspaces: Vec<Workspace>,
    pub limits: config::Ingest,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        listen: SocketAddr,
        source: std::io::Error,
    },
    #[error("cannot start storing")]
    Appender(#[from] appender::Error),
}

/// A running server.
pub struct Handle {
    listening: SocketAddr,
    closing: watch::Sender<bool>,
    serving: JoinHandle<()>,
    appending: appender::Thread,
}

struct Door {
    receiver: Receiver,
    body_bytes_max: usize,
    /// Bounds the memory of all bodies under way.
    intake: Semaphore,
    intake_permits: usize,
}

impl Options {
    pub fn of(config: &config::Config) -> Self {
        Self {
            listen: config.server.webhooks,
            body_bytes_max: config.server.body_bytes_max,
            workspaces: Workspace::of(config),
            limits: config.ingest.clone(),
        }
    }
}

/// Listens and serves until the handle is stopped.
pub async fn start(
    options: Options,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
) -> Result<Handle, Error> {
    let listen = options.listen;
    let failed = |source| Error::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let listening = listener.local_addr().map_err(failed)?;
    let limits = options.limits;
    let (appender, appending) = appender::start(log, limits.queue_max)?;
    let intake_permits = limits
        .intake_bytes_max
        .max(options.body_bytes_max)
        .div_ceil(PERMIT_BYTES);
    let door = Arc::new(Door {
        receiver: Receiver::new(
            options.workspaces,
            appender,
            limits.append_timeout,
            limits.remembered_max,
            clock,
        ),
        body_bytes_max: options.body_bytes_max,
        intake: Semaphore::new(intake_permits),
        intake_permits,
    });
    let (closing, closed) = watch::channel(false);
    let serving = axum::serve(listener, router(door)).with_graceful_shutdown(until(closed));
    let serving = tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the webhook server ended");
        }
    });
    tracing::info!(address = %listening, "webhooks are taken at {listening}{INTERCOM_PATH}");
    Ok(Handle {
        listening,
        closing,
        serving,
        appending,
    })
}

impl Handle {
    /// Where it really listens; differs from the configuration where that says port 0.
    pub fn address(&self) -> SocketAddr {
        self.listening
    }

    /// Takes no new posts, ends those under way, and returns when the last append is done.
    pub async fn stop(self) {
        self.closing.send_replace(true);
        let abort = self.serving.abort_handle();
        if tokio::time::timeout(STOP_WAIT, self.serving).await.is_err() {
            tracing::warn!("webhooks under way did not end in time and are cut off");
            abort.abort();
        }
        let appending = self.appending;
        let joined = tokio::task::spawn_blocking(move || appending.join());
        if tokio::time::timeout(STOP_WAIT, joined).await.is_err() {
            tracing::warn!("the log did not answer the last append in time");
        }
    }
}

fn router(door: Arc<Door>) -> Router {
    let limit = DefaultBodyLimit::max(door.body_bytes_max);
    // HEAD is the handshake of Intercom's endpoint validation; GET stays refused.
    let intercom = routing::head(|| async { StatusCode::OK }).post(post);
    Router::new()
        .route(INTERCOM_PATH, intercom)
        .layer(limit)
        .with_state(door)
}

async fn until(mut closed: watch::Receiver<bool>) {
    // An error means that the handle is gone, which also ends the server.
    let _ = closed.wait_for(|closed| *closed).await;
}

async fn post(State(door): State<Arc<Door>>, request: Request) -> StatusCode {
    let (status, outcome) = door.answer(request).await;
    metrics().webhooks_total.with_label_values(&[outcome]).inc();
    status
}

impl Door {
    async fn answer(&self, request: Request) -> (StatusCode, &'static str) {
        let headers = request.headers().clone();
        let length = content_length(&headers);
        if length.is_some_and(|length| length > self.body_bytes_max) {
            return (StatusCode::PAYLOAD_TOO_LARGE, "too_large");
        }
        if !headers.contains_key("x-hub-signature") {
            return (StatusCode::UNAUTHORIZED, Answer::BadSignature.name());
        }
        let bytes = length.unwrap_or(self.body_bytes_max);
        let permits = bytes.div_ceil(PERMIT_BYTES).clamp(1, self.intake_permits) as u32;
        let Ok(_permit) = self.intake.try_acquire_many(permits) else {
            return (StatusCode::SERVICE_UNAVAILABLE, Answer::Unavailable.name());
        };
        let bytes = match within_wait(Bytes::from_request(request, &())).await {
            Some(Ok(bytes)) => bytes,
            Some(Err(refused)) if refused.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return (StatusCode::PAYLOAD_TOO_LARGE, "too_large");
            }
            Some(Err(_)) => return (StatusCode::BAD_REQUEST, Answer::Unavailable.name()),
            None => return (StatusCode::REQUEST_TIMEOUT, Answer::Unavailable.name()),
        };
        let began = Instant::now();
        let text = |name| {
            headers
                .get(name)
                .and_then(|value: &header::HeaderValue| value.to_str().ok())
        };
        let answer = self.receiver.receive(Post {
            signature: text("x-hub-signature"),
            traceparent: text("traceparent"),
            content_type: text("content-type"),
            bytes: &bytes,
        });
        let answer = answer.await;
        metrics()
            .webhook_duration_seconds
            .observe(began.elapsed().as_secs_f64());
        (status(answer), answer.name())
    }
}

/// Never 410, which ends the subscription, and never 429, which delays all of it for hours.
fn status(answer: Answer) -> StatusCode {
    match answer {
        Answer::Accepted | Answer::Duplicate | Answer::Ping | Answer::DeadLetter => StatusCode::OK,
        Answer::BadSignature => StatusCode::UNAUTHORIZED,
        Answer::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn within_wait<T>(reading: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(BODY_WAIT, reading).await.ok()
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}
