//! Rows as bytes of one width, for memory and the temporary file. Rows enter and leave; these bytes never outlive the process.
//!
//! A row's numbers are cut to the bytes that nearly all of them need. Few cut ones do not fit, and few rows are of a ring or use every
//! counter: a segment with such a row has room for that in all of its rows.

use super::row::{Glance, Row, flag, origin};
use crate::engine::identity::RecordIds;
use crate::engine::record::Place;
use crate::money::Cost;
use crate::usage::Tokens;

/// The numbers that every row has, in the order of their places.
mod part {
    pub const TIME: usize = 0;
    pub const OFFSET: usize = 1;
    pub const GENERATION: usize = 2;
    pub const INPUT: usize = 3;
    pub const CACHE_READ: usize = 4;
    pub const CACHE_WRITE_5M: usize = 5;
    pub const OUTPUT: usize = 6;
    pub const LATENCY: usize = 7;
    pub const STOP_REASON: usize = 8;
    pub const PROFILE: usize = 9;
    pub const SESSION: usize = 10;
    pub const SAVED: usize = 11;
    pub const COMPUTED: usize = 12;
    pub const REPORTED: usize = 13;
    pub const COUNT: usize = 14;
}

/// Bytes that every row has of each: milliseconds of 2,200 years around 1970, a terabyte of file, 16 million tokens, names or
/// milliseconds, 281 dollars.
const LOW: [usize; part::COUNT] = [6, 5, 3, 3, 3, 3, 3, 3, 3, 3, 3, 6, 6, 6];
/// Bytes beyond those.
const HIGH: [usize; part::COUNT] = [2, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2];

/// Where each begins when they stand one behind the other, and where the last ends.
const fn places(bytes: [usize; part::COUNT]) -> [usize; part::COUNT + 1] {
    let mut places = [0; part::COUNT + 1];
    let mut part = 0;
    while part < part::COUNT {
        places[part + 1] = places[part] + bytes[part];
        part += 1;
    }
    places
}

const LOW_AT: [usize; part::COUNT + 1] = places(LOW);
const HIGH_AT: [usize; part::COUNT + 1] = places(HIGH);

/// Behind the numbers: status, flags, links, origin.
const MARKS: usize = LOW_AT[part::COUNT];
/// Bytes of what every row says.
const COMMON: usize = MARKS + 6;
/// Behind the high bytes of the numbers: the time of the tokens, and counters that few rows use.
const COUNTERS: usize = HIGH_AT[part::COUNT];
/// Bytes of what few rows say.
const RARE: usize = COUNTERS + 28;
/// Bytes of an id's hash.
const ID: usize = 16;
/// Bytes of the next row's number.
const NEXT: usize = 4;
/// Numbers are written and read by words.
const WORD: usize = 8;

/// What the rows of one segment have room for. Most logs name a request by one or two ids, and few of them use every counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    ids: usize,
    /// Rows whose next is another one.
    ring: bool,
    rare: bool,
}

/// Small magnitudes are small numbers, whatever their sign.
const fn unsigned(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn signed(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// The row's numbers by their parts.
fn numbers(row: &Row) -> [u64; part::COUNT] {
    let tokens = &row.tokens;
    [
        unsigned(row.time),
        row.place.offset,
        row.place.generation.into(),
        tokens.input.into(),
        tokens.cache_read.into(),
        tokens.cache_write_5m.into(),
        tokens.output.into(),
        row.latency_ms.into(),
        row.stop_reason.into(),
        row.profile.into(),
        row.session.into(),
        unsigned(row.saved_pico),
        row.computed.unwrap_or_default().pico(),
        row.reported.unwrap_or_default().pico(),
    ]
}

/// `bytes` bytes of `from` at `at`, where a whole word stands.
#[inline]
fn cut<const N: usize>(from: &[u8; N], at: usize, bytes: usize) -> u64 {
    let word = from.get(at..).and_then(<[u8]>::first_chunk::<WORD>).copied().unwrap_or_default();
    u64::from_le_bytes(word) & ((1 << (8 * bytes)) - 1)
}

/// One of a row's numbers.
#[inline]
fn whole(common: &[u8; COMMON], rare: Option<&[u8; RARE]>, part: usize) -> u64 {
    let high = rare.map_or(0, |rare| cut(rare, HIGH_AT[part], HIGH[part]));
    high << (8 * LOW[part]) | cut(common, LOW_AT[part], LOW[part])
}

/// Writes each number at its place, a word each, the next one over what that has too much.
#[inline]
fn put(numbers: impl Iterator<Item = u64>, at: &[usize; part::COUNT + 1], out: &mut [u8]) {
    for (number, at) in numbers.zip(at) {
        if let Some(place) = out.get_mut(*at..).and_then(<[u8]>::first_chunk_mut::<WORD>) {
            *place = number.to_le_bytes();
        }
    }
}

impl Form {
    /// Room for every row.
    pub const WIDEST: Form = Form { ids: 4, ring: true, rare: true };

    /// The narrowest form for `row` of that number.
    fn of(number: u32, row: &Row) -> Form {
        let there = |hash: u128| usize::from(hash != 0);
        let ids = &row.ids;
        let tokens = &row.tokens;
        let ids = match there(ids.response) + there(ids.request) + there(ids.call) + there(ids.span) {
            0 | 1 => 1,
            2 => 2,
            _ => 4,
        };
        let high = numbers(row).into_iter().zip(LOW).fold(0, |high, (number, bytes)| high | number >> (8 * bytes));
        let rare = high != 0
            || row.tokens_time != usual_tokens_time(row.tokens_dated, row.time)
            || (tokens.cache_write_1h | tokens.reasoning | tokens.web_searches | row.revision | row.place.index) != 0;
        Form { ids, ring: row.next != number, rare }
    }

    /// Room for the rows of both.
    fn with(self, other: Form) -> Form {
        Form { ids: self.ids.max(other.ids), ring: self.ring || other.ring, rare: self.rare || other.rare }
    }

    /// Bytes of one row.
    pub const fn width(self) -> usize {
        self.rare_at() + if self.rare { RARE } else { 0 }
    }

    const fn ring_at(self) -> usize {
        COMMON + self.ids * ID
    }

    const fn rare_at(self) -> usize {
        self.ring_at() + if self.ring { NEXT } else { 0 }
    }

    /// Writes `row`, for which this form has room, to `slot`, which is as long as the form is wide.
    fn write(self, row: &Row, slot: &mut [u8]) {
        let Some((common, rest)) = slot.split_first_chunk_mut::<COMMON>() else { return };
        let mut flags = 0;
        for (on, bit) in [
            (row.side_chain, flag::SIDE_CHAIN),
            (row.cache_hit, flag::CACHE_HIT),
            (row.dated, flag::DATED),
            (row.tokens_dated, flag::TOKENS_DATED),
            (row.is_final, flag::FINAL),
            (row.computed.is_some(), flag::COMPUTED),
            (row.batch, flag::BATCH),
            (row.whole_terms, flag::WHOLE_TERMS),
            (row.subscription, flag::SUBSCRIPTION),
            (row.reported.is_some(), flag::REPORTED),
            (row.ragged, flag::RAGGED),
            (row.ids.response != 0, flag::RESPONSE),
            (row.ids.request != 0, flag::REQUEST),
            (row.ids.call != 0, flag::CALL),
            (row.ids.span != 0, flag::SPAN),
        ] {
            flags |= if on { bit } else { 0 };
        }
        let numbers = numbers(row);
        put(numbers.into_iter(), &LOW_AT, common);
        common[MARKS..MARKS + 2].copy_from_slice(&row.status.to_le_bytes());
        common[MARKS + 2..MARKS + 4].copy_from_slice(&flags.to_le_bytes());
        common[MARKS + 4] = row.ids.links;
        common[MARKS + 5] = row.origin as u8;
        let (ids, mut rest) = rest.split_at_mut(self.ids * ID);
        let hashes =
            [row.ids.response, row.ids.request, row.ids.call, row.ids.span].into_iter().filter(|hash| *hash != 0);
        for (place, hash) in ids.as_chunks_mut::<ID>().0.iter_mut().zip(hashes) {
            *place = hash.to_le_bytes();
        }
        if self.ring {
            let Some((next, behind)) = rest.split_first_chunk_mut::<NEXT>() else { return };
            *next = row.next.to_le_bytes();
            rest = behind;
        }
        if let Some(rare) = rest.first_chunk_mut::<RARE>() {
            put(numbers.into_iter().zip(LOW).map(|(number, low)| number >> (8 * low)), &HIGH_AT, rare);
            let (tokens, counters) = (&row.tokens, &mut rare[COUNTERS..]);
            counters[..8].copy_from_slice(&row.tokens_time.to_le_bytes());
            counters[8..12].copy_from_slice(&tokens.cache_write_1h.to_le_bytes());
            counters[12..16].copy_from_slice(&tokens.reasoning.to_le_bytes());
            counters[16..20].copy_from_slice(&tokens.web_searches.to_le_bytes());
            counters[20..24].copy_from_slice(&row.revision.to_le_bytes());
            counters[24..28].copy_from_slice(&row.place.index.to_le_bytes());
        }
    }

    /// The ids of the row in `slot`.
    #[inline]
    fn ids(self, slot: &[u8]) -> Option<RecordIds> {
        let (common, rest) = slot.split_first_chunk::<COMMON>()?;
        let flags = u16::from_le_bytes([common[MARKS + 2], common[MARKS + 3]]);
        let mut hashes = rest.get(..self.ids * ID)?.as_chunks::<ID>().0.iter();
        let mut take = |bit: u16| -> Option<u128> {
            if flags & bit == 0 { Some(0) } else { hashes.next().map(|hash| u128::from_le_bytes(*hash)) }
        };
        Some(RecordIds {
            response: take(flag::RESPONSE)?,
            request: take(flag::REQUEST)?,
            call: take(flag::CALL)?,
            span: take(flag::SPAN)?,
            links: common[MARKS + 4],
        })
    }

    /// What few rows say, where this form has room for it; `slot` is as long as the form is wide.
    #[inline]
    fn rare(self, slot: &[u8]) -> Option<&[u8; RARE]> {
        if self.rare { slot.get(self.rare_at()..)?.first_chunk() } else { None }
    }

    /// The next row of the group of the row in `slot`, which has that number.
    #[inline]
    fn next(self, number: u32, slot: &[u8]) -> Option<u32> {
        if !self.ring {
            return Some(number);
        }
        slot.get(self.ring_at()..)?.first_chunk().map(|next| u32::from_le_bytes(*next))
    }

    /// A few facts of the row in `slot`, which has that number.
    #[inline]
    fn glance(self, number: u32, slot: &[u8]) -> Option<Glance> {
        let slot = slot.get(..self.width())?;
        let (common, rare) = (slot.first_chunk::<COMMON>()?, self.rare(slot));
        Some(Glance {
            time: signed(whole(common, rare, part::TIME)),
            profile: whole(common, rare, part::PROFILE) as u32,
            session: whole(common, rare, part::SESSION) as u32,
            next: self.next(number, slot)?,
        })
    }

    /// Reads what [`Form::write`] wrote; `None` for bytes that are no row.
    fn read(self, number: u32, slot: &[u8]) -> Option<Row> {
        let ids = self.ids(slot)?;
        let slot = slot.get(..self.width())?;
        let (common, rare) = (slot.first_chunk::<COMMON>()?, self.rare(slot));
        let flags = u16::from_le_bytes([common[MARKS + 2], common[MARKS + 3]]);
        let has = |bit: u16| flags & bit != 0;
        let wide = |part: usize| whole(common, rare, part);
        let short = |part: usize| whole(common, rare, part) as u32;
        let time = signed(wide(part::TIME));
        let mut row = Row {
            ids,
            origin: origin(common[MARKS + 5])?,
            side_chain: has(flag::SIDE_CHAIN),
            cache_hit: has(flag::CACHE_HIT),
            revision: 0,
            dated: has(flag::DATED),
            time,
            tokens_dated: has(flag::TOKENS_DATED),
            tokens_time: usual_tokens_time(has(flag::TOKENS_DATED), time),
            is_final: has(flag::FINAL),
            tokens: Tokens {
                input: short(part::INPUT),
                cache_read: short(part::CACHE_READ),
                cache_write_5m: short(part::CACHE_WRITE_5M),
                output: short(part::OUTPUT),
                ..Tokens::default()
            },
            status: u16::from_le_bytes([common[MARKS], common[MARKS + 1]]),
            latency_ms: short(part::LATENCY),
            stop_reason: short(part::STOP_REASON),
            computed: has(flag::COMPUTED).then(|| Cost::from_pico(wide(part::COMPUTED))),
            saved_pico: signed(wide(part::SAVED)),
            batch: has(flag::BATCH),
            whole_terms: has(flag::WHOLE_TERMS),
            subscription: has(flag::SUBSCRIPTION),
            place: Place { generation: short(part::GENERATION), offset: wide(part::OFFSET), index: 0 },
            reported: has(flag::REPORTED).then(|| Cost::from_pico(wide(part::REPORTED))),
            profile: short(part::PROFILE),
            session: short(part::SESSION),
            ragged: has(flag::RAGGED),
            next: self.next(number, slot)?,
        };
        if let Some(rare) = rare {
            let number = |at: usize| {
                let at = COUNTERS + at;
                u32::from_le_bytes([rare[at], rare[at + 1], rare[at + 2], rare[at + 3]])
            };
            row.tokens_time = (u64::from(number(0)) | u64::from(number(4)) << 32).cast_signed();
            row.tokens.cache_write_1h = number(8);
            row.tokens.reasoning = number(12);
            row.tokens.web_searches = number(16);
            row.revision = number(20);
            row.place.index = number(24);
        }
        Some(row)
    }
}

/// Most rows hold what one record said: its tokens are of its own time.
const fn usual_tokens_time(dated: bool, time: i64) -> i64 {
    if dated { time } else { 0 }
}

/// Rows of one form, one behind the other. A row without room widens all.
#[derive(Debug)]
pub struct Segment {
    form: Form,
    /// The number of the first row.
    first: u32,
    count: usize,
    /// With room for more. It is cleared at once: of memory that is not in a cache yet each row would wait for its own.
    bytes: Vec<u8>,
}

impl Segment {
    /// Without rows, with memory for `rows` rows like `row`, which will have the number `first`.
    pub fn like(first: u32, row: &Row, rows: usize) -> Segment {
        let form = Form::of(first, row);
        Segment { form, first, count: 0, bytes: vec![0; rows * form.width()] }
    }

    /// Bytes that [`Segment::bytes`] gave, of rows of this form from the number `first` on.
    pub fn of_bytes(form: Form, first: u32, bytes: Vec<u8>) -> Segment {
        Segment { form, first, count: bytes.len() / form.width(), bytes }
    }

    /// The form of its rows.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Its rows.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.count * self.form.width()]
    }

    /// The memory it takes.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Appends a row; `None` where there is no room for one.
    pub fn push(&mut self, row: &Row) -> Option<()> {
        self.write(self.count, row)?;
        self.count += 1;
        Some(())
    }

    /// The row at `place`; `None` where there is none, or none that can be read.
    pub fn get(&self, place: usize) -> Option<Row> {
        self.form.read(self.number(place), self.slot(place)?)
    }

    /// A few facts of the row at `place`.
    #[inline]
    pub fn glance(&self, place: usize) -> Option<Glance> {
        self.form.glance(self.number(place), self.slot(place)?)
    }

    /// The ids of the row at `place`.
    #[inline]
    pub fn ids(&self, place: usize) -> Option<RecordIds> {
        self.form.ids(self.slot(place)?)
    }

    /// Replaces the row at `place`; `None` where there is none.
    pub fn set(&mut self, place: usize, row: &Row) -> Option<()> {
        if place < self.count { self.write(place, row) } else { None }
    }

    fn write(&mut self, place: usize, row: &Row) -> Option<()> {
        self.widen(place, row);
        let width = self.form.width();
        self.form.write(row, self.bytes.get_mut(place * width..(place + 1) * width)?);
        Some(())
    }

    const fn number(&self, place: usize) -> u32 {
        self.first + place as u32
    }

    fn slot(&self, place: usize) -> Option<&[u8]> {
        let width = self.form.width();
        self.bytes().get(place * width..(place + 1) * width)
    }

    /// Makes room for what `row` says at `place`.
    fn widen(&mut self, place: usize, row: &Row) {
        let form = self.form.with(Form::of(self.number(place), row));
        if form == self.form {
            return;
        }
        let rows = self.bytes.len() / self.form.width();
        let mut bytes = vec![0; rows * form.width()];
        for (place, slot) in bytes.chunks_exact_mut(form.width()).enumerate().take(self.count) {
            // What this segment wrote it can read: nothing else ever enters it but rows of the file, read as a whole.
            if let Some(row) = self.get(place) {
                form.write(&row, slot);
            }
        }
        (self.form, self.bytes) = (form, bytes);
    }
}

/// The bytes of the row of that number in that form, as the file holds them; `None` where it has no room in them.
pub fn pack(form: Form, number: u32, row: &Row) -> Option<Vec<u8>> {
    (form.with(Form::of(number, row)) == form).then(|| {
        let mut slot = vec![0; form.width()];
        form.write(row, &mut slot);
        slot
    })
}

/// Reads the bytes of the row of that number in that form.
pub fn unpack(form: Form, number: u32, slot: &[u8]) -> Option<Row> {
    form.read(number, slot)
}
