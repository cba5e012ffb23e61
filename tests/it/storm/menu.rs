//! The faults of both sandboxes.

use crosswalk::sandbox::fault::Rule;
use serde_json::{Value, json};

/// Longer than the process waits for an answer, here.
const HANGS_MS: u64 = 2_500;

/// One fault, on one side.
#[derive(Clone, Debug)]
pub enum Fault {
    Salesforce(Rule),
    Intercom(Rule),
    /// Of the stream of change events, every so many changes.
    Stream(Value, usize),
}

const REQUESTS: [&str; 10] = [
    "unauthorized",
    "forbidden_limit",
    "rate_limited",
    "server_error",
    "locked_row",
    "bad_gateway_html",
    "slow",
    "timeout_after_commit",
    "timeout_before_commit",
    "reset_connection",
];
const NOTIFICATIONS: [&str; 6] = [
    "duplicate",
    "drop",
    "delay",
    "reorder",
    "unsigned",
    "bad_signature",
];
const STREAM: [&str; 5] = [
    "cut",
    "silent",
    "unavailable",
    "duplicate",
    "forget_replay_ids",
];

fn rule(kind: &str, probability: f64, seed: usize) -> Rule {
    let delay = match kind {
        "slow" => Some(300),
        "timeout_after_commit" | "timeout_before_commit" => Some(HANGS_MS),
        "delay" => Some(1_500),
        _ => None,
    };
    let rule = json!({
        "kind": kind, "times": null, "probability": probability, "seed": seed, "delay_ms": delay,
    });
    serde_json::from_value(rule).unwrap()
}

fn stream(kind: &str, each: usize) -> Fault {
    let act = match kind {
        "forget_replay_ids" => json!({"verb": kind}),
        _ => json!({"verb": "pubsub_fault", "kind": kind, "times": 2}),
    };
    Fault::Stream(act, each)
}

/// Every fault, each to strike with this probability.
pub fn menu(probability: f64) -> Vec<Fault> {
    let mut all = Vec::new();
    for (place, kind) in REQUESTS.iter().enumerate() {
        let rule = |seed| rule(kind, probability, seed);
        all.push(Fault::Salesforce(rule(100 + place)));
        // Rows of Intercom are not locked.
        if *kind != "locked_row" {
            all.push(Fault::Intercom(rule(200 + place)));
        }
    }
    for (place, kind) in NOTIFICATIONS.iter().enumerate() {
        all.push(Fault::Intercom(rule(kind, probability, 300 + place)));
    }
    all.extend(STREAM.iter().map(|kind| stream(kind, 400)));
    all
}

/// All at once: together they strike so many requests and so many notifications.
pub fn mixed(probability: f64) -> Vec<Fault> {
    let mut all = Vec::new();
    for fault in menu(probability) {
        all.push(match fault {
            Fault::Salesforce(rule) => Fault::Salesforce(shared(rule, probability)),
            Fault::Intercom(rule) => Fault::Intercom(shared(rule, probability)),
            stream => stream,
        });
    }
    all
}

fn shared(mut rule: Rule, probability: f64) -> Rule {
    let kinds = match NOTIFICATIONS.contains(&name_of(&rule).as_str()) {
        true => NOTIFICATIONS.len(),
        false => REQUESTS.len(),
    };
    rule.probability = Some(probability / kinds as f64);
    rule
}

fn name_of(rule: &Rule) -> String {
    let kind = serde_json::to_value(rule.kind).unwrap();
    kind.as_str().unwrap().to_owned()
}

impl Fault {
    pub fn name(&self) -> String {
        match self {
            Self::Salesforce(rule) => format!("salesforce_{}", name_of(rule)),
            Self::Intercom(rule) => format!("intercom_{}", name_of(rule)),
            Self::Stream(act, _) => {
                let kind = act["kind"].as_str().or(act["verb"].as_str());
                format!("stream_{}", kind.unwrap())
            }
        }
    }
}
