//! One posted notification: verified, understood, stored, and only then acknowledged.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::config::{Config, Secret};
use crate::domain::{BridgeId, Change, DeadLetter, Message, Observation, ObservationBody};
use crate::domain::{ObservationId, RawPayload, SourceId, Timestamp, Topic};
use crate::ingest::appender::Appender;
use crate::ingest::intercom::envelope::Envelope;
use crate::ingest::intercom::translate::{Translated, translate};
use crate::ingest::intercom::verify::Signature;
use crate::ingest::remembered::Remembered;
use crate::ports::clock::Clock;
use crate::ports::event_log::{Outgoing, Place};
use crate::telemetry::metrics;

/// The bridge of a dead letter whose source is not ours.
const UNKNOWN_BRIDGE: &str = "_unknown";
const ORIGIN: &str = "webhook";

/// One configured workspace and where its observations go.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub source: SourceId,
    pub app_id: String,
    pub client_secret: Secret,
    /// Never empty: the configuration refuses a source without a bridge.
    pub bridges: Vec<Destination>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub bridge: BridgeId,
    pub partition: u32,
}

/// What came in, byte for byte.
#[derive(Clone, Debug)]
pub struct Post<'a> {
    pub signature: Option<&'a str>,
    pub traceparent: Option<&'a str>,
    pub content_type: Option<&'a str>,
    pub bytes: &'a [u8],
}

/// How a post ended; the server makes a status of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Stored, durably.
    Accepted,
    /// Stored before, durably.
    Duplicate,
    Ping,
    /// Stored as a dead letter, durably. 200, because errors count toward a pause for everybody.
    DeadLetter,
    BadSignature,
    /// Not known to be stored; the sender should come again.
    Unavailable,
}

impl Answer {
    /// The outcome's name in `webhooks_total`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Ping => "ping",
            Self::DeadLetter => "dead_letter",
            Self::BadSignature => "bad_signature",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Receives the notifications of all configured workspaces.
pub struct Receiver {
    workspaces: Vec<Workspace>,
    appender: Appender,
    append_timeout: Duration,
    remembered: Mutex<Remembered>,
    clock: Arc<dyn Clock>,
}

/// What a post is worth, before anything is stored.
enum Verdict {
    Refused,
    Ping,
    Store {
        /// None where the notification has no id of its own.
        id: Option<ObservationId>,
        entries: Vec<Outgoing>,
        /// The reason, where the entries are dead letters.
        dead: Option<&'static str>,
    },
}

impl Workspace {
    /// The Intercom sources of a configuration.
    pub fn of(config: &Config) -> Vec<Self> {
        let workspace = |source: &crate::config::Source| {
            let intercom = source.intercom()?;
            let bridges = config.bridges_of(&source.id).map(|bridge| Destination {
                bridge: bridge.id.clone(),
                partition: bridge.partition,
            });
            Some(Self {
                source: source.id.clone(),
                app_id: intercom.app_id.clone(),
                client_secret: intercom.client_secret.clone(),
                bridges: bridges.collect(),
            })
        };
        config.sources.values().filter_map(workspace).collect()
    }
}

impl Receiver {
    pub fn new(
        workspaces: Vec<Workspace>,
        appender: Appender,
        append_timeout: Duration,
        remembered_max: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            workspaces,
            appender,
            append_timeout,
            remembered: Mutex::new(Remembered::new(remembered_max)),
            clock,
        }
    }

    pub async fn receive(&self, post: Post<'_>) -> Answer {
        let (id, entries, dead) = match self.judge(&post) {
            Verdict::Refused => return Answer::BadSignature,
            Verdict::Ping => return Answer::Ping,
            Verdict::Store { id, entries, dead } => (id, entries, dead),
        };
        if id.is_some_and(|id| self.remembered().contains(&id)) {
            return Answer::Duplicate;
        }
        let append = self.appender.append(entries);
        match tokio::time::timeout(self.append_timeout, append).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "a webhook is answered 503");
                return Answer::Unavailable;
            }
            Err(_) => {
                tracing::warn!("the log did not answer in time, a webhook is answered 503");
                return Answer::Unavailable;
            }
        }
        // Only now: an id that is remembered before its append is durable would turn the
        // sender's retry into a loss.
        if let Some(id) = id {
            self.remembered().insert(id);
        }
        let Some(reason) = dead else {
            return Answer::Accepted;
        };
        tracing::warn!(reason, "a webhook became a dead letter: {reason}");
        metrics()
            .dead_letters_total
            .with_label_values(&[reason])
            .inc();
        Answer::DeadLetter
    }

    fn judge(&self, post: &Post<'_>) -> Verdict {
        let signed_by = self.signed_by(post);
        if signed_by.is_empty() {
            return Verdict::Refused;
        }
        let envelope = match Envelope::parse(post.bytes) {
            Ok(envelope) => envelope,
            Err(error) => {
                let hint = "the signature is right but the body is no notification; \
                            look at what else posts to this address with the app's secret";
                return self.dead_letter(post, None, &[], error.code(), hint.to_owned());
            }
        };
        let named = self
            .workspaces
            .iter()
            .find(|workspace| workspace.app_id == envelope.app_id);
        if let Some(workspace) = named
            && !signed_by.contains(&&workspace.source)
        {
            return Verdict::Refused;
        }
        if envelope.is_ping() {
            return Verdict::Ping;
        }
        let id = envelope.id.as_deref();
        let id = id.map(|id| ObservationId::of_notification(&envelope.app_id, id));
        let Some(workspace) = named else {
            let hint = "the app is installed in a workspace that is not under sources; \
                        add a source with its app_id, or uninstall the app there";
            return self.dead_letter(post, id, &[], "unknown_workspace", hint.to_owned());
        };
        match translate(&workspace.source, &envelope) {
            Ok(translated) => {
                let app_id = &envelope.app_id;
                let now = self.clock.now();
                let (id, entries) = observations(post, workspace, app_id, translated, now);
                Verdict::Store {
                    id: Some(id),
                    entries,
                    dead: None,
                }
            }
            Err(error) => {
                let hint = format!("{error}; the bytes are kept, report the topic's new shape");
                self.dead_letter(post, id, &workspace.bridges, error.code(), hint)
            }
        }
    }

    /// Every workspace whose secret signed the bytes: several, where one app serves them all.
    fn signed_by(&self, post: &Post<'_>) -> Vec<&SourceId> {
        let Some(signature) = post.signature.and_then(Signature::parse) else {
            return Vec::new();
        };
        self.workspaces
            .iter()
            .filter(|workspace| signature.verifies(&workspace.client_secret, post.bytes))
            .map(|workspace| &workspace.source)
            .collect()
    }

    fn dead_letter(
        &self,
        post: &Post<'_>,
        id: Option<ObservationId>,
        bridges: &[Destination],
        reason: &'static str,
        hint: String,
    ) -> Verdict {
        let at = self.clock.now();
        let letter = |bridge: BridgeId| dead_letter(post, bridge, at, reason, hint.clone());
        let entries = if bridges.is_empty() {
            let unknown = BridgeId::new(UNKNOWN_BRIDGE).expect("a valid id");
            vec![letter(unknown)]
        } else {
            bridges.iter().map(|to| letter(to.bridge.clone())).collect()
        };
        Verdict::Store {
            id,
            entries,
            dead: Some(reason),
        }
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .expect("no holder of this lock panics")
    }
}

/// Takes up again the bytes of a dead letter, whose signature was right when they came. The error
/// is why they still cannot be understood.
pub fn taken_up(
    workspaces: &[Workspace],
    bytes: &[u8],
    now: Timestamp,
) -> Result<Vec<Outgoing>, String> {
    let envelope = Envelope::parse(bytes).map_err(|error| {
        let code = error.code();
        format!("its bytes are no notification ({code}): discard it")
    })?;
    let app_id = &envelope.app_id;
    let named = workspaces.iter().find(|one| one.app_id == *app_id);
    let Some(workspace) = named else {
        let text = "it comes from a workspace that is not under sources; add one with its app_id";
        return Err(text.to_owned());
    };
    let translated = translate(&workspace.source, &envelope).map_err(|error| error.to_string())?;
    let post = Post {
        signature: None,
        traceparent: None,
        content_type: None,
        bytes,
    };
    Ok(observations(&post, workspace, app_id, translated, now).1)
}

/// One copy per bridge of the source, in one append.
fn observations(
    post: &Post<'_>,
    workspace: &Workspace,
    app_id: &str,
    translated: Translated,
    received_at: Timestamp,
) -> (ObservationId, Vec<Outgoing>) {
    let id = ObservationId::of_notification(app_id, &translated.notification_id);
    let traceparent = post.traceparent.filter(|one| is_traceparent(one));
    let copy = |to: &Destination, change: Change| Outgoing {
        topic: Topic::IntercomObserved,
        place: Place::Partition(to.partition),
        key: to.bridge.text(),
        message: Some(Message::Observation(Box::new(Observation {
            id,
            bridge: to.bridge.clone(),
            received_at,
            traceparent: traceparent.map(str::to_owned),
            body: ObservationBody::Changed {
                source: workspace.source.clone(),
                topic: translated.topic.clone(),
                change,
                raw: RawPayload {
                    content_type: content_type(post),
                    bytes: post.bytes.to_vec(),
                },
            },
        }))),
    };
    let Some((last, others)) = workspace.bridges.split_last() else {
        return (id, Vec::new());
    };
    let others = others.iter();
    let mut entries: Vec<_> = others
        .map(|to| copy(to, translated.change.clone()))
        .collect();
    entries.push(copy(last, translated.change));
    (id, entries)
}

fn dead_letter(
    post: &Post<'_>,
    bridge: BridgeId,
    at: Timestamp,
    reason: &str,
    hint: String,
) -> Outgoing {
    Outgoing {
        topic: Topic::DeadLetters,
        place: Place::ByKey,
        key: bridge.text(),
        message: Some(Message::DeadLetter(Box::new(DeadLetter {
            bridge,
            at,
            origin: ORIGIN.to_owned(),
            reason: reason.to_owned(),
            hint,
            command: None,
            bytes: post.bytes.to_vec(),
        }))),
    }
}

fn content_type(post: &Post<'_>) -> String {
    post.content_type.unwrap_or("application/json").to_owned()
}

/// W3C trace context, version 00: lower-case hex, neither id all zeros.
fn is_traceparent(header: &str) -> bool {
    let parts: Vec<&str> = header.split('-').collect();
    let hex = |part: &str, len: usize| {
        part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let not_zero = |part: &str| part.bytes().any(|b| b != b'0');
    match parts[..] {
        ["00", trace, parent, flags] => {
            hex(trace, 32)
                && hex(parent, 16)
                && hex(flags, 2)
                && not_zero(trace)
                && not_zero(parent)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_taken_only_if_well_formed() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_traceparent(good));
        assert!(!is_traceparent(&good.to_uppercase()));
        assert!(!is_traceparent(
            &good.replace("00f067aa0ba902b7", "0000000000000000")
        ));
        assert!(!is_traceparent(&good.replacen("00", "ff", 1)));
        assert!(!is_traceparent(&format!("{good}-x")));
        assert!(!is_traceparent(""));
    }
}
