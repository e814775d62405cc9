//! Where the user is. Actions enter, requests to the engine leave; drawing reads it and cannot change it.

mod table;

use std::collections::HashMap;

use super::action::{Action, Effect};
use super::layout::{Layout, Panel, Shape};
use super::snapshot::Snapshot;
use crate::alarm::AlarmState;
use crate::engine::names::NameId;
use crate::engine::view::{By, LEFT, RIGHT, ViewQuery, Window};
use crate::time::Timestamp;

pub use table::{Selection, TableVisit};

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

/// One stay on a screen: all that comes back when the user returns to it.
#[derive(Clone, Debug)]
pub struct Visit {
    /// For all panels.
    pub window: Window,
    /// The panel with the keyboard.
    pub focus: Panel,
    /// The focused panel alone.
    pub zoomed: bool,
    /// The table of models.
    pub models: TableVisit,
    /// The table of users.
    pub users: TableVisit,
    /// First event in sight.
    pub events: usize,
    /// First budget in sight.
    pub budgets: usize,
}

/// The view stands still; the engine does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Since when.
    pub since: Timestamp,
    /// Requests counted since and not shown.
    pub behind: i64,
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
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// Set while the view stands still.
    pub frozen: Option<Frozen>,
    /// A snapshot has come.
    pub arrived: bool,
    series: HashMap<NameId, usize>,
    asked: Option<ViewQuery>,
}

impl State {
    /// The overview, as it opens.
    #[must_use]
    pub fn new(now: Timestamp, size: (u16, u16), window: Window) -> State {
        State {
            now,
            size,
            visit: Visit {
                window,
                focus: Panel::Models,
                zoomed: false,
                models: TableVisit::default(),
                users: TableVisit::default(),
                events: 0,
                budgets: 0,
            },
            overlay: None,
            frozen: None,
            arrived: false,
            series: HashMap::new(),
            asked: None,
        }
    }

    /// Where everything stands at this size.
    #[must_use]
    pub fn layout(&self, snapshot: &Snapshot) -> Layout {
        let loud = snapshot.alarms.iter().filter(|alarm| alarm.is_loud()).count();
        Layout::of(self.size.0, self.size.1, loud, self.visit.focus, self.visit.zoomed)
    }

    /// What the engine must be asked to fill this screen.
    #[must_use]
    pub fn query(&self, snapshot: &Snapshot) -> ViewQuery {
        let layout = self.layout(snapshot);
        ViewQuery {
            window: self.visit.window,
            tables: [
                self.visit.models.query(By::MODEL, layout.rows(Panel::Models)),
                self.visit.users.query(By::USER, layout.rows(Panel::Users)),
            ],
            chart_steps: 2 * usize::from(layout.chart_cells()),
            ..ViewQuery::default()
        }
    }

    /// The colour of a model: given in the order in which models come into sight, and kept.
    #[must_use]
    pub fn series_of(&self, model: NameId) -> usize {
        self.series.get(&model).copied().unwrap_or(model as usize)
    }

    /// Rows can be moved through.
    #[must_use]
    pub fn scrolls(&self, snapshot: &Snapshot) -> bool {
        let scrollable = matches!(self.visit.focus, Panel::Models | Panel::Users | Panel::Events | Panel::Budgets);
        self.overlay.is_none() && scrollable && self.has_panels(snapshot)
    }

    /// There is more than one panel to go to.
    #[must_use]
    pub fn has_panels(&self, snapshot: &Snapshot) -> bool {
        self.overlay.is_none() && !matches!(self.layout(snapshot).shape, Shape::Meter | Shape::Line)
    }

    /// The focused panel has an order. A frozen view keeps the one it has.
    #[must_use]
    pub fn sorts(&self, snapshot: &Snapshot) -> bool {
        matches!(self.visit.focus, Panel::Models | Panel::Users) && self.scrolls(snapshot) && self.frozen.is_none()
    }

    /// Another window can be asked for. A frozen view keeps the one it has.
    #[must_use]
    pub fn can_change_window(&self, _: &Snapshot) -> bool {
        self.overlay.is_none() && self.frozen.is_none()
    }

    /// A panel can stand alone.
    #[must_use]
    pub fn zooms(&self, snapshot: &Snapshot) -> bool {
        self.overlay.is_none() && matches!(self.layout(snapshot).shape, Shape::Full | Shape::Compact)
    }

    /// Something fires.
    #[must_use]
    pub fn can_acknowledge(&self, snapshot: &Snapshot) -> bool {
        snapshot.alarms.iter().any(|alarm| alarm.state == AlarmState::Firing)
    }

    /// There is a bell to silence.
    #[must_use]
    pub fn can_mute(&self, snapshot: &Snapshot) -> bool {
        snapshot.bell.enabled
    }

    /// Something is open that can be closed.
    #[must_use]
    pub fn can_go_back(&self, _: &Snapshot) -> bool {
        self.overlay.is_some() || self.visit.zoomed
    }

    fn toggle(&mut self, overlay: Overlay) {
        self.overlay = if self.overlay == Some(overlay) { None } else { Some(overlay) };
    }

    fn step_panel(&mut self, snapshot: &Snapshot, forward: bool) {
        let layout = self.layout(snapshot);
        let here = Panel::ALL.iter().position(|panel| *panel == self.visit.focus).unwrap_or(0);
        let count = Panel::ALL.len();
        let step = if forward { 1 } else { count - 1 };
        let next = (1..=count).map(|n| Panel::ALL[(here + n * step) % count]).find(|panel| layout.offers(*panel));
        self.visit.focus = next.unwrap_or(self.visit.focus);
    }

    fn scroll(&mut self, snapshot: &Snapshot, motion: Motion) {
        let layout = self.layout(snapshot);
        let frozen = self.frozen.is_some();
        let visit = &mut self.visit;
        let rows = layout.rows(visit.focus);
        match visit.focus {
            Panel::Models => visit.models.go(motion, &snapshot.view.tables[LEFT], rows, frozen),
            Panel::Users => visit.users.go(motion, &snapshot.view.tables[RIGHT], rows, frozen),
            Panel::Events => {
                visit.events = motion.apply(visit.events, rows, snapshot.events.len().saturating_sub(rows));
            }
            Panel::Budgets => {
                visit.budgets = motion.apply(visit.budgets, rows, snapshot.budgets.len().saturating_sub(rows));
            }
            Panel::Burn | Panel::Spread => {}
        }
    }

    /// A new snapshot is shown: selections find their rows again, new models get their colours.
    fn settle(&mut self, snapshot: &Snapshot) {
        self.arrived = true;
        let layout = self.layout(snapshot);
        self.visit.models.settle(&snapshot.view.tables[LEFT], layout.rows(Panel::Models));
        self.visit.users.settle(&snapshot.view.tables[RIGHT], layout.rows(Panel::Users));
        for row in &snapshot.view.tables[LEFT].rows {
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
}

impl Motion {
    /// The place reached from `from`, at most `last`.
    fn apply(self, from: usize, page: usize, last: usize) -> usize {
        let by = match self {
            Motion::First => return 0,
            Motion::Last => return last,
            Motion::Rows(rows) => rows,
            Motion::Pages(pages) => pages.saturating_mul(page.max(1).cast_signed() as i64),
        };
        from.saturating_add_signed(isize::try_from(by).unwrap_or(0)).min(last)
    }
}

/// Changes the state by one action, seen against the snapshot on screen.
pub fn update(state: &mut State, action: Action, snapshot: &Snapshot) -> Option<Effect> {
    let effect = apply(state, action, snapshot);
    if effect.is_some() || state.frozen.is_some() {
        return effect;
    }
    let query = state.query(snapshot);
    (state.asked.as_ref() != Some(&query)).then(|| {
        state.asked = Some(query.clone());
        Effect::Query(query)
    })
}

fn apply(state: &mut State, action: Action, snapshot: &Snapshot) -> Option<Effect> {
    let motion = match action {
        Action::Up => Some(Motion::Rows(-1)),
        Action::Down => Some(Motion::Rows(1)),
        Action::PageUp => Some(Motion::Pages(-1)),
        Action::PageDown => Some(Motion::Pages(1)),
        Action::First => Some(Motion::First),
        Action::Last => Some(Motion::Last),
        _ => None,
    };
    if let Some(motion) = motion {
        if state.scrolls(snapshot) {
            state.scroll(snapshot, motion);
        }
        return None;
    }
    match action {
        Action::Quit => return Some(Effect::Quit),
        Action::Acknowledge if state.can_acknowledge(snapshot) => return Some(Effect::Acknowledge),
        Action::Mute if state.can_mute(snapshot) => return Some(Effect::Mute(!snapshot.bell.muted)),
        Action::NextPanel | Action::PreviousPanel if state.has_panels(snapshot) => {
            state.step_panel(snapshot, action == Action::NextPanel);
        }
        Action::SortNext | Action::SortReverse if state.sorts(snapshot) => {
            let models = state.visit.focus == Panel::Models;
            let table = if models { &mut state.visit.models } else { &mut state.visit.users };
            if action == Action::SortNext { table.sort_next() } else { table.reverse() }
        }
        Action::ShorterWindow if state.can_change_window(snapshot) => state.visit.window = state.visit.window.shorter(),
        Action::LongerWindow if state.can_change_window(snapshot) => state.visit.window = state.visit.window.longer(),
        Action::Freeze => {
            state.frozen = if state.frozen.is_some() { None } else { Some(Frozen { since: state.now, behind: 0 }) };
        }
        Action::Zoom if state.zooms(snapshot) => state.visit.zoomed = !state.visit.zoomed,
        Action::Help => state.toggle(Overlay::Help),
        Action::Intake => state.toggle(Overlay::Intake),
        Action::Back if state.overlay.is_some() => state.overlay = None,
        Action::Back => state.visit.zoomed = false,
        Action::Clock(now) => state.now = now,
        Action::Resize(width, height) => {
            state.size = (width, height);
            if state.arrived {
                state.settle(snapshot);
            }
        }
        Action::Arrived => state.settle(snapshot),
        Action::Behind(count) => {
            if let Some(frozen) = &mut state.frozen {
                frozen.behind = count;
            }
        }
        _ => {}
    }
    None
}
