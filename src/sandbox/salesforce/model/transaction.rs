//! All or nothing: work that is tried with every trace undone before it is done.

use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::model::changes::Actor;
use crate::sandbox::salesforce::model::org::Org;
use crate::sandbox::salesforce::model::row::Row;
use crate::sandbox::salesforce::schema::Object;

/// What a stored row was before a try touched it; `None` if it was not there.
#[derive(Debug)]
pub(crate) struct Undo {
    pub(crate) object: &'static Object,
    pub(crate) id: String,
    pub(crate) before: Option<Row>,
}

// === impl Org ===

impl Org {
    /// Does all of the work or none of it: a refusal half way leaves neither rows nor changes.
    pub(crate) fn whole<T>(
        &mut self,
        actor: &mut Actor,
        work: impl Fn(&mut Self, &mut Actor) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.tried(actor, &work)?;
        work(self, actor)
    }

    /// What the work would answer. Rows, ids and numbers are as before afterwards, and nothing
    /// enters the list of changes: the same work done next answers the same.
    pub(crate) fn tried<T>(
        &mut self,
        actor: &Actor,
        work: impl Fn(&mut Self, &mut Actor) -> T,
    ) -> T {
        let drawn = self.drawn;
        let outermost = self.trial.is_none();
        let mark = self.trial.get_or_insert_default().len();
        let outcome = work(self, &mut actor.clone());
        let undone = self
            .trial
            .as_mut()
            .map(|trial| trial.split_off(mark))
            .unwrap_or_default();
        for Undo { object, id, before } in undone.into_iter().rev() {
            self.exchange(object, &id, before);
        }
        if outermost {
            self.trial = None;
        }
        self.drawn = drawn;
        outcome
    }
}
