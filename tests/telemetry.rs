//! What telemetry adds up to beside other logs: each call once, whoever speaks of it, in any order, posted once or twice.

// What a test's own functions cannot have, the test cannot have: a panic is its failure.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

#[path = "telemetry/twins.rs"]
mod twins;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use costtop::config::PriceConfig;
use costtop::engine::bill::CostMode;
use costtop::engine::counters::Counters;
use costtop::engine::identity::IdentityKey;
use costtop::engine::record::{Intake, Surroundings};
use costtop::engine::report::ReportQuery;
use costtop::engine::{Engine, Options};
use costtop::money::Money;
use costtop::price::PriceBook;
use costtop::run::decode::{LineDecoder, Shared};
use costtop::source::{Chunk, Encoding, Frame, Signal};
use costtop::time::{Timestamp, Zone};
use costtop::usage::UserField;
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_ms(1_795_300_000_000);

fn engine() -> Engine {
    let (rows, _) = costtop::run::spill::rows(1 << 20);
    let options = Options { zone: Zone::UTC, mode: CostMode::Auto, collect_changes: true, ..Options::default() };
    Engine::new(options, rows, NOW)
}

/// One engine and one decoder in front of it.
struct World {
    engine: Engine,
    decoder: LineDecoder,
    bodies: u32,
}

impl World {
    fn new() -> World {
        let book = Arc::new(PriceBook::new(&PriceConfig::default()).unwrap());
        let shared = Shared {
            zone: Zone::UTC,
            key: IdentityKey(1, 2),
            book,
            around: [Surroundings { user_order: UserField::DEFAULT.to_vec(), ..Surroundings::default() }].into(),
            labels: None,
            keep_names: false,
            bodies: Arc::default(),
        };
        World { engine: engine(), decoder: LineDecoder::new(shared), bodies: 0 }
    }

    fn take(&mut self, frame: Frame, bytes: &[u8]) {
        self.bodies += 1;
        let chunk = Chunk { frame, bytes: bytes.to_vec(), ..Chunk::empty(0, self.bodies, 0) };
        self.engine.apply(&self.decoder.decode(chunk).batch, NOW, &mut Vec::new()).unwrap();
    }

    fn lines(&mut self, lines: &str) {
        self.take(Frame::Lines, lines.as_bytes());
    }

    /// Saves everything and goes on from what was saved.
    fn restart(&mut self) {
        let changes = self.engine.take_changes().unwrap();
        self.engine = engine();
        self.engine.load_names(&changes.names, &changes.profiles).unwrap();
        for (tier, time, bytes) in &changes.cells {
            self.engine.load_cells(*tier, *time, bytes).unwrap();
        }
        for (id, bytes) in &changes.sessions {
            self.engine.load_session(*id, bytes).unwrap();
        }
        self.engine.finish_cells(Some(&changes.intake)).unwrap();
        for (day, _, rows) in &changes.rows {
            self.engine.load_rows(*day, rows).unwrap();
        }
        self.engine.finish_rows().unwrap();
    }

    fn totals(&mut self) -> Counters {
        let query = ReportQuery { by: Vec::new(), since: None, until: None, zone: Zone::UTC };
        self.engine.report(&query).unwrap().totals
    }

    fn intake(&self) -> Intake {
        self.engine.intake().clone()
    }
}

/// The totals of these bodies of lines, in this order.
fn totals(bodies: &[&str]) -> Counters {
    let mut world = World::new();
    for lines in bodies {
        world.lines(lines);
    }
    world.totals()
}

fn attributes(attributes: &Value) -> Value {
    let value = |value: &Value| match value {
        Value::String(text) => json!({"stringValue": text}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        other => json!({"intValue": other}),
    };
    attributes.as_object().unwrap().iter().map(|(key, at)| json!({"key": key, "value": value(at)})).collect()
}

/// A line with one log record, written in a span.
fn event(span: u64, body: &str, said: &Value) -> String {
    let record = json!({"timeUnixNano": "1795298399157666773", "traceId": "6dd72134567616ba4768f71877f9a025", "spanId": format!("{span:016x}"),
        "body": {"stringValue": body}, "attributes": attributes(said)});
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).to_string() + "\n"
}

/// A line with one span.
fn span(span: u64, said: &Value) -> String {
    let record = json!({"endTimeUnixNano": "1795298399157666773", "traceId": "6dd72134567616ba4768f71877f9a025",
        "spanId": format!("{span:016x}"), "attributes": attributes(said)});
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [record]}]}]}).to_string() + "\n"
}

const DETAILS: &str = "gen_ai.client.inference.operation.details";

fn chat(response: &str, output: u32) -> Value {
    let mut said = json!({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-sonnet-4-6",
        "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": output});
    if !response.is_empty() {
        said["gen_ai.response.id"] = response.into();
    }
    said
}

#[test]
fn a_span_and_the_event_of_the_same_call_are_one_charge() {
    let long = "msg_01ABCDEFGHIJKLMN";
    for (of_span, of_event) in [(long, long), ("msg_1", "msg_1"), ("", "")] {
        let (one, other) = (span(7, &chat(of_span, 9)), event(7, DETAILS, &chat(of_event, 9)));
        for bodies in [[&*one, &*other], [&*other, &*one]] {
            assert_eq!(totals(&bodies).requests, 1, "{of_span:?} {of_event:?}");
        }
    }
    // An exporter that writes no response id in the event's own span.
    assert_eq!(totals(&[&span(7, &chat(long, 9)), &event(7, DETAILS, &chat("", 9))]).requests, 1);
}

#[test]
fn calls_of_one_agent_span_stay_apart() {
    let calls =
        [event(1, DETAILS, &chat("msg_01ABCDEFGHIJKLMN", 9)), event(1, DETAILS, &chat("msg_01ZYXWVUTSRQPONM", 9))];
    assert_eq!(totals(&[&calls[0], &calls[1]]).requests, 2, "both events stand in the agent's span");
    assert_eq!(totals(&[&span(1, &chat("", 9)), &span(2, &chat("", 9))]).requests, 2);
}

#[test]
fn gateway_telemetry_and_application_speak_of_one_call() {
    let gateway = r#"{"call_type":"acompletion","response_cost":0.5,"id":"msg_01ABCDEFGHIJKLMN","litellm_call_id":"c0ffee00-1111-2222-3333-444455556666","model":"anthropic/claude-sonnet-4-6","custom_llm_provider":"anthropic","prompt_tokens":1000,"completion_tokens":9,"endTime":1795298399.2,"end_user":"ada","metadata":{}}"#;
    let own = r#"{"ts":"2026-11-21T21:59:59Z","response":{"id":"msg_01ABCDEFGHIJKLMN","type":"message","model":"claude-sonnet-4-6","usage":{"input_tokens":800,"cache_read_input_tokens":200,"output_tokens":9}}}"#;
    let telemetry = span(7, &chat("msg_01ABCDEFGHIJKLMN", 9));
    for order in [[gateway, own, &telemetry], [&telemetry, gateway, own], [own, &telemetry, gateway]] {
        let totals = totals(&order);
        assert_eq!(totals.requests, 1);
        assert_eq!(totals.cost(), Money::parse(b"0.5").unwrap(), "the gateway knows what it cost");
        assert_eq!((totals.input, totals.cache_read), (800, 200), "the answer knows its tokens");
    }
}

#[test]
fn an_event_of_claude_code_and_its_transcript_are_one_charge() {
    let request = "req_011CVbW8aBcDeFgHiJkLmNoP";
    let transcript = format!(
        r#"{{"type":"assistant","timestamp":"2026-11-21T21:59:59.000Z","sessionId":"s-1","requestId":"{request}","cwd":"/srv/app","message":{{"id":"msg_01ABCDEFGHIJKLMN","model":"claude-opus-4-6","stop_reason":"end_turn","usage":{{"input_tokens":12,"cache_creation_input_tokens":903,"cache_read_input_tokens":48211,"cache_creation":{{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":903}},"output_tokens":345}}}}}}"#
    ) + "\n";
    let told = event(
        1,
        "claude_code.api_request",
        &json!({"session.id": "s-1", "event.sequence": 2, "request_id": request, "model": "claude-opus-4-6", "input_tokens": 12,
            "output_tokens": 345, "cache_read_tokens": 48211, "cache_creation_tokens": 903, "cost_usd": 0.04, "user.email": "ada@example.com"}),
    );
    for order in [[&*transcript, &*told], [&*told, &*transcript]] {
        let totals = totals(&order);
        assert_eq!((totals.requests, totals.cache_write_1h), (1, 903), "the transcript knows how long writes live");
        assert_eq!(totals.cost(), Money::parse(b"0.04").unwrap());
    }
}

/// Some endpoints name no request: then neither the event nor the session's file does.
#[test]
fn an_event_of_claude_code_without_a_request_and_its_transcript_are_one_charge() {
    let line = |session: &str, message: &str, output: u32, end: &str| {
        format!(
            r#"{{"type":"assistant","timestamp":"2026-11-21T21:59:59.000Z","sessionId":"{session}","cwd":"/srv/app","message":{{"id":"{message}","model":"claude-opus-4-6","stop_reason":{end},"usage":{{"input_tokens":12,"cache_creation_input_tokens":903,"cache_read_input_tokens":48211,"cache_creation":{{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":903}},"output_tokens":{output}}}}}}}"#
        ) + "\n"
    };
    let early = line("s-1", "msg_01ABCDEFGHIJKLMN", 3, "null");
    let late = line("s-1", "msg_01ABCDEFGHIJKLMN", 345, "\"end_turn\"");
    let told = claude_event("s-1", 2, 0.04);
    for order in
        [[&*early, &*late, &*told], [&*told, &*early, &*late], [&*early, &*told, &*late], [&*late, &*told, &*early]]
    {
        let totals = totals(&order);
        assert_eq!((totals.requests, totals.output, totals.cache_write_1h), (1, 345, 903), "the transcript's counts");
        assert_eq!(totals.cost(), Money::parse(b"0.04").unwrap());
    }
    // A request can equal another: each of both logs knows two, and a third is in one of them alone.
    let other = line("s-1", "msg_01ZYXWVUTSRQPONM", 345, "\"end_turn\"");
    let more = [claude_event("s-1", 3, 0.04), claude_event("s-1", 4, 0.04)];
    for order in [[&*late, &*other, &*told, &*more[0], &*more[1]], [&*more[1], &*other, &*more[0], &*late, &*told]] {
        assert_eq!(totals(&order).requests, 3);
    }
    assert_eq!(
        totals(&[&line("s-2", "msg_01ABCDEFGHIJKLMN", 345, "\"end_turn\""), &told]).requests,
        2,
        "another session's"
    );
}

#[test]
fn what_is_exported_twice_counts_once() {
    let lines = include_str!("fixtures/formats/otlp.jsonl");
    let mut world = World::new();
    world.lines(lines);
    let once = world.totals();
    // Spans, two captures of Claude Code, Codex, Gemini CLI; counters of two kinds.
    assert_eq!(once.requests, 4 + 5 + 5 + 1 + 1 + 2);
    for line in lines.lines().rev() {
        world.lines(line);
    }
    for (signal, body) in [
        (Signal::Traces, &include_bytes!("fixtures/otlp/traces.pb")[..]),
        (Signal::Logs, include_bytes!("fixtures/otlp/logs.pb")),
        (Signal::Metrics, include_bytes!("fixtures/otlp/metrics.pb")),
    ] {
        world.take(Frame::Otlp(signal, Encoding::Protobuf), body);
    }
    assert_eq!(world.totals(), once);
    let intake = world.intake();
    assert_eq!(intake.rejected_total() + intake.no_id, 0);
}

/// A line with points of Claude Code's two counters for one interval.
fn claude_points(session: &str, (start, end): (u64, u64), output: u32, cost: f64) -> String {
    let point = |more: &Value, value: &Value| {
        let mut said = json!({"model": "claude-opus-4-6"});
        if !session.is_empty() {
            said["session.id"] = session.into();
        }
        said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut point = json!({"attributes": attributes(&said), "startTimeUnixNano": start.to_string(), "timeUnixNano": end.to_string()});
        point.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        point
    };
    let sum = |points: &[Value]| json!({"dataPoints": points, "aggregationTemporality": 1, "isMonotonic": true});
    let tokens = [("input", 12), ("output", output), ("cacheRead", 48_211), ("cacheCreation", 903)];
    let tokens = tokens.map(|(kind, count)| point(&json!({"type": kind}), &json!({"asInt": count.to_string()})));
    json!({"resourceMetrics": [{"resource": {"attributes": attributes(&json!({"service.name": "claude-code"}))},
        "scopeMetrics": [{"scope": {"name": "com.anthropic.claude_code"}, "metrics": [
            {"name": "claude_code.cost.usage", "sum": sum(&[point(&json!({}), &json!({"asDouble": cost}))])},
            {"name": "claude_code.token.usage", "sum": sum(&tokens)},
            {"name": "claude_code.session.count", "sum": sum(&[point(&json!({}), &json!({"asInt": 1}))])}]}]}]})
    .to_string()
        + "\n"
}

fn claude_event(session: &str, sequence: u32, cost: f64) -> String {
    let said = json!({"session.id": session, "event.sequence": sequence, "model": "claude-opus-4-6", "input_tokens": 12,
        "output_tokens": 345, "cache_read_tokens": 48_211, "cache_creation_tokens": 903, "cost_usd": cost});
    event(1, "claude_code.api_request", &said)
}

const MINUTE: u64 = 60_000_000_000;
const START: u64 = 1_795_298_340_000_000_000;

#[test]
fn trap_metrics_repeat_events() {
    let points = claude_points("s-1", (START, START + MINUTE), 345, 0.5);
    let (told, other) = (claude_event("s-1", 1, 0.25), claude_event("s-2", 1, 0.125));
    assert_eq!(totals(&[&points]).cost(), Money::parse(b"0.5").unwrap(), "alone they count");
    for order in [[&*points, &*told], [&*told, &*points]] {
        assert_eq!(totals(&order), totals(&[&told]), "one or the other");
    }
    let apart = totals(&[&points, &other]);
    assert_eq!(
        (apart.requests, apart.cost()),
        (2, Money::parse(b"0.625").unwrap()),
        "another session's events void nothing"
    );
    let transcript = r#"{"type":"assistant","timestamp":"2026-11-21T21:59:59.000Z","sessionId":"s-1","requestId":"req_011CVbW8aBcDeFgHiJkLmNoP","message":{"id":"msg_01ABCDEFGHIJKLMN","model":"claude-opus-4-6","stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":345}}}"#;
    assert_eq!(totals(&[&points, transcript]), totals(&[transcript]), "nor beside the session's own file");
    assert_eq!(totals(&[transcript, &points]), totals(&[transcript]));
}

#[test]
fn points_count_once_however_often_they_come_and_however_they_are_split() {
    let first = claude_points("s-1", (START, START + MINUTE), 345, 0.5);
    let second = claude_points("s-1", (START + MINUTE, START + 2 * MINUTE), 10, 0.25);
    let both = totals(&[&first, &second]);
    assert_eq!(
        (both.requests, both.output, both.cost()),
        (2, 355, Money::parse(b"0.75").unwrap()),
        "an interval is a charge"
    );
    assert_eq!(totals(&[&second, &first, &second, &first]), both);
    // A collector may cut an export anywhere between two points.
    let whole: Value = serde_json::from_str(&first).unwrap();
    let metrics = &whole["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    let mut parts = Vec::new();
    for metric in metrics.as_array().unwrap() {
        for point in metric["sum"]["dataPoints"].as_array().unwrap() {
            let (mut part, mut only) = (whole.clone(), metric.clone());
            only["sum"]["dataPoints"] = json!([point]);
            part["resourceMetrics"][0]["scopeMetrics"][0]["metrics"] = json!([only]);
            parts.push(part.to_string() + "\n");
        }
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let backwards: Vec<&str> = parts.iter().rev().copied().collect();
    for split in [parts, backwards] {
        let totals = totals(&split);
        assert_eq!((totals.requests, totals.cost()), (1, Money::parse(b"0.5").unwrap()));
        assert_eq!((totals.input, totals.cache_read, totals.cache_write_5m, totals.output), (12, 48_211, 903, 345));
    }
}

/// A line with a histogram of what an application's calls took.
fn histogram(temporality: u8, start: u64, end: u64, input: u64, output: u64) -> String {
    let point = |kind: &str, sum: u64| {
        json!({"attributes": attributes(&json!({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic",
                "gen_ai.request.model": "claude-haiku-5-5", "gen_ai.token.type": kind})),
            "startTimeUnixNano": start.to_string(), "timeUnixNano": end.to_string(), "count": "7", "sum": sum})
    };
    let points =
        json!({"dataPoints": [point("input", input), point("output", output)], "aggregationTemporality": temporality});
    json!({"resourceMetrics": [{"resource": {"attributes": attributes(&json!({"service.name": "shop", "service.instance.id": "i-1"}))},
        "scopeMetrics": [{"metrics": [{"name": "gen_ai.client.token.usage", "histogram": points}]}]}]})
    .to_string()
        + "\n"
}

#[test]
fn trap_cumulative_points_are_not_added_and_resets_start_anew() {
    let grows = [
        histogram(2, START, START + MINUTE, 1000, 10),
        histogram(2, START, START + 2 * MINUTE, 3000, 30),
        histogram(2, START, START + 3 * MINUTE, 3000, 40),
        // The process began again.
        histogram(2, START + 4 * MINUTE, START + 5 * MINUTE, 500, 5),
    ];
    let [a, b, c, d] = grows.each_ref().map(String::as_str);
    for order in [[a, b, c, d], [d, c, b, a], [b, d, a, c]] {
        let totals = totals(&order);
        assert_eq!((totals.input, totals.output, totals.requests), (3500, 45, 2));
    }
    let [a, b] = [1, 2].map(|minute| histogram(1, START + (minute - 1) * MINUTE, START + minute * MINUTE, 1000, 10));
    assert_eq!(totals(&[&a, &b, &b]).input, 2000, "deltas are");
}

#[test]
fn trap_a_sum_of_many_prompts_is_no_long_prompt() {
    // Beyond 100k tokens this model costs more; 90 prompts of 10k tokens each are not one of 900k.
    let (many, one) = (histogram(1, START, START + MINUTE, 900_000, 0), histogram(1, START, START + MINUTE, 10_000, 0));
    let times_90 = (0..90).fold(Money::ZERO, |sum, _| sum + totals(&[&one]).cost());
    assert_eq!(totals(&[&many]).cost(), times_90);
}

#[test]
fn histograms_are_void_beside_the_spans_of_the_same_producer() {
    let points = histogram(1, START, START + MINUTE, 1000, 10);
    let of = |instance: &str| {
        let mut spans: Value = serde_json::from_str(&span(7, &chat("msg_01ABCDEFGHIJKLMN", 9))).unwrap();
        spans["resourceSpans"][0]["resource"] =
            json!({"attributes": attributes(&json!({"service.name": "shop", "service.instance.id": instance}))});
        spans.to_string() + "\n"
    };
    assert_eq!(totals(&[&points, &of("i-1")]), totals(&[&of("i-1")]));
    assert_eq!(totals(&[&of("i-1"), &points]), totals(&[&of("i-1")]));
    assert_eq!(totals(&[&points, &of("i-2")]).requests, 2, "another instance");
}

#[test]
fn counts_that_are_part_of_others_are_not_added() {
    let point = |sum: u64| {
        json!({"dataPoints": [{"attributes": attributes(&json!({"gen_ai.request.model": "gpt-5.4", "gen_ai.provider.name": "openai"})),
            "timeUnixNano": (START + MINUTE).to_string(), "asInt": sum}], "aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA"})
    };
    let metric = |kind: &str, sum| json!({"name": format!("gen_ai.client.inference.usage.{kind}"), "sum": point(sum)});
    let metrics = [
        metric("input_tokens", 1000),
        metric("output_tokens", 100),
        metric("cache_read.input_tokens", 600),
        metric("cache_write.input_tokens", 100),
        metric("reasoning.output_tokens", 40),
    ];
    let totals = totals(&[&json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).to_string()]);
    assert_eq!((totals.input, totals.cache_read, totals.cache_write_5m), (300, 600, 100));
    assert_eq!((totals.output, totals.reasoning, totals.requests), (100, 40, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Points and events of a few sessions in any order, some repeated, a part of them behind a restart: the same totals, and of each
    /// session its events or, where it has none, its points.
    #[test]
    fn events_or_metrics_never_both(
        points in prop::collection::vec((0..4u8, 0..6u64, 1..500u32), 0..12),
        events in prop::collection::vec((0..4u8, 0..5u32), 0..8),
        order in any::<prop::sample::Index>(),
        restart in any::<prop::sample::Index>(),
        shuffles in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let mut expected = Money::ZERO;
        let mut lines = Vec::new();
        let spoken: BTreeSet<u8> = events.iter().map(|(session, _)| *session).collect();
        let mut greatest: BTreeMap<(u8, u64), u32> = BTreeMap::new();
        for (session, minute, output) in &points {
            // What a point says never changes: the same interval, the same counts.
            let output = *greatest.entry((*session, *minute)).or_insert(*output);
            let interval = (START + minute * MINUTE, START + (minute + 1) * MINUTE);
            lines.push(claude_points(&format!("s-{session}"), interval, output, f64::from(output) / 1000.0));
        }
        for ((session, _), output) in &greatest {
            if !spoken.contains(session) {
                expected += Money::from_pico(i128::from(*output) * 1_000_000_000);
            }
        }
        for (session, sequence) in events.iter().collect::<BTreeSet<_>>() {
            expected += Money::parse(b"0.25").unwrap();
            lines.push(claude_event(&format!("s-{session}"), *sequence, 0.25));
        }
        if !lines.is_empty() {
            let again = order.get(&lines).clone();
            lines.push(again);
        }
        for (place, shuffle) in shuffles.iter().enumerate().take(lines.len()) {
            let other = shuffle.index(lines.len());
            lines.swap(place, other);
        }
        let mut world = World::new();
        let restart = restart.index(lines.len() + 1);
        for (place, line) in lines.iter().enumerate() {
            if place == restart {
                world.restart();
            }
            world.lines(line);
        }
        prop_assert_eq!(world.totals().cost(), expected);
        prop_assert_eq!(world.engine.total().cost(), expected, "what windows and budgets live on");
        let intake = world.intake();
        let fates = intake.charges + intake.updates + intake.duplicates + intake.merged + intake.not_usage + intake.rejected_total();
        prop_assert_eq!(intake.records, fates + intake.late);
        prop_assert_eq!(intake.charges, world.totals().requests.cast_unsigned());
    }
}
