//! Domain to wire and back: Avro records, upcasting, both framings.
