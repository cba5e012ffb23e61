//! A log entry as JSON and as one line for people.

use crosswalk::domain::customer_event::AccountContext;
use crosswalk::domain::{Change, CommandResult, Message, Observation, ObservationBody, Outcome};
use crosswalk::domain::{CustomerEvent, DeadLetter, Profile, ProfileState, RecordSnapshot};
use crosswalk::log::topics;
use crosswalk::ports::event_log::{Entry, EntryBody};
use serde_json::{Value as Json, json};

use crate::event_json::{Show, merge, records, time};

/// The whole entry; personal values only where `show` says so.
pub fn entry(entry: &Entry, show: Show) -> Json {
    let head = json!({
        "topic": topics::spec(entry.at.topic).name,
        "partition": entry.at.partition,
        "offset": entry.offset,
        "appended_at": time(entry.appended_at.0),
        "key": entry.key,
    });
    let (kind, body) = body(&entry.body, show);
    merge(head, json!({"kind": kind, "body": body}))
}

/// Time, place, what, and its parts as `name=value`.
pub fn line(entry: &Entry, show: Show) -> String {
    let at = time(entry.appended_at.0);
    let at = at.as_str().unwrap_or_default().trim_end_matches('Z');
    let at = at.split_once('T').map_or(at, |(_, time)| time);
    let (kind, body) = body(&entry.body, show);
    let mut line = format!(
        "{at} {}/{}@{} {} {kind}",
        topics::spec(entry.at.topic).name,
        entry.at.partition,
        entry.offset,
        entry.key,
    );
    for (name, value) in body.as_object().into_iter().flatten() {
        if value.is_null() {
            continue;
        }
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        line.push_str(&format!(" {name}={value}"));
    }
    line.replace(['\n', '\r'], " ")
}

fn body(body: &EntryBody, show: Show) -> (&'static str, Json) {
    match body {
        EntryBody::Tombstone => ("tombstone", json!({})),
        EntryBody::Undecodable { bytes, reason } => (
            "undecodable",
            json!({"reason": reason, "bytes": bytes.len()}),
        ),
        EntryBody::Message(message) => self::message(message, show),
    }
}

fn message(message: &Message, show: Show) -> (&'static str, Json) {
    match message {
        Message::Observation(seen) => ("observation", observation(seen, show)),
        Message::Journal(entry) => {
            let head = json!({
                "sequence": entry.sequence,
                "cause": entry.cause.as_ref().map(ToString::to_string),
            });
            (entry.event.name(), merge(head, show.event(&entry.event)))
        }
        Message::Command(command) => ("command", show.command(command)),
        Message::Cursor(cursor) => (
            "cursor",
            json!({"source": cursor.source.as_str(), "name": cursor.name,
                   "position": hex::encode(&cursor.position)}),
        ),
        Message::SourceSchema(schema) => (
            "source_schema",
            json!({"source": schema.source.as_str(), "schema_id": schema.schema_id}),
        ),
        Message::Notification(note) => (
            "notification",
            json!({"what": note.kind, "text": note.text, "records": records(&note.records)}),
        ),
        Message::Trace(trace) => (
            "trace",
            json!({
                "observation": trace.observation.to_string(), "reason": trace.reason,
                "record": trace.record.as_ref().map(ToString::to_string),
            }),
        ),
        Message::DeadLetter(letter) => ("dead_letter", dead_letter(letter, show)),
        Message::CustomerEvent(event) => (event.kind.label(), customer_event(event)),
        Message::Profile(profile) => ("profile", self::profile(profile, show)),
    }
}

fn customer_event(event: &CustomerEvent) -> Json {
    let account = event.account.as_ref().map(place);
    let lineage = &event.lineage;
    json!({
        "event": event.id.to_string(), "customer": event.customer.to_string(),
        "records": records(&event.records), "account": account, "fields": event.fields,
        "observation": event.observation.as_ref().map(ToString::to_string),
        "lineage": {
            "sequence": lineage.sequence,
            "absorbed": lineage.absorbed.as_ref().map(ToString::to_string),
            "founded": lineage.founded.as_ref().map(ToString::to_string),
            "review": lineage.review.as_ref().map(ToString::to_string),
            "policy": lineage.policy,
        },
    })
}

fn place(context: &AccountContext) -> Json {
    json!({
        "account": context.account.to_string(),
        "customer": context.customer.as_ref().map(ToString::to_string),
        "ultimate": context.ultimate.as_ref().map(ToString::to_string),
        "ultimate_customer": context.ultimate_customer.as_ref().map(ToString::to_string),
        "fault": context.fault,
    })
}

fn profile(profile: &Profile, show: Show) -> Json {
    let head = json!({
        "customer": profile.customer.to_string(),
        "what": format!("{:?}", profile.kind).to_lowercase(),
    });
    let state = match &profile.state {
        ProfileState::Golden {
            fields,
            records: known,
            account,
        } => json!({
            "fields": show.fields(fields), "records": records(known),
            "account": account.as_ref().map(place),
        }),
        ProfileState::Alias { of } => json!({"alias_of": of.to_string()}),
    };
    merge(head, state)
}

fn dead_letter(letter: &DeadLetter, show: Show) -> Json {
    let bytes = match show.personal {
        true => json!(String::from_utf8_lossy(&letter.bytes)),
        false => json!(format!("[hidden, {} bytes]", letter.bytes.len())),
    };
    json!({
        "origin": letter.origin, "reason": letter.reason, "hint": letter.hint,
        "command": letter.command.as_ref().map(ToString::to_string), "bytes": bytes,
    })
}

fn observation(seen: &Observation, show: Show) -> Json {
    let head = json!({"observation": seen.id.to_string()});
    let body = match &seen.body {
        ObservationBody::Changed {
            source,
            topic,
            change: seen,
            raw,
        } => {
            let head = json!({"source": source.as_str(), "event": topic});
            let raw = match show.personal {
                true => json!(String::from_utf8_lossy(&raw.bytes)),
                false => json!(format!("[hidden, {} bytes]", raw.bytes.len())),
            };
            merge(merge(head, change(seen, show)), json!({"raw": raw}))
        }
        ObservationBody::Answered(answer) => result(answer, show),
        ObservationBody::MappingOffered { version, hash, .. } => {
            json!({"mapping": {"version": version, "hash": hex::encode(hash)}})
        }
        ObservationBody::ReviewAnswered { review, answer, by } => {
            json!({"review": review.to_string(), "answer": answer.to_string(), "by": by})
        }
        ObservationBody::LetterSettled { letter, how, by } => {
            json!({"letter": letter, "how": how.label(), "by": by})
        }
        ObservationBody::LinkDecided {
            left,
            right,
            same,
            by,
        } => json!({
            "left": left.to_string(), "right": right.to_string(), "same": same, "by": by,
        }),
        ObservationBody::RevertDecided { mapping, since, by } => json!({
            "mapping": hex::encode(mapping), "since": time(since.0), "by": by,
        }),
        ObservationBody::ModeDecided { mode, by } => json!({"mode": mode.label(), "by": by}),
        ObservationBody::BridgeReleased { skip, by } => {
            json!({"skip": skip.map(|id| id.to_string()), "by": by})
        }
    };
    merge(head, body)
}

fn change(change: &Change, show: Show) -> Json {
    match change {
        Change::Shown(shown) => json!({"shown": snapshot(shown, show)}),
        Change::Tagged {
            snapshot: shown,
            tag_id,
            tag_name,
            added,
        } => json!({"tagged": {
            "tag_id": tag_id, "tag_name": tag_name, "added": added,
            "contact": snapshot(shown, show),
        }}),
        Change::Attached {
            company,
            contact,
            attached,
        } => json!({"attached": {
            "attached": attached, "company": snapshot(company, show),
            "contact": snapshot(contact, show),
        }}),
        Change::Merged { survivor, absorbed } => json!({"merged": {
            "absorbed": absorbed.as_ref().map(ToString::to_string),
            "survivor": snapshot(survivor, show),
        }}),
        Change::Left { record, how, at } => json!({"left": {
            "record": record.to_string(), "how": format!("{how:?}").to_lowercase(),
            "version_ms": at.map(|at| [at.from_ms, at.to_ms]),
        }}),
        Change::Kept => json!({"kept": true}),
        Change::Row(row) => json!({"row": snapshot(row, show)}),
        Change::Imported { run, row } => json!({"imported": {
            "run": run, "row": snapshot(row, show),
        }}),
        Change::TagNamed { tag_id, name } => json!({"tag_named": {"tag_id": tag_id, "name": name}}),
        Change::Swept(row) => json!({"swept": snapshot(row, show)}),
        Change::SweptGone { record, at } => json!({"swept_gone": {
            "record": record.to_string(), "version_ms": [at.from_ms, at.to_ms],
        }}),
        Change::SweepEnded {
            run,
            since,
            until,
            compared,
        } => json!({"sweep_ended": {
            "run": run, "since": time(since.0), "until": time(until.0), "compared": compared,
        }}),
        Change::ImportEnded { run, of, rows } => json!({"import_ended": {
            "run": run, "of": of, "rows": rows,
        }}),
        Change::Event(event) => json!({"changed": {
            "record": event.record.to_string(),
            "kind": format!("{:?}", event.kind).to_lowercase(),
            "version_ms": [event.version.from_ms, event.version.to_ms],
            "fields": show.fields(&event.fields), "unread": event.unread,
            "writer": format!("{:?}", event.writer).to_lowercase(), "origin": event.origin,
            "user": event.user, "transaction": event.transaction,
            "transaction_sequence": event.transaction_sequence,
        }}),
    }
}

fn snapshot(shown: &RecordSnapshot, show: Show) -> Json {
    let head = json!({
        "record": shown.record.to_string(),
        "version_ms": [shown.version.from_ms, shown.version.to_ms],
    });
    if !show.personal {
        return merge(head, json!({"fields": shown.fields.len()}));
    }
    let ids = |set: &crosswalk::domain::RefSet| json!({"ids": set.ids, "complete": set.complete});
    let sets = json!({
        "fields": show.fields(&shown.fields),
        "tags": shown.tags.as_ref().map(ids), "companies": shown.companies.as_ref().map(ids),
    });
    merge(head, sets)
}

fn result(result: &CommandResult, show: Show) -> Json {
    let head = json!({
        "command": result.command.to_string(), "source": result.source.as_str(),
        "attempt": result.attempt,
    });
    let outcome = match &result.outcome {
        Outcome::Written {
            record,
            created,
            values,
            ..
        } => json!({"written": {
            "record": record.to_string(), "created": created,
            "values": values.as_ref().map(|values| show.fields(values)),
        }}),
        Outcome::AlreadyThere { snapshot: there } => {
            json!({"already_there": snapshot(there, show)})
        }
        Outcome::FoundOther { snapshot: there } => json!({"found_other": snapshot(there, show)}),
        Outcome::Read { snapshot: there } => json!({"read": snapshot(there, show)}),
        Outcome::NotFound { record } => json!({"not_found": record.to_string()}),
        Outcome::LookedUp { rows, truncated } => {
            let rows: Vec<String> = rows.iter().map(|row| row.record.to_string()).collect();
            json!({"looked_up": {"rows": rows, "truncated": truncated}})
        }
        Outcome::Rejected(rejection) => json!({"rejected": show.rejection(rejection)}),
        Outcome::Unknown { reason } => json!({"unknown": reason}),
    };
    merge(head, outcome)
}
