//! The operator's own labels from end to end: found in every format, grouped, budgeted, printed, read back, and kept in their slots by a state.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use assert_cmd::Command;
use costtop::config::{Config, Loaded, Overrides};
use costtop::engine::bill::CostMode;
use costtop::engine::report::{GroupBy, Report, ReportQuery};
use costtop::price::PriceBook;
use costtop::run::Setup;
use costtop::run::Sources;
use costtop::run::live::{self, Wires};
use costtop::run::{keep_label_slots, once};
use costtop::time::{Timestamp, Zone};
use costtop::ui::action::Effect;
use crossbeam_channel::{bounded, unbounded};
use serde_json::{Value, json};

const LABELS: &str = "\
[labels]
cost_center = [\"metadata.cost_center\", \"cost_center\"]
variant = \"variant\"
";

fn run(folder: &Path, arguments: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_costtop"));
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
        command.env(name, folder);
    }
    let output =
        command.current_dir(folder).args(["--timezone", "UTC"]).args(arguments).output().expect("costtop runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn costtop(folder: &Path, arguments: &[&str]) -> String {
    let (success, out, errors) = run(folder, arguments);
    assert!(success, "{arguments:?}: {errors}");
    out
}

/// A folder with a configuration and a log.
fn folder(config: &str, log: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("costtop")).expect("a folder");
    fs::write(folder.path().join("costtop/config.toml"), config).expect("room on the disk");
    fs::write(folder.path().join("log.jsonl"), log).expect("room on the disk");
    folder
}

const LOG: &str = concat!(
    r#"{"ts":"2026-11-20T10:00:00Z","request_id":"r1","user":"anna","model":"m","cost_usd":1,"metadata":{"cost_center":4711},"variant":"a"}"#,
    "\n",
    r#"{"ts":"2026-11-20T10:01:00Z","request_id":"r2","user":"ben","model":"m","cost_usd":2,"cost_center":"47 \"x\"","variant":["b","c"]}"#,
    "\n",
    r#"{"ts":"2026-11-20T10:02:00Z","request_id":"r3","user":"ben","model":"m","cost_usd":4}"#,
    "\n",
    // The same request again, later: what it adds is its charge's, what it contradicts is not.
    r#"{"ts":"2026-11-20T10:03:00Z","request_id":"r1","user":"anna","model":"m","cost_usd":1,"variant":"z","cost_center":"9"}"#,
    "\n",
    r#"[{"ts":"2026-11-20T10:04:00Z","request_id":"r4","model":"m","cost_usd":8,"variant":true},{"ts":"2026-11-20T10:05:00Z","request_id":"r5","model":"m","cost_usd":16,"variant":"a"}]"#,
    "\n",
    r#"{"id":"chatcmpl-0123456789abc","call_type":"acompletion","model":"m","response_cost":32,"endTime":1795000000,"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"metadata":{"cost_center":"gateway"}}"#,
    "\n",
    r#"{"type":"assistant","timestamp":"2026-11-20T10:06:00Z","requestId":"req_0123456789abc","variant":"agent","message":{"id":"msg_0123456789abc","model":"claude-haiku-4-5","stop_reason":"end_turn","usage":{"input_tokens":1000000,"output_tokens":0}}}"#,
    "\n",
);

fn groups(report: &str) -> Vec<(Value, String)> {
    let report: Value = serde_json::from_str(report).expect("JSON");
    let groups = report["groups"].as_array().expect("a list");
    groups.iter().map(|group| (group["key"].clone(), group["cost_usd"].as_str().expect("text").to_owned())).collect()
}

#[test]
fn labels_group_what_every_format_says() {
    let folder = folder(LABELS, LOG);
    let report = groups(&costtop(folder.path(), &["report", "--format", "json", "--by", "cost_center", "log.jsonl"]));
    let dollars = |usd: u32| format!("{usd}.000000000000");
    assert_eq!(
        report,
        [
            (json!({"cost_center": "gateway"}), dollars(32)),
            (json!({"cost_center": null}), dollars(4 + 8 + 16 + 1)),
            (json!({"cost_center": "47 \"x\""}), dollars(2)),
            (json!({"cost_center": "4711"}), dollars(1)),
        ]
    );
    let report = groups(&costtop(folder.path(), &["report", "--format", "json", "--by", "variant", "log.jsonl"]));
    let of = |variant: Value| report.iter().find(|(key, _)| key["variant"] == variant).map(|(_, cost)| cost.clone());
    assert_eq!(of(json!("a")), Some(dollars(17)));
    assert_eq!(of(json!("b")), Some(dollars(2)));
    assert_eq!(of(json!("true")), Some(dollars(8)));
    assert_eq!(of(json!("agent")), Some(dollars(1)));
    assert_eq!(of(json!("z")), None, "the earlier word counts");
}

#[test]
fn labels_are_in_every_output() {
    let folder = folder(LABELS, LOG);
    let of =
        |format: &str| costtop(folder.path(), &["report", "--by", "cost_center,user", "--format", format, "log.jsonl"]);
    assert!(of("table").contains("COST_CENTER"), "{}", of("table"));
    assert!(of("csv").starts_with("cost_center,user,"), "{}", of("csv"));
    assert!(of("markdown").to_lowercase().contains("cost_center"), "{}", of("markdown"));
    assert!(of("ndjson").contains(r#""key":{"cost_center":"4711","user":"anna"}"#), "{}", of("ndjson"));
    assert!(of("prometheus").contains(r#"{cost_center="4711",user="anna"}"#), "{}", of("prometheus"));
    let explained = costtop(folder.path(), &["explain", "log.jsonl"]);
    assert!(explained.contains("cost_center 4711") && explained.contains("variant a"), "{explained}");
}

#[test]
fn what_events_prints_reads_back_with_its_labels() {
    let folder = folder(LABELS, LOG);
    let printed = costtop(folder.path(), &["events", "log.jsonl"]);
    let line = printed.lines().find(|line| line.contains("\"r1\"")).expect("the first charge");
    assert!(line.contains(r#""labels":{"cost_center":"4711","variant":"a"}"#), "{line}");
    assert!(
        !printed.lines().any(|line| line.contains("\"r3\"") && line.contains("labels")),
        "nothing where there is none"
    );
    fs::write(folder.path().join("printed.jsonl"), &printed).expect("room on the disk");
    assert_eq!(costtop(folder.path(), &["events", "printed.jsonl"]), printed);
    let by = |log: &str| {
        groups(&costtop(folder.path(), &["report", "--format", "json", "--by", "cost_center,variant", log]))
    };
    assert_eq!(by("printed.jsonl"), by("log.jsonl"));
}

#[test]
fn a_source_gives_labels_where_the_log_has_none() {
    let config = format!("{LABELS}\n[[source]]\npath = \"log.jsonl\"\nlabels = {{ cost_center = \"house\" }}\n");
    let folder = folder(&config, LOG);
    let report = groups(&costtop(folder.path(), &["report", "--format", "json", "--by", "cost_center"]));
    assert!(report.iter().all(|(key, _)| !key["cost_center"].is_null()), "{report:?}");
    assert_eq!(report[1].0, json!({"cost_center": "house"}));
}

#[test]
fn budgets_are_kept_by_labels() {
    let config = format!(
        "{LABELS}\n[[budget]]\nname = \"research\"\nlimit = 100\nper = \"month\"\nmatch = {{ cost_center = \"47*\" }}\n\
         [[budget]]\nname = \"each variant\"\neach = \"variant\"\nlimit = 100\nper = \"month\"\n"
    );
    let now = Timestamp::now();
    let line = |number: u32, center: &str, variant: &str| {
        format!(
            "{{\"ts\":\"{now}\",\"request_id\":\"r{number}\",\"model\":\"m\",\"cost_usd\":1,\"cost_center\":\"{center}\",\"variant\":\"{variant}\"}}\n"
        )
    };
    let log = line(0, "4711", "a") + &line(1, "47", "b") + &line(2, "12", "b");
    let folder = folder(&config, &log);
    let report: Value =
        serde_json::from_str(&costtop(folder.path(), &["report", "--format", "json", "log.jsonl"])).expect("JSON");
    let spent: Vec<(Value, Value, Value)> = report["budgets"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|budget| (budget["name"].clone(), budget["key"].clone(), budget["spent_usd"].clone()))
        .collect();
    let usd = |usd: u32| json!(format!("{usd}.000000000000"));
    assert!(spent.contains(&(json!("research"), Value::Null, usd(2))), "{spent:?}");
    assert!(spent.contains(&(json!("each variant"), json!("b"), usd(2))), "{spent:?}");
    assert!(spent.contains(&(json!("each variant"), json!("a"), usd(1))), "{spent:?}");
}

#[test]
fn a_label_that_is_not_configured_is_refused_with_the_nearest_word() {
    let folder = folder(LABELS, LOG);
    let (success, _, errors) = run(folder.path(), &["report", "--by", "varian", "log.jsonl"]);
    assert!(!success && errors.contains("did you mean 'variant'?"), "{errors}");
}

fn config(labels: &str) -> Config {
    let text = if labels.is_empty() { String::new() } else { format!("[labels]\n{labels}") };
    let flags = Overrides { timezone: Some("UTC".to_owned()), ..Overrides::default() };
    Loaded::from_layers(Some((Path::new("config.toml"), &text)), &flags, &|_| None).expect("a configuration").config
}

/// Runs the dashboard's engine over a log and its state until all lines are in it.
fn read_into(state: &Path, log: &Path, mut config: Config, lines: u64) {
    keep_label_slots(&mut config, state).expect("room for the labels");
    let source = costtop::config::SourceConfig::new(&log.display().to_string());
    let setup = Setup {
        said: Vec::new(),
        sources: Sources::new(&[source], &config).expect("a source"),
        book: costtop::run::prices(&config).expect("prices"),
        config,
        mode: CostMode::Auto,
        state: Some(state.to_owned()),
        from_end: false,
        notify: false,
        log: None,
    };
    let (snapshots_in, snapshots) = bounded(1);
    let (effects, effects_out) = unbounded();
    let (rings, _rings) = bounded(1);
    let wires = Wires { snapshots: snapshots_in, effects: effects_out, rings };
    let engine = std::thread::spawn(move || live::run(setup, &wires));
    while let Ok(snapshot) = snapshots.recv_timeout(std::time::Duration::from_secs(30)) {
        if snapshot.view.intake.lines >= lines && snapshot.progress.is_none() {
            break;
        }
    }
    effects.send(Effect::Quit).expect("it runs");
    drop(snapshots);
    engine.join().expect("no panic").expect("ends well");
}

fn report(state: &Path, mut config: Config, by: &[&str]) -> Report {
    keep_label_slots(&mut config, state).expect("room for the labels");
    let by = by.iter().map(|name| {
        config.labels.named(name).map_or_else(|| GroupBy::named(name), |own| Some(GroupBy::Dimension(own)))
    });
    let query =
        ReportQuery { by: by.map(|by| by.expect("a key")).collect(), since: None, until: None, zone: Zone::UTC };
    let book = Arc::new(PriceBook::new(&config.prices).expect("the embedded table"));
    let read = once::read_state(state, &config, &book, CostMode::Auto, Timestamp::now()).expect("a whole state");
    read.expect("a state").engine.report(&query).expect("rows in memory")
}

/// Keys and requests.
fn told(report: &Report) -> Vec<(Vec<Option<String>>, i64)> {
    let key =
        |key: &[Option<costtop::label::Label>]| key.iter().map(|part| part.as_ref().map(ToString::to_string)).collect();
    let mut told: Vec<_> = report.groups.iter().map(|group| (key(&group.key), group.sums.requests)).collect();
    told.sort();
    told
}

#[test]
fn a_state_keeps_each_label_in_its_slot_whatever_the_configuration_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, state) = (folder.path().join("log.jsonl"), folder.path().join("state"));
    let line = |number: u32| {
        let (ts, a, b) = (Timestamp::from_ms(1_795_000_000_000 + i64::from(number)), number % 2, number % 3);
        format!(
            "{{\"ts\":\"{ts}\",\"request_id\":\"r{number}\",\"model\":\"m\",\"cost_usd\":1,\"a\":\"a{a}\",\"b\":\"b{b}\"}}\n"
        )
    };
    let write = |numbers: std::ops::Range<u32>| fs::write(&log, numbers.map(line).collect::<String>()).expect("room");
    write(0..12);
    read_into(&state, &log, config("a = \"a\"\nb = \"b\"\n"), 12);
    // Other order, one more, one renamed away and back.
    write(0..24);
    read_into(&state, &log, config("b = \"b\"\nc = \"a\"\na = \"a\"\n"), 24);
    write(0..36);
    read_into(&state, &log, config("b = \"b\"\n"), 36);
    let all = config("c = \"a\"\nb = \"b\"\na = \"a\"\n");
    let named = |name: &str, count: i64| (vec![Some(name.to_owned())], count);
    assert_eq!(told(&report(&state, all.clone(), &["b"])), [named("b0", 12), named("b1", 12), named("b2", 12)]);
    assert_eq!(told(&report(&state, all.clone(), &["a"])), [(vec![None], 12), named("a0", 12), named("a1", 12)]);
    assert_eq!(told(&report(&state, all, &["c"])), [(vec![None], 24), named("a0", 6), named("a1", 6)]);
    let mut full = config("x = \"x\"\ny = \"y\"\n");
    let refusal = keep_label_slots(&mut full, &state).expect_err("one slot is left").to_string();
    assert!(
        refusal.contains("keeps the labels 'a', 'b', 'c' and has no room for 'y'") && refusal.contains("--state"),
        "{refusal}"
    );
}

#[test]
fn a_state_from_before_there_were_labels_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, state) = (folder.path().join("log.jsonl"), folder.path().join("state"));
    fs::create_dir(&state).expect("a folder");
    fs::copy("tests/fixtures/state_1/state.db", state.join("state.db")).expect("the fixture");
    let by = ["user", "team", "project", "feature", "agent", "host", "key", "model", "provider", "tier", "session"];
    let before = report(&state, config(""), &by);
    // The state's own log, and beside it what it says of a request the state knows.
    let old = fs::read_to_string("tests/fixtures/state_1/log.jsonl").expect("the fixture");
    fs::write(&log, &old).expect("room");
    let mut fresh = tempfile::tempdir().expect("a folder");
    read_into(fresh.path(), &log, config(""), 6);
    assert_eq!(told(&before), told(&report(fresh.path(), config(""), &by)), "as if it were read today");
    let more = r#"{"ts":"2026-11-20T09:00:00Z","request_id":"r1","team":"late","model":"claude-sonnet-4-6","input_tokens":100,"output_tokens":20,"variant":"b"}"#;
    fs::write(&log, format!("{more}\n")).expect("room");
    let labels = "variant = \"variant\"\n";
    read_into(&state, &log, config(labels), 7);
    fs::write(&log, format!("{old}{more}\n")).expect("room");
    fresh = tempfile::tempdir().expect("a folder");
    read_into(fresh.path(), &log, config(labels), 7);
    let by = [&by[..], &["variant"]].concat();
    let after = told(&report(&state, config(labels), &by));
    assert_eq!(after, told(&report(fresh.path(), config(labels), &by)));
    assert!(
        after.iter().any(|(key, _)| key[1] == Some("late".to_owned()) && key[11] == Some("b".to_owned())),
        "{after:?}"
    );
}
