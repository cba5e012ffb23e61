//! History: the journal events that touched a customer, with what each of them changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value as Json;

use crate::domain::view::{Customer, ViewEntry, ViewRead};
use crate::domain::{BridgeId, CustomerId, JournalEntry, JournalKey, RecordRef, ViewKey};
use crate::mapping::Sources;
use crate::processor::queries;
use crate::processor::travel::changes::changes;
use crate::processor::travel::replay::Watch;
use crate::processor::travel::touched::touched;
use crate::processor::view::View;

/// Whose history is asked for: customers, and the records that they hold. An event counts if it
/// concerns one of these customers, or one that held one of these records then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    pub customers: BTreeSet<CustomerId>,
    pub records: BTreeSet<RecordRef>,
}

impl Subject {
    /// Whom a query finds in a view; nobody where both are empty. An id that became an alias counts
    /// beside the one that it leads to.
    pub fn find<V: ViewRead>(
        view: &V,
        bridge: &BridgeId,
        sources: Option<&Sources>,
        query: &str,
    ) -> Self {
        let mut subject = Self::default();
        for customer in queries::customers(view, bridge, sources, query) {
            subject.customers.insert(customer.id);
            subject.records.extend(customer.records.keys().cloned());
        }
        if let (false, Ok(id)) = (subject.is_empty(), CustomerId::parse(query)) {
            subject.customers.insert(id);
        }
        subject
    }

    pub fn is_empty(&self) -> bool {
        self.customers.is_empty()
    }

    fn holds(&self, customer: &Customer) -> bool {
        let mut records = customer.records.keys();
        self.customers.contains(&customer.id) || records.any(|one| self.records.contains(one))
    }
}

/// Which events are listed.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Those behind this sequence; all where there is none.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: usize,
    /// Those that changed a field of this name, in either system.
    pub field: Option<String>,
}

/// One event of a history.
#[derive(Clone, Debug)]
pub struct Step {
    pub offset: u64,
    pub entry: JournalEntry,
    /// The version of the mapping that was active.
    pub mapping: Option<u64>,
    /// `{of, what, name, before, after}` for each fact that changed.
    pub changes: Vec<Json>,
}

/// Collects a history while a journal is folded.
pub struct Historian<'a> {
    bridge: &'a BridgeId,
    subject: &'a Subject,
    page: &'a Page,
    /// The customers that the entry under way concerns, as they were before it.
    held: BTreeMap<CustomerId, Option<Arc<ViewEntry>>>,
    pub steps: Vec<Step>,
    /// Whether more events follow than were asked for.
    pub more: bool,
}

impl<'a> Historian<'a> {
    pub fn new(bridge: &'a BridgeId, subject: &'a Subject, page: &'a Page) -> Self {
        Self {
            bridge,
            subject,
            page,
            held: BTreeMap::new(),
            steps: Vec::new(),
            more: false,
        }
    }

    fn is_listed(&self, entry: &JournalEntry) -> bool {
        let of_bridge = matches!(&entry.key, JournalKey::Bridge(id) if id == self.bridge);
        of_bridge && self.page.after.is_none_or(|after| entry.sequence > after)
    }

    fn get(&self, view: &View, id: &CustomerId) -> Option<Arc<ViewEntry>> {
        view.get(&ViewKey::customer(self.bridge, id))
    }
}

impl Watch for Historian<'_> {
    fn before(&mut self, view: &View, _: u64, entry: &JournalEntry) -> bool {
        self.held.clear();
        if self.is_listed(entry) {
            let mut ids = BTreeSet::new();
            touched(view, self.bridge, &entry.event, &mut ids);
            self.held = ids
                .into_iter()
                .map(|id| (id, self.get(view, &id)))
                .collect();
        }
        !self.more
    }

    fn after(&mut self, view: &View, offset: u64, entry: &JournalEntry) {
        if !self.is_listed(entry) {
            return;
        }
        let mut ids = BTreeSet::new();
        touched(view, self.bridge, &entry.event, &mut ids);
        ids.extend(self.held.keys());
        let now: Vec<_> = ids.iter().filter_map(|id| self.get(view, id)).collect();
        let (was, is) = (
            || self.held.values().flatten().filter_map(customer),
            || now.iter().filter_map(customer),
        );
        if !was()
            .chain(is())
            .any(|customer| self.subject.holds(customer))
        {
            return;
        }
        let changes = changes(was(), is());
        if let Some(field) = &self.page.field
            && !changes
                .iter()
                .any(|change| change["name"] == field.as_str())
        {
            return;
        }
        if self.steps.len() == self.page.limit {
            self.more = true;
            return;
        }
        let mapping = match view.get(&ViewKey::mapping(self.bridge)).as_deref() {
            Some(ViewEntry::Mapping(active)) => Some(active.version),
            _ => None,
        };
        let entry = entry.clone();
        self.steps.push(Step {
            offset,
            entry,
            mapping,
            changes,
        });
    }
}

fn customer(entry: &Arc<ViewEntry>) -> Option<&Customer> {
    match &**entry {
        ViewEntry::Customer(customer) => Some(customer),
        _ => None,
    }
}
