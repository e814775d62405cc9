//! The first run of somebody who has just installed the program: with logs in a known place, and with none at all.

use std::fs;

use super::console::PATIENCE;
use super::place::{COSTTOP, Place, append, charge};

/// Claude Code's folder with one session of one request.
fn with_a_session(place: &Place) {
    let folder = place.path("home/.claude/projects/-work-app");
    fs::create_dir_all(&folder).unwrap();
    append(&folder.join("s1.jsonl"), charge("first", "ana", "2.00"));
}

#[test]
fn what_is_found_in_known_places_is_opened_and_said() {
    let place = Place::new();
    with_a_session(&place);
    fs::create_dir_all(place.path("home/.local/share/opencode")).unwrap();
    append(&place.path("home/.local/share/opencode/opencode.db"), "{}\n");
    let mut console = place.open(&[]);
    console.wait_for_text("$2.00");
    console.wait_for_text("found    Claude Code ~/.claude/projects: 1 file, ");
    console.wait_for_text("found    OpenCode ~/.local/share/opencode/opencode.db: 1 f");
    console.quit();

    // The state knows it all: nothing is read.
    let output = place.piped(&["report"]);
    assert!(output.status.success() && output.stderr.is_empty());
    let output = place.piped(&["report", "--no-state"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("costtop: found Claude Code ~/.claude/projects: 1 file, "), "{said}");
    assert!(
        said.contains("costtop: found OpenCode ~/.local/share/opencode/opencode.db: 1 file, 3 B; not read: it is no database of SQLite"),
        "{said}"
    );
}

#[test]
fn what_the_configuration_names_is_said_too_and_nothing_else() {
    let place = Place::new();
    with_a_session(&place);
    let log = place.log("a.jsonl");
    append(&log, charge("first", "ana", "3.00"));
    place.configure(&format!("[[source]]\npath = \"{}/*.jsonl\"\n", place.path("logs").display()));
    let output = place.piped(&["report"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("/logs/*.jsonl: 1 file, ") && said.lines().count() == 1, "{said}");
}

#[test]
fn with_nothing_to_read_the_demo_is_one_key_away() {
    for key in ["\r", "d"] {
        let place = Place::new();
        let mut console = place.open(&[]);
        console.wait_for_text("Nothing to read yet");
        for words in ["Claude Code ~/.claude/projects: not there", "costtop /var/log/litellm/", "| costtop -", "q quit"]
        {
            console.wait_for_text(words);
        }
        console.resize(80, 24);
        console.wait_for("the smaller screen", |seen| {
            seen.shows("Enter shows the demo") && seen.text().lines().count() <= 24
        });
        console.press(key);
        console.wait_for("the demo", |seen| seen.shows("● LIVE") && seen.shows("BURN"));
        // Keys and signals reach the dashboard, every one.
        console.press("z");
        console.wait_for_text("overview ▸ models");
        console.press("\x1b");
        console.wait_until_gone("overview ▸");
        if key == "d" {
            console.signal(libc::SIGTERM);
            assert!(console.wait_for_end(PATIENCE).success());
            console.drain();
            console.assert_given_back();
        } else {
            console.quit();
        }
        assert_eq!(place.path("tmp").read_dir().unwrap().count(), 0, "the demo's folder is left behind");
    }
}

#[test]
fn the_welcome_can_be_left_stopped_and_ended() {
    let place = Place::new();
    let mut console = place.open(&[]);
    console.wait_for_text("Nothing to read yet");
    console.press("\x1a");
    console.wait_until_stopped();
    console.wait_for("the shell's screen", |seen| !seen.terminal.screen().alternate_screen());
    console.assert_given_back();
    console.signal(libc::SIGCONT);
    console.wait_for_text("Nothing to read yet");
    console.press("q");
    assert!(console.wait_for_end(PATIENCE).success());
    console.drain();
    console.assert_given_back();
    // What can be copied from it is in the shell's window now.
    let left = console.text();
    assert!(left.contains("costtop: nothing to read") && left.contains("costtop demo"), "{left}");

    let mut console = place.open(&[]);
    console.wait_for_text("Nothing to read yet");
    console.signal(libc::SIGTERM);
    assert!(console.wait_for_end(PATIENCE).success());
    console.drain();
    console.assert_given_back();

    let mut console = place.open(&[]);
    console.wait_for_text("Nothing to read yet");
    console.hang_up();
    console.wait_for_end(PATIENCE);
}

#[test]
fn without_a_terminal_it_is_an_error_that_says_what_to_do() {
    let output = Place::new().piped(&[]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("costtop: nothing to read") && said.contains("costtop demo"), "{said}");
}

/// The line of the welcome that can be run as it stands.
#[test]
fn the_line_to_copy_counts() {
    let place = Place::new();
    let line = costtop::cli::places::FEED[2].0.replace("| costtop", "| \"$0\"");
    let mut console = super::console::Console::start(place.command("/bin/sh", &["-c", &line, COSTTOP]), 120, 36);
    console.wait_for("one request", |seen| seen.shows("claude-sonnet-4-6") && seen.shows("1 request"));
    console.quit();
}
