//! The org as the feeds know it: its name here, our mark on its changes, where its copies go.

use crate::domain::{BridgeId, SourceId};

/// One Salesforce source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Org {
    pub source: SourceId,
    /// Stands at the end of `changeOrigin` of what we wrote.
    pub client_token: String,
    /// Every observation is appended once for each of them.
    pub bridges: Vec<Destination>,
}

/// A bridge that holds the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub bridge: BridgeId,
    /// Of the input topics.
    pub partition: u32,
}

impl Org {
    /// The part of the process's health that a feed of this org is.
    pub fn part(&self, feed: &str) -> String {
        format!("{}/{feed}", self.source)
    }
}
