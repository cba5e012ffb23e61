//! What went wrong on the way, by kind: how often it was tried, and how often something came of it.

use std::collections::BTreeMap;
use std::fmt;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Faults(BTreeMap<&'static str, Count>);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub times: u64,
    /// Times that it hit something: a sink that dies at work, news that are told twice.
    pub took_effect: u64,
}

impl Faults {
    pub fn count(&mut self, kind: &'static str, took_effect: bool) {
        let count = self.0.entry(kind).or_default();
        count.times += 1;
        count.took_effect += u64::from(took_effect);
    }

    pub fn add(&mut self, other: &Self) {
        for (kind, more) in &other.0 {
            let count = self.0.entry(kind).or_default();
            count.times += more.times;
            count.took_effect += more.took_effect;
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, count) in &self.0 {
            let Count { times, took_effect } = count;
            writeln!(f, "  {kind:<32} {times:>9}  took effect {took_effect:>9}")?;
        }
        Ok(())
    }
}
