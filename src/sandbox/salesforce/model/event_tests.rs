//! Tests of the change events: read back with a foreign Avro reader and a bitmap reader of the
//! tests' own.

use std::collections::{BTreeMap, BTreeSet};

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest, Md5};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::sandbox::salesforce::model::change_schema::{ENTITIES, Layout};
use crate::sandbox::salesforce::model::{ChangeEvent, Simulated, Topic, change_payload};
use crate::sandbox::salesforce::objects;
use crate::sandbox::salesforce::options::{Options, Switches};

mod any_acts;
mod hazards;

const NOW: i64 = 1_768_018_294_206;

/// An org and how far its events were read.
struct Reader {
    org: Simulated,
    position: u64,
}

/// An event, read back.
#[derive(Debug)]
struct Seen {
    event: ChangeEvent,
    header: BTreeMap<String, Avro>,
    /// Non-null fields by path, as `Name.LastName`.
    values: BTreeMap<String, Avro>,
    changed: BTreeSet<String>,
    nulled: BTreeSet<String>,
    diffs: BTreeSet<String>,
}

impl Reader {
    fn new(switches: Switches) -> Self {
        let options = Options {
            switches,
            ..Options::default()
        };
        let org = Simulated::new(&options, "http://127.0.0.1:1");
        Self { org, position: 0 }
    }

    fn act(&mut self, act: Value) -> Value {
        self.org.act(&act, NOW).expect("an act that can be done")
    }

    fn make(&mut self, object: &str, fields: Value) -> String {
        let made = self.act(json!({"verb": "create", "object": object, "fields": fields}));
        made["id"].as_str().expect("an id").to_owned()
    }

    fn update(&mut self, id: &str, fields: Value) {
        self.act(json!({"verb": "update", "id": id, "fields": fields}));
    }

    fn new_events(&mut self) -> Vec<Seen> {
        let events = self.org.events_after(self.position, Topic::All, 1_000, NOW);
        if let Some(last) = events.last() {
            self.position = last.position;
        }
        let read = |event: ChangeEvent| {
            let schema = self.org.schema(&event.schema_id).expect("its schema");
            Seen::read(event, schema)
        };
        events.into_iter().map(read).collect()
    }

    fn new_event(&mut self) -> Seen {
        let mut events = self.new_events();
        assert_eq!(events.len(), 1, "{events:#?}");
        events.remove(0)
    }
}

impl Seen {
    fn read(event: ChangeEvent, schema_json: &str) -> Self {
        let schema = Schema::parse_str(schema_json).expect("a schema");
        let reader = GenericDatumReader::builder(&schema)
            .build()
            .expect("a reader");
        let mut left = event.payload.as_slice();
        let read = reader.read_value(&mut left).expect("a datum");
        assert!(left.is_empty(), "{} bytes are left", left.len());
        let Avro::Record(mut fields) = read else {
            panic!("no record: {read:?}");
        };
        let Avro::Record(header) = fields.remove(0).1 else {
            panic!("no header");
        };
        let header: BTreeMap<String, Avro> = header.into_iter().collect();
        let mut values = BTreeMap::new();
        for (name, value) in fields {
            flatten(&name, value, &mut values);
        }
        let json: Value = serde_json::from_str(schema_json).expect("JSON");
        let named = |list: &str| names(&json, &texts(&header[list]));
        Self {
            changed: named("changedFields"),
            nulled: named("nulledFields"),
            diffs: named("diffFields"),
            event,
            header,
            values,
        }
    }

    fn kind(&self) -> &str {
        match &self.header["changeType"] {
            Avro::Enum(_, symbol) => symbol,
            other => panic!("no enum: {other:?}"),
        }
    }

    fn text(&self, name: &str) -> &str {
        match &self.header[name] {
            Avro::String(text) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    fn ids(&self) -> Vec<String> {
        texts(&self.header["recordIds"])
    }

    fn bitmaps(&self) -> Vec<String> {
        texts(&self.header["changedFields"])
    }

    fn sequence(&self) -> i32 {
        match self.header["sequenceNumber"] {
            Avro::Int(number) => number,
            ref other => panic!("no int: {other:?}"),
        }
    }
}

fn flatten(path: &str, value: Avro, values: &mut BTreeMap<String, Avro>) {
    match value {
        Avro::Union(_, inner) => flatten(path, *inner, values),
        Avro::Null => {}
        Avro::Record(fields) => {
            for (name, value) in fields {
                flatten(&format!("{path}.{name}"), value, values);
            }
        }
        other => {
            values.insert(path.to_owned(), other);
        }
    }
}

fn texts(value: &Avro) -> Vec<String> {
    let Avro::Array(items) = value else {
        panic!("no array: {value:?}");
    };
    let text = |item: &Avro| match item {
        Avro::String(text) => text.clone(),
        other => panic!("no text: {other:?}"),
    };
    items.iter().map(text).collect()
}

/// The fields that bitmaps name, by position in the schema as JSON.
fn names(schema: &Value, bitmaps: &[String]) -> BTreeSet<String> {
    let fields = schema["fields"].as_array().expect("fields");
    let mut all = BTreeSet::new();
    for bitmap in bitmaps {
        let (parent, bits) = match bitmap.split_once('-') {
            Some((position, bits)) => (Some(position.parse::<usize>().expect("a number")), bits),
            None => (None, bitmap.as_str()),
        };
        let bits = u128::from_str_radix(bits.strip_prefix("0x").expect("0x"), 16).expect("hex");
        let list = parent.map_or(fields.clone(), |position| children(fields, position));
        for (bit, field) in list.iter().enumerate() {
            if bits >> bit & 1 == 1 {
                let name = field["name"].as_str().expect("a name");
                let parent = parent.map(|position| fields[position]["name"].as_str().expect("one"));
                all.insert(parent.map_or(name.to_owned(), |parent| format!("{parent}.{name}")));
            }
        }
        assert_eq!(
            bits >> list.len(),
            0,
            "a bit beyond the last field: {bitmap}"
        );
    }
    all
}

/// The fields of a nested record, declared here or by an earlier field.
fn children(fields: &[Value], position: usize) -> Vec<Value> {
    let own = &fields[position]["type"][1];
    let declared = |name: &str| {
        let records = fields.iter().map(|field| &field["type"][1]);
        records.into_iter().find(|record| record["name"] == name)
    };
    let record = own.as_str().map_or(Some(own), declared).expect("a record");
    record["fields"].as_array().expect("children").clone()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

fn lead() -> Value {
    json!({"LastName": "Doe", "Company": "Acme", "Email": "doe@example.com"})
}

#[test]
fn a_schema_id_is_the_fingerprint_of_its_canonical_form() {
    for entity in ENTITIES {
        let layout = Layout::of(objects::named(entity).expect("an object"), &[]);
        let schema = Schema::parse_str(&layout.schema_json).expect("a schema");
        let digest = Md5::digest(schema.canonical_form().as_bytes());
        assert_eq!(layout.schema_id, URL_SAFE_NO_PAD.encode(digest), "{entity}");
        assert_eq!(layout.schema_id.len(), 22);
    }
}

#[test]
fn schemas_are_in_the_vendors_style() {
    for entity in ENTITIES {
        let layout = Layout::of(objects::named(entity).expect("an object"), &[]);
        let schema: Value = serde_json::from_str(&layout.schema_json).expect("JSON");
        assert_eq!(schema["namespace"], "com.sforce.eventbus");
        assert_eq!(schema["name"], json!(format!("{entity}ChangeEvent")));
        let fields = schema["fields"].as_array().expect("fields");
        assert_eq!(fields[0]["name"], "ChangeEventHeader");
        assert_eq!(fields[0]["doc"], "Data:ComplexValueType");
        let mut customs = false;
        for field in &fields[1..] {
            let name = field["name"].as_str().expect("a name");
            assert_eq!(field["type"][0], "null", "{entity}.{name}");
            assert_eq!(field["default"], Value::Null);
            let doc = field["doc"].as_str().expect("a doc");
            let parts = doc.split(':').count();
            assert_eq!(parts, if name.ends_with("__c") { 3 } else { 2 }, "{doc}");
            assert!(
                !customs || name.ends_with("__c"),
                "{name} after a custom field"
            );
            customs = name.ends_with("__c");
            assert!(!["Id", "IsDeleted", "SystemModstamp"].contains(&name));
        }
    }
    let account = Layout::of(objects::named("Account").expect("one"), &[]);
    let schema: Value = serde_json::from_str(&account.schema_json).expect("JSON");
    let fields = schema["fields"].as_array().expect("fields");
    let named = |name: &str| {
        fields
            .iter()
            .find(|field| field["name"] == name)
            .expect(name)
    };
    assert_eq!(named("ShippingAddress")["type"][1], "Address");
    assert_eq!(named("BillingAddress")["type"][1]["name"], "Address");
    assert_eq!(named("AnnualRevenue")["doc"], "Data:Currency");
    assert_eq!(named("CreatedDate")["doc"], "CreatedDate:DateTime");
    assert_eq!(named("OwnerId")["doc"], "ForeignKey:EntityId");
    assert_eq!(named("Description")["doc"], "Data:StringPlusClob");
    let day = named("Renewal_Date__c")["doc"].as_str().expect("a doc");
    assert!(day.starts_with("Data:DateOnly:00N"), "{day}");
}

#[test]
fn bitmaps_are_those_of_the_fact_sheet() {
    // `0x400000,4-0x01` and `0x08F81000`, with fields put where those orgs have them.
    use crate::sandbox::salesforce::model::change_schema::{Form, Slot};
    let plain = |place: usize| Slot::Plain {
        field: format!("f{place}"),
        form: Form::Text,
    };
    let mut layout = Layout::of(objects::named("Lead").expect("one"), &[]);
    layout.slots = (1..30).map(plain).collect();
    layout.slots[3] = Slot::Compound {
        children: vec![("street".to_owned(), Form::Text)],
    };
    let told = change_payload::bitmaps(&layout, &set(&["f22", "street"]));
    assert_eq!(told, ["0x400000", "4-0x01"]);
    let lead = ["f12", "f19", "f20", "f21", "f22", "f23", "f27"];
    assert_eq!(
        change_payload::bitmaps(&layout, &set(&lead)),
        ["0x08F81000"]
    );
    assert!(change_payload::bitmaps(&layout, &set(&[])).is_empty());
}

#[test]
fn a_create_tells_every_field_and_names_none() {
    let mut reader = Reader::new(Switches::default());
    let id = reader.make(
        "Account",
        json!({
            "Name": "Acme", "AnnualRevenue": 12.5, "NumberOfEmployees": 7,
            "BillingCity": "Lund", "Renewal_Date__c": "2026-03-01",
        }),
    );
    let seen = reader.new_event();
    assert_eq!((seen.kind(), seen.ids()), ("CREATE", vec![id]));
    assert!(seen.bitmaps().is_empty() && seen.changed.is_empty());
    let value = |name: &str| seen.values.get(name).cloned();
    assert_eq!(value("Name"), Some(Avro::String("Acme".to_owned())));
    assert_eq!(value("AnnualRevenue"), Some(Avro::Double(12.5)));
    assert_eq!(value("NumberOfEmployees"), Some(Avro::Int(7)));
    let city = Avro::String("Lund".to_owned());
    assert_eq!(value("BillingAddress.City"), Some(city));
    assert_eq!(value("ShippingAddress.City"), None);
    let whole_ms = NOW / 1_000 * 1_000;
    assert_eq!(value("CreatedDate"), Some(Avro::Long(whole_ms)));
    assert_eq!(
        value("Renewal_Date__c"),
        Some(Avro::Long(1_772_323_200_000))
    );
    assert_eq!(seen.text("entityName"), "Account");
    assert_eq!(seen.text("commitUser"), "0055g00000Rep01AAB");
    assert!(
        seen.text("changeOrigin")
            .ends_with("client=SfdcInternalAPI/")
    );
    assert_eq!(seen.header["commitTimestamp"], Avro::Long(whole_ms));
    let Avro::Long(number) = seen.header["commitNumber"] else {
        panic!("no long");
    };
    assert!(number > 1 << 53, "{number}");
    assert_eq!(seen.event.replay_id.len(), 10);
    assert_eq!(seen.event.event_uuid.len(), 36);
}

#[test]
fn an_update_names_what_changed_and_what_became_null() {
    let mut reader = Reader::new(Switches::default());
    let mut fields = lead();
    fields["Title"] = json!("CTO");
    let id = reader.make("Lead", fields);
    reader.new_events();
    reader.update(
        &id,
        json!({"Title": null, "FirstName": "Ann", "City": "Oslo", "Email": "doe@example.com"}),
    );
    let seen = reader.new_event();
    assert_eq!(seen.kind(), "UPDATE");
    let changed = [
        "Title",
        "Name.FirstName",
        "Address.City",
        "LastModifiedDate",
    ];
    assert_eq!(seen.changed, set(&changed));
    assert_eq!(seen.nulled, set(&["Title"]));
    let told: BTreeSet<String> = seen.values.keys().cloned().collect();
    assert_eq!(told, set(&changed[1..]));
    assert!(seen.bitmaps()[0].starts_with("0x"), "{:?}", seen.bitmaps());
    assert!(
        seen.bitmaps()[1].starts_with("1-0x02"),
        "{:?}",
        seen.bitmaps()
    );
    // Another person: their id is among what changed.
    let act = json!({"verb": "update", "id": id, "as_user": "0055g00000Rep02AAB",
        "fields": {"Title": "CEO"}});
    reader.act(act);
    let changed = ["Title", "LastModifiedById", "LastModifiedDate"];
    assert_eq!(reader.new_event().changed, set(&changed));
}

#[test]
fn a_delete_is_its_header_and_an_undelete_tells_all() {
    let mut reader = Reader::new(Switches::default());
    let id = reader.make("Lead", lead());
    reader.act(json!({"verb": "delete", "id": id}));
    reader.act(json!({"verb": "undelete", "id": id}));
    let seen = reader.new_events();
    let kinds: Vec<&str> = seen.iter().map(Seen::kind).collect();
    assert_eq!(kinds, ["CREATE", "DELETE", "UNDELETE"]);
    assert!(seen[1].values.is_empty() && seen[1].bitmaps().is_empty());
    assert_eq!(seen[2].values["Company"], Avro::String("Acme".to_owned()));
    assert!(seen[2].changed.is_empty());
}

#[test]
fn a_conversion_is_one_transaction_in_the_vendors_order() {
    let mut reader = Reader::new(Switches::default());
    let id = reader.make("Lead", lead());
    let made = reader.new_event();
    reader.act(json!({"verb": "convert_lead", "id": id, "opportunity": true}));
    let seen = reader.new_events();
    let told: Vec<_> = seen
        .iter()
        .map(|seen| (seen.event.entity, seen.kind(), seen.sequence()))
        .collect();
    let expected = [
        ("Account", "CREATE", 1),
        ("Contact", "CREATE", 2),
        ("Opportunity", "CREATE", 3),
        ("Lead", "UPDATE", 4),
    ];
    assert_eq!(told, expected);
    let key = seen[0].text("transactionKey");
    assert!(seen.iter().all(|seen| seen.text("transactionKey") == key));
    assert_ne!(made.text("transactionKey"), key);
    let converted = "ConvertedContactId".to_owned();
    assert!(seen[3].changed.contains(&converted));
}

#[test]
fn entities_that_are_not_selected_leave_a_hole_in_the_sequence() {
    let options = Options {
        selected_entities: vec!["Contact".to_owned(), "Lead".to_owned()],
        ..Options::default()
    };
    let org = Simulated::new(&options, "http://127.0.0.1:1");
    let mut reader = Reader { org, position: 0 };
    let id = reader.make("Lead", lead());
    reader.new_events();
    reader.act(json!({"verb": "convert_lead", "id": id, "opportunity": true}));
    let seen = reader.new_events();
    let told: Vec<_> = seen.iter().map(Seen::sequence).collect();
    assert_eq!(told, [2, 4]);
}

#[test]
fn a_split_update_is_two_events_of_one_transaction() {
    let mut reader = Reader::new(Switches {
        split_transactions: true,
        ..Switches::default()
    });
    let id = reader.make("Lead", lead());
    reader.new_events();
    reader.update(&id, json!({"Title": "CTO", "UTM_Source__c": "ad"}));
    let seen = reader.new_events();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].changed, set(&["LastModifiedDate", "Title"]));
    assert_eq!(seen[1].changed, set(&["UTM_Source__c"]));
    assert_eq!((seen[0].sequence(), seen[1].sequence()), (1, 2));
    assert_eq!(
        seen[0].text("transactionKey"),
        seen[1].text("transactionKey")
    );
}

#[test]
fn the_same_change_of_several_records_is_one_event() {
    for (merged_events, events) in [(true, 1), (false, 2)] {
        let mut reader = Reader::new(Switches {
            merged_events,
            ..Switches::default()
        });
        let winner = reader.make("Account", json!({"Name": "A"}));
        let loser = reader.make("Account", json!({"Name": "B"}));
        let child = json!({"LastName": "Doe", "AccountId": loser});
        let one = reader.make("Contact", child.clone());
        let two = reader.make("Contact", child);
        reader.new_events();
        reader.act(json!({"verb": "merge", "winner": winner, "losers": [loser], "fields": {}}));
        let mut seen = reader.new_events();
        assert_eq!((seen[0].kind(), seen[0].ids()), ("DELETE", vec![loser]));
        seen.retain(|seen| seen.event.entity == "Contact");
        assert_eq!(seen.len(), events);
        let ids: Vec<String> = seen.iter().flat_map(Seen::ids).collect();
        assert_eq!(ids, [one, two]);
        assert!(seen.iter().all(|seen| seen.changed.contains("AccountId")));
    }
}

#[test]
fn a_change_of_compounds_alone_may_have_no_top_level_bitmap() {
    let mut reader = Reader::new(Switches {
        nested_only_bitmaps: true,
        ..Switches::default()
    });
    let id = reader.make("Lead", lead());
    reader.new_events();
    reader.update(&id, json!({"City": "Oslo"}));
    let seen = reader.new_event();
    assert_eq!(seen.changed, set(&["Address.City"]));
    assert_eq!(seen.bitmaps().len(), 1);
    assert!(seen.bitmaps()[0].contains("-0x"), "{:?}", seen.bitmaps());
    reader.update(&id, json!({"City": "Lund", "Title": "CTO"}));
    assert!(reader.new_event().changed.contains("LastModifiedDate"));
}

#[test]
fn a_long_text_comes_as_a_diff_that_gives_the_new_one() {
    let mut reader = Reader::new(Switches {
        diff_fields: true,
        ..Switches::default()
    });
    let lines: Vec<String> = (0..60)
        .map(|n| format!("line {n} of the notes\n"))
        .collect();
    let old = lines.concat();
    let mut changed = lines.clone();
    changed[20] = "another line\n".to_owned();
    changed.push("and one more".to_owned());
    let new = changed.concat();
    let id = reader.make("Account", json!({"Name": "A", "Description": old}));
    reader.new_events();
    reader.update(&id, json!({"Description": new}));
    // The middle lies between two changes: more than a quarter of the lines, so no diff.
    let seen = reader.new_event();
    assert!(seen.diffs.is_empty());
    let mut close = changed.clone();
    close[21] = "a second one\n".to_owned();
    let close = close.concat();
    reader.update(&id, json!({"Description": close}));
    let seen = reader.new_event();
    assert_eq!(seen.diffs, set(&["Description"]));
    assert_eq!(seen.changed, set(&["Description", "LastModifiedDate"]));
    let Avro::String(diff) = &seen.values["Description"] else {
        panic!("no text");
    };
    let mut told = diff.split_inclusive('\n');
    assert_eq!(told.next(), Some("--- \n"));
    let hash = hex::encode(Sha256::digest(close.as_bytes()));
    assert_eq!(told.next(), Some(format!("+++ {hash}\n").as_str()));
    assert_eq!(told.next(), Some("@@ -22,1 +22,1 @@\n"));
    assert_eq!(told.next(), Some("-line 21 of the notes\n"));
    assert_eq!(told.next(), Some("+a second one\n"));
    assert_eq!(told.next(), None);
}
