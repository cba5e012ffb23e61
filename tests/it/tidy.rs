//! Structure tests: what no compiler holds about the shape of this tree. Each check is a function
//! from text to complaints, so that its own test can show it a bad sample and see it caught.

mod bans;
mod docs;
mod imports;
mod mutants;
mod source;
mod shape;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the tree: path relative to the root with `/`, and its text.
pub struct File {
    pub path: String,
    pub text: String,
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file that is or could be committed: git's answer, or a walk where there is no git.
pub fn tracked() -> Vec<File> {
    let mut paths = listed_by_git().unwrap_or_else(|| walk(&root()));
    paths.sort();
    paths.dedup();
    assert!(
        paths.len() > 10,
        "only {} files found under {}",
        paths.len(),
        root().display()
    );
    paths.into_iter().filter_map(read).collect()
}

/// Every Rust file under `folder`.
pub fn rust_files(folder: &str) -> Vec<File> {
    let mut paths = walk(&root().join(folder));
    paths.retain(|path| path.ends_with(".rs"));
    paths.sort();
    paths.into_iter().filter_map(read).collect()
}

/// Names of the folders directly under `folder`.
pub fn folders(folder: &str) -> Vec<String> {
    let mut names: Vec<String> = entries(&root().join(folder))
        .into_iter()
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_string()))
        .collect();
    names.sort();
    names
}

/// Fails with one line per complaint and the advice that goes with the check.
#[track_caller]
pub fn demand(complaints: Vec<String>, advice: &str) {
    let count = complaints.len();
    assert!(
        count == 0,
        "\n  {}\n{count} to mend: {advice}\n",
        complaints.join("\n  ")
    );
}

fn listed_by_git() -> Option<Vec<String>> {
    let answer = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .ok()?;
    let paths = String::from_utf8(answer.stdout).ok()?;
    let paths: Vec<String> = paths.split_terminator('\0').map(str::to_string).collect();
    (answer.status.success() && !paths.is_empty()).then_some(paths)
}

fn walk(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for path in entries(&folder) {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if !path.is_dir() {
                found.extend(relative(&path));
            } else if ![".git", "target", ".tools"].contains(&name) {
                open.push(path);
            }
        }
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

fn relative(path: &Path) -> Option<String> {
    Some(path.strip_prefix(root()).ok()?.to_str()?.replace('\\', "/"))
}

/// None for what is not text or, listed but deleted, not there.
fn read(path: String) -> Option<File> {
    let text = std::fs::read_to_string(root().join(&path)).ok()?;
    Some(File { path, text })
}
