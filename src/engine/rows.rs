//! The ledger's rows: appended and changed in place, the newest in memory, the rest in a file that the caller lends.
//!
//! Row numbers are stable. Memory is bounded by [`Rows::with_spill`]'s budget; without a file everything stays in memory.

mod gone;
mod packed;
mod row;

use std::collections::VecDeque;
use std::io;

use super::identity::RecordIds;
use packed::{Form, Segment, pack, unpack};

pub use row::{FACETS, Glance, Row};

/// Rows in one segment.
const SEGMENT_ROWS: usize = 512;
/// Segments that stay in memory whatever the budget: the one that fills, and one beside it.
const LEAST_SEGMENTS: usize = 2;

/// A file the engine may keep cold rows in. Offsets are its own; contents never outlive the process.
pub trait Spill: Send {
    /// Fills `bytes` from `offset`.
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
    /// Writes `bytes` at `offset`.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// What was written to these `length` bytes is needed no more. Whoever cannot give their room back may do nothing.
    fn forget(&mut self, _offset: u64, _length: u64) {}
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
