//! The committed sample logs are what their program writes, and their lines say what the truth says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use costtop::cli::demo::samples::{DEFAULT_SEED, write};
use costtop::money::Money;
use serde_json::Value;

fn tree(folder: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                files.insert(name, fs::read_to_string(&path)?);
            }
        }
    }
    Ok(files)
}

#[test]
fn the_committed_logs_are_what_the_program_writes() {
    let fresh = tempfile::tempdir().unwrap();
    write(fresh.path(), DEFAULT_SEED).unwrap();
    let (fresh, committed) =
        (tree(fresh.path()).unwrap(), tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs")).unwrap());
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&committed), names(&fresh));
    for (name, text) in &fresh {
        assert!(committed[name] == *text, "{name} differs: run `cargo run --example sample_logs -- sample-logs`");
    }
    let bytes: usize = fresh.values().map(String::len).sum();
    assert!(bytes < 440_000, "{bytes} bytes are too many for a repository");
}

/// What a reader that knows nothing but the field names would count.
#[derive(Debug, Default, PartialEq)]
struct Counted {
    requests: u64,
    prompt: u64,
    output: u64,
    gateway_cost: Money,
}

#[test]
fn the_lines_say_what_the_truth_says() {
    for seed in [DEFAULT_SEED, 3, 4] {
        let folder = tempfile::tempdir().unwrap();
        let truth = write(folder.path(), seed).unwrap();
        let files = tree(folder.path()).unwrap();
        let read = |wanted: &str| -> Vec<Value> {
            let chosen = files.iter().filter(|(name, _)| name.starts_with(wanted));
            chosen.flat_map(|(_, text)| text.lines()).filter_map(|line| serde_json::from_str(line).ok()).collect()
        };
        let mut counted = Counted::default();
        let mut seen = BTreeSet::new();
        for line in read("gateway.jsonl") {
            assert!(seen.insert(line["id"].as_str().unwrap().to_owned()));
            counted.requests += 1;
            counted.prompt += line["prompt_tokens"].as_u64().unwrap();
            counted.output += line["completion_tokens"].as_u64().unwrap();
            counted.gateway_cost += Money::parse(line["response_cost"].to_string().as_bytes()).unwrap();
        }
        let mut twice = 0;
        for line in read("app.ndjson") {
            let Some(input) = line["input_tokens"].as_u64() else { continue };
            let id = line.get("response_id").unwrap_or(&line["request_id"]).as_str().unwrap();
            if !seen.insert(id.to_owned()) {
                twice += 1;
                continue;
            }
            let number = |key: &str| line[key].as_u64().unwrap();
            counted.requests += 1;
            counted.prompt +=
                input + number("cache_read_tokens") + number("cache_write_5m_tokens") + number("cache_write_1h_tokens");
            counted.output += number("output_tokens");
        }
        assert!(twice > 10, "{twice} calls are in two logs");
        let mut answers: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut repeated = 0;
        for line in read("claude/") {
            if line["type"] != "assistant" {
                continue;
            }
            let usage = &line["message"]["usage"];
            let number = |key: &str| usage[key].as_u64().unwrap();
            let prompt =
                number("input_tokens") + number("cache_creation_input_tokens") + number("cache_read_input_tokens");
            let answer = answers.entry(line["message"]["id"].as_str().unwrap().to_owned()).or_default();
            repeated += u64::from(answer.1 > 0);
            *answer = (prompt, answer.1.max(number("output_tokens")));
        }
        assert!(repeated > 3, "{repeated} repeated transcript lines");
        counted.requests += answers.len() as u64;
        counted.prompt += answers.values().map(|answer| answer.0).sum::<u64>();
        counted.output += answers.values().map(|answer| answer.1).sum::<u64>();

        let total = &truth.total;
        let prompt =
            total.input_tokens + total.cache_read_tokens + total.cache_write_5m_tokens + total.cache_write_1h_tokens;
        let gateway_cost = counted.gateway_cost;
        assert!(gateway_cost > Money::ZERO && gateway_cost < total.cost);
        assert_eq!(counted, Counted { requests: total.requests, prompt, output: total.output_tokens, gateway_cost });
    }
}

#[test]
fn what_is_told_again_in_other_formats_adds_nothing() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs");
    let home = tempfile::tempdir().unwrap();
    let groups = |names: &[&str]| -> Value {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_costtop"));
        command.args(["report", "--by", "user,model,minute", "--format", "json"]).env("HOME", home.path());
        command.env("XDG_CONFIG_HOME", home.path());
        command.args(
            names.iter().map(|name| if name.starts_with("--") { PathBuf::from(name) } else { samples.join(name) }),
        );
        let out = command.output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let report: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(report["intake"]["torn"], 0);
        serde_json::json!([report["totals"], report["groups"]])
    };
    let told = ["gateway.jsonl.1", "gateway.jsonl", "app.ndjson", "claude"];
    let again = ["answers.jsonl", "spend-rows.jsonl", "telemetry.jsonl", "docker.log", "cri.log", "wrapped.log"];
    let all = groups(&[&told[..], &again].concat());
    assert_eq!(all, groups(&told));
    for name in again {
        assert!(groups(&[name])[0]["requests"].as_u64().unwrap() >= 4, "{name}");
    }
    // Five of the session, two of its fork; two of a chat, a message, two of a session, an answer.
    assert_eq!(groups(&["agents"])[0]["requests"], 7 + 2 + 1 + 2 + 1);
    assert_eq!(groups(&["others.jsonl"])[0]["requests"], 5);
    // A call whose profile does not say its model has no price; metrics beside events of the same session count nothing.
    let totals = &groups(&["invocations.jsonl"])[0];
    assert_eq!(["requests", "errors", "unpriced_requests"].map(|name| &totals[name]), [4, 1, 1]);
    assert_eq!(groups(&["gateways.jsonl"])[0]["requests"], 9);
    let totals = &groups(&["telemetry-events.jsonl"])[0];
    assert_eq!((&totals["requests"], &totals["cost_usd"]), (&2.into(), &"0.066031250000".into()));
    assert_eq!(groups(&["own-format"])[0]["requests"], 0, "without its mapping");
    let config = samples.join("own-format/costtop.toml").display().to_string();
    assert_eq!(groups(&["own-format", &format!("--config={config}")])[0]["requests"], 2);
}
