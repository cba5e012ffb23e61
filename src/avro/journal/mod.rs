//! `crosswalk.journal`: the entry, its 36 events, and what they are made of.

mod bookkeeping;
mod ending;
mod entry;
mod event;
mod vocabulary;
