//! JWT bearer assertions: who signed them, for whom, and until when (salesforce.md 4).

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

use crate::sandbox::exchange::Request;
use crate::sandbox::salesforce::model::org::Org;

/// The login hosts that an assertion may be made out to, beside the org's own.
const LOGIN_HOSTS: [&str; 2] = [
    "https://login.salesforce.com",
    "https://test.salesforce.com",
];

/// What an assertion claims; `exp` in unix seconds.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
}

/// `error` and `error_description` of a refusal.
pub(crate) type Refused = (&'static str, &'static str);

// === impl Org ===

impl Org {
    /// Whether the assertion of a token request gets a token, and the vendor's words if not.
    pub(crate) fn check_assertion(
        &self,
        assertion: &str,
        request: &Request,
        now_ms: i64,
    ) -> Result<(), Refused> {
        let invalid = ("invalid_grant", "invalid assertion");
        let key = self.settings.jwt_public_key.as_deref().ok_or(invalid)?;
        let key = DecodingKey::from_rsa_pem(key.as_bytes()).map_err(|_| invalid)?;
        let mut rules = Validation::new(Algorithm::RS256);
        // Time is the sandbox's, so the library must not look at a clock.
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.required_spec_claims.clear();
        let claims = decode::<Claims>(assertion, &key, &rules).map_err(|_| invalid)?;
        let claims = claims.claims;
        if claims.iss != self.settings.client_id {
            return Err(("invalid_client_id", "client identifier invalid"));
        }
        if !self.is_audience(&claims.aud, request) {
            return Err(("invalid_grant", "audience is invalid"));
        }
        if claims.exp <= now_ms.div_euclid(1_000) {
            return Err(invalid);
        }
        let user = self.row("User", &self.settings.user_id);
        let meant = user.filter(|user| user.text("Username") == Some(claims.sub.as_str()));
        match meant {
            Some(user) if !user.flag("IsActive") => Err(("invalid_grant", "inactive user")),
            Some(_) if self.settings.switches.jwt_user_approved => Ok(()),
            _ => Err(("invalid_grant", "user hasn't approved this consumer")),
        }
    }

    fn is_audience(&self, audience: &str, request: &Request) -> bool {
        let audience = audience.trim_end_matches('/');
        let audience = audience
            .strip_suffix("/services/oauth2/token")
            .unwrap_or(audience);
        let host = request.header("host").filter(|host| !host.is_empty());
        let reached = host.is_some_and(|host| {
            let bare = audience.split_once("://").map(|(_, bare)| bare);
            bare == Some(host)
        });
        reached || audience == self.settings.base_url || LOGIN_HOSTS.contains(&audience)
    }
}
