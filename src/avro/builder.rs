//! Macros that write a record's two directions from one list of its fields, in schema order.
//!
//! They spare the second copy, not the list: what is on the wire is still written by hand, and a
//! test holds every name and its place against the schema files.

/// A struct as a record: fields in the order of the schema.
macro_rules! record {
    ($type:ty { $($field:ident),* $(,)? }) => {
        impl $crate::avro::wire::Wire for $type {
            fn put(&self, w: &mut $crate::avro::wire::Writer) {
                $( w.field(stringify!($field), &self.$field); )*
            }

            fn take(
                r: &mut $crate::avro::wire::Reader<'_>,
            ) -> Result<Self, $crate::avro::error::Error> {
                Ok(Self { $( $field: r.field(stringify!($field))?, )* })
            }
        }
    };
}

/// An enum with fields as a union of records: branch, name of the record, variant.
macro_rules! union {
    ($type:ty { $(
        $index:literal $name:literal => $variant:ident
        $({ $($field:ident),* $(,)? })? $(( $inner:ident ))?
    ),* $(,)? }) => {
        impl $crate::avro::wire::Wire for $type {
            fn put(&self, w: &mut $crate::avro::wire::Writer) {
                match self { $(
                    Self::$variant $({ $($field),* })? $(( $inner ))? => {
                        w.branch($index, $name);
                        $($( w.field(stringify!($field), $field); )*)?
                        $( w.field(stringify!($inner), $inner); )?
                    }
                )* }
            }

            fn take(
                r: &mut $crate::avro::wire::Reader<'_>,
            ) -> Result<Self, $crate::avro::error::Error> {
                match r.long()? {
                    $( $index => Ok(Self::$variant
                        $({ $($field: r.field(stringify!($field))?),* })?
                        $(( r.field(stringify!($inner))? ))?
                    ), )*
                    other => Err(r.unknown_case(other)),
                }
            }
        }
    };
}

/// An enum without fields; symbol 0 is UNKNOWN, which `else` maps to a harmless variant.
macro_rules! symbols {
    ($type:ty { $( $index:literal $symbol:literal => $variant:ident ),* $(,)? }
        $(else $fallback:ident)?) => {
        impl $crate::avro::wire::Wire for $type {
            fn put(&self, w: &mut $crate::avro::wire::Writer) {
                match self { $( Self::$variant => w.symbol($index, $symbol), )* }
            }

            fn take(
                r: &mut $crate::avro::wire::Reader<'_>,
            ) -> Result<Self, $crate::avro::error::Error> {
                match r.long()? {
                    $( $index => Ok(Self::$variant), )*
                    $( 0 => Ok(Self::$fallback), )?
                    other => Err(r.unknown_case(other)),
                }
            }
        }
    };
}
