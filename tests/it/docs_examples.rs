//! The handbook's pages are true: examples are read, documented keys exist with their defaults.

use std::path::Path;

use crosswalk::config::{Config, Error, Variables};

const PAGE: &str = include_str!("../../docs/configuration.md");
const FILE: &str = "/etc/crosswalk/crosswalk.yaml";

/// The least that is taken.
const LEAST: &str = "
sources:
  support: {intercom: {app_id: abc123, client_secret: a, access_token: b}}
  sales:
    salesforce:
      login_url: https://acme.my.salesforce.com
      client_id: c
      client_secret: d
      client_token: crosswalk-main
bridges:
  main: {sources: [support, sales], mapping: mapping.yaml}
";

struct Key {
    path: String,
    default: String,
    range: String,
}

fn example() -> &'static str {
    let (_, rest) = PAGE.split_once("```yaml\n").unwrap();
    rest.split_once("```").unwrap().0
}

fn documented() -> Vec<Key> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        Key {
            path: cells[1].trim_matches('`').to_owned(),
            default: cells[2].trim_matches('`').to_owned(),
            range: cells[3].to_owned(),
        }
    })
    .collect()
}

fn with(path: &str, value: &str) -> Result<Config, Error> {
    let name = format!("CROSSWALK__{}", path.replace('.', "__").to_uppercase());
    let variables = Variables::from([(name, value.to_owned())]);
    Config::parse(Path::new(FILE), LEAST, &variables)
}

#[test]
fn the_configuration_of_the_handbook_is_read() {
    let secrets = [
        "INTERCOM_CLIENT_SECRET",
        "INTERCOM_ACCESS_TOKEN",
        "SALESFORCE_CLIENT_SECRET",
    ];
    let variables: Variables = secrets.map(|name| (name.into(), "secret".into())).into();
    let config = Config::parse(Path::new(FILE), example(), &variables);
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((config.sources.len(), config.bridges.len()), (2, 1));
}

#[test]
fn the_example_shows_every_documented_key() {
    let keys = documented();
    assert!(keys.len() > 40, "only {} keys found", keys.len());
    for key in keys {
        let last = key.path.rsplit('.').next().unwrap_or_default();
        assert!(example().contains(&format!("{last}:")), "{}", key.path);
    }
}

#[test]
fn the_documented_defaults_are_the_real_ones() {
    let plain = Config::parse(Path::new(FILE), LEAST, &Variables::new()).unwrap();
    for key in documented().iter().filter(|key| key.default != "required") {
        let same = with(&key.path, &key.default).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(same, plain, "{} is not {}", key.path, key.default);
    }
}

#[test]
fn nothing_beyond_the_documented_ranges_is_taken() {
    for key in documented() {
        let Some((least, most)) = key.range.split_once(" to ") else {
            continue;
        };
        let most: u64 = most.parse().unwrap();
        assert!(
            with(&key.path, &(most + 1).to_string()).is_err(),
            "{}",
            key.path
        );
        if let Ok(least) = least.parse::<u64>() {
            let below = least.saturating_sub(1).to_string();
            assert!(with(&key.path, &below).is_err(), "{}", key.path);
        }
    }
}
