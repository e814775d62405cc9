//! Sources that a flat fee pays for: their costs are list-price equivalents, marked everywhere and no money of budgets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use serde_json::{Value, json};

/// One charge of a dollar in each of two files; a subscription pays for the second.
const LINE: &str =
    r#"{"ts":"2026-11-21T10:00:00Z","request_id":"ID","user":"ana","model":"claude-opus-4-6","input_tokens":200000}"#;

const CONFIG: &str = r#"
[[source]]
path = "cash.ndjson"
[[source]]
path = "flat.ndjson"
billing = "subscription"
"#;

fn costtop(folder: &Path, words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_costtop"));
    command.args(words).args(["--timezone", "UTC", "--config", "config.toml"]).current_dir(folder);
    command.env_clear().env("HOME", folder).timeout(Duration::from_secs(60));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cash.ndjson"), LINE.replace("ID", "a")).unwrap();
    std::fs::write(folder.path().join("flat.ndjson"), LINE.replace("ID", "b")).unwrap();
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    folder
}

fn report(folder: &Path, words: &[&str]) -> Value {
    serde_json::from_str(&costtop(folder, &[&["report", "--format", "json"], words].concat())).unwrap()
}

#[test]
fn the_report_says_which_part_is_at_list_price() {
    let folder = folder(CONFIG);
    let report = report(folder.path(), &["--by", "source"]);
    assert_eq!(report["totals"]["cost_usd"], "2.000000000000");
    assert_eq!(report["totals"]["subscription_usd"], "1.000000000000");
    let paid: Vec<_> = report["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (&group["key"]["source"], &group["subscription_usd"]))
        .collect();
    assert!(paid.contains(&(&json!("flat.ndjson"), &json!("1.000000000000"))), "{paid:?}");
    assert!(paid.contains(&(&json!("cash.ndjson"), &json!("0.000000000000"))), "{paid:?}");
    let table = costtop(folder.path(), &["report"]);
    assert!(table.contains("≈ $2.00") && table.contains("subscriptions pay it, budgets leave it out"), "{table}");
    assert!(costtop(folder.path(), &["explain", "flat.ndjson"]).contains("a subscription pays"));
}

#[test]
fn budgets_leave_it_out_unless_they_ask_for_it() {
    let budgets = r#"
[[budget]]
name = "cash"
limit = 10
per = "day"
[[budget]]
name = "all"
limit = 10
per = "day"
include_subscription = true
"#;
    let folder = folder(&format!("{CONFIG}{budgets}"));
    // Budgets are of the day that is running.
    let today = chrono::Utc::now().format("%Y-%m-%d").to_string();
    for name in ["cash.ndjson", "flat.ndjson"] {
        let path = folder.path().join(name);
        let text = std::fs::read_to_string(&path).unwrap().replace("2026-11-21T10", &format!("{today}T00"));
        std::fs::write(&path, text).unwrap();
    }
    let report = report(folder.path(), &[]);
    let spent: Vec<_> =
        report["budgets"].as_array().unwrap().iter().map(|budget| (&budget["name"], &budget["spent_usd"])).collect();
    assert_eq!(spent, [(&json!("cash"), &json!("1.000000000000")), (&json!("all"), &json!("2.000000000000"))]);
}

/// Whoever else speaks of the same request does not make it cash, whatever came first.
#[test]
fn a_request_that_any_record_says_a_subscription_pays_is_paid() {
    let folder = folder(CONFIG);
    for sources in [["cash.ndjson", "flat.ndjson"], ["flat.ndjson", "cash.ndjson"]] {
        std::fs::write(folder.path().join("flat.ndjson"), LINE.replace("ID", "a")).unwrap();
        let report = report(folder.path(), &sources);
        assert_eq!(
            (&report["totals"]["requests"], &report["totals"]["subscription_usd"]),
            (&json!(1), &json!("1.000000000000"))
        );
    }
}

#[test]
fn what_is_printed_says_so_and_reads_back() {
    let folder = folder(CONFIG);
    let printed = costtop(folder.path(), &["events"]);
    assert_eq!(printed.matches(r#""billing":"subscription""#).count(), 1, "{printed}");
    std::fs::write(folder.path().join("printed.ndjson"), printed).unwrap();
    let report = report(folder.path(), &["printed.ndjson"]);
    assert_eq!(report["totals"]["subscription_usd"], "1.000000000000");
}
