//! Notifications, and who posts them: bytes over kept connections, so that posting costs little.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha1::Sha1;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::SECRET;

/// Connections of whoever posts at a pace; half of what the door keeps open.
const PACED: usize = 256;
/// How far behind a notification comes again.
const AGAIN_BEHIND: usize = 1_000;

/// Signed notifications, made before the clock starts.
pub struct Posts {
    bodies: Vec<Arc<Body>>,
    distinct: usize,
}

struct Body {
    signature: String,
    text: String,
}

impl Posts {
    /// Nine of ten have 1 KB, the tenth 11 KB; one of twenty comes again.
    pub fn new(app_id: &str, round: usize, count: usize) -> Self {
        let mut bodies: Vec<Arc<Body>> = Vec::with_capacity(count);
        let mut distinct = 0;
        for number in 0..count {
            if number % 20 == 19 && number >= AGAIN_BEHIND {
                // A thousand before, less one: that is no repetition.
                bodies.push(Arc::clone(&bodies[number - AGAIN_BEHIND + 1]));
                continue;
            }
            distinct += 1;
            let bytes = if number % 10 == 5 { 11_000 } else { 1_000 };
            bodies.push(Arc::new(body(app_id, round, number, bytes)));
        }
        Self { bodies, distinct }
    }

    pub fn distinct(&self) -> usize {
        self.distinct
    }
}

fn body(app_id: &str, round: usize, number: usize, bytes: usize) -> Body {
    let at = 1_790_000_000 + number;
    let mut attributes = serde_json::Map::new();
    let whole = |attributes: &serde_json::Map<String, serde_json::Value>| {
        json!({
            "type": "notification_event", "app_id": app_id,
            "id": format!("notif_{round:08x}-{number:08x}"), "topic": "contact.user.updated",
            "delivery_attempts": 1, "first_sent_at": at, "created_at": at,
            "data": {"type": "notification_event_data", "item": {
                "type": "contact", "id": format!("{number:024x}"), "role": "user",
                "external_id": format!("user-{number}"), "name": format!("Pat N{number}"),
                "email": format!("pat{number}@kestrel.example"), "phone": "+12125550100",
                "created_at": at - 1_000, "updated_at": at, "custom_attributes": attributes,
                "unsubscribed_from_emails": false, "workspace_id": app_id,
                "tags": {"type": "list", "data": [], "total_count": 0, "has_more": false},
            }},
        })
        .to_string()
    };
    let mut text = whole(&attributes);
    while text.len() < bytes {
        let place = attributes.len();
        attributes.insert(format!("attribute_{place}"), "word ".repeat(9).into());
        text = whole(&attributes);
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    Body { signature, text }
}

/// How long each post took, in milliseconds, sorted.
pub struct Outcome {
    took: Vec<f64>,
    pub accepted: usize,
    elapsed: Duration,
}

impl Outcome {
    pub fn at(&self, percent: f64) -> f64 {
        let place = (self.took.len() as f64 * percent / 100.0).ceil() as usize;
        self.took[place.clamp(1, self.took.len()) - 1]
    }

    pub fn per_second(&self) -> f64 {
        self.took.len() as f64 / self.elapsed.as_secs_f64()
    }
}

/// Each sender posts the next one when the one before is answered.
pub async fn closed(address: &str, path: &str, posts: &Posts, senders: usize) -> Outcome {
    send(address, path, posts, senders, None).await
}

/// Each is due at its time, and waits from then on.
pub async fn open(address: &str, path: &str, posts: &Posts, per_second: f64) -> Outcome {
    send(address, path, posts, PACED, Some(per_second)).await
}

async fn send(
    address: &str,
    path: &str,
    posts: &Posts,
    senders: usize,
    per_second: Option<f64>,
) -> Outcome {
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let tasks: Vec<_> = (0..senders)
        .map(|_| {
            let (next, bodies) = (Arc::clone(&next), posts.bodies.clone());
            let (address, path) = (address.to_owned(), path.to_owned());
            tokio::spawn(async move {
                let (mut took, mut accepted) = (Vec::new(), 0);
                let mut stream = connect(&address).await;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(body) = bodies.get(number) else {
                        return (took, accepted);
                    };
                    let mut due = Instant::now();
                    if let Some(rate) = per_second {
                        due = began + Duration::from_secs_f64(number as f64 / rate);
                        tokio::time::sleep_until(due.into()).await;
                    }
                    match post(&mut stream, &address, &path, body).await {
                        Some(200) => accepted += 1,
                        _ => stream = connect(&address).await,
                    }
                    took.push(due.elapsed().as_secs_f64() * 1e3);
                }
            })
        })
        .collect();
    let (mut took, mut accepted) = (Vec::new(), 0);
    for task in tasks {
        let of_one = task.await.unwrap();
        took.extend(of_one.0);
        accepted += of_one.1;
    }
    let elapsed = began.elapsed();
    took.sort_by(f64::total_cmp);
    if per_second.is_none() {
        assert_eq!(accepted, posts.bodies.len(), "not all were answered 200");
    }
    Outcome {
        took,
        accepted,
        elapsed,
    }
}

async fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// The status, if the connection goes on behind it.
async fn post(stream: &mut TcpStream, host: &str, path: &str, body: &Body) -> Option<u16> {
    let (length, signature) = (body.text.len(), &body.signature);
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         X-Hub-Signature: sha1={signature}\r\nContent-Length: {length}\r\n\r\n{}",
        body.text
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::with_capacity(512);
    while !answer.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut answer).await.ok()? == 0 {
            return None;
        }
    }
    let status = std::str::from_utf8(answer.get(9..12)?).ok()?;
    status.parse().ok()
}
