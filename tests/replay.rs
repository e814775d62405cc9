//! `costtop alarms` over logs: what it prints, and that neither files nor the order of their lines show in it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use assert_cmd::Command;
use costtop::time::Timestamp;
use serde_json::Value;

const CONFIG: &str = "timezone = \"UTC\"\n[[budget]]\nname = \"everything\"\nlimit = 2.00\nper = \"day\"\n";
/// 2026-11-20, a Friday, at ten.
const TEN: i64 = 1_795_168_800_000;

fn costtop(folder: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_costtop"));
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
        command.env(name, folder);
    }
    command.current_dir(folder).args(["--config", "config.toml"]).args(arguments).output().expect("costtop runs")
}

fn stdout(folder: &Path, arguments: &[&str]) -> String {
    let output = costtop(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A request every ten seconds for an hour; from the forty-second minute on each costs five times its price.
fn lines() -> Vec<String> {
    let line = |number: i64| {
        let time = Timestamp::from_ms(TEN + number * 10_000);
        let dollars = if number >= 252 { "0.0245" } else { "0.0049" };
        format!(
            r#"{{"ts":"{time}","request_id":"request-{number:06}","user":"ana","feature":"chat","model":"claude-sonnet-4-6","input_tokens":1000,"output_tokens":126,"cost_usd":"{dollars}"}}"#
        )
    };
    (0..360).map(line).collect()
}

fn written(name: &str, lines: &[String]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("config.toml"), CONFIG).expect("a file");
    write(folder.path(), name, lines);
    folder
}

fn write(folder: &Path, name: &str, lines: &[String]) {
    let text = lines.iter().fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").expect("a text");
        text
    });
    fs::write(folder.join(name), text).expect("a file");
}

#[test]
fn a_history_as_a_table_and_as_ndjson() {
    let folder = written("app.jsonl", &lines());
    insta::assert_snapshot!("table", stdout(folder.path(), &["alarms", "app.jsonl"]));
    insta::assert_snapshot!("ndjson", stdout(folder.path(), &["alarms", "--format", "ndjson", "app.jsonl"]));
}

#[test]
fn neither_files_nor_the_order_of_lines_show() {
    let lines = lines();
    let folder = written("app.jsonl", &lines);
    let arguments = ["alarms", "--format", "ndjson"];
    let expected = stdout(folder.path(), &[&arguments[..], &["app.jsonl"]].concat());
    let (mut odd, mut even) = (Vec::new(), Vec::new());
    for (number, line) in lines.iter().enumerate() {
        if number % 2 == 1 { odd.push(line.clone()) } else { even.push(line.clone()) }
    }
    odd.reverse();
    write(folder.path(), "odd.jsonl", &odd);
    write(folder.path(), "even.jsonl", &even);
    let twice: Vec<String> = lines.iter().rev().chain(&lines).cloned().collect();
    write(folder.path(), "twice.jsonl", &twice);
    for sources in [&["odd.jsonl", "even.jsonl"][..], &["even.jsonl", "odd.jsonl", "app.jsonl"], &["twice.jsonl"]] {
        assert_eq!(stdout(folder.path(), &[&arguments[..], sources].concat()), expected, "{sources:?}");
    }
}

#[test]
fn since_and_until_print_a_part_of_what_the_whole_says() {
    let folder = written("app.jsonl", &lines());
    let ndjson = |more: &[&str]| -> Vec<Value> {
        let text = stdout(folder.path(), &[&["alarms", "--format", "ndjson", "app.jsonl"], more].concat());
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let all = ndjson(&[]);
    let (at, later) = ("2026-11-20T10:44:00Z", "2026-11-20T10:45:00Z");
    let split = all.iter().filter(|alarm| alarm["ts"].as_str() < Some(at)).count();
    assert!(split > 0 && split < all.len(), "{all:#?}");
    assert_eq!(ndjson(&["--until", at]), all[..split]);
    assert_eq!(ndjson(&["--since", at]), all[split..]);
    assert!(ndjson(&["--since", at, "--until", later]).len() <= all.len() - split);
    let output = costtop(folder.path(), &["alarms", "--since", later, "--until", at, "app.jsonl"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn detectors_that_are_off_say_nothing() {
    let folder = written("app.jsonl", &lines());
    let off = format!("{CONFIG}[alarm.detectors]\nprice = false\nsurge = false\n");
    fs::write(folder.path().join("config.toml"), off).expect("a file");
    let text = stdout(folder.path(), &["alarms", "--format", "ndjson", "app.jsonl"]);
    assert!(!text.is_empty() && text.lines().all(|line| line.contains("\"cause\":\"budget\"")), "{text}");
}

#[test]
fn nothing_to_tell_is_said() {
    let folder = written("app.jsonl", &lines()[..10]);
    assert_eq!(
        stdout(folder.path(), &["alarms", "app.jsonl"]),
        "10 charges until 2026-11-20 10:01: 0 critical, 0 page, 0 warn\n"
    );
}
