//! Custom attributes that a write lacks: each name is asked for once per workspace.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use tokio::sync::Mutex;

use crate::clients::Error;
use crate::clients::intercom::{Client, NewAttribute};
use crate::domain::SourceId;

/// Names remembered, over all workspaces; one has at most 250 (intercom.md 2.6). Beyond it they
/// are forgotten, which costs one more request per name.
const KNOWN_MAX: usize = 2_000;

/// The attributes that this process made or found.
#[derive(Debug, Default)]
pub struct Attributes {
    /// Workspace, model, name. Held over the request: two writes that lack one attribute make it
    /// once.
    known: Mutex<BTreeSet<(SourceId, &'static str, String)>>,
}

/// What became of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defined {
    /// It is there now.
    There,
    /// Its name belongs to something else: the other model, or an archived attribute.
    Taken,
}

impl Attributes {
    pub async fn define(
        &self,
        client: &Client,
        source: &SourceId,
        new: &NewAttribute,
    ) -> Result<Defined, Error> {
        let mut known = self.known.lock().await;
        let key = (source.clone(), new.model, new.name.clone());
        if known.contains(&key) {
            return Ok(Defined::There);
        }
        match client.create_data_attribute(new).await {
            Ok(_) => {}
            // Names are unique over both models (intercom.md 2.6), so it may be the other's.
            Err(Error::Refused(refusal)) if refusal.text().contains("already have") => {
                let listed = client.data_attributes(new.model).await?;
                if !listed.iter().any(|one| is_usable(one, &new.name)) {
                    return Ok(Defined::Taken);
                }
            }
            Err(error) => return Err(error),
        }
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(key);
        Ok(Defined::There)
    }
}

fn is_usable(attribute: &Json, name: &str) -> bool {
    attribute["name"] == name && attribute["archived"] != true && attribute["custom"] != false
}
