//! What telemetry adds up to beside other logs: each call once, whoever speaks of it, in any order, posted once or twice.

// What a test's own functions cannot have, the test cannot have: a panic is its failure.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

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
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_ms(1_795_300_000_000);

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
            around: [Surroundings::default()].into(),
            labels: None,
            keep_names: false,
            bodies: Arc::default(),
        };
        let (rows, _) = costtop::run::spill::rows(1 << 20);
        let options = Options { zone: Zone::UTC, mode: CostMode::Auto, ..Options::default() };
        World { engine: Engine::new(options, rows, NOW), decoder: LineDecoder::new(shared), bodies: 0 }
    }

    fn take(&mut self, frame: Frame, bytes: &[u8]) {
        self.bodies += 1;
        let chunk = Chunk { frame, bytes: bytes.to_vec(), ..Chunk::empty(0, self.bodies, 0) };
        self.engine.apply(&self.decoder.decode(chunk).batch, NOW, &mut Vec::new()).unwrap();
    }

    fn lines(&mut self, lines: &str) {
        self.take(Frame::Lines, lines.as_bytes());
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

#[test]
fn what_is_exported_twice_counts_once() {
    let lines = include_str!("fixtures/formats/otlp.jsonl");
    let mut world = World::new();
    world.lines(lines);
    let once = world.totals();
    assert_eq!(once.requests, 4 + 5 + 5 + 1 + 1);
    for line in lines.lines().rev() {
        world.lines(line);
    }
    for (signal, body) in [
        (Signal::Traces, &include_bytes!("fixtures/otlp/traces.pb")[..]),
        (Signal::Logs, include_bytes!("fixtures/otlp/logs.pb")),
    ] {
        world.take(Frame::Otlp(signal, Encoding::Protobuf), body);
    }
    assert_eq!(world.totals(), once);
    let intake = world.intake();
    assert_eq!(intake.rejected_total() + intake.no_id, 0);
}
