//! Owners: the users of an org who own records. Change events tell an owner's id only; the name
//! comes from a small sweep, or from a read of the record.

use std::borrow::Cow;

use crate::domain::journal::{DomainEvent as E, WalkReason};
use crate::domain::view::{Journal, owner, record_state};
use crate::domain::{Fields, Name, RecordRef, RecordSnapshot, Value};
use crate::mapping::Section;
use crate::processor::decide::{Terms, walk};

/// The object of users.
pub const USER: &str = "User";
/// What is kept of an owner, and under which names records show it.
const KEPT: [(&str, &str); 3] = [
    ("Name", "Owner.Name"),
    ("Email", "Owner.Email"),
    ("UserRole.Name", "Owner.UserRole.Name"),
];

/// A user as a sweep showed them.
pub fn seen_user<J: Journal>(journal: &mut J, snapshot: &RecordSnapshot) {
    let kept = KEPT.iter().filter_map(|(name, _)| {
        let value = snapshot.fields.get(*name)?;
        Some((Name::from(*name), value.clone()))
    });
    let fields: Fields = kept.collect();
    let known = owner(journal, journal.bridge(), &snapshot.record);
    if known.as_ref() == Some(&fields) {
        return journal.trace("nothing_moved", Some(&snapshot.record));
    }
    journal.emit(E::OwnerSeen {
        owner: snapshot.record.clone(),
        fields,
    });
    if known.is_some() {
        let record = Some(snapshot.record.clone());
        walk::start(journal, WalkReason::Owner, record, 0);
    }
}

/// A snapshot of a record in Salesforce with what every record shows of itself and, where the view
/// knows them, the names of its owner.
pub fn enriched<'a, J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    snapshot: &'a RecordSnapshot,
) -> Cow<'a, RecordSnapshot> {
    let mut enriched = Cow::Borrowed(snapshot);
    let record = &snapshot.record;
    if !terms.mapping.is_salesforce(record) {
        return enriched;
    }
    let Some(watched) = section.watched_salesforce.get(record.object.as_str()) else {
        return enriched;
    };
    let own = [
        ("Id", record.id.as_str()),
        ("attributes.type", record.object.as_str()),
    ];
    for (name, own) in own {
        let shown = snapshot.fields.get(name).and_then(Value::as_text);
        if let Some(name) = watched.get(name).filter(|_| shown != Some(own)) {
            let fields = &mut enriched.to_mut().fields;
            fields.insert(name.clone(), Value::text(own));
        }
    }
    let asks = watched.iter().any(|name| name.starts_with("Owner."));
    let Some(user) = owner_of(record, snapshot.fields.get("OwnerId")).filter(|_| asks) else {
        return enriched;
    };
    match owner(journal, journal.bridge(), &user) {
        Some(known) => {
            for (name, shown) in KEPT {
                if !snapshot.fields.contains_key(shown) {
                    let value = known.get(name).cloned().unwrap_or_default();
                    let name = watched.get(shown).cloned();
                    let name = name.unwrap_or_else(|| shown.into());
                    enriched.to_mut().fields.insert(name, value);
                }
            }
        }
        None => learn(journal, user, &snapshot.fields),
    }
    enriched
}

/// A read shows an owner's name beside the id: the next record of that owner needs no read.
fn learn<J: Journal>(journal: &mut J, user: RecordRef, fields: &Fields) {
    let kept = KEPT.iter().filter_map(|(name, shown)| {
        let value = fields.get(*shown)?;
        Some((Name::from(*name), value.clone()))
    });
    let kept: Fields = kept.collect();
    if kept.contains_key("Name") {
        journal.emit(E::OwnerSeen {
            owner: user,
            fields: kept,
        });
    }
}

/// Whether the mapping asks for names of a record's owner that nobody has told.
pub fn is_missing<J: Journal>(journal: &J, terms: &Terms<'_>, record: &RecordRef) -> bool {
    let Some(section) = terms.mapping.section_of(record) else {
        return false;
    };
    let watched = section.watched_salesforce.get(record.object.as_str());
    if !watched.is_some_and(|names| names.iter().any(|name| name.starts_with("Owner."))) {
        return false;
    }
    let Some(state) = record_state(journal, journal.bridge(), record) else {
        return false;
    };
    let user = owner_of(record, Some(state.value_seen("OwnerId")));
    user.is_some_and(|user| owner(journal, journal.bridge(), &user).is_none())
}

fn owner_of(record: &RecordRef, id: Option<&Value>) -> Option<RecordRef> {
    RecordRef::new(&record.source, USER, id?.as_text()?).ok()
}
