//! How an org is logged in to, and where its change events come from.

use std::path::PathBuf;

use crate::config::error::Problem;
use crate::config::field::{Field, Table};
use crate::config::secret::Secret;

/// Orgs; the login host of sandboxes is `https://test.salesforce.com`.
const AUDIENCE: &str = "https://login.salesforce.com";
/// Outside of the EU operating zone, whose host is `api.deu.pubsub.salesforce.com`.
const ENDPOINT: &str = "https://api.pubsub.salesforce.com:7443";

/// An OAuth grant that needs no person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    ClientCredentials {
        client_secret: Secret,
    },
    /// An assertion signed by us instead of a secret that both sides hold.
    JwtBearer {
        /// The integration user.
        username: String,
        /// Who is to take the assertion: the login host.
        audience: String,
        /// An RSA key in PEM form.
        private_key: Secret,
    },
}

/// The Pub/Sub API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pubsub {
    /// Without a slash at its end; plain `http` is for sandboxes.
    pub endpoint: String,
    /// Certificates in PEM form that are trusted beside those of the machine.
    pub ca_file: Option<PathBuf>,
}

// === impl Grant ===

impl Grant {
    /// `client_secret` stands beside `oauth`, where it stood before there was a choice.
    pub(super) fn read(salesforce: &Table<'_>) -> Result<Self, Problem> {
        let client_credentials = || -> Result<Self, Problem> {
            let client_secret = salesforce.require("client_secret")?.secret()?;
            Ok(Self::ClientCredentials { client_secret })
        };
        let Some(oauth) = salesforce.get("oauth") else {
            return client_credentials();
        };
        let keys = ["grant", "username", "audience", "private_key"];
        let oauth = oauth.table(&keys)?;
        let grant = oauth.require("grant")?;
        match grant.text()?.as_str() {
            "client_credentials" => match keys[1..].iter().find_map(|key| oauth.get(key)) {
                Some(other) => Err(other.problem("belongs to grant: jwt_bearer; remove it")),
                None => client_credentials(),
            },
            "jwt_bearer" => {
                if let Some(unused) = salesforce.get("client_secret") {
                    return Err(unused.problem("is not used by grant: jwt_bearer; remove it"));
                }
                Ok(Self::JwtBearer {
                    username: oauth.require("username")?.text()?,
                    audience: oauth.or("audience", AUDIENCE.into(), Field::base_url)?,
                    private_key: private_key(&oauth.require("private_key")?)?,
                })
            }
            other => Err(grant.problem(format!(
                "is \"{other}\"; it must be client_credentials or jwt_bearer"
            ))),
        }
    }
}

/// Looked at now, so that a wrong file stops the start and not the first login.
fn private_key(field: &Field<'_>) -> Result<Secret, Problem> {
    let secret = field.secret()?;
    match jsonwebtoken::EncodingKey::from_rsa_pem(secret.reveal().as_bytes()) {
        Ok(_) => Ok(secret),
        Err(_) => Err(field.problem(
            "is no RSA private key in PEM form without a passphrase; \
             write one with openssl genrsa -out server.key 2048",
        )),
    }
}

// === impl Pubsub ===

impl Default for Pubsub {
    fn default() -> Self {
        Self {
            endpoint: ENDPOINT.into(),
            ca_file: None,
        }
    }
}

impl Pubsub {
    pub(super) fn read(field: &Field<'_>) -> Result<Self, Problem> {
        let table = field.table(&["endpoint", "ca_file"])?;
        let ca_file = table.get("ca_file");
        Ok(Self {
            endpoint: table.or("endpoint", ENDPOINT.into(), Field::base_url)?,
            ca_file: ca_file.map(|file| file.file_path()).transpose()?,
        })
    }
}
