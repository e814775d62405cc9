//! `StandardLoggingPayload` of a `LiteLLM` proxy: one object per request, about 13 kB, most of it prices and prompts that are skipped.
//!
//! Identity: `id` is the response (not for a cache hit, whose id is another charge's, nor for a failure, where it repeats the call),
//! `litellm_call_id` the call. Dimensions: `end_user`; user, e-mail, key and project from `metadata.user_api_key_*`; the team's
//! alias, else its id; session from `session_id`, else `trace_id`. `prompt_tokens` includes the cache. Says [`Origin::Gateway`].

use memchr::memchr;
use memchr::memmem;

use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Origin, RawText, Rejection, Terms, Usage};

use super::scanner::{Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip, finish, number, openai, own};

/// Status of a failure whose error names none.
const FAILED: u32 = 500;

/// The values of one payload, unread.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) id: RawText<'a>,
    pub(super) call: RawText<'a>,
    pub(super) session: RawText<'a>,
    pub(super) trace: RawText<'a>,
    pub(super) cache_hit: Scalar<'a>,
    pub(super) status: RawText<'a>,
    pub(super) error_code: Scalar<'a>,
    pub(super) provider: RawText<'a>,
    pub(super) end_time: Scalar<'a>,
    /// Milliseconds.
    pub(super) latency: u32,
    pub(super) model: RawText<'a>,
    pub(super) metadata: Metadata<'a>,
    pub(super) cost: Scalar<'a>,
    pub(super) prompt: Scalar<'a>,
    pub(super) completion: Scalar<'a>,
    pub(super) total: Scalar<'a>,
    pub(super) end_user: RawText<'a>,
    pub(super) max_tokens: Scalar<'a>,
    pub(super) max_completion_tokens: Scalar<'a>,
    pub(super) served_tier: RawText<'a>,
    pub(super) breakdown: Breakdown<'a>,
}

/// `cost_breakdown`: which rates the proxy took.
#[derive(Default)]
pub(super) struct Breakdown<'a> {
    pub(super) tier: RawText<'a>,
    pub(super) data_residency: RawText<'a>,
    pub(super) vertex_location: RawText<'a>,
}

/// `metadata`: who asked, and the usage in detail.
#[derive(Default)]
pub(super) struct Metadata<'a> {
    pub(super) user: RawText<'a>,
    pub(super) email: RawText<'a>,
    pub(super) key_alias: RawText<'a>,
    pub(super) key_hash: RawText<'a>,
    pub(super) team_alias: RawText<'a>,
    pub(super) team_id: RawText<'a>,
    pub(super) project_alias: RawText<'a>,
    pub(super) project_id: RawText<'a>,
    pub(super) usage: openai::Counts<'a>,
    /// Where rows of the spend log have it.
    pub(super) breakdown: Breakdown<'a>,
    /// Where rows of the spend log have it.
    pub(super) error_code: Scalar<'a>,
}

/// Reads `record` if it has this format.
pub(super) fn read<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(
    record: &[u8],
    zone: Zone,
    mut marks: Marks,
    each: &mut E,
) -> Reading {
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|key, value| {
        marks.own |= own::speaks(key);
        match key {
            b"response_cost" => {
                marks.response_cost = true;
                fields.cost = value.scalar()?;
            }
            b"model" => fields.model = value.text()?,
            b"id" => fields.id = value.text()?,
            b"litellm_call_id" => fields.call = value.text()?,
            b"session_id" => fields.session = value.text()?,
            b"trace_id" => fields.trace = value.text()?,
            b"cache_hit" => fields.cache_hit = value.scalar()?,
            b"status" => fields.status = value.text()?,
            b"error_information" => fields.error_code = value.member(b"error_code")?,
            b"custom_llm_provider" => fields.provider = value.text()?,
            b"endTime" => fields.end_time = value.scalar()?,
            b"response_time" => fields.latency = number::parts_as_ms(value.scalar()?, 0),
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
            b"response" => fields.served_tier = marks.answers.note_response(value)?,
            b"cost_breakdown" => fields.breakdown = breakdown(value)?,
            _ => marks.note(key, value)?,
        }
        Ok(())
    });
    fields.metadata.usage.outside(fields.prompt, fields.completion, fields.total);
    finish(walked.and_then(|_| scanner.end()), marks, |format| format == Format::LiteLlm, each, |_| fields.usage(zone))
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

/// Who asked, and the usage in detail.
pub(super) fn metadata<'a>(value: &mut Scanner<'a>) -> Result<Metadata<'a>, Stop> {
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
            b"usage_object" => metadata.usage = openai::usage(value)?,
            b"cost_breakdown" => metadata.breakdown = breakdown(value)?,
            b"error_information" => metadata.error_code = value.member(b"error_code")?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(metadata)
}

impl<'a> Fields<'a> {
    /// What the record says.
    pub(super) fn usage(&self, zone: Zone) -> Result<Usage<'a>, Skip> {
        let tokens = self.metadata.usage.tokens().map_err(Skip::Rejected)?;
        let media = self.metadata.usage.media(&tokens).map_err(Skip::Rejected)?;
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
            media,
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
            latency_ms: self.latency,
            max_tokens: number::lenient(self.max_tokens.or(self.max_completion_tokens)),
            reported,
            ..Usage::default()
        })
    }

    /// The id of a cached answer carries a suffix, the id of a failure is the call's.
    fn id_is_no_response(&self) -> bool {
        self.id.bytes() == self.call.bytes() || memmem::find(&self.id.bytes(), b"_cache_hit").is_some()
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
