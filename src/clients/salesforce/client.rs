//! The calls: query, read, update by id, upsert by external id, many rows of either. Each is sent
//! once, and once more after a refused token; whether to repeat is the caller's decision.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use crate::clients::error::Error;
use crate::clients::measured;
use crate::clients::percent;
use crate::clients::salesforce::collection::{self, Collection};
use crate::clients::salesforce::session::{Login, Session, Token};
use crate::clients::salesforce::wire;
use crate::clients::system::System;
use crate::clients::transport::{Method, Request, Response, Transport};
use crate::config::Grant;

/// Pages followed by one query. A page holds 200 to 2,000 rows; our searches ask for few.
const PAGES_MAX: usize = 50;

#[derive(Clone, Debug)]
pub struct Options {
    /// `https://<My Domain>.my.salesforce.com`: client credentials must use the org's own host.
    pub login_url: String,
    pub client_id: String,
    pub grant: Grant,
    /// Without the `v`: `66.0`.
    pub api_version: String,
    /// Comes back in `changeOrigin` of the change events our writes cause; one per bridge.
    pub client_token: String,
    pub request_timeout: Duration,
}

/// An update of one record by its id.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub object: String,
    pub id: String,
    pub body: Map<String, Json>,
    pub auto_assign: bool,
}

/// A create that turns into an update when the key exists.
#[derive(Clone, Debug, PartialEq)]
pub struct Upsert {
    pub object: String,
    pub key_field: String,
    pub key_value: String,
    pub body: Map<String, Json>,
    pub auto_assign: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upserted {
    /// None when the answer was a 204, which old versions give to an upsert that updated.
    pub id: Option<String>,
    pub created: bool,
}

/// Which page of a query.
#[derive(Clone, PartialEq, Eq)]
pub enum Page {
    First {
        soql: String,
    },
    /// Of deleted rows too, as long as the bin keeps them.
    All {
        soql: String,
    },
    /// As the page before named it; it is good for some two days.
    Next(String),
}

/// A page of 200 to 2,000 rows.
#[derive(Clone, PartialEq)]
pub struct Rows {
    pub rows: Vec<Json>,
    /// None behind the last page.
    pub next: Option<Page>,
}

/// One org as one bridge writes to it.
pub struct Client {
    transport: Arc<dyn Transport>,
    options: Options,
    session: Arc<Session>,
}

struct Call {
    method: Method,
    /// Below the instance's address.
    path: String,
    body: Option<Map<String, Json>>,
    /// None where the header has no meaning.
    auto_assign: Option<bool>,
}

impl Client {
    pub fn new(options: Options, transport: Arc<dyn Transport>) -> Self {
        let login = Login {
            url: options.login_url.clone(),
            client_id: options.client_id.clone(),
            grant: options.grant.clone(),
            timeout: options.request_timeout,
        };
        Self {
            session: Arc::new(Session::new(login, Arc::clone(&transport))),
            transport,
            options,
        }
    }

    /// The login that every call of this client shows; the Pub/Sub client can share it.
    pub fn session(&self) -> Arc<Session> {
        Arc::clone(&self.session)
    }

    pub fn request_timeout(&self) -> Duration {
        self.options.request_timeout
    }

    /// The rows of a query, over its pages, at most `rows_max`.
    pub async fn query(&self, soql: &str, rows_max: usize) -> Result<Vec<Json>, Error> {
        let mut path = self.path(&format!("query?q={}", percent::encode(soql)));
        let mut rows = Vec::new();
        for _ in 0..PAGES_MAX {
            let response = self.call(Call::get(path)).await?;
            let mut page = self.read_json("query", &response)?;
            match page.get_mut("records").map(Json::take) {
                Some(Json::Array(records)) => rows.extend(records),
                _ => return Err(malformed("query", "no records")),
            }
            // The absence of the address is the end; the size of a page says nothing.
            let next = page["nextRecordsUrl"].as_str();
            match next {
                Some(next) if rows.len() < rows_max => path = checked_path(next)?,
                _ => break,
            }
        }
        rows.truncate(rows_max);
        Ok(rows)
    }

    /// How many records of an object there are.
    pub async fn count(&self, object: &str) -> Result<u64, Error> {
        let soql = format!("SELECT COUNT() FROM {object}");
        let path = self.path(&format!("query?q={}", percent::encode(&soql)));
        let response = self.call(Call::get(path)).await?;
        let answer = self.read_json("count", &response)?;
        let total = answer["totalSize"].as_u64();
        total.ok_or_else(|| malformed("count", "no totalSize"))
    }

    /// One page of a query, for whoever takes many rows: so many are never held at once.
    pub async fn query_page(&self, page: &Page) -> Result<Rows, Error> {
        let path = match page {
            Page::First { soql } => self.path(&format!("query?q={}", percent::encode(soql))),
            Page::All { soql } => self.path(&format!("queryAll?q={}", percent::encode(soql))),
            Page::Next(path) => checked_path(path)?,
        };
        let response = self.call(Call::get(path)).await?;
        let mut answer = self.read_json("query", &response)?;
        let next = answer["nextRecordsUrl"].as_str().map(str::to_owned);
        match answer.get_mut("records").map(Json::take) {
            Some(Json::Array(rows)) => Ok(Rows {
                rows,
                next: next.map(Page::Next),
            }),
            _ => Err(malformed("query", "no records")),
        }
    }

    /// One record by id, the named fields of it.
    pub async fn record(&self, object: &str, id: &str, fields: &[String]) -> Result<Json, Error> {
        let place = sobject(object, &[id])?;
        let listed = percent::encode(&fields.join(","));
        let path = self.path(&format!("{place}?fields={listed}"));
        let response = self.call(Call::get(path)).await?;
        self.read_json("record", &response)
    }

    /// What an object is like, with the fields that the user may see: one without rights to a field
    /// does not find it here.
    pub async fn describe(&self, object: &str) -> Result<Json, Error> {
        let path = self.path(&sobject(object, &["describe"])?);
        let response = self.call(Call::get(path)).await?;
        self.read_json("describe", &response)
    }

    /// The org's allocations, each `{Max, Remaining}`. Not every user may ask.
    pub async fn limits(&self) -> Result<Json, Error> {
        let response = self.call(Call::get(self.path("limits"))).await?;
        self.read_json("limits", &response)
    }

    /// Salesforce answers 204 here, newer versions may answer 200.
    pub async fn update(&self, update: &Update) -> Result<(), Error> {
        let place = sobject(&update.object, &[&update.id])?;
        let call = Call::write(self.path(&place), &update.body, update.auto_assign);
        measured::set_rows(1);
        self.call(call).await.map(|_| ())
    }

    pub async fn upsert(&self, upsert: &Upsert) -> Result<Upserted, Error> {
        let place = sobject(&upsert.object, &[&upsert.key_field, &upsert.key_value])?;
        let call = Call::write(self.path(&place), &upsert.body, upsert.auto_assign);
        measured::set_rows(1);
        let response = self.call(call).await?;
        if response.body.is_empty() {
            return Ok(Upserted {
                id: None,
                created: response.status == 201,
            });
        }
        let (id, created) = wire::upserted(&response.body)?;
        Ok(Upserted {
            id: Some(id),
            created: created || response.status == 201,
        })
    }

    /// Writes at most 200 rows in one request; one answer each, in their order. It counts as one
    /// call, and is answered with success even if every row was refused.
    pub async fn write_many(
        &self,
        collection: &Collection,
    ) -> Result<Vec<Option<collection::Row>>, Error> {
        let mut place = String::from("composite/sobjects");
        if let Some(key_field) = &collection.key_field {
            place = format!("composite/{}", sobject(&collection.object, &[key_field])?);
        }
        let (path, body) = (self.path(&place), collection.body());
        measured::set_rows(collection.rows.len());
        let response = self
            .call(Call::write(path, &body, collection.auto_assign))
            .await?;
        collection::rows(&response.body, collection.rows.len())
    }

    fn path(&self, rest: &str) -> String {
        format!("/services/data/v{}/{rest}", self.options.api_version)
    }

    /// 401 means an ended session; 420 that the host no longer serves the org, which a login
    /// answers with the new one. Neither carried anything out.
    async fn call(&self, call: Call) -> Result<Response, Error> {
        let token = self.session.token(None).await?;
        let mut response = self.send(&token, &call).await?;
        if matches!(response.status, 401 | 420) {
            let renewed = self.session.token(Some(&token)).await?;
            response = self.send(&renewed, &call).await?;
        }
        if response.is_success() {
            Ok(response)
        } else {
            Err(Error::Refused(wire::refusal(&response)))
        }
    }

    async fn send(&self, token: &Token, call: &Call) -> Result<Response, Error> {
        let mut headers = vec![
            ("accept", "application/json".to_string()),
            ("authorization", format!("Bearer {}", token.access.reveal())),
            (
                "sforce-call-options",
                format!("client={}", self.options.client_token),
            ),
        ];
        // Assignment rules run on create and update unless this says otherwise.
        if let Some(auto_assign) = call.auto_assign {
            let allowed = if auto_assign { "TRUE" } else { "FALSE" };
            headers.push(("sforce-auto-assign", allowed.into()));
        }
        let mut body = Vec::new();
        if let Some(fields) = &call.body {
            headers.push(("content-type", "application/json".into()));
            body = serde_json::to_vec(fields).expect("JSON values can be written");
        }
        let request = Request {
            method: call.method,
            url: format!("{}{}", token.instance_url, call.path),
            headers,
            body,
            timeout: self.options.request_timeout,
        };
        let response = measured::send(self.transport.as_ref(), System::Salesforce, request).await?;
        let usage = response.header("sforce-limit-info");
        if let Some((used, allowed)) = usage.and_then(wire::limit_info) {
            measured::set_api_calls(System::Salesforce, used, allowed);
        }
        Ok(response)
    }

    fn read_json(&self, step: &'static str, response: &Response) -> Result<Json, Error> {
        serde_json::from_slice(&response.body).map_err(|_| malformed(step, "not JSON"))
    }
}

impl Call {
    fn get(path: String) -> Self {
        Self {
            method: Method::Get,
            path,
            body: None,
            auto_assign: None,
        }
    }

    fn write(path: String, body: &Map<String, Json>, auto_assign: bool) -> Self {
        Self {
            method: Method::Patch,
            path,
            body: Some(body.clone()),
            auto_assign: Some(auto_assign),
        }
    }
}

fn malformed(step: &'static str, reason: &'static str) -> Error {
    let reason = reason.into();
    Error::Malformed { step, reason }
}

/// `sobjects/<object>/<part>/…`, each part encoded.
fn sobject(object: &str, parts: &[&str]) -> Result<String, Error> {
    let mut path = String::from("sobjects");
    for part in std::iter::once(&object).chain(parts) {
        let encoded = percent::segment(part)
            .ok_or(Error::Unsendable("a part of the address is empty or dots"))?;
        path.push('/');
        path.push_str(&encoded);
    }
    Ok(path)
}

/// The remote names its next page; it must not name another host.
fn checked_path(path: &str) -> Result<String, Error> {
    if path.starts_with("/services/data/") {
        Ok(path.to_string())
    } else {
        Err(malformed("query", "the next page is elsewhere"))
    }
}
