//! Setting switches by name, the same way for both sandboxes. Pure.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The switches with these changes laid over them; an unknown name or a wrong value is refused.
pub(crate) fn overlaid<T: Serialize + DeserializeOwned>(
    switches: &T,
    changes: &Value,
) -> Result<T, String> {
    let changes = changes.as_object().ok_or("switches must be an object")?;
    let mut all = serde_json::to_value(switches).map_err(|error| error.to_string())?;
    for (name, value) in changes {
        all[name.as_str()] = value.clone();
    }
    serde_json::from_value(all).map_err(|error| error.to_string())
}
