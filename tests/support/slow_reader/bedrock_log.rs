//! Bedrock's invocation log as the slow reader sees it.

use costtop::format::Skip;
use costtop::usage::{Origin, Rejection, Tokens};
use serde_json::Value;

use super::{Expected, Text, answers, claude_tokens, last_of, number, set_time, text, tokens};

/// The answer's parts that count: of a stream the usage of its first event that has one, and of its last.
#[derive(Default)]
struct Answer {
    id: Text,
    stop: Text,
    tier: Text,
    latency: f64,
    usage: Value,
    last: Value,
}

impl Answer {
    fn whole(&mut self, body: &Value) {
        for (key, value) in body.as_object().into_iter().flatten() {
            match key.as_str() {
                "id" => self.id = text(value),
                "stop_reason" | "stopReason" => self.stop = text(value),
                "usage" => self.usage = value.clone(),
                "serviceTier" => self.tier = text(&value["type"]),
                "metrics" => self.latency = number(&value["latencyMs"]),
                _ => {}
            }
        }
    }

    fn event(&mut self, event: &Value) {
        for (key, value) in event.as_object().into_iter().flatten() {
            match key.as_str() {
                "message" | "metadata" => self.whole(value),
                "usage" if self.usage.is_null() => self.usage = value.clone(),
                "usage" => self.last = value.clone(),
                "delta" => self.stop = text(&value["stop_reason"]).or(self.stop.clone()),
                "messageStop" => self.stop = text(&value["stopReason"]).or(self.stop.clone()),
                "amazon-bedrock-invocationMetrics" => self.latency = number(&value["invocationLatency"]),
                _ => {}
            }
        }
    }
}

fn spoken(usage: &Value) -> Result<Tokens, Skip> {
    if usage.is_null() {
        return Ok(Tokens::default());
    }
    let anthropic = if usage.is_object() { claude_tokens(usage)? } else { Tokens::default() };
    if anthropic.is_empty() { answers::bedrock_tokens(usage) } else { Ok(anthropic) }
}

pub fn read(record: &Value) -> Result<Expected, Skip> {
    let (input, output, said) = (&record["input"], &record["output"], &record["requestMetadata"]);
    let mut answer = Answer::default();
    match &output["outputBodyJson"] {
        Value::Array(events) => events.iter().for_each(|event| answer.event(event)),
        body => answer.whole(body),
    }
    let (all, last) = (spoken(&answer.usage)?, spoken(&answer.last)?);
    let of_answer = all.output.max(last.output);
    let thought = all.reasoning.max(last.reasoning).min(of_answer);
    let or = |count: &Value, other: u32| if count.is_null() { Ok(other) } else { tokens(count) };
    let written = or(&input["cacheWriteInputTokenCount"], all.cache_write_5m.saturating_add(all.cache_write_1h))?;
    let hour = all.cache_write_1h.min(written);
    let stated = or(&output["outputTokenCount"], of_answer)?;
    let tokens = Tokens {
        input: or(&input["inputTokenCount"], all.input)?,
        cache_read: or(&input["cacheReadInputTokenCount"], all.cache_read)?,
        cache_write_5m: written - hour,
        cache_write_1h: hour,
        output: stated,
        reasoning: thought.min(stated),
        web_searches: all.web_searches,
    };
    let model = text(&record["modelId"]);
    if model == Text::None {
        return Err(if tokens.is_empty() { Skip::NotUsage } else { Skip::Rejected(Rejection::Model) });
    }
    let error = text(&record["errorCode"]);
    let status = match &error {
        Text::None => 200.0,
        Text::Is(error) => match error.as_str() {
            "ThrottlingException" | "ServiceQuotaExceededException" | "ModelNotReadyException" => 429.0,
            "ValidationException" => 400.0,
            "AccessDeniedException" => 403.0,
            "ResourceNotFoundException" => 404.0,
            "ModelTimeoutException" => 408.0,
            "ModelErrorException" => 424.0,
            "ServiceUnavailableException" => 503.0,
            _ => 500.0,
        },
        Text::Any => 500.0,
    };
    let mut expected = Expected {
        origin: Origin::Api,
        is_final: true,
        tokens,
        numbers: [status, answer.latency, 0.0, 0.0],
        ..Expected::default()
    };
    set_time(&mut expected, &record["timestamp"]);
    let arn = text(&record["identity"]["arn"]);
    let (user, key) = match &arn {
        Text::Is(arn) => {
            let resource = arn.rsplit(':').next().unwrap_or_default();
            let (before, name) = resource.rsplit_once('/').unwrap_or(("", resource));
            let role = before.strip_prefix("assumed-role/").unwrap_or_default();
            let is = |text: &str| if text.is_empty() { Text::None } else { Text::Is(text.to_owned()) };
            (is(name), is(role))
        }
        other => (other.clone(), Text::None),
    };
    expected.texts.extend([
        ("response", answer.id),
        ("request", text(&record["requestId"])),
        ("model", model),
        ("provider", Text::Is("bedrock".to_owned())),
        ("user", user),
        ("key_alias", key),
        ("end_user", text(&said["user"]).or(text(last_of(said, &["user_id", "userId"])))),
        ("team", text(&said["team"])),
        ("project", text(&said["project"])),
        ("feature", text(&said["feature"])),
        ("session", text(last_of(said, &["session_id", "sessionId"]))),
        ("tier", answer.tier),
        ("region", text(&record["region"]).or(text(&record["inferenceRegion"]))),
        ("stop_reason", answer.stop),
    ]);
    Ok(expected)
}
