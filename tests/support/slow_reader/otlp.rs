//! Export requests of OpenTelemetry in JSON as the slow reader sees them.

use std::collections::BTreeMap;

use costtop::format::Skip;
use costtop::money::Cost;
use costtop::time::Timestamp;
use costtop::usage::{Origin, Rejection, Tokens, is_global};
use serde_json::{Number, Value};

use super::{Expected, Record, Text, cost, last_of, leaves_early, number, object, set_time, text, tokens, truth};

type Fate = Result<Expected, Skip>;
type Attributes = BTreeMap<String, Value>;

const SIGNALS: [[&str; 4]; 3] = [
    ["resourceLogs", "resource_logs", "scopeLogs", "scope_logs"],
    ["resourceSpans", "resource_spans", "scopeSpans", "scope_spans"],
    ["resourceMetrics", "resource_metrics", "scopeMetrics", "scope_metrics"],
];

/// The fates of an export request's records; `None` for any other record.
pub fn read(record: &Record) -> Option<Vec<Fate>> {
    let Record::Object(members) = record else { return None };
    if super::depth_of(record) > 64 || leaves_early(members) {
        return None;
    }
    let known =
        ["resourceLogs", "resource_logs", "resourceSpans", "resource_spans", "resourceMetrics", "resource_metrics"];
    if !members.iter().any(|(key, value)| known.contains(&key.as_str()) && value.is_array()) {
        return None;
    }
    let record = object(members.iter().cloned());
    let mut fates = Vec::new();
    for (place, [camel, snake, of_scope, of_scope_snake]) in SIGNALS.into_iter().enumerate() {
        for of_resource in list(last_of(&record, &[camel, snake])) {
            let resource = attributes(&of_resource["resource"]["attributes"]);
            let mut sums = Vec::new();
            for of_scope in list(last_of(of_resource, &[of_scope, of_scope_snake])) {
                let scope = plain(&of_scope["scope"]["name"]);
                let names: &[&str] = [&["logRecords", "log_records"][..], &["spans"], &["metrics"]][place];
                for record in list(last_of(of_scope, names)) {
                    let attributes = if place == 2 { Attributes::new() } else { attributes(&record["attributes"]) };
                    let said = Said { resource: &resource, scope: &scope, own: attributes, record };
                    match place {
                        0 => fates.push(said.log()),
                        1 => fates.push(said.span()),
                        _ => said.metric(&mut sums, &mut fates),
                    }
                }
            }
            fates.extend(sums.iter().map(Sum::fate));
        }
    }
    if fates.is_empty() {
        fates.push(Err(Skip::NotUsage));
    }
    Some(fates)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn plain(value: &Value) -> String {
    match text(value) {
        Text::Is(text) => text,
        _ => String::new(),
    }
}

fn attributes(value: &Value) -> Attributes {
    let mut found = Attributes::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        let first = value.as_array().map_or(value, |elements| elements.first().unwrap_or(&Value::Null));
        found.insert(key.clone(), if first.is_object() || first.is_array() { Value::Null } else { first.clone() });
    }
    for pair in list(value) {
        found.insert(plain(&pair["key"]), any(&pair["value"], true));
    }
    found.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
    found
}

/// What the last of the known kinds in `value` says.
fn any(value: &Value, arrays: bool) -> Value {
    let mut found = Value::Null;
    for (kind, value) in value.as_object().into_iter().flatten() {
        match (kind.as_str(), arrays) {
            ("stringValue" | "string_value" | "intValue" | "int_value", _) => {
                found = if value.is_string() || value.is_number() { value.clone() } else { Value::Null };
            }
            ("doubleValue" | "double_value", _) => found = double(value),
            ("boolValue" | "bool_value", _) => found = truth(value).into(),
            ("arrayValue" | "array_value", true) => {
                found = list(&value["values"]).next().map_or(Value::Null, |first| any(first, false));
            }
            ("kvlistValue" | "kvlist_value" | "bytesValue" | "bytes_value", true) => found = Value::Null,
            _ => {}
        }
    }
    found
}

fn double(value: &Value) -> Value {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => return Value::Null,
    };
    match number.map(|number: f64| (number, Number::from_f64(number))) {
        Some((_, Some(number))) => Value::Number(number),
        Some((number, None)) => format!("{number:e}").into(),
        None => value.clone(),
    }
}

fn nanoseconds(value: &Value) -> u64 {
    match value {
        Value::Number(number) => number.as_u64().unwrap_or(0),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().unwrap_or(0),
        _ => 0,
    }
}

fn id(value: &Value, length: usize) -> Option<String> {
    let id = plain(value);
    (id.len() == 2 * length && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_lowercase())
}

/// One record with its resource.
struct Said<'v> {
    resource: &'v Attributes,
    scope: &'v str,
    own: Attributes,
    record: &'v Value,
}

impl Said<'_> {
    /// The record's own, else the resource's.
    fn get(&self, names: &[&str]) -> &Value {
        static NULL: Value = Value::Null;
        names
            .iter()
            .find_map(|name| self.own.get(*name))
            .or_else(|| names.iter().find_map(|name| self.resource.get(*name)))
            .unwrap_or(&NULL)
    }

    fn own(&self, names: &[&str]) -> &Value {
        static NULL: Value = Value::Null;
        names.iter().find_map(|name| self.own.get(*name)).unwrap_or(&NULL)
    }

    fn field(&self, camel: &str, snake: &str) -> &Value {
        last_of(self.record, &[camel, snake])
    }

    fn tool(&self) -> Option<&'static str> {
        let service = plain(self.resource.get("service.name").unwrap_or(&Value::Null));
        if self.scope.starts_with("com.anthropic.claude_code") || service == "claude-code" {
            Some("claude_code")
        } else if self.scope == "codex_otel" || service.starts_with("codex_") {
            Some("codex")
        } else if self.scope == "gemini-cli" || service == "gemini-cli" {
            Some("gemini_cli")
        } else {
            None
        }
    }

    fn set_time(&self, expected: &mut Expected, time: u64) {
        let instant = |time: u64| (time > 0).then(|| Timestamp::from_ms((time / 1_000_000).cast_signed()));
        expected.exact_time = instant(time);
        if expected.exact_time.is_none() {
            set_time(expected, self.own(&["event.timestamp"]));
        }
        if expected.exact_time.is_none() && expected.time.is_none() {
            expected.exact_time = instant(nanoseconds(self.field("observedTimeUnixNano", "observed_time_unix_nano")));
        }
    }

    fn team(&self) -> Text {
        text(self.get(&["team.id"])).or(text(self.get(&["team.name", "team"]))).or(text(self.get(&["department"])))
    }

    fn status(&self) -> f64 {
        let status = number(self.own(&["status_code", "http.status_code", "http.response.status_code"])).trunc();
        if (0.0..65536.0).contains(&status) { status } else { 0.0 }
    }

    fn log(&self) -> Fate {
        let body = self.field("body", "body");
        let body = if body.is_object() { any(body, true) } else { body.clone() };
        for name in [plain(&body), plain(self.field("eventName", "event_name")), plain(self.own(&["event.name"]))] {
            let (tool, what) = match name.split_once('.') {
                Some((tool @ ("claude_code" | "codex" | "gemini_cli"), what)) => (Some(tool), what),
                _ => (self.tool(), name.as_str()),
            };
            match (tool, what) {
                (Some("claude_code"), "api_request" | "api_error") => return self.claude_code(what == "api_error"),
                (Some("codex"), "sse_event" | "websocket_event") => return self.codex(),
                (Some("gemini_cli"), "api_response" | "api_error") => return self.gemini_cli(what == "api_error"),
                (None, "gen_ai.client.inference.operation.details") => return self.gen_ai(false),
                _ => {}
            }
        }
        Err(Skip::NotUsage)
    }

    fn span(&self) -> Fate {
        if self.tool().is_some() { Err(Skip::NotUsage) } else { self.gen_ai(true) }
    }

    fn event(&self, tokens: Tokens, failed: bool) -> Result<Expected, Skip> {
        let status = self.status();
        let mut expected = Expected {
            origin: Origin::OpenTelemetry,
            is_final: true,
            tokens,
            numbers: [
                if failed && status < 400.0 { 500.0 } else { status },
                number(self.own(&["duration_ms"])),
                0.0,
                0.0,
            ],
            ..Expected::default()
        };
        self.set_time(&mut expected, nanoseconds(self.field("timeUnixNano", "time_unix_nano")));
        let model = text(self.get(&["model"]));
        expected.texts.extend([
            ("model", model.clone()),
            ("email", text(self.get(&["user.email"]))),
            ("user", text(self.get(&["user.email"]))),
            ("team", self.team()),
            ("host", text(self.get(&["host.name"]))),
            ("session", text(self.get(&["session.id"]))),
        ]);
        if model == Text::None {
            return Err(if failed { Skip::NotUsage } else { Skip::Rejected(Rejection::Model) });
        }
        Ok(expected)
    }

    fn claude_code(&self, failed: bool) -> Fate {
        // The model is asked for before the counts.
        self.event(Tokens::default(), failed)?;
        let sum = Tokens {
            input: tokens(self.own(&["input_tokens"]))?,
            cache_read: tokens(self.own(&["cache_read_tokens"]))?,
            cache_write_5m: tokens(self.own(&["cache_creation_tokens"]))?,
            output: tokens(self.own(&["output_tokens"]))?,
            ..Tokens::default()
        };
        let mut expected = self.event(sum, failed)?;
        expected.reported = cost(self.own(&["cost_usd"]))?;
        let request = text(self.own(&["request_id"]));
        let response = match (&request, text(self.own(&["event.sequence"]))) {
            (Text::None, Text::Is(sequence)) => Text::Is(format!("sequence-{sequence}")),
            (Text::None, Text::Any) => Text::Any,
            _ => Text::None,
        };
        if response != Text::None && !failed {
            let counts = [sum.input, sum.cache_read, sum.cache_write_5m, 0, 0];
            expected.twin = Some(([text(self.get(&["session.id"])), Text::None], counts));
        }
        let claude = matches!(&expected.texts["model"], Text::Is(model) if model.starts_with("claude"));
        let user = text(self.get(&["user.email"])).or(text(self.get(&["user.id"])));
        expected.texts.extend([
            ("request", request),
            ("response", response),
            ("provider", if claude { Text::Is("anthropic".to_owned()) } else { Text::None }),
            ("user", user),
            ("agent", text(self.get(&["agent.name"])).or(text(self.get(&["query_source"])))),
            ("speed", text(self.own(&["speed"]))),
        ]);
        Ok(expected)
    }

    /// What an event without ids is called; `None` where it cannot be told.
    fn spelled_out(&self, session: &Text, expected: &Expected, parts: &[&str], place_of_time: usize) -> Text {
        let time = match expected.exact_time {
            Some(time) => time.ms().to_string(),
            None if expected.time.is_some() => return Text::Any,
            None => return Text::None,
        };
        let mut said: Vec<Text> = vec![session.clone()];
        said.extend(parts.iter().map(|part| text(self.own(&[part]))));
        said.insert(place_of_time, Text::Is(time));
        if *session == Text::None {
            return Text::None;
        }
        let mut all = String::new();
        for part in said {
            match part {
                Text::Is(part) => all += &part,
                Text::None => {}
                Text::Any => return Text::Any,
            }
            all.push('\n');
        }
        Text::Is(all)
    }

    fn end_user(&self) -> Text {
        let names = ["enduser.id", "enduser.pseudo.id", "litellm.end_user.id", "metadata.user_api_key_end_user_id"];
        text(self.get(&names))
    }

    fn codex(&self) -> Fate {
        if plain(self.own(&["event.kind"])) != "response.completed" || self.own(&["input_token_count"]).is_null() {
            return Err(Skip::NotUsage);
        }
        self.event(Tokens::default(), false)?;
        let count = |name: &str| tokens(self.own(&[name]));
        let (prompt, cache_read) = (count("input_token_count")?, count("cached_token_count")?);
        let (cache_write, output) = (count("cache_write_token_count")?, count("output_token_count")?);
        let mut expected = self.event(
            Tokens {
                input: prompt.saturating_sub(cache_read).saturating_sub(cache_write),
                cache_read,
                cache_write_5m: cache_write,
                output,
                reasoning: count("reasoning_token_count")?.min(output),
                ..Tokens::default()
            },
            false,
        )?;
        expected.numbers[0] = 0.0;
        let session = text(self.get(&["conversation.id"]));
        let said = ["model", "input_token_count", "cached_token_count", "output_token_count", "reasoning_token_count"];
        let name = self.spelled_out(&session, &expected, &said, 1);
        expected.twin =
            Some(([session.clone(), Text::None], [prompt, cache_read, output, count("reasoning_token_count")?, 0]));
        let gpt = matches!(&expected.texts["model"], Text::Is(model) if model.starts_with("gpt-"));
        let user = text(self.get(&["user.email"])).or(text(self.get(&["user.account_id", "user.account_uuid"])));
        expected.texts.extend([
            ("response", name),
            ("session", session),
            ("user", user),
            ("provider", if gpt { Text::Is("openai".to_owned()) } else { Text::None }),
            ("tier", text(self.own(&["service_tier"]))),
        ]);
        Ok(expected)
    }

    fn gemini_cli(&self, failed: bool) -> Fate {
        self.event(Tokens::default(), failed)?;
        let count = |name: &str| tokens(self.own(&[name]));
        let sum = |one: u32, other: u32| one.checked_add(other).ok_or(Skip::Rejected(Rejection::Number));
        let (prompt, cache_read) = (count("input_token_count")?, count("cached_content_token_count")?);
        let thoughts = count("thoughts_token_count")?;
        let mut expected = self.event(
            Tokens {
                input: sum(prompt.saturating_sub(cache_read), count("tool_token_count")?)?,
                cache_read,
                output: sum(count("output_token_count")?, thoughts)?,
                reasoning: thoughts,
                ..Tokens::default()
            },
            failed,
        )?;
        let session = text(self.get(&["session.id"]));
        let said =
            ["prompt_id", "model", "input_token_count", "output_token_count", "thoughts_token_count", "duration_ms"];
        let name = self.spelled_out(&session, &expected, &said, 2);
        let sub_agent = match text(self.own(&["prompt_id"])) {
            Text::Is(prompt) => {
                prompt.split_once('#').map_or(Text::None, |(before, _)| Text::Is(before.to_owned())).or(Text::None)
            }
            other => other,
        };
        if !failed {
            let counts = [prompt, cache_read, count("output_token_count")?, thoughts, count("tool_token_count")?];
            expected.twin = Some(([session.clone(), sub_agent], counts));
        }
        let vertex = plain(self.own(&["auth_type"])) == "vertex-ai";
        let user =
            text(self.get(&["user.email"])).or(text(self.get(&["user.id"]))).or(text(self.get(&["installation.id"])));
        expected.texts.extend([
            ("response", name),
            ("provider", Text::Is(if vertex { "vertex_ai" } else { "gemini" }.to_owned())),
            ("user", user),
            ("agent", text(self.get(&["role"]))),
            ("stop_reason", text(self.own(&["gen_ai.response.finish_reasons"]))),
        ]);
        Ok(expected)
    }

    fn is_inference(&self) -> bool {
        let operation = text(self.own(&["gen_ai.operation.name"]));
        if operation != Text::None {
            let known = ["chat", "text_completion", "completion", "generate_content", "embeddings", "embedding"];
            let functions = "acompletion atext_completion aembedding responses aresponses anthropic_messages aanthropic_messages \
                             agenerate_content generate_content_stream agenerate_content_stream image_generation aimage_generation \
                             speech aspeech transcription atranscription rerank arerank";
            let known: Vec<&str> =
                known.into_iter().chain(functions.split(' ').filter(|word| !word.is_empty())).collect();
            return matches!(operation, Text::Is(operation) if known.contains(&operation.to_ascii_lowercase().as_str()));
        }
        let kind = text(self.own(&["openinference.span.kind", "traceloop.span.kind"]));
        if kind != Text::None {
            return matches!(kind, Text::Is(kind) if ["llm", "embedding"].contains(&kind.to_ascii_lowercase().as_str()));
        }
        let shows = [
            "gen_ai.provider.name",
            "gen_ai.system",
            "llm.request.type",
            "gen_ai.request.model",
            "gen_ai.response.model",
        ];
        !self.own(&shows).is_null()
    }

    /// Prompt, completion, total, read, written, reasoning, in this order, by the names they have.
    fn counts(&self) -> [&Value; 6] {
        [
            self.own(&["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"]),
            self.own(&["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"]),
            self.own(&["gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total"]),
            self.own(&[
                "gen_ai.usage.cache_read.input_tokens",
                "gen_ai.usage.cache_read_input_tokens",
                "llm.token_count.prompt_details.cache_read",
            ]),
            self.own(&[
                "gen_ai.usage.cache_write.input_tokens",
                "gen_ai.usage.cache_creation.input_tokens",
                "gen_ai.usage.cache_creation_input_tokens",
                "llm.token_count.prompt_details.cache_write",
            ]),
            self.own(&[
                "gen_ai.usage.reasoning.output_tokens",
                "gen_ai.usage.reasoning_tokens",
                "llm.token_count.completion_details.reasoning",
            ]),
        ]
    }

    fn gen_ai(&self, is_span: bool) -> Fate {
        if !self.is_inference() {
            return Err(Skip::NotUsage);
        }
        let [prompt, completion, total, read, write, reasoning] = self.counts();
        let stated = [prompt, completion, total].iter().any(|count| !count.is_null());
        let mut sum = Tokens::default();
        if stated {
            let alone = prompt.is_null() && completion.is_null();
            let prompt = tokens(if alone { total } else { prompt })?;
            let (completion, total) = (tokens(completion)?, tokens(total)?);
            let (read, write, reasoning) = (tokens(read)?, tokens(write)?, tokens(reasoning)?);
            let apart =
                reasoning > 0 && u64::from(total) == u64::from(prompt) + u64::from(completion) + u64::from(reasoning);
            let more = if apart { reasoning } else { 0 };
            let output = completion.checked_add(more).ok_or(Skip::Rejected(Rejection::Number))?;
            let cached = u64::from(read) + u64::from(write);
            sum = Tokens {
                input: if cached > u64::from(prompt) { prompt } else { prompt - cached as u32 },
                cache_read: read,
                cache_write_5m: write,
                output,
                reasoning: reasoning.min(output),
                ..Tokens::default()
            };
        }
        let reported = cost(self.own(&[
            "gen_ai.usage.cost",
            "gen_ai.cost.total_cost",
            "litellm.cost.total_cost",
            "litellm.cost.total",
            "llm.cost.total",
        ]))?;
        let code = plain(last_of(last_of(self.record, &["status"]), &["code"]));
        let failed = is_span && (code == "2" || code == "STATUS_CODE_ERROR");
        let error = self.own(&["error.type"]);
        let mut status = self.status();
        if status < 400.0 && (failed || !error.is_null()) {
            let code = number(error).trunc();
            status = if (400.0..600.0).contains(&code) { code } else { 500.0 };
        }
        let used = stated || reported.is_some();
        if !used && status < 400.0 {
            return Err(Skip::NotUsage);
        }
        let model = text(self.own(&["gen_ai.response.model", "gen_ai.request.model", "llm.model_name"]));
        if model == Text::None {
            return Err(if used { Skip::Rejected(Rejection::Model) } else { Skip::NotUsage });
        }
        let response = text(self.own(&["gen_ai.response.id"]));
        let trace = id(self.field("traceId", "trace_id"), 16);
        let span = id(self.field("spanId", "span_id"), 8);
        let good = matches!(&response, Text::Is(id) if is_global(id.as_bytes()));
        let zero = |id: &String| id.bytes().all(|digit| digit == b'0');
        let span = match (trace.filter(|id| !zero(id)), span.filter(|id| !zero(id))) {
            (Some(_), Some(_)) if response == Text::Any && !is_span => Text::Any,
            (Some(trace), Some(span)) if is_span || !good => Text::Is(format!("{trace}{span}")),
            _ => Text::None,
        };
        let (start, time) = if is_span {
            (
                nanoseconds(self.field("startTimeUnixNano", "start_time_unix_nano")),
                nanoseconds(self.field("endTimeUnixNano", "end_time_unix_nano")),
            )
        } else {
            (0, nanoseconds(self.field("timeUnixNano", "time_unix_nano")))
        };
        let latency = if start > 0 {
            (time.saturating_sub(start) / 1_000_000).min(u64::from(u32::MAX)) as f64
        } else {
            number(self.own(&["duration_ms"]))
        };
        let mut expected = Expected {
            origin: Origin::OpenTelemetry,
            is_final: true,
            cache_hit: truth(self.own(&["litellm.cache_hit"])),
            tokens: sum,
            media: super::media::attributes(&|names| self.own(names), &sum)?,
            reported,
            numbers: [status, latency, number(self.own(&["gen_ai.request.max_tokens"])), 0.0],
            ..Expected::default()
        };
        self.set_time(&mut expected, time);
        let user = text(self.get(&["user.id"]))
            .or(text(self.own(&["metadata.user_api_key_user_id", "litellm.metadata.user_api_key_user_id"])))
            .or(text(self.get(&["user.name"])));
        let provider = ["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"];
        expected.texts.extend([
            ("response", response),
            ("call", text(self.own(&["litellm.call_id"]))),
            ("span", span),
            ("model", model),
            ("provider", text(self.own(&provider))),
            ("end_user", self.end_user()),
            ("user", user),
            ("email", text(self.get(&["user.email"])).or(text(self.own(&["metadata.user_api_key_user_email"])))),
            ("key_alias", text(self.own(&["metadata.user_api_key_alias"]))),
            ("key_hash", text(self.own(&["metadata.user_api_key_hash"]))),
            (
                "team",
                text(self.own(&["metadata.user_api_key_team_alias"]))
                    .or(text(self.own(&["metadata.user_api_key_team_id"])))
                    .or(self.team()),
            ),
            ("project", text(self.get(&["service.name"]))),
            ("feature", text(self.own(&["gen_ai.workflow.name", "traceloop.workflow.name"]))),
            ("agent", text(self.own(&["gen_ai.agent.name"])).or(text(self.own(&["gen_ai.agent.id"])))),
            ("host", text(self.get(&["host.name"]))),
            ("session", text(self.own(&["gen_ai.conversation.id"])).or(text(self.get(&["session.id"])))),
            (
                "tier",
                text(self.own(&["openai.response.service_tier"])).or(text(self.own(&["openai.request.service_tier"]))),
            ),
            ("stop_reason", text(self.own(&["gen_ai.response.finish_reasons"]))),
        ]);
        Ok(expected)
    }

    /// Hands points to the sums they belong to.
    fn metric(&self, sums: &mut Vec<Sum>, fates: &mut Vec<Fate>) {
        let name = plain(&self.record["name"]);
        let of_metric = match name.as_str() {
            "claude_code.cost.usage" | "gen_ai.usage.cost" => Some("cost"),
            "claude_code.token.usage" | "gemini_cli.token.usage" | "gen_ai.client.token.usage" => None,
            other => match other.strip_prefix("gen_ai.client.inference.usage.") {
                Some("input_tokens") => Some("input"),
                Some("output_tokens") => Some("output"),
                Some("cache_read.input_tokens") => Some("read"),
                Some("cache_write.input_tokens" | "cache_creation.input_tokens") => Some("write"),
                Some("reasoning.output_tokens") => Some("reasoning"),
                _ => return fates.push(Err(Skip::NotUsage)),
            },
        };
        let family = name.split('.').next().unwrap_or_default().to_owned();
        for (kinds, is_histogram) in
            [(&["sum"][..], false), (&["histogram"], true), (&["exponentialHistogram", "exponential_histogram"], true)]
        {
            let of_kind = last_of(self.record, kinds);
            let temporality = plain(last_of(of_kind, &["aggregationTemporality", "aggregation_temporality"]));
            let is_delta = temporality == "1" || temporality == "AGGREGATION_TEMPORALITY_DELTA";
            for point in list(last_of(of_kind, &["dataPoints", "data_points"])) {
                let own = attributes(&point["attributes"]);
                let said = Said { resource: self.resource, scope: self.scope, own, record: point };
                if let Err(skip) = said.point(&family, of_metric, (is_histogram, is_delta), sums) {
                    fates.push(Err(skip));
                }
            }
        }
    }

    fn point(
        &self,
        family: &str,
        of_metric: Option<&'static str>,
        (is_histogram, is_delta): (bool, bool),
        sums: &mut Vec<Sum>,
    ) -> Result<(), Skip> {
        let kind = if family == "gen_ai" { "gen_ai.token.type" } else { "type" };
        let counted = of_metric.or(match plain(self.own(&[kind])).as_str() {
            "input" | "prompt" => Some("input"),
            "output" | "completion" => Some("output"),
            "cacheRead" | "cache" | "cache_read" => Some("read"),
            "cacheCreation" | "cache_creation" | "cache_write" => Some("write"),
            "thought" | "reasoning" => Some("reasoning"),
            "tool" => Some("tool"),
            _ => None,
        });
        let mut value = Value::Null;
        for (key, said) in self.record.as_object().into_iter().flatten() {
            match (key.as_str(), is_histogram) {
                ("asInt" | "as_int", false) => {
                    value = if said.is_string() || said.is_number() { said.clone() } else { Value::Null };
                }
                ("asDouble" | "as_double", false) | ("sum", true) => value = double(said),
                _ => {}
            }
        }
        let unsaid = value.is_null() || value.as_str() == Some("");
        let other = family == "gen_ai" && (self.tool() == Some("gemini_cli") || !self.is_inference());
        let Some(counted) = counted.filter(|_| !unsaid && !other) else { return Err(Skip::NotUsage) };
        let (mut amount, mut count) = (None, 0);
        if counted == "cost" {
            amount = cost(&value)?;
        } else {
            count = tokens(&value)?;
        }
        let time = nanoseconds(self.field("timeUnixNano", "time_unix_nano"));
        // A number is its text, and a truth the word for it.
        let mut own: BTreeMap<&str, String> = BTreeMap::new();
        for (name, value) in self.own.iter().filter(|(name, _)| *name != kind) {
            own.insert(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        let told_by = format!("{family} {} {is_delta} {} {own:?}", self.scope, if is_delta { time } else { 0 });
        let place = sums.iter().position(|sum| sum.told_by == told_by).unwrap_or_else(|| {
            let family = family.to_owned();
            let texts = self.who(&family);
            sums.push(Sum { told_by, family, time: 0, counts: BTreeMap::new(), cost: None, texts });
            sums.len() - 1
        });
        let sum = &mut sums[place];
        sum.time = sum.time.max(time);
        if counted == "cost" {
            sum.cost = sum.cost.max(amount);
        } else {
            let known = sum.counts.entry(counted).or_default();
            *known = count.max(*known);
        }
        Ok(())
    }

    fn who(&self, family: &str) -> BTreeMap<&'static str, Text> {
        let email = text(self.get(&["user.email"]));
        let id = text(self.get(&["user.id"]));
        let is_general = family == "gen_ai";
        let model: &[&str] = if is_general { &["gen_ai.response.model", "gen_ai.request.model"] } else { &["model"] };
        let model = text(self.own(model));
        let claude = matches!(&model, Text::Is(model) if model.starts_with("claude"));
        let provider = match family {
            "claude_code" if claude => Text::Is("anthropic".to_owned()),
            "claude_code" => Text::None,
            "gemini_cli" => Text::Is("gemini".to_owned()),
            _ => text(self.own(&["gen_ai.provider.name", "gen_ai.system"])),
        };
        let user = if is_general {
            id.or(text(self.own(&["metadata.user_api_key_user_id"]))).or(text(self.get(&["user.name"])))
        } else {
            email.clone().or(id).or(text(self.get(&["installation.id"])))
        };
        BTreeMap::from([
            ("call", Text::Any),
            ("span", Text::Any),
            ("model", model),
            ("provider", provider),
            ("end_user", self.end_user()),
            ("user", user),
            ("email", email.or(text(self.own(&["metadata.user_api_key_user_email"])))),
            ("key_alias", text(self.own(&["metadata.user_api_key_alias"]))),
            ("key_hash", text(self.own(&["metadata.user_api_key_hash"]))),
            (
                "team",
                text(self.own(&["metadata.user_api_key_team_alias"]))
                    .or(text(self.own(&["metadata.user_api_key_team_id"])))
                    .or(self.team()),
            ),
            ("project", if is_general { text(self.get(&["service.name"])) } else { Text::None }),
            (
                "agent",
                text(self.own(&["gen_ai.agent.name"]))
                    .or(text(self.get(&["agent.name"])))
                    .or(text(self.get(&["query_source"]))),
            ),
            ("host", text(self.get(&["host.name"]))),
            ("session", text(self.own(&["gen_ai.conversation.id"])).or(text(self.get(&["session.id"])))),
            (
                "tier",
                text(self.own(&["openai.response.service_tier"])).or(text(self.own(&["openai.request.service_tier"]))),
            ),
            ("speed", text(self.own(&["speed"]))),
        ])
    }
}

/// Points that differ only in what they count.
struct Sum {
    told_by: String,
    family: String,
    time: u64,
    counts: BTreeMap<&'static str, u32>,
    cost: Option<Cost>,
    texts: BTreeMap<&'static str, Text>,
}

impl Sum {
    fn fate(&self) -> Fate {
        if self.texts["model"] == Text::None {
            return Err(Skip::Rejected(Rejection::Model));
        }
        let [input, output, read, write, reasoning, tool] = ["input", "output", "read", "write", "reasoning", "tool"]
            .map(|kind| self.counts.get(kind).copied().unwrap_or(0));
        let sum = |one: u32, other: u32| one.checked_add(other).ok_or(Skip::Rejected(Rejection::Number));
        let uncached = (u64::from(input)).saturating_sub(u64::from(read) + u64::from(write)) as u32;
        let mut tokens = Tokens { input, output, cache_read: read, cache_write_5m: write, ..Tokens::default() };
        match self.family.as_str() {
            "gen_ai" => (tokens.input, tokens.reasoning) = (uncached, reasoning.min(output)),
            "gemini_cli" => {
                (tokens.input, tokens.output, tokens.reasoning) =
                    (sum(uncached, tool)?, sum(output, reasoning)?, reasoning);
            }
            _ => {}
        }
        Ok(Expected {
            origin: Origin::Metrics,
            is_final: true,
            tokens,
            exact_time: (self.time > 0).then(|| Timestamp::from_ms((self.time / 1_000_000).cast_signed())),
            reported: self.cost,
            texts: self.texts.clone(),
            ..Expected::default()
        })
    }
}
