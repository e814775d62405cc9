//! What single requests cost: five bins with bars and counts, quantiles below where there is room.

use ratatui::layout::Rect;

use super::Scene;
use crate::ui::canvas::Canvas;
use crate::ui::layout::Panel;
use crate::ui::text;
use crate::ui::theme::Role;
use crate::ui::widget::{bar, panel};

const BINS: [&str; 5] = ["<$.001", "<$.01", "<$.1", "<$1", "≥$1"];

pub(super) fn draw(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect) {
    let spread = &scene.snapshot.view.spread;
    let theme = canvas.theme;
    let requests = text::grouped(i128::from(spread.requests));
    let window = format!(" {}", scene.window());
    let title = [("cost per request", theme.style(Role::Title)), (window.as_str(), theme.style(Role::Dim))];
    let requests = if scene.is_known() { requests } else { text::UNKNOWN.to_owned() };
    let right = [(requests.as_str(), theme.style(Role::Text)), (" priced", theme.style(Role::Dim))];
    let inside = panel::panel(canvas, place, &title, &right, scene.focused(Panel::Spread));
    if inside.width < 12 {
        return;
    }
    if !scene.is_known() {
        canvas.role(inside.x + 1, inside.y, inside.width - 2, scene.waiting(), Role::Dim);
        return;
    }
    let styles = [theme.series(6), theme.series(2), theme.series(0), theme.style(Role::Warn), theme.style(Role::Alarm)];
    let most = spread.bins.iter().copied().max().unwrap_or(0).max(1);
    let counts: Vec<String> = spread.bins.iter().map(|count| text::grouped(i128::from(*count))).collect();
    let count_width = counts.iter().map(String::len).max().unwrap_or(1) as u16;
    let bar_x = inside.x + 8;
    let bar_width = inside.right().saturating_sub(bar_x + count_width + 3);
    for (at, label) in BINS.iter().enumerate().take(usize::from(inside.height)) {
        let y = inside.y + at as u16;
        canvas.role_right(inside.x + 7, y, 6, label, Role::Dim);
        bar::solid(canvas, bar_x, y, bar_width, spread.bins[at] as f64 / most as f64, styles[at]);
        canvas.role_right(inside.right() - 1, y, count_width, &counts[at], Role::Text);
    }
    if inside.height > BINS.len() as u16 {
        let quantile = |name: &str, cost: Option<crate::money::Cost>| {
            cost.map_or_else(
                || format!("{name} {}", text::UNKNOWN),
                |cost| format!("{name} {}", text::dollars(cost.into())),
            )
        };
        // As many as fit whole: a figure that is cut is none.
        let mut line = String::new();
        for (name, cost) in [("p50", spread.p50), ("p95", spread.p95), ("p99", spread.p99), ("max", spread.max)] {
            let figure = quantile(name, cost);
            if text::width(&line) + 2 + text::width(&figure) <= usize::from(inside.width) {
                line = if line.is_empty() { figure } else { format!("{line}  {figure}") };
            }
        }
        canvas.role(inside.x + 1, inside.y + BINS.len() as u16, inside.width - 2, &line, Role::Dim);
    }
}
