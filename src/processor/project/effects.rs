//! Work and words that follow from a journal event: commands, dead letters, notifications.

use crate::domain::journal::{BridgeMode, DomainEvent as E, ReadEnding, WalkReason, WriteEnding};
use crate::domain::view::{ViewRead, outstanding};
use crate::domain::{BridgeId, CommandId, DeadLetter, JournalEntry, Message, Notification};
use crate::domain::{Rejection, Topic};
use crate::mapping::Sources;
use crate::ports::event_log::{Outgoing, Place};

/// Projects one entry; `view` is the view before the entry is folded.
pub fn project<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    sources: &Sources,
    partition: u32,
    entry: &JournalEntry,
) -> Vec<Outgoing> {
    let here = |topic, message| Outgoing {
        topic,
        place: Place::Partition(partition),
        key: bridge.text(),
        message: Some(message),
    };
    match &entry.event {
        E::WriteRequested { command } | E::ReadRequested { command, .. } => {
            let salesforce = command.source == sources.salesforce;
            let topic = if salesforce {
                Topic::SalesforceWrites
            } else {
                Topic::IntercomWrites
            };
            vec![Outgoing {
                topic,
                place: Place::ByKey,
                key: command.lane.as_str().into(),
                message: Some(Message::Command(Box::new(command.clone()))),
            }]
        }
        E::WriteSettled {
            command,
            ending: WriteEnding::Rejected(rejection),
            ..
        } => refused(view, bridge, entry, command, "write_rejected", rejection)
            .map(|letter| here(Topic::DeadLetters, letter))
            .into_iter()
            .collect(),
        E::ReadSettled {
            command,
            ending: ReadEnding::Rejected(rejection),
            ..
        } => refused(view, bridge, entry, command, "read_rejected", rejection)
            .map(|letter| here(Topic::DeadLetters, letter))
            .into_iter()
            .collect(),
        _ => notice_of(bridge, entry)
            .map(|notice| here(Topic::Notifications, Message::Notification(notice)))
            .into_iter()
            .collect(),
    }
}

/// What people are told of an entry of the partition's own.
pub fn notice_of_partition(partition: u32, entry: &JournalEntry) -> Option<Outgoing> {
    let (bridge, text) = match &entry.event {
        E::BridgeQuarantined { bridge, reason, .. } => {
            let text = format!(
                "{bridge} takes nothing any more: {reason}. What it is sent waits; the log says \
                 where it panicked. With a version that is mended, or past what it stumbles over: \
                 crosswalk bridge release {bridge}"
            );
            (bridge, text)
        }
        E::BridgeReread {
            bridge,
            input,
            gone,
            ..
        } if *gone > 0 => {
            let text = format!(
                "{bridge}: {gone} entries of {} were not kept until it was released. Their \
                 changes are missing: crosswalk backfill --bridge {bridge}",
                input.topic.label()
            );
            (bridge, text)
        }
        E::BridgeReread { bridge, ended, .. } if *ended => {
            let text = format!("{bridge} has taken what it was sent meanwhile, and goes on");
            (bridge, text)
        }
        _ => return None,
    };
    let notice = notice(bridge, entry, entry.event.name(), text, Vec::new());
    Some(Outgoing {
        topic: Topic::Notifications,
        place: Place::Partition(partition),
        key: bridge.text(),
        message: Some(Message::Notification(notice)),
    })
}

/// What people are told of.
fn notice_of(bridge: &BridgeId, entry: &JournalEntry) -> Option<Notification> {
    Some(match &entry.event {
        E::RecordWaiting { record, missing } => {
            let text = format!("{record} qualifies and waits for: {}", missing.join(", "));
            let records = vec![record.clone()];
            notice(bridge, entry, "record_waiting", text, records)
        }
        E::ConflictOpened {
            review,
            field,
            claims,
            ..
        } => {
            let records: Vec<_> = claims.iter().map(|claim| claim.record.clone()).collect();
            let text = format!("{review}: two sides changed {field}; a person decides");
            notice(bridge, entry, "conflict_opened", text, records)
        }
        E::WalkEnded {
            reason, customers, ..
        } if !matches!(
            reason,
            WalkReason::Owner | WalkReason::Relations | WalkReason::Tree
        ) =>
        {
            let what = match reason {
                WalkReason::Import => "the import is over and pursued",
                WalkReason::Brake => "what waited for a person is written or given up",
                WalkReason::Revert => "what was written under the mapping is undone",
                WalkReason::Live => "what shadow mode had suppressed is pursued and asked for",
                _ => "the new mapping has reached everybody",
            };
            let text = format!("{what}: {customers} customers looked at");
            notice(bridge, entry, "walk_ended", text, Vec::new())
        }
        E::SweepEnded {
            source,
            since,
            until,
            compared,
            healed,
            ..
        } if *healed > 0 => {
            let text = format!(
                "{source}: {healed} records were repaired that no webhook or event had told of; \
                 {compared} saved between {} and {} ms were compared",
                since.0, until.0
            );
            notice(bridge, entry, "sweep_ended", text, Vec::new())
        }
        E::IdentifierShared {
            review,
            record,
            key,
            others,
        } => {
            let rule = key.rule.label();
            let text = format!(
                "{review}: too many records hold one identifier ({rule}), the last of them \
                 {record}: it joins nobody any more"
            );
            let mut records = vec![record.clone()];
            records.extend(others.iter().cloned());
            notice(bridge, entry, "identifier_shared", text, records)
        }
        E::ReviewOpened {
            review,
            kind,
            record,
            candidates,
            reason,
        } => {
            let text = format!("{review}: {kind:?} ({reason}) at {record}");
            let mut records = vec![record.clone()];
            records.extend(candidates.iter().cloned());
            notice(bridge, entry, "review_opened", text, records)
        }
        brakes => return notice_of_brakes(bridge, entry, brakes),
    })
}

/// What people are told of what stops writes of ours.
fn notice_of_brakes(bridge: &BridgeId, entry: &JournalEntry, event: &E) -> Option<Notification> {
    Some(match event {
        E::MassChangeBraked {
            review,
            record,
            field,
            changed,
            records,
            ..
        } => {
            let text = format!(
                "{review}: {field} would be changed in {changed} of {records} records of {}/{} \
                 within an hour; no more are written until a person approves or refuses",
                record.source, record.object
            );
            notice(
                bridge,
                entry,
                "mass_change_braked",
                text,
                vec![record.clone()],
            )
        }
        E::ModeChanged { mode, by } => {
            let text = match mode {
                BridgeMode::Shadow => {
                    format!("{bridge} decides and writes nothing from now on ({by})")
                }
                BridgeMode::Live => format!("{bridge} writes what it decides from now on ({by})"),
            };
            notice(bridge, entry, "mode_changed", text, Vec::new())
        }
        E::BreakerTripped {
            review,
            record,
            field,
            claims,
            reversals,
            ..
        } => {
            let records: Vec<_> = claims.iter().map(|claim| claim.record.clone()).collect();
            let text = format!(
                "{review}: {field} of {record} was changed back {reversals} times; it is written \
                 no more until a person decides"
            );
            notice(bridge, entry, "breaker_tripped", text, records)
        }
        _ => return None,
    })
}

/// The dead letter of a command that the remote refused: the command itself, as JSON.
fn refused<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    entry: &JournalEntry,
    command: &CommandId,
    reason: &str,
    rejection: &Rejection,
) -> Option<Message> {
    let refused = outstanding(view, bridge, command)?;
    Some(Message::DeadLetter(Box::new(DeadLetter {
        bridge: bridge.clone(),
        at: entry.at,
        origin: format!("command {command}"),
        reason: format!("{reason}:{}", rejection.code),
        hint: rejection.hint.clone(),
        command: Some(*command),
        bytes: serde_json::to_vec(&refused.command).unwrap_or_default(),
    })))
}

fn notice(
    bridge: &BridgeId,
    entry: &JournalEntry,
    kind: &str,
    text: String,
    records: Vec<crate::domain::RecordRef>,
) -> Notification {
    Notification {
        bridge: bridge.clone(),
        at: entry.at,
        kind: kind.into(),
        text,
        records,
    }
}
