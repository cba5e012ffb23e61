//! The demo's temporary directory: made for one run, gone after a good one.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;

/// A directory that only this user can read.
pub struct Workdir {
    path: PathBuf,
}

impl Workdir {
    pub fn make() -> anyhow::Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = since.map_or(0, |since| since.as_nanos());
        let name = format!("crosswalk-demo-{}-{nanos}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut builder = fs::DirBuilder::new();
        let made = builder.mode(0o700).create(&path);
        made.with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self { path })
    }

    /// What names of its own begin with elsewhere.
    pub fn prefix(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        format!("{}.", name.to_string_lossy())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, or says where it stays.
    pub fn leave(&self, keep: bool) {
        if keep {
            eprintln!("everything of this run is kept in {}", self.path.display());
        } else if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}
