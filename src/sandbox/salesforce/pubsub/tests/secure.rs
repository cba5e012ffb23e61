//! TLS on all ports: who trusts the certificate can connect, nobody else can.

use super::*;
use crate::sandbox::intercom;

fn trusting(tls: &Tls) -> reqwest::Client {
    let certificate = reqwest::Certificate::from_pem(tls.certificate_pem().as_bytes());
    reqwest::Client::builder()
        .tls_certs_only([certificate.expect("a certificate")])
        .build()
        .expect("a client")
}

async fn connect(handle: &Handle, pem: &str) -> Result<Channel, tonic::transport::Error> {
    let config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
    let endpoint = Endpoint::from_shared(handle.pubsub_url()).expect("a URL");
    endpoint
        .tls_config(config)
        .expect("a configuration")
        .connect()
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ports_of_the_org_speak_tls() {
    let tls = Tls::self_signed().expect("a certificate");
    let options = Options {
        tls: Some(tls.clone()),
        ..Options::default()
    };
    let handle = start(options).await.expect("starts");
    assert!(handle.base_url().starts_with("https://127.0.0.1:"));
    assert!(handle.pubsub_url().starts_with("https://127.0.0.1:"));
    let token = token(&handle, &trusting(&tls)).await;
    let channel = connect(&handle, tls.certificate_pem())
        .await
        .expect("trusted");
    let mut caller = Caller {
        client: PubSubClient::new(channel),
        handle,
        token,
    };
    caller.lead();
    let mut stream = caller.subscribe(earliest(10)).await;
    assert_eq!(stream.response().await.events.len(), 1);
    let other = Tls::self_signed().expect("another certificate");
    assert!(
        connect(&caller.handle, other.certificate_pem())
            .await
            .is_err()
    );
    let refused = trusting(&other).get(caller.handle.base_url()).send().await;
    assert!(refused.is_err(), "{refused:?}");
    let plain = caller.handle.base_url().replace("https", "http");
    let refused = reqwest::Client::new().get(plain).send().await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_still_cuts_a_connection_with_tls() {
    let tls = Tls::self_signed().expect("a certificate");
    let options = Options {
        tls: Some(tls.clone()),
        ..Options::default()
    };
    let handle = start(options).await.expect("starts");
    handle
        .add_fault(Rule::once(Kind::ResetConnection))
        .expect("a rule");
    let client = trusting(&tls);
    let url = format!("{}/services/data", handle.base_url());
    let cut = client.post(&url).send().await;
    assert!(cut.is_err(), "{cut:?}");
    let answer = client.get(&url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_intercom_sandbox_speaks_tls() {
    let tls = Tls::self_signed().expect("a certificate");
    let options = intercom::Options {
        tls: Some(tls.clone()),
        ..intercom::Options::default()
    };
    let token = options.access_token.clone();
    let handle = intercom::start(options).await.expect("starts");
    let url = format!("{}/contacts", handle.base_url());
    assert!(url.starts_with("https://"));
    let localhost = url.replace("127.0.0.1", "localhost");
    for url in [url, localhost] {
        let answer = trusting(&tls).get(url).bearer_auth(&token).send().await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }
    assert_eq!(format!("{tls:?}"), "Tls", "the key stays out of logs");
}
