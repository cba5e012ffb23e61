//! The view, and overlays over it, against a plain sorted map: whatever lies in which cache, what
//! is asked for is what was put last.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::domain::view::{ViewEntry, ViewRead, ViewWrite};
use crate::domain::{CommandId, CustomerId, ObservationId, Timestamp, ViewKey};
use crate::ports::view_store::MemoryStore;
use crate::processor::digest::Digest;
use crate::processor::overlay::Overlay;
use crate::processor::tests::world::bridge;
use crate::processor::view::View;

const KINDS: u8 = 6;
const KEYS_EACH: u8 = 5;

/// A key of one of the kinds that are kept, walked and forgotten each in their own way.
fn key(kind: u8, number: u8) -> ViewKey {
    let id = [number; 16];
    match kind {
        0 => ViewKey::customer(&bridge(), &CustomerId::from_bytes(id)),
        1 => ViewKey::outstanding(&bridge(), &CommandId::from_bytes(id)),
        2 => ViewKey::due(&bridge(), Timestamp(i64::from(number)), &id),
        3 => ViewKey::deduped(&bridge(), &ObservationId::from_bytes(id)),
        4 => ViewKey::window(&bridge(), u64::from(number)),
        _ => ViewKey::walk(&bridge(), u64::from(number)),
    }
}

/// A key by kind and number, and what is put there; none is a removal.
type Put = (u8, u8, Option<u64>);
/// The changes of a draft, and whether it is kept.
type Drafted = (Vec<Put>, bool);

#[derive(Clone, Debug)]
enum Act {
    Step(Vec<Drafted>),
    Checkpoint,
    /// Looks at a key, which may put it into a cache.
    Get(u8, u8),
    Walk(u8),
    Digest,
}

fn act() -> impl Strategy<Value = Act> {
    let change = (0..KINDS, 0..KEYS_EACH, proptest::option::of(0..1_000_u64));
    let draft = (
        proptest::collection::vec(change, 1..5),
        prop::bool::weighted(0.8),
    );
    prop_oneof![
        4 => proptest::collection::vec(draft, 1..4).prop_map(Act::Step),
        1 => Just(Act::Checkpoint),
        3 => (0..KINDS, 0..KEYS_EACH).prop_map(|(kind, number)| Act::Get(kind, number)),
        2 => (0..KINDS).prop_map(Act::Walk),
        1 => Just(Act::Digest),
    ]
}

type Model = BTreeMap<ViewKey, u64>;

fn check_get(view: &impl ViewRead, model: &Model, key: &ViewKey) {
    let expected = model.get(key).map(|number| ViewEntry::Deduped(*number));
    assert_eq!(view.get(key).as_deref(), expected.as_ref());
}

fn check_walk(view: &impl ViewRead, model: &Model, kind: u8) {
    let (mut from, to) = ViewKey::range(&bridge(), key(kind, 0).kind().unwrap());
    let expected: Vec<_> = model.range(from.clone()..to.clone()).collect();
    let mut found = Vec::new();
    while let Some((key, entry)) = view.first(&from, &to) {
        from = key.next();
        found.push((key, entry));
    }
    assert_eq!(found.len(), expected.len());
    for ((key, entry), (expected, number)) in found.iter().zip(expected) {
        assert_eq!(key, expected);
        assert_eq!(**entry, ViewEntry::Deduped(*number));
    }
}

fn step(view: &mut View, model: &mut Model, drafts: &[Drafted]) {
    let mut overlay = Overlay::new(&*view);
    for (changes, keeps) in drafts {
        let mut drafted = model.clone();
        let mut draft = Overlay::new(&overlay);
        for (kind, number, to) in changes {
            let key = key(*kind, *number);
            match to {
                Some(to) => {
                    draft.put(key.clone(), ViewEntry::Deduped(*to));
                    draft.change(&key, &mut |entry| {
                        let ViewEntry::Deduped(number) = entry else {
                            unreachable!("it was put above");
                        };
                        *number += 1;
                    });
                    drafted.insert(key.clone(), to + 1);
                }
                None => {
                    draft.remove(&key);
                    drafted.remove(&key);
                }
            }
            check_get(&draft, &drafted, &key);
            check_walk(&draft, &drafted, *kind);
        }
        if *keeps {
            let changes = draft.into_changes();
            overlay.absorb(changes);
            *model = drafted;
        }
        for kind in 0..KINDS {
            check_walk(&overlay, model, kind);
        }
    }
    let changes = overlay.into_changes();
    view.apply(changes, 0);
}

proptest! {
    #[test]
    fn what_is_asked_for_is_what_was_put_last(acts in proptest::collection::vec(act(), 1..40)) {
        let mut view = View::open(Box::new(MemoryStore::default())).unwrap();
        let mut model = Model::new();
        for act in acts {
            match act {
                Act::Step(drafts) => step(&mut view, &mut model, &drafts),
                Act::Checkpoint => view.checkpoint().unwrap(),
                Act::Get(kind, number) => check_get(&view, &model, &key(kind, number)),
                Act::Walk(kind) => check_walk(&view, &model, kind),
                Act::Digest => {
                    view.settled_digest();
                }
            }
        }
        let mut digest = Digest::default();
        for (key, number) in &model {
            check_get(&view, &model, key);
            digest.add(Digest::of(key.as_bytes(), &ViewEntry::Deduped(*number).to_bytes()));
        }
        assert_eq!(view.digest(), digest);
        for kind in 0..KINDS {
            check_walk(&view, &model, kind);
        }
    }
}
