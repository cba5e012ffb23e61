//! What the mapping takes and refuses.

mod both_ways;
mod broken_fields;
mod broken_sections;
mod broken_yaml;
mod conditions;
mod documents;
mod expressions;
mod parts;
mod small_file;
mod texts;
mod transforms;
mod round_trips;
mod owners;
mod schema;
mod sets;
mod watched;
mod warnings;
