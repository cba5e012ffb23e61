//! The JSON Schema and the compiler say the same of words and of what must be there.

use serde_json::Value as Json;

use crate::mapping::schema::schema;
use crate::mapping::tests::small_file::{GOOD, compile};

/// A mapped field in which one key holds a word.
fn with(key: &str, word: &str) -> String {
    let given = format!("{key}: {word}");
    let defaults = ["meaning: m", "owner: salesforce", "direction: both"];
    let others = defaults.into_iter().filter(|one| !one.starts_with(key));
    let keys: Vec<&str> = others.chain([given.as_str()]).collect();
    let field = format!(
        "{{intercom: phone, salesforce: Phone, {}}}",
        keys.join(", ")
    );
    GOOD.replace("  fields: []", &format!("  fields: [{field}]"))
}

fn unknown(text: &str, word: &str) -> bool {
    let findings = compile(text).err().map(|findings| findings.to_string());
    findings.is_some_and(|found| {
        let named = found.contains(&format!("`{word}`"));
        named && (found.contains("is unknown") || found.contains("is neither"))
    })
}

#[test]
fn the_words_that_the_schema_offers_are_those_that_the_compiler_knows() {
    let schema = schema();
    let fields = &schema["$defs"]["FieldFile"]["properties"];
    for key in ["owner", "direction", "conflict", "transform"] {
        let words = fields[key]["enum"].as_array().unwrap();
        for word in words.iter().filter_map(Json::as_str) {
            assert!(!unknown(&with(key, word), word), "{key}: {word}");
        }
        assert!(unknown(&with(key, "zzz"), "zzz"), "{key} takes any word");
    }
    let first_link = &schema["$defs"]["SectionFile"]["properties"]["on_first_link"]["enum"];
    for word in first_link
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Json::as_str)
    {
        let key = format!("  on_first_link: {word}\n  fields: []");
        let text = GOOD.replace("  fields: []", &key);
        assert!(!unknown(&text, word), "{word}");
    }
}

#[test]
fn the_schema_demands_what_the_compiler_demands_and_knows_no_other_key() {
    let schema = schema();
    let field = &schema["$defs"]["FieldFile"];
    let keys = ["intercom", "salesforce", "meaning", "owner", "direction"];
    assert_eq!(field["required"], serde_json::json!(keys));
    for (name, part) in schema["$defs"].as_object().unwrap() {
        let Some(properties) = part["properties"].as_object() else {
            continue;
        };
        assert_eq!(part["additionalProperties"], false, "{name}");
        for (key, property) in properties {
            let told = property["description"].is_string();
            assert!(told, "an editor shows nothing for {name}.{key}");
        }
    }
}
