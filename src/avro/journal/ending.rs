//! How writes and reads ended.

use crate::domain::journal::{ReadEnding, WriteEnding};

union!(WriteEnding {
    0 "WriteDone" => Done { created, values, version },
    1 "WriteFoundOther" => FoundOther,
    2 "WriteRejected" => Rejected(rejection),
    3 "WriteUnknown" => Unknown { reason },
});

union!(ReadEnding {
    0 "ReadAnswered" => Answered,
    1 "ReadNotFound" => NotFound,
    2 "ReadRejected" => Rejected(rejection),
    3 "ReadUnknown" => Unknown { reason },
});
