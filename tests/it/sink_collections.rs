//! Do writes that wait together share a request, and is each of them judged by its own row?

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crosswalk::clients::System;
use crosswalk::clients::salesforce::Client;
use crosswalk::clients::transport::{Failure, Method};
use crosswalk::domain::{
    Command, CommandKind, Outcome, RejectClass, SourceId, Timestamp, WriteTarget,
};
use crosswalk::ports::clock::Clock;
use crosswalk::sink::{
    Alone, Answer, Execute, Execution, Executions, Options, Sharing, Worker, salesforce,
};
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use crate::sink_log::MemoryLog;
use crate::sink_org::{Org, Trouble};
use crate::sink_remote::{
    Remote, bridge, create, executor, fast, options, org, refused, response, retitle_lead,
};

fn lead(number: u64) -> String {
    format!("00QD{number:011}AAA")
}

fn promote(number: u64) -> Command {
    retitle_lead(number, &lead(number), "CTO", "CEO")
}

fn promotions(count: u64) -> Vec<Command> {
    (0..count).map(promote).collect()
}

/// What becomes of commands that share a request, those that go on alone included.
async fn settled(executor: &salesforce::Executor, commands: &[Command]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let answers = executor.execute_many(commands).await;
    for (command, answer) in commands.iter().zip(answers) {
        outcomes.push(match answer {
            Answer::Settled(outcome) => outcome,
            Answer::Alone(alone) => executor.execute(command, alone.repeat).await,
        });
    }
    outcomes
}

fn written(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Written { created: false, .. })
}

fn alone(answer: &Answer) -> Alone {
    match answer {
        Answer::Alone(alone) => *alone,
        Answer::Settled(outcome) => panic!("settled: {outcome:?}"),
    }
}

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp(1_000_000)
    }
}

/// A worker above the log that has its lease; it stops when the sender is dropped.
async fn work(
    log: &Arc<MemoryLog>,
    executor: Arc<dyn Execute>,
    lanes_max: usize,
) -> watch::Sender<bool> {
    let options = Options {
        lanes_max,
        read_wait: Duration::from_millis(5),
        ..Options::default()
    };
    let bridges = Arc::new(BTreeMap::from([(bridge(), 3)]));
    let worker = Worker::new(log.clone(), executor, Arc::new(Fixed), bridges, options);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move { worker.run(stopped).await });
    until("the lease is taken", || log.epoch() == 1).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    stop
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(10), "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_row_that_is_refused_leaves_its_neighbours_written() {
    let org = Arc::new(Org {
        of_row: Box::new(|id, _| (id == lead(1)).then_some("STRING_TOO_LONG")),
        ..Org::new()
    });
    let executor = executor(org.clone());
    let answers = executor.execute_many(&promotions(3)).await;
    let [
        Answer::Settled(one),
        Answer::Settled(two),
        Answer::Settled(three),
    ] = &answers[..]
    else {
        panic!("all are settled: {answers:?}");
    };
    assert!(written(one) && written(three));
    // As if it had been sent by itself.
    assert_eq!(*two, executor.execute(&promote(1), false).await);
    let Outcome::Rejected(rejection) = two else {
        panic!("it is refused: {two:?}");
    };
    assert_eq!(rejection.class, RejectClass::BadData);
    assert_eq!(org.sent().len(), 2);
    let place = "/services/data/v66.0/composite/sobjects";
    assert!(org.sent()[0].url.ends_with(place), "{:?}", org.sent());
}

#[tokio::test]
async fn every_row_of_a_request_without_an_answer_is_read_before_a_second_write() {
    let timeout = || Err(Failure::NoAnswer("timeout"));
    for committed in [true, false] {
        let org = Arc::new(Org {
            of_request: Box::new(move |_, before| match (before, committed) {
                (0, true) => Some(Trouble::After(timeout())),
                (0, false) => Some(Trouble::Instead(timeout())),
                _ => None,
            }),
            ..Org::new()
        });
        let outcomes = settled(&executor(org.clone()), &promotions(3)).await;
        for number in 0..3 {
            let methods: Vec<Method> = org.about(&lead(number)).iter().map(|s| s.method).collect();
            let expected = match committed {
                true => vec![Method::Patch, Method::Get],
                false => vec![Method::Patch, Method::Get, Method::Patch],
            };
            assert_eq!(methods, expected);
            assert_eq!(org.title(&lead(number)), "CEO");
            let found = matches!(outcomes[number as usize], Outcome::AlreadyThere { .. });
            assert_eq!(found, committed);
        }
    }
}

#[tokio::test]
async fn an_answer_that_does_not_fit_the_rows_tells_nothing_of_any() {
    let row = |number| json!({"id": lead(number), "success": true, "errors": []});
    let answers = [
        json!([row(0)]),
        json!([row(1), row(0)]),
        json!([row(0), row(1), row(2)]),
        json!({"success": true}),
        Json::Null,
    ];
    for answer in answers {
        let org = Arc::new(Org {
            of_request: Box::new({
                let answer = answer.clone();
                move |_, _| Some(Trouble::Instead(Ok(response(200, &answer))))
            }),
            ..Org::new()
        });
        let answers = executor(org).execute_many(&promotions(2)).await;
        assert!(answers.iter().all(|a| alone(a).repeat), "{answer}");
    }
}

#[tokio::test]
async fn a_row_without_an_answer_is_read_and_its_neighbour_is_settled() {
    let row = json!({"id": lead(0), "success": true, "errors": []});
    for missing in [
        Json::Null,
        json!({}),
        json!({"success": true}),
        json!({"success": false}),
    ] {
        let answer = response(200, &json!([row, missing]));
        let org = Arc::new(Org {
            of_request: Box::new(move |_, _| Some(Trouble::Instead(Ok(answer.clone())))),
            ..Org::new()
        });
        let answers = executor(org).execute_many(&promotions(2)).await;
        assert!(matches!(&answers[0], Answer::Settled(outcome) if written(outcome)));
        assert!(alone(&answers[1]).repeat, "{missing}");
    }
}

#[tokio::test]
async fn a_row_that_met_a_lock_is_tried_again_alone_after_a_wait() {
    let org = Arc::new(Org {
        of_row: Box::new(|id, sent| {
            (id == lead(1) && sent.len() == 1).then_some("UNABLE_TO_LOCK_ROW")
        }),
        ..Org::new()
    });
    let executor = executor(org.clone());
    let commands = promotions(3);
    let answers = executor.execute_many(&commands).await;
    let locked = alone(&answers[1]);
    assert!(!locked.repeat && locked.after > Duration::ZERO);
    let outcome = executor.execute(&commands[1], locked.repeat).await;
    assert!(written(&outcome));
    let again = &org.sent()[1];
    assert_eq!(
        (again.method, &again.leads),
        (Method::Patch, &vec![lead(1)])
    );
}

#[tokio::test]
async fn what_was_rolled_back_with_others_is_sent_again_alone() {
    for code in [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "PROCESSING_HALTED",
        "BATCH_PROCESSING_HALTED",
    ] {
        let org = Arc::new(Org {
            of_row: Box::new(move |id, sent| (id == lead(1) && sent.len() == 1).then_some(code)),
            ..Org::new()
        });
        let outcomes = settled(&executor(org.clone()), &promotions(2)).await;
        assert!(outcomes.iter().all(written), "{code}: {outcomes:?}");
        let methods: Vec<Method> = org.sent().iter().map(|sent| sent.method).collect();
        assert_eq!(methods, [Method::Patch, Method::Patch], "{code}");
    }
}

#[tokio::test]
async fn a_request_that_is_refused_for_one_row_is_sent_row_by_row() {
    // As of a text in a number's field, or of a record whose automation always ends so.
    for (status, code) in [(400, "JSON_PARSER_ERROR"), (503, "SERVER_UNAVAILABLE")] {
        let org = Arc::new(Org {
            of_request: Box::new(move |sent, _| {
                let bad = sent.leads.contains(&lead(1));
                bad.then(|| Trouble::Instead(Ok(refused(status, code))))
            }),
            ..Org::new()
        });
        let outcomes = settled(&executor(org.clone()), &promotions(3)).await;
        assert!(written(&outcomes[0]) && written(&outcomes[2]), "{code}");
        assert!(!written(&outcomes[1]), "{code}");
        let shared = org.sent().iter().filter(|s| s.leads.len() == 3).count();
        assert_eq!(shared, if status == 400 { 1 } else { 3 }, "{code}");
    }
}

#[tokio::test]
async fn a_refusal_that_concerns_all_pauses_and_the_request_is_repeated_whole() {
    for (status, code) in [
        (401, "INVALID_SESSION_ID"),
        (403, "REQUEST_LIMIT_EXCEEDED"),
        (503, "SERVER_UNAVAILABLE"),
    ] {
        let org = Arc::new(Org {
            of_request: Box::new(move |_, before| {
                (before < 2).then(|| Trouble::Instead(Ok(refused(status, code))))
            }),
            ..Org::new()
        });
        let answers = executor(org.clone()).execute_many(&promotions(3)).await;
        let all = answers
            .iter()
            .all(|a| matches!(a, Answer::Settled(o) if written(o)));
        assert!(all, "{code}: {answers:?}");
        let rows: Vec<usize> = org.sent().iter().map(|sent| sent.leads.len()).collect();
        assert_eq!(rows, [3, 3, 3], "{code}");
    }
}

#[tokio::test]
async fn a_request_that_was_paused_for_long_is_read_row_by_row() {
    let remote = Remote::new(|_| Err(Failure::NotSent("no connection")));
    let client = Client::new(options("https://login.example"), remote);
    let clients = BTreeMap::from([((bridge(), org()), Arc::new(client))]);
    let pace = crosswalk::sink::retry::Options {
        stale_after: Duration::from_millis(20),
        ..fast()
    };
    let executor = salesforce::Executor::new(clients, pace);
    let answers = executor.execute_many(&promotions(2)).await;
    assert!(answers.iter().all(|answer| alone(answer).repeat));
}

/// A create with a key of its own.
fn found(key: &str) -> Command {
    let mut command = create(1);
    let CommandKind::Write(write) = &mut command.kind else {
        panic!("a create is a write");
    };
    let WriteTarget::Create { key_value, .. } = &mut write.target else {
        panic!("it has a key");
    };
    *key_value = key.into();
    command
}

#[tokio::test]
async fn creates_share_a_request_by_key_and_tell_created_from_updated() {
    let remote = Remote::new(|_| {
        Ok(response(
            200,
            &json!([
                {"id": "00QD000000IqhSL", "success": true, "errors": [], "created": true},
                {"id": "00QD000000IqhSM", "success": true, "errors": [], "created": false},
                {"success": false, "errors": [{"statusCode": "DUPLICATE_VALUE", "fields": [],
                    "message": "duplicate value found: on record with id: 00QD000000IqhSN"}]},
                {"success": false, "errors": [{"statusCode": "MULTIPLE_RECORDS_FOUND",
                    "message": "several", "fields": []}]},
            ]),
        ))
    });
    let commands = ["app:1", "app:2", "app:3", "app:4"].map(found);
    let answers = executor(remote.clone()).execute_many(&commands).await;
    for (answer, made) in answers.iter().zip([true, false]) {
        let Answer::Settled(Outcome::Written { created, .. }) = answer else {
            panic!("it is written: {answer:?}");
        };
        assert_eq!(*created, made);
    }
    assert!(
        alone(&answers[2]).repeat,
        "it lost a race: it looks who won"
    );
    let Answer::Settled(Outcome::Rejected(rejection)) = &answers[3] else {
        panic!("several hold the key: {answers:?}");
    };
    assert_eq!(rejection.class, RejectClass::Ambiguous);

    let request = &remote.requests()[0];
    let place = "/composite/sobjects/Lead/Intercom_Contact_ID__c";
    assert!(request.url.ends_with(place), "{}", request.url);
    let body: Json = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["allOrNone"], false);
    let first = json!({"attributes": {"type": "Lead"}, "LastName": "Hara",
                       "Intercom_Contact_ID__c": "app:1"});
    assert_eq!(body["records"][0], first);
    let header = |name: &str| {
        let found = request.headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(header("sforce-auto-assign"), Some("FALSE"));
    assert_eq!(header("sforce-call-options"), Some("client=crosswalk-main"));
}

#[test]
fn only_writes_of_one_object_key_and_assignment_share_a_request_and_no_record_twice() {
    let executor = executor(Arc::new(Org::new()));
    let sharing = |command: &Command| executor.sharing(command);
    let of = |command: &Command| sharing(command).unwrap();
    let request = |command: &Command| of(command).request;
    let assigned = |mut command: Command| {
        let CommandKind::Write(write) = &mut command.kind else {
            panic!("it is a write");
        };
        write.auto_assign = true;
        command
    };
    let keyed = |mut command: Command, field: &str| {
        let CommandKind::Write(write) = &mut command.kind else {
            panic!("it is a write");
        };
        if let WriteTarget::Create { key_field, .. } = &mut write.target {
            *key_field = field.into();
        }
        command
    };
    assert_eq!(request(&promote(1)), request(&promote(2)));
    assert_eq!(request(&found("a")), request(&found("b")));
    let apart = [
        promote(1),
        assigned(promote(1)),
        found("a"),
        assigned(found("a")),
        keyed(found("a"), "Other__c"),
    ];
    let mut requests: Vec<String> = apart.iter().map(request).collect();
    requests.sort();
    requests.dedup();
    assert_eq!(requests.len(), apart.len());

    let short = retitle_lead(1, "00QD000000IqhSL", "CTO", "CEO");
    let long = retitle_lead(2, "00QD000000IqhSLMAZ", "CTO", "CEO");
    assert_eq!(
        of(&short).row,
        of(&long).row,
        "one record in both its forms"
    );
    assert_eq!(of(&found("App:1")).row, of(&found("app:1 ")).row, "one key");
    assert_eq!(of(&promote(1)).rows_max, 200);
    for unsendable in [
        found(""),
        found(" "),
        found(".."),
        retitle_lead(1, "..", "", ""),
    ] {
        assert_eq!(sharing(&unsendable), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_together_make_far_fewer_requests_than_rows() {
    let log = Arc::new(MemoryLog::default());
    let org = Arc::new(Org::new());
    org.held.store(true, Ordering::SeqCst);
    let _stop = work(&log, executor(org.clone()), 1).await;
    log.write(&promote(0));
    until("one goes alone, at once", || org.sent().len() == 1).await;
    for number in 1..250 {
        log.write(&promote(number));
    }
    // All of them wait by now: one request is admitted at a time.
    tokio::time::sleep(Duration::from_millis(300)).await;
    org.held.store(false, Ordering::SeqCst);
    until("all answer", || log.position() == 250).await;
    assert!(log.results().iter().all(|result| written(&result.outcome)));
    let rows: Vec<usize> = org.sent().iter().map(|sent| sent.leads.len()).collect();
    assert_eq!(rows.iter().sum::<usize>(), 250, "each is written once");
    assert!(rows.iter().all(|rows| *rows <= 200), "{rows:?}");
    assert!(rows.len() <= 6, "{rows:?}");
    assert!(
        org.sent()[0].url.contains("/sobjects/Lead/"),
        "a single row"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_settles_each_row_by_itself() {
    let log = Arc::new(MemoryLog::default());
    let org = Arc::new(Org {
        of_row: Box::new(|id, sent| {
            let collection = sent.last().is_some_and(|sent| sent.leads.len() > 1);
            match id {
                id if id == lead(3) => Some("INVALID_EMAIL_ADDRESS"),
                id if id == lead(5) && collection => Some("UNABLE_TO_LOCK_ROW"),
                _ => None,
            }
        }),
        ..Org::new()
    });
    org.held.store(true, Ordering::SeqCst);
    let _stop = work(&log, executor(org.clone()), 1).await;
    for number in 0..12 {
        log.write(&promote(number));
        if number == 0 {
            until("the first is under way", || org.sent().len() == 1).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    org.held.store(false, Ordering::SeqCst);
    until("all answer", || log.position() == 12).await;
    for result in log.results() {
        let refused = result.command == promote(3).id;
        assert_eq!(written(&result.outcome), !refused, "{:?}", result.outcome);
    }
    let locked = org.about(&lead(5));
    assert_eq!(locked.last().unwrap().leads, [lead(5)], "again, and alone");
    assert!(org.writes().iter().any(|sent| sent.leads.len() > 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_org_does_not_hold_its_neighbours_lanes() {
    let log = Arc::new(MemoryLog::default());
    let remote = Arc::new(Org {
        of_request: Box::new(|sent, _| {
            let down = sent.url.contains("down.example");
            down.then(|| Trouble::Instead(Ok(refused(403, "REQUEST_LIMIT_EXCEEDED"))))
        }),
        ..Org::new()
    });
    let client = |host: &str| Arc::new(Client::new(options(host), remote.clone()));
    let down = SourceId::new("down").unwrap();
    let clients = BTreeMap::from([
        ((bridge(), org()), client("https://up.example")),
        ((bridge(), down.clone()), client("https://down.example")),
    ]);
    let executor = Arc::new(salesforce::Executor::new(clients, fast()));
    let _stop = work(&log, executor, 4).await;
    // Far more than lanes. No two share a request, so that each would hold a lane of its own.
    for number in 0..40 {
        let mut command = promote(number);
        command.source = down.clone();
        command.attempt = 2;
        log.write(&command);
    }
    until("the org is asked and paused", || remote.sent().len() > 8).await;
    for number in 40..60 {
        log.write(&promote(number));
    }
    until("the neighbour's are written", || log.results().len() == 20).await;
    assert!(log.results().iter().all(|result| result.source == org()));
    assert_eq!(log.position(), 0, "the paused ones still wait");
}

/// Fails at every request that several commands share.
struct Panics {
    /// Whether each command that went alone was told to read first.
    alone: Mutex<Vec<bool>>,
    org: Arc<salesforce::Executor>,
}

impl Execute for Panics {
    fn system(&self) -> System {
        System::Salesforce
    }

    fn request_timeout(&self) -> Duration {
        Duration::ZERO
    }

    fn execute<'a>(&'a self, command: &'a Command, repeat: bool) -> Execution<'a> {
        self.alone.lock().unwrap().push(repeat);
        self.org.execute(command, repeat)
    }

    fn sharing(&self, command: &Command) -> Option<Sharing> {
        self.org.sharing(command)
    }

    fn execute_many<'a>(&'a self, _: &'a [Command]) -> Executions<'a> {
        Box::pin(async { panic!("this request is not survived") })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_panic_in_a_shared_request_each_reads_first_by_itself() {
    let log = Arc::new(MemoryLog::default());
    let org = Arc::new(Org::new());
    org.held.store(true, Ordering::SeqCst);
    let panics = Arc::new(Panics {
        alone: Mutex::default(),
        org: executor(org.clone()),
    });
    let _stop = work(&log, panics.clone(), 1).await;
    log.write(&promote(0));
    until("the first is under way", || org.sent().len() == 1).await;
    (1..4).for_each(|number| log.write(&promote(number)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    org.held.store(false, Ordering::SeqCst);
    until("all answer", || log.position() == 4).await;
    assert!(log.results().iter().all(|result| written(&result.outcome)));
    assert_eq!(*panics.alone.lock().unwrap(), [false, true, true, true]);
}
