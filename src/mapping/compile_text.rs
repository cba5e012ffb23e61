//! Transforms of texts: countries, HTML, joined parts, constants.

use serde_saphyr::Spanned;

use crate::domain::Value;
use crate::domain::nearest::did_you_mean;
use crate::mapping::compile_field::hint;
use crate::mapping::country::Form;
use crate::mapping::field::Direction;
use crate::mapping::file::FieldFile;
use crate::mapping::lint::Findings;
use crate::mapping::transform::Transform;

/// Characters of a text unless the file says so: Salesforce makes long text areas of 32,768.
const CHARS_MAX_DEFAULT: usize = 32_000;
/// Characters of the longest text area.
const CHARS_MAX: i64 = 131_072;
/// Characters between two parts.
const SEPARATOR_CHARS_MAX: usize = 10;

pub fn country_forms(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) -> Transform {
    let forms = file.value.forms.as_ref();
    let mut form = |name: &str, given: Option<&Spanned<String>>| {
        let Some(given) = given else {
            return Form::default();
        };
        let known = [Form::Alpha2, Form::Alpha3, Form::Name];
        let found = known.into_iter().find(|form| form.as_str() == given.value);
        found.unwrap_or_else(|| {
            let what = format!("`{}` is no form of a country", given.value);
            let near = did_you_mean(&given.value, known.map(Form::as_str));
            let fix = hint(&near, "write alpha_2, alpha_3 or name");
            out.at(given, &format!("{at}.forms.{name}"), what, fix);
            Form::default()
        })
    };
    Transform::Country {
        intercom: form(
            "intercom",
            forms.and_then(|one| one.value.intercom.as_ref()),
        ),
        salesforce: form(
            "salesforce",
            forms.and_then(|one| one.value.salesforce.as_ref()),
        ),
    }
}

pub fn html_to_text(
    file: &Spanned<FieldFile>,
    direction: Direction,
    at: &str,
    out: &mut Findings,
) -> Transform {
    if direction != Direction::ToSalesforce {
        let what = "a text does not say which HTML it was";
        out.at(
            file,
            &format!("{at}.direction"),
            what,
            "write `direction: to_salesforce`",
        );
    }
    let given = file.value.max_chars.as_ref();
    let is_bound = |given: &&Spanned<i64>| (1..=CHARS_MAX).contains(&given.value);
    if let Some(given) = given.filter(|given| !is_bound(given)) {
        let what = format!("{} is no length of a text", given.value);
        let fix = format!("write a number from 1 to {CHARS_MAX}");
        out.at(given, &format!("{at}.max_chars"), what, fix);
    }
    let chars_max = given.and_then(|given| usize::try_from(given.value).ok());
    Transform::HtmlToText {
        chars_max: chars_max.unwrap_or(CHARS_MAX_DEFAULT),
    }
}

pub fn concat(
    file: &Spanned<FieldFile>,
    names: Option<&[String]>,
    direction: Direction,
    at: &str,
    out: &mut Findings,
) -> Transform {
    let paths = file.value.intercom.value.names().len();
    let (parts, place) = match direction {
        Direction::Both => {
            let what = "what is joined cannot be taken apart again";
            let fix = "write `direction: to_salesforce` or `to_intercom`";
            out.at(file, &format!("{at}.direction"), what, fix);
            (2, "")
        }
        Direction::ToSalesforce => (paths, "intercom"),
        Direction::ToIntercom => (names.map_or(2, <[String]>::len), "salesforce"),
    };
    if parts < 2 {
        let what = "concat joins several fields, and one is named";
        let fix = format!("write a list under `{place}`, or leave the transform out");
        out.at(file, &format!("{at}.{place}"), what, fix);
    }
    if direction == Direction::ToIntercom && paths > 1 {
        let what = format!("what is joined is written to one path, {paths} are named");
        let fix = "write one entry for each path";
        out.at(&file.value.intercom, &format!("{at}.intercom"), what, fix);
    }
    let given = file.value.separator.as_ref();
    if let Some(given) = given.filter(|one| one.value.chars().count() > SEPARATOR_CHARS_MAX) {
        let what = format!("`{}` is too long to stand between parts", given.value);
        let fix = format!("at most {SEPARATOR_CHARS_MAX} characters can");
        out.at(given, &format!("{at}.separator"), what, fix);
    }
    Transform::Concat {
        separator: given.map_or(" ".to_owned(), |given| given.value.clone()),
    }
}

pub fn constant(
    file: &Spanned<FieldFile>,
    direction: Direction,
    at: &str,
    out: &mut Findings,
) -> Transform {
    if direction == Direction::Both {
        let what = "a constant says nothing on the way back";
        let fix = "write `direction: to_salesforce` or `to_intercom`";
        out.at(file, &format!("{at}.direction"), what, fix);
    }
    let given = file.value.value.as_ref();
    let value = given.map_or(Value::Null, |given| Value::text(given.value.trim()));
    if value.is_blank() {
        let what = "a constant is written, and none is named";
        let at = format!("{at}.value");
        out.at(file, &at, what, "add `value: TEXT`");
    }
    Transform::Constant(value)
}
