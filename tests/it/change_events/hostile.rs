//! Bytes that no writer sent: decoding ends in a value or an error, never in a panic.

use crosswalk::clients::salesforce::pubsub::change::{Anomaly, List, Schema};
use proptest::prelude::*;
use serde_json::json;

use super::encode::{datum, event, field, lead};

fn schema() -> Schema {
    Schema::parse("x", &lead().to_string()).unwrap()
}

fn sample() -> Vec<u8> {
    let event = json!({
        "ChangeEventHeader": {"entityName": "Lead", "recordIds": ["00QD000000IqhSL"],
                              "changedFields": ["0x08F81000", "4-0x03"], "nulledFields": ["0x04"]},
        "Address": {"Street": "1 Rue", "City": "Lyon"}, "Status": "Open", "IsConverted": true,
    });
    datum(&lead(), &event)
}

/// Walks all that a caller would touch.
fn touch(schema: &Schema, bytes: &[u8]) -> bool {
    let Ok(event) = schema.decode(bytes) else {
        return false;
    };
    let _ = (
        event.flatten(),
        event.targets(),
        event.header.client_token(),
    );
    true
}

#[test]
fn bytes_cut_or_continued_are_refused() {
    let (schema, bytes) = (schema(), sample());
    assert!(touch(&schema, &bytes));
    for end in 0..bytes.len() {
        assert!(!touch(&schema, &bytes[..end]), "cut at {end}");
    }
    assert!(!touch(&schema, &[bytes.as_slice(), &[0]].concat()));
}

#[test]
fn items_without_bytes_cannot_be_claimed_without_end() {
    let nulls = json!({"type": "array", "items": "null"});
    let json = event("X", vec![field("Nulls", "Text", nulls)]);
    let mut bytes = datum(&json, &json!({"ChangeEventHeader": {}, "Nulls": []}));
    // Instead of the end: a block of 2^40 items of no bytes each.
    bytes.pop();
    bytes.extend([0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0x00]);
    let schema = Schema::parse("x", &json.to_string()).unwrap();
    let error = schema.decode(&bytes).unwrap_err().to_string();
    assert!(
        error.contains("Nulls") && error.contains("too many"),
        "{error}"
    );
}

#[test]
fn a_type_that_holds_itself_is_followed_to_a_limit() {
    let node = json!(["null", {"type": "record", "name": "Node",
                               "fields": [{"name": "next", "type": ["null", "Node"]}]}]);
    let json = event("X", vec![field("Chain", "Text", node)]);
    let schema = Schema::parse("x", &json.to_string()).unwrap();
    let mut bytes = datum(&json, &json!({"ChangeEventHeader": {}}));
    bytes.pop();
    let short = [bytes.as_slice(), &[2; 5], &[0]].concat();
    assert!(schema.decode(&short).is_ok());
    let deep = [bytes.as_slice(), &vec![2; 100_000], &[0]].concat();
    let error = schema.decode(&deep).unwrap_err().to_string();
    assert!(error.contains("nested too deeply"), "{error}");
}

#[test]
fn a_list_of_endless_bitmaps_is_one_anomaly() {
    let wide = format!("0x{}", "F".repeat(100_000));
    let many: Vec<&str> = vec!["4-0xFF"; 1_000];
    let header = json!({"changedFields": many, "nulledFields": [wide, "5-0x01", "?"]});
    let bytes = datum(&lead(), &json!({"ChangeEventHeader": header}));
    let schema = schema();
    let event = schema.decode(&bytes).unwrap();
    let list = List::Nulled;
    let expected = [
        Anomaly::PastTheEnd {
            list,
            bits: 400_000 - 30,
        },
        Anomaly::NotCompound { list, field: 5 },
        Anomaly::Unreadable { list, entry: 2 },
        Anomaly::TooMany {
            list: List::Changed,
        },
    ];
    assert_eq!(event.anomalies, expected);
    assert_eq!(event.header.nulled.len(), 30);
    assert!(touch(&schema, &bytes));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_make_decoding_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        touch(&schema(), &bytes);
    }

    #[test]
    fn no_flipped_bytes_make_decoding_panic(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = sample();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        touch(&schema(), &bytes);
    }

    #[test]
    fn no_text_makes_parsing_a_schema_panic(text in "[\\[\\]{}\":,a-z]{0,60}") {
        let _ = (Schema::parse("x", &text), Schema::fingerprint(&text));
    }
}
