//! Spans and log events of the `GenAI` conventions, old and new, and what `OpenLLMetry`, `OpenInference` and `LiteLLM` write beside them.
//! Only inference counts: spans of agents, workflows and tools repeat what the inference below them said.
//!
//! Identity: `gen_ai.response.id`; a span has its own name besides, an event that of the span it was written in, where its response has
//! no good name. Dimensions: `enduser.id`, `user.id`; `gen_ai.conversation.id` or `session.id` is the session; the agent's and the
//! workflow's names; the service is the project. The input includes the cache, unless it is too small for that.

use super::attributes::Key;
use super::collect::Facts;
use super::record::{FAILED, Record, model_of};
use crate::format::media::{self, Parts};
use crate::format::scanner::Scalar;
use crate::format::{Skip, number};
use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Media, Origin, RawText, Rejection, Terms, Tokens, Usage};

/// What `gen_ai.operation.name` calls inference.
const OPERATIONS: [&[u8]; 6] =
    [b"chat", b"text_completion", b"completion", b"generate_content", b"embeddings", b"embedding"];

/// `LiteLLM` puts the name of its function there, unless `OTEL_SEMCONV_STABILITY_OPT_IN` says otherwise; its proxy calls those with an `a`.
const LITELLM_CALLS: [&[u8]; 18] = [
    b"acompletion",
    b"atext_completion",
    b"aembedding",
    b"responses",
    b"aresponses",
    b"anthropic_messages",
    b"agenerate_content",
    b"generate_content_stream",
    b"agenerate_content_stream",
    b"image_generation",
    b"aimage_generation",
    b"speech",
    b"aspeech",
    b"transcription",
    b"atranscription",
    b"rerank",
    b"arerank",
    b"aanthropic_messages",
];

/// What one span or event says.
pub(super) fn usage<'r>(
    record: &'r Record<'_>,
    facts: &Facts<'_>,
    is_span: bool,
    zone: Zone,
    room: &'r mut Vec<u8>,
) -> Result<Usage<'r>, Skip> {
    if !is_inference(record) {
        return Err(Skip::NotUsage);
    }
    let own = &record.own;
    let tokens = tokens(record).map_err(Skip::Rejected)?;
    let cost = record.first([Key::UsageCost, Key::LiteLlmCost, Key::LlmCost]);
    let reported = number::cost(cost.scalar()).map_err(Skip::Rejected)?;
    let status = status(record, facts.failed);
    let has_usage = tokens.is_some() || reported.is_some();
    if !has_usage && status < 400 {
        return Err(Skip::NotUsage);
    }
    let model = record.first([Key::ResponseModel, Key::RequestModel, Key::LlmModel]);
    let model = model_of(model.text(), has_usage)?;
    let response = own.get(Key::ResponseId).text();
    let span = match (facts.trace, facts.span) {
        (Some(trace), Some(span)) if is_span || !response.is_global() => name_of(trace, span, room),
        _ => RawText::NONE,
    };
    let text = |key: Key| own.get(key).text();
    Ok(Usage {
        origin: Origin::OpenTelemetry,
        is_final: true,
        cache_hit: own.get(Key::LiteLlmHit).scalar().is_true(),
        ids: Ids { response, call: text(Key::LiteLlmCall), span, ..Ids::default() },
        time: record.time(facts, zone),
        tokens: tokens.unwrap_or_default(),
        media: media(record, &tokens.unwrap_or_default()).map_err(Skip::Rejected)?,
        model,
        provider: record.first([Key::Provider, Key::System, Key::LlmProvider, Key::LlmSystem]).text(),
        dimensions: Dimensions {
            end_user: record.text(Key::EndUser),
            user: record.text(Key::UserId).or(text(Key::LiteLlmUser)).or(record.text(Key::UserName)),
            user_email: record.text(Key::UserEmail).or(text(Key::LiteLlmEmail)),
            key_alias: text(Key::LiteLlmAlias),
            key_hash: text(Key::LiteLlmHash),
            team: text(Key::LiteLlmTeam).or(text(Key::LiteLlmTeamId)).or(record.team()),
            project: record.text(Key::ServiceName),
            feature: text(Key::GenAiWorkflow),
            agent: text(Key::GenAiAgent).or(text(Key::GenAiAgentId)),
            host: record.text(Key::HostName),
            session: text(Key::Conversation).or(record.text(Key::SessionId)),
            ..Dimensions::default()
        },
        terms: Terms { tier: text(Key::ResponseTier).or(text(Key::RequestTier)), ..Terms::default() },
        status,
        latency_ms: if is_span && facts.start > 0 {
            u32::try_from(facts.time.saturating_sub(facts.start) / 1_000_000).unwrap_or(u32::MAX)
        } else {
            record.latency()
        },
        stop_reason: text(Key::FinishReasons),
        max_tokens: number::lenient(own.get(Key::MaxTokens).scalar()),
        reported,
        ..Usage::default()
    })
}

/// Whether a model was asked here, and not by something below.
pub(super) fn is_inference(record: &Record<'_>) -> bool {
    let operation = record.own.get(Key::Operation).text();
    if !operation.is_empty() {
        let operation = operation.bytes();
        return OPERATIONS.iter().chain(&LITELLM_CALLS).any(|known| operation.eq_ignore_ascii_case(known));
    }
    let kind = record.own.get(Key::SpanKind).text();
    if !kind.is_empty() {
        let kind = kind.bytes();
        return kind.eq_ignore_ascii_case(b"llm") || kind.eq_ignore_ascii_case(b"embedding");
    }
    // Older instrumentations name no operation: a provider or a kind of request shows that it is one.
    !record.first([Key::Provider, Key::System, Key::RequestType, Key::RequestModel, Key::ResponseModel]).is_absent()
}

/// What was used; `None` where no count is stated.
fn tokens(record: &Record<'_>) -> Result<Option<Tokens>, Rejection> {
    let first = |value: &super::value::Value<'_>| number::tokens(value.scalar());
    let prompt = record.first([Key::UsageInput, Key::UsagePrompt, Key::LlmPrompt]);
    let completion = record.first([Key::UsageOutput, Key::UsageCompletion, Key::LlmCompletion]);
    let total = record.first([Key::UsageTotal, Key::LlmTotal]);
    if prompt.is_absent() && completion.is_absent() && total.is_absent() {
        return Ok(None);
    }
    // Embeddings of some servers state nothing but the total.
    let unsplit = prompt.is_absent() && completion.is_absent();
    let prompt = first(if unsplit { total } else { prompt })?;
    let (completion, total) = (first(completion)?, first(total)?);
    let cache_read = first(record.first([Key::UsageCacheRead, Key::LlmCacheRead]))?;
    let cache_write = first(record.first([Key::UsageCacheWrite, Key::UsageCacheCreation, Key::LlmCacheWrite]))?;
    let reasoning = first(record.first([Key::UsageReasoning, Key::LlmReasoning]))?;
    // xAI leaves reasoning out of the completion; the total gives it away.
    let apart = reasoning > 0 && u64::from(total) == u64::from(prompt) + u64::from(completion) + u64::from(reasoning);
    let output = if apart { completion.checked_add(reasoning).ok_or(Rejection::Number)? } else { completion };
    Ok(Some(Tokens {
        // The conventions count the cache in; older instrumentations of Anthropic do not, which shows where it would not fit.
        input: prompt.checked_sub(cache_read).and_then(|rest| rest.checked_sub(cache_write)).unwrap_or(prompt),
        cache_read,
        cache_write_5m: cache_write,
        output,
        reasoning: reasoning.min(output),
        ..Tokens::default()
    }))
}

/// What of `tokens` is no text.
fn media(record: &Record<'_>, tokens: &Tokens) -> Result<Media, Rejection> {
    let of = |keys: [Key; 3]| keys.map(|key| record.own.get(key).scalar());
    let prompt = Parts::counted(of([Key::AudioInput, Key::ImageInput, Key::VideoInput]), Scalar::Null);
    let cached = Parts::counted(of([Key::AudioRead, Key::ImageRead, Key::VideoRead]), Scalar::Null);
    let text = record.own.get(Key::TextOutput).scalar();
    let output = Parts::counted(of([Key::AudioOutput, Key::ImageOutput, Key::VideoOutput]), text);
    media::of(prompt, cached, output, tokens)
}

/// The HTTP status: stated, or what the error is called if that is a number, or 500 for any other failure.
fn status(record: &Record<'_>, failed: bool) -> u16 {
    let stated = record.status();
    let error = record.own.get(Key::ErrorType);
    if stated >= 400 || !failed && error.is_absent() {
        return stated;
    }
    match u16::try_from(number::lenient(error.scalar())) {
        Ok(status @ 400..=599) => status,
        _ => FAILED,
    }
}

/// Trace and span together, in hexadecimal. Zeros are no ids.
fn name_of(trace: [u8; 16], span: [u8; 8], room: &mut Vec<u8>) -> RawText<'_> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    if trace == [0; 16] || span == [0; 8] {
        return RawText::NONE;
    }
    room.clear();
    for byte in trace.into_iter().chain(span) {
        room.push(DIGITS[usize::from(byte >> 4)]);
        room.push(DIGITS[usize::from(byte & 15)]);
    }
    RawText::plain(room)
}
