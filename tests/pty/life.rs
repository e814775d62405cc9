//! How the program opens and how it leaves: keys, signals, stops, sizes, and a terminal that is taken away.

use std::time::{Duration, Instant};

use super::console::{Console, PATIENCE, count};
use super::place::{COSTTOP, Place, append, charge, text};

/// The sample logs, opened and read.
fn open_samples(place: &Place) -> Console {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-logs");
    let all = ["gateway.jsonl.1", "gateway.jsonl", "app.ndjson", "claude"].map(|name| format!("{samples}/{name}"));
    let console = place.open(&all.each_ref().map(String::as_str));
    console.wait_for("the end of loading", |seen| seen.shows("events") && !seen.shows("LOADING"));
    console
}

/// A log with one request of two dollars, followed.
fn open_one(place: &Place) -> Console {
    append(&place.log("a.jsonl"), charge("first", "ana", "2.00"));
    let console = place.open(&[text(&place.log("a.jsonl"))]);
    console.wait_for_text("● LIVE");
    console
}

#[test]
fn it_opens_shows_the_totals_of_the_sample_logs_and_quits() {
    let place = Place::new();
    let mut console = open_samples(&place);
    console.press("]]]]]");
    console.wait_for("all requests of a month", |seen| seen.shows("SPENT 30d") && seen.shows("$2.73"));
    console.wait_for_text("claude-opus-5-5");
    console.wait_for_text("release-bot");
    console.press("i");
    for line in ["charges", "196", "not usage"] {
        console.wait_for_text(line);
    }
    console.quit();
}

#[test]
fn the_first_frame_does_not_wait_for_the_history() {
    let place = Place::new();
    let many: String = (0..20_000).map(|number| charge(&format!("r{number}"), "ana", "0.01")).collect();
    append(&place.log("a.jsonl"), many);
    let mut console = place.open(&[text(&place.log("a.jsonl"))]);
    console.wait_for("a frame", |seen| seen.shows("costtop"));
    let first = console.age();
    console.wait_for_text("$200.00");
    println!("first frame after {first:?}, history of 20,000 lines after {:?}", console.age());
    assert!(first < Duration::from_secs(2), "{first:?}");
    console.quit();
}

#[test]
fn a_signal_ends_it_and_gives_the_terminal_back() {
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT] {
        let place = Place::new();
        let mut console = open_one(&place);
        assert!(console.is_raw());
        console.signal(signal);
        let status = console.wait_for_end(PATIENCE);
        console.drain();
        assert!(status.success(), "signal {signal}: {status}");
        console.assert_given_back();
    }
}

#[test]
fn control_c_quits() {
    let place = Place::new();
    let mut console = open_one(&place);
    console.press("\x03");
    assert!(console.wait_for_end(PATIENCE).success());
    console.drain();
    console.assert_given_back();
}

#[test]
fn a_stopped_program_lends_the_terminal_and_takes_it_back() {
    let place = Place::new();
    let mut console = open_one(&place);
    for by_key in [true, false] {
        if by_key {
            console.press("\x1a");
        } else {
            console.signal(libc::SIGTSTP);
        }
        console.wait_until_stopped();
        console.wait_for("the shell's screen", |seen| !seen.terminal.screen().alternate_screen());
        console.assert_given_back();
        // What the shell and other programs leave behind must not shine through; and counting goes on where it stopped.
        console.seen().terminal.process(b"\x1b[?1049h\x1b[2J\x1b[5;5Hleft by another\x1b[?1049l");
        append(&place.log("a.jsonl"), charge(if by_key { "second" } else { "third" }, "ana", "3.00"));
        console.signal(libc::SIGCONT);
        console.wait_for("the dashboard", |seen| seen.terminal.screen().alternate_screen() && seen.shows("● LIVE"));
        console.wait_for_text(if by_key { "$5.00" } else { "$8.00" });
        let screen = console.text();
        assert!(
            !screen.contains("left by another") && screen.contains("budgets") && screen.contains("quit"),
            "{screen}"
        );
        assert!(console.is_raw());
    }
    console.quit();
}

#[test]
fn every_size_is_drawn_and_the_screen_is_whole_again_afterwards() {
    let place = Place::new();
    let mut console = open_one(&place);
    let sizes = [
        (80, 24),
        (70, 20),
        (60, 15),
        (48, 10),
        (47, 9),
        (20, 5),
        (9, 2),
        (1, 2),
        (2, 1),
        (1, 1),
        (300, 1),
        (1, 100),
        (300, 100),
        (120, 36),
    ];
    for (columns, rows) in sizes {
        let before = count(&console.seen().bytes, b"\x1b[2J");
        console.resize(columns, rows);
        let painted =
            |seen: &super::console::Seen| count(&seen.bytes, b"\x1b[2J") > before && !seen.text().trim().is_empty();
        console.wait_for(&format!("a frame of {columns} × {rows}"), painted);
    }
    console.wait_for("the whole screen", |seen| {
        ["burn", "budgets", "models", "users", "events", "cost per request", "q quit", "$2.00"]
            .iter()
            .all(|words| seen.shows(words))
    });
    console.quit();
}

#[test]
fn a_terminal_that_does_not_know_its_size_is_drawn_as_a_small_one() {
    let place = Place::new();
    append(&place.log("a.jsonl"), charge("first", "ana", "2.00"));
    let mut console = Console::start(place.command(COSTTOP, &[text(&place.log("a.jsonl"))]), 0, 0);
    console.wait_for("the screen", |seen| seen.shows("q quit") && seen.shows("$2.00") && seen.shows("models"));
    console.quit();
}

#[test]
fn a_terminal_that_is_closed_ends_it() {
    let place = Place::new();
    let mut console = open_one(&place);
    console.hang_up();
    let since = Instant::now();
    console.wait_for_end(Duration::from_secs(10));
    println!("ended {:?} after the terminal", since.elapsed());
}

/// Under `sudo`, `nohup` or a shell that traps it no signal comes: the program must see by itself that its terminal is gone.
#[test]
fn a_terminal_that_is_closed_without_a_signal_ends_it_without_spinning() {
    let place = Place::new();
    append(&place.log("a.jsonl"), charge("first", "ana", "2.00"));
    // The shell leads the session: the kernel's signal goes to it alone.
    let script = r#"trap "" HUP; "$0" "$1"; echo "ended $?" > end; times >> end"#;
    let mut console =
        Console::start(place.command("/bin/sh", &["-c", script, COSTTOP, text(&place.log("a.jsonl"))]), 120, 36);
    console.wait_for_text("● LIVE");
    console.hang_up();
    let since = Instant::now();
    console.wait_for_end(Duration::from_secs(10));
    let end = std::fs::read_to_string(place.path("end")).unwrap();
    println!("ended {:?} after the terminal: {end}", since.elapsed());
    assert!(end.starts_with("ended 1\n"), "{end}");
}

#[test]
fn with_nothing_to_do_it_does_next_to_nothing() {
    let place = Place::new();
    let log = place.log("a.jsonl");
    append(&log, charge("first", "ana", "2.00"));
    let socket = format!("unix:{}", place.path("s.sock").display());
    let ended = place.command("/bin/sh", &["-c", r#"exec "$0" - < /dev/null"#, COSTTOP]);
    let mut consoles = vec![
        place.open(&[text(&log)]),
        place.open(&[text(&log), "--no-notify"]),
        place.open(&[text(&log), "--state", "t"]),
        place.open(&[&socket]),
        Console::start(ended, 120, 36),
    ];
    for console in &consoles {
        console.wait_for("the dashboard", |seen| seen.shows("● LIVE") || seen.shows("■ ENDED"));
    }
    // What came at the start is committed after a second, and its commit answered.
    assert!(!consoles[2].comes(Duration::from_millis(1_500), |_| false));
    let before: Vec<Duration> = consoles.iter().map(Console::cpu).collect();
    let span = Duration::from_secs(3);
    assert!(!consoles[0].comes(span, |_| false));
    for (at, (console, before)) in consoles.iter().zip(before).enumerate() {
        let used = console.cpu().saturating_sub(before);
        println!("idle {at}: {used:?} in {span:?}");
        assert!(used < span / 20, "console {at} used {used:?} of {span:?}");
    }
    consoles.iter_mut().for_each(Console::quit);
}

#[test]
fn without_a_terminal_the_report_is_printed() {
    let place = Place::new();
    append(&place.log("a.jsonl"), charge("first", "ana", "2.00") + &charge("second", "ben", "0.50"));
    for arguments in [&["report", text(&place.log("a.jsonl"))][..], &[text(&place.log("a.jsonl"))]] {
        let output = place.piped(arguments);
        let report = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success());
        assert!(report.contains("2.50") && !report.contains('\x1b'), "{report}");
    }
}
