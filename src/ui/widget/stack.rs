//! The burn chart stacked by token class: each class has a shade of its own, so that colour is never alone.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::engine::view::{Chart, TokenClass};
use crate::money::Money;
use crate::ui::canvas::Canvas;
use crate::ui::theme::Theme;

/// The shade and the colour of a class.
#[must_use]
pub fn look(theme: &Theme, class: TokenClass) -> (char, Style) {
    match class {
        TokenClass::Output => ('█', theme.series(0)),
        TokenClass::Input => ('▓', theme.series(1)),
        TokenClass::CacheWrite => ('▒', theme.series(4)),
        TokenClass::CacheRead => ('░', theme.series(3)),
    }
}

/// Cells of a column that each class takes, `rows` cells high at `top` dollars per hour. What is not nothing has at least a cell.
fn heights(classes: &[Money; 4], top: f64, rows: u16) -> [u16; 4] {
    let mut heights = [0; 4];
    let (mut sum, mut reached) = (Money::ZERO, 0);
    for (at, class) in classes.iter().enumerate() {
        sum += *class;
        let boundary = (sum.to_f64() / top * f64::from(rows)).round().clamp(0.0, f64::from(rows)) as u16;
        heights[at] = boundary.saturating_sub(reached);
        reached = reached.max(boundary);
    }
    if reached == 0 && sum > Money::ZERO {
        let largest = (0..4).max_by_key(|at| classes[*at]).unwrap_or(0);
        heights[largest] = 1.min(rows);
    }
    heights
}

/// Draws a chart whose steps are split by class; a column shows its newest step, as the plain chart does.
pub fn draw(canvas: &mut Canvas<'_>, place: Rect, chart: &Chart, top: f64) {
    let steps = chart.classes.len();
    if steps == 0 || place.width == 0 || top <= 0.0 {
        return;
    }
    for column in 0..place.width {
        let columns = usize::from(place.width);
        let end = ((usize::from(column) + 1) * steps / columns).max(usize::from(column) * steps / columns + 1);
        let mut y = place.bottom();
        let heights = heights(&chart.classes[end - 1], top, place.height);
        for (class, height) in TokenClass::ALL.into_iter().zip(heights) {
            let (glyph, style) = look(canvas.theme, class);
            for _ in 0..height {
                y -= 1;
                canvas.cell(place.x + column, y, glyph, style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_column_is_as_high_as_its_sum() {
        let dollars = |amount: i128| Money::from_pico(amount * 1_000_000_000_000);
        assert_eq!(heights(&[dollars(4), dollars(2), dollars(0), dollars(2)], 16.0, 8), [2, 1, 0, 1]);
        assert_eq!(heights(&[dollars(0), dollars(0), dollars(0), dollars(1)], 1000.0, 8), [0, 0, 0, 1]);
        assert_eq!(heights(&[Money::ZERO; 4], 16.0, 8), [0; 4]);
    }

    proptest! {
        #[test]
        fn no_column_leaves_its_chart(classes in any::<[u32; 4]>(), top in 0.001f64..5000.0, rows in 0u16..40) {
            let classes = classes.map(|pico| Money::from_pico(i128::from(pico) * 1_000_000));
            prop_assert!(heights(&classes, top, rows).iter().sum::<u16>() <= rows);
        }
    }
}
