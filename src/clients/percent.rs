//! Percent-encoding for path segments, query values and forms.

use std::fmt::Write as _;

/// Encodes every byte but letters, digits, `-`, `_`, `.` and `~` (RFC 3986, "unreserved").
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
    encoded
}

/// Encodes one path segment. None for what a URL parser would read as "here" or "one up", even
/// when its dots are encoded, and for the empty text, which would name the collection.
pub fn segment(text: &str) -> Option<String> {
    let stays = !matches!(text, "" | "." | "..");
    stays.then(|| encode(text))
}

/// A form body, `application/x-www-form-urlencoded`.
pub fn form(pairs: &[(&str, &str)]) -> Vec<u8> {
    let encoded: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    encoded.join("&").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_place_in_a_path() {
        assert_eq!(
            segment("app:1/..?x=#y"),
            Some("app%3A1%2F..%3Fx%3D%23y".into())
        );
        assert_eq!(segment("ä 😀"), Some("%C3%A4%20%F0%9F%98%80".into()));
        assert_eq!(segment(".."), None);
        assert_eq!(segment("."), None);
        assert_eq!(segment(""), None);
    }

    #[test]
    fn a_form_keeps_names_and_values_apart() {
        assert_eq!(form(&[("a", "b&c=d"), ("e", "+")]), b"a=b%26c%3Dd&e=%2B");
    }
}
