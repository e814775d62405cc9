//! The ledger's rows: appended and changed in place, the newest in memory, the rest in a file that the caller lends.
//!
//! Row numbers are stable. Memory is bounded by [`Rows::with_spill`]'s budget; without a file everything stays in memory.

mod gone;
mod packed;

use std::collections::VecDeque;
use std::io;

use packed::{Form, Segment, pack, unpack};

use super::identity::RecordIds;
use super::names::{NameId, ProfileId};
use super::record::Place;
use crate::money::Cost;
use crate::usage::{Dimension, Origin, OwnLabel, Tokens};

/// Rows in one segment.
const SEGMENT_ROWS: usize = 512;
/// Segments that stay in memory whatever the budget: the one that fills, and one beside it.
const LEAST_SEGMENTS: usize = 2;

/// Chosen dimensions and the session: each has its own best record.
pub const FACETS: usize = Dimension::CHOSEN + 1;

/// A file the engine may keep cold rows in. Offsets are its own; contents never outlive the process.
pub trait Spill: Send {
    /// Fills `bytes` from `offset`.
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
    /// Writes `bytes` at `offset`.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// What was written to these `length` bytes is needed no more. Whoever cannot give their room back may do nothing.
    fn forget(&mut self, _offset: u64, _length: u64) {}
}

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

mod flag {
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

/// Appends an unsigned number, seven bits a byte, least first.
pub fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number, small magnitudes short.
pub fn put_signed(value: i64, out: &mut Vec<u8>) {
    put_varint(((value << 1) ^ (value >> 63)).cast_unsigned(), out);
}

/// Takes what [`put_varint`] wrote; `None` when the bytes end or the number is too long.
pub fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Takes what [`put_signed`] wrote.
pub fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let value = take_varint(bytes)?;
    Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    u32::try_from(take_varint(bytes)?).ok()
}

fn take_hash(bytes: &mut &[u8], there: bool) -> Option<u128> {
    if !there {
        return Some(0);
    }
    let (hash, rest) = bytes.split_first_chunk::<16>()?;
    *bytes = rest;
    Some(u128::from_le_bytes(*hash))
}

impl Row {
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
        let mut times = [super::bill::facet_time(&row); FACETS];
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
        let origin = packed::origin(head[3])?;
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

/// All rows by number.
pub struct Rows {
    segments: Vec<Stored>,
    /// The least and the greatest time of each segment's charges, in milliseconds; corrections only widen them.
    bounds: Vec<(i64, i64)>,
    length: usize,
    in_memory: VecDeque<usize>,
    /// Bytes of the segments in memory, and how many there may be.
    bytes: usize,
    budget: usize,
    spill: Option<Box<dyn Spill>>,
    spill_failed: Option<String>,
}

/// Where a segment is.
enum Stored {
    Memory(Segment),
    /// In the file, its rows in this form.
    File(Form),
    /// All its rows were dropped, or none has come yet.
    Gone,
}

impl Default for Rows {
    fn default() -> Rows {
        Rows::in_memory()
    }
}

impl Rows {
    /// Everything stays in memory.
    #[must_use]
    pub fn in_memory() -> Rows {
        Rows {
            segments: Vec::new(),
            bounds: Vec::new(),
            length: 0,
            in_memory: VecDeque::new(),
            bytes: 0,
            budget: usize::MAX,
            spill: None,
            spill_failed: None,
        }
    }

    /// At most about `budget_bytes` stay in memory; older rows go to `spill`.
    #[must_use]
    pub fn with_spill(spill: Box<dyn Spill>, budget_bytes: usize) -> Rows {
        Rows { budget: budget_bytes, spill: Some(spill), ..Rows::in_memory() }
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// No rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Why cold rows stay in memory although there is a file for them.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.spill_failed.as_deref()
    }

    /// The row of that number.
    ///
    /// # Errors
    /// The spill file cannot be read, or there is no such row.
    pub fn get(&mut self, number: u32) -> io::Result<Row> {
        let (segment, place) = split(number);
        match self.segments.get(segment) {
            Some(Stored::Memory(rows)) => rows.get(place).ok_or_else(|| no_such_row(number)),
            Some(Stored::File(form)) => {
                let form = *form;
                let Some(spill) = &mut self.spill else { return Err(no_such_row(number)) };
                let mut slot = [0; Form::WIDEST.width()];
                let slot = &mut slot[..form.width()];
                spill.read_at(file_offset(segment, place, form), slot)?;
                unpack(form, number, slot).ok_or_else(|| damaged(number))
            }
            Some(Stored::Gone) | None => Err(no_such_row(number)),
        }
    }

    /// The ids of the row of that number.
    ///
    /// # Errors
    /// As [`Rows::get`].
    pub fn ids(&mut self, number: u32) -> io::Result<RecordIds> {
        let (segment, place) = split(number);
        match self.segments.get(segment) {
            Some(Stored::Memory(rows)) => rows.ids(place).ok_or_else(|| no_such_row(number)),
            _ => self.get(number).map(|row| row.ids),
        }
    }

    /// Replaces a row.
    ///
    /// # Errors
    /// The spill file cannot be read or written.
    pub fn set(&mut self, number: u32, row: &Row) -> io::Result<()> {
        let (segment, place) = split(number);
        self.materialize(segment, row)?;
        self.cover(number, row.time);
        match self.segments.get_mut(segment) {
            Some(Stored::Memory(rows)) => {
                let before = rows.capacity();
                rows.set(place, row).ok_or_else(|| no_such_row(number))?;
                self.bytes = self.bytes - before + rows.capacity();
                Ok(())
            }
            Some(Stored::File(form)) => {
                let Some(spill) = &mut self.spill else { return Err(no_such_row(number)) };
                if let Some(slot) = pack(*form, number, row) {
                    return spill.write_at(file_offset(segment, place, *form), &slot);
                }
                let mut rows =
                    Segment::of_bytes(*form, Rows::first_of(segment), read_segment(spill.as_mut(), segment, *form)?);
                rows.set(place, row).ok_or_else(|| no_such_row(number))?;
                spill.write_at(file_offset(segment, 0, rows.form()), rows.bytes())?;
                *form = rows.form();
                Ok(())
            }
            Some(Stored::Gone) | None => Err(no_such_row(number)),
        }
    }

    /// Appends a row and returns its number.
    ///
    /// # Errors
    /// More than 4 billion rows.
    pub fn push(&mut self, row: &Row) -> io::Result<u32> {
        let number = u32::try_from(self.length).map_err(|_| io::Error::other("the ledger holds 4 billion rows"))?;
        let segment = self.length / SEGMENT_ROWS;
        if segment == self.segments.len() {
            let rows = Segment::like(number, row, SEGMENT_ROWS);
            self.make_room(rows.capacity());
            self.bytes += rows.capacity();
            self.segments.push(Stored::Memory(rows));
            self.bounds.push((row.time, row.time));
            self.in_memory.push_back(segment);
        }
        self.cover(number, row.time);
        match self.segments.get_mut(segment) {
            Some(Stored::Memory(rows)) => {
                let before = rows.capacity();
                rows.push(row).ok_or_else(|| no_such_row(number))?;
                self.bytes = self.bytes - before + rows.capacity();
            }
            _ => return Err(no_such_row(number)),
        }
        self.length += 1;
        Ok(number)
    }

    /// Moves the oldest full segments to the file until `more` bytes fit the budget. Where the file fails, rows stay in memory.
    fn make_room(&mut self, more: usize) {
        while self.bytes + more > self.budget && self.in_memory.len() >= LEAST_SEGMENTS {
            let (Some(&segment), Some(spill)) = (self.in_memory.front(), &mut self.spill) else { return };
            let Some(Stored::Memory(rows)) = self.segments.get(segment) else { return };
            if let Err(error) = spill.write_at(file_offset(segment, 0, rows.form()), rows.bytes()) {
                self.spill_failed = Some(error.to_string());
                return;
            }
            self.spill_failed = None;
            self.bytes -= rows.capacity();
            self.segments[segment] = Stored::File(rows.form());
            self.in_memory.pop_front();
        }
    }

    /// Calls `each` for every row that is not dead in order of number, reading cold segments whole.
    ///
    /// # Errors
    /// The spill file cannot be read, or `each` fails.
    pub fn for_each(&mut self, mut each: impl FnMut(u32, &Row) -> io::Result<()>) -> io::Result<()> {
        for segment in 0..self.segments.len() {
            self.for_segment(segment, |_, _| true, &mut each)?;
        }
        Ok(())
    }

    /// The rows of one segment, for those who change others while they go through them.
    ///
    /// # Errors
    /// As [`Rows::for_each`].
    pub fn of_segment(&mut self, segment: usize) -> io::Result<Vec<(u32, Row)>> {
        let mut rows = Vec::new();
        let every = |_: u32, _: &Glance| true;
        self.for_segment(segment, every, |number, row| {
            rows.push((number, *row));
            Ok(())
        })?;
        Ok(rows)
    }

    /// Calls `each` for the rows of one segment that `wanted` picks by their [`Glance`], in order of number.
    ///
    /// # Errors
    /// As [`Rows::for_each`].
    pub fn for_segment(
        &mut self,
        segment: usize,
        wanted: impl Fn(u32, &Glance) -> bool,
        mut each: impl FnMut(u32, &Row) -> io::Result<()>,
    ) -> io::Result<()> {
        let first = segment * SEGMENT_ROWS;
        let cold;
        let rows = match self.segments.get(segment) {
            Some(Stored::Memory(rows)) => rows,
            Some(Stored::File(form)) => {
                let Some(spill) = &mut self.spill else { return Err(no_such_row(first as u32)) };
                cold = Segment::of_bytes(*form, Rows::first_of(segment), read_segment(spill.as_mut(), segment, *form)?);
                &cold
            }
            Some(Stored::Gone) => return Ok(()),
            None => return Err(no_such_row(first as u32)),
        };
        for number in first..self.length.min(first + SEGMENT_ROWS) {
            let place = number - first;
            let glance = rows.glance(place).ok_or_else(|| damaged(number as u32))?;
            if wanted(number as u32, &glance) {
                let row = rows.get(place).ok_or_else(|| damaged(number as u32))?;
                if !row.is_dead() {
                    each(number as u32, &row)?;
                }
            }
        }
        Ok(())
    }

    /// How many segments there are.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// The number of a segment's first row.
    #[must_use]
    pub const fn first_of(segment: usize) -> u32 {
        (segment * SEGMENT_ROWS) as u32
    }

    /// Between which times, in milliseconds and inclusive, the charges of a segment lie.
    #[must_use]
    pub fn bounds(&self, segment: usize) -> (i64, i64) {
        self.bounds.get(segment).copied().unwrap_or((i64::MAX, i64::MIN))
    }

    /// Row `number` stands for a charge of that time.
    pub fn cover(&mut self, number: u32, time: i64) {
        if let Some(bounds) = self.bounds.get_mut(split(number).0) {
            *bounds = (bounds.0.min(time), bounds.1.max(time));
        }
    }
}

/// A row's segment and its place there.
const fn split(number: u32) -> (usize, usize) {
    (number as usize / SEGMENT_ROWS, number as usize % SEGMENT_ROWS)
}

/// Each segment has room for rows of any form in the file; where they are narrower, the rest stays a hole.
const fn file_offset(segment: usize, place: usize, form: Form) -> u64 {
    (segment * SEGMENT_ROWS * Form::WIDEST.width() + place * form.width()) as u64
}

/// All rows of a segment in the file: only full ones go there.
fn read_segment(spill: &mut dyn Spill, segment: usize, form: Form) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; SEGMENT_ROWS * form.width()];
    spill.read_at(file_offset(segment, 0, form), &mut bytes)?;
    Ok(bytes)
}

fn no_such_row(number: u32) -> io::Error {
    io::Error::other(format!("the ledger has no row {number}"))
}

fn damaged(number: u32) -> io::Error {
    io::Error::other(format!("row {number} of the temporary file is damaged"))
}

#[cfg(test)]
mod tests;
