//! A Pub/Sub server that plays one script per subscription and writes down what it was asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crosswalk::clients::Transport;
use crosswalk::clients::salesforce::pubsub::change::Schema;
use crosswalk::clients::salesforce::{Login, Session};
use crosswalk::clients::transport::{Answer, Request as HttpRequest, Response as HttpResponse};
use crosswalk::config::{Grant, Secret};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::metadata::MetadataMap;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Code, Request, Response, Status, Streaming};

#[allow(
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
mod proto {
    tonic::include_proto!("server/eventbus.v1");
}

use proto::pub_sub_server::{PubSub, PubSubServer};
pub use proto::{ConsumerEvent, FetchRequest, FetchResponse, ProducerEvent};

pub const ORG: &str = "00DD0000000FJrtMAG";
pub const SCHEMA: &str = r#"{"type":"record","name":"X","fields":[]}"#;

pub fn schema_id() -> String {
    Schema::fingerprint(SCHEMA).unwrap()
}

pub enum Step {
    Send(FetchResponse),
    AwaitRequest,
    /// Ends the open stream.
    Fail(Status),
    /// Holds it open and says nothing.
    Hang,
    /// First of its script: no stream at all.
    Refuse(Status),
    /// First of its script: not even headers.
    Unanswered,
    /// First of its script: headers after a while.
    OpenLate(Duration),
}

/// What every handler shares.
#[derive(Clone, Default)]
struct Shared {
    scripts: Arc<Mutex<VecDeque<Vec<Step>>>>,
    requests: Arc<Mutex<Vec<FetchRequest>>>,
    shown: Arc<Mutex<Vec<Vec<String>>>>,
    first_good_token: Arc<AtomicUsize>,
}

pub struct Fake {
    pub endpoint: String,
    shared: Shared,
}

impl Fake {
    pub async fn start(scripts: Vec<Vec<Step>>) -> Self {
        let (shared, address) = serve(scripts, Server::builder()).await;
        let endpoint = format!("http://{address}");
        Self { endpoint, shared }
    }

    /// Writes its own certificate to `ca_file`.
    pub async fn start_tls(ca_file: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(ca_file, made.cert.pem()).unwrap();
        let identity = Identity::from_pem(made.cert.pem(), made.signing_key.serialize_pem());
        let tls = ServerTlsConfig::new().identity(identity);
        let (shared, address) = serve(Vec::new(), Server::builder().tls_config(tls).unwrap()).await;
        let endpoint = format!("https://localhost:{}", address.port());
        Self { endpoint, shared }
    }

    pub fn requests(&self) -> Vec<FetchRequest> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The metadata of each subscription.
    pub fn shown(&self) -> Vec<Vec<String>> {
        self.shared.shown.lock().unwrap().clone()
    }

    /// GetTopic refuses older tokens than this one.
    pub fn accept_from_token(&self, number: usize) {
        self.shared.first_good_token.store(number, Ordering::SeqCst);
    }
}

async fn serve(scripts: Vec<Vec<Step>>, mut server: Server) -> (Shared, SocketAddr) {
    let shared = Shared {
        scripts: Arc::new(Mutex::new(scripts.into())),
        ..Shared::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = PubSubServer::new(shared.clone());
    let router = server.add_service(service);
    tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
    (shared, address)
}

#[tonic::async_trait]
impl PubSub for Shared {
    type SubscribeStream = ReceiverStream<Result<FetchResponse, Status>>;

    async fn subscribe(
        &self,
        request: Request<Streaming<FetchRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        self.shown
            .lock()
            .unwrap()
            .push(metadata(request.metadata()));
        let mut steps = self.scripts.lock().unwrap().pop_front().unwrap();
        match steps.first() {
            Some(Step::Refuse(status)) => return Err(status.clone()),
            Some(Step::Unanswered) => std::future::pending::<()>().await,
            Some(Step::OpenLate(after)) => {
                tokio::time::sleep(*after).await;
                steps.remove(0);
            }
            _ => {}
        }
        let (sender, answers) = mpsc::channel(16);
        tokio::spawn(play(self.clone(), steps, request.into_inner(), sender));
        Ok(Response::new(ReceiverStream::new(answers)))
    }

    async fn get_schema(
        &self,
        request: Request<proto::SchemaRequest>,
    ) -> Result<Response<proto::SchemaInfo>, Status> {
        Ok(Response::new(proto::SchemaInfo {
            schema_json: SCHEMA.into(),
            schema_id: request.into_inner().schema_id,
            rpc_id: String::new(),
        }))
    }

    async fn get_topic(
        &self,
        request: Request<proto::TopicRequest>,
    ) -> Result<Response<proto::TopicInfo>, Status> {
        let shown = metadata(request.metadata());
        let number: usize = shown[0].rsplit('-').next().unwrap().parse().unwrap();
        if number < self.first_good_token.load(Ordering::SeqCst) {
            return Err(coded(Code::Unauthenticated, "service.auth.error"));
        }
        Ok(Response::new(proto::TopicInfo {
            topic_name: request.into_inner().topic_name,
            can_subscribe: true,
            ..Default::default()
        }))
    }
}

async fn play(
    shared: Shared,
    steps: Vec<Step>,
    mut asked: Streaming<FetchRequest>,
    sender: mpsc::Sender<Result<FetchResponse, Status>>,
) {
    let first = asked.message().await.unwrap().unwrap();
    shared.requests.lock().unwrap().push(first);
    for step in steps {
        match step {
            Step::Send(answer) => sender.send(Ok(answer)).await.unwrap(),
            Step::Fail(status) => sender.send(Err(status)).await.unwrap(),
            Step::AwaitRequest => {
                let more = asked.message().await.unwrap().unwrap();
                shared.requests.lock().unwrap().push(more);
            }
            Step::Hang => std::future::pending().await,
            Step::Refuse(_) | Step::Unanswered | Step::OpenLate(_) => unreachable!(),
        }
    }
}

fn metadata(map: &MetadataMap) -> Vec<String> {
    ["accesstoken", "instanceurl", "tenantid"]
        .map(|name| format!("{name}: {}", map.get(name).unwrap().to_str().unwrap()))
        .to_vec()
}

pub fn keepalive(latest: &'static [u8], pending: i32) -> FetchResponse {
    FetchResponse {
        latest_replay_id: latest.into(),
        pending_num_requested: pending,
        ..FetchResponse::default()
    }
}

pub fn events(count: usize, pending: i32) -> FetchResponse {
    let event = |number| ConsumerEvent {
        event: Some(ProducerEvent {
            id: format!("uuid-{number}"),
            schema_id: "schema".into(),
            payload: b"avro"[..].into(),
            headers: Vec::new(),
        }),
        replay_id: format!("replay-{number}").into(),
    };
    FetchResponse {
        events: (0..count).map(event).collect(),
        ..keepalive(b"last", pending)
    }
}

/// A status with the vendor's trailers.
pub fn coded(status: Code, code: &str) -> Status {
    let mut status = Status::new(status, "about ann@example.com rpcId: 1-2-3");
    let code = format!("sfdc.platform.eventbus.grpc.{code}");
    status
        .metadata_mut()
        .insert("error-code", code.parse().unwrap());
    status
        .metadata_mut()
        .insert("rpc-id", "1-2-3".parse().unwrap());
    status
}

/// Answers logins with `token-1`, `token-2`, ….
#[derive(Default)]
pub struct Logins(AtomicUsize);

impl Logins {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Transport for Logins {
    fn send(&self, _: HttpRequest) -> Answer<'_> {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        let body = json!({
            "access_token": format!("token-{number}"),
            "instance_url": "https://org.example/",
            "id": format!("https://login.example/id/{ORG}/005D000000IqhSLIAZ"),
        });
        let response = HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        };
        Box::pin(async move { Ok(response) })
    }
}

pub fn session() -> (Arc<Session>, Arc<Logins>) {
    let logins = Arc::new(Logins::default());
    let login = Login {
        url: "https://login.example".into(),
        client_id: "id".into(),
        grant: Grant::ClientCredentials {
            client_secret: Secret::new("hush"),
        },
        timeout: Duration::from_secs(5),
    };
    let transport: Arc<dyn Transport> = logins.clone();
    (Arc::new(Session::new(login, transport)), logins)
}
