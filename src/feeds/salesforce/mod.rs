//! The feeds of one Salesforce org: change events by subscription, users by sweep.

mod cache;
pub mod event;
mod gather;
pub(in crate::feeds) mod notes;
pub mod org;
pub mod owners;
mod pace;
pub mod pubsub;
pub mod source;
pub mod subscribe;
pub mod translate;

pub use event::{Decode, Event, Kind, Read, Target};
pub use org::{Destination, Org};
pub use owners::Owners;
pub use pubsub::{Decoder, PubSub};
pub use source::{Batch, Failure, Identity, Received, Source, Start, Stream};
pub use subscribe::Feed;
