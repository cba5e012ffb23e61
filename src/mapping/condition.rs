//! Conditions in CEL over one Intercom contact.
//!
//! The expression sees `contact`: its scalars by path (`contact.custom_attributes.seats`), `tags`
//! as a list of names. A path that the contact does not have makes the condition false.

use std::collections::BTreeSet;

use cel::{Context, Program};
use serde_json::{Map, Value as Json};

use crate::domain::{Fields, Value};

/// The longest expression, in bytes: it is evaluated on every change of a contact.
pub const EXPRESSION_BYTES_MAX: usize = 2_000;

pub struct Condition {
    program: Program,
    text: String,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Condition({})", self.text)
    }
}

impl Condition {
    /// Compiles an expression and makes sure that it yields true or false.
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.len() > EXPRESSION_BYTES_MAX {
            return Err(format!(
                "the expression is longer than {EXPRESSION_BYTES_MAX} bytes"
            ));
        }
        let program = Program::compile(text).map_err(|error| {
            let text = error.to_string();
            text.lines()
                .next()
                .unwrap_or("not an expression")
                .to_owned()
        })?;
        for name in program.references().variables() {
            if name != "contact" {
                return Err(format!(
                    "`{name}` is unknown: an expression sees `contact` only"
                ));
            }
        }
        let condition = Self {
            program,
            text: text.to_owned(),
        };
        match condition.evaluate(&Fields::new(), &BTreeSet::new()) {
            Ok(cel::Value::Bool(_)) | Err(_) => Ok(condition),
            Ok(other) => Err(format!("yields {:?}, not true or false", other.type_of())),
        }
    }

    pub fn holds(&self, fields: &Fields, tags: &BTreeSet<String>) -> bool {
        matches!(self.evaluate(fields, tags), Ok(cel::Value::Bool(true)))
    }

    /// The Intercom paths that the expression reads.
    pub fn paths(&self) -> BTreeSet<String> {
        let parts = self.text.split("contact.").skip(1);
        let path = |part: &str| {
            let end = part.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
            part[..end.unwrap_or(part.len())]
                .trim_end_matches('.')
                .to_owned()
        };
        parts
            .map(path)
            .filter(|path| !path.is_empty() && path != "tags")
            .collect()
    }

    fn evaluate(&self, fields: &Fields, tags: &BTreeSet<String>) -> Result<cel::Value, String> {
        let mut context = Context::default();
        let mut contact = nest(fields);
        contact.insert(
            "tags".into(),
            tags.iter().map(|tag| Json::from(tag.as_str())).collect(),
        );
        context
            .add_variable("contact", Json::Object(contact))
            .map_err(|error| format!("{error:?}"))?;
        self.program
            .execute(&context)
            .map_err(|error| error.to_string())
    }
}

/// `a.b` becomes `b` inside `a`; blank fields are left out, so that `has(contact.email)` is false.
fn nest(fields: &Fields) -> Map<String, Json> {
    let mut root = Map::new();
    for (path, value) in fields {
        let json = match value {
            Value::Null => continue,
            Value::Bool(bool) => Json::from(*bool),
            Value::Int(int) => Json::from(*int),
            Value::Float(bits) => Json::from(f64::from_bits(*bits)),
            Value::Text(text) => Json::from(text.as_str()),
        };
        match path.split_once('.') {
            None => {
                root.insert(path.clone(), json);
            }
            Some((outer, inner)) => {
                let entry = root
                    .entry(outer)
                    .or_insert_with(|| Json::Object(Map::new()));
                if let Json::Object(map) = entry {
                    map.insert(inner.to_owned(), json);
                }
            }
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: bool) {
        let fields = Fields::from([
            ("role".into(), "lead".into()),
            ("email".into(), "a@b.example".into()),
            ("phone".into(), Value::Null),
            ("custom_attributes.seats".into(), Value::Int(600)),
        ]);
        let tags = BTreeSet::from(["qualified".to_owned()]);
        let condition = Condition::compile(text).unwrap();
        assert_eq!(condition.holds(&fields, &tags), expected, "{text}");
    }

    #[test]
    fn conditions_see_fields_tags_and_numbers() {
        check(
            r#"contact.role == "lead" && "qualified" in contact.tags"#,
            true,
        );
        check(r#""vip" in contact.tags"#, false);
        check("contact.custom_attributes.seats > 500", true);
        check("has(contact.email)", true);
        check("has(contact.phone)", false);
    }

    #[test]
    fn what_a_contact_lacks_makes_the_condition_false() {
        check("contact.custom_attributes.missing > 500", false);
        check("contact.phone == \"1\"", false);
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        assert!(Condition::compile("1 +").is_err());
        assert!(
            Condition::compile("1 + 1")
                .unwrap_err()
                .contains("not true or false")
        );
        assert!(
            Condition::compile("company.size > 5")
                .unwrap_err()
                .contains("company")
        );
        assert!(Condition::compile(&"!".repeat(3000)).is_err());
    }

    #[test]
    fn the_paths_that_are_read_are_known() {
        let condition =
            Condition::compile("contact.custom_attributes.seats > 5 || has(contact.phone)");
        let paths = condition.unwrap().paths();
        assert_eq!(
            paths,
            BTreeSet::from(["custom_attributes.seats".into(), "phone".into()])
        );
    }
}
