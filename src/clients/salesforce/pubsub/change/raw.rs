//! The tree of values as the event holds it, borrowed from payload and schema.

use crate::clients::salesforce::pubsub::change::schema::RecordShape;

/// One value. Unions are resolved to the branch that was there.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw<'a> {
    Null,
    Bool(bool),
    /// An `int` or a `long`.
    Int(i64),
    /// A `float` or a `double`.
    Double(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// An enum's symbol; None when the writer knows more symbols than its schema, which Salesforce
    /// adds to without notice.
    Symbol(i64, Option<&'a str>),
    List(Vec<Raw<'a>>),
    Map(Vec<(&'a str, Raw<'a>)>),
    Record(Record<'a>),
}

/// A record's values in the order of its fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<'a> {
    pub(super) shape: &'a RecordShape,
    pub(super) values: Vec<Raw<'a>>,
}

impl<'a> Record<'a> {
    /// Names and values in the schema's order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &Raw<'a>)> {
        let names = self.shape.fields.iter().map(|field| field.name.as_str());
        names.zip(&self.values)
    }

    /// The value at a path such as `Phone` or `BillingAddress.Street`.
    pub fn get(&self, path: &str) -> Option<&Raw<'a>> {
        let (name, below) = match path.split_once('.') {
            Some((name, below)) => (name, Some(below)),
            None => (path, None),
        };
        let value = self.iter().find(|(known, _)| *known == name)?.1;
        match (below, value) {
            (None, value) => Some(value),
            (Some(below), Raw::Record(record)) => record.get(below),
            (Some(_), _) => None,
        }
    }
}
