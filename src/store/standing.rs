//! The bytes of a standing, with a checksum: a standing that lies would lose events.
//!
//! ```text
//! 01 | view version u32 | journal offset u64 | digest 32 | BLAKE3 of all before it, 16
//! ```
//! Numbers are big endian.

use crate::ports::view_store::Standing;

const FORMAT: u8 = 1;
const SUM_BYTES: usize = 16;
const BYTES: usize = 1 + 4 + 8 + 32 + SUM_BYTES;

pub fn encode(standing: &Standing) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BYTES);
    bytes.push(FORMAT);
    bytes.extend_from_slice(&standing.view_version.to_be_bytes());
    bytes.extend_from_slice(&standing.journal_offset.to_be_bytes());
    bytes.extend_from_slice(&standing.digest);
    let sum = sum(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

/// The standing, or why the bytes are none.
pub fn decode(bytes: &[u8]) -> Result<Standing, &'static str> {
    if bytes.first() != Some(&FORMAT) {
        return Err("the standing has an unknown format");
    }
    let Ok(bytes): Result<&[u8; BYTES], _> = bytes.try_into() else {
        return Err("the standing has a wrong length");
    };
    let (body, stored) = bytes.split_at(BYTES - SUM_BYTES);
    if sum(body) != stored {
        return Err("the standing does not match its checksum");
    }
    Ok(Standing {
        view_version: u32::from_be_bytes(part(body, 1)),
        journal_offset: u64::from_be_bytes(part(body, 5)),
        digest: part(body, 13),
    })
}

fn part<const N: usize>(body: &[u8], from: usize) -> [u8; N] {
    let part = body[from..from + N].try_into();
    part.expect("the body's length was checked")
}

fn sum(bytes: &[u8]) -> [u8; SUM_BYTES] {
    let mut sum = [0; SUM_BYTES];
    sum.copy_from_slice(&blake3::hash(bytes).as_bytes()[..SUM_BYTES]);
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_standing_comes_back_and_a_changed_one_is_refused(
            (view_version, journal_offset, digest) in any::<(u32, u64, [u8; 32])>(),
            place in 0..BYTES,
            flip in 1..=u8::MAX,
        ) {
            let standing = Standing { view_version, journal_offset, digest };
            let mut bytes = encode(&standing);
            prop_assert_eq!(decode(&bytes).unwrap(), standing);
            prop_assert!(decode(&bytes[..place]).is_err());
            bytes[place] ^= flip;
            prop_assert!(decode(&bytes).is_err());
        }
    }

    #[test]
    fn the_first_format_is_still_read() {
        let fixture = include_str!("../../tests/fixtures/store/v1/standing.hex");
        let standing = decode(&hex::decode(fixture.trim()).unwrap()).unwrap();
        let expected = Standing {
            view_version: 1,
            journal_offset: 0x0102_0304_0506_0708,
            digest: std::array::from_fn(|place| place as u8),
        };
        assert_eq!(standing, expected);
        assert_eq!(hex::encode(encode(&expected)), fixture.trim());
    }
}
