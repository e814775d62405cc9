//! Days that are dropped, and rows on their way to a state and back: what a state must hold follows from both. Charges that go are told.

use std::io;

use super::Ledger;
use super::rings::times_of;
use super::spoken::is_scope;
use crate::engine::bill::{self, Bill, Class};
use crate::engine::days::{Days, day_of};
use crate::engine::names::Names;
use crate::engine::rows::Row;
use crate::engine::varint::{put_varint, take_u32};

/// A dropped row of which a state still holds a version: its number, what it was, the day of that version.
pub type Buried = (u32, Row, i32);

impl Ledger {
    /// Event days whose rows were dropped.
    #[must_use]
    pub fn dropped_days(&self) -> &Days {
        &self.days
    }

    /// Days that a state says were dropped; before its rows are loaded.
    pub fn load_dropped_days(&mut self, days: Days) {
        self.days = days;
    }

    /// Under which day a state files a row of that time: its own, or the next that is not dropped.
    fn filed(&self, ms: i64) -> i32 {
        self.days.next_outside(day_of(ms))
    }

    /// Older versions of a row stay where they are when its time moves to another day.
    pub(super) fn note_move(&mut self, number: u32, from_ms: i64, to_ms: i64) {
        if self.changed.is_some() && day_of(from_ms) != day_of(to_ms) {
            let last = self.filed(from_ms).max(self.filed(to_ms));
            self.moved.entry(number).and_modify(|day| *day = (*day).max(last)).or_insert(last);
        }
    }

    /// Drops `days`: what comes for them from now on is late. Their rows go with [`Ledger::drop_segment`], called for each of the segments
    /// that are there now. Days must be dropped in their order: what a state still holds of a row must not outlive what it says last.
    pub fn drop_days(&mut self, days: impl IntoIterator<Item = i32>) {
        days.into_iter().for_each(|day| self.days.insert(day));
    }

    /// Drops those rows of one segment whose charges lie in dropped days altogether, and hands over these charges; rows of charges that
    /// reach into a day that stays are filed under such a day. `before` are the days that were dropped when rows were filed last.
    ///
    /// # Errors
    /// The rows' file cannot be read or written: the ledger may hold a part of the segment.
    pub fn drop_segment(
        &mut self,
        segment: usize,
        before: &Days,
        names: &mut Names,
        mut each: impl FnMut(&Bill),
    ) -> io::Result<()> {
        let Some(last) = self.days.last() else { return Ok(()) };
        if day_of(self.rows.bounds(segment).0) > last {
            return Ok(());
        }
        let rows = self.rows.of_segment(segment)?;
        let (mut dead, mut left) = (Vec::new(), Vec::new());
        for (number, row) in rows {
            // What is spoken for stays so: points of later days may be void by it.
            if is_scope(&row) {
                self.refile(number, &row, before);
                continue;
            }
            if row.next == number {
                if self.is_over(&row) {
                    if !self.is_void(&row) {
                        each(&bill::alone(number, &row, self.mode));
                    }
                    self.forget(&[(number, row)]);
                    dead.push((number, row));
                } else {
                    left.push(row.time);
                    self.refile(number, &row, before);
                }
                continue;
            }
            // A ring that went with one of its rows is dead by now.
            if !self.rows.has(number)? {
                continue;
            }
            let group = self.group(number)?;
            if group.iter().all(|class| self.is_over(&class.row)) {
                self.tell_bills(&group, names, &mut each);
                let members: Vec<(u32, Row)> = group.iter().map(|class| (class.number, class.row)).collect();
                self.forget(&members);
                for (member, row) in members {
                    self.rows.set(member, &row.dead(member))?;
                }
            } else {
                left.push(row.time);
                left.extend(self.times_of_bills(&group, names));
                self.refile(number, &row, before);
            }
        }
        self.rows.bury(segment, &dead, &left)
    }

    /// Gives back what the index held of dropped rows.
    pub fn finish_dropping(&mut self) {
        self.index.shrink();
        self.ragged.shrink_to_fit();
        self.moved.shrink_to_fit();
    }

    /// All that is known of when it was said lies in dropped days: a copy of it will be late.
    fn is_over(&self, row: &Row) -> bool {
        let said_last = if row.tokens_dated { row.tokens_time } else { row.time };
        self.days.contains(day_of(row.time)) && self.days.contains(day_of(said_last))
    }

    /// A row that stays although the day goes under which it was filed is written anew.
    fn refile(&mut self, number: u32, row: &Row, before: &Days) {
        if self.days.contains(before.next_outside(day_of(row.time))) {
            self.touch(number);
        }
    }

    fn forget(&mut self, members: &[(u32, Row)]) {
        // What several rows of a group are found by is entered once.
        let mut hashes: Vec<u128> = members.iter().flat_map(|(_, row)| row.ids.linking()).collect();
        hashes.sort_unstable();
        hashes.dedup();
        for hash in hashes {
            self.index.remove(hash, |found| members.iter().any(|(member, _)| *member == found));
        }
        for (number, row) in members {
            self.ragged.remove(number);
            if let Some(points) = self.points.get_mut(&row.ids.request) {
                points.retain(|point| point != number);
            }
            if let Some(day) = self.moved.remove(number)
                && !self.days.contains(day)
            {
                self.buried.push((*number, *row, day));
            }
        }
    }

    fn tell_bills(&self, group: &[Class], names: &mut Names, each: &mut impl FnMut(&Bill)) {
        let mut bills = Vec::new();
        self.bills_of(group, names, &mut bills);
        bills.iter().for_each(each);
    }

    fn times_of_bills(&self, group: &[Class], names: &mut Names) -> Vec<i64> {
        let mut bills = Vec::new();
        self.bills_of(group, names, &mut bills);
        bills.iter().map(|bill| bill.time.ms()).collect()
    }

    /// Takes the dropped rows that a state must be told of.
    pub fn take_buried(&mut self) -> Vec<Buried> {
        std::mem::take(&mut self.buried)
    }

    /// Appends a row's saved form: its number, the row, its facet times. Returns the day under which it is to be filed; `None` where the
    /// row was dropped.
    ///
    /// # Errors
    /// The rows' file cannot be read.
    pub fn save_row(&mut self, number: u32, out: &mut Vec<u8>) -> io::Result<Option<i32>> {
        if !self.rows.has(number)? {
            return Ok(None);
        }
        let row = self.rows.get(number)?;
        put_varint(number.into(), out);
        row.encode_with(&times_of(&self.ragged, number, &row), out);
        Ok(Some(self.filed(row.time)))
    }

    /// Appends the saved form of a dropped row.
    pub fn save_dead(number: u32, row: &Row, out: &mut Vec<u8>) {
        put_varint(number.into(), out);
        row.dead(number).encode(out);
    }

    /// Loads what [`Ledger::save_row`] wrote of one day; later versions of a row replace earlier ones. Call [`Ledger::finish_loading`]
    /// after the last.
    ///
    /// # Errors
    /// Bytes that are no rows, or a temporary file in trouble.
    pub fn load_rows(&mut self, day: i32, bytes: &mut &[u8]) -> io::Result<()> {
        let damaged = || io::Error::other("a saved row is damaged");
        while !bytes.is_empty() {
            let number = take_u32(bytes).ok_or_else(damaged)?;
            let (row, times) = Row::decode_with_times(bytes).ok_or_else(damaged)?;
            match times {
                Some(times) => self.ragged.insert(number, times),
                None => self.ragged.remove(&number),
            };
            // Blobs are by event day: a row may come before its neighbours of the same commit.
            self.rows.reach(number, &row)?;
            if self.rows.has(number)? {
                let before = self.rows.get(number)?.time;
                if day_of(before) != day_of(row.time) {
                    let last = self.filed(before).max(day);
                    self.moved.entry(number).and_modify(|known| *known = (*known).max(last)).or_insert(last);
                }
            }
            self.rows.set(number, &row)?;
            if row.is_dead() {
                self.moved.remove(&number);
            }
        }
        Ok(())
    }
}
