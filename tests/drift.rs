//! Reported against computed costs: who, how much, since when and like what, in the report and on a screen.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use serde_json::{Value, json};

fn costtop(home: &Path, words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_costtop"));
    command.args(words).args(["--timezone", "UTC"]).env_clear().env("HOME", home).timeout(Duration::from_secs(60));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Charges of one model, an hour apart; `cost` in dollars of (input, read, write, output) tokens.
fn lines(out: &mut String, model: &str, provider: &str, costs: &[f64], [input, read, write, output]: [u32; 4]) {
    for (number, cost) in costs.iter().enumerate() {
        let line = json!({
            "ts": format!("2026-11-21T{:02}:00:00Z", number % 24), "request_id": format!("{model}-{provider}-{number:06}"), "provider": provider,
            "model": model, "input_tokens": input, "cache_read_tokens": read, "cache_write_5m_tokens": write, "output_tokens": output,
            "cost_usd": format!("{cost:.9}"),
        });
        writeln!(out, "{line}").unwrap();
    }
}

fn report(text: &str, config: &str, words: &[&str]) -> Value {
    let home = tempfile::tempdir().unwrap();
    let (log, toml) = (home.path().join("log.ndjson"), home.path().join("config.toml"));
    std::fs::write(&log, text).unwrap();
    std::fs::write(&toml, config).unwrap();
    let (log, toml) = (log.display().to_string(), toml.display().to_string());
    let arguments = [&["report", &log, "--format", "json", "--config", &toml], words].concat();
    serde_json::from_str(&costtop(home.path(), &arguments)).unwrap()
}

fn only(report: &Value) -> &Value {
    let found = report["drift"].as_array().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    &found[0]
}

/// claude-opus-4-6: $5 in, $25 out, $0.50 read, $6.25 and $10 written, for a million tokens.
const TOKENS: [u32; 4] = [1_000, 20_000, 3_000, 400];
const RIGHT: f64 = 0.005 + 0.01 + 0.018_75 + 0.01;

fn cause_of(cost: f64) -> Value {
    let mut text = String::new();
    lines(&mut text, "claude-opus-4-6", "anthropic", &[cost; 3], TOKENS);
    only(&report(&text, "", &[]))["cause"].clone()
}

#[test]
fn a_cost_that_is_the_tables_is_no_finding_and_rounding_is_none() {
    let mut text = String::new();
    lines(&mut text, "claude-opus-4-6", "anthropic", &[RIGHT, RIGHT + 0.000_000_4, RIGHT * 1.000_9], TOKENS);
    let report = report(&text, "", &["--by", "model"]);
    assert_eq!(report["drift"], json!([]));
    assert_eq!(report["totals"]["drifted_requests"], 0);
    let drift: f64 = report["groups"][0]["drift_usd"].as_str().unwrap().parse().unwrap();
    assert!((drift - 0.000_039_775).abs() < 1e-9, "{drift}");
    assert!(report["groups"][0]["drift_ratio"].as_f64().unwrap() < 0.001);
}

#[test]
fn a_finding_says_who_how_much_and_since_when() {
    let mut text = String::new();
    lines(&mut text, "claude-opus-4-6", "anthropic", &[RIGHT, RIGHT, RIGHT / 2.0, RIGHT / 2.0], TOKENS);
    lines(&mut text, "gpt-5", "openai", &[0.001_25; 3], [1_000, 0, 0, 0]);
    // Without a price of its own there is nothing to compare, and a computed cost drifts from nothing.
    lines(&mut text, "nobody-knows", "openai", &[7.0], TOKENS);
    text.push_str("{\"ts\":\"2026-11-21T10:00:00Z\",\"model\":\"gpt-5\",\"input_tokens\":1000}\n");
    let report = report(&text, "", &["--by", "provider"]);
    let found = only(&report);
    assert_eq!(
        (&found["provider"], &found["model"], &found["compared_requests"], &found["drifted_requests"]),
        (&json!("anthropic"), &json!("claude-opus-4-6"), &json!(4), &json!(2))
    );
    assert_eq!(
        (&found["since"], &found["last"]),
        (&json!("2026-11-21T02:00:00.000Z"), &json!("2026-11-21T03:00:00.000Z"))
    );
    assert_eq!((&found["drift_usd"], &found["cause"]), (&json!("-0.043750000000"), &json!("batch_rate")));
    assert!(found["advice"].as_str().unwrap().contains("tier = \"batch\""), "{found}");
    let of = |name: &str| {
        report["groups"].as_array().unwrap().iter().find(|group| group["key"]["provider"] == name).unwrap().clone()
    };
    assert_eq!(of("anthropic")["drift_usd"], "-0.043750000000");
    assert_eq!((&of("openai")["drift_usd"], &of("openai")["drifted_requests"]), (&json!("0.000000000000"), &json!(0)));
    assert_eq!(report["totals"]["drift_usd"], "-0.043750000000");
    assert_eq!(of("anthropic")["drift_ratio"], -0.25);
}

#[test]
fn a_cause_is_what_the_amounts_look_like() {
    for (cost, cause) in [
        (RIGHT / 2.0, "batch_rate"),
        // Written for an hour.
        (0.005 + 0.01 + 0.03 + 0.01, "write_split"),
        (RIGHT * 1.1, "regional_factor"),
        // All of the prompt at $5.
        (0.12 + 0.01, "cache_as_input"),
        (RIGHT + 0.115, "cache_inside"),
        (RIGHT * 0.92, "discount"),
        (RIGHT * 1.25, "list_price"),
    ] {
        assert_eq!(cause_of(cost), cause, "{cost}");
    }
    let mut text = String::new();
    lines(&mut text, "claude-opus-4-6", "anthropic", &[0.1, 0.02, 0.7], TOKENS);
    assert_eq!(only(&report(&text, "", &[]))["cause"], "unknown");
    // gpt-5.4 at priority: twice the standard rates.
    let mut text = String::new();
    lines(&mut text, "gpt-5.4", "openai", &[0.005 + 0.012], [1_000, 0, 0, 400]);
    let found = report(&text, "", &[]);
    assert_eq!((&only(&found)["cause"], &only(&found)["drifted_requests"]), (&json!("tier"), &json!(1)));
}

#[test]
fn a_discount_and_an_alias_are_named() {
    let mut text = String::new();
    lines(&mut text, "claude-opus-4-6", "anthropic", &[RIGHT * 0.92; 2], TOKENS);
    let found = report(&text, "", &[]);
    assert!(only(&found)["advice"].as_str().unwrap().contains("percent = 8"), "{found}");
    // With the discount that it asked for, nothing drifts.
    let told = report(&text, "[[prices.discount]]\nprovider = \"anthropic\"\npercent = 8\n", &[]);
    assert_eq!(told["drift"], json!([]));
    let mut text = String::new();
    lines(&mut text, "prod-chat", "anthropic", &[0.9; 2], TOKENS);
    let found = report(&text, "[prices.alias]\n\"prod-chat\" = \"claude-haiku-4-5\"\n", &[]);
    assert_eq!(only(&found)["cause"], "alias");
}

/// What each charge says, whatever came first: findings do not depend on the order of lines.
#[test]
fn findings_do_not_depend_on_the_order_of_lines() {
    let mut text = String::new();
    let costs: Vec<f64> = (0..200).map(|number| if number % 3 == 0 { RIGHT / 2.0 } else { RIGHT }).collect();
    lines(&mut text, "claude-opus-4-6", "anthropic", &costs, TOKENS);
    let backwards = text.lines().rev().collect::<Vec<_>>().join("\n");
    assert_eq!(report(&text, "", &[])["drift"], report(&backwards, "", &[])["drift"]);
}

#[test]
fn people_read_it_in_the_table_and_in_markdown() {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("log.ndjson");
    let mut text = String::new();
    lines(&mut text, "claude-opus-4-6", "anthropic", &[RIGHT / 2.0; 3], TOKENS);
    std::fs::write(&log, text).unwrap();
    let log = log.display().to_string();
    for format in ["table", "markdown"] {
        let shown = costtop(home.path(), &["report", &log, "--format", format]);
        for words in ["batch_rate", "-50.0%", "looks like the batch price of the same tokens"] {
            assert!(shown.contains(words), "{format}: {words}: {shown}");
        }
    }
}
