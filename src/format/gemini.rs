//! Gemini's `usageMetadata`: the object enters, tokens leave. Read in the spelling of the API and in that of the Python library.
//!
//! The prompt includes the cache, but not the prompt of tools; candidates exclude thoughts.

use crate::usage::{Media, RawText, Rejection, Tokens};

use super::media::{self, Parts};
use super::number;
use super::scanner::{Scalar, Scanner, Stop};

/// A `usageMetadata` whose values are unread.
#[derive(Default)]
pub(super) struct Counts<'a> {
    prompt: Scalar<'a>,
    tool_prompt: Scalar<'a>,
    cached: Scalar<'a>,
    candidates: Scalar<'a>,
    thoughts: Scalar<'a>,
    prompt_media: Parts,
    tool_media: Parts,
    cached_media: Parts,
    answer_media: Parts,
    pub(super) traffic: RawText<'a>,
}

/// Reads the object ahead; anything else says nothing.
pub(super) fn usage<'a>(value: &mut Scanner<'a>) -> Result<Counts<'a>, Stop> {
    let mut counts = Counts::default();
    value.object(|key, value| {
        match key {
            b"promptTokenCount" | b"prompt_token_count" => counts.prompt = value.scalar()?,
            b"toolUsePromptTokenCount" | b"tool_use_prompt_token_count" => counts.tool_prompt = value.scalar()?,
            b"cachedContentTokenCount" | b"cached_content_token_count" => counts.cached = value.scalar()?,
            b"candidatesTokenCount" | b"candidates_token_count" => counts.candidates = value.scalar()?,
            b"thoughtsTokenCount" | b"thoughts_token_count" => counts.thoughts = value.scalar()?,
            b"promptTokensDetails" | b"prompt_tokens_details" => counts.prompt_media = Parts::modalities(value)?,
            b"toolUsePromptTokensDetails" | b"tool_use_prompt_tokens_details" => {
                counts.tool_media = Parts::modalities(value)?;
            }
            b"cacheTokensDetails" | b"cache_tokens_details" => counts.cached_media = Parts::modalities(value)?,
            b"candidatesTokensDetails" | b"candidates_tokens_details" => {
                counts.answer_media = Parts::modalities(value)?;
            }
            b"trafficType" | b"traffic_type" => counts.traffic = value.text()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(counts)
}

impl Counts<'_> {
    /// What was used. Cached tokens are of the prompt, never of what tools put into it.
    pub(super) fn tokens(&self) -> Result<Tokens, Rejection> {
        let cache_read = number::tokens(self.cached)?;
        let reasoning = number::tokens(self.thoughts)?;
        let add = |one: u32, other: u32| one.checked_add(other).ok_or(Rejection::Number);
        Ok(Tokens {
            input: add(number::tokens(self.prompt)?.saturating_sub(cache_read), number::tokens(self.tool_prompt)?)?,
            cache_read,
            output: add(number::tokens(self.candidates)?, reasoning)?,
            reasoning,
            ..Tokens::default()
        })
    }

    /// What of `tokens` is no text.
    pub(super) fn media(&self, tokens: &Tokens) -> Result<Media, Rejection> {
        media::of(self.prompt_media.and(self.tool_media), self.cached_media, self.answer_media, tokens)
    }
}
