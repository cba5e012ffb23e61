//! Who may import whom. One crate has no walls made by the compiler, so this table is the wall.
//! `ingest`, `feeds`, `processor` and `sink` never import each other: they meet on the log.

use super::source::{code_only, crate_paths, find_all, line_of};
use super::{File, demand, rust_files};

/// Module and what it may import beside itself. An entry of two words admits only that part.
/// A module that does not exist yet has its row already.
const TABLE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("telemetry", &[]),
    ("mapping", &["domain"]),
    ("avro", &["domain"]),
    ("ports", &["domain"]),
    ("config", &["domain"]),
    ("identity", &["domain", "mapping"]),
    ("sync", &["domain", "mapping"]),
    ("automation", &["domain", "mapping"]),
    ("clients", &["domain", "ports", "config", "telemetry"]),
    ("log", &["domain", "avro", "ports", "config", "telemetry"]),
    ("store", &["domain", "avro", "ports", "config", "telemetry"]),
    ("ingest", ADAPTER),
    ("feeds", ADAPTER),
    ("sink", ADAPTER),
    (
        "processor",
        &[
            "domain",
            "mapping",
            "identity",
            "sync",
            "automation",
            "ports",
            "config",
            "telemetry",
        ],
    ),
    // A fake that shares code with what it tests shares its mistakes.
    ("sandbox", &["domain::ids", "telemetry"]),
    (
        "sim",
        &[
            "domain",
            "mapping",
            "ports",
            "sandbox",
            "clients",
            "ingest",
            "feeds",
            "processor",
            "sink",
            "config",
            "telemetry",
        ],
    ),
    (
        "console",
        &[
            "domain",
            "mapping",
            "ports",
            "processor",
            "config",
            "telemetry",
        ],
    ),
];

const ADAPTER: &[&str] = &[
    "domain",
    "mapping",
    "ports",
    "clients",
    "config",
    "telemetry",
];

#[test]
fn modules_import_only_what_the_table_allows() {
    let files = rust_files("src");
    let complaints = files.iter().flat_map(foreign_imports).collect();
    demand(
        complaints,
        "move the code to where it may be known, or pass the value in; see TABLE",
    );
}

/// What changed the view then must change it the same way for ever: by the event alone.
#[test]
fn evolve_knows_neither_configuration_nor_mapping() {
    let files = rust_files("src/processor/evolve");
    assert!(files.len() > 5, "evolve has moved: mend this test");
    let mut complaints = Vec::new();
    for file in &files {
        let code = code_only(&file.text);
        for foreign in [
            "mapping::",
            "config::",
            "identity::",
            "sync::",
            "processor::decide",
        ] {
            for at in find_all(&code, foreign) {
                complaints.push(format!("{}:{}: {foreign}", file.path, line_of(&code, at)));
            }
        }
    }
    demand(complaints, "put what evolve needs into the event");
}

#[test]
fn every_module_has_a_row_in_the_import_table() {
    let unknown = super::folders("src")
        .into_iter()
        .filter(|name| name != "bin");
    let complaints = unknown.filter(|name| row(name).is_none()).collect();
    demand(
        complaints,
        "decide whom this module may import and add a row to TABLE",
    );
}

#[test]
fn the_import_table_has_no_cycle() {
    let mut open: Vec<&str> = TABLE.iter().map(|(module, _)| *module).collect();
    while let Some(leaf) = open.iter().position(|module| {
        row(module)
            .unwrap()
            .iter()
            .all(|path| !open.contains(&first_word(path)))
    }) {
        open.remove(leaf);
    }
    demand(
        open.iter().map(|module| module.to_string()).collect(),
        "TABLE must stay acyclic",
    );
}

fn row(module: &str) -> Option<&'static [&'static str]> {
    TABLE
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, allowed)| *allowed)
}

fn first_word(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

fn foreign_imports(file: &File) -> Vec<String> {
    let Some(inner) = file.path.strip_prefix("src/") else {
        return Vec::new();
    };
    let Some((module, _)) = inner.split_once('/') else {
        return Vec::new();
    };
    if module == "bin" {
        return Vec::new();
    }
    let code = code_only(&file.text);
    let allowed = row(module).unwrap_or_default();
    let mut complaints = Vec::new();
    for (path, line) in crate_paths(&code) {
        let own = first_word(&path) == module;
        let admitted = allowed.iter().any(|entry| {
            *entry == first_word(&path) || path == *entry || path.starts_with(&format!("{entry}::"))
        });
        if !own && !admitted {
            complaints.push(format!(
                "{}:{line}: `{module}` uses crate::{path}",
                file.path
            ));
        }
    }
    complaints.extend(ways_around(file, &code));
    complaints
}

/// Relative paths that could leave the module unseen, and the crate under its own name.
fn ways_around(file: &File, code: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for needle in ["super::super::", "crate as ", "crosswalk::"] {
        for at in find_all(code, needle) {
            let line = line_of(code, at);
            complaints.push(format!(
                "{}:{line}: write crate:: instead of `{needle}`",
                file.path
            ));
        }
    }
    let depth = file.path.matches('/').count();
    if depth == 2 && file.path.ends_with("/mod.rs") {
        for (number, line) in code.lines().enumerate() {
            if line.starts_with("use super::") || line.starts_with("pub use super::") {
                let number = number + 1;
                complaints.push(format!(
                    "{}:{number}: write crate:: instead of super",
                    file.path
                ));
            }
        }
    }
    complaints
}

#[test]
fn a_foreign_import_is_caught() {
    let bad = [
        ("src/ingest/spool.rs", "use crate::sink::Error;"),
        ("src/ingest/spool.rs", "use crate::{domain::Id, processor};"),
        (
            "src/sandbox/intercom/server.rs",
            "use crate::domain::Observation;",
        ),
        (
            "src/sandbox/intercom/server.rs",
            "fn f() { crate::clients::intercom::sign() }",
        ),
        ("src/domain/ids.rs", "use crate::telemetry;"),
        ("src/sink/mod.rs", "use super::ingest;"),
        ("src/sink/retry.rs", "use super::super::ingest;"),
        ("src/unheard_of/mod.rs", "use crate::domain::Id;"),
        ("src/sync/mod.rs", "use crate::*;"),
    ];
    for (path, text) in bad {
        let file = File {
            path: path.into(),
            text: text.into(),
        };
        assert_eq!(foreign_imports(&file).len(), 1, "{path}: {text}");
    }
    let good = [
        (
            "src/sandbox/intercom/server.rs",
            "use crate::domain::ids::IntercomContactId;",
        ),
        (
            "src/sink/retry.rs",
            "use crate::sink::Error; // crate::ingest",
        ),
        ("src/bin/crosswalk/main.rs", "use crosswalk::ingest;"),
    ];
    for (path, text) in good {
        let file = File {
            path: path.into(),
            text: text.into(),
        };
        assert_eq!(foreign_imports(&file), [""; 0], "{path}: {text}");
    }
}
