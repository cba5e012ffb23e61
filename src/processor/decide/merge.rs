//! Merge: both sides changed a set, neither knowing of the other. What either added or took away
//! holds, value by value, so that nobody has to lose.

use crate::domain::journal::{Basis, Claim, DomainEvent as E};
use crate::domain::view::{Customer, Journal, RecordState};
use crate::domain::{Name, Value};
use crate::mapping::FieldMap;
use crate::mapping::set::{Base, merged};
use crate::processor::decide::agree;

/// What a record showed before it was changed, in the decided form `shown`.
pub fn base<'a>(state: &RecordState, names: &[Name], shown: &'a Value) -> Base<'a> {
    let keeps = |name: &Name| {
        let desire = state.desired.get(name);
        desire.is_some_and(|desire| desire.basis == Basis::Kept)
    };
    match names.iter().any(keeps) {
        true => Base::Own(shown),
        false => Base::Agreed(shown),
    }
}

/// Takes what a claim changed since `base` into what stands. True if the decided value changed.
pub fn merge<J: Journal>(
    journal: &mut J,
    customer: &Customer,
    field: &FieldMap,
    claim: &Claim,
    base: Base<'_>,
) -> bool {
    let Some(standing) = customer.decided.get(&field.intercom) else {
        return false;
    };
    let value = merged(base, &standing.value, &claim.value);
    if value == standing.value {
        return false;
    }
    let previous = standing.value.clone();
    if value == claim.value {
        agree::decided(journal, customer, field, claim, previous, "moved");
        return true;
    }
    let policy = field.conflict.as_str();
    let claim = Claim {
        value,
        ..claim.clone()
    };
    journal.emit(E::ConflictDecided {
        customer: customer.id,
        field: field.intercom.clone(),
        policy: policy.into(),
        kept: claim.clone(),
        lost: agree::standing_claim(standing),
    });
    agree::decided(journal, customer, field, &claim, previous, policy);
    true
}
