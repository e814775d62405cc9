//! A state's database with bytes changed, cut or added: it opens as it was, or what is wrong is said. Never a panic, never another value.

#![no_main]

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use costtop::store::{CellBlob, Commit, Loaded, RowBlob, Snapshot, Store, StoreError};
use libfuzzer_sys::fuzz_target;

type Rows = Vec<(i32, u32, Vec<u8>)>;

/// A place in memory where there is one: thousands of files come and go.
fn place() -> tempfile::TempDir {
    let shm = Path::new("/dev/shm");
    if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.expect("a folder")
}

/// Something in every table, over some thirty pages.
fn intact() -> &'static (Vec<u8>, Loaded, Rows) {
    static INTACT: OnceLock<(Vec<u8>, Loaded, Rows)> = OnceLock::new();
    INTACT.get_or_init(|| {
        let folder = place();
        let (mut store, _) = Store::open(folder.path()).expect("a state");
        for number in 1..=12u32 {
            let commit = Commit {
                names: vec![(number, format!("name {number}"))],
                profiles: vec![(number, vec![number as u8; 56])],
                rows: vec![RowBlob { day: number as i32, rows: 3, bytes: vec![number as u8; 900] }],
                cells: vec![CellBlob { tier: (number % 6) as u8, time: number.into(), bytes: vec![7; 3000] }],
                sessions: vec![(number, vec![1; 40])],
                alarms: vec![(format!("alarm {number}"), Some(vec![2; 30]))],
                meta: vec![("intake", number.to_le_bytes().to_vec())],
                ..Commit::default()
            };
            store.commit(&commit).expect("room");
        }
        store.close().expect("room");
        let bytes = fs::read(folder.path().join("state.db")).expect("the database");
        let (store, loaded) = Store::open(folder.path()).expect("a state");
        let rows = stream(|each| store.for_each_row_blob(each)).expect("its rows");
        (bytes, loaded, rows)
    })
}

fn stream(read: impl FnOnce(&mut dyn FnMut(i32, u32, &[u8])) -> Result<(), StoreError>) -> Result<Rows, StoreError> {
    let mut rows = Vec::new();
    read(&mut |day, count, bytes| rows.push((day, count, bytes.to_vec()))).map(|()| rows)
}

// Four bytes an edit: where (three) and what; the first byte says whether the rest of the file goes with the last edit.
fuzz_target!(|data: &[u8]| {
    let (bytes, loaded, rows) = intact();
    let Some((how, edits)) = data.split_first() else { return };
    let mut bytes = bytes.clone();
    let mut last = bytes.len();
    for edit in edits.as_chunks::<4>().0.iter().take(64) {
        last = (usize::from(edit[0]) << 16 | usize::from(edit[1]) << 8 | usize::from(edit[2])) % bytes.len();
        bytes[last] = edit[3];
    }
    if how & 7 == 7 {
        bytes.truncate(last.max(1));
    }
    let folder = place();
    fs::write(folder.path().join("state.db"), &bytes).expect("room");
    if let Ok(Some((snapshot, seen))) = Snapshot::open(folder.path()) {
        assert_eq!(&seen, loaded);
        if let Ok(streamed) = stream(|each| snapshot.for_each_row_blob(each)) {
            assert_eq!(&streamed, rows);
        }
    }
    let Ok((mut store, found)) = Store::open(folder.path()) else { return };
    if found.recovered.is_some() {
        assert_eq!((found.sequence, found.names.len()), (0, 0));
        store.commit(&Commit::default()).expect("a new state takes commits");
        return;
    }
    assert_eq!(&found, loaded);
    if let Ok(streamed) = stream(|each| store.for_each_row_blob(each)) {
        assert_eq!(&streamed, rows);
    }
});
