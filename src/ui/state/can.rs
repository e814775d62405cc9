//! What can be done now: the footer names a key, and an action acts, only where the same question says yes.

use super::{Overlay, Page, Panel, Shape, Snapshot, State, alarms};
use crate::alarm::{AlarmState, AlarmStatus};
use crate::engine::view::End;

/// Screens that may lie on one another; alarms and what they are about can be opened in turns for ever.
const MOST_SCREENS: usize = 32;

impl State {
    /// Nothing lies over the screen, nothing is being typed or chosen.
    fn is_open(&self) -> bool {
        self.overlay.is_none() && self.menu.is_none() && self.typing.is_none()
    }

    /// The answer on screen can change: it is not frozen, and no sheet lies over it.
    fn can_ask(&self) -> bool {
        self.is_open() && self.visit.frozen.is_none()
    }

    fn has_tables(&self) -> bool {
        matches!(self.visit.page, Page::Overview | Page::Entity)
    }

    /// Rows or lines can be moved through.
    #[must_use]
    pub fn scrolls(&self, snapshot: &Snapshot) -> bool {
        let scrollable =
            !matches!(self.visit.focus, Panel::Burn | Panel::Spread | Panel::Money | Panel::Alarm | Panel::Finding);
        // While a filter is typed, too: its rows are what it is typed for.
        self.overlay.is_some() || self.menu.is_none() && scrollable && self.shows_panels(snapshot)
    }

    fn shows_panels(&self, snapshot: &Snapshot) -> bool {
        !matches!(self.layout(snapshot).shape, Shape::Meter | Shape::Line)
    }

    /// There is more than one panel to go to.
    #[must_use]
    pub fn has_panels(&self, snapshot: &Snapshot) -> bool {
        self.is_open() && self.shows_panels(snapshot) && self.panels(snapshot).len() > 1
    }

    /// A click can give the keyboard to this panel.
    pub(super) fn offers(&self, snapshot: &Snapshot, panel: Panel) -> bool {
        self.is_open() && self.panels(snapshot).contains(&panel) && self.layout(snapshot).offers(panel)
    }

    /// A row is selected that can be looked into.
    #[must_use]
    pub fn opens(&self, snapshot: &Snapshot) -> bool {
        self.is_open() && self.depth() < MOST_SCREENS && self.shows_panels(snapshot) && self.door(snapshot).is_some()
    }

    /// Others stood beside the one that is open.
    #[must_use]
    pub fn has_siblings(&self, _: &Snapshot) -> bool {
        let several = self.visit.siblings.as_ref().is_some_and(|siblings| siblings.doors.len() > 1);
        self.is_open() && several
    }

    /// The focused panel has an order. A frozen view keeps the one it has.
    #[must_use]
    pub fn sorts(&self, snapshot: &Snapshot) -> bool {
        self.can_ask()
            && matches!(self.visit.focus, Panel::Left | Panel::Right | Panel::Charges)
            && self.shows_panels(snapshot)
    }

    /// Its order can be turned round.
    #[must_use]
    pub fn reverses(&self, snapshot: &Snapshot) -> bool {
        self.visit.focus != Panel::Charges && self.sorts(snapshot)
    }

    /// There is a table to filter, or to group by something else.
    #[must_use]
    pub fn groups(&self, snapshot: &Snapshot) -> bool {
        self.can_ask() && self.has_tables() && self.shows_panels(snapshot)
    }

    /// Another window can be asked for. A frozen view keeps the one it has.
    #[must_use]
    pub fn can_change_window(&self, _: &Snapshot) -> bool {
        self.can_ask() && !matches!(self.visit.page, Page::Request | Page::Alarms)
    }

    /// The window ends in the past.
    #[must_use]
    pub fn is_past(&self, snapshot: &Snapshot) -> bool {
        self.can_change_window(snapshot) && self.visit.end != End::Now
    }

    /// The window ends in the past, or nothing falls into it and the newest event lies elsewhere.
    #[must_use]
    pub fn can_return_to_now(&self, snapshot: &Snapshot) -> bool {
        let view = &snapshot.view;
        self.is_past(snapshot) || self.can_change_window(snapshot) && view.as_of && view.newest.is_some()
    }

    /// The view can stand still.
    #[must_use]
    pub fn freezes(&self, _: &Snapshot) -> bool {
        !matches!(self.visit.page, Page::Request | Page::Alarms)
    }

    /// A panel can stand alone.
    #[must_use]
    pub fn zooms(&self, snapshot: &Snapshot) -> bool {
        self.is_open() && matches!(self.layout(snapshot).shape, Shape::Full | Shape::Compact)
    }

    /// The alarms are not open already.
    #[must_use]
    pub fn can_open_alarms(&self, _: &Snapshot) -> bool {
        self.is_open() && self.visit.page != Page::Alarms && self.depth() < MOST_SCREENS
    }

    /// The drift is not open already.
    #[must_use]
    pub fn can_open_drift(&self, _: &Snapshot) -> bool {
        self.is_open() && self.visit.page != Page::Drift && self.depth() < MOST_SCREENS
    }

    /// The alarm that is selected, on the screen of alarms.
    #[must_use]
    pub fn selected_alarm<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a AlarmStatus> {
        if self.visit.page != Page::Alarms {
            return None;
        }
        let alarms = alarms(snapshot);
        let ids = alarms.iter().map(|alarm| alarm.incident.clone()).collect();
        alarms.get(self.visit.alarms.row(&super::AtHand::whole(ids))?).copied()
    }

    /// Something fires that has not been seen: the selected alarm, or any where none can be selected.
    #[must_use]
    pub fn can_acknowledge(&self, snapshot: &Snapshot) -> bool {
        match self.visit.page {
            Page::Alarms => self
                .selected_alarm(snapshot)
                .is_some_and(|alarm| matches!(alarm.state, AlarmState::Firing | AlarmState::Snoozed)),
            _ => snapshot.alarms.iter().any(|alarm| alarm.state == AlarmState::Firing),
        }
    }

    /// The selected alarm can be put off.
    #[must_use]
    pub fn can_snooze(&self, snapshot: &Snapshot) -> bool {
        self.selected_alarm(snapshot)
            .is_some_and(|alarm| !matches!(alarm.state, AlarmState::Pending | AlarmState::Resolved))
    }

    /// There is a bell to silence.
    #[must_use]
    pub fn can_mute(&self, snapshot: &Snapshot) -> bool {
        snapshot.bell.enabled
    }

    /// Something is open that can be closed.
    #[must_use]
    pub fn can_go_back(&self, _: &Snapshot) -> bool {
        self.overlay.is_some() || self.visit.zoomed || !self.below.is_empty()
    }

    /// This sheet is open, or none is.
    pub(super) fn toggle(&mut self, overlay: Overlay) {
        self.overlay = if self.overlay == Some(overlay) { None } else { Some(overlay) };
        self.sheet = 0;
    }
}
