//! Gemini CLI's log events: `api_response` is one answer, `api_error` one attempt that failed. The same answers restated in the words of
//! the `GenAI` conventions have fewer counts and are not counted.
//!
//! Identity: none is stated, so an event is called what it says: session, prompt, time, counts. The chat calls the same answer otherwise;
//! the two find each other by session and counts. Dimensions: `user.email`, else the
//! installation, is the user; `session.id` the session; `role` the agent. `input_token_count` includes the cache, `output_token_count`
//! excludes the thoughts.

use super::attributes::Key;
use super::collect::Facts;
use super::record::{FAILED, Record, model_of, spelled_out};
use crate::format::Skip;
use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Origin, RawText, Rejection, Tokens, Twin, Usage};

/// What one event says.
pub(super) fn usage<'r>(
    record: &'r Record<'_>,
    facts: &Facts<'_>,
    failed: bool,
    zone: Zone,
    room: &'r mut Vec<u8>,
) -> Result<Usage<'r>, Skip> {
    let own = &record.own;
    let model = model_of(record.text(Key::Model), !failed)?;
    let tokens = tokens(record).map_err(Skip::Rejected)?;
    let session = record.text(Key::SessionId);
    let time = record.time(facts, zone);
    let stamp = time.map(|time| time.ms().to_string()).unwrap_or_default();
    let said = [Key::PromptId, Key::Model, Key::InputCount, Key::OutputCount, Key::ThoughtsCount, Key::DurationMs];
    let [prompt, model_name, input, output, thoughts, duration] = said.map(|key| own.get(key).text());
    let name = if session.is_empty() || time.is_none() {
        RawText::NONE
    } else {
        let stamp = RawText::plain(stamp.as_bytes());
        spelled_out([session, prompt, stamp, model_name, input, output, thoughts, duration], room)
    };
    let email = record.text(Key::UserEmail);
    let status = record.status();
    Ok(Usage {
        origin: Origin::OpenTelemetry,
        is_final: true,
        ids: Ids { response: name, ..Ids::default() },
        twin: if failed { None } else { Some(twin(record, session).map_err(Skip::Rejected)?) },
        time,
        tokens,
        model,
        provider: RawText::plain(if own.get(Key::AuthType).text().is(b"vertex-ai") { b"vertex_ai" } else { b"gemini" }),
        dimensions: Dimensions {
            user: email.or(record.text(Key::UserId)).or(record.text(Key::InstallationId)),
            user_email: email,
            team: record.team(),
            agent: record.text(Key::Role),
            host: record.text(Key::HostName),
            session,
            ..Dimensions::default()
        },
        status: if failed && status < 400 { FAILED } else { status },
        latency_ms: record.latency(),
        stop_reason: own.get(Key::FinishReasons).text(),
        ..Usage::default()
    })
}

/// How the chat's message of the same answer is found: by what both count, in the session, or in that of a sub-agent, whose prompts are
/// called `SESSION#TURN`. What the tool asks beside its chats is in no chat.
fn twin<'r>(record: &'r Record<'_>, session: RawText<'r>) -> Result<Twin<'r>, Rejection> {
    let count = |key| record.tokens(key);
    Ok(Twin {
        sessions: [session, record.own.get(Key::PromptId).text().before(b'#')],
        counts: [
            count(Key::InputCount)?,
            count(Key::CachedContentCount)?,
            count(Key::OutputCount)?,
            count(Key::ThoughtsCount)?,
            count(Key::ToolCount)?,
        ],
    })
}

fn tokens(record: &Record<'_>) -> Result<Tokens, Rejection> {
    let (prompt, cache_read) = (record.tokens(Key::InputCount)?, record.tokens(Key::CachedContentCount)?);
    let sum = |one: u32, other: u32| one.checked_add(other).ok_or(Rejection::Number);
    let thoughts = record.tokens(Key::ThoughtsCount)?;
    Ok(Tokens {
        input: sum(prompt.saturating_sub(cache_read), record.tokens(Key::ToolCount)?)?,
        cache_read,
        output: sum(record.tokens(Key::OutputCount)?, thoughts)?,
        reasoning: thoughts,
        ..Tokens::default()
    })
}
