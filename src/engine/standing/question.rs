//! What standing sums answer, and about which minutes. Order, filter and visible rows are no part of it.

use std::ops::Range;

use crate::engine::view::{By, End, Scope, ViewQuery, Window};

/// One such question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Question {
    pub window: Window,
    pub end: End,
    pub scope: Scope,
    /// What the rows of the tables are; `None`: not shown.
    pub by: [Option<By>; 2],
    pub split: bool,
}

impl Question {
    pub fn of(query: &ViewQuery) -> Question {
        let by = [0, 1].map(|table| Some(&query.tables[table]).filter(|table| table.rows > 0).map(|table| table.by));
        let (window, end, split) = (query.window, query.end, query.split);
        Question { window, end, scope: query.scope.clone(), by, split }
    }

    /// Cells alone do not tell it.
    pub(super) fn needs_charges(&self) -> bool {
        !self.scope.is_all() || self.split || self.by.contains(&Some(By::Session))
    }
}

/// Which minutes a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Span {
    /// First minute inside.
    pub from: i64,
    /// First minute after.
    pub until: i64,
    /// Minutes before the window that the chart's first step looks back on.
    pub lead: i64,
    /// The local day, in minutes.
    pub today: Range<i64>,
    /// It ends at the newest event.
    pub as_of: bool,
}

impl Span {
    /// Whether a minute lies in the window.
    pub fn holds(&self, minute: i64) -> bool {
        (self.from..self.until).contains(&minute)
    }
}
