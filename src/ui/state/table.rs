//! One table's order, selection and scroll. The selection is a row's identity, so it survives every new order.

use super::Motion;
use crate::engine::names::NameId;
use crate::engine::view::{By, SortKey, Table, TableQuery};

/// What is selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// The first row, whoever that is.
    #[default]
    First,
    /// The row at a place that has not come yet.
    Place(usize),
    /// A row, wherever it goes.
    Row(NameId),
}

/// The user's stay at one table.
#[derive(Clone, Debug, Default)]
pub struct TableVisit {
    /// Ordered by.
    pub sort: SortKey,
    /// Turned round.
    pub reversed: bool,
    /// What is selected.
    pub selected: Selection,
    /// Place of the first row in sight.
    pub offset: usize,
}

impl TableVisit {
    /// The rows in sight and a page before and after, so that a key finds its row at hand.
    pub(super) fn query(&self, by: By, rows: usize) -> TableQuery {
        TableQuery {
            by,
            filter: String::new(),
            sort: self.sort,
            reversed: self.reversed,
            offset: self.offset.saturating_sub(rows),
            rows: (3 * rows).max(1),
            selected: match self.selected {
                Selection::Row(id) => Some(id),
                Selection::First | Selection::Place(_) => None,
            },
        }
    }

    /// The place of the selected row, if it is known.
    #[must_use]
    pub fn place(&self, table: &Table) -> Option<usize> {
        match self.selected {
            Selection::First => Some(0),
            Selection::Place(place) => Some(place),
            Selection::Row(id) => {
                let at_hand = table.rows.iter().position(|row| row.id == id).map(|at| table.offset + at);
                at_hand.or(table.selected)
            }
        }
    }

    pub(super) fn go(&mut self, motion: Motion, table: &Table, rows: usize, only_at_hand: bool) {
        if table.groups == 0 {
            return;
        }
        if motion == Motion::First {
            (self.selected, self.offset) = (Selection::First, 0);
            return;
        }
        let mut last = table.groups - 1;
        if only_at_hand {
            last = last.min((table.offset + table.rows.len()).saturating_sub(1));
        }
        let from = self.place(table).unwrap_or(self.offset);
        let mut place = motion.apply(from, rows, last);
        if only_at_hand {
            place = place.max(table.offset);
        }
        self.select(place, table);
        self.show(place, rows);
    }

    fn select(&mut self, place: usize, table: &Table) {
        let row = place.checked_sub(table.offset).and_then(|at| table.rows.get(at));
        self.selected = row.map_or(Selection::Place(place), |row| Selection::Row(row.id));
    }

    /// Scrolls as little as brings `place` into sight.
    fn show(&mut self, place: usize, rows: usize) {
        self.offset = self.offset.min(place).max((place + 1).saturating_sub(rows.max(1)));
    }

    /// New rows came: a place becomes the row that stands there, a row is kept in sight.
    pub(super) fn settle(&mut self, table: &Table, rows: usize) {
        self.offset = self.offset.min(table.groups.saturating_sub(rows.max(1)));
        if let Selection::Place(place) = self.selected {
            self.select(place.min(table.groups.saturating_sub(1)), table);
        }
        if let Some(place) = self.place(table) {
            self.show(place, rows);
        }
    }

    pub(super) fn sort_next(&mut self) {
        let at = SortKey::ALL.iter().position(|key| *key == self.sort).unwrap_or(0);
        self.sort = SortKey::ALL[(at + 1) % SortKey::ALL.len()];
        self.reversed = false;
    }

    pub(super) fn reverse(&mut self) {
        self.reversed = !self.reversed;
    }
}
