//! Rows of a state enter; the index over them and the scopes that are spoken for come out of them.

use std::io;

use super::Ledger;
use super::spoken::is_scope;
use crate::engine::names::Names;
use crate::engine::rows::Row;
use crate::usage::Origin;

impl Ledger {
    /// Builds the index over loaded rows, one segment after the other.
    ///
    /// # Errors
    /// A row that never came, or a temporary file in trouble.
    pub fn finish_loading(&mut self, names: &mut Names) -> io::Result<()> {
        let mut living = 0;
        for segment in 0..self.rows.segments() {
            let rows = self.rows.of_segment(segment)?;
            living += rows.len();
            for (number, row) in &rows {
                self.finish_row(*number, row, names)?;
            }
        }
        let spoken = &self.spoken;
        self.points.retain(|scope, _| !spoken.contains(scope));
        if living < self.rows.len() && self.days.is_empty() {
            return Err(io::Error::other(format!("{} saved rows are missing", self.rows.len() - living)));
        }
        Ok(())
    }

    fn finish_row(&mut self, number: u32, row: &Row, names: &mut Names) -> io::Result<()> {
        if row.origin == Origin::Metrics {
            if is_scope(row) {
                self.spoken.insert(row.ids.call);
                return Ok(());
            }
            self.points.entry(row.ids.request).or_default().push(number);
        }
        if row.next == number {
            self.enter(&row.ids, number);
            return Ok(());
        }
        // Ids shared within a ring are entered once, for their first row.
        let class = self.class(number, *row);
        self.index_new(row.ids.linking(), &[class])?;
        // The last of a ring points back.
        if row.next < number { self.cover_group(number, names) } else { Ok(()) }
    }
}
