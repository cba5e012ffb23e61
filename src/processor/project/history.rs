//! Canonical customer events: what a journal entry says to analysts, if it says anything to them.
//! By the entry and the view around it alone, so that a rebuild tells the same again.

use std::sync::Arc;

use crate::domain::ViewKey;
use crate::domain::customer_event::Lineage;
use crate::domain::customer_event::{AccountContext, CustomerEvent, CustomerEventKind as Kind};
use crate::domain::journal::{CustomerKind, DomainEvent as E, RESTORED, Via, WriteEnding};
use crate::domain::view::{Customer, ViewEntry, ViewRead, customer_id_of};
use crate::domain::{
    BridgeId, CustomerId, Fields, JournalEntry, JournalKey, MatchRule, Name, RecordRef, ReviewId,
};
use crate::processor::project::account;

/// Whether the event is the first that shows what its record holds. Asked of the view before the
/// entry is folded; all else is asked of the view after it.
pub fn is_first_sight<V: ViewRead + ?Sized>(view: &V, bridge: &BridgeId, event: &E) -> bool {
    let (E::RecordSeen { record, .. } | E::WriteSettled { record, .. }) = event else {
        return false;
    };
    let holder = Holder::of_record(view, bridge, record);
    holder.is_some_and(|holder| {
        let state = holder.get().records.get(record);
        state.is_some_and(|state| state.folded == 0)
    })
}

/// The canonical event of an entry; at most one, under the entry's id.
pub fn tell<V: ViewRead + ?Sized>(
    view: &V,
    entry: &JournalEntry,
    first_sight: bool,
) -> Option<CustomerEvent> {
    let JournalKey::Bridge(bridge) = &entry.key else {
        return None;
    };
    let told = told(view, bridge, &entry.event, first_sight)?;
    let account = told.account.or_else(|| {
        let holder = Holder::load(view, bridge, &told.customer)?;
        account::context(view, bridge, holder.get())
    });
    Some(CustomerEvent {
        id: entry.id(),
        bridge: bridge.clone(),
        customer: told.customer,
        at: entry.at,
        kind: told.kind,
        records: told.records,
        account,
        fields: told.fields,
        observation: entry.cause,
        lineage: Lineage {
            sequence: entry.sequence,
            absorbed: told.absorbed,
            founded: told.founded,
            review: told.review,
            policy: told.policy,
        },
    })
}

/// What an event says, before it is put in its envelope.
struct Told {
    kind: Kind,
    customer: CustomerId,
    records: Vec<RecordRef>,
    fields: Vec<Name>,
    /// Where the event itself names one.
    account: Option<AccountContext>,
    absorbed: Option<CustomerId>,
    founded: Option<CustomerId>,
    review: Option<ReviewId>,
    policy: Option<String>,
}

impl Told {
    fn new(kind: Kind, customer: CustomerId, records: Vec<RecordRef>) -> Self {
        Self {
            kind,
            customer,
            records,
            fields: Vec::new(),
            account: None,
            absorbed: None,
            founded: None,
            review: None,
            policy: None,
        }
    }
}

fn told<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    event: &E,
    first_sight: bool,
) -> Option<Told> {
    match event {
        // What a write of ours set is no news.
        E::RecordSeen {
            via: Via::Write, ..
        } => None,
        E::RecordSeen { record, fields, .. } => {
            let holder = Holder::of_record(view, bridge, record)?;
            seen(holder.get(), record, fields, first_sight)
        }
        E::WriteSettled {
            record,
            ending:
                WriteEnding::Done {
                    created: true,
                    values,
                    ..
                },
            ..
        } if first_sight => {
            let holder = Holder::of_record(view, bridge, record)?;
            let mut told = created(holder.get(), record);
            told.fields = values.as_ref().map(names).unwrap_or_default();
            Some(told)
        }
        E::RecordLinked { .. } => linked(event),
        E::RecordsUnlinked {
            customer,
            founded,
            moved,
            by,
            ..
        } => {
            let mut told = Told::new(Kind::Split, *customer, moved.clone());
            told.founded = Some(*founded);
            let rule = match by.as_str() {
                RESTORED => MatchRule::SourceMerge,
                _ => MatchRule::Operator,
            };
            told.policy = Some(rule.label().to_owned());
            Some(told)
        }
        E::LeadConverted { .. } => converted(view, bridge, event),
        E::ConflictDecided { .. } | E::ConflictOpened { .. } => conflict(event),
        _ => None,
    }
}

/// A record was shown: a new one, or fields that moved. The first sight of a record that a link
/// brought in is no event of its own: the link told of it.
fn seen(
    customer: &Customer,
    record: &RecordRef,
    fields: &Fields,
    first_sight: bool,
) -> Option<Told> {
    let mut told = match customer.kind {
        CustomerKind::Person if first_sight && is_linked_in(customer, record) => return None,
        CustomerKind::Person if first_sight => created(customer, record),
        _ if fields.is_empty() => return None,
        CustomerKind::Person => of_record(Kind::ContactChanged, customer, record),
        CustomerKind::Company => of_record(Kind::CompanyChanged, customer, record),
    };
    told.fields = names(fields);
    Some(told)
}

fn created(customer: &Customer, record: &RecordRef) -> Told {
    let kind = match (customer.kind, record.object.as_str()) {
        (CustomerKind::Company, _) => Kind::CompanyChanged,
        (CustomerKind::Person, "Lead") => Kind::LeadCreated,
        (CustomerKind::Person, _) => Kind::ContactCreated,
    };
    of_record(kind, customer, record)
}

fn of_record(kind: Kind, customer: &Customer, record: &RecordRef) -> Told {
    Told::new(kind, customer.id, vec![record.clone()])
}

/// Whether a link made the record known, not a source that showed it.
fn is_linked_in(customer: &Customer, record: &RecordRef) -> bool {
    let entered = customer.records.get(record).map(|state| state.entered);
    let mut links = customer.links.iter();
    links.any(|link| Some(link.sequence) == entered)
}

fn linked(event: &E) -> Option<Told> {
    let E::RecordLinked {
        left,
        right,
        rule,
        customer,
        absorbed,
        ..
    } = event
    else {
        return None;
    };
    let kind = match absorbed {
        Some(_) => Kind::Merged,
        None => Kind::Linked,
    };
    let mut told = Told::new(kind, *customer, vec![left.clone(), right.clone()]);
    told.absorbed = *absorbed;
    told.policy = Some(rule.label().to_owned());
    Some(told)
}

fn converted<V: ViewRead + ?Sized>(view: &V, bridge: &BridgeId, event: &E) -> Option<Told> {
    let E::LeadConverted {
        lead,
        contact,
        account,
        opportunity,
    } = event
    else {
        return None;
    };
    let customer = customer_id_of(view, bridge, lead)?;
    let became = [contact, account, opportunity].into_iter().flatten();
    let records = std::iter::once(lead).chain(became).cloned().collect();
    let mut told = Told::new(Kind::LeadConverted, customer, records);
    told.account = account
        .clone()
        .map(|account| account::held(view, bridge, account));
    Some(told)
}

fn conflict(event: &E) -> Option<Told> {
    let (customer, field, claims, review, policy) = match event {
        E::ConflictDecided {
            customer,
            field,
            policy,
            kept,
            lost,
        } => (
            customer,
            field,
            vec![kept, lost],
            None,
            Some(policy.to_string()),
        ),
        E::ConflictOpened {
            review,
            customer,
            field,
            claims,
        } => (
            customer,
            field,
            claims.iter().collect(),
            Some(*review),
            None,
        ),
        _ => return None,
    };
    let records = claims.into_iter().map(|claim| claim.record.clone());
    let mut told = Told::new(Kind::Conflict, *customer, records.collect());
    told.fields = vec![field.clone()];
    told.review = review;
    told.policy = policy;
    Some(told)
}

fn names(fields: &Fields) -> Vec<Name> {
    fields.keys().cloned().collect()
}

/// A customer where it stands in the view: looked at, not copied.
struct Holder(Arc<ViewEntry>);

impl Holder {
    fn load<V: ViewRead + ?Sized>(view: &V, bridge: &BridgeId, id: &CustomerId) -> Option<Self> {
        let entry = view.get(&ViewKey::customer(bridge, id))?;
        matches!(*entry, ViewEntry::Customer(_)).then_some(Self(entry))
    }

    fn of_record<V: ViewRead + ?Sized>(
        view: &V,
        bridge: &BridgeId,
        record: &RecordRef,
    ) -> Option<Self> {
        Self::load(view, bridge, &customer_id_of(view, bridge, record)?)
    }

    fn get(&self) -> &Customer {
        match &*self.0 {
            ViewEntry::Customer(customer) => customer,
            _ => unreachable!("load took a customer"),
        }
    }
}
