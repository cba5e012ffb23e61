//! The edges as small traits, each with its guarantee written on it.
