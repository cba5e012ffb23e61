//! The floor: a server that answers a notification and sends what it says as one update, by a table
//! of ids, over one kept connection. It checks no signature, keeps nothing and decides nothing.

use std::collections::HashMap;
use std::sync::Arc;

use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::{EDITS, Stage};

pub struct Relay {
    pub url: String,
    pub people: Vec<(String, String)>,
}

impl Relay {
    pub async fn start(stage: &mut Stage) -> Self {
        let people = (0..EDITS).map(|number| stage.person(number, json!({}), json!({})));
        let people: Vec<(String, String)> = people.collect();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let base = stage.salesforce.base_url();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "sandbox-client-id"),
            ("client_secret", "sandbox-client-secret"),
        ];
        let login = client
            .post(format!("{base}/services/oauth2/token"))
            .form(&form);
        let login: Value = login.send().await.unwrap().json().await.unwrap();
        let token = login["access_token"].as_str().unwrap().to_owned();
        let rows: HashMap<String, String> = people.iter().cloned().collect();
        let known = Arc::new((client, base, token, rows));
        let relay = move |Json(told): Json<Value>| {
            let known = known.clone();
            async move {
                tokio::spawn(async move {
                    let (client, base, token, rows) = &*known;
                    let item = &told["data"]["item"];
                    let Some(row) = item["id"].as_str().and_then(|id| rows.get(id)) else {
                        return;
                    };
                    let name = item["name"].as_str().unwrap_or_default();
                    let last = name.rsplit(' ').next().unwrap_or_default();
                    let url = format!("{base}/services/data/v66.0/sobjects/Contact/{row}");
                    let update = client.patch(url).bearer_auth(token);
                    update
                        .json(&json!({"LastName": last}))
                        .send()
                        .await
                        .unwrap();
                });
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        let router = Router::new().route("/webhooks", post(relay).head(|| async {}));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, people }
    }
}
