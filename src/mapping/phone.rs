//! Telephone numbers in E.164, by the numbering plans of all countries.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use phonenumber::country;

use crate::domain::Value;

/// Numbers whose form each thread remembers, by region: reading one takes longer than all else
/// that is done with a field.
const REMEMBERED_MAX: usize = 4_096;

type Forms = BTreeMap<String, Arc<str>>;

thread_local! {
    static REMEMBERED: RefCell<Vec<(Option<country::Id>, Forms)>> = RefCell::default();
}

/// E.164, or the text without its outer space. What E.164 itself would be read as another number
/// stays as it was written, so that the form is stable.
///
/// A function of its arguments alone: what is remembered is what would be found again.
pub fn e164(text: &str, region: Option<country::Id>) -> Arc<str> {
    REMEMBERED.with_borrow_mut(|regions| {
        let place = regions.iter().position(|(known, _)| *known == region);
        let place = place.unwrap_or_else(|| {
            regions.push((region, Forms::new()));
            regions.len() - 1
        });
        let forms = &mut regions[place].1;
        if let Some(form) = forms.get(text) {
            return Arc::clone(form);
        }
        if forms.len() == REMEMBERED_MAX {
            forms.clear();
        }
        let form: Arc<str> = stable(text, region).into();
        forms.insert(text.to_owned(), Arc::clone(&form));
        form
    })
}

/// E.164 of what is a number; none of what is not.
pub fn number(text: &str, region: Option<country::Id>) -> Option<Arc<str>> {
    let form = e164(text, region);
    let is_number = phonenumber::parse(None, &*form).is_ok_and(|one| phonenumber::is_valid(&one));
    is_number.then_some(form)
}

/// The same of a value; a blank stays one.
pub fn e164_value(value: &Value, region: Option<country::Id>) -> Value {
    let form = match value {
        Value::Null => return Value::Null,
        Value::Text(text) => e164(text, region),
        other => e164(&other.display(), region),
    };
    if form.is_empty() {
        return Value::Null;
    }
    Value::Text(form)
}

fn stable(text: &str, region: Option<country::Id>) -> String {
    let text = text.trim();
    let once = formatted(text, region);
    if once == text || formatted(&once, region) == once {
        once
    } else {
        text.to_owned()
    }
}

/// An extension is not part of E.164: a number with one stays as it was written.
fn formatted(text: &str, region: Option<country::Id>) -> String {
    match phonenumber::parse(region, text) {
        Ok(number) if phonenumber::is_valid(&number) && number.extension().is_none() => {
            number.format().mode(phonenumber::Mode::E164).to_string()
        }
        _ => text.to_owned(),
    }
}
