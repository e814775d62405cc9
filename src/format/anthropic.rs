//! Anthropic's `usage`: the object enters, tokens leave. Shared by session files, raw answers and what copies their shape.
//!
//! `input_tokens` excludes the cache; `cache_creation` splits the writes; compactions of the context stand in `iterations` only, and
//! so does what other models were asked for advice.

use crate::usage::{Ids, RawText, Rejection, Tokens, Usage};

use super::scanner::{Scalar, Scanner, Stop};
use super::{Skip, number};

/// Anthropic's `usage`.
#[derive(Default)]
pub(super) struct Counts<'a> {
    input: Scalar<'a>,
    output: Scalar<'a>,
    cache_read: Scalar<'a>,
    cache_write: Scalar<'a>,
    split_5m: Scalar<'a>,
    split_1h: Scalar<'a>,
    thinking: Scalar<'a>,
    web_searches: Scalar<'a>,
    pub(super) tier: RawText<'a>,
    pub(super) speed: RawText<'a>,
    pub(super) geo: RawText<'a>,
    /// What an entry of `iterations` is.
    kind: Scalar<'a>,
    /// Whose an entry of `iterations` is.
    model: RawText<'a>,
    /// The array of that name, checked but unread.
    iterations: &'a [u8],
}

/// Reads the object ahead; `None` for anything else.
pub(super) fn usage<'a>(value: &mut Scanner<'a>) -> Result<Option<Counts<'a>>, Stop> {
    let mut counts = Counts::default();
    let is_object = value.object(|key, value| {
        match key {
            b"input_tokens" => counts.input = value.scalar()?,
            b"output_tokens" => counts.output = value.scalar()?,
            b"cache_read_input_tokens" => counts.cache_read = value.scalar()?,
            b"cache_creation_input_tokens" => counts.cache_write = value.scalar()?,
            b"cache_creation" => {
                (counts.split_5m, counts.split_1h) = (Scalar::Null, Scalar::Null);
                value.object(|key, value| {
                    match key {
                        b"ephemeral_5m_input_tokens" => counts.split_5m = value.scalar()?,
                        b"ephemeral_1h_input_tokens" => counts.split_1h = value.scalar()?,
                        _ => value.skip()?,
                    }
                    Ok(())
                })?;
            }
            b"output_tokens_details" => counts.thinking = value.member(b"thinking_tokens")?,
            b"server_tool_use" => counts.web_searches = value.member(b"web_search_requests")?,
            b"service_tier" => counts.tier = value.text()?,
            b"speed" => counts.speed = value.text()?,
            b"inference_geo" => counts.geo = value.text()?,
            b"type" => counts.kind = value.scalar()?,
            b"model" => counts.model = value.text()?,
            b"iterations" => counts.iterations = value.span()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(is_object.then_some(counts))
}

impl Counts<'_> {
    /// The totals and the compactions of the context, which the API bills but leaves out of them.
    pub(super) fn with_compactions(&self) -> Result<Tokens, Rejection> {
        let mut sum = self.tokens()?;
        let mut refused = None;
        let walked = Scanner::new(self.iterations).array(|entry| {
            if let Some(counts) = usage(entry)?
                && counts.kind.text().bytes().as_ref() == b"compaction"
            {
                match counts.tokens().and_then(|more| plus(sum, more)) {
                    Ok(more) => sum = more,
                    Err(rejection) => refused = Some(rejection),
                }
            }
            Ok(())
        });
        debug_assert!(walked.is_ok() || self.iterations.is_empty(), "checked with the line");
        refused.map_or(Ok(sum), Err)
    }

    /// A later statement of a stream: what it does not name stands as it was said before.
    pub(super) fn over(&self, before: Tokens) -> Result<Tokens, Rejection> {
        let now = self.with_compactions()?;
        let says_writes = !self.cache_write.is_null() || !self.split_5m.is_null() || !self.split_1h.is_null();
        let kept = |count: Scalar<'_>, now: u32, before: u32| if count.is_null() { before } else { now };
        let total = now.cache_write_5m.checked_add(now.cache_write_1h).ok_or(Rejection::Number)?;
        let says_split = !self.split_5m.is_null() || !self.split_1h.is_null();
        // A total alone does not say again how much of it lives for an hour.
        let hour = if says_split { now.cache_write_1h } else { before.cache_write_1h.min(total) };
        Ok(Tokens {
            input: kept(self.input, now.input, before.input),
            cache_read: kept(self.cache_read, now.cache_read, before.cache_read),
            cache_write_5m: if says_writes { total - hour } else { before.cache_write_5m },
            cache_write_1h: if says_writes { hour } else { before.cache_write_1h },
            output: kept(self.output, now.output, before.output),
            reasoning: kept(self.thinking, now.reasoning, before.reasoning),
            web_searches: kept(self.web_searches, now.web_searches, before.web_searches),
        })
    }

    /// Whether it says what was read, uncached or from the cache.
    pub(super) fn states_input(&self) -> bool {
        !self.input.is_null()
    }

    /// Whether there are parts beside the totals.
    pub(super) const fn has_iterations(&self) -> bool {
        !self.iterations.is_empty()
    }

    /// What other models were asked while this answer was made: each is billed at its own rates and in no total. Their names are that of
    /// the answer with a number behind it. A cost that stands beside the answer is that of all together.
    pub(super) fn advisors<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(&self, asked: &Usage<'_>, each: &mut E) {
        if self.iterations.is_empty() || asked.reported.is_some() || asked.restated.is_some() {
            return;
        }
        let mut number = 0;
        let walked = Scanner::new(self.iterations).array(|entry| {
            if let Some(counts) = usage(entry)?
                && counts.kind.text().is(b"advisor_message")
                && !counts.model.is_empty()
            {
                let named = |of: RawText<'_>| {
                    let mut name = of.bytes().into_owned();
                    if !name.is_empty() {
                        name.extend_from_slice(format!("+{number}").as_bytes());
                    }
                    name
                };
                let response = named(asked.ids.response);
                let request = if response.is_empty() { named(asked.ids.request) } else { Vec::new() };
                number += 1;
                let said = counts.tokens().map(|tokens| Usage {
                    tokens,
                    model: counts.model,
                    ids: Ids {
                        response: RawText::plain(&response),
                        request: RawText::plain(&request),
                        own_request: asked.ids.own_request,
                        ..Ids::default()
                    },
                    twin: None,
                    latency_ms: 0,
                    max_tokens: 0,
                    stop_reason: RawText::NONE,
                    is_final: true,
                    ..*asked
                });
                each(said.as_ref().map_err(|class| Skip::Rejected(*class)));
            }
            Ok(())
        });
        debug_assert!(walked.is_ok(), "checked with the line");
    }

    /// The total of writes counts; the split says how much of it lives for an hour. An old client has no split, a thin endpoint no
    /// total.
    pub(super) fn tokens(&self) -> Result<Tokens, Rejection> {
        let output = number::tokens(self.output)?;
        let (split_5m, split_1h) = (number::tokens(self.split_5m)?, number::tokens(self.split_1h)?);
        let total = number::tokens(self.cache_write)?;
        Ok(Tokens {
            input: number::tokens(self.input)?,
            cache_read: number::tokens(self.cache_read)?,
            cache_write_5m: if self.cache_write.is_null() { split_5m } else { total.saturating_sub(split_1h) },
            cache_write_1h: split_1h,
            output,
            reasoning: number::tokens(self.thinking)?.min(output),
            web_searches: number::tokens(self.web_searches)?,
        })
    }
}

/// The sum of two counts, kind by kind.
fn plus(one: Tokens, other: Tokens) -> Result<Tokens, Rejection> {
    let add = |one: u32, other: u32| one.checked_add(other).ok_or(Rejection::Number);
    Ok(Tokens {
        input: add(one.input, other.input)?,
        cache_read: add(one.cache_read, other.cache_read)?,
        cache_write_5m: add(one.cache_write_5m, other.cache_write_5m)?,
        cache_write_1h: add(one.cache_write_1h, other.cache_write_1h)?,
        output: add(one.output, other.output)?,
        reasoning: add(one.reasoning, other.reasoning)?,
        web_searches: add(one.web_searches, other.web_searches)?,
    })
}
