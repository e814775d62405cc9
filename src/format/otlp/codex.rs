//! Codex's log events of a completed response, over server-sent events or a websocket. What a turn cost (`codex.turn_cost`) comes late
//! and sums up what these said: it is not counted.
//!
//! Identity: none is stated, so an event is called what it says: conversation, time, counts. The session's rollout calls the same request
//! otherwise; the two find each other by conversation and counts. Dimensions: `user.email`, else the account,
//! is the user; `conversation.id` the session. `input_token_count` includes the cache, `output_token_count` the reasoning;
//! `tool_token_count` is their sum.

use super::attributes::Key;
use super::collect::Facts;
use super::record::{Record, model_of, spelled_out};
use crate::format::Skip;
use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Origin, RawText, Terms, Tokens, Twin, Usage};

/// What one event says.
pub(super) fn usage<'r>(
    record: &'r Record<'_>,
    facts: &Facts<'_>,
    zone: Zone,
    room: &'r mut Vec<u8>,
) -> Result<Usage<'r>, Skip> {
    let own = &record.own;
    if !own.get(Key::EventKind).text().is(b"response.completed") || own.get(Key::InputCount).is_absent() {
        return Err(Skip::NotUsage);
    }
    let model = model_of(record.text(Key::Model), true)?;
    let count = |key| record.tokens(key).map_err(Skip::Rejected);
    let (prompt, cache_read, cache_write) =
        (count(Key::InputCount)?, count(Key::CachedCount)?, count(Key::CacheWriteCount)?);
    let output = count(Key::OutputCount)?;
    let session = record.text(Key::ConversationId);
    let time = record.time(facts, zone);
    let stamp = time.map(|time| time.ms().to_string()).unwrap_or_default();
    let said = [Key::Model, Key::InputCount, Key::CachedCount, Key::OutputCount, Key::ReasoningCount];
    let [model_name, input, cached, out, reasoning] = said.map(|key| own.get(key).text());
    let name = if session.is_empty() || time.is_none() {
        RawText::NONE
    } else {
        spelled_out([session, RawText::plain(stamp.as_bytes()), model_name, input, cached, out, reasoning], room)
    };
    let email = record.text(Key::UserEmail);
    Ok(Usage {
        origin: Origin::OpenTelemetry,
        is_final: true,
        ids: Ids { response: name, ..Ids::default() },
        twin: Some(Twin {
            sessions: [session, RawText::NONE],
            counts: [prompt, cache_read, output, count(Key::ReasoningCount)?, 0],
        }),
        time,
        tokens: Tokens {
            input: prompt.saturating_sub(cache_read).saturating_sub(cache_write),
            cache_read,
            cache_write_5m: cache_write,
            output,
            reasoning: count(Key::ReasoningCount)?.min(output),
            ..Tokens::default()
        },
        model,
        provider: if model.bytes().starts_with(b"gpt-") { RawText::plain(b"openai") } else { RawText::NONE },
        dimensions: Dimensions {
            user: email.or(record.text(Key::AccountId)),
            user_email: email,
            team: record.team(),
            host: record.text(Key::HostName),
            session,
            ..Dimensions::default()
        },
        terms: Terms { tier: own.get(Key::ServiceTier).text(), ..Terms::default() },
        latency_ms: record.latency(),
        ..Usage::default()
    })
}
