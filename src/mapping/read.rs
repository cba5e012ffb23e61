//! From text to the grammar: bounded, and with the reader's refusals in our words.

use serde_saphyr::{Error, Spanned};

use crate::domain::nearest::did_you_mean;
use crate::mapping::file::File;
use crate::mapping::lint::{Finding, Findings, Weight};

/// The largest file. It travels through the journal whole, and 400 fields take a third of it.
pub const FILE_BYTES_MAX: usize = 256 * 1024;
/// Nodes after anchors are followed; a file of the largest size has fewer.
const NODES_MAX: usize = 50_000;
/// The grammar is six levels deep.
const DEPTH_MAX: usize = 32;

/// Reads a file, or says where it is no mapping.
pub fn read(text: &str) -> Result<File, Findings> {
    if text.len() > FILE_BYTES_MAX {
        let what = format!(
            "the file has {} bytes, at most {FILE_BYTES_MAX} are taken",
            text.len()
        );
        return Err(whole_file(what, "map fewer fields"));
    }
    let options = serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: 4 * NODES_MAX,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 4 * NODES_MAX,
        },
    };
    // An empty file has no place of its own to point at.
    let file: Result<Option<Spanned<File>>, _> = serde_saphyr::from_str_with_options(text, options);
    match file {
        Ok(Some(file)) => Ok(file.value),
        Ok(None) => Err(whole_file(
            "the file is empty".into(),
            "see docs/mapping.md",
        )),
        Err(error) => Err(Findings(vec![finding(&error)])),
    }
}

fn whole_file(what: String, fix: &str) -> Findings {
    Findings(vec![Finding {
        line: 1,
        column: 1,
        field: "file".into(),
        what,
        fix: fix.into(),
        weight: Weight::Fault,
    }])
}

fn finding(error: &Error) -> Finding {
    let at = error.location();
    let (what, fix) = words(error);
    Finding {
        line: at.map_or(1, |at| at.line()),
        column: at.map_or(1, |at| at.column()),
        field: "file".into(),
        what,
        fix,
        weight: Weight::Fault,
    }
}

fn words(error: &Error) -> (String, String) {
    let keys = |keys: &[&'static str]| keys.join(", ");
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => words(error),
        Error::SerdeUnknownField {
            field, expected, ..
        } => {
            let near = did_you_mean(field, expected.iter().copied());
            let fix = match near.strip_prefix("; ") {
                Some(near) => near.to_owned(),
                None => format!("known here: {}", keys(expected)),
            };
            (format!("`{field}` is no key of a mapping here"), fix)
        }
        Error::SerdeMissingField { field, .. } => {
            (format!("`{field}` is missing"), "add it".to_owned())
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("a key");
            let fix = "keep one of them".to_owned();
            (format!("`{key}` stands twice"), fix)
        }
        Error::NullIntoString { .. } => (
            "a text is empty".to_owned(),
            "write it, or leave the key out".to_owned(),
        ),
        Error::MultipleDocuments { .. } => (
            "a second document begins".to_owned(),
            "a mapping is one document, without `---` in it".to_owned(),
        ),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => (
            "the file is nested too deeply or grows too large where anchors are followed".into(),
            "write plain maps and lists".to_owned(),
        ),
        other => plain(&other.to_string()),
    }
}

/// The reader's words for programmers, and ours.
const EXPECTED: [(&str, &str, &str); 6] = [
    ("expected mapping start", "a map", "write `key: value`"),
    ("expected sequence start", "a list", "write [one, two]"),
    (
        "expected string scalar",
        "a single text",
        "write it on one line",
    ),
    ("invalid i64", "a whole number", "write digits only"),
    ("invalid boolean", "true or false", "write one of them"),
    (
        "data did not match any variant of untagged enum OneOrMany",
        "a field or a list of fields",
        "write `Field`, `Object.Field` or [First, Second]",
    ),
];

fn plain(text: &str) -> (String, String) {
    let known = EXPECTED
        .iter()
        .find(|(words, _, _)| text.starts_with(words));
    if let Some((_, wanted, fix)) = known {
        return (format!("{wanted} is expected here"), (*fix).to_owned());
    }
    // Its place we write ourselves; its advice is for programmers.
    let text = text.lines().next().unwrap_or_default();
    let end = [" at line ", ", set "]
        .iter()
        .filter_map(|cut| text.find(cut))
        .min();
    let text = text[..end.unwrap_or(text.len())].trim();
    let fix = "the YAML cannot be read here; look at indentation, quotes and brackets";
    (text.to_owned(), fix.to_owned())
}
