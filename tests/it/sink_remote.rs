//! A remote system as a closure: the transport that the sink's tests cut at, and commands for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crosswalk::clients::Transport;
use crosswalk::clients::salesforce::{Client, Options};
use crosswalk::clients::transport::{Answer, Failure, Method, Request, Response};
use crosswalk::config::{Grant, Secret};
use crosswalk::domain::{
    BridgeId, Command, CommandId, CommandKind, FieldWrite, ObjectName, ObservationId, RecordRef,
    SourceId, Timestamp, WriteCommand, WriteTarget,
};
use crosswalk::sink::{retry, salesforce};
use serde_json::{Value as Json, json};

pub const LEAD: &str = "00QD000000IqhSLMAZ";
pub const LOGIN: &str = "/services/oauth2/token";

type Reply = dyn Fn(&Request) -> Result<Response, Failure> + Send + Sync;

/// Answers logins itself and everything else by its closure; remembers every request.
pub struct Remote {
    reply: Box<Reply>,
    requests: Mutex<Vec<Request>>,
}

impl Remote {
    pub fn new(
        reply: impl Fn(&Request) -> Result<Response, Failure> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            reply: Box::new(reply),
            requests: Mutex::default(),
        })
    }

    /// All requests but logins.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn count(&self, method: Method) -> usize {
        let requests = self.requests();
        requests
            .iter()
            .filter(|request| request.method == method)
            .count()
    }
}

impl Transport for Remote {
    fn send(&self, request: Request) -> Answer<'_> {
        if request.url.ends_with(LOGIN) {
            let token = json!({"access_token": "t", "instance_url": "https://org.example"});
            return Box::pin(async move { Ok(response(200, &token)) });
        }
        let answer = (self.reply)(&request);
        self.requests.lock().unwrap().push(request);
        Box::pin(async move { answer })
    }
}

pub fn response(status: u16, body: &Json) -> Response {
    Response {
        status,
        headers: Vec::new(),
        body: match body {
            Json::Null => Vec::new(),
            body => body.to_string().into_bytes(),
        },
    }
}

/// An error entry as Salesforce writes it.
pub fn refused(status: u16, code: &str) -> Response {
    response(status, &json!([{"errorCode": code, "message": "no"}]))
}

pub fn bridge() -> BridgeId {
    BridgeId::new("main").unwrap()
}

pub fn org() -> SourceId {
    SourceId::new("org").unwrap()
}

pub fn options(login_url: &str) -> Options {
    Options {
        login_url: login_url.into(),
        client_id: "id".into(),
        grant: Grant::ClientCredentials {
            client_secret: Secret::new("hush"),
        },
        api_version: "66.0".into(),
        client_token: "crosswalk-main".into(),
        request_timeout: Duration::from_millis(300),
    }
}

pub fn fast() -> retry::Options {
    retry::Options {
        interval_first: Duration::from_millis(1),
        interval_max: Duration::from_millis(5),
        ..retry::Options::default()
    }
}

/// The real executor above a transport.
pub fn executor(transport: Arc<dyn Transport>) -> Arc<salesforce::Executor> {
    let client = Client::new(options("https://login.example"), transport);
    let clients = BTreeMap::from([((bridge(), org()), Arc::new(client))]);
    Arc::new(salesforce::Executor::new(clients, fast()))
}

pub fn lead() -> RecordRef {
    RecordRef::new(&org(), "Lead", LEAD).unwrap()
}

/// A command of any kind; `number` makes its id.
pub fn command(number: u64, lane: &str, kind: CommandKind) -> Command {
    Command {
        id: CommandId::requested_at(&bridge(), number),
        bridge: bridge(),
        source: org(),
        attempt: 1,
        requested_at: Timestamp(1_000_000),
        deadline: Timestamp(1_060_000),
        lane: lane.into(),
        cause: ObservationId::of_decision("test"),
        caused_at: Timestamp(0),
        kind,
    }
}

/// Sets the lead's title from `before` to `after`.
pub fn retitle(number: u64, lane: &str, before: &str, after: &str) -> Command {
    retitle_record(number, lane, lead(), [before, after])
}

/// The same for any lead, in a lane of its own.
pub fn retitle_lead(number: u64, id: &str, before: &str, after: &str) -> Command {
    let record = RecordRef::new(&org(), "Lead", id).unwrap();
    retitle_record(number, id, record, [before, after])
}

fn retitle_record(number: u64, lane: &str, record: RecordRef, titles: [&str; 2]) -> Command {
    let write = WriteCommand {
        target: WriteTarget::Record(record),
        sequence: number,
        fields: vec![field("Title", titles[0], titles[1])],
        auto_assign: false,
        read_first: false,
    };
    command(number, lane, CommandKind::Write(write))
}

/// Makes a lead from an Intercom contact.
pub fn create(number: u64) -> Command {
    let write = WriteCommand {
        target: WriteTarget::Create {
            object: ObjectName::new("Lead").unwrap(),
            key_field: "Intercom_Contact_ID__c".into(),
            key_value: "app:5f3a".into(),
            origin: RecordRef::new(&SourceId::new("ws").unwrap(), "contact", "5f3a").unwrap(),
        },
        sequence: 1,
        fields: vec![field("LastName", "", "Hara")],
        auto_assign: false,
        read_first: false,
    };
    command(number, "contact", CommandKind::Write(write))
}

pub fn field(name: &str, before: &str, after: &str) -> FieldWrite {
    FieldWrite {
        name: name.into(),
        value: after.into(),
        expect: before.into(),
    }
}

/// A lead as a read by id answers it.
pub fn lead_row(title: &str) -> Json {
    json!({
        "attributes": {"type": "Lead"}, "Id": LEAD, "Title": title, "IsConverted": false,
        "ConvertedContactId": null, "SystemModstamp": "2026-01-10T04:23:23.000+0000",
    })
}
