//! Adapter of the view store port on sled: every key layout.
