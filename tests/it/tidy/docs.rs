//! The written map and the tree agree: ARCHITECTURE.md names every module, `docs/invariants.md` and
//! the mutants name tests that exist.

use std::collections::BTreeSet;

use super::source::{code_only, find_all, leading_word};
use super::{File, demand, folders, root, rust_files, tracked};

const ARCHITECTURE_LINES_MAX: usize = 250;
const GLOSSARY_WORDS_MAX: usize = 20;

#[test]
fn architecture_stays_short() {
    let text = document("ARCHITECTURE.md");
    let lines = text.lines().count();
    let words = table(section(&text, "Glossary")).len();
    let mut complaints = Vec::new();
    if lines > ARCHITECTURE_LINES_MAX {
        complaints.push(format!(
            "{lines} lines, allowed are {ARCHITECTURE_LINES_MAX}"
        ));
    }
    if !(1..=GLOSSARY_WORDS_MAX).contains(&words) {
        complaints.push(format!(
            "{words} words in the glossary, wanted 1 to {GLOSSARY_WORDS_MAX}"
        ));
    }
    demand(complaints, "move detail into the module docs or docs/");
}

#[test]
fn the_code_map_names_every_folder() {
    let text = document("ARCHITECTURE.md");
    let complaints = code_map_gaps(section(&text, "Code map"), &folders("src"));
    demand(
        complaints,
        "keep the section `## Code map` of ARCHITECTURE.md true",
    );
}

#[test]
fn invariants_name_tests_that_exist() {
    let tests = all_tests();
    let text = document("docs/invariants.md");
    let unbuilt = "\n## Of parts that are not built yet\n";
    let rows = table(text.split(unbuilt).next().unwrap_or(&text));
    assert!(
        rows.len() > 10,
        "docs/invariants.md has only {} rows",
        rows.len()
    );
    let complaints = rows.iter().flat_map(|row| unproved(row, &tests)).collect();
    demand(
        complaints,
        "the last column holds `open` or backticked names of tests that exist",
    );
}

#[test]
fn architecture_names_tests_that_exist() {
    let tests = all_tests();
    let text = document("ARCHITECTURE.md");
    let rows = table(section(&text, "Invariants"));
    assert!(
        !rows.is_empty(),
        "the section `## Invariants` of ARCHITECTURE.md has no table"
    );
    let complaints = rows.iter().flat_map(|row| unproved(row, &tests)).collect();
    demand(
        complaints,
        "the last column holds `open` or backticked names of tests that exist",
    );
}

#[test]
fn mutants_name_tests_that_exist() {
    let tests = all_tests();
    let mutants = tracked()
        .into_iter()
        .filter(|file| file.path.starts_with("tests/mutants/"));
    let patches = mutants.filter(|file| file.path.ends_with(".patch"));
    let complaints = patches.filter_map(|file| unaimed(&file, &tests)).collect();
    demand(
        complaints,
        "begin the patch with a line `test: name` of the test that must fail",
    );
}

fn document(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text between this second-level heading and the next.
fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let heading = format!("\n## {title}\n");
    let Some((_, body)) = text.split_once(&heading) else {
        return "";
    };
    body.split_once("\n## ").map_or(body, |(body, _)| body)
}

/// The rows of all tables, without headings and rulers, as trimmed cells.
fn table(text: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_ruler = |line: &str| line.starts_with("|--") || line.starts_with("| --");
    let mut rows = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let heading = lines.get(at + 1).is_some_and(|next| is_ruler(next));
        if line.starts_with('|') && !is_ruler(line) && !heading {
            let cells = line.trim_matches('|').split('|');
            rows.push(cells.map(|cell| cell.trim().to_string()).collect());
        }
    }
    rows
}

/// Folders the map lacks, and entries of the map that are no folder.
fn code_map_gaps(map: &str, folders: &[String]) -> Vec<String> {
    let rows = table(map);
    let first = rows.iter().filter_map(|row| row.first());
    let named: Vec<&str> = first
        .flat_map(|cell| backticked(cell))
        .filter_map(|word| word.strip_suffix('/'))
        .collect();
    let names_of = |name: &str| name.strip_prefix("src/").unwrap_or(name).to_string();
    let named: BTreeSet<String> = named.into_iter().map(names_of).collect();
    let lacking = folders.iter().filter(|folder| !named.contains(*folder));
    let lacking = lacking.map(|folder| format!("src/{folder}/ is not in the code map"));
    let top = named
        .iter()
        .filter(|name| !name.contains('/') && !folders.contains(name));
    lacking
        .chain(top.map(|name| format!("{name}/ is in the code map, not in src")))
        .collect()
}

fn backticked(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// What is wrong with the last cell of a row.
fn unproved(row: &[String], tests: &BTreeSet<String>) -> Vec<String> {
    let first = row.first().map_or("", String::as_str);
    let proof = row.last().map_or("", String::as_str);
    let names = backticked(proof);
    if proof == "open" || proof == "`open`" {
        return Vec::new();
    }
    if names.is_empty() {
        return vec![format!("{first}: `{proof}` names no test")];
    }
    let absent = names
        .into_iter()
        .filter(|name| !tests.contains(last_part(name)));
    absent
        .map(|name| format!("{first}: there is no test `{name}`"))
        .collect()
}

fn last_part(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

fn unaimed(patch: &File, tests: &BTreeSet<String>) -> Option<String> {
    let aim = patch
        .text
        .lines()
        .find_map(|line| line.strip_prefix("test:"))
        .map(str::trim);
    let aimed = aim.is_some_and(|name| tests.contains(last_part(name)));
    (!aimed).then(|| format!("{}: {}", patch.path, aim.unwrap_or("names no test")))
}

fn all_tests() -> BTreeSet<String> {
    let files: Vec<File> = ["src", "tests"].into_iter().flat_map(rust_files).collect();
    tests_in(&files)
}

/// Names of all functions that carry a test attribute.
fn tests_in(files: &[File]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files {
        let code = code_only(&file.text);
        for at in find_all(&code, "fn ") {
            let before = code[..at]
                .rsplit(['{', '}', ';'])
                .next()
                .unwrap_or_default();
            if before.contains("test]") || before.contains("test(") {
                names.insert(leading_word(&code[at + 3..]).to_string());
            }
        }
    }
    names
}

#[test]
fn gaps_between_documents_and_tree_are_caught() {
    let folders = ["sink".to_string(), "log".to_string()];
    assert_eq!(
        code_map_gaps("| `src/sink/` |\n| `log/` | not `gone/` |", &folders),
        [""; 0]
    );
    assert_eq!(
        code_map_gaps("| `sink/` | log/ is not marked |", &folders).len(),
        1
    );
    assert_eq!(
        code_map_gaps("| `sink/` |\n| `log/` |\n| `gone/` |", &folders).len(),
        1
    );

    let text = "# A\n\n## Code map\nmap\n## Glossary\n| a | b |\n|---|---|\n| c | d |\n";
    assert_eq!(section(text, "Code map"), "map");
    assert_eq!(section(text, "Absent"), "");
    assert_eq!(table(text), [["c", "d"]]);
}

#[test]
fn a_row_without_a_real_test_is_caught() {
    let code = "#[test]\nfn it_holds() {}\nfn helper() {}\n#[tokio::test]\nasync fn waits() {}\n\
                proptest! { #[test] fn round_trip(x in 0..9) {} }\n// #[test] fn gone() {}";
    let tests = tests_in(&[File {
        path: "src/a.rs".into(),
        text: code.into(),
    }]);
    let tests_sorted: Vec<&str> = tests.iter().map(String::as_str).collect();
    assert_eq!(tests_sorted, ["it_holds", "round_trip", "waits"]);
    let row = |proof: &str| vec!["1".to_string(), proof.to_string()];
    for good in [
        "open",
        "`open`",
        "`it_holds`",
        "`sink::retry::waits`, `round_trip`",
    ] {
        assert_eq!(unproved(&row(good), &tests), [""; 0], "{good}");
    }
    for bad in ["", "later", "`helper`", "`gone`", "`it_holds`, `absent`"] {
        assert_eq!(unproved(&row(bad), &tests).len(), 1, "{bad}");
    }
    let patch = |text: &str| File {
        path: "tests/mutants/a.patch".into(),
        text: text.into(),
    };
    assert!(unaimed(&patch("test: it_holds\n--- a\n"), &tests).is_none());
    assert!(unaimed(&patch("test: absent\n--- a\n"), &tests).is_some());
    assert!(unaimed(&patch("--- a\n"), &tests).is_some());
}
