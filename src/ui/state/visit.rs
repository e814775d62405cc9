//! One stay on a screen: all that comes back when the user returns to it, and the ways into the next one.

use std::sync::Arc;

use super::cursor::Cursor;
use super::lists::{ChargesVisit, TableVisit};
use crate::engine::names::NameId;
use crate::engine::view::{By, ChargeId, ChargeOrder, End, Scope, View, Window};
use crate::label::Label;
use crate::time::Timestamp;
use crate::ui::layout::{Page, Panel};

/// The view stands still; the engine does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Since when.
    pub since: Timestamp,
    /// Requests counted since and not shown.
    pub behind: i64,
}

/// What can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// One value of a dimension, or a session.
    Entity {
        /// What kind of thing.
        by: By,
        /// Which.
        id: NameId,
        /// Its name; `None` is `(none)`.
        name: Option<Label>,
        /// Within all charges, not only those in sight: from an alarm or a budget.
        everywhere: bool,
    },
    /// One charge.
    Charge {
        /// Which.
        id: ChargeId,
        /// When it was, for the path.
        time: Timestamp,
    },
}

/// The doors that were at hand when one was opened, and which it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Siblings {
    pub(super) doors: Arc<[Door]>,
    pub(super) at: usize,
}

impl Siblings {
    pub(super) fn step(&self, forward: bool) -> Option<Siblings> {
        let at = if forward { self.at + 1 } else { self.at.checked_sub(1)? };
        (at < self.doors.len()).then(|| Siblings { doors: Arc::clone(&self.doors), at })
    }

    pub(super) fn door(&self) -> &Door {
        &self.doors[self.at]
    }
}

/// One stay on a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// What the screen is about.
    pub page: Page,
    /// Which charges count.
    pub scope: Scope,
    /// Its word in the path.
    pub crumb: Option<Label>,
    /// The charge that is open, and when it was.
    pub charge: Option<(ChargeId, Timestamp)>,
    /// For all panels.
    pub window: Window,
    /// Where the window ends.
    pub end: End,
    /// The panel with the keyboard.
    pub focus: Panel,
    /// The focused panel alone.
    pub zoomed: bool,
    /// The tables.
    pub tables: [TableVisit; 2],
    /// The list of single charges.
    pub charges: ChargesVisit,
    /// The list of alarms, by incident.
    pub alarms: Cursor<String>,
    /// The list of budgets.
    pub budgets: Cursor<String>,
    /// The list of models whose reported costs are compared.
    pub drift: Cursor<String>,
    /// First event in sight.
    pub events: usize,
    /// First line in sight of what is read only: session, request, terms, origin.
    pub line: usize,
    /// Set while the view stands still.
    pub frozen: Option<Frozen>,
    pub(super) siblings: Option<Siblings>,
}

impl Visit {
    /// The overview, as it opens.
    #[must_use]
    pub fn overview(window: Window) -> Visit {
        Visit {
            page: Page::Overview,
            scope: Scope::ALL,
            crumb: None,
            charge: None,
            window,
            end: End::Now,
            focus: Page::Overview.main(),
            zoomed: false,
            tables: [TableVisit::by(By::MODEL), TableVisit::by(By::USER)],
            charges: ChargesVisit::default(),
            alarms: Cursor::default(),
            budgets: Cursor::default(),
            drift: Cursor::default(),
            events: 0,
            line: 0,
            frozen: None,
            siblings: None,
        }
    }

    /// A stay on `page` in the same window.
    fn on(&self, page: Page, scope: Scope, crumb: Option<Label>) -> Visit {
        Visit { page, scope, crumb, end: self.end, focus: page.main(), ..Visit::overview(self.window) }
    }

    /// The alarms, seen from here.
    pub(super) fn alarms(&self) -> Visit {
        self.on(Page::Alarms, Scope::ALL, None)
    }

    /// Reported against computed costs, seen from here.
    pub(super) fn drift(&self) -> Visit {
        self.on(Page::Drift, Scope::ALL, None)
    }

    /// What lies behind a door. A frozen view is left as it is; what opens is live.
    pub(super) fn through(&self, door: &Door) -> Visit {
        match door {
            Door::Charge { id, time } => {
                let mut visit = self.on(Page::Request, self.scope.clone(), None);
                visit.charge = Some((*id, *time));
                visit
            }
            Door::Entity { by, id, name, everywhere } => {
                let within = if *everywhere { Scope::ALL } else { self.scope.clone() };
                let scope = within.with(*by, *id);
                let page = if *by == By::Session { Page::Session } else { Page::Entity };
                let mut visit = self.on(page, scope, name.clone());
                visit.tables = [TableVisit::within(&visit.scope), TableVisit::by(By::Session)];
                visit.charges.order = match (page, *by) {
                    (Page::Session, _) => ChargeOrder::Oldest,
                    (_, By::MODEL) => ChargeOrder::Costliest,
                    _ => ChargeOrder::Newest,
                };
                visit
            }
        }
    }

    /// The same stay at a neighbour: window, panels and orders kept, rows from the first on.
    pub(super) fn beside(&self, siblings: Siblings, parent: &Visit) -> Visit {
        let mut visit = parent.through(siblings.door());
        visit.siblings = Some(siblings);
        if visit.page == self.page {
            (visit.window, visit.end) = (self.window, self.end);
            (visit.focus, visit.zoomed) = (self.focus, self.zoomed);
            visit.tables = [self.tables[0].afresh(), self.tables[1].afresh()];
            visit.charges = ChargesVisit::ordered(self.charges.order);
        }
        visit
    }

    /// Whether an answer is about what is open here; its rows may still be of another order.
    #[must_use]
    pub fn is_answered(&self, view: &View) -> bool {
        view.query.scope == self.scope && view.query.end == self.end
    }
}
