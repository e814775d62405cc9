//! The sample logs of the repository: a seed enters, a small tree of logs and a README with their exact totals leave.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use super::history::{Span, write_history};
use super::truth::{FILE_OWNER, Totals, Truth};
use crate::time::Timestamp;

/// The seed of the committed files.
pub const DEFAULT_SEED: u64 = 112;

/// 2026-11-20T10:00:00Z, a Friday morning.
const START: Timestamp = Timestamp::from_ms(1_795_168_800_000);
const LENGTH_MS: i64 = 90 * 60_000;

/// Lines that are refused or are no usage, with the class under which each is counted.
const BAD_LINES: [(&str, &str); 8] = [
    (r#"{"ts":"2026-11-20T10:00:01Z","request_id":"req_bad_torn_0001","model":"claude-haiku-5-5","input_tok"#, "json"),
    ("2026-11-20 10:00:02 WARN connection pool exhausted, retrying", "json"),
    (
        r#"{"ts":"2026-11-20T10:00:03Z","request_id":"req_bad_negative_1","model":"gpt-5.6-luna","input_tokens":-17,"output_tokens":4}"#,
        "number",
    ),
    (
        r#"{"ts":"2026-11-20T10:00:04Z","request_id":"req_bad_half_token","model":"gpt-5.6-luna","input_tokens":10.5,"output_tokens":4}"#,
        "number",
    ),
    (
        r#"{"ts":"2026-11-20T10:00:05Z","request_id":"req_bad_cost_0001","model":"gpt-5.6-luna","input_tokens":10,"output_tokens":4,"cost_usd":"-0.01"}"#,
        "number",
    ),
    (
        r#"{"ts":"2026-11-20T10:00:06Z","request_id":"req_bad_nobody_01","user":"lina","input_tokens":10,"output_tokens":4}"#,
        "model",
    ),
    (r#"{"ts":"2026-11-20T10:00:07Z","level":"info","msg":"cache warmed"}"#, "not usage"),
    (
        r#"{"ts":"2026-11-20T10:00:08Z","request_id":"req_good_after_bad","user":"lina\u001b[2J","model":"gpt-5.6-luna","input_tokens":1000,"output_tokens":100}"#,
        "a charge of $0.000320000000; the escape sequence in its user is not drawn",
    ),
];

/// Writes the tree into `folder`, which is made where it is missing.
///
/// # Errors
/// What the file system says.
pub fn write(folder: &Path, seed: u64) -> io::Result<Truth> {
    fs::create_dir_all(folder)?;
    let at = |minute: i64| START.plus_ms(minute * 60_000);
    let span = Span {
        start: START,
        end: START.plus_ms(LENGTH_MS),
        calls: 165,
        rush_permille: 160,
        runaway: Some((at(55), at(58), 15_000)),
    };
    let truth = write_history(folder, seed, span, at(60))?;
    super::restated::write(folder)?;
    super::agents::write(folder)?;
    super::elsewhere::write(folder)?;
    let bad: Vec<&str> = BAD_LINES.iter().map(|(line, _)| *line).collect();
    fs::write(folder.join("bad-lines.ndjson"), bad.join("\n") + "\n")?;
    fs::write(folder.join("README.md"), readme(seed, &truth))?;
    Ok(truth)
}

fn readme(seed: u64, truth: &Truth) -> String {
    let mut out = format!(
        "# Sample logs\n\n\
         Ninety minutes of a company that does not exist: fourteen users, four teams, eight models. Written by\n\
         `cargo run --example sample_logs -- sample-logs --seed {seed}`; a test compares the files with that program's output.\n\n\
         | file | what it shows |\n|---|---|\n\
         | `gateway.jsonl.1`, `gateway.jsonl` | LiteLLM's standard logging payload, trimmed, rotated once. Cached tokens are inside `prompt_tokens`. Failures (429, 529) have no tokens; `cache_hit: true` has tokens and costs nothing; `in-house-llama` costs 0.0 because LiteLLM has no price for it: unpriced, not free. |\n\
         | `app.ndjson` | costtop's own format without costs. Half of what `search-api`, `support-bot` and `release-bot` send through the gateway is here too, under the same `response_id`: each counts once. A few lines are delivered twice; of those that are no records there are {}. |\n\
         | `claude/` | Claude Code transcripts. One answer is several lines with one `message.id` and growing output; a session that continues another repeats lines of it. |\n\
         | `answers.jsonl` | Calls of the gateway again, as the providers answered: Anthropic Messages, OpenAI chat, Gemini, each in `response`. Same ids: they add nothing. |\n\
         | `spend-rows.jsonl` | Calls of the gateway again, as rows of its table `LiteLLM_SpendLogs`. They add nothing. |\n\
         | `telemetry.jsonl` | Calls of the gateway again, as spans that an OpenTelemetry collector wrote, and the agent's span that sums them up. They add nothing. |\n\
         | `docker.log`, `cri.log`, `wrapped.log` | Lines of the application again, wrapped by Docker, by CRI, by the journal, syslog, `kubectl logs --prefix`, `docker compose logs`; long ones cut in parts. They add nothing. |\n\
         | `others.jsonl` | What nothing else speaks of: an OpenAI Responses answer, a Bedrock Converse answer, a line of batch results, a tracker's entry, a cost without a model. Not in the totals below. |\n\
         | `agents/` | Other coding agents: a session of Codex CLI and a fork of it, which copies its lines; a chat of Gemini CLI; a message of OpenCode; a session of pi; an answer of Anthropic's as its stream was logged. Not in the totals below. |\n\
         | `invocations.jsonl` | Bedrock's invocation log: Converse with writes of 5 minutes and an hour, InvokeModel through an inference profile, an application's own profile (its model is unsaid: unpriced), a throttled call. Cached tokens are beside `inputTokenCount`. Not in the totals below. |\n\
         | `gateways.jsonl` | Access logs and exports that mappings built in read: Envoy AI Gateway, Kong, Bifrost (a row that precedes the final one is no usage), APISIX, Cloudflare AI Gateway, Langfuse, Helicone, Portkey. Not in the totals below. |\n\
         | `telemetry-events.jsonl` | Claude Code's events as a collector's file exporter wrote them, and its metrics of the same requests, which therefore do not count. Not in the totals below. |\n\
         | `own-format/` | A log that nothing built in reads, and the `[[mapping]]` that does: `costtop report --config sample-logs/own-format/costtop.toml sample-logs/own-format`. Not in the totals below. |\n\
         | `bad-lines.ndjson` | Lines that must be refused, each by its class, and a good one after them. Not in the totals below. |\n\n\
         From 10:55 an agent of `release-bot` runs away for three minutes. From 11:00 the prompt cache of `tomas` is broken:\n\
         everything is written, nothing read.\n\n\
         ## What must come out\n\n\
         `gateway.jsonl.1`, `gateway.jsonl`, `app.ndjson` and `claude/` together, prices of November 2026, each request once.\n\
         Costs are in dollars. `{FILE_OWNER}` is whoever owns the transcripts: they name no user.\n\n",
        truth.bad_lines
    );
    let total = [("all".to_owned(), truth.total.clone())];
    table(&mut out, "", total.iter().map(|(name, totals)| (name, totals)));
    table(&mut out, "user", truth.by_user.iter());
    table(&mut out, "model", truth.by_model.iter());
    out.push_str("## `bad-lines.ndjson`\n\n| line | becomes |\n|---|---|\n");
    for (at, (_, class)) in BAD_LINES.iter().enumerate() {
        let _ = writeln!(out, "| {} | {class} |", at + 1);
    }
    out
}

fn table<'a>(out: &mut String, key: &str, rows: impl Iterator<Item = (&'a String, &'a Totals)>) {
    let _ = writeln!(
        out,
        "| {key} | requests | errors | gateway hits | unpriced | input | output | reasoning | cache read | write 5m | write 1h | cost |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    );
    for (name, t) in rows {
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            t.requests,
            t.errors,
            t.gateway_hits,
            t.unpriced_requests,
            t.input_tokens,
            t.output_tokens,
            t.reasoning_tokens,
            t.cache_read_tokens,
            t.cache_write_5m_tokens,
            t.cache_write_1h_tokens,
            t.cost
        );
    }
    out.push('\n');
}
