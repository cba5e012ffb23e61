//! Strategies for journal events: each of them, with everything they hold.

use proptest::collection::{btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::arbitrary::*;
use crate::domain::journal::*;
use crate::domain::*;

pub fn customer() -> impl Strategy<Value = CustomerId> {
    any::<[u8; 16]>().prop_map(CustomerId::from_bytes)
}

fn via() -> impl Strategy<Value = Via> {
    select(vec![
        Via::Webhook,
        Via::Read,
        Via::Lookup,
        Via::Write,
        Via::Feed,
        Via::Row,
        Via::Sweep,
    ])
}

fn walk_reason() -> impl Strategy<Value = WalkReason> {
    select(vec![
        WalkReason::Import,
        WalkReason::Mapping,
        WalkReason::Owner,
        WalkReason::Relations,
        WalkReason::Tree,
        WalkReason::Live,
        WalkReason::Brake,
        WalkReason::Revert,
    ])
}

fn rule() -> impl Strategy<Value = MatchRule> {
    select(vec![
        MatchRule::Explicit,
        MatchRule::ExternalId,
        MatchRule::Email,
        MatchRule::Phone,
        MatchRule::AccountKey,
        MatchRule::Domain,
        MatchRule::Created,
        MatchRule::SourceMerge,
        MatchRule::Conversion,
        MatchRule::Operator,
    ])
}

fn match_key() -> impl Strategy<Value = MatchKey> {
    (rule(), any::<[u8; 16]>()).prop_map(|(rule, hash)| MatchKey { rule, hash })
}

fn desire() -> BoxedStrategy<Desire> {
    let basis = select(vec![
        Basis::Agreed,
        Basis::Kept,
        Basis::Constant,
        Basis::Placeholder,
        Basis::Key,
        Basis::Contested,
    ]);
    (text(), value(), basis)
        .prop_map(|(name, value, basis)| Desire {
            name: name.into(),
            value,
            basis,
        })
        .boxed()
}

fn held() -> BoxedStrategy<HeldObservation> {
    (
        observation_id(),
        via(),
        version(),
        fields(),
        of(ref_set()),
        of(ref_set()),
    )
        .prop_map(
            |(observation, via, version, fields, tags, companies)| HeldObservation {
                observation,
                via,
                version,
                fields,
                tags,
                companies,
            },
        )
        .boxed()
}

fn write_ending() -> BoxedStrategy<WriteEnding> {
    prop_oneof![
        (any::<bool>(), of(fields()), of(version())).prop_map(|(created, values, version)| {
            WriteEnding::Done {
                created,
                values,
                version,
            }
        }),
        Just(WriteEnding::FoundOther),
        rejection().prop_map(WriteEnding::Rejected),
        text().prop_map(|reason| WriteEnding::Unknown { reason }),
    ]
    .boxed()
}

fn read_ending() -> BoxedStrategy<ReadEnding> {
    prop_oneof![
        Just(ReadEnding::Answered),
        Just(ReadEnding::NotFound),
        rejection().prop_map(ReadEnding::Rejected),
        text().prop_map(|reason| ReadEnding::Unknown { reason }),
    ]
    .boxed()
}

pub fn event() -> BoxedStrategy<DomainEvent> {
    prop_oneof![
        records(),
        links(),
        wishes(),
        disputes(),
        commands(),
        waiting(),
        people(),
        bookkeeping()
    ]
    .boxed()
}

fn records() -> BoxedStrategy<DomainEvent> {
    let kind = select(vec![CustomerKind::Person, CustomerKind::Company]);
    let keys = of(btree_set(match_key(), 0..3));
    prop_oneof![
        (count(), any::<[u8; 32]>(), text()).prop_map(|(version, hash, body)| {
            DomainEvent::MappingActivated {
                version,
                hash,
                body,
            }
        }),
        (customer(), kind, record()).prop_map(|(customer, kind, record)| {
            DomainEvent::CustomerFounded {
                customer,
                kind,
                record,
            }
        }),
        (record(), version(), via(), fields(), ids(), ids(), keys).prop_map(
            |(record, version, via, fields, tags, companies, keys)| DomainEvent::RecordSeen {
                record,
                version,
                via,
                fields,
                tags,
                companies,
                keys,
            }
        ),
        (source(), text(), text()).prop_map(|(source, tag_id, name)| DomainEvent::TagNamed {
            source,
            tag_id,
            name
        }),
        (record(), gone(), of(version())).prop_map(|(record, how, at)| DomainEvent::RecordLeft {
            record,
            how,
            at
        }),
        record().prop_map(|record| DomainEvent::RecordReturned { record }),
        (record(), of(record()), of(record()), of(record())).prop_map(
            |(lead, contact, account, opportunity)| DomainEvent::LeadConverted {
                lead,
                contact,
                account,
                opportunity,
            }
        ),
        (record(), fields()).prop_map(|(owner, fields)| DomainEvent::OwnerSeen { owner, fields }),
    ]
    .boxed()
}

fn links() -> BoxedStrategy<DomainEvent> {
    let linked = (
        record(),
        record(),
        rule(),
        any::<u32>(),
        text(),
        customer(),
        of(customer()),
    );
    prop_oneof![
        linked.prop_map(
            |(left, right, rule, rule_version, evidence, customer, absorbed)| {
                DomainEvent::RecordLinked {
                    left,
                    right,
                    rule,
                    rule_version,
                    evidence,
                    customer,
                    absorbed,
                }
            }
        ),
        (record(), record(), at()).prop_map(|(record, behind, deadline)| {
            DomainEvent::LinkDeferred {
                record,
                behind,
                deadline,
            }
        }),
        (record(), text()).prop_map(|(record, why)| DomainEvent::DeferralEnded { record, why }),
        (record(), vec(text(), 0..3))
            .prop_map(|(record, missing)| DomainEvent::RecordWaiting { record, missing }),
        record().prop_map(|record| DomainEvent::WaitingEnded { record }),
        (record(), record())
            .prop_map(|(record, company)| DomainEvent::CompanyAwaited { record, company }),
    ]
    .boxed()
}

fn wishes() -> BoxedStrategy<DomainEvent> {
    prop_oneof![
        (
            customer(),
            text(),
            value(),
            value(),
            record(),
            text(),
            version()
        )
            .prop_map(|(customer, field, value, previous, by, policy, version)| {
                DomainEvent::FieldAgreed {
                    customer,
                    field: field.into(),
                    value,
                    previous,
                    by,
                    policy: policy.into(),
                    version,
                }
            }),
        (record(), vec(desire(), 0..3))
            .prop_map(|(record, desires)| DomainEvent::DesiredChanged { record, desires }),
    ]
    .boxed()
}

fn claim() -> BoxedStrategy<Claim> {
    (record(), value(), version())
        .prop_map(|(record, value, version)| Claim {
            record,
            value,
            version,
        })
        .boxed()
}

fn disputes() -> BoxedStrategy<DomainEvent> {
    let signal = select(vec![
        EchoSignal::Tag,
        EchoSignal::InFlight,
        EchoSignal::Seen,
        EchoSignal::Late,
    ]);
    prop_oneof![
        (customer(), text(), text(), claim(), claim()).prop_map(
            |(customer, field, policy, kept, lost)| DomainEvent::ConflictDecided {
                customer,
                field: field.into(),
                policy: policy.into(),
                kept,
                lost,
            }
        ),
        (review(), customer(), text(), vec(claim(), 0..3)).prop_map(
            |(review, customer, field, claims)| DomainEvent::ConflictOpened {
                review,
                customer,
                field: field.into(),
                claims,
            }
        ),
        (
            (review(), record(), name()),
            (vec(name(), 0..3), vec(claim(), 0..3)),
            (any::<u32>(), at()),
        )
            .prop_map(
                |((review, record, field), (names, claims), (reversals, since))| {
                    DomainEvent::BreakerTripped {
                        review,
                        record,
                        field,
                        names,
                        claims,
                        reversals,
                        since,
                    }
                }
            ),
        (record(), text(), value(), value()).prop_map(|(record, name, desired, stored)| {
            DomainEvent::FormAccepted {
                record,
                name: name.into(),
                desired,
                stored,
            }
        }),
        (record(), signal, count(), vec(name(), 0..3)).prop_map(
            |(record, signal, write, fields)| DomainEvent::EchoSuppressed {
                record,
                signal,
                write,
                fields,
            }
        ),
    ]
    .boxed()
}

fn commands() -> BoxedStrategy<DomainEvent> {
    let purpose = select(vec![
        ReadPurpose::FirstLookup,
        ReadPurpose::Tie,
        ReadPurpose::AfterUnknown,
        ReadPurpose::Reread,
        ReadPurpose::Company,
        ReadPurpose::Owner,
        ReadPurpose::Incomplete,
        ReadPurpose::Master,
    ]);
    prop_oneof![
        command().prop_map(|command| DomainEvent::WriteRequested { command }),
        (command(), purpose)
            .prop_map(|(command, purpose)| DomainEvent::ReadRequested { command, purpose }),
        (command_id(), any::<u32>(), record(), write_ending()).prop_map(
            |(command, attempt, record, ending)| DomainEvent::WriteSettled {
                command,
                attempt,
                record,
                ending,
            }
        ),
        (command_id(), any::<u32>(), read_ending()).prop_map(|(command, attempt, ending)| {
            DomainEvent::ReadSettled {
                command,
                attempt,
                ending,
            }
        }),
        (record(), any::<[u8; 16]>(), review()).prop_map(|(record, pair, review)| {
            DomainEvent::WriteBlocked {
                record,
                pair,
                review,
            }
        }),
        (record(), text()).prop_map(|(record, why)| DomainEvent::WriteUnblocked { record, why }),
        (command(), any::<[u8; 16]>())
            .prop_map(|(command, pair)| DomainEvent::WriteSuppressed { command, pair }),
        record().prop_map(|record| DomainEvent::SuppressionEnded { record }),
    ]
    .boxed()
}

fn waiting() -> BoxedStrategy<DomainEvent> {
    let verdict = select(vec![Verdict::Dropped, Verdict::Folded, Verdict::Reread]);
    prop_oneof![
        (record(), held(), at()).prop_map(|(record, held, deadline)| {
            DomainEvent::ObservationHeld {
                record,
                held,
                deadline,
            }
        }),
        (record(), observation_id(), verdict).prop_map(|(record, observation, verdict)| {
            DomainEvent::HoldReleased {
                record,
                observation,
                verdict,
            }
        }),
        record().prop_map(|record| DomainEvent::RereadRequired { record }),
    ]
    .boxed()
}

fn people() -> BoxedStrategy<DomainEvent> {
    let kind = select(vec![
        ReviewKind::Ambiguous,
        ReviewKind::Rejected,
        ReviewKind::Unanswered,
        ReviewKind::Unsettled,
        ReviewKind::Conflict,
        ReviewKind::Shared,
        ReviewKind::Tree,
        ReviewKind::Oscillating,
        ReviewKind::MassChange,
    ]);
    prop_oneof![
        (review(), kind, record(), vec(record(), 0..3), text()).prop_map(
            |(review, kind, record, candidates, reason)| DomainEvent::ReviewOpened {
                review,
                kind,
                record,
                candidates,
                reason,
            }
        ),
        (review(), text()).prop_map(|(review, how)| DomainEvent::ReviewClosed { review, how }),
        (mode(), text()).prop_map(|(mode, by)| DomainEvent::ModeChanged { mode, by }),
        (record(), vec(name(), 0..3))
            .prop_map(|(record, names)| DomainEvent::BreakerReset { record, names }),
        (any::<[u8; 32]>(), at(), text())
            .prop_map(|(mapping, since, by)| DomainEvent::RevertDecided { mapping, since, by }),
        (
            (review(), record(), name()),
            (vec(name(), 0..3), count(), count())
        )
            .prop_map(|((review, record, field), (names, changed, records))| {
                DomainEvent::MassChangeBraked {
                    review,
                    record,
                    field,
                    names,
                    changed,
                    records,
                }
            }),
        (review(), of(at())).prop_map(|(review, approved_until)| {
            DomainEvent::MassChangeSettled {
                review,
                approved_until,
            }
        }),
        (text(), text(), text()).prop_map(|(letter, how, by)| DomainEvent::LetterSettled {
            letter,
            how,
            by
        }),
        (
            (record(), record(), text()),
            (customer(), customer(), vec(record(), 0..3))
        )
            .prop_map(|((left, right, by), (customer, founded, moved))| {
                DomainEvent::RecordsUnlinked {
                    left,
                    right,
                    by,
                    customer,
                    founded,
                    moved,
                }
            }),
        (review(), record(), match_key(), vec(record(), 0..3)).prop_map(
            |(review, record, key, others)| DomainEvent::IdentifierShared {
                review,
                record,
                key,
                others,
            }
        ),
        match_key().prop_map(|key| DomainEvent::IdentifierFreed { key }),
        (record(), record(), text()).prop_map(|(left, right, by)| DomainEvent::RecordsKeptApart {
            left,
            right,
            by
        }),
        (review(), text(), text()).prop_map(|(review, answer, by)| {
            DomainEvent::ReviewAnswered { review, answer, by }
        }),
    ]
    .boxed()
}

fn aside() -> BoxedStrategy<DomainEvent> {
    prop_oneof![
        (bridge(), ranges(), text(), of(observation_id())).prop_map(
            |(bridge, positions, reason, cause)| DomainEvent::BridgeQuarantined {
                bridge,
                positions,
                reason,
                cause,
            }
        ),
        (bridge(), of(observation_id()), text())
            .prop_map(|(bridge, skip, by)| DomainEvent::BridgeReleased { bridge, skip, by }),
        (
            (bridge(), range(), count()),
            vec(observation_id(), 0..4),
            unchanged(),
            any::<bool>(),
        )
            .prop_map(|((bridge, input, gone), observations, unchanged, ended)| {
                DomainEvent::BridgeReread {
                    bridge,
                    input,
                    gone,
                    observations,
                    unchanged,
                    ended,
                }
            }),
    ]
    .boxed()
}

fn bookkeeping() -> BoxedStrategy<DomainEvent> {
    prop_oneof![
        at().prop_map(|to| DomainEvent::TimeAdvanced { to }),
        (record(), vec(name(), 0..4))
            .prop_map(|(record, fields)| DomainEvent::RecordHealed { record, fields }),
        (source(), count(), at(), at(), count(), count()).prop_map(
            |(source, run, since, until, compared, healed)| DomainEvent::SweepEnded {
                source,
                run,
                since,
                until,
                compared,
                healed,
            }
        ),
        (source(), count(), any::<u32>(), count()).prop_map(|(source, run, of, rows)| {
            DomainEvent::ImportEnded {
                source,
                run,
                of,
                rows,
            }
        }),
        (walk_reason(), of(record()), count(), of(at())).prop_map(
            |(reason, record, version, since)| DomainEvent::WalkStarted {
                reason,
                record,
                version,
                since,
            }
        ),
        (count(), customer(), count()).prop_map(|(walk, to, customers)| {
            DomainEvent::WalkAdvanced {
                walk,
                to,
                customers,
            }
        }),
        (count(), vec(record(), 0..4), vec(customer(), 0..4)).prop_map(
            |(walk, path, customers)| DomainEvent::PlacesTold {
                walk,
                path,
                customers,
            }
        ),
        (count(), walk_reason(), count()).prop_map(|(walk, reason, customers)| {
            DomainEvent::WalkEnded {
                walk,
                reason,
                customers,
            }
        }),
        (
            ranges(),
            vec((bridge(), observation_id()), 0..4),
            unchanged()
        )
            .prop_map(
                |(inputs, observations, unchanged)| DomainEvent::BatchConsumed {
                    inputs,
                    observations,
                    unchanged,
                }
            ),
        (any::<[u8; 32]>(), any::<u32>()).prop_map(|(digest, view_version)| {
            DomainEvent::DigestRecorded {
                digest,
                view_version,
            }
        }),
        aside(),
    ]
    .boxed()
}
