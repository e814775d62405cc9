//! What costtop prints, for people and for programs, from one report with names that try to break out of every format.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use costtop::alarm::{BudgetState, BudgetStatus};
use costtop::engine::counters::Counters;
use costtop::engine::drift::{Cause, DriftRow, Finding};
use costtop::engine::record::Intake;
use costtop::engine::report::{GroupBy, Report, ReportGroup, ReportQuery};
use costtop::label::Label;
use costtop::money::{Cost, Money};
use costtop::output::event::{Bill, EventRecord};
use costtop::output::{Document, Format, Look};
use costtop::time::{Period, Timestamp, Zone, parse_rfc3339};
use costtop::usage::{Dimension, Rejection, Tokens};
use serde_json::Value;

fn at(text: &str) -> Timestamp {
    parse_rfc3339(text.as_bytes(), Zone::UTC).unwrap()
}

fn usd(text: &str) -> Money {
    Money::parse(text.as_bytes()).unwrap()
}

fn label(text: &str) -> Label {
    Label::new(text)
}

fn sums(requests: i64, reported: &str, computed: &str) -> Counters {
    Counters {
        requests,
        errors: requests / 10,
        input: requests * 1_234,
        cache_read: requests * 48_211,
        cache_write_5m: requests * 903,
        cache_write_1h: requests * 7,
        output: requests * 345,
        reasoning: requests * 45,
        reported: usd(reported),
        computed: usd(computed),
        saved: usd("0.5"),
        ..Counters::default()
    }
}

fn drifting(model: &str, provider: Option<&str>, reported: &str, computed: &str, cause: Option<Cause>) -> DriftRow {
    let (reported, computed) = (usd(reported), usd(computed));
    DriftRow {
        id: 7,
        provider: provider.map(label),
        model: Some(label(model)),
        compared: 12,
        reported,
        computed,
        finding: cause.map(|cause| Finding {
            requests: 11,
            drift: reported - computed,
            since: at("2026-11-20T23:00:01.123Z"),
            last: at("2026-11-21T09:00:00Z"),
            cause,
        }),
    }
}

/// Groups stand in the wrong order on purpose.
fn hostile() -> Document {
    let group = |model: Label, user: Option<Label>, sums: Counters, sessions: u64| ReportGroup {
        key: vec![Some(model), user],
        sums,
        sessions,
    };
    let unpriced = Counters {
        requests: 3,
        input: 900,
        unpriced_requests: 3,
        unpriced_tokens: 1_000,
        output: 100,
        ..Counters::default()
    };
    let groups = vec![
        group(label("in-house|llama\\"), Some(label("@SUM(A1)")), unpriced, 1),
        group(label("claude-sonnet-4-6"), Some(label("=cmd()|' /C calc'!A0")), sums(120, "1.5", "10.000000000001"), 12),
        group(label("gpt-5"), Some(label("a \"quoted\", name")), sums(10, "0", "0.25"), 2),
        group(label("gpt-5"), None, sums(10, "0", "0.25"), 2),
        group(label("<b>gpt</b>"), Some(label("line\nbreak\x1b[31m")), sums(1, "0.000000000001", "0"), 1),
        group(
            label("日本語モデル"),
            Some(label("+1")),
            Counters { gateway_hits: 2, requests: 2, ..Counters::default() },
            0,
        ),
    ];
    let mut totals = Counters::default();
    for group in &groups {
        totals.add(&group.sums, 1);
    }
    let mut rejected = [0; Rejection::ALL.len()];
    rejected[Rejection::Json as usize] = 2;
    rejected[Rejection::TooLong as usize] = 1;
    let budget = |name, key, spent, state| BudgetStatus {
        name: Label::new(name),
        scope: "user",
        key,
        per: Some(Period::Day),
        period_start: at("2026-11-20T23:00:00Z"),
        period_end: Some(at("2026-11-21T23:00:00Z")),
        spent: usd(spent),
        limit: usd("10"),
        state,
        is_lower_bound: false,
    };
    Document {
        report: Report {
            totals,
            sessions: 17,
            adjusted: usd("-10"),
            groups,
            intake: Intake {
                files: 3,
                bytes: 1_234_567,
                lines: 12_345,
                torn: 1,
                gaps: 1,
                dropped: 3,
                records: 170,
                charges: 146,
                updates: 4,
                duplicates: 9,
                merged: 1,
                not_usage: 5,
                rejected,
                late: 2,
                late_cost: Money::from_pico(1_250_000_000_000),
                undated: 1,
                no_id: 6,
                id_reused: 0,
                clock_skew: 1,
            },
            unpriced_models: vec![(Label::new("in-house|llama\\"), 1_000)],
            drift: vec![
                drifting("gpt-5", Some("openai"), "8.1", "9", Some(Cause::Discount(100_000))),
                drifting("<b>gpt</b>", None, "0.5", "1", Some(Cause::BatchRate)),
                drifting("claude-sonnet-4-6", Some("anthropic"), "1.5", "1.5", None),
            ],
            first_event: Some(at("2026-11-20T23:00:01.123Z")),
            last_event: Some(at("2026-11-21T10:00:00Z")),
        },
        query: ReportQuery {
            by: vec![GroupBy::Dimension(Dimension::Model), GroupBy::Dimension(Dimension::User)],
            since: Some(at("2026-11-20T23:00:00Z")),
            until: None,
            zone: "Europe/Berlin".parse().unwrap(),
        },
        budgets: vec![
            budget("everything", None, "12.0005", BudgetState::Exceeded),
            budget("each user", Some(label("=cmd()|x")), "0", BudgetState::Ok),
        ],
        generated_at: at("2026-11-21T10:00:05Z"),
    }
}

fn empty() -> Document {
    Document {
        report: Report::default(),
        query: ReportQuery { by: Vec::new(), since: None, until: None, zone: Zone::UTC },
        budgets: Vec::new(),
        generated_at: at("2026-11-21T10:00:05Z"),
    }
}

fn printed(document: &Document, format: Format, look: Look) -> String {
    let mut out = Vec::new();
    format.exporter(look).write(document, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(document: &Document, format: Format) -> String {
    printed(document, format, Look::default())
}

#[test]
fn every_format_of_a_hostile_report() {
    for format in Format::ALL {
        insta::assert_snapshot!(format!("hostile_{}", format.name()), plain(&hostile(), format));
    }
}

#[test]
fn every_format_of_nothing() {
    for format in Format::ALL {
        insta::assert_snapshot!(format!("empty_{}", format.name()), plain(&empty(), format));
    }
}

#[test]
fn the_table_keeps_to_a_narrow_terminal() {
    let look = Look { width: Some(60), bold: true };
    let text = printed(&hostile(), Format::Table, look);
    insta::assert_snapshot!("hostile_table_60", text.replace('\x1b', "␛"));
    for line in text.replace("\x1b[1m", "").replace("\x1b[0m", "").lines() {
        let width = unicode_width::UnicodeWidthStr::width(line);
        assert!(width <= 60, "{width} columns: {line}");
    }
}

/// The keys of totals and groups in the order of `costtop.report.v1`.
const SUMS: [&str; 23] = [
    "requests",
    "errors",
    "input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "cost_usd",
    "reported_usd",
    "computed_usd",
    "adjustments_usd",
    "cache_saved_usd",
    "cache_hit_ratio",
    "gateway_hits",
    "batch_requests",
    "unpriced_requests",
    "unpriced_tokens",
    "sessions",
    "subscription_usd",
    "drift_usd",
    "drift_ratio",
    "drifted_requests",
];

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn words(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

fn pico(value: &Value) -> i128 {
    let text = value.as_str().expect("money is a string");
    assert_eq!(text.split('.').nth(1).map(str::len), Some(12), "{text}");
    Money::parse(text.as_bytes()).unwrap().pico()
}

#[test]
fn json_has_the_contracts_keys_in_its_order() {
    let report: Value = serde_json::from_str(&plain(&hostile(), Format::Json)).unwrap();
    assert_eq!(
        keys(&report),
        words("schema generated_at since until totals groups budgets drift intake first_event last_event")
    );
    assert_eq!(report["schema"], "costtop.report.v1");
    assert_eq!(report["generated_at"], "2026-11-21T10:00:05.000Z");
    assert_eq!(report["since"], "2026-11-20T23:00:00.000Z");
    assert_eq!(report["until"], Value::Null);
    assert_eq!(keys(&report["totals"]), SUMS);
    for group in report["groups"].as_array().unwrap() {
        assert_eq!(keys(group)[0], "key");
        assert_eq!(keys(group)[1..], SUMS);
        assert_eq!(keys(&group["key"]), ["model", "user"]);
    }
    let found =
        "provider model compared_requests drifted_requests reported_usd computed_usd drift_usd since last cause advice";
    for finding in report["drift"].as_array().unwrap() {
        assert_eq!(keys(finding), words(found));
    }
    for budget in report["budgets"].as_array().unwrap() {
        assert_eq!(keys(budget), ["name", "key", "period_start", "spent_usd", "limit_usd", "state"]);
    }
    // What is late is told in money where there is some: only a state drops days.
    assert_eq!(
        keys(&report["intake"]),
        words(
            "files bytes lines torn records charges updates duplicates merged not_usage rejected rejected_by late dropped late_usd undated no_id id_reused clock_skew unpriced_models"
        )
    );
    assert_eq!(keys(&report["intake"]["rejected_by"]), ["json", "too_long"]);
    assert_eq!(report["intake"]["unpriced_models"], serde_json::json!(["in-house|llama\\"]));
}

#[test]
fn json_says_what_the_report_says() {
    let document = hostile();
    let report: Value = serde_json::from_str(&plain(&document, Format::Json)).unwrap();
    let totals = &report["totals"];
    assert_eq!(totals["requests"], 146);
    assert_eq!(totals["unpriced_tokens"], 1_000);
    assert_eq!(totals["sessions"], 17);
    assert_eq!(totals["cost_usd"], "12.000000000002");
    assert_eq!(totals["adjustments_usd"], "-10.000000000000");
    assert_eq!(totals["cache_hit_ratio"].as_f64(), document.report.totals.cache_hit_ratio());
    assert_eq!(report["groups"][0]["key"]["user"], "=cmd()|' /C calc'!A0", "JSON guards no formulas");
    assert_eq!(report["budgets"][0]["state"], "exceeded");
    assert_eq!(report["budgets"][0]["key"], Value::Null);
    let hit = report["groups"].as_array().unwrap().iter().find(|group| group["gateway_hits"] == 2).unwrap();
    assert_eq!(hit["cache_hit_ratio"], Value::Null, "no prompt, no ratio");
}

#[test]
fn sums_hold_in_every_row() {
    let report: Value = serde_json::from_str(&plain(&hostile(), Format::Json)).unwrap();
    let groups = report["groups"].as_array().unwrap();
    for row in groups.iter().chain([&report["totals"]]) {
        assert_eq!(pico(&row["cost_usd"]), pico(&row["reported_usd"]) + pico(&row["computed_usd"]));
    }
    for name in SUMS {
        if name == "adjustments_usd" {
            // Budgets are corrected, and no group of charges is.
            assert!(groups.iter().all(|group| pico(&group[name]) == 0));
        } else if name.ends_with("_usd") {
            let sum: i128 = groups.iter().map(|group| pico(&group[name])).sum();
            assert_eq!(sum, pico(&report["totals"][name]), "{name}");
        } else if !matches!(name, "cache_hit_ratio" | "drift_ratio" | "sessions") {
            let sum: i64 = groups.iter().map(|group| group[name].as_i64().unwrap()).sum();
            assert_eq!(sum, report["totals"][name].as_i64().unwrap(), "{name}");
        }
    }
    let intake = &report["intake"];
    let fates = ["charges", "updates", "duplicates", "merged", "not_usage", "rejected", "late"];
    assert_eq!(fates.iter().map(|fate| intake[fate].as_u64().unwrap()).sum::<u64>(), intake["records"]);
    let classes: u64 = intake["rejected_by"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(classes, intake["rejected"]);
}

#[test]
fn groups_stand_by_cost_then_key_everywhere() {
    let report: Value = serde_json::from_str(&plain(&hostile(), Format::Json)).unwrap();
    let order: Vec<(i128, String)> = report["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (-pico(&group["cost_usd"]), group["key"].to_string()))
        .collect();
    assert!(order.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{order:?}");
    let gpt: Vec<_> = order.iter().filter(|(_, key)| key.contains("gpt-5")).collect();
    assert!(gpt[0].1.contains("null"), "no name comes before a name");
    for format in [Format::Table, Format::Markdown, Format::Csv, Format::Ndjson] {
        let text = plain(&hostile(), format);
        let first = text.find("claude-sonnet-4-6").unwrap();
        assert!(first < text.find("gpt-5").unwrap() && first < text.find("日本語").unwrap(), "{}", format.name());
    }
}

#[test]
fn ndjson_is_the_json_in_lines() {
    let document = hostile();
    let whole: Value = serde_json::from_str(&plain(&document, Format::Json)).unwrap();
    let lines: Vec<Value> =
        plain(&document, Format::Ndjson).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    let mut expected = vec!["totals"];
    expected.extend(["group"; 6]);
    expected.extend(["budget", "budget", "drift", "drift", "intake"]);
    assert_eq!(kinds, expected);
    for name in SUMS {
        assert_eq!(lines[0][name], whole["totals"][name]);
        assert_eq!(lines[1][name], whole["groups"][0][name]);
    }
    assert_eq!(lines[1]["key"], whole["groups"][0]["key"]);
    for (line, found) in lines[9..11].iter().zip(whole["drift"].as_array().unwrap()) {
        assert_eq!(keys(line)[1..], keys(found));
        assert_eq!(line["drift_usd"], found["drift_usd"]);
    }
    assert_eq!(lines[11]["records"], whole["intake"]["records"]);
}

/// A reader of RFC 4180, so that the writer is not its own judge.
fn read_csv(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let (mut quoted, mut rest) = (false, text.chars().peekable());
    while let Some(character) = rest.next() {
        let row = rows.last_mut().unwrap();
        match character {
            '"' if quoted && rest.peek() == Some(&'"') => row.last_mut().unwrap().push(rest.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\r' if !quoted => {}
            '\n' if !quoted => rows.push(vec![String::new()]),
            other => row.last_mut().unwrap().push(other),
        }
    }
    assert_eq!(rows.pop(), Some(vec![String::new()]), "ends with a line break");
    rows
}

#[test]
fn csv_reads_back_and_holds_no_formula() {
    let document = hostile();
    let rows = read_csv(&plain(&document, Format::Csv));
    assert_eq!(rows[0][..2], ["model", "user"]);
    assert_eq!(rows[0][2..], SUMS);
    assert_eq!(rows.len(), 1 + document.report.groups.len());
    for row in &rows {
        assert_eq!(row.len(), 2 + SUMS.len());
        assert!(row[..2].iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{row:?}");
    }
    assert_eq!(rows[1][1], "'=cmd()|' /C calc'!A0");
    let cost = rows[0].iter().position(|name| name == "cost_usd").unwrap();
    let sum: Money = rows[1..].iter().map(|row| Money::parse(row[cost].as_bytes()).unwrap()).sum();
    assert_eq!(sum, document.report.totals.cost());
    assert!(rows.iter().any(|row| row[1] == "a \"quoted\", name"));
    assert!(rows.iter().any(|row| row[1].is_empty()), "no name is an empty cell");
}

#[test]
fn every_markdown_row_has_as_many_cells_as_its_heading() {
    let text = plain(&hostile(), Format::Markdown);
    let mut columns = None;
    for line in text.lines() {
        columns = if line.starts_with('|') {
            let bars = line.matches('|').count();
            assert_eq!(bars, columns.unwrap_or(bars), "{line}");
            Some(bars)
        } else {
            None
        };
    }
    assert!(!text.contains("<b>"), "no HTML");
}

#[test]
fn prometheus_series_are_unique_and_declared() {
    for document in [hostile(), empty()] {
        let text = plain(&document, Format::Prometheus);
        let mut seen = std::collections::BTreeSet::new();
        let mut declared = std::collections::BTreeSet::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                assert!(declared.insert(rest.split(' ').next().unwrap().to_owned()), "declared twice: {line}");
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').unwrap();
                assert!(seen.insert(series.to_owned()), "twice: {series}");
                assert!(declared.contains(series.split('{').next().unwrap()), "undeclared: {series}");
                assert!(value.parse::<f64>().is_ok(), "no number: {value}");
            }
        }
    }
    let text = plain(&hostile(), Format::Prometheus);
    assert!(
        text.contains(r#"costtop_cost_usd{model="claude-sonnet-4-6",user="=cmd()|' /C calc'!A0"} 11.500000000001"#)
    );
    assert!(text.contains(r#"model="in-house|llama\\""#));
    assert!(text.contains(r#"user="a \"quoted\", name""#));
}

#[test]
fn every_loss_is_said_to_people() {
    for format in [Format::Table, Format::Markdown] {
        let text = plain(&hostile(), format);
        for loss in [
            "3 rejected (json 2, too",
            "1 torn",
            "2 late",
            "1 undated",
            "6 without an id",
            "1 ahead of the clock",
            "(1,000 tokens)",
            "unpriced",
        ] {
            assert!(text.contains(loss), "{}: {loss}", format.name());
        }
    }
}

#[test]
fn no_output_lets_a_control_character_through() {
    for format in Format::ALL {
        let text = plain(&hostile(), format);
        assert!(text.chars().all(|c| !c.is_control() || c == '\n' || c == '\r'), "{}", format.name());
    }
}

fn line(record: &EventRecord<'_>) -> String {
    let mut out = Vec::new();
    record.write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn charges_as_lines() {
    let (model, user, tier, key) =
        (Label::new("claude-sonnet-4-6"), Label::new("Zoë \"z\" \\"), Label::new("standard"), Label::new("k"));
    let full = EventRecord {
        time: at("2026-11-21T10:00:00.123Z"),
        request_id: Some("req_1"),
        response_id: Some("msg_1"),
        call_id: Some("call_1"),
        session_id: Some("s\u{1b}[31m\u{9b}é"),
        retry_of: Some("req_0"),
        user: Some(&user),
        provider: Some(&key),
        model: Some(&model),
        tokens: Tokens {
            input: 12,
            output: 345,
            cache_read: 48_211,
            cache_write_5m: 903,
            web_searches: 1,
            ..Tokens::default()
        },
        tier: Some(&tier),
        status: 200,
        latency_ms: 1834,
        stop_reason: Some(&key),
        max_tokens: 8192,
        bill: Bill::Reported { cost: Cost::from_pico(23_060_550_000), computed: Some(Cost::from_pico(1)) },
        cache_hit: true,
        project: Some(&key),
        key: Some(&key),
        host: Some(&key),
        region: Some(&key),
        data_residency: Some(&key),
        vertex_location: Some(&key),
        inference_geo: Some(&key),
        speed: Some(&key),
        revision: Some(2),
        ..EventRecord::default()
    };
    let bare = EventRecord { time: at("2026-11-21T10:00:00Z"), model: Some(&model), ..EventRecord::default() };
    let computed = EventRecord { bill: Bill::Computed(Cost::from_pico(7)), ..bare };
    let no_price = EventRecord { bill: Bill::Reported { cost: Cost::from_pico(7), computed: None }, ..bare };
    insta::assert_snapshot!("events", [&full, &bare, &computed, &no_price].map(line).concat());

    let value: Value = serde_json::from_str(&line(&full)).unwrap();
    assert_eq!(value["session_id"], "s\u{1b}[31m\u{9b}é", "raw ids read back");
    assert_eq!(value["user"], "Zoë \"z\" \\");
    let value: Value = serde_json::from_str(&line(&bare)).unwrap();
    assert_eq!(
        keys(&value),
        words(
            "ts request_id session_id user team feature agent provider model input_tokens output_tokens reasoning_tokens cache_read_tokens cache_write_5m_tokens cache_write_1h_tokens web_searches tier status latency_ms stop_reason max_tokens retry_of cost_usd cost_source"
        )
    );
    assert_eq!((&value["cost_usd"], &value["cost_source"]), (&Value::Null, &Value::from("unpriced")));
}
