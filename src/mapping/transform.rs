//! Transforms: one value as each system writes it.
//!
//! The decided form of a value is Intercom's, tidied: what two spellings of one thing share.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use phonenumber::country as region;
use smallvec::{SmallVec, smallvec};

use crate::domain::Value;
use crate::mapping::country::{self, Form};
use crate::mapping::html;
use crate::mapping::moment;
use crate::mapping::number::{Decimal, number};
use crate::mapping::owners::Owners;
use crate::mapping::phone::{e164, e164_value};
use crate::mapping::set::SetOf;

/// The values of the one or two fields that a decided value is written to.
pub type Written = SmallVec<[Value; 2]>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    /// The value as it is; text loses its outer white space.
    Same,
    /// One name in Intercom; first and last name in Salesforce.
    SplitName,
    /// E.164 (`+14155552671`); what is no number stays as it was written.
    PhoneE164 { region: Option<region::Id> },
    /// Intercom's value to Salesforce's value. All are texts.
    Picklist {
        values: BTreeMap<String, String>,
        unknown: Unknown,
    },
    /// A day: the unix second at which it begins in Intercom, `2026-01-30` in Salesforce.
    Date { zone: TimeZone },
    /// A moment: unix seconds in Intercom, `2026-01-30T09:00:00.000+0000` in Salesforce.
    DateTime,
    /// A number; in texts `decimal` is the sign before the fraction.
    Number { decimal: Decimal },
    /// The label of the band that a whole number lies in, the lowest band first.
    Bands(Vec<Band>),
    /// Several values in one field; their order says nothing.
    Set(SetOf),
    /// A country; decided are its two letters.
    Country { intercom: Form, salesforce: Form },
    /// HTML in Intercom, what a person reads of it in Salesforce.
    HtmlToText { chars_max: usize },
    /// Several fields of one side in one of the other.
    Concat { separator: String },
    /// This, wherever the other side has a value.
    Constant(Value),
    /// An admin of Intercom, a user or queue in Salesforce.
    Owner(Owners),
}

/// What becomes of a value that a picklist does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// It is written as it is.
    #[default]
    Pass,
    /// It is not written.
    Refuse,
}

/// Whole numbers under one label: `11-50`, `51+`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    pub label: String,
    pub from: i64,
    /// Included; none where there is no end.
    pub to: Option<i64>,
}

impl Band {
    /// `FROM-TO` or `FROM+`; none of anything else.
    pub fn parse(label: &str) -> Option<Self> {
        let text = label.trim();
        let number = |text: &str| text.trim().parse::<u32>().ok().map(i64::from);
        let (from, to) = match text.strip_suffix('+') {
            Some(from) => (number(from)?, None),
            None => {
                let (from, to) = text.split_once(['-', '–'])?;
                (number(from)?, Some(number(to)?))
            }
        };
        let band = Self {
            label: text.to_owned(),
            from,
            to,
        };
        to.is_none_or(|to| from <= to).then_some(band)
    }

    fn holds(&self, number: i64) -> bool {
        self.from <= number && self.to.is_none_or(|to| number <= to)
    }
}

/// Why a transform has no value to write: a code, never a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal(pub &'static str);

impl Transform {
    /// Loads what the first use would load, so that no change waits for it: the numbering plans of
    /// all countries take some hundred milliseconds.
    pub fn warm_up(&self) {
        if let Self::PhoneE164 { region } = self {
            e164("+14155550100", *region);
        }
    }

    /// The decided form of a value as Intercom holds it. It is its own decided form, and so is what
    /// comes back from Salesforce after it was written there, if nothing is lost on the way.
    pub fn decided(&self, value: &Value) -> Value {
        match self {
            // Names and numbers are texts, also where an attribute of type number holds them.
            Self::SplitName => match value {
                Value::Text(text) if is_one_spaced(text) => value.clone(),
                value => Value::text(one_space(&value.display())),
            },
            Self::PhoneE164 { region } => e164_value(value, *region),
            Self::Date { zone } => or_tidied(moment::day(value, zone).map(Value::Int), value),
            Self::DateTime => or_tidied(moment::second(value).map(Value::Int), value),
            Self::Number { decimal } => or_tidied(number(value, *decimal), value),
            Self::Bands(bands) => or_tidied(banded(bands, value), value),
            Self::Picklist { values, .. } => {
                let shown = value.display();
                let shown = shown.trim();
                // Somebody wrote Salesforce's own value in Intercom.
                let known = values.contains_key(shown);
                let ours = (!known).then(|| intercoms_own(values, shown)).flatten();
                Value::text(ours.unwrap_or(shown))
            }
            Self::Set(set) => set.decided(value),
            Self::Country { .. } => {
                let known = country::find(&value.display());
                or_tidied(known.map(|one| Value::text(one.alpha_2)), value)
            }
            Self::Owner(owners) => owners.decided(value),
            Self::Concat { separator } => joined(&[value], separator),
            Self::Constant(constant) => constant_for(&[value], constant),
            Self::Same | Self::HtmlToText { .. } => tidied(value),
        }
    }

    /// The decided form of what the Intercom paths hold, in the order of the mapping.
    pub fn decided_from_intercom(&self, values: &[&Value]) -> Value {
        let first = values.first().copied().unwrap_or(&Value::Null);
        match self {
            Self::Concat { separator } => joined(values, separator),
            _ => self.decided(first),
        }
    }

    /// The decided form of what the Salesforce fields hold, in the order of the mapping.
    pub fn decided_from_salesforce(&self, values: &[&Value]) -> Value {
        let first = values.first().copied().unwrap_or(&Value::Null);
        match self {
            Self::SplitName => {
                let parts: Vec<String> = values.iter().map(|value| value.display()).collect();
                Value::text(one_space(&parts.join(" ")))
            }
            Self::Picklist { values, .. } => {
                let shown = first.display();
                let shown = shown.trim();
                Value::text(intercoms_own(values, shown).unwrap_or(shown))
            }
            Self::Set(set) => set.decided_from_salesforce(first),
            Self::Concat { separator } => joined(values, separator),
            Self::Constant(constant) => constant_for(values, constant),
            _ => self.decided(first),
        }
    }

    /// The value of the Intercom attribute.
    pub fn to_intercom(&self, decided: &Value) -> Result<Value, Refusal> {
        self.check(decided)?;
        Ok(match self {
            Self::Set(set) => set.to_intercom(decided),
            Self::Country { intercom, .. } => in_form(decided, *intercom),
            Self::Owner(owners) if !decided.is_blank() => owners.to_intercom(decided)?,
            _ => decided.clone(),
        })
    }

    /// Whether a decided value is one that can be written. A blank always is.
    fn check(&self, decided: &Value) -> Result<(), Refusal> {
        let fits = |fits: bool, code| match fits || decided.is_blank() {
            true => Ok(()),
            false => Err(Refusal(code)),
        };
        match self {
            Self::Date { zone } => {
                let day = moment::day(decided, zone).map(Value::Int);
                fits(day.as_ref() == Some(decided), "not_a_day")
            }
            Self::DateTime => {
                let second = moment::second(decided).map(Value::Int);
                fits(second.as_ref() == Some(decided), "not_a_moment")
            }
            Self::Number { decimal } => fits(
                number(decided, *decimal).as_ref() == Some(decided),
                "not_a_number",
            ),
            Self::Bands(bands) => {
                let label = decided.as_text();
                let known = bands.iter().any(|band| Some(band.label.as_str()) == label);
                fits(known, "in_no_band")
            }
            Self::Picklist {
                values,
                unknown: Unknown::Refuse,
            } => {
                let shown = decided.display();
                fits(values.contains_key(&shown), "not_in_the_list")
            }
            Self::Set(set) => set.check(decided),
            Self::Country { .. } => {
                let known = country::find(&decided.display());
                let is_code = known.is_some_and(|one| decided.as_text() == Some(one.alpha_2));
                fits(is_code, "no_country")
            }
            _ => Ok(()),
        }
    }

    /// Whether a remote that stores `stored` for `sent` has stored what was meant: its own way of
    /// writing numbers, white space, case or a telephone number.
    pub fn equivalent(&self, sent: &Value, stored: &Value) -> bool {
        let plain = |value: &Value| one_space(&value.display()).to_lowercase();
        match self {
            Self::PhoneE164 { region } => {
                e164(&sent.display(), *region) == e164(&stored.display(), *region)
                    || (!digits(sent).is_empty() && digits(sent) == digits(stored))
            }
            Self::Date { zone } => {
                let day = |value| moment::day(value, zone);
                plain(sent) == plain(stored) || same(day(sent), day(stored))
            }
            Self::DateTime => {
                let second = moment::second;
                plain(sent) == plain(stored) || same(second(sent), second(stored))
            }
            Self::Number { decimal } => {
                let number = |value| number(value, *decimal);
                plain(sent) == plain(stored) || same(number(sent), number(stored))
            }
            Self::Set(set) => set.equivalent(sent, stored),
            Self::Owner(owners) => owners.equivalent(sent, stored),
            Self::Country { .. } => {
                let country = |value: &Value| country::find(&value.display());
                plain(sent) == plain(stored) || same(country(sent), country(stored))
            }
            Self::Same
            | Self::SplitName
            | Self::Picklist { .. }
            | Self::Bands(_)
            | Self::HtmlToText { .. }
            | Self::Concat { .. }
            | Self::Constant(_) => plain(sent) == plain(stored),
        }
    }

    /// The values of the Salesforce fields, in the order in which the mapping names them.
    pub fn to_salesforce(&self, decided: &Value, fields: usize) -> Result<Written, Refusal> {
        self.check(decided)?;
        Ok(match (self, decided) {
            (Self::SplitName, _) => split_name(decided, fields),
            (Self::Date { zone }, Value::Int(second)) => {
                let day = moment::written_day(*second, zone);
                smallvec![Value::text(day.ok_or(Refusal("not_a_day"))?)]
            }
            (Self::DateTime, Value::Int(second)) => {
                let moment = moment::written_moment(*second);
                smallvec![Value::text(moment.ok_or(Refusal("not_a_moment"))?)]
            }
            (Self::Picklist { values, .. }, _) => {
                let shown = decided.display();
                let mapped = values.get(&shown).map_or(&shown, |mapped| mapped);
                smallvec![Value::text(mapped.as_str())]
            }
            (Self::Set(set), _) => smallvec![set.to_salesforce(decided)],
            (Self::Country { salesforce, .. }, _) => smallvec![in_form(decided, *salesforce)],
            // Salesforce has no record without an owner.
            (Self::Owner(_), Value::Null) => return Err(Refusal("is_required")),
            (Self::Owner(owners), _) => smallvec![owners.to_salesforce(decided)?],
            (Self::HtmlToText { chars_max }, Value::Text(html)) => {
                smallvec![Value::text(html::text(html, *chars_max))]
            }
            _ => smallvec![decided.clone()],
        })
    }
}

/// A country in one of its forms; what is none stays.
fn in_form(decided: &Value, form: Form) -> Value {
    let known = country::find(&decided.display());
    known.map_or_else(|| decided.clone(), |one| Value::text(one.written(form)))
}

/// The parts that say something, with the separator between them.
fn joined(values: &[&Value], separator: &str) -> Value {
    let parts = values.iter().map(|value| value.display());
    let parts: Vec<String> = parts.filter(|part| !part.trim().is_empty()).collect();
    let parts: Vec<&str> = parts.iter().map(|part| part.trim()).collect();
    Value::text(parts.join(separator))
}

fn constant_for(values: &[&Value], constant: &Value) -> Value {
    match values.iter().all(|value| value.is_blank()) {
        true => Value::Null,
        false => constant.clone(),
    }
}

/// Whether both are known, and the same.
fn same<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.is_some() && one == other
}

/// A value without outer space, as most are.
fn tidied(value: &Value) -> Value {
    match value {
        Value::Text(text) if text.is_empty() || text.trim().len() < text.len() => {
            Value::text(text.trim())
        }
        other => other.clone(),
    }
}

/// What is no value of the transform's kind stays as it is written: it is not lost, and not sent.
fn or_tidied(known: Option<Value>, value: &Value) -> Value {
    known.unwrap_or_else(|| tidied(value))
}

/// The label of a number's band, or of one that is named already.
fn banded(bands: &[Band], value: &Value) -> Option<Value> {
    let shown = value.display();
    let named = bands.iter().find(|band| band.label == shown.trim());
    let of_number = || match number(value, Decimal::Point)? {
        Value::Int(number) => bands.iter().find(|band| band.holds(number)),
        _ => None,
    };
    let band = named.or_else(of_number)?;
    Some(Value::text(band.label.as_str()))
}

/// The last word is the last name, what stands before it the first name; a single word is a last
/// name, since that is the one Salesforce requires.
fn split_name(name: &Value, fields: usize) -> Written {
    let Value::Text(name) = name else {
        return smallvec![Value::Null; fields];
    };
    match name.rsplit_once(' ') {
        Some((first, last)) => smallvec![Value::text(first), Value::text(last)],
        None => smallvec![Value::Null, Value::text(&**name)],
    }
}

/// Two of Intercom's values that are one in Salesforce, or one that is a blank there: the way back
/// would lose them.
pub fn lost_on_the_way_back(values: &BTreeMap<String, String>) -> Option<(&str, &str)> {
    let mut known: BTreeMap<&str, &str> = BTreeMap::from([("", "")]);
    values.iter().find_map(|(ours, theirs)| {
        let other = known.insert(theirs.trim(), ours)?;
        Some((other, ours.as_str()))
    })
}

/// Intercom's value for one that Salesforce shows; a blank is never one of them.
fn intercoms_own<'a>(values: &'a BTreeMap<String, String>, shown: &str) -> Option<&'a str> {
    let mut known = values.iter().filter(|_| !shown.is_empty());
    let found = known.find(|(_, theirs)| theirs.trim() == shown);
    found.map(|(ours, _)| ours.as_str())
}

fn digits(value: &Value) -> String {
    value
        .display()
        .chars()
        .filter(char::is_ascii_digit)
        .collect()
}

/// Whether a text is its own `one_space`, which most are.
fn is_one_spaced(text: &str) -> bool {
    let mut last = ' ';
    let tidy = text.chars().all(|now| {
        let fits = now == ' ' || !now.is_whitespace();
        let fits = fits && !(now == ' ' && last == ' ');
        last = now;
        fits
    });
    tidy && last != ' '
}

/// A text with one space between its words.
pub fn one_space(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
