//! `crosswalk.journal`: the entry, its 29 events, and what they are made of.

mod bookkeeping;
mod ending;
mod entry;
mod event;
mod vocabulary;
