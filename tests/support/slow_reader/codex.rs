//! Codex rollouts, read slowly: every line parsed whole, and a file folded from its beginning.

use std::collections::BTreeMap;

use costtop::time::{Timestamp, Zone, parse_rfc3339};
use costtop::usage::Tokens;
use serde_json::Value;

/// What a rollout states, one for each statement that bills something.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Name of the statement; empty where its session is not known.
    pub id: String,
    pub session: String,
    pub model: String,
    pub project: String,
    pub agent: String,
    pub tokens: Tokens,
    pub time: Option<Timestamp>,
}

type Counts = [i128; 5];

pub const FIELDS: [&str; 5] =
    ["input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens", "reasoning_output_tokens"];

fn counts(usage: &Value) -> Option<Counts> {
    usage.is_object().then(|| FIELDS.map(|field| usage[field].as_u64().unwrap_or(0).into()))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(|text| parse_rfc3339(text.as_bytes(), Zone::UTC))
}

/// Folds the lines of one file; a line whose model is not known is `None`.
pub fn statements<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Option<Statement>> {
    let mut metas: Vec<Value> = Vec::new();
    let mut now: BTreeMap<&str, String> = BTreeMap::new();
    let mut before: Option<Counts> = None;
    let mut out = Vec::new();
    for line in lines {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        let payload = &line["payload"];
        let mut set = |settings: &Value| {
            for name in ["model", "cwd"] {
                if !text(&settings[name]).is_empty() {
                    now.insert(name, text(&settings[name]));
                }
            }
        };
        match (line["type"].as_str(), payload["type"].as_str()) {
            (Some("session_meta"), _) => {
                if metas.is_empty() {
                    set(&serde_json::json!({"cwd": payload["cwd"]}));
                }
                metas.push(line.clone());
            }
            (Some("turn_context"), _) => set(payload),
            (Some("event_msg"), Some("thread_settings_applied")) => set(&payload["thread_settings"]),
            (Some("event_msg"), Some("token_count")) => {
                let (total, last) =
                    (counts(&payload["info"]["total_token_usage"]), counts(&payload["info"]["last_token_usage"]));
                let own = metas.first().map_or(&Value::Null, |meta| &meta["payload"]);
                let spawn = &own["source"]["subagent"]["thread_spawn"];
                let parent = [&own["forked_from_id"], &own["parent_thread_id"], &spawn["parent_thread_id"]]
                    .into_iter()
                    .map(text)
                    .find(|parent| !parent.is_empty());
                let difference = |total: Counts, before: Counts| {
                    let difference: Vec<i128> =
                        total.iter().zip(before).map(|(total, before)| total - before).collect();
                    let difference: Counts = difference.try_into().unwrap();
                    difference.iter().all(|count| *count >= 0).then_some(difference)
                };
                let used = match (total, before) {
                    (Some(total), Some(before)) if total == before => None,
                    (Some(total), Some(before)) if before != [0; 5] && last == Some(total) => Some(total),
                    (Some(total), Some(before)) => difference(total, before).or(last).or(Some(total)),
                    (Some(total), None) if !metas.is_empty() && parent.is_none() => Some(total),
                    _ => last,
                };
                before = total.or(before);
                let Some(used) = used.filter(|used| *used != [0; 5]) else { continue };
                if parent.is_some() {
                    let born = time(&own["timestamp"]);
                    let older = time(&line["timestamp"]).zip(born).is_some_and(|(time, born)| time < born);
                    let first_own = own["subagent_history_start_ordinal"].as_u64().unwrap_or(0);
                    if older || line["ordinal"].as_u64().is_some_and(|ordinal| ordinal < first_own) {
                        continue;
                    }
                }
                let model = now.get("model").cloned().unwrap_or_default();
                if model.is_empty() {
                    if parent.is_none() {
                        out.push(None);
                    }
                    continue;
                }
                let copied = metas.last().map(|meta| text(&meta["payload"]["id"])).unwrap_or_default();
                let session = text(&own["id"]);
                let family = if copied == session { parent.unwrap_or(copied) } else { copied };
                let spelled = |counts: Counts| counts.map(|count| count.to_string()).join("-");
                let id = match total {
                    Some(total) if !metas.is_empty() => {
                        format!("codex:{family}:{}:{}", spelled(total), spelled(last.unwrap_or_default()))
                    }
                    _ => String::new(),
                };
                let [input, cached, write, output, reasoning] = used.map(|count| u32::try_from(count).unwrap());
                let cache_read = cached.min(input);
                let cache_write_5m = write.min(input - cache_read);
                let role = [&own["agent_role"], &spawn["agent_role"], &spawn["agent_nickname"]];
                out.push(Some(Statement {
                    id,
                    session,
                    model,
                    project: now.get("cwd").cloned().unwrap_or_default(),
                    agent: role.into_iter().map(text).find(|role| !role.is_empty()).unwrap_or_default(),
                    tokens: Tokens {
                        input: input - cache_read - cache_write_5m,
                        cache_read,
                        cache_write_5m,
                        output,
                        reasoning: reasoning.min(output),
                        ..Tokens::default()
                    },
                    time: time(&line["timestamp"]),
                }));
            }
            _ => {}
        }
    }
    out
}
