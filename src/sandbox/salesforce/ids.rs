//! Salesforce ids: 15 characters that tell upper from lower case, 18 with a checksum
//! (salesforce.md 5). Pure.

const CHECKSUM: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SHORT: usize = 15;
const LONG: usize = 18;

/// The id of the `number`th record of the object with this prefix, 18 characters.
pub(crate) fn record_id(prefix: &str, number: u64) -> String {
    let mut digits = [b'0'; 7];
    let mut left = number;
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(left % 62).unwrap_or(0)];
        left /= 62;
    }
    let short = format!("{prefix}5g{:0>3}{}", "", String::from_utf8_lossy(&digits));
    lengthen(&short).unwrap_or(short)
}

/// Brings an id to 18 characters; `None` if it cannot be an id.
pub(crate) fn normalise(id: &str) -> Option<String> {
    match id.len() {
        SHORT => lengthen(id),
        LONG => {
            let long = lengthen(id.get(..SHORT)?)?;
            (long == id).then_some(long)
        }
        _ => None,
    }
}

/// The first 15 characters, as error messages show ids.
pub(crate) fn shorten(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

fn lengthen(short: &str) -> Option<String> {
    if short.len() != SHORT || !short.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let mut long = short.to_owned();
    for group in short.as_bytes().chunks(5) {
        let mut value = 0_usize;
        for (place, byte) in group.iter().enumerate() {
            value |= usize::from(byte.is_ascii_uppercase()) << place;
        }
        long.push(char::from(CHECKSUM[value]));
    }
    Some(long)
}
