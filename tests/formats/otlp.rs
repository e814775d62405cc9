//! OpenTelemetry: bodies that real exporters sent, the same in both encodings, and each trap of the conventions by its name.

use costtop::format::labels::LabelPaths;
use costtop::format::{Decoder, Format, Line, Skip};
use costtop::money::Cost;
use costtop::source::{Encoding, Frame, Signal};
use costtop::time::Zone;
use costtop::usage::{Origin, OwnLabel, Rejection, Tokens, Usage};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{slow_reader, text, twin};

pub const OTLP: &str = include_str!("../fixtures/formats/otlp.jsonl");

const TRACES: &[u8] = include_bytes!("../fixtures/otlp/traces.pb");
const LOGS: &[u8] = include_bytes!("../fixtures/otlp/logs.pb");
const METRICS: &[u8] = include_bytes!("../fixtures/otlp/metrics.pb");

/// Everything a usage says, in words that do not depend on how a text was spelled.
fn said(result: Result<&Usage<'_>, Skip>) -> Result<String, Skip> {
    result.map(|usage| {
        let (ids, who, terms) = (&usage.ids, &usage.dimensions, &usage.terms);
        let texts = [
            ids.response,
            ids.request,
            ids.call,
            ids.span,
            usage.model,
            usage.provider,
            who.end_user,
            who.user,
            who.user_email,
            who.key_alias,
            who.key_hash,
            who.team,
            who.project,
            who.feature,
            who.agent,
            who.host,
            who.session,
            terms.tier,
            terms.speed,
            usage.stop_reason,
        ];
        let own = who.own.map(|own| own.map(text));
        let numbers = (usage.status, usage.latency_ms, usage.max_tokens, usage.reported.map(Cost::pico));
        let kind = (usage.origin, usage.is_final, usage.cache_hit, usage.time);
        format!("{kind:?} {:?} {numbers:?} {:?} {own:?}", usage.tokens, texts.map(text))
    })
}

fn of_body(frame: Frame, body: &[u8]) -> Vec<Result<String, Skip>> {
    let mut all = Vec::new();
    Decoder::new(Zone::UTC).decode_body(frame, 0, body, &mut |at, result| {
        assert_eq!(at.index as usize, all.len(), "records are numbered");
        all.push(said(result));
    });
    all
}

fn of_line(line: &str) -> Vec<Result<String, Skip>> {
    slow_reader::compare(line.as_bytes());
    let mut all = Vec::new();
    let kind = Decoder::new(Zone::UTC).decode(0, line.as_bytes(), &mut |at, result| {
        assert_eq!(at.index as usize, all.len(), "records are numbered");
        all.push(said(result));
    });
    assert_eq!(kind, Line::Known(Format::Otlp));
    all
}

/// A request with one record that has these attributes.
fn request(resource: &Value, signal: Signal, record: &Value) -> Value {
    let pairs = |attributes: &Value| -> Value {
        attributes
            .as_object()
            .expect("attributes")
            .iter()
            .map(|(key, value)| {
                let value = match value {
                    Value::String(text) => json!({"stringValue": text}),
                    Value::Bool(truth) => json!({"boolValue": truth}),
                    Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
                    Value::Number(number) => json!({"intValue": number}),
                    other => other.clone(),
                };
                json!({"key": key, "value": value})
            })
            .collect()
    };
    let mut record = record.clone();
    record["attributes"] = pairs(&record["attributes"]);
    let resource = json!({"attributes": pairs(resource)});
    match signal {
        Signal::Logs => json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}),
        _ => json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [record]}]}]}),
    }
}

/// Hands the only record of a request to `check`.
fn with(request: &Value, check: impl FnOnce(Result<&Usage<'_>, Skip>)) {
    let line = request.to_string();
    slow_reader::compare(line.as_bytes());
    let mut check = Some(check);
    Decoder::new(Zone::UTC).decode(0, line.as_bytes(), &mut |_, result| check.take().expect("one record")(result));
    assert!(check.is_none(), "no record in {line}");
}

fn span(attributes: &Value, check: impl FnOnce(Result<&Usage<'_>, Skip>)) {
    with(&request(&json!({}), Signal::Traces, &json!({"attributes": attributes})), check);
}

fn tokens_of(attributes: &Value) -> Tokens {
    let mut tokens = None;
    span(attributes, |result| tokens = result.ok().map(|usage| usage.tokens));
    tokens.unwrap_or_else(|| panic!("counted: {attributes}"))
}

fn skip_of(attributes: &Value) -> Skip {
    let mut skip = None;
    span(attributes, |result| skip = result.err());
    skip.unwrap_or_else(|| panic!("not counted: {attributes}"))
}

#[test]
fn a_body_means_the_same_in_both_encodings() {
    for (signal, body, line) in [(Signal::Traces, TRACES, 0), (Signal::Logs, LOGS, 1), (Signal::Metrics, METRICS, 2)] {
        let protobuf = of_body(Frame::Otlp(signal, Encoding::Protobuf), body);
        let line = OTLP.lines().nth(line).unwrap();
        assert_eq!(protobuf, of_line(line));
        assert_eq!(protobuf, of_body(Frame::Otlp(signal, Encoding::Json), line.as_bytes()));
        assert_eq!(protobuf, of_body(Frame::Values, line.as_bytes()), "as a value of a body, too");
        assert!(protobuf.iter().any(Result::is_ok));
    }
}

#[test]
fn spans_of_a_real_exporter() {
    let mut seen = Vec::new();
    Decoder::new(Zone::UTC).decode_body(
        Frame::Otlp(Signal::Traces, Encoding::Protobuf),
        0,
        TRACES,
        &mut |_, result| {
            seen.push(result.map(|usage| {
                assert_eq!((usage.origin, usage.is_final), (Origin::OpenTelemetry, true));
                assert_eq!(text(usage.ids.span).len(), 48);
                assert_eq!(text(usage.dimensions.project), "checkout-agent");
                (text(usage.model), text(usage.ids.response), usage.tokens, usage.reported.map(Cost::pico))
            }));
        },
    );
    let cached = |input, output| Tokens {
        input,
        cache_read: 9000,
        cache_write_5m: 1000,
        output,
        reasoning: 100,
        ..Tokens::default()
    };
    let old = Tokens { input: 800, output: 90, ..Tokens::default() };
    let expected = [
        Ok(("claude-sonnet-4-6".to_owned(), "msg_000".to_owned(), cached(2000, 420), None)),
        Ok(("gpt-5.4-2026-03-05".to_owned(), "msg_001".to_owned(), cached(2001, 420), None)),
        Ok(("us.anthropic.claude-opus-4-6-v1".to_owned(), "msg_002".to_owned(), cached(2002, 420), None)),
        Ok(("gpt-4o-2024-08-06".to_owned(), String::new(), old, Some(2_900_000_000))),
        // The agent's span repeats its children.
        Err(Skip::NotUsage),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn events_of_claude_code() {
    let line = OTLP.lines().nth(1).unwrap();
    let mut seen = Vec::new();
    Decoder::new(Zone::UTC).decode(0, line.as_bytes(), &mut |_, result| {
        seen.push(result.map(|usage| {
            let who = &usage.dimensions;
            assert_eq!(
                [who.user, who.user_email, who.team].map(text),
                ["alice@example.com", "alice@example.com", "platform"]
            );
            assert_eq!(text(usage.provider), "anthropic");
            (
                [usage.ids.request, usage.ids.response, who.agent].map(text),
                usage.tokens.total(),
                usage.reported.map(Cost::pico),
                (usage.status, usage.latency_ms),
            )
        }));
    });
    let three =
        |id: &str, agent: &str| Ok(([id, "", agent].map(str::to_owned), 49_471, Some(38_434_250_000), (0, 2341)));
    let by_sequence = |sequence: &str| ["", sequence, ""].map(str::to_owned);
    let expected = [
        Err(Skip::NotUsage),
        three("req_011C0", "main"),
        three("req_011C1", "subagent"),
        three("req_011C2", "auxiliary"),
        Ok((by_sequence("sequence-9"), 1074, Some(1_234_000_000), (0, 812))),
        // A failure is a request, too.
        Ok((by_sequence("sequence-10"), 0, None, (529, 1200))),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn points_of_one_interval_are_one_record() {
    let mut seen = Vec::new();
    let line = OTLP.lines().nth(2).unwrap();
    of_line(line);
    Decoder::new(Zone::UTC).decode(0, line.as_bytes(), &mut |_, result| {
        let usage = result.unwrap();
        assert_eq!(usage.origin, Origin::Metrics);
        seen.push((text(usage.model), text(usage.dimensions.session), usage.tokens, usage.reported.map(Cost::pico)));
    });
    let claude = Tokens { input: 12, cache_read: 48_211, cache_write_5m: 903, output: 345, ..Tokens::default() };
    let general = Tokens { input: 12_000, output: 420, ..Tokens::default() };
    let expected = [
        ("claude-opus-4-6".to_owned(), "s-1".to_owned(), claude, Some(38_434_250_000)),
        ("gpt-5.4".to_owned(), String::new(), general, None),
    ];
    assert_eq!(seen, expected);
}

/// Found by the fuzzer: a point that has another convention's attribute, too.
#[test]
fn each_convention_has_its_own_word_for_what_a_point_counts() {
    let point = |kinds: &Value, count: u32| {
        let mut attributes = vec![
            json!({"key": "model", "value": {"stringValue": "claude-opus-4-6"}}),
            json!({"key": "gen_ai.request.model", "value": {"stringValue": "claude-opus-4-6"}}),
            json!({"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}),
        ];
        for (key, value) in kinds.as_object().unwrap() {
            attributes.push(json!({"key": key, "value": {"stringValue": value}}));
        }
        json!({"timeUnixNano": "1795298341962209366", "asInt": count, "attributes": attributes})
    };
    let counted = |name: &str, points: Value| -> Vec<Result<Tokens, Skip>> {
        let line = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [
            {"name": name, "sum": {"aggregationTemporality": 1, "dataPoints": points}}]}]}]})
        .to_string();
        of_line(&line);
        let mut all = Vec::new();
        Decoder::new(Zone::UTC).decode(0, line.as_bytes(), &mut |_, result| all.push(result.map(|usage| usage.tokens)));
        all
    };
    let (input, output) = (Tokens { input: 7, ..Tokens::default() }, Tokens { output: 7, ..Tokens::default() });
    for (name, own, others) in [
        ("claude_code.token.usage", "type", "gen_ai.token.type"),
        ("gen_ai.client.token.usage", "gen_ai.token.type", "type"),
    ] {
        assert_eq!(counted(name, json!([point(&json!({own: "input", others: "output"}), 7)])), [Ok(input)], "{name}");
        assert_eq!(counted(name, json!([point(&json!({own: "output", others: "a word"}), 7)])), [Ok(output)], "{name}");
        assert_eq!(counted(name, json!([point(&json!({others: "input"}), 7)])), [Err(Skip::NotUsage)], "{name}");
        // To the metric of one, the other's word is an attribute like any other: it tells streams apart.
        let two = json!([point(&json!({own: "input", others: "a"}), 7), point(&json!({own: "input", others: "b"}), 7)]);
        assert_eq!(counted(name, two), [Ok(input), Ok(input)], "{name}");
    }
    // A name that is said twice means what it says last, for telling streams apart as for anything else.
    let mut twice = point(&json!({"type": "input"}), 7);
    let again = json!({"key": "model", "value": {"stringValue": "another"}});
    twice["attributes"].as_array_mut().unwrap().insert(0, again);
    let both = json!([twice, point(&json!({"type": "output"}), 7)]);
    let one = Tokens { input: 7, output: 7, ..Tokens::default() };
    assert_eq!(counted("claude_code.token.usage", both), [Ok(one)]);
}

#[test]
fn of_two_names_for_one_thing_the_better_counts_in_any_order() {
    let attributes = |names: [&str; 2]| json!({"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 9, names[0]: names[0], names[1]: names[1]});
    let user = |names: [&str; 2]| {
        let mut user = String::new();
        span(&attributes(names), |result| user = text(result.unwrap().dimensions.end_user));
        user
    };
    assert_eq!(user(["enduser.id", "enduser.pseudo.id"]), "enduser.id");
    assert_eq!(user(["enduser.pseudo.id", "enduser.id"]), "enduser.id");
    assert_eq!(user(["litellm.end_user.id", "enduser.pseudo.id"]), "enduser.pseudo.id");
}

#[test]
fn codex_counts_its_total_once() {
    let line = OTLP.lines().nth(4).unwrap();
    assert_eq!(of_line(line).len(), 1);
    Decoder::new(Zone::UTC).decode(0, line.as_bytes(), &mut |_, result| {
        let usage = result.unwrap();
        let expected = Tokens { input: 3127, cache_read: 15_104, output: 612, reasoning: 320, ..Tokens::default() };
        assert_eq!(usage.tokens, expected, "tool_token_count is their sum");
        assert_eq!([usage.dimensions.user, usage.dimensions.session].map(text), ["bob@example.com", "conv-1"]);
    });
    for other in [
        line.replace("codex.sse_event", "codex.turn_cost"),
        line.replace("codex.sse_event", "codex.api_request"),
        line.replace("response.completed", "response.created"),
    ] {
        assert_eq!(of_line(&other), [Err(Skip::NotUsage)]);
    }
    let websocket = line.replace("codex.sse_event", "codex.websocket_event");
    assert_eq!(of_line(line), of_line(&websocket), "over a websocket the same");
}

#[test]
fn gemini_cli_leaves_thoughts_out_of_the_output() {
    let line = OTLP.lines().nth(5).unwrap();
    of_line(line);
    Decoder::new(Zone::UTC).decode(0, line.as_bytes(), &mut |_, result| {
        let usage = result.unwrap();
        let expected = Tokens { input: 4000, cache_read: 8000, output: 770, reasoning: 420, ..Tokens::default() };
        assert_eq!(usage.tokens, expected);
        assert_eq!((text(usage.provider), usage.status, usage.latency_ms), ("gemini".to_owned(), 200, 812));
    });
    let restated = line.replace("gemini_cli.api_response", "gen_ai.client.inference.operation.details");
    assert_eq!(of_line(&restated), [Err(Skip::NotUsage)], "the same answer in other words");
}

#[test]
fn trap_the_cache_is_inside_of_the_input_unless_it_does_not_fit() {
    let usage = |input: u32| {
        tokens_of(
            &json!({"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": input,
            "gen_ai.usage.output_tokens": 5, "gen_ai.usage.cache_read.input_tokens": 900, "gen_ai.usage.cache_write.input_tokens": 100}),
        )
    };
    let expected = |input| Tokens { input, cache_read: 900, cache_write_5m: 100, output: 5, ..Tokens::default() };
    assert_eq!(usage(1200), expected(200));
    assert_eq!(usage(1000), expected(0));
    assert_eq!(usage(12), expected(12), "outside");
}

#[test]
fn trap_agents_workflows_and_tools_repeat_their_children() {
    for operation in ["invoke_agent", "create_agent", "execute_tool", "fetch_response", "invoke_workflow", "retrieval"]
    {
        let attributes =
            json!({"gen_ai.operation.name": operation, "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 5});
        assert_eq!(skip_of(&attributes), Skip::NotUsage, "{operation}");
    }
    for kind in ["AGENT", "CHAIN", "TOOL", "workflow", "task"] {
        let key = if kind.starts_with(char::is_uppercase) { "openinference.span.kind" } else { "traceloop.span.kind" };
        assert_eq!(
            skip_of(&json!({key: kind, "gen_ai.request.model": "m", "llm.token_count.prompt": 5})),
            Skip::NotUsage
        );
    }
    let litellm = ["acompletion", "aresponses", "anthropic_messages", "aembedding"];
    for operation in ["chat", "text_completion", "generate_content", "embeddings", "Chat"].into_iter().chain(litellm) {
        let attributes =
            json!({"gen_ai.operation.name": operation, "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 5});
        assert_eq!(tokens_of(&attributes).input, 5, "{operation}");
    }
}

#[test]
fn old_names_and_those_of_others() {
    let expected =
        Tokens { input: 70, cache_read: 20, cache_write_5m: 10, output: 30, reasoning: 5, ..Tokens::default() };
    for attributes in [
        json!({"gen_ai.system": "openai", "gen_ai.response.model": "m", "gen_ai.usage.prompt_tokens": 100, "gen_ai.usage.completion_tokens": 30,
            "gen_ai.usage.cache_read_input_tokens": 20, "gen_ai.usage.cache_creation_input_tokens": 10, "gen_ai.usage.reasoning_tokens": 5}),
        json!({"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.prompt": "100", "llm.token_count.completion": 30.0,
            "llm.token_count.prompt_details.cache_read": 20, "llm.token_count.prompt_details.cache_write": 10,
            "llm.token_count.completion_details.reasoning": 5, "llm.token_count.total": 130}),
        // xAI: reasoning beside the completion.
        json!({"gen_ai.provider.name": "x_ai", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 25,
            "gen_ai.usage.cache_read.input_tokens": 20, "gen_ai.usage.cache_creation.input_tokens": 10,
            "gen_ai.usage.reasoning.output_tokens": 5, "gen_ai.usage.total_tokens": 130}),
    ] {
        assert_eq!(tokens_of(&attributes), expected, "{attributes}");
    }
    let total = json!({"llm.request.type": "embedding", "gen_ai.request.model": "m", "llm.usage.total_tokens": 8});
    assert_eq!(tokens_of(&total).input, 8, "embeddings that state nothing else");
    span(
        &json!({"gen_ai.system": "openai", "gen_ai.request.model": "m", "gen_ai.cost.total_cost": 0.25, "litellm.call_id": "c-1",
            "gen_ai.operation.name": "acompletion", "metadata.user_api_key_end_user_id": "ada"}),
        |result| {
            let usage = result.unwrap();
            assert_eq!(text(usage.dimensions.end_user), "ada");
            assert_eq!(
                (usage.reported.map(Cost::pico), text(usage.ids.call)),
                (Some(250_000_000_000), "c-1".to_owned())
            );
        },
    );
}

#[test]
fn a_call_that_failed_is_a_request() {
    let status = |record: &Value| {
        let mut status = None;
        with(&request(&json!({}), Signal::Traces, record), |result| status = result.ok().map(|usage| usage.status));
        status
    };
    let named = json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"});
    assert_eq!(status(&json!({"attributes": named, "status": {"code": 2}})), Some(500));
    assert_eq!(status(&json!({"attributes": named, "status": {"code": "STATUS_CODE_ERROR"}})), Some(500));
    assert_eq!(status(&json!({"attributes": named, "status": {"code": 1}})), None, "nothing used, nothing wrong");
    let refused = json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "error.type": "429"});
    assert_eq!(status(&json!({"attributes": refused})), Some(429));
    let any = json!({"http.request.method": "GET", "error.type": "500"});
    assert_eq!(status(&json!({"attributes": any, "status": {"code": 2}})), None, "some other span");
}

#[test]
fn what_cannot_be_counted_is_refused() {
    let refused = |attributes: &Value| match skip_of(attributes) {
        Skip::Rejected(class) => class,
        Skip::NotUsage | Skip::Beside => panic!("not usage: {attributes}"),
    };
    assert_eq!(refused(&json!({"gen_ai.system": "x", "gen_ai.usage.input_tokens": 5})), Rejection::Model);
    for bad in [json!(-1), json!(0.5), json!("many"), json!(4_294_967_296u64), json!(true)] {
        let attributes = json!({"gen_ai.system": "x", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": bad});
        assert_eq!(refused(&attributes), Rejection::Number, "{bad}");
    }
    let negative = json!({"gen_ai.system": "x", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 1, "gen_ai.usage.cost": -0.1});
    assert_eq!(refused(&negative), Rejection::Number);
    let json = [Err(Skip::Rejected(Rejection::Json))];
    for cut in [1, 2, 500, LOGS.len() - 1] {
        assert_eq!(of_body(Frame::Otlp(Signal::Logs, Encoding::Protobuf), &LOGS[..cut]), json, "all or nothing");
    }
    for body in [&b"{"[..], b"{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{}]}]}]", b""] {
        assert_eq!(of_body(Frame::Otlp(Signal::Logs, Encoding::Json), body), json);
    }
    assert_eq!(of_body(Frame::Otlp(Signal::Logs, Encoding::Protobuf), b""), [], "an empty export is none");
    assert_eq!(of_body(Frame::Otlp(Signal::Logs, Encoding::Json), b"{}"), []);
    assert_eq!(of_line(r#"{"resourceLogs":[]}"#), [Err(Skip::NotUsage)]);
}

/// With the members of every object the other way round.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().rev().map(|(key, value)| (key.clone(), reversed(value))).collect())
        }
        Value::Array(elements) => elements.iter().map(reversed).collect(),
        other => other.clone(),
    }
}

#[test]
fn members_stand_in_any_order_and_are_spelled_in_either_way() {
    let usual = OTLP.lines().nth(1).unwrap();
    let snake = [
        ("resourceLogs", "resource_logs"),
        ("scopeLogs", "scope_logs"),
        ("logRecords", "log_records"),
        ("timeUnixNano", "time_unix_nano"),
        ("stringValue", "string_value"),
        ("intValue", "int_value"),
        ("doubleValue", "double_value"),
    ]
    .into_iter()
    .fold(usual.to_owned(), |line, (camel, snake)| line.replace(camel, snake));
    assert_eq!(of_line(usual), of_line(&snake));
    let value: Value = serde_json::from_str(usual).unwrap();
    assert_eq!(of_line(usual), of_line(&reversed(&value).to_string()));
}

#[test]
fn labels_of_the_operators_own_are_attributes() {
    let paths = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
    let wanted = [
        (OwnLabel::new(0, "cost_center"), vec![paths("cost_center")]),
        (OwnLabel::new(1, "terminal"), vec![paths("nowhere"), paths("terminal.type")]),
    ];
    let labels = LabelPaths::new(wanted.iter().map(|(label, paths)| (*label, paths.as_slice()))).unwrap();
    let mut decoder = Decoder::new(Zone::UTC);
    decoder.look_for(Some(labels.into()));
    let mut counted = 0;
    let mut check = |result: Result<&Usage<'_>, Skip>| {
        if let Ok(usage) = result {
            let own = usage.dimensions.own.unwrap().map(text);
            assert_eq!(own[..2], ["eng-123", "tmux"], "of the resource; of the record");
            counted += 1;
        }
    };
    decoder.decode(0, OTLP.lines().nth(1).unwrap().as_bytes(), &mut |_, result| check(result));
    decoder.decode_body(Frame::Otlp(Signal::Logs, Encoding::Protobuf), 0, LOGS, &mut |_, result| check(result));
    assert_eq!(counted, 10);
}

/// Attributes that readers care for, and some they do not.
const NAMES: &[&str] = &[
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.system",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "gen_ai.response.id",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cost",
    "gen_ai.prompt",
    "gen_ai.response.finish_reasons",
    "user.id",
    "user.email",
    "session.id",
    "event.name",
    "event.sequence",
    "event.timestamp",
    "event.kind",
    "model",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "request_id",
    "input_token_count",
    "output_token_count",
    "conversation.id",
    "service.name",
    "team.id",
    "duration_ms",
    "status_code",
    "error.type",
    "litellm.cache_hit",
    "enduser.id",
    "enduser.pseudo.id",
    "litellm.end_user.id",
    "team.name",
    "team",
    "http.status_code",
    "openinference.span.kind",
    "traceloop.span.kind",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "llm.usage.total_tokens",
    "litellm.cost.total_cost",
    "litellm.cost.total",
    "",
    "\u{2026}",
];
const BODIES: &[&str] = &[
    "claude_code.api_request",
    "claude_code.api_error",
    "codex.sse_event",
    "gemini_cli.api_response",
    "gen_ai.client.inference.operation.details",
    "hello",
];

fn attribute() -> impl Strategy<Value = (&'static str, Value)> {
    let value = prop_oneof![
        (0u32..100_000).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0u32..1_000_000).prop_map(|cost| Value::from(f64::from(cost) / 1e6 + 1e-9)),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        "[0-9]{1,6}".prop_map(Value::from),
        prop::sample::select(vec![
            "chat",
            "claude-sonnet-4-6",
            "msg_01ABCDEFGHIJK",
            "response.completed",
            "a\"\\\n\u{1f600}b",
            ""
        ])
        .prop_map(Value::from),
        Just(json!(["stop", "length"])),
        Just(json!([])),
        Just(Value::Null),
    ];
    (prop::sample::select(NAMES), value)
}

/// Metrics that count, one that does not.
const METRIC_NAMES: &[&str] = &[
    "claude_code.cost.usage",
    "claude_code.token.usage",
    "gemini_cli.token.usage",
    "gen_ai.client.token.usage",
    "gen_ai.usage.cost",
    "gen_ai.client.inference.usage.input_tokens",
    "gen_ai.client.inference.usage.cache_read.input_tokens",
    "gen_ai.client.inference.usage.reasoning.output_tokens",
    "claude_code.session.count",
];
const TYPES: &[&str] = &["input", "output", "cacheRead", "cacheCreation", "cache", "thought", "tool", "other", ""];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// The same of metrics: sums and histograms of both kinds, points of few streams in any order.
    #[test]
    fn generated_metrics_mean_the_same_in_both_encodings(
        metrics in prop::collection::vec(
            (0..METRIC_NAMES.len(), 0..4usize, 0..4u64, prop::collection::vec(([0..TYPES.len(), 0..TYPES.len()], 0..3u8, 0..3u64, 0..4u64, prop_oneof![
                (0i64..100_000).prop_map(Value::from), any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from),
                (0u32..1000).prop_map(|cents| Value::from(f64::from(cents) / 100.0)), Just(Value::Null),
            ]), 0..5)),
            0..6,
        ),
    ) {
        let mut of_scope = Vec::new();
        for (name, kind, temporality, points) in &metrics {
            let (number, attributes) = [(5, 7), (7, 7), (9, 9), (10, 1)][*kind];
            let mut of_kind = Vec::new();
            for (of_type, session, start, time, value) in points {
                let mut point = Vec::new();
                twin::put_fixed(2, *start, &mut point);
                twin::put_fixed(3, *time * 1_000_000, &mut point);
                match (value.as_i64(), value.as_f64()) {
                    (Some(number), _) if *kind == 1 => twin::put_fixed(6, number.cast_unsigned(), &mut point),
                    (_, Some(number)) => twin::put_fixed(if *kind == 1 { 4 } else { 5 }, number.to_bits(), &mut point),
                    _ => {}
                }
                let said = of_type.map(|place| TYPES[place]);
                for (name, value) in [
                    ("model", "claude-sonnet-4-6"),
                    ("gen_ai.request.model", "m"),
                    ("type", said[0]),
                    ("gen_ai.token.type", said[1]),
                ] {
                    twin::put_attribute(attributes, name, &value.into(), &mut point);
                }
                twin::put_attribute(attributes, "session.id", &json!(format!("s-{session}")), &mut point);
                twin::put(1, &point, &mut of_kind);
            }
            twin::put_varint(2, *temporality, &mut of_kind);
            let mut metric = Vec::new();
            twin::put(number, &of_kind, &mut metric);
            twin::put(1, METRIC_NAMES[*name].as_bytes(), &mut metric);
            twin::put(2, &metric, &mut of_scope);
        }
        let (mut of_resource, mut body) = (Vec::new(), Vec::new());
        twin::put(2, &of_scope, &mut of_resource);
        twin::put(1, &of_resource, &mut body);
        let protobuf = of_body(Frame::Otlp(Signal::Metrics, Encoding::Protobuf), &body);
        let line = twin::json_of(Signal::Metrics, &body).unwrap().to_string();
        slow_reader::compare(line.as_bytes());
        prop_assert_eq!(&protobuf, &of_body(Frame::Otlp(Signal::Metrics, Encoding::Json), line.as_bytes()), "{}", line);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Requests written in protobuf, and the same said in JSON by a reader of protobuf that is not costtop's.
    #[test]
    fn generated_requests_mean_the_same_in_both_encodings(
        is_log: bool,
        resource in prop::collection::vec(attribute(), 0..4),
        records in prop::collection::vec((prop::collection::vec(attribute(), 0..14), 0..BODIES.len(), any::<[u64; 3]>(), any::<[u8; 24]>(), 0..4u64), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let signal = if is_log { Signal::Logs } else { Signal::Traces };
        let mut of_scope = Vec::new();
        for (attributes, body, times, ids, code) in &records {
            let mut record = Vec::new();
            let (trace, span) = ids.split_at(16);
            if is_log {
                twin::put_fixed(1, times[0], &mut record);
                twin::put(5, &twin::any(&BODIES[*body].into()), &mut record);
                twin::put(9, trace, &mut record);
                twin::put(10, span, &mut record);
                twin::put_fixed(11, times[1], &mut record);
            } else {
                twin::put(1, trace, &mut record);
                twin::put(2, span, &mut record);
                twin::put(5, b"chat", &mut record);
                twin::put_fixed(7, times[0], &mut record);
                twin::put_fixed(8, times[1], &mut record);
                let mut status = Vec::new();
                twin::put_varint(3, *code, &mut status);
                twin::put(15, &status, &mut record);
            }
            for (name, value) in attributes {
                twin::put_attribute(if is_log { 6 } else { 9 }, name, value, &mut record);
            }
            twin::put(2, &record, &mut of_scope);
        }
        let (mut of_resource, mut own, mut body) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in &resource {
            twin::put_attribute(1, name, value, &mut own);
        }
        twin::put(2, &of_scope, &mut of_resource);
        twin::put(1, &own, &mut of_resource);
        twin::put(1, &of_resource, &mut body);
        if let Some(cut) = cut {
            body.truncate(cut.index(body.len() + 1));
        }
        let protobuf = of_body(Frame::Otlp(signal, Encoding::Protobuf), &body);
        if let Some(json) = twin::json_of(signal, &body) {
            let line = json.to_string();
            slow_reader::compare(line.as_bytes());
            prop_assert_eq!(&protobuf, &of_body(Frame::Otlp(signal, Encoding::Json), line.as_bytes()), "{}", line);
        } else {
            prop_assert_eq!(protobuf, [Err(Skip::Rejected(Rejection::Json))]);
        }
    }
}
