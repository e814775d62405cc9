//! `StandardLoggingPayload` of a `LiteLLM` proxy: one object per request, about 13 kB, most of it prices and prompts that are skipped.
//!
//! Identity: `id` is the response (not for a cache hit, whose id is another charge's, nor for a failure, where it repeats the call),
//! `litellm_call_id` the call. Dimensions: `end_user`; user, e-mail, key and project from `metadata.user_api_key_*`; the team's
//! alias, else its id; session from `session_id`, else `trace_id`. `prompt_tokens` includes the cache. Says [`Origin::Gateway`].

use memchr::memchr;
use memchr::memmem;

use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Origin, RawText, Rejection, Terms, Tokens, Usage};

use super::number;
use super::scanner::{Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip};

/// Status of a failure whose error names none.
const FAILED: u32 = 500;

/// The values of one payload, unread.
#[derive(Default)]
struct Fields<'a> {
    id: RawText<'a>,
    call: RawText<'a>,
    session: RawText<'a>,
    trace: RawText<'a>,
    cache_hit: Scalar<'a>,
    status: RawText<'a>,
    error_code: Scalar<'a>,
    provider: RawText<'a>,
    end_time: Scalar<'a>,
    response_time: Scalar<'a>,
    model: RawText<'a>,
    metadata: Metadata<'a>,
    cost: Scalar<'a>,
    prompt: Scalar<'a>,
    completion: Scalar<'a>,
    total: Scalar<'a>,
    end_user: RawText<'a>,
    max_tokens: Scalar<'a>,
    max_completion_tokens: Scalar<'a>,
    served_tier: RawText<'a>,
    breakdown: Breakdown<'a>,
}

/// `cost_breakdown`: which rates the proxy took.
#[derive(Default)]
struct Breakdown<'a> {
    tier: RawText<'a>,
    data_residency: RawText<'a>,
    vertex_location: RawText<'a>,
}

/// `metadata`: who asked, and the usage in detail.
#[derive(Default)]
struct Metadata<'a> {
    user: RawText<'a>,
    email: RawText<'a>,
    key_alias: RawText<'a>,
    key_hash: RawText<'a>,
    team_alias: RawText<'a>,
    team_id: RawText<'a>,
    project_alias: RawText<'a>,
    project_id: RawText<'a>,
    usage: Details<'a>,
}

/// `metadata.usage_object`. Cache counts stand in it up to three times.
#[derive(Default)]
struct Details<'a> {
    prompt: Scalar<'a>,
    completion: Scalar<'a>,
    total: Scalar<'a>,
    cache_read: Scalar<'a>,
    cache_write: Scalar<'a>,
    inside: PromptDetails<'a>,
    reasoning: Scalar<'a>,
    web_searches: Scalar<'a>,
    tier: RawText<'a>,
    geo: RawText<'a>,
    speed: RawText<'a>,
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
}

/// Reads `record` if it has this format.
pub(super) fn read(record: &[u8], zone: Zone, each: &mut impl FnMut(Result<&Usage<'_>, Skip>)) -> Reading {
    let mut marks = Marks::default();
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|key, value| {
        match key {
            b"response_cost" => {
                marks.response_cost = true;
                fields.cost = value.scalar()?;
            }
            b"model" => {
                marks.own = true;
                fields.model = value.text()?;
            }
            b"id" => fields.id = value.text()?,
            b"litellm_call_id" => fields.call = value.text()?,
            b"session_id" => fields.session = value.text()?,
            b"trace_id" => fields.trace = value.text()?,
            b"cache_hit" => fields.cache_hit = value.scalar()?,
            b"status" => fields.status = value.text()?,
            b"error_information" => fields.error_code = value.member(b"error_code")?,
            b"custom_llm_provider" => fields.provider = value.text()?,
            b"endTime" => fields.end_time = value.scalar()?,
            b"response_time" => fields.response_time = value.scalar()?,
            b"metadata" => fields.metadata = metadata(value)?,
            b"prompt_tokens" => fields.prompt = value.scalar()?,
            b"completion_tokens" => fields.completion = value.scalar()?,
            b"total_tokens" => fields.total = value.scalar()?,
            b"end_user" => fields.end_user = value.text()?,
            b"model_parameters" => {
                (fields.max_tokens, fields.max_completion_tokens) = (Scalar::Null, Scalar::Null);
                value.object(|key, value| {
                    match key {
                        b"max_tokens" => fields.max_tokens = value.scalar()?,
                        b"max_completion_tokens" => fields.max_completion_tokens = value.scalar()?,
                        _ => value.skip()?,
                    }
                    Ok(())
                })?;
            }
            b"response" => fields.served_tier = value.member(b"service_tier")?.text(),
            b"cost_breakdown" => fields.breakdown = breakdown(value)?,
            _ => marks.note(key, value)?,
        }
        Ok(())
    });
    match walked.and_then(|_| scanner.end()) {
        Err(stop) => return Reading::Stopped(stop),
        Ok(()) if marks.format() != Some(Format::LiteLlm) => return Reading::Foreign(marks),
        Ok(()) => {}
    }
    // By reference: a usage is large, and a match by value copies it.
    match &fields.usage(zone) {
        Ok(usage) => each(Ok(usage)),
        Err(skip) => each(Err(*skip)),
    }
    Reading::Done
}

fn breakdown<'a>(value: &mut Scanner<'a>) -> Result<Breakdown<'a>, Stop> {
    let mut breakdown = Breakdown::default();
    value.object(|key, value| {
        match key {
            b"service_tier" => breakdown.tier = value.text()?,
            b"data_residency" => breakdown.data_residency = value.text()?,
            b"vertex_location" => breakdown.vertex_location = value.text()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(breakdown)
}

fn metadata<'a>(value: &mut Scanner<'a>) -> Result<Metadata<'a>, Stop> {
    let mut metadata = Metadata::default();
    value.object(|key, value| {
        match key {
            b"user_api_key_user_id" => metadata.user = value.text()?,
            b"user_api_key_user_email" => metadata.email = value.text()?,
            b"user_api_key_alias" => metadata.key_alias = value.text()?,
            b"user_api_key_hash" => metadata.key_hash = value.text()?,
            b"user_api_key_team_alias" => metadata.team_alias = value.text()?,
            b"user_api_key_team_id" => metadata.team_id = value.text()?,
            b"user_api_key_project_alias" => metadata.project_alias = value.text()?,
            b"user_api_key_project_id" => metadata.project_id = value.text()?,
            b"usage_object" => metadata.usage = details(value)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(metadata)
}

fn details<'a>(value: &mut Scanner<'a>) -> Result<Details<'a>, Stop> {
    let mut details = Details::default();
    value.object(|key, value| {
        match key {
            b"prompt_tokens" => details.prompt = value.scalar()?,
            b"completion_tokens" => details.completion = value.scalar()?,
            b"total_tokens" => details.total = value.scalar()?,
            b"cache_read_input_tokens" => details.cache_read = value.scalar()?,
            b"cache_creation_input_tokens" => details.cache_write = value.scalar()?,
            b"prompt_tokens_details" => details.inside = prompt_details(value)?,
            b"completion_tokens_details" => details.reasoning = value.member(b"reasoning_tokens")?,
            b"server_tool_use" => details.web_searches = value.member(b"web_search_requests")?,
            b"service_tier" => details.tier = value.text()?,
            b"inference_geo" => details.geo = value.text()?,
            b"speed" => details.speed = value.text()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(details)
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
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(details)
}

impl<'a> Fields<'a> {
    fn usage(&self, zone: Zone) -> Result<Usage<'a>, Skip> {
        let tokens = self.tokens().map_err(Skip::Rejected)?;
        let reported = number::cost(self.cost).map_err(Skip::Rejected)?;
        if self.model.is_empty() {
            // Routes that call no model (listings, health) are logged in the same shape.
            let nothing = tokens.is_empty() && reported.unwrap_or_default() == crate::money::Cost::ZERO;
            return Err(if nothing { Skip::NotUsage } else { Skip::Rejected(Rejection::Model) });
        }
        let metadata = &self.metadata;
        let cache_hit = self.cache_hit.is_true();
        let failed = self.status.bytes().as_ref() == b"failure";
        let error_code = u16::try_from(number::lenient(self.error_code)).unwrap_or(0);
        Ok(Usage {
            origin: Origin::Gateway,
            is_final: true,
            cache_hit,
            ids: Ids {
                response: if cache_hit || self.id_is_no_response() { RawText::NONE } else { self.id },
                call: self.call,
                ..Ids::default()
            },
            time: number::time(self.end_time, zone),
            tokens,
            model: without_provider(self.model, self.provider),
            provider: self.provider,
            dimensions: Dimensions {
                end_user: self.end_user,
                user: metadata.user,
                user_email: metadata.email,
                key_alias: metadata.key_alias,
                key_hash: metadata.key_hash,
                team: metadata.team_alias.or(metadata.team_id),
                project: metadata.project_alias.or(metadata.project_id),
                session: not_zero(self.session).or(not_zero(self.trace)),
                ..Dimensions::default()
            },
            terms: Terms {
                tier: self.served_tier.or(metadata.usage.tier).or(self.breakdown.tier),
                data_residency: self.breakdown.data_residency,
                vertex_location: self.breakdown.vertex_location,
                inference_geo: metadata.usage.geo,
                speed: metadata.usage.speed,
                ..Terms::default()
            },
            status: match (failed, error_code) {
                (true, 0) => FAILED as u16,
                (true, code) => code,
                (false, _) if self.status.is_empty() => 0,
                (false, _) => 200,
            },
            latency_ms: number::seconds_as_ms(self.response_time),
            max_tokens: number::lenient(self.max_tokens.or(self.max_completion_tokens)),
            reported,
            ..Usage::default()
        })
    }

    /// The id of a cached answer carries a suffix, the id of a failure is the call's.
    fn id_is_no_response(&self) -> bool {
        self.id.bytes() == self.call.bytes() || memmem::find(&self.id.bytes(), b"_cache_hit").is_some()
    }

    fn tokens(&self) -> Result<Tokens, Rejection> {
        let details = &self.metadata.usage;
        let inside = &details.inside;
        let prompt = number::tokens(self.prompt.or(details.prompt))?;
        let completion = number::tokens(self.completion.or(details.completion))?;
        let total = number::tokens(self.total.or(details.total))?;
        let cache_read = number::tokens(inside.cached)?.max(number::tokens(details.cache_read)?);
        let (split_5m, split_1h) = (number::tokens(inside.split_5m)?, number::tokens(inside.split_1h)?);
        let written = [inside.cache_write, inside.cache_creation, details.cache_write];
        let cache_write_5m = if written.iter().all(|count| count.is_null()) {
            split_5m
        } else {
            let mut most = 0;
            for count in written {
                most = most.max(number::tokens(count)?);
            }
            most.saturating_sub(split_1h)
        };
        let reasoning = number::tokens(details.reasoning)?;
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
            web_searches: number::tokens(details.web_searches)?.max(number::tokens(inside.web_searches)?),
        })
    }
}

/// `"0"` is what an absent trace looks like.
fn not_zero(id: RawText<'_>) -> RawText<'_> {
    if id.bytes().as_ref() == b"0" { RawText::NONE } else { id }
}

/// The model without the leading `provider/` that repeats the provider. Some writers escape the slash.
fn without_provider<'a>(model: RawText<'a>, provider: RawText<'a>) -> RawText<'a> {
    let rest = model
        .as_written()
        .strip_prefix(provider.as_written())
        .and_then(|rest| rest.strip_prefix(b"/").or_else(|| rest.strip_prefix(br"\/")));
    match rest {
        Some(rest) if !provider.is_empty() && !rest.is_empty() => {
            if memchr(b'\\', rest).is_some() {
                RawText::escaped(rest)
            } else {
                RawText::plain(rest)
            }
        }
        _ => model,
    }
}
