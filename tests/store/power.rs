//! T25: the store's writes, truncations, renames and syncs, recorded one by one, and the disk as it is when the power goes after each of
//! them: with all that was written, with nothing that was not synced, with some of it. And each of them failing once.
//!
//! What the kernel may lose is modelled: contents back to the last sync of the file, names back to the last sync of the folder, and of
//! what was not synced any 512 bytes there or not there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use costtop::cli::demo::random::Random;
use costtop::store::{CellBlob, Commit, Outcome, RowBlob, Store, Writer, copy};
use costtop::time::Timestamp;

use super::{load, position, rows};
use crate::injection::library;

const WORK: &str = "COSTTOP_TEST_WORK";
const FOLDER: &str = "COSTTOP_TEST_STATE";
/// Commits of the work.
const COMMITS: u64 = 7;
/// Bytes that a disk writes whole.
const SECTOR: usize = 512;

/// Every table says `number`; the second and fifth have pages enough for a commit of some writes.
fn numbered(number: u64) -> Commit {
    let text = number.to_le_bytes().to_vec();
    let size = if number % 3 == 2 { 30_000 } else { 300 };
    Commit {
        positions: vec![position(1, number * 100)],
        names: vec![(number as u32, format!("user {number}"))],
        rows: vec![RowBlob { day: number as i32, rows: 1, bytes: vec![number as u8; size] }],
        // The sixth drops the first day: in one commit with everything else.
        dropped_days: if number == 6 { vec![1] } else { Vec::new() },
        cells: vec![CellBlob { tier: 0, time: 0, bytes: text.clone() }],
        sessions: vec![(1, text.clone())],
        meta: vec![("count", text)],
        ..Commit::default()
    }
}

/// Not a test by itself: what is recorded, or what is disturbed.
#[test]
fn work() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let Some(work) = std::env::var_os(WORK) else { return };
    let (state, told) = (folder.join("state"), folder.join("told"));
    if work == "migrate" {
        Store::open(&state).unwrap().0.close().unwrap();
        fs::write(&told, "1").unwrap();
        return;
    }
    // Closed in the middle, so that the log is emptied into the database and removed; then a copy beside the writer.
    for range in [1..=4, 5..=COMMITS] {
        let mut opened = Store::open(&state);
        // A disk that refuses at the start is tried again, as a person would.
        for _ in 0..3 {
            if opened.is_err() {
                opened = Store::open(&state);
            }
        }
        let (store, loaded) = opened.unwrap();
        assert!(loaded.recovered.is_none(), "{:?}", loaded.recovered);
        let writer = Writer::start(store).unwrap();
        for number in range {
            writer.commit(numbered(number)).unwrap();
            while !matches!(writer.outcomes().recv().unwrap(), Outcome::Committed { .. }) {}
            // Acknowledged: also in the trace.
            fs::write(&told, number.to_string()).unwrap_or_default();
            if number == 5 {
                let _ = copy::copy(&state, Timestamp::from_ms(5));
            }
        }
        let _ = writer.close();
    }
    println!("\nwork done");
}

fn child(work: &str, folder: &Path, variables: &[(&str, String)]) -> (bool, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["power::work", "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(WORK, work)
        .env("LD_PRELOAD", library())
        .env("FAULT_UNDER", folder)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

/// A change as it was recorded.
#[derive(Debug)]
enum Change {
    Write(PathBuf, usize, Vec<u8>),
    Truncate(PathBuf, usize),
    Sync(PathBuf),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

fn history(bytes: &[u8]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut rest = bytes;
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at(count);
        rest = left;
        (taken, left.is_empty())
    };
    loop {
        let kind = take(1).0[0];
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap()) as usize;
        let (path, length) = (number(take(4).0), number(take(4).0));
        let offset = i64::from_le_bytes(take(8).0.try_into().unwrap()) as usize;
        let path = PathBuf::from(std::str::from_utf8(take(path).0).unwrap());
        let (bytes, is_last) = take(length);
        changes.push(match kind {
            b'w' => Change::Write(path, offset, bytes.to_vec()),
            b't' => Change::Truncate(path, offset),
            b's' => Change::Sync(path),
            b'u' => Change::Remove(path),
            b'r' => Change::Rename(path, PathBuf::from(std::str::from_utf8(bytes).unwrap())),
            kind => panic!("{kind}"),
        });
        if is_last {
            return changes;
        }
    }
}

/// What of a file is certain, and what may be lost.
#[derive(Clone, Default)]
struct Contents {
    synced: Vec<u8>,
    since: Vec<(usize, Option<Vec<u8>>)>,
}

impl Contents {
    /// The bytes when of what was not synced the parts are there that `is_there` says.
    fn bytes(&self, mut is_there: impl FnMut() -> bool) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for (at, change) in &self.since {
            match change {
                None if is_there() => bytes.resize(*at, 0),
                None => {}
                Some(written) => {
                    for (number, part) in written.chunks(SECTOR).enumerate() {
                        if is_there() {
                            let from = at + number * SECTOR;
                            bytes.resize(bytes.len().max(from + part.len()), 0);
                            bytes[from..from + part.len()].copy_from_slice(part);
                        }
                    }
                }
            }
        }
        bytes
    }
}

/// A disk: files by number, names as they are and as they are certain to be.
#[derive(Clone, Default)]
struct Disk {
    files: Vec<Contents>,
    names: BTreeMap<PathBuf, usize>,
    synced_names: BTreeMap<PathBuf, usize>,
}

impl Disk {
    /// What lies in a folder before the work begins.
    fn of(folder: &Path) -> Disk {
        let mut disk = Disk::default();
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let synced = fs::read(&path).unwrap();
            disk.names.insert(path, disk.files.len());
            disk.files.push(Contents { synced, since: Vec::new() });
        }
        disk.synced_names = disk.names.clone();
        disk
    }

    fn file(&mut self, path: &Path) -> &mut Contents {
        let number = *self.names.entry(path.to_owned()).or_insert_with(|| {
            self.files.push(Contents::default());
            self.files.len() - 1
        });
        &mut self.files[number]
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Write(path, at, bytes) => self.file(path).since.push((*at, Some(bytes.clone()))),
            Change::Truncate(path, length) => self.file(path).since.push((*length, None)),
            Change::Sync(path) if self.names.contains_key(path) => {
                let file = self.file(path);
                *file = Contents { synced: file.bytes(|| true), since: Vec::new() };
            }
            // A folder: the names in it.
            Change::Sync(folder) => {
                self.synced_names.retain(|path, _| path.parent() != Some(folder));
                let names = self.names.iter().filter(|(path, _)| path.parent() == Some(folder));
                self.synced_names.extend(names.map(|(path, number)| (path.clone(), *number)));
            }
            Change::Remove(path) => drop(self.names.remove(path)),
            Change::Rename(from, to) => {
                if let Some(number) = self.names.remove(from) {
                    self.names.insert(to.clone(), number);
                }
            }
        }
    }

    /// Writes the files into `folder`, whatever it was called.
    fn write(&self, folder: &Path, names: &BTreeMap<PathBuf, usize>, mut is_there: impl FnMut() -> bool) {
        for (path, number) in names.iter().filter(|(path, _)| path.file_name().unwrap() != "told") {
            fs::write(folder.join(path.file_name().unwrap()), self.files[*number].bytes(&mut is_there)).unwrap();
        }
    }
}

/// Opened again, everything is of one commit: the last one acknowledged, or the one that was on its way.
fn check(folder: &Path, told: u64, place: &str) {
    let (store, loaded) = Store::open(folder).unwrap_or_else(|error| panic!("{place}: {error}"));
    let number = loaded.sequence;
    assert_eq!(loaded.recovered, None, "{place}");
    assert!((told..=told + 1).contains(&number), "{place}: commit {number} where {told} was acknowledged");
    if number == 0 {
        return;
    }
    let text = number.to_le_bytes().to_vec();
    assert_eq!(loaded.positions, [position(1, number * 100)], "{place}");
    assert_eq!(loaded.names.len() as u64, number, "{place}");
    assert_eq!(loaded.cells[0].bytes, text, "{place}");
    assert_eq!(loaded.sessions, [(1, text.clone())], "{place}");
    assert_eq!(loaded.meta, [("count".to_owned(), text)], "{place}");
    let days: Vec<i32> = rows(&store).iter().map(|row| row.0).collect();
    let first = if number < 6 { 1 } else { 2 };
    assert_eq!(days, (first..=number as i32).collect::<Vec<_>>(), "{place}");
    for copy in copy::copies(folder) {
        let other = tempfile::tempdir_in(quick_folder()).unwrap();
        fs::copy(&copy.path, other.path().join("state.db")).unwrap();
        let loaded = load(other.path());
        assert_eq!((loaded.recovered, loaded.sequence), (None, 5), "{place}: a copy is whole or not there");
    }
}

/// How many random selections of what was not synced are tried at each place; `.ci/long` tries more.
fn selections() -> u64 {
    std::env::var("POWER_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(1)
}

/// Goes through a history; `check` looks at the disk after each change, with what had been acknowledged by then.
fn replay(mut disk: Disk, changes: &[Change], check: impl Fn(&Path, u64, &str)) -> u64 {
    let (mut told, mut states) = (0, 0);
    for (number, change) in changes.iter().enumerate() {
        disk.apply(change);
        match change {
            Change::Write(path, _, bytes) if path.file_name().unwrap() == "told" => {
                told = std::str::from_utf8(bytes).unwrap().parse().unwrap();
                continue;
            }
            _ => {}
        }
        let mut look = |how: &str, names: &BTreeMap<PathBuf, usize>, is_there: &mut dyn FnMut() -> bool| {
            let folder = tempfile::tempdir_in(quick_folder()).unwrap();
            disk.write(folder.path(), names, is_there);
            check(folder.path(), told, &format!("change {number} ({how})"));
            states += 1;
        };
        look("killed", &disk.names, &mut || true);
        look("all that was not synced is lost", &disk.synced_names, &mut || false);
        look("contents that were not synced are lost", &disk.names, &mut || false);
        for seed in 0..selections() {
            let mut random = Random::new(number as u64 * 1000 + seed);
            let names = if random.bits() & 1 == 0 { &disk.names } else { &disk.synced_names };
            look("some of it is lost", names, &mut || random.bits() & 1 == 0);
        }
    }
    states
}

/// Thousands of small files: in memory where there is such a place.
fn quick_folder() -> PathBuf {
    let shm = PathBuf::from("/dev/shm");
    if shm.is_dir() { shm } else { std::env::temp_dir() }
}

fn recorded(work: &str, folder: &Path) -> Vec<Change> {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let (done, text) = child(work, folder, &[("FAULT_TRACE", trace.path().display().to_string())]);
    assert!(done, "{text}");
    history(&fs::read(trace.path()).unwrap())
}

#[test]
fn t25_whenever_the_power_goes_what_was_acknowledged_is_there_whole() {
    let folder = tempfile::tempdir().unwrap();
    let changes = recorded("commits", folder.path());
    let count = |is_it: fn(&Change) -> bool| changes.iter().filter(|change| is_it(change)).count();
    let (syncs, renames) =
        (count(|change| matches!(change, Change::Sync(_))), count(|change| matches!(change, Change::Rename(..))));
    assert!(syncs > COMMITS as usize && renames == 1, "{syncs} syncs, {renames} renames");
    let states = replay(Disk::default(), &changes, check);
    println!("T25 power: {} changes, {states} states of the disk, all open, all of one commit", changes.len());
    check(&folder.path().join("state"), COMMITS, "the end");
}

#[test]
fn t25_whenever_the_power_goes_a_migration_is_done_or_not_begun() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::copy("tests/fixtures/state_1/state.db", state.join("state.db")).unwrap();
    let before = Disk::of(&state);
    let expected = {
        let copy = tempfile::tempdir().unwrap();
        fs::copy("tests/fixtures/state_1/state.db", copy.path().join("state.db")).unwrap();
        load(copy.path())
    };
    let changes = recorded("migrate", folder.path());
    let states = replay(before, &changes, |folder, _, place| {
        assert_eq!(load(folder), expected, "{place}");
    });
    println!("T25 migration: {} changes, {states} states of the disk, all with the same content", changes.len());
}

#[test]
fn t25_each_change_may_fail_once() {
    let folder = tempfile::tempdir().unwrap();
    let changes = recorded("commits", folder.path()).len();
    let step = if selections() > 1 { 1 } else { 5 };
    let mut tried = 0;
    for (number, error) in (1..=changes).step_by(step).zip([libc::EIO, libc::ENOSPC].into_iter().cycle()) {
        let folder = tempfile::tempdir().unwrap();
        let (done, text) = child("commits", folder.path(), &[("FAULT_DISK", format!("{number} {error}"))]);
        assert!(done && text.contains("work done"), "change {number} fails with {error}: {text}");
        check(&folder.path().join("state"), COMMITS, &format!("change {number} failed with {error}"));
        tried += 1;
    }
    println!("T25 errors: {tried} of {changes} changes failed once each, every commit is there once");
}
