//! The remote APIs: auth, transport, rate limits, wire types; no business meaning.
