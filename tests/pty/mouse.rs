//! The mouse in the program: clicks and the wheel do what lies under them, and the terminal has its own back whenever it should.

use vt100::{MouseProtocolEncoding, MouseProtocolMode};

use super::console::{Console, Seen};
use super::place::{Place, append, charge, text};

/// Twenty models of twenty users, from 20 dollars down to one.
fn open(place: &Place, arguments: &[&str]) -> Console {
    let log = place.log("a.jsonl");
    for number in 0..20 {
        let line = charge(&format!("r{number}"), &format!("user-{number:02}"), &format!("{}", 20 - number));
        append(&log, line.replace("claude-sonnet-4-6", &format!("model-{number:02}")));
    }
    let console = place.open(&[&[text(&log)], arguments].concat());
    console.wait_for("the dashboard", |seen| seen.shows("● LIVE") && seen.shows("$210.00"));
    console.wait_for_text("▸  model-00");
    console
}

fn is_taken(seen: &Seen) -> bool {
    let screen = seen.terminal.screen();
    screen.mouse_protocol_mode() == MouseProtocolMode::PressRelease
        && screen.mouse_protocol_encoding() == MouseProtocolEncoding::Sgr
}

/// Where these words stand, counted from one as terminals do.
#[track_caller]
fn place_of(console: &Console, words: &str) -> (usize, usize) {
    let screen = console.text();
    let found =
        screen.lines().enumerate().find_map(|(row, line)| Some((line.split_once(words)?.0.chars().count(), row)));
    let (column, row) = found.unwrap_or_else(|| panic!("no '{words}' in\n{screen}"));
    (column + 1, row + 1)
}

/// A left click on these words.
#[track_caller]
fn click(console: &mut Console, words: &str) {
    let (column, row) = place_of(console, words);
    console.press(&format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"));
}

/// A notch of the wheel over these words.
#[track_caller]
fn wheel(console: &mut Console, words: &str, down: bool) {
    let (column, row) = place_of(console, words);
    console.press(&format!("\x1b[<{};{column};{row}M", if down { 65 } else { 64 }));
}

#[test]
fn rows_headings_windows_and_keys_can_be_clicked_and_the_wheel_scrolls() {
    let place = Place::new();
    let mut console = open(&place, &[]);
    assert!(is_taken(&console.seen()));

    wheel(&mut console, "model-05", true);
    console.wait_for("three rows on", |seen| seen.shows("model-10") && !seen.shows("model-02  "));
    console.wait_for_text("▸  model-03");
    wheel(&mut console, "model-05", false);
    console.wait_for("three rows back", |seen| seen.shows("model-00  ") && seen.shows("▸  model-03"));

    click(&mut console, "model-01");
    console.wait_for_text("▸  model-01");
    click(&mut console, "user-02");
    console.wait_for("the row of users", |seen| seen.shows("▸  user-02") && seen.shows("▸ users"));
    click(&mut console, "MODEL ");
    console.wait_for("models by name", |seen| seen.shows("name ▴ 8 of 20") && seen.shows("▸ models"));
    click(&mut console, "MODEL ");
    console.wait_for_text("name ▼ 8 of 20");
    click(&mut console, "TOKENS");
    console.wait_for_text("tokens ▼ 8 of 20");
    click(&mut console, "6h 24h");
    console.wait_for_text("SPENT 6h");
    click(&mut console, "z zoom");
    console.wait_for_text("overview ▸ models");
    click(&mut console, "z zoom");
    console.wait_until_gone("overview ▸");
    click(&mut console, "? help");
    console.wait_for_text("esc closes");
    click(&mut console, "costtop");
    console.wait_until_gone("esc closes");
    click(&mut console, "q quit");
    assert!(console.wait_for_end(super::console::PATIENCE).success());
    console.drain();
    console.assert_given_back();
}

#[test]
fn the_terminal_has_its_own_mouse_back_when_it_asks_and_when_the_program_stops_or_ends() {
    let place = Place::new();
    let mut console = open(&place, &[]);
    console.press("M");
    console.wait_for("the terminal's mouse", |seen| !is_taken(seen) && seen.shows("mouse off"));
    console.press("M");
    console.wait_for("the mouse again", |seen| is_taken(seen) && !seen.shows("mouse off"));
    console.press("\x1a");
    console.wait_until_stopped();
    console.wait_for("the shell's screen", |seen| !seen.terminal.screen().alternate_screen());
    console.assert_given_back();
    console.signal(libc::SIGCONT);
    console.wait_for("the mouse again", |seen| is_taken(seen) && seen.shows("● LIVE"));
    console.signal(libc::SIGTERM);
    assert!(console.wait_for_end(super::console::PATIENCE).success());
    console.drain();
    console.assert_given_back();
}

#[test]
fn who_wants_no_mouse_gets_none_until_the_key() {
    let place = Place::new();
    place.configure("mouse = false\n");
    for arguments in [&[][..], &["--no-mouse"]] {
        let place = if arguments.is_empty() { &place } else { &Place::new() };
        let mut console = open(place, arguments);
        console.wait_for("no mouse", |seen| seen.shows("mouse off") && !is_taken(seen));
        console.press("M");
        console.wait_for("the mouse", |seen| is_taken(seen) && !seen.shows("mouse off"));
        console.quit();
    }
}
