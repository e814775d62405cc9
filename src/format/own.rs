//! costtop's own NDJSON: what `costtop events` prints and applications write. One object enters, at most one usage leaves.
//!
//! Identity: `request_id` (good at any length), `response_id`, `call_id`. Dimensions: each under its own name; `user_id` is the user,
//! `task_type` the feature, `key` the key's alias. `input_tokens` is uncached input only. Says [`Origin::Api`], always final.

use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Origin, RawText, Rejection, Restated, Terms, Tokens, Usage};

use super::number;
use super::scanner::{Scalar, Scanner};
use super::{Marks, Reading, Skip};

/// Keys that make a record one of ours.
pub(super) fn speaks(key: &[u8]) -> bool {
    matches!(
        key,
        b"model"
            | b"input_tokens"
            | b"inputTokens"
            | b"output_tokens"
            | b"outputTokens"
            | b"cache_read_tokens"
            | b"cache_write_tokens"
            | b"cache_write_5m_tokens"
            | b"cache_write_1h_tokens"
            | b"cost_usd"
            | b"cost"
    )
}

/// The values of one record, unread.
#[derive(Default)]
struct Fields<'a> {
    kind_of_record: Scalar<'a>,
    ts: Scalar<'a>,
    timestamp: Scalar<'a>,
    request_id: RawText<'a>,
    response_id: RawText<'a>,
    call_id: RawText<'a>,
    user_id: RawText<'a>,
    task_type: RawText<'a>,
    model: RawText<'a>,
    kind: RawText<'a>,
    provider: RawText<'a>,
    dimensions: Dimensions<'a>,
    terms: Terms<'a>,
    input: Scalar<'a>,
    output: Scalar<'a>,
    reasoning: Scalar<'a>,
    cache_read: Scalar<'a>,
    cache_write: Scalar<'a>,
    cache_write_5m: Scalar<'a>,
    cache_write_1h: Scalar<'a>,
    web_searches: Scalar<'a>,
    status: Scalar<'a>,
    latency: Scalar<'a>,
    max_tokens: Scalar<'a>,
    revision: Scalar<'a>,
    stop_reason: RawText<'a>,
    retry_of: RawText<'a>,
    cache_hit: Scalar<'a>,
    cost: Scalar<'a>,
    computed: Scalar<'a>,
    cost_source: RawText<'a>,
}

/// Reads `record` if it has this format.
pub(super) fn read(record: &[u8], zone: Zone, each: &mut impl FnMut(Result<&Usage<'_>, Skip>)) -> Reading {
    let mut marks = Marks::default();
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|key, value| {
        match key {
            b"type" => fields.kind_of_record = marks.note_type(value)?,
            b"ts" => fields.ts = value.scalar()?,
            b"timestamp" => fields.timestamp = value.scalar()?,
            b"request_id" => fields.request_id = value.text()?,
            b"response_id" => fields.response_id = value.text()?,
            b"call_id" => fields.call_id = value.text()?,
            b"session_id" => fields.dimensions.session = value.text()?,
            b"user" => fields.dimensions.user = value.text()?,
            b"user_id" => fields.user_id = value.text()?,
            b"user_email" => fields.dimensions.user_email = value.text()?,
            b"end_user" => fields.dimensions.end_user = value.text()?,
            b"team" => fields.dimensions.team = value.text()?,
            b"project" => fields.dimensions.project = value.text()?,
            b"feature" => fields.dimensions.feature = value.text()?,
            b"task_type" => fields.task_type = value.text()?,
            b"agent" => fields.dimensions.agent = value.text()?,
            b"host" => fields.dimensions.host = value.text()?,
            b"key" => fields.dimensions.key_alias = value.text()?,
            b"provider" => fields.provider = value.text()?,
            b"model" => {
                marks.own = true;
                fields.model = value.text()?;
            }
            b"kind" => fields.kind = value.text()?,
            b"input_tokens" | b"inputTokens" => {
                marks.own = true;
                fields.input = value.scalar()?;
            }
            b"output_tokens" | b"outputTokens" => {
                marks.own = true;
                fields.output = value.scalar()?;
            }
            b"reasoning_tokens" => fields.reasoning = value.scalar()?,
            b"cache_read_tokens" => {
                marks.own = true;
                fields.cache_read = value.scalar()?;
            }
            b"cache_write_tokens" => {
                marks.own = true;
                fields.cache_write = value.scalar()?;
            }
            b"cache_write_5m_tokens" => {
                marks.own = true;
                fields.cache_write_5m = value.scalar()?;
            }
            b"cache_write_1h_tokens" => {
                marks.own = true;
                fields.cache_write_1h = value.scalar()?;
            }
            b"web_searches" => fields.web_searches = value.scalar()?,
            b"tier" | b"service_tier" => fields.terms.tier = value.text()?,
            b"region" => fields.terms.region = value.text()?,
            b"data_residency" => fields.terms.data_residency = value.text()?,
            b"vertex_location" => fields.terms.vertex_location = value.text()?,
            b"inference_geo" => fields.terms.inference_geo = value.text()?,
            b"speed" => fields.terms.speed = value.text()?,
            b"status" => fields.status = value.scalar()?,
            b"latency_ms" => fields.latency = value.scalar()?,
            b"max_tokens" => fields.max_tokens = value.scalar()?,
            b"revision" => fields.revision = value.scalar()?,
            b"stop_reason" => fields.stop_reason = value.text()?,
            b"retry_of" => fields.retry_of = value.text()?,
            b"cache_hit" => fields.cache_hit = value.scalar()?,
            b"cost_usd" | b"cost" => {
                marks.own = true;
                fields.cost = value.scalar()?;
            }
            b"computed_usd" => fields.computed = value.scalar()?,
            b"cost_source" => fields.cost_source = value.text()?,
            _ => marks.note(key, value)?,
        }
        Ok(())
    });
    match walked.and_then(|_| scanner.end()) {
        Err(stop) => return Reading::Stopped(stop),
        Ok(()) if marks.format() != Some(super::Format::Own) => return Reading::Foreign(marks),
        Ok(()) => {}
    }
    match fields.usage(zone) {
        Ok(usage) => each(Ok(&usage)),
        Err(skip) => each(Err(skip)),
    }
    Reading::Done
}

impl<'a> Fields<'a> {
    fn usage(&self, zone: Zone) -> Result<Usage<'a>, Skip> {
        let mut model = self.model;
        if let Scalar::Text(kind) = self.kind_of_record {
            match kind.bytes().as_ref() {
                b"adjustment" | b"transfer" | b"outcome" => return Err(Skip::NotUsage),
                b"charge" => model = model.or(self.kind),
                _ => {}
            }
        }
        let states_tokens = [
            self.input,
            self.output,
            self.reasoning,
            self.cache_read,
            self.cache_write,
            self.cache_write_5m,
            self.cache_write_1h,
            self.web_searches,
        ]
        .iter()
        .any(|count| !count.is_null());
        let amounts = self.amounts().map_err(Skip::Rejected)?;
        if !states_tokens && amounts == (None, None) {
            return Err(Skip::NotUsage);
        }
        let tokens = self.tokens().map_err(Skip::Rejected)?;
        if model.bytes().as_ref() == b"<synthetic>" {
            return Err(Skip::NotUsage);
        }
        // Money needs no model: it is known. Tokens do, or nobody can price them.
        if model.is_empty() && matches!(amounts, (None, None | Some(Restated::Unpriced))) {
            return Err(Skip::Rejected(Rejection::Model));
        }
        let (reported, restated) = amounts;
        Ok(Usage {
            origin: Origin::Api,
            is_final: true,
            revision: number::lenient(self.revision),
            cache_hit: self.cache_hit.is_true(),
            ids: Ids {
                response: self.response_id,
                request: self.request_id,
                call: self.call_id,
                own_request: true,
                ..Ids::default()
            },
            time: number::time(self.ts.or(self.timestamp), zone),
            tokens,
            model,
            provider: self.provider,
            dimensions: Dimensions {
                user: self.dimensions.user.or(self.user_id),
                feature: self.dimensions.feature.or(self.task_type),
                ..self.dimensions
            },
            terms: self.terms,
            status: u16::try_from(number::lenient(self.status)).unwrap_or(0),
            latency_ms: number::lenient(self.latency),
            stop_reason: self.stop_reason,
            max_tokens: number::lenient(self.max_tokens),
            retry_of: self.retry_of,
            reported,
            restated,
            ..Usage::default()
        })
    }

    fn tokens(&self) -> Result<Tokens, Rejection> {
        let output = number::tokens(self.output)?;
        Ok(Tokens {
            input: number::tokens(self.input)?,
            cache_read: number::tokens(self.cache_read)?,
            cache_write_5m: number::tokens(self.cache_write_5m.or(self.cache_write))?,
            cache_write_1h: number::tokens(self.cache_write_1h)?,
            output,
            reasoning: number::tokens(self.reasoning)?.min(output),
            web_searches: number::tokens(self.web_searches)?,
        })
    }

    /// What the record reports, and what costtop said before. `cost_source` tells which of the two `cost_usd` is.
    fn amounts(&self) -> Result<(Option<crate::money::Cost>, Option<Restated>), Rejection> {
        let cost = number::cost(self.cost)?;
        let computed = number::cost(self.computed)?.map(Restated::Computed);
        Ok(match self.cost_source.bytes().as_ref() {
            b"computed" => (None, cost.map(Restated::Computed).or(computed)),
            b"unpriced" => (None, Some(Restated::Unpriced)),
            _ => (cost, computed),
        })
    }
}
