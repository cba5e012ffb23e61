//! Conditions in CEL over one record: an Intercom contact or company, or a record of Salesforce.
//!
//! The expression sees `contact`: its scalars by path (`contact.custom_attributes.seats`), `tags`
//! as a list of names; or `record`: its fields by name (`record.Owner.Name`), and its object. What
//! the record does not have makes the condition false, as does every other error.

use std::collections::BTreeSet;
use std::sync::Arc;

use cel::{Context, Env, Program};
use serde_json::{Map, Value as Json};

use crate::domain::{Fields, Value};
use crate::mapping::depth::check_nesting;
use crate::mapping::expression::{self, Subject};

/// The longest expression, in bytes: it is evaluated on every change of a contact.
pub const EXPRESSION_BYTES_MAX: usize = 2_000;

pub struct Condition {
    program: Program,
    /// The standard functions; building them for each evaluation would cost more than it.
    env: Arc<Env>,
    subject: Subject,
    paths: BTreeSet<String>,
    text: String,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Condition({})", self.text)
    }
}

impl Condition {
    /// Compiles an expression over `contact` and makes sure that it can yield true or false.
    pub fn compile(text: &str) -> Result<Self, String> {
        Self::over(Subject::Contact, text)
    }

    /// The same over `record`, a record of Salesforce.
    pub fn compile_record(text: &str) -> Result<Self, String> {
        Self::over(Subject::Record, text)
    }

    /// The same over `company`, a company of Intercom.
    pub fn compile_company(text: &str) -> Result<Self, String> {
        Self::over(Subject::Company, text)
    }

    fn over(subject: Subject, text: &str) -> Result<Self, String> {
        if text.len() > EXPRESSION_BYTES_MAX {
            return Err(format!(
                "the expression is longer than {EXPRESSION_BYTES_MAX} bytes"
            ));
        }
        if text.trim().is_empty() {
            return Err("the expression is empty".to_owned());
        }
        check_nesting(text)?;
        let env = Env::stdlib();
        let program = env.compile(text).map_err(|errors| syntax(&errors))?;
        Ok(Self {
            paths: expression::paths(program.expression(), subject)?,
            program,
            env: Arc::new(env),
            subject,
            text: text.to_owned(),
        })
    }

    /// Whether the expression is true of a contact or company. What cannot be evaluated is not.
    pub fn holds(&self, fields: &Fields, tags: &BTreeSet<String>) -> bool {
        let mut contact = nest(fields, &self.paths, self.subject);
        if self.subject == Subject::Contact {
            let tags = tags.iter().map(|tag| Json::from(tag.as_str())).collect();
            contact.insert("tags".into(), tags);
        }
        self.is_true(contact)
    }

    /// Whether the expression is true of a Salesforce record. What cannot be evaluated is not.
    pub fn holds_for(&self, object: &str, fields: &Fields) -> bool {
        let mut record = nest(fields, &self.paths, self.subject);
        record.insert("object".into(), Json::from(object));
        self.is_true(record)
    }

    fn is_true(&self, subject: Map<String, Json>) -> bool {
        let mut context = Context::with_env(Arc::clone(&self.env));
        let added = context.add_variable(self.subject.as_str(), Json::Object(subject));
        added.is_ok() && matches!(self.program.execute(&context), Ok(cel::Value::Bool(true)))
    }

    /// The paths that the expression reads: Intercom's, or names of Salesforce fields.
    pub fn paths(&self) -> BTreeSet<String> {
        self.paths.clone()
    }
}

/// The parser's first complaint in one line, with the character inside the expression.
fn syntax(errors: &cel::ParseErrors) -> String {
    let Some(first) = errors.errors.first() else {
        return "is no expression".to_owned();
    };
    let words = first.msg.lines().next().unwrap_or_default();
    let words = words.strip_prefix("Syntax error: ").unwrap_or(words);
    // What the parser would rather have is a list of its token names.
    let words = words.split(" expecting ").next().unwrap_or_default();
    let words = words.replace("mismatched input '<EOF>'", "it ends too early");
    let (line, character) = first.pos;
    format!("is no expression, line {line}, character {character}: {words}")
}

/// `a.b` becomes `b` inside `a`; blank fields are left out, so that `has(contact.email)` is false.
/// A group is always there, so that `!has(contact.custom_attributes.x)` is true without any.
fn nest(fields: &Fields, paths: &BTreeSet<String>, subject: Subject) -> Map<String, Json> {
    let mut root = Map::new();
    for path in paths {
        let value = fields.get(path.as_str()).and_then(json);
        // An attribute's name may have dots; a Salesforce path is names all the way.
        let steps: Vec<&str> = match subject {
            Subject::Contact | Subject::Company => path.splitn(2, '.').collect(),
            Subject::Record => path.split('.').collect(),
        };
        place(&mut root, &steps, value);
    }
    root
}

fn place(map: &mut Map<String, Json>, steps: &[&str], value: Option<Json>) {
    match steps {
        [] => {}
        [name] => map.extend(value.map(|value| ((*name).to_owned(), value))),
        [group, rest @ ..] => {
            let inner = map
                .entry(*group)
                .or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(inner) = inner {
                place(inner, rest, value);
            }
        }
    }
}

fn json(value: &Value) -> Option<Json> {
    match value {
        Value::Null => None,
        Value::Bool(bool) => Some(Json::from(*bool)),
        Value::Int(int) => Some(Json::from(*int)),
        Value::Float(bits) => Some(Json::from(f64::from_bits(*bits))),
        Value::Text(text) => Some(Json::from(&**text)),
    }
}
