//! Asks a workspace: whose token it is, which version it speaks, which attributes it has.

use std::sync::Arc;
use std::time::Duration;

use crosswalk::clients::Error;
use crosswalk::clients::intercom::wire;
use crosswalk::clients::measured;
use crosswalk::clients::system::System;
use crosswalk::clients::transport::{Method, Request, Response, Transport};
use crosswalk::config::Intercom;
use crosswalk::domain::SourceId;
use crosswalk::ports::clock::{Clock as _, SystemClock};
use serde_json::Value as Json;

use super::report::{Line, Report};
use super::workspace::TOPICS;

/// One workspace to be asked. The client of the sinks waits for request windows and keeps the
/// headers to itself; here they are part of the answer.
pub struct Asked<'a> {
    source: &'a SourceId,
    workspace: &'a Intercom,
    transport: &'a Arc<dyn Transport>,
    timeout: Duration,
}

impl<'a> Asked<'a> {
    pub fn new(
        source: &'a SourceId,
        workspace: &'a Intercom,
        transport: &'a Arc<dyn Transport>,
        timeout: Duration,
    ) -> Self {
        Self {
            source,
            workspace,
            transport,
            timeout,
        }
    }

    /// The attributes of contacts and companies; none if the workspace does not answer.
    pub async fn ask(&self, report: &mut Report) -> Option<Vec<Json>> {
        let source = self.source;
        let me = match self.get("/me").await {
            Ok((body, response)) => {
                report.add(self.whose(&body));
                report.extend(window(source.as_str(), &response));
                body
            }
            Err(error) => {
                report.add(self.refused("the token", &error));
                return None;
            }
        };
        if !me["app"]["id_code"].is_null() && me["app"]["id_code"] != self.workspace.app_id {
            return None;
        }
        let mut attributes = Vec::new();
        for model in ["contact", "company"] {
            let path = format!("/data_attributes?model={model}&include_archived=true");
            match self.get(&path).await {
                Ok((mut body, _)) => {
                    let listed = body["data"].take();
                    attributes.extend(listed.as_array().cloned().unwrap_or_default());
                }
                Err(error) => {
                    let what = format!("the list of a {model}'s attributes");
                    report.add(self.refused(&what, &error));
                    return None;
                }
            }
        }
        report.add(Line::warning(
            format!("{source}: no API tells which webhook topics are subscribed"),
            format!(
                "see in the Developer Hub that these are: {}",
                TOPICS.join(", ")
            ),
        ));
        Some(attributes)
    }

    fn whose(&self, me: &Json) -> Line {
        let (source, configured) = (self.source, &self.workspace.app_id);
        match me["app"]["id_code"].as_str() {
            Some(code) if code == configured => {
                let version = &self.workspace.api_version;
                Line::ok(format!(
                    "{source}: the token works, workspace {code}, API version {version}"
                ))
            }
            Some(code) => Line::missing(
                format!("{source}: the token is of workspace {code}, app_id says {configured}"),
                "set the app_id and the access token of one workspace",
            ),
            None => Line::warning(
                format!("{source}: the token works, and does not say of which workspace"),
                format!("see that it is of {configured}"),
            ),
        }
    }

    fn refused(&self, what: &str, error: &Error) -> Line {
        let (source, version) = (self.source, &self.workspace.api_version);
        let fix = match error {
            Error::Refused(refusal) if refusal.has_code("intercom_version_invalid") => {
                return Line::missing(
                    format!("{source}: API version {version} is not served"),
                    "set api_version to one that Intercom lists, such as \"2.14\"",
                );
            }
            Error::Refused(refusal) => match refusal.status {
                401 => {
                    "copy the access token of the app again, from its page Authentication in the \
                     Developer Hub"
                }
                403 => {
                    "allow the app what docs/intercom-setup.md lists, on its page Authentication"
                }
                429 => "others use up the workspace's requests; try again in a minute",
                _ => "try again; if it stays so, see Intercom's status page",
            },
            _ => "check base_url, and that this machine reaches it",
        };
        Line::missing(format!("{source}: {what} was refused: {error}"), fix)
    }

    async fn get(&self, path: &str) -> Result<(Json, Response), Error> {
        let token = self.workspace.access_token.reveal();
        let request = Request {
            method: Method::Get,
            url: format!("{}{path}", self.workspace.base_url.trim_end_matches('/')),
            headers: vec![
                ("accept", "application/json".into()),
                ("authorization", format!("Bearer {token}")),
                ("intercom-version", self.workspace.api_version.clone()),
            ],
            body: Vec::new(),
            timeout: self.timeout,
        };
        let response = measured::send(self.transport.as_ref(), System::Intercom, request).await?;
        if !response.is_success() {
            return Err(Error::Refused(wire::refusal(&response, SystemClock.now())));
        }
        let body = serde_json::from_slice(&response.body).map_err(|_| Error::Malformed {
            step: "check",
            reason: "not JSON".into(),
        })?;
        Ok((body, response))
    }
}

fn window(source: &str, response: &Response) -> Option<Line> {
    let number = |name| response.header(name)?.trim().parse::<u64>().ok();
    let limit = number("x-ratelimit-limit")?;
    let left = number("x-ratelimit-remaining")?;
    let what = format!("{source}: {left} of {limit} requests remain in this window");
    Some(match left.saturating_mul(10) < limit {
        true => Line::warning(what, "see which other apps use the workspace's requests up"),
        false => Line::ok(what),
    })
}

/// Whether the address that webhooks are posted to answers as Intercom wants when it is saved.
pub async fn endpoint(url: &str, timeout: Duration) -> Line {
    let client = reqwest::Client::builder().timeout(timeout).build();
    let answer = match client {
        Ok(client) => client.head(url).send().await,
        Err(error) => Err(error),
    };
    let fix = "start crosswalk run, and let the proxy pass HEAD and POST on to server.webhooks";
    match answer {
        Ok(answer) if answer.status().is_success() => {
            Line::ok("the webhook address answers HEAD".to_owned())
        }
        Ok(answer) => {
            let status = answer.status().as_u16();
            let what = format!("the webhook address answers HEAD with status {status}");
            Line::missing(what, fix)
        }
        Err(error) => {
            let why = error.without_url();
            Line::missing(format!("the webhook address does not answer: {why}"), fix)
        }
    }
}
