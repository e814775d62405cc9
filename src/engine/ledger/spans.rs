//! The charges of a span of time: only the segments of rows that overlap it are read.

use std::io;
use std::ops::Range;

use super::Ledger;
use super::spoken::is_void;
use crate::engine::bill::{self, Bill};
use crate::engine::names::{NameId, Names, ProfileId};
use crate::engine::rows::Rows;

impl Ledger {
    /// Whether charges of a segment can lie in `span`, in milliseconds.
    #[must_use]
    pub fn overlaps(&self, segment: usize, span: &Range<i64>) -> bool {
        let (least, greatest) = self.rows.bounds(segment);
        least < span.end && greatest >= span.start
    }

    /// No charge is older, in milliseconds; `None` without charges.
    #[must_use]
    pub fn oldest(&self) -> Option<i64> {
        (0..self.rows.segments()).map(|segment| self.rows.bounds(segment).0).filter(|least| *least < i64::MAX).min()
    }

    /// Calls `each` for the charges of `span` (in milliseconds) whose dimensions and session `wanted` lets pass.
    ///
    /// # Errors
    /// The rows' file cannot be read.
    pub fn for_each_bill_in(
        &mut self,
        span: &Range<i64>,
        names: &mut Names,
        wanted: impl Fn(ProfileId, NameId, &Names) -> bool,
        mut each: impl FnMut(&Bill, &Names),
    ) -> io::Result<()> {
        for segment in 0..self.rows.segments() {
            if self.overlaps(segment, span) {
                self.for_each_bill_of(segment, span, names, &wanted, &mut each)?;
            }
        }
        Ok(())
    }

    /// The same for the charges whose numbers are rows of one segment.
    ///
    /// # Errors
    /// The rows' file cannot be read.
    pub fn for_each_bill_of(
        &mut self,
        segment: usize,
        span: &Range<i64>,
        names: &mut Names,
        wanted: impl Fn(ProfileId, NameId, &Names) -> bool,
        mut each: impl FnMut(&Bill, &Names),
    ) -> io::Result<()> {
        let (mode, spoken) = (self.mode, &self.spoken);
        let mut members = Vec::new();
        let known = &*names;
        self.rows.for_segment(
            segment,
            |number, glance| {
                // What rows of one group say together can only be told by their group.
                glance.next != number || span.contains(&glance.time) && wanted(glance.profile, glance.session, known)
            },
            |number, row| {
                if is_void(spoken, row) {
                    return Ok(());
                }
                if row.next == number {
                    each(&bill::alone(number, row, mode), known);
                } else {
                    members.push(number);
                }
                Ok(())
            },
        )?;
        for number in members {
            let Some((bill, _)) = self.charge_of(number, names)? else { continue };
            let counts = bill.number == number && span.contains(&bill.time.ms());
            if counts && wanted(bill.profile, bill.session, names) {
                each(&bill, names);
            }
        }
        Ok(())
    }

    /// Widens the bounds of segments to the times of the charges that the group of a row makes.
    pub(super) fn cover_group(&mut self, member: u32, names: &mut Names) -> io::Result<()> {
        let group = self.group(member)?;
        for classes in bill::charges(&group, names) {
            let bill = bill::bill(&classes, names, self.mode);
            self.rows.cover(bill.number, bill.time.ms());
        }
        Ok(())
    }

    /// Whether the charge of that number lies in one of the segments before `segment`.
    #[must_use]
    pub const fn is_before(number: u32, segment: usize) -> bool {
        number < Rows::first_of(segment)
    }
}
