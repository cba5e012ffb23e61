//! Sizes and names. The limits are ratchets: what stands above one is listed with its size and its
//! reason, may not grow, and leaves the list when it shrinks.

use super::source::{code_only, functions};
use super::{File, demand, rust_files};

const FILE_LINES_MAX: usize = 700;
const FILE_LINES_REPORTED: usize = 500;
const MOD_LINES_MAX: usize = 60;
const FUNCTION_LINES_MAX: usize = 90;
const LINE_CHARS_MAX: usize = 100;
const NAMES_BANNED: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "types", "misc",
];

/// Path, today's lines, reason.
const LONG_FILES: &[(&str, usize, &str)] = &[];

/// `path fn name`, today's lines, reason.
const LONG_FUNCTIONS: &[(&str, usize, &str)] = &[];

#[test]
fn files_stay_short() {
    let files = everything();
    let sizes: Vec<(String, usize)> = files
        .iter()
        .map(|file| (file.path.clone(), file.text.lines().count()))
        .collect();
    for (path, lines) in sizes
        .iter()
        .filter(|(_, lines)| *lines > FILE_LINES_REPORTED)
    {
        println!("{path}: {lines} lines; a file past {FILE_LINES_REPORTED} is usually two");
    }
    demand(
        over(&sizes, FILE_LINES_MAX, LONG_FILES),
        "split it, or list it in LONG_FILES",
    );
}

#[test]
fn functions_stay_short() {
    let files = rust_files("src");
    let production = files.iter().filter(|file| !file.path.ends_with("tests.rs"));
    let sizes: Vec<(String, usize)> = production.flat_map(function_sizes).collect();
    let advice = "give straight-line work to helpers, or list it in LONG_FUNCTIONS";
    demand(over(&sizes, FUNCTION_LINES_MAX, LONG_FUNCTIONS), advice);
}

#[test]
fn lines_stay_short() {
    let complaints = everything().iter().flat_map(long_lines).collect();
    demand(
        complaints,
        "break the line; a line that holds a URL may be longer",
    );
}

#[test]
fn files_say_what_they_own() {
    let complaints = rust_files("src")
        .iter()
        .filter_map(lacks_module_doc)
        .collect();
    demand(
        complaints,
        "the first line is `//!` and says what this file owns",
    );
}

#[test]
fn files_are_named_for_what_they_hold() {
    let complaints = rust_files("src").iter().filter_map(vague_name).collect();
    demand(
        complaints,
        "name the file for its one noun or its one operation",
    );
}

#[test]
fn mod_files_hold_no_logic() {
    let complaints = rust_files("src").iter().filter_map(long_mod_file).collect();
    demand(
        complaints,
        "mod.rs declares, documents and re-exports; logic has its own file",
    );
}

fn everything() -> Vec<File> {
    ["src", "tests", "benches"]
        .into_iter()
        .flat_map(rust_files)
        .collect()
}

fn function_sizes(file: &File) -> Vec<(String, usize)> {
    let functions = functions(&code_only(&file.text)).into_iter();
    functions
        .map(|function| {
            (
                format!("{} fn {}", file.path, function.name),
                function.lines,
            )
        })
        .collect()
}

/// What is above the limit and not listed, above what its list entry says, or listed in vain.
fn over(sizes: &[(String, usize)], max: usize, listed: &[(&str, usize, &str)]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, lines) in sizes {
        let entry = listed.iter().find(|(listed, _, _)| listed == name);
        let allowed = entry.map_or(max, |(_, allowed, _)| *allowed);
        if *lines > allowed {
            complaints.push(format!("{name}: {lines} lines, allowed are {allowed}"));
        }
    }
    for (name, _, reason) in listed {
        let size = sizes.iter().find(|(present, _)| present == name);
        if size.is_none_or(|(_, lines)| *lines <= max) {
            complaints.push(format!(
                "{name}: no longer above {max}: remove it from the list"
            ));
        }
        if reason.is_empty() {
            complaints.push(format!("{name}: listed without a reason"));
        }
    }
    complaints
}

fn long_lines(file: &File) -> Vec<String> {
    let lines = file
        .text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.chars().count() > LINE_CHARS_MAX && !line.contains("://"));
    lines
        .map(|(at, line)| {
            format!(
                "{}:{}: {} characters",
                file.path,
                at + 1,
                line.chars().count()
            )
        })
        .collect()
}

fn lacks_module_doc(file: &File) -> Option<String> {
    let first = file.text.lines().next().unwrap_or_default();
    let says = first
        .strip_prefix("//!")
        .is_some_and(|rest| rest.trim().len() > 3);
    (!says).then(|| file.path.clone())
}

fn vague_name(file: &File) -> Option<String> {
    let stem = file.path.strip_suffix(".rs").unwrap_or(&file.path);
    let vague = stem.split('/').any(|part| NAMES_BANNED.contains(&part));
    vague.then(|| file.path.clone())
}

fn long_mod_file(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    let long = file.path.ends_with("/mod.rs") && lines > MOD_LINES_MAX;
    long.then(|| format!("{}: {lines} lines, allowed are {MOD_LINES_MAX}", file.path))
}

#[test]
fn the_ratchet_catches_growth_and_stale_entries() {
    let sizes = [
        ("a".to_string(), 11),
        ("b".to_string(), 12),
        ("c".to_string(), 9),
    ];
    assert_eq!(over(&sizes, 10, &[]).len(), 2);
    assert_eq!(
        over(&sizes, 10, &[("a", 11, "why"), ("b", 11, "why")]).len(),
        1
    );
    assert_eq!(over(&sizes, 12, &[("c", 9, "why")]).len(), 1);
    assert_eq!(over(&sizes, 12, &[("gone", 99, "why")]).len(), 1);
    assert_eq!(over(&sizes, 11, &[("b", 12, "")]).len(), 1);
    assert_eq!(over(&sizes, 12, &[]), [""; 0]);
}

#[test]
fn a_badly_shaped_file_is_caught() {
    let file = |path: &str, text: String| File {
        path: path.into(),
        text,
    };
    let long = format!(
        "//! Long.\nfn f() {{\n{}}}\n",
        "x();\n".repeat(FUNCTION_LINES_MAX)
    );
    let long = file("src/a/mod.rs", long);
    assert!(long_mod_file(&long).is_some());
    assert_eq!(
        over(&function_sizes(&long), FUNCTION_LINES_MAX, &[]).len(),
        1
    );
    assert_eq!(
        long_lines(&file("a.rs", "y".repeat(LINE_CHARS_MAX + 1))).len(),
        1
    );
    let url = format!("// https://a.example/{}", "y".repeat(LINE_CHARS_MAX));
    assert_eq!(long_lines(&file("a.rs", url)).len(), 0);
    assert!(lacks_module_doc(&file("a.rs", "// not a module doc\n".into())).is_some());
    assert!(lacks_module_doc(&file("a.rs", "//!\n".into())).is_some());
    assert!(lacks_module_doc(&file("a.rs", "//! Owns a.\n".into())).is_none());
    assert!(vague_name(&file("src/a/utils.rs", String::new())).is_some());
    assert!(vague_name(&file("src/common/mod.rs", String::new())).is_some());
    assert!(vague_name(&file("src/a/entity_types.rs", String::new())).is_none());
}
