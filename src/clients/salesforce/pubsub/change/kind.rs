//! What a field's `doc` adds to its Avro type: only it tells a date from a moment from a time of
//! day, all of which are `long` (salesforce.md 0.2).

/// How a number is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As its Avro type says.
    Plain,
    /// Milliseconds since the epoch.
    DateTime,
    /// Milliseconds since the epoch at 00:00 UTC of the day.
    Date,
    /// Milliseconds since midnight.
    Time,
}

impl Kind {
    /// Reads `<Role>:<Type>[:<fieldDurableId>]`; what it does not know is plain.
    pub(super) fn of_doc(doc: &str) -> Self {
        match doc.split(':').nth(1) {
            Some("DateTime") => Self::DateTime,
            // `Birthday` stood for a date until about 2025.
            Some("DateOnly" | "Birthday") => Self::Date,
            Some("TimeOnly") => Self::Time,
            _ => Self::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_stands_between_role_and_durable_id() {
        let cases = [
            ("Data:DateOnly:00NDp00000BbvCb", Kind::Date),
            ("CreatedDate:DateTime", Kind::DateTime),
            ("Data:Birthday", Kind::Date),
            ("Data:TimeOnly", Kind::Time),
            ("Data:Currency", Kind::Plain),
            ("DateTime", Kind::Plain),
            ("", Kind::Plain),
        ];
        for (doc, kind) in cases {
            assert_eq!(Kind::of_doc(doc), kind, "{doc}");
        }
    }
}
