//! Questions to the admin port of the running process, asked as an operator's tool would.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// A client of the admin port.
pub struct Admin {
    client: reqwest::Client,
    base: String,
}

impl Admin {
    pub fn new(base: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(ANSWER_WAIT)
            .no_proxy()
            .build()
            .context("cannot make an HTTP client")?;
        let base = base.to_owned();
        Ok(Self { client, base })
    }

    /// Status and body.
    pub async fn get(&self, path: &str) -> anyhow::Result<(u16, String)> {
        let asked = self.client.get(format!("{}{path}", self.base)).send().await;
        let answer = asked.with_context(|| format!("the admin port does not answer {path}"))?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().await?))
    }

    /// Says something; an operator's decision, for example.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let asked = self.client.post(format!("{}{path}", self.base));
        let answer = asked.json(body).send().await;
        let answer = answer.with_context(|| format!("the admin port does not answer {path}"))?;
        let status = answer.status();
        if !status.is_success() {
            bail!(
                "the admin port answered {path} with {status}: {}",
                answer.text().await?
            );
        }
        answer
            .json()
            .await
            .with_context(|| format!("{path} answered no JSON"))
    }

    pub async fn json(&self, path: &str) -> anyhow::Result<Value> {
        let (status, body) = self.get(path).await?;
        if status != 200 {
            bail!("the admin port answered {path} with {status}: {body}");
        }
        serde_json::from_str(&body).with_context(|| format!("{path} answered no JSON"))
    }
}
