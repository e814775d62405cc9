//! Restarts over a state: quit, killed at any moment, at work from the line where it stopped.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::console::{Console, PATIENCE, count};
use super::place::{Place, append, charge, text};

fn open(place: &Place) -> Console {
    place.open(&[text(&place.log("a.jsonl")), "--state", "t"])
}

/// Charges and dollars, as the state and as the file itself have them.
#[track_caller]
fn assert_state_is_the_files_truth(place: &Place) {
    let (state, file) = (place.report(&["--state", "t"]), place.report(&[text(&place.log("a.jsonl"))]));
    let figures = |report: &Value| {
        ["requests", "input_tokens", "output_tokens", "cost_usd", "reported_usd"]
            .map(|key| report["totals"][key].clone())
    };
    assert_eq!(figures(&state), figures(&file));
    for key in ["records", "charges", "duplicates", "lines", "rejected"] {
        assert_eq!(state["intake"][key], file["intake"][key], "{key}");
    }
}

#[test]
fn a_restart_goes_on_where_it_stopped_and_counts_nothing_twice() {
    let place = Place::new();
    let log = place.log("a.jsonl");
    append(&log, charge("one", "ana", "1.00") + &charge("two", "ben", "0.25"));
    let mut console = open(&place);
    console.wait_for_text("$1.25");
    append(&log, charge("three", "ana", "2.00") + "{\"half\":");
    console.wait_for_text("$3.25");
    console.quit();
    assert_state_is_the_files_truth_but_for_the_torn_end(&place);

    append(&log, "1}\n".to_owned() + &charge("down", "ana", "4.00"));
    let mut console = open(&place);
    console.wait_for_text("$7.25");
    append(&log, charge("live", "ana", "8.00") + &charge("one", "ana", "1.00"));
    console.wait_for_text("$15.25");
    console.press("i");
    console.wait_for("one duplicate", |seen| {
        seen.text().lines().any(|line| line.contains("duplicates") && line.contains('1'))
    });
    console.quit();
    assert_state_is_the_files_truth(&place);

    let mut console = open(&place);
    console.wait_for_text("$15.25");
    console.quit();
    assert_state_is_the_files_truth(&place);
}

/// A report reads the unfinished last line as torn; who follows the file waits for its end.
#[track_caller]
fn assert_state_is_the_files_truth_but_for_the_torn_end(place: &Place) {
    let state = place.report(&["--state", "t"]);
    assert_eq!(state["totals"]["requests"], 3);
    assert_eq!(state["totals"]["cost_usd"], "3.250000000000");
    assert_eq!(state["intake"]["torn"], 0);
}

#[test]
fn totals_are_on_the_screen_again_before_anything_is_read() {
    let place = Place::new();
    append(&place.log("a.jsonl"), charge("one", "ana", "1.25"));
    let mut console = open(&place);
    console.wait_for_text("$1.25");
    console.quit();
    std::fs::remove_file(place.log("a.jsonl")).unwrap();
    let mut console = open(&place);
    console.wait_for_text("$1.25");
    console.quit();
}

/// Killed again and again while lines come in, at moments that have nothing to do with its commits.
#[test]
fn killed_at_any_moment_it_loses_nothing_and_doubles_nothing() {
    let place = Place::new();
    let log = place.log("a.jsonl");
    let mut written = 0;
    for life in 0..6_u64 {
        let console = open(&place);
        console.wait_for("the dashboard", |seen| seen.shows("events"));
        // Moments on both sides of the second that a change may wait for its commit.
        for step in 0..20 {
            let lines: String = (0..5).map(|line| charge(&format!("r{}", written + line), "ana", "0.01")).collect();
            written += 5;
            append(&log, lines);
            thread::sleep(Duration::from_millis(10 + (life * 37 + step * 13) % 60 + life * 8));
        }
        console.signal(libc::SIGKILL);
        let mut console = console;
        assert_eq!(console.wait_for_end(PATIENCE).signal(), Some("Killed"));
    }
    let mut console = open(&place);
    let dollars = format!("${}.00", written / 100);
    console.wait_for("everything read", |seen| seen.shows(&dollars) && !seen.shows("LOADING"));
    console.quit();
    assert_state_is_the_files_truth(&place);
    assert_eq!(place.report(&["--state", "t"])["totals"]["requests"], written);
}

#[test]
fn a_state_whose_owner_answers_nothing_is_refused_in_words_on_a_terminal_that_stays_as_it_was() {
    let place = Place::new();
    append(&place.log("a.jsonl"), charge("one", "ana", "1.25"));
    let owner = costtop::store::Store::open(&place.path("state/costtop/t")).unwrap();
    let mut second = open(&place);
    assert_eq!(second.wait_for_end(PATIENCE).exit_code(), 1);
    second.drain();
    second.assert_given_back();
    assert!(second.text().contains("costtop:"), "{}", second.text());
    drop(owner);
}

#[test]
fn a_state_that_cannot_be_made_is_refused_with_its_cause_said_once() {
    let place = Place::new();
    append(&place.log("a.jsonl"), charge("one", "ana", "1.25"));
    std::fs::remove_dir(place.path("state")).unwrap();
    std::fs::write(place.path("state"), "no folder").unwrap();
    let cause = b"Not a directory";
    let served = place.piped(&["serve", text(&place.log("a.jsonl")), "--state", "t"]);
    assert_eq!((served.status.code(), count(&served.stderr, cause)), (Some(1), 1), "{served:?}");
    let mut console = open(&place);
    assert_eq!(console.wait_for_end(PATIENCE).exit_code(), 1);
    console.drain();
    console.assert_given_back();
    assert_eq!(count(&console.seen().bytes, cause), 1, "{}", console.text());
}
