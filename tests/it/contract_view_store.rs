//! The contract of the view store port, on the store in memory and on sled; and what sled's
//! adapter adds: reopening, owners, damage, time limits.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crosswalk::ports::view_store::{Checkpoint, MemoryStore, Standing, ViewStore};
use crosswalk::store::{Opened, Options, SledStore};
use proptest::prelude::*;

type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

fn on_both(check: impl Fn(&mut dyn ViewStore)) {
    check(&mut MemoryStore::default());
    let directory = tempfile::tempdir().unwrap();
    check(&mut open(directory.path()).0);
}

fn open(path: &Path) -> (SledStore, Opened) {
    SledStore::open(path, Options::default()).unwrap()
}

fn checkpoint(changes: &[(&[u8], Option<&[u8]>)], journal_offset: u64) -> Checkpoint {
    let change = |(key, value): &(&[u8], Option<&[u8]>)| (key.to_vec(), value.map(<[u8]>::to_vec));
    Checkpoint {
        changes: changes.iter().map(change).collect(),
        standing: standing(journal_offset),
    }
}

fn standing(journal_offset: u64) -> Standing {
    Standing {
        view_version: Options::default().view_version,
        journal_offset,
        digest: [journal_offset as u8; 32],
    }
}

#[test]
fn a_checkpoint_changes_entries_and_standing() {
    on_both(|store| {
        assert_eq!(store.standing().unwrap(), None);
        assert_eq!(store.get(b"a").unwrap(), None);
        store
            .checkpoint(checkpoint(&[(b"a", Some(b"1")), (b"b", Some(b""))], 7))
            .unwrap();
        assert_eq!(store.get(b"a").unwrap(), Some(b"1".to_vec()));
        assert_eq!(store.get(b"b").unwrap(), Some(Vec::new()));
        assert_eq!(store.standing().unwrap(), Some(standing(7)));
        store
            .checkpoint(checkpoint(&[(b"a", None), (b"b", Some(b"2"))], 9))
            .unwrap();
        assert_eq!(store.get(b"a").unwrap(), None);
        assert_eq!(store.get(b"b").unwrap(), Some(b"2".to_vec()));
        assert_eq!(store.standing().unwrap(), Some(standing(9)));
    });
}

#[test]
fn the_first_key_of_a_range_is_found_in_byte_order() {
    on_both(|store| {
        let keys: [&[u8]; 4] = [b"a\x00\x01", b"a\x00\x01\xff", b"ab", b"b"];
        let changes: Vec<_> = keys.iter().map(|key| (*key, Some(*key))).collect();
        store.checkpoint(checkpoint(&changes, 1)).unwrap();
        let first = |from: &[u8], to: &[u8]| {
            let found = store.first(from, to).unwrap();
            found.map(|(key, value)| {
                assert_eq!(key, value);
                key
            })
        };
        assert_eq!(first(b"", b"z").as_deref(), Some(keys[0]));
        assert_eq!(first(b"a\x00\x01\x00", b"z").as_deref(), Some(keys[1]));
        assert_eq!(first(b"a\x00\x02", b"b").as_deref(), Some(keys[2]));
        assert_eq!(first(b"ac", b"b"), None, "the end is excluded");
        assert_eq!(first(b"z", b"a"), None, "an empty range is no error");
        assert_eq!(first(b"b", b"b"), None);
    });
}

#[test]
fn the_standing_is_no_entry() {
    on_both(|store| {
        store.checkpoint(checkpoint(&[], 3)).unwrap();
        assert_eq!(store.first(b"", b"\xff").unwrap(), None);
        assert_eq!(store.get(&[0, 1]).unwrap(), None);
    });
}

#[test]
fn clearing_forgets_everything_and_the_store_goes_on() {
    on_both(|store| {
        store
            .checkpoint(checkpoint(&[(b"a", Some(b"1"))], 7))
            .unwrap();
        store.clear().unwrap();
        assert_eq!(store.standing().unwrap(), None);
        assert_eq!(store.first(b"", b"\xff").unwrap(), None);
        store
            .checkpoint(checkpoint(&[(b"b", Some(b"2"))], 1))
            .unwrap();
        assert_eq!(store.get(b"b").unwrap(), Some(b"2".to_vec()));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn sled_answers_as_memory_does(
        batches in prop::collection::vec(changes(), 1..6),
        from in prop::collection::vec(1..4u8, 0..3),
        to in prop::collection::vec(1..4u8, 0..3),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut memory = MemoryStore::default();
        let mut sled = open(directory.path()).0;
        for (place, changes) in batches.into_iter().enumerate() {
            let batch = Checkpoint { changes: changes.clone(), standing: standing(place as u64) };
            memory.checkpoint(batch.clone()).unwrap();
            sled.checkpoint(batch).unwrap();
            for key in changes.keys() {
                prop_assert_eq!(sled.get(key).unwrap(), memory.get(key).unwrap());
            }
            prop_assert_eq!(sled.first(&from, &to).unwrap(), memory.first(&from, &to).unwrap());
            prop_assert_eq!(sled.standing().unwrap(), memory.standing().unwrap());
        }
    }
}

fn changes() -> impl Strategy<Value = Changes> {
    let key = prop::collection::vec(1..4u8, 1..3);
    let value = prop::option::of(prop::collection::vec(any::<u8>(), 0..8));
    prop::collection::btree_map(key, value, 0..8)
}

#[test]
fn a_store_is_found_again_as_it_was_left() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, opened) = open(directory.path());
    assert_eq!(opened, Opened::Fresh);
    store
        .checkpoint(checkpoint(&[(b"a", Some(b"1"))], 7))
        .unwrap();
    drop(store);
    let (store, opened) = open(directory.path());
    assert_eq!(opened, Opened::Existing);
    assert_eq!(store.get(b"a").unwrap(), Some(b"1".to_vec()));
    assert_eq!(store.standing().unwrap(), Some(standing(7)));
}

#[test]
fn a_cleared_store_is_fresh_when_it_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    store
        .checkpoint(checkpoint(&[(b"a", Some(b"1"))], 7))
        .unwrap();
    store.clear().unwrap();
    drop(store);
    assert_eq!(open(directory.path()).1, Opened::Fresh);
}

#[test]
fn a_second_owner_is_refused_and_the_first_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    let refused = SledStore::open(directory.path(), Options::default()).unwrap_err();
    assert!(refused.to_string().contains("another owner"), "{refused}");
    store
        .checkpoint(checkpoint(&[(b"a", Some(b"1"))], 7))
        .unwrap();
    drop(store);
    assert_eq!(open(directory.path()).1, Opened::Existing);
}

#[test]
fn a_view_of_another_version_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    store
        .checkpoint(checkpoint(&[(b"a", Some(b"1"))], 7))
        .unwrap();
    drop(store);
    let options = Options {
        view_version: standing(0).view_version + 1,
        ..Options::default()
    };
    let (store, opened) = SledStore::open(directory.path(), options).unwrap();
    assert!(matches!(opened, Opened::Replaced { .. }), "{opened:?}");
    assert_eq!(store.standing().unwrap(), None);
    assert_eq!(store.get(b"a").unwrap(), None);
}

#[test]
fn a_database_that_cannot_be_opened_is_replaced_by_one_next_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    store
        .checkpoint(checkpoint(&[(b"a", Some(b"1"))], 7))
        .unwrap();
    drop(store);
    // sled's own lock, as an opening that was given up holds it: sled refuses, and the way
    // out is a fresh directory.
    let held = held(&directory.path().join("view-0"));
    let (mut store, opened) = open(directory.path());
    assert!(matches!(opened, Opened::Replaced { .. }), "{opened:?}");
    assert_eq!(store.standing().unwrap(), None);
    store
        .checkpoint(checkpoint(&[(b"b", Some(b"2"))], 8))
        .unwrap();
    drop((held, store));
    let (store, opened) = open(directory.path());
    assert_eq!(opened, Opened::Existing);
    assert_eq!(store.standing().unwrap(), Some(standing(8)));
}

/// A lock can outlive its holder: a process that another test is starting inherits open files for
/// the moment before its program is loaded.
fn held(path: &Path) -> sled::Db {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        match sled::open(path) {
            Ok(db) => return db,
            Err(error) => assert!(std::time::Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_time_limit_of_nothing_is_an_error_and_not_a_wait() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        open_timeout: Duration::ZERO,
        ..Options::default()
    };
    // Even the fresh directory does not open in no time: the caller is told, and may try again.
    assert!(SledStore::open(directory.path(), options).is_err());
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while SledStore::open(directory.path(), Options::default()).is_err() {
        assert!(std::time::Instant::now() < deadline);
    }
}

#[test]
fn damaged_files_lead_to_the_old_view_or_to_a_fresh_one_never_to_a_lie() {
    for place in [0, 300, 5_000, 20_000] {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, _) = open(directory.path());
        let value = vec![7; 400];
        let keys: Vec<Vec<u8>> = (0..50u8).map(|key| vec![b'k', key]).collect();
        let changes = keys.iter().map(|key| (key.clone(), Some(value.clone())));
        let changes: Changes = changes.collect();
        store
            .checkpoint(Checkpoint {
                changes,
                standing: standing(50),
            })
            .unwrap();
        drop(store);
        let file = directory.path().join("view-0").join("db");
        let mut bytes = fs::read(&file).unwrap();
        let end = bytes.len().min(place + 64);
        bytes
            .get_mut(place..end)
            .into_iter()
            .flatten()
            .for_each(|byte| *byte ^= 0x5a);
        fs::write(&file, bytes).unwrap();

        let (store, opened) = open(directory.path());
        match opened {
            Opened::Existing => {
                assert_eq!(store.standing().unwrap(), Some(standing(50)));
                let all = keys
                    .iter()
                    .all(|key| store.get(key).unwrap().as_ref() == Some(&value));
                assert!(all, "damage at {place} went unnoticed");
            }
            Opened::Fresh | Opened::Replaced { .. } => {
                assert_eq!(store.standing().unwrap(), None);
            }
        }
    }
}
