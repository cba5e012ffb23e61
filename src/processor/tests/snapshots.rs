//! Snapshots: whatever comes while one is taken, it is the view as it was when it was begun.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use crate::domain::ViewKey;
use crate::domain::view::{VIEW_VERSION, ViewEntry};
use crate::ports::view_snapshots::{Snapshot, SnapshotWriter, Stands, ViewSnapshots};
use crate::ports::view_store::{Error, KeyValue, MemoryStore, Standing, ViewStore};
use crate::processor::overlay::Changes;
use crate::processor::snapshot::restore;
use crate::processor::tests::world::bridge;
use crate::processor::view::View;

type Taken = (Stands, Vec<KeyValue>);

/// The journal of these tests, at any offset.
const JOURNAL: [u8; 32] = [7; 32];

/// Snapshots by their names.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<BTreeMap<String, Taken>>>);

struct Writing {
    kept: Kept,
    taken: Taken,
}

impl SnapshotWriter for Writing {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.taken.1.push((key.to_vec(), value.to_vec()));
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        let name = format!("{:05}", self.taken.0.standing.journal_offset);
        self.kept.0.lock().unwrap().insert(name, self.taken);
        Ok(())
    }
}

impl ViewSnapshots for Kept {
    fn begin(&self, _: u32, stands: &Stands) -> Result<Box<dyn SnapshotWriter>, Error> {
        Ok(Box::new(Writing {
            kept: self.clone(),
            taken: (stands.clone(), Vec::new()),
        }))
    }

    fn names(&self, _: u32) -> Result<Vec<String>, Error> {
        Ok(self.0.lock().unwrap().keys().rev().cloned().collect())
    }

    fn open(&self, name: &str) -> Result<Snapshot, Error> {
        let (stands, entries) = self.0.lock().unwrap()[name].clone();
        let entries = Box::new(entries.into_iter().map(Ok));
        Ok(Snapshot { stands, entries })
    }
}

fn empty() -> View {
    View::open(Box::new(MemoryStore::default())).unwrap()
}

fn change(view: &mut View, place: u64, value: Option<u64>) {
    let mut changes = Changes::default();
    let entry = value.map(|value| Arc::new(ViewEntry::Deduped(value)));
    changes.insert(ViewKey::window(&bridge(), place), entry);
    view.apply(changes, view.journal_offset() + 1);
}

fn begin(view: &mut View, kept: &Kept) {
    view.checkpoint().unwrap();
    let stands = Stands {
        standing: view.standing(),
        journal: JOURNAL,
    };
    let writer = kept.begin(0, &stands).unwrap();
    view.begin_snapshot(writer);
}

/// A store that was filled with the newest snapshot.
fn restored(kept: &Kept) -> (MemoryStore, Option<Standing>) {
    let mut store = MemoryStore::default();
    let standing = restore(&mut store, kept, 0, &|_| Some(JOURNAL)).unwrap();
    (store, standing)
}

#[derive(Debug, Clone)]
enum Act {
    Change(u64, Option<u64>),
    Checkpoint,
    Copy(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..40_u64, proptest::option::of(any::<u64>()))
            .prop_map(|(at, to)| Act::Change(at, to)),
        1 => Just(Act::Checkpoint),
        1 => (1..8_usize).prop_map(Act::Copy),
    ]
}

proptest! {
    #[test]
    fn a_snapshot_is_the_view_at_the_offset_at_which_it_was_begun(
        before in proptest::collection::vec((0..40_u64, any::<u64>()), 0..60),
        acts in proptest::collection::vec(act(), 0..80),
    ) {
        let kept = Kept::default();
        let (mut view, mut then) = (empty(), empty());
        for (place, value) in before {
            change(&mut view, place, Some(value));
            change(&mut then, place, Some(value));
        }
        begin(&mut view, &kept);
        let copy = |view: &mut View, entries| {
            if let Some(whole) = view.copy_on(entries).unwrap() {
                whole.finish().unwrap();
            }
        };
        for act in acts {
            match act {
                Act::Change(place, value) => change(&mut view, place, value),
                Act::Checkpoint => view.checkpoint().unwrap(),
                Act::Copy(entries) => copy(&mut view, entries),
            }
        }
        while view.is_copying() {
            copy(&mut view, 3);
        }
        let (store, standing) = restored(&kept);
        let standing = standing.expect("it was finished");
        prop_assert_eq!(standing.journal_offset, then.journal_offset());
        let from_it = View::open(Box::new(store)).unwrap();
        prop_assert_eq!(from_it.digest(), then.digest());
        prop_assert_eq!(from_it.journal_offset(), then.journal_offset());
    }
}

/// Two snapshots; the newer one is spoilt.
fn two_with_the_newer_one(spoil: impl FnOnce(&mut Taken)) -> Kept {
    let kept = Kept::default();
    let mut view = empty();
    for place in 0..2 {
        change(&mut view, place, Some(place));
        begin(&mut view, &kept);
        let whole = view.copy_on(10).unwrap().expect("there are few entries");
        whole.finish().unwrap();
    }
    let mut taken = kept.0.lock().unwrap();
    spoil(taken.last_entry().unwrap().get_mut());
    drop(taken);
    kept
}

#[test]
fn a_snapshot_that_is_not_what_it_says_is_passed_over_for_the_one_before() {
    let spoilt: [fn(&mut Taken); 4] = [
        |(_, entries)| drop(entries.pop()),
        |(_, entries)| entries[0].1[0] ^= 1,
        |(stands, _)| stands.standing.view_version = VIEW_VERSION - 1,
        |(stands, _)| stands.journal = [8; 32],
    ];
    for spoil in spoilt {
        let (_, standing) = restored(&two_with_the_newer_one(spoil));
        assert_eq!(standing.expect("the older one is whole").journal_offset, 1);
    }
    let (_, standing) = restored(&two_with_the_newer_one(|_| ()));
    assert_eq!(standing.expect("both are whole").journal_offset, 2);
}

/// A process that was killed while it filled its store has no view, and begins anew.
#[test]
fn a_store_that_was_filled_in_part_passes_for_no_view() {
    let kept = Kept::default();
    let mut view = empty();
    for place in 0..5_000 {
        change(&mut view, place, Some(place));
    }
    begin(&mut view, &kept);
    let whole = view.copy_on(10_000).unwrap().expect("all of it at once");
    whole.finish().unwrap();
    kept.0
        .lock()
        .unwrap()
        .values_mut()
        .for_each(|(_, entries)| {
            entries.pop();
        });
    struct Dies(MemoryStore);
    impl ViewStore for Dies {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
            self.0.get(key)
        }
        fn first(&self, from: &[u8], to: &[u8]) -> Result<Option<KeyValue>, Error> {
            self.0.first(from, to)
        }
        fn checkpoint(&mut self, batch: crate::ports::view_store::Checkpoint) -> Result<(), Error> {
            self.0.checkpoint(batch)
        }
        fn standing(&self) -> Result<Option<Standing>, Error> {
            self.0.standing()
        }
        fn clear(&mut self) -> Result<(), Error> {
            // The first call empties what is empty; the second one never comes.
            let (step, reason) = ("die", "killed".to_owned());
            match self.0.standing()? {
                None => self.0.clear(),
                Some(_) => Err(Error::Failed { step, reason }),
            }
        }
    }
    let mut dies = Dies(MemoryStore::default());
    restore(&mut dies, &kept, 0, &|_| Some(JOURNAL)).unwrap_err();
    let Dies(store) = dies;
    let left = View::open(Box::new(store)).unwrap();
    assert_eq!(left.journal_offset(), 0);
    assert_eq!(left.digest(), empty().digest());
}
