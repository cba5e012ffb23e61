//! What is wrong with a mapping file: where, what, and the fix.

use std::fmt;

use serde_saphyr::Spanned;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The mapping cannot work.
    Fault,
    /// A vendor would refuse it, as far as this version knows. A new file is refused for it; a
    /// mapping that the journal holds was taken under the rules of its day, and goes on.
    Advice,
}

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
    pub weight: Weight,
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
    /// A fault, at its place.
    pub fn at<T>(
        &mut self,
        place: &Spanned<T>,
        field: &str,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(place, field, (what.into(), fix.into()), Weight::Fault);
    }

    /// What a vendor would refuse, at its place.
    pub fn advise<T>(&mut self, place: &Spanned<T>, field: &str, fault: (String, String)) {
        self.add(place, field, fault, Weight::Advice);
    }

    fn add<T>(
        &mut self,
        place: &Spanned<T>,
        field: &str,
        (what, fix): (String, String),
        weight: Weight,
    ) {
        self.0.push(Finding {
            line: place.referenced.line(),
            column: place.referenced.column(),
            field: field.to_owned(),
            what,
            fix,
            weight,
        });
    }

    /// How many faults there are.
    pub fn faults(&self) -> usize {
        let faults = self.0.iter();
        faults
            .filter(|finding| finding.weight == Weight::Fault)
            .count()
    }

    pub fn without_advice(mut self) -> Self {
        self.0.retain(|finding| finding.weight == Weight::Fault);
        self
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
