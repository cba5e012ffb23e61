//! The signed assertion of the JWT bearer grant (salesforce.md 4).

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::clients::error::Error;
use crate::config::Secret;

/// Salesforce takes five minutes at most, and clocks differ.
const VALID_SECONDS: u64 = 180;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
}

/// An assertion that `username` is spoken for by the app `client_id`; good for three minutes.
pub(super) fn sign(
    client_id: &str,
    username: &str,
    audience: &str,
    private_key: &Secret,
) -> Result<String, Error> {
    let unusable = |_| Error::Login {
        code: "private_key_unusable".into(),
        refused: true,
        hint: "; oauth.private_key must be an RSA key of 2048 bits or more in PEM form",
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let claims = Claims {
        iss: client_id,
        sub: username,
        aud: audience,
        exp: now.map_or(0, |now| now.as_secs()) + VALID_SECONDS,
    };
    let key = EncodingKey::from_rsa_pem(private_key.reveal().as_bytes()).map_err(unusable)?;
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).map_err(unusable)
}
