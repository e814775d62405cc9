//! The window moves on: the minutes that leave it, enter it, or go from one part of its trend to another, and the sums follow.

use std::io;

use super::{Known, Source, Spent, Standing};
use crate::engine::cells::Cells;
use crate::engine::groups::TREND;
use crate::engine::ledger::Ledger;
use crate::engine::list::ListPrices;
use crate::engine::names::Names;
use crate::time::MINUTE_MS;

/// What happens to the charges of a minute when the window moves.
#[derive(Clone, Copy, Debug)]
enum Move {
    Leave,
    Enter,
    /// From one part of the trend to another.
    Shift(usize, usize),
}

impl Standing {
    /// Minutes to the one before `until` enter, as many leave. `false`: so many that it is quicker to build anew.
    pub(in crate::engine) fn advance(
        &mut self,
        until: i64,
        cells: &Cells,
        ledger: &mut Ledger,
        names: &mut Names,
        lists: &mut ListPrices,
    ) -> io::Result<bool> {
        let length = self.span.until - self.span.from;
        if (until - self.span.until).saturating_mul(TREND + 1) > length.max(TREND + 1) {
            return Ok(false);
        }
        while self.span.until < until {
            // The first minute of each part moves to the part before.
            let mut edges: Vec<i64> = (1..TREND).map(|part| (part * length + TREND - 1) / TREND).collect();
            edges.retain(|place| *place < length);
            edges.dedup();
            let mut moves = vec![(self.span.from, Move::Leave), (self.span.until, Move::Enter)];
            moves.extend(edges.into_iter().map(|place| {
                let part = |place: i64| (place * TREND / length) as usize;
                (self.span.from + place, Move::Shift(part(place), part(place - 1)))
            }));
            self.span.from += 1;
            self.span.until += 1;
            for (minute, how) in moves {
                self.move_cells(minute, how, cells, &mut Known { names, lists });
                if self.detail.is_some() {
                    self.move_charges(minute, how, ledger, names, lists)?;
                }
            }
            let first = self.span.from - self.span.lead;
            while self.curve.first_key_value().is_some_and(|(minute, _)| *minute < first) {
                self.curve.pop_first();
            }
        }
        Ok(true)
    }

    fn move_cells(&mut self, minute: i64, how: Move, cells: &Cells, known: &mut Known<'_>) {
        cells.for_minute(minute, |profile, sums| self.carry(&Spent::cell(minute, profile, sums), how, known));
        if self.has_cell_spread() {
            match how {
                Move::Leave => self.spread_minute(minute, -1, cells),
                Move::Enter => self.spread_minute(minute, 1, cells),
                Move::Shift(..) => {}
            }
        }
    }

    fn move_charges(
        &mut self,
        minute: i64,
        how: Move,
        ledger: &mut Ledger,
        names: &mut Names,
        lists: &mut ListPrices,
    ) -> io::Result<()> {
        let has_trends = (0..2).any(|table| self.tables[table].is_some() && self.source_of(table) == Source::Charges);
        if matches!(how, Move::Shift(..)) && !has_trends {
            return Ok(());
        }
        let matcher = self.matcher.clone();
        let span = minute * MINUTE_MS..(minute + 1) * MINUTE_MS;
        ledger.for_each_bill_in(
            &span,
            names,
            |profile, session, names| matcher.takes(profile, session, names),
            |bill, names| {
                let sums = bill.sums();
                let spent = Spent::bill(bill, &sums);
                self.carry(&spent, how, &mut Known { names, lists });
                if let (Move::Leave | Move::Enter, Some(detail), Some(listed)) = (how, &mut self.detail, spent.listed())
                    && detail.is_listing_again(bill.number)
                {
                    detail.relist(listed, if matches!(how, Move::Leave) { -1 } else { 1 });
                }
            },
        )
    }

    /// The window moves over what was spent.
    fn carry(&mut self, spent: &Spent<'_>, how: Move, known: &mut Known<'_>) {
        let source = spent.source();
        if source == Source::Cells {
            match how {
                _ if self.matcher.is_all() => {}
                Move::Leave => self.everything.add(spent.sums, -1),
                Move::Enter => self.everything.add(spent.sums, 1),
                Move::Shift(..) => {}
            }
            if !self.matcher.takes_profile(spent.profile, known.names) {
                return;
            }
        }
        match how {
            Move::Leave => self.sum(spent, -1, 0, source, known),
            Move::Enter => {
                self.sum(spent, 1, self.part(spent.minute), source, known);
                if source == self.source() {
                    self.chart(spent, 1, known);
                }
            }
            Move::Shift(from, to) => {
                let ids = self.ids(spent.profile, spent.session(), known.names);
                for (table, id) in ids.into_iter().enumerate() {
                    let is_from_here = source == self.source_of(table);
                    if let (Some(id), Some(groups)) = (id.filter(|_| is_from_here), &mut self.tables[table]) {
                        groups.shift(id, spent.sums.cost(), from, to);
                    }
                }
            }
        }
    }
}
