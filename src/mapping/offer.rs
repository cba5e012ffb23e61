//! A mapping on its way into the journal: the file with the sources of its bridge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::SourceId;
use crate::mapping::compile::Mapping;
use crate::mapping::lint::Findings;

/// The sources of a bridge. They are part of the offer because rules may know nothing that the
/// journal does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    pub salesforce: SourceId,
    /// Workspace sources with their app ids.
    pub intercom: BTreeMap<SourceId, String>,
}

/// What `MappingActivated` holds as its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub sources: Sources,
    /// The text of `mapping.yaml`.
    pub file: String,
}

impl Offer {
    /// The body as text, the same on every machine: declared order, sorted maps.
    pub fn body(&self) -> String {
        serde_json::to_string(self).expect("an offer holds only text")
    }

    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(self.body().as_bytes()).as_bytes()
    }

    /// Checks a new file, also for what the vendors are known to refuse.
    pub fn compile(&self) -> Result<Mapping, Findings> {
        Mapping::compile(&self.file, self.sources.clone(), self.hash())
    }

    /// The mapping of a body that the journal holds. What it was taken with, it keeps: advice that
    /// later versions learned does not count.
    pub fn compile_body(body: &str) -> Result<Mapping, String> {
        let offer: Self = serde_json::from_str(body).map_err(|error| error.to_string())?;
        Mapping::compile_journaled(&offer.file, offer.sources.clone(), offer.hash())
            .map_err(|findings| findings.to_string())
    }
}
