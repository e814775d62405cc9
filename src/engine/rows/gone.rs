//! Rows that are no more: numbers enter, their memory and their room in the file leave. Numbers are never given away again.

use std::io;

use super::packed::{Form, Segment};
use super::{Row, Rows, SEGMENT_ROWS, Stored, file_offset, no_such_row, split};
use crate::engine::identity::RecordIds;

impl Row {
    /// What stands where a row was dropped, or has not come yet: a row by no name.
    #[must_use]
    pub fn dead(self, number: u32) -> Row {
        Row { ids: RecordIds::default(), ragged: false, next: number, ..self }
    }

    /// It was dropped, or has not come yet: every row has a name that leads to it.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        self.ids.links == 0
    }
}

impl Rows {
    /// Whether there is a living row of that number.
    ///
    /// # Errors
    /// The spill file cannot be read.
    pub fn has(&mut self, number: u32) -> io::Result<bool> {
        match self.segments.get(split(number).0) {
            Some(Stored::Gone) | None => Ok(false),
            _ if number as usize >= self.length => Ok(false),
            _ => Ok(self.ids(number)?.links != 0),
        }
    }

    /// All rows of its segment were dropped: nothing leads to it any more.
    #[must_use]
    pub fn is_gone(&self, number: u32) -> bool {
        matches!(self.segments.get(split(number).0), Some(Stored::Gone))
    }

    /// Rows up to and with `number` are there, dead until they are set. What no row is set of takes no memory.
    pub fn reach(&mut self, number: u32, like: &Row) -> io::Result<()> {
        let wanted = number as usize;
        while self.length <= wanted {
            let next = self.length as u32;
            let begins_segment = self.length.is_multiple_of(SEGMENT_ROWS);
            if begins_segment && wanted - self.length >= SEGMENT_ROWS {
                self.segments.push(Stored::Gone);
                self.bounds.push((i64::MAX, i64::MIN));
                self.length += SEGMENT_ROWS;
            } else {
                self.push(&like.dead(next))?;
            }
        }
        Ok(())
    }

    /// A segment that is gone has dead rows again, so that one of them can be set.
    pub(super) fn materialize(&mut self, segment: usize, like: &Row) -> io::Result<()> {
        if !matches!(self.segments.get(segment), Some(Stored::Gone)) {
            return Ok(());
        }
        let first = Rows::first_of(segment);
        let mut rows = Segment::like(first, &like.dead(first), SEGMENT_ROWS);
        for number in first..first + SEGMENT_ROWS as u32 {
            rows.push(&like.dead(number)).ok_or_else(|| no_such_row(number))?;
        }
        self.make_room(rows.capacity());
        self.bytes += rows.capacity();
        *self.segments.get_mut(segment).ok_or_else(|| no_such_row(first))? = Stored::Memory(rows);
        // Behind the segment that fills, which must not go to the file before it is full.
        let place = self.in_memory.len().saturating_sub(1);
        self.in_memory.insert(place, segment);
        Ok(())
    }

    /// Drops rows of one segment; `left` are the times of its charges that stay. The last of a full segment takes it along.
    ///
    /// # Errors
    /// The spill file cannot be read or written.
    pub fn bury(&mut self, segment: usize, dead: &[(u32, Row)], left: &[i64]) -> io::Result<()> {
        let is_full = self.length >= (segment + 1) * SEGMENT_ROWS;
        if left.is_empty() && is_full {
            match self.segments.get_mut(segment).map(|stored| std::mem::replace(stored, Stored::Gone)) {
                Some(Stored::Memory(rows)) => {
                    self.bytes -= rows.capacity();
                    self.in_memory.retain(|other| *other != segment);
                }
                Some(Stored::File(_)) => {
                    if let Some(spill) = &mut self.spill {
                        let length = SEGMENT_ROWS * Form::WIDEST.width();
                        spill.forget(file_offset(segment, 0, Form::WIDEST), length as u64);
                    }
                }
                Some(Stored::Gone) | None => {}
            }
        } else {
            for (number, row) in dead {
                self.set(*number, &row.dead(*number))?;
            }
        }
        if let Some(bounds) = self.bounds.get_mut(segment) {
            *bounds = left
                .iter()
                .fold((i64::MAX, i64::MIN), |(least, greatest), time| (least.min(*time), greatest.max(*time)));
        }
        Ok(())
    }
}
