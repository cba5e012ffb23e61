//! Tests of the JWT bearer grant (salesforce.md 4).

use std::sync::LazyLock;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_RSA_SHA256};
use serde_json::{Value, json};

use crate::sandbox::exchange::{Answer, Request};
use crate::sandbox::salesforce::model::tests::{Caller, NOW, body};

/// The keys of the consumer and of a stranger; making one takes a moment.
static KEYS: LazyLock<[KeyPair; 2]> =
    LazyLock::new(|| [0, 1].map(|_| KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key")));

fn claims() -> Value {
    json!({
        "iss": "sandbox-client-id",
        "sub": "integration@example.com",
        "aud": "https://login.salesforce.com",
        "exp": NOW / 1_000 + 180,
    })
}

fn signed(claims: &Value, key: &KeyPair) -> String {
    let key = EncodingKey::from_rsa_pem(key.serialize_pem().as_bytes()).expect("a key");
    encode(&Header::new(Algorithm::RS256), claims, &key).expect("a token")
}

fn ask(caller: &mut Caller, assertion: &str) -> Answer {
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"
    );
    let mut request = Request::new("POST", "/services/oauth2/token", "", form.into_bytes());
    let host = ("host".to_owned(), "org.example:8443".to_owned());
    request.headers.extend([host]);
    caller.org.handle(&request, NOW)
}

fn caller() -> Caller {
    let mut caller = Caller::new();
    caller.org.settings.jwt_public_key = Some(KEYS[0].public_key_pem());
    caller
}

#[test]
fn a_signed_assertion_gets_a_token_that_works() {
    let mut caller = caller();
    let mut claims = claims();
    for audience in [
        "https://test.salesforce.com",
        "https://org.example:8443/services/oauth2/token",
    ] {
        claims["aud"] = json!(audience);
        let answer = body(&ask(&mut caller, &signed(&claims, &KEYS[0])));
        assert_eq!(answer["issued_at"], NOW.to_string());
        assert!(answer.get("refresh_token").is_none() && answer.get("expires_in").is_none());
        let id = answer["id"].as_str().unwrap_or_default();
        assert!(
            id.ends_with("/id/00D5g00000SandbEAB/0055g00000CrossAAB"),
            "{id}"
        );
        caller.token = answer["access_token"].as_str().expect("a token").to_owned();
        assert_eq!(caller.call("GET", "/limits", Value::Null).status, 200);
    }
    let told = caller.org.user_info();
    assert_eq!(body(&told)["organization_id"], "00D5g00000SandbEAB");
    assert_eq!(body(&told)["preferred_username"], "integration@example.com");
}

#[test]
fn a_wrong_assertion_is_refused_in_the_vendors_words() {
    let mut caller = caller();
    let unapproved = "user hasn't approved this consumer";
    let cases = [
        (
            "iss",
            json!("other"),
            "invalid_client_id",
            "client identifier invalid",
        ),
        (
            "sub",
            json!("nobody@example.com"),
            "invalid_grant",
            unapproved,
        ),
        (
            "aud",
            json!("https://elsewhere.example"),
            "invalid_grant",
            "audience is invalid",
        ),
        (
            "exp",
            json!(NOW / 1_000),
            "invalid_grant",
            "invalid assertion",
        ),
        ("exp", Value::Null, "invalid_grant", "invalid assertion"),
    ];
    let check = |answer: &Answer, error: &str, description: &str| {
        let expected = json!({"error": error, "error_description": description});
        assert_eq!((answer.status, body(answer)), (400, expected));
    };
    for (claim, value, error, description) in cases {
        let mut claims = claims();
        claims[claim] = value;
        let answer = ask(&mut caller, &signed(&claims, &KEYS[0]));
        check(&answer, error, description);
    }
    let stranger = ask(&mut caller, &signed(&claims(), &KEYS[1]));
    check(&stranger, "invalid_grant", "invalid assertion");
    check(
        &ask(&mut caller, "a.b.c"),
        "invalid_grant",
        "invalid assertion",
    );
    caller.org.settings.switches.jwt_user_approved = false;
    let refused = ask(&mut caller, &signed(&claims(), &KEYS[0]));
    check(&refused, "invalid_grant", unapproved);
    caller.org.settings.jwt_public_key = None;
    let unknown = ask(&mut caller, &signed(&claims(), &KEYS[0]));
    check(&unknown, "invalid_grant", "invalid assertion");
}
