//! The union of events. Branch numbers are storage format: new events are added at the end.

use crate::domain::DomainEvent;

union!(DomainEvent {
    0 "MappingActivated" => MappingActivated { version, hash, body },
    1 "CustomerFounded" => CustomerFounded { customer, kind, record },
    2 "RecordSeen" => RecordSeen { record, version, via, fields, tags, companies, keys },
    3 "TagNamed" => TagNamed { source, tag_id, name },
    4 "RecordLeft" => RecordLeft { record, how, at },
    5 "RecordReturned" => RecordReturned { record },
    6 "RecordLinked" => RecordLinked {
        left, right, rule, rule_version, evidence, customer, absorbed
    },
    7 "LinkDeferred" => LinkDeferred { record, behind, deadline },
    8 "DeferralEnded" => DeferralEnded { record, why },
    9 "RecordWaiting" => RecordWaiting { record, missing },
    10 "WaitingEnded" => WaitingEnded { record },
    11 "CompanyAwaited" => CompanyAwaited { record, company },
    12 "FieldAgreed" => FieldAgreed { customer, field, value, previous, by, policy, version },
    13 "DesiredChanged" => DesiredChanged { record, desires },
    14 "WriteRequested" => WriteRequested { command },
    15 "ReadRequested" => ReadRequested { command, purpose },
    16 "WriteSettled" => WriteSettled { command, attempt, record, ending },
    17 "ReadSettled" => ReadSettled { command, attempt, ending },
    18 "WriteBlocked" => WriteBlocked { record, pair, review },
    19 "WriteUnblocked" => WriteUnblocked { record, why },
    20 "ObservationHeld" => ObservationHeld { record, held, deadline },
    21 "HoldReleased" => HoldReleased { record, observation, verdict },
    22 "RereadRequired" => RereadRequired { record },
    23 "ReviewOpened" => ReviewOpened { review, kind, record, candidates, reason },
    24 "ReviewClosed" => ReviewClosed { review, how },
    25 "TimeAdvanced" => TimeAdvanced { to },
    26 "BatchConsumed" => BatchConsumed { inputs, observations, unchanged },
    27 "DigestRecorded" => DigestRecorded { digest, view_version },
    28 "BridgeQuarantined" => BridgeQuarantined { bridge, positions, reason },
    29 "ConflictDecided" => ConflictDecided { customer, field, policy, kept, lost },
    30 "ConflictOpened" => ConflictOpened { review, customer, field, claims },
    31 "FormAccepted" => FormAccepted { record, name, desired, stored },
    32 "EchoSuppressed" => EchoSuppressed { record, signal, write, fields },
    33 "LeadConverted" => LeadConverted { lead, contact, account, opportunity },
    34 "OwnerSeen" => OwnerSeen { owner, fields },
    35 "ReviewAnswered" => ReviewAnswered { review, answer, by },
});
