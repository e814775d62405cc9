//! Faults that no test can wait for, injected below the program: a preloaded library answers for disk, watcher and file system.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::time::Duration;
use std::{fs, thread};

use crate::injection::library;
use crate::is_full;
use crate::process::{Facts, Subject, Truth, Writer, promised};

/// A subject of a folder under `faults`, fed by a steady writer for `ms`; it must count every line once.
fn under(faults: &[(&str, &str)], notify: bool, ms: u64) -> Facts {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().display().to_string();
    let mut subject = Subject::start_with(&[source], notify, |command| {
        command.env("LD_PRELOAD", library()).envs(faults.iter().copied());
    });
    subject.caught_up();
    let mut writer = Writer::start("steady", folder.path());
    let truth = writer.step(ms);
    let mut facts = subject.exactly(truth);
    facts.waited += writer.waited();
    facts
}

/// Without a watcher every name is looked at once a second.
fn polled(case: &str, facts: &Facts) {
    promised(case, Duration::from_millis(facts.lag_p99_ms), Duration::from_millis(1200), facts.waited);
}

fn milliseconds() -> u64 {
    if is_full() { 30_000 } else { 2000 }
}

#[test]
fn t20_no_more_watches_means_polling_and_is_told() {
    let facts = under(&[("FAULT_WATCH", "limit")], true, milliseconds());
    assert!(facts.notes.iter().any(|note| note.contains("max_user_watches")), "{:?}", facts.notes);
    println!("T20: lines {} double {} lag p99 {} ms", facts.counted.lines, facts.double, facts.lag_p99_ms);
    polled("T20", &facts);
}

#[test]
fn t21_a_deaf_watcher_costs_a_second_at_most() {
    let facts = under(&[("FAULT_WATCH", "deaf")], true, milliseconds());
    println!("T21: lines {} double {} lag p99 {} ms", facts.counted.lines, facts.double, facts.lag_p99_ms);
    polled("T21", &facts);
}

#[test]
fn a_network_file_system_is_polled_from_the_start() {
    let facts = under(&[("FAULT_NETWORK", "1")], true, 1000);
    assert!(facts.notes.iter().any(|note| note.contains("network file system")), "{:?}", facts.notes);
    polled("a network file system", &facts);
}

#[test]
fn t23_one_read_in_twenty_fails() {
    let facts = under(&[("FAULT_EIO", "20")], true, milliseconds());
    println!("T23 EIO: lines {} double {} gaps {}", facts.counted.lines, facts.double, facts.gaps);
    // Also in the last read before all is quiet: it is tried again without being asked.
    let facts = under(&[("FAULT_EIO", "2")], false, 500);
    assert_eq!(facts.gaps, 0);
}

/// As a user without rights, also where the tests are root's.
#[test]
fn t23_permission_is_lost_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    fs::write(logs.join("a.log"), "").unwrap();
    let allow = |mode| fs::set_permissions(&logs, fs::Permissions::from_mode(mode)).unwrap();
    allow(0o755);
    // SAFETY: asks for a number.
    let is_root = unsafe { libc::geteuid() } == 0;
    let mut subject = Subject::start_with(&[logs.display().to_string()], true, |command| {
        if is_root {
            command.uid(65_534).gid(65_534);
        }
    });
    subject.caught_up();
    let mut writer = Writer::start("steady", &logs);
    let mut truth = Truth::default();
    subject.exactly(writer.step(100));
    allow(0o000);
    subject.until("the trouble to be told", |facts| facts.lost);
    if is_root {
        // The writer may still write: what is open is read on.
        truth = writer.step(500);
        subject.exactly(truth);
    }
    thread::sleep(Duration::from_secs(if is_full() { 30 } else { 1 }));
    allow(0o755);
    subject.until("the trouble to end", |facts| !facts.lost);
    let before = truth;
    truth = writer.step(300);
    assert!(truth.lines > before.lines);
    let facts = subject.exactly(truth);
    println!("T23 permission: lines {} double {} gaps {}", facts.counted.lines, facts.double, facts.gaps);
}
