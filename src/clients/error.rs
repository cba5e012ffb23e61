//! How a call to a remote system can fail. Nothing here shows a value: remote texts can quote
//! personal data, so they are kept apart and neither Display nor Debug prints them.

use std::fmt;
use std::time::Duration;

use crate::clients::transport::Failure;

/// Longest remote code that is kept; longer ones are no codes.
const CODE_BYTES_MAX: usize = 80;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Surely not carried out: it never left this machine.
    #[error("the request was not sent: {0}")]
    NotSent(&'static str),
    /// No request can be made of it; asking again would not help.
    #[error("no request can be made: {0}")]
    Unsendable(&'static str),
    /// May have been carried out.
    #[error("no answer came: {0}")]
    NoAnswer(&'static str),
    /// The call was not made because there is no session. `refused` tells bad credentials from a
    /// login service that is down.
    #[error("login failed: {code}{hint}")]
    Login {
        code: String,
        refused: bool,
        /// What to do about it, from the semicolon on; or nothing.
        hint: &'static str,
    },
    /// The remote answered with an error.
    #[error("{0}")]
    Refused(Refusal),
    /// The remote answered success with something that cannot be read.
    #[error("the answer to {step} cannot be read: {reason}")]
    Malformed { step: &'static str, reason: String },
}

impl Error {
    /// A code for health: which part of a call failed.
    pub fn health_code(&self) -> &'static str {
        match self {
            Self::Login { .. } => "login_failed",
            Self::Refused(_) => "refused",
            _ => "broken",
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(reason) => Self::NotSent(reason),
            Failure::NoAnswer(reason) => Self::NoAnswer(reason),
        }
    }
}

/// An error answer, read as far as it could be.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    pub status: u16,
    pub problems: Vec<Problem>,
    /// Records the answer names: candidates of a 300, matches of a duplicate rule.
    pub records: Vec<NamedRecord>,
    /// How long the remote asks to wait.
    pub retry_after: Option<Duration>,
}

/// One entry of an error answer.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Problem {
    pub code: String,
    /// The remote's words; personal values may stand in them.
    pub text: String,
    /// API names, never values.
    pub fields: Vec<String>,
}

/// A record as an error answer names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedRecord {
    pub object: String,
    pub id: String,
}

impl Refusal {
    pub fn has_code(&self, code: &str) -> bool {
        self.problems.iter().any(|problem| problem.code == code)
    }

    /// The remote's words, all of them.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.problems.iter().map(|p| p.text.as_str()).collect();
        texts.join("; ")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        for problem in &self.problems {
            write!(f, ", {}", problem.code)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refusal({self})")
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Problem({})", self.code)
    }
}

/// A text as an error code, if it looks like one: codes are logged, other texts are not.
pub fn code(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let is_code = !text.is_empty() && text.len() <= CODE_BYTES_MAX && text.bytes().all(plain);
    is_code.then(|| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_print_of_a_refusal_shows_the_remotes_words() {
        let problem = Problem {
            code: "DUPLICATE_VALUE".into(),
            text: "duplicate of ann@example.com".into(),
            fields: vec!["Email".into()],
        };
        let error = Error::Refused(Refusal {
            status: 400,
            problems: vec![problem],
            ..Refusal::default()
        });
        assert_eq!(error.to_string(), "status 400, DUPLICATE_VALUE");
        assert!(!format!("{error:?}").contains("ann@"));
    }

    #[test]
    fn a_sentence_is_no_code() {
        assert_eq!(code("NOT_FOUND").as_deref(), Some("NOT_FOUND"));
        assert_eq!(code("mail ann@example.com"), None);
        assert_eq!(code(""), None);
    }
}
