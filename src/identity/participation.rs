//! Participation: which records take part. What does not is known, and neither linked nor written,
//! and what it says reaches nobody.

use std::collections::BTreeSet;

use crate::domain::journal::CustomerKind;
use crate::domain::view::{Customer, RecordState, ViewEntry, ViewRead, customer_of, record_state};
use crate::domain::{BridgeId, Fields, RecordRef, Shows, Value, ViewKey};
use crate::identity::pursuit::seen_fields;
use crate::mapping::{Mapping, Pilot, Section};

const ACCOUNT: &str = "Account";
const ACCOUNT_ID: &str = "AccountId";
const COMPANY_ID: &str = "company_id";

/// Why a record takes no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Out {
    /// The condition of `include` does not hold.
    NotIncluded,
    /// It has no scope, or one that is not the bridge's.
    OfNoScope,
    /// Its customer is of another scope.
    OfAnotherScope,
    /// It belongs to an account that the pilot does not list.
    NotInPilot,
    /// It names no account, and nobody of its customer one that the pilot lists: one that does may
    /// be linked with it.
    Unplaced,
}

impl Out {
    /// As it stands in the trace.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotIncluded => "not_included",
            Self::OfNoScope => "of_no_scope",
            Self::OfAnotherScope => "of_another_scope",
            Self::NotInPilot | Self::Unplaced => "not_in_pilot",
        }
    }
}

/// What participation is asked of.
pub struct Participation<'a, V: ViewRead + ?Sized> {
    pub view: &'a V,
    pub bridge: &'a BridgeId,
    pub mapping: &'a Mapping,
    pub section: &'a Section,
}

// A reference to what may be unsized is copied whatever it refers to.
impl<V: ViewRead + ?Sized> Clone for Participation<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<V: ViewRead + ?Sized> Copy for Participation<'_, V> {}

/// Whether a record of the view takes no part, and why; what nobody knows or maps does.
pub fn left_out<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    record: &RecordRef,
) -> Option<Out> {
    let section = mapping.section_of(record)?;
    if !section.parts() && mapping.pilot.is_none() {
        return None;
    }
    let customer = customer_of(view, bridge, record)?;
    let parts = Participation {
        view,
        bridge,
        mapping,
        section,
    };
    parts.out(&customer, record)
}

/// Whether a record takes part and another one may be linked with it; else which of them may not,
/// and why. Of one that the view does not know nothing is known against it.
pub fn may_meet<'r, V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    record: &'r RecordRef,
    other: &'r RecordRef,
) -> Result<(), (&'r RecordRef, Out)> {
    match left_out(view, bridge, mapping, record) {
        None | Some(Out::Unplaced) => {}
        Some(out) => return Err((record, out)),
    }
    let (Some(section), Some(customer)) = (
        mapping.section_of(record),
        customer_of(view, bridge, record),
    ) else {
        return Ok(());
    };
    let participation = Participation {
        view,
        bridge,
        mapping,
        section,
    };
    match participation.between_known(&customer, other) {
        Some(out) => Err((other, out)),
        None => Ok(()),
    }
}

impl<V: ViewRead + ?Sized> Participation<'_, V> {
    /// Why a record of a customer takes no part; none where it does.
    pub fn out(&self, customer: &Customer, record: &RecordRef) -> Option<Out> {
        let state = customer.records.get(record)?;
        if !self.is_included(record, state) {
            return Some(Out::NotIncluded);
        }
        if self.section.scope.is_some() {
            let Some(scope) = self.scope(record, &**state) else {
                return Some(Out::OfNoScope);
            };
            if self.home(customer).is_some_and(|home| home != scope) {
                return Some(Out::OfAnotherScope);
            }
        }
        let pilot = self.mapping.pilot.as_ref()?;
        match self.standing(pilot, record, &**state, &state.companies) {
            Standing::Elsewhere => Some(Out::NotInPilot),
            Standing::Unknown if !self.has_listed(pilot, customer) => Some(Out::Unplaced),
            Standing::Listed | Standing::Unknown => None,
        }
    }

    /// Why a candidate may not be linked with a customer that takes part; none where it may. What
    /// it shows may be a row that the view does not know.
    pub fn between(
        &self,
        customer: &Customer,
        candidate: &RecordRef,
        shown: &impl Shows,
        fields: &Fields,
    ) -> Option<Out> {
        if !self.asks() {
            return None;
        }
        let known = record_state(self.view, self.bridge, candidate);
        let tags = known.as_ref().map(|state| self.tags(candidate, state));
        let system = self.mapping.system_of(candidate);
        let object = candidate.object.as_str();
        let tags = tags.unwrap_or_default();
        if !self.section.include.holds(system, object, fields, &tags) {
            return Some(Out::NotIncluded);
        }
        if self.section.scope.is_some() {
            let Some(scope) = self.scope(candidate, shown) else {
                return Some(Out::OfNoScope);
            };
            let theirs = customer_of(self.view, self.bridge, candidate);
            let homes = [self.home(customer), theirs.and_then(|one| self.home(&one))];
            if homes.into_iter().flatten().any(|home| home != scope) {
                return Some(Out::OfAnotherScope);
            }
        }
        let pilot = self.mapping.pilot.as_ref()?;
        let companies = known.map(|state| (*state.companies).clone());
        let theirs = customer_of(self.view, self.bridge, candidate);
        let one_is_listed = || {
            let mut both = [Some(customer), theirs.as_deref()].into_iter().flatten();
            both.any(|one| self.has_listed(pilot, one))
        };
        match self.standing(pilot, candidate, shown, &companies.unwrap_or_default()) {
            Standing::Elsewhere => Some(Out::NotInPilot),
            Standing::Unknown if !one_is_listed() => Some(Out::Unplaced),
            Standing::Listed | Standing::Unknown => None,
        }
    }

    /// The same of one that the view knows.
    pub fn between_known(&self, customer: &Customer, candidate: &RecordRef) -> Option<Out> {
        if !self.asks() {
            return None;
        }
        let state = record_state(self.view, self.bridge, candidate)?;
        self.between(customer, candidate, &*state, &seen_fields(&state))
    }

    /// Whether the mapping leaves anybody out: where it does not, nothing is looked at.
    fn asks(&self) -> bool {
        self.section.parts() || self.mapping.pilot.is_some()
    }

    fn is_included(&self, record: &RecordRef, state: &RecordState) -> bool {
        let system = self.mapping.system_of(record);
        let object = record.object.as_str();
        let include = &self.section.include;
        if include.intercom.is_none() && include.salesforce.is_none() {
            return true;
        }
        let tags = self.tags(record, state);
        include.holds(system, object, &seen_fields(state), &tags)
    }

    fn scope(&self, record: &RecordRef, shown: &impl Shows) -> Option<String> {
        let scope = self.section.scope.as_ref()?;
        scope.of(self.mapping.system_of(record), shown)
    }

    /// The scope of a customer: that of its records in Salesforce, of those the first; else that of
    /// the first of its others.
    fn home(&self, customer: &Customer) -> Option<String> {
        let live = customer
            .records
            .iter()
            .filter(|(_, state)| state.gone.is_none());
        let mut live: Vec<_> = live.collect();
        let place = |record: &RecordRef| !self.mapping.is_salesforce(record);
        live.sort_by_key(|(record, state)| (place(record), state.entered, (*record).clone()));
        live.into_iter()
            .find_map(|(record, state)| self.scope(record, &**state))
    }

    fn tags(&self, record: &RecordRef, state: &RecordState) -> BTreeSet<String> {
        let name = |tag_id: &String| {
            let key = ViewKey::tag_name(self.bridge, &record.source, tag_id);
            match self.view.get(&key).as_deref() {
                Some(ViewEntry::TagName(name)) => Some(name.clone()),
                _ => None,
            }
        };
        state.tags.iter().filter_map(name).collect()
    }

    fn has_listed(&self, pilot: &Pilot, customer: &Customer) -> bool {
        let live = customer
            .records
            .iter()
            .filter(|(_, state)| state.gone.is_none());
        live.into_iter().any(|(record, state)| {
            let standing = self.standing(pilot, record, &**state, &state.companies);
            standing == Standing::Listed
        })
    }

    /// Where a record stands to the pilot by itself: a company by its own ids, a person by the
    /// companies or the account that it names.
    fn standing(
        &self,
        pilot: &Pilot,
        record: &RecordRef,
        shown: &impl Shows,
        companies: &BTreeSet<String>,
    ) -> Standing {
        let salesforce = self.mapping.is_salesforce(record);
        if self.section.kind == CustomerKind::Company {
            // Which of the two sides of a company is listed does not matter.
            return match is_listed(pilot, salesforce, record, shown) {
                true => Standing::Listed,
                false => Standing::Unknown,
            };
        }
        let of: Vec<RecordRef> = if salesforce {
            let account = shown.shown(ACCOUNT_ID).and_then(Value::as_text);
            let account = account.and_then(|id| RecordRef::new(&record.source, ACCOUNT, id).ok());
            account.into_iter().collect()
        } else {
            let company = |id: &String| RecordRef::new(&record.source, "company", id.as_str()).ok();
            companies.iter().filter_map(company).collect()
        };
        if of.is_empty() {
            return Standing::Unknown;
        }
        match of
            .iter()
            .any(|company| self.is_listed_company(pilot, company))
        {
            true => Standing::Listed,
            false => Standing::Elsewhere,
        }
    }

    fn is_listed_company(&self, pilot: &Pilot, company: &RecordRef) -> bool {
        if is_listed(
            pilot,
            self.mapping.is_salesforce(company),
            company,
            &Fields::new(),
        ) {
            return true;
        }
        customer_of(self.view, self.bridge, company).is_some_and(|customer| {
            customer.records.iter().any(|(record, state)| {
                is_listed(pilot, self.mapping.is_salesforce(record), record, &**state)
            })
        })
    }
}

fn is_listed(pilot: &Pilot, salesforce: bool, record: &RecordRef, shown: &impl Shows) -> bool {
    if salesforce {
        return pilot.has_account(&record.id);
    }
    let key = shown.shown(COMPANY_ID).and_then(Value::as_text);
    pilot.has_company(&record.id) || key.is_some_and(|key| pilot.has_company(key))
}

/// Where a record stands to a pilot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Listed,
    /// It belongs to others.
    Elsewhere,
    /// It does not say.
    Unknown,
}
