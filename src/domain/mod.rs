//! The vocabulary: ids, values, records, observations, journal events, commands, view entries.
