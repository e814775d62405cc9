//! A proxy's records as the slow reader sees them.

use costtop::format::Skip;
use costtop::money::Cost;
use costtop::usage::{Origin, Rejection};
use serde_json::Value;

use super::{Expected, Ordered, Text, answers, cost, first, is_lenient, media, number, object, set_time, text, truth};

/// A row of the table of spend: the same, in other columns.
pub fn spend_row(record: &Value) -> Result<Expected, Skip> {
    let metadata = match &record["metadata"] {
        Value::String(text) if text.is_empty() => Value::Null,
        Value::String(text) => match serde_json::from_str::<Ordered>(text) {
            Ok(Ordered(value)) if super::depth(&value) > 64 => return Err(Skip::Rejected(Rejection::Depth)),
            Ok(Ordered(value)) => value,
            Err(error) if is_lenient(&error.to_string(), text) => {
                return Ok(Expected { any: true, ..Expected::default() });
            }
            Err(_) => return Err(Skip::Rejected(Rejection::Json)),
        },
        other => other.clone(),
    };
    let or = |value: &Value, key: &str| if text(value) == Text::None { metadata[key].clone() } else { value.clone() };
    let mut who: Vec<(String, Value)> = metadata.as_object().cloned().unwrap_or_default().into_iter().collect();
    for (key, value) in [
        ("user_api_key_user_id", &record["user"]),
        ("user_api_key_hash", &record["api_key"]),
        ("user_api_key_team_id", &record["team_id"]),
    ] {
        who.push((key.to_owned(), or(value, key)));
    }
    let mut payload = vec![
        ("id".to_owned(), record["request_id"].clone()),
        ("response_cost".to_owned(), record["spend"].clone()),
        ("error_information".to_owned(), metadata["error_information"].clone()),
        ("cost_breakdown".to_owned(), metadata["cost_breakdown"].clone()),
        ("metadata".to_owned(), object(who)),
    ];
    for key in [
        "litellm_call_id",
        "session_id",
        "cache_hit",
        "status",
        "custom_llm_provider",
        "endTime",
        "model",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "end_user",
    ] {
        payload.push((key.to_owned(), record[key].clone()));
    }
    let mut expected = litellm(&object(payload))?;
    expected.numbers[1] = number(&record["request_duration_ms"]);
    Ok(expected)
}

pub fn litellm(record: &Value) -> Result<Expected, Skip> {
    let metadata = &record["metadata"];
    let usage = &metadata["usage_object"];
    let tokens = answers::chat_tokens(
        usage,
        first([&record["prompt_tokens"], &usage["prompt_tokens"]]),
        first([&record["completion_tokens"], &usage["completion_tokens"]]),
        first([&record["total_tokens"], &usage["total_tokens"]]),
    )?;
    let media = media::chat(usage, &tokens)?;
    let reported = cost(&record["response_cost"])?;
    let (model, provider) = (text(&record["model"]), text(&record["custom_llm_provider"]));
    if model == Text::None {
        let nothing = tokens.is_empty() && reported.is_none_or(|cost| cost == Cost::ZERO);
        return Err(if nothing { Skip::NotUsage } else { Skip::Rejected(Rejection::Model) });
    }
    let cache_hit = truth(&record["cache_hit"]);
    let (id, call) = (text(&record["id"]), text(&record["litellm_call_id"]));
    let suffixed = matches!(&id, Text::Is(id) if id.contains("_cache_hit"));
    let no_response = cache_hit || suffixed || (id != Text::Any && id == call);
    let status = text(&record["status"]);
    let code = number(&record["error_information"]["error_code"]).trunc();
    let mut expected = Expected {
        origin: Origin::Gateway,
        is_final: true,
        cache_hit,
        tokens,
        media,
        reported,
        numbers: [
            match &status {
                Text::Is(status) if status == "failure" => {
                    if (1.0..65536.0).contains(&code) {
                        code
                    } else {
                        500.0
                    }
                }
                Text::None => 0.0,
                _ => 200.0,
            },
            number(&record["response_time"]) * 1000.0,
            number(first([
                &record["model_parameters"]["max_tokens"],
                &record["model_parameters"]["max_completion_tokens"],
            ])),
            0.0,
        ],
        ..Expected::default()
    };
    set_time(&mut expected, &record["endTime"]);
    let short = match (&model, &provider) {
        (Text::Is(model), Text::Is(provider)) => {
            match model.strip_prefix(provider.as_str()).and_then(|rest| rest.strip_prefix('/')) {
                Some(rest) if !rest.is_empty() => Text::Is(rest.to_owned()),
                _ => Text::Is(model.clone()),
            }
        }
        (model, Text::None) => model.clone(),
        _ => Text::Any,
    };
    let id_of = |value: &Value| match text(value) {
        Text::Is(id) if id == "0" => Text::None,
        other => other,
    };
    expected.texts.extend([
        (
            "response",
            if no_response {
                Text::None
            } else if id == Text::Any {
                Text::Any
            } else {
                id
            },
        ),
        ("call", call),
        ("model", short),
        ("provider", provider),
        ("end_user", text(&record["end_user"])),
        ("user", text(&metadata["user_api_key_user_id"])),
        ("email", text(&metadata["user_api_key_user_email"])),
        ("key_alias", text(&metadata["user_api_key_alias"])),
        ("key_hash", text(&metadata["user_api_key_hash"])),
        ("team", text(&metadata["user_api_key_team_alias"]).or(text(&metadata["user_api_key_team_id"]))),
        ("project", text(&metadata["user_api_key_project_alias"]).or(text(&metadata["user_api_key_project_id"]))),
        ("session", id_of(&record["session_id"]).or(id_of(&record["trace_id"]))),
        (
            "tier",
            text(&record["response"]["service_tier"])
                .or(text(&usage["service_tier"]))
                .or(text(&record["cost_breakdown"]["service_tier"])),
        ),
        ("data_residency", text(&record["cost_breakdown"]["data_residency"])),
        ("vertex_location", text(&record["cost_breakdown"]["vertex_location"])),
        ("geo", text(&usage["inference_geo"])),
        ("speed", text(&usage["speed"])),
    ]);
    Ok(expected)
}
