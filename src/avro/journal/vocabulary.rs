//! Enums and records that several events share.

use crate::avro::scalar::Item;
use crate::domain::journal::{Basis, CustomerKind, Desire, HeldObservation, ReadPurpose};
use crate::domain::journal::{ReviewKind, Verdict, Via};

symbols!(CustomerKind {
    1 "PERSON" => Person,
    2 "COMPANY" => Company,
});

symbols!(Via {
    1 "WEBHOOK" => Webhook,
    2 "READ" => Read,
    3 "LOOKUP" => Lookup,
    4 "WRITE" => Write,
});

symbols!(Basis {
    1 "AGREED" => Agreed,
    2 "KEPT" => Kept,
    3 "CONSTANT" => Constant,
    4 "PLACEHOLDER" => Placeholder,
    5 "KEY" => Key,
});

symbols!(ReadPurpose {
    1 "FIRST_LOOKUP" => FirstLookup,
    2 "TIE" => Tie,
    3 "AFTER_UNKNOWN" => AfterUnknown,
    4 "REREAD" => Reread,
    5 "COMPANY" => Company,
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
});

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
