//! What a hostile line may cost: depth, keys, lengths and numbers have bounds, and what is refused is counted under its class.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::place::{Place, text};

const GOOD: &str =
    r#"{"ts":"2026-11-21T10:00:00Z","model":"gpt-5.4","input_tokens":7,"output_tokens":1,"cost_usd":"1.00"}"#;

/// The report of lines, and the most memory its process held, in bytes.
fn report(lines: &[u8]) -> (Value, u64) {
    let place = Place::new();
    let log = place.write("app.jsonl", lines);
    let out = std::fs::File::create(place.path("out")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_costtop"))
        .args(["report", text(&log), "--by", "user", "--format", "json", "--timezone", "UTC"])
        .env_clear()
        .env("HOME", place.path("home"))
        .env("TMPDIR", place.path(""))
        .stdin(Stdio::null())
        .stdout(out)
        .spawn()
        .unwrap();
    // Looked at again and again: the figure that wait(2) gives holds what this process had before it became that program.
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let ended = loop {
        let read = std::fs::read_to_string(&status).unwrap_or_default();
        let peak =
            read.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        most = most.max(peak.unwrap_or(0) * 1024);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert!(ended.success());
    let read = std::fs::read(place.path("out")).unwrap();
    (serde_json::from_slice(&read).unwrap(), most)
}

/// Counts of good records and of those refused under `class`.
#[track_caller]
fn assert_counts(lines: &str, good: u64, class: &str, refused: u64) -> u64 {
    let (report, memory) = report(lines.as_bytes());
    let intake = &report["intake"];
    let found = intake["rejected_by"].get(class).and_then(Value::as_u64).unwrap_or(0);
    assert_eq!((intake["charges"].as_u64(), found), (Some(good), refused), "{class}: {intake}");
    assert_eq!(intake["rejected"].as_u64(), Some(refused), "{intake}");
    memory
}

fn with(field: &str) -> String {
    GOOD.replace("\"output_tokens\":1", field)
}

#[test]
fn depth_ends_at_sixty_four() {
    let nested = |depth: usize| with(&format!("\"x\":{}{}", "[".repeat(depth - 1), "]".repeat(depth - 1)));
    assert_counts(&format!("{}\n{GOOD}\n", nested(64)), 2, "depth", 0);
    assert_counts(&format!("{}\n{GOOD}\n", nested(65)), 1, "depth", 1);
    let endless = "{\"a\":".repeat(1_000_000);
    assert_counts(&format!("{endless}\n{GOOD}\n"), 1, "depth", 1);
}

#[test]
fn keys_and_strings_without_end_cost_no_memory_beyond_their_line() {
    let plain = assert_counts(&format!("{GOOD}\n"), 1, "json", 0);
    let keys: String = (0..900_000).map(|at| format!("\"k{at}\":1,")).collect();
    let line = GOOD.replacen('{', &format!("{{{keys}"), 1);
    let most = assert_counts(&format!("{line}\n{GOOD}\n"), 2, "json", 0);
    println!("{} MB of keys: {} MB above {} MB", line.len() >> 20, most.saturating_sub(plain) >> 20, plain >> 20);
    assert!(most < plain + 3 * line.len() as u64 + (8 << 20), "{most} {plain}");
    let long = "\\u0041".repeat(1_300_000);
    let line = with(&format!("\"user\":\"{long}\",\"session_id\":\"{long}\""));
    let (report, most) = report(format!("{line}\n").as_bytes());
    println!("{} MB of text: {} MB above {} MB", line.len() >> 20, most.saturating_sub(plain) >> 20, plain >> 20);
    assert!(most < plain + 3 * line.len() as u64 + (8 << 20), "{most} {plain}");
    let user = &report["groups"][0]["key"]["user"];
    assert_eq!(user.as_str().map(str::len), Some(128), "{user}");
}

#[test]
fn a_line_of_more_than_sixteen_megabytes_is_counted_and_not_read() {
    let line = with(&format!("\"x\":\"{}\"", "a".repeat(17 << 20)));
    assert_counts(&format!("{line}\n{GOOD}\n"), 1, "too_long", 1);
}

#[test]
fn numbers_that_are_none() {
    let bad = [
        "9007199254740993",
        "4294967296",
        "18446744073709551616",
        "1e400",
        "-1",
        "-0.5",
        "1.5",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e-400",
        "\"\"",
        "\"abc\"",
        "\"NaN\"",
        "true",
        "[1]",
        "{}",
    ];
    let lines: String = bad.iter().map(|number| with(&format!("\"output_tokens\":{number}")) + "\n").collect();
    assert_counts(&(lines + GOOD + "\n"), 1, "number", bad.len() as u64);
    let costs = ["-1", "\"-0.01\"", "\"NaN\"", "1e400", "\"1e30\"", "true"];
    let lines: String = costs.iter().map(|cost| GOOD.replace("\"1.00\"", cost) + "\n").collect();
    assert_counts(&(lines + GOOD + "\n"), 1, "number", costs.len() as u64);
    let whole = ["12.0", "1e3", "\"12\"", "4294967295"];
    let lines: String = whole.iter().map(|number| with(&format!("\"output_tokens\":{number}")) + "\n").collect();
    assert_counts(&lines, whole.len() as u64, "number", 0);
}

#[test]
fn of_a_key_that_comes_twice_the_last_counts() {
    let (report, _) = report(
        with("\"output_tokens\":5,\"output_tokens\":6,\"\\u006futput_tokens\":7,\"cost_usd\":\"2.50\"").as_bytes(),
    );
    assert_eq!(report["totals"]["output_tokens"], 7);
    // The amount stands behind, in the line as it was.
    assert_eq!(report["totals"]["cost_usd"], "1.000000000000");
}
