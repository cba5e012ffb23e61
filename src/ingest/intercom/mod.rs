//! Intercom's notifications: received, verified, translated.

mod envelope;
pub mod receive;
pub mod translate;
pub mod verify;

pub use envelope::Envelope;
pub use receive::{Answer, Destination, Post, Receiver, Workspace, taken_up};
pub use translate::{Misunderstood, Translated, translate};
