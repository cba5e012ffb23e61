//! A long text told as a unified diff against what stood there (salesforce.md 2.4).

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// From this many characters on a text may come as a diff.
pub(crate) const DIFF_CHARS_MIN: usize = 1_000;

/// The diff from `old` to `new`; `None` where the vendor sends the whole text: either is short,
/// the length differs by more than half, more than a quarter of the lines change, or the diff
/// is longer than the text.
pub(crate) fn diff(old: &str, new: &str) -> Option<String> {
    let (before, after) = (old.chars().count(), new.chars().count());
    if before.min(after) < DIFF_CHARS_MIN || before.abs_diff(after) * 2 > before {
        return None;
    }
    let (old_lines, new_lines) = (lines(old), lines(new));
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = old_lines
        .iter()
        .zip(&new_lines)
        .take_while(|pair| same(pair))
        .count();
    let (old_rest, new_rest) = (&old_lines[head..], &new_lines[head..]);
    let tail = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(|pair| same(pair))
        .count();
    let removed = &old_rest[..old_rest.len() - tail];
    let added = &new_rest[..new_rest.len() - tail];
    if removed.len().max(added.len()) * 4 > old_lines.len() {
        return None;
    }
    let mut told = format!("--- \n+++ {}\n", hex::encode(Sha256::digest(new)));
    let (from, to) = (range(head, removed.len()), range(head, added.len()));
    let _ = writeln!(told, "@@ -{from} +{to} @@");
    for (mark, side) in [('-', removed), ('+', added)] {
        for line in side {
            let _ = write!(told, "{mark}{line}");
            if !line.ends_with('\n') {
                told.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    (told.chars().count() < after).then_some(told)
}

/// Lines with their own ends.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// An empty side is placed after the line before it.
fn range(head: usize, count: usize) -> String {
    let start = if count == 0 { head } else { head + 1 };
    format!("{start},{count}")
}
