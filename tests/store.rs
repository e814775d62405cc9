//! The state on disk, with real files: killed, damaged, locked, full, and read back.

#![expect(clippy::unwrap_used, reason = "clippy exempts test functions, not the functions they share")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use costtop::source::Position;
use costtop::store::{
    CellBlob, Commit, Loaded, Outcome, Owner, RowBlob, SavedPosition, Snapshot, Store, StoreError, Writer, owner,
};

#[path = "store/crash.rs"]
mod crash;
#[path = "store/damage.rs"]
mod damage;
#[path = "support/injection.rs"]
mod injection;
#[path = "store/power.rs"]
mod power;
#[path = "store/roundtrip.rs"]
mod roundtrip;

fn position(generation: u32, offset: u64) -> SavedPosition {
    SavedPosition {
        saved: None,
        position: Position {
            generation,
            path: format!("/var/log/{generation}.jsonl").into(),
            device: 1,
            inode: u64::from(generation) << 40,
            offset,
            head_length: 1024,
            head_hash: 0xfeed,
            mark_length: 4096,
            mark_hash: u64::MAX - offset,
            dead: false,
            open_since: None,
            context: std::sync::Arc::default(),
        },
        context: offset.to_le_bytes().to_vec(),
    }
}

fn rows(store: &Store) -> Vec<(i32, u32, Vec<u8>)> {
    let mut out = Vec::new();
    store.for_each_row_blob(|day, rows, bytes| out.push((day, rows, bytes.to_vec()))).unwrap();
    out
}

/// A commit with something in every table.
fn full_commit(number: u32) -> Commit {
    Commit {
        positions: vec![position(number, u64::from(number) * 100)],
        names: vec![(number, format!("name {number} ü"))],
        profiles: vec![(number, vec![1, number as u8])],
        rows: vec![
            RowBlob { day: 20_000, rows: 3, bytes: vec![number as u8; 210] },
            RowBlob { day: -1, rows: 1, bytes: vec![] },
        ],
        cells: vec![CellBlob { tier: (number % 3) as u8, time: i64::from(number), bytes: vec![7; 5000] }],
        sessions: vec![(number, b"session".to_vec())],
        alarms: vec![(format!("budget/{number}"), Some(b"firing".to_vec()))],
        meta: vec![("next_generation", number.to_le_bytes().to_vec())],
        ..Commit::default()
    }
}

fn committed(writer: &Writer) -> u64 {
    match writer.outcomes().recv_timeout(Duration::from_secs(60)).unwrap() {
        Outcome::Committed { sequence, .. } => sequence,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_writer_flushes_what_was_handed_over_and_empties_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let (store, loaded) = Store::open(folder.path()).unwrap();
    assert_eq!((loaded.sequence, loaded.recovered, loaded.notes), (0, None, vec![]));
    let writer = Writer::start(store).unwrap();
    writer.commit(full_commit(1)).unwrap();
    assert_eq!(committed(&writer), 1);
    writer.commit(full_commit(2)).unwrap();
    writer.commit(full_commit(3)).unwrap();
    writer.close().unwrap();
    assert!(!folder.path().join("state.db-wal").exists());
    let (store, loaded) = Store::open(folder.path()).unwrap();
    assert_eq!(loaded.sequence, 3);
    assert_eq!(loaded.meta, [("next_generation".to_owned(), 3u32.to_le_bytes().to_vec())]);
    assert_eq!(rows(&store).iter().map(|row| row.0).collect::<Vec<_>>(), [20_000, -1, 20_000, -1, 20_000, -1]);
}

#[test]
fn only_the_owner_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("costtop").join("default");
    fs::create_dir_all(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    let (mut store, _) = Store::open(&state).unwrap();
    store.commit(&full_commit(1)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    for file in ["state.db", "state.db-wal", "state.db-shm", "lock"] {
        assert_eq!(mode(&state.join(file)), 0o600, "{file}");
    }
    drop(store);
    let other = folder.path().join("made").join("other");
    drop(Store::open(&other).unwrap());
    assert_eq!((mode(&other), mode(&folder.path().join("made"))), (0o700, 0o700));
    // A backup that was put back with the default mode.
    fs::set_permissions(state.join("state.db"), fs::Permissions::from_mode(0o644)).unwrap();
    drop(Store::open(&state).unwrap());
    assert_eq!(mode(&state.join("state.db")), 0o600);
}

#[test]
fn a_second_instance_is_refused_and_told_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(owner(folder.path()).unwrap(), None);
    let (first, _) = Store::open(folder.path()).unwrap();
    assert_eq!(owner(folder.path()).unwrap(), Some(Owner { pid: Some(std::process::id()) }));
    match Store::open(folder.path()) {
        Err(error @ StoreError::InUse { .. }) => {
            let text = error.to_string();
            assert!(text.contains(&format!("by process {}", std::process::id())), "{text}");
            assert!(text.contains("--state OTHER"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    drop(first);
    assert_eq!(owner(folder.path()).unwrap(), None);
    Store::open(folder.path()).unwrap();
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path()).unwrap().0.close().unwrap();
    let path = folder.path().join("state.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 4).unwrap();
    let before = fs::read(&path).unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 4, known: 3, .. }), "{error}");
    assert!(matches!(Snapshot::open(folder.path()), Err(StoreError::Newer { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_snapshot_stays_at_its_commit_while_the_owner_writes() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Snapshot::open(folder.path()).unwrap().is_none());
    let (mut store, _) = Store::open(folder.path()).unwrap();
    store.commit(&full_commit(1)).unwrap();
    let (snapshot, loaded) = Snapshot::open(folder.path()).unwrap().unwrap();
    store.commit(&full_commit(2)).unwrap();
    let mut blobs = 0;
    snapshot.for_each_row_blob(|_, _, _| blobs += 1).unwrap();
    assert_eq!((loaded.sequence, blobs), (1, 2));
    assert_eq!(Snapshot::open(folder.path()).unwrap().unwrap().1.sequence, 2);
}

#[test]
fn a_dropped_day_goes_and_the_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path()).unwrap();
    store.commit(&full_commit(1)).unwrap();
    let whole_day = RowBlob { day: 20_000, rows: 9, bytes: vec![9] };
    store.commit(&Commit { dropped_days: vec![20_000, 5], rows: vec![whole_day], ..Commit::default() }).unwrap();
    drop(store);
    let (store, _) = Store::open(folder.path()).unwrap();
    assert_eq!(rows(&store), [(-1, 1, vec![]), (20_000, 9, vec![9])]);
}

#[test]
fn the_identity_key_is_the_states_own_and_lasts() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = |folder: &Path| Store::open(folder).unwrap().1.identity;
    assert_eq!(key(one.path()), key(one.path()));
    assert_ne!(key(one.path()), key(two.path()));
}

fn load(folder: &Path) -> Loaded {
    Store::open(folder).unwrap().1
}

#[test]
fn looking_who_owns_a_state_keeps_nobody_from_owning_it() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    owner(folder.path()).unwrap();
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
        }
        for _ in 0..100 {
            drop(Store::open(folder.path()).unwrap());
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
