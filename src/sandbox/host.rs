//! The socket side both sandboxes share: one request in, faults applied, the model asked, the
//! request logged, the answer out.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::sandbox::clock::{self, Clock};
use crate::sandbox::control;
use crate::sandbox::error::Error;
use crate::sandbox::exchange::{Answer, Content, Request};
use crate::sandbox::fault::{Kind, Plan, Rule, Strike};
use crate::sandbox::guard::lock;
use crate::sandbox::listener::{Cut, CuttingListener};
use crate::sandbox::request_log::{Entry, RequestLog};

/// The largest body a sandbox reads.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
const CLOSE_WAIT: Duration = Duration::from_millis(500);
const SLOW_MS: u64 = 3_000;
const HANG_MS: u64 = 60_000;
const GATEWAY_PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";

/// What one vendor's sandbox adds to the shared socket side.
pub(crate) trait Vendor: Send + Sync + 'static {
    /// Answers a request of the vendor's own API.
    fn answer(&self, request: &Request, now_ms: i64) -> Answer;
    /// The vendor's way of refusing with this fault.
    fn refuse(&self, kind: Kind, request: &Request, now_ms: i64) -> Answer;
    /// The whole state.
    fn state(&self, now_ms: i64) -> Value;
    /// Acts as a person.
    fn act(&self, act: &Value, now_ms: i64) -> Result<Value, String>;
    /// Sets switches by name and answers all of them.
    fn set_switches(&self, changes: &Value) -> Result<Value, String>;
    /// Back to the first state.
    fn reset(&self);
    /// Control calls that only this vendor has; `None` if it has no such call.
    fn control(
        &self,
        request: &Request,
    ) -> impl Future<Output = Option<Result<Value, String>>> + Send;
}

/// One running sandbox.
pub(crate) struct Host<V> {
    pub(crate) vendor: V,
    pub(crate) clock: Arc<Clock>,
    pub(crate) faults: Arc<Mutex<Plan>>,
    pub(crate) control: bool,
    log: Mutex<RequestLog>,
}

/// The open port of a sandbox.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) addr: SocketAddr,
    pub(crate) closing: watch::Sender<bool>,
    pub(crate) task: tokio::task::JoinHandle<()>,
}

/// Opens the port; separate from [`serve`] because a sandbox must know its own address first.
pub(crate) async fn listen(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Listen { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Serves until the port is closed.
pub(crate) fn serve<V: Vendor>(
    host: Arc<Host<V>>,
    listener: TcpListener,
    addr: SocketAddr,
    tls: Option<TlsAcceptor>,
) -> Port {
    let closing = watch::Sender::new(false);
    let mut closed = closing.subscribe();
    let router = Router::new().fallback(receive::<V>).with_state(host);
    let service = router.into_make_service_with_connect_info::<Cut>();
    let listener = CuttingListener { listener, tls };
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        // An error means that the handle was dropped, which also closes the port.
        let _ = closed.wait_for(|closing| *closing).await;
    });
    let task = tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "a sandbox stopped serving");
        }
    });
    Port {
        addr,
        closing,
        task,
    }
}

// === impl Port ===

impl Port {
    /// Closes the port; requests under way get a moment to end.
    pub(crate) async fn close(self) {
        self.closing.send_replace(true);
        let abort = self.task.abort_handle();
        if tokio::time::timeout(CLOSE_WAIT, self.task).await.is_err() {
            abort.abort();
        }
    }
}

// === impl Host ===

impl<V: Vendor> Host<V> {
    pub(crate) fn new(
        vendor: V,
        clock: Arc<Clock>,
        faults: Arc<Mutex<Plan>>,
        control: bool,
    ) -> Self {
        Self {
            vendor,
            clock,
            faults,
            control,
            log: Mutex::default(),
        }
    }

    pub(crate) fn requests_since(&self, since: u64) -> Vec<Entry> {
        lock(&self.log).since(since)
    }

    pub(crate) fn add_fault(&self, rule: Rule) -> Result<(), String> {
        lock(&self.faults).add(rule)
    }

    pub(crate) fn reset(&self) {
        lock(&self.faults).clear();
        self.clock.reset();
        let mut log = lock(&self.log);
        self.vendor.reset();
        log.clear();
    }

    /// Asks the model and logs, under one lock: the log's order is the order of the changes.
    fn commit(&self, request: &Request, fault: Option<Strike>, at_ns: u64) -> Answer {
        let mut log = lock(&self.log);
        let now_ms = self.clock.now_ms();
        let answer = match fault.map(|strike| strike.kind) {
            Some(Kind::BadGatewayHtml) => Answer::html(502, GATEWAY_PAGE),
            Some(kind) if refuses(kind) => self.vendor.refuse(kind, request, now_ms),
            _ => self.vendor.answer(request, now_ms),
        };
        let name = fault.map(|strike| strike.kind.name());
        log.push(request, Some(&answer), name, (at_ns, now_ms));
        answer
    }

    fn log_unanswered(&self, request: &Request, strike: Strike, at_ns: u64) {
        let at = (at_ns, self.clock.now_ms());
        lock(&self.log).push(request, None, Some(strike.kind.name()), at);
    }
}

async fn receive<V: Vendor>(
    State(host): State<Arc<Host<V>>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    http: HttpRequest,
) -> Response {
    let at_ns = clock::now_ns();
    let Some(request) = read(http).await else {
        return render(Answer::empty(413));
    };
    if let Some(path) = request.path.strip_prefix("/__sandbox/") {
        return render(control::answer(&host, path, &request).await);
    }
    let target = format!("{}?{}", request.path, request.raw_query);
    let strike = lock(&host.faults).for_request(&request.method, &target, &request.body);
    let Some(strike) = strike else {
        return render(host.commit(&request, None, at_ns));
    };
    let answer = match strike.kind {
        Kind::Slow => {
            pause(strike.delay_ms.unwrap_or(SLOW_MS)).await;
            return render(host.commit(&request, Some(strike), at_ns));
        }
        Kind::TimeoutAfterCommit => {
            let answer = host.commit(&request, Some(strike), at_ns);
            pause(strike.delay_ms.unwrap_or(HANG_MS)).await;
            cut.now();
            answer
        }
        Kind::TimeoutBeforeCommit => {
            host.log_unanswered(&request, strike, at_ns);
            pause(strike.delay_ms.unwrap_or(HANG_MS)).await;
            cut.now();
            Answer::empty(504)
        }
        Kind::ResetConnection => {
            host.log_unanswered(&request, strike, at_ns);
            cut.now();
            Answer::empty(504)
        }
        _ => host.commit(&request, Some(strike), at_ns),
    };
    render(answer)
}

fn refuses(kind: Kind) -> bool {
    use Kind::{ForbiddenLimit, LockedRow, RateLimited, ServerError, Unauthorized};
    matches!(
        kind,
        Unauthorized | ForbiddenLimit | RateLimited | ServerError | LockedRow
    )
}

async fn read(http: HttpRequest) -> Option<Request> {
    let (head, body) = http.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.ok()?;
    let raw_query = head.uri.query().unwrap_or_default();
    let method = head.method.as_str();
    let mut request = Request::new(method, head.uri.path(), raw_query, body.to_vec());
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        request.headers.insert(name.as_str().to_owned(), value);
    }
    Some(request)
}

async fn pause(for_ms: u64) {
    tokio::time::sleep(Duration::from_millis(for_ms)).await;
}

fn render(answer: Answer) -> Response {
    let (kind, body) = match answer.content {
        Content::Empty => (None, Body::empty()),
        Content::Json(value) => (
            Some("application/json;charset=UTF-8"),
            Body::from(value.to_string()),
        ),
        Content::Html(page) => (Some("text/html"), Body::from(page)),
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = kind.map(|kind| ("content-type".to_owned(), kind.to_owned()));
    for (name, value) in content_type.into_iter().chain(answer.headers) {
        // An echoed header that is not valid is left out rather than answered with a panic.
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.to_ascii_lowercase()),
            HeaderValue::try_from(value),
        ) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
