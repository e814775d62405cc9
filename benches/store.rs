//! What a commit costs, and whether that follows what is new or what is there. `cargo bench --bench store`
//!
//! A plain program: what is measured is a disk, whose state changes with every turn, so there is nothing to repeat alike.

use std::path::Path;
use std::time::{Duration, Instant};

use costtop::source::Position;
use costtop::store::{CellBlob, Commit, RowBlob, SavedPosition, Snapshot, Store};

/// Bytes of a ledger row.
const ROW: usize = 70;
/// Rows of the measured commit.
const ROWS: u32 = 20_000;
/// Turns of each measurement.
const TURNS: usize = 30;
/// Bytes of a sealed minute of 50 cells.
const MINUTE: usize = 50 * 28;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let places = [("few", 10_000), ("many", 1_000_000)].map(|(name, ids)| (folder.path().join(name), ids));
    let mut stores = places.each_ref().map(|(place, ids)| filled(place, *ids));
    let mut times = [Vec::new(), Vec::new()];
    // In turns, so that what else the machine does meets both.
    for turn in 0..TURNS as u32 {
        let commit = commit(1_000_000 + turn, ROWS);
        for (store, times) in stores.iter_mut().zip(&mut times) {
            let start = Instant::now();
            store.commit(&commit).expect("room on the disk");
            times.push(start.elapsed());
        }
    }
    println!("commit of {ROWS} rows of {ROW} B with 20 positions, 60 cells, 20 sessions; median and worst of {TURNS}:");
    let [few, many] = times.map(|mut times| {
        times.sort_unstable();
        (times[TURNS / 2], times[TURNS - 1])
    });
    for ((median, worst), (_, ids)) in [few, many].iter().zip(&places) {
        println!("  {ids:>9} ids there: {median:.1?}, {worst:.1?}");
    }
    let ratio = many.0.as_secs_f64() / few.0.as_secs_f64();
    println!("ratio {ratio:.2} (budget: at most 2)");
    for store in stores {
        store.close().expect("a closed state");
    }
    small(&places[1].0);
    reopen(&places[1].0);
    assert!(ratio <= 2.0, "a commit must not cost more because there is more");
}

/// A state that holds `ids` rows in commits of 50, with some cells and a session in each.
fn filled(folder: &Path, ids: u32) -> Store {
    let (mut store, _) = Store::open(folder).expect("a new state");
    for number in 0..ids / 50 {
        store.commit(&commit(number, 50)).expect("room on the disk");
    }
    store
}

/// What a quiet second costs: a few rows, one position, one minute.
fn small(folder: &Path) {
    let (mut store, _) = Store::open(folder).expect("the state");
    let mut times: Vec<Duration> = (0..300)
        .map(|turn| {
            let commit = commit(2_000_000 + turn / 60, 50);
            let start = Instant::now();
            store.commit(&commit).expect("room on the disk");
            start.elapsed()
        })
        .collect();
    store.close().expect("a closed state");
    times.sort_unstable();
    println!("commit of 50 rows: median {:.1?}, p99 {:.1?}", times[150], times[297]);
}

fn reopen(folder: &Path) {
    let start = Instant::now();
    let (snapshot, loaded) = Snapshot::open(folder).expect("the state").expect("is there");
    println!("open, {} cell blobs, {} sessions: {:.1?}", loaded.cells.len(), loaded.sessions.len(), start.elapsed());
    let (start, mut bytes, mut blobs) = (Instant::now(), 0, 0);
    snapshot
        .for_each_row_blob(|_, _, blob| {
            bytes += blob.len();
            blobs += 1;
        })
        .expect("an intact state");
    let size = std::fs::metadata(folder.join("state.db")).expect("the file").len();
    println!(
        "stream {blobs} row blobs, {:.1} MB: {:.1?}; file {:.1} MB",
        bytes as f64 / 1e6,
        start.elapsed(),
        size as f64 / 1e6
    );
}

fn commit(number: u32, rows: u32) -> Commit {
    let share = if rows == ROWS { 20 } else { 1 };
    Commit {
        positions: (0..share).map(|file| position(file, number)).collect(),
        rows: vec![RowBlob { day: (number / 300).cast_signed(), rows, bytes: vec![number as u8; rows as usize * ROW] }],
        cells: (0..3 * share)
            .map(|cell| CellBlob { tier: (cell % 3) as u8, time: i64::from(number / 7 + cell), bytes: vec![1; MINUTE] })
            .collect(),
        sessions: (0..share).map(|session| (number / 10 + session, vec![2; 60])).collect(),
        meta: vec![("intake", number.to_le_bytes().to_vec())],
        ..Commit::default()
    }
}

fn position(generation: u32, number: u32) -> SavedPosition {
    SavedPosition {
        saved: None,
        position: Position {
            generation,
            path: format!("/home/operator/.claude/projects/project/{generation}.jsonl").into(),
            device: 1,
            inode: u64::from(generation),
            offset: u64::from(number),
            head_length: 1024,
            head_hash: 1,
            mark_length: 4096,
            mark_hash: u64::from(number),
            dead: false,
            open_since: None,
            context: std::sync::Arc::default(),
        },
        context: vec![0; 32],
    }
}
