//! Tests of the pure processor: given observations, when one more comes, then these commands.

mod both;
mod past_log;
mod world;

mod create_and_update;
mod duplicates_and_order;
mod failures;
mod linking;
mod mass_changes;
mod matching;
mod holds_and_reads;
mod including;
mod refusals;
mod deadlines;
mod rebuild;
mod snapshots;
mod promises;
mod pauses;
mod pilot;
mod quarantine;
mod attaching;
mod canonical;
mod storms;
mod repairs;
mod reverts;
mod splitting;
mod sweeps;
mod trees;
mod travel;
mod view_model;
mod walks;
mod what_if;
