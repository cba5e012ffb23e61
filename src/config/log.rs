//! Which log the installation stands on.

use std::path::PathBuf;

use crate::config::error::Problem;
use crate::config::field::Field;

/// The log's adapter. This version has the embedded one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Log {
    /// One file on this machine.
    Embedded { path: PathBuf },
}

impl Log {
    pub(super) fn read(
        field: Option<&Field<'_>>,
        around_default: PathBuf,
    ) -> Result<Self, Problem> {
        let default = Self::Embedded {
            path: around_default.clone(),
        };
        let Some(field) = field else {
            return Ok(default);
        };
        let table = field.table(&["embedded"])?;
        let Some(embedded) = table.get("embedded") else {
            return Ok(default);
        };
        let embedded = embedded.table(&["path"])?;
        let path = embedded.or("path", around_default, Field::file_path)?;
        Ok(Self::Embedded { path })
    }
}
