//! The signature on a notification: HMAC-SHA1 over the raw body (intercom.md 1.2). Pure.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// How a request to the endpoint is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seal {
    Valid,
    Missing,
    /// Made with another key.
    Bad,
}

/// The value of `X-Hub-Signature`.
pub(crate) fn header(secret: &str, body: &[u8], seal: Seal) -> Option<String> {
    let other;
    let key = match seal {
        Seal::Missing => return None,
        Seal::Valid => secret,
        Seal::Bad => {
            other = format!("{secret}, but another one");
            &other
        }
    };
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(body);
    Some(format!("sha1={}", hex::encode(mac.finalize().into_bytes())))
}
