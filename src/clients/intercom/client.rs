//! The calls: contacts, companies, attributes and teammates, within the workspace's request
//! window. Each is sent once; whether to repeat is the caller's decision.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use crate::clients::error::Error;
use crate::clients::intercom::rate_window::RateWindow;
use crate::clients::intercom::wire;
use crate::clients::measured;
use crate::clients::percent;
use crate::clients::system::System;
use crate::clients::transport::{Method, Request, Transport};
use crate::config::Secret;
use crate::ports::clock::Clock;

/// A search answers at most this many contacts in one page (intercom.md 2.4).
pub const PAGE_MAX: usize = 150;

#[derive(Clone, Debug)]
pub struct Options {
    /// `https://api.intercom.io`, or the European or Australian host.
    pub base_url: String,
    pub access_token: Secret,
    /// `2.14`; without it the app's own version would decide the shapes.
    pub api_version: String,
    pub request_timeout: Duration,
    /// Percent of each request window that is left to the workspace's other apps.
    pub reserve_percent: u32,
}

/// One workspace. Bridges that share a workspace share its client, since they share its window.
pub struct Client {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    options: Options,
    window: RateWindow,
}

/// The first page of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub rows: Vec<Json>,
    /// Whether more was found than the page holds.
    pub more: bool,
}

/// A page of a list that is read to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub rows: Vec<Json>,
    /// What names the next page; none behind the last one.
    pub next: Option<String>,
    /// How many there are, where the list says so.
    pub total: Option<u64>,
}

/// A custom attribute to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttribute {
    pub name: String,
    /// `contact` or `company`.
    pub model: &'static str,
    /// `string`, `integer`, `float` or `boolean`; it can never be changed.
    pub data_type: &'static str,
}

type Body = Map<String, Json>;

impl Client {
    pub fn new(options: Options, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self {
            transport,
            clock,
            window: RateWindow::new(options.reserve_percent),
            options,
        }
    }

    pub fn request_timeout(&self) -> Duration {
        self.options.request_timeout
    }

    pub async fn contact(&self, id: &str) -> Result<Json, Error> {
        self.get("contact", &place("contacts", id)?).await
    }

    /// The user with this external id. Leads are not found by theirs.
    pub async fn user_by_external_id(&self, external_id: &str) -> Result<Json, Error> {
        let path = place("contacts/find_by_external_id", external_id)?;
        self.get("contact", &path).await
    }

    /// Answers the whole contact as it now is.
    pub async fn create_contact(&self, body: &Body) -> Result<Json, Error> {
        self.send("contact", Method::Post, "/contacts", Some(body))
            .await
    }

    /// Changes the fields given and answers the whole contact; custom attributes are laid over
    /// the stored ones key by key.
    pub async fn update_contact(&self, id: &str, body: &Body) -> Result<Json, Error> {
        let path = place("contacts", id)?;
        self.send("contact", Method::Put, &path, Some(body)).await
    }

    /// Takes an archived contact out of the archive; one that was deleted for good is refused.
    pub async fn unarchive_contact(&self, id: &str) -> Result<Json, Error> {
        let path = format!("{}/unarchive", place("contacts", id)?);
        self.send("unarchive", Method::Post, &path, None).await
    }

    /// The first `rows_max` contacts that the query finds, at most [`PAGE_MAX`]. New contacts can
    /// take minutes to be found (intercom.md 2.4).
    pub async fn search_contacts(&self, query: &Json, rows_max: usize) -> Result<Page, Error> {
        let per_page = rows_max.clamp(1, PAGE_MAX);
        let mut body = Body::new();
        body.insert("query".into(), query.clone());
        body.insert("pagination".into(), json!({"per_page": per_page}));
        let path = "/contacts/search";
        let mut page = self.send("search", Method::Post, path, Some(&body)).await?;
        let Some(Json::Array(rows)) = page.get_mut("data").map(Json::take) else {
            return Err(malformed("search", "no data"));
        };
        let more = !page["pages"]["next"].is_null();
        Ok(Page { rows, more })
    }

    /// One page of the contacts that a query finds, those changed last first. `after` is the cursor
    /// that the page before named.
    pub async fn changed_contacts(
        &self,
        query: &Json,
        after: Option<&str>,
    ) -> Result<Listed, Error> {
        let mut pagination = json!({"per_page": PAGE_MAX});
        if let Some(after) = after {
            pagination["starting_after"] = after.into();
        }
        let mut body = Body::new();
        body.insert("query".into(), query.clone());
        body.insert("pagination".into(), pagination);
        let sort = json!({"field": "updated_at", "order": "descending"});
        body.insert("sort".into(), sort);
        let path = "/contacts/search";
        let page = self.send("search", Method::Post, path, Some(&body)).await?;
        paged("search", page)
    }

    /// One page of all contacts, oldest first: live ones only. `after` is the cursor that the page
    /// before named (intercom.md 2.4).
    pub async fn contacts(&self, after: Option<&str>) -> Result<Listed, Error> {
        let after = after.map_or(String::new(), |after| {
            format!("&starting_after={}", percent::encode(after))
        });
        let path = format!("/contacts?per_page={PAGE_MAX}{after}");
        paged("contacts", self.get("contacts", &path).await?)
    }

    /// The next part of the scroll over all companies that have contacts. Only one scroll is open
    /// in a workspace at a time, it ends after a minute without a call, and it cannot be resumed:
    /// a refusal with 404 or 500 means from the start (intercom.md 2.5).
    pub async fn scroll_companies(&self, scroll: Option<&str>) -> Result<Listed, Error> {
        let scroll = scroll.map_or(String::new(), |scroll| {
            format!("?scroll_param={}", percent::encode(scroll))
        });
        let path = format!("/companies/scroll{scroll}");
        let mut page = self.get("scroll", &path).await?;
        let next = page["scroll_param"].as_str().map(str::to_owned);
        let Some(Json::Array(rows)) = page.get_mut("data").map(Json::take) else {
            return Err(malformed("scroll", "no data"));
        };
        // The empty part is the end.
        let next = next.filter(|_| !rows.is_empty());
        let total = None;
        Ok(Listed { rows, next, total })
    }

    /// All tags of the workspace with their names; contacts show ids only.
    pub async fn tags(&self) -> Result<Vec<Json>, Error> {
        listed("tags", self.get("tags", "/tags").await?)
    }

    /// The person joins the company; doing it again changes nothing. Answers the company.
    pub async fn attach(&self, contact: &str, company: &str) -> Result<Json, Error> {
        let path = format!("{}/companies", place("contacts", contact)?);
        let mut body = Body::new();
        body.insert("id".into(), company.into());
        self.send("company", Method::Post, &path, Some(&body)).await
    }

    pub async fn company(&self, id: &str) -> Result<Json, Error> {
        self.get("company", &place("companies", id)?).await
    }

    /// The company with this value of `company_id` or `name`.
    pub async fn company_by(&self, field: &'static str, value: &str) -> Result<Json, Error> {
        let path = format!("/companies?{field}={}", percent::encode(value));
        self.get("company", &path).await
    }

    /// Creates a company, or changes the one with the body's `company_id`; answers it.
    pub async fn upsert_company(&self, body: &Body) -> Result<Json, Error> {
        self.send("company", Method::Post, "/companies", Some(body))
            .await
    }

    /// Changes the fields given and answers the whole company; `company_id` never changes.
    pub async fn update_company(&self, id: &str, body: &Body) -> Result<Json, Error> {
        let path = place("companies", id)?;
        self.send("company", Method::Put, &path, Some(body)).await
    }

    /// The attributes of `contact` or `company`, those of Intercom itself too.
    pub async fn data_attributes(&self, model: &'static str) -> Result<Vec<Json>, Error> {
        let path = format!("/data_attributes?model={model}");
        listed("data_attributes", self.get("data_attributes", &path).await?)
    }

    pub async fn create_data_attribute(&self, new: &NewAttribute) -> Result<Json, Error> {
        let mut body = Body::new();
        body.insert("name".into(), new.name.as_str().into());
        body.insert("model".into(), new.model.into());
        body.insert("data_type".into(), new.data_type.into());
        let path = "/data_attributes";
        self.send("data_attribute", Method::Post, path, Some(&body))
            .await
    }

    /// Whose token it is: the teammate, and the workspace under `app`.
    pub async fn me(&self) -> Result<Json, Error> {
        self.get("me", "/me").await
    }

    pub async fn admins(&self) -> Result<Vec<Json>, Error> {
        let mut answer = self.get("admins", "/admins").await?;
        match answer.get_mut("admins").map(Json::take) {
            Some(Json::Array(admins)) => Ok(admins),
            _ => Err(malformed("admins", "no admins")),
        }
    }

    async fn get(&self, step: &'static str, path: &str) -> Result<Json, Error> {
        self.send(step, Method::Get, path, None).await
    }

    async fn send(
        &self,
        step: &'static str,
        method: Method,
        path: &str,
        body: Option<&Body>,
    ) -> Result<Json, Error> {
        let permit = loop {
            match self.window.take(self.clock.now()) {
                Ok(permit) => break permit,
                // A wait of nothing would spin while the clocks agree to the millisecond.
                Err(wait) => tokio::time::sleep(wait.max(Duration::from_millis(10))).await,
            }
        };
        let request = self.request(method, path, body);
        let response = measured::send(self.transport.as_ref(), System::Intercom, request).await?;
        self.window.learn(&response);
        drop(permit);
        if !response.is_success() {
            return Err(Error::Refused(wire::refusal(&response, self.clock.now())));
        }
        serde_json::from_slice(&response.body).map_err(|_| malformed(step, "not JSON"))
    }

    fn request(&self, method: Method, path: &str, body: Option<&Body>) -> Request {
        let token = self.options.access_token.reveal();
        let mut headers = vec![
            ("accept", "application/json".into()),
            ("authorization", format!("Bearer {token}")),
            ("intercom-version", self.options.api_version.clone()),
        ];
        let mut bytes = Vec::new();
        if let Some(body) = body {
            headers.push(("content-type", "application/json".into()));
            bytes = serde_json::to_vec(body).expect("JSON values can be written");
        }
        Request {
            method,
            url: format!("{}{path}", self.options.base_url.trim_end_matches('/')),
            headers,
            body: bytes,
            timeout: self.options.request_timeout,
        }
    }
}

fn paged(step: &'static str, mut page: Json) -> Result<Listed, Error> {
    let next = page["pages"]["next"]["starting_after"].as_str();
    let next = next.map(str::to_owned);
    let total = page["total_count"].as_u64();
    let Some(Json::Array(rows)) = page.get_mut("data").map(Json::take) else {
        return Err(malformed(step, "no data"));
    };
    Ok(Listed { rows, next, total })
}

fn listed(step: &'static str, mut answer: Json) -> Result<Vec<Json>, Error> {
    match answer.get_mut("data").map(Json::take) {
        Some(Json::Array(rows)) => Ok(rows),
        _ => Err(malformed(step, "no data")),
    }
}

fn malformed(step: &'static str, reason: &'static str) -> Error {
    let reason = reason.into();
    Error::Malformed { step, reason }
}

fn place(collection: &str, id: &str) -> Result<String, Error> {
    let id = percent::segment(id).ok_or(Error::Unsendable("the id is empty or dots"))?;
    Ok(format!("/{collection}/{id}"))
}
