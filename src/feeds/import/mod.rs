//! The import of what both systems already hold: all accounts, companies and people of a bridge,
//! page by page, each page in one commit with the position behind it.
//!
//! It begins after the subscription has, so that nothing falls between the two; a row that the
//! subscription has overtaken loses.

mod board;
mod importer;
mod pilot;
mod position;

pub use board::{Asked, Board, Progress, Refusal, State};
pub use importer::{Importer, Options, Parts};
pub use pilot::Pilot;
pub use position::Position;
