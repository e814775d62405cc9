//! Providers' answers as the slow reader sees them.

use costtop::format::Skip;
use costtop::usage::{Media, Rejection, Tokens};
use serde_json::Value;

use super::{
    Expected, Text, amounts, claude_usage, cost, frame, has_time, last_of, media, number, set_time, text, tokens, truth,
};

/// An answer in a record.
pub struct Answer<'v> {
    pub api: &'static str,
    pub body: &'v Value,
    at_top: bool,
    is_batch: bool,
    request: Text,
}

const METADATA: [&str; 2] = ["usageMetadata", "usage_metadata"];

/// Whose answer an object is.
fn api(body: &Value) -> Option<&'static str> {
    let usage = &body["usage"];
    let has = |names: &[&str]| names.iter().any(|name| usage.get(name).is_some());
    if has(&["prompt_tokens", "completion_tokens"]) {
        return Some("openai-chat");
    }
    if has(&["input_tokens", "output_tokens"]) {
        let outside = has(&["cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"]);
        let details = last_of(usage, &["input_tokens_details", "input_token_details"]);
        let inside = details.is_object() || has(&["total_tokens"]) && !outside;
        return Some(if inside { "openai-responses" } else { "anthropic" });
    }
    if has(&["inputTokens", "outputTokens"]) {
        return Some("bedrock");
    }
    if has(&["total_tokens"]) {
        return Some("openai-chat");
    }
    let counts = ["promptTokenCount", "candidatesTokenCount", "totalTokenCount"];
    let snake = ["prompt_token_count", "candidates_token_count", "total_token_count"];
    let metadata = last_of(body, &METADATA);
    if counts.iter().chain(&snake).any(|name| metadata.get(name).is_some()) {
        return Some("gemini");
    }
    let metrics = &body["amazon-bedrock-invocationMetrics"];
    ["inputTokenCount", "outputTokenCount"].iter().any(|name| metrics.get(name).is_some()).then_some("bedrock")
}

/// The answer of a record that counts.
pub fn find(record: &Value) -> Option<Answer<'_>> {
    let response = &record["response"];
    let places = [record, response, &response["body"], &record["body"], &record["result"]["message"]];
    let (place, body) = places.into_iter().enumerate().find(|(_, body)| body.is_object() && api(body).is_some())?;
    Some(Answer {
        api: api(body)?,
        body,
        at_top: place == 0,
        is_batch: record.get("custom_id").is_some() && matches!(place, 2 | 4),
        request: if place == 2 { text(&response["request_id"]) } else { Text::None },
    })
}

fn sum(one: u32, other: u32) -> Result<u32, Skip> {
    one.checked_add(other).ok_or(Skip::Rejected(Rejection::Number))
}

/// Tokens of a chat completion; prompt, completion and total may stand elsewhere.
pub fn chat_tokens(usage: &Value, prompt: &Value, completion: &Value, total: &Value) -> Result<Tokens, Skip> {
    let inside = &usage["prompt_tokens_details"];
    let (hit, miss) = (&usage["prompt_cache_hit_tokens"], &usage["prompt_cache_miss_tokens"]);
    let (hits, misses) = (tokens(hit)?, tokens(miss)?);
    let total = tokens(total)?;
    let prompt = if !prompt.is_null() {
        tokens(prompt)?
    } else if completion.is_null() && hit.is_null() && miss.is_null() {
        total
    } else {
        sum(hits, misses)?
    };
    let completion = tokens(completion)?;
    let reads = [&inside["cached_tokens"], &usage["cache_read_input_tokens"], &usage["cached_tokens"], hit];
    let mut read = 0;
    for count in reads {
        read = read.max(tokens(count)?);
    }
    let split = &inside["cache_creation_token_details"];
    let (five, hour) = (tokens(&split["ephemeral_5m_input_tokens"])?, tokens(&split["ephemeral_1h_input_tokens"])?);
    let writes =
        [&inside["cache_write_tokens"], &inside["cache_creation_tokens"], &usage["cache_creation_input_tokens"]];
    let mut written = 0;
    for count in writes {
        written = written.max(tokens(count)?);
    }
    let write_5m = if writes.iter().all(|count| count.is_null()) { five } else { written.saturating_sub(hour) };
    let reasoning = tokens(&usage["completion_tokens_details"]["reasoning_tokens"])?;
    let apart = u64::from(prompt) + u64::from(completion) + u64::from(reasoning) == u64::from(total);
    let output = if reasoning > 0 && apart { sum(completion, reasoning)? } else { completion };
    let searches = [
        &usage["server_tool_use"]["web_search_requests"],
        &inside["web_search_requests"],
        &usage["num_search_queries"],
    ];
    let mut searched = 0;
    for count in searches {
        searched = searched.max(tokens(count)?);
    }
    Ok(Tokens {
        input: prompt.saturating_sub(read).saturating_sub(write_5m).saturating_sub(hour),
        cache_read: read,
        cache_write_5m: write_5m,
        cache_write_1h: hour,
        output,
        reasoning: reasoning.min(output),
        web_searches: searched,
    })
}

fn responses_tokens(body: &Value) -> Result<Tokens, Skip> {
    let usage = &body["usage"];
    let inside = last_of(usage, &["input_tokens_details", "input_token_details"]);
    let (read, written) = (tokens(&inside["cached_tokens"])?, tokens(&inside["cache_write_tokens"])?);
    let output = tokens(&usage["output_tokens"])?;
    let items = body["output"].as_array().into_iter().flatten();
    let searches = items.filter(|item| {
        let action = text(&item["action"]["type"]);
        item["type"].as_str() == Some("web_search_call") && (action == Text::None || action.is("search"))
    });
    Ok(Tokens {
        input: tokens(&usage["input_tokens"])?.saturating_sub(read).saturating_sub(written),
        cache_read: read,
        cache_write_5m: written,
        cache_write_1h: 0,
        output,
        reasoning: tokens(&last_of(usage, &["output_tokens_details", "output_token_details"])["reasoning_tokens"])?
            .min(output),
        web_searches: searches.count() as u32,
    })
}

fn gemini_tokens(metadata: &Value) -> Result<Tokens, Skip> {
    let count = |one: &str, other: &str| tokens(last_of(metadata, &[one, other]));
    let read = count("cachedContentTokenCount", "cached_content_token_count")?;
    let prompt = count("promptTokenCount", "prompt_token_count")?;
    let tools = count("toolUsePromptTokenCount", "tool_use_prompt_token_count")?;
    let thoughts = count("thoughtsTokenCount", "thoughts_token_count")?;
    let candidates = count("candidatesTokenCount", "candidates_token_count")?;
    Ok(Tokens {
        input: sum(prompt.saturating_sub(read), tools)?,
        cache_read: read,
        output: sum(candidates, thoughts)?,
        reasoning: thoughts,
        ..Tokens::default()
    })
}

pub fn bedrock_tokens(usage: &Value) -> Result<Tokens, Skip> {
    let (mut five, mut hour) = (0, 0);
    for entry in usage["cacheDetails"].as_array().into_iter().flatten().filter(|entry| entry.is_object()) {
        let to = if entry["ttl"].as_str() == Some("1h") { &mut hour } else { &mut five };
        *to = sum(*to, tokens(&entry["inputTokens"])?)?;
    }
    let total = last_of(usage, &["cacheWriteInputTokens", "cacheWriteInputTokenCount"]);
    Ok(Tokens {
        input: tokens(last_of(usage, &["inputTokens", "inputTokenCount"]))?,
        cache_read: tokens(last_of(usage, &["cacheReadInputTokens", "cacheReadInputTokenCount"]))?,
        cache_write_5m: if total.is_null() { five } else { tokens(total)?.saturating_sub(hour) },
        cache_write_1h: hour,
        output: tokens(last_of(usage, &["outputTokens", "outputTokenCount"]))?,
        ..Tokens::default()
    })
}

/// Why the answer ended, and its service tier: of several names the last counts. At the top two of them are costtop's own.
fn ended_and_tier(body: &Value, at_top: bool) -> (Text, Text) {
    let (mut reason, mut tier) = (Text::None, Text::None);
    for (key, value) in body.as_object().into_iter().flatten() {
        match key.as_str() {
            "stopReason" => reason = text(value),
            "stop_reason" if !at_top => reason = text(value),
            "choices" | "candidates" => {
                reason = Text::None;
                for element in value.as_array().into_iter().flatten() {
                    if element.get("finish_reason").is_some() || element.get("finishReason").is_some() {
                        reason = text(last_of(element, &["finish_reason", "finishReason"]));
                    }
                }
            }
            "serviceTier" => tier = text(&value["type"]),
            "service_tier" if !at_top => tier = text(value),
            _ => {}
        }
    }
    (reason, tier)
}

/// The number of a dollar amount that a chat server charged.
fn charged(usage: &Value) -> Result<Option<costtop::money::Cost>, Skip> {
    let stated = cost(&usage["cost"])?;
    if !truth(&usage["is_byok"]) {
        return Ok(stated);
    }
    let upstream = cost(&usage["cost_details"]["upstream_inference_cost"])?;
    let parts: Vec<u64> = [stated, upstream].into_iter().flatten().map(costtop::money::Cost::pico).collect();
    if parts.is_empty() {
        return Ok(None);
    }
    let total = parts.iter().try_fold(0u64, |sum, part| sum.checked_add(*part));
    total.map(|pico| Some(costtop::money::Cost::from_pico(pico))).ok_or(Skip::Rejected(Rejection::Number))
}

/// What an answer says, with costtop's own names around it.
pub fn read(answer: &Answer<'_>, members: &[(String, Value)], record: &Value) -> Result<Expected, Skip> {
    let Answer { api, body, at_top, is_batch, .. } = answer;
    let usage = &body["usage"];
    let metadata = last_of(body, &METADATA);
    let text_only = Media::default();
    let (tokens, media, cost) = match *api {
        "openai-chat" => {
            let names = ["prompt_tokens", "completion_tokens", "total_tokens"].map(|name| &usage[name]);
            let tokens = chat_tokens(usage, names[0], names[1], names[2])?;
            (tokens, media::chat(usage, &tokens)?, charged(usage)?)
        }
        "openai-responses" => {
            let tokens = responses_tokens(body)?;
            (tokens, media::responses(usage, &tokens)?, None)
        }
        "gemini" => {
            let tokens = gemini_tokens(metadata)?;
            (tokens, media::gemini(metadata, &tokens)?, None)
        }
        "bedrock" => {
            let converse = ["inputTokens", "outputTokens"].iter().any(|name| usage.get(name).is_some());
            let other = ["prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"];
            let converse = converse && !other.iter().any(|name| usage.get(name).is_some());
            let counts = if converse { usage } else { &body["amazon-bedrock-invocationMetrics"] };
            (bedrock_tokens(counts)?, text_only, None)
        }
        _ => (claude_usage(usage)?, text_only, None),
    };
    let served = text(last_of(body, &["modelVersion", "model_version", "modelId"]));
    let model = if *at_top {
        served.or(text(&record["model"]))
    } else {
        let served = text(last_of(body, &["model", "modelVersion", "model_version", "modelId"]));
        let around = text(last_of(record, &["modelVersion", "model_version", "modelId"]));
        served.or(text(&record["model"])).or(around)
    };
    if model.is("<synthetic>") {
        return Err(Skip::NotUsage);
    }
    if model == Text::None {
        return Err(Skip::Rejected(Rejection::Model));
    }
    let model = match model {
        Text::Is(model) if *api == "gemini" => {
            let short = model.rsplit_once("models/").map(|(_, rest)| rest).filter(|rest| !rest.is_empty());
            Text::Is(short.unwrap_or(&model).to_owned())
        }
        other => other,
    };
    let (reported, restated) = amounts(members, record)?;
    let mut expected = Expected { tokens, media, reported: reported.or(cost), restated, ..frame(members, record) };
    // At the top the others are costtop's own names.
    let others = if *at_top { [&Value::Null; 2] } else { [&body["created"], &body["created_at"]] };
    for stamp in others.into_iter().chain([last_of(body, &["createTime", "create_time"])]) {
        if !has_time(&expected) {
            set_time(&mut expected, stamp);
        }
    }
    let get = |expected: &Expected, name: &str| expected.texts.get(name).cloned().unwrap_or_default();
    let ids: &[&str] = if *at_top { &["id", "responseId"] } else { &["id", "responseId", "response_id"] };
    expected.texts.insert("response", get(&expected, "response").or(text(last_of(body, ids))));
    if get(&expected, "request") == Text::None {
        expected.own_request = false;
        let request = text(&body["ResponseMetadata"]["RequestId"]).or(answer.request.clone());
        expected.texts.insert("request", request);
    }
    let is_claude = matches!(&model, Text::Is(model) if model.starts_with("claude"));
    let traffic = text(last_of(metadata, &["trafficType", "traffic_type"]));
    let known = match *api {
        "anthropic" if is_claude => "anthropic",
        "gemini" if traffic == Text::None => "gemini",
        "gemini" => "vertex_ai",
        "bedrock" => "bedrock",
        _ => "",
    };
    let known = if known.is_empty() { Text::None } else { Text::Is(known.to_owned()) };
    let stated = if *at_top { Text::None } else { text(&body["provider"]) };
    expected.texts.insert("provider", get(&expected, "provider").or(stated).or(known));
    let asked = get(&expected, "tier");
    let batch = matches!(&asked, Text::Is(tier) if tier.eq_ignore_ascii_case("batch"));
    let (stopped, body_tier) = ended_and_tier(body, *at_top);
    let of_usage = match *api {
        "gemini" => traffic,
        "bedrock" => Text::None,
        _ => text(&usage["service_tier"]),
    };
    let tier = if *is_batch || batch { Text::Is("batch".to_owned()) } else { of_usage.or(body_tier).or(asked) };
    expected.texts.insert("tier", tier);
    if matches!(*api, "openai-chat" | "anthropic") {
        expected.texts.insert("geo", text(&usage["inference_geo"]).or(get(&expected, "geo")));
        expected.texts.insert("speed", text(&usage["speed"]).or(get(&expected, "speed")));
    }
    expected.texts.insert("stop_reason", get(&expected, "stop_reason").or(stopped));
    if expected.numbers[2].trunc() == 0.0 {
        expected.numbers[2] = number(&body["max_output_tokens"]);
    }
    expected.texts.insert("model", model);
    Ok(expected)
}
