//! The transform `set`: what stands between values in Intercom, and what each is called.

use serde_saphyr::Spanned;

use crate::mapping::compile_transform::{list, unknown};
use crate::mapping::field::Direction;
use crate::mapping::file::FieldFile;
use crate::mapping::lint::Findings;
use crate::mapping::set::{SetOf, THEIRS};
use crate::mapping::transform::Transform;

/// What stands between values in Intercom unless the file says so.
const SEPARATOR: &str = ", ";
/// Characters of a separator, with the space around it.
const SEPARATOR_CHARS_MAX: usize = 5;

pub fn set(
    file: &Spanned<FieldFile>,
    direction: Direction,
    at: &str,
    out: &mut Findings,
) -> Transform {
    let separator = separator(file, at, out);
    let unknown = unknown(file, at, out);
    let values = list(file, direction, at, out);
    if let Some(given) = &file.value.values {
        let at = format!("{at}.values");
        for (ours, theirs) in &values {
            let signs = [(ours, separator.trim()), (theirs, THEIRS)];
            if let Some((value, sign)) = signs.iter().find(|(value, sign)| value.contains(sign)) {
                let what = format!("`{value}` holds `{sign}`, which stands between values");
                out.at(given, &at, what, "write one value, without it");
            }
        }
    }
    Transform::Set(SetOf::new(separator, values, unknown))
}

/// A sign that no value is likely to hold: a letter or digit is part of one.
fn separator(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) -> String {
    let Some(given) = &file.value.separator else {
        return SEPARATOR.to_owned();
    };
    let text = given.value.as_str();
    let sign = text.trim();
    let is_short = text.chars().count() <= SEPARATOR_CHARS_MAX;
    let is_part = |one: char| one.is_alphanumeric() || one.is_whitespace();
    if sign.is_empty() || !is_short || sign.contains(is_part) || text.contains('\n') {
        let what = format!("`{text}` is nothing that can stand between values");
        let fix = "write a sign, such as `separator: \", \"` or `separator: \"|\"`";
        out.at(given, &format!("{at}.separator"), what, fix);
        return SEPARATOR.to_owned();
    }
    text.to_owned()
}
