//! Rows as bytes of one width, for memory and the temporary file. Rows enter and leave; these bytes never outlive the process.

use super::{Glance, Row, flag};
use crate::engine::identity::RecordIds;
use crate::engine::record::Place;
use crate::money::Cost;
use crate::usage::{Origin, Tokens};

/// Bytes of what nearly every row says.
const COMMON: usize = 86;
/// Bytes of what few rows say.
const RARE: usize = 28;
/// Bytes of an id's hash.
const ID: usize = 16;

/// What the rows of one segment have room for. Most logs name a request by one or two ids, and few of them use every counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    ids: usize,
    rare: bool,
}

impl Form {
    /// Room for every row.
    pub const WIDEST: Form = Form { ids: 4, rare: true };

    /// The narrowest form for `row`.
    fn of(row: &Row) -> Form {
        let there = |hash: u128| usize::from(hash != 0);
        let ids = &row.ids;
        let tokens = &row.tokens;
        let ids = match there(ids.response) + there(ids.request) + there(ids.call) + there(ids.span) {
            0 | 1 => 1,
            2 => 2,
            _ => 4,
        };
        let rare = row.tokens_time != usual_tokens_time(row.tokens_dated, row.time)
            || (tokens.cache_write_1h | tokens.reasoning | tokens.web_searches | row.revision | row.place.index) != 0;
        Form { ids, rare }
    }

    /// Room for the rows of both.
    fn with(self, other: Form) -> Form {
        Form { ids: self.ids.max(other.ids), rare: self.rare || other.rare }
    }

    /// Bytes of one row.
    pub const fn width(self) -> usize {
        COMMON + self.ids * ID + if self.rare { RARE } else { 0 }
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
        let tokens = &row.tokens;
        common[..2].copy_from_slice(&flags.to_le_bytes());
        common[2] = row.ids.links;
        common[3] = row.origin as u8;
        common[4..12].copy_from_slice(&row.time.to_le_bytes());
        common[12..16].copy_from_slice(&tokens.input.to_le_bytes());
        common[16..20].copy_from_slice(&tokens.cache_read.to_le_bytes());
        common[20..24].copy_from_slice(&tokens.cache_write_5m.to_le_bytes());
        common[24..28].copy_from_slice(&tokens.output.to_le_bytes());
        common[28..32].copy_from_slice(&row.latency_ms.to_le_bytes());
        common[32..36].copy_from_slice(&row.stop_reason.to_le_bytes());
        common[36..40].copy_from_slice(&row.profile.to_le_bytes());
        common[40..44].copy_from_slice(&row.session.to_le_bytes());
        common[44..48].copy_from_slice(&row.next.to_le_bytes());
        common[48..52].copy_from_slice(&row.place.generation.to_le_bytes());
        common[52..60].copy_from_slice(&row.place.offset.to_le_bytes());
        common[60..62].copy_from_slice(&row.status.to_le_bytes());
        common[62..70].copy_from_slice(&row.saved_pico.to_le_bytes());
        common[70..78].copy_from_slice(&row.computed.unwrap_or_default().pico().to_le_bytes());
        common[78..86].copy_from_slice(&row.reported.unwrap_or_default().pico().to_le_bytes());
        let (ids, rest) = rest.split_at_mut(self.ids * ID);
        let hashes =
            [row.ids.response, row.ids.request, row.ids.call, row.ids.span].into_iter().filter(|hash| *hash != 0);
        for (place, hash) in ids.as_chunks_mut::<ID>().0.iter_mut().zip(hashes) {
            *place = hash.to_le_bytes();
        }
        if let Some(rare) = rest.first_chunk_mut::<RARE>() {
            rare[..8].copy_from_slice(&row.tokens_time.to_le_bytes());
            rare[8..12].copy_from_slice(&tokens.cache_write_1h.to_le_bytes());
            rare[12..16].copy_from_slice(&tokens.reasoning.to_le_bytes());
            rare[16..20].copy_from_slice(&tokens.web_searches.to_le_bytes());
            rare[20..24].copy_from_slice(&row.revision.to_le_bytes());
            rare[24..28].copy_from_slice(&row.place.index.to_le_bytes());
        }
    }

    /// The ids of the row in `slot`.
    #[inline]
    fn ids(self, slot: &[u8]) -> Option<RecordIds> {
        let (common, rest) = slot.split_first_chunk::<COMMON>()?;
        let flags = u16::from_le_bytes([common[0], common[1]]);
        let mut hashes = rest.get(..self.ids * ID)?.as_chunks::<ID>().0.iter();
        let mut take = |bit: u16| -> Option<u128> {
            if flags & bit == 0 { Some(0) } else { hashes.next().map(|hash| u128::from_le_bytes(*hash)) }
        };
        Some(RecordIds {
            response: take(flag::RESPONSE)?,
            request: take(flag::REQUEST)?,
            call: take(flag::CALL)?,
            span: take(flag::SPAN)?,
            links: common[2],
        })
    }

    /// A few facts of the row in `slot`.
    #[inline]
    fn glance(slot: &[u8]) -> Option<Glance> {
        let common = slot.first_chunk::<COMMON>()?;
        let number = |at: usize| u32::from_le_bytes([common[at], common[at + 1], common[at + 2], common[at + 3]]);
        Some(Glance {
            time: (u64::from(number(4)) | u64::from(number(8)) << 32).cast_signed(),
            profile: number(36),
            session: number(40),
            next: number(44),
        })
    }

    /// Reads what [`Form::write`] wrote; `None` for bytes that are no row.
    fn read(self, slot: &[u8]) -> Option<Row> {
        let ids = self.ids(slot)?;
        let common = slot.first_chunk::<COMMON>()?;
        let four = |at: usize| [common[at], common[at + 1], common[at + 2], common[at + 3]];
        let number = |at: usize| u32::from_le_bytes(four(at));
        let wide = |at: usize| u64::from(number(at)) | u64::from(number(at + 4)) << 32;
        let flags = u16::from_le_bytes([common[0], common[1]]);
        let has = |bit: u16| flags & bit != 0;
        let time = wide(4).cast_signed();
        let mut row = Row {
            ids,
            origin: origin(common[3])?,
            side_chain: has(flag::SIDE_CHAIN),
            cache_hit: has(flag::CACHE_HIT),
            revision: 0,
            dated: has(flag::DATED),
            time,
            tokens_dated: has(flag::TOKENS_DATED),
            tokens_time: usual_tokens_time(has(flag::TOKENS_DATED), time),
            is_final: has(flag::FINAL),
            tokens: Tokens {
                input: number(12),
                cache_read: number(16),
                cache_write_5m: number(20),
                output: number(24),
                ..Tokens::default()
            },
            status: u16::from_le_bytes([common[60], common[61]]),
            latency_ms: number(28),
            stop_reason: number(32),
            computed: has(flag::COMPUTED).then(|| Cost::from_pico(wide(70))),
            saved_pico: wide(62).cast_signed(),
            batch: has(flag::BATCH),
            whole_terms: has(flag::WHOLE_TERMS),
            subscription: has(flag::SUBSCRIPTION),
            place: Place { generation: number(48), offset: wide(52), index: 0 },
            reported: has(flag::REPORTED).then(|| Cost::from_pico(wide(78))),
            profile: number(36),
            session: number(40),
            ragged: has(flag::RAGGED),
            next: number(44),
        };
        if self.rare {
            let rare = slot.get(COMMON + self.ids * ID..)?.first_chunk::<RARE>()?;
            let number = |at: usize| u32::from_le_bytes([rare[at], rare[at + 1], rare[at + 2], rare[at + 3]]);
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

/// Most rows hold what one record said: its tokens are of its own time.
const fn usual_tokens_time(dated: bool, time: i64) -> i64 {
    if dated { time } else { 0 }
}

/// Rows of one form, one behind the other. A row without room widens all.
#[derive(Debug)]
pub struct Segment {
    form: Form,
    bytes: Vec<u8>,
}

impl Segment {
    /// Without rows, with memory for `rows` rows like `first`.
    pub fn like(first: &Row, rows: usize) -> Segment {
        let form = Form::of(first);
        Segment { form, bytes: Vec::with_capacity(rows * form.width()) }
    }

    /// Bytes that [`Segment::bytes`] gave, of rows of this form.
    pub fn of_bytes(form: Form, bytes: Vec<u8>) -> Segment {
        Segment { form, bytes }
    }

    /// The form of its rows.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Its rows.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The memory it takes.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Appends a row.
    pub fn push(&mut self, row: &Row) {
        self.widen(row);
        let start = self.bytes.len();
        self.bytes.resize(start + self.form.width(), 0);
        self.form.write(row, &mut self.bytes[start..]);
    }

    /// The row at `place`; `None` where there is none, or none that can be read.
    pub fn get(&self, place: usize) -> Option<Row> {
        self.form.read(self.slot(place)?)
    }

    /// A few facts of the row at `place`.
    #[inline]
    pub fn glance(&self, place: usize) -> Option<Glance> {
        Form::glance(self.slot(place)?)
    }

    /// The ids of the row at `place`.
    #[inline]
    pub fn ids(&self, place: usize) -> Option<RecordIds> {
        self.form.ids(self.slot(place)?)
    }

    /// Replaces the row at `place`; `None` where there is none.
    pub fn set(&mut self, place: usize, row: &Row) -> Option<()> {
        self.widen(row);
        let width = self.form.width();
        let slot = self.bytes.get_mut(place * width..(place + 1) * width)?;
        self.form.write(row, slot);
        Some(())
    }

    fn slot(&self, place: usize) -> Option<&[u8]> {
        let width = self.form.width();
        self.bytes.get(place * width..(place + 1) * width)
    }

    /// Makes room for what `row` says.
    fn widen(&mut self, row: &Row) {
        let form = self.form.with(Form::of(row));
        if form == self.form {
            return;
        }
        let rows = self.bytes.capacity() / self.form.width();
        let mut bytes = Vec::with_capacity(rows * form.width());
        for slot in self.bytes.chunks_exact(self.form.width()) {
            let start = bytes.len();
            bytes.resize(start + form.width(), 0);
            // What this segment wrote it can read: nothing else ever enters it but rows of the file, read as a whole.
            if let Some(row) = self.form.read(slot) {
                form.write(&row, &mut bytes[start..]);
            }
        }
        *self = Segment { form, bytes };
    }
}

/// One row's bytes of that form, as the file holds them.
pub fn pack(form: Form, row: &Row) -> Option<Vec<u8>> {
    (form.with(Form::of(row)) == form).then(|| {
        let mut slot = vec![0; form.width()];
        form.write(row, &mut slot);
        slot
    })
}

/// Reads one row's bytes of that form.
pub fn unpack(form: Form, slot: &[u8]) -> Option<Row> {
    form.read(slot)
}
