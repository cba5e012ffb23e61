//! Tests of the Pub/Sub server with the generated client: one rule each.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status, Streaming};

use crate::sandbox::Tls;
use crate::sandbox::fault::{Kind, Rule};
use crate::sandbox::salesforce::pubsub::client_proto::pub_sub_client::PubSubClient;
use crate::sandbox::salesforce::pubsub::client_proto::{
    FetchRequest, FetchResponse, ReplayPreset, SchemaRequest, TopicRequest,
};
use crate::sandbox::salesforce::{Handle, Options, start};

mod hazards;
mod rules;
mod secure;

const ALL: &str = "/data/ChangeEvents";
const PATIENCE: Duration = Duration::from_secs(5);

/// A running org and a client with a token.
struct Caller {
    handle: Handle,
    client: PubSubClient<Channel>,
    token: String,
}

/// An open stream.
struct Stream {
    requests: mpsc::Sender<FetchRequest>,
    responses: Streaming<FetchResponse>,
}

fn quick() -> Options {
    Options {
        keepalive: Duration::from_millis(80),
        credit_wait: Duration::from_millis(80),
        ..Options::default()
    }
}

async fn token(handle: &Handle, http: &reqwest::Client) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "sandbox-client-id"),
        ("client_secret", "sandbox-client-secret"),
    ];
    let url = format!("{}/services/oauth2/token", handle.base_url());
    let answer = http.post(url).form(&form).send().await.expect("an answer");
    let bytes = answer.bytes().await.expect("a body");
    let body: Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(body["instance_url"], json!(handle.base_url()));
    body["access_token"].as_str().expect("a token").to_owned()
}

impl Caller {
    async fn new(options: Options) -> Self {
        let handle = start(options).await.expect("starts");
        let token = token(&handle, &reqwest::Client::new()).await;
        let endpoint = Endpoint::from_shared(handle.pubsub_url()).expect("a URL");
        let client = PubSubClient::new(endpoint.connect().await.expect("a connection"));
        Self {
            handle,
            client,
            token,
        }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        with_headers(message, &self.token, &self.handle.base_url())
    }

    async fn subscribe(&mut self, first: FetchRequest) -> Stream {
        let (requests, outbound) = mpsc::channel(8);
        requests.send(first).await.expect("room");
        let request = self.request(ReceiverStream::new(outbound));
        let opened = self.client.subscribe(request).await;
        let responses = opened.expect("a stream").into_inner();
        Stream {
            requests,
            responses,
        }
    }

    fn lead(&self) -> String {
        let fields = json!({"LastName": "Doe", "Company": "Acme"});
        let act = json!({"verb": "create", "object": "Lead", "fields": fields});
        let made = self.handle.act(act).expect("an act");
        made["id"].as_str().expect("an id").to_owned()
    }

    fn act(&self, act: Value) {
        self.handle.act(act).expect("an act");
    }
}

impl Stream {
    async fn next(&mut self) -> Result<Option<FetchResponse>, Status> {
        let next = tokio::time::timeout(PATIENCE, self.responses.message());
        next.await.expect("something within the patience")
    }

    /// The next response.
    async fn response(&mut self) -> FetchResponse {
        let next = self.next().await.expect("no refusal");
        next.expect("the stream goes on")
    }

    /// The next response with events.
    async fn events(&mut self) -> FetchResponse {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "keepalives and no events");
            let response = self.response().await;
            if !response.events.is_empty() {
                return response;
            }
        }
    }

    /// Passes over responses to how the stream ends.
    async fn end(&mut self) -> Result<(), Status> {
        let deadline = Instant::now() + PATIENCE;
        while self.next().await?.is_some() {
            assert!(Instant::now() < deadline, "the stream does not end");
        }
        Ok(())
    }

    /// Asks for more events.
    async fn more(&self, num_requested: i32) {
        let request = FetchRequest {
            num_requested,
            ..FetchRequest::default()
        };
        self.requests.send(request).await.expect("room");
    }
}

fn with_headers<T>(message: T, token: &str, instance: &str) -> Request<T> {
    let mut request = Request::new(message);
    let headers = [
        ("accesstoken", token),
        ("instanceurl", instance),
        ("tenantid", "00D5g00000SandbEAB"),
    ];
    for (name, value) in headers {
        let value = MetadataValue::try_from(value).expect("a header");
        request.metadata_mut().insert(name, value);
    }
    request
}

fn fetch(topic: &str, preset: ReplayPreset, replay_id: &[u8], num_requested: i32) -> FetchRequest {
    FetchRequest {
        topic_name: topic.to_owned(),
        replay_preset: preset.into(),
        replay_id: replay_id.to_vec().into(),
        num_requested,
        auth_refresh: String::new(),
    }
}

fn latest(num_requested: i32) -> FetchRequest {
    fetch(ALL, ReplayPreset::Latest, &[], num_requested)
}

fn earliest(num_requested: i32) -> FetchRequest {
    fetch(ALL, ReplayPreset::Earliest, &[], num_requested)
}

fn custom(replay_id: &[u8]) -> FetchRequest {
    fetch(ALL, ReplayPreset::Custom, replay_id, 100)
}

fn trailer(status: &Status, name: &str) -> String {
    let value = status.metadata().get(name);
    let value = value.map(|value| value.to_str().expect("text").to_owned());
    value.unwrap_or_default()
}

fn check(status: &Status, code: Code, suffix: &str) {
    assert_eq!(status.code(), code, "{status:?}");
    let expected = format!("sfdc.platform.eventbus.grpc.{suffix}");
    assert_eq!(trailer(status, "error-code"), expected);
    let rpc_id = trailer(status, "rpc-id");
    assert_eq!(rpc_id.len(), 36, "{status:?}");
    assert!(
        status.message().ends_with(&format!("rpcId: {rpc_id}")),
        "{status:?}"
    );
}

fn ids(response: &FetchResponse) -> Vec<String> {
    let events = response.events.iter();
    let id = |event: &super::client_proto::ConsumerEvent| event.event.clone().expect("one").id;
    events.map(id).collect()
}
