//! `OpenAI`'s `usage` of the Responses API: the object enters, tokens leave.
//!
//! It shares `input_tokens` and `output_tokens` with Anthropic, but here the input includes the cache. Realtime answers, images and
//! transcriptions have the same object; the details of some are called `input_token_details`.

use crate::usage::{Media, RawText, Rejection, Tokens};

use super::media::{self, Parts};
use super::scanner::{Scalar, Scanner, Stop};
use super::{number, openai};

/// A `usage` whose values are unread.
#[derive(Default)]
pub(super) struct Counts<'a> {
    input: Scalar<'a>,
    output: Scalar<'a>,
    cached: Scalar<'a>,
    cache_write: Scalar<'a>,
    reasoning: Scalar<'a>,
    media: Parts,
    cached_media: Parts,
    output_media: Parts,
    pub(super) tier: RawText<'a>,
}

/// Reads the object ahead; anything else says nothing.
pub(super) fn usage<'a>(value: &mut Scanner<'a>) -> Result<Counts<'a>, Stop> {
    let mut counts = Counts::default();
    value.object(|key, value| {
        match key {
            b"input_tokens" => counts.input = value.scalar()?,
            b"output_tokens" => counts.output = value.scalar()?,
            b"input_tokens_details" | b"input_token_details" => {
                (counts.cached, counts.cache_write) = (Scalar::Null, Scalar::Null);
                (counts.media, counts.cached_media) = (Parts::default(), Parts::default());
                value.object(|key, value| {
                    match key {
                        b"cached_tokens" => counts.cached = value.scalar()?,
                        b"cache_write_tokens" => counts.cache_write = value.scalar()?,
                        b"cached_tokens_details" => counts.cached_media = Parts::object(value)?,
                        _ if counts.media.take(key, value)? => {}
                        _ => value.skip()?,
                    }
                    Ok(())
                })?;
            }
            b"output_tokens_details" | b"output_token_details" => {
                (counts.reasoning, counts.output_media) = openai::answer_details(value)?;
            }
            b"service_tier" => counts.tier = value.text()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(counts)
}

impl Counts<'_> {
    /// What was used; searches stand in the answer, not here.
    pub(super) fn tokens(&self, web_searches: u32) -> Result<Tokens, Rejection> {
        let (cache_read, cache_write_5m) = (number::tokens(self.cached)?, number::tokens(self.cache_write)?);
        let output = number::tokens(self.output)?;
        Ok(Tokens {
            input: number::tokens(self.input)?.saturating_sub(cache_read).saturating_sub(cache_write_5m),
            cache_read,
            cache_write_5m,
            cache_write_1h: 0,
            output,
            reasoning: number::tokens(self.reasoning)?.min(output),
            web_searches,
        })
    }

    /// What of `tokens` is no text.
    pub(super) fn media(&self, tokens: &Tokens) -> Result<Media, Rejection> {
        media::of(self.media, self.cached_media, self.output_media, tokens)
    }
}

/// How many web searches the items of an answer's `output` show. Opening a page that was found costs nothing.
pub(super) fn web_searches(output: &[u8]) -> u32 {
    let mut searches = 0;
    let walked = Scanner::new(output).array(|item| {
        let (mut is_search, mut action) = (false, RawText::NONE);
        item.object(|key, value| {
            match key {
                b"type" => is_search = value.text()?.is(b"web_search_call"),
                b"action" => action = value.member(b"type")?.text(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        searches += u32::from(is_search && (action.is_empty() || action.is(b"search")));
        Ok(())
    });
    debug_assert!(walked.is_ok() || output.is_empty(), "checked with the line");
    searches
}
