//! What must not stand in the code: unbounded channels, silenced tests, unfinished work, the outer
//! world in a pure module, a developer's machine in a tracked file.

use super::source::{code_only, find_all, line_of};
use super::{File, demand, rust_files, tracked};

/// Modules that are pure as a whole, and single pure files of others. Folders count with all they
/// hold. What does not exist yet is listed already.
const PURE_MODULES: &[&str] = &[
    "domain",
    "mapping",
    "identity",
    "sync",
    "automation",
    "avro",
];
const PURE_FILES: &[&str] = &[
    "src/clients/salesforce/pubsub/change",
    "src/processor/step",
    "src/processor/decide",
    "src/processor/evolve",
    "src/processor/project",
    "src/sandbox/intercom/model",
    "src/sandbox/salesforce/model",
];

/// Switches the two lists of `.clippy.toml` on, for this module and all below it.
const PURE_LINE: &str = "#![deny(clippy::disallowed_methods, clippy::disallowed_types)]";

/// What the lists of clippy cannot name: macros, whole crates, keywords.
const IMPURE: &[&str] = &[
    "tokio::",
    "tracing::",
    "async ",
    ".await",
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "std::fs",
    "std::net",
    "std::env",
    "rand::",
    "reqwest::",
    "rusqlite::",
    "sled::",
    "axum::",
];

#[test]
fn pure_modules_switch_the_bans_on() {
    let complaints = rust_files("src")
        .iter()
        .filter_map(lacks_pure_line)
        .collect();
    demand(
        complaints,
        &format!("put this line below the module doc: {PURE_LINE}"),
    );
}

#[test]
fn pure_modules_do_not_know_the_outer_world() {
    let files = rust_files("src");
    let complaints = files
        .iter()
        .filter(|file| is_pure(&file.path))
        .flat_map(impure)
        .collect();
    demand(
        complaints,
        "take it as an input, return it as a value, or move it to the shell",
    );
}

#[test]
fn channels_are_bounded() {
    let complaints = code().iter().flat_map(limitless).collect();
    demand(
        complaints,
        "use a channel with a named limit; write oneshot::channel() in full",
    );
}

#[test]
fn no_test_is_silenced() {
    let complaints = code().iter().flat_map(ignored).collect();
    demand(
        complaints,
        "fix the test or remove it; what is absent is skipped with a loud line",
    );
}

#[test]
fn nothing_is_left_to_do() {
    let complaints = code()
        .iter()
        .flat_map(|file| found(file, &["todo!", "unimplemented!"]))
        .collect();
    demand(
        complaints,
        "finish it, or return a value that says it is not supported",
    );
}

#[test]
fn no_file_names_a_developers_machine() {
    let marks = machine_marks();
    let complaints = tracked()
        .iter()
        .flat_map(|file| machine_paths(file, &marks))
        .collect();
    demand(complaints, "use a path relative to the repository");
}

#[test]
fn dependencies_come_from_the_public_registry() {
    let complaints = tracked().iter().flat_map(foreign_sources).collect();
    demand(
        complaints,
        "crates come from crates.io; mirrors belong to the user's own settings",
    );
}

fn code() -> Vec<File> {
    ["src", "tests", "benches"]
        .into_iter()
        .flat_map(rust_files)
        .collect()
}

fn is_pure(path: &str) -> bool {
    PURE_MODULES
        .iter()
        .any(|module| path.starts_with(&format!("src/{module}/")))
        || PURE_FILES
            .iter()
            .any(|stem| path == format!("{stem}.rs") || path.starts_with(&format!("{stem}/")))
}

/// The line stands in the topmost file of a pure part and holds for what is below.
fn lacks_pure_line(file: &File) -> Option<String> {
    let top = PURE_MODULES
        .iter()
        .any(|module| file.path == format!("src/{module}/mod.rs"))
        || PURE_FILES
            .iter()
            .any(|stem| file.path == format!("{stem}.rs") || file.path == format!("{stem}/mod.rs"));
    let present = file.text.lines().any(|line| line == PURE_LINE);
    (top && !present).then(|| file.path.clone())
}

fn impure(file: &File) -> Vec<String> {
    found(file, IMPURE)
}

fn found(file: &File, needles: &[&str]) -> Vec<String> {
    let code = code_only(&file.text);
    let mut complaints = Vec::new();
    for needle in needles {
        for at in find_all(&code, needle) {
            // `.awaited_by` is a field, not the keyword.
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let rest = &code[at + needle.len()..];
            if needle.ends_with(word) && rest.starts_with(word) {
                continue;
            }
            complaints.push(format!(
                "{}:{}: {}",
                file.path,
                line_of(&code, at),
                needle.trim()
            ));
        }
    }
    complaints
}

/// `unbounded…` by name, and `channel()` without a limit, which is std's and futures' unbounded
/// one. A oneshot holds one value.
fn limitless(file: &File) -> Vec<String> {
    let mut complaints = found(file, &["unbounded_channel", "unbounded(", "unbounded::<"]);
    let code = code_only(&file.text);
    for at in find_all(&code, "channel") {
        let mut rest = &code[at + "channel".len()..];
        if rest.starts_with("::<") {
            rest = rest
                .split_once('(')
                .map_or("", |(types, _)| &rest[types.len()..]);
        }
        if rest.starts_with("()") && !code[..at].ends_with("oneshot::") {
            complaints.push(format!("{}:{}: channel()", file.path, line_of(&code, at)));
        }
    }
    complaints
}

fn ignored(file: &File) -> Vec<String> {
    let code = code_only(&file.text);
    let mut complaints = Vec::new();
    for at in find_all(&code, "#[") {
        let attribute = code[at..].split(']').next().unwrap_or_default();
        let plain = attribute.starts_with("#[ignore");
        let hidden = attribute.starts_with("#[cfg_attr")
            && find_all(attribute, "ignore").any(|at| !attribute[at + 6..].starts_with('d'));
        if plain || hidden {
            complaints.push(format!(
                "{}:{}: ignored test",
                file.path,
                line_of(&code, at)
            ));
        }
    }
    complaints
}

/// Put together here, so that this file does not hold them itself.
fn machine_marks() -> Vec<String> {
    let mut marks: Vec<String> = ["root", "work", "Users"]
        .into_iter()
        .map(|folder| format!("/{folder}/"))
        .collect();
    let manifest = env!("CARGO_MANIFEST_DIR");
    marks.push(manifest.to_string());
    marks.extend(
        std::env::var("HOME")
            .ok()
            .filter(|home| home.len() > 5)
            .map(|h| h + "/"),
    );
    marks
}

/// A mark in the middle of a longer path, as in a URL or below a relative folder, is none.
fn machine_paths(file: &File, marks: &[String]) -> Vec<String> {
    let mut complaints = Vec::new();
    for mark in marks {
        for (at, _) in file.text.match_indices(mark.as_str()) {
            let before = file.text[..at].chars().next_back();
            if !before.is_some_and(|c| c.is_alphanumeric() || "._-~}/".contains(c)) {
                let line = line_of(&file.text, at);
                complaints.push(format!("{}:{line}: {mark}", file.path));
            }
        }
    }
    complaints
}

/// Lock file entries from elsewhere, cargo settings that replace the registry.
fn foreign_sources(file: &File) -> Vec<String> {
    const PUBLIC: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let settings = file.path.contains(".cargo/config");
    let lines = file
        .text
        .lines()
        .enumerate()
        .filter(|(_, line)| match name {
            "Cargo.lock" => line.starts_with("source = ") && *line != PUBLIC,
            "Cargo.toml" => line.contains("registry =") || line.contains("git ="),
            _ => {
                settings
                    && ["replace-with", "registry", "index"]
                        .iter()
                        .any(|w| line.contains(w))
            }
        });
    lines
        .map(|(at, line)| format!("{}:{}: {line}", file.path, at + 1))
        .collect()
}

#[test]
fn what_is_banned_is_caught() {
    let file = |text: &str| File {
        path: "src/domain/mod.rs".into(),
        text: text.into(),
    };
    for bad in [
        "let (a, b) = tokio::sync::mpsc::unbounded_channel();",
        "let (a, b) = std::sync::mpsc::channel();",
        "let (a, b) = mpsc::channel::<Vec<u8>>();",
        "let (a, b) = flume::unbounded();",
        "let (a, b) = flume::unbounded::<u8>();",
    ] {
        assert_eq!(limitless(&file(bad)).len(), 1, "{bad}");
    }
    for good in [
        "mpsc::channel(limit)",
        "oneshot::channel()",
        "mpsc::channel::<u8>(8)",
        "channel(8)",
    ] {
        assert_eq!(limitless(&file(good)), [""; 0], "{good}");
    }
    for bad in [
        "#[ignore]",
        "#[ignore = \"slow\"]",
        "#[cfg_attr(windows, ignore)]",
    ] {
        assert_eq!(ignored(&file(bad)).len(), 1, "{bad}");
    }
    assert_eq!(
        ignored(&file("#[doc = \"ignore\"] fn ignore() {}")),
        [""; 0]
    );
    assert_eq!(found(&file("todo!() // todo!"), &["todo!"]).len(), 1);
    for bad in [
        "tokio::spawn(x);",
        "async fn f() {}",
        "x.await",
        "println!()",
        "use std::fs;",
    ] {
        assert_eq!(impure(&file(bad)).len(), 1, "{bad}");
    }
    assert_eq!(
        impure(&file("// tokio::spawn\nlet a = \"x.await\";")),
        [""; 0]
    );
}

#[test]
fn a_pure_part_without_the_line_is_caught() {
    let file = |path: &str, text: &str| File {
        path: path.into(),
        text: text.into(),
    };
    for path in [
        "src/domain/mod.rs",
        "src/processor/step.rs",
        "src/processor/step/mod.rs",
    ] {
        assert!(is_pure(path), "{path}");
        assert!(
            lacks_pure_line(&file(path, "//! Pure.\n")).is_some(),
            "{path}"
        );
        assert!(lacks_pure_line(&file(path, &format!("//! Pure.\n{PURE_LINE}\n"))).is_none());
        let commented = format!("//! Pure.\n// {PURE_LINE}\n");
        assert!(lacks_pure_line(&file(path, &commented)).is_some(), "{path}");
    }
    assert!(is_pure("src/domain/ids.rs"));
    assert!(!is_pure("src/processor/driver.rs"));
}

#[test]
fn a_machine_path_and_a_foreign_source_are_caught() {
    let file = |path: &str, text: String| File {
        path: path.into(),
        text,
    };
    let marks = machine_marks();
    for folder in ["root", "work", "Users"] {
        let bad = file("README.md", format!("see `/{folder}/notes.md`"));
        assert_eq!(machine_paths(&bad, &marks).len(), 1, "{folder}");
        let good = file(
            "README.md",
            format!("see https://a.example/{folder}/notes.md"),
        );
        assert_eq!(machine_paths(&good, &marks), [""; 0], "{folder}");
    }
    let lock = "source = \"registry+https://mirror.example/index\"";
    assert_eq!(foreign_sources(&file("Cargo.lock", lock.into())).len(), 1);
    let manifest = "a = { git = \"https://a.example\" }";
    assert_eq!(
        foreign_sources(&file("Cargo.toml", manifest.into())).len(),
        1
    );
    let settings = "replace-with = \"mirror\"";
    assert_eq!(
        foreign_sources(&file(".cargo/config.toml", settings.into())).len(),
        1
    );
}
