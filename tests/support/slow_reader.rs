//! A second reader of every log format, built on `serde_json::Value`: slow, plain, and written from docs/formats.md. It exists to
//! disagree with the scanner; tests and the fuzz target share it.
//!
//! What cannot be compared, because `serde_json` decides otherwise than the scanner does on purpose: raw control characters and lone
//! surrogates in strings, `NaN` and `Infinity`, numbers beyond `f64`. Numbers that pass through `f64` here compare within its
//! precision. A line that the scanner may leave early is not checked to its end.

use std::collections::BTreeMap;
use std::fmt;

#[path = "slow_reader/agents.rs"]
mod agents;
#[path = "slow_reader/answers.rs"]
mod answers;
#[path = "slow_reader/bedrock_log.rs"]
mod bedrock_log;
#[path = "slow_reader/codex.rs"]
pub mod codex;
#[path = "slow_reader/gateway.rs"]
mod gateway;
#[path = "slow_reader/mapping.rs"]
mod mapping;
#[path = "slow_reader/media.rs"]
mod media;
#[path = "slow_reader/otlp.rs"]
mod otlp;
#[path = "slow_reader/wrappers.rs"]
mod wrappers;

use costtop::config::{MappingConfig, PRESETS};
use costtop::format::context::Context;
use costtop::format::mapping::Mappings;
use costtop::format::{Decoder, Line, Skip};
use costtop::money::Cost;
use costtop::time::{Timestamp, Zone, parse_rfc3339};
use costtop::usage::{Media, Origin, RawText, Rejection, Restated, Tokens, Usage};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

const EARLY: [&str; 7] =
    ["user", "system", "summary", "attachment", "file-history-snapshot", "queue-operation", "response_item"];

/// A value whose objects hold each key once, where it stood last.
struct Ordered(Value);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ordered, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Ordered;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut members = Vec::new();
                while let Some((key, Ordered(value))) = map.next_entry::<String, Ordered>()? {
                    members.push((key, value));
                }
                Ok(Ordered(object(members)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Ordered, A::Error> {
                let mut elements = Vec::new();
                while let Some(Ordered(element)) = seq.next_element()? {
                    elements.push(element);
                }
                Ok(Ordered(Value::Array(elements)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Ordered, E> {
                Ok(Ordered(text.into()))
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Ordered, E> {
                Ok(Ordered(truth.into()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Ordered, E> {
                Ok(Ordered(number.into()))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Ordered, E> {
                Ok(Ordered(number.into()))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Ordered, E> {
                Ok(Ordered(number.into()))
            }
            fn visit_unit<E>(self) -> Result<Ordered, E> {
                Ok(Ordered(Value::Null))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// An object of these members; of equal keys the last stays, where it stands.
fn object(members: impl IntoIterator<Item = (String, Value)>) -> Value {
    let mut map = serde_json::Map::new();
    for (key, value) in members {
        map.shift_remove(&key);
        map.insert(key, value);
    }
    Value::Object(map)
}

/// The last of these members of an object that is there.
fn last_of<'v>(value: &'v Value, names: &[&str]) -> &'v Value {
    static NULL: Value = Value::Null;
    let members = value.as_object().into_iter().flatten();
    members.rev().find(|(key, _)| names.contains(&key.as_str())).map_or(&NULL, |(_, value)| value)
}

/// Members of an object in order, duplicates included; or any other value.
enum Record {
    Object(Vec<(String, Value)>),
    /// How deep it is nested.
    Other(usize),
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Record, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Record;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
                let mut members = Vec::new();
                while let Some((key, Ordered(value))) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(Record::Object(members))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Record, A::Error> {
                let mut deepest = 0;
                while let Some(Ordered(element)) = seq.next_element()? {
                    deepest = deepest.max(depth(&element));
                }
                Ok(Record::Other(deepest + 1))
            }
            fn visit_str<E>(self, _: &str) -> Result<Record, E> {
                Ok(Record::Other(0))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Record, E> {
                Ok(Record::Other(0))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Record, E> {
                Ok(Record::Other(0))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Record, E> {
                Ok(Record::Other(0))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Record, E> {
                Ok(Record::Other(0))
            }
            fn visit_unit<E>(self) -> Result<Record, E> {
                Ok(Record::Other(0))
            }
        }
        deserializer.deserialize_any(Members)
    }
}

/// A text as this reader sees it; a number that went through `f64` has lost its spelling.
#[derive(Clone, Debug, Default, PartialEq)]
enum Text {
    #[default]
    None,
    Is(String),
    Any,
}

impl Text {
    fn or(self, other: Text) -> Text {
        if self == Text::None { other } else { self }
    }

    fn is(&self, text: &str) -> bool {
        matches!(self, Text::Is(this) if this == text)
    }
}

/// What a record should say.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of a usage")]
pub struct Expected {
    origin: Origin,
    side_chain: bool,
    is_final: bool,
    cache_hit: bool,
    subscription: bool,
    saved: Option<i64>,
    own_request: bool,
    tokens: Tokens,
    media: Media,
    time: Option<f64>,
    exact_time: Option<Timestamp>,
    reported: Option<Cost>,
    restated: Option<Restated>,
    /// Of telemetry that shares no id with a client's own files: its sessions and counts.
    twin: Option<([Text; 2], [u32; 5])>,
    /// status, latency, `max_tokens`, revision
    numbers: [f64; 4],
    texts: BTreeMap<&'static str, Text>,
    /// `serde_json` refuses what the scanner may accept: anything will do.
    any: bool,
}

/// Reads `line` both ways and panics where they differ.
pub fn compare(line: &[u8]) {
    compare_with(&[], line);
}

/// The same with mappings of a configuration.
pub fn compare_with(own: &[MappingConfig], line: &[u8]) {
    let mappings = Mappings::new(own);
    let mut fast: Vec<Result<String, Skip>> = Vec::new();
    let mut indices = Vec::new();
    let mut decoder = Decoder::new(Zone::UTC);
    decoder.map(mappings.as_ref());
    let kind = decoder.decode(0, line, &mut |at, result| {
        indices.push(at.index);
        fast.push(result.map(|usage| format!("{usage:?}")));
    });
    assert!(indices.iter().enumerate().all(|(place, index)| place == *index as usize), "indices {indices:?}");
    // What a decoder has read before must not matter, but for texts that go on: each format's reader meets the line first once.
    for warm_up in [
        &br#"{"type":"assistant","message":{}}"#[..],
        br#"{"call_type":"x","response_cost":0}"#,
        br#"{"call_type":"x","spend":0}"#,
        br#"{"usage":{"total_tokens":1}}"#,
        br#"{"schemaType":"ModelInvocationLog"}"#,
        br#"{"ai":{"proxy":{}}}"#,
        br#"{"ai_model":"m","req_units":1}"#,
        br#"{"resourceLogs":[]}"#,
        br#"{"type":"turn_context","payload":{"model":"m"}}"#,
        br#"{"type":"gemini","tokens":{}}"#,
        br#"{"sessionID":"s","modelID":"m","tokens":{}}"#,
        br#"{"type":"message","parentId":"p","message":{}}"#,
        br#"{"type":"message_stop"}"#,
        br#"{"model":"m"}"#,
    ] {
        decoder.decode(0, warm_up, &mut |_, _| {});
        decoder.go_on_with(Context::default());
        let mut again = Vec::new();
        let same = decoder.decode(0, line, &mut |_, result| again.push(result.map(|usage| format!("{usage:?}"))));
        assert_eq!((kind, &fast), (same, &again), "depends on the lines before: {}", String::from_utf8_lossy(line));
    }
    decoder.go_on_with(Context::default());
    let show = || format!("\nline: {}\nfast: {fast:#?}", String::from_utf8_lossy(line));

    let text = String::from_utf8_lossy(line).into_owned();
    if std::str::from_utf8(line).is_err()
        && !text.trim_start_matches([' ', '\t', '\r', '\n', '\u{feff}']).starts_with('{')
    {
        // What stands for broken UTF-8 is longer than it was, and prefixes are believed up to a length.
        return;
    }
    let mut fates = Vec::new();
    let slow = wrappers::read(own, &text, 0, &mut fates);
    match slow {
        wrappers::Seen::Blank => assert!(kind == Line::Blank && fast.is_empty(), "a blank line{}", show()),
        wrappers::Seen::Part => assert!(kind == Line::Part && fast.is_empty(), "a part{}", show()),
        wrappers::Seen::Joined => {}
        wrappers::Seen::Unsure(error) => {
            let refused =
                fast.iter().any(|fate| matches!(fate, Err(Skip::Rejected(Rejection::Json | Rejection::Depth))));
            let early = fast.first() == Some(&Err(Skip::NotUsage))
                && (text.contains('\\') || EARLY.iter().any(|kind| text.contains(kind)));
            assert!(is_lenient(&error, &text) || refused || early, "serde_json refuses: {error}{}", show());
        }
        wrappers::Seen::Records => {
            assert!(kind != Line::Blank && kind != Line::Part, "kind {kind:?}{}", show());
            assert_eq!(fates.len(), fast.len(), "records: {fates:#?}{}", show());
            let mut slow = fates.iter();
            decoder.decode(0, line, &mut |_, result| match (result, slow.next().expect("as many as counted")) {
                (_, Ok(Expected { any: true, .. })) => {}
                (Ok(usage), Ok(expected)) => same(usage, expected, &text),
                (Err(fast), Err(slow)) if fast == *slow => {}
                (fast, slow) => assert!(
                    imprecise(&text) && fast.is_err_and(|skip| skip == Skip::Rejected(Rejection::Number)),
                    "fates differ, slow: {slow:#?}{}",
                    show()
                ),
            });
        }
    }
}

/// Whether `serde_json` refuses what the scanner accepts on purpose.
fn is_lenient(error: &str, text: &str) -> bool {
    ["control character", "lone leading surrogate", "unexpected end of hex escape", "number out of range"]
        .iter()
        .any(|known| error.starts_with(known))
        || text.contains("NaN")
        || text.contains("Infinity")
}

/// Whether the line holds numbers that `f64` cannot tell from their neighbours.
fn imprecise(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(16).any(|run| run.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
        || bytes.windows(3).any(|run| matches!(run, [b'e' | b'E', b'-' | b'+' | b'0'..=b'9', b'0'..=b'9']))
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn depth_of(record: &Record) -> usize {
    match record {
        Record::Object(members) => 1 + members.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        Record::Other(depth) => *depth,
    }
}

/// Whether the scanner leaves a record of these members before its end.
fn leaves_early(members: &[(String, Value)]) -> bool {
    members.iter().any(|(key, value)| key == "type" && value.as_str().is_some_and(|kind| EARLY.contains(&kind)))
}

fn read(own_mappings: &[MappingConfig], record: &Record) -> Result<Expected, Skip> {
    let Record::Object(members) = record else { return Err(Skip::NotUsage) };
    if depth_of(record) <= 64 {
        let whole = object(members.iter().cloned());
        if let Some(mapping) = own_mappings.iter().find(|mapping| mapping::means(mapping, &whole)) {
            return mapping::read(mapping, &whole);
        }
    }
    for (key, value) in members {
        if key == "type" && value.as_str().is_some_and(|kind| EARLY.contains(&kind)) {
            return Err(Skip::NotUsage);
        }
        if 1 + depth(value) > 64 {
            return Err(Skip::Rejected(Rejection::Depth));
        }
    }
    let record = object(members.iter().cloned());
    if let Some(mapping) = preset(own_mappings, &record) {
        return mapping::read(mapping, &record);
    }
    match kind(members, &record) {
        Some(Kind::BedrockLog) => bedrock_log::read(&record),
        Some(Kind::LiteLlm) => gateway::litellm(&record),
        Some(Kind::SpendRow) => gateway::spend_row(&record),
        Some(Kind::ClaudeCode) => claude_code(&record, record["type"].as_str() == Some("progress")),
        Some(Kind::Codex) => Err(codex_alone(&record)),
        Some(Kind::Agent) => agents::one(&record).expect("told apart before"),
        Some(Kind::Answer) => {
            let answer = answers::find(&record).expect("found before");
            answers::read(&answer, members, &record)
        }
        Some(Kind::Own) => own(members, &record, record["type"].as_str().unwrap_or_default()),
        // The attributes of an event stand for themselves; telemetry's own tests read them.
        Some(Kind::Otlp) if is_event(&record) => Ok(Expected { any: true, ..Expected::default() }),
        // An export request is read as several records before.
        Some(Kind::Otlp) | None => Err(Skip::NotUsage),
    }
}

/// The built-in mapping that describes a record, if none of the configuration has its name.
fn preset(own: &[MappingConfig], record: &Value) -> Option<&'static MappingConfig> {
    let replaced = |mapping: &&MappingConfig| own.iter().any(|own| own.name == mapping.name);
    let means = |mapping: &&MappingConfig| mapping::means(mapping, record) && !mapping::is_silent(mapping, record);
    PRESETS.iter().filter(|mapping| !replaced(mapping)).find(means)
}

/// Whether a mapping describes a record: one of the configuration whatever its type, one built in where the scanner gets that far.
fn is_mapped(own: &[MappingConfig], members: &[(String, Value)], record: &Value) -> bool {
    own.iter().any(|mapping| mapping::means(mapping, record)) || !leaves_early(members) && preset(own, record).is_some()
}

/// What a record is that no mapping describes.
enum Kind {
    Otlp,
    BedrockLog,
    LiteLlm,
    SpendRow,
    ClaudeCode,
    Codex,
    Agent,
    Answer,
    Own,
}

/// What makes a record an export request.
const OTLP: [&str; 6] =
    ["resourceLogs", "resourceSpans", "resourceMetrics", "resource_logs", "resource_spans", "resource_metrics"];

/// Whether a record is an event that Gemini CLI wrote to its file.
fn is_event(record: &Value) -> bool {
    record["attributes"]["event.name"].as_str().is_some_and(|name| name.starts_with("gemini_cli."))
}

fn kind(members: &[(String, Value)], record: &Value) -> Option<Kind> {
    let has = |key: &str| record.get(key).is_some();
    let stated = record["type"].as_str().unwrap_or_default();
    let own_type = |value: &Value| matches!(value.as_str(), Some("charge" | "adjustment" | "transfer" | "outcome"));
    let own_names = [
        "model",
        "input_tokens",
        "inputTokens",
        "output_tokens",
        "outputTokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cache_write_5m_tokens",
        "cache_write_1h_tokens",
        "prompt_tokens",
        "completion_tokens",
        "cost_usd",
        "cost",
    ];
    if members.iter().any(|(key, value)| OTLP.contains(&key.as_str()) && value.is_array()) || is_event(record) {
        Some(Kind::Otlp)
    } else if record["schemaType"].as_str() == Some("ModelInvocationLog") {
        Some(Kind::BedrockLog)
    } else if has("call_type") && has("response_cost") {
        Some(Kind::LiteLlm)
    } else if has("call_type") && has("spend") {
        Some(Kind::SpendRow)
    } else if matches!(stated, "assistant" | "progress") && (has("message") || has("data")) {
        Some(Kind::ClaudeCode)
    } else if matches!(stated, "session_meta" | "turn_context" | "event_msg") && has("payload") {
        Some(Kind::Codex)
    } else if agents::is_one(record) {
        Some(Kind::Agent)
    } else if !matches!(stated, "result" | "turn.completed") && answers::find(record).is_some() {
        Some(Kind::Answer)
    } else if members.iter().any(|(key, value)| key == "type" && own_type(value))
        || own_names.iter().any(|key| has(key))
    {
        Some(Kind::Own)
    } else {
        None
    }
}

fn text(value: &Value) -> Text {
    match value {
        Value::String(text) if !text.is_empty() => Text::Is(text.clone()),
        Value::Number(number) if number.is_f64() => Text::Any,
        Value::Number(number) => Text::Is(number.to_string()),
        _ => Text::None,
    }
}

fn decimal(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c)) => text.parse().ok(),
        _ => None,
    }
}

fn tokens(value: &Value) -> Result<u32, Skip> {
    if value.is_null() {
        return Ok(0);
    }
    decimal(value)
        .filter(|number| *number >= 0.0 && number.fract() == 0.0 && *number <= f64::from(u32::MAX))
        .filter(|_| !value.as_str().is_some_and(|text| text.starts_with('+')))
        .map(|number| number as u32)
        .ok_or(Skip::Rejected(Rejection::Number))
}

fn cost(value: &Value) -> Result<Option<Cost>, Skip> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(Skip::Rejected(Rejection::Number)),
    };
    Cost::parse(text.as_bytes()).map(Some).map_err(|_| Skip::Rejected(Rejection::Number))
}

fn truth(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true")))
}

fn first(values: [&Value; 2]) -> &Value {
    if values[0].is_null() { values[1] } else { values[0] }
}

fn set_time(expected: &mut Expected, value: &Value) {
    expected.exact_time = value.as_str().and_then(|text| parse_rfc3339(text.as_bytes(), Zone::UTC));
    if expected.exact_time.is_none() {
        expected.time = decimal(value).filter(|number| *number > 0.0 && *number < 1e19);
    }
}

/// Whether a time was found that is one.
fn has_time(expected: &Expected) -> bool {
    expected.exact_time.is_some() || expected.time.is_some_and(|time| time >= 1e-9)
}

/// Whether the time that was found may be one where a duration can stand, too.
fn is_after_2000(expected: &Expected) -> bool {
    let seconds = expected.time.map(|count| {
        let parts = [1e11, 1e14, 1e17].into_iter().filter(|least| count >= *least).count();
        count / 1000f64.powi(parts as i32)
    });
    expected.exact_time.is_some_and(|time| time.ms() >= 946_684_800_000)
        || seconds.is_some_and(|it| it >= 946_684_800.0)
}

fn number(value: &Value) -> f64 {
    decimal(value).unwrap_or(0.0)
}

/// Two spellings of one field: the later one counts.
fn either(members: &[(String, Value)], one: &str, other: &str) -> Value {
    members.iter().rev().find(|(key, _)| key == one || key == other).map_or(Value::Null, |(_, value)| value.clone())
}

fn own(members: &[(String, Value)], record: &Value, kind: &str) -> Result<Expected, Skip> {
    if matches!(kind, "adjustment" | "transfer" | "outcome") {
        return Err(Skip::Beside);
    }
    let mut model = text(&record["model"]);
    if kind == "charge" {
        model = model.or(text(&record["kind"]));
    }
    let (input, output) =
        (either(members, "input_tokens", "inputTokens"), either(members, "output_tokens", "outputTokens"));
    let write = first([&record["cache_write_5m_tokens"], &record["cache_write_tokens"]]);
    let states = [
        &input,
        &output,
        &record["reasoning_tokens"],
        &record["cache_read_tokens"],
        write,
        &record["cache_write_1h_tokens"],
        &record["web_searches"],
        &record["prompt_tokens"],
        &record["completion_tokens"],
        &record["cached_tokens"],
    ];
    let (reported, restated) = amounts(members, record)?;
    if states.iter().all(|value| value.is_null()) && reported.is_none() && restated.is_none() {
        return Err(Skip::NotUsage);
    }
    let output = tokens(first([&output, &record["completion_tokens"]]))?;
    let read = tokens(first([&record["cache_read_tokens"], &record["cached_tokens"]]))?;
    let (five, hour) = (tokens(write)?, tokens(&record["cache_write_1h_tokens"])?);
    let uncached = if input.is_null() {
        let cached = u64::from(read) + u64::from(five) + u64::from(hour);
        u64::from(tokens(&record["prompt_tokens"])?).saturating_sub(cached) as u32
    } else {
        tokens(&input)?
    };
    let tokens = Tokens {
        input: uncached,
        cache_read: read,
        cache_write_5m: five,
        cache_write_1h: hour,
        output,
        reasoning: tokens(&record["reasoning_tokens"])?.min(output),
        web_searches: tokens(&record["web_searches"])?,
    };
    let media = media::own(record, &tokens)?;
    if model.is("<synthetic>") {
        return Err(Skip::NotUsage);
    }
    if model == Text::None && reported.is_none() && !matches!(restated, Some(Restated::Computed(_))) {
        return Err(Skip::Rejected(Rejection::Model));
    }
    let mut expected = Expected { tokens, media, reported, restated, ..frame(members, record) };
    expected.texts.insert("model", model);
    Ok(expected)
}

/// What the record reports, and what costtop said before.
fn amounts(members: &[(String, Value)], record: &Value) -> Result<(Option<Cost>, Option<Restated>), Skip> {
    let charged = cost(&either(members, "cost_usd", "cost"))?;
    let computed = cost(&record["computed_usd"])?.map(Restated::Computed);
    Ok(match record["cost_source"].as_str() {
        Some("computed") => (None, charged.map(Restated::Computed).or(computed)),
        Some("unpriced") => (None, Some(Restated::Unpriced)),
        Some("reported") if charged.is_some() => (charged, computed.or(Some(Restated::Unpriced))),
        _ => (charged, computed),
    })
}

fn saved(value: &Value) -> Option<i64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    costtop::money::Money::parse(text.as_bytes()).ok().and_then(|money| i64::try_from(money.pico()).ok())
}

/// Costtop's own names, all but tokens, amounts and model.
fn frame(members: &[(String, Value)], record: &Value) -> Expected {
    let mut expected = Expected {
        is_final: true,
        own_request: true,
        cache_hit: truth(&record["cache_hit"]),
        subscription: record["billing"] == "subscription",
        saved: saved(&record["cache_saved_usd"]),
        numbers: ["status", "latency_ms", "max_tokens", "revision"].map(|key| number(&record[key])),
        ..Expected::default()
    };
    set_time(&mut expected, first([&record["ts"], &record["timestamp"]]));
    for name in ["time", "created_at", "created"] {
        if !has_time(&expected) {
            set_time(&mut expected, &record[name]);
            if !is_after_2000(&expected) {
                (expected.exact_time, expected.time) = (None, None);
            }
        }
    }
    for (name, key) in [
        ("response", "response_id"),
        ("request", "request_id"),
        ("call", "call_id"),
        ("provider", "provider"),
        ("end_user", "end_user"),
        ("email", "user_email"),
        ("key_alias", "key"),
        ("team", "team"),
        ("project", "project"),
        ("agent", "agent"),
        ("host", "host"),
        ("session", "session_id"),
        ("region", "region"),
        ("data_residency", "data_residency"),
        ("vertex_location", "vertex_location"),
        ("geo", "inference_geo"),
        ("speed", "speed"),
        ("stop_reason", "stop_reason"),
        ("retry_of", "retry_of"),
    ] {
        expected.texts.insert(name, text(&record[key]));
    }
    expected.texts.insert("tier", text(&either(members, "tier", "service_tier")));
    expected.texts.insert("user", text(&record["user"]).or(text(&record["user_id"])));
    expected.texts.insert("feature", text(&record["feature"]).or(text(&record["task_type"])));
    expected
}

fn claude_tokens(usage: &Value) -> Result<Tokens, Skip> {
    let split = &usage["cache_creation"];
    let hour = tokens(&split["ephemeral_1h_input_tokens"])?;
    let five = tokens(&split["ephemeral_5m_input_tokens"])?;
    let total = &usage["cache_creation_input_tokens"];
    let output = tokens(&usage["output_tokens"])?;
    Ok(Tokens {
        input: tokens(&usage["input_tokens"])?,
        cache_read: tokens(&usage["cache_read_input_tokens"])?,
        cache_write_5m: if total.is_null() { five } else { tokens(total)?.saturating_sub(hour) },
        cache_write_1h: hour,
        output,
        reasoning: tokens(&usage["output_tokens_details"]["thinking_tokens"])?.min(output),
        web_searches: tokens(&usage["server_tool_use"]["web_search_requests"])?,
    })
}

/// The totals and what compactions add to them.
fn claude_usage(usage: &Value) -> Result<Tokens, Skip> {
    let mut sum = claude_tokens(usage)?;
    let mut fits = true;
    for entry in usage["iterations"].as_array().into_iter().flatten() {
        if entry["type"].as_str() == Some("compaction") {
            let more = claude_tokens(entry)?;
            let mut add = |to: &mut u32, more: u32| match to.checked_add(more) {
                Some(total) => *to = total,
                None => fits = false,
            };
            add(&mut sum.input, more.input);
            add(&mut sum.cache_read, more.cache_read);
            add(&mut sum.cache_write_5m, more.cache_write_5m);
            add(&mut sum.cache_write_1h, more.cache_write_1h);
            add(&mut sum.output, more.output);
            add(&mut sum.reasoning, more.reasoning);
            add(&mut sum.web_searches, more.web_searches);
        }
    }
    if !fits {
        return Err(Skip::Rejected(Rejection::Number));
    }
    Ok(sum)
}

/// What a line of a Codex rollout is by itself: without its session's model nothing is billed.
fn codex_alone(record: &Value) -> Skip {
    let payload = &record["payload"];
    let info = &payload["info"];
    if record["type"] != "event_msg" || payload["type"] != "token_count" {
        return Skip::NotUsage;
    }
    let number = |value: &Value| {
        if value.is_null() {
            return Ok(0.0);
        }
        decimal(value)
            .filter(|number| *number >= 0.0 && number.fract() == 0.0 && *number <= u64::MAX as f64)
            .filter(|_| !value.as_str().is_some_and(|text| text.starts_with('+')))
            .ok_or(Skip::Rejected(Rejection::Number))
    };
    let read = |usage: &Value| -> Result<Option<[f64; 5]>, Skip> {
        if !usage.is_object() {
            return Ok(None);
        }
        let mut counts = [0.0; 5];
        for (count, field) in counts.iter_mut().zip(codex::FIELDS) {
            *count = number(&usage[field])?;
        }
        Ok(Some(counts))
    };
    let last = match read(&info["total_token_usage"]).and_then(|_| read(&info["last_token_usage"])) {
        Ok(last) => last,
        Err(skip) => return skip,
    };
    match last {
        None => Skip::NotUsage,
        Some(last) if last.iter().all(|count| *count < 1.0) => Skip::NotUsage,
        Some([input, cached, write, output, _]) => {
            let read = cached.min(input);
            let write = write.min(input - read);
            let most = f64::from(u32::MAX);
            let fits = [input - read - write, read, write, output].iter().all(|count| *count <= most);
            Skip::Rejected(if fits { Rejection::Model } else { Rejection::Number })
        }
    }
}

fn claude_code(record: &Value, progress: bool) -> Result<Expected, Skip> {
    let inner = &record["data"]["message"];
    let (message, stamp, request, agent) = if progress {
        (
            &inner["message"],
            first([&inner["timestamp"], &record["timestamp"]]),
            text(&inner["requestId"]).or(text(&record["requestId"])),
            text(&record["data"]["agentId"]).or(text(&record["agentId"])),
        )
    } else {
        (&record["message"], &record["timestamp"], text(&record["requestId"]), text(&record["agentId"]))
    };
    let usage = &message["usage"];
    let model = text(&message["model"]);
    if !usage.is_object() || model.is("<synthetic>") {
        return Err(Skip::NotUsage);
    }
    if model == Text::None {
        return Err(Skip::Rejected(Rejection::Model));
    }
    let sum = claude_usage(usage)?;
    let stated = claude_tokens(usage)?;
    let written = stated.cache_write_5m.saturating_add(stated.cache_write_1h);
    let twin = ([text(&record["sessionId"]), Text::None], [stated.input, stated.cache_read, written, 0, 0]);
    let mut expected = Expected {
        twin: Some(twin).filter(|_| request == Text::None),
        origin: Origin::Transcript,
        side_chain: progress || truth(&record["isSidechain"]),
        is_final: text(&message["stop_reason"]) != Text::None,
        tokens: sum,
        reported: cost(&record["costUSD"])?,
        numbers: [if truth(&record["isApiErrorMessage"]) { 500.0 } else { 0.0 }, 0.0, 0.0, 0.0],
        ..Expected::default()
    };
    set_time(&mut expected, stamp);
    let claude = matches!(&model, Text::Is(model) if model.starts_with("claude"));
    expected.texts.extend([
        ("response", text(&message["id"])),
        ("request", request),
        ("agent", agent),
        ("project", text(&record["cwd"])),
        ("session", text(&record["sessionId"])),
        ("stop_reason", text(&message["stop_reason"])),
        ("tier", text(&usage["service_tier"])),
        ("speed", text(&usage["speed"])),
        ("geo", text(&usage["inference_geo"])),
        ("provider", if claude { Text::Is("anthropic".to_owned()) } else { Text::None }),
        ("model", model),
    ]);
    Ok(expected)
}

/// What a record says beside its fate: models that were asked for advice, each a request of its own.
fn advisors(own: &[MappingConfig], record: &Record, fate: &Result<Expected, Skip>) -> Vec<Result<Expected, Skip>> {
    let (Record::Object(members), Ok(asked)) = (record, fate) else { return Vec::new() };
    let record = object(members.iter().cloned());
    if is_mapped(own, members, &record) || asked.any || asked.reported.is_some() || asked.restated.is_some() {
        return Vec::new();
    }
    let usage = match kind(members, &record) {
        Some(Kind::ClaudeCode) if record["type"].as_str() == Some("progress") => {
            &record["data"]["message"]["message"]["usage"]
        }
        Some(Kind::ClaudeCode) => &record["message"]["usage"],
        Some(Kind::Answer) => match answers::find(&record) {
            Some(answer) if answer.api == "anthropic" => &answer.body["usage"],
            _ => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    let entries = usage["iterations"].as_array().into_iter().flatten();
    let asked_for =
        entries.filter(|entry| text(&entry["type"]).is("advisor_message") && text(&entry["model"]) != Text::None);
    let name = |of: &str, number: usize| match asked.texts.get(of).cloned().unwrap_or_default() {
        Text::Is(id) => Text::Is(format!("{id}+{number}")),
        other => other,
    };
    let said = asked_for.enumerate().map(|(number, entry)| {
        let mut expected = Expected { tokens: claude_tokens(entry)?, is_final: true, twin: None, ..asked.clone() };
        (expected.numbers[1], expected.numbers[2]) = (0.0, 0.0);
        let response = name("response", number);
        let request = if response == Text::None { name("request", number) } else { Text::None };
        expected.texts.extend([
            ("response", response),
            ("request", request),
            ("call", Text::None),
            ("stop_reason", Text::None),
            ("model", text(&entry["model"])),
        ]);
        Ok(expected)
    });
    said.collect()
}

/// Panics where the scanner's usage is not the expected one.
fn same(usage: &Usage<'_>, expected: &Expected, line: &str) {
    let show = format!("\nline: {line}\nfast: {usage:#?}\nslow: {expected:#?}");
    assert_eq!(
        (usage.origin, usage.side_chain, usage.is_final, usage.cache_hit, usage.ids.own_request, usage.tokens),
        (
            expected.origin,
            expected.side_chain,
            expected.is_final,
            expected.cache_hit,
            expected.own_request,
            expected.tokens
        ),
        "{show}"
    );
    assert_eq!((usage.subscription, usage.saved_pico), (expected.subscription, expected.saved), "{show}");
    assert_eq!(usage.media, expected.media, "{show}");
    let near = |one: Cost, other: Cost| one.pico().abs_diff(other.pico()) <= 1 + one.pico() / 100_000_000_000_000;
    assert!(
        match (usage.reported, expected.reported) {
            (Some(one), Some(other)) => near(one, other),
            (one, other) => one == other,
        },
        "reported{show}"
    );
    assert!(
        match (usage.restated, expected.restated) {
            (Some(Restated::Computed(one)), Some(Restated::Computed(other))) => near(one, other),
            (one, other) => one == other,
        },
        "restated{show}"
    );
    if expected.exact_time.is_some() {
        assert_eq!(usage.time, expected.exact_time, "time{show}");
    } else {
        let seconds = expected.time.filter(|time| *time >= 1e-9);
        let unit = |time: f64| {
            [(1e11, 1000.0), (1e14, 1.0), (1e17, 1e-3)]
                .iter()
                .find(|(below, _)| time < *below)
                .map_or(1e-6, |(_, unit)| *unit)
        };
        let fits = match (usage.time, seconds) {
            (None, None) => true,
            // Within f64's error of where one unit ends and the next begins, or of the largest amount.
            (_, Some(time)) if [1e11, 1e14, 1e17, 1e19].iter().any(|edge| (time / edge - 1.0).abs() < 1e-12) => true,
            (Some(fast), Some(time)) => (fast.ms() as f64 - time * unit(time)).abs() <= 1.5 + time * unit(time) * 1e-14,
            (Some(fast), None) => fast.ms() == 0,
            (None, Some(_)) => false,
        };
        assert!(fits, "time{show}");
    }
    let fast = [u32::from(usage.status), usage.latency_ms, usage.max_tokens, usage.revision];
    for (place, (fast, slow)) in fast.into_iter().zip(expected.numbers).enumerate() {
        let limit = if place == 0 { 65535.0 } else { f64::from(u32::MAX) };
        let slow_cut = if (0.0..limit + 1.0).contains(&slow) { slow.trunc() } else { 0.0 };
        let rounded = slow.fract() != 0.0 && (f64::from(fast) - slow).abs() <= 1.001;
        let at_edge = (slow - limit).abs() <= 1.001;
        assert!((f64::from(fast) - slow_cut).abs() < 0.5 || rounded || at_edge, "number {place}{show}");
    }
    let (ids, who, terms) = (&usage.ids, &usage.dimensions, &usage.terms);
    let texts: [(&str, RawText<'_>); 25] = [
        ("response", ids.response),
        ("request", ids.request),
        ("call", ids.call),
        ("span", ids.span),
        ("model", usage.model),
        ("provider", usage.provider),
        ("end_user", who.end_user),
        ("user", who.user),
        ("email", who.user_email),
        ("key_alias", who.key_alias),
        ("key_hash", who.key_hash),
        ("team", who.team),
        ("project", who.project),
        ("feature", who.feature),
        ("agent", who.agent),
        ("host", who.host),
        ("session", who.session),
        ("tier", terms.tier),
        ("region", terms.region),
        ("data_residency", terms.data_residency),
        ("vertex_location", terms.vertex_location),
        ("geo", terms.inference_geo),
        ("speed", terms.speed),
        ("stop_reason", usage.stop_reason),
        ("retry_of", usage.retry_of),
    ];
    if usage.origin == Origin::OpenTelemetry {
        let says = |slow: &Text, fast: RawText<'_>| match slow {
            Text::Any => true,
            Text::None => fast.bytes().is_empty(),
            Text::Is(slow) => String::from_utf8_lossy(&fast.bytes()) == *slow,
        };
        let fits = match (&expected.twin, &usage.twin) {
            (Some((sessions, counts)), Some(twin)) => {
                *counts == twin.counts && sessions.iter().zip(twin.sessions).all(|(slow, fast)| says(slow, fast))
            }
            (slow, fast) => slow.is_none() && fast.is_none(),
        };
        assert!(fits, "twin {:?}{show}", expected.twin);
    }
    for (name, fast) in texts {
        let bytes = fast.bytes();
        let fits = match expected.texts.get(name).unwrap_or(&Text::None) {
            Text::Any => true,
            Text::None => {
                bytes.is_empty() || (name == "key_alias" && line.contains("ModelInvocationLog") && line.contains("\\u"))
            }
            Text::Is(slow) => {
                let fast = String::from_utf8_lossy(&bytes);
                // Signs that part an ARN are not looked for in escapes of their numbers.
                let of_arn = matches!(name, "user" | "key_alias") && line.contains("ModelInvocationLog");
                // A provider that is spelled with escapes is not cut off the model.
                fast == *slow
                    || (of_arn && line.contains("\\u"))
                    || (name == "model" && line.contains('\\') && fast.ends_with(&format!("/{slow}")))
            }
        };
        assert!(fits, "{name}{show}");
    }
}
