//! Where widgets put text: every write is cut to its place, so that no size of screen can make drawing fail.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::mouse::Targets;
use super::text;
use super::theme::{Role, Theme};

/// A buffer and the theme it is drawn in.
pub struct Canvas<'a> {
    /// The cells.
    pub buffer: &'a mut Buffer,
    /// What colours mean.
    pub theme: &'a Theme,
    /// What a click does where.
    pub targets: Targets,
}

impl Canvas<'_> {
    /// Writes at (x, y), at most `room` columns; what does not fit ends in `…`. Returns the column after the text.
    pub fn put(&mut self, x: u16, y: u16, room: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() {
            return x;
        }
        let room = room.min(area.right() - x);
        let text = text::fit(text, usize::from(room));
        self.buffer.set_stringn(x, y, self.theme.graph.text(&text), usize::from(room), style).0
    }

    /// The same in a role's style.
    pub fn role(&mut self, x: u16, y: u16, room: u16, text: &str, role: Role) -> u16 {
        let style = self.theme.style(role);
        self.put(x, y, room, text, style)
    }

    /// Writes so that the text ends before column `end`, in at most `room` columns. Returns the column it begins at.
    pub fn put_right(&mut self, end: u16, y: u16, room: u16, text: &str, style: Style) -> u16 {
        let text = text::fit(text, usize::from(room));
        let start = end.saturating_sub(text::width(&text) as u16);
        self.put(start, y, room, &text, style);
        start
    }

    /// The same in a role's style.
    pub fn role_right(&mut self, end: u16, y: u16, room: u16, text: &str, role: Role) -> u16 {
        let style = self.theme.style(role);
        self.put_right(end, y, room, text, style)
    }

    /// Pieces one after the other, each in its style, until `room` is used up. Returns the column after the last.
    pub fn pieces(&mut self, x: u16, y: u16, room: u16, pieces: &[(&str, Style)]) -> u16 {
        let end = x.saturating_add(room);
        let mut at = x;
        for (text, style) in pieces {
            if at >= end {
                break;
            }
            at = self.put(at, y, end - at, text, *style);
        }
        at
    }

    /// The same, ending before column `end`; without room for all of them nothing is written. Returns the first column.
    pub fn pieces_right(&mut self, end: u16, y: u16, room: u16, pieces: &[(&str, Style)]) -> u16 {
        let width: usize = pieces.iter().map(|(text, _)| text::width(text)).sum();
        if width > usize::from(room) {
            return end;
        }
        let start = end.saturating_sub(width as u16);
        self.pieces(start, y, width as u16, pieces);
        start
    }

    /// One cell; `symbol` is one of the program's own signs, never a character of a log.
    #[allow(clippy::disallowed_methods, reason = "the one place where a sign is set, and it is no control character")]
    pub fn cell(&mut self, x: u16, y: u16, symbol: char, style: Style) {
        debug_assert!(!symbol.is_control(), "{symbol:?} is no sign");
        if let Some(cell) = self.buffer.cell_mut((x, y)) {
            cell.set_char(self.theme.graph.sign(symbol)).set_style(style);
        }
    }

    /// A style over what is written already.
    pub fn paint(&mut self, place: Rect, style: Style) {
        let place = place.intersection(self.buffer.area);
        self.buffer.set_style(place, style);
    }

    /// Blank cells in the colours of the screen.
    pub fn clear(&mut self, place: Rect) {
        let screen = self.theme.style(Role::Text).patch(self.theme.style(Role::Screen));
        for position in place.intersection(self.buffer.area).positions() {
            self.buffer[position].reset();
            self.buffer[position].set_style(screen);
        }
    }
}
