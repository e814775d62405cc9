//! One-shot commands over real lines: what a gateway reported is what it costs, whoever else speaks of the same requests.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use assert_cmd::Command;
use costtop::money::Cost;
use serde_json::{Value, json};

const LITELLM: &str = "tests/fixtures/formats/litellm.jsonl";
const UNMAPPED: &str = "llama-inhouse-70b";

/// What it prints, and what it says beside.
fn both(folder: &Path, arguments: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_costtop"));
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
        command.env(name, folder);
    }
    let output = command.args(["--timezone", "UTC"]).args(arguments).output().expect("costtop runs");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{arguments:?}: {said}");
    (String::from_utf8(output.stdout).expect("UTF-8"), said)
}

fn costtop(folder: &Path, arguments: &[&str]) -> String {
    both(folder, arguments).0
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn report(folder: &Path, sources: &[&str], by: &str) -> Value {
    let arguments: Vec<&str> = ["report", "--format", "json", "--by", by].iter().chain(sources).copied().collect();
    let mut report: Value = serde_json::from_str(&costtop(folder, &arguments)).expect("JSON");
    let report = report.as_object_mut().expect("an object");
    report.remove("intake");
    report.remove("generated_at");
    Value::Object(report.clone())
}

/// Decimal dollars of a JSON number or string.
fn dollars(value: &Value) -> Cost {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Cost::parse(text.as_bytes()).expect("an amount")
}

#[test]
fn every_litellm_line_costs_what_it_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let logged = lines(&fs::read_to_string(LITELLM).expect("the fixture"));
    let charges = lines(&costtop(folder.path(), &["events", LITELLM]));
    assert_eq!((logged.len(), charges.len()), (60, 60));
    let by_call: BTreeMap<&str, &Value> =
        charges.iter().map(|charge| (charge["call_id"].as_str().expect("a call id"), charge)).collect();
    let (mut hits, mut unpriced) = (0, 0);
    for line in &logged {
        let charge = by_call[line["litellm_call_id"].as_str().expect("a call id")];
        let unmapped = line["model"].as_str().is_some_and(|model| model.ends_with(UNMAPPED));
        if unmapped && line["cache_hit"] != json!(true) && line["status"] == "success" {
            assert_eq!((&charge["cost_usd"], &charge["cost_source"]), (&Value::Null, &json!("unpriced")), "{charge}");
            unpriced += 1;
            continue;
        }
        assert_eq!(dollars(&charge["cost_usd"]), dollars(&line["response_cost"]), "{charge}");
        if line["cache_hit"] == json!(true) {
            assert_eq!(dollars(&charge["cost_usd"]), Cost::ZERO);
            assert_eq!(charge["cache_hit"], json!(true));
            hits += 1;
        }
    }
    assert!(hits > 0 && unpriced > 0, "{hits} hits, {unpriced} unpriced");
}

/// What the same calls look like in an application's own log: other ids beside the response's, other names, no cost.
fn retold(charges: &[Value]) -> String {
    let mut out = String::new();
    for (number, charge) in charges.iter().enumerate() {
        let Some(response) = charge["response_id"].as_str() else { continue };
        if charge["cache_hit"] == json!(true) {
            continue;
        }
        let mut own = json!({
            "request_id": format!("app-{number}"), "response_id": response, "user": "the-application", "session_id": "from-the-application",
        });
        for field in [
            "ts",
            "model",
            "provider",
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_write_5m_tokens",
            "cache_write_1h_tokens",
            "reasoning_tokens",
        ] {
            own[field] = charge[field].clone();
        }
        out.push_str(&own.to_string());
        out.push('\n');
    }
    out
}

#[test]
fn the_same_calls_in_an_applications_log_count_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let charges = lines(&costtop(folder.path(), &["events", LITELLM]));
    let own = folder.path().join("app.ndjson");
    fs::write(&own, retold(&charges)).expect("written");
    let own = own.to_str().expect("UTF-8");
    let alone = report(folder.path(), &[LITELLM], "user,model");
    for sources in [[LITELLM, own], [own, LITELLM]] {
        let both = report(folder.path(), &sources, "user,model");
        assert_eq!(both["groups"].as_array().map(Vec::len), alone["groups"].as_array().map(Vec::len), "{sources:?}");
        for field in ["requests", "errors", "cost_usd", "input_tokens", "output_tokens", "unpriced_requests"] {
            assert_eq!(both["totals"][field], alone["totals"][field], "{field} of {sources:?}");
        }
        assert!(!both.to_string().contains("the-application"), "the gateway knows the user");
    }
}

#[test]
fn the_gateway_names_the_user_and_the_transcript_the_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let charges = lines(&costtop(folder.path(), &["events", LITELLM]));
    let charge = charges
        .iter()
        .find(|charge| {
            charge["response_id"].as_str().is_some_and(|id| id.len() > 20) && charge["cost_source"] == "reported"
        })
        .expect("a priced charge with a response id");
    let transcript = folder.path().join("transcript.jsonl");
    let growing = [3, charge["output_tokens"].as_i64().expect("a count") + 50];
    let mut text = String::new();
    for (block, output) in growing.iter().enumerate() {
        let line = json!({
            "type": "assistant", "timestamp": "2026-11-23T00:00:00Z", "sessionId": "the-transcript", "requestId": "req_0123456789abcdef",
            "message": { "id": charge["response_id"], "model": "claude-opus-4-6", "stop_reason": (block == 1).then_some("end_turn"),
                         "usage": { "input_tokens": 7, "output_tokens": output } },
        });
        text.push_str(&line.to_string());
        text.push('\n');
    }
    fs::write(&transcript, text).expect("written");
    let transcript = transcript.to_str().expect("UTF-8");
    for sources in [[LITELLM, transcript], [transcript, LITELLM]] {
        let merged = lines(&costtop(folder.path(), &["events", sources[0], sources[1]]));
        assert_eq!(merged.len(), 60, "one request, told twice");
        let merged = merged.iter().find(|other| other["call_id"] == charge["call_id"]).expect("the same call");
        assert_eq!(merged["user"], charge["user"]);
        assert_eq!(merged["session_id"], "the-transcript");
        assert_eq!(merged["cost_usd"], charge["cost_usd"], "the gateway's money");
        assert_eq!(merged["output_tokens"], json!(growing[1]), "the transcript's tokens, its last word");
    }
}

#[test]
fn what_events_prints_reads_back_as_the_same_charges() {
    let folder = tempfile::tempdir().expect("a folder");
    let printed = costtop(folder.path(), &["events", "sample-logs", LITELLM]);
    let again = folder.path().join("again.ndjson");
    fs::write(&again, &printed).expect("written");
    let again = again.to_str().expect("UTF-8");
    assert_eq!(costtop(folder.path(), &["events", again]), printed);
    for by in ["user,model,session,day", "team,project,feature,agent", "provider,key,host,tier,hour"] {
        let (first, second) =
            (report(folder.path(), &["sample-logs", LITELLM], by), report(folder.path(), &[again], by));
        assert_eq!(first, second, "by {by}");
    }
}

#[test]
fn a_pipe_is_priced_at_once_and_corrections_read_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let grow = |output: u32| {
        json!({"ts":"2026-11-21T10:00:00Z","request_id":"req_1","model":"claude-opus-4-6","input_tokens":5,"output_tokens":output}).to_string()
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_costtop"));
    let output = command
        .env("HOME", folder.path())
        .args(["--timezone", "UTC", "events", "-"])
        .write_stdin(format!("{}\n{}\n{}", grow(1), grow(300), grow(7)))
        .output()
        .expect("costtop runs");
    let printed = lines(&String::from_utf8(output.stdout).expect("UTF-8"));
    let last = printed.last().expect("a charge");
    assert_eq!(last["output_tokens"], json!(300));
    let again = folder.path().join("again.ndjson");
    let text: Vec<String> = printed.iter().map(Value::to_string).collect();
    fs::write(&again, text.join("\n")).expect("written");
    let again = report(folder.path(), &[again.to_str().expect("UTF-8")], "model");
    assert_eq!((&again["totals"]["requests"], &again["totals"]["output_tokens"]), (&json!(1), &json!(300)));
}

/// What a log corrects moves budgets and nothing else: by its id once wherever it stands, else by its place.
#[test]
fn adjustments_of_logs_correct_budgets_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let now = costtop::time::Timestamp::now().to_string();
    let charge = json!({"ts": now, "request_id": "r-1", "model": "gpt-5", "user": "ada", "cost_usd": "12.50"});
    let adjust = |id: Option<&str>, dollars: Value| {
        json!({"type": "adjustment", "id": id, "ts": now, "user_id": "ada", "cost_usd": dollars, "reason": "refund"})
            .to_string()
    };
    let wrapped = json!({"log": adjust(None, json!("-2")) + "\n", "stream": "stdout", "time": now}).to_string();
    let first = [charge.to_string(), adjust(Some("a-1"), json!("-1.25")), wrapped].join("\n") + "\n";
    // The same id once more; two without ids are two; of these three one cannot be read.
    let second = [
        adjust(Some("a-1"), json!("-1.25")),
        adjust(None, json!(-0.5)),
        adjust(None, json!(-0.5)),
        format!("[{},{}]", adjust(Some("a-2"), json!("0.75")), adjust(None, json!("ten"))),
        json!({"type": "adjustment", "ts": now, "budget": "each user", "cost_usd": "7"}).to_string(),
    ]
    .join("\n")
        + "\n";
    let config = concat!(
        "[[budget]]\nname = \"everything\"\nlimit = 10.00\nper = \"month\"\n",
        "[[budget]]\nname = \"each user\"\neach = \"user\"\nlimit = 10.00\nper = \"month\"\n",
        "[[budget]]\nname = \"others\"\nlimit = 10.00\nper = \"month\"\nmatch = { user = \"bob\" }\n",
    );
    for (name, text) in [("one.ndjson", &first), ("two.ndjson", &second), ("costtop.toml", &config.to_owned())] {
        fs::write(place(name), text).expect("written");
    }
    let (one, two, config) = (place("one.ndjson"), place("two.ndjson"), place("costtop.toml"));
    let report = |sources: &[&str]| -> Value {
        let words = [&["report", "--format", "json", "--config", &config], sources].concat();
        serde_json::from_str(&costtop(folder.path(), &words)).expect("JSON")
    };
    let spent = |report: &Value, name: &str| {
        let budgets = report["budgets"].as_array().expect("budgets").iter();
        let mut of = budgets.filter(|budget| budget["name"] == name);
        of.next().map_or(Value::Null, |budget| budget["spent_usd"].clone())
    };
    let events = place("events.ndjson");
    fs::write(&events, costtop(folder.path(), &["events", "--config", &config, &one, &two])).expect("written");
    for sources in [[&*one, &*two], [&*two, &*one], [&*events, &*events]] {
        let report = report(&sources);
        let totals = &report["totals"];
        assert_eq!(totals["cost_usd"], "12.500000000000", "what was spent stays what was spent");
        // -1.25 -2 -0.50 -0.50 +0.75, and 7 for nobody.
        assert_eq!(totals["adjustments_usd"], "3.500000000000", "{sources:?}");
        assert_eq!(spent(&report, "everything"), "9.000000000000");
        assert_eq!(spent(&report, "each user"), "9.000000000000");
        assert_eq!(spent(&report, "others"), "0.000000000000");
    }
    let report = report(&[&one, &two]);
    let intake = &report["intake"];
    assert_eq!((&intake["not_usage"], &intake["rejected_by"]["number"]), (&json!(7), &json!(1)));
    assert_eq!((&intake["records"], &intake["charges"]), (&json!(9), &json!(1)));
    let explained = costtop(folder.path(), &["explain", &two]);
    for part in [
        "two.ndjson:1  not usage (own): adjusted by",
        ": -$1.25 user ada (refund)",
        "id a-1: counts once",
        "two.ndjson:2  not usage (own)",
        "no id: this line is a correction of its own",
        "rejected (number): an adjustment that cannot be read: 'cost_usd' is 'ten'",
        "$7.00 of 'each user'",
    ] {
        assert!(explained.contains(part), "'{part}' is not in\n{explained}");
    }
    // What fires follows the corrections, in order of time.
    let fired = costtop(folder.path(), &["alarms", "--config", &config, &one, &two]);
    assert!(fired.contains("everything"), "{fired}");
    // What moves no budget is said where budgets are told.
    for command in ["report", "alarms"] {
        let told = "1 adjustments move no budget: budget 'each user' is kept for each user: say which user";
        let (_, said) = both(folder.path(), &[command, "--config", &config, &one, &two]);
        assert!(said.contains(told), "{said}");
        fs::write(place("none.toml"), "").expect("written");
        let (_, said) = both(folder.path(), &[command, "--config", &place("none.toml"), &one, &two]);
        assert!(said.contains("no budget 'each user': add a [[budget]] to the configuration"), "{said}");
    }
}
