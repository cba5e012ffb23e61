//! OAuth: tokens by client credentials or JWT bearer, and whether a request shows a living one
//! (salesforce.md 4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::sandbox::derive;
use crate::sandbox::exchange::{Answer, Effect, Request};
use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::model::assertion::Refused;
use crate::sandbox::salesforce::model::org::{Org, Settings};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKENS_MAX: usize = 10_000;

// === impl Org ===

impl Org {
    /// POST /services/oauth2/token.
    pub(crate) fn issue_token(&mut self, request: &Request, now_ms: i64) -> Answer {
        let form = request.form();
        let field = |name: &str| {
            form.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        };
        let refused = |error: &str, description: &str| {
            let body = json!({"error": error, "error_description": description});
            Answer::json(400, body).effect(Effect::Auth)
        };
        let granted = match field("grant_type").as_deref() {
            Some("client_credentials") => self.check_secret(
                request,
                field("client_id").unwrap_or_default(),
                field("client_secret").unwrap_or_default(),
            ),
            Some(JWT_BEARER) => {
                self.check_assertion(&field("assertion").unwrap_or_default(), request, now_ms)
            }
            None => Err(("invalid_request", "missing required parameter: grant_type")),
            Some(_) => Err(("unsupported_grant_type", "grant type not supported")),
        };
        if let Err((error, description)) = granted {
            return refused(error, description);
        }
        if self.sessions.len() >= TOKENS_MAX {
            self.sessions.pop_first();
        }
        let number = self.draw();
        let hex = derive::digest_hex(&self.settings.org_id, "session", number);
        let token = format!("{}!AQ{hex}", ids::shorten(&self.settings.org_id));
        self.sessions.insert(token.clone(), now_ms);
        Answer::json(200, self.token_body(&token, request, now_ms)).effect(Effect::Auth)
    }

    /// Client credentials, in the header or the form.
    fn check_secret(
        &self,
        request: &Request,
        client_id: String,
        secret: String,
    ) -> Result<(), Refused> {
        let (client_id, secret) = basic_credentials(request).unwrap_or((client_id, secret));
        if client_id != self.settings.client_id {
            return Err(("invalid_client_id", "client identifier invalid"));
        }
        if secret != self.settings.client_secret {
            return Err(("invalid_client", "invalid client credentials"));
        }
        Ok(())
    }

    /// The instance is where the caller reached us: behind a container's port or a wildcard
    /// address, our own idea of it would be wrong.
    fn token_body(&self, token: &str, request: &Request, now_ms: i64) -> Value {
        let Settings {
            org_id,
            user_id,
            base_url,
            ..
        } = &self.settings;
        let reached = request.header("host").filter(|host| !host.is_empty());
        let scheme = base_url.split_once("://").map_or("http", |parts| parts.0);
        let base_url =
            reached.map_or_else(|| base_url.clone(), |host| format!("{scheme}://{host}"));
        let mut body = json!({
            "access_token": token,
            "signature": STANDARD.encode(derive::digest_hex(token, "signature", 0)),
            "scope": "api",
            "instance_url": base_url,
            "id": format!("{base_url}/id/{org_id}/{user_id}"),
            "token_type": "Bearer",
            "issued_at": now_ms.to_string(),
        });
        if self.settings.switches.token_has_expires_in {
            body["expires_in"] = json!(self.settings.session_idle_ms / 1_000);
        }
        body
    }

    /// POST /services/oauth2/revoke.
    pub(crate) fn revoke_token(&mut self, request: &Request) -> Answer {
        let form = request.form();
        let token = form
            .iter()
            .find(|(key, _)| key == "token")
            .map(|(_, value)| value.as_str());
        if let Some(token) = token.or(request.param("token")) {
            self.sessions.remove(token);
        }
        Answer::empty(200).effect(Effect::Auth)
    }

    /// Checks the token of a request and keeps it alive.
    pub(crate) fn authorise(&mut self, request: &Request, now_ms: i64) -> Result<(), Refusal> {
        let Some(header) = request
            .header("authorization")
            .filter(|text| !text.is_empty())
        else {
            return Err(Refusal::session());
        };
        let Some(token) = bearer(header) else {
            return Err(Refusal::new(
                401,
                "INVALID_AUTH_HEADER",
                "INVALID_HEADER_TYPE",
            ));
        };
        let idle_ms = self.settings.session_idle_ms;
        match self.sessions.get_mut(token) {
            Some(used_ms) if now_ms.saturating_sub(*used_ms) < idle_ms => {
                *used_ms = now_ms;
                Ok(())
            }
            _ => {
                self.sessions.remove(token);
                Err(Refusal::session())
            }
        }
    }

    /// Forgets the token that a request shows.
    pub(crate) fn forget_session(&mut self, request: &Request) {
        if let Some(token) = request.header("authorization").and_then(bearer) {
            self.sessions.remove(token);
        }
    }

    /// GET /services/oauth2/userinfo.
    pub(crate) fn user_info(&self) -> Answer {
        let user_id = &self.settings.user_id;
        let user = self.row("User", user_id);
        let text = |name: &str| user.map_or(Value::Null, |user| user.get(name));
        let body = json!({
            "sub": format!("{}/id/{}/{user_id}", self.settings.base_url, self.settings.org_id),
            "user_id": user_id,
            "organization_id": self.settings.org_id,
            "preferred_username": text("Username"),
            "given_name": text("FirstName"),
            "family_name": text("LastName"),
            "email_verified": true,
            "zoneinfo": "Etc/UTC",
            "nickname": "crosswalk",
            "name": text("Name"),
            "email": text("Email"),
            "active": true,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 0,
        });
        Answer::json(200, body).effect(Effect::Read)
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth");
    known.then_some(token.trim())
}

fn basic_credentials(request: &Request) -> Option<(String, String)> {
    let encoded = request.header("authorization")?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
