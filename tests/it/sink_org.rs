//! An org with leads, for the sink's tests: single rows by id and collections of them, with faults
//! by request and by row.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crosswalk::clients::Transport;
use crosswalk::clients::transport::{Answer as Reply, Failure, Method, Request, Response};
use serde_json::{Value as Json, json};

use crate::sink_remote::{LOGIN, refused, response};

/// A request to the org, as far as the tests ask.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: Method,
    pub url: String,
    /// The leads it names.
    pub leads: Vec<String>,
}

/// What goes wrong with a request.
pub enum Trouble {
    /// Answered so, and not carried out.
    Instead(Result<Response, Failure>),
    /// Carried out, and answered so.
    After(Result<Response, Failure>),
}

pub type OfRequest = dyn Fn(&Sent, usize) -> Option<Trouble> + Send + Sync;
pub type OfRow = dyn Fn(&str, &[Sent]) -> Option<&'static str> + Send + Sync;

/// An org with leads: single rows by id, and collections of them.
pub struct Org {
    pub titles: Mutex<BTreeMap<String, String>>,
    pub sent: Mutex<Vec<Sent>>,
    /// While it is set, requests wait for their answer.
    pub held: AtomicBool,
    /// Told the request and how many came before it.
    pub of_request: Box<OfRequest>,
    /// The code that refuses a row; told the lead and all requests so far.
    pub of_row: Box<OfRow>,
}

impl Org {
    pub fn new() -> Self {
        Self {
            titles: Mutex::default(),
            sent: Mutex::default(),
            held: AtomicBool::new(false),
            of_request: Box::new(|_, _| None),
            of_row: Box::new(|_, _| None),
        }
    }

    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    pub fn writes(&self) -> Vec<Sent> {
        let mut sent = self.sent();
        sent.retain(|request| request.method == Method::Patch);
        sent
    }

    /// The requests that name the lead, in their order.
    pub fn about(&self, lead: &str) -> Vec<Sent> {
        let mut sent = self.sent();
        sent.retain(|request| request.leads.iter().any(|named| named == lead));
        sent
    }

    pub fn title(&self, lead: &str) -> String {
        let titles = self.titles.lock().unwrap();
        titles.get(lead).cloned().unwrap_or_else(|| "CTO".into())
    }

    fn answer(&self, request: &Request) -> Result<Response, Failure> {
        let body: Json = serde_json::from_slice(&request.body).unwrap_or_default();
        let rows: Vec<(String, Json)> = match body["records"].as_array() {
            Some(rows) => rows
                .iter()
                .map(|row| (row["id"].as_str().unwrap().to_string(), row.clone()))
                .collect(),
            None => {
                let place = request.url.split('?').next().unwrap();
                vec![(place.rsplit('/').next().unwrap().to_string(), body.clone())]
            }
        };
        let sent = Sent {
            method: request.method,
            url: request.url.clone(),
            leads: rows.iter().map(|(lead, _)| lead.clone()).collect(),
        };
        let before = {
            let mut all = self.sent.lock().unwrap();
            all.push(sent.clone());
            all.len() - 1
        };
        let trouble = (self.of_request)(&sent, before);
        if let Some(Trouble::Instead(answer)) = trouble {
            return answer;
        }
        let answer = match request.method {
            Method::Patch if body["records"].is_array() => self.collection(&rows),
            Method::Patch => self.single(&rows[0]),
            _ => response(200, &self.shown(&rows[0].0)),
        };
        match trouble {
            Some(Trouble::After(answer)) => answer,
            _ => Ok(answer),
        }
    }

    fn write(&self, (lead, row): &(String, Json)) -> Result<(), &'static str> {
        if let Some(code) = (self.of_row)(lead, &self.sent()) {
            return Err(code);
        }
        let title = row["Title"].as_str().unwrap().to_string();
        self.titles.lock().unwrap().insert(lead.clone(), title);
        Ok(())
    }

    fn single(&self, row: &(String, Json)) -> Response {
        match self.write(row) {
            Ok(()) => response(204, &Json::Null),
            Err(code) => refused(400, code),
        }
    }

    fn collection(&self, rows: &[(String, Json)]) -> Response {
        let rows = rows.iter().map(|row| match self.write(row) {
            Ok(()) => json!({"id": row.0, "success": true, "errors": []}),
            Err(code) => json!({"success": false, "errors": [
                {"statusCode": code, "message": "no", "fields": []}]}),
        });
        response(200, &rows.collect())
    }

    fn shown(&self, lead: &str) -> Json {
        json!({
            "attributes": {"type": "Lead"}, "Id": lead, "Title": self.title(lead),
            "IsConverted": false, "ConvertedContactId": null,
            "SystemModstamp": "2026-01-10T04:23:23.000+0000",
        })
    }
}

impl Transport for Org {
    fn send(&self, request: Request) -> Reply<'_> {
        if let Some(host) = request.url.strip_suffix(LOGIN) {
            let token = json!({"access_token": "t", "instance_url": host});
            return Box::pin(async move { Ok(response(200, &token)) });
        }
        Box::pin(async move {
            let answer = self.answer(&request);
            while self.held.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            answer
        })
    }
}
