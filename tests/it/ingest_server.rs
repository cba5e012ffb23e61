//! The webhook door over a socket, and the receive path below it, with a log that can fail.

use std::sync::Arc;
use std::time::Duration;

use crosswalk::config::Ingest;
use crosswalk::domain::{ObservationBody, Topic};
use crosswalk::ingest::intercom::{Answer, Post};
use crosswalk::ports::event_log::Place;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::ingest_door::{BODY_BYTES_MAX, Door, OTHER_SECRET, SECRET};
use crate::ingest_door::{
    announce, body, chunked, last_answer, notification, post, receiver, sign, workspace,
};
use crate::ingest_fake_log::{FakeLog, Mood};

#[tokio::test]
async fn a_signed_notification_is_stored_once_per_bridge_in_one_append() {
    let door = Door::open().await;
    let bytes = notification("abc123", "notif_1");
    assert_eq!(door.send_signed(&bytes).await, StatusCode::OK);
    let appends = door.log.appends();
    assert_eq!(appends.iter().map(Vec::len).collect::<Vec<_>>(), [2]);
    for (entry, (bridge, partition)) in appends[0].iter().zip([("main", 0), ("second", 3)]) {
        assert_eq!(entry.topic, Topic::IntercomObserved);
        assert_eq!(
            (&*entry.key, entry.place),
            (bridge, Place::Partition(partition))
        );
    }
    let [first, second] = &door.log.observations()[..] else {
        panic!("two copies")
    };
    assert_eq!(first.id, second.id);
    assert_eq!(first.traceparent, None);
    door.handle.stop().await;
}

#[tokio::test]
async fn the_bytes_are_kept_as_they_came() {
    let door = Door::open().await;
    let odd = concat!(
        "\t{ \"id\":\"notif_1\" ,\r\n  \"app_id\":\"abc123\", \"topic\":\"conversation.opened\",",
        " \"data\" : {\"item\":{\"body\":\"“so” 👋🏽 \\u00e9 é\\u2028\", \"n\": 1.0e0}} }\n\n "
    );
    assert_eq!(door.send_signed(odd.as_bytes()).await, StatusCode::OK);
    let ObservationBody::Changed { raw, .. } = &door.log.observations()[0].body else {
        panic!("another kind of observation");
    };
    assert_eq!(raw.bytes, odd.as_bytes());
    door.handle.stop().await;
}

#[tokio::test]
async fn the_answer_waits_for_the_append() {
    let door = Door::open_with(Ingest::default()).await;
    door.log.set(Mood::Hangs);
    let (client, url) = (door.client.clone(), door.url());
    let bytes = notification("abc123", "notif_1");
    let mut sending = tokio::spawn(async move {
        let signature = sign(SECRET, &bytes);
        let request = client
            .post(url)
            .header("X-Hub-Signature", signature)
            .body(bytes);
        request.send().await.unwrap().status()
    });
    let log = Arc::clone(&door.log);
    tokio::task::spawn_blocking(move || log.wait_for_append(1))
        .await
        .unwrap();
    let early = tokio::time::timeout(Duration::from_millis(200), &mut sending).await;
    assert!(
        early.is_err(),
        "answered {early:?} before the append returned"
    );
    door.log.set(Mood::Works);
    assert_eq!(sending.await.unwrap(), StatusCode::OK);
    assert_eq!(door.log.observations().len(), 2);
    door.handle.stop().await;
}

#[tokio::test]
async fn a_failed_append_is_503_and_the_retry_is_stored() {
    let door = Door::open().await;
    let bytes = notification("abc123", "notif_1");
    door.log.set(Mood::Fails);
    assert_eq!(
        door.send_signed(&bytes).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(door.log.entries().len(), 0);
    door.log.set(Mood::Works);
    assert_eq!(door.send_signed(&bytes).await, StatusCode::OK);
    assert_eq!(
        door.log.observations().len(),
        2,
        "the failed one was remembered"
    );
    assert_eq!(door.send_signed(&bytes).await, StatusCode::OK);
    assert_eq!(
        door.log.observations().len(),
        2,
        "the repetition was stored again"
    );
    door.handle.stop().await;
}

#[tokio::test]
async fn a_failed_append_of_a_dead_letter_is_503_too() {
    let door = Door::open().await;
    door.log.set(Mood::Fails);
    assert_eq!(
        door.send_signed(b"no json").await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    door.handle.stop().await;
}

#[tokio::test]
async fn a_log_that_hangs_is_503_and_the_retry_is_stored() {
    let door = Door::open().await;
    let bytes = notification("abc123", "notif_1");
    door.log.set(Mood::Hangs);
    assert_eq!(
        door.send_signed(&bytes).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    door.log.set(Mood::Works);
    assert_eq!(door.send_signed(&bytes).await, StatusCode::OK);
    assert!(door.log.observations().len() >= 2);
    door.handle.stop().await;
}

#[tokio::test]
async fn more_than_the_queue_holds_is_503_at_once() {
    let door = Door::open_with(Ingest {
        queue_max: 1,
        ..Ingest::default()
    })
    .await;
    door.log.set(Mood::Hangs);
    let mut sending = Vec::new();
    for number in 0..8 {
        let (client, url) = (door.client.clone(), door.url());
        let bytes = notification("abc123", &format!("notif_{number}"));
        sending.push(tokio::spawn(async move {
            let signature = sign(SECRET, &bytes);
            let request = client
                .post(url)
                .header("X-Hub-Signature", signature)
                .body(bytes);
            request.send().await.unwrap().status()
        }));
    }
    let log = Arc::clone(&door.log);
    tokio::task::spawn_blocking(move || log.wait_for_append(1))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let refused = sending
        .iter()
        .filter(|sending| sending.is_finished())
        .count();
    assert!(refused >= 6, "only {refused} of 8 were refused");
    door.log.set(Mood::Works);
    let mut accepted = 0;
    for sending in sending {
        match sending.await.unwrap() {
            StatusCode::OK => accepted += 1,
            status => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE),
        }
    }
    assert_eq!(door.log.observations().len(), 2 * accepted);
    door.handle.stop().await;
}

#[tokio::test]
async fn a_wrong_or_missing_signature_is_401_and_stores_nothing() {
    let door = Door::open().await;
    let bytes = notification("abc123", "notif_1");
    let mut other = bytes.clone();
    other.push(b' ');
    let wrong = [
        None,
        Some(String::new()),
        Some("sha1=".to_owned()),
        Some(sign(SECRET, &other)),
        Some(sign("guess", &bytes)),
        Some(sign(SECRET, &bytes).replace("sha1=", "sha256=")),
        // Another workspace's secret says nothing about this one's body.
        Some(sign(OTHER_SECRET, &bytes)),
    ];
    for signature in wrong {
        let status = door.send(signature.as_deref(), &bytes).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{signature:?}");
    }
    let foreign_ping = body("abc123", None, "ping", json!({"type": "ping"}));
    let signature = sign(OTHER_SECRET, &foreign_ping);
    assert_eq!(
        door.send(Some(&signature), &foreign_ping).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(door.log.entries().len(), 0);
    door.handle.stop().await;
}

#[tokio::test]
async fn signed_but_not_understood_is_a_dead_letter_and_200() {
    let cases: [(&str, Vec<u8>, &str, &[&str]); 7] = [
        (
            "not JSON",
            b"\xff\xfe hello".to_vec(),
            "not_json",
            &["_unknown"],
        ),
        ("not an object", b"[1]".to_vec(), "no_app_id", &["_unknown"]),
        (
            "no workspace",
            body("", Some("notif_1"), "ping", json!({})),
            "no_app_id",
            &["_unknown"],
        ),
        (
            "no topic",
            body("abc123", Some("notif_1"), "", json!({})),
            "no_topic",
            &["_unknown"],
        ),
        (
            "unknown workspace",
            notification("nobody", "notif_1"),
            "unknown_workspace",
            &["_unknown"],
        ),
        (
            "no id",
            body("abc123", None, "contact.deleted", json!({"id": "6"})),
            "no_id",
            &["main", "second"],
        ),
        (
            "bad item",
            body("abc123", Some("notif_1"), "contact.deleted", json!({})),
            "bad_item",
            &["main", "second"],
        ),
    ];
    for (name, bytes, reason, bridges) in cases {
        let door = Door::open().await;
        assert_eq!(door.send_signed(&bytes).await, StatusCode::OK, "{name}");
        let letters = door.log.dead_letters();
        let got: Vec<&str> = letters
            .iter()
            .map(|letter| letter.bridge.as_str())
            .collect();
        assert_eq!(got, bridges, "{name}");
        assert_eq!(door.log.entries().len(), letters.len(), "{name}");
        for letter in &letters {
            assert_eq!(
                (letter.reason.as_str(), &letter.bytes),
                (reason, &bytes),
                "{name}"
            );
            assert_eq!(letter.origin, "webhook", "{name}");
            assert!(!letter.hint.is_empty(), "{name}");
        }
        if name == "bad item" {
            assert!(
                letters[0].hint.contains("data.item.id"),
                "{}",
                letters[0].hint
            );
        }
        door.handle.stop().await;
    }
}

#[tokio::test]
async fn handshake_ping_and_other_methods() {
    let door = Door::open().await;
    let send = |method| door.client.request(method, door.url()).send();
    assert_eq!(send(Method::HEAD).await.unwrap().status(), StatusCode::OK);
    assert_eq!(
        send(Method::GET).await.unwrap().status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
    for app_id in ["abc123", "a-workspace-of-somebody"] {
        let ping = body(
            app_id,
            None,
            "ping",
            json!({"type": "ping", "message": "hello"}),
        );
        assert_eq!(door.send_signed(&ping).await, StatusCode::OK);
    }
    assert_eq!(door.log.entries().len(), 0);
    door.handle.stop().await;
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413_whether_announced_or_not() {
    let door = Door::open().await;
    let bytes = vec![b' '; BODY_BYTES_MAX + 1];
    assert_eq!(
        door.send_signed(&bytes).await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let fits = [
        &notification("abc123", "notif_1")[..],
        &vec![b' '; BODY_BYTES_MAX / 2],
    ]
    .concat();
    assert_eq!(door.send_signed(&fits).await, StatusCode::OK);
    assert_eq!(chunked(&door, &bytes).await, "413");
    assert_eq!(
        chunked(&door, &notification("abc123", "notif_2")).await,
        "200"
    );
    assert_eq!(door.log.observations().len(), 4);
    door.handle.stop().await;
}

/// All that these tests wait for comes within 5 s, after which Intercom gives up.
const SOON: Duration = Duration::from_secs(1);
const IN_TIME: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_malformed_signature_is_401_before_the_body_is_read() {
    let door = Door::open().await;
    let digits = "0".repeat(40);
    let malformed = [
        String::new(),
        "sha1=00".to_owned(),
        digits.clone(),
        format!("sha256={digits}"),
        format!("sha1={digits}0"),
        format!("sha1={}", digits.replace('0', "g")),
    ];
    for signature in malformed {
        let mut stream = announce(&door, &signature).await;
        let answer = last_answer(&mut stream, SOON).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{signature}: {answer}");
    }
    door.handle.stop().await;
}

#[tokio::test]
async fn bodies_that_never_come_do_not_crowd_out_a_signed_post() {
    let door = Door::open_with(Ingest {
        intake_bytes_max: BODY_BYTES_MAX,
        ..Ingest::default()
    })
    .await;
    let signature = format!("sha1={}", "0".repeat(40));
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(announce(&door, &signature).await);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let bytes = notification("abc123", "notif_1");
    assert_eq!(door.send_signed(&bytes).await, StatusCode::OK);
    for stream in &mut silent {
        let answer = last_answer(stream, IN_TIME).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    // What they took is free again: this needs nearly the whole budget.
    let large = [
        &notification("abc123", "notif_2")[..],
        &vec![b' '; BODY_BYTES_MAX / 2],
    ]
    .concat();
    assert_eq!(door.send_signed(&large).await, StatusCode::OK);
    door.handle.stop().await;
}

#[tokio::test]
async fn a_body_that_trickles_is_408_in_time() {
    use tokio::io::AsyncWriteExt;
    let door = Door::open().await;
    let stream = announce(&door, &sign(SECRET, b"never whole")).await;
    let (mut answers, mut posting) = stream.into_split();
    let trickle = tokio::spawn(async move {
        while posting.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let mut answer = vec![0; 12];
    let reading = tokio::io::AsyncReadExt::read_exact(&mut answers, &mut answer);
    tokio::time::timeout(IN_TIME, reading)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
    trickle.abort();
    door.handle.stop().await;
}

#[tokio::test]
async fn whoever_connects_and_asks_nothing_is_cut_off() {
    use tokio::io::AsyncWriteExt;
    let door = Door::open().await;
    for said in ["", "POST /webhooks/inter"] {
        let stream = tokio::net::TcpStream::connect(door.handle.address()).await;
        let mut stream = stream.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        assert_eq!(last_answer(&mut stream, IN_TIME).await, "", "{said}");
    }
    door.handle.stop().await;
}

#[tokio::test]
async fn one_that_cannot_be_encoded_does_not_refuse_its_neighbours() {
    let log = Arc::new(FakeLog::default());
    let workspaces = vec![workspace("support", "abc123", SECRET, &[("main", 0)])];
    let (receiver, thread) = receiver(&log, workspaces);
    let receiver = Arc::new(receiver);
    log.set(Mood::Hangs);
    let mut receiving = Vec::new();
    for (id, size) in [("first", 0), ("second", 5_000), ("third", 0)] {
        let receiver = Arc::clone(&receiver);
        let mut bytes = notification("abc123", id);
        bytes.extend(std::iter::repeat_n(b' ', size));
        receiving.push(tokio::spawn(async move {
            let signature = sign(SECRET, &bytes);
            receiver.receive(post(&signature, &bytes)).await
        }));
        tokio::task::yield_now().await;
    }
    let waiting = Arc::clone(&log);
    tokio::task::spawn_blocking(move || waiting.wait_for_append(1))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    log.set(Mood::RefusesFrom(5_000));
    let mut answers = Vec::new();
    for receiving in receiving {
        answers.push(receiving.await.unwrap());
    }
    assert_eq!(
        answers,
        [Answer::Accepted, Answer::Unavailable, Answer::Accepted]
    );
    drop(receiver);
    tokio::task::spawn_blocking(move || thread.join())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_trace_context_is_kept_and_a_broken_one_is_not() {
    let log = Arc::new(FakeLog::default());
    let workspaces = vec![workspace("support", "abc123", SECRET, &[("main", 0)])];
    let (receiver, _thread) = receiver(&log, workspaces);
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (id, traceparent) in [("notif_1", good), ("notif_2", "00-not-a-trace")] {
        let bytes = notification("abc123", id);
        let signature = sign(SECRET, &bytes);
        let traceparent = Some(traceparent);
        let answer = receiver
            .receive(Post {
                traceparent,
                ..post(&signature, &bytes)
            })
            .await;
        assert_eq!(answer, Answer::Accepted);
    }
    let kept: Vec<_> = log
        .observations()
        .into_iter()
        .map(|o| o.traceparent)
        .collect();
    assert_eq!(kept, [Some(good.to_owned()), None]);
}

#[tokio::test]
async fn the_receipt_counts_by_outcome() {
    let door = Door::open().await;
    let count = |outcome: &str| {
        crosswalk::telemetry::metrics()
            .webhooks_total
            .with_label_values(&[outcome])
            .get()
    };
    let before = count("bad_signature");
    door.send(None, b"{}").await;
    assert!(count("bad_signature") > before);
    door.handle.stop().await;
}
