//! The HTTP door for webhooks: limits, statuses, and an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config;
use crate::ingest::appender;
use crate::ingest::connections;
use crate::ingest::intake::{Intake, NoBody};
use crate::ingest::intercom::verify::Signature;
use crate::ingest::intercom::{Answer, Post, Receiver, Workspace};
use crate::ports::clock::Clock;
use crate::ports::event_log::EventLog;
use crate::telemetry::metrics;

pub const INTERCOM_PATH: &str = "/webhooks/intercom";
/// How long requests under way may take once the server is told to stop.
const STOP_WAIT: Duration = Duration::from_secs(10);
const SIGNATURE: &str = "x-hub-signature";

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
    #[error(
        "server.webhooks: cannot listen on {listen}: {source}; name another address, or end who \
         has it"
    )]
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
    intake: Intake,
}

/// The door as one connection meets it.
#[derive(Clone)]
struct Caller {
    door: Arc<Door>,
    asked: Arc<AtomicBool>,
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
    let intake_bytes_max = limits.intake_bytes_max.max(options.body_bytes_max);
    let door = Arc::new(Door {
        receiver: Receiver::new(
            options.workspaces,
            appender,
            limits.append_timeout,
            limits.remembered_max,
            clock,
        ),
        body_bytes_max: options.body_bytes_max,
        intake: Intake::new(intake_bytes_max),
    });
    let (closing, closed) = watch::channel(false);
    let router = move |asked| {
        let door = Arc::clone(&door);
        router(Caller { door, asked })
    };
    let connections_max = connections::CONNECTIONS_MAX;
    let serving = connections::serve(listener, connections_max, router, closed);
    let serving = tokio::spawn(serving);
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

fn router(caller: Caller) -> Router {
    // HEAD is the handshake of Intercom's endpoint validation; GET stays refused.
    let intercom = routing::head(|| async { last(StatusCode::OK) }).post(post);
    Router::new()
        .route(INTERCOM_PATH, intercom)
        .with_state(caller)
}

async fn post(State(caller): State<Caller>, request: Request) -> Response {
    caller.asked.store(true, Ordering::Relaxed);
    let (status, outcome) = caller.door.answer(request).await;
    metrics().webhooks_total.with_label_values(&[outcome]).inc();
    if status == StatusCode::OK {
        status.into_response()
    } else {
        last(status)
    }
}

/// The last answer of its connection: only who signs may keep one open, of which there are few.
fn last(status: StatusCode) -> Response {
    (status, [(header::CONNECTION, "close")]).into_response()
}

impl Door {
    async fn answer(&self, request: Request) -> (StatusCode, &'static str) {
        let (head, body) = request.into_parts();
        let text = |name| {
            let value: Option<&HeaderValue> = head.headers.get(name);
            value.and_then(|value| value.to_str().ok())
        };
        if content_length(&head.headers).is_some_and(|length| length > self.body_bytes_max) {
            return (StatusCode::PAYLOAD_TOO_LARGE, "too_large");
        }
        // What cannot be right costs neither memory nor time.
        if text(SIGNATURE).and_then(Signature::parse).is_none() {
            return (StatusCode::UNAUTHORIZED, Answer::BadSignature.name());
        }
        let body = match self.intake.read(body, self.body_bytes_max).await {
            Ok(body) => body,
            Err(error) => return refused(error),
        };
        let began = Instant::now();
        let answer = self.receiver.receive(Post {
            signature: text(SIGNATURE),
            traceparent: text("traceparent"),
            content_type: text("content-type"),
            bytes: &body.bytes,
        });
        let answer = answer.await;
        metrics()
            .webhook_duration_seconds
            .observe(began.elapsed().as_secs_f64());
        (status(answer), answer.name())
    }
}

fn refused(error: NoBody) -> (StatusCode, &'static str) {
    let unavailable = Answer::Unavailable.name();
    match error {
        NoBody::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        NoBody::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, unavailable),
        NoBody::TooSlow => (StatusCode::REQUEST_TIMEOUT, unavailable),
        NoBody::Broken => (StatusCode::BAD_REQUEST, unavailable),
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

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}
