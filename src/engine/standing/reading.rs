//! A new question's sums are read from what is known, in steps: first cells, and charges where only they tell what is asked.

use std::io;
use std::ops::Range;

use super::{Known, Source, Spent, Standing};
use crate::engine::cells::Cells;
use crate::engine::ledger::Ledger;
use crate::engine::list::ListPrices;
use crate::engine::names::Names;
use crate::time::MINUTE_MS;

impl Standing {
    /// Reads on, about `cells_at_once` cells; how many it were.
    pub(in crate::engine) fn read_cells(
        &mut self,
        cells: &Cells,
        cells_at_once: usize,
        known: &mut Known<'_>,
    ) -> usize {
        let Some(next) = self.cells_until else { return 0 };
        let first = self.first_minute().max(next);
        let last = if self.matcher.is_all() { self.span.until } else { self.span.until.max(self.span.today.end) };
        let mut read = 0;
        for minute in cells.blocks(first, last) {
            if read >= cells_at_once {
                self.cells_until = Some(minute);
                return read;
            }
            cells.for_minute(minute, |profile, sums| {
                read += 1;
                self.take(&Spent::cell(minute, profile, sums), 1, known);
            });
            if self.has_cell_spread() && self.span.holds(minute) {
                self.spread_minute(minute, 1, cells);
            }
        }
        self.cells_until = None;
        read
    }

    /// Reads on, about `segments` segments of rows.
    pub(in crate::engine) fn read_charges(
        &mut self,
        ledger: &mut Ledger,
        names: &mut Names,
        lists: &mut ListPrices,
        segments: usize,
    ) -> io::Result<()> {
        let Some(detail) = self.detail.as_ref().filter(|detail| detail.has_work()) else { return Ok(()) };
        let mut read = 0;
        let span = self.charges_span();
        let matcher = self.matcher.clone();
        let (mut segment, again) = detail.next(ledger.rows().segments());
        while segment < ledger.rows().segments() {
            if read >= segments {
                break;
            }
            if ledger.overlaps(segment, &span) {
                read += 1;
                ledger.for_each_bill_of(
                    segment,
                    &span,
                    names,
                    |profile, session, names| matcher.takes(profile, session, names),
                    |bill, names| {
                        let sums = bill.sums();
                        let spent = Spent::bill(bill, &sums);
                        if again {
                            self.list_again(&spent);
                        } else {
                            self.take(&spent, 1, &mut Known { names, lists });
                        }
                    },
                )?;
            }
            segment += 1;
        }
        if let Some(detail) = &mut self.detail {
            detail.read_until(segment, segment >= ledger.rows().segments());
        }
        Ok(())
    }

    /// Where the charges lie of which anything is told, in milliseconds.
    fn charges_span(&self) -> Range<i64> {
        let mut first = self.span.from;
        let mut last = self.span.until;
        if self.source() == Source::Charges {
            first = self.first_minute();
            last = last.max(self.span.today.end);
        }
        let mut span = first.saturating_mul(MINUTE_MS)..last.saturating_mul(MINUTE_MS);
        if let Some(detail) = &self.detail {
            span.start = span.start.min(detail.clock.chart_start_ms());
            // What is ahead of the clock waits for its time.
            span.end = span.end.max(detail.clock.chart_end_ms());
        }
        span
    }

    /// Only the lists are read again.
    fn list_again(&mut self, spent: &Spent<'_>) {
        if self.span.holds(spent.minute)
            && let (Some(detail), Some(listed)) = (&mut self.detail, spent.listed())
        {
            detail.list_again(listed);
        }
    }
}
