//! What a click means. Drawing says of each place what it does; a click looks there, in the frame that was on the screen when it came.
//!
//! So what is drawn and what is clicked cannot disagree, whatever the size, the order or what lies on top.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::action::Action;
use super::layout::Panel;

/// Rows that one notch of the wheel scrolls.
const NOTCH: i8 = 3;

/// The places of one frame; what was added last lies on top.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    places: Vec<(Rect, Action)>,
    covered: bool,
}

impl Targets {
    /// A click in this place does this.
    pub fn add(&mut self, place: Rect, action: Action) {
        self.places.push((place, action));
    }

    /// Something lies over the whole screen: what is below cannot be clicked, and a click does this.
    pub fn cover(&mut self, place: Rect, action: Action) {
        self.places.clear();
        self.covered = true;
        self.add(place, action);
    }

    /// What a click at this cell does.
    #[must_use]
    pub fn at(&self, column: u16, row: u16) -> Option<Action> {
        self.over(column, row).next()
    }

    /// The panel at this cell.
    #[must_use]
    pub fn panel(&self, column: u16, row: u16) -> Option<Panel> {
        self.over(column, row).find_map(|action| if let Action::Focus(panel) = action { Some(panel) } else { None })
    }

    /// All places, those below first.
    pub fn places(&self) -> impl Iterator<Item = (Rect, Action)> {
        self.places.iter().copied()
    }

    fn over(&self, column: u16, row: u16) -> impl Iterator<Item = Action> {
        let here = Position::new(column, row);
        self.places.iter().rev().filter(move |(place, _)| place.contains(here)).map(|(_, action)| *action)
    }
}

/// What a mouse event means over the frame with these places. A press counts, so that nothing waits for the release.
#[must_use]
pub fn parse(event: &MouseEvent, targets: &Targets) -> Option<Action> {
    let panel = || targets.panel(event.column, event.row);
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => targets.at(event.column, event.row),
        // What lies over the screen scrolls as with keys.
        MouseEventKind::ScrollUp if targets.covered => Some(Action::Up),
        MouseEventKind::ScrollDown if targets.covered => Some(Action::Down),
        MouseEventKind::ScrollUp => panel().map(|panel| Action::Wheel(panel, -NOTCH)),
        MouseEventKind::ScrollDown => panel().map(|panel| Action::Wheel(panel, NOTCH)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::crossterm::event::KeyModifiers;

    fn event(kind: MouseEventKind, column: u16, row: u16) -> MouseEvent {
        MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }
    }

    #[test]
    fn the_topmost_place_is_clicked_and_the_wheel_turns_the_panel_below() {
        let mut targets = Targets::default();
        targets.add(Rect::new(0, 0, 10, 10), Action::Focus(Panel::Right));
        targets.add(Rect::new(0, 2, 10, 1), Action::Select(Panel::Right, 7));
        let press = MouseEventKind::Down(MouseButton::Left);
        assert_eq!(parse(&event(press, 3, 2), &targets), Some(Action::Select(Panel::Right, 7)));
        assert_eq!(parse(&event(press, 3, 3), &targets), Some(Action::Focus(Panel::Right)));
        assert_eq!(parse(&event(press, 10, 3), &targets), None);
        assert_eq!(parse(&event(MouseEventKind::ScrollDown, 3, 2), &targets), Some(Action::Wheel(Panel::Right, 3)));
        assert_eq!(parse(&event(MouseEventKind::ScrollUp, 3, 2), &targets), Some(Action::Wheel(Panel::Right, -3)));
        assert_eq!(parse(&event(MouseEventKind::Up(MouseButton::Left), 3, 2), &targets), None);
        assert_eq!(parse(&event(MouseEventKind::Down(MouseButton::Right), 3, 2), &targets), None);
        targets.cover(Rect::new(0, 0, 10, 10), Action::Back);
        assert_eq!(parse(&event(press, 3, 2), &targets), Some(Action::Back));
        assert_eq!(parse(&event(MouseEventKind::ScrollUp, 3, 2), &targets), Some(Action::Up));
    }
}
