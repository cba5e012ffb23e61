//! Enums and records that several events share.

use crate::avro::scalar::Item;
use crate::domain::journal::{
    Basis, BridgeMode, Claim, CustomerKind, Desire, EchoSignal, HeldObservation,
};
use crate::domain::journal::{ReadPurpose, ReviewKind, Verdict, Via, WalkReason};

symbols!(CustomerKind {
    1 "PERSON" => Person,
    2 "COMPANY" => Company,
});

symbols!(BridgeMode {
    1 "LIVE" => Live,
    2 "SHADOW" => Shadow,
});

symbols!(Via {
    1 "WEBHOOK" => Webhook,
    2 "READ" => Read,
    3 "LOOKUP" => Lookup,
    4 "WRITE" => Write,
    5 "FEED" => Feed,
    6 "ROW" => Row,
    7 "SWEEP" => Sweep,
});

symbols!(WalkReason {
    1 "IMPORT" => Import,
    2 "MAPPING" => Mapping,
    3 "OWNER" => Owner,
    4 "RELATIONS" => Relations,
    5 "LIVE" => Live,
    6 "BRAKE" => Brake,
    7 "REVERT" => Revert,
    8 "TREE" => Tree,
});

symbols!(Basis {
    1 "AGREED" => Agreed,
    2 "KEPT" => Kept,
    3 "CONSTANT" => Constant,
    4 "PLACEHOLDER" => Placeholder,
    5 "KEY" => Key,
    6 "CONTESTED" => Contested,
});

symbols!(ReadPurpose {
    1 "FIRST_LOOKUP" => FirstLookup,
    2 "TIE" => Tie,
    3 "AFTER_UNKNOWN" => AfterUnknown,
    4 "REREAD" => Reread,
    5 "COMPANY" => Company,
    6 "OWNER" => Owner,
    7 "INCOMPLETE" => Incomplete,
    8 "MASTER" => Master,
});

symbols!(Verdict {
    1 "DROPPED" => Dropped,
    2 "FOLDED" => Folded,
    3 "REREAD" => Reread,
});

symbols!(ReviewKind {
    1 "AMBIGUOUS" => Ambiguous,
    2 "REJECTED" => Rejected,
    3 "UNANSWERED" => Unanswered,
    4 "UNSETTLED" => Unsettled,
    5 "CONFLICT" => Conflict,
    6 "SHARED" => Shared,
    7 "OSCILLATING" => Oscillating,
    8 "MASS_CHANGE" => MassChange,
    9 "TREE" => Tree,
});

symbols!(EchoSignal {
    1 "TAG" => Tag,
    2 "IN_FLIGHT" => InFlight,
    3 "SEEN" => Seen,
    4 "LATE" => Late,
});

record!(Claim {
    record,
    value,
    version
});

impl Item for Claim {}

record!(Desire { name, value, basis });

impl Item for Desire {}

record!(HeldObservation {
    observation,
    via,
    version,
    fields,
    tags,
    companies,
});
