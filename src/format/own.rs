//! costtop's own NDJSON: what `costtop events` prints and applications write. One object enters, at most one usage leaves.
//!
//! Identity: `request_id` (good at any length), `response_id`, `call_id`. Dimensions: each under its own name; `user_id` is the user,
//! `task_type` the feature, `key` the key's alias. `input_tokens` is uncached input only. Says [`Origin::Api`], always final.

use crate::money::Cost;
use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Origin, RawText, Rejection, Restated, Terms, Tokens, Usage};

use super::scanner::{Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip, finish, number};

/// A key of one of ours. Those whose value is kept as text come first, then those kept as they stand.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Key {
    RequestId,
    ResponseId,
    CallId,
    Session,
    User,
    UserId,
    UserEmail,
    EndUser,
    Team,
    Project,
    Feature,
    TaskType,
    Agent,
    Host,
    Alias,
    Provider,
    Model,
    Kind,
    Tier,
    Region,
    DataResidency,
    VertexLocation,
    InferenceGeo,
    Speed,
    StopReason,
    RetryOf,
    CostSource,
    Ts,
    Timestamp,
    Input,
    Output,
    Reasoning,
    CacheRead,
    CacheWrite,
    CacheWrite5m,
    CacheWrite1h,
    WebSearches,
    Status,
    Latency,
    MaxTokens,
    Revision,
    CacheHit,
    Cost,
    Computed,
    Type,
    Other,
}

/// What a record reports, and what costtop said of it before.
type Amounts = (Option<Cost>, Option<Restated>);

/// How many keys are kept as text.
const TEXTS: usize = Key::Ts as usize;
/// How many are kept as they stand.
const SCALARS: usize = Key::Type as usize - TEXTS;

impl Key {
    /// By length first: within one length two or three words are compared, not the whole list.
    #[inline]
    pub(super) fn of(key: &[u8]) -> Key {
        match key.len() {
            2 if key == b"ts" => Key::Ts,
            3 if key == b"key" => Key::Alias,
            4 => match key {
                b"user" => Key::User,
                b"team" => Key::Team,
                b"type" => Key::Type,
                b"cost" => Key::Cost,
                b"tier" => Key::Tier,
                b"host" => Key::Host,
                b"kind" => Key::Kind,
                _ => Key::Other,
            },
            5 => match key {
                b"model" => Key::Model,
                b"agent" => Key::Agent,
                b"speed" => Key::Speed,
                _ => Key::Other,
            },
            6 => match key {
                b"status" => Key::Status,
                b"region" => Key::Region,
                _ => Key::Other,
            },
            7 => match key {
                b"feature" => Key::Feature,
                b"project" => Key::Project,
                b"user_id" => Key::UserId,
                b"call_id" => Key::CallId,
                _ => Key::Other,
            },
            8 => match key {
                b"cost_usd" => Key::Cost,
                b"provider" => Key::Provider,
                b"end_user" => Key::EndUser,
                b"retry_of" => Key::RetryOf,
                b"revision" => Key::Revision,
                _ => Key::Other,
            },
            9 => match key {
                b"timestamp" => Key::Timestamp,
                b"task_type" => Key::TaskType,
                b"cache_hit" => Key::CacheHit,
                _ => Key::Other,
            },
            10 => match key {
                b"request_id" => Key::RequestId,
                b"session_id" => Key::Session,
                b"latency_ms" => Key::Latency,
                b"max_tokens" => Key::MaxTokens,
                b"user_email" => Key::UserEmail,
                _ => Key::Other,
            },
            11 => match key {
                b"stop_reason" => Key::StopReason,
                b"cost_source" => Key::CostSource,
                b"response_id" => Key::ResponseId,
                b"inputTokens" => Key::Input,
                _ => Key::Other,
            },
            12 => match key {
                b"input_tokens" => Key::Input,
                b"web_searches" => Key::WebSearches,
                b"service_tier" => Key::Tier,
                b"computed_usd" => Key::Computed,
                b"outputTokens" => Key::Output,
                _ => Key::Other,
            },
            13 => match key {
                b"output_tokens" => Key::Output,
                b"inference_geo" => Key::InferenceGeo,
                _ => Key::Other,
            },
            14 if key == b"data_residency" => Key::DataResidency,
            15 if key == b"vertex_location" => Key::VertexLocation,
            16 if key == b"reasoning_tokens" => Key::Reasoning,
            17 if key == b"cache_read_tokens" => Key::CacheRead,
            18 if key == b"cache_write_tokens" => Key::CacheWrite,
            21 => match key {
                b"cache_write_5m_tokens" => Key::CacheWrite5m,
                b"cache_write_1h_tokens" => Key::CacheWrite1h,
                _ => Key::Other,
            },
            _ => Key::Other,
        }
    }

    /// Whether it makes a record one of ours.
    pub(super) const fn speaks(self) -> bool {
        matches!(
            self,
            Key::Model
                | Key::Input
                | Key::Output
                | Key::CacheRead
                | Key::CacheWrite
                | Key::CacheWrite5m
                | Key::CacheWrite1h
                | Key::Cost
        )
    }
}

/// Whether a key makes a record one of ours.
pub(super) fn speaks(key: &[u8]) -> bool {
    Key::of(key).speaks()
}

/// The values of one record, unread.
pub(super) struct Fields<'a> {
    kind_of_record: Scalar<'a>,
    texts: [RawText<'a>; TEXTS],
    scalars: [Scalar<'a>; SCALARS],
}

/// Reads `record` if it has this format.
pub(super) fn read<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(
    record: &[u8],
    zone: Zone,
    mut marks: Marks,
    each: &mut E,
) -> Reading {
    let mut fields = Fields::new();
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|name, value| {
        let key = Key::of(name);
        if key == Key::Other {
            return marks.note(name, value);
        }
        if key == Key::Type {
            fields.kind(marks.note_type(value)?);
            return Ok(());
        }
        marks.own |= key.speaks();
        fields.take(key, value)
    });
    finish(walked, &mut scanner, marks, |format| format == Format::Own, each, |_| fields.usage(zone))
}

impl<'a> Fields<'a> {
    /// Nothing read yet.
    pub(super) const fn new() -> Fields<'a> {
        Fields { kind_of_record: Scalar::Null, texts: [RawText::NONE; TEXTS], scalars: [Scalar::Null; SCALARS] }
    }

    /// Keeps what `type` says.
    pub(super) const fn kind(&mut self, kind: Scalar<'a>) {
        self.kind_of_record = kind;
    }

    /// Keeps the value ahead. Two places read every value: a copy of the scanner for each key would not fit the processor's first
    /// cache.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the loop over a record's keys, which is most of what reading one costs")]
    pub(super) fn take(&mut self, key: Key, value: &mut Scanner<'a>) -> Result<(), Stop> {
        match (key as usize).checked_sub(TEXTS) {
            None => self.texts[key as usize] = value.text()?,
            Some(place) => self.scalars[place] = value.scalar()?,
        }
        Ok(())
    }

    /// What a key of the first part says.
    #[inline]
    pub(super) const fn text(&self, key: Key) -> RawText<'a> {
        self.texts[key as usize]
    }

    /// What a key of the second part says.
    #[inline]
    const fn value(&self, key: Key) -> Scalar<'a> {
        self.scalars[key as usize - TEXTS]
    }

    fn usage(&self, zone: Zone) -> Result<Usage<'a>, Skip> {
        let mut model = self.text(Key::Model);
        if let Scalar::Text(kind) = self.kind_of_record {
            match kind.bytes().as_ref() {
                b"adjustment" | b"transfer" | b"outcome" => return Err(Skip::NotUsage),
                b"charge" => model = model.or(self.text(Key::Kind)),
                _ => {}
            }
        }
        let states_tokens = [
            self.value(Key::Input),
            self.value(Key::Output),
            self.value(Key::Reasoning),
            self.value(Key::CacheRead),
            self.value(Key::CacheWrite),
            self.value(Key::CacheWrite5m),
            self.value(Key::CacheWrite1h),
            self.value(Key::WebSearches),
        ]
        .iter()
        .any(|count| !count.is_null());
        let amounts = self.amounts().map_err(Skip::Rejected)?;
        if !states_tokens && amounts == (None, None) {
            return Err(Skip::NotUsage);
        }
        let tokens = self.tokens().map_err(Skip::Rejected)?;
        if model.is(b"<synthetic>") {
            return Err(Skip::NotUsage);
        }
        // Money needs no model: it is known. Tokens do, or nobody can price them.
        if model.is_empty() && matches!(amounts, (None, None | Some(Restated::Unpriced))) {
            return Err(Skip::Rejected(Rejection::Model));
        }
        Ok(self.frame(zone, tokens, model, amounts))
    }

    /// Everything that stands around tokens and model.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a usage is large: it is built where it is needed")]
    pub(super) fn frame(&self, zone: Zone, tokens: Tokens, model: RawText<'a>, amounts: Amounts) -> Usage<'a> {
        let (reported, restated) = amounts;
        Usage {
            origin: Origin::Api,
            is_final: true,
            revision: number::lenient(self.value(Key::Revision)),
            cache_hit: self.value(Key::CacheHit).is_true(),
            ids: Ids {
                response: self.text(Key::ResponseId),
                request: self.text(Key::RequestId),
                call: self.text(Key::CallId),
                own_request: true,
                ..Ids::default()
            },
            time: number::time(self.value(Key::Ts).or(self.value(Key::Timestamp)), zone),
            tokens,
            model,
            provider: self.text(Key::Provider),
            dimensions: Dimensions {
                user: self.text(Key::User).or(self.text(Key::UserId)),
                end_user: self.text(Key::EndUser),
                user_email: self.text(Key::UserEmail),
                key_alias: self.text(Key::Alias),
                team: self.text(Key::Team),
                project: self.text(Key::Project),
                feature: self.text(Key::Feature).or(self.text(Key::TaskType)),
                agent: self.text(Key::Agent),
                host: self.text(Key::Host),
                session: self.text(Key::Session),
                ..Dimensions::default()
            },
            terms: Terms {
                tier: self.text(Key::Tier),
                region: self.text(Key::Region),
                data_residency: self.text(Key::DataResidency),
                vertex_location: self.text(Key::VertexLocation),
                inference_geo: self.text(Key::InferenceGeo),
                speed: self.text(Key::Speed),
            },
            status: u16::try_from(number::lenient(self.value(Key::Status))).unwrap_or(0),
            latency_ms: number::lenient(self.value(Key::Latency)),
            stop_reason: self.text(Key::StopReason),
            max_tokens: number::lenient(self.value(Key::MaxTokens)),
            retry_of: self.text(Key::RetryOf),
            reported,
            restated,
            ..Usage::default()
        }
    }

    fn tokens(&self) -> Result<Tokens, Rejection> {
        let output = number::tokens(self.value(Key::Output))?;
        Ok(Tokens {
            input: number::tokens(self.value(Key::Input))?,
            cache_read: number::tokens(self.value(Key::CacheRead))?,
            cache_write_5m: number::tokens(self.value(Key::CacheWrite5m).or(self.value(Key::CacheWrite)))?,
            cache_write_1h: number::tokens(self.value(Key::CacheWrite1h))?,
            output,
            reasoning: number::tokens(self.value(Key::Reasoning))?.min(output),
            web_searches: number::tokens(self.value(Key::WebSearches))?,
        })
    }

    /// What the record reports, and what costtop said before. `cost_source` tells which of the two `cost_usd` is.
    pub(super) fn amounts(&self) -> Result<Amounts, Rejection> {
        let cost = number::cost(self.value(Key::Cost))?;
        let computed = number::cost(self.value(Key::Computed))?.map(Restated::Computed);
        let source = self.text(Key::CostSource);
        Ok(if source.is(b"computed") {
            (None, cost.map(Restated::Computed).or(computed))
        } else if source.is(b"unpriced") {
            (None, Some(Restated::Unpriced))
        } else {
            (cost, computed)
        })
    }
}
