//! The calls of the Pub/Sub API (salesforce.md 1). A refused token is renewed once; whether to
//! repeat anything else is the caller's decision.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Response, Status};

use crate::clients::measured;
use crate::clients::salesforce::pubsub::change::Schema;
use crate::clients::salesforce::pubsub::error::{Error, Reaction};
use crate::clients::salesforce::pubsub::proto::pub_sub_client::PubSubClient;
use crate::clients::salesforce::pubsub::proto::{SchemaRequest, TopicRequest};
use crate::clients::salesforce::pubsub::refusal;
use crate::clients::salesforce::pubsub::subscription::{Start, Subscription};
use crate::clients::salesforce::session::{Session, Token};
use crate::clients::system::System;

/// The vendor's limit of one message.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

const USER_AGENT: &str = concat!("crosswalk/", env!("CARGO_PKG_VERSION"));
/// Pings find a connection that died without a word, and keep idle ones open in between.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub struct Options {
    /// `https://api.pubsub.salesforce.com:7443`; plain `http` reaches a sandbox.
    pub endpoint: String,
    /// Certificates in PEM form that are trusted beside those of the machine.
    pub ca_file: Option<PathBuf>,
    pub connect_timeout: Duration,
    /// Of GetTopic and GetSchema.
    pub request_timeout: Duration,
    /// How long a subscription may say nothing at all. Keepalives come within 270 s by the
    /// documentation, every 60 s in practice.
    pub silent_after: Duration,
}

/// One org's change events. Calls share one connection, which is made when it is needed and again
/// when it broke.
pub struct Client {
    stub: Stub,
    session: Arc<Session>,
    options: Options,
}

/// What is said of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    pub can_subscribe: bool,
    /// Of one entity's topic. Events name their own.
    pub schema_id: String,
}

/// A schema as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaText {
    pub id: String,
    pub json: String,
    /// Whether the text hashes to its id (salesforce.md 0.1). False has been logged as a warning.
    pub is_authentic: bool,
}

pub(super) type Stub = PubSubClient<Channel>;

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            endpoint: "https://api.pubsub.salesforce.com:7443".into(),
            ca_file: None,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(20),
            silent_after: Duration::from_secs(120),
        }
    }
}

// === impl Client ===

impl Client {
    /// Reads the certificates; connects to nobody yet. Needs a running Tokio runtime.
    pub fn new(options: Options, session: Arc<Session>) -> Result<Self, Error> {
        let channel = endpoint(&options)?.connect_lazy();
        let stub = PubSubClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Self {
            stub,
            session,
            options,
        })
    }

    pub async fn get_topic(&self, name: &str) -> Result<Topic, Error> {
        let info = self
            .unary("GetTopic", |mut stub, metadata| {
                let topic_name = name.to_owned();
                let request = metadata.request(TopicRequest { topic_name });
                async move { stub.get_topic(request).await }
            })
            .await?;
        Ok(Topic {
            name: info.topic_name,
            can_subscribe: info.can_subscribe,
            schema_id: info.schema_id,
        })
    }

    /// A schema never changes under its id: keep it for ever.
    pub async fn get_schema(&self, id: &str) -> Result<SchemaText, Error> {
        let info = self
            .unary("GetSchema", |mut stub, metadata| {
                let schema_id = id.to_owned();
                let request = metadata.request(SchemaRequest { schema_id });
                async move { stub.get_schema(request).await }
            })
            .await?;
        let is_authentic = Schema::fingerprint(&info.schema_json).as_deref() == Some(id);
        if !is_authentic {
            tracing::warn!(schema_id = id, "the schema does not hash to its id");
        }
        Ok(SchemaText {
            id: id.to_owned(),
            json: info.schema_json,
            is_authentic,
        })
    }

    /// Events of `topic` from `start` on. `credit` is how many may be on their way at once, from 1
    /// to 100; other numbers are taken for the nearest of these. The first `next` sees whether the
    /// server agrees.
    pub async fn subscribe(
        &self,
        topic: &str,
        start: Start,
        credit: u32,
    ) -> Result<Subscription, Error> {
        let token = self.session.token(None).await?;
        let metadata = Metadata::new(&self.session, &token).await?;
        let (stub, session) = (self.stub.clone(), Arc::clone(&self.session));
        Ok(
            Subscription::open(stub, metadata, session, token, topic, start, credit)
                .silent_after(self.options.silent_after),
        )
    }

    async fn unary<T, F>(
        &self,
        method: &'static str,
        call: impl Fn(Stub, Metadata) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<Response<T>, Status>> + Send,
    {
        let mut token = self.session.token(None).await?;
        for is_last in [false, true] {
            let metadata = Metadata::new(&self.session, &token).await?;
            let answer = call(self.stub.clone(), metadata);
            let answer = tokio::time::timeout(self.options.request_timeout, answer).await;
            let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("")));
            let status = match answer {
                Ok(response) => {
                    measured::count(System::Salesforce, method, Code::Ok);
                    return Ok(response.into_inner());
                }
                Err(status) => status,
            };
            measured::count(System::Salesforce, method, status.code());
            let refusal = refusal::read(&status);
            if is_last || refusal.reaction != Reaction::Auth {
                if refusal.reaction == Reaction::Auth {
                    self.session.refuse(&token).await;
                }
                return Err(Error::Refused(refusal));
            }
            token = self.session.token(Some(&token)).await?;
        }
        Err(Error::Ended)
    }
}

fn endpoint(options: &Options) -> Result<Endpoint, Error> {
    let no_url = |_| Error::Unsendable("pubsub.endpoint is no URL");
    let endpoint = Endpoint::from_shared(options.endpoint.clone()).map_err(no_url)?;
    let is_plain = endpoint.uri().scheme_str() == Some("http");
    let endpoint = endpoint
        .user_agent(USER_AGENT)
        .map_err(|_| Error::Unsendable("the user agent is no header"))?
        .connect_timeout(options.connect_timeout)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true);
    if is_plain {
        return Ok(endpoint);
    }
    let mut tls = ClientTlsConfig::new().with_native_roots();
    if let Some(file) = &options.ca_file {
        let unreadable = |error: std::io::Error| Error::CaFile {
            file: file.display().to_string(),
            reason: error.to_string(),
        };
        tls = tls.ca_certificate(Certificate::from_pem(
            std::fs::read(file).map_err(unreadable)?,
        ));
    }
    let refused = |_| Error::CaFile {
        file: match &options.ca_file {
            Some(file) => file.display().to_string(),
            None => "the machine's store".into(),
        },
        reason: "it holds no certificate that can be used".into(),
    };
    endpoint.tls_config(tls).map_err(refused)
}

/// What every call shows (salesforce.md 1.3).
pub(super) struct Metadata {
    token: MetadataValue<Ascii>,
    instance: MetadataValue<Ascii>,
    tenant: MetadataValue<Ascii>,
}

// === impl Metadata ===

impl Metadata {
    async fn new(session: &Session, token: &Token) -> Result<Self, Error> {
        let identity = session.identity_of(token).await?;
        let value = |text: &str| {
            let odd = |_| Error::Unsendable("the login's answer does not fit into metadata");
            text.parse::<MetadataValue<Ascii>>().map_err(odd)
        };
        let mut access = value(&token.access.reveal())?;
        access.set_sensitive(true);
        Ok(Self {
            token: access,
            instance: value(&token.instance_url)?,
            tenant: value(&identity.org_id)?,
        })
    }

    pub(super) fn request<T>(self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("accesstoken", self.token);
        metadata.insert("instanceurl", self.instance);
        metadata.insert("tenantid", self.tenant);
        request
    }
}
