//! At what pace is a remote asked again that is too busy, or that takes nothing?

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crosswalk::clients::Transport;
use crosswalk::clients::salesforce::Client;
use crosswalk::clients::transport::{Answer, Failure, Method, Request, Response};
use crosswalk::domain::{Command, Outcome, SourceId};
use crosswalk::sink::{Execute, salesforce};
use serde_json::{Value as Json, json};

use crate::sink_remote::{
    LOGIN, Remote, bridge, executor, fast, lead_row, options, org, refused, response, retitle,
    retitle_lead,
};

/// Salesforce that takes a moment for each request; answers as its closure says.
struct Slow<F> {
    reply: F,
    requests: AtomicUsize,
    under_way: AtomicUsize,
    /// Most requests at one time.
    most: AtomicUsize,
}

impl<F: Fn(&Request) -> Result<Response, Failure> + Send + Sync> Slow<F> {
    fn new(reply: F) -> Arc<Self> {
        Arc::new(Self {
            reply,
            requests: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl<F: Fn(&Request) -> Result<Response, Failure> + Send + Sync> Transport for Slow<F> {
    fn send(&self, request: Request) -> Answer<'_> {
        if let Some(host) = request.url.strip_suffix(LOGIN) {
            let token = json!({"access_token": "t", "instance_url": host});
            return Box::pin(async move { Ok(response(200, &token)) });
        }
        Box::pin(async move {
            self.requests.fetch_add(1, Ordering::SeqCst);
            let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(under_way, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(3)).await;
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            (self.reply)(&request)
        })
    }
}

fn done() -> Result<Response, Failure> {
    Ok(response(204, &Json::Null))
}

/// Executes on a task of its own.
fn execute(
    executor: &Arc<salesforce::Executor>,
    command: Command,
) -> tokio::task::JoinHandle<Outcome> {
    let executor = executor.clone();
    tokio::spawn(async move { executor.execute(&command, false).await })
}

async fn written(task: tokio::task::JoinHandle<Outcome>) {
    let ended = tokio::time::timeout(Duration::from_secs(10), task).await;
    let outcome = ended.expect("it ends").unwrap();
    assert!(matches!(outcome, Outcome::Written { .. }), "{outcome:?}");
}

async fn asked<F>(remote: &Arc<Slow<F>>, at_least: usize)
where
    F: Fn(&Request) -> Result<Response, Failure> + Send + Sync,
{
    let started = Instant::now();
    while remote.requests() < at_least {
        assert!(started.elapsed() < Duration::from_secs(10), "not asked");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_busy_record_is_tried_eight_times_and_then_unknown() {
    let busy = [
        (503, "SERVER_UNAVAILABLE"),
        (400, "UNABLE_TO_LOCK_ROW"),
        (400, "STORAGE_LIMIT_EXCEEDED"),
    ];
    for (status, code) in busy {
        for repeat in [false, true] {
            let remote = Remote::new(move |request| match request.method {
                Method::Get => Ok(response(200, &lead_row("CTO"))),
                _ => Ok(refused(status, code)),
            });
            let write = retitle(1, "a", "CTO", "CEO");
            let outcome = executor(remote.clone()).execute(&write, repeat).await;
            let Outcome::Unknown { reason } = outcome else {
                panic!("{code}: {outcome:?}");
            };
            assert_eq!(reason, format!("status {status}, {code}"));
            assert_eq!(remote.count(Method::Patch), 8, "{code}");
        }
    }
}

#[tokio::test]
async fn a_read_that_is_always_answered_busy_is_unknown_too() {
    let remote = Remote::new(|_| Ok(refused(503, "SERVER_UNAVAILABLE")));
    let write = retitle(1, "a", "CTO", "CEO");
    let outcome = executor(remote.clone()).execute(&write, true).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    let counts = (remote.count(Method::Get), remote.count(Method::Patch));
    assert_eq!(counts, (8, 0), "without a read nothing is written");
}

#[tokio::test]
async fn a_busy_record_that_asks_for_more_than_a_minute_is_unknown_at_once() {
    let remote = Remote::new(|_| {
        let mut later = refused(503, "SERVER_UNAVAILABLE");
        later.headers.push(("retry-after".into(), "61".into()));
        Ok(later)
    });
    let write = retitle(1, "a", "CTO", "CEO");
    let outcome = executor(remote.clone()).execute(&write, false).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    assert_eq!(remote.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_system_is_probed_by_one_caller_at_a_time() {
    let up = Arc::new(AtomicBool::new(false));
    let remote = Slow::new({
        let up = up.clone();
        move |_: &Request| match up.load(Ordering::SeqCst) {
            true => done(),
            false => Err(Failure::NotSent("no connection")),
        }
    });
    let executor = executor(remote.clone());
    let mut tasks = vec![execute(&executor, retitle(0, "first", "CTO", "CEO"))];
    // The second request is a probe: the gate is shut.
    asked(&remote, 2).await;
    for number in 1..16 {
        tasks.push(execute(&executor, retitle(number, "other", "CTO", "CEO")));
    }
    asked(&remote, 20).await;
    assert_eq!(remote.most.load(Ordering::SeqCst), 1);
    assert!(tasks.iter().all(|task| !task.is_finished()));
    up.store(true, Ordering::SeqCst);
    for task in tasks {
        written(task).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_whose_probes_always_fail_does_not_keep_the_others_out() {
    let remote = Slow::new(|request: &Request| {
        let title: Json = serde_json::from_slice(&request.body).unwrap_or_default();
        match title["Title"] == "never" {
            true => Ok(refused(403, "REQUEST_LIMIT_EXCEEDED")),
            false => done(),
        }
    });
    let executor = executor(remote.clone());
    let never = execute(&executor, retitle(0, "bad", "CTO", "never"));
    asked(&remote, 2).await;
    let others = (1..6).map(|number| {
        let lead = format!("00QD00000000{number:03}");
        execute(&executor, retitle_lead(number, &lead, "CTO", "CEO"))
    });
    for other in others.collect::<Vec<_>>() {
        written(other).await;
    }
    assert!(!never.is_finished());
    never.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_that_takes_nothing_leaves_another_org_alone() {
    let remote = Slow::new(|request: &Request| match request.url.contains("down") {
        true => Err(Failure::NotSent("no connection")),
        false => done(),
    });
    let client = |host: &str| Arc::new(Client::new(options(host), remote.clone()));
    let down = SourceId::new("down").unwrap();
    let clients = BTreeMap::from([
        ((bridge(), org()), client("https://up.example")),
        ((bridge(), down.clone()), client("https://down.example")),
    ]);
    let executor = Arc::new(salesforce::Executor::new(clients, fast()));
    let waits = Command {
        source: down,
        ..retitle(1, "a", "CTO", "CEO")
    };
    let waits = execute(&executor, waits);
    asked(&remote, 2).await;
    written(execute(&executor, retitle(2, "b", "CTO", "CEO"))).await;
    assert!(!waits.is_finished());
    waits.abort();
}
