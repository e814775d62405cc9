//! Flipped, overwritten and cut bytes: never a panic, and never a wrong value that is taken for a right one.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use costtop::store::copy;
use costtop::time::Timestamp;

use super::{Loaded, Snapshot, Store, StoreError, full_commit, rows};

type Rows = Vec<(i32, u32, Vec<u8>)>;

/// A state of a few dozen pages, closed, as the bytes of its one file.
fn intact() -> (Vec<u8>, Loaded, Rows) {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path()).unwrap();
    for number in 1..=20 {
        store.commit(&full_commit(number)).unwrap();
    }
    store.close().unwrap();
    let bytes = fs::read(folder.path().join("state.db")).unwrap();
    let (store, loaded) = Store::open(folder.path()).unwrap();
    let rows = rows(&store);
    (bytes, loaded, rows)
}

/// Opens `bytes` as a state: either everything is as it was, or the damage is reported (`true`).
fn open(bytes: &[u8], loaded: &Loaded, rows: &Rows) -> Result<bool, TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("state.db"), bytes).unwrap();
    if let Ok(Some((snapshot, seen))) = Snapshot::open(folder.path()) {
        prop_assert_eq!(&seen, loaded);
        let mut streamed = Vec::new();
        if snapshot.for_each_row_blob(|day, count, bytes| streamed.push((day, count, bytes.to_vec()))).is_ok() {
            prop_assert_eq!(&streamed, rows);
        }
    }
    let (mut store, found) = match Store::open(folder.path()) {
        Ok(opened) => opened,
        // A flipped version number: refused, which is no wrong value either.
        Err(StoreError::Newer { .. }) => return Ok(true),
        Err(error) => return Err(TestCaseError::fail(error.to_string())),
    };
    if let Some(recovered) = &found.recovered {
        prop_assert!(found.positions.is_empty() && found.sequence == 0);
        prop_assert_eq!(fs::metadata(&recovered.set_aside).unwrap().len(), bytes.len() as u64);
        store.commit(&full_commit(1)).unwrap();
        return Ok(true);
    }
    prop_assert_eq!(&found, loaded);
    let mut streamed = Vec::new();
    match store.for_each_row_blob(|day, count, bytes| streamed.push((day, count, bytes.to_vec()))) {
        Ok(()) => prop_assert_eq!(&streamed, rows),
        Err(StoreError::Damaged { reason, .. }) => {
            let (mut fresh, loaded) = store.set_aside(reason.clone(), true).unwrap();
            prop_assert_eq!(loaded.recovered.unwrap().reason, reason);
            fresh.commit(&full_commit(1)).unwrap();
            return Ok(true);
        }
        Err(error) => return Err(TestCaseError::fail(error.to_string())),
    }
    // Damage where nothing is read, in free space or an index, may end a commit but never the process.
    let _ = store.commit(&full_commit(21));
    Ok(false)
}

#[test]
fn random_damage_is_reported_never_read() {
    let (bytes, loaded, expected) = intact();
    let length = bytes.len();
    // The first two pages hold the header and the schema; damage there is rare by area and rich in ways to fail.
    let place = prop_oneof![0..length, 0..100usize, 0..8192usize];
    let damage = prop::collection::vec((place, any::<u8>()), 1..8);
    let reported = Cell::new(0);
    proptest!(ProptestConfig::with_cases(150), |(damage in damage, cut in prop::option::weighted(0.1, 0..length))| {
        let mut bytes = bytes.clone();
        for (at, value) in damage {
            bytes[at] = value;
        }
        bytes.truncate(cut.unwrap_or(length).max(1));
        reported.set(reported.get() + u32::from(open(&bytes, &loaded, &expected)?));
    });
    assert!(reported.get() > 75, "{} of 150 reported: the damage misses what is read", reported.get());
}

/// `SQLite` takes a database of one byte for an empty one: a new state would begin without a word.
#[test]
fn whatever_length_it_is_cut_to_is_told() {
    let (bytes, loaded, expected) = intact();
    for length in [1, 2, 99, 100, 511, 512, 4095, 4096, bytes.len() - 1] {
        assert!(open(&bytes[..length], &loaded, &expected).unwrap(), "{length}");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("state.db"), &bytes[..length]).unwrap();
        assert!(matches!(Snapshot::open(folder.path()), Err(StoreError::Damaged { .. })), "{length}");
    }
}

#[test]
fn a_flipped_bit_in_a_blob_is_damage() {
    let (bytes, loaded, expected) = intact();
    // Content that only the checksums can tell: SQLite itself reads each of these without complaint.
    for (pattern, table) in [(&[13; 200][..], None), (&[7; 1000], Some("Cell")), (b"firing", Some("Alarm"))] {
        let damaged = flip_each(&bytes, pattern);
        assert!(open(&damaged, &loaded, &expected).unwrap(), "{table:?}");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("state.db"), damaged).unwrap();
        let recovered = Store::open(folder.path()).unwrap().1.recovered;
        // Ledger rows are checked when they are streamed.
        let named = table.map(|table| format!("a row of table '{table}' does not match its checksum"));
        assert_eq!(recovered.map(|recovered| recovered.reason), named);
    }
}

/// Flips a bit wherever `pattern` stands: some places are leftovers in free space.
fn flip_each(bytes: &[u8], pattern: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(pattern.len()).position(|window| window == pattern) {
        out[at + found] ^= 1;
        at += found + pattern.len();
    }
    assert!(at > 0, "the pattern is not there");
    out
}

/// A log that is damaged ends where the damage begins: an earlier commit, whole, or damage; never a mixture.
#[test]
fn a_damaged_log_gives_an_earlier_commit_or_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path()).unwrap();
    // More than the log holds before it is copied back once, so that its head is a mixture of old and new.
    for number in 1..=120 {
        store.commit(&full_commit(number)).unwrap();
    }
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let (database, log) = (read("state.db"), read("state.db-wal"));
    let length = log.len();
    let earlier = Cell::new(0);
    proptest!(ProptestConfig::with_cases(60), |(at in 0..length, value in any::<u8>(), cut in any::<bool>())| {
        let folder = tempfile::tempdir().unwrap();
        let mut log = log.clone();
        log[at] ^= value;
        log.truncate(if cut { at } else { length });
        fs::write(folder.path().join("state.db"), &database).unwrap();
        fs::write(folder.path().join("state.db-wal"), log).unwrap();
        let (store, loaded) = Store::open(folder.path()).unwrap();
        if loaded.recovered.is_none() {
            let number = loaded.sequence as usize;
            earlier.set(earlier.get() + u32::from(number < 120));
            prop_assert_eq!((loaded.positions.len(), loaded.names.len(), loaded.cells.len()), (number, number, number));
            let mut blobs = 0;
            if store.for_each_row_blob(|_, _, _| blobs += 1).is_ok() {
                prop_assert_eq!(blobs, 2 * number);
            }
        }
    });
    assert!(earlier.get() > 0);
}

/// A row that vanishes whole leaves no bad checksum behind; the totals miss it.
#[test]
fn a_lost_row_is_damage() {
    for (sql, at_open) in [
        ("DELETE FROM cell WHERE time = 3", true),
        ("DELETE FROM name WHERE id = 20", true),
        ("DELETE FROM meta", true),
        ("UPDATE session SET id = 99 WHERE id = 2", true),
        ("DELETE FROM ledger WHERE id = 3", false),
        ("UPDATE ledger SET day = day + 1 WHERE id = 4", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(folder.path()).unwrap();
        for number in 1..=20 {
            store.commit(&full_commit(number)).unwrap();
        }
        store.close().unwrap();
        assert!(edit(folder.path(), sql) > 0, "{sql}");
        let (store, loaded) = Store::open(folder.path()).unwrap();
        assert_eq!(loaded.recovered.is_some(), at_open, "{sql}");
        if !at_open {
            assert!(matches!(store.for_each_row_blob(|_, _, _| ()), Err(StoreError::Damaged { .. })), "{sql}");
        }
    }
}

fn edit(folder: &Path, sql: &str) -> usize {
    rusqlite::Connection::open(folder.join("state.db")).unwrap().execute(sql, []).unwrap()
}

#[test]
fn a_state_that_is_empty_or_gone_beside_its_copies_goes_on_from_the_newest() {
    for is_gone in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, before) = Store::open(folder.path()).unwrap();
        store.commit(&full_commit(1)).unwrap();
        store.close().unwrap();
        let made = copy::copy(folder.path(), Timestamp::from_ms(5)).unwrap().made;
        let path = folder.path().join("state.db");
        fs::remove_file(&path).unwrap();
        if !is_gone {
            fs::write(&path, "").unwrap();
        }
        // Who only looks does not take it for a new one.
        let looked = Snapshot::open(folder.path()).map(|found| found.is_some());
        assert!(
            matches!(&looked, Err(StoreError::Damaged { reason, .. }) if reason.contains("beside copies")),
            "{looked:?}"
        );
        let (store, loaded) = Store::open(folder.path()).unwrap();
        let recovered = loaded.recovered.unwrap();
        assert_eq!((loaded.sequence, loaded.identity, recovered.restored), (1, before.identity, Some(made)));
        assert!(recovered.set_aside.exists() && !recovered.is_whole, "nothing says that nothing is missing");
        store.close().unwrap();
        assert!(Store::open(folder.path()).unwrap().1.recovered.is_none(), "once");
        // Where no copy is whole it begins anew, and that is told as well.
        fs::remove_file(&path).unwrap();
        fs::write(copy::copies(folder.path())[0].path.clone(), "no database").unwrap();
        let (_, loaded) = Store::open(folder.path()).unwrap();
        assert_eq!((loaded.sequence, loaded.recovered.unwrap().restored), (0, None));
    }
}
