//! Decide, journal, evolve, project: the stateful heart and the loop around it.

pub mod evolve;
