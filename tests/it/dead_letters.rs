//! `crosswalk dead-letters`: grouped by cause, without values, and nothing is hidden from who asks.

use std::path::Path;

use crosswalk::domain::{BridgeId, Command, DeadLetter, Message, Timestamp, Topic};
use crosswalk::log::embedded::{EmbeddedLog, Options};
use crosswalk::ports::event_log::{EventLog, Outgoing, Place};
use serde_json::{Value as Json, json};

use crate::cli::{folder, output, text};
use crate::sink_remote::{lead, retitle};

const SECRET_TITLE: &str = "Countess";

fn letter(bridge: &str, at: i64, reason: &str, hint: &str, bytes: &[u8]) -> DeadLetter {
    DeadLetter {
        bridge: BridgeId::new(bridge).unwrap(),
        at: Timestamp(at),
        origin: "webhook".into(),
        reason: reason.into(),
        hint: hint.into(),
        command: None,
        bytes: bytes.to_vec(),
    }
}

/// A log that holds these letters, in the order in which they are given.
fn log(config: &str, letters: Vec<DeadLetter>) {
    let path = Path::new(config).parent().unwrap().join("crosswalk-log.db");
    let text = std::fs::read_to_string(config).unwrap();
    let place = format!("log: {{embedded: {{path: {:?}}}}}\n", path);
    std::fs::write(config, text + &place).unwrap();
    let log = EmbeddedLog::open(path, Options::default()).unwrap();
    let outgoing = letters.into_iter().map(|letter| Outgoing {
        topic: Topic::DeadLetters,
        place: Place::Partition(0),
        key: letter.bridge.text(),
        message: Some(Message::DeadLetter(Box::new(letter))),
    });
    log.append(outgoing.collect()).unwrap();
}

fn refused(number: u64, code: &str) -> DeadLetter {
    let command: Command = retitle(number, "a", "", SECRET_TITLE);
    let mut letter = letter(
        "main",
        1_700_000_000_000 + number as i64,
        &format!("write_rejected:{code}"),
        "mend the picklist",
        &serde_json::to_vec(&command).unwrap(),
    );
    letter.command = Some(command.id);
    letter
}

fn listed(config: &str, more: &[&str]) -> Vec<Json> {
    let mut arguments = vec!["dead-letters", "list", "--config", config, "--json"];
    arguments.extend(more);
    let output = output(&arguments);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn letters_are_grouped_by_cause_with_what_happened_and_what_to_do() {
    let (_folder, config) = folder();
    let signed = letter(
        "_unknown",
        1_700_000_000_000,
        "unknown_workspace",
        "configure it",
        b"{}",
    );
    let letters = vec![
        refused(1, "INVALID_PICKLIST"),
        signed,
        refused(2, "INVALID_PICKLIST"),
        refused(3, "FIELD_INTEGRITY_EXCEPTION"),
    ];
    log(&config, letters);
    let groups = listed(&config, &[]);
    let heads: Vec<Json> = groups
        .iter()
        .map(|group| {
            json!([
                group["bridge"],
                group["reason"],
                group["count"],
                group["letters"]
            ])
        })
        .collect();
    assert_eq!(
        heads,
        [
            json!(["main", "write_rejected:INVALID_PICKLIST", 2, ["0@0", "0@2"]]),
            json!(["_unknown", "unknown_workspace", 1, ["0@1"]]),
            json!([
                "main",
                "write_rejected:FIELD_INTEGRITY_EXCEPTION",
                1,
                ["0@3"]
            ]),
        ]
    );
    let first = &groups[0];
    assert_eq!(first["what"], "a remote system refused a write");
    assert_eq!(first["fix"], "mend the picklist");
    assert_eq!(first["records"], json!([lead().to_string()]));
    assert_eq!(first["first"], "2023-11-14T22:13:20.001Z");
    assert_eq!(listed(&config, &["--cause", "write_rejected"]).len(), 2);
    assert_eq!(listed(&config, &["--bridge", "_unknown"]).len(), 1);
    assert_eq!(listed(&config, &["--bridge", "nobody"]).len(), 0);

    let shown = text(&output(&["dead-letters", "list", "--config", &config]).stdout);
    assert!(
        shown.contains("main  write_rejected:INVALID_PICKLIST  2, 2023-11-14"),
        "{shown}"
    );
    assert!(shown.contains(&format!("about {}", lead())), "{shown}");
    assert!(shown.contains("show  0@0, 0@2"), "{shown}");
    assert!(!shown.contains(SECRET_TITLE), "a value is shown: {shown}");
}

#[test]
fn one_letter_is_shown_whole_and_its_bytes_only_to_who_asks() {
    let (_folder, config) = folder();
    let bytes = b"\xffwhat came".to_vec();
    log(
        &config,
        vec![
            refused(1, "X"),
            letter("main", 5, "undecodable: tag 9", "ask", &bytes),
        ],
    );
    let show = |more: &[&str]| {
        let mut arguments = vec!["dead-letters", "show", "--config", &config];
        arguments.extend(more);
        output(&arguments)
    };
    let hidden = text(&show(&["0@0"]).stdout);
    assert!(!hidden.contains(SECRET_TITLE), "{hidden}");
    let hidden: Json = serde_json::from_str(&hidden).unwrap();
    assert_eq!(hidden["records"], json!([lead().to_string()]));
    assert!(hidden["bytes"].as_str().unwrap().starts_with("[hidden, "));
    let whole = text(&show(&["0@0", "--show-personal"]).stdout);
    assert!(whole.contains(SECRET_TITLE), "{whole}");
    assert_eq!(show(&["0@1", "--raw"]).stdout, bytes);
    for (id, told) in [
        ("17", "is no letter's id"),
        ("0@2", "there is no dead letter 0@2"),
        ("9999@0", "there is no partition 9999"),
    ] {
        let refused = show(&[id]);
        assert!(!refused.status.success());
        assert!(text(&refused.stderr).contains(told), "{id}: {refused:?}");
    }
}

#[test]
fn without_letters_or_without_a_log_that_is_said() {
    let (_folder, config) = folder();
    let none = output(&["dead-letters", "list", "--config", &config]);
    assert!(text(&none.stderr).contains("there is no log"), "{none:?}");
    log(&config, vec![]);
    let none = output(&["dead-letters", "list", "--config", &config]);
    assert_eq!(text(&none.stdout), "no dead letters\n");
    assert_eq!(listed(&config, &[]), Vec::<Json>::new());
}

/// Every cause in the handbook, and the handbook's words are the command's.
#[test]
fn the_handbook_names_every_cause() {
    let page = include_str!("../../docs/dead-letters.md");
    let command = include_str!("../../src/bin/crosswalk/dead_letters.rs");
    let table = command.split_once("const CAUSES").unwrap().1;
    let table = table.split_once("];").unwrap().0;
    let words: Vec<&str> = table.split('"').skip(1).step_by(2).collect();
    assert!(
        words.len() >= 30 && words.len().is_multiple_of(2),
        "{words:?}"
    );
    for pair in words.chunks(2) {
        let row = format!("| `{}` | {} |", pair[0], pair[1]);
        assert!(page.contains(&row), "the page lacks {row}");
    }
}

/// What the code buries has words: the causes are named where letters are made.
#[test]
fn every_cause_that_the_code_gives_has_words() {
    let command = include_str!("../../src/bin/crosswalk/dead_letters.rs");
    let known = |code: &str| command.contains(&format!("\"{code}\""));
    let mut found = 0;
    for source in crate::tidy::rust_files("src") {
        let makes = |line: &&str| line.contains("bury(") || line.contains(".dead_letter(");
        for line in source.text.lines().filter(makes) {
            for text in line.split('"').skip(1).step_by(2) {
                let code = text.split(':').next().unwrap();
                assert!(known(code), "{}: {code} has no words", source.path);
                found += 1;
            }
        }
    }
    assert!(found >= 5, "{found} causes were found in the code");
}
