//! How logs tell of calls: a call enters, lines for files leave. Three formats: the gateway's, costtop's own, Claude Code's.
//!
//! Texts are made up and hold nothing that JSON would have to escape, so lines are plain templates. Money stays decimal text.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::company::{Ids, Tokens, Way};
use super::random::Random;
use super::traffic::{Call, Outcome};
use crate::money::Cost;
use crate::time::Timestamp;

/// The gateway's log, in the shape of `LiteLLM`'s standard logging payload.
pub const GATEWAY: &str = "gateway.jsonl";
/// The log of the company's own applications, in costtop's own format.
pub const APPLICATION: &str = "app.ndjson";
/// Transcripts of Claude Code lie below.
pub const TRANSCRIPTS: &str = "claude/projects/-home-mara-src-shop";

/// Lines for one file, below the folder of the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Relative.
    pub file: PathBuf,
    /// Whole lines.
    pub lines: String,
}

/// Turns calls into lines; remembers the end of the last transcript, which a fork repeats.
#[derive(Debug, Default)]
pub struct Scribe {
    recent: VecDeque<String>,
    transcript: String,
}

/// Lines of an old transcript that a fork repeats.
const FORK_LINES: usize = 9;
/// Of calls that applications make through the gateway, those in 1,000 that they log too.
const LOGGED_TWICE_PERMILLE: u64 = 500;
/// Lines of applications in 1,000 that are delivered twice.
const DELIVERED_TWICE_PERMILLE: u64 = 15;

impl Scribe {
    /// Everything the logs say of `call`.
    pub fn write(&mut self, call: &Call, random: &mut Random) -> Vec<Append> {
        let mut all = Vec::with_capacity(2);
        let way = call.user.way;
        if matches!(way, Way::Gateway | Way::Both) {
            all.push(Append { file: PathBuf::from(GATEWAY), lines: gateway_line(call, random) });
        }
        // A failure or a gateway hit has no id in common with the application's line: it is told once.
        let both = way == Way::Both && call.outcome == Outcome::Answered && random.chance(LOGGED_TWICE_PERMILLE);
        if way == Way::Application || both {
            let line = application_line(call);
            let twice = random.chance(DELIVERED_TWICE_PERMILLE);
            let lines = if twice { line.repeat(2) } else { line };
            all.push(Append { file: PathBuf::from(APPLICATION), lines });
        }
        if way == Way::ClaudeCode {
            all.push(self.transcript(call, random));
        }
        all
    }

    fn transcript(&mut self, call: &Call, random: &mut Random) -> Append {
        let mut lines = String::new();
        if self.transcript != call.session {
            // A session that goes on from an older one copies the end of it, under its own session id.
            if call.opens_session && random.chance(500) {
                for line in &self.recent {
                    lines.push_str(&line.replace(&self.transcript, &call.session));
                }
            }
            self.transcript.clone_from(&call.session);
            self.recent.clear();
        }
        for line in transcript_lines(call, random) {
            lines.push_str(&line);
            self.recent.push_back(line);
        }
        while self.recent.len() > FORK_LINES {
            self.recent.pop_front();
        }
        Append { file: PathBuf::from(format!("{TRANSCRIPTS}/{}.jsonl", call.session)), lines }
    }
}

/// A line that no reader should count as a request: torn, with an impossible number, or plain text.
pub fn bad_line(at: Timestamp, random: &mut Random) -> String {
    let line = match random.between(0, 2) {
        0 => format!(r#"{{"ts":"{at}","request_id":"req_{}","model":"claude-haiku-5-5","input_tok"#, random.hex(12)),
        1 => format!(
            r#"{{"ts":"{at}","request_id":"req_{}","model":"gpt-5.6-luna","input_tokens":-17,"output_tokens":4}}"#,
            random.hex(12)
        ),
        _ => format!("{at} WARN connection pool exhausted, retrying"),
    };
    line + "\n"
}

/// Seconds since the epoch with milliseconds, as the gateway prints times.
fn seconds(at: Timestamp) -> String {
    format!("{}.{:03}", at.ms().div_euclid(1000), at.ms().rem_euclid(1000))
}

/// A cost as short decimal text: `0.0475`, `0.0`.
fn decimal(cost: Cost) -> String {
    let text = cost.to_string();
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

/// The gateway counts every cached token inside the prompt, and names reads and writes twice.
fn usage_object(call: &Call) -> String {
    let Tokens { cache_read, cache_write_5m, cache_write_1h, output, reasoning, .. } = call.tokens;
    let (prompt, written) = (call.tokens.prompt(), cache_write_5m + cache_write_1h);
    let mut out = format!(
        r#"{{"completion_tokens":{output},"prompt_tokens":{prompt},"total_tokens":{},"completion_tokens_details":{{"accepted_prediction_tokens":null,"audio_tokens":null,"reasoning_tokens":{reasoning},"rejected_prediction_tokens":null,"text_tokens":{}}},"prompt_tokens_details":{{"audio_tokens":null,"cached_tokens":{cache_read}"#,
        prompt + output,
        output - reasoning,
    );
    if written > 0 || call.model.id == Ids::Anthropic {
        let _ = write!(out, r#","cache_write_tokens":{written},"cache_creation_tokens":{written}"#);
    }
    if call.model.id == Ids::Anthropic {
        let _ = write!(
            out,
            r#","text_tokens":{},"cache_creation_token_details":{{"ephemeral_5m_input_tokens":{cache_write_5m},"ephemeral_1h_input_tokens":{cache_write_1h}}}}},"cache_creation_input_tokens":{written},"cache_read_input_tokens":{cache_read},"inference_geo":"global","speed":null,"service_tier":"standard"}}"#,
            call.tokens.input
        );
    } else {
        out.push_str("}}");
    }
    out
}

fn gateway_line(call: &Call, random: &mut Random) -> String {
    let (user, model) = (call.user, call.model);
    let failed = matches!(call.outcome, Outcome::Failed(_));
    let hit = call.outcome == Outcome::GatewayHit;
    let list_price = model.cost(&call.tokens).unwrap_or(Cost::ZERO);
    let cost = decimal(if hit { Cost::ZERO } else { list_price });
    let saved = decimal(if hit { list_price } else { Cost::ZERO });
    let start = seconds(call.end.plus_ms(-call.latency_ms));
    let end = seconds(call.end);
    let id = match call.outcome {
        Outcome::Answered => call.response_id.clone(),
        Outcome::GatewayHit => format!("{}_cache_hit{end}", call.response_id),
        Outcome::Failed(_) => call.call_id.clone(),
    };
    let usage = if failed { "{}".to_owned() } else { usage_object(call) };
    let (kind, route) = match (model.id, model.name) {
        (Ids::Anthropic, _) => ("anthropic_messages", "/v1/messages"),
        (_, "text-embedding-3-large") => ("aembedding", "/v1/embeddings"),
        _ => ("acompletion", "/v1/chat/completions"),
    };
    let status = if failed { "failure" } else { "success" };
    let cache_hit = if hit { "true" } else { "null" };
    let (provider, name, prompt, output) = (model.provider, model.name, call.tokens.prompt(), call.tokens.output);
    let total = prompt + output;
    let (team, who, session, call_id) = (user.team, user.name, &call.session, &call.call_id);
    let breakdown = if failed {
        "null".to_owned()
    } else {
        format!(
            r#"{{"total_cost":{cost},"tool_usage_cost":0.0,"service_tier":null,"data_residency":null,"original_cost":{cost},"discount_percent":0.0,"discount_amount":0.0,"margin_percent":0.0,"margin_total_amount":0.0}}"#
        )
    };
    let response = if failed {
        "{}".to_owned()
    } else {
        format!(
            r#"{{"id":"{id}","model":"{name}","object":"chat.completion","choices":[{{"finish_reason":"stop","index":0,"message":{{"role":"assistant","content":"{}"}}}}],"usage":{{"completion_tokens":{output},"prompt_tokens":{prompt},"total_tokens":{total}}}}}"#,
            prose(random, 12)
        )
    };
    let error = match call.outcome {
        Outcome::Failed(code) => {
            let class = if code == 429 { "RateLimitError" } else { "InternalServerError" };
            format!(
                r#"{{"error_code":"{code}","error_class":"{class}","llm_provider":"{provider}","traceback":"","error_message":"litellm.{class}: upstream refused"}}"#
            )
        }
        _ => r#"{"error_code":"","error_class":"","llm_provider":"","traceback":"","error_message":""}"#.to_owned(),
    };
    let question = prose(random, 16);
    format!(
        r#"{{"id":"{id}","litellm_call_id":"{call_id}","trace_id":"{session}","session_id":"{session}","call_type":"{kind}","cache_hit":{cache_hit},"stream":null,"status":"{status}","custom_llm_provider":"{provider}","saved_cache_cost":{saved},"startTime":{start},"endTime":{end},"completionStartTime":{end},"response_time":{}.{:03},"model":"{provider}/{name}","metadata":{{"user_api_key_hash":"{}","user_api_key_alias":"key-{who}","user_api_key_team_id":"{team}","user_api_key_team_alias":"{team}","user_api_key_org_id":"org-1","user_api_key_project_id":null,"user_api_key_user_id":"{who}","user_api_key_user_email":null,"user_api_key_end_user_id":null,"user_api_key_request_route":"{route}","requester_ip_address":"10.20.0.7","user_agent":"{}","usage_object":{usage}}},"cache_key":null,"response_cost":{cost},"cost_breakdown":{breakdown},"total_tokens":{total},"prompt_tokens":{prompt},"completion_tokens":{output},"request_tags":["{}"],"end_user":"","api_base":"https://llm.internal/{provider}","model_group":"{name}","model_id":"{}","messages":[{{"role":"user","content":"{question}"}}],"response":{response},"model_parameters":{{"stream":false}},"hidden_params":{{"response_cost":{cost},"litellm_overhead_time_ms":{}.5,"litellm_model_name":"{provider}/{name}"}},"error_str":null,"error_information":{error}}}"#,
        call.latency_ms / 1000,
        call.latency_ms % 1000,
        stable_hex(who, 64),
        user.agent,
        user.feature,
        stable_hex(name, 64),
        random.between(4, 60),
    ) + "\n"
}

fn application_line(call: &Call) -> String {
    let (user, model, tokens) = (call.user, call.model, &call.tokens);
    let (status, response) = match call.outcome {
        Outcome::Failed(status) => (status, String::new()),
        _ => (200, format!(r#""response_id":"{}","#, call.response_id)),
    };
    // The gateway knows the price of a call; an application that asks by itself leaves it to the table.
    format!(
        r#"{{"ts":"{}","request_id":"{}",{response}"session_id":"{}","user":"{}","team":"{}","feature":"{}","agent":"{}","provider":"{}","model":"{}","input_tokens":{},"output_tokens":{},"reasoning_tokens":{},"cache_read_tokens":{},"cache_write_5m_tokens":{},"cache_write_1h_tokens":{},"status":{status},"latency_ms":{}}}"#,
        call.end,
        call.request_id,
        call.session,
        user.name,
        user.team,
        user.feature,
        user.agent,
        model.provider,
        model.name,
        tokens.input,
        tokens.output,
        tokens.reasoning,
        tokens.cache_read,
        tokens.cache_write_5m,
        tokens.cache_write_1h,
        call.latency_ms,
    ) + "\n"
}

/// The user's line and one line for each block of the answer: same ids, the output grows, the last one is final.
fn transcript_lines(call: &Call, random: &mut Random) -> Vec<String> {
    let start = call.end.plus_ms(-call.latency_ms);
    let session = &call.session;
    let head = |kind: &str, at: Timestamp, uuid: &str| {
        format!(
            r#"{{"isSidechain":false,"userType":"external","cwd":"/home/mara/src/shop","sessionId":"{session}","version":"2.1.258","gitBranch":"main","type":"{kind}","uuid":"{uuid}","timestamp":"{at}""#
        )
    };
    let mut lines = vec![format!(
        "{},\"message\":{{\"role\":\"user\",\"content\":\"{}\"}}}}\n",
        head("user", start, &random.uuid()),
        prose(random, 10)
    )];
    let blocks = random.between(1, 3);
    let Tokens { input, cache_read, cache_write_5m, cache_write_1h, output, .. } = call.tokens;
    for block in 1..=blocks {
        let last = block == blocks;
        let so_far = if last { output } else { (output / 8 * block).max(1).min(output) };
        let at = call.end.plus_ms(-400 * (blocks - block).cast_signed());
        let (stop, content) = if last {
            ("\"end_turn\"", format!(r#"{{"type":"text","text":"{}"}}"#, prose(random, 14)))
        } else {
            let tool = random.hex(22);
            let input = r#"{"file_path":"/home/mara/src/shop/cart.rs"}"#;
            ("null", format!(r#"{{"type":"tool_use","id":"toolu_01{tool}","name":"Read","input":{input}}}"#))
        };
        lines.push(format!(
            "{},\"requestId\":\"{}\",\"message\":{{\"model\":\"{}\",\"id\":\"{}\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{content}],\"stop_reason\":{stop},\"stop_sequence\":null,\"usage\":{{\"input_tokens\":{input},\"cache_creation_input_tokens\":{},\"cache_read_input_tokens\":{cache_read},\"cache_creation\":{{\"ephemeral_5m_input_tokens\":{cache_write_5m},\"ephemeral_1h_input_tokens\":{cache_write_1h}}},\"output_tokens\":{so_far},\"service_tier\":\"standard\",\"inference_geo\":\"not_available\",\"server_tool_use\":{{\"web_search_requests\":0,\"web_fetch_requests\":0}},\"speed\":\"standard\"}}}}}}\n",
            head("assistant", at, &random.uuid()),
            call.request_id,
            call.model.name,
            call.response_id,
            cache_write_5m + cache_write_1h,
        ));
    }
    lines
}

fn prose(random: &mut Random, words: u64) -> String {
    const WORDS: [&str; 24] = [
        "the", "cart", "total", "is", "rounded", "twice", "when", "a", "coupon", "expires", "please", "check", "order",
        "status", "and", "explain", "why", "refund", "failed", "for", "this", "customer", "summary", "below",
    ];
    let count = random.between(words / 2, words);
    let chosen: Vec<&str> = (0..count).map(|_| WORDS[random.between(0, 23) as usize]).collect();
    chosen.join(" ")
}

/// Hexadecimal digits that belong to `name`: key hashes and deployment ids.
fn stable_hex(name: &str, length: usize) -> String {
    let seed = name.bytes().fold(0u64, |sum, byte| sum.wrapping_mul(131).wrapping_add(u64::from(byte)));
    Random::new(seed).hex(length)
}
