//! What stands before a datum, so that a reader finds the schema it was written with.

use crate::avro::error::Error;

const SINGLE_OBJECT: [u8; 2] = [0xc3, 0x01];
const CONFLUENT: u8 = 0x00;

/// The two framings. Entries of both may stand on one topic: their first byte differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Avro single-object encoding: C3 01, then the schema's CRC-64-AVRO, little endian.
    SingleObject { fingerprint: u64 },
    /// Confluent's: 00, then the registry's schema id, big endian. Needs a registry to resolve.
    Confluent { schema_id: u32 },
}

impl Framing {
    pub fn header(self) -> Vec<u8> {
        let mut header = Vec::with_capacity(256);
        match self {
            Self::SingleObject { fingerprint } => {
                header.extend_from_slice(&SINGLE_OBJECT);
                header.extend_from_slice(&fingerprint.to_le_bytes());
            }
            Self::Confluent { schema_id } => {
                header.push(CONFLUENT);
                header.extend_from_slice(&schema_id.to_be_bytes());
            }
        }
        header
    }

    /// Splits framed bytes into the header and the datum.
    pub fn split(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        if let Some(rest) = bytes.strip_prefix(&SINGLE_OBJECT)
            && let Some((fingerprint, datum)) = rest.split_first_chunk()
        {
            let fingerprint = u64::from_le_bytes(*fingerprint);
            return Ok((Self::SingleObject { fingerprint }, datum));
        }
        if let Some(rest) = bytes.strip_prefix(&[CONFLUENT])
            && let Some((id, datum)) = rest.split_first_chunk()
        {
            let schema_id = u32::from_be_bytes(*id);
            return Ok((Self::Confluent { schema_id }, datum));
        }
        Err(Error::Header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_framings_split_where_they_were_joined() {
        let fingerprint = 0x0102_0304_0506_0708;
        for framing in [
            Framing::SingleObject { fingerprint },
            Framing::Confluent { schema_id: 77 },
        ] {
            let mut bytes = framing.header();
            bytes.push(9);
            assert_eq!(Framing::split(&bytes), Ok((framing, &[9][..])));
        }
        assert_eq!(Framing::split(&[0xc3, 0x01, 1]), Err(Error::Header));
        assert_eq!(Framing::split(b"{}"), Err(Error::Header));
    }
}
