//! How deep an expression may go.
//!
//! The CEL library recurses over brackets when it parses and over everything when it evaluates. A
//! stack that overflows cannot be caught: it ends the process, so depth is measured before.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr};

/// Brackets in brackets. The parser recurses, and 15 levels have overflowed a thread's 2 MB stack
/// in a debug build, which ends the process.
const BRACKETS_NESTED_MAX: usize = 8;
/// Choices after choices, for the same reason.
const CHOICES_MAX: usize = 20;
/// Operators and calls in one chain: evaluation recurses as well.
const DEPTH_MAX: usize = 32;

/// Refuses a text that is nested too deeply to be parsed. Brackets inside quotes do not count; but
/// where quotes are broken the parser reads on, so the text is also taken as if it had none.
pub fn check_nesting(text: &str) -> Result<(), String> {
    let quoted = brackets_nested(text, true);
    let depth = quoted.max(brackets_nested(text, false));
    if depth > BRACKETS_NESTED_MAX {
        return Err(format!(
            "brackets are nested deeper than {BRACKETS_NESTED_MAX}"
        ));
    }
    if text.matches('?').count() > CHOICES_MAX {
        return Err(format!("`?` stands more than {CHOICES_MAX} times"));
    }
    Ok(())
}

fn brackets_nested(text: &str, skip_quoted: bool) -> usize {
    let mut open = 0_usize;
    let mut deepest = 0;
    let mut quote = None;
    let mut escaped = false;
    for c in text.chars() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(end), c) if c == end => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if skip_quoted => quote = Some(c),
            (None, '(' | '[' | '{') => {
                open += 1;
                deepest = deepest.max(open);
            }
            (None, ')' | ']' | '}') => open = open.saturating_sub(1),
            (None, _) => {}
        }
    }
    deepest
}

/// The depth of the parsed form, measured without recursion.
pub fn check_depth(root: &IdedExpr) -> Result<(), String> {
    let mut open = vec![(root, 1)];
    while let Some((at, depth)) = open.pop() {
        if depth > DEPTH_MAX {
            return Err(format!(
                "more than {DEPTH_MAX} operators or calls build on each other"
            ));
        }
        open.extend(parts(at).into_iter().map(|part| (part, depth + 1)));
    }
    Ok(())
}

fn parts(at: &IdedExpr) -> Vec<&IdedExpr> {
    match &at.expr {
        Expr::Call(call) => call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => {
            let entries = map.entries.iter().flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                EntryExpr::StructField(field) => vec![&field.value],
            });
            entries.collect()
        }
        Expr::Struct(message) => {
            let entries = message.entries.iter().map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => &entry.value,
                EntryExpr::StructField(field) => &field.value,
            });
            entries.collect()
        }
        Expr::Comprehension(inner) => vec![
            &inner.iter_range,
            &inner.accu_init,
            &inner.loop_cond,
            &inner.loop_step,
            &inner.result,
        ],
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
    }
}
