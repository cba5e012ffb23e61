//! The session of one org: OAuth without a person (salesforce.md 4), refreshed once for all
//! callers.

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
use crate::clients::salesforce::assertion;
use crate::clients::salesforce::record_id;
use crate::clients::salesforce::wire;
use crate::clients::system::System;
use crate::clients::transport::{Method, Request, Response, Transport};
use crate::config::{Grant, Secret};

const LOGIN_PATH: &str = "/services/oauth2/token";
const USER_INFO_PATH: &str = "/services/oauth2/userinfo";
const JWT_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Failed logins in a row lock the integration user out, so they grow apart up to this. A grant
/// that is refused waits this long from the first time on: only a person can mend it.
const LOGIN_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// How a session logs in.
#[derive(Clone, Debug)]
pub struct Login {
    /// The org's own host: client credentials are not answered by login.salesforce.com.
    pub url: String,
    pub client_id: String,
    pub grant: Grant,
    pub timeout: Duration,
}

/// Whom a session speaks as. Our own change events name this user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// In 18 characters: the `tenantid` of the Pub/Sub API.
    pub org_id: String,
    /// In 18 characters.
    pub user_id: String,
}

/// What a login answered.
#[derive(Clone, Debug)]
pub struct Token {
    pub access: Secret,
    /// Where the org lives, without a slash at the end; a migration of the org moves it.
    pub instance_url: String,
    /// As the answer's `id` says, where it has one.
    identity: Option<Identity>,
    /// Counts the logins of this session.
    generation: u64,
}

/// Share it: many that were refused at once cause one login.
pub struct Session {
    transport: Arc<dyn Transport>,
    login: Login,
    state: Mutex<State>,
}

struct State {
    token: Option<Arc<Token>>,
    logins: u64,
    /// Asked for once, where no login's answer names it.
    identity: Option<Identity>,
    /// Until when no login is tried, and the failure that every caller gets until then.
    failed: Option<(Instant, Error)>,
    pauses: ExponentialBackoff,
}

// === impl Session ===

impl Session {
    pub fn new(login: Login, transport: Arc<dyn Transport>) -> Self {
        let pauses = ExponentialBackoff {
            max_interval: LOGIN_INTERVAL_MAX,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        Self {
            transport,
            login,
            state: Mutex::new(State {
                token: None,
                logins: 0,
                identity: None,
                failed: None,
                pauses,
            }),
        }
    }

    /// The current token; logs in if there is none. `stale` is a token that was refused: if it is
    /// still the current one, a new one is fetched. Callers wait for one another, so many that
    /// were refused at once cause one login.
    pub async fn token(&self, stale: Option<&Token>) -> Result<Arc<Token>, Error> {
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
        match self.log_in(state.logins + 1).await {
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
                let pause = pause.max(least_pause(&error));
                state.token = None;
                state.failed = Some((Instant::now() + pause, error.clone()));
                Err(error)
            }
        }
    }

    /// Drops a token that was refused, so that the next caller logs in. A newer one stays.
    pub async fn refuse(&self, token: &Token) {
        let mut state = self.state.lock().await;
        let current = state.token.as_ref().map(|current| current.generation);
        if current == Some(token.generation) {
            state.token = None;
        }
    }

    /// Whom this session speaks as, from the login's answer; if that does not say, asked for.
    pub async fn identity(&self) -> Result<Identity, Error> {
        let token = self.token(None).await?;
        self.identity_of(&token).await
    }

    /// The same for a token at hand, so that one call shows one login only.
    pub(super) async fn identity_of(&self, token: &Token) -> Result<Identity, Error> {
        if let Some(identity) = &token.identity {
            return Ok(identity.clone());
        }
        if let Some(identity) = &self.state.lock().await.identity {
            return Ok(identity.clone());
        }
        let identity = self.user_info(token).await?;
        self.state.lock().await.identity = Some(identity.clone());
        Ok(identity)
    }

    async fn user_info(&self, token: &Token) -> Result<Identity, Error> {
        let request = Request {
            method: Method::Get,
            url: format!("{}{USER_INFO_PATH}", token.instance_url),
            headers: vec![
                ("accept", "application/json".into()),
                ("authorization", format!("Bearer {}", token.access.reveal())),
            ],
            body: Vec::new(),
            timeout: self.login.timeout,
        };
        let response = measured::send(&*self.transport, System::Salesforce, request).await?;
        if !response.is_success() {
            return Err(Error::Refused(wire::refusal(&response)));
        }
        let body: Json = serde_json::from_slice(&response.body).unwrap_or_default();
        let parts = (body["organization_id"].as_str(), body["user_id"].as_str());
        let (org, user) = parts.0.zip(parts.1).unwrap_or_default();
        Identity::of(org, user).ok_or_else(|| Error::Malformed {
            step: "userinfo",
            reason: "it names no organization_id and user_id".into(),
        })
    }

    async fn log_in(&self, generation: u64) -> Result<Token, Error> {
        let request = Request {
            method: Method::Post,
            url: format!("{}{LOGIN_PATH}", self.login.url.trim_end_matches('/')),
            headers: vec![
                ("accept", "application/json".into()),
                ("content-type", "application/x-www-form-urlencoded".into()),
            ],
            body: self.form()?,
            timeout: self.login.timeout,
        };
        let answer = measured::send(&*self.transport, System::Salesforce, request).await;
        let response = answer.map_err(|error| Error::Login {
            code: match error {
                Error::NotSent(_) => "not_sent".into(),
                _ => "no_answer".into(),
            },
            refused: false,
            hint: "",
        })?;
        read_token(&response, generation)
    }

    fn form(&self) -> Result<Vec<u8>, Error> {
        let client_id = self.login.client_id.as_str();
        match &self.login.grant {
            Grant::ClientCredentials { client_secret } => Ok(percent::form(&[
                ("grant_type", "client_credentials"),
                ("client_id", client_id),
                ("client_secret", &client_secret.reveal()),
            ])),
            Grant::JwtBearer {
                username,
                audience,
                private_key,
            } => {
                let signed = assertion::sign(client_id, username, audience, private_key)?;
                Ok(percent::form(&[
                    ("grant_type", JWT_GRANT),
                    ("assertion", &signed),
                ]))
            }
        }
    }
}

// === impl Identity ===

impl Identity {
    fn of(org_id: &str, user_id: &str) -> Option<Self> {
        Some(Self {
            org_id: record_id::normalise(org_id).filter(|id| id.starts_with("00D"))?,
            user_id: record_id::normalise(user_id).filter(|id| id.starts_with("005"))?,
        })
    }

    /// `https://login.salesforce.com/id/<org>/<user>`.
    fn of_url(url: &str) -> Option<Self> {
        let mut parts = url.rsplit('/');
        let user_id = parts.next()?;
        Self::of(parts.next()?, user_id)
    }
}

fn read_token(response: &Response, generation: u64) -> Result<Token, Error> {
    let body: Json = serde_json::from_slice(&response.body).unwrap_or_default();
    if !response.is_success() {
        let named = body["error"].as_str().and_then(code);
        let named = named.unwrap_or_else(|| format!("HTTP_{}", response.status));
        let said = body["error_description"].as_str().unwrap_or_default();
        return Err(Error::Login {
            hint: hint(&named, said),
            code: named,
            refused: (400..500).contains(&response.status) && response.status != 429,
        });
    }
    let access = body["access_token"].as_str();
    let instance = body["instance_url"].as_str();
    match (access, instance) {
        (Some(access), Some(instance)) if instance.starts_with("http") => Ok(Token {
            access: Secret::new(access),
            instance_url: instance.trim_end_matches('/').to_string(),
            identity: body["id"].as_str().and_then(Identity::of_url),
            generation,
        }),
        _ => Err(Error::Login {
            code: "no_token_in_answer".into(),
            refused: false,
            hint: "",
        }),
    }
}

/// What a person has to do, told from the remote's words without repeating them.
fn hint(code: &str, said: &str) -> &'static str {
    let said = said.to_ascii_lowercase();
    match code {
        "invalid_grant" if said.contains("approved this consumer") => {
            "; the integration user has not approved the app: let the app's policy pre-authorise \
             users and give it a permission set of this user (docs/salesforce-setup.md)"
        }
        "invalid_grant" if said.contains("audience") => {
            "; oauth.audience must be https://login.salesforce.com, or \
             https://test.salesforce.com for a sandbox"
        }
        "invalid_grant" if said.contains("expired") || said.contains("assertion") => {
            "; check oauth.username, that the app holds the certificate of oauth.private_key, and \
             this machine's clock"
        }
        "invalid_grant" => "; check oauth.username and that this user is active",
        "invalid_client" | "invalid_client_id" => "; check client_id and client_secret",
        "unsupported_grant_type" => "; enable this OAuth flow in the app",
        _ => "",
    }
}

fn least_pause(error: &Error) -> Duration {
    match error {
        Error::Login { code, .. } if code == "invalid_grant" => LOGIN_INTERVAL_MAX,
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_is_read_from_the_end_of_the_id() {
        let url = "https://test.salesforce.com/id/00DD0000000FJrt/005D000000IqhSL";
        let identity = Identity::of_url(url).unwrap();
        assert_eq!(identity.org_id, "00DD0000000FJrtMAG");
        assert_eq!(identity.user_id.len(), 18);
        for odd in [
            "",
            "https://x/id/005D000000IqhSL/00DD0000000FJrt",
            "00DD0000000FJrt",
        ] {
            assert_eq!(Identity::of_url(odd), None, "{odd}");
        }
    }
}
