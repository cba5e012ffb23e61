//! HTML to text: what a person would read, in lines. One pass over the text, whatever it holds.

use html_escape::decode_html_entities;

/// Elements whose content nobody reads.
const UNREAD: [&str; 7] = [
    "script", "style", "head", "title", "template", "noscript", "svg",
];
/// Elements that begin and end a line.
const BLOCKS: [&str; 27] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "main",
    "ol",
    "p",
    "section",
    "table",
    "tr",
    "ul",
];
/// What stands where a text was cut.
const CUT: char = '…';

/// The text of HTML, of at most `chars_max` characters: entities are what they stand for, tags are
/// gone, `br` and blocks break lines, items of lists begin with `- `. Text without tags stays.
pub fn text(html: &str, chars_max: usize) -> String {
    let mut out = Lines::default();
    let (mut rest, mut tags) = (html, Tags::default());
    while let Some(at) = rest.find('<') {
        out.words(&rest[..at]);
        rest = &rest[at..];
        let Some(length) = tags.length(rest) else {
            out.words("<");
            rest = &rest[1..];
            continue;
        };
        let name = name_of_tag(&rest[..length]);
        rest = &rest[length..];
        element(&name, &mut rest, &mut out);
    }
    out.words(rest);
    cut(out.finish(), chars_max)
}

/// What an element does to the text; what nobody reads of it is passed over.
fn element(name: &str, rest: &mut &str, out: &mut Lines) {
    let is_end = name.starts_with('/');
    let bare = name.trim_start_matches('/');
    match bare {
        "br" => out.line(),
        "li" if !is_end => {
            out.line();
            out.bullet();
        }
        "li" => out.line(),
        "td" | "th" => out.space(),
        _ if BLOCKS.contains(&bare) => out.line(),
        _ if UNREAD.contains(&bare) && !is_end => *rest = behind(rest, bare),
        _ => {}
    }
}

/// What stands behind the end of an element; nothing where it has none.
fn behind<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some(at) = rest.find("</") {
        rest = &rest[at + 2..];
        let found = rest.get(..name.len());
        if found.is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return rest.find('>').map_or("", |end| &rest[end + 1..]);
        }
    }
    ""
}

/// Whether a text that begins with `<` begins with a tag.
fn is_tag(text: &str) -> bool {
    let mut signs = text.chars().skip(1);
    match signs.next() {
        Some('/') => signs.next().is_some_and(|next| next.is_ascii_alphabetic()),
        Some('!' | '?') => true,
        Some(next) => next.is_ascii_alphabetic(),
        None => false,
    }
}

/// What has been looked for in vain: each look takes all the rest, so none is made twice.
#[derive(Default)]
struct Tags {
    never_end: bool,
    quotes_never_end: bool,
    comments_never_end: bool,
}

impl Tags {
    /// How many bytes the tag has that a text begins with; none where it begins with none.
    fn length(&mut self, text: &str) -> Option<usize> {
        if self.never_end || !is_tag(text) {
            return None;
        }
        if let Some(comment) = text
            .strip_prefix("<!--")
            .filter(|_| !self.comments_never_end)
        {
            match comment.find("-->") {
                Some(end) => return Some("<!--".len() + end + "-->".len()),
                None => self.comments_never_end = true,
            }
        }
        let quoted = (!self.quotes_never_end).then(|| end_of_tag(text, true));
        let length = quoted.flatten().or_else(|| {
            self.quotes_never_end = true;
            end_of_tag(text, false)
        });
        self.never_end = length.is_none();
        length
    }
}

/// Where a tag ends; with quotes, these may hold a `>`.
fn end_of_tag(text: &str, has_quotes: bool) -> Option<usize> {
    let (mut quote, mut before) = (None, ' ');
    for (at, sign) in text.char_indices() {
        match (quote, sign) {
            (None, '>') => return Some(at + 1),
            // A quote begins a value only; others are signs like any.
            (None, '"' | '\'') if before == '=' && has_quotes => quote = Some(sign),
            (Some(open), sign) if open == sign => quote = None,
            _ => {}
        }
        if !sign.is_whitespace() {
            before = sign;
        }
    }
    None
}

/// The name in a tag, in lower case; that of an end begins with `/`.
fn name_of_tag(tag: &str) -> String {
    let inner = tag.trim_start_matches('<');
    let end = if inner.starts_with('/') { "/" } else { "" };
    let name = inner.trim_start_matches('/').chars();
    let name: String = name
        .take_while(char::is_ascii_alphanumeric)
        .take(20)
        .collect();
    format!("{end}{}", name.to_ascii_lowercase())
}

/// Text as it grows: white space is one space, a line is never followed by more than one blank.
#[derive(Default)]
struct Lines {
    done: Vec<String>,
    line: String,
    space: bool,
    bullet: bool,
}

impl Lines {
    fn words(&mut self, raw: &str) {
        let text = decode_html_entities(raw);
        for sign in text.chars() {
            if sign.is_whitespace() || sign.is_control() {
                self.space = true;
                continue;
            }
            if std::mem::take(&mut self.bullet) {
                self.line.push_str("- ");
                self.space = false;
            }
            if std::mem::take(&mut self.space) && !self.line.is_empty() {
                self.line.push(' ');
            }
            self.line.push(sign);
        }
    }

    fn space(&mut self) {
        self.space = true;
    }

    fn bullet(&mut self) {
        self.bullet = true;
    }

    /// Ends a line that holds something.
    fn line(&mut self) {
        self.space = false;
        if !self.line.is_empty() {
            self.done.push(std::mem::take(&mut self.line));
        }
    }

    fn finish(mut self) -> String {
        self.line();
        self.done.join("\n")
    }
}

fn cut(text: String, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text,
        Some(_) => {
            let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
            let mut kept = kept.trim_end().to_owned();
            kept.push(CUT);
            kept
        }
    }
}
