//! Ids derived from a seed and a counter, so that a run can be repeated exactly. Pure.

use sha1::{Digest, Sha1};

/// Forty hex digits that depend only on the seed, the kind and the number.
pub(crate) fn digest_hex(seed: &str, kind: &str, number: u64) -> String {
    hex::encode(digest(seed, kind, number))
}

/// A UUID (version 4 in shape) that depends only on the arguments.
pub(crate) fn uuid(seed: &str, kind: &str, number: u64) -> String {
    let mut bytes = digest(seed, kind, number);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hex::encode(&bytes[..16]);
    format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..32]
    )
}

/// A number in 0..1 that depends only on the arguments: the dice of the fault plan.
pub(crate) fn fraction(seed: &str, kind: &str, number: u64) -> f64 {
    let bytes = digest(seed, kind, number);
    let high = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    f64::from(high) / (f64::from(u32::MAX) + 1.0)
}

fn digest(seed: &str, kind: &str, number: u64) -> [u8; 20] {
    let mut hasher = Sha1::new();
    hasher.update(seed.as_bytes());
    hasher.update([0]);
    hasher.update(kind.as_bytes());
    hasher.update([0]);
    hasher.update(number.to_be_bytes());
    hasher.finalize().into()
}
