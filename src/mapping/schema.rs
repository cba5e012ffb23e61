//! The JSON Schema of the mapping file, for editors: what they complete and mark while one types.
//! What it takes may still be refused; `Mapping::compile` has the last word.

use schemars::generate::SchemaSettings;
use serde_json::{Value as Json, json};

use crate::mapping::file::File;

/// The schema, in draft 2020-12, made from the grammar that the compiler reads.
pub fn schema() -> Json {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<File>();
    schema.insert("title".into(), json!("crosswalk mapping"));
    schema.to_value()
}
