//! Why a configuration is refused: always the place, the field and the fix, never a secret.

use std::fmt;
use std::path::PathBuf;

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Line and column in the file, both from 1.
    File { line: u64, column: u64 },
    /// An environment variable, by its name.
    Variable(String),
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} cannot be read: {reason}; name the file with --config FILE", file.display())]
    Read { file: PathBuf, reason: String },
    #[error("{}: {text}", at(file, place))]
    Field {
        file: PathBuf,
        place: Place,
        text: String,
    },
}

/// A refusal before the file's name is known to it.
#[derive(Debug)]
pub(super) struct Problem {
    pub place: Place,
    pub text: String,
}

impl Problem {
    pub fn new(place: &Place, text: impl Into<String>) -> Self {
        Self {
            place: place.clone(),
            text: text.into(),
        }
    }

    pub fn in_file(self, file: &std::path::Path) -> Error {
        Error::Field {
            file: file.to_path_buf(),
            place: self.place,
            text: self.text,
        }
    }
}

fn at(file: &std::path::Path, place: &Place) -> String {
    match place {
        Place::File { .. } => format!("{}:{place}", file.display()),
        Place::Variable(name) => format!("environment variable {name}"),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { line, column } => write!(f, "{line}:{column}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}
