//! The three calls, and who may make them (salesforce.md 1.1 and 1.3).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use crate::sandbox::error::Error;
use crate::sandbox::exchange;
use crate::sandbox::fault::{Kind, Strike};
use crate::sandbox::guard::lock;
use crate::sandbox::host::{Host, Port};
use crate::sandbox::salesforce::model::Topic;
use crate::sandbox::salesforce::pubsub::proto::pub_sub_server::{PubSub, PubSubServer};
use crate::sandbox::salesforce::pubsub::proto::{
    FetchRequest, FetchResponse, SchemaInfo, SchemaRequest, TopicInfo, TopicRequest,
};
use crate::sandbox::salesforce::pubsub::refusal::{Call, proxy};
use crate::sandbox::salesforce::pubsub::subscription::Subscription;
use crate::sandbox::salesforce::server::Salesforce;
use crate::sandbox::tls::Tls;

/// Responses a stream may have on the way to its connection.
const RESPONSES_MAX: usize = 2;
const SLOW_MS: u64 = 3_000;

/// The waits of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// From a response to the empty one that follows when nothing happens.
    pub(crate) keepalive: Duration,
    /// How long a stream may have no outstanding events.
    pub(crate) credit_wait: Duration,
}

struct Service {
    host: Arc<Host<Salesforce>>,
    closed: watch::Receiver<bool>,
    timing: Timing,
}

/// Serves until the port is closed.
pub(crate) fn open(
    host: Arc<Host<Salesforce>>,
    (listener, addr): (TcpListener, SocketAddr),
    tls: Option<&Tls>,
    timing: Timing,
) -> Result<Port, Error> {
    let closing = watch::Sender::new(false);
    let mut closed = closing.subscribe();
    let service = PubSubServer::new(Service {
        host,
        closed: closing.subscribe(),
        timing,
    });
    let service = service.accept_compressed(CompressionEncoding::Gzip);
    let mut server = Server::builder();
    if let Some(tls) = tls {
        let config = ServerTlsConfig::new().identity(tls.identity());
        let secured = server.tls_config(config);
        server = secured.map_err(|source| Error::Grpc { source })?;
    }
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = server
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, async move {
            // An error means that the handle was dropped, which also closes the port.
            let _ = closed.wait_for(|closing| *closing).await;
        });
    let task = tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "a sandbox stopped serving the Pub/Sub API");
        }
    });
    Ok(Port {
        addr,
        closing,
        task,
    })
}

// === impl Service ===

impl Service {
    /// Checks the caller; answers the call's id.
    async fn admit(&self, method: &'static str, headers: &MetadataMap) -> Result<Call, Status> {
        let target = format!("/eventbus.v1.PubSub/{method}");
        let strike = lock(&self.host.faults).for_request("GRPC", &target, &[]);
        if let Some(delay_ms) = strike
            .filter(|strike| strike.kind == Kind::Slow)
            .map(slow_ms)
        {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        let now_ms = self.host.clock.now_ms();
        let mut org = lock(&self.host.vendor.org);
        let call = Call {
            method,
            rpc_id: org.rpc_id(),
        };
        let token = text(headers, "accesstoken").unwrap_or_default();
        let bearer = bearer(token);
        match strike.map(|strike| strike.kind) {
            None | Some(Kind::Slow) => {}
            Some(Kind::Unauthorized) => {
                org.forget_session(&bearer);
                return Err(call.unauthenticated());
            }
            Some(Kind::RateLimited | Kind::ForbiddenLimit) => return Err(call.too_many()),
            Some(Kind::ServerError) => return Err(call.unavailable()),
            Some(_) => return Err(proxy()),
        }
        if org.events.hazards.takes_unavailable() {
            return Err(call.unavailable());
        }
        let tenant = text(headers, "tenantid").unwrap_or_default();
        let instance = text(headers, "instanceurl").unwrap_or_default();
        let ours = !tenant.is_empty() && tenant.ends_with(org.settings.org_id.as_str());
        if token.is_empty() || !ours || !is_origin(instance) {
            return Err(call.bad_headers());
        }
        if org.authorise(&bearer, now_ms).is_err() {
            return Err(call.unauthenticated());
        }
        Ok(call)
    }
}

#[tonic::async_trait]
impl PubSub for Service {
    type SubscribeStream = ReceiverStream<Result<FetchResponse, Status>>;

    async fn subscribe(
        &self,
        request: Request<Streaming<FetchRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let call = self.admit("Subscribe", request.metadata()).await?;
        let (outbound, responses) = mpsc::channel(RESPONSES_MAX);
        let subscription = Subscription {
            host: Arc::clone(&self.host),
            call,
            inbound: request.into_inner(),
            outbound,
            closed: self.closed.clone(),
            bell: self.host.vendor.bell.subscribe(),
            timing: self.timing,
        };
        tokio::spawn(subscription.run());
        Ok(Response::new(ReceiverStream::new(responses)))
    }

    async fn get_schema(
        &self,
        request: Request<SchemaRequest>,
    ) -> Result<Response<SchemaInfo>, Status> {
        let call = self.admit("GetSchema", request.metadata()).await?;
        let schema_id = request.into_inner().schema_id;
        let org = lock(&self.host.vendor.org);
        let schema_json = org.events.schema(&schema_id);
        let schema_json = schema_json.ok_or_else(|| call.unknown_schema())?.to_owned();
        Ok(Response::new(SchemaInfo {
            schema_json,
            schema_id,
            rpc_id: call.rpc_id,
        }))
    }

    async fn get_topic(
        &self,
        request: Request<TopicRequest>,
    ) -> Result<Response<TopicInfo>, Status> {
        let call = self.admit("GetTopic", request.metadata()).await?;
        let topic_name = request.into_inner().topic_name;
        let topic = topic(&call, &topic_name)?;
        let org = lock(&self.host.vendor.org);
        // What a channel of several entities names is not known (salesforce.md 2.1): nothing.
        let layout = match topic {
            Topic::One(entity) => org.events.layout(entity),
            Topic::All => None,
        };
        Ok(Response::new(TopicInfo {
            topic_name,
            tenant_guid: format!("core/sandbox/{}", org.settings.org_id),
            can_publish: false,
            can_subscribe: true,
            schema_id: layout.map_or_else(String::new, |layout| layout.schema_id.clone()),
            rpc_id: call.rpc_id,
        }))
    }
}

/// Reads the name of a topic that exists.
pub(super) fn topic(call: &Call, name: &str) -> Result<Topic, Status> {
    if name.is_empty() {
        return Err(call.no_topic());
    }
    Topic::parse(name).ok_or_else(|| call.unknown_topic())
}

fn slow_ms(strike: Strike) -> u64 {
    strike.delay_ms.unwrap_or(SLOW_MS)
}

fn text<'a>(headers: &'a MetadataMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The token as REST would show it, so that both doors ask the same sessions.
fn bearer(token: &str) -> exchange::Request {
    let mut request = exchange::Request::new("POST", "/", "", Vec::new());
    let header = format!("Bearer {token}");
    request.headers.insert("authorization".to_owned(), header);
    request
}

/// Whether a text is `https://host` without a path; plain http is the sandbox's own.
fn is_origin(url: &str) -> bool {
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains('/'))
}
