//! Key figures: six columns of label, value and note; on small screens one line of the most important.

use ratatui::style::Style;

use super::Scene;
use crate::alarm::{BudgetState, BudgetStatus};
use crate::engine::counters::Counters;
use crate::money::Money;
use crate::time::Period;
use crate::ui::canvas::Canvas;
use crate::ui::layout::Shape;
use crate::ui::snapshot::Snapshot;
use crate::ui::text::{self, UNKNOWN};
use crate::ui::theme::{Role, Theme};

type Line = Vec<(String, Style)>;

struct Figure {
    label: String,
    value: Line,
    note: Line,
}

pub(super) fn draw(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let place = scene.layout.kpis;
    if scene.layout.shape != Shape::Full {
        one_line(canvas, scene);
        return;
    }
    let figures = figures(scene, canvas.theme);
    let title = canvas.theme.style(Role::Title);
    for (at, figure) in figures.iter().enumerate() {
        let x = place.x + 1 + (usize::from(place.width) * at / figures.len()) as u16;
        let room = place.width / figures.len() as u16 - 1;
        canvas.put(x, place.y, room, &figure.label, title);
        for (row, line) in [(1, &figure.value), (2, &figure.note)] {
            let mut at = x;
            for (text, style) in line {
                at = canvas.put(at, place.y + row, (x + room).saturating_sub(at), text, *style);
            }
        }
    }
}

fn figures(scene: Scene<'_>, theme: &Theme) -> [Figure; 6] {
    let (view, window) = (&scene.snapshot.view, scene.window());
    let (figure, dim, good, warn) =
        (theme.figure(), theme.style(Role::Dim), theme.style(Role::Good), theme.style(Role::Warn));
    let arrived = scene.state.arrived;
    let known = |text: String| if arrived { text } else { UNKNOWN.to_owned() };
    let one = |text: String, style: Style| vec![(text, style)];
    let sums = &view.window;

    let mut requests = one(counted(sums.requests), dim);
    if !arrived {
        requests = Vec::new();
    } else if sums.unpriced_requests > 0 {
        requests = one(text::count(sums.requests), dim);
        requests.push((format!(" · {} unpriced", text::count(sums.unpriced_requests)), warn));
    } else if sums.errors > 0 {
        requests = one(format!("{} req", text::count(sums.requests)), dim);
        requests.push((format!(" · {} failed", text::count(sums.errors)), warn));
    }
    let saved = match sums.saved.pico() {
        0 if sums.prompt() == 0 => Vec::new(),
        0 => one("nothing saved".to_owned(), dim),
        1.. => one(format!("saved {}", text::dollars(sums.saved)), good),
        _ => one(format!("caching cost {}", text::dollars(-sums.saved)), warn),
    };
    let hit = sums.cache_hit_ratio().map_or_else(
        || one(UNKNOWN.to_owned(), figure),
        |ratio| vec![(format!("{:.1}", ratio * 100.0), figure), ("%".to_owned(), dim)],
    );
    let quantile =
        |cost: Option<crate::money::Cost>| cost.map_or_else(|| UNKNOWN.to_owned(), |cost| text::dollars(cost.into()));
    let burn = vec![(known(text::dollars(view.burn)), figure), (if arrived { "/h" } else { "" }.to_owned(), dim)];
    [
        Figure { label: "BURN 5m".to_owned(), value: burn, note: one("no usual yet".to_owned(), dim) },
        Figure { label: format!("SPENT {window}"), value: one(known(spent(sums)), figure), note: requests },
        Figure {
            label: "TODAY".to_owned(),
            value: one(known(spent(&view.today)), figure),
            note: if arrived { today_note(scene.snapshot, theme) } else { Vec::new() },
        },
        Figure {
            label: "DAY ENDS AT".to_owned(),
            value: one(UNKNOWN.to_owned(), figure),
            note: one("no forecast yet".to_owned(), dim),
        },
        Figure { label: format!("CACHE HIT {window}"), value: hit, note: saved },
        Figure {
            label: format!("PER REQUEST {window}"),
            value: vec![(quantile(view.spread.p50), figure), (" p50".to_owned(), dim)],
            note: one(format!("p95 {}", quantile(view.spread.p95)), dim),
        },
    ]
}

/// The daily budget that is kept for one sum: best the one that counts all that TODAY counts.
pub(super) fn day_budget(snapshot: &Snapshot) -> Option<(&BudgetStatus, bool)> {
    let today = snapshot.view.today.cost();
    let mut daily = snapshot.budgets.iter().filter(|budget| budget.key.is_none() && budget.per == Some(Period::Day));
    let first = daily.clone().next()?;
    Some(daily.find(|budget| budget.spent == today).map_or((first, false), |budget| (budget, true)))
}

/// `1 request`, `1,204 requests`.
fn counted(requests: i64) -> String {
    let word = if requests == 1 { "request" } else { "requests" };
    format!("{} {word}", text::grouped(i128::from(requests)))
}

/// `69 % of $600`; with its name where the budget counts something else than the figure above.
fn today_note(snapshot: &Snapshot, theme: &Theme) -> Line {
    let Some((budget, same)) = day_budget(snapshot) else {
        return vec![(counted(snapshot.view.today.requests), theme.style(Role::Dim))];
    };
    let share = text::percent(share(budget));
    let limit = whole(budget.limit);
    let name = if same { String::new() } else { format!("{} ", text::fit(budget.name.as_str(), 8)) };
    let (mark, role) = match budget.state {
        BudgetState::Ok => ("", Role::Dim),
        BudgetState::Warned => ("◆ ", Role::Warn),
        BudgetState::Exceeded => ("▲ ", Role::Alarm),
    };
    vec![(format!("{mark}{name}{share} % of {limit}"), theme.style(role))]
}

/// What is known to have been spent; `~` where some of it has no price.
pub(super) fn spent(sums: &Counters) -> String {
    let unpriced = if sums.unpriced_requests > 0 { " ~" } else { "" };
    format!("{}{unpriced}", text::dollars(sums.cost()))
}

/// Spent over limit; a limit of nothing is spent.
pub(super) fn share(budget: &BudgetStatus) -> f64 {
    if budget.limit.pico() > 0 { budget.spent.to_f64() / budget.limit.to_f64() } else { f64::INFINITY }
}

/// Dollars without cents where there are none.
pub(super) fn whole(money: Money) -> String {
    let text = text::dollars(money);
    text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
}

fn one_line(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let place = scene.layout.kpis;
    let theme = canvas.theme;
    let (dim, figure) = (theme.style(Role::Title), theme.figure());
    let view = &scene.snapshot.view;
    let known = |text: String| if scene.state.arrived { text } else { UNKNOWN.to_owned() };
    let hit = view.window.cache_hit_ratio().map_or_else(|| UNKNOWN.to_owned(), |hit| format!("{:.1}%", hit * 100.0));
    let p95 = view.spread.p95.map_or_else(|| UNKNOWN.to_owned(), |cost| text::dollars(cost.into()));
    let window = scene.window();
    let parts = [
        ("BURN 5m", known(format!("{}/h", text::dollars(view.burn)))),
        (window, known(spent(&view.window))),
        ("TODAY", known(spent(&view.today))),
        ("HIT", hit),
        ("P95", p95),
    ];
    let mut x = place.x + 1;
    for (label, value) in parts {
        let width = text::width(label) + 1 + text::width(&value);
        if usize::from(place.right().saturating_sub(x)) < width {
            break;
        }
        x = canvas.pieces(x, place.y, width as u16, &[(label, dim), (" ", dim), (&value, figure)]) + 3;
    }
}
