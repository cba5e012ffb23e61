//! SOQL, built from parts that cannot become another query: names are checked, values escaped.

use crate::domain::Name;

/// Longest query accepted: GET sends it in the address, which Salesforce bounds at 16,384 bytes
/// (414), and percent-encoding can triple a byte.
const SOQL_BYTES_MAX: usize = 5_000;
const NAME_BYTES_MAX: usize = 255;

/// One search: rows of `object` where any of the pairs holds, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    pub object: String,
    pub fields: Vec<String>,
    /// (API name, value), compared as Salesforce compares: without regard to case.
    pub any_of: Vec<(Name, String)>,
    pub rows_max: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The name comes from a mapping; it is no personal value.
    #[error("{0:?} is not an API name")]
    Name(String),
    #[error("a search needs at least one condition")]
    NoCondition,
    #[error("the query has {0} bytes, more than {SOQL_BYTES_MAX}")]
    TooLong(usize),
}

impl Select {
    pub fn to_soql(&self) -> Result<String, Error> {
        check_name(&self.object)?;
        for name in self
            .fields
            .iter()
            .map(String::as_str)
            .chain(self.any_of.iter().map(|(name, _)| name.as_str()))
        {
            check_name(name)?;
        }
        if self.any_of.is_empty() {
            return Err(Error::NoCondition);
        }
        let conditions: Vec<String> = self
            .any_of
            .iter()
            .map(|(name, value)| format!("{name} = {}", literal(value)))
            .collect();
        let soql = format!(
            "SELECT {} FROM {} WHERE ({}) ORDER BY CreatedDate LIMIT {}",
            self.fields.join(", "),
            self.object,
            conditions.join(" OR "),
            self.rows_max
        );
        if soql.len() > SOQL_BYTES_MAX {
            return Err(Error::TooLong(soql.len()));
        }
        Ok(soql)
    }
}

/// A text as a SOQL string literal. The escapes are those of the SOQL reference, "Quoted String
/// Escape Sequences"; other control characters cannot be written and are left out.
pub fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str("\\'"),
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            c if c.is_control() => {}
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// Takes `Email`, `Company_Size__c`, `Owner.UserRole.Name`.
pub fn check_name(name: &str) -> Result<(), Error> {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if name.len() <= NAME_BYTES_MAX && name.split('.').all(part) {
        Ok(())
    } else {
        Err(Error::Name(name.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_leaves_its_quotes() {
        let cases = [
            ("ann@example.com", r"'ann@example.com'"),
            ("O'Hara", r"'O\'Hara'"),
            (r"a\", r"'a\\'"),
            (r"\'", r"'\\\''"),
            ("a\nb\r\tc", r"'a\nb\r\tc'"),
            ("x' OR Name != '", r"'x\' OR Name != \''"),
            (r"x\' OR Id != null --", r"'x\\\' OR Id != null --'"),
            ("say \"hi\"", r#"'say \"hi\"'"#),
            ("nul\0bell\u{7}", "'nulbell'"),
            ("Zoë 😀 ʼ ’", "'Zoë 😀 ʼ ’'"),
            ("", "''"),
        ];
        for (value, quoted) in cases {
            assert_eq!(literal(value), quoted);
        }
    }

    /// What Salesforce makes of a literal; none if a quote ends it early or not at all.
    fn read_back(literal: &str) -> Option<String> {
        let mut chars = literal.strip_prefix('\'')?.strip_suffix('\'')?.chars();
        let mut text = String::new();
        while let Some(c) = chars.next() {
            text.push(match c {
                '\'' => return None,
                '\\' => match chars.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    escaped => escaped,
                },
                plain => plain,
            });
        }
        Some(text)
    }

    proptest::proptest! {
        #[test]
        fn any_value_reads_back_as_itself(text in proptest::prelude::any::<String>()) {
            let kept = |c: &char| !c.is_control() || "\n\r\t\u{8}\u{c}".contains(*c);
            let expected: String = text.chars().filter(kept).collect();
            proptest::prop_assert_eq!(read_back(&literal(&text)), Some(expected));
        }
    }

    #[test]
    fn a_select_reads_as_the_reference_writes_it() {
        let select = Select {
            object: "Lead".into(),
            fields: vec!["Id".into(), "Owner.Name".into(), "SystemModstamp".into()],
            any_of: vec![
                ("Intercom_Contact_ID__c".into(), "app:1".into()),
                ("Email".into(), "o'hara@example.com".into()),
            ],
            rows_max: 6,
        };
        assert_eq!(
            select.to_soql().unwrap(),
            "SELECT Id, Owner.Name, SystemModstamp FROM Lead WHERE \
             (Intercom_Contact_ID__c = 'app:1' OR Email = 'o\\'hara@example.com') \
             ORDER BY CreatedDate LIMIT 6"
        );
    }

    #[test]
    fn names_that_are_no_names_are_refused() {
        let select = |field: &str, key: &str| Select {
            object: "Lead".into(),
            fields: vec![field.into()],
            any_of: vec![(key.into(), "x".into())],
            rows_max: 1,
        };
        for bad in ["", "1a", "a b", "a,b", "a)", "a..b", "Id FROM Lead", "Ä"] {
            let named = Error::Name(bad.into());
            assert_eq!(select(bad, "Email").to_soql(), Err(named.clone()));
            assert_eq!(select("Id", bad).to_soql(), Err(named));
        }
        let mut none = select("Id", "Email");
        none.any_of.clear();
        assert_eq!(none.to_soql(), Err(Error::NoCondition));
    }
}
