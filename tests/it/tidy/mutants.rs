//! The mutants still fit the code: each part of a patch is found where it changes something.

use std::fs;

use super::{File, demand, root, tracked};

/// The text that a part of a patch expects to find, with its file.
fn parts(patch: &str) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    let mut file = String::new();
    let mut inside = false;
    for line in patch.lines() {
        if line.starts_with("diff --git ") {
            inside = false;
        } else if let Some(path) = line.strip_prefix("+++ b/") {
            file = path.to_owned();
        } else if line.starts_with("@@ ") {
            inside = true;
            parts.push((file.clone(), String::new()));
        } else if inside && let Some((_, expected)) = parts.last_mut() {
            // Git strips the space of an empty line in some settings.
            let kept = match line.as_bytes().first() {
                Some(b' ' | b'-') => &line[1..],
                None => "",
                _ => continue,
            };
            expected.push_str(kept);
            expected.push('\n');
        }
    }
    parts
}

/// Parts that are not found in the files they change.
fn misfits(patch: &File, read: impl Fn(&str) -> String) -> Vec<String> {
    let parts = parts(&patch.text).into_iter();
    let misfit = |(file, expected): (String, String)| {
        let fits = read(&file).contains(&expected);
        (!fits).then(|| format!("{} does not fit {file}", patch.path))
    };
    parts.filter_map(misfit).collect()
}

#[test]
fn every_mutant_fits_the_code() {
    let mutant = |file: &File| file.path.starts_with("tests/") && file.path.ends_with(".patch");
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap_or_default();
    let patches: Vec<File> = tracked().into_iter().filter(mutant).collect();
    assert!(patches.len() >= 30, "only {} mutants", patches.len());
    let complaints = patches.iter().flat_map(|patch| misfits(patch, read));
    demand(
        complaints.collect(),
        "make the same mistake anew in today's code",
    );
}

#[test]
fn a_part_that_is_not_found_is_told() {
    let text = "\
test: t
why: w

diff --git a/src/a.rs b/src/a.rs
--- a/src/a.rs
+++ b/src/a.rs
@@ -1,3 +1,3 @@ fn f
 one

-two
+three
";
    let patch = File {
        path: "tests/mutants/m.patch".into(),
        text: text.into(),
    };
    assert!(misfits(&patch, |_| "zero\none\n\ntwo\n".into()).is_empty());
    for other in ["one\n\nthree\n", "one\ntwo\n", ""] {
        let told = misfits(&patch, |_| other.into());
        assert_eq!(told, ["tests/mutants/m.patch does not fit src/a.rs"]);
    }
}
