//! Bars: thin ones with a track and a mark, solid ones, and trends of eight blocks.

use ratatui::style::Style;

use crate::money::Money;
use crate::ui::canvas::Canvas;
use crate::ui::graph::Graph;
use crate::ui::theme::Role;

/// A whole cell, a half one, an empty one.
const fn line(graph: Graph) -> [char; 3] {
    match graph {
        Graph::Braille => ['━', '╸', '─'],
        Graph::Block => ['▄', '▖', '▁'],
        Graph::Ascii => ['=', '-', '.'],
    }
}

/// The same for a solid bar, which has no track.
const fn block(graph: Graph) -> [char; 2] {
    match graph {
        Graph::Braille | Graph::Block => ['▆', '▖'],
        Graph::Ascii => ['#', ':'],
    }
}

/// Heights, the lowest first; the highest leaves a gap to the row above.
const fn heights(graph: Graph) -> [char; 7] {
    match graph {
        Graph::Braille | Graph::Block => ['▁', '▂', '▃', '▄', '▅', '▆', '▇'],
        // No heights there: denser and denser.
        Graph::Ascii => ['.', ':', '-', '=', '+', '*', '#'],
    }
}

/// A line of `width` cells, filled up to `part` (0 to 1) in half cells; `mark` is where it should be by now.
pub fn thin(canvas: &mut Canvas<'_>, x: u16, y: u16, width: u16, part: f64, mark: Option<f64>, style: Style) {
    let track = canvas.theme.style(Role::Faint);
    let halves = filled(part, width, 2);
    let [whole, half, empty] = line(canvas.theme.graph);
    for cell in 0..width {
        let (symbol, style) = match halves.saturating_sub(2 * u32::from(cell)) {
            0 => (empty, track),
            1 => (half, style),
            _ => (whole, style),
        };
        canvas.cell(x + cell, y, symbol, style);
    }
    if let Some(mark) = mark
        && width > 0
    {
        let at = ((mark.clamp(0.0, 1.0) * f64::from(width)) as u16).min(width - 1);
        canvas.cell(x + at, y, '┼', canvas.theme.figure());
    }
}

/// A solid bar in half cells, a little lower than its row. What is not nothing has at least a half.
pub fn solid(canvas: &mut Canvas<'_>, x: u16, y: u16, width: u16, part: f64, style: Style) {
    let halves = filled(part, width, 2);
    let [whole, half] = block(canvas.theme.graph);
    for cell in 0..width {
        match halves.saturating_sub(2 * u32::from(cell)) {
            0 => return,
            1 => canvas.cell(x + cell, y, half, style),
            _ => canvas.cell(x + cell, y, whole, style),
        }
    }
}

/// Cells times `steps`, rounded; at least one where anything is.
fn filled(part: f64, width: u16, steps: u32) -> u32 {
    if !part.is_finite() || part <= 0.0 {
        return 0;
    }
    let full = u32::from(width) * steps;
    ((part.min(1.0) * f64::from(full)).round() as u32).clamp(1, full.max(1))
}

/// Eight amounts, the greatest the highest. What is nothing is blank, what is not has at least the lowest step.
pub fn trend(canvas: &mut Canvas<'_>, x: u16, y: u16, amounts: &[Money; 8], style: Style) {
    let heights = heights(canvas.theme.graph);
    let most = amounts.iter().map(|amount| amount.pico()).max().unwrap_or(0);
    for (at, amount) in amounts.iter().enumerate() {
        if amount.pico() > 0 && most > 0 {
            let height = (amount.to_f64() / Money::from_pico(most).to_f64() * heights.len() as f64).ceil() as usize;
            canvas.cell(x + at as u16, y, heights[height.clamp(1, heights.len()) - 1], style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_never_longer_than_their_place_nor_empty_for_something() {
        assert_eq!(filled(0.0, 10, 8), 0);
        assert_eq!(filled(1e-9, 10, 8), 1);
        assert_eq!(filled(0.5, 10, 8), 40);
        assert_eq!(filled(7.0, 10, 8), 80);
        assert_eq!(filled(f64::NAN, 10, 8), 0);
        assert_eq!(filled(-1.0, 10, 2), 0);
    }
}
