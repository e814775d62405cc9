//! Panels that are read: a session's facts, a charge, its price, its source.
//! ```text
//! ╭─ how it was priced ───────────────────────────╮
//! │ cache read        182,000 × $1.50/M    $0.273 │
//! │ output             17,200 × $75/M      $1.290 │
//! ```

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::Scene;
use crate::ui::canvas::Canvas;
use crate::ui::layout::{Panel, Shape};
use crate::ui::sheet::{self, Line};
use crate::ui::text;
use crate::ui::theme::Role;
use crate::ui::widget::panel;

pub(super) fn draw(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect, kind: Panel) {
    let theme = canvas.theme;
    let lines = match kind {
        Panel::Facts if !scene.is_known() => Vec::new(),
        Panel::Request | Panel::Terms | Panel::Origin if scene.open().is_none() => Vec::new(),
        _ => sheet::lines(kind, scene.snapshot, scene.layout.width(kind)),
    };
    let rows = scene.layout.rows(kind);
    let first = if scene.focused(kind) { scene.state.visit.line.min(lines.len().saturating_sub(rows)) } else { 0 };
    let below = lines.len().saturating_sub(first + rows);
    let more = match (scene.layout.shape, below) {
        (Shape::Full, 0) => String::new(),
        (_, 0) => "⇥ more".to_owned(),
        (_, below) => format!("↓ {below} more"),
    };
    let title = [(kind.name(), theme.style(Role::Title).add_modifier(Modifier::BOLD))];
    let right = [(more.as_str(), theme.style(Role::Dim))];
    let inside = panel::panel(canvas, place, &title, &right, scene.focused(kind));
    if inside.width < 8 {
        return;
    }
    let (x, width) = (inside.x + 1, inside.width - 2);
    if lines.is_empty() {
        canvas.role(x, inside.y, width, scene.waiting(), Role::Dim);
        return;
    }
    let label = |line: &Line| match line {
        Line::Fact(label, ..) => text::width(label),
        Line::Named(label, _) => text::width(label),
        _ => 0,
    };
    let label_width = lines.iter().map(label).max().unwrap_or(0).min(usize::from(width) / 3) as u16;
    let dollars = |line: &Line| if let Line::Term(_, _, dollars, _) = line { text::width(dollars) } else { 0 };
    let dollars_width = lines.iter().map(dollars).max().unwrap_or(0).min(usize::from(width) / 3) as u16;
    for (at, line) in lines.iter().skip(first).take(rows).enumerate() {
        let y = inside.y + at as u16;
        match line {
            Line::Fact(label, value, role) => {
                canvas.role(x, y, label_width, label, Role::Dim);
                canvas.role(x + label_width + 2, y, width.saturating_sub(label_width + 2), value, *role);
            }
            Line::Named(label, value) => {
                canvas.role(x, y, label_width, label, Role::Dim);
                canvas.role(x + label_width + 2, y, width.saturating_sub(label_width + 2), value, Role::Text);
            }
            Line::Term(name, rate, dollars, role) => {
                let end = x + width;
                let style = if *role == Role::Accent { theme.figure() } else { theme.style(*role) };
                canvas.put_right(end, y, dollars_width, dollars, style);
                let rate_end = end.saturating_sub(dollars_width + 2);
                let start = canvas.role_right(rate_end, y, width.saturating_sub(dollars_width + 2), rate, Role::Dim);
                canvas.put(x, y, start.saturating_sub(x + 1), name, style);
            }
            Line::Words(words, role) => {
                canvas.role(x, y, width, words, *role);
            }
            Line::Blank => {}
        }
    }
}
