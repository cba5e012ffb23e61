//! What is wrong with a mapping file: where, what, and the fix.

use std::fmt;

use serde_saphyr::Spanned;

/// One finding. Displays as `12:5: people.fields: what; fix`, to stand after the file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Line and column from 1.
    pub line: u64,
    pub column: u64,
    /// What it is about: `people.fields.salesforce`.
    pub field: String,
    pub what: String,
    pub fix: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}: {}",
            self.line, self.column, self.field, self.what
        )?;
        if self.fix.is_empty() {
            Ok(())
        } else {
            write!(f, "; {}", self.fix)
        }
    }
}

/// Everything that is wrong with a file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    pub fn at<T>(
        &mut self,
        place: &Spanned<T>,
        field: &str,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.0.push(Finding {
            line: place.referenced.line(),
            column: place.referenced.column(),
            field: field.to_owned(),
            what: what.into(),
            fix: fix.into(),
        });
    }

    /// In the order of the file, so that the first one is the one to mend first.
    pub fn sorted(mut self) -> Self {
        self.0.sort_by_key(|finding| (finding.line, finding.column));
        self
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, finding) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Findings {}
