//! Salesforce over REST: one org, one integration user.

pub mod client;
pub mod pubsub;
pub mod record_id;
pub mod row;
pub mod session;
pub mod soql;
pub mod wire;

pub use client::{Client, Options, Page, Rows, Update, Upsert, Upserted};
pub use session::Session;
pub use soql::Select;
