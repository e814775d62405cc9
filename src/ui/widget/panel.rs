//! A panel's frame: `╭─ title ───── right ─╮`, with a line for a legend at the bottom.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::ui::canvas::Canvas;
use crate::ui::text;
use crate::ui::theme::Role;

/// Pieces of a line, each with its style.
pub type Pieces<'a> = [(&'a str, Style)];

/// Draws the frame and returns what is inside. `focused` has the bright border and a mark before its title.
pub fn panel(canvas: &mut Canvas<'_>, place: Rect, title: &Pieces<'_>, right: &Pieces<'_>, focused: bool) -> Rect {
    framed(canvas, place, title, right, focused).0
}

/// The same, and the column where what stands at the right begins; `None` where it does not fit.
pub fn framed(
    canvas: &mut Canvas<'_>,
    place: Rect,
    title: &Pieces<'_>,
    right: &Pieces<'_>,
    focused: bool,
) -> (Rect, Option<u16>) {
    if place.width < 2 || place.height < 2 {
        return (Rect { width: 0, height: 0, ..place }, None);
    }
    let border = canvas.theme.style(if focused { Role::Focus } else { Role::Border });
    let (left, last) = (place.x, place.right() - 1);
    let (top, bottom) = (place.y, place.bottom() - 1);
    for x in left + 1..last {
        canvas.cell(x, top, '─', border);
        canvas.cell(x, bottom, '─', border);
    }
    for y in top + 1..bottom {
        canvas.cell(left, y, '│', border);
        canvas.cell(last, y, '│', border);
    }
    for (x, y, corner) in [(left, top, '╭'), (last, top, '╮'), (left, bottom, '╰'), (last, bottom, '╯')] {
        canvas.cell(x, y, corner, border);
    }
    let inside = Rect::new(left + 1, top + 1, place.width - 2, place.height - 2);
    let room = place.width.saturating_sub(6);
    let mut used = 0;
    if room > 0 && !title.is_empty() {
        canvas.cell(left + 1, top, if focused { '▸' } else { '─' }, border);
        canvas.cell(left + 2, top, ' ', border);
        let end = canvas.pieces(left + 3, top, room, title);
        canvas.cell(end, top, ' ', border);
        used = end - left - 3;
    }
    (inside, inset_right(canvas, place, top, room.saturating_sub(used + 3), right))
}

/// A legend at the right of the bottom line.
pub fn legend(canvas: &mut Canvas<'_>, place: Rect, pieces: &Pieces<'_>) {
    if place.width >= 8 && place.height >= 2 {
        inset_right(canvas, place, place.bottom() - 1, place.width - 6, pieces);
    }
}

fn inset_right(canvas: &mut Canvas<'_>, place: Rect, y: u16, room: u16, pieces: &Pieces<'_>) -> Option<u16> {
    let width: usize = pieces.iter().map(|(text, _)| text::width(text)).sum();
    if width == 0 || width > usize::from(room) {
        return None;
    }
    let end = place.right() - 3;
    let start = canvas.pieces_right(end, y, room, pieces);
    let plain = Style::new();
    canvas.put(start - 1, y, 1, " ", plain);
    canvas.put(end, y, 1, " ", plain);
    Some(start)
}
