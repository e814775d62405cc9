//! Whatever is committed, in whatever pieces, is what a plain model of maps says after a reopen.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{CellBlob, Commit, Position, RowBlob, SavedPosition, Store, rows};

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => vec(any::<u8>(), 0..40), 1 => vec(any::<u8>(), 5000..9000)]
}

fn saved() -> impl Strategy<Value = SavedPosition> {
    (0..6u32, vec(1..=255u8, 0..30), any::<[u64; 5]>(), any::<[u32; 2]>(), any::<bool>(), bytes()).prop_map(
        |(generation, path, long, short, dead, context)| {
            use std::os::unix::ffi::OsStringExt;
            SavedPosition {
                saved: None,
                position: Position {
                    generation,
                    path: std::ffi::OsString::from_vec(path).into(),
                    device: long[0],
                    inode: long[1],
                    offset: long[2],
                    head_length: short[0],
                    head_hash: long[3],
                    mark_length: short[1],
                    mark_hash: long[4],
                    dead,
                    open_since: None,
                    context: std::sync::Arc::default(),
                },
                context,
            }
        },
    )
}

prop_compose! {
    fn commit()(
        positions in vec(saved(), 0..3),
        forgotten in vec(0..6u32, 0..3),
        names in vec((any::<u32>(), any::<String>()), 0..3),
        profiles in vec((0..6u32, bytes()), 0..3),
        dropped_days in vec(-2..3i32, 0..2),
        rows in vec((-2..3i32, any::<u32>(), bytes()), 0..3),
        cells in vec((0..3u8, prop_oneof![-3..3i64, any::<i64>()], bytes()), 0..4),
        sessions in vec((0..6u32, bytes()), 0..3),
        alarms in vec(("[a-c\\x00ü]{0,2}", prop::option::of(bytes())), 0..3),
        meta in vec((prop::sample::select(&["intake", "next_generation", ""][..]), bytes()), 0..3),
    ) -> Commit {
        Commit {
            positions, forgotten, names, profiles, dropped_days,
            rows: rows.into_iter().map(|(day, rows, bytes)| RowBlob { day, rows, bytes }).collect(),
            cells: cells.into_iter().map(|(tier, time, bytes)| CellBlob { tier, time, bytes }).collect(),
            sessions, alarms, meta,
        }
    }
}

#[derive(Default)]
struct Model {
    positions: BTreeMap<u32, SavedPosition>,
    names: BTreeMap<u32, String>,
    profiles: BTreeMap<u32, Vec<u8>>,
    rows: Vec<(i32, u32, Vec<u8>)>,
    cells: BTreeMap<(u8, std::cmp::Reverse<i64>), Vec<u8>>,
    sessions: BTreeMap<u32, Vec<u8>>,
    alarms: BTreeMap<String, Vec<u8>>,
    meta: BTreeMap<String, Vec<u8>>,
}

fn put<K: Ord>(map: &mut BTreeMap<K, Vec<u8>>, key: K, bytes: Vec<u8>) {
    if bytes.is_empty() {
        map.remove(&key)
    } else {
        map.insert(key, bytes)
    };
}

impl Model {
    fn apply(&mut self, commit: Commit) {
        self.positions.retain(|generation, _| !commit.forgotten.contains(generation));
        self.positions.extend(commit.positions.into_iter().map(|saved| (saved.position.generation, saved)));
        self.names.extend(commit.names);
        self.profiles.extend(commit.profiles);
        self.rows.retain(|(day, ..)| !commit.dropped_days.contains(day));
        self.rows.extend(commit.rows.into_iter().map(|blob| (blob.day, blob.rows, blob.bytes)));
        for cell in commit.cells {
            put(&mut self.cells, (cell.tier, std::cmp::Reverse(cell.time)), cell.bytes);
        }
        for (id, session) in commit.sessions {
            put(&mut self.sessions, id, session);
        }
        for (key, alarm) in commit.alarms {
            match alarm {
                Some(bytes) => self.alarms.insert(key, bytes),
                None => self.alarms.remove(&key),
            };
        }
        self.meta.extend(commit.meta.into_iter().map(|(key, bytes)| (key.to_owned(), bytes)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_committed_comes_back(runs in vec(vec(commit(), 0..5), 1..4)) {
        let folder = tempfile::tempdir().unwrap();
        let mut model = Model::default();
        let mut sequence = 0;
        for run in runs {
            let (mut store, _) = Store::open(folder.path()).unwrap();
            for commit in run {
                sequence += 1;
                prop_assert_eq!(store.commit(&commit).unwrap(), sequence);
                model.apply(commit);
            }
            drop(store);
            let (store, loaded) = Store::open(folder.path()).unwrap();
            prop_assert_eq!(loaded.recovered, None);
            prop_assert_eq!(loaded.sequence, sequence);
            prop_assert_eq!(loaded.positions, model.positions.values().cloned().collect::<Vec<_>>());
            prop_assert_eq!(loaded.names, model.names.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(loaded.profiles, model.profiles.clone().into_iter().collect::<Vec<_>>());
            let cells = loaded.cells.into_iter().map(|cell| ((cell.tier, std::cmp::Reverse(cell.time)), cell.bytes));
            prop_assert_eq!(cells.collect::<Vec<_>>(), model.cells.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(loaded.sessions, model.sessions.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(loaded.alarms, model.alarms.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(loaded.meta, model.meta.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(rows(&store), model.rows.clone());
        }
    }
}
