//! The fault plan: rules that say which requests and notifications go wrong, and how. Pure.

use serde::{Deserialize, Serialize};

use crate::sandbox::derive;

/// How many rules one sandbox keeps.
pub const RULES_MAX: usize = 1_000;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 401; Salesforce really forgets the token that was shown.
    Unauthorized,
    /// The refusal of a used-up allocation: Salesforce 403 REQUEST_LIMIT_EXCEEDED, Intercom 429.
    ForbiddenLimit,
    /// "Slow down": Intercom 429, Salesforce 403 REQUEST_LIMIT_EXCEEDED (it has no 429).
    RateLimited,
    /// Intercom 500 server_error, Salesforce 503 SERVER_UNAVAILABLE.
    ServerError,
    /// Salesforce UNABLE_TO_LOCK_ROW, as parallel writes to children of one parent give it: 400,
    /// or every row of a collection; aim it with `body_contains`. Intercom 500 server_error.
    LockedRow,
    /// A page for people from the gateway in front, status 502.
    BadGatewayHtml,
    /// Answers as usual, `delay_ms` late (3 s unless told).
    Slow,
    /// Applies the request, says nothing for `delay_ms` (60 s unless told), then hangs up.
    TimeoutAfterCommit,
    /// Says nothing for `delay_ms` (60 s unless told), then hangs up; nothing was applied.
    TimeoutBeforeCommit,
    /// Hangs up at once; nothing was applied.
    ResetConnection,
    /// A notification is delivered `extra` more times (1 unless told).
    Duplicate,
    /// A notification is never sent.
    Drop,
    /// A notification is sent `delay_ms` late (2 s unless told).
    Delay,
    /// A notification waits until another one has been delivered, `delay_ms` (2 s) at most.
    Reorder,
    /// A notification is sent without a signature.
    Unsigned,
    /// A notification is sent with a signature made with another secret.
    BadSignature,
}

/// One rule; the control API takes the same shape as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What goes wrong.
    pub kind: Kind,
    /// Only requests with this method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only requests whose path, with its query, contains this.
    #[serde(default)]
    pub path_contains: Option<String>,
    /// Only requests whose body contains this.
    #[serde(default)]
    pub body_contains: Option<String>,
    /// Only notifications with this topic.
    #[serde(default)]
    pub topic: Option<String>,
    /// How often the rule strikes before it is used up: once unless told, `null` for always.
    #[serde(default = "once")]
    pub times: Option<u64>,
    /// The chance that it strikes when it could, drawn from `seed`.
    #[serde(default)]
    pub probability: Option<f64>,
    /// Another seed, another series of strikes; 0 unless told.
    #[serde(default)]
    pub seed: u64,
    /// How long a delay lasts.
    #[serde(default)]
    pub delay_ms: Option<u64>,
    /// How many further copies a duplicate makes.
    #[serde(default)]
    pub extra: Option<u32>,
}

/// A fault that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strike {
    pub(crate) kind: Kind,
    pub(crate) delay_ms: Option<u64>,
    pub(crate) extra: u32,
}

#[derive(Debug, Clone, Serialize)]
struct Planned {
    #[serde(flatten)]
    rule: Rule,
    struck: u64,
    seen: u64,
}

/// The rules of one sandbox, first match wins.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    rules: Vec<Planned>,
}

// === impl Kind ===

impl Kind {
    fn is_about_notifications(self) -> bool {
        use Kind::{BadSignature, Delay, Drop, Duplicate, Reorder, Unsigned};
        matches!(
            self,
            Duplicate | Drop | Delay | Reorder | Unsigned | BadSignature
        )
    }

    /// The name a rule uses for it.
    pub(crate) fn name(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

// === impl Rule ===

impl Rule {
    /// A rule of this kind that strikes the first request or notification it meets.
    pub fn once(kind: Kind) -> Self {
        Self {
            kind,
            method: None,
            path_contains: None,
            body_contains: None,
            topic: None,
            times: once(),
            probability: None,
            seed: 0,
            delay_ms: None,
            extra: None,
        }
    }

    fn fits_request(&self, method: &str, target: &str, body: &[u8]) -> bool {
        !self.kind.is_about_notifications()
            && self
                .method
                .as_deref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self
                .path_contains
                .as_deref()
                .is_none_or(|part| target.contains(part))
            && self
                .body_contains
                .as_deref()
                .is_none_or(|part| String::from_utf8_lossy(body).contains(part))
    }

    fn fits_notification(&self, topic: &str) -> bool {
        self.kind.is_about_notifications()
            && self.topic.as_deref().is_none_or(|wanted| wanted == topic)
    }
}

// === impl Plan ===

impl Plan {
    /// Adds a rule; the refusal is a sentence for the script's author.
    pub(crate) fn add(&mut self, rule: Rule) -> Result<(), String> {
        if self.rules.len() >= RULES_MAX {
            return Err(format!("there are already {RULES_MAX} rules"));
        }
        if rule
            .probability
            .is_some_and(|chance| !(0.0..=1.0).contains(&chance))
        {
            return Err("probability must be between 0 and 1".to_owned());
        }
        self.rules.push(Planned {
            rule,
            struck: 0,
            seen: 0,
        });
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules with how often each was met and struck.
    pub(crate) fn list(&self) -> serde_json::Value {
        serde_json::to_value(&self.rules).unwrap_or_default()
    }

    /// The fault of this request, if it has one. `target` is path and query.
    pub(crate) fn for_request(
        &mut self,
        method: &str,
        target: &str,
        body: &[u8],
    ) -> Option<Strike> {
        self.choose(|rule| rule.fits_request(method, target, body))
    }

    /// The fault of this notification, if it has one.
    pub(crate) fn for_notification(&mut self, topic: &str) -> Option<Strike> {
        self.choose(|rule| rule.fits_notification(topic))
    }

    fn choose(&mut self, fits: impl Fn(&Rule) -> bool) -> Option<Strike> {
        for (place, planned) in self.rules.iter_mut().enumerate() {
            if planned
                .rule
                .times
                .is_some_and(|times| planned.struck >= times)
                || !fits(&planned.rule)
            {
                continue;
            }
            planned.seen += 1;
            let series = match planned.rule.seed {
                0 => "faults".to_owned(),
                seed => format!("faults {seed}"),
            };
            let dice = derive::fraction(&series, &place.to_string(), planned.seen);
            if planned
                .rule
                .probability
                .is_some_and(|chance| dice >= chance)
            {
                continue;
            }
            planned.struck += 1;
            return Some(Strike {
                kind: planned.rule.kind,
                delay_ms: planned.rule.delay_ms,
                extra: planned.rule.extra.unwrap_or(1),
            });
        }
        None
    }
}

// The option is the field's type: null means "always".
fn once() -> Option<u64> {
    Some(1)
}
