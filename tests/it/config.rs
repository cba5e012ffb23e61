//! The configuration as a table: what is refused, with which words, and what is taken.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crosswalk::config::{AfterGap, Config, Error, Log, LoggingFormat, Variables};
use crosswalk::domain::{BridgeId, SourceId};

use crate::config_refusals::REFUSED;

const FILE: &str = "/etc/crosswalk/crosswalk.yaml";

const GOOD: &str = r#"log:
  embedded: { path: ./data/log.db }
view: { path: ./data/view, open_timeout_seconds: 30, checkpoint_interval_seconds: 5 }
partitions: 1
server: { webhooks: 127.0.0.1:8080, admin: 127.0.0.1:9090, body_bytes_max: 1048576 }
sources:
  support:
    intercom:
      app_id: abc123
      client_secret: { env: INTERCOM_SECRET }
      access_token: token-in-clear
      base_url: https://api.intercom.io/
      api_version: "2.14"
  sales:
    salesforce:
      login_url: https://acme.my.salesforce.com
      client_id: consumer-key
      client_secret: consumer-secret-in-clear
      api_version: "66.0"
      client_token: crosswalk-main
bridges:
  main:
    sources: [support, sales]
    mapping: mapping.yaml
    partition: 0
processor: { batch_observations_max: 500, command_deadline_seconds: 60 }
sink: { lanes_max: 16, request_timeout_seconds: 20 }
logging: { format: json, level: debug }
"#;

const SECRETS: [&str; 3] = [
    "hidden-in-the-environment",
    "token-in-clear",
    "consumer-secret-in-clear",
];

fn variables(more: &[(&str, &str)]) -> Variables {
    let mut variables = Variables::new();
    variables.insert("INTERCOM_SECRET".into(), SECRETS[0].into());
    for (name, value) in more {
        variables.insert((*name).into(), (*value).into());
    }
    variables
}

fn parse(text: &str, more: &[(&str, &str)]) -> Result<Config, Error> {
    Config::parse(Path::new(FILE), text, &variables(more))
}

fn good(more: &[(&str, &str)]) -> Config {
    parse(GOOD, more).unwrap_or_else(|error| panic!("{error}"))
}

fn support() -> SourceId {
    SourceId::new("support").unwrap()
}

fn main() -> BridgeId {
    BridgeId::new("main").unwrap()
}

#[test]
fn the_documented_file_is_read() {
    let config = good(&[]);
    let Log::Embedded { path } = &config.log else {
        panic!("another log")
    };
    assert_eq!(path, Path::new("/etc/crosswalk/./data/log.db"));
    assert_eq!(config.server.webhooks.port(), 8080);
    assert_eq!(config.view.open_timeout, Duration::from_secs(30));
    assert_eq!(config.logging.format, LoggingFormat::Json);
    let intercom = config.sources[&support()].intercom().unwrap();
    assert_eq!(&*intercom.client_secret.reveal(), SECRETS[0]);
    assert_eq!(&*intercom.access_token.reveal(), SECRETS[1]);
    assert_eq!(intercom.base_url, "https://api.intercom.io");
    let bridge = &config.bridges[&main()];
    assert_eq!(bridge.mapping, PathBuf::from("/etc/crosswalk/mapping.yaml"));
    assert_eq!(bridge.partition, 0);
    assert_eq!(config.bridges_of(&support()).count(), 1);
    assert_eq!(config.sink.request_timeout, Duration::from_secs(20));
    // Not in the file:
    assert_eq!(config.sink.doubtful_max, 3);
    assert!(
        !intercom.create_attributes,
        "nothing is made unless allowed"
    );
    assert_eq!(intercom.reserve_percent, 20);
    assert_eq!(intercom.search_lag, Duration::from_secs(120));
    assert_eq!(config.ingest.append_timeout, Duration::from_secs(4));
    assert_eq!(config.feeds.channel, "/data/ChangeEvents");
    assert_eq!(config.feeds.after_gap, AfterGap::Earliest);
    assert_eq!(config.feeds.owners_interval, Duration::from_secs(300));
    assert_eq!(config.feeds.liveness, Duration::from_secs(120));
}

#[test]
fn a_workspace_says_what_writes_may_make_and_leave_to_others() {
    let code = "app_id: abc123";
    let with = |settings: &str| GOOD.replace(code, &format!("{code}\n      {settings}"));
    let set = "create_attributes: true\n      reserve_percent: 1\n      search_lag_seconds: 300";
    let config = parse(&with(set), &[]).unwrap();
    let intercom = config.sources[&support()].intercom().unwrap();
    assert!(intercom.create_attributes);
    assert_eq!(intercom.reserve_percent, 1);
    assert_eq!(intercom.search_lag, Duration::from_secs(300));
    for (setting, problem) in [
        (
            "create_attributes: yes",
            "is \"yes\"; it must be true or false",
        ),
        (
            "reserve_percent: 91",
            "it must be a whole number from 1 to 90",
        ),
        (
            "search_lag_seconds: 0",
            "it must be a whole number from 1 to 86400",
        ),
    ] {
        let refused = parse(&with(setting), &[]).unwrap_err().to_string();
        assert!(refused.contains(problem), "{refused}");
    }
}

#[test]
fn everything_but_sources_and_bridges_has_a_default() {
    let start = GOOD.find("sources:").unwrap();
    let end = GOOD.find("processor:").unwrap();
    let config = parse(&GOOD[start..end], &[]).unwrap();
    let Log::Embedded { path } = &config.log else {
        panic!("another log")
    };
    assert_eq!(path, Path::new("/etc/crosswalk/data/log.db"));
    assert_eq!(config.view.path, Path::new("/etc/crosswalk/data/view"));
    assert_eq!((config.partitions, config.server.admin.port()), (1, 9090));
}

#[test]
fn numbers_without_quotes_are_taken_as_they_are_written() {
    let text = GOOD
        .replace("\"66.0\"", "66.0")
        .replace("\"2.14\"", "2.10")
        .replace("abc123", "0123");
    let config = parse(&text, &[]).unwrap();
    let intercom = config.sources[&support()].intercom().unwrap();
    assert_eq!(
        (intercom.api_version.as_str(), intercom.app_id.as_str()),
        ("2.10", "0123")
    );
    let org = config.sources[&SourceId::new("sales").unwrap()]
        .salesforce()
        .unwrap();
    assert_eq!(org.api_version, "66.0");
}

#[test]
fn the_environment_overrides_the_file() {
    let config = good(&[
        ("CROSSWALK__SERVER__ADMIN", "127.0.0.1:0"),
        (
            "crosswalk__sources__Support__Intercom__CLIENT_SECRET",
            "from-outside",
        ),
        ("CROSSWALK__SINK__DOUBTFUL_MAX", "7"),
        ("CROSSWALK__BRIDGES__MAIN__SOURCES", "[sales, support]"),
        ("CROSSWALK__INGEST__QUEUE_MAX", "9"),
        ("CROSSWALK__FEEDS__AFTER_GAP", "latest"),
        ("CROSSWALK_SERVICE_HOST", "10.0.0.1"),
    ]);
    assert_eq!(config.server.admin.port(), 0);
    assert_eq!(config.server.webhooks.port(), 8080);
    let intercom = config.sources[&support()].intercom().unwrap();
    assert_eq!(&*intercom.client_secret.reveal(), "from-outside");
    assert_eq!((config.sink.doubtful_max, config.ingest.queue_max), (7, 9));
    assert_eq!(config.feeds.after_gap, AfterGap::Latest);
    assert_eq!(config.bridges[&main()].sources[1], support());
}

#[test]
fn names_that_variables_cannot_spell_are_reached_by_underscores() {
    let text = GOOD.replace("support", "eu-support.1");
    let name = "CROSSWALK__SOURCES__EU_SUPPORT_1__INTERCOM__APP_ID";
    let config = parse(&text, &[(name, "zzz999")]).unwrap();
    let source = &config.sources[&SourceId::new("eu-support.1").unwrap()];
    assert_eq!(source.intercom().unwrap().app_id, "zzz999");
}

#[test]
fn a_refusal_names_file_line_field_and_fix() {
    for (said, instead, words) in REFUSED {
        assert!(GOOD.contains(said), "{said}");
        let text = GOOD.replacen(said, instead, 1);
        let error = parse(&text, &[("EMPTY", " ")])
            .expect_err(words)
            .to_string();
        assert_eq!(error, format!("{FILE}{words}"), "for {instead:?}");
    }
}

#[test]
fn a_refused_override_names_its_variable() {
    let cases = [
        (
            "CROSSWALK__SERVER__ADMON",
            "127.0.0.1:1",
            "server.admon is not a known setting; did you mean \"admin\"?",
        ),
        (
            "CROSSWALK__SINK__LANES_MAX",
            "many",
            "sink.lanes_max is \"many\"; it must be a whole number from 1 to 256",
        ),
        (
            "CROSSWALK__FEEDS__CHANNEL",
            "ChangeEvents",
            "feeds.channel is \"ChangeEvents\"; it must be a channel such as /data/ChangeEvents",
        ),
        (
            "CROSSWALK__FEEDS__AFTER_GAP",
            "latst",
            "feeds.after_gap is \"latst\"; it must be earliest or latest; did you mean \"latest\"?",
        ),
        (
            "CROSSWALK__PARTITIONS__X",
            "1",
            "goes below a setting that is a single value; replace that one as a whole",
        ),
        (
            "CROSSWALK__",
            "1",
            "names no setting; write CROSSWALK__SERVER__ADMIN for server.admin",
        ),
        (
            "CROSSWALK__SOURCES__SUPPORT__INTERCOM__APP_ID",
            "",
            "sources.support.intercom.app_id must not be empty",
        ),
    ];
    for (name, value, words) in cases {
        let error = parse(GOOD, &[(name, value)]).unwrap_err().to_string();
        assert_eq!(error, format!("environment variable {name}: {words}"));
    }
}

#[test]
fn two_bridges_do_not_share_an_orgs_token() {
    let second = "  second: { sources: [support, sales], mapping: m.yaml }\nprocessor:";
    let error = parse(&GOOD.replace("processor:", second), &[])
        .unwrap_err()
        .to_string();
    let words = ":14:3: sources.sales.salesforce.client_token marks the writes of two bridges, \
                 main and second, in one org; give each bridge a source with a token of its own";
    assert_eq!(error, format!("{FILE}{words}"));

    let own = "  sales2:\n    salesforce: { login_url: https://acme.my.salesforce.com/, \
               client_id: k, client_secret: s, client_token: TOKEN }\nbridges:\n  \
               second: { sources: [support, sales2], mapping: m.yaml }\n";
    let same = GOOD.replace("bridges:\n", &own.replace("TOKEN", "crosswalk-main"));
    assert!(
        parse(&same, &[])
            .unwrap_err()
            .to_string()
            .contains("two bridges")
    );
    let different = GOOD.replace("bridges:\n", &own.replace("TOKEN", "crosswalk-second"));
    let config = parse(&different, &[]).unwrap();
    assert_eq!(
        config.bridges_of(&support()).count(),
        2,
        "a workspace may be in two bridges"
    );
}

#[test]
fn one_workspace_is_named_once() {
    let twin =
        "sources:\n  twin: { intercom: { app_id: abc123, client_secret: x, access_token: y } }";
    let text = GOOD
        .replacen("sources:", twin, 1)
        .replace("[support,", "[support, twin,");
    let error = parse(&text, &[]).unwrap_err().to_string();
    let words = ":7:3: sources.twin has the app_id of sources.support; name one workspace once";
    assert_eq!(error, format!("{FILE}{words}"));
}

#[test]
fn a_secret_file_is_read_without_its_last_line_break() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "in-a-file\n").unwrap();
    let text = GOOD.replace("{ env: INTERCOM_SECRET }", "{ file: ./secret }");
    let file = folder.path().join("crosswalk.yaml");
    let config = Config::parse(&file, &text, &variables(&[])).unwrap();
    let intercom = config.sources[&support()].intercom().unwrap();
    assert_eq!(&*intercom.client_secret.reveal(), "in-a-file");
}

#[test]
fn loading_wants_the_file_and_its_mapping() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crosswalk.yaml");
    let shown = file.display();
    let error = Config::load(&file).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("{shown} cannot be read: ")),
        "{error}"
    );
    assert!(
        error.ends_with("; name the file with --config FILE"),
        "{error}"
    );
    std::fs::write(&file, GOOD.replace("{ env: INTERCOM_SECRET }", "plain")).unwrap();
    let error = Config::load(&file).unwrap_err().to_string();
    let mapping = folder.path().join("mapping.yaml");
    let words = format!(
        "{shown}:24:14: bridges.main.mapping names {}, which is no file",
        mapping.display()
    );
    assert_eq!(error, words);
    std::fs::write(&mapping, "people: {}\n").unwrap();
    Config::load(&file).unwrap();
}

#[test]
fn no_secret_is_ever_shown() {
    let config = good(&[]);
    let mut shown = vec![format!("{config:?}"), format!("{config:#?}")];
    for (said, instead, _) in REFUSED {
        let error = parse(&GOOD.replacen(said, instead, 1), &[("EMPTY", " ")]).unwrap_err();
        shown.extend([error.to_string(), format!("{error:?}")]);
    }
    // The file broken at every line, and at every secret.
    for (number, _) in GOOD.lines().enumerate() {
        for breakage in ["  - [", "\t: }", "\"", "'", "&a *b", "!!binary"] {
            let lines: Vec<String> = GOOD
                .lines()
                .enumerate()
                .map(|(at, line)| format!("{line}{}", if at == number { breakage } else { "" }))
                .collect();
            if let Err(error) = parse(&lines.join("\n"), &[]) {
                shown.extend([error.to_string(), format!("{error:?}")]);
            }
        }
    }
    for secret in SECRETS {
        for odd in [
            "[X]",
            "{env: X, file: X}",
            "*X",
            "{X: 1}",
            "!!int X",
            "\"X",
            "{file: \"\\q\"}",
        ] {
            let text = GOOD.replacen("token-in-clear", &odd.replace('X', "Y"), 1);
            if let Err(error) = parse(&text, &[]) {
                shown.push(error.to_string());
            }
        }
        for text in &shown {
            assert!(!text.contains(secret), "{secret} is shown in {text}");
        }
    }
    assert!(shown.len() > 100);
}
