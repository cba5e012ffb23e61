//! Judges the attributes of a workspace against what a mapping needs. Pure.

use serde_json::Value as Json;

use super::fit::{Class, Types};
use super::needs::Attributes;
use super::report::{Line, State};

/// What crosswalk has to be told of; the reasons stand in docs/intercom-setup.md.
pub const TOPICS: [&str; 22] = [
    "contact.lead.created",
    "contact.lead.updated",
    "contact.lead.added_email",
    "contact.lead.signed_up",
    "contact.user.created",
    "contact.user.updated",
    "contact.email.updated",
    "contact.subscribed",
    "contact.unsubscribed",
    "contact.lead.tag.created",
    "contact.lead.tag.deleted",
    "contact.user.tag.created",
    "contact.user.tag.deleted",
    "contact.merged",
    "contact.archived",
    "contact.unarchived",
    "contact.deleted",
    "company.created",
    "company.updated",
    "company.deleted",
    "company.contact.attached",
    "company.contact.detached",
];

/// The custom attributes that the mapping reads or writes, against those listed. With `makes` a
/// write makes what it lacks.
pub fn judge(source: &str, needed: &Attributes, listed: &[Json], makes: bool) -> Vec<Line> {
    let mut lines: Vec<Line> = needed
        .iter()
        .filter_map(|((model, name), need)| {
            let at = format!("{source}: custom attribute {name} of a {model}");
            let line = of_attribute(&at, model, name, need.is_written, listed)?;
            Some(match line {
                Verdict::Absent if makes && need.is_written => {
                    Line::ok(format!("{at} will be made by the first write of it"))
                }
                Verdict::Absent => Line::missing(
                    format!("{at} is not there"),
                    "make it under Settings > Data, with the type of the field it is mapped to",
                ),
                Verdict::Unusable(line) => line,
            })
        })
        .collect();
    if !needed.is_empty() && lines.iter().all(|line| line.state != State::Missing) {
        let count = needed.len() - lines.len();
        let what = format!("{source}: {count} custom attributes are there and fit");
        lines.insert(0, Line::ok(what));
    }
    lines
}

enum Verdict {
    Absent,
    Unusable(Line),
}

/// None where all is well.
fn of_attribute(
    at: &str,
    model: &str,
    name: &str,
    is_written: bool,
    listed: &[Json],
) -> Option<Verdict> {
    let unusable = |what: String, fix: &str| Some(Verdict::Unusable(Line::missing(what, fix)));
    let named = |model: &str| {
        let mut named = listed.iter();
        named.find(|one| one["custom"] != false && one["name"] == name && one["model"] == model)
    };
    let Some(told) = named(model) else {
        let other = if model == "contact" {
            "company"
        } else {
            "contact"
        };
        if named(other).is_none() {
            return Some(Verdict::Absent);
        }
        let fix =
            "Intercom takes a name once, and the other kind of record has it: map another name";
        return unusable(format!("{at} is not there"), fix);
    };
    if told["archived"] == true {
        let what = format!("{at} is archived");
        return unusable(what, "take it out of the archive under Settings > Data");
    }
    let data_type = told["data_type"].as_str().unwrap_or_default();
    if Class::of_attribute(data_type).is_none() {
        let what = format!("{at} is of type {data_type}, which holds no single value");
        return unusable(what, "map another attribute");
    }
    if is_written && told["api_writable"] == false {
        let what = format!("{at} cannot be written by the API");
        let fix = "map another attribute, or write `direction: to_salesforce`";
        return unusable(what, fix);
    }
    None
}

/// The data types of the custom attributes that can be used.
pub fn types(listed: &[Json]) -> Types {
    let custom = listed.iter().filter(|one| one["custom"] != false);
    custom
        .filter_map(|one| {
            let text = |name: &str| one[name].as_str().map(str::to_owned);
            Some(((text("model")?, text("name")?), text("data_type")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::needs::Attribute;
    use serde_json::json;

    fn check(listed: Json, expected: &[(State, &str)]) {
        let needed = Attributes::from([(
            ("contact".into(), "tier".into()),
            Attribute { is_written: true },
        )]);
        let lines = judge("support", &needed, listed.as_array().unwrap(), false);
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        for (line, (state, words)) in lines.iter().zip(expected) {
            assert_eq!(line.state, *state, "{line:?}");
            let whole = format!("{}  {}", line.what, line.fix);
            assert!(whole.contains(words), "{whole}");
        }
    }

    fn attribute(model: &str, more: Json) -> Json {
        let mut one = json!({"name": "tier", "model": model, "custom": true,
            "data_type": "string", "archived": false, "api_writable": true});
        for (key, value) in more.as_object().unwrap() {
            one[key] = value.clone();
        }
        one
    }

    #[test]
    fn an_attribute_must_be_there_for_its_model_usable_and_writable() {
        let missing = State::Missing;
        check(
            json!([attribute("contact", json!({}))]),
            &[(State::Ok, "1 custom")],
        );
        check(json!([]), &[(missing, "Settings > Data")]);
        let company = attribute("company", json!({}));
        check(json!([company]), &[(missing, "takes a name once")]);
        let both = [company, attribute("contact", json!({}))];
        check(json!(both), &[(State::Ok, "1 custom")]);
        for (more, words) in [
            (json!({"archived": true}), "out of the archive"),
            (json!({"data_type": "relationship"}), "no single value"),
            (json!({"api_writable": false}), "cannot be written"),
            (json!({"custom": false}), "is not there"),
        ] {
            check(json!([attribute("contact", more)]), &[(missing, words)]);
        }
    }

    #[test]
    fn what_a_write_makes_by_itself_is_not_missing() {
        let key = |name: &str| ("contact".to_owned(), name.to_owned());
        let needed = Attributes::from([
            (key("tier"), Attribute { is_written: true }),
            (key("size"), Attribute { is_written: false }),
        ]);
        let states = |listed: &[Json]| -> Vec<State> {
            let lines = judge("support", &needed, listed, true);
            lines.into_iter().map(|line| line.state).collect()
        };
        assert_eq!(states(&[]), [State::Missing, State::Ok]);
        let clash = attribute("company", json!({}));
        assert_eq!(states(&[clash]), [State::Missing, State::Missing]);
    }

    #[test]
    fn the_topics_are_those_of_the_handbook() {
        let page = include_str!("../../../../docs/intercom-setup.md");
        let rows = page
            .lines()
            .filter(|line| line.starts_with("| `contact.") || line.starts_with("| `company."));
        let cells = rows.filter_map(|row| row.split('|').nth(1));
        let documented: Vec<&str> = cells
            .flat_map(|cell| cell.split(','))
            .map(|topic| topic.trim().trim_matches('`'))
            .collect();
        assert_eq!(documented, TOPICS);
    }
}
