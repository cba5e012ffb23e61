//! What people ask about the view, answered by its one owner.

use serde_json::Value;

use crate::domain::journal::BridgeMode;
use crate::domain::{CustomerId, LetterSettlement, RecordRef, ReviewAnswer, ReviewId, Timestamp};

/// Answers for the admin port. Calls block, a little: the answer stands between two steps of the
/// processor. Answers may hold personal values; they go to operators, never to logs.
pub trait ViewQuestions: Send + Sync {
    /// Who is behind a customer id, a record (`source/object/id`), an e-mail or another key.
    fn identity(&self, query: &str) -> Result<Value, Error>;

    /// Why records are linked or not, and where each value comes from.
    fn explain(&self, query: &str) -> Result<Value, Error>;

    /// Open review items, at most `max` of each bridge.
    fn reviews(&self, max: usize) -> Result<Value, Error>;

    /// What the last sweep of each source compared and repaired.
    fn sweeps(&self) -> Result<Value, Error>;

    /// Puts a person's answer to a review item on the log; it is carried out in its turn.
    fn answer_review(
        &self,
        review: &ReviewId,
        answer: &ReviewAnswer,
        by: &str,
    ) -> Result<Value, Error>;

    /// Puts it on the log that a person says of two records that they are one customer, or that
    /// they are not.
    fn decide_link(
        &self,
        left: &RecordRef,
        right: &RecordRef,
        same: bool,
        by: &str,
    ) -> Result<Value, Error>;

    /// Puts it on the log that a person took dead letters up again or put them aside, with what
    /// follows. Says of each what was done, or why it stays; one does not stop the others.
    fn settle_letters(
        &self,
        letters: &[String],
        how: LetterSettlement,
        by: &str,
    ) -> Result<Value, Error>;

    /// Whether each bridge takes what comes, and if not, why.
    fn bridges(&self) -> Result<Value, Error>;

    /// Puts it on the log that a person lets a quarantined bridge go on; with `skips` it passes
    /// over the observation that it could not decide.
    fn release_bridge(&self, bridge: &str, skips: bool, by: &str) -> Result<Value, Error>;

    /// Puts it on the log that a bridge writes from now on, or writes no more.
    fn set_mode(&self, bridge: &str, mode: BridgeMode, by: &str) -> Result<Value, Error>;

    /// What shadow mode withholds, a page at a time: of the customers behind this one.
    fn withheld(&self, bridge: &str, after: Option<CustomerId>) -> Result<Value, Error>;

    /// What a revert would do, a page at a time: with the customers behind this one.
    fn revertible(
        &self,
        bridge: &str,
        mapping: &str,
        since: Timestamp,
        after: Option<CustomerId>,
    ) -> Result<Value, Error>;

    /// Puts it on the log that what was written under a mapping since a time is to be undone.
    fn revert(
        &self,
        bridge: &str,
        mapping: &str,
        since: Timestamp,
        by: &str,
    ) -> Result<Value, Error>;

    /// The view's digest with the position and the view version at which it holds.
    fn digest(&self) -> Result<Value, Error>;

    /// Counts: customers, links, commands under way, review items, positions.
    fn stats(&self) -> Result<Value, Error>;
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the view is not ready yet: {0}")]
    NotReady(String),
    #[error("the query is not understood: {0}")]
    BadQuery(String),
    /// It is understood, and cannot be done as things are.
    #[error("{0}")]
    Refused(String),
    #[error("the view could not be asked: {0}")]
    Failed(String),
}
