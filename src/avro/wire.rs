//! Avro's binary encoding: the cursor that writes, the one that reads, and the trait between
//! them and the domain. Reading is bounded by the input's length and never panics.

use crate::avro::error::Error;

/// A type with one Avro shape.
pub trait Wire: Sized {
    fn put(&self, w: &mut Writer);
    fn take(r: &mut Reader<'_>) -> Result<Self, Error>;
}

/// Writes a datum. A value that Avro cannot hold is remembered and reported by `finish`.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    field: &'static str,
    failed: Option<Error>,
    /// Fields, branches and symbols in the order written, to be held against the schema.
    #[cfg(test)]
    pub names: Vec<&'static str>,
}

impl Writer {
    /// Continues after a header that is already there.
    pub fn after(header: Vec<u8>) -> Self {
        Self {
            bytes: header,
            ..Self::default()
        }
    }

    pub fn finish(self) -> Result<Vec<u8>, Error> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.bytes),
        }
    }

    pub fn field<T: Wire>(&mut self, name: &'static str, value: &T) {
        self.enter(name);
        value.put(self);
    }

    /// Names the field that follows, for a value that is not one `Wire` type.
    pub fn enter(&mut self, name: &'static str) {
        self.field = name;
        self.note(name);
    }

    /// Chooses a union's branch; the record's fields follow.
    pub fn branch(&mut self, index: i64, record: &'static str) {
        self.note(record);
        self.long(index);
    }

    pub fn symbol(&mut self, index: i64, symbol: &'static str) {
        self.note(symbol);
        self.long(index);
    }

    pub fn boolean(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }

    pub fn long(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)) as u64;
        while rest >= 0x80 {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
    }

    pub fn count(&mut self, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.long(value),
            Err(_) => self.fail("a number above 2^63"),
        }
    }

    pub fn fixed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.long(bytes.len() as i64);
        self.bytes.extend_from_slice(bytes);
    }

    /// An array or a map in one block.
    pub fn block<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut put: impl FnMut(&mut Self, T),
    ) {
        if items.len() > 0 {
            self.long(items.len() as i64);
            for item in items {
                put(self, item);
            }
        }
        self.long(0);
    }

    pub fn fail(&mut self, problem: &'static str) {
        let field = self.field;
        self.failed
            .get_or_insert(Error::Malformed { field, problem });
    }

    #[cfg(test)]
    fn note(&mut self, name: &'static str) {
        self.names.push(name);
    }

    #[cfg(not(test))]
    fn note(&mut self, _name: &'static str) {}
}

/// Reads a datum.
#[derive(Debug)]
pub struct Reader<'b> {
    rest: &'b [u8],
    field: &'static str,
}

impl<'b> Reader<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self {
            rest: bytes,
            field: "value",
        }
    }

    /// Refuses bytes that nobody asked for.
    pub fn finish(self) -> Result<(), Error> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(Error::Trailing { bytes }),
        }
    }

    pub fn field<T: Wire>(&mut self, name: &'static str) -> Result<T, Error> {
        self.enter(name);
        T::take(self)
    }

    pub fn enter(&mut self, name: &'static str) {
        self.field = name;
    }

    pub fn boolean(&mut self) -> Result<bool, Error> {
        match self.fixed(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(self.malformed("a boolean is 0 or 1")),
        }
    }

    pub fn long(&mut self) -> Result<i64, Error> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.fixed(1)?[0];
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(self.malformed("a number of more than 64 bits"))
    }

    pub fn count(&mut self) -> Result<u64, Error> {
        u64::try_from(self.long()?).map_err(|_| self.malformed("a negative count"))
    }

    pub fn fixed(&mut self, length: usize) -> Result<&'b [u8], Error> {
        let Some((head, rest)) = self.rest.split_at_checked(length) else {
            return Err(Error::Truncated { field: self.field });
        };
        self.rest = rest;
        Ok(head)
    }

    pub fn bytes(&mut self) -> Result<&'b [u8], Error> {
        let length = self.count()?;
        let length = usize::try_from(length).map_err(|_| self.malformed("a length too large"))?;
        self.fixed(length)
    }

    pub fn text(&mut self) -> Result<&'b str, Error> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|_| self.malformed("text that is not UTF-8"))
    }

    /// Calls `item` for each item of an array or a map. Every item takes a byte or more, so a
    /// count beyond the rest of the input is a lie.
    pub fn blocks(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let field = self.field;
        loop {
            let count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                self.long()?;
            }
            if count.unsigned_abs() > self.rest.len() as u64 {
                return Err(Error::Truncated { field });
            }
            for _ in 0..count.unsigned_abs() {
                self.field = field;
                item(self)?;
            }
        }
    }

    pub fn malformed(&self, problem: &'static str) -> Error {
        let field = self.field;
        Error::Malformed { field, problem }
    }

    pub fn unknown_case(&self, index: i64) -> Error {
        let field = self.field;
        Error::UnknownCase { field, index }
    }

    /// The field being read, for errors made elsewhere.
    pub fn at(&self) -> &'static str {
        self.field
    }
}
