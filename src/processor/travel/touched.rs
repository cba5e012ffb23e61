//! Whom a journal event concerns.

use std::collections::BTreeSet;

use crate::domain::command::{Command, CommandKind, WriteTarget};
use crate::domain::journal::DomainEvent as E;
use crate::domain::view::{ViewEntry, ViewRead, customer_id_of, matching, outstanding};
use crate::domain::{BridgeId, CustomerId, RecordRef, ReviewId, ViewKey};
use crate::processor::evolve::commands::subject;

/// Adds the customers that an event concerns, as the view knows them. What ends something is asked
/// of the view before it, what begins something of the view after it. What concerns everybody, such
/// as a mapping, concerns nobody.
pub fn touched<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    event: &E,
    customers: &mut BTreeSet<CustomerId>,
) {
    let mut records: Vec<RecordRef> = Vec::new();
    match event {
        E::CustomerFounded { customer, .. }
        | E::FieldAgreed { customer, .. }
        | E::ConflictDecided { customer, .. }
        | E::ConflictOpened { customer, .. } => {
            customers.insert(*customer);
        }
        E::RecordLinked {
            left,
            right,
            customer,
            absorbed,
            ..
        } => {
            customers.insert(*customer);
            customers.extend(*absorbed);
            records.extend([left.clone(), right.clone()]);
        }
        E::RecordsUnlinked {
            customer, founded, ..
        } => customers.extend([*customer, *founded]),
        E::RecordsKeptApart { left, right, .. } => {
            records.extend([left.clone(), right.clone()]);
        }
        E::IdentifierShared { record, others, .. } => {
            records.push(record.clone());
            records.extend(others.iter().cloned());
        }
        E::IdentifierFreed { key } => records.extend(matching(view, bridge, key).records),
        E::ReviewOpened {
            record, candidates, ..
        } => {
            records.push(record.clone());
            records.extend(candidates.iter().cloned());
        }
        E::ReviewAnswered { review, .. }
        | E::ReviewClosed { review, .. }
        | E::MassChangeSettled { review, .. } => {
            records.extend(of_review(view, bridge, review));
        }
        E::WriteRequested { command }
        | E::WriteSuppressed { command, .. }
        | E::ReadRequested { command, .. } => {
            records.extend(of_command(command));
        }
        E::WriteSettled {
            command, record, ..
        } => {
            records.push(record.clone());
            let waiting = outstanding(view, bridge, command);
            records.extend(waiting.map(|waiting| waiting.record.clone()));
        }
        E::ReadSettled { command, .. } => {
            let waiting = outstanding(view, bridge, command);
            records.extend(waiting.map(|waiting| waiting.record.clone()));
        }
        E::LeadConverted {
            lead,
            contact,
            account,
            ..
        } => {
            records.push(lead.clone());
            records.extend(contact.iter().chain(account).cloned());
        }
        E::CompanyAwaited { record, company } => {
            records.extend([record.clone(), company.clone()]);
        }
        of_one => records.extend(of_one_record(of_one).cloned()),
    }
    for record in &records {
        customers.extend(customer_id_of(view, bridge, record));
    }
}

/// The record of an event that has one; none where it concerns nobody in particular.
fn of_one_record(event: &E) -> Option<&RecordRef> {
    match event {
        E::RecordSeen { record, .. }
        | E::RecordLeft { record, .. }
        | E::RecordReturned { record }
        | E::LinkDeferred { record, .. }
        | E::DeferralEnded { record, .. }
        | E::RecordWaiting { record, .. }
        | E::WaitingEnded { record }
        | E::DesiredChanged { record, .. }
        | E::FormAccepted { record, .. }
        | E::EchoSuppressed { record, .. }
        | E::WriteBlocked { record, .. }
        | E::WriteUnblocked { record, .. }
        | E::ObservationHeld { record, .. }
        | E::HoldReleased { record, .. }
        | E::RereadRequired { record }
        | E::BreakerTripped { record, .. }
        | E::BreakerReset { record, .. }
        | E::MassChangeBraked { record, .. }
        | E::SuppressionEnded { record }
        | E::RecordHealed { record, .. } => Some(record),
        _ => None,
    }
}

fn of_command(command: &Command) -> Vec<RecordRef> {
    let mut records = vec![subject(command)];
    if let CommandKind::Write(write) = &command.kind
        && let WriteTarget::Attach { company, .. } = &write.target
    {
        records.push(company.clone());
    }
    records
}

fn of_review<V: ViewRead>(view: &V, bridge: &BridgeId, review: &ReviewId) -> Vec<RecordRef> {
    match view.get(&ViewKey::review(bridge, review)).as_deref() {
        Some(ViewEntry::Review(item)) => {
            let candidates = item.candidates.iter();
            candidates.chain([&item.record]).cloned().collect()
        }
        _ => Vec::new(),
    }
}
