//! Evolve: one journal entry, by its kind.

use crate::domain::journal::DomainEvent as E;
use crate::domain::view::{ViewWrite, bridge_state};
use crate::domain::{JournalEntry, JournalKey};
use crate::processor::evolve::edit::Edit;
use crate::processor::evolve::{bookkeeping, brakes, commands, decisions, holds, links};
use crate::processor::evolve::{records, sweeps, tree, walks};

/// Folds one entry. Returns false when the view had it already, which changes nothing.
///
/// # Panics
/// When an entry before this one is missing: the view would be of a history that never was.
pub fn evolve<V: ViewWrite>(view: &mut V, entry: &JournalEntry) -> bool {
    match &entry.key {
        JournalKey::Partition(partition) => bookkeeping::evolve(view, *partition, entry),
        JournalKey::Bridge(bridge) => {
            if !bookkeeping::is_next(bridge_state(view, bridge).next_sequence, entry) {
                return false;
            }
            bookkeeping::of_bridge(view, bridge, |state| {
                state.next_sequence += 1;
                state.last_at = state.last_at.max(entry.at);
            });
            let shown = tree::shown(&entry.event);
            let before = shown.and_then(|record| tree::above(view, bridge, record));
            apply(
                &mut Edit {
                    view,
                    bridge,
                    sequence: entry.sequence,
                    at: entry.at,
                    cause: entry.cause,
                },
                &entry.event,
            );
            if let Some(record) = shown {
                tree::moved(view, bridge, record, before.as_ref());
            }
            true
        }
    }
}

fn apply<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    match event {
        E::MappingActivated { .. }
        | E::ReviewOpened { .. }
        | E::ReviewClosed { .. }
        | E::ReviewAnswered { .. }
        | E::LetterSettled { .. }
        | E::RevertDecided { .. }
        | E::ConflictDecided { .. }
        | E::ConflictOpened { .. }
        | E::FormAccepted { .. } => {
            decisions::apply(edit, event);
        }
        E::CustomerFounded { .. }
        | E::RecordSeen { .. }
        | E::TagNamed { .. }
        | E::RecordLeft { .. }
        | E::RecordReturned { .. }
        | E::LeadConverted { .. }
        | E::OwnerSeen { .. } => records::apply(edit, event),
        E::RecordLinked { .. }
        | E::RecordsUnlinked { .. }
        | E::IdentifierShared { .. }
        | E::IdentifierFreed { .. }
        | E::RecordsKeptApart { .. }
        | E::LinkDeferred { .. }
        | E::DeferralEnded { .. }
        | E::RecordWaiting { .. }
        | E::WaitingEnded { .. }
        | E::CompanyAwaited { .. } => links::apply(edit, event),
        E::FieldAgreed { .. } | E::DesiredChanged { .. } => decisions::apply(edit, event),
        E::WriteRequested { .. }
        | E::ReadRequested { .. }
        | E::WriteSettled { .. }
        | E::ReadSettled { .. }
        | E::WriteBlocked { .. }
        | E::WriteUnblocked { .. }
        | E::EchoSuppressed { .. } => commands::apply(edit, event),
        E::ObservationHeld { .. } | E::HoldReleased { .. } | E::RereadRequired { .. } => {
            holds::apply(edit, event);
        }
        E::ImportEnded { .. }
        | E::WalkStarted { .. }
        | E::WalkAdvanced { .. }
        | E::WalkEnded { .. }
        | E::PlacesTold { .. } => walks::apply(edit, event),
        E::BreakerTripped { .. }
        | E::BreakerReset { .. }
        | E::MassChangeBraked { .. }
        | E::MassChangeSettled { .. }
        | E::ModeChanged { .. }
        | E::WriteSuppressed { .. }
        | E::SuppressionEnded { .. } => brakes::apply(edit, event),
        E::RecordHealed { .. } | E::SweepEnded { .. } => sweeps::apply(edit, event),
        // Its stamp is what it says, and every entry's stamp is folded above.
        E::TimeAdvanced { .. } => {}
        E::BatchConsumed { .. }
        | E::DigestRecorded { .. }
        | E::BridgeQuarantined { .. }
        | E::BridgeReleased { .. }
        | E::BridgeReread { .. } => {
            panic!("{} belongs to a partition, not to a bridge", event.name());
        }
    }
}
