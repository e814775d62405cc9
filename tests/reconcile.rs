//! `reconcile` as an operator meets it: reports in the providers' schemas beside logs, and what it makes of the difference.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use serde_json::{Value, json};

const FOLDER: &str = "tests/fixtures/reconcile";
const LOGS: &str = "tests/fixtures/reconcile/logs.ndjson";

/// Exit code, stdout and stderr; nothing of the machine reaches the program.
fn run(words: &[&str], input: &str) -> (i32, String, String) {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_costtop"));
    command.arg("reconcile").args(words).args(["--timezone", "Europe/Berlin"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env_clear().env("HOME", home.path()).timeout(Duration::from_secs(60)).write_stdin(input);
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn file(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

fn json_of(words: &[&str], input: &str) -> (i32, Value) {
    let (code, out, error) = run(&[words, &["--format", "json"]].concat(), input);
    (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}")))
}

/// One day's usage report of Anthropic about one model.
fn usage(day: u32, model: &str, [input, read, short, long, output]: [u64; 5]) -> Value {
    json!({"starting_at": format!("2026-11-{day:02}T00:00:00Z"), "ending_at": format!("2026-11-{:02}T00:00:00Z", day + 1), "results": [{
        "uncached_input_tokens": input, "cache_read_input_tokens": read, "output_tokens": output, "model": model,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}}]})
}

/// One day's costs in cents, by model.
fn costs(rows: &[(&str, &str)]) -> Value {
    let results: Vec<Value> = rows
        .iter()
        .map(|(model, amount)| json!({"currency": "USD", "amount": amount, "model": model, "cost_type": "tokens"}))
        .collect();
    json!({"starting_at": "2026-11-18T00:00:00Z", "ending_at": "2026-11-19T00:00:00Z", "results": results})
}

/// A log line of noon on the 18th.
fn line(id: u32, model: &str, [input, read, short, long, output]: [u64; 5]) -> Value {
    json!({"ts": "2026-11-18T12:00:00Z", "request_id": format!("r{id}"), "model": model, "input_tokens": input, "cache_read_tokens": read,
        "cache_write_5m_tokens": short, "cache_write_1h_tokens": long, "output_tokens": output})
}

/// The names of the causes that these reports and logs have, and their sentences.
fn causes(report: &[Value], logs: &[Value], words: &[&str]) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, values: &[Value]| {
        let path = folder.path().join(name);
        std::fs::write(&path, values.iter().fold(String::new(), |all, it| all + &it.to_string() + "\n")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (report, logs) = (write("report.ndjson", report), write("logs.ndjson", logs));
    let (code, found) = json_of(&[&[report.as_str(), &logs], words].concat(), "");
    assert_eq!(code, if found["within"] == true { 0 } else { 12 });
    let all = found["reports"].as_array().unwrap().iter().flat_map(|it| it["causes"].as_array().unwrap().clone());
    all.map(|it| (it["cause"].as_str().unwrap().to_owned(), it["text"].as_str().unwrap().to_owned())).collect()
}

fn names(report: &[Value], logs: &[Value]) -> Vec<String> {
    causes(report, logs, &[]).into_iter().map(|(name, _)| name).collect()
}

const OPUS: &str = "claude-opus-4-6";
const SONNET: &str = "claude-sonnet-4-6";

#[test]
fn a_usage_report_that_agrees() {
    let (code, out, error) = run(&[&file("anthropic_usage.json"), LOGS], "");
    assert_eq!((code, error.as_str()), (0, ""));
    insta::assert_snapshot!("anthropic_usage", out);
}

#[test]
fn a_cost_report_bills_web_searches_apart_and_agrees_to_the_last_digit() {
    let (code, out, _) = run(&[&file("anthropic_cost.json"), LOGS, "--by", "day", "--tolerance", "0"], "");
    assert_eq!(code, 0, "{out}");
    let (code, out, _) = run(&[&file("anthropic_cost.json"), LOGS, "--tolerance", "0"], "");
    assert_eq!(code, 0, "the fees have their own row on both sides");
    insta::assert_snapshot!("anthropic_cost", out);
}

#[test]
fn pages_of_usage_embeddings_and_costs_in_one_file_agree_to_the_last_digit() {
    let (code, found) = json_of(&[&file("openai.ndjson"), LOGS, "--tolerance", "0%"], "");
    assert_eq!(code, 0, "{found:#}");
    let mut shown = found;
    shown["generated_at"] = json!("NOW");
    insta::assert_snapshot!("openai", serde_json::to_string_pretty(&shown).unwrap());
}

#[test]
fn pages_buckets_lists_and_repeats_are_read_alike() {
    let text = std::fs::read_to_string(file("openai.ndjson")).unwrap();
    let pages: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let buckets: Vec<&Value> = pages.iter().flat_map(|page| page["data"].as_array().unwrap()).collect();
    let forms = [
        text.clone(),
        text.replace('\n', " "),
        json!(pages).to_string(),
        json!(buckets).to_string(),
        buckets.iter().fold(String::new(), |all, it| all + &it.to_string() + "\n"),
        format!("\u{feff}{text}{text}"),
        text.replace("\"results\"", "\"result\""),
    ];
    let read = |form: &str| json_of(&["-", LOGS], form).1["reports"].clone();
    let first = read(&forms[0]);
    assert_eq!(first.as_array().unwrap().len(), 2);
    for form in &forms[1..] {
        assert_eq!(read(form), first, "{form}");
    }
    let (_, out, _) = run(&["-", LOGS], &forms[5]);
    assert!(out.contains("note: 5 buckets stand in the file twice, word for word, and counted once"), "{out}");
}

#[test]
fn keys_are_compared_by_the_names_that_the_operator_gives() {
    let words = [&file("anthropic_usage.json"), LOGS, "--by", "key"];
    let (code, found) = json_of(&words, "");
    assert_eq!(code, 12);
    assert_eq!(found["reports"][0]["coverage"], json!({"both": 0, "theirs_only": 2, "ours_only": 2}));
    assert_eq!(found["reports"][0]["causes"][0]["cause"], "key_names");
    let named = ["--key", "apikey_01Rj2N8SVvo6BePZj99NhmiT=gateway", "--key", "apikey_02Xy=batch-jobs"];
    let (code, found) = json_of(&[&words[..], &named].concat(), "");
    assert_eq!((code, &found["reports"][0]["coverage"]["both"]), (0, &json!(2)), "{found:#}");
}

#[test]
fn cache_tokens_counted_inside_or_taken_off_twice() {
    let theirs = [usage(18, OPUS, [1_000, 9_000, 0, 0, 50])];
    assert_eq!(names(&theirs, &[line(1, OPUS, [10_000, 9_000, 0, 0, 50])]), ["cache_inside"]);
    assert_eq!(names(&theirs, &[line(1, OPUS, [0, 9_000, 0, 0, 50])]), ["cache_outside"]);
}

/// Older reports of `OpenAI` do not tell cache writes from input.
#[test]
fn writes_that_the_report_counts_as_input() {
    let result = json!({"object": "organization.usage.completions.result", "input_tokens": 1_500, "input_cached_tokens": 500,
        "output_tokens": 5, "model": "gpt-5.6-terra"});
    let theirs = json!({"start_time": 1_794_960_000, "end_time": 1_795_046_400, "results": [result]});
    assert_eq!(names(&[theirs], &[line(1, "gpt-5.6-terra", [400, 500, 600, 0, 5])]), [""; 0]);
}

#[test]
fn writes_whose_duration_the_log_does_not_tell() {
    assert_eq!(names(&[usage(18, OPUS, [10, 0, 0, 900, 5])], &[line(1, OPUS, [10, 0, 900, 0, 5])]), ["write_split"]);
}

#[test]
fn a_source_that_is_missing_and_one_that_is_not_theirs() {
    let theirs = [usage(18, OPUS, [1_000, 0, 0, 0, 50]), usage(18, SONNET, [70, 0, 0, 0, 7])];
    let found = causes(&theirs, &[line(1, OPUS, [1_000, 0, 0, 0, 50])], &[]);
    assert_eq!(found[0].0, "missing_source");
    assert!(found[0].1.starts_with("2026-11-18 claude-sonnet-4-6: they bill it"), "{found:?}");
    let part = names(&theirs[..1], &[line(1, OPUS, [600, 0, 0, 0, 30])]);
    assert_eq!(part, ["missing_source"]);
    let more = [line(1, OPUS, [1_000, 0, 0, 0, 50]), line(2, SONNET, [5, 0, 0, 0, 5])];
    assert_eq!(names(&theirs[..1], &more), ["not_billed"]);
}

#[test]
fn requests_that_count_twice() {
    let theirs = [usage(18, OPUS, [1_000, 300, 0, 0, 50])];
    let twice = [line(1, OPUS, [1_000, 300, 0, 0, 50]), line(2, OPUS, [1_000, 300, 0, 0, 50])];
    assert_eq!(names(&theirs, &twice), ["counted_twice"]);
}

#[test]
fn days_that_begin_at_another_midnight() {
    // 23:30 in Berlin is 22:30 UTC; written without a zone as UTC's own clock, and read as Berlin's, it lies an hour early.
    let theirs =
        [usage(18, OPUS, [100, 0, 0, 0, 1]), usage(19, OPUS, [200, 0, 0, 0, 2]), usage(20, OPUS, [400, 0, 0, 0, 4])];
    let at = |id: u32, ts: &str, input: u64, output: u64| {
        let mut line = line(id, OPUS, [input, 0, 0, 0, output]);
        line["ts"] = json!(ts);
        line
    };
    let logs = [
        at(1, "2026-11-18T00:30:00", 100, 1),
        at(2, "2026-11-19T00:30:00", 200, 2),
        at(3, "2026-11-20T00:30:00", 300, 3),
        at(4, "2026-11-20T12:00:00", 100, 1),
    ];
    let found = causes(&theirs, &logs, &[]);
    assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["day_boundary"], "{found:?}");
    assert!(
        found[0].1.starts_with("moved by +1 h, our days are theirs") && found[0].1.contains("Europe/Berlin"),
        "{found:?}"
    );
}

#[test]
fn why_the_same_tokens_cost_something_else() {
    // 1,000,000 tokens of input are $5.00 of Opus and $3.00 of Sonnet.
    let million = [line(1, OPUS, [1_000_000, 0, 0, 0, 0]), line(2, SONNET, [1_000_000, 0, 0, 0, 0])];
    let name = |theirs: &[(&str, &str)], logs: &[Value]| names(&[costs(theirs)], logs);
    assert_eq!(name(&[(OPUS, "500"), (SONNET, "300.0")], &million), [""; 0]);
    assert_eq!(name(&[(OPUS, "460"), (SONNET, "276")], &million), ["discount"]);
    assert_eq!(name(&[(OPUS, "250")], &million[..1]), ["batch_rate"]);
    assert_eq!(name(&[(OPUS, "550")], &million[..1]), ["regional_factor"]);
    assert_eq!(name(&[(OPUS, "700"), (SONNET, "420")], &million), ["list_price"]);
    let mut reported = million[0].clone();
    reported["cost_usd"] = json!("15.00");
    assert_eq!(name(&[(OPUS, "500")], &[reported]), ["reported_cost"]);
    let mut unknown = line(3, "claude-new-9", [5, 0, 0, 0, 5]);
    unknown["provider"] = json!("anthropic");
    assert_eq!(name(&[("claude-new-9", "1")], &[unknown]), ["unpriced"]);
    let off = causes(&[costs(&[(OPUS, "460"), (SONNET, "276")])], &million, &[]);
    assert!(off[0].1.contains("[[prices.discount]] with percent = 8.00"), "{off:?}");
}

#[test]
fn logs_that_end_before_the_report_and_pages_that_are_missing() {
    let theirs = [usage(18, OPUS, [10, 0, 0, 0, 1]), usage(21, OPUS, [10, 0, 0, 0, 1])];
    let page = json!({"data": theirs, "has_more": true, "next_page": "page_x"});
    let found: Vec<String> = names(&[page], &[line(1, OPUS, [10, 0, 0, 0, 1])]);
    assert_eq!(found, ["missing_page", "log_span", "missing_source"]);
}

#[test]
fn the_tolerance_is_a_part_of_theirs_and_includes_its_end() {
    let theirs = usage(18, OPUS, [10_000, 0, 0, 0, 100]).to_string();
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs.ndjson");
    std::fs::write(&logs, line(1, OPUS, [9_950, 0, 0, 0, 100]).to_string() + "\n").unwrap();
    let code = |tolerance: &str| run(&["-", logs.to_str().unwrap(), "--tolerance", tolerance], &theirs).0;
    assert_eq!([code("1%"), code("0.5%"), code("0.4999%"), code("0")], [0, 0, 12, 12]);
}

#[test]
fn what_cannot_be_compared_is_refused_with_a_remedy() {
    let report = file("anthropic_usage.json");
    let refused = |words: &[&str], input: &str| {
        let (code, out, error) = run(words, input);
        assert_eq!(out, "", "{words:?}");
        format!("{code} {error}")
    };
    let mut all = String::new();
    for (words, input) in [
        (&["no-such.json", LOGS][..], ""),
        (&["-", LOGS], "nothing of the kind"),
        (&["-", LOGS], "{\"model\":\"gpt-5.4\"}"),
        (
            &["-", LOGS],
            "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\"message\":\"invalid x-api-key\"}}",
        ),
        (&["-", "-"], ""),
        (&[&report, "no-such-log.jsonl"], ""),
        (&[&report, LOGS, "--by", "day,day"], ""),
        (&["tests/fixtures/reconcile/openai.ndjson", LOGS, "--by", "key"], ""),
        (&[&report, LOGS, "--tolerance", "lots"], ""),
        (&[&report, LOGS, "--key", "apikey"], ""),
    ] {
        all += &refused(words, input);
    }
    insta::assert_snapshot!("refusals", all);
}

#[test]
fn a_hostile_report_moves_no_cursor() {
    let mut report = usage(18, "\u{1b}[2J\u{9b}31m\u{202e}\n", [1, 0, 0, 0, 1]);
    report["results"][0]["api_key_id"] = json!("\u{1b}]0;x\u{7}");
    for words in [&["-", LOGS, "--by", "model,key"][..], &["-", LOGS, "--by", "key", "--format", "json"]] {
        let (code, out, _) = run(words, &report.to_string());
        assert_eq!(code, 12);
        let refused =
            |c: &char| (c.is_control() && *c != '\n') || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
        assert_eq!(out.chars().find(refused), None, "{out}");
    }
    assert!(Path::new(LOGS).exists());
}
