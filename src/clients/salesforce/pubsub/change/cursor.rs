//! Reads Avro's primitives from bytes. Every read is bounded by what is there; none panics.

/// What is wrong with the bytes; where is added by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the bytes end early")]
    Truncated,
    #[error("a number does not fit its type")]
    Overflow,
    #[error("a length is negative")]
    NegativeLength,
    #[error("a boolean is neither 0 nor 1")]
    Boolean,
    #[error("a text is not UTF-8")]
    Text,
    #[error("a union has no such branch")]
    Branch,
    #[error("values are nested too deeply")]
    TooDeep,
    #[error("there are too many values")]
    TooMany,
}

#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    #[inline]
    pub(super) fn long(&mut self) -> Result<i64, Fault> {
        // Branch indexes, nearly all there is in an update, are one byte.
        if let Some((&byte, rest)) = self.rest.split_first()
            && byte < 0x80
        {
            self.rest = rest;
            return Ok(unzigzag(u64::from(byte)));
        }
        self.long_of_many_bytes()
    }

    fn long_of_many_bytes(&mut self) -> Result<i64, Fault> {
        let mut bits = 0_u64;
        for (at, &byte) in self.rest.iter().enumerate().take(10) {
            // The tenth byte holds the last one of 64 bits.
            if at == 9 && byte > 1 {
                return Err(Fault::Overflow);
            }
            bits |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.rest = &self.rest[at + 1..];
                return Ok(unzigzag(bits));
            }
        }
        Err(if self.rest.len() < 10 {
            Fault::Truncated
        } else {
            Fault::Overflow
        })
    }

    pub(super) fn int(&mut self) -> Result<i64, Fault> {
        let long = self.long()?;
        match i32::try_from(long) {
            Ok(_) => Ok(long),
            Err(_) => Err(Fault::Overflow),
        }
    }

    pub(super) fn boolean(&mut self) -> Result<bool, Fault> {
        match self.take(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Fault::Boolean),
        }
    }

    pub(super) fn float(&mut self) -> Result<f64, Fault> {
        let bytes = self.take(4)?.try_into().map_err(|_| Fault::Truncated)?;
        Ok(f64::from(f32::from_le_bytes(bytes)))
    }

    pub(super) fn double(&mut self) -> Result<f64, Fault> {
        let bytes = self.take(8)?.try_into().map_err(|_| Fault::Truncated)?;
        Ok(f64::from_le_bytes(bytes))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let length = usize::try_from(self.long()?).map_err(|_| Fault::NegativeLength)?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Fault::Text)
    }

    /// The number of items in the block that begins here; 0 ends the list.
    pub(super) fn block(&mut self) -> Result<usize, Fault> {
        let count = self.long()?;
        if count < 0 {
            // A negative count is followed by the block's size in bytes, which we do not need.
            self.long()?;
        }
        usize::try_from(count.unsigned_abs()).map_err(|_| Fault::TooMany)
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Fault::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

fn unzigzag(bits: u64) -> i64 {
    (bits >> 1) as i64 ^ -((bits & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longs_keep_all_64_bits() {
        let cases: [(&[u8], i64); 5] = [
            (&[0x00], 0),
            (&[0x01], -1),
            (&[0x80, 0x01], 64),
            (
                &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                i64::MAX,
            ),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                i64::MIN,
            ),
        ];
        for (bytes, long) in cases {
            let mut cursor = Cursor::new(bytes);
            assert_eq!(cursor.long(), Ok(long));
            assert_eq!(cursor.left(), 0);
        }
        assert_eq!(Cursor::new(&[0xff; 10]).long(), Err(Fault::Overflow));
        assert_eq!(Cursor::new(&[0xff; 11]).long(), Err(Fault::Overflow));
        assert_eq!(Cursor::new(&[0xff; 9]).long(), Err(Fault::Truncated));
        assert_eq!(Cursor::new(&[]).long(), Err(Fault::Truncated));
        let past_int = [0x80, 0x80, 0x80, 0x80, 0x10];
        assert_eq!(Cursor::new(&past_int).int(), Err(Fault::Overflow));
    }

    #[test]
    fn a_length_past_the_end_or_below_zero_is_refused() {
        assert_eq!(Cursor::new(&[0x04, b'a']).text(), Err(Fault::Truncated));
        assert_eq!(Cursor::new(&[0x01]).text(), Err(Fault::NegativeLength));
        assert_eq!(Cursor::new(&[0x02, 0xff]).text(), Err(Fault::Text));
        assert_eq!(Cursor::new(&[0x02]).boolean(), Err(Fault::Boolean));
    }
}
