//! Just enough Rust reading for the structure tests: code without comments and literals, the
//! functions in it, the paths it names. Not a parser; where it is unsure it keeps the text.

/// A function with a body: its name, the line it starts on, and how many lines it takes.
#[derive(Debug, PartialEq)]
pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

/// The text with comments and the contents of literals blanked; lines and columns stay.
pub fn code_only(text: &str) -> String {
    let source: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < source.len() {
        let end = comment_end(&source, at)
            .or_else(|| raw_string_end(&source, at))
            .or_else(|| string_end(&source, at))
            .or_else(|| char_end(&source, at));
        let Some(end) = end else {
            code.push(source[at]);
            at += 1;
            continue;
        };
        let literal = source[at] != '/';
        for (offset, &c) in source[at..end].iter().enumerate() {
            let edge = literal && (offset == 0 || at + offset + 1 == end);
            code.push(if c == '\n' || edge { c } else { ' ' });
        }
        at = end;
    }
    code
}

fn comment_end(source: &[char], at: usize) -> Option<usize> {
    if source[at..].starts_with(&['/', '/']) {
        let length = source[at..].iter().position(|&c| c == '\n');
        return Some(length.map_or(source.len(), |length| at + length));
    }
    if !source[at..].starts_with(&['/', '*']) {
        return None;
    }
    let (mut depth, mut end) = (0, at);
    while end < source.len() {
        if source[end..].starts_with(&['/', '*']) {
            (depth, end) = (depth + 1, end + 2);
        } else if source[end..].starts_with(&['*', '/']) {
            (depth, end) = (depth - 1, end + 2);
        } else {
            end += 1;
        }
        if depth == 0 {
            return Some(end);
        }
    }
    Some(end)
}

/// `r"…"`, `br#"…"#` and their kin, begun at the `r`.
fn raw_string_end(source: &[char], at: usize) -> Option<usize> {
    let starts_word = at == 0 || !is_word(source[at - 1]) || matches!(source[at - 1], 'b' | 'c');
    if source[at] != 'r' || !starts_word {
        return None;
    }
    let hashes = source[at + 1..].iter().take_while(|&&c| c == '#').count();
    if source.get(at + 1 + hashes) != Some(&'"') {
        return None;
    }
    let mut close = vec!['"'];
    close.resize(1 + hashes, '#');
    let body = at + 2 + hashes;
    let length = source[body..]
        .windows(close.len())
        .position(|window| window == close);
    Some(length.map_or(source.len(), |length| body + length + close.len()))
}

fn string_end(source: &[char], at: usize) -> Option<usize> {
    if source[at] != '"' {
        return None;
    }
    let mut end = at + 1;
    while end < source.len() && source[end] != '"' {
        end += if source[end] == '\\' { 2 } else { 1 };
    }
    Some((end + 1).min(source.len()))
}

/// A character literal; a lifetime is none.
fn char_end(source: &[char], at: usize) -> Option<usize> {
    if source[at] != '\'' {
        return None;
    }
    if source.get(at + 1) == Some(&'\\') {
        let length = source.get(at + 3..)?.iter().position(|&c| c == '\'')?;
        return Some(at + 3 + length + 1);
    }
    (source.get(at + 2) == Some(&'\'')).then_some(at + 3)
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The word that `text` begins with, perhaps empty.
pub fn leading_word(text: &str) -> &str {
    text.split(|c| !is_word(c)).next().unwrap_or_default()
}

/// Byte positions where `needle` stands and does not continue a longer word on its left.
pub fn find_all<'a>(code: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    let joins = needle.starts_with(is_word);
    code.match_indices(needle)
        .map(|(at, _)| at)
        .filter(move |&at| !joins || !code[..at].ends_with(is_word))
}

/// 1-based line of a byte position.
pub fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Every function that has a body, from its `fn` to its closing brace.
pub fn functions(code: &str) -> Vec<Function> {
    find_all(code, "fn ")
        .filter_map(|at| function_at(code, at))
        .collect()
}

fn function_at(code: &str, at: usize) -> Option<Function> {
    let name = leading_word(code[at + 3..].trim_start());
    let open = at + body_start(&code[at..])?;
    let close = open + closing_brace(&code[open..])?;
    if name.is_empty() {
        return None;
    }
    let line = line_of(code, at);
    Some(Function {
        name: name.to_string(),
        line,
        lines: line_of(code, close) - line + 1,
    })
}

/// Where the body's brace stands; None for a declaration, which ends in a semicolon.
fn body_start(code: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn closing_brace(code: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// What follows each `crate::`, as paths of at most two words: `crate::{a, b::{c, d}}` gives
/// `a`, `b::c`, `b::d`, each with its line.
pub fn crate_paths(code: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for at in find_all(code, "crate::") {
        let line = line_of(code, at);
        let rest = &code[at + "crate::".len()..];
        found.extend(heads(rest, 2).into_iter().map(|path| (path, line)));
    }
    found
}

fn heads(text: &str, words: usize) -> Vec<String> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        return branches(group)
            .into_iter()
            .flat_map(|branch| heads(branch, words))
            .collect();
    }
    let head = if text.starts_with('*') {
        "*"
    } else {
        leading_word(text)
    };
    let rest = text[head.len()..].trim_start();
    match rest.strip_prefix("::") {
        Some(rest) if words > 1 => heads(rest, words - 1)
            .into_iter()
            .map(|tail| format!("{head}::{tail}"))
            .collect(),
        _ => vec![head.to_string()],
    }
}

/// The comma-separated parts up to the brace that closes this group.
fn branches(group: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            '}' if depth == 0 => {
                parts.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

#[test]
fn comments_and_literals_are_blanked_and_code_stays() {
    let text =
        "a(\"x // \\\" y\"); // b\n/* c /* d */ e */ f('\\'', '\"', r#\"g\"h\"#, &'static u8)";
    let code = code_only(text);
    assert_eq!(code.chars().count(), text.chars().count());
    for word in ["a(", "f(", "&'static u8)"] {
        assert!(code.contains(word), "{word} is gone from {code}");
    }
    for word in ["x", "y", "b", "d", "e ", "g", "h"] {
        assert!(!code.contains(word), "{word} is left in {code}");
    }
}

#[test]
fn functions_are_measured_from_fn_to_closing_brace() {
    let code = code_only(
        "trait T {\n fn none(a: [u8; 2]);\n fn one() { \"}\" }\n}\n\
         fn three(\n) -> [u8; 2] { '}'\n}\n",
    );
    let one = Function {
        name: "one".into(),
        line: 3,
        lines: 1,
    };
    let three = Function {
        name: "three".into(),
        line: 5,
        lines: 3,
    };
    assert_eq!(functions(&code), [one, three]);
}

#[test]
fn crate_paths_are_found_in_groups_and_in_bodies() {
    let code = "use crate::{sink, log::{kafka::A, B}};\n\
                fn f() { crate::store::get(); mycrate::no(); }";
    let paths: Vec<String> = crate_paths(code)
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert_eq!(paths, ["sink", "log::kafka", "log::B", "store::get"]);
}
