//! What `costtop events` prints, read back, is the same report: every figure, every grouping, whatever format it came from.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use assert_cmd::Command;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Every grouping but the SOURCE, which is another one by nature.
const GROUPINGS: [&str; 10] = [
    "user",
    "team,project",
    "feature,agent",
    "host,key",
    "model,provider,tier",
    "session",
    "minute,user",
    "hour,model",
    "day,week,month",
    "user,model,session",
];

fn costtop(home: &Path, words: &[&str], input: Vec<u8>) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_costtop"));
    command.args(words).args(["--timezone", "Europe/Berlin"]).env_clear().env("HOME", home);
    command.timeout(Duration::from_secs(60)).write_stdin(input);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The report without what speaks of lines instead of charges.
fn report(home: &Path, sources: &[&str], by: &str, input: Vec<u8>) -> Value {
    let text = costtop(home, &[&["report", "--format", "json", "--by", by], sources].concat(), input);
    let mut report: Value = serde_json::from_slice(&text).unwrap();
    let intake = report["intake"].take();
    report["generated_at"].take();
    report["intake"] = json!([intake["unpriced_models"], intake["charges"]]);
    if intake["undated"] != 0 {
        report["undated"] = json!(true);
    }
    report
}

/// Asserts that all groupings of `sources` survive.
fn survives(sources: &[&str], groupings: &[&str]) -> u64 {
    let home = tempfile::tempdir().unwrap();
    let printed = costtop(home.path(), &[&["events"], sources].concat(), Vec::new());
    let mut requests = 0;
    for by in groupings {
        let mut before = report(home.path(), sources, by, Vec::new());
        let mut after = report(home.path(), &["-"], by, printed.clone());
        // What has no time is of the moment at which it is read, which was another one when it was printed.
        if before.as_object_mut().unwrap().remove("undated").is_some() {
            for report in [&mut before, &mut after] {
                report["first_event"] = Value::Null;
                report["last_event"] = Value::Null;
            }
        }
        assert_eq!(before["totals"], after["totals"], "{sources:?}");
        assert_eq!(before, after, "{sources:?} by {by}");
        requests = before["totals"]["requests"].as_u64().unwrap();
    }
    // And what is printed of it is the same again.
    assert_eq!(
        String::from_utf8(costtop(home.path(), &["events", "-"], printed.clone())).unwrap().lines().count(),
        String::from_utf8(printed).unwrap().lines().count()
    );
    requests
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_none_or(|extension| extension != "md"));
    files.sort();
    files
}

#[test]
fn every_sample_log_survives() {
    let mut paths: Vec<String> = files("sample-logs").iter().map(|path| path.display().to_string()).collect();
    // Nothing is read of it without its mapping.
    paths.retain(|path| !path.ends_with("own-format"));
    for path in &paths {
        assert!(survives(&[path], &["user,model", "session,tier"]) > 0, "{path} has no request");
    }
    let all: Vec<&str> = paths.iter().map(String::as_str).collect();
    survives(&all, &GROUPINGS);
}

#[test]
fn every_fixture_survives() {
    let home = tempfile::tempdir().unwrap();
    for path in files("tests/fixtures/formats") {
        // Bills beside the lines that they are of.
        let path = if path.ends_with("golden.jsonl") {
            let text = std::fs::read_to_string(&path).unwrap();
            let lines: Vec<String> =
                text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["line"].to_string()).collect();
            let path = home.path().join("golden.jsonl");
            std::fs::write(&path, lines.join("\n")).unwrap();
            path
        } else if path.ends_with("otlp.jsonl") {
            // Request ids as long as real ones: shorter ones count within their session, costtop's own everywhere.
            let text = std::fs::read_to_string(&path).unwrap().replace("req_011C", "req_011C00000000000");
            let path = home.path().join("otlp.jsonl");
            std::fs::write(&path, text).unwrap();
            path
        } else {
            path
        };
        let path = path.display().to_string();
        // Lines without a time are of the moment at which they are read.
        survives(&[&path], &["user,team,project,feature,agent,host,key", "model,provider,tier", "session"]);
    }
}

/// Everything a charge can be, as costtop's own lines.
fn any_charge() -> impl Strategy<Value = Value> {
    let word = |words: &'static [&'static str]| prop::option::of(prop::sample::select(words));
    let names = (
        word(&["ada", "bob", "zo\u{eb} \u{1f469}\u{200d}\u{1f4bb}", "a\"b\\c", "\u{1b}[31m"]),
        word(&["search", "ops"]),
        word(&["s-1", "s-2", "a session of 日本"]),
        word(&["claude-opus-4-6", "gpt-5", "nobody-knows", "deepseek/deepseek-v4-pro", "gemini/gemini-2.5-pro"]),
        word(&["batch", "priority", "flex", "standard", "odd"]),
        word(&["us", "global"]),
        word(&["fast", "standard"]),
        word(&["end_turn", "max_tokens"]),
    );
    let numbers = (
        prop::array::uniform6(prop_oneof![Just(0u32), 0u32..300_000]),
        prop::option::of(0u64..9_000_000_000_000_000),
        0u32..3,
        prop::sample::select(vec![0u16, 200, 429, 500]),
        0u32..90_000,
        0u8..16,
    );
    let ids = (0u32..40, any::<[bool; 4]>(), 0i64..4_000_000);
    (names, numbers, ids).prop_map(|(names, numbers, ids)| {
        let (user, team, session, model, tier, geo, speed, stop) = names;
        let (tokens, cost, searches, status, latency, kind) = numbers;
        let (id, has, second) = ids;
        let [input, read, short, long, output, reasoning] = tokens;
        let mut line = json!({
            "ts": format!("{}", costtop::time::Timestamp::from_ms(1_795_000_000_000 + second * 1000)), "user": user, "team": team, "session_id": session,
            "model": model.unwrap_or("gpt-5"), "input_tokens": input, "cache_read_tokens": read, "cache_write_5m_tokens": short,
            "cache_write_1h_tokens": long, "output_tokens": output, "reasoning_tokens": reasoning.min(output), "web_searches": searches,
            "tier": tier, "inference_geo": geo, "speed": speed, "stop_reason": stop, "status": status, "latency_ms": latency,
        });
        if has[0] {
            line["request_id"] = json!(format!("request-{id:08}"));
        }
        if has[1] {
            line["response_id"] = json!(format!("msg_{:012}", id / 3));
        }
        if has[2] {
            line["call_id"] = json!(format!("call-\u{1f4b8}-{:012}", id / 2));
        }
        if has[3] {
            line["billing"] = json!("subscription");
        }
        let cost = cost.map(|pico| costtop::money::Cost::from_pico(pico).to_string());
        match kind {
            0..4 => line["cost_usd"] = json!(cost),
            4 => (line["cost_usd"], line["cost_source"]) = (json!(cost), json!("computed")),
            5 => line["cost_source"] = json!("unpriced"),
            // A call that a cache answered never was a request of its own as well.
            6 => {
                (line["cost_usd"], line["cache_hit"]) = (json!("0"), json!(true));
                line["call_id"] = json!(format!("hit-{:012}", id / 2));
            }
            7 => return json!({"type": "adjustment", "ts": line["ts"], "user": user, "cost_usd": "-10.00", "reason": "refund"}),
            8 => return json!({"type": "transfer", "ts": line["ts"], "from": "a", "to": "b", "cost_usd": "1"}),
            9 => return json!({"type": "outcome", "ts": line["ts"], "session_id": session, "unit": "ticket", "count": 1, "value_usd": "3"}),
            10 => return json!({"type": "charge", "ts": line["ts"], "kind": "gpu", "cost_usd": cost, "user": user}),
            11 => line["revision"] = json!(id % 4),
            _ => {}
        }
        line
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn any_charges_survive(charges in prop::collection::vec(any_charge(), 1..60)) {
        let home = tempfile::tempdir().unwrap();
        let text: String = charges.iter().fold(String::new(), |text, charge| text + &charge.to_string() + "\n");
        let log = home.path().join("log.ndjson");
        std::fs::write(&log, &text).unwrap();
        survives(&[&log.display().to_string()], &["user,model,tier", "session,minute"]);
    }
}

/// Telemetry of a call does not know that the gateway's cache answered it; the gateway does.
#[test]
fn a_hit_that_telemetry_counted_is_a_hit_and_stays_one() {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("log.ndjson");
    let line = |more: Value| {
        let mut line = json!({"ts": "2026-11-21T10:00:05Z", "call_id": "call-000000000001", "model": "gpt-5", "input_tokens": 1000});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("{line}\n")
    };
    let hit = line(json!({"cache_hit": true, "cost_usd": "0", "input_tokens": 900}));
    std::fs::write(&log, line(json!({"output_tokens": 50})) + &hit).unwrap();
    let log = log.display().to_string();
    let report = report(home.path(), &[&log], "model", Vec::new());
    let totals = &report["totals"];
    assert_eq!(
        (
            &totals["requests"],
            &totals["gateway_hits"],
            &totals["cost_usd"],
            &totals["output_tokens"],
            &totals["drift_usd"]
        ),
        (&json!(1), &json!(1), &json!("0.000000000000"), &json!(50), &json!("0.000000000000"))
    );
    survives(&[&log], &["model"]);
}

/// Records that are no charges go through, so that a pipe loses no refund and no outcome.
#[test]
fn what_is_no_charge_passes_through() {
    let home = tempfile::tempdir().unwrap();
    let others = [
        r#"{"type":"adjustment","ts":"2026-11-21T10:00:05Z","user":"ada","cost_usd":"-10.00","reason":"refund"}"#,
        r#"{"type":"transfer","ts":"2026-11-21T10:00:05Z","from":"a","to":"b","cost_usd":"5"}"#,
        r#"{"type":"outcome","ts":"2026-11-21T10:00:05Z","session_id":"s-1","unit":"ticket resolved","count":1,"value_usd":"3"}"#,
    ];
    let charge = r#"{"ts":"2026-11-21T10:00:05Z","request_id":"r-1","model":"gpt-5","input_tokens":1}"#;
    let log = home.path().join("log.ndjson");
    std::fs::write(&log, format!("{}\n{charge}\n{}\n{}\n", others[0], others[1], others[2])).unwrap();
    let log = log.display().to_string();
    for source in [&[log.as_str()][..], &["-"]] {
        let input = if source == ["-"] { std::fs::read(&log).unwrap() } else { Vec::new() };
        let printed = String::from_utf8(costtop(home.path(), &[&["events"], source].concat(), input)).unwrap();
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines.len(), 4, "{printed}");
        for other in others {
            assert!(lines.contains(&other), "{other}: {printed}");
        }
    }
}
