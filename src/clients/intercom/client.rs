//! The calls: contact and company by id, within the workspace's request window. Each is sent once;
//! whether to repeat is the caller's decision.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use crate::clients::error::Error;
use crate::clients::intercom::rate_window::RateWindow;
use crate::clients::intercom::wire;
use crate::clients::measured;
use crate::clients::percent;
use crate::clients::system::System;
use crate::clients::transport::{Method, Request, Transport};
use crate::config::Secret;
use crate::ports::clock::Clock;

#[derive(Clone, Debug)]
pub struct Options {
    /// `https://api.intercom.io`, or the European or Australian host.
    pub base_url: String,
    pub access_token: Secret,
    /// `2.14`; without it the app's own version would decide the shapes.
    pub api_version: String,
    pub request_timeout: Duration,
}

/// One workspace. Bridges that share a workspace share its client, since they share its window.
pub struct Client {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    options: Options,
    window: RateWindow,
}

impl Client {
    pub fn new(options: Options, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self {
            transport,
            clock,
            options,
            window: RateWindow::default(),
        }
    }

    pub fn request_timeout(&self) -> Duration {
        self.options.request_timeout
    }

    pub async fn contact(&self, id: &str) -> Result<Json, Error> {
        self.get("contact", &place("contacts", id)?).await
    }

    pub async fn company(&self, id: &str) -> Result<Json, Error> {
        self.get("company", &place("companies", id)?).await
    }

    async fn get(&self, step: &'static str, path: &str) -> Result<Json, Error> {
        while let Err(wait) = self.window.take(self.clock.now()) {
            // A wait of nothing would spin while the clocks agree to the millisecond.
            tokio::time::sleep(wait.max(Duration::from_millis(10))).await;
        }
        let token = self.options.access_token.reveal();
        let request = Request {
            method: Method::Get,
            url: format!("{}{path}", self.options.base_url.trim_end_matches('/')),
            headers: vec![
                ("accept", "application/json".into()),
                ("authorization", format!("Bearer {token}")),
                ("intercom-version", self.options.api_version.clone()),
            ],
            body: Vec::new(),
            timeout: self.options.request_timeout,
        };
        let response = measured::send(self.transport.as_ref(), System::Intercom, request).await?;
        self.window.learn(&response);
        if !response.is_success() {
            return Err(Error::Refused(wire::refusal(&response, self.clock.now())));
        }
        serde_json::from_slice(&response.body).map_err(|_| Error::Malformed {
            step,
            reason: "not JSON".into(),
        })
    }
}

fn place(collection: &str, id: &str) -> Result<String, Error> {
    let id = percent::segment(id).ok_or(Error::Unsendable("the id is empty or dots"))?;
    Ok(format!("/{collection}/{id}"))
}
