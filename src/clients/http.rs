//! The transport over real sockets: HTTP/1.1 or 2 over TLS, bounded in time and in size.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::clients::transport::{Answer, Failure, Method, Request, Response, Transport};

/// What both vendors answer to single records and small queries stays far below.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

const USER_AGENT: &str = concat!("crosswalk/", env!("CARGO_PKG_VERSION"));

#[derive(Clone, Debug)]
pub struct Options {
    pub connect_timeout: Duration,
    pub body_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            body_bytes_max: BODY_BYTES_MAX,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the HTTP client cannot be set up")]
    SetUp(#[source] reqwest::Error),
}

/// One connection pool; clones share it.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: reqwest::Client,
    body_bytes_max: usize,
}

impl HttpTransport {
    pub fn new(options: &Options) -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(options.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(USER_AGENT)
            .build()
            .map_err(Error::SetUp)?;
        Ok(Self {
            client,
            body_bytes_max: options.body_bytes_max,
        })
    }

    async fn exchange(&self, request: Request) -> Result<Response, Failure> {
        let mut built = reqwest::Request::new(method(request.method), url(&request.url)?);
        *built.timeout_mut() = Some(request.timeout);
        *built.headers_mut() = headers(&request.headers)?;
        if !request.body.is_empty() {
            *built.body_mut() = Some(request.body.into());
        }
        let mut answer = self.client.execute(built).await.map_err(failure)?;
        let mut response = Response {
            status: answer.status().as_u16(),
            headers: texts(answer.headers()),
            body: Vec::new(),
        };
        while let Some(chunk) = answer.chunk().await.map_err(failure)? {
            if response.body.len() + chunk.len() > self.body_bytes_max {
                return Err(Failure::NoAnswer("the answer is larger than allowed"));
            }
            response.body.extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> Answer<'_> {
        Box::pin(self.exchange(request))
    }
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Patch => reqwest::Method::PATCH,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
    }
}

fn url(text: &str) -> Result<reqwest::Url, Failure> {
    reqwest::Url::parse(text).map_err(|_| Failure::NotSent("the address is no URL"))
}

fn headers(given: &[(&'static str, String)]) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::with_capacity(given.len());
    for (name, text) in given {
        let mut value = HeaderValue::from_str(text)
            .map_err(|_| Failure::NotSent("a header holds characters it may not"))?;
        value.set_sensitive(*name == "authorization");
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_string())))
        .collect()
}

/// A connection that was never made carried nothing. Everything later may have been carried out.
fn failure(error: reqwest::Error) -> Failure {
    if error.is_builder() {
        Failure::NotSent("the request cannot be built")
    } else if error.is_connect() {
        Failure::NotSent("no connection")
    } else if error.is_timeout() {
        Failure::NoAnswer("timeout")
    } else {
        Failure::NoAnswer("the connection broke")
    }
}
