//! What a CEL expression reads and yields, found in its parsed form before it ever runs.
//!
//! CEL has no checker here: a misspelt function or a text where a truth value belongs would make
//! the condition false for ever, in silence. So what can be seen is refused.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators};

use crate::domain::journal::CustomerKind;
use crate::domain::nearest::did_you_mean;
use crate::mapping::depth::check_depth;
use crate::mapping::names::{OWNER, is_api_name, is_group, is_owner_path, path_fault};
use crate::mapping::writable::salesforce_fault;

/// Loops inside loops: each level multiplies the work by the number of tags.
const LOOPS_NESTED_MAX: usize = 1;

const TAGS: &str = "tags";
const FUNCTIONS: [&str; 8] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "int",
    "double",
    "string",
    "bool",
];
const OPERATORS: [&str; 18] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
    operators::IN,
];
const YIELD_TRUTH: [&str; 13] = [
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::IN,
    "contains",
    "startsWith",
    "endsWith",
];

/// What an expression is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Contact,
    Company,
    Record,
}

impl Subject {
    /// Its name in the expression.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Company => "company",
            Self::Record => "record",
        }
    }
}

/// The paths that an expression reads; or why it can be no condition.
pub fn paths(root: &IdedExpr, subject: Subject) -> Result<BTreeSet<String>, String> {
    check_depth(root)?;
    let mut reader = Reader {
        subject,
        paths: BTreeSet::new(),
        bound: Vec::new(),
        loops: 0,
    };
    reader.read(root)?;
    truth(root)?;
    Ok(reader.paths)
}

struct Reader {
    subject: Subject,
    paths: BTreeSet<String>,
    /// Names that the loops around this point have made.
    bound: Vec<String>,
    loops: usize,
}

impl Reader {
    fn read(&mut self, at: &IdedExpr) -> Result<(), String> {
        if let Some(chain) = self.chain(at) {
            return self.note(&chain, is_presence(at));
        }
        match &at.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) if self.bound.contains(name) => Ok(()),
            Expr::Ident(name) => Err(format!(
                "`{name}` is unknown: an expression sees `{}` only",
                self.subject.as_str()
            )),
            Expr::Select(select) => self.read(&select.operand),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => list.elements.iter().try_for_each(|one| self.read(one)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.read(&entry.key)?;
                    self.read(&entry.value)
                }
                EntryExpr::StructField(_) => Err("messages are not available".to_owned()),
            }),
            Expr::Comprehension(inner) => self.comprehension(inner),
            Expr::Struct(_) => Err("messages are not available".to_owned()),
            Expr::Unspecified => Err("a part of the expression is missing".to_owned()),
        }
    }

    fn call(&mut self, call: &CallExpr) -> Result<(), String> {
        let name = call.func_name.as_str();
        // The parser's own, made of loops.
        let known = OPERATORS.contains(&name) || name == operators::NOT_STRICTLY_FALSE;
        if !known && !FUNCTIONS.contains(&name) {
            let near = did_you_mean(name, FUNCTIONS);
            let known = FUNCTIONS.join(", ");
            let hint = if near.is_empty() {
                format!("; there are {known}")
            } else {
                near
            };
            return Err(format!("the function `{name}` is unknown{hint}"));
        }
        // `"seats" in contact.custom_attributes` reads one attribute, not the group.
        if let (operators::IN, [key, group]) = (name, call.args.as_slice())
            && let (Some(key), Some(chain)) = (text(key), self.chain(group))
            && self.subject != Subject::Record
            && matches!(chain.as_slice(), [group] if is_group(group))
        {
            return self.note(&[chain[0].clone(), key.to_owned()], true);
        }
        if let Some(target) = &call.target {
            self.read(target)?;
        }
        call.args.iter().try_for_each(|one| self.read(one))
    }

    fn comprehension(&mut self, inner: &ComprehensionExpr) -> Result<(), String> {
        self.read(&inner.iter_range)?;
        if self.loops == LOOPS_NESTED_MAX {
            return Err("a loop stands inside a loop, which could take too long".to_owned());
        }
        let outer = self.bound.len();
        self.bound.push(inner.iter_var.clone());
        self.bound.extend(inner.iter_var2.clone());
        self.bound.push(inner.accu_var.clone());
        self.loops += 1;
        let parts = [
            &inner.accu_init,
            &inner.loop_cond,
            &inner.loop_step,
            &inner.result,
        ];
        let read = parts.into_iter().try_for_each(|part| self.read(part));
        self.loops -= 1;
        self.bound.truncate(outer);
        read
    }

    /// The names behind `contact`, if the expression is nothing but a chain of them.
    fn chain(&self, at: &IdedExpr) -> Option<Vec<String>> {
        match &at.expr {
            Expr::Ident(name) if self.is_subject(name) => Some(Vec::new()),
            Expr::Select(select) => {
                let mut chain = self.chain(&select.operand)?;
                chain.push(select.field.clone());
                Some(chain)
            }
            Expr::Call(call) if call.func_name == operators::INDEX => {
                let [from, key] = call.args.as_slice() else {
                    return None;
                };
                let mut chain = self.chain(from)?;
                // `contact.tags[0]` is an element of a value, not a name.
                chain.push(text(key)?.to_owned());
                Some(chain)
            }
            _ => None,
        }
    }

    fn is_subject(&self, name: &String) -> bool {
        name == self.subject.as_str() && !self.bound.contains(name)
    }

    /// Remembers a path, or says why no record can have it.
    fn note(&mut self, chain: &[String], presence: bool) -> Result<(), String> {
        match self.subject {
            Subject::Contact => self.note_attribute(CustomerKind::Person, chain, presence),
            Subject::Company => self.note_attribute(CustomerKind::Company, chain, presence),
            Subject::Record => self.note_field(chain, presence),
        }
    }

    fn note_field(&mut self, chain: &[String], presence: bool) -> Result<(), String> {
        let path = chain.join(".");
        match chain {
            [] => return Err("`record` is read as a whole; name a field".to_owned()),
            // The record knows its own object.
            [object] if object == "object" => return Ok(()),
            [owner] if owner == OWNER && presence => return Ok(()),
            [owner] if owner == OWNER => {
                let what = "`record.Owner` is a record; name a field, as in record.Owner.Name";
                return Err(what.to_owned());
            }
            [field] if is_api_name(field) => {}
            _ if is_owner_path(&path) => {}
            _ => {
                return Err(format!(
                    "`{path}` is no field of a Salesforce record; write `record.Email`, \
                     `record.Owner.Name` or `record.object`"
                ));
            }
        }
        // A company has a Name like any other field, and only people's parts are told apart.
        if let Some((what, fix)) = salesforce_fault(CustomerKind::Company, &path) {
            return Err(format!("{what}; {fix}"));
        }
        self.paths.insert(path);
        Ok(())
    }

    fn note_attribute(
        &mut self,
        kind: CustomerKind,
        chain: &[String],
        presence: bool,
    ) -> Result<(), String> {
        let subject = self.subject.as_str();
        let has_tags = self.subject == Subject::Contact;
        match chain {
            [] => Err(format!("`{subject}` is read as a whole; name an attribute")),
            [tags] if tags == TAGS && has_tags => Ok(()),
            [tags, _, ..] if tags == TAGS && has_tags => {
                Err("`contact.tags` is a list of names; write `\"name\" in contact.tags`".into())
            }
            [group] if presence && is_group(group) => Ok(()),
            [_] | [_, _] => {
                let path = chain.join(".");
                match path_fault(kind, &path) {
                    Some((what, fix)) => Err(format!("{what}; {fix}")),
                    None => {
                        self.paths.insert(path);
                        Ok(())
                    }
                }
            }
            [group, inner @ ..] => Err(format!(
                "`{subject}.{}` lies too deep; an attribute with dots is written \
                 `{subject}.{group}[\"{}\"]`",
                chain.join("."),
                inner.join(".")
            )),
        }
    }
}

fn is_presence(at: &IdedExpr) -> bool {
    matches!(&at.expr, Expr::Select(select) if select.test)
}

fn text(at: &IdedExpr) -> Option<&str> {
    match &at.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// Refuses what can never be true or false. An attribute can.
fn truth(at: &IdedExpr) -> Result<(), String> {
    let never = |what: &str| Err(format!("yields {what}, not true or false"));
    match &at.expr {
        Expr::Literal(LiteralValue::Boolean(_)) => Ok(()),
        Expr::Literal(LiteralValue::String(_)) => never("a text"),
        Expr::Literal(LiteralValue::Null) => never("null"),
        Expr::Literal(_) => never("a number"),
        Expr::List(_) => never("a list"),
        Expr::Map(_) | Expr::Struct(_) => never("a map"),
        Expr::Select(select) if select.field == TAGS && !select.test => never("a list"),
        Expr::Ident(_) | Expr::Select(_) | Expr::Unspecified => Ok(()),
        Expr::Comprehension(inner) => match &inner.result.expr {
            Expr::Ident(name) if *name == inner.accu_var => truth(&inner.accu_init),
            _ => truth(&inner.result),
        },
        Expr::Call(call) => match call.func_name.as_str() {
            operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT => {
                call.args.iter().try_for_each(truth)
            }
            operators::CONDITIONAL => call.args.iter().try_for_each(truth),
            operators::INDEX | "bool" => Ok(()),
            operator if YIELD_TRUTH.contains(&operator) => Ok(()),
            "string" => never("a text"),
            _ => never("a number or a text"),
        },
    }
}
