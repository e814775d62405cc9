//! What one row says, and its compact form in a state: a row enters, bytes leave, and back, also those of earlier versions.

use crate::engine::identity::RecordIds;
use crate::engine::names::{NameId, ProfileId};
use crate::engine::record::Place;
use crate::engine::varint::{put_signed, put_varint, take_signed, take_u32, take_varint};
use crate::money::Cost;
use crate::usage::{Dimension, Origin, OwnLabel, Tokens};

/// Chosen dimensions and the session: each has its own best record.
pub const FACETS: usize = Dimension::CHOSEN + 1;

/// What all records of one class (same ids, same kind of source, side chain or not) say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The names of the class.
    pub ids: RecordIds,
    /// Who speaks.
    pub origin: Origin,
    /// A sub-agent's replay.
    pub side_chain: bool,
    /// A gateway cache hit.
    pub cache_hit: bool,
    /// The version in force.
    pub revision: u32,
    /// `time` is an event time, not an arrival.
    pub dated: bool,
    /// The least event time in milliseconds, else the first arrival.
    pub time: i64,
    /// The record whose tokens won had an event time.
    pub tokens_dated: bool,
    /// The event time of the record whose tokens won.
    pub tokens_time: i64,
    /// It was the last word.
    pub is_final: bool,
    /// Its tokens.
    pub tokens: Tokens,
    /// Its status.
    pub status: u16,
    /// Its latency.
    pub latency_ms: u32,
    /// Its stop reason.
    pub stop_reason: NameId,
    /// Its price by the table.
    pub computed: Option<Cost>,
    /// What its caching saved, in pico-dollars.
    pub saved_pico: i64,
    /// It was billed at a batch rate.
    pub batch: bool,
    /// It has no price, and the row holds all that one could depend on: the line is not needed to price it.
    pub whole_terms: bool,
    /// Paid by a subscription: its cost is what it would have been at list price.
    pub subscription: bool,
    /// Where it stands.
    pub place: Place,
    /// The greatest reported cost.
    pub reported: Option<Cost>,
    /// Dimensions: the chosen ones by facet, model, provider and tier from the record whose tokens won.
    pub profile: ProfileId,
    /// The session.
    pub session: NameId,
    /// The facets' times differ from `time`; they stand beside the rows.
    pub ragged: bool,
    /// The next row of the group; the rows of a group form a ring.
    pub next: u32,
}

/// What can be seen of a row without reading all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// The least event time in milliseconds, else the first arrival.
    pub time: i64,
    /// Its dimensions.
    pub profile: ProfileId,
    /// Its session.
    pub session: NameId,
    /// The next row of its group; itself where it is alone.
    pub next: u32,
}

pub(super) mod flag {
    pub const SIDE_CHAIN: u16 = 1;
    pub const CACHE_HIT: u16 = 1 << 1;
    pub const DATED: u16 = 1 << 2;
    pub const TOKENS_DATED: u16 = 1 << 3;
    pub const FINAL: u16 = 1 << 4;
    pub const COMPUTED: u16 = 1 << 5;
    pub const BATCH: u16 = 1 << 6;
    pub const REPORTED: u16 = 1 << 7;
    pub const RAGGED: u16 = 1 << 8;
    pub const RESPONSE: u16 = 1 << 9;
    pub const REQUEST: u16 = 1 << 10;
    pub const CALL: u16 = 1 << 11;
    pub const SPAN: u16 = 1 << 12;
    /// The times beside a ragged row are as many as there are facets now; without it, as before the operator could have labels.
    pub const OWN_TIMES: u16 = 1 << 13;
    pub const WHOLE_TERMS: u16 = 1 << 14;
    pub const SUBSCRIPTION: u16 = 1 << 15;
}

impl Row {
    /// The time for facets: the undated last.
    #[must_use]
    pub fn facet_time(&self) -> i64 {
        if self.dated { self.time } else { i64::MAX }
    }

    /// The times of facets that are all of the row's own.
    #[must_use]
    pub fn even_times(&self) -> [i64; FACETS] {
        [self.facet_time(); FACETS]
    }

    /// Appends the row's compact form, version 1.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut flags = 0;
        for (on, bit) in [
            (self.side_chain, flag::SIDE_CHAIN),
            (self.cache_hit, flag::CACHE_HIT),
            (self.dated, flag::DATED),
            (self.tokens_dated, flag::TOKENS_DATED),
            (self.is_final, flag::FINAL),
            (self.computed.is_some(), flag::COMPUTED),
            (self.batch, flag::BATCH),
            (self.whole_terms, flag::WHOLE_TERMS),
            (self.subscription, flag::SUBSCRIPTION),
            (self.reported.is_some(), flag::REPORTED),
            (self.ragged, flag::RAGGED | flag::OWN_TIMES),
            (self.ids.response != 0, flag::RESPONSE),
            (self.ids.request != 0, flag::REQUEST),
            (self.ids.call != 0, flag::CALL),
            (self.ids.span != 0, flag::SPAN),
        ] {
            flags |= if on { bit } else { 0 };
        }
        out.extend_from_slice(&flags.to_le_bytes());
        out.push(self.ids.links);
        out.push(self.origin as u8);
        for hash in [self.ids.response, self.ids.request, self.ids.call, self.ids.span] {
            if hash != 0 {
                out.extend_from_slice(&hash.to_le_bytes());
            }
        }
        put_signed(self.time, out);
        put_signed(self.tokens_time.wrapping_sub(self.time), out);
        let tokens = &self.tokens;
        for number in [
            tokens.input,
            tokens.cache_read,
            tokens.cache_write_5m,
            tokens.cache_write_1h,
            tokens.output,
            tokens.reasoning,
            tokens.web_searches,
            self.revision,
            u32::from(self.status),
            self.latency_ms,
            self.stop_reason,
            self.profile,
            self.session,
            self.next,
            self.place.generation,
            self.place.index,
        ] {
            put_varint(u64::from(number), out);
        }
        put_varint(self.place.offset, out);
        put_signed(self.saved_pico, out);
        for cost in [self.computed, self.reported].into_iter().flatten() {
            put_varint(cost.pico(), out);
        }
    }

    /// Appends the row and, where its facets' times differ from its own, those.
    pub fn encode_with(&self, times: &[i64; FACETS], out: &mut Vec<u8>) {
        self.encode(out);
        if self.ragged {
            for time in times {
                put_signed(*time, out);
            }
        }
    }

    /// Takes what [`Row::encode_with`] wrote, also before the operator could have labels: their facets are then of the row's time.
    pub fn decode_with_times(bytes: &mut &[u8]) -> Option<(Row, Option<[i64; FACETS]>)> {
        let flags = u16::from_le_bytes(*bytes.first_chunk()?);
        let row = Row::decode(bytes)?;
        if !row.ragged {
            return Some((row, None));
        }
        let mut times = row.even_times();
        for (facet, time) in times.iter_mut().enumerate() {
            if flags & flag::OWN_TIMES != 0 || !OwnLabel::PLACES.contains(&facet) {
                *time = take_signed(bytes)?;
            }
        }
        Some((row, Some(times)))
    }

    /// Takes what [`Row::encode`] wrote; `None` for bytes that are no row.
    pub fn decode(bytes: &mut &[u8]) -> Option<Row> {
        let (head, rest) = bytes.split_first_chunk::<4>()?;
        *bytes = rest;
        let flags = u16::from_le_bytes([head[0], head[1]]);
        let has = |bit: u16| flags & bit != 0;
        let ids = RecordIds {
            links: head[2],
            response: take_hash(bytes, has(flag::RESPONSE))?,
            request: take_hash(bytes, has(flag::REQUEST))?,
            call: take_hash(bytes, has(flag::CALL))?,
            span: take_hash(bytes, has(flag::SPAN))?,
        };
        let origin = origin(head[3])?;
        let time = take_signed(bytes)?;
        let tokens_time = take_signed(bytes)?.wrapping_add(time);
        let tokens = Tokens {
            input: take_u32(bytes)?,
            cache_read: take_u32(bytes)?,
            cache_write_5m: take_u32(bytes)?,
            cache_write_1h: take_u32(bytes)?,
            output: take_u32(bytes)?,
            reasoning: take_u32(bytes)?,
            web_searches: take_u32(bytes)?,
        };
        let mut row = Row {
            ids,
            origin,
            side_chain: has(flag::SIDE_CHAIN),
            cache_hit: has(flag::CACHE_HIT),
            revision: take_u32(bytes)?,
            dated: has(flag::DATED),
            time,
            tokens_dated: has(flag::TOKENS_DATED),
            tokens_time,
            is_final: has(flag::FINAL),
            tokens,
            status: u16::try_from(take_varint(bytes)?).ok()?,
            latency_ms: take_u32(bytes)?,
            stop_reason: take_u32(bytes)?,
            computed: None,
            saved_pico: 0,
            batch: has(flag::BATCH),
            whole_terms: has(flag::WHOLE_TERMS),
            subscription: has(flag::SUBSCRIPTION),
            place: Place::default(),
            reported: None,
            profile: take_u32(bytes)?,
            session: take_u32(bytes)?,
            ragged: has(flag::RAGGED),
            next: take_u32(bytes)?,
        };
        row.place = Place { generation: take_u32(bytes)?, index: take_u32(bytes)?, offset: take_varint(bytes)? };
        row.saved_pico = take_signed(bytes)?;
        if has(flag::COMPUTED) {
            row.computed = Some(Cost::from_pico(take_varint(bytes)?));
        }
        if has(flag::REPORTED) {
            row.reported = Some(Cost::from_pico(take_varint(bytes)?));
        }
        Some(row)
    }
}

fn take_hash(bytes: &mut &[u8], there: bool) -> Option<u128> {
    if !there {
        return Some(0);
    }
    let (hash, rest) = bytes.split_first_chunk::<16>()?;
    *bytes = rest;
    Some(u128::from_le_bytes(*hash))
}

/// The origin of that number.
pub(super) const fn origin(number: u8) -> Option<Origin> {
    Some(match number {
        0 => Origin::Api,
        1 => Origin::Transcript,
        2 => Origin::Gateway,
        3 => Origin::OpenTelemetry,
        4 => Origin::Metrics,
        _ => return None,
    })
}
