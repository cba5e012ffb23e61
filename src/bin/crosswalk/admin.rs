//! The admin port: metrics, health, and questions about the view.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use anyhow::Context;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use crosswalk::domain::journal::BridgeMode;
use crosswalk::domain::{
    CustomerId, LetterSettlement, RecordRef, ReviewAnswer, ReviewId, Timestamp,
};
use crosswalk::feeds::import::{Asked, Board, Pilot, Progress, Refusal};
use crosswalk::ports::view_questions::{Error, ViewQuestions};
use crosswalk::telemetry::{Health, Readiness, metrics};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// Questions being answered at the same time; each holds a blocking thread.
const QUESTIONS_MAX: usize = 8;
/// A person's answer names a review item and a record.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// The list of a pilot.
const LIST_BYTES_MAX: usize = 4 << 20;
/// Review items shown of each bridge.
const REVIEWS_MAX: usize = 1_000;
const STOP_WAIT: Duration = Duration::from_secs(2);

/// Who answers questions; set once the processor runs in this process.
pub type Questions = Arc<OnceLock<Arc<dyn ViewQuestions>>>;
/// Where imports are asked for, while the feeds run in this process.
#[derive(Clone, Default)]
pub struct Imports(Arc<RwLock<Option<Arc<Board>>>>);

impl Imports {
    fn get(&self) -> Option<Arc<Board>> {
        self.0
            .read()
            .expect("no holder of this lock panics")
            .clone()
    }

    pub fn set(&self, board: Option<Arc<Board>>) {
        *self.0.write().expect("no holder of this lock panics") = board;
    }
}

/// The running admin server.
pub struct Handle {
    pub address: SocketAddr,
    closing: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Admin {
    health: Health,
    questions: Questions,
    imports: Imports,
    asking: Arc<Semaphore>,
}

#[derive(serde::Deserialize)]
struct IdentityQuery {
    query: String,
}

pub async fn start(
    listen: SocketAddr,
    health: Health,
    questions: Questions,
    imports: Imports,
) -> anyhow::Result<Handle> {
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| {
        format!("server.admin: cannot listen on {listen}; name another address, or end who has it")
    })?;
    let address = listener.local_addr()?;
    let (closing, mut closed) = watch::channel(false);
    let asking = Arc::new(Semaphore::new(QUESTIONS_MAX));
    let router = router(Admin {
        health,
        questions,
        imports,
        asking,
    });
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        // An error means that the handle is gone, which also ends the server.
        let _ = closed.wait_for(|closed| *closed).await;
    });
    let serving = tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the admin server ended");
        }
    });
    Ok(Handle {
        address,
        closing,
        serving,
    })
}

impl Handle {
    pub async fn stop(self) {
        self.closing.send_replace(true);
        let abort = self.serving.abort_handle();
        if tokio::time::timeout(STOP_WAIT, self.serving).await.is_err() {
            abort.abort();
        }
    }
}

fn router(admin: Admin) -> Router {
    Router::new()
        .route("/metrics", get(show_metrics))
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/v1/identity", get(identity))
        .route("/v1/identity/link", post(link))
        .route("/v1/identity/unlink", post(unlink))
        .route("/v1/explain", get(explain))
        .route("/v1/reviews", get(reviews))
        .route("/v1/reviews/{review}", post(answer_review))
        .route("/v1/imports", get(imports))
        .route(
            "/v1/imports/{bridge}",
            post(ask_import).layer(DefaultBodyLimit::max(LIST_BYTES_MAX)),
        )
        .route("/v1/sweeps", get(sweeps))
        .route("/v1/dead-letters", post(settle_letters))
        .route("/v1/bridges", get(bridges))
        .route("/v1/bridges/{bridge}/release", post(release_bridge))
        .route("/v1/bridges/{bridge}/mode", post(set_mode))
        .route("/v1/bridges/{bridge}/withheld", get(withheld))
        .route("/v1/bridges/{bridge}/revert", get(revertible).post(revert))
        .route("/v1/digest", get(digest))
        .route("/v1/stats", get(stats))
        .layer(DefaultBodyLimit::max(ANSWER_BYTES_MAX))
        .with_state(admin)
}

async fn show_metrics() -> Response {
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (kind, metrics().render()).into_response()
}

async fn live(State(admin): State<Admin>) -> Response {
    if admin.health.live() {
        return Json(json!({"live": true})).into_response();
    }
    (
        StatusCode::SERVICE_UNAVAILABLE,
        Json(json!({"live": false})),
    )
        .into_response()
}

async fn ready(State(admin): State<Admin>) -> Response {
    let mut degraded = admin.health.degraded();
    let none: &[&str] = &[];
    let spooled = metrics().spool.appends.with_label_values(none).get();
    if spooled > 0 {
        degraded.insert("spool".to_owned(), format!("{spooled} appends wait"));
    }
    let (status, mut body) = match admin.health.readiness() {
        Readiness::Ready => (StatusCode::OK, json!({"ready": true})),
        Readiness::NotReady { reasons } => {
            let body = json!({"ready": false, "reasons": reasons});
            (StatusCode::SERVICE_UNAVAILABLE, body)
        }
    };
    if !degraded.is_empty() {
        body["degraded"] = json!(degraded);
    }
    (status, Json(body)).into_response()
}

async fn identity(State(admin): State<Admin>, Query(query): Query<IdentityQuery>) -> Response {
    ask(admin, move |view| view.identity(&query.query)).await
}

async fn explain(State(admin): State<Admin>, Query(query): Query<IdentityQuery>) -> Response {
    ask(admin, move |view| view.explain(&query.query)).await
}

async fn reviews(State(admin): State<Admin>) -> Response {
    ask(admin, |view| view.reviews(REVIEWS_MAX)).await
}

/// What a person says of two records, and who says it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkWord {
    by: String,
    left: String,
    /// None takes the first out of its customer.
    #[serde(default)]
    right: Option<String>,
}

async fn link(State(admin): State<Admin>, word: Result<Json<LinkWord>, JsonRejection>) -> Response {
    decide_link(admin, word, true).await
}

async fn unlink(
    State(admin): State<Admin>,
    word: Result<Json<LinkWord>, JsonRejection>,
) -> Response {
    decide_link(admin, word, false).await
}

async fn decide_link(
    admin: Admin,
    word: Result<Json<LinkWord>, JsonRejection>,
    same: bool,
) -> Response {
    let Json(word) = match word {
        Ok(word) => word,
        Err(rejection) => {
            let form = r#"{"by", "left", "right"}"#;
            let text = format!("the body is {form} as JSON, at most {ANSWER_BYTES_MAX} bytes");
            return refuse(rejection.status(), &text);
        }
    };
    let Some(by) = named(&word.by) else {
        return refuse(StatusCode::BAD_REQUEST, NAMELESS);
    };
    let right = word.right.as_ref().unwrap_or(&word.left);
    let records = [&word.left, right].map(|text| RecordRef::parse(text.trim()));
    let [Ok(left), Ok(right)] = records else {
        let text = "a record is written as source/object/id";
        return refuse(StatusCode::BAD_REQUEST, text);
    };
    ask(admin, move |view| {
        view.decide_link(&left, &right, same, &by)
    })
    .await
}

/// A person's answer: one of `link`, `keep`, `apart`, `retry`, `approve`, `refuse`, `dismiss`, and
/// who gave it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    by: String,
    answer: String,
    #[serde(default)]
    record: Option<String>,
}

async fn answer_review(
    State(admin): State<Admin>,
    Path(review): Path<String>,
    answer: Result<Json<Answer>, JsonRejection>,
) -> Response {
    let Json(answer) = match answer {
        Ok(answer) => answer,
        Err(rejection) => {
            let form = r#"{"by", "answer", "record"}"#;
            let text = format!("the body is {form} as JSON, at most {ANSWER_BYTES_MAX} bytes");
            return refuse(rejection.status(), &text);
        }
    };
    let Ok(review) = ReviewId::parse(&review) else {
        let text = format!("{review:?} is no review item: it looks like rev_ and 32 digits");
        return refuse(StatusCode::BAD_REQUEST, &text);
    };
    let Some(by) = named(&answer.by) else {
        return refuse(StatusCode::BAD_REQUEST, NAMELESS);
    };
    let record = answer.record.as_deref().map(RecordRef::parse).transpose();
    let Ok(record) = record else {
        let text = "a record is written as source/object/id";
        return refuse(StatusCode::BAD_REQUEST, text);
    };
    let answer = match (answer.answer.as_str(), record) {
        ("link", Some(to)) => ReviewAnswer::Link { to },
        ("keep", Some(record)) => ReviewAnswer::Keep { record },
        ("retry", None) => ReviewAnswer::Retry,
        ("dismiss", None) => ReviewAnswer::Dismiss,
        ("apart", None) => ReviewAnswer::Apart,
        ("approve", None) => ReviewAnswer::Approve,
        ("refuse", None) => ReviewAnswer::Refuse,
        _ => {
            let text = "answer with link or keep and a record, or with apart, retry, approve, \
                        refuse or dismiss alone";
            return refuse(StatusCode::BAD_REQUEST, text);
        }
    };
    ask(admin, move |view| view.answer_review(&review, &answer, &by)).await
}

const NAMELESS: &str = "`by` names who answers, in 1 to 200 bytes";

fn named(by: &str) -> Option<String> {
    let by = by.trim();
    (1..=200).contains(&by.len()).then(|| by.to_owned())
}

async fn imports(State(admin): State<Admin>) -> Response {
    let Some(board) = admin.imports.get() else {
        return no_feeds();
    };
    let all = board.progress().into_iter();
    let shown: Vec<Value> = all
        .map(|(bridge, progress)| shown(bridge.as_str(), &progress))
        .collect();
    Json(shown).into_response()
}

/// What is asked of a bridge's import.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct AskImport {
    #[serde(default)]
    resume: bool,
    /// Those who are taken, a line each; everybody where there is no list.
    #[serde(default)]
    pilot: Option<Vec<String>>,
}

async fn ask_import(
    State(admin): State<Admin>,
    Path(bridge): Path<String>,
    asked: Result<Json<AskImport>, JsonRejection>,
) -> Response {
    let Some(board) = admin.imports.get() else {
        return no_feeds();
    };
    let Ok(Json(asked)) = asked else {
        let text = r#"the body is {"resume", "pilot"} as JSON, at most 4 MB"#;
        return refuse(StatusCode::BAD_REQUEST, text);
    };
    let pilot = asked.pilot.as_ref();
    let pilot = pilot.map(|lines| Pilot::read(lines.iter().map(String::as_str)));
    let pilot = match pilot.transpose() {
        Ok(pilot) => pilot.map(Arc::new),
        Err(refusal) => return refuse(StatusCode::BAD_REQUEST, &refusal.to_string()),
    };
    let asked = match asked.resume {
        true => Asked::Resume,
        false => Asked::Fresh(pilot),
    };
    match board.ask(&bridge, asked) {
        Ok(progress) => Json(shown(&bridge, &progress)).into_response(),
        Err(error @ Refusal::UnknownBridge(_)) => refuse(StatusCode::NOT_FOUND, &error.to_string()),
        Err(error) => refuse(StatusCode::CONFLICT, &error.to_string()),
    }
}

fn shown(bridge: &str, progress: &Progress) -> Value {
    let mut shown = json!(progress);
    shown["bridge"] = json!(bridge);
    shown
}

fn no_feeds() -> Response {
    let text = "the feeds do not run in this process: they are starting, or another one has them";
    refuse(StatusCode::SERVICE_UNAVAILABLE, text)
}

/// What is done about dead letters: `redrive` or `discard`, and who does it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Settle {
    letters: Vec<String>,
    by: String,
    how: String,
}

async fn settle_letters(
    State(admin): State<Admin>,
    asked: Result<Json<Settle>, JsonRejection>,
) -> Response {
    let Ok(Json(asked)) = asked else {
        let text = r#"the body is {"letters", "by", "how"} as JSON; how is redrive or discard"#;
        return refuse(StatusCode::BAD_REQUEST, text);
    };
    let Some(by) = named(&asked.by) else {
        return refuse(StatusCode::BAD_REQUEST, NAMELESS);
    };
    let how = match asked.how.as_str() {
        "redrive" => LetterSettlement::Redriven,
        "discard" => LetterSettlement::Discarded,
        _ => return refuse(StatusCode::BAD_REQUEST, "`how` is redrive or discard"),
    };
    let letters = asked.letters;
    ask(admin, move |view| view.settle_letters(&letters, how, &by)).await
}

async fn bridges(State(admin): State<Admin>) -> Response {
    ask(admin, |view| view.bridges()).await
}

/// Who lets a bridge go on, and whether past what it could not decide.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    by: String,
    #[serde(default)]
    skip: bool,
}

async fn release_bridge(
    State(admin): State<Admin>,
    Path(bridge): Path<String>,
    asked: Result<Json<Release>, JsonRejection>,
) -> Response {
    let Ok(Json(asked)) = asked else {
        let text = r#"the body is {"by", "skip"} as JSON; skip is true or false"#;
        return refuse(StatusCode::BAD_REQUEST, text);
    };
    let Some(by) = named(&asked.by) else {
        return refuse(StatusCode::BAD_REQUEST, NAMELESS);
    };
    ask(admin, move |view| {
        view.release_bridge(&bridge, asked.skip, &by)
    })
    .await
}

/// Whether a bridge writes, `live` or `shadow`, and who says so.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Mode {
    by: String,
    mode: String,
}

async fn set_mode(
    State(admin): State<Admin>,
    Path(bridge): Path<String>,
    asked: Result<Json<Mode>, JsonRejection>,
) -> Response {
    let Ok(Json(asked)) = asked else {
        let text = r#"the body is {"by", "mode"} as JSON; mode is live or shadow"#;
        return refuse(StatusCode::BAD_REQUEST, text);
    };
    let Some(by) = named(&asked.by) else {
        return refuse(StatusCode::BAD_REQUEST, NAMELESS);
    };
    let Some(mode) = BridgeMode::parse(&asked.mode) else {
        return refuse(StatusCode::BAD_REQUEST, "`mode` is live or shadow");
    };
    ask(admin, move |view| view.set_mode(&bridge, mode, &by)).await
}

/// The customer behind whom the page begins.
#[derive(serde::Deserialize)]
struct WithheldQuery {
    after: Option<String>,
}

async fn withheld(
    State(admin): State<Admin>,
    Path(bridge): Path<String>,
    Query(query): Query<WithheldQuery>,
) -> Response {
    let after = query.after.as_deref().map(CustomerId::parse).transpose();
    let Ok(after) = after else {
        return refuse(StatusCode::BAD_REQUEST, "`after` is a customer id");
    };
    ask(admin, move |view| view.withheld(&bridge, after)).await
}

/// Which writes would be undone, and the customer behind whom the page begins.
#[derive(serde::Deserialize)]
struct RevertQuery {
    mapping: String,
    since_ms: i64,
    after: Option<String>,
}

async fn revertible(
    State(admin): State<Admin>,
    Path(bridge): Path<String>,
    Query(query): Query<RevertQuery>,
) -> Response {
    let after = query.after.as_deref().map(CustomerId::parse).transpose();
    let Ok(after) = after else {
        return refuse(StatusCode::BAD_REQUEST, "`after` is a customer id");
    };
    let since = Timestamp(query.since_ms);
    ask(admin, move |view| {
        view.revertible(&bridge, &query.mapping, since, after)
    })
    .await
}

/// Which writes are undone, and who says so.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Revert {
    by: String,
    mapping: String,
    since_ms: i64,
}

async fn revert(
    State(admin): State<Admin>,
    Path(bridge): Path<String>,
    asked: Result<Json<Revert>, JsonRejection>,
) -> Response {
    let Ok(Json(asked)) = asked else {
        let text = r#"the body is {"by", "mapping", "since_ms"} as JSON"#;
        return refuse(StatusCode::BAD_REQUEST, text);
    };
    let Some(by) = named(&asked.by) else {
        return refuse(StatusCode::BAD_REQUEST, NAMELESS);
    };
    let since = Timestamp(asked.since_ms);
    ask(admin, move |view| {
        view.revert(&bridge, &asked.mapping, since, &by)
    })
    .await
}

async fn sweeps(State(admin): State<Admin>) -> Response {
    ask(admin, |view| view.sweeps()).await
}

async fn digest(State(admin): State<Admin>) -> Response {
    ask(admin, |view| view.digest()).await
}

async fn stats(State(admin): State<Admin>) -> Response {
    ask(admin, |view| view.stats()).await
}

async fn ask<Q>(admin: Admin, question: Q) -> Response
where
    Q: FnOnce(&dyn ViewQuestions) -> Result<Value, Error> + Send + 'static,
{
    let Some(view) = admin.questions.get().cloned() else {
        let text = "the processor does not run in this process, or is starting";
        return refuse(StatusCode::SERVICE_UNAVAILABLE, text);
    };
    let Ok(permit) = admin.asking.try_acquire_owned() else {
        return refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many questions at once; ask again",
        );
    };
    let answer = tokio::task::spawn_blocking(move || {
        let answer = question(view.as_ref());
        drop(permit);
        answer
    });
    match answer.await {
        Ok(Ok(answer)) => Json(answer).into_response(),
        Ok(Err(error)) => {
            let status = match error {
                Error::NotReady(_) => StatusCode::SERVICE_UNAVAILABLE,
                Error::BadQuery(_) => StatusCode::BAD_REQUEST,
                Error::Refused(_) => StatusCode::CONFLICT,
                Error::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            refuse(status, &error.to_string())
        }
        Err(_) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "the question panicked"),
    }
}

fn refuse(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({"error": text}))).into_response()
}
