//! The webhook door with its fake log, and what the tests of ingest post to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crosswalk::config::{Ingest, Secret};
use crosswalk::domain::{BridgeId, SourceId};
use crosswalk::ingest::appender;
use crosswalk::ingest::intercom::{Destination, Post, Receiver, Workspace};
use crosswalk::ingest::server::{Handle, INTERCOM_PATH, Options, start};
use crosswalk::ports::clock::SystemClock;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::ingest_fake_log::FakeLog;

pub const SECRET: &str = "s3cret-of-the-app";
pub const OTHER_SECRET: &str = "s3cret-of-another-app";
pub const BODY_BYTES_MAX: usize = 64 * 1024;

pub fn sign(secret: &str, bytes: &[u8]) -> String {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(bytes);
    format!("sha1={}", hex::encode(mac.finalize().into_bytes()))
}

pub fn workspace(source: &str, app_id: &str, secret: &str, bridges: &[(&str, u32)]) -> Workspace {
    let destination = |(bridge, partition): &(&str, u32)| Destination {
        bridge: BridgeId::new(*bridge).unwrap(),
        partition: *partition,
    };
    Workspace {
        source: SourceId::new(source).unwrap(),
        app_id: app_id.to_owned(),
        client_secret: Secret::new(secret),
        bridges: bridges.iter().map(destination).collect(),
    }
}

pub fn receiver(log: &Arc<FakeLog>, workspaces: Vec<Workspace>) -> (Receiver, appender::Thread) {
    let (appender, thread) = appender::start(Arc::clone(log) as _, 64).unwrap();
    let wait = Duration::from_secs(2);
    let clock = Arc::new(SystemClock);
    (
        Receiver::new(workspaces, appender, wait, 100, clock),
        thread,
    )
}

pub fn post<'a>(signature: &'a str, bytes: &'a [u8]) -> Post<'a> {
    Post {
        signature: Some(signature),
        traceparent: None,
        content_type: Some("application/json"),
        bytes,
    }
}

pub struct Door {
    pub log: Arc<FakeLog>,
    pub handle: Handle,
    pub client: Client,
}

impl Door {
    pub async fn open() -> Self {
        Self::open_with(Ingest {
            append_timeout: Duration::from_millis(300),
            ..Ingest::default()
        })
        .await
    }

    pub async fn open_with(limits: Ingest) -> Self {
        let log = Arc::new(FakeLog::default());
        let options = Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            body_bytes_max: BODY_BYTES_MAX,
            workspaces: vec![
                workspace("support", "abc123", SECRET, &[("main", 0), ("second", 3)]),
                workspace("other", "xyz789", OTHER_SECRET, &[("main", 0)]),
            ],
            limits,
        };
        let handle = start(options, Arc::clone(&log) as _, Arc::new(SystemClock))
            .await
            .unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self {
            log,
            handle,
            client,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}{INTERCOM_PATH}", self.handle.address())
    }

    pub async fn send(&self, signature: Option<&str>, bytes: &[u8]) -> StatusCode {
        let mut request = self.client.post(self.url()).body(bytes.to_vec());
        if let Some(signature) = signature {
            request = request.header("X-Hub-Signature", signature);
        }
        request.send().await.unwrap().status()
    }

    pub async fn send_signed(&self, bytes: &[u8]) -> StatusCode {
        self.send(Some(&sign(SECRET, bytes)), bytes).await
    }
}

pub fn notification(app_id: &str, id: &str) -> Vec<u8> {
    let item = json!({
        "type": "contact", "id": "65a1b2c3d4e5f60718293a4b", "role": "lead",
        "email": "mila@kestrel.example", "updated_at": "2026-01-01T00:00:00.000+00:00",
    });
    body(app_id, Some(id), "contact.lead.created", item)
}

pub fn body(app_id: &str, id: Option<&str>, topic: &str, item: Value) -> Vec<u8> {
    let body = json!({
        "type": "notification_event", "app_id": app_id, "id": id, "topic": topic,
        "data": {"type": "notification_event_data", "item": item},
    });
    serde_json::to_vec(&body).unwrap()
}

/// Announces a body and sends none of it.
pub async fn announce(door: &Door, signature: &str) -> tokio::net::TcpStream {
    use tokio::io::AsyncWriteExt;
    let address = door.handle.address();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {INTERCOM_PATH} HTTP/1.1\r\nHost: {address}\r\nX-Hub-Signature: {signature}\r\n\
         Content-Length: {BODY_BYTES_MAX}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Everything that comes until the server closes; fails where that takes longer than `wait`.
pub async fn last_answer(stream: &mut tokio::net::TcpStream, wait: Duration) -> String {
    use tokio::io::AsyncReadExt;
    let mut answer = String::new();
    let reading = stream.read_to_string(&mut answer);
    tokio::time::timeout(wait, reading).await.unwrap().unwrap();
    answer
}

/// Posts without a Content-Length; answers the status.
pub async fn chunked(door: &Door, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = door.handle.address();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let signature = sign(SECRET, bytes);
    let head = format!(
        "POST {INTERCOM_PATH} HTTP/1.1\r\nHost: {address}\r\nX-Hub-Signature: {signature}\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{:x}\r\n",
        bytes.len()
    );
    let all = [head.as_bytes(), bytes, b"\r\n0\r\n\r\n"].concat();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(&all).await;
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap().replace("HTTP/1.1 ", "")
}
