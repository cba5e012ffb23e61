//! The Pub/Sub API over the model's change log.

mod proto;
