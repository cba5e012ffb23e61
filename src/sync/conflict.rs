//! Conflicts: two sides changed one field, neither knowing of the other. Which value stands.

use crate::domain::journal::Claim;
use crate::domain::time::Order;
use crate::domain::view::{Outstanding, RecordState};
use crate::domain::{CommandKind, FieldWrite, Value, Version};
use crate::mapping::{Conflict, FieldMap, System};

/// What most versions leave open.
const SECOND_MS: i64 = 1_000;

/// What a policy says of two claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// What was decided before stands.
    Standing,
    /// The new claim stands.
    Challenger,
    /// A person decides.
    Person,
}

/// Whether a record has not got the decided value of a field yet: what it shows then was put there
/// by somebody who did not know of the decision.
pub fn is_pending(field: &FieldMap, system: System, state: &RecordState, sent: Sent<'_>) -> bool {
    let mut names = field.names_in(system).iter();
    field.flows_to(system)
        && names.any(|name| {
            let desired = state.desired.get(name);
            let differs = desired.is_some_and(|one| one.value != *state.value_seen(name));
            let accepted = state.accepted.get(name).is_some_and(|form| {
                Some(&form.desired) == desired.map(|one| &one.value)
                    && form.stored == *state.value_seen(name)
            });
            (differs && !accepted) || sent.has(name, state)
        })
}

/// The write of a record that is out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent<'a> {
    fields: &'a [FieldWrite],
    /// What was known of the record when it was asked for.
    since: Option<Version>,
}

impl<'a> Sent<'a> {
    pub fn of(command: Option<&'a Outstanding>) -> Self {
        let Some(waiting) = command else {
            return Self::default();
        };
        match &waiting.command.kind {
            CommandKind::Write(write) => Self {
                fields: &write.fields,
                since: Some(waiting.since),
            },
            CommandKind::Read(_) => Self::default(),
        }
    }

    /// Whether something came to be before the write was asked for.
    pub fn is_after(&self, at: Version) -> bool {
        let order = self.since.map(|since| at.against(&since));
        order == Some(Order::Older)
    }

    /// The value that is on its way to a field.
    pub fn value(&self, name: &str) -> Option<&'a Value> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        Some(&field.value)
    }

    /// Whether a field is on its way and no echo has shown it yet.
    fn has(&self, name: &str, state: &RecordState) -> bool {
        self.value(name).is_some() && !state.echoed.contains(name)
    }
}

/// Decides between what stands and what challenges it.
pub fn rule(field: &FieldMap, standing: (&Claim, System), challenger: (&Claim, System)) -> Ruling {
    let owners = |one: System| {
        if one == field.owner {
            Ruling::Challenger
        } else {
            Ruling::Standing
        }
    };
    let (old, new) = (standing.0, challenger.0);
    if standing.1 == challenger.1 {
        // One system has one story: the later chapter counts, whichever was told first. Of what
        // was there at some time in between, nobody says since when: it was there at the end.
        let is_wide = old.version.to_ms - old.version.from_ms >= SECOND_MS;
        let is_over = is_wide && new.version.to_ms <= old.version.to_ms;
        return match new.version.against(&old.version) {
            Order::Older => Ruling::Standing,
            Order::Overlaps if is_over => Ruling::Standing,
            Order::Newer | Order::Overlaps => Ruling::Challenger,
        };
    }
    let newest = || match new.version.against(&old.version) {
        Order::Newer => Ruling::Challenger,
        Order::Older => Ruling::Standing,
        Order::Overlaps => owners(challenger.1),
    };
    match field.conflict {
        // Sets are joined before anybody has to win.
        Conflict::OwnerWins | Conflict::Merge => owners(challenger.1),
        Conflict::NewestWins => newest(),
        Conflict::RestrictiveWins => match field.stricter(&old.value, &new.value) {
            Some(value) if *value == new.value => Ruling::Challenger,
            Some(_) => Ruling::Standing,
            None => newest(),
        },
        Conflict::Review => Ruling::Person,
    }
}
