//! The same calls again, in the other formats: the gateway's and the application's lines enter, files leave that tell of some of them as
//! providers answered, as the gateway's database keeps them, as a collector of telemetry writes them, and as containers and loggers wrap
//! them. They add no request.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

/// Calls told again in each file.
const CALLS: usize = 4;
/// Bytes after which the container runtimes of the samples cut a line; real ones take 16 KiB.
const CUT: usize = 200;

/// Requests of their own, which no other sample speaks of.
const OTHERS: [&str; 5] = [
    r#"{"ts":"2026-11-20T10:20:00Z","user":"lina","response":{"id":"resp_68f1c2a7b5d94e0c8a1b2c3d4e5f60718","object":"response","created_at":1795170000,"status":"completed","model":"gpt-5.6-luna","service_tier":"flex","output":[{"type":"web_search_call","id":"ws_1","action":{"type":"search"}},{"type":"message","role":"assistant","content":[]}],"usage":{"input_tokens":30000,"input_tokens_details":{"cached_tokens":10000,"cache_write_tokens":15000},"output_tokens":1200,"output_tokens_details":{"reasoning_tokens":300},"total_tokens":31200}}}"#,
    r#"{"ts":"2026-11-20T10:21:00Z","user":"wei","modelId":"us.anthropic.claude-opus-4-6-v1","response":{"ResponseMetadata":{"RequestId":"7f1c1a52-9c55-4a3b-8a11-5d0f3b7a9c21"},"stopReason":"end_turn","usage":{"inputTokens":1000,"outputTokens":500,"totalTokens":7500,"cacheReadInputTokens":1000,"cacheWriteInputTokens":5000,"cacheDetails":[{"ttl":"1h","inputTokens":3000},{"ttl":"5m","inputTokens":2000}]}}}"#,
    r#"{"id":"batch_req_6561f0a1b2c3","custom_id":"night-17","response":{"status_code":200,"request_id":"req_c187b3eb8ae24c3a9d01","body":{"id":"chatcmpl-batch00000000000017","object":"chat.completion","created":1795170120,"model":"gpt-5.6-luna","choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":2200,"completion_tokens":90,"total_tokens":2290}}},"error":null}"#,
    r#"{"timestamp":"2026-11-20T10:23:00Z","user_id":"tomas","task_type":"triage","cost_usd":0.004}"#,
    r#"{"type":"charge","ts":"2026-11-20T10:24:00Z","user":"etl-enrich","kind":"gpu","cost_usd":"1.25"}"#,
];

/// Writes the files into `folder`, where the logs lie that they restate.
pub fn write(folder: &Path) -> io::Result<()> {
    let gateway = fs::read_to_string(folder.join(super::lines::GATEWAY))?;
    let payloads: Vec<Value> = gateway.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let answered = |line: &&Value| line["status"] == "success" && line["cache_hit"].is_null();
    let calls: Vec<&Value> = payloads.iter().filter(answered).collect();
    let mut answers = String::new();
    for provider in ["anthropic", "openai", "gemini"] {
        for call in calls.iter().filter(|call| call["custom_llm_provider"] == provider).take(CALLS) {
            let _ = writeln!(answers, "{}", answer(call, provider));
        }
    }
    fs::write(folder.join("answers.jsonl"), answers)?;
    let rows: Vec<String> = payloads.iter().rev().take(CALLS).map(|call| spend_row(call).to_string()).collect();
    fs::write(folder.join("spend-rows.jsonl"), rows.join("\n") + "\n")?;
    let exports: Vec<String> = calls.chunks(2).take(CALLS).map(|calls| spans(calls).to_string()).collect();
    fs::write(folder.join("telemetry.jsonl"), exports.join("\n") + "\n")?;

    let application = fs::read_to_string(folder.join(super::lines::APPLICATION))?;
    let lines: Vec<&str> = application.lines().filter(|line| line.ends_with('}')).take(CALLS).collect();
    fs::write(folder.join("docker.log"), lines.iter().flat_map(|line| docker(line)).collect::<String>())?;
    fs::write(folder.join("cri.log"), lines.iter().flat_map(|line| cri(line)).collect::<String>())?;
    let wrapped = lines.iter().enumerate().map(|(number, line)| match number % 4 {
        0 => json!({"__REALTIME_TIMESTAMP": "1795168860000000", "_HOSTNAME": "app-1", "MESSAGE": line}).to_string(),
        1 => format!("<134>1 2026-11-20T10:01:00Z app-1 app 812 - - {line}"),
        2 => format!("[pod/app-5d9c7/app] {line}"),
        _ => format!("app-1  | {line}"),
    });
    fs::write(folder.join("wrapped.log"), wrapped.map(|line| line + "\n").collect::<String>())?;
    fs::write(folder.join("others.jsonl"), OTHERS.join("\n") + "\n")
}

/// The provider's answer as an application behind the gateway saw it.
fn answer(call: &Value, provider: &str) -> Value {
    let usage = &call["metadata"]["usage_object"];
    let inside = &usage["prompt_tokens_details"];
    let model = call["model"].as_str().unwrap_or_default().rsplit('/').next();
    let (id, output) = (&call["id"], &usage["completion_tokens"]);
    let body = match provider {
        "anthropic" => {
            json!({"id": id, "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": "end_turn",
            "usage": {"input_tokens": inside["text_tokens"], "cache_read_input_tokens": usage["cache_read_input_tokens"],
                "cache_creation_input_tokens": usage["cache_creation_input_tokens"],
                "cache_creation": inside["cache_creation_token_details"], "output_tokens": output, "service_tier": "standard"}})
        }
        "openai" => json!({"id": id, "object": "chat.completion", "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}], "usage": usage}),
        _ => {
            let count = |value: &Value| value.as_u64().unwrap_or(0);
            let thoughts = count(&usage["completion_tokens_details"]["reasoning_tokens"]);
            json!({"responseId": id, "modelVersion": model, "candidates": [{"finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": usage["prompt_tokens"], "cachedContentTokenCount": inside["cached_tokens"],
                    "candidatesTokenCount": count(output).saturating_sub(thoughts), "thoughtsTokenCount": thoughts,
                    "totalTokenCount": usage["total_tokens"]}})
        }
    };
    json!({"ts": call["endTime"], "provider": provider, "user": call["metadata"]["user_api_key_user_id"], "response": body})
}

/// The row that the gateway's database keeps of a call.
fn spend_row(call: &Value) -> Value {
    let who = &call["metadata"];
    let metadata = json!({"user_api_key_alias": who["user_api_key_alias"], "user_api_key_team_alias": who["user_api_key_team_alias"],
        "usage_object": who["usage_object"], "error_information": call["error_information"], "cost_breakdown": call["cost_breakdown"]});
    let cache_hit = if call["cache_hit"] == true { "True" } else { "None" };
    json!({"request_id": call["id"], "call_type": call["call_type"], "api_key": who["user_api_key_hash"], "cache_hit": cache_hit,
        "startTime": call["startTime"], "endTime": call["endTime"], "model": call["model"], "user": who["user_api_key_user_id"],
        "team_id": who["user_api_key_team_id"], "metadata": metadata.to_string(), "spend": call["response_cost"],
        "total_tokens": call["total_tokens"], "prompt_tokens": call["prompt_tokens"], "completion_tokens": call["completion_tokens"],
        "request_tags": call["request_tags"].to_string(), "end_user": call["end_user"],
        "custom_llm_provider": call["custom_llm_provider"], "session_id": call["session_id"], "status": call["status"],
        "litellm_call_id": call["litellm_call_id"]})
}

/// One export request with a span for each call, below the span of an agent that repeats their sums.
fn spans(calls: &[&Value]) -> Value {
    let text = |value: &Value| json!({"stringValue": value});
    // A collector writes whole numbers as text.
    let count = |value: &Value| json!({"intValue": value.as_u64().unwrap_or(0).to_string()});
    let nanoseconds = |seconds: &Value| format!("{:.0}000000", seconds.as_f64().unwrap_or(0.0) * 1000.0);
    let number = |call: &Value| call["completion_tokens"].as_u64().unwrap_or(0);
    let trace = format!("{:032x}", 0x05eed_u128 << 96 | u128::from(calls.iter().map(|call| number(call)).sum::<u64>()));
    let span = |(place, call): (usize, &&Value)| {
        let usage = &call["metadata"]["usage_object"];
        let embeds = call["call_type"].as_str().is_some_and(|kind| kind.contains("embedding"));
        let attributes = [
            ("gen_ai.operation.name", text(&json!(if embeds { "embeddings" } else { "chat" }))),
            ("gen_ai.provider.name", text(&call["custom_llm_provider"])),
            ("gen_ai.request.model", text(&json!(call["model"].as_str().unwrap_or_default().rsplit('/').next()))),
            ("gen_ai.response.id", text(&call["id"])),
            ("gen_ai.usage.input_tokens", count(&usage["prompt_tokens"])),
            ("gen_ai.usage.cache_read.input_tokens", count(&usage["prompt_tokens_details"]["cached_tokens"])),
            ("gen_ai.usage.cache_creation.input_tokens", count(&usage["cache_creation_input_tokens"])),
            ("gen_ai.usage.output_tokens", count(&usage["completion_tokens"])),
            ("user.id", text(&call["metadata"]["user_api_key_user_id"])),
        ];
        json!({"traceId": trace, "spanId": format!("{:016x}", place + 2), "parentSpanId": format!("{:016x}", 1), "kind": 3,
            "startTimeUnixNano": nanoseconds(&call["startTime"]), "endTimeUnixNano": nanoseconds(&call["endTime"]),
            "attributes": attributes.map(|(key, value)| json!({"key": key, "value": value})), "status": {}})
    };
    let mut spans: Vec<Value> = calls.iter().enumerate().map(span).collect();
    let sum: u64 = calls.iter().map(|call| number(call)).sum();
    spans.push(
        json!({"traceId": trace, "spanId": format!("{:016x}", 1), "name": "invoke_agent", "kind": 1, "attributes": [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "invoke_agent"}},
        {"key": "gen_ai.usage.output_tokens", "value": {"intValue": sum.to_string()}}]}),
    );
    json!({"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeSpans": [{"scope": {"name": "opentelemetry.instrumentation.openai"}, "spans": spans}]}]})
}

/// The pieces of an ASCII line as a container runtime cuts it, and whether each is the last.
fn pieces(line: &str) -> impl Iterator<Item = (&str, bool)> {
    let last = line.len().saturating_sub(1) / CUT;
    (0..=last).map(move |number| (&line[number * CUT..line.len().min((number + 1) * CUT)], number == last))
}

fn docker(line: &str) -> Vec<String> {
    let wrap = |(piece, is_last): (&str, bool)| {
        let log = if is_last { format!("{piece}\n") } else { piece.to_owned() };
        json!({"log": log, "stream": "stdout", "time": "2026-11-20T10:01:00.000000001Z"}).to_string() + "\n"
    };
    pieces(line).map(wrap).collect()
}

fn cri(line: &str) -> Vec<String> {
    let wrap = |(piece, is_last)| {
        format!("2026-11-20T10:01:00.000000001Z stdout {} {piece}\n", if is_last { "F" } else { "P" })
    };
    pieces(line).map(wrap).collect()
}
