//! The burn chart; of a model it is stacked by token class:
//! ```text
//! ╭─ burn $/h ────────────── 1m 5m 15m 1h 6h 24h 7d 30d ─╮
//! │ 120┤                                        ⢀⣠⣴⣾⣿⣿⣿⣿ │
//! │  60┤⣤⣼⣿⣿⣷⣤┄┄┄┄┄┄┄┄┄⢀⣠⣤⣤⣴⣶⣶⣶⣶⣤⣤⣤┄┄┄⣠⣤⣴⣾⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿ │
//! │   0┤⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿ │
//! ╰─────────────────────────── ⣿ now  ┄ mean of 15m ─────╯
//! ```

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::{Scene, footer};
use crate::engine::view::{TokenClass, Window};
use crate::time::Timestamp;
use crate::ui::canvas::Canvas;
use crate::ui::layout::{AXIS_WIDTH, Page, Panel, Shape};
use crate::ui::text;
use crate::ui::theme::Role;
use crate::ui::widget::{chart, panel, stack};

pub(super) fn draw(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect) {
    let theme = canvas.theme;
    let (title, dim, accent) = (theme.style(Role::Title), theme.style(Role::Dim), theme.style(Role::Accent));
    let windows: Vec<(&str, Style)> = if scene.layout.shape == Shape::Full {
        let mut windows = Vec::new();
        for window in Window::ALL {
            if !windows.is_empty() {
                windows.push((" ", dim));
            }
            let current = window == scene.state.visit.window;
            windows.push((window.name(), if current { accent.add_modifier(Modifier::BOLD) } else { dim }));
        }
        windows
    } else {
        vec![(scene.state.visit.window.name(), accent.add_modifier(Modifier::BOLD))]
    };
    let stacked = scene.state.stacks();
    let name = match scene.state.visit.page {
        Page::Overview => "burn".to_owned(),
        _ => text::fit(footer::crumb(&scene.state.visit, scene.snapshot).as_str(), 28).into_owned(),
    };
    let heading = [(name.as_str(), title), (if stacked { " $/h by token class" } else { " $/h" }, dim)];
    let inside = panel::panel(canvas, place, &heading, &windows, scene.focused(Panel::Burn));
    if inside.height < 2 || inside.width <= AXIS_WIDTH + 1 {
        return;
    }
    let steps = &scene.snapshot.view.chart;
    let plot = Rect {
        x: inside.x + AXIS_WIDTH,
        y: inside.y,
        width: inside.width - AXIS_WIDTH - 1,
        height: if inside.height >= 5 { inside.height - 1 } else { inside.height },
    };
    let rates = chart::rates(steps, usize::from(plot.width) * 2);
    let most = rates.iter().copied().fold(0.0, f64::max);
    if !scene.is_known() || most <= 0.0 {
        let words =
            if scene.is_known() { format!("nothing spent in {}", scene.window()) } else { scene.waiting().to_owned() };
        let x = inside.x + inside.width.saturating_sub(text::width(&words) as u16) / 2;
        canvas.role(x, inside.y + inside.height / 2, inside.width, &words, Role::Dim);
        return;
    }
    let (top, mean) = (chart::scale(most), chart::mean(steps));
    axis(canvas, inside.x, plot, top);
    let split = stacked && !steps.classes.is_empty();
    if split {
        stack::draw(canvas, plot, steps, top);
    } else {
        chart::draw(canvas, plot, &rates, top, mean);
    }
    if plot.height < inside.height {
        times(canvas, scene, plot);
    }
    if split {
        let looks = TokenClass::ALL.map(|class| (class, stack::look(theme, class)));
        let words = looks.map(|(class, (glyph, style))| (glyph.to_string(), style, format!(" {}  ", class.name())));
        let mut pieces: Vec<(&str, Style)> =
            words.iter().flat_map(|(glyph, style, name)| [(glyph.as_str(), *style), (name.as_str(), dim)]).collect();
        if let Some(last) = pieces.last_mut() {
            last.0 = last.0.trim_end();
        }
        panel::legend(canvas, place, &pieces);
    } else if scene.layout.shape == Shape::Full {
        let good = theme.ramp(0.0);
        let mean = format!("mean of {}", scene.window());
        let over = text::span(steps.step_ms.max(BURN_MS));
        let pieces = [("⣿", good), (" over ", dim), (&over, dim), ("  ┄ ", dim), (&mean, dim)];
        panel::legend(canvas, place, &pieces);
    }
}

/// Each point is the burn rate over this long before it, or over its step if that is longer.
const BURN_MS: i64 = 5 * crate::time::MINUTE_MS;

/// Three labels: the scale's top, its half and zero.
fn axis(canvas: &mut Canvas<'_>, x: u16, plot: Rect, top: f64) {
    let line = x + AXIS_WIDTH - 1;
    let faint = canvas.theme.style(Role::Faint);
    for y in plot.top()..plot.bottom() {
        canvas.cell(line, y, '│', faint);
    }
    let label = |value: f64| {
        let text = if value >= 10_000.0 {
            text::count(value as i64)
        } else if value >= 10.0 || value == 0.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        text::fit(&text, usize::from(AXIS_WIDTH - 1)).into_owned()
    };
    let middle = plot.top() + plot.height / 2;
    for (y, value) in [(plot.top(), top), (middle, top / 2.0), (plot.bottom() - 1, 0.0)] {
        canvas.role_right(line, y, AXIS_WIDTH - 1, &label(value), Role::Dim);
        canvas.cell(line, y, '┤', faint);
    }
}

/// Local times below the chart, as many as fit with room between.
fn times(canvas: &mut Canvas<'_>, scene: Scene<'_>, plot: Rect) {
    let steps = &scene.snapshot.view.chart;
    let length = steps.step_ms.saturating_mul(i64::try_from(steps.steps.len()).unwrap_or(0));
    let pattern = match scene.snapshot.view.query.window {
        Window::M1 => "%H:%M:%S",
        Window::D7 | Window::D30 => "%d %b",
        _ => "%H:%M",
    };
    let count = (plot.width / 14).clamp(1, 8);
    for at in 0..=count {
        let time = Timestamp::from_ms(steps.start.ms() + length * i64::from(at) / i64::from(count));
        let text = scene.snapshot.zone.format(time, pattern);
        let width = text::width(&text) as u16;
        let centre = plot.x + (u32::from(plot.width) * u32::from(at) / u32::from(count)) as u16;
        let x = centre.saturating_sub(width / 2).clamp(plot.x, (plot.right() + 1).saturating_sub(width).max(plot.x));
        canvas.role(x, plot.bottom(), width, &text, Role::Dim);
    }
}
