//! The burn chart: dollars per hour as filled braille, two columns and four rows of dots in a cell.

use ratatui::layout::Rect;

use crate::engine::view::Chart;
use crate::money::Money;
use crate::ui::canvas::Canvas;
use crate::ui::theme::Role;

/// Rates in dollars per hour, one for each dot column. For drawing only; sums stay exact in the engine.
///
/// A step is an average over minutes already, so a column shows its newest step, and the last one the burn rate of the figures above.
#[must_use]
pub fn rates(chart: &Chart, columns: usize) -> Vec<f64> {
    let steps = chart.steps.len();
    if steps == 0 {
        return Vec::new();
    }
    (0..columns)
        .map(|column| {
            let end = ((column + 1) * steps / columns).max(column * steps / columns + 1);
            chart.steps[end - 1].to_f64()
        })
        .collect()
}

/// The mean rate over the whole chart in dollars per hour.
#[must_use]
pub fn mean(chart: &Chart) -> f64 {
    mean_of(&chart.steps)
}

fn mean_of(rates: &[Money]) -> f64 {
    let sum: Money = rates.iter().copied().sum();
    if rates.is_empty() { 0.0 } else { sum.to_f64() / rates.len() as f64 }
}

/// The next round number whose half is round too.
#[must_use]
pub fn scale(most: f64) -> f64 {
    if !most.is_finite() || most <= 0.0 {
        return 1.0;
    }
    let unit = 10f64.powf(most.log10().floor());
    let steps = [1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.4, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];
    steps.into_iter().map(|step| step * unit).find(|step| *step >= most * 0.999_999).unwrap_or(10.0 * unit)
}

/// Draws `rates` (two for each cell) up to `top`, a dashed line at `mean`, the colour following the ratio to it.
pub fn draw(canvas: &mut Canvas<'_>, place: Rect, rates: &[f64], top: f64, mean: f64) {
    // Dot bits of a braille cell from the bottom up, left and right column.
    const LEFT: [u32; 4] = [0x40, 0x04, 0x02, 0x01];
    const RIGHT: [u32; 4] = [0x80, 0x20, 0x10, 0x08];
    let rows = u32::from(place.height) * 4;
    let dots = |rate: f64| {
        if rate <= 0.0 { 0 } else { ((rate / top * f64::from(rows)).round() as u32).clamp(1, rows) }
    };
    let grid = canvas.theme.style(Role::Faint);
    let mean_row = (mean > 0.0 && rows > 0).then(|| place.bottom() - 1 - ((dots(mean) - 1) / 4) as u16);
    for cell in 0..place.width {
        let at = usize::from(cell) * 2;
        let (left, right) = (rates.get(at).copied().unwrap_or(0.0), rates.get(at + 1).copied().unwrap_or(0.0));
        let (left_dots, right_dots) = (dots(left), dots(right));
        // Half of the mean and below is calm, twice the mean is hot.
        let ratio = if mean > 0.0 { (left.max(right) / mean - 0.5) / 1.5 } else { 0.0 };
        let style = canvas.theme.ramp(ratio);
        for row in 0..place.height {
            let y = place.bottom() - 1 - row;
            let below = u32::from(row) * 4;
            let mut bits = 0;
            for dot in 0..4 {
                bits |= if left_dots > below + dot { LEFT[dot as usize] } else { 0 };
                bits |= if right_dots > below + dot { RIGHT[dot as usize] } else { 0 };
            }
            if bits != 0 {
                canvas.cell(place.x + cell, y, char::from_u32(0x2800 + bits).unwrap_or(' '), style);
            } else if mean_row == Some(y) {
                canvas.cell(place.x + cell, y, '┄', grid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn chart(dollars: &[i128], step_ms: i64) -> Chart {
        let steps = dollars.iter().map(|dollars| Money::from_pico(dollars * 1_000_000_000_000)).collect();
        Chart { start: Timestamp::from_ms(0), step_ms, steps, ..Chart::default() }
    }

    fn close(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9)
    }

    #[test]
    fn a_rate_stays_however_it_is_stretched() {
        let chart = chart(&[1, 3], 1_800_000);
        assert!(close(&rates(&chart, 2), &[1.0, 3.0]));
        assert!(close(&rates(&chart, 4), &[1.0, 1.0, 3.0, 3.0]));
        assert!(close(&rates(&chart, 1), &[3.0]), "the newest, never halved by an idle neighbour");
        assert!((mean(&chart) - 2.0).abs() < 1e-9);
        assert!(rates(&Chart::default(), 4).is_empty());
    }

    #[test]
    fn the_scale_is_round_and_not_below() {
        for (most, top) in [(0.0, 1.0), (118.0, 120.0), (121.0, 140.0), (0.073, 0.08), (99.0, 100.0), (1.0, 1.0)] {
            assert!((scale(most) - top).abs() < 1e-9, "{most}: {}", scale(most));
        }
    }
}
