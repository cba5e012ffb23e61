//! `crosswalk mapping` as a person meets it, and the files that editors and people read.

use std::path::{Path, PathBuf};
use std::process::Output;

use crosswalk::mapping::{DEFAULT, schema};

use crate::cli::crosswalk;

fn run(arguments: &[&str]) -> Output {
    crosswalk(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A file in a folder of its own.
fn file(name: &str, content: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

/// Compares with a file of the tree, or rewrites it where UPDATE_GOLDEN is set.
fn golden(path: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let shown = path.display();
    assert_eq!(kept, found, "{shown}; UPDATE_GOLDEN=1 rewrites");
}

#[test]
fn a_new_user_begins_with_a_mapping_in_which_nothing_is_found() {
    let printed = run(&["mapping", "default"]);
    assert!(printed.status.success());
    assert_eq!(text(&printed.stdout), DEFAULT);
    let (_folder, path) = file("mapping.yaml", DEFAULT);
    let lint = run(&["mapping", "lint", path.to_str().unwrap()]);
    assert!(lint.status.success(), "{lint:?}");
    assert!(text(&lint.stdout).ends_with("version 1, 28 fields, nothing found\n"));
}

#[test]
fn every_finding_is_told_with_its_place_and_no_file_hides_another() {
    let broken = DEFAULT
        .replacen("owner: intercom", "owner: intercm", 1)
        .replacen("direction: both", "direction: bothh", 1);
    let (_folder, path) = file("mapping.yaml", &broken);
    let (_other, good) = file("good.yaml", DEFAULT);
    let shown = path.to_str().unwrap();
    let lint = run(&[
        "mapping",
        "lint",
        "/nowhere.yaml",
        shown,
        good.to_str().unwrap(),
    ]);
    assert_eq!(lint.status.code(), Some(1));
    let told = text(&lint.stdout);
    for part in [
        "cannot read /nowhere.yaml",
        &format!("{shown}:33:14: people.fields.owner: owner `intercm` is neither"),
        "did you mean \"intercom\"?",
        "people.fields.direction: direction `bothh` of `phone` is unknown",
        "good.yaml: version 1",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(text(&lint.stderr), "error: 2 things to mend\n");
}

#[test]
fn a_warning_is_told_and_refuses_nothing() {
    let named = DEFAULT.replacen(
        "owner: intercom",
        "used_by: [support]\n      owner: intercom",
        1,
    );
    let (_folder, path) = file("mapping.yaml", &named);
    let lint = run(&["mapping", "lint", path.to_str().unwrap()]);
    assert!(lint.status.success(), "{lint:?}");
    let told = text(&lint.stdout);
    assert!(told.contains("mapping.yaml: warning: people: contact.email has no `used_by`"));
    assert!(
        told.ends_with("version 1, 28 fields, 27 warnings\n"),
        "{told}"
    );
    let sheet = run(&["mapping", "sheet", path.to_str().unwrap()]);
    assert!(text(&sheet.stdout).contains("| support |"));
}

#[test]
fn the_sheet_says_of_each_field_what_it_means_whose_it_is_and_how_it_flows() {
    let (_folder, path) = file("mapping.yaml", DEFAULT);
    let path = path.to_str().unwrap();
    let table = run(&["mapping", "sheet", path]);
    assert!(table.status.success(), "{table:?}");
    golden("tests/golden/mapping/sheet.md", &text(&table.stdout));
    let csv = text(&run(&["mapping", "sheet", path, "--format", "csv"]).stdout);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let heads = reader.headers().unwrap().clone();
    assert_eq!(
        heads.iter().collect::<Vec<_>>(),
        crosswalk::mapping::sheet::COLUMNS
    );
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 28);
    let name = rows[0].iter().nth(2).unwrap();
    assert_eq!(
        name,
        "Contact.FirstName + Contact.LastName, Lead.FirstName + Lead.LastName"
    );
}

#[test]
fn the_sheet_of_a_running_configuration_is_that_of_its_bridges() {
    let config = "
sources:
  support: {intercom: {app_id: a, client_secret: b, access_token: c}}
  sales: {salesforce: {login_url: 'https://acme.my.salesforce.com', client_id: d,
                       client_secret: e, client_token: cw}}
  other: {salesforce: {login_url: 'https://b.my.salesforce.com', client_id: d,
                       client_secret: e, client_token: cw2}}
bridges:
  main: {sources: [support, sales], mapping: mapping.yaml}
  second: {sources: [support, other], mapping: mapping.yaml}
";
    let (folder, path) = file("crosswalk.yaml", config);
    std::fs::write(folder.path().join("mapping.yaml"), DEFAULT).unwrap();
    let path = path.to_str().unwrap();
    let both = run(&["mapping", "sheet", "--config", path, "--format", "csv"]);
    let both = text(&both.stdout);
    assert_eq!(both.lines().count(), 1 + 2 * 28, "{both}");
    assert!(
        both.starts_with("bridge,section,"),
        "one head for all: {both}"
    );
    let one = run(&["mapping", "sheet", "--config", path, "--bridge", "second"]);
    assert_eq!(text(&one.stdout).lines().count(), 2 + 28);
    let none = run(&["mapping", "sheet", "--config", path, "--bridge", "third"]);
    let told = text(&none.stderr);
    assert!(
        told.contains("no bridge third; the configuration has main, second"),
        "{told}"
    );
}

#[test]
fn the_schema_that_is_shipped_is_the_one_of_the_grammar() {
    let printed = text(&run(&["mapping", "schema"]).stdout);
    assert_eq!(printed, format!("{:#}\n", schema::schema()));
    golden("docs/mapping.schema.json", &printed);
}
