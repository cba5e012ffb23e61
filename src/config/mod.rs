//! One struct per role, validated once at start.
