//! SOQL text cut into tokens.

use crate::sandbox::salesforce::errors::Refusal;

/// One token, with the place it begins at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) at: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenKind {
    /// A name, a keyword, or a path with dots.
    Word(String),
    /// A text literal, unescaped.
    Text(String),
    /// A number, date or dateTime literal, as written.
    Literal(String),
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`, `(`, `)` or `,`.
    Symbol(&'static str),
}

const SYMBOLS: [(&str, &str); 10] = [
    ("!=", "!="),
    ("<>", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("=", "="),
    ("<", "<"),
    (">", ">"),
    ("(", "("),
    (")", ")"),
    (",", ","),
];

/// Cuts the text; the refusal is the vendor's for a query that cannot be read.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = if first == '\'' {
            quoted(rest, at)?
        } else if let Some((written, symbol)) = SYMBOLS.iter().find(|(s, _)| rest.starts_with(s)) {
            (TokenKind::Symbol(symbol), written.len())
        } else if first.is_ascii_alphabetic() || first == '_' {
            let word = run(rest, |letter| {
                letter.is_ascii_alphanumeric() || "_.:".contains(letter)
            });
            (TokenKind::Word(word.to_owned()), word.len())
        } else if first.is_ascii_digit() || "+-.".contains(first) {
            let literal = run(rest, |letter| {
                letter.is_ascii_alphanumeric() || "+-.:".contains(letter)
            });
            (TokenKind::Literal(literal.to_owned()), literal.len())
        } else {
            return Err(Refusal::malformed_query(format!(
                "unexpected character '{first}' at column {}",
                at + 1
            )));
        };
        found.push(Token { kind, at });
        at += length;
    }
    Ok(found)
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|letter| !belongs(letter)).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

/// A text literal with its escapes: `\'`, `\"`, `\\`, `\n`, `\r`, `\t`, `\b`, `\f`, `\%`, `\_`.
fn quoted(text: &str, at: usize) -> Result<(TokenKind, usize), Refusal> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((place, letter)) = letters.next() {
        match letter {
            '\'' => return Ok((TokenKind::Text(value), place + 1)),
            '\\' => match letters.next().map(|(_, escaped)| escaped) {
                Some(escaped @ ('\'' | '"' | '\\')) => value.push(escaped),
                Some('n' | 'N') => value.push('\n'),
                Some('r' | 'R') => value.push('\r'),
                Some('t' | 'T') => value.push('\t'),
                Some('b' | 'B') => value.push('\u{8}'),
                Some('f' | 'F') => value.push('\u{c}'),
                // Kept with the backslash: only LIKE gives these a meaning.
                Some(escaped @ ('%' | '_')) => value.extend(['\\', escaped]),
                _ => {
                    let message = format!("Invalid string literal escape at column {}", at + place);
                    return Err(Refusal::malformed_query(message));
                }
            },
            _ => value.push(letter),
        }
    }
    Err(Refusal::malformed_query(format!(
        "unclosed string literal at column {}",
        at + 1
    )))
}
