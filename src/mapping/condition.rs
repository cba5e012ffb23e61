//! Conditions in CEL over one Intercom contact.
//!
//! The expression sees `contact`: its scalars by path (`contact.custom_attributes.seats`), `tags`
//! as a list of names. A path that the contact does not have makes the condition false, as does
//! every other error.

use std::collections::BTreeSet;
use std::sync::Arc;

use cel::{Context, Env, Program};
use serde_json::{Map, Value as Json};

use crate::domain::{Fields, Value};
use crate::mapping::depth::check_nesting;
use crate::mapping::expression;

/// The longest expression, in bytes: it is evaluated on every change of a contact.
pub const EXPRESSION_BYTES_MAX: usize = 2_000;

pub struct Condition {
    program: Program,
    /// The standard functions; building them for each evaluation would cost more than it.
    env: Arc<Env>,
    paths: BTreeSet<String>,
    text: String,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Condition({})", self.text)
    }
}

impl Condition {
    /// Compiles an expression and makes sure that it can yield true or false.
    pub fn compile(text: &str) -> Result<Self, String> {
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
            paths: expression::paths(program.expression())?,
            program,
            env: Arc::new(env),
            text: text.to_owned(),
        })
    }

    /// Whether the expression is true. What cannot be evaluated is not.
    pub fn holds(&self, fields: &Fields, tags: &BTreeSet<String>) -> bool {
        let mut context = Context::with_env(Arc::clone(&self.env));
        let mut contact = nest(fields, &self.paths);
        let tags = tags.iter().map(|tag| Json::from(tag.as_str())).collect();
        contact.insert("tags".into(), tags);
        if context
            .add_variable("contact", Json::Object(contact))
            .is_err()
        {
            return false;
        }
        matches!(self.program.execute(&context), Ok(cel::Value::Bool(true)))
    }

    /// The Intercom paths that the expression reads.
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
fn nest(fields: &Fields, paths: &BTreeSet<String>) -> Map<String, Json> {
    let mut root = Map::new();
    for path in paths {
        let value = fields.get(path).and_then(json);
        match path.split_once('.') {
            None => {
                root.extend(value.map(|value| (path.clone(), value)));
            }
            Some((outer, inner)) => {
                let entry = root
                    .entry(outer)
                    .or_insert_with(|| Json::Object(Map::new()));
                if let (Json::Object(map), Some(value)) = (entry, value) {
                    map.insert(inner.to_owned(), value);
                }
            }
        }
    }
    root
}

fn json(value: &Value) -> Option<Json> {
    match value {
        Value::Null => None,
        Value::Bool(bool) => Some(Json::from(*bool)),
        Value::Int(int) => Some(Json::from(*int)),
        Value::Float(bits) => Some(Json::from(f64::from_bits(*bits))),
        Value::Text(text) => Some(Json::from(text.as_str())),
    }
}
