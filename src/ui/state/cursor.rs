//! Selection and scroll of any list. The selection is a row's identity, so it survives every new order.

use super::Motion;

/// What is selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection<Id> {
    /// The first row, whoever that is.
    #[default]
    First,
    /// The row at a place that has not come yet.
    Place(usize),
    /// A row, wherever it goes.
    Row(Id),
}

/// The user's place in one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor<Id> {
    /// What is selected.
    pub selected: Selection<Id>,
    /// Place of the first row in sight.
    pub offset: usize,
}

impl<Id> Default for Cursor<Id> {
    fn default() -> Cursor<Id> {
        Cursor { selected: Selection::First, offset: 0 }
    }
}

/// Rows of a list of which only that it comes is known: more than any list has.
const ON_ITS_WAY: usize = u32::MAX as usize;

/// The rows of a list that are at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtHand<Id> {
    /// Their identities, in order.
    pub ids: Vec<Id>,
    /// Place of the first of them.
    pub offset: usize,
    /// Rows there are.
    pub all: usize,
    /// Where the selected one is, at hand or not.
    pub selected: Option<usize>,
}

impl<Id> AtHand<Id> {
    /// A list of which every row is at hand.
    #[must_use]
    pub fn whole(ids: Vec<Id>) -> AtHand<Id> {
        AtHand { offset: 0, all: ids.len(), ids, selected: None }
    }
}

impl<Id: Clone + PartialEq> AtHand<Id> {
    /// A list whose rows are on their way, so that a key that is pressed meanwhile is not lost: it moves to a place, and what stands
    /// there is selected when it comes.
    pub(super) fn on_its_way(&self, cursor: &Cursor<Id>) -> AtHand<Id> {
        AtHand { ids: Vec::new(), offset: 0, all: ON_ITS_WAY, selected: cursor.place(self) }
    }
}

impl<Id: Clone + PartialEq> Cursor<Id> {
    /// The row whose place the engine must tell.
    pub(super) fn wanted(&self) -> Option<Id> {
        match &self.selected {
            Selection::Row(id) => Some(id.clone()),
            Selection::First | Selection::Place(_) => None,
        }
    }

    /// The place of the selected row, if it is known.
    #[must_use]
    pub fn place(&self, rows: &AtHand<Id>) -> Option<usize> {
        match &self.selected {
            Selection::First => Some(0),
            Selection::Place(place) => Some(*place),
            Selection::Row(id) => {
                let at_hand = rows.ids.iter().position(|row| row == id).map(|at| rows.offset + at);
                at_hand.or(rows.selected)
            }
        }
    }

    /// The selected row among those at hand.
    #[must_use]
    pub fn row(&self, rows: &AtHand<Id>) -> Option<usize> {
        self.place(rows)?.checked_sub(rows.offset).filter(|at| *at < rows.ids.len())
    }

    /// Moves the selection, scrolling as little as keeps it in sight.
    pub(super) fn go(&mut self, motion: Motion, rows: &AtHand<Id>, page: usize, only_at_hand: bool) {
        if rows.all == 0 {
            return;
        }
        if motion == Motion::First {
            *self = Cursor::default();
            return;
        }
        let mut last = rows.all - 1;
        if only_at_hand {
            last = last.min((rows.offset + rows.ids.len()).saturating_sub(1));
        }
        let from = self.place(rows).unwrap_or(self.offset);
        let mut place = motion.apply(from, page, last);
        if only_at_hand {
            place = place.max(rows.offset);
        }
        self.select(place, rows);
        self.show(place, page);
    }

    fn select(&mut self, place: usize, rows: &AtHand<Id>) {
        let row = place.checked_sub(rows.offset).and_then(|at| rows.ids.get(at));
        self.selected = row.map_or(Selection::Place(place), |row| Selection::Row(row.clone()));
    }

    /// Scrolls as little as brings `place` into sight.
    fn show(&mut self, place: usize, page: usize) {
        self.offset = self.offset.min(place).max((place + 1).saturating_sub(page.max(1)));
    }

    /// New rows came: a place becomes the row that stands there, a row is kept in sight.
    pub(super) fn settle(&mut self, rows: &AtHand<Id>, page: usize) {
        self.offset = self.offset.min(rows.all.saturating_sub(page.max(1)));
        if let Selection::Place(place) = self.selected {
            self.select(place.min(rows.all.saturating_sub(1)), rows);
        }
        if let Some(place) = self.place(rows) {
            self.show(place, page);
        }
    }
}
