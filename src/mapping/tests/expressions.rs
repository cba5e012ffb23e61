//! Thousands of texts that nobody would write: none may end the process, at compile or later.

use std::collections::BTreeSet;

use crate::domain::{Fields, Value};
use crate::mapping::Condition;

const TEXTS: usize = 3_000;

const PIECES: [&str; 62] = [
    "contact",
    ".",
    "email",
    "tags",
    "custom_attributes",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "'a'",
    "\"b\"",
    "r'\\",
    "b'x'",
    "'''",
    "\\",
    "1",
    "0",
    "-",
    "!",
    "==",
    "!=",
    "&&",
    "||",
    "in",
    "?",
    ":",
    ",",
    "+",
    "/",
    "%",
    "*",
    "<",
    ">=",
    "has(",
    "size(",
    ".exists(x, ",
    ".all(t, t",
    ".map(x, x",
    ".filter(",
    "x",
    "true",
    "false",
    "null",
    "1u",
    "1.5",
    "1e999",
    "0x",
    "//",
    "\n",
    " ",
    "é",
    "\u{0}",
    "🦀",
    "`",
    ".?",
    "Foo{a: 1}",
    "9223372036854775807",
    "int(",
];

/// The same numbers on every machine: a failing text can be found again.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

fn evaluate(text: &str) -> bool {
    let Ok(condition) = Condition::compile(text) else {
        return false;
    };
    let fields = Fields::from([
        ("email".into(), "a@b.example".into()),
        ("custom_attributes.x".into(), Value::Int(i64::MIN)),
    ]);
    let tags = BTreeSet::from(["a".to_owned()]);
    condition.holds(&fields, &tags);
    condition.holds(&Fields::new(), &BTreeSet::new());
    true
}

/// A right text with parts of any type: most evaluate to an error.
fn grown(draw: &mut Draw, depth: usize) -> String {
    const LEAVES: [&str; 14] = [
        "contact.email",
        "contact.custom_attributes.x",
        "contact.tags",
        "1",
        "-1",
        "0",
        "'a'",
        "true",
        "null",
        "1.5",
        "9223372036854775807",
        "[1, 'a']",
        "{'a': 1}",
        "b'x'",
    ];
    const JOINTS: [&str; 14] = [
        "==", "!=", "<", ">=", "&&", "||", "+", "-", "*", "/", "%", "in", "? true :", "? x :",
    ];
    const CALLS: [&str; 7] = ["size", "int", "double", "string", "bool", "!", "-"];
    const METHODS: [&str; 7] = [
        "size()",
        "contains('a')",
        "startsWith(1)",
        "exists(t, t == 'a')",
        "all(t, t)",
        "map(t, t)",
        "filter(t, t > 1)",
    ];
    if depth == 0 {
        return LEAVES[draw.below(LEAVES.len())].to_owned();
    }
    let inner = grown(draw, depth - 1);
    match draw.below(4) {
        0 => format!("{}({inner})", CALLS[draw.below(CALLS.len())]),
        1 => format!("({inner}).{}", METHODS[draw.below(METHODS.len())]),
        2 => format!("({inner})[{}]", grown(draw, depth - 1)),
        _ => {
            let other = grown(draw, depth - 1);
            format!("({inner}) {} {other}", JOINTS[draw.below(JOINTS.len())])
        }
    }
}

#[test]
fn no_text_ends_the_process() {
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    for _ in 0..TEXTS {
        let length = 1 + draw.below(24);
        let pieces = (0..length).map(|_| PIECES[draw.below(PIECES.len())]);
        evaluate(&pieces.collect::<String>());
    }
}

#[test]
fn no_evaluation_ends_the_process() {
    let mut draw = Draw(0x2545_f491_4f6c_dd1d);
    let mut evaluated = 0;
    for _ in 0..TEXTS {
        let depth = 1 + draw.below(3);
        let text = format!("({}) == true", grown(&mut draw, depth));
        evaluated += usize::from(evaluate(&text));
    }
    assert!(
        evaluated > TEXTS / 2,
        "only {evaluated} texts were evaluated"
    );
}

#[test]
fn no_slip_in_a_right_text_ends_the_process() {
    let right = r#"contact.role == "lead" && ("vip" in contact.tags || has(contact.phone))
        && contact.custom_attributes["seats"] > 500
        && contact.tags.exists(t, t.startsWith('q')) ? true : !(1 + 2 / 3 == -4)"#;
    let chars: Vec<char> = right.chars().collect();
    for at in 0..chars.len() {
        let mut cut = chars.clone();
        cut.remove(at);
        evaluate(&cut.iter().collect::<String>());
        let mut doubled = chars.clone();
        doubled.insert(at, chars[at]);
        evaluate(&doubled.iter().collect::<String>());
        evaluate(&chars[..at].iter().collect::<String>());
        evaluate(&chars[at..].iter().collect::<String>());
    }
}
