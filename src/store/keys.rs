//! Keys of the store beside the view's own.
//!
//! ```text
//! <bridge> 00 <kind> …     the view's entries: `domain/view_key.rs`
//! 00 01                    where the view stands: `standing.rs`
//! ```
//! A bridge's id has no control character and at least one other, so every entry's key stands
//! above every key that begins with 00.

/// Where the view stands.
pub const STANDING: &[u8] = &[0x00, 0x01];

/// No key of the view stands below this one.
pub const FIRST_ENTRY: &[u8] = &[0x01];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BridgeId, ViewKey};

    #[test]
    fn the_views_keys_stand_above_the_stores_own() {
        let bridge = BridgeId::new(" ").unwrap();
        for key in [ViewKey::bridge(&bridge), ViewKey::partition(0)] {
            assert!(key.as_bytes() > FIRST_ENTRY);
        }
        assert!(STANDING < FIRST_ENTRY);
    }
}
