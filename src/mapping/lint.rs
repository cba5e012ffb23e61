//! What is wrong with a mapping file: where, what, and the fix.

use std::fmt;

use serde_saphyr::Spanned;

/// One finding. Displays as `mapping.yaml:12:5: fields: … ; fix: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Line and column from 1; 0 where the finding is about the whole file.
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

/// Everything that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    pub fn at<T>(&mut self, place: &Spanned<T>, field: &str, what: String, fix: &str) {
        self.0.push(Finding {
            line: place.referenced.line(),
            column: place.referenced.column(),
            field: field.to_owned(),
            what,
            fix: fix.to_owned(),
        });
    }

    /// A finding that the YAML reader made.
    pub fn of_reader(error: &serde_saphyr::Error) -> Self {
        let place = error.location();
        // The reader's report spans several lines with an excerpt; the first line says it.
        let text = error.to_string();
        let what = text
            .lines()
            .next()
            .unwrap_or("not readable as YAML")
            .trim()
            .to_owned();
        Self(vec![Finding {
            line: place.map_or(0, |place| place.line()),
            column: place.map_or(0, |place| place.column()),
            field: "file".to_owned(),
            what,
            fix: String::new(),
        }])
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
