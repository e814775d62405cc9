//! `OpenAI`'s `usage` of chat completions, embeddings and every server that speaks the same: the object enters, tokens leave.
//!
//! The prompt includes the cache. Dialects: `LiteLLM` and gateways name one count up to three times; Kimi puts `cached_tokens` at the
//! top; `DeepSeek` splits the prompt into cache hit and miss; xAI leaves reasoning out of the completion; `OpenRouter` says the cost.

use crate::money::Cost;
use crate::usage::{Media, RawText, Rejection, Tokens};

use super::media::{self, Parts};
use super::number;
use super::scanner::{Scalar, Scanner, Stop};

/// A `usage` whose values are unread. Cache counts stand in it up to four times.
#[derive(Default)]
pub(super) struct Counts<'a> {
    prompt: Scalar<'a>,
    completion: Scalar<'a>,
    total: Scalar<'a>,
    cache_read: Scalar<'a>,
    cache_write: Scalar<'a>,
    cached: Scalar<'a>,
    hit: Scalar<'a>,
    miss: Scalar<'a>,
    inside: PromptDetails<'a>,
    reasoning: Scalar<'a>,
    output: Parts,
    web_searches: Scalar<'a>,
    queries: Scalar<'a>,
    pub(super) tier: RawText<'a>,
    pub(super) geo: RawText<'a>,
    pub(super) speed: RawText<'a>,
    cost: Scalar<'a>,
    own_key: Scalar<'a>,
    upstream: Scalar<'a>,
}

/// `prompt_tokens_details`.
#[derive(Default)]
struct PromptDetails<'a> {
    cached: Scalar<'a>,
    cache_write: Scalar<'a>,
    cache_creation: Scalar<'a>,
    web_searches: Scalar<'a>,
    split_5m: Scalar<'a>,
    split_1h: Scalar<'a>,
    media: Parts,
    cached_media: Parts,
}

/// Reads the object ahead; anything else says nothing.
pub(super) fn usage<'a>(value: &mut Scanner<'a>) -> Result<Counts<'a>, Stop> {
    let mut counts = Counts::default();
    value.object(|key, value| {
        match key {
            b"prompt_tokens" => counts.prompt = value.scalar()?,
            b"completion_tokens" => counts.completion = value.scalar()?,
            b"total_tokens" => counts.total = value.scalar()?,
            b"cache_read_input_tokens" => counts.cache_read = value.scalar()?,
            b"cache_creation_input_tokens" => counts.cache_write = value.scalar()?,
            b"cached_tokens" => counts.cached = value.scalar()?,
            b"prompt_cache_hit_tokens" => counts.hit = value.scalar()?,
            b"prompt_cache_miss_tokens" => counts.miss = value.scalar()?,
            b"prompt_tokens_details" => counts.inside = prompt_details(value)?,
            b"completion_tokens_details" => (counts.reasoning, counts.output) = answer_details(value)?,
            b"server_tool_use" => counts.web_searches = value.member(b"web_search_requests")?,
            b"num_search_queries" => counts.queries = value.scalar()?,
            b"service_tier" => counts.tier = value.text()?,
            b"inference_geo" => counts.geo = value.text()?,
            b"speed" => counts.speed = value.text()?,
            b"cost" => counts.cost = value.scalar()?,
            b"is_byok" => counts.own_key = value.scalar()?,
            b"cost_details" => counts.upstream = value.member(b"upstream_inference_cost")?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(counts)
}

fn prompt_details<'a>(value: &mut Scanner<'a>) -> Result<PromptDetails<'a>, Stop> {
    let mut details = PromptDetails::default();
    value.object(|key, value| {
        match key {
            b"cached_tokens" => details.cached = value.scalar()?,
            b"cache_write_tokens" => details.cache_write = value.scalar()?,
            b"cache_creation_tokens" => details.cache_creation = value.scalar()?,
            b"web_search_requests" => details.web_searches = value.scalar()?,
            b"cache_creation_token_details" => {
                (details.split_5m, details.split_1h) = (Scalar::Null, Scalar::Null);
                value.object(|key, value| {
                    match key {
                        b"ephemeral_5m_input_tokens" => details.split_5m = value.scalar()?,
                        b"ephemeral_1h_input_tokens" => details.split_1h = value.scalar()?,
                        _ => value.skip()?,
                    }
                    Ok(())
                })?;
            }
            b"cached_tokens_details" => details.cached_media = Parts::object(value)?,
            _ if details.media.take(key, value)? => {}
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(details)
}

/// The details of an output: reasoning and media. `OpenAI`'s two grammars share them.
pub(super) fn answer_details<'a>(value: &mut Scanner<'a>) -> Result<(Scalar<'a>, Parts), Stop> {
    let (mut reasoning, mut media) = (Scalar::Null, Parts::default());
    value.object(|key, value| {
        match key {
            b"reasoning_tokens" => reasoning = value.scalar()?,
            _ if media.take(key, value)? => {}
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok((reasoning, media))
}

impl<'a> Counts<'a> {
    /// What a record states outside of this object counts before what stands in it.
    pub(super) const fn outside(&mut self, prompt: Scalar<'a>, completion: Scalar<'a>, total: Scalar<'a>) {
        self.prompt = prompt.or(self.prompt);
        self.completion = completion.or(self.completion);
        self.total = total.or(self.total);
    }

    /// What was used.
    pub(super) fn tokens(&self) -> Result<Tokens, Rejection> {
        let inside = &self.inside;
        let (hit, miss) = (number::tokens(self.hit)?, number::tokens(self.miss)?);
        let total = number::tokens(self.total)?;
        let completion = number::tokens(self.completion)?;
        let unsplit = self.hit.is_null() && self.miss.is_null();
        let prompt = match (self.prompt.is_null(), self.completion.is_null()) {
            (false, _) => number::tokens(self.prompt)?,
            // Embeddings of some servers state nothing but the total.
            (true, true) if unsplit => total,
            (true, _) => hit.checked_add(miss).ok_or(Rejection::Number)?,
        };
        let cache_read = greatest([inside.cached, self.cache_read, self.cached])?.max(hit);
        let (split_5m, split_1h) = (number::tokens(inside.split_5m)?, number::tokens(inside.split_1h)?);
        let written = [inside.cache_write, inside.cache_creation, self.cache_write];
        let cache_write_5m = if written.iter().all(|count| count.is_null()) {
            split_5m
        } else {
            greatest(written)?.saturating_sub(split_1h)
        };
        let reasoning = number::tokens(self.reasoning)?;
        // xAI leaves reasoning out of the completion; the total gives it away.
        let apart =
            reasoning > 0 && u64::from(total) == u64::from(prompt) + u64::from(completion) + u64::from(reasoning);
        let output = if apart { completion.checked_add(reasoning).ok_or(Rejection::Number)? } else { completion };
        Ok(Tokens {
            input: prompt.saturating_sub(cache_read).saturating_sub(cache_write_5m).saturating_sub(split_1h),
            cache_read,
            cache_write_5m,
            cache_write_1h: split_1h,
            output,
            reasoning: reasoning.min(output),
            web_searches: greatest([self.web_searches, inside.web_searches, self.queries])?,
        })
    }

    /// What of `tokens` is no text.
    pub(super) fn media(&self, tokens: &Tokens) -> Result<Media, Rejection> {
        media::of(self.inside.media, self.inside.cached_media, self.output, tokens)
    }

    /// The cost as the server states it. With a key of the customer's own, what the upstream provider charges comes on top.
    pub(super) fn cost(&self) -> Result<Option<Cost>, Rejection> {
        let cost = number::cost(self.cost)?;
        if !self.own_key.is_true() {
            return Ok(cost);
        }
        let parts = [cost, number::cost(self.upstream)?];
        if parts == [None, None] {
            return Ok(None);
        }
        let sum = parts.into_iter().flatten().try_fold(0u64, |sum, part| sum.checked_add(part.pico()));
        sum.map(|pico| Some(Cost::from_pico(pico))).ok_or(Rejection::Number)
    }
}

/// Several names of one count: the greatest counts.
fn greatest(counts: [Scalar<'_>; 3]) -> Result<u32, Rejection> {
    let mut most = 0;
    for count in counts {
        most = most.max(number::tokens(count)?);
    }
    Ok(most)
}
