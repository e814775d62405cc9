//! Coding agents' files and streamed answers, as the slow reader sees one line of them: what stood before it is not known.

use costtop::format::Skip;
use costtop::usage::{Origin, Rejection, Tokens};
use serde_json::Value;

use super::{Expected, Record, Text, amounts, claude_usage, cost, first, leaves_early, object, set_time, text, tokens};

/// Whether what comes behind a record may hang on it.
pub fn has_context(record: &Record) -> bool {
    let Record::Object(members) = record else { return false };
    let record = object(members.iter().cloned());
    matches!(kind(&record), "session_meta" | "turn_context" | "event_msg" | "message_start" | "session")
        || record.get("sessionId").is_some() && record.get("projectHash").is_some()
}

fn kind(record: &Value) -> &str {
    record["type"].as_str().unwrap_or_default()
}

fn is_before(record: &Value) -> bool {
    let has = |key: &str| record.get(key).is_some();
    let is_claude = matches!(kind(record), "assistant" | "progress") && (has("message") || has("data"));
    let is_invocation = record["schemaType"].as_str() == Some("ModelInvocationLog");
    is_invocation || has("call_type") && (has("response_cost") || has("spend")) || is_claude
}

/// The fates of a record that is a chat's: as many as it has messages.
pub fn many(record: &Record) -> Option<Vec<Result<Expected, Skip>>> {
    let Record::Object(members) = record else { return None };
    if leaves_early(members) || super::depth_of(record) > 64 {
        return None;
    }
    let record = object(members.iter().cloned());
    let is_codex =
        matches!(kind(&record), "session_meta" | "turn_context" | "event_msg") && record.get("payload").is_some();
    if is_before(&record) || is_codex || !is_chat(&record) {
        return None;
    }
    let session = text(&record["sessionId"]);
    let is_subagent = session != Text::None && record["kind"].as_str() == Some("subagent");
    // Of the two places the later one counts.
    let mut places = members.iter().filter_map(|(key, value)| match key.as_str() {
        "messages" => Some(value.clone()),
        "$set" => value.get("messages").cloned(),
        _ => None,
    });
    let messages = places.next_back();
    let one = |message: &Value| answer(message, &session, is_subagent);
    Some(match messages {
        None => vec![one(&record)],
        Some(Value::Array(messages)) if !messages.is_empty() => messages.iter().map(one).collect(),
        Some(_) => vec![Err(Skip::NotUsage)],
    })
}

fn is_chat(record: &Value) -> bool {
    kind(record) == "gemini" && record["tokens"].is_object()
        || record.get("sessionId").is_some() && record.get("projectHash").is_some()
        || record["$set"].is_object()
}

fn answer(message: &Value, session: &Text, is_subagent: bool) -> Result<Expected, Skip> {
    let counts = &message["tokens"];
    if kind(message) != "gemini" || !counts.is_object() {
        return Err(Skip::NotUsage);
    }
    let (cached, thoughts) = (tokens(&counts["cached"])?, tokens(&counts["thoughts"])?);
    let add = |one: u32, other: u32| one.checked_add(other).ok_or(Skip::Rejected(Rejection::Number));
    let used = Tokens {
        input: add(tokens(&counts["input"])?.saturating_sub(cached), tokens(&counts["tool"])?)?,
        cache_read: cached,
        output: add(tokens(&counts["output"])?, thoughts)?,
        reasoning: thoughts,
        ..Tokens::default()
    };
    if used.is_empty() {
        return Err(Skip::NotUsage);
    }
    let model = text(&message["model"]);
    if model == Text::None {
        return Err(Skip::Rejected(Rejection::Model));
    }
    let mut expected = Expected { origin: Origin::Transcript, is_final: true, tokens: used, ..Expected::default() };
    set_time(&mut expected, &message["timestamp"]);
    expected.texts.extend([
        ("response", text(&message["id"])),
        ("model", model),
        ("provider", Text::Is("gemini".to_owned())),
        ("session", session.clone()),
        ("agent", if is_subagent { Text::Is("subagent".to_owned()) } else { Text::None }),
    ]);
    Ok(expected)
}

/// Whether a record is one of these formats'.
pub fn is_one(record: &Value) -> bool {
    is_chat(record) || one(record).is_some()
}

/// A record of another agent, or an event of a stream.
pub fn one(record: &Value) -> Option<Result<Expected, Skip>> {
    let has = |key: &str| record.get(key).is_some();
    if has("modelID") && has("sessionID") && record["tokens"].is_object() {
        return Some(opencode(record));
    }
    match kind(record) {
        "message" if has("parentId") && (has("message") || has("data")) => Some(pi(record)),
        "session" if has("cwd") => Some(Err(Skip::NotUsage)),
        "message_start" | "message_delta" | "message_stop" => Some(event(record)),
        _ => None,
    }
}

fn opencode(record: &Value) -> Result<Expected, Skip> {
    if record["role"].as_str() != Some("assistant") {
        return Err(Skip::NotUsage);
    }
    let counts = &record["tokens"];
    let cache = &counts["cache"];
    let [input, output, reasoning, total, read, write] =
        [&counts["input"], &counts["output"], &counts["reasoning"], &counts["total"], &cache["read"], &cache["write"]]
            .map(tokens);
    let (input, output, read, write) = (input?, output?, read?, write?);
    let (reasoning, total) = (reasoning?, total?);
    let sum: u64 = [input, output, read, write, reasoning].into_iter().map(u64::from).sum();
    let output = if reasoning > 0 && sum == u64::from(total) {
        output.checked_add(reasoning).ok_or(Skip::Rejected(Rejection::Number))?
    } else {
        output
    };
    let used = Tokens {
        input,
        cache_read: read,
        cache_write_5m: write,
        output,
        reasoning: reasoning.min(output),
        ..Tokens::default()
    };
    let reported = cost(&record["cost"])?;
    if used.is_empty() && reported.is_none_or(|cost| cost.pico() == 0) {
        return Err(Skip::NotUsage);
    }
    let model = text(&record["modelID"]);
    if model == Text::None {
        return Err(Skip::Rejected(Rejection::Model));
    }
    let finish = text(&record["finish"]);
    let (root, cwd) = (text(&record["path"]["root"]), text(&record["path"]["cwd"]));
    let mut expected = Expected {
        origin: Origin::Transcript,
        is_final: finish != Text::None,
        tokens: used,
        reported,
        ..Expected::default()
    };
    set_time(&mut expected, &record["time"]["created"]);
    expected.texts.extend([
        ("response", text(&record["id"])),
        ("model", model),
        ("provider", text(&record["providerID"])),
        ("session", text(&record["sessionID"])),
        ("agent", text(&record["agent"]).or(text(&record["mode"]))),
        ("project", if root.is("/") { cwd } else { root.or(cwd) }),
        ("stop_reason", finish),
    ]);
    Ok(expected)
}

fn pi(record: &Value) -> Result<Expected, Skip> {
    let message = &record["message"];
    let counts = &message["usage"];
    if message["role"].as_str() != Some("assistant") || !counts.is_object() {
        return Err(Skip::NotUsage);
    }
    let used = Tokens {
        input: tokens(&counts["input"])?,
        cache_read: tokens(&counts["cacheRead"])?,
        cache_write_5m: tokens(&counts["cacheWrite"])?,
        output: tokens(&counts["output"])?,
        ..Tokens::default()
    };
    let reported = cost(&counts["cost"]["total"])?;
    if used.is_empty() && reported.is_none_or(|cost| cost.pico() == 0) {
        return Err(Skip::NotUsage);
    }
    let model = text(&message["model"]);
    if model == Text::None {
        return Err(Skip::Rejected(Rejection::Model));
    }
    let stop = text(&message["stopReason"]);
    let mut expected = Expected {
        origin: Origin::Transcript,
        is_final: stop != Text::None,
        tokens: used,
        reported,
        ..Expected::default()
    };
    set_time(&mut expected, first([&message["timestamp"], &record["timestamp"]]));
    let has_name = text(&record["id"]) != Text::None && (expected.exact_time.is_some() || expected.time.is_some());
    expected.texts.extend([
        // Its time is compared by itself.
        ("response", if has_name { Text::Any } else { Text::None }),
        ("model", model),
        ("provider", text(&message["provider"])),
        ("stop_reason", stop),
    ]);
    Ok(expected)
}

/// An event without the one before it.
fn event(record: &Value) -> Result<Expected, Skip> {
    let is_start = kind(record) == "message_start";
    let message = &record["message"];
    if is_start {
        claude_usage(&message["usage"])?;
    }
    let metrics = &record["amazon-bedrock-invocationMetrics"];
    let counted = ["inputTokenCount", "outputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount"];
    let has_metrics = !metrics["inputTokenCount"].is_null() || !metrics["outputTokenCount"].is_null();
    if has_metrics {
        for name in counted {
            tokens(&metrics[name])?;
        }
    }
    if !is_start && !record["usage"].is_object() && !has_metrics {
        return Err(Skip::NotUsage);
    }
    if !is_start || text(&message["model"]) == Text::None {
        return Err(Skip::Rejected(Rejection::Model));
    }
    let members: Vec<_> = record.as_object().into_iter().flatten().map(|(key, it)| (key.clone(), it.clone())).collect();
    amounts(&members, record)?;
    // With more than a start in it, an event is none of Anthropic's.
    Ok(Expected { any: true, ..Expected::default() })
}
