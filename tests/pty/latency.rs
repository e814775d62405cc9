//! From write(2) to the screen: a line that is appended is seen soon, with the system's notifications and without.

use std::thread;
use std::time::{Duration, Instant};

use super::place::{Place, append, charge, text};

/// Appends one line after the other and measures how long each takes to be seen; ascending.
fn delays(arguments: &[&str], lines: u64) -> Vec<Duration> {
    let place = Place::new();
    let log = place.log("a.jsonl");
    append(&log, charge("first", "ana", "1.00"));
    let mut console = place.open(&[&[text(&log)], arguments].concat());
    console.wait_for("the first line", |seen| seen.shows("● LIVE") && seen.shows("$1.00"));
    let mut delays: Vec<Duration> = (0..lines)
        .map(|number| {
            let line = charge(&format!("r{number}"), "ana", "1.00");
            let requests = format!(" {} requests", number + 2);
            let written = Instant::now();
            append(&log, line);
            console.wait_for_text(&requests);
            let delay = written.elapsed();
            // Lines come at any moment between two frames and two looks, not right after the one before was seen.
            thread::sleep(Duration::from_millis(number * 37 % 90));
            delay
        })
        .collect();
    console.quit();
    delays.sort_unstable();
    delays
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)]
}

fn print(what: &str, sorted: &[Duration]) {
    let (median, p99) = (quantile(sorted, 50), quantile(sorted, 99));
    println!("{what}: {} lines, median {median:?}, p99 {p99:?}, min {:?}", sorted.len(), sorted[0]);
}

/// The promise is 150 ms for 99 of 100; the room above it is for machines that do other things, too.
#[test]
fn a_line_is_seen_at_once_with_notifications() {
    let delays = delays(&[], 100);
    print("notified", &delays);
    assert!(quantile(&delays, 50) <= Duration::from_millis(150), "{delays:?}");
    assert!(quantile(&delays, 99) <= Duration::from_millis(600), "{delays:?}");
}

/// The promise is 1.2 s.
#[test]
fn a_line_is_seen_within_a_look_without_notifications() {
    let delays = delays(&["--no-notify"], 25);
    print("looking", &delays);
    assert!(quantile(&delays, 99) <= Duration::from_secs(2), "{delays:?}");
}

/// A file that has been quiet for long is looked at less often than one that has just grown.
#[test]
fn the_first_line_after_a_quiet_time_is_seen_within_a_look_too() {
    let place = Place::new();
    let log = place.log("a.jsonl");
    append(&log, charge("first", "ana", "1.00"));
    let mut console = place.open(&[text(&log), "--no-notify"]);
    console.wait_for_text("● LIVE");
    // Files that grew within ten seconds are looked at more often.
    assert!(!console.comes(Duration::from_millis(10_500), |_| false));
    let written = Instant::now();
    append(&log, charge("late", "ana", "1.00"));
    console.wait_for_text("$2.00");
    println!("after a quiet time: {:?}", written.elapsed());
    assert!(written.elapsed() <= Duration::from_secs(2), "{:?}", written.elapsed());
    console.quit();
}
