//! A journal event as JSON for people. Values are shown only on request; ids always.

use crosswalk::domain::command::{Command, CommandKind, ReadCommand, WriteTarget};
use crosswalk::domain::journal::{Claim, Desire, DomainEvent, HeldObservation, ReadEnding};
use crosswalk::domain::journal::{InputRange, WriteEnding};
use crosswalk::domain::{Fields, MatchKey, Name, RecordRef, Rejection, Value};
use serde_json::{Map, Value as Json, json};

/// Shows values, or says only that there is one.
#[derive(Clone, Copy)]
pub struct Show {
    pub personal: bool,
}

impl Show {
    pub fn value(self, value: &Value) -> Json {
        match value {
            Value::Null => Json::Null,
            _ if !self.personal => json!("[hidden]"),
            Value::Bool(bool) => json!(bool),
            Value::Int(int) => json!(int),
            Value::Float(bits) => json!(f64::from_bits(*bits)),
            Value::Text(text) => json!(text),
        }
    }

    pub fn text(self, text: &str) -> Json {
        self.value(&Value::text(text))
    }

    pub fn fields(self, fields: &Fields) -> Json {
        let shown = |(name, value): (&Name, &Value)| (name.to_string(), self.value(value));
        Json::Object(fields.iter().map(shown).collect())
    }

    pub fn rejection(self, rejection: &Rejection) -> Json {
        json!({
            "class": rejection.class.as_str(),
            "code": rejection.code,
            "text": self.text(&rejection.text),
            "fields": rejection.fields,
            "records": records(&rejection.records),
            "hint": rejection.hint,
        })
    }

    pub fn command(self, command: &Command) -> Json {
        let head = json!({
            "command": command.id.to_string(),
            "source": command.source.as_str(),
            "attempt": command.attempt,
            "lane": command.lane,
            "deadline": time(command.deadline.0),
            "cause": command.cause.to_string(),
        });
        let kind = match &command.kind {
            CommandKind::Write(write) => {
                let field = |field: &crosswalk::domain::FieldWrite| {
                    let to_and_from = json!({
                        "value": self.value(&field.value), "expect": self.value(&field.expect),
                    });
                    (field.name.to_string(), to_and_from)
                };
                let fields: Map<String, Json> = write.fields.iter().map(field).collect();
                json!({"write": {
                    "target": target(&write.target),
                    "sequence": write.sequence,
                    "reads_first": command.reads_first(),
                    "fields": fields,
                }})
            }
            CommandKind::Read(ReadCommand::Record { record, .. }) => {
                json!({"read": record.to_string()})
            }
            CommandKind::Read(ReadCommand::Gone { record }) => {
                json!({"read_gone": record.to_string()})
            }
            CommandKind::Read(ReadCommand::Lookup(lookup)) => {
                let queries = lookup.queries.iter().map(|query| {
                    let by: Vec<&str> = query.any_of.iter().map(|(name, _)| &**name).collect();
                    json!({"object": query.object.as_str(), "by": by})
                });
                let queries: Vec<Json> = queries.collect();
                json!({"lookup": {"origin": lookup.origin.to_string(), "queries": queries}})
            }
        };
        merge(head, kind)
    }

    fn desire(self, desire: &Desire) -> (String, Json) {
        let basis = format!("{:?}", desire.basis).to_lowercase();
        let shown = json!({"value": self.value(&desire.value), "basis": basis});
        (desire.name.to_string(), shown)
    }

    fn held(self, held: &HeldObservation) -> Json {
        json!({
            "observation": held.observation.to_string(),
            "via": format!("{:?}", held.via).to_lowercase(),
            "fields": self.fields(&held.fields),
        })
    }

    /// What the event says, without its name.
    pub fn event(self, event: &DomainEvent) -> Json {
        match event {
            DomainEvent::MappingActivated { version, hash, .. } => {
                json!({"version": version, "hash": hex::encode(hash)})
            }
            DomainEvent::TagNamed {
                source,
                tag_id,
                name,
            } => {
                json!({"source": source.as_str(), "tag_id": tag_id, "name": name})
            }
            DomainEvent::WriteRequested { command }
            | DomainEvent::WriteSuppressed { command, .. } => self.command(command),
            DomainEvent::ReadRequested { command, purpose } => merge(
                self.command(command),
                json!({"purpose": format!("{purpose:?}")}),
            ),
            DomainEvent::WriteSettled {
                command,
                attempt,
                record,
                ending,
            } => json!({
                "command": command.to_string(), "attempt": attempt,
                "record": record.to_string(), "ending": self.write_ending(ending),
            }),
            DomainEvent::ReadSettled {
                command,
                attempt,
                ending,
            } => json!({
                "command": command.to_string(), "attempt": attempt,
                "ending": self.read_ending(ending),
            }),
            DomainEvent::ReviewClosed { review, how } => {
                json!({"review": review.to_string(), "how": how})
            }
            of_many => of_those_beside(of_many)
                .or_else(|| of_bookkeeping(of_many))
                .unwrap_or_else(|| self.of_records(of_many)),
        }
    }

    fn of_records(self, event: &DomainEvent) -> Json {
        match event {
            DomainEvent::CustomerFounded {
                customer,
                kind,
                record,
            } => json!({
                "customer": customer.to_string(), "record": record.to_string(),
                "kind": format!("{kind:?}").to_lowercase(),
            }),
            DomainEvent::RecordSeen {
                record,
                version,
                via,
                fields,
                tags,
                companies,
                keys,
            } => {
                json!({
                    "record": record.to_string(), "via": format!("{via:?}").to_lowercase(),
                    "version_ms": [version.from_ms, version.to_ms],
                    "fields": self.fields(fields), "tags": tags, "companies": companies,
                    "keys": keys.as_ref().map(|keys| keys.iter().map(key).collect::<Vec<_>>()),
                })
            }
            DomainEvent::RecordLeft { record, how, at } => {
                json!({
                    "record": record.to_string(), "how": format!("{how:?}").to_lowercase(),
                    "version_ms": at.map(|at| [at.from_ms, at.to_ms]),
                })
            }
            DomainEvent::RecordLinked {
                left,
                right,
                rule,
                rule_version,
                evidence,
                customer,
                absorbed,
            } => json!({
                "left": left.to_string(), "right": right.to_string(),
                "rule": format!("{rule:?}"), "rule_version": rule_version, "evidence": evidence,
                "customer": customer.to_string(),
                "absorbed": absorbed.as_ref().map(ToString::to_string),
            }),
            DomainEvent::LinkDeferred {
                record,
                behind,
                deadline,
            } => json!({
                "record": record.to_string(), "behind": behind.to_string(),
                "deadline": time(deadline.0),
            }),
            DomainEvent::RecordWaiting { record, missing } => {
                json!({"record": record.to_string(), "missing": missing})
            }
            DomainEvent::CompanyAwaited { record, company } => {
                json!({"record": record.to_string(), "company": company.to_string()})
            }
            DomainEvent::FieldAgreed {
                customer,
                field,
                value,
                previous,
                by,
                policy,
                version,
            } => json!({
                "customer": customer.to_string(), "field": field, "by": by.to_string(),
                "policy": policy, "value": self.value(value), "previous": self.value(previous),
                "version_ms": [version.from_ms, version.to_ms],
            }),
            waiting => self.of_waiting(waiting),
        }
    }

    fn of_waiting(self, event: &DomainEvent) -> Json {
        match event {
            DomainEvent::DesiredChanged { record, desires } => {
                let desires: Map<String, Json> =
                    desires.iter().map(|desire| self.desire(desire)).collect();
                json!({"record": record.to_string(), "desires": desires})
            }
            DomainEvent::WriteBlocked { record, review, .. } => {
                json!({"record": record.to_string(), "review": review.to_string()})
            }
            DomainEvent::WriteUnblocked { record, why }
            | DomainEvent::DeferralEnded { record, why } => {
                json!({"record": record.to_string(), "why": why})
            }
            DomainEvent::ObservationHeld {
                record,
                held,
                deadline,
            } => json!({
                "record": record.to_string(), "held": self.held(held),
                "deadline": time(deadline.0),
            }),
            DomainEvent::HoldReleased {
                record,
                observation,
                verdict,
            } => json!({
                "record": record.to_string(), "observation": observation.to_string(),
                "verdict": format!("{verdict:?}").to_lowercase(),
            }),
            DomainEvent::ReviewOpened {
                review,
                kind,
                record,
                candidates,
                reason,
            } => json!({
                "review": review.to_string(), "kind": format!("{kind:?}").to_lowercase(),
                "record": record.to_string(), "candidates": records(candidates),
                "reason": reason,
            }),
            DomainEvent::RecordReturned { record }
            | DomainEvent::WaitingEnded { record }
            | DomainEvent::SuppressionEnded { record }
            | DomainEvent::RereadRequired { record } => json!({"record": record.to_string()}),
            of_both_sides => self.of_both_sides(of_both_sides),
        }
    }

    fn of_both_sides(self, event: &DomainEvent) -> Json {
        match event {
            DomainEvent::ConflictDecided {
                customer,
                field,
                policy,
                kept,
                lost,
            } => json!({
                "customer": customer.to_string(), "field": field, "policy": policy,
                "kept": self.claim(kept), "lost": self.claim(lost),
            }),
            DomainEvent::ConflictOpened {
                review,
                customer,
                field,
                claims,
            } => json!({
                "review": review.to_string(), "customer": customer.to_string(), "field": field,
                "claims": claims.iter().map(|claim| self.claim(claim)).collect::<Vec<_>>(),
            }),
            DomainEvent::FormAccepted {
                record,
                name,
                desired,
                stored,
            } => json!({
                "record": record.to_string(), "name": name,
                "desired": self.value(desired), "stored": self.value(stored),
            }),
            DomainEvent::EchoSuppressed {
                record,
                signal,
                write,
                fields,
            } => json!({
                "record": record.to_string(), "signal": format!("{signal:?}").to_lowercase(),
                "write": write, "fields": fields,
            }),
            DomainEvent::LeadConverted {
                lead,
                contact,
                account,
                opportunity,
            } => json!({
                "lead": lead.to_string(),
                "contact": contact.as_ref().map(ToString::to_string),
                "account": account.as_ref().map(ToString::to_string),
                "opportunity": opportunity.as_ref().map(ToString::to_string),
            }),
            DomainEvent::OwnerSeen { owner, fields } => {
                json!({"owner": owner.to_string(), "fields": self.fields(fields)})
            }
            DomainEvent::ReviewAnswered { review, answer, by } => {
                json!({"review": review.to_string(), "answer": answer, "by": by})
            }
            DomainEvent::RecordsUnlinked {
                left,
                right,
                by,
                customer,
                founded,
                moved,
            } => json!({
                "left": left.to_string(), "right": right.to_string(), "by": by,
                "customer": customer.to_string(), "founded": founded.to_string(),
                "moved": moved.iter().map(ToString::to_string).collect::<Vec<_>>(),
            }),
            DomainEvent::IdentifierShared {
                review,
                record,
                key,
                others,
            } => json!({
                "review": review.to_string(), "record": record.to_string(), "key": self::key(key),
                "others": others.iter().map(ToString::to_string).collect::<Vec<_>>(),
            }),
            DomainEvent::IdentifierFreed { key } => json!({"key": self::key(key)}),
            DomainEvent::RecordsKeptApart { left, right, by } => json!({
                "left": left.to_string(), "right": right.to_string(), "by": by,
            }),
            DomainEvent::LetterSettled { letter, how, by } => {
                json!({"letter": letter, "how": how, "by": by})
            }
            of_brakes => self.of_brakes(of_brakes),
        }
    }

    /// What stops writes, lets them go on, or undoes them.
    fn of_brakes(self, event: &DomainEvent) -> Json {
        match event {
            DomainEvent::BreakerTripped {
                review,
                record,
                field,
                names,
                claims,
                reversals,
                since,
            } => json!({
                "review": review.to_string(), "record": record.to_string(), "field": field,
                "names": names, "reversals": reversals, "since": time(since.0),
                "claims": claims.iter().map(|claim| self.claim(claim)).collect::<Vec<_>>(),
            }),
            DomainEvent::BreakerReset { record, names } => {
                json!({"record": record.to_string(), "names": names})
            }
            DomainEvent::RevertDecided { mapping, since, by } => json!({
                "mapping": hex::encode(mapping), "since": time(since.0), "by": by,
            }),
            DomainEvent::MassChangeBraked {
                review,
                record,
                field,
                names,
                changed,
                records,
            } => json!({
                "review": review.to_string(), "record": record.to_string(), "field": field,
                "names": names, "changed": changed, "records": records,
            }),
            DomainEvent::MassChangeSettled {
                review,
                approved_until,
            } => json!({
                "review": review.to_string(), "approved_until": approved_until.map(|at| time(at.0)),
            }),
            DomainEvent::ModeChanged { mode, by } => json!({"mode": mode.label(), "by": by}),
            _ => Json::Null,
        }
    }

    pub fn claim(self, claim: &Claim) -> Json {
        json!({
            "record": claim.record.to_string(), "value": self.value(&claim.value),
            "version_ms": [claim.version.from_ms, claim.version.to_ms],
        })
    }

    fn write_ending(self, ending: &WriteEnding) -> Json {
        match ending {
            WriteEnding::Done {
                created, values, ..
            } => json!({
                "done": {"created": created, "values": values.as_ref().map(|v| self.fields(v))},
            }),
            WriteEnding::FoundOther => json!("found_other"),
            WriteEnding::Rejected(rejection) => json!({"rejected": self.rejection(rejection)}),
            WriteEnding::Unknown { reason } => json!({"unknown": reason}),
        }
    }

    fn read_ending(self, ending: &ReadEnding) -> Json {
        match ending {
            ReadEnding::Answered => json!("answered"),
            ReadEnding::NotFound => json!("not_found"),
            ReadEnding::Rejected(rejection) => json!({"rejected": self.rejection(rejection)}),
            ReadEnding::Unknown { reason } => json!({"unknown": reason}),
        }
    }
}

/// A time by our clock, as people read it.
pub fn time(ms: i64) -> Json {
    let at = jiff::Timestamp::from_millisecond(ms);
    at.map_or_else(|_| json!(ms), |at| json!(format!("{at:.3}")))
}

pub fn records(records: &[RecordRef]) -> Vec<String> {
    records.iter().map(ToString::to_string).collect()
}

pub fn merge(mut head: Json, tail: Json) -> Json {
    if let (Some(head), Json::Object(tail)) = (head.as_object_mut(), tail) {
        head.extend(tail);
    }
    head
}

fn target(target: &WriteTarget) -> Json {
    match target {
        WriteTarget::Record(record) => json!({"update": record.to_string()}),
        WriteTarget::Create {
            object,
            key_field,
            key_value,
            origin,
        } => json!({"create": {
            "object": object.as_str(), "key_field": key_field, "key_value": key_value,
            "origin": origin.to_string(),
        }}),
        WriteTarget::Attach { contact, company } => json!({"attach": {
            "contact": contact.to_string(), "company": company.to_string(),
        }}),
    }
}

fn key(key: &MatchKey) -> String {
    format!("{:?}:{}", key.rule, hex::encode(&key.hash[..4]))
}

/// What imports, walks and sweeps say; none for any other event.
fn of_those_beside(event: &DomainEvent) -> Option<Json> {
    Some(match event {
        DomainEvent::ImportEnded {
            source,
            run,
            of,
            rows,
        } => json!({"source": source.as_str(), "run": run, "of": of, "rows": rows}),
        DomainEvent::SweepEnded {
            source,
            run,
            since,
            until,
            compared,
            healed,
        } => json!({
            "source": source.as_str(), "run": run, "since": time(since.0),
            "until": time(until.0), "compared": compared, "healed": healed,
        }),
        DomainEvent::RecordHealed { record, fields } => json!({
            "record": record.to_string(), "fields": fields,
        }),
        DomainEvent::WalkStarted {
            reason,
            record,
            version,
            since,
        } => json!({
            "reason": reason.label(), "version": version, "since": since.map(|at| time(at.0)),
            "record": record.as_ref().map(ToString::to_string),
        }),
        DomainEvent::WalkAdvanced {
            walk,
            to,
            customers,
        } => json!({"walk": walk, "to": to.to_string(), "customers": customers}),
        DomainEvent::WalkEnded {
            walk,
            reason,
            customers,
        } => json!({"walk": walk, "reason": reason.label(), "customers": customers}),
        DomainEvent::PlacesTold {
            walk,
            path,
            customers,
        } => json!({
            "walk": walk, "path": records(path),
            "customers": customers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        _ => return None,
    })
}

fn range(range: &InputRange) -> String {
    format!(
        "{:?}/{} {}..{}",
        range.topic, range.partition, range.from, range.to
    )
}

/// Time, batches, digests, bridges that stand aside.
fn of_bookkeeping(event: &DomainEvent) -> Option<Json> {
    Some(match event {
        DomainEvent::TimeAdvanced { to } => json!({"to": time(to.0)}),
        DomainEvent::BatchConsumed {
            inputs,
            observations,
            unchanged,
        } => {
            let inputs: Vec<String> = inputs.iter().map(range).collect();
            json!({
                "inputs": inputs, "observations": observations.len(), "unchanged": unchanged,
            })
        }
        DomainEvent::DigestRecorded {
            digest,
            view_version,
        } => json!({"digest": hex::encode(digest), "view_version": view_version}),
        DomainEvent::BridgeQuarantined {
            bridge,
            positions,
            reason,
            cause,
        } => {
            let positions: Vec<String> = positions.iter().map(range).collect();
            json!({
                "bridge": bridge.as_str(), "reason": reason, "positions": positions,
                "cause": cause.map(|id| id.to_string()),
            })
        }
        DomainEvent::BridgeReleased { bridge, skip, by } => json!({
            "bridge": bridge.as_str(), "skip": skip.map(|id| id.to_string()), "by": by,
        }),
        DomainEvent::BridgeReread {
            bridge,
            input,
            gone,
            observations,
            unchanged,
            ended,
        } => json!({
            "bridge": bridge.as_str(), "input": range(input), "gone": gone,
            "observations": observations.len(), "unchanged": unchanged, "ended": ended,
        }),
        _ => return None,
    })
}
