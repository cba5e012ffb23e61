//! The SELECT subset of SOQL: text in, a parsed query out; and whether a row satisfies it. Pure.

mod evaluate;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

pub(crate) use evaluate::{Lookup, compare, holds};
pub(crate) use parser::{Condition, Literal, Operator, Order, Query, Selection, parse};
