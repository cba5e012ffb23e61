//! The hook through which tests make a log fail.

/// Decides at each transaction whether it goes wrong.
pub trait Faults: Send + Sync {
    fn at(&self, point: Point) -> Fault;
}

/// The moments at which a transaction can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    BeforeCommit,
    AfterCommit,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Before the commit: it is rolled back. After it: the answer is lost.
    Fail,
    /// The writer stops at once, as in a crash; nothing works until the log is opened again.
    Crash,
}
