//! Logins by signed assertion, what a refused one says, and whom a session speaks as.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crosswalk::clients::salesforce::{Login, Session};
use crosswalk::clients::transport::{Answer, Request, Response};
use crosswalk::clients::{Error, Transport};
use crosswalk::config::{Config, Grant, Secret, Variables};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value as Json, json};

const USERNAME: &str = "crosswalk@acme.example";

/// Answers each request with the next of its answers, the last one for ever.
struct Script {
    answers: Mutex<Vec<(u16, Json)>>,
    requests: Mutex<Vec<Request>>,
}

impl Script {
    fn new(answers: &[(u16, Json)]) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.iter().rev().cloned().collect()),
            requests: Mutex::default(),
        })
    }

    fn forms(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let text = |request: &Request| String::from_utf8(request.body.clone()).unwrap();
        requests.iter().map(text).collect()
    }

    fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

impl Transport for Script {
    fn send(&self, request: Request) -> Answer<'_> {
        self.requests.lock().unwrap().push(request);
        let mut answers = self.answers.lock().unwrap();
        let (status, body) = match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop().unwrap(),
        };
        let (headers, body) = (Vec::new(), body.to_string().into_bytes());
        let response = Response {
            status,
            headers,
            body,
        };
        Box::pin(async move { Ok(response) })
    }
}

fn rsa() -> rcgen::KeyPair {
    rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap()
}

fn session(grant: Grant, transport: Arc<Script>) -> Session {
    let login = Login {
        url: "https://acme.my.salesforce.com/".into(),
        client_id: "consumer-key".into(),
        grant,
        timeout: Duration::from_secs(5),
    };
    Session::new(login, transport)
}

fn bearer(key: &str) -> Grant {
    Grant::JwtBearer {
        username: USERNAME.into(),
        audience: "https://test.salesforce.com".into(),
        private_key: Secret::new(key),
    }
}

fn secret() -> Grant {
    Grant::ClientCredentials {
        client_secret: Secret::new("hush"),
    }
}

fn token() -> Json {
    json!({"access_token": "t", "instance_url": "https://org.example"})
}

#[tokio::test]
async fn an_assertion_is_signed_for_one_user_and_a_few_minutes() {
    let key = rsa();
    let script = Script::new(&[(200, token())]);
    let session = session(bearer(&key.serialize_pem()), script.clone());
    session.token(None).await.unwrap();
    let form = &script.forms()[0];
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let assertion = form.strip_prefix(grant).unwrap_or_else(|| panic!("{form}"));
    let public = DecodingKey::from_rsa_pem(key.public_key_pem().as_bytes()).unwrap();
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&["https://test.salesforce.com"]);
    rules.set_issuer(&["consumer-key"]);
    let claims = jsonwebtoken::decode::<Json>(assertion, &public, &rules)
        .unwrap()
        .claims;
    assert_eq!(claims["sub"], USERNAME);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let left = claims["exp"].as_u64().unwrap() - now.as_secs();
    assert!((60..=300).contains(&left), "{left} s");
    assert_eq!(claims.as_object().unwrap().len(), 4, "{claims}");
}

/// Only a person can mend it; an outage is over when it is over.
#[tokio::test]
async fn an_app_that_is_not_approved_says_what_to_do_and_is_not_asked_again_at_once() {
    let said = "user hasn't approved this consumer";
    let refusal = json!({"error": "invalid_grant", "error_description": said});
    let refused = Script::new(&[(400, refusal)]);
    let down = Script::new(&[(503, json!({}))]);
    let key = rsa().serialize_pem();
    let unapproved = session(bearer(&key), refused.clone());
    let outage = session(bearer(&key), down.clone());
    for _ in 0..4 {
        let error = unapproved.token(None).await.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("login failed: invalid_grant; "), "{text}");
        assert!(text.contains("pre-authorise"), "{text}");
        assert!(matches!(error, Error::Login { refused: true, .. }));
        assert!(outage.token(None).await.is_err());
        // Longer than the first pause after an outage.
        tokio::time::sleep(Duration::from_millis(800)).await;
    }
    assert!(down.count() > 1);
    assert_eq!(refused.count(), 1);
}

#[tokio::test]
async fn a_key_that_cannot_sign_is_named_and_nothing_is_sent() {
    let script = Script::new(&[(200, token())]);
    let session = session(bearer("no key"), script.clone());
    let text = session.token(None).await.unwrap_err().to_string();
    assert!(
        text.contains("private_key_unusable; oauth.private_key"),
        "{text}"
    );
    assert_eq!(script.count(), 0);
}

#[tokio::test]
async fn the_identity_stands_in_the_login_or_is_asked_for_once() {
    let mut named = token();
    named["id"] = json!("https://login.salesforce.com/id/00DD0000000FJrt/005D000000IqhSL");
    let script = Script::new(&[(200, named)]);
    let identity = session(secret(), script.clone()).identity().await.unwrap();
    assert_eq!(identity.org_id, "00DD0000000FJrtMAG");
    assert_eq!(identity.user_id, "005D000000IqhSLIAZ");
    assert_eq!(script.count(), 1);

    let info = json!({"organization_id": "00DD0000000FJrtMAG", "user_id": "005D000000IqhSLIAZ"});
    let script = Script::new(&[(200, token()), (200, info)]);
    let asking = session(secret(), script.clone());
    for _ in 0..3 {
        assert_eq!(asking.identity().await.unwrap(), identity);
    }
    assert_eq!(script.count(), 2);
    let asked = &script.requests.lock().unwrap()[1];
    assert_eq!(asked.url, "https://org.example/services/oauth2/userinfo");
}

const FILE: &str = "
sources:
  support: {intercom: {app_id: abc123, client_secret: a, access_token: b}}
  sales:
    salesforce:
      login_url: https://acme.my.salesforce.com
      client_id: consumer-key
      LOGIN
      client_token: crosswalk-main
      pubsub: {endpoint: https://api.deu.pubsub.salesforce.com:443/, ca_file: ca.pem}
bridges:
  main: {sources: [support, sales], mapping: mapping.yaml}
";

fn read(login: &str) -> Result<Config, String> {
    let path = Path::new("/etc/crosswalk/crosswalk.yaml");
    let key = ("KEY".to_owned(), rsa().serialize_pem());
    let text = FILE.replace("LOGIN", login);
    Config::parse(path, &text, &Variables::from([key])).map_err(|error| error.to_string())
}

#[test]
fn a_source_says_how_it_logs_in() {
    let config = read("oauth: {grant: jwt_bearer, username: u@x, private_key: {env: KEY}}");
    let config = config.unwrap();
    let org = config
        .sources
        .values()
        .find_map(|source| source.salesforce())
        .unwrap();
    let Grant::JwtBearer {
        username, audience, ..
    } = &org.grant
    else {
        panic!("{:?}", org.grant);
    };
    assert_eq!(username, "u@x");
    assert_eq!(audience, "https://login.salesforce.com");
    assert_eq!(
        org.pubsub.endpoint,
        "https://api.deu.pubsub.salesforce.com:443"
    );
    assert_eq!(
        org.pubsub.ca_file.as_deref(),
        Some(Path::new("/etc/crosswalk/ca.pem"))
    );
    let explicit = "client_secret: s\n      oauth: {grant: client_credentials}";
    for login in ["client_secret: s", explicit] {
        let config = read(login).unwrap_or_else(|error| panic!("{login}: {error}"));
        let org = config
            .sources
            .values()
            .find_map(|source| source.salesforce())
            .unwrap();
        assert!(matches!(org.grant, Grant::ClientCredentials { .. }));
    }
}

#[test]
fn a_login_that_is_half_of_each_kind_is_refused() {
    let key = "private_key: {env: KEY}";
    let cases = [
        (
            "api_version: \"66.0\"".to_owned(),
            "client_secret is missing",
        ),
        (
            format!("client_secret: s\n      oauth: {{grant: jwt_bearer, username: u, {key}}}"),
            "client_secret is not used by grant: jwt_bearer",
        ),
        (
            "client_secret: s\n      oauth: {grant: client_credentials, username: u}".to_owned(),
            "oauth.username belongs to grant: jwt_bearer",
        ),
        (
            format!("oauth: {{grant: jwt_bearer, {key}}}"),
            "oauth.username is missing",
        ),
        (
            format!("oauth: {{username: u, {key}}}"),
            "oauth.grant is missing",
        ),
        (
            "oauth: {grant: password}".to_owned(),
            "oauth.grant is \"password\"; it must be client_credentials or jwt_bearer",
        ),
        (
            "oauth: {grant: jwt_bearer, username: u, private_key: hush}".to_owned(),
            "oauth.private_key is no RSA private key in PEM form without a passphrase",
        ),
    ];
    for (login, words) in cases {
        let error = read(&login).unwrap_err();
        assert!(error.contains(words), "{login}: {error}");
        assert!(!error.contains("hush"), "{error}");
    }
}
