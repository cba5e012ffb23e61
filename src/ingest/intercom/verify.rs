//! `X-Hub-Signature: sha1=<hex>`: HMAC-SHA1 over the raw bytes, compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::config::Secret;

const SIGNATURE_BYTES: usize = 20;

/// A signature as the header carried it; nothing is said yet about whether it is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature([u8; SIGNATURE_BYTES]);

impl Signature {
    /// None where the header is not `sha1=` and 40 hex digits.
    pub fn parse(header: &str) -> Option<Self> {
        let digits = header.trim().strip_prefix("sha1=")?;
        let mut bytes = [0; SIGNATURE_BYTES];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// Whether whoever knows `secret` signed these bytes.
    pub fn verifies(&self, secret: &Secret, bytes: &[u8]) -> bool {
        let key = secret.reveal();
        let mac = Hmac::<Sha1>::new_from_slice(key.as_bytes());
        let mut mac = mac.expect("HMAC takes keys of any length");
        mac.update(bytes);
        mac.verify_slice(&self.0).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 2202, test case 2.
    const KEY: &str = "Jefe";
    const TEXT: &[u8] = b"what do ya want for nothing?";
    const HEADER: &str = "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";

    #[test]
    fn the_published_vector_verifies() {
        let signature = Signature::parse(HEADER).unwrap();
        assert!(signature.verifies(&Secret::new(KEY), TEXT));
        assert!(!signature.verifies(&Secret::new("Jefe "), TEXT));
        assert!(!signature.verifies(&Secret::new(KEY), b"what do ya want for nothing"));
    }

    #[test]
    fn only_the_documented_form_is_a_signature() {
        for header in [
            "",
            "sha1=",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            "sha256=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c",
            "sha1=zffcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ] {
            assert_eq!(Signature::parse(header), None, "{header}");
        }
    }
}
