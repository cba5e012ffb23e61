//! Decide, journal, evolve, project: the stateful heart and the loop around it.

pub mod ordered;
pub mod overlay;
mod pace;
pub mod evolve;
pub mod project;
pub mod draft;
pub mod decide;
pub mod step;
pub mod digest;
mod clean;
pub mod snapshot;
pub mod view;
pub mod recovery;
pub mod driver;
pub mod queries;
pub mod explain;
mod nearest;
pub mod travel;

#[cfg(test)]
mod tests;
