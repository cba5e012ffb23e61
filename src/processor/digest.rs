//! The digest: an order-independent sum over the hashes of all entries, brought up to date with the
//! keys that changed. Two views with the same digest hold the same bytes.

/// The sum, four lanes of 64 bits, each added without carry.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest([u64; 4]);

impl Digest {
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut lanes = [0; 4];
        for (lane, chunk) in lanes.iter_mut().zip(bytes.chunks_exact(8)) {
            *lane = u64::from_be_bytes(chunk.try_into().expect("a chunk has eight bytes"));
        }
        Self(lanes)
    }

    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, lane) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&lane.to_be_bytes());
        }
        bytes
    }

    /// What one entry adds to the sum.
    pub fn of(key: &[u8], value: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(key.len() as u64).to_be_bytes());
        hasher.update(key);
        hasher.update(value);
        Self::from_bytes(hasher.finalize().as_bytes())
    }

    pub fn add(&mut self, entry: Self) {
        for (lane, part) in self.0.iter_mut().zip(entry.0) {
            *lane = lane.wrapping_add(part);
        }
    }

    pub fn subtract(&mut self, entry: Self) {
        for (lane, part) in self.0.iter_mut().zip(entry.0) {
            *lane = lane.wrapping_sub(part);
        }
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_count_and_removal_undoes() {
        let mut one = Digest::default();
        one.add(Digest::of(b"a", b"1"));
        one.add(Digest::of(b"b", b"2"));
        let mut other = Digest::default();
        other.add(Digest::of(b"b", b"2"));
        other.add(Digest::of(b"c", b"3"));
        other.add(Digest::of(b"a", b"1"));
        assert_ne!(one, other);
        other.subtract(Digest::of(b"c", b"3"));
        assert_eq!(one, other);
        assert_eq!(Digest::from_bytes(&one.to_bytes()), one);
    }

    #[test]
    fn a_byte_moved_from_key_to_value_counts() {
        let mut one = Digest::default();
        one.add(Digest::of(b"ab", b"c"));
        let mut other = Digest::default();
        other.add(Digest::of(b"a", b"bc"));
        assert_ne!(one, other);
    }
}
