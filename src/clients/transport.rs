//! The seam below both clients: one request out, one response in. A simulation cuts here.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send + 'a>>;

/// Sends one request and waits for its whole answer, at most `Request::timeout`.
///
/// Does not repeat, does not follow redirects, does not judge the status. A failure says whether
/// the remote can have seen the request: `NotSent` only when it surely has not.
pub trait Transport: Send + Sync {
    fn send(&self, request: Request) -> Answer<'_>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Patch,
    Post,
    Put,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub timeout: Duration,
}

/// Addresses, headers and bodies hold credentials and personal values: sizes only.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.method.as_str();
        write!(f, "Request({method}, {} bytes)", self.body.len())
    }
}

#[derive(Clone, PartialEq, Eq, Default)]
pub struct Response {
    pub status: u16,
    /// Names in lower case; what is not text is left out.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name, asked for in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name)?;
        Some(&found.1)
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

/// Reasons are words of ours: what a library says can quote the address, which holds values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("the request was not sent: {0}")]
    NotSent(&'static str),
    #[error("no answer came: {0}")]
    NoAnswer(&'static str),
}
