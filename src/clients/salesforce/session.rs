//! The session of one org: OAuth client credentials, refreshed once for all callers.

use std::sync::Arc;
use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;
use serde_json::Value as Json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::clients::error::{Error, code};
use crate::clients::measured;
use crate::clients::percent;
use crate::clients::salesforce::client::Options;
use crate::clients::system::System;
use crate::clients::transport::{Method, Request, Response, Transport};
use crate::config::Secret;

const LOGIN_PATH: &str = "/services/oauth2/token";
/// Failed logins in a row lock the integration user out, so they grow apart up to this.
const LOGIN_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// What a login answered.
#[derive(Clone, Debug)]
pub struct Token {
    pub access: Secret,
    /// Where the org lives, without a slash at the end; a migration of the org moves it.
    pub instance_url: String,
    /// Counts the logins of this session.
    generation: u64,
}

pub struct Session {
    state: Mutex<State>,
}

struct State {
    token: Option<Arc<Token>>,
    logins: u64,
    /// Until when no login is tried, and the failure that every caller gets until then.
    failed: Option<(Instant, Error)>,
    pauses: ExponentialBackoff,
}

impl Default for Session {
    fn default() -> Self {
        let pauses = ExponentialBackoff {
            max_interval: LOGIN_INTERVAL_MAX,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        Self {
            state: Mutex::new(State {
                token: None,
                logins: 0,
                failed: None,
                pauses,
            }),
        }
    }
}

impl Session {
    /// The current token; logs in if there is none. `stale` is a token that was refused: if it is
    /// still the current one, a new one is fetched. Callers wait for one another, so many that
    /// were refused at once cause one login.
    pub async fn token(
        &self,
        transport: &dyn Transport,
        options: &Options,
        stale: Option<&Token>,
    ) -> Result<Arc<Token>, Error> {
        let mut state = self.state.lock().await;
        if let Some(token) = &state.token
            && stale.is_none_or(|stale| stale.generation != token.generation)
        {
            return Ok(token.clone());
        }
        if let Some((until, error)) = &state.failed
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        match login(transport, options, state.logins + 1).await {
            Ok(token) => {
                let token = Arc::new(token);
                state.logins += 1;
                state.failed = None;
                state.pauses.reset();
                state.token = Some(token.clone());
                Ok(token)
            }
            Err(error) => {
                let pause = state.pauses.next_backoff().unwrap_or(LOGIN_INTERVAL_MAX);
                state.token = None;
                state.failed = Some((Instant::now() + pause, error.clone()));
                Err(error)
            }
        }
    }
}

async fn login(
    transport: &dyn Transport,
    options: &Options,
    generation: u64,
) -> Result<Token, Error> {
    let form = percent::form(&[
        ("grant_type", "client_credentials"),
        ("client_id", &options.client_id),
        ("client_secret", options.client_secret.reveal()),
    ]);
    let request = Request {
        method: Method::Post,
        url: format!("{}{LOGIN_PATH}", options.login_url.trim_end_matches('/')),
        headers: vec![
            ("accept", "application/json".into()),
            ("content-type", "application/x-www-form-urlencoded".into()),
        ],
        body: form,
        timeout: options.request_timeout,
    };
    let answer = measured::send(transport, System::Salesforce, request).await;
    let response = answer.map_err(|error| Error::Login {
        code: match error {
            Error::NotSent(_) => "not_sent".into(),
            _ => "no_answer".into(),
        },
        refused: false,
    })?;
    read_token(&response, generation)
}

fn read_token(response: &Response, generation: u64) -> Result<Token, Error> {
    let body: Json = serde_json::from_slice(&response.body).unwrap_or_default();
    if !response.is_success() {
        let named = body["error"].as_str().and_then(code);
        return Err(Error::Login {
            code: named.unwrap_or_else(|| format!("HTTP_{}", response.status)),
            refused: (400..500).contains(&response.status) && response.status != 429,
        });
    }
    let access = body["access_token"].as_str();
    let instance = body["instance_url"].as_str();
    match (access, instance) {
        (Some(access), Some(instance)) if instance.starts_with("http") => Ok(Token {
            access: Secret::new(access),
            instance_url: instance.trim_end_matches('/').to_string(),
            generation,
        }),
        _ => Err(Error::Login {
            code: "no_token_in_answer".into(),
            refused: false,
        }),
    }
}
