//! Record ids in their 18-character form. The API answers 18, pages and reports may give 15.

/// Spells 5 bits; the published alphabet of the checksum.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The 18-character form; what has 18 already is taken as it is. Text of another shape is none.
/// The checksum is over three groups of five characters, one character each, whose bit j is set
/// when the group's character j is upper case.
pub fn normalise(id: &str) -> Option<String> {
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain || !matches!(id.len(), 15 | 18) {
        return None;
    }
    let mut full = id.to_string();
    if id.len() == 18 {
        return Some(full);
    }
    for group in id.as_bytes().chunks(5) {
        let bits = group.iter().enumerate().fold(0, |bits, (place, byte)| {
            bits | (usize::from(byte.is_ascii_uppercase()) << place)
        });
        full.push(char::from(ALPHABET[bits]));
    }
    Some(full)
}

/// The object of a standard key prefix, where an error text names a record by its id alone.
pub fn object_of(id: &str) -> Option<&'static str> {
    match id.get(..3)? {
        "001" => Some("Account"),
        "003" => Some("Contact"),
        "005" => Some("User"),
        "006" => Some("Opportunity"),
        "00Q" => Some("Lead"),
        "500" => Some("Case"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_characters_grow_by_their_checksum() {
        let cases = [
            ("001D000000IqhSL", "001D000000IqhSLIAZ"),
            ("00DD0000000FJrt", "00DD0000000FJrtMAG"),
            ("003000000000000", "003000000000000AAA"),
        ];
        for (short, full) in cases {
            assert_eq!(normalise(short).as_deref(), Some(full));
            assert_eq!(normalise(full).as_deref(), Some(full));
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "001",
            "001D000000IqhS'",
            "001D000000IqhSL1",
            "001D000000Iqh-L",
        ] {
            assert_eq!(normalise(text), None, "{text}");
        }
    }
}
