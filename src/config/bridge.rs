//! The bridges: which sources hold the same customers, and where their order is kept.

use std::path::PathBuf;

use crate::config::error::{Place, Problem};
use crate::config::field::Field;
use crate::domain::journal::BridgeMode;
use crate::domain::{BridgeId, SourceId};

/// One tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    pub id: BridgeId,
    /// In the order of the file; at least one Intercom workspace and exactly one Salesforce org.
    pub sources: Vec<SourceId>,
    pub mapping: PathBuf,
    /// The same in every input topic and the journal.
    pub partition: u32,
    /// The mode in which it begins; afterwards a person says.
    pub begins: BridgeMode,
    pub(super) place: Place,
    /// Places of the entries of `sources`, in their order.
    pub(super) source_places: Vec<Place>,
    pub(super) mapping_place: Place,
}

impl Bridge {
    pub(super) fn read(
        id: BridgeId,
        place: Place,
        field: &Field<'_>,
        partitions: u32,
    ) -> Result<Self, Problem> {
        let table = field.table(&["sources", "mapping", "partition", "begins"])?;
        let mut sources = Vec::new();
        let mut source_places = Vec::new();
        for item in table.require("sources")?.list()? {
            let text = item.text()?;
            let source = SourceId::new(text.clone());
            let source = source.map_err(|error| item.problem(format!("is no name: {error}")))?;
            if sources.contains(&source) {
                return Err(item.problem(format!("names \"{text}\" twice; remove one of them")));
            }
            sources.push(source);
            source_places.push(item.node.place.clone());
        }
        let mapping = table.require("mapping")?;
        let partition = table.or("partition", 0, |field| {
            let number = field.whole_number(0, u64::from(u32::MAX))?;
            if number < u64::from(partitions) {
                return Ok(number as u32);
            }
            let last = partitions - 1;
            Err(field.problem(format!(
                "is {number}, but with partitions: {partitions} the last one is {last}; \
                 lower it or raise partitions"
            )))
        })?;
        let begins = table.or("begins", BridgeMode::Live, |field| {
            let text = field.text()?;
            BridgeMode::parse(&text)
                .ok_or_else(|| field.problem(format!("is \"{text}\"; write live or shadow")))
        })?;
        Ok(Self {
            id,
            sources,
            mapping: mapping.file_path()?,
            partition,
            begins,
            place,
            source_places,
            mapping_place: mapping.node.place.clone(),
        })
    }
}
