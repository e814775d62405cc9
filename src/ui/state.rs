//! Where the user is. Actions enter, requests to the engine leave; drawing reads it and cannot change it.

mod can;
mod cursor;
mod doors;
mod lists;
mod typing;
mod update;
mod visit;

use std::collections::HashMap;

use super::action::{Action, Effect};
use super::keys::Mode;
use super::layout::{Layout, Page, Panel, Plan, Shape};
use super::sheet::{self, over};
use super::snapshot::Snapshot;
use crate::engine::names::NameId;
use crate::engine::view::{By, ChargeId, ChargesQuery, LEFT, RIGHT, TableQuery, ViewQuery, Window};
use crate::time::Timestamp;
use crate::usage::OwnLabel;

pub use cursor::{AtHand, Cursor, Selection};
pub use doors::{alarms, budget_id, budgets, drift_id, drifting};
pub use lists::{ChargesVisit, TableVisit, choices};
pub use typing::{Menu, Typing};
pub use update::update;
pub use visit::{Door, Frozen, Visit};

/// Models whose colour is remembered; beyond, colours follow the identity's number.
const SERIES_CAP: usize = 1024;

/// What lies over the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// The keys.
    Help,
    /// What came in.
    Intake,
}

/// All that is not in the snapshot.
#[derive(Clone, Debug)]
pub struct State {
    /// The wall clock.
    pub now: Timestamp,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Where the user is.
    pub visit: Visit,
    /// Where the user came from, the overview first.
    pub below: Vec<Visit>,
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// First line in sight of what lies over it.
    pub sheet: usize,
    /// A filter is being typed.
    pub typing: Option<Typing>,
    /// A grouping is being chosen.
    pub menu: Option<Menu>,
    /// The operator's own labels: more that a table's rows can be.
    pub own: Vec<OwnLabel>,
    /// A snapshot has come.
    pub arrived: bool,
    /// Clicks and the wheel come here; else they are the terminal's own.
    pub mouse: bool,
    /// The selected row is opened as soon as it comes.
    opening: bool,
    series: HashMap<NameId, usize>,
    asked: Option<ViewQuery>,
    opened: Option<ChargeId>,
}

impl State {
    /// The overview, as it opens.
    #[must_use]
    pub fn new(now: Timestamp, size: (u16, u16), window: Window) -> State {
        State {
            now,
            size,
            visit: Visit::overview(window),
            below: Vec::new(),
            overlay: None,
            sheet: 0,
            typing: None,
            menu: None,
            own: Vec::new(),
            arrived: false,
            mouse: true,
            opening: false,
            series: HashMap::new(),
            asked: None,
            opened: None,
        }
    }

    /// Where everything stands at this size.
    #[must_use]
    pub fn layout(&self, snapshot: &Snapshot) -> Layout {
        let visit = &self.visit;
        let filtered = visit.tables.iter().any(|table| !table.filter.is_empty());
        let budgets = if visit.is_answered(&snapshot.view) { snapshot.scope_budgets.len() } else { 0 };
        let plan = Plan {
            page: visit.page,
            focus: visit.focus,
            zoomed: visit.zoomed,
            alarms: snapshot.alarms.iter().filter(|alarm| alarm.is_loud()).count(),
            budgets,
            speaks: visit.page != Page::Overview || filtered || self.typing.is_some() || snapshot.state_note.is_some(),
        };
        Layout::of(self.size.0, self.size.1, plan)
    }

    /// What keys mean now.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match (&self.typing, &self.menu) {
            (Some(_), _) => Mode::Typing,
            (None, Some(_)) => Mode::Choosing,
            (None, None) => Mode::Screen,
        }
    }

    /// How many screens lie below this one.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.below.len()
    }

    /// The chart is stacked by token class: for a model, whose classes have prices of their own.
    #[must_use]
    pub fn stacks(&self) -> bool {
        self.visit.page == Page::Entity && self.visit.scope.last().is_some_and(|(by, _)| by == By::MODEL)
    }

    /// The grouping of a table's panel.
    #[must_use]
    pub fn table(&self, panel: Panel) -> Option<usize> {
        match panel {
            Panel::Left => Some(LEFT),
            Panel::Right => Some(RIGHT),
            _ => None,
        }
    }

    /// What the engine must be asked to fill this screen.
    #[must_use]
    pub fn query(&self, snapshot: &Snapshot) -> ViewQuery {
        let layout = self.layout(snapshot);
        let visit = &self.visit;
        let has_tables = matches!(visit.page, Page::Overview | Page::Entity);
        let table = |at: usize, panel| {
            if has_tables {
                visit.tables[at].query(layout.rows(panel))
            } else {
                TableQuery { rows: 0, ..TableQuery::by(visit.tables[at].by) }
            }
        };
        let is_drilled = matches!(visit.page, Page::Entity | Page::Session);
        let cells = usize::from(layout.chart_cells());
        ViewQuery {
            window: visit.window,
            end: visit.end,
            scope: visit.scope.clone(),
            tables: [table(LEFT, Panel::Left), table(RIGHT, Panel::Right)],
            charges: if is_drilled {
                visit.charges.query(layout.rows(Panel::Charges), visit.page == Page::Session)
            } else {
                ChargesQuery::default()
            },
            chart_steps: match visit.page {
                Page::Request | Page::Alarms | Page::Drift => 1,
                _ if self.stacks() => cells,
                _ => 2 * cells,
            },
            split: is_drilled,
            drift: visit.page == Page::Drift,
        }
    }

    /// The colour of a model: given in the order in which models come into sight, and kept.
    #[must_use]
    pub fn series_of(&self, model: NameId) -> usize {
        self.series.get(&model).copied().unwrap_or(model as usize)
    }

    fn step_panel(&mut self, snapshot: &Snapshot, forward: bool) {
        let layout = self.layout(snapshot);
        let panels = self.panels(snapshot);
        let here = panels.iter().position(|panel| *panel == self.visit.focus).unwrap_or(0);
        let count = panels.len();
        let step = if forward { 1 } else { count - 1 };
        let next = (1..=count).map(|n| panels[(here + n * step) % count]).find(|panel| layout.offers(*panel));
        self.visit.focus = next.unwrap_or(self.visit.focus);
        self.visit.line = 0;
    }

    /// The panels of this screen.
    fn panels(&self, snapshot: &Snapshot) -> &'static [Panel] {
        let budgets = self.visit.is_answered(&snapshot.view) && !snapshot.scope_budgets.is_empty();
        self.visit.page.panels(budgets)
    }

    fn scroll(&mut self, snapshot: &Snapshot, motion: Motion) {
        if self.overlay.is_some() {
            let entries = over::entries(self, snapshot);
            let (rows, columns) = over::fit(&entries, self.size);
            self.sheet = motion.apply(self.sheet, rows, entries.len().saturating_sub(rows * columns));
            return;
        }
        self.move_in(self.visit.focus, snapshot, motion);
    }

    /// Moves selection or sight in one panel, whoever has the keyboard.
    fn move_in(&mut self, panel: Panel, snapshot: &Snapshot, motion: Motion) {
        let layout = self.layout(snapshot);
        let rows = layout.rows(panel);
        let frozen = self.visit.frozen.is_some();
        let view = &snapshot.view;
        let answered = self.visit.is_answered(view);
        match panel {
            Panel::Left | Panel::Right => {
                let at = self.table(panel).unwrap_or(LEFT);
                let answered = answered && self.visit.tables[at].is_answered(&view.query.tables[at]);
                let at_hand = TableVisit::at_hand(&view.tables[at]);
                let at_hand = if answered { at_hand } else { at_hand.on_its_way(&self.visit.tables[at].cursor) };
                self.visit.tables[at].cursor.go(motion, &at_hand, rows, frozen);
            }
            Panel::Charges => {
                let answered = answered && self.visit.charges.order == view.query.charges.order;
                let at_hand = ChargesVisit::at_hand(&view.charges);
                let at_hand = if answered { at_hand } else { at_hand.on_its_way(&self.visit.charges.cursor) };
                self.visit.charges.cursor.go(motion, &at_hand, rows, frozen);
            }
            Panel::Alarms => {
                let ids = alarms(snapshot).iter().map(|alarm| alarm.incident.clone()).collect();
                self.visit.alarms.go(motion, &AtHand::whole(ids), rows, false);
            }
            Panel::Budgets => {
                let ids = budgets(self, snapshot, &layout).into_iter().map(budget_id).collect();
                self.visit.budgets.go(motion, &AtHand::whole(ids), rows, false);
            }
            Panel::Events => {
                let last = snapshot.events.len().saturating_sub(rows);
                self.visit.events = motion.apply(self.visit.events, rows, last);
            }
            // The one line that is remembered is the focused panel's.
            Panel::Facts | Panel::Request | Panel::Terms | Panel::Origin if panel != self.visit.focus => {}
            Panel::Facts | Panel::Request | Panel::Terms | Panel::Origin => {
                let width = layout.width(panel);
                let lines = sheet::lines(panel, snapshot, width).len();
                self.visit.line = motion.apply(self.visit.line, rows, lines.saturating_sub(rows));
            }
            Panel::Drift => {
                let ids = drifting(snapshot).iter().map(drift_id).collect();
                self.visit.drift.go(motion, &AtHand::whole(ids), rows, frozen);
            }
            Panel::Burn | Panel::Spread | Panel::Money | Panel::Alarm | Panel::Finding => {}
        }
    }

    /// The place of the selected row of a list, if it is known.
    fn marked(&self, panel: Panel, snapshot: &Snapshot) -> Option<usize> {
        let (visit, view) = (&self.visit, &snapshot.view);
        match panel {
            Panel::Left | Panel::Right => {
                let at = self.table(panel)?;
                visit.tables[at].cursor.place(&TableVisit::at_hand(&view.tables[at]))
            }
            Panel::Charges => visit.charges.cursor.place(&ChargesVisit::at_hand(&view.charges)),
            Panel::Alarms => {
                let ids = alarms(snapshot).iter().map(|alarm| alarm.incident.clone()).collect();
                visit.alarms.place(&AtHand::whole(ids))
            }
            Panel::Drift => {
                let ids = drifting(snapshot).iter().map(drift_id).collect();
                visit.drift.place(&AtHand::whole(ids))
            }
            Panel::Budgets => {
                let ids = budgets(self, snapshot, &self.layout(snapshot)).into_iter().map(budget_id).collect();
                visit.budgets.place(&AtHand::whole(ids))
            }
            _ => None,
        }
    }

    /// The rows of the focused list are on their way.
    fn awaits_rows(&self, snapshot: &Snapshot) -> bool {
        let (visit, view) = (&self.visit, &snapshot.view);
        let answered = match (self.table(visit.focus), visit.focus) {
            (Some(at), _) => visit.tables[at].is_answered(&view.query.tables[at]),
            (None, Panel::Charges) => visit.charges.order == view.query.charges.order,
            (None, _) => return false,
        };
        visit.frozen.is_none() && !(visit.is_answered(view) && answered)
    }

    /// A new snapshot is shown: selections find their rows again, new models get their colours.
    fn settle(&mut self, snapshot: &Snapshot) {
        self.arrived = true;
        let layout = self.layout(snapshot);
        let view = &snapshot.view;
        let budget_ids = budgets(self, snapshot, &layout).into_iter().map(budget_id).collect();
        self.visit.budgets.settle(&AtHand::whole(budget_ids), layout.rows(Panel::Budgets));
        if self.visit.page == Page::Alarms {
            let ids = alarms(snapshot).iter().map(|alarm| alarm.incident.clone()).collect();
            self.visit.alarms.settle(&AtHand::whole(ids), layout.rows(Panel::Alarms));
        }
        if self.visit.page == Page::Drift {
            let ids = drifting(snapshot).iter().map(drift_id).collect();
            self.visit.drift.settle(&AtHand::whole(ids), layout.rows(Panel::Drift));
        }
        if !self.visit.is_answered(view) || view.query.window != self.visit.window {
            return;
        }
        for (at, panel) in [(LEFT, Panel::Left), (RIGHT, Panel::Right)] {
            let visit = &mut self.visit.tables[at];
            if visit.is_answered(&view.query.tables[at]) && view.query.tables[at].rows > 0 {
                visit.cursor.settle(&TableVisit::at_hand(&view.tables[at]), layout.rows(panel));
            }
        }
        if self.visit.charges.order == view.query.charges.order && view.query.charges.rows > 0 {
            let at_hand = ChargesVisit::at_hand(&view.charges);
            self.visit.charges.cursor.settle(&at_hand, layout.rows(Panel::Charges));
        }
        for row in view.tables.iter().filter(|table| table.by == By::MODEL).flat_map(|table| &table.rows) {
            let next = self.series.len();
            if next < SERIES_CAP {
                self.series.entry(row.id).or_insert(next);
            }
        }
    }
}

/// A way through rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// To the first.
    First,
    /// To the last.
    Last,
    /// By so many rows; a page is as many as are in sight.
    Rows(i64),
    /// By so many pages.
    Pages(i64),
    /// To this place.
    Place(usize),
    /// What is in sight by so many rows; the selection stays where it is as long as it is in sight.
    Sight(i64),
}

impl Motion {
    /// The place reached from `from`, at most `last`.
    fn apply(self, from: usize, page: usize, last: usize) -> usize {
        let by = match self {
            Motion::First => return 0,
            Motion::Last => return last,
            Motion::Place(place) => return place.min(last),
            Motion::Rows(rows) | Motion::Sight(rows) => rows,
            Motion::Pages(pages) => pages.saturating_mul(page.max(1).cast_signed() as i64),
        };
        from.saturating_add_signed(isize::try_from(by).unwrap_or(0)).min(last)
    }
}
