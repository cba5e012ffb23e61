//! A credential that cannot be printed by accident, and that is read anew when its file changes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// A secret text. Debug and Display show that there is one, never what it is. Clones share it: what
/// is read anew from its file, all of them reveal.
#[derive(Clone)]
pub struct Secret {
    text: Arc<RwLock<Arc<str>>>,
    file: Option<Arc<Path>>,
}

/// What reading a secret's file anew showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reread {
    Same,
    Changed,
}

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: Arc::new(RwLock::new(Arc::from(text.into()))),
            file: None,
        }
    }

    /// One that stands in a file, which may be replaced while the process runs.
    pub fn of_file(path: PathBuf) -> Result<Self, std::io::Error> {
        let text = read(&path)?;
        Ok(Self {
            file: Some(Arc::from(path)),
            ..Self::new(text)
        })
    }

    /// The secret itself, for the one place that sends or compares it. Ask for it each time: it may
    /// be another one since.
    pub fn reveal(&self) -> Arc<str> {
        // Nothing panics while it holds the lock.
        let text = self.text.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&text)
    }

    /// Where it stands, if in a file.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Reads the file anew. An empty one is one that is just being written: what was there before
    /// stays.
    pub fn reread(&self) -> Result<Reread, std::io::Error> {
        let Some(file) = &self.file else {
            return Ok(Reread::Same);
        };
        let text = read(file)?;
        if text.trim().is_empty() {
            let empty = std::io::ErrorKind::UnexpectedEof;
            return Err(std::io::Error::new(empty, "the file is empty"));
        }
        let mut held = self.text.write().unwrap_or_else(PoisonError::into_inner);
        if **held == *text {
            return Ok(Reread::Same);
        }
        *held = Arc::from(text);
        Ok(Reread::Changed)
    }
}

fn read(path: &Path) -> Result<String, std::io::Error> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.reveal() == other.reveal()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_follows_its_file_and_its_clones_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "first\n").unwrap();
        let secret = Secret::of_file(path.clone()).unwrap();
        let clone = secret.clone();
        assert_eq!(secret.reread().unwrap(), Reread::Same);
        std::fs::write(&path, "second\r\n").unwrap();
        assert_eq!(&*clone.reveal(), "first", "until it is read");
        assert_eq!(secret.reread().unwrap(), Reread::Changed);
        assert_eq!(&*clone.reveal(), "second");
        std::fs::write(&path, "\n").unwrap();
        assert!(secret.reread().is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(secret.reread().is_err());
        assert_eq!(&*clone.reveal(), "second", "what was good stays");
        assert_eq!(format!("{secret} {secret:?}"), "[secret] [secret]");
    }
}
