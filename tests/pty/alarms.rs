//! Budgets and the bell, as they are heard: 0x07 counted in the terminal, over restarts too.

use std::io::Write;
use std::time::{Duration, Instant};

use costtop::time::Timestamp;

use super::console::{Console, PATIENCE};
use super::place::{COSTTOP, Place, append, charge, charge_at, text};

/// The shortest pace the configuration takes.
const REPEAT: Duration = Duration::from_secs(10);
/// Between a ring in the program and our clock.
const SLACK: Duration = Duration::from_secs(1);
/// Longer than any ring would need to come that is due.
const SILENCE: Duration = Duration::from_millis(11_500);

/// One dollar a month, and half a dollar of it spent.
fn half_spent() -> Place {
    let place = Place::new();
    place.configure("[alarm]\nrepeat = \"10s\"\n[[budget]]\nname = \"everything\"\nlimit = 1.00\nper = \"month\"\n");
    spend(&place, "before", "0.50");
    place
}

fn spend(place: &Place, id: &str, dollars: &str) {
    append(&place.log("a.jsonl"), charge(id, "ana", dollars));
}

fn open(place: &Place, arguments: &[&str]) -> Console {
    let log = place.log("a.jsonl");
    let console = place.open(&[&[text(&log)], arguments].concat());
    console.wait_for_text("● LIVE");
    console
}

/// Crosses the limit while the program looks on, and waits for the one ring.
fn cross(place: &Place, console: &Console) {
    let before = console.bells();
    spend(place, "crossing", "0.60");
    console.wait_for("a ring", |seen| seen.bells() > before);
    assert_eq!(console.bells(), before + 1);
}

/// None of them rings for longer than the bell's pace.
#[track_caller]
fn assert_silent(consoles: &[(&str, &Console)]) {
    let until = Instant::now() + SILENCE;
    for (what, console) in consoles {
        let before = console.bells();
        let left = until.saturating_duration_since(Instant::now());
        assert!(!console.comes(left, |seen| seen.bells() > before), "{what}: it rang; the screen:\n{}", console.text());
    }
}

#[test]
fn crossed_live_it_rings_once_then_repeats_until_it_is_acknowledged() {
    let place = half_spent();
    let mut console = open(&place, &[]);
    console.wait_for_text("$0.50 / $1");
    assert_eq!(console.bells(), 0);
    cross(&place, &console);
    let first = Instant::now();
    let screen = console.text();
    assert!(screen.contains("everything passed 100 % of $1.00"), "heard before it is seen:\n{screen}");
    assert!(screen.contains("1 ALARM") && screen.contains("over $0.10"), "{screen}");
    assert!(console.seen().terminal.callbacks().titles.last().unwrap().starts_with("▲ costtop"));
    // More money over the same limit is the same alarm.
    spend(&place, "more", "0.01");
    console.wait_for_text("$1.11 / $1");
    console.wait_for("the repeat", |seen| seen.bells() > 1);
    let pace = first.elapsed();
    assert!(pace + SLACK > REPEAT && pace < REPEAT + Duration::from_secs(5), "{pace:?}");
    console.press("A");
    console.wait_for_text("1 acknowledged");
    console.wait_until_gone("1 ALARM");
    spend(&place, "after", "0.01");
    assert_silent(&[("acknowledged", &console)]);
    assert_eq!(console.bells(), 2);
    // A fifth above the limit is another alarm: it is heard again.
    spend(&place, "critical", "0.20");
    console.wait_for("a ring for what is critical", |seen| seen.bells() > 2);
    assert!(console.text().contains("120 % of $1.00"), "{}", console.text());
    console.quit();
    assert_eq!(console.bells(), 3);
}

#[test]
fn put_off_it_is_silent_and_on_its_own_screen() {
    let place = half_spent();
    let mut console = open(&place, &[]);
    cross(&place, &console);
    console.press("a");
    console.wait_for_text("▲ firing");
    console.press("Z");
    console.wait_for_text("◌ snoozed");
    console.wait_until_gone("1 ALARM");
    // Again: for an hour.
    console.press("Z");
    console.wait_for_text("until");
    assert_silent(&[("snoozed", &console)]);
    console.press("A");
    console.wait_for_text("● acknowledged");
    console.press("\x1b");
    console.wait_for_text("all ▸ overview");
    console.quit();
    assert_eq!(console.bells(), 1);
}

#[test]
fn muted_it_is_seen_and_not_heard_until_it_may_ring_again() {
    let place = half_spent();
    let mut console = open(&place, &[]);
    console.press("m");
    console.wait_for_text("bell muted");
    spend(&place, "crossing", "0.60");
    console.wait_for_text("everything passed 100 %");
    assert!(!console.comes(Duration::from_secs(2), |seen| seen.bells() > 0), "it rang while muted");
    console.press("m");
    let since = Instant::now();
    console.wait_for("the ring that was held back", |seen| seen.bells() > 0);
    assert!(since.elapsed() < Duration::from_secs(5), "it rang with the repeat only: {:?}", since.elapsed());
    assert!(console.text().contains("bell on"));
    console.quit();
    assert_eq!(console.bells(), 1);
}

#[test]
fn a_frozen_view_still_shows_and_rings() {
    let place = half_spent();
    let mut console = open(&place, &[]);
    console.press(" ");
    console.wait_for_text("FROZEN");
    cross(&place, &console);
    console.wait_for_text("everything passed 100 %");
    console.quit();
}

#[test]
fn with_the_bell_off_it_is_seen_and_never_heard() {
    let place = half_spent();
    place.configure("[alarm]\nbell = false\n[[budget]]\nname = \"everything\"\nlimit = 1.00\nper = \"month\"\n");
    let mut console = open(&place, &[]);
    console.wait_for_text("bell off");
    spend(&place, "crossing", "0.60");
    console.wait_for_text("everything passed 100 %");
    assert!(!console.comes(Duration::from_secs(1), |seen| seen.bells() > 0));
    console.quit();
}

#[test]
fn what_was_crossed_unwatched_or_acknowledged_is_shown_and_silent() {
    let history = half_spent();
    spend(&history, "crossing", "0.60");
    let mut in_history = open(&history, &[]);
    in_history.wait_for_text("over $0.10");

    let away = half_spent();
    open(&away, &["--state", "t"]).quit();
    spend(&away, "crossing", "0.60");
    let mut while_down = open(&away, &["--state", "t"]);
    while_down.wait_for_text("over $0.10");

    let seen = half_spent();
    let mut first = open(&seen, &["--state", "t"]);
    cross(&seen, &first);
    first.press("A");
    first.wait_for_text("1 acknowledged");
    first.quit();
    let mut acknowledged = open(&seen, &["--state", "t"]);
    acknowledged.wait_for_text("1 acknowledged");

    for place in [&history, &away, &seen] {
        spend(place, "live", "0.01");
    }
    for console in [&in_history, &while_down, &acknowledged] {
        console.wait_for_text("$1.11 / $1");
    }
    assert_silent(&[("history", &in_history), ("down", &while_down), ("acknowledged", &acknowledged)]);
    for console in [&mut in_history, &mut while_down, &mut acknowledged] {
        console.quit();
        assert_eq!(console.bells(), 0);
    }
}

#[test]
fn what_fired_before_a_restart_repeats_only_once_a_live_line_came() {
    let place = half_spent();
    let mut console = open(&place, &["--state", "t"]);
    cross(&place, &console);
    console.quit();

    let mut console = open(&place, &["--state", "t"]);
    console.wait_for_text("everything passed 100 %");
    assert_silent(&[("before any live line", &console)]);
    spend(&place, "live", "0.01");
    let live = Instant::now();
    assert!(console.comes(PATIENCE, |seen| seen.bells() > 0), "no repeat; the screen:\n{}", console.text());
    assert!(live.elapsed() + SLACK > REPEAT, "not announced anew: {:?}", live.elapsed());
    console.quit();
    assert_eq!(console.bells(), 1);
}

/// Two seconds of silence: a ring that is due comes with the frame that shows its cause.
#[track_caller]
fn assert_no_ring_comes(console: &Console) {
    assert!(!console.comes(Duration::from_secs(2), |seen| seen.bells() > 0), "it rang:\n{}", console.text());
}

#[test]
fn a_line_that_is_old_when_it_comes_is_shown_and_silent() {
    let place = half_spent();
    let mut console = open(&place, &[]);
    append(&place.log("a.jsonl"), charge_at(-11, "late", "ana", "0.60"));
    console.wait_for_text("over $0.10");
    assert_no_ring_comes(&console);
    console.quit();
}

#[test]
fn a_line_from_the_future_silences_nothing_and_rings_nothing() {
    let place = half_spent();
    let mut console = open(&place, &[]);
    append(&place.log("a.jsonl"), charge_at(90, "ahead", "ana", "5.00"));
    console.wait_for_text("1 ahead of time");
    assert_no_ring_comes(&console);
    console.wait_for_text("$0.50 / $1");
    cross(&place, &console);
    console.quit();
}

#[test]
fn a_file_that_appears_is_no_history() {
    let place = half_spent();
    let logs = place.path("logs");
    let mut console = place.open(&[text(&logs)]);
    console.wait_for_text("$0.50 / $1");
    append(&place.log("b.jsonl"), charge("new file", "ana", "0.60"));
    console.wait_for("a ring", |seen| seen.bells() > 0);
    console.quit();
    assert_eq!(console.bells(), 1);
}

#[test]
fn a_rotated_file_rings_no_second_time() {
    let place = half_spent();
    let log = place.log("a.jsonl");
    let mut console = place.open(&[&format!("{}*", log.display())]);
    console.wait_for_text("$0.50 / $1");
    cross(&place, &console);
    std::fs::rename(&log, place.log("a.jsonl.1")).unwrap();
    spend(&place, "rotated", "0.01");
    console.wait_for_text("$1.11 / $1");
    // Copied and truncated, as logrotate's copytruncate does.
    std::fs::copy(&log, place.log("a.jsonl.2")).unwrap();
    std::fs::File::create(&log).unwrap();
    spend(&place, "truncated", "0.01");
    console.wait_for_text("$1.12 / $1");
    console.quit();
    assert_eq!(console.bells(), 1);
}

#[test]
fn a_line_of_a_pipe_rings() {
    let place = half_spent();
    let pipe = place.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let script = r#"exec "$0" - < "$1""#;
    let mut console = Console::start(place.command("/bin/sh", &["-c", script, COSTTOP, text(&pipe)]), 120, 36);
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    console.wait_for_text("$0.00 / $1");
    writer.write_all(charge("crossing", "ana", "1.10").as_bytes()).unwrap();
    console.wait_for("a ring", |seen| seen.bells() > 0);
    console.quit();
    assert_eq!(console.bells(), 1);
}

/// Requests of one model, ten seconds apart, the last one so many seconds ago; each costs so much.
fn requests(id: &str, count: i64, last_seconds_ago: i64, dollars: &str) -> String {
    let line = |number: i64| {
        let time = Timestamp::now().plus_ms(-(last_seconds_ago + 10 * (count - 1 - number)) * 1000);
        format!(
            r#"{{"ts":"{time}","request_id":"{id}-{number:08}","user":"ana","feature":"chat","model":"claude-sonnet-4-6","input_tokens":1000,"output_tokens":126,"cost_usd":"{dollars}"}}"#
        ) + "\n"
    };
    (0..count).map(line).collect()
}

const USUAL: &str = "0.00489";
const FIFTY_TIMES: &str = "0.2445";

#[test]
fn a_price_that_goes_wrong_rings_live_and_never_from_history() {
    let live = Place::new();
    append(&live.log("a.jsonl"), requests("usual", 100, 700, USUAL));
    let mut console = open(&live, &[]);
    console.wait_for_text("100 lines known");
    append(&live.log("a.jsonl"), requests("wrong", 30, 10, FIFTY_TIMES) + &requests("then", 1, 0, USUAL));
    console.wait_for("a ring", |seen| seen.bells() > 0);
    assert!(console.text().contains("claude-sonnet-4-6 costs "), "heard before it is seen:\n{}", console.text());
    console.quit();
    assert_eq!(console.bells(), 1);

    let history = Place::new();
    append(&history.log("a.jsonl"), requests("usual", 100, 700, USUAL) + &requests("wrong", 30, 10, FIFTY_TIMES));
    let mut console = open(&history, &[]);
    console.wait_for_text("claude-sonnet-4-6 costs ");
    assert_no_ring_comes(&console);
    append(&history.log("a.jsonl"), requests("then", 3, 0, FIFTY_TIMES));
    assert_no_ring_comes(&console);
    console.quit();
    assert_eq!(console.bells(), 0);
}

#[test]
fn an_anomaly_that_was_seen_stays_seen_over_a_restart() {
    let place = Place::new();
    append(&place.log("a.jsonl"), requests("usual", 100, 700, USUAL));
    let mut console = open(&place, &["--state", "t"]);
    console.wait_for_text("100 lines known");
    append(&place.log("a.jsonl"), requests("wrong", 30, 10, FIFTY_TIMES) + &requests("then", 1, 0, USUAL));
    console.wait_for("a ring", |seen| seen.bells() > 0);
    console.press("A");
    console.wait_for_text("acknowledged");
    console.quit();
    // More of the same while it was down, and after.
    append(&place.log("a.jsonl"), requests("down", 20, 0, FIFTY_TIMES));
    let mut console = open(&place, &["--state", "t"]);
    console.wait_for_text("1 acknowledged");
    append(&place.log("a.jsonl"), requests("live", 1, 0, FIFTY_TIMES));
    assert_no_ring_comes(&console);
    console.quit();
    assert_eq!(console.bells(), 0);
}
