//! Killed in mid-write, and a disk that is full for a while. A child process is this test program again, told so by a variable.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Commit, Outcome, RowBlob, Store, Writer, full_commit, load, position, rows};
use costtop::store::CellBlob;

const FOLDER: &str = "COSTTOP_TEST_STATE";

/// The folder, if this process is the child.
fn child_folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

fn child(test: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The `number`th commit: every table says `number`, the rows say it by how many there are.
fn numbered(number: u64) -> Commit {
    let text = number.to_le_bytes().to_vec();
    Commit {
        positions: vec![position(1, number * 100)],
        names: vec![(number as u32, format!("user {number}"))],
        // Some 60 pages, so that a kill mostly falls between the first and the last of them.
        rows: vec![RowBlob { day: (number % 7) as i32, rows: 1, bytes: vec![number as u8; 200_000] }],
        cells: vec![
            CellBlob { tier: 0, time: 0, bytes: text.clone() },
            CellBlob { tier: 1, time: number.cast_signed(), bytes: vec![1; 20_000] },
        ],
        sessions: vec![(1, text.clone())],
        alarms: vec![("budget".to_owned(), Some(text.clone()))],
        meta: vec![("count", text)],
        ..Commit::default()
    }
}

/// Not a test by itself: what the killed process does.
#[test]
fn commit_until_killed() {
    let Some(folder) = child_folder() else { return };
    let (store, loaded) = Store::open(&folder).unwrap();
    let writer = Writer::start(store).unwrap();
    for number in loaded.sequence + 1.. {
        writer.commit(numbered(number)).unwrap();
        println!("\ncommitted {}", super::committed(&writer));
    }
}

#[test]
fn killed_at_any_moment_every_table_is_of_one_and_the_same_commit() {
    if child_folder().is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64 ^ u64::from(std::process::id());
    let mut before = 0;
    for round in 0..20 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (wanted, spin) = (random % 6 + 1, Duration::from_micros(random >> 32 & 0xfff));
        let mut child = child("crash::commit_until_killed", folder.path());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut numbers = lines.filter_map(|line| line.strip_prefix("committed ")?.parse::<u64>().ok());
        let acknowledged = numbers.nth(wanted as usize - 1).expect("the child commits");
        let start = Instant::now();
        while start.elapsed() < spin {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged = numbers.last().unwrap_or(acknowledged);
        before = check(folder.path(), before, acknowledged, round);
    }
}

/// What is acknowledged is there, and nothing is there by half.
fn check(folder: &Path, before: u64, acknowledged: u64, round: u32) -> u64 {
    let (store, loaded) = Store::open(folder).unwrap();
    let number = loaded.sequence;
    assert_eq!(loaded.recovered, None, "round {round}");
    assert!(before < acknowledged && acknowledged <= number && number <= acknowledged + 1, "round {round}");
    let text = number.to_le_bytes().to_vec();
    assert_eq!(loaded.positions, [position(1, number * 100)], "round {round}");
    assert_eq!(loaded.names.len() as u64, number, "round {round}");
    assert_eq!(loaded.cells.len() as u64, number + 1, "round {round}");
    assert_eq!(loaded.cells[0].bytes, text, "round {round}");
    assert_eq!(loaded.sessions, [(1, text.clone())], "round {round}");
    assert_eq!(loaded.alarms, [("budget".to_owned(), text.clone())], "round {round}");
    assert_eq!(loaded.meta, [("count".to_owned(), text)], "round {round}");
    let mut next = 0;
    store
        .for_each_row_blob(|day, _, bytes| {
            next += 1;
            assert_eq!((day, bytes[0], bytes.len()), ((next % 7) as i32, next as u8, 200_000));
        })
        .unwrap();
    assert_eq!(next, number, "round {round}");
    number
}

/// Not a test by itself: a limit on file sizes stands for a full disk; it holds for a whole process, so for a child.
#[test]
fn commit_on_a_disk_that_is_full_for_a_while() {
    let Some(folder) = child_folder() else { return };
    let (mut store, _) = Store::open(&folder).unwrap();
    store.commit(&full_commit(1)).unwrap();
    // SAFETY: ignoring a signal runs no code of ours; without it the limit would kill the process instead of failing a write.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let writer = Writer::start(store).unwrap();
    limit_file_size(300 << 10);
    writer.commit(Commit { rows: vec![big_row()], ..full_commit(2) }).unwrap();
    match writer.outcomes().recv_timeout(Duration::from_secs(60)).unwrap() {
        Outcome::NotDurable { error, .. } => assert!(error.contains("state.db"), "{error}"),
        other => panic!("{other:?}"),
    }
    writer.commit(full_commit(3)).unwrap();
    limit_file_size(libc::RLIM_INFINITY);
    assert_eq!(super::committed(&writer), 2);
    assert_eq!(super::committed(&writer), 3);

    limit_file_size(300 << 10);
    writer.commit(Commit { rows: vec![big_row(), big_row()], ..full_commit(4) }).unwrap();
    let refused = writer.outcomes().recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(matches!(refused, Outcome::NotDurable { .. }), "{refused:?}");
    writer.close().expect_err("a commit is lost, and it says so");
    println!("\nchild done");
}

fn big_row() -> RowBlob {
    RowBlob { day: 1, rows: 1, bytes: vec![2; 6 << 20] }
}

fn limit_file_size(bytes: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the structure lives through the call, which only reads it.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
}

#[test]
fn a_full_disk_keeps_the_commit_until_there_is_room() {
    if child_folder().is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = child("crash::commit_on_a_disk_that_is_full_for_a_while", folder.path()).wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("child done"), "{text}");
    let loaded = load(folder.path());
    assert_eq!((loaded.sequence, loaded.recovered), (3, None));
    assert_eq!(loaded.names.len(), 3);
    let (store, _) = Store::open(folder.path()).unwrap();
    assert_eq!(rows(&store).len(), 2 + 1 + 2, "no commit is written twice");
}
