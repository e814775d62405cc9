//! Claude Code's log events: `api_request` is one answer of the API, `api_error` one attempt that failed.
//!
//! Identity: `request_id`, else `event.sequence` within the session, and what the session's file counts for the same request. Dimensions: `user.email`, else `user.id`, is the user; `session.id`
//! the session; `query_source` the agent; the team comes from the resource. `input_tokens` excludes the cache. `cost_usd` is reported.

use super::attributes::Key;
use super::collect::Facts;
use super::record::{FAILED, Record, model_of};
use crate::format::{Skip, number};
use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Origin, RawText, Terms, Tokens, Twin, Usage};

/// What one event says.
pub(super) fn usage<'r>(
    record: &'r Record<'_>,
    facts: &Facts<'_>,
    failed: bool,
    zone: Zone,
    room: &'r mut Vec<u8>,
) -> Result<Usage<'r>, Skip> {
    let model = model_of(record.text(Key::Model), !failed)?;
    let tokens = Tokens {
        input: record.tokens(Key::InputTokens).map_err(Skip::Rejected)?,
        cache_read: record.tokens(Key::CacheReadTokens).map_err(Skip::Rejected)?,
        cache_write_5m: record.tokens(Key::CacheCreationTokens).map_err(Skip::Rejected)?,
        output: record.tokens(Key::OutputTokens).map_err(Skip::Rejected)?,
        ..Tokens::default()
    };
    let reported = number::cost(record.own.get(Key::CostUsd).scalar()).map_err(Skip::Rejected)?;
    let request = record.own.get(Key::RequestId).text();
    let sequence = record.own.get(Key::EventSequence).text();
    // Some endpoints name no request. The session's file knows the answer by another name then, and what both counted on the way in.
    let (ids, twin) = if request.is_empty() && !sequence.is_empty() {
        room.clear();
        room.extend_from_slice(b"sequence-");
        sequence.append_to(room);
        let twin = Twin::of_prompt(record.text(Key::SessionId), &tokens);
        (Ids { response: RawText::plain(room), ..Ids::default() }, Some(twin).filter(|_| !failed))
    } else {
        (Ids { request, ..Ids::default() }, None)
    };
    let email = record.text(Key::UserEmail);
    let status = record.status();
    Ok(Usage {
        origin: Origin::OpenTelemetry,
        is_final: true,
        ids,
        twin,
        time: record.time(facts, zone),
        tokens,
        model,
        provider: if model.bytes().starts_with(b"claude") { RawText::plain(b"anthropic") } else { RawText::NONE },
        dimensions: Dimensions {
            user: email.or(record.text(Key::UserId)),
            user_email: email,
            team: record.team(),
            agent: record.text(Key::AgentName).or(record.text(Key::QuerySource)),
            host: record.text(Key::HostName),
            session: record.text(Key::SessionId),
            ..Dimensions::default()
        },
        terms: Terms { speed: record.own.get(Key::Speed).text(), ..Terms::default() },
        status: if failed && status < 400 { FAILED } else { status },
        latency_ms: record.latency(),
        reported,
        ..Usage::default()
    })
}
