//! `explain`, `prices` and `config` as an operator meets them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "support/hostile.rs"]
#[allow(dead_code, reason = "shared with the tests of safety, which need more of it")]
mod hostile;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use assert_cmd::Command;
use costtop::cli::explain::{Explainer, Spot};
use costtop::config::PriceConfig;
use costtop::engine::bill::CostMode;
use costtop::engine::record::{Place, Surroundings};
use costtop::label::Label;
use costtop::money::Money;
use costtop::price::PriceBook;
use costtop::time::Zone;
use costtop::usage::{Dimension, UserField};
use hostile::{FIELDS, assert_harmless};
use tempfile::TempDir;

/// Nothing of the machine reaches the program: its home is `home`, its zone UTC.
fn costtop(home: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_costtop"));
    command.args(words).args(["--timezone", "UTC"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env_clear().env("HOME", home).timeout(Duration::from_secs(60));
    command
}

/// An empty folder.
fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn run(words: &[&str]) -> Output {
    costtop(home().path(), words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn stdout(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "{words:?}");
    text(&output.stdout)
}

/// What `explain -` says of `input`.
fn explained(input: &str, words: &[&str]) -> String {
    let home = home();
    let output = costtop(home.path(), &[&["explain", "-"], words].concat()).write_stdin(input).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// A configuration in a folder of its own, with the price file of the fixtures.
fn configured(toml: &str) -> (TempDir, String) {
    let folder = home();
    std::fs::copy("tests/fixtures/prices/map.json", folder.path().join("map.json")).unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, toml).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

const OPERATOR: &str = r#"
[prices]
files = ["map.json"]
[prices.model."in-house-llama"]
input = 0.20
output = 0.60
cache_read = 0.0255
[prices.alias]
"prod-chat" = "claude-sonnet-4-6"
[[prices.discount]]
model = "claude-*"
percent = 8
"#;

#[test]
fn every_line_of_our_own_format_explained() {
    insta::assert_snapshot!("explain_own", stdout(&["explain", "tests/fixtures/formats/own.jsonl"]));
}

#[test]
fn refused_lines_explained() {
    insta::assert_snapshot!("explain_bad_lines", stdout(&["explain", "sample-logs/bad-lines.ndjson"]));
}

#[test]
fn a_gateway_and_a_session_file_explained() {
    let lines = |path: &str, count: usize| {
        std::fs::read_to_string(path).unwrap().lines().take(count).fold(String::new(), |all, line| all + line + "\n")
    };
    let session = "sample-logs/claude/projects/-home-mara-src-shop/37652177-b381-4dcf-b154-58d735a8912b.jsonl";
    insta::assert_snapshot!("explain_gateway", explained(&lines("sample-logs/gateway.jsonl", 4), &[]));
    insta::assert_snapshot!("explain_session", explained(&lines(session, 6), &[]));
}

/// What each format says and how it is priced, from the lines that its tests read.
#[test]
fn a_line_of_each_format_explained() {
    let fixture = |name: &str| std::fs::read_to_string(format!("tests/fixtures/formats/{name}")).unwrap();
    for (name, fixture) in [
        ("answers", fixture("answers.jsonl")),
        ("litellm", fixture("litellm.jsonl").lines().take(3).fold(String::new(), |all, line| all + line + "\n")),
        (
            "litellm_spend",
            fixture("litellm_spend.jsonl").lines().take(4).fold(String::new(), |all, line| all + line + "\n"),
        ),
        ("bedrock_log", fixture("bedrock_log.jsonl")),
        ("otlp", fixture("otlp.jsonl")),
        ("mapped", fixture("mapped.jsonl")),
    ] {
        insta::assert_snapshot!(format!("explain_format_{name}"), explained(&fixture, &[]));
    }
}

/// A whole session of each coding agent: which line, which rule, and the cost step by step.
#[test]
fn a_session_of_each_agent_explained() {
    for (name, file) in [
        ("claude_code", "sample-logs/claude/projects/-home-mara-src-shop/13d08df0-dc68-4c9d-8947-b79624d1388d.jsonl"),
        (
            "codex",
            "sample-logs/agents/codex/2026/11/20/rollout-2026-11-20T09-00-00-019f6a10-3c1e-7a40-9b1d-0a6f1c2d3e4f.jsonl",
        ),
        (
            "codex_fork",
            "sample-logs/agents/codex/2026/11/20/rollout-2026-11-20T09-50-00-019f6a2b-77aa-7c01-8f00-1b2c3d4e5f60.jsonl",
        ),
        ("gemini_cli", "sample-logs/agents/gemini/chats/session-2026-11-20T10-00-7c1de0a4.jsonl"),
        ("gemini_cli_whole", "tests/fixtures/formats/agents/gemini_cli.json"),
        (
            "opencode",
            "sample-logs/agents/opencode/message/ses_62e0b3d5effe1a2B3c4D5e6F7g/msg_9d1f4c2a8001vQ3Xk7Yt5LmNpR.json",
        ),
        ("opencode_lines", "tests/fixtures/formats/agents/opencode.jsonl"),
        ("pi", "sample-logs/agents/pi/sessions/2026-11-20T10-00-00-000Z_4f0c9a52-9c0e-4d5e-8f6a-1b2c3d4e5f60.jsonl"),
        ("anthropic_stream", "tests/fixtures/formats/agents/stream.jsonl"),
    ] {
        let session = std::fs::read_to_string(file).unwrap();
        insta::assert_snapshot!(format!("explain_agent_{name}"), explained(&session, &[]));
    }
}

/// One line for each way in which a bill is more than counts at rates.
const TERMS: &str = r#"{"ts":"2026-11-20T10:00:00Z","model":"gpt-5.4","input_tokens":300000,"output_tokens":1000,"reasoning_tokens":400,"tier":"flex"}
{"ts":"2026-11-20T10:00:01Z","model":"claude-opus-4-6","provider":"anthropic","input_tokens":3,"output_tokens":1000,"inference_geo":"us","speed":"fast","web_searches":3,"cost_usd":0.06}
{"ts":"2026-11-20T10:00:02Z","model":"prod-chat","user":"ada","input_tokens":1,"cache_read_tokens":1}
{"ts":"2026-11-20T10:00:03Z","model":"in-house-llama","input_tokens":1,"cache_read_tokens":1}
{"ts":"2026-11-20T10:00:04Z","model":"deepseek/deepseek-v4-pro","input_tokens":100,"output_tokens":5}
{"ts":"2026-11-21T10:00:04Z","model":"deepseek/deepseek-v4-pro","input_tokens":100,"output_tokens":5}
{"model":"deepseek/deepseek-v4-pro","input_tokens":100,"output_tokens":5}
{"model":"eu.anthropic.claude-haiku-4-5-20251001-v1:0","provider":"aws.bedrock","tier":"batch","input_tokens":100}
{"model":"gpt-5.4","tier":"lunar","input_tokens":100}
{"model":"gpt-5.4","input_tokens":1,"web_searches":1}
{"model":"nobody-knows","input_tokens":7,"output_tokens":5,"reasoning_tokens":2}
{"model":"nobody-knows","input_tokens":7,"cost_usd":0}
{"model":"nobody-knows","status":503,"input_tokens":0}
{"model":"gpt-5.4","input_tokens":9,"cache_hit":true,"response_id":"chatcmpl-0123456789abcdef"}
{"model":"gpt-5.4","input_tokens":9,"cost_usd":"0.125","cost_source":"computed"}
{"model":"gpt-5.4","input_tokens":9,"cost_usd":null,"cost_source":"unpriced"}
{"type":"charge","kind":"gpu","cost_usd":3}
[{"model":"gpt-5.4","input_tokens":3},{"model":"gpt-5.4","input_tokens":-3},{"msg":"x"}]

{"torn"#;

#[test]
fn every_way_a_bill_is_made_explained() {
    let (_folder, config) = configured(&OPERATOR.replace(r#"files = ["map.json"]"#, ""));
    insta::assert_snapshot!("explain_terms", explained(TERMS, &["--config", &config]));
}

/// Line numbers stay those of an editor behind a line too long to be read, a hole and a gap; a folder's files keep their names.
#[test]
fn a_line_is_found_where_it_is_said_to_stand() {
    let folder = home();
    let file = folder.path().join("a.jsonl");
    let good = "{\"model\":\"gpt-5.4\",\"input_tokens\":1}\n";
    let long = format!("{{\"x\":\"{}\"}}\n", "y".repeat(17 << 20));
    std::fs::write(&file, [good, &long, "\n", good, "{\"torn", "\0\0\0\0\0\0", good].concat()).unwrap();
    std::fs::write(folder.path().join("b.jsonl"), good).unwrap();
    let name = folder.path().to_str().unwrap();
    for (source, count) in [(name.to_owned(), 4), (format!("{name}/*.jsonl"), 4), (format!("{name}/a.jsonl"), 3)] {
        let shown = stdout(&["explain", &source]).replace(name, "FOLDER");
        let places: Vec<&str> = shown
            .lines()
            .filter(|line| line.starts_with("FOLDER"))
            .map(|line| line.split_once(": ").unwrap_or((line, "")).0)
            .collect();
        let of_a: Vec<&str> = places.iter().copied().filter(|place| place.contains("/a.jsonl")).collect();
        assert_eq!(
            of_a,
            [
                "FOLDER/a.jsonl:1  charge of $0.0000025, computed from the table",
                "FOLDER/a.jsonl:2  rejected (too_long)",
                "FOLDER/a.jsonl:3  blank",
                "FOLDER/a.jsonl:4  charge of $0.0000025, computed from the table",
                "FOLDER/a.jsonl:5  torn",
                "FOLDER/a.jsonl:5  charge of $0.0000025, computed from the table",
            ]
        );
        assert_eq!(places.iter().filter(|place| place.contains("charge")).count(), count, "{source}");
    }
    let home = home();
    let piped = costtop(home.path(), &["explain", "-"]).write_stdin([good, &long, good].concat()).output().unwrap();
    let shown = text(&piped.stdout);
    assert!(shown.contains("-:2  rejected (too_long)") && shown.contains("-:3  charge"), "{shown}");
}

#[test]
fn which_cost_counts_is_said_by_the_flag() {
    let line = r#"{"model":"gpt-5.4","input_tokens":1000,"cost_usd":"0.01"}"#;
    assert!(explained(line, &[]).starts_with("-:1  charge of $0.01, reported by the log\n"));
    assert!(explained(line, &["--cost", "computed"]).starts_with("-:1  charge of $0.0025, computed from the table\n"));
    let silent = r#"{"model":"gpt-5.4","input_tokens":1000}"#;
    assert!(explained(silent, &["--cost", "reported"]).starts_with("-:1  charge, unpriced: the log reports no cost"));
}

#[test]
fn a_source_in_the_configuration_gives_its_labels() {
    let (_folder, config) = configured("[[source]]\npath = \"-\"\nlabels = { team = \"search\", user = \"batch\" }\n");
    let text = explained(r#"{"model":"gpt-5.4","input_tokens":1,"team":"own"}"#, &["--config", &config]);
    assert!(text.contains("  who      user batch (label of the source) · team own\n"), "{text}");
}

#[test]
fn a_session_file_belongs_to_its_owner() {
    let book = Arc::new(PriceBook::new(&PriceConfig::default()).unwrap());
    let line = br#"{"type":"assistant","sessionId":"s","timestamp":"2026-11-20T10:00:00Z","message":{"id":"msg_0123456789abcdef","model":"claude-sonnet-4-6","usage":{"input_tokens":1,"output_tokens":1}}}"#;
    let owner = Label::new("mara");
    let explain = |around: &Surroundings| {
        let name = Arc::from("s.jsonl");
        let spot = Spot { name, line: 9, place: Place::default(), is_whole: true, around, owner: Some(&owner) };
        let mut out = Vec::new();
        Explainer::new(&book, Zone::UTC, CostMode::Auto).explain(line, &spot, &mut out).unwrap();
        text(&out)
    };
    let mut around = Surroundings { user_order: UserField::DEFAULT.to_vec(), ..Surroundings::default() };
    let shown = explain(&around);
    assert!(shown.starts_with("s.jsonl:9  charge of $0.000018, computed from the table\n"), "{shown}");
    assert!(shown.contains("  who      user mara (owner of the file)\n"), "{shown}");
    around.defaults.push((Dimension::User, Label::new("batch")));
    assert!(explain(&around).contains("  who      user batch (label of the source)\n"));
}

/// Each sample's terms, as printed, come to the amount that is printed below them.
#[test]
fn the_printed_terms_sum_up_to_the_printed_amount() {
    let mut bills = 0;
    for source in ["sample-logs/app.ndjson", "sample-logs/gateway.jsonl", "sample-logs/claude"] {
        let mut sum = Money::ZERO;
        for line in stdout(&["explain", source]).lines() {
            let Some((what, amount)) = line.rsplit_once(" = $") else { continue };
            let amount = Money::parse(amount.as_bytes()).unwrap();
            if what.trim().starts_with("computed") {
                assert_eq!(sum, amount, "{source}: {line}");
                (sum, bills) = (Money::ZERO, bills + 1);
            } else {
                sum += amount;
            }
        }
    }
    assert!(bills > 150, "{bills}");
}

/// What `explain` says a line costs is what `events` bills for it.
#[test]
fn explained_amounts_are_billed_amounts() {
    for source in ["sample-logs/gateway.jsonl", "sample-logs/gateway.jsonl.1"] {
        let mut explained: Vec<Option<Money>> = stdout(&["explain", source])
            .lines()
            .filter_map(|line| line.strip_prefix(source)?.split_once("  charge").map(|(_, what)| what.to_owned()))
            .map(|what| {
                let amount = what.strip_prefix(" of $")?.split_once(", ")?.0.to_owned();
                Some(Money::parse(amount.as_bytes()).unwrap())
            })
            .collect();
        let mut billed: Vec<Option<Money>> = stdout(&["events", source])
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["cost_usd"].clone())
            .map(|cost| cost.as_str().map(|cost| Money::parse(cost.as_bytes()).unwrap()))
            .collect();
        explained.sort();
        billed.sort();
        assert!(billed.len() >= 50);
        assert_eq!(explained, billed, "{source}");
    }
}

/// Control characters, raw and escaped, bidirectional marks, broken UTF-8, in every field a line can have.
#[test]
fn a_hostile_line_moves_no_cursor() {
    let evil = r"\u001b[2J\u009b31m\u202ex\n\r\u0007\u200f\ud800";
    let mut input = Vec::new();
    let alone = FIELDS.into_iter().chain(["ts", "type", "kind", "cost_source"]).map(|field| vec![field]);
    for chosen in alone.chain([FIELDS.to_vec()]) {
        let mut line = r#"{"input_tokens":5,"model":"gpt-5.4""#.to_owned();
        for key in chosen {
            line.extend([",\"", key, "\":\"", evil, "\""]);
        }
        input.extend(line.bytes().chain(*b"}\n"));
        input.extend(line.replace(r"\u001b", "\u{9b}").bytes().chain(*b"}\n"));
    }
    input.extend(b"\x1b]0;title\x07 not json\n{\"model\":\"\x1b[31m\xff\xfe\",\"input_tokens\":1}\n");
    let home = home();
    let output = costtop(home.path(), &["explain", "-"]).write_stdin(input).output().unwrap();
    assert!(output.status.success());
    let shown = text(&output.stdout);
    assert_harmless("explain", &shown);
    assert!(shown.contains("charge"), "{shown}");
    assert!(
        shown.lines().all(|line| line.is_empty()
            || line.starts_with("-:")
            || line.starts_with("  ")
            || line.contains(" lines: ")),
        "a name broke a row"
    );

    let words = ["prices", "evil\x1b[2J\u{202e}model"];
    let output = costtop(home.path(), &words).output().unwrap();
    assert_harmless("prices", &text(&output.stdout));
}

#[test]
fn a_line_of_a_pipe_is_explained_when_it_comes() {
    let home = home();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_costtop"));
    command.args(["explain", "-", "--timezone", "UTC"]).env_clear().env("HOME", home.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (said, heard) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = said.send(line);
        }
    });
    input.write_all(b"{\"model\":\"gpt-5.4\",\"input_tokens\":1000}\n").unwrap();
    // The pipe is still open: nothing ends here.
    let first = heard.recv_timeout(Duration::from_secs(30));
    drop(input);
    assert_eq!(first.unwrap(), "-:1  charge of $0.0025, computed from the table");
    assert!(child.wait().unwrap().success());
    reader.join().unwrap();
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    for words in
        [&["explain", "sample-logs/gateway.jsonl"][..], &["prices"], &["prices", "gpt-5.4"], &["config", "print"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_costtop"));
        command.args(words).current_dir(env!("CARGO_MANIFEST_DIR")).env_clear();
        let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn a_source_that_is_not_there_is_an_error() {
    let output = run(&["explain", "no-such-file.jsonl"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("'no-such-file.jsonl'"), "{}", text(&output.stderr));
    let output = run(&["explain"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("nothing to read"));
}

#[test]
fn prices_of_named_models() {
    let models =
        ["claude-sonnet-4-6", "gpt-5.4", "deepseek/deepseek-v4-pro", "us.anthropic.claude-opus-4-6-v1", "gpt-realtime"];
    insta::assert_snapshot!("prices_named", stdout(&[&["prices"], &models[..]].concat()));
}

#[test]
fn prices_of_the_operator() {
    let (folder, config) = configured(OPERATOR);
    let words = ["prices", "--config", &config, "in-house-llama", "prod-chat", "claude-sonnet-4-6"];
    let shown = stdout(&words).replace(folder.path().to_str().unwrap(), "FOLDER");
    insta::assert_snapshot!("prices_operator", shown);
    let all = stdout(&["prices", "--config", &config]);
    let line = |model: &str| all.lines().find(|line| line.split_whitespace().nth(5) == Some(model)).unwrap().to_owned();
    assert_eq!(
        line("in-house-llama").split_whitespace().collect::<Vec<_>>(),
        ["0.20", "0.60", "0.0255", "-", "-", "in-house-llama", "configuration"]
    );
    assert!(line("prod-chat").ends_with("alias of claude-sonnet-4-6"));
    assert!(all.contains("price file "));
}

#[test]
fn an_unknown_model_is_unpriced_and_the_exit_code_says_so() {
    let output = run(&["prices", "gpt-5.4-minni", "gpt-5.4-nano", "zzzzzzzzzzzz"]);
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(1), ""));
    insta::assert_snapshot!("prices_unknown", text(&output.stdout));
}

#[test]
fn every_model_stands_on_a_line_of_its_own() {
    let all = stdout(&["prices"]);
    let lines: Vec<&str> = all.lines().collect();
    assert!(lines.len() > 3000);
    assert!(lines[1].split_whitespace().eq("input output cache read write 5m write 1h model table".split(' ')));
    assert_eq!(
        lines.last().unwrap().split_whitespace().next().unwrap().replace(',', ""),
        (lines.len() - 3).to_string()
    );
    let sonnet: Vec<&str> =
        lines.iter().find(|line| line.contains(" claude-sonnet-4-6 ")).unwrap().split_whitespace().collect();
    assert_eq!(sonnet, ["3.00", "15.00", "0.30", "3.75", "6.00", "claude-sonnet-4-6", "embedded"]);
}

#[test]
fn the_configuration_is_made_found_checked_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let home = home();
    let file = home.path().join(".config/costtop/config.toml");
    let name = file.to_str().unwrap();
    let go = |words: &[&str]| {
        let output = costtop(home.path(), words).output().unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, error) = go(&["config", "path"]);
    assert_eq!((code, out), (0, format!("{name}\n")));
    assert_eq!(error, "costtop: no file there yet: 'costtop config init' writes one\n");
    assert_eq!(go(&["config", "check"]).1, format!("ok: no file at {name}: no sources, prices, budgets or hooks\n"));

    assert_eq!(go(&["config", "init"]).0, 0);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), costtop::config::TEMPLATE);
    assert_eq!(go(&["config", "path"]), (0, format!("{name}\n"), String::new()));
    assert_eq!(go(&["config", "check"]).1, format!("ok: {name}: no sources, prices, budgets or hooks\n"));

    std::fs::write(&file, "theme = \"midnight\"\n").unwrap();
    let (code, out, error) = go(&["config", "init"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(error, format!("costtop: '{name}' is there already: edit it, or move it away first\n"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "theme = \"midnight\"\n");
}

#[test]
fn another_file_is_made_where_it_is_named() {
    let home = home();
    let file = home.path().join("new/deep/mine.toml");
    let made = costtop(home.path(), &["config", "init"]).env("COSTTOP_CONFIG", &file).output().unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let (flag, variable) = (home.path().join("flag.toml"), file.to_str().unwrap());
    let mut command = costtop(home.path(), &["config", "path", "--config", flag.to_str().unwrap()]);
    let path = command.env("COSTTOP_CONFIG", variable).output().unwrap();
    assert_eq!(text(&path.stdout), format!("{}\n", flag.display()), "the flag wins");
    assert!(file.exists() && !flag.exists());
}

#[test]
fn what_holds_is_printed_with_its_origins() {
    let (folder, config) = configured(OPERATOR);
    let shown = stdout(&["config", "print", "--config", &config]).replace(folder.path().to_str().unwrap(), "FOLDER");
    insta::assert_snapshot!("config_print", shown);
}

#[test]
fn check_finds_what_a_command_would_refuse() {
    let (folder, config) = configured(OPERATOR);
    let ok = stdout(&["config", "check", "--config", &config]);
    assert_eq!(ok, format!("ok: {config}: 1 price file, 1 price, 1 alias, 1 discount\n"));
    let cases = [
        "theme = \"moonlight\"\n",
        "\n[[source]]\npath = \"kafka://broker/topic\"\n",
        "[prices]\nfiles = [\"missing.json\"]\n",
        "[prices]\nfiles = [\"config.toml\"]\n",
        "[prices.model.\"x\"]\ninput = 1\n",
        "budgets = 3\n",
    ];
    let mut all = String::new();
    for toml in cases {
        std::fs::write(&config, toml).unwrap();
        let output = run(&["config", "check", "--config", &config]);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(78), ""), "{toml}");
        all += &text(&output.stderr).replace(folder.path().to_str().unwrap(), "FOLDER");
    }
    insta::assert_snapshot!("config_check", all);
}

#[test]
fn what_a_mapping_did_explained_field_by_field() {
    let (folder, config) = configured(
        "[[mapping]]\nname = \"our-gateway\"\nhas = \"usage.prompt\"\nwhen = { event = \"completion\" }\nunless = { state = \"pending\" }\n\
         time = \"at\"\nmodel = [\"served\", \"model\"]\ninput = \"usage.prompt\"\noutput = \"usage.answer\"\ncache_read = \"usage.cached\"\n\
         input_includes_cache = true\ncost = \"price\"\ncost_unit = \"cents\"\nuser = 'auth.\"user.name\"'\nteam = \"auth.team\"\n",
    );
    let log = folder.path().join("gateway.log");
    let lines = [
        r#"{"event":"completion","at":"2026-11-21T10:00:00Z","model":"gpt-5.4","usage":{"prompt":1000,"answer":200,"cached":600},"price":0.425,"auth":{"user.name":"ada\u001b[31m"}}"#,
        r#"{"event":"completion","state":"pending","usage":{"prompt":1000}}"#,
        r#"{"event":"login","usage":{"prompt":1}}"#,
        r#"{"event":"completion"}"#,
        r#"{"ai_model":"gpt-4o","req_units":100,"res_units":20,"cost":4.5,"created_at":"2026-11-21T10:00:00Z"}"#,
    ];
    std::fs::write(&log, lines.join("\n") + "\n").unwrap();
    let said = stdout(&["explain", &log.display().to_string(), "--config", &config]);
    let said = said.replace(&folder.path().display().to_string(), "FOLDER");
    assert!(!said.contains('\u{1b}'));
    insta::assert_snapshot!("explain_mapping", said);
}
