//! Desires: the decided values as one record should hold them.

use std::collections::BTreeSet;

use smallvec::SmallVec;

use crate::domain::journal::{Basis, Desire};
use crate::domain::view::{Customer, RecordState};
use crate::domain::{Fields, MatchRule, Name, RecordRef, Value};
use crate::mapping::is_writable_in_intercom;
use crate::mapping::{CreateRule, FieldMap, MatchBy, OnFirstLink, Refusal, Section, System};

/// Who owns a record of Salesforce.
const OWNER_ID: &str = "OwnerId";

/// A record with what is known of it.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub system: System,
    pub record: &'a RecordRef,
    pub state: &'a RecordState,
}

impl Target<'_> {
    fn object(&self) -> &str {
        self.record.object.as_str()
    }

    /// The fields of the section that are written to this record.
    fn written<'s>(&'s self, section: &'s Section) -> impl Iterator<Item = &'s FieldMap> {
        let (system, object) = (self.system, self.object());
        section.fields.iter().filter(move |field| {
            field.flows_to(system) && (system == System::Intercom || field.applies_to(object))
        })
    }

    /// What its fields should hold for a decided value. A form of its own that means the same
    /// stays as it is: nobody is corrected for writing a number in another way.
    fn wanted(&self, field: &FieldMap, decided: &Value) -> SmallVec<[(Name, Value); 2]> {
        if field.says(self.system, self.state, decided) {
            let names = field.names_in(self.system).iter();
            let held = |name: &Name| (name.clone(), self.state.value_seen(name).clone());
            return names.map(held).collect();
        }
        let desired = field.desired_in(self.system, decided);
        desired.map(|(name, value)| (name.clone(), value)).collect()
    }
}

/// What follows for a linked record when some fields were decided anew. Only differences.
pub fn after_agreement(
    section: &Section,
    customer: &Customer,
    target: Target<'_>,
    fields: &BTreeSet<Name>,
) -> Vec<Desire> {
    let mut desires = Vec::new();
    for field in target.written(section) {
        if !fields.contains(&field.intercom) {
            continue;
        }
        let Some(decided) = customer.decided.get(&field.intercom) else {
            continue;
        };
        if customer.contested.contains_key(&field.intercom) {
            continue;
        }
        let wanted = target.wanted(field, &decided.value);
        if wanted.is_empty() {
            desires.extend(left_alone(field, target));
        }
        for (name, value) in wanted {
            if value.is_blank() && never_blank(section, target, &name) {
                continue;
            }
            let basis = basis(field, &decided.value);
            let desire = Desire { name, value, basis };
            if target.state.desired.get(&desire.name) != Some(&desire) {
                desires.push(desire);
            }
        }
    }
    desires
}

/// What is decided has no form in a record, or says nothing there: what was written before stays,
/// and is the record's own to change.
fn left_alone<'a>(field: &'a FieldMap, target: Target<'a>) -> impl Iterator<Item = Desire> + 'a {
    let names = field.names_in(target.system).iter();
    let written = names.filter_map(move |name| target.state.desired.get(name));
    let followed = written.filter(|desire| desire.basis == Basis::Agreed);
    followed.map(|desire| Desire {
        basis: Basis::Kept,
        ..desire.clone()
    })
}

/// What a decided value that is written rests on: a default is a stand-in for what nobody said, so
/// that it gives way to whoever knows better.
fn basis(field: &FieldMap, decided: &Value) -> Basis {
    match decided.is_blank() && field.default.is_some() {
        true => Basis::Placeholder,
        false => Basis::Agreed,
    }
}

/// Why some of the fields that were decided anew are not written to a record.
pub fn refused(
    section: &Section,
    customer: &Customer,
    target: Target<'_>,
    fields: &BTreeSet<Name>,
) -> Vec<Refusal> {
    let decided = |field: &FieldMap| {
        let decided = customer.decided.get(&field.intercom)?;
        field.refusal(target.system, &decided.value)
    };
    let written = target
        .written(section)
        .filter(|field| fields.contains(&field.intercom));
    written.filter_map(decided).collect()
}

/// What follows for a record at its first link, by the section's policy. Under `fill_blank` its
/// blanks are filled and its values stay.
pub fn at_first_link(
    section: &Section,
    customer: &Customer,
    target: Target<'_>,
    explicit: Option<(&MatchBy, String)>,
) -> Vec<Desire> {
    let mut desires = Vec::new();
    let state = target.state;
    let before = |name: &str| {
        let desired = state.desired.get(name);
        desired.is_some_and(|desire| !desire.value.is_blank())
    };
    // What is being emptied is a blank already: it was another customer's.
    let is_blank = |name: &str| {
        let desired = state.desired.get(name);
        blank(state, name) || desired.is_some_and(|desire| desire.value.is_blank())
    };
    for field in target.written(section) {
        let decided = customer.decided.get(&field.intercom);
        let contested = customer.contested.contains_key(&field.intercom);
        let Some(decided) = decided.filter(|_| !contested) else {
            continue;
        };
        // A name is one value in two fields: half of it is never filled beside the other half.
        let names = field.names_in(target.system);
        let says = |name: &Name| !is_blank(name) && !field.stands_in(state.value_seen(name));
        let touched = names.iter().any(says);
        let keeps = match section.on_first_link {
            OnFirstLink::FillBlank | OnFirstLink::Review => touched,
            OnFirstLink::Owner => touched && field.owner == target.system,
            OnFirstLink::ReportOnly => true,
        };
        for (name, value) in target.wanted(field, &decided.value) {
            if before(&name) {
                continue;
            }
            let desire = if keeps {
                let value = state.value_seen(&name).clone();
                let basis = Basis::Kept;
                Desire { name, value, basis }
            } else {
                let basis = basis(field, &decided.value);
                Desire { name, value, basis }
            };
            desires.push(desire);
        }
    }
    if let Some((by, key)) = explicit
        && is_blank(&by.salesforce)
        && !before(&by.salesforce)
        && section.on_first_link != OnFirstLink::ReportOnly
    {
        let value = Value::text(key);
        desires.push(Desire {
            name: by.salesforce.clone(),
            value,
            basis: Basis::Key,
        });
    }
    desires
}

/// What follows for the contact that a lead became: what it took over from the lead follows the
/// decisions as the lead did, what it had of its own stays. `taken` are values that it took over
/// and that the lead itself has not shown.
pub fn at_conversion(
    section: &Section,
    customer: &Customer,
    lead: &RecordState,
    target: Target<'_>,
    taken: &Fields,
) -> Vec<Desire> {
    let mut desires = Vec::new();
    for field in target.written(section) {
        let decided = customer.decided.get(&field.intercom);
        let contested = customer.contested.contains_key(&field.intercom);
        let Some(decided) = decided.filter(|_| !contested) else {
            continue;
        };
        let names = field.names_in(target.system);
        let inherited = names.iter().all(|name| {
            let own = target.state.value_seen(name);
            let kept = lead.desired.get(name);
            let kept = kept.is_some_and(|one| one.basis == Basis::Kept && !one.value.is_blank());
            own.is_blank()
                || field.stands_in(own)
                || taken.contains_key(name)
                || (own == lead.value_seen(name) && !kept)
        });
        for (name, value) in target.wanted(field, &decided.value) {
            let keeps = !inherited || (value.is_blank() && never_blank(section, target, &name));
            let desire = if keeps {
                let value = target.state.value_seen(&name).clone();
                let basis = Basis::Kept;
                Desire { name, value, basis }
            } else {
                let basis = basis(field, &decided.value);
                Desire { name, value, basis }
            };
            if target.state.desired.get(&desire.name) != Some(&desire) {
                desires.push(desire);
            }
        }
    }
    desires
}

/// A field that two sides disagree on: until a person decides, the record keeps what it holds.
pub fn contested(field: &FieldMap, target: Target<'_>) -> Vec<Desire> {
    if !field.flows_to(target.system) {
        return Vec::new();
    }
    let names = field.names_in(target.system).iter();
    let keeps = |name: &Name| Desire {
        name: name.clone(),
        value: target.state.value_seen(name).clone(),
        basis: Basis::Contested,
    };
    names
        .map(keeps)
        .filter(|desire| target.state.desired.get(&desire.name) != Some(desire))
        .collect()
}

/// Everything a new record of Salesforce is created with.
pub fn at_creation(
    section: &Section,
    create: &CreateRule,
    customer: &Customer,
    company_name: Option<&Value>,
) -> Vec<Desire> {
    let mut desires: Vec<Desire> = Vec::new();
    for desire in agreed(section, customer, &create.object) {
        // Where the org's rules assign what is created, no owner is named.
        let assigned = create.auto_assign && desire.name == OWNER_ID;
        if !desire.value.is_blank() && !assigned {
            desires.push(desire);
        }
    }
    let mut add = |name: &str, value: Value, basis: Basis| {
        if !desires.iter().any(|desire| desire.name == name) && !value.is_blank() {
            desires.push(Desire {
                name: name.into(),
                value,
                basis,
            });
        }
    };
    for (name, value) in &create.set {
        add(name, Value::text(value.as_str()), Basis::Constant);
    }
    if let (Some(field), Some(name)) = (&create.company_name, company_name) {
        add(field, name.clone(), Basis::Constant);
    }
    for (name, value) in &create.placeholders {
        add(name, Value::text(value.as_str()), Basis::Placeholder);
    }
    desires
}

/// What follows for a record that was just created: what was sent, and what changed meanwhile. A
/// value that was sent and has been taken back since is emptied, where the org lets it be.
pub fn after_creation(
    section: &Section,
    create: &CreateRule,
    customer: &Customer,
    target: Target<'_>,
    company_name: Option<&Value>,
) -> Vec<Desire> {
    let state = target.state;
    let mut desires = at_creation(section, create, customer, company_name);
    desires.retain(|desire| desire.basis != Basis::Placeholder || stands(state, desire));
    for desire in agreed(section, customer, &create.object) {
        let kept = never_blank(section, target, &desire.name);
        if desire.value.is_blank() && !blank(state, &desire.name) && !kept {
            desires.push(desire);
        }
    }
    desires
}

/// Everything a new record of Intercom is created with, from the record of Salesforce it is made
/// from. What flows the other way only is sent once, so that the record has a name and an address.
pub fn at_creation_in_intercom(
    section: &Section,
    key: &MatchBy,
    customer: &Customer,
    origin: Target<'_>,
) -> Vec<Desire> {
    let mut desires: Vec<Desire> = Vec::new();
    for field in &section.fields {
        let path = field.path();
        let writable = path.is_some_and(|path| is_writable_in_intercom(section.kind, path));
        if !writable || !field.applies_to(origin.object()) || field.intercom == key.intercom {
            continue;
        }
        let agreed = field.flows_to(System::Intercom);
        let decided = customer.decided.get(&field.intercom);
        let (value, basis) = match decided.filter(|_| agreed) {
            Some(_) if customer.contested.contains_key(&field.intercom) => continue,
            Some(decided) => (decided.value.clone(), basis(field, &decided.value)),
            None => {
                let own = field.decided_from(System::Salesforce, origin.state);
                (own, Basis::Constant)
            }
        };
        let sent = field.desired_in(System::Intercom, &value);
        for (name, value) in sent.filter(|(_, value)| !value.is_blank()) {
            if !desires.iter().any(|desire| desire.name == *name) {
                let name = name.to_owned();
                desires.push(Desire { name, value, basis });
            }
        }
    }
    if let Some(by) = section.rule(MatchRule::Email)
        && !desires.iter().any(|desire| desire.name == by.intercom)
        && is_writable_in_intercom(section.kind, &by.intercom)
    {
        let value = origin.state.value_seen(&by.salesforce).clone();
        let (name, basis) = (by.intercom.clone(), Basis::Constant);
        desires.extend((!value.is_blank()).then_some(Desire { name, value, basis }));
    }
    desires
}

/// What follows for a record of Intercom that was just created: what was decided meanwhile too.
pub fn after_creation_in_intercom(
    section: &Section,
    customer: &Customer,
    target: Target<'_>,
) -> Vec<Desire> {
    let mut desires = Vec::new();
    for field in target.written(section) {
        let decided = customer.decided.get(&field.intercom);
        let contested = customer.contested.contains_key(&field.intercom);
        let Some(decided) = decided.filter(|_| !contested) else {
            continue;
        };
        for (name, value) in target.wanted(field, &decided.value) {
            if !value.is_blank() || !blank(target.state, &name) {
                let basis = basis(field, &decided.value);
                desires.push(Desire { name, value, basis });
            }
        }
    }
    desires
}

/// Whether a stand-in is what the record holds, or nothing is.
fn stands(state: &RecordState, desire: &Desire) -> bool {
    let seen = state.seen.get(&desire.name);
    seen.is_none_or(|seen| seen.value.is_blank() || seen.value == desire.value)
}

/// The real company name where a lead carries a stand-in for it.
pub fn company_named(
    create: &CreateRule,
    state: &RecordState,
    company_name: &Value,
) -> Option<Desire> {
    let field = create.company_name.as_ref()?;
    let stands_in = state.desired.get(field)?.basis == Basis::Placeholder;
    (stands_in && !company_name.is_blank()).then(|| Desire {
        name: field.clone(),
        value: company_name.clone(),
        basis: Basis::Constant,
    })
}

/// The decided values of a customer as fields of an object of Salesforce.
fn agreed(section: &Section, customer: &Customer, object: &str) -> Vec<Desire> {
    let mut desires = Vec::new();
    for field in &section.fields {
        let here = field.flows_to(System::Salesforce) && field.applies_to(object);
        let decided = customer.decided.get(&field.intercom).map(|one| &one.value);
        // A default stands in for what nobody has decided.
        let decided = decided.or_else(|| field.default.is_some().then_some(&Value::Null));
        if let Some(decided) = decided.filter(|_| here) {
            let basis = basis(field, decided);
            let wanted = field.desired_in(System::Salesforce, decided);
            desires.extend(wanted.map(|(name, value)| Desire {
                name: name.clone(),
                value,
                basis,
            }));
        }
    }
    desires
}

/// A field for which the mapping has a stand-in is required by the org: it is never emptied.
pub(super) fn never_blank(section: &Section, target: Target<'_>, name: &str) -> bool {
    if target.system == System::Intercom {
        return false;
    }
    let create = section
        .create
        .as_ref()
        .filter(|create| create.object == target.object());
    let required_name = name == "LastName";
    required_name || create.is_some_and(|create| create.placeholders.contains_key(name))
}

fn blank(state: &RecordState, name: &str) -> bool {
    state.value_seen(name).is_blank()
}
