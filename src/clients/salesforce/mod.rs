//! Salesforce over REST: one org, one integration user.

mod assertion;
pub mod client;
pub mod collection;
pub mod pubsub;
pub mod record_id;
pub mod row;
pub mod session;
pub mod soql;
pub mod wire;

pub use client::{Client, Options, Page, Rows, Update, Upsert, Upserted};
pub use collection::Collection;
pub use session::{Identity, Login, Session};
pub use soql::Select;
