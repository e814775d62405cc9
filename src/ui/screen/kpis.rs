//! Key figures of what is open: six columns of label, value and note; on small screens one line of the most important.

mod request;

use ratatui::style::Style;

use super::Scene;
use crate::alarm::{BudgetState, BudgetStatus};
use crate::engine::counters::Counters;
use crate::money::{Cost, Money};
use crate::time::Period;
use crate::ui::canvas::Canvas;
use crate::ui::layout::{Page, Shape};
use crate::ui::snapshot::Snapshot;
use crate::ui::text::{self, UNKNOWN};
use crate::ui::theme::{Role, Theme};

pub(super) use request::cost;

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
    let figures = match scene.state.visit.page {
        Page::Request => request::figures(scene, canvas.theme),
        _ => figures(scene, canvas.theme),
    };
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

fn one(text: impl Into<String>, style: Style) -> Line {
    vec![(text.into(), style)]
}

fn figures(scene: Scene<'_>, theme: &Theme) -> [Figure; 6] {
    let (view, window) = (&scene.snapshot.view, scene.window());
    let (figure, dim) = (theme.figure(), theme.style(Role::Dim));
    let known = scene.is_known();
    let or_unknown = |text: String| if known { text } else { UNKNOWN.to_owned() };
    let all = scene.state.visit.scope.is_all();
    let sums = &view.window;
    let quantile = |cost: Option<Cost>| {
        cost.filter(|_| known).map_or_else(|| UNKNOWN.to_owned(), |cost| text::dollars(cost.into()))
    };
    let hit = sums.cache_hit_ratio().filter(|_| known).map_or_else(
        || one(UNKNOWN, figure),
        |ratio| vec![(format!("{:.1}", ratio * 100.0), figure), ("%".to_owned(), dim)],
    );
    let of_all = |part: Money, whole: Money| if known { one(share_of_all(part, whole), dim) } else { Vec::new() };
    let burn = vec![
        (or_unknown(format!("{}{}", at_list_price(sums), text::dollars(view.burn))), figure),
        (if known { "/h" } else { "" }.to_owned(), dim),
    ];
    let requests = if known { requests_note(scene, theme) } else { Vec::new() };
    let today = match (known, all) {
        (false, _) => Vec::new(),
        (true, true) => today_note(scene.snapshot, theme),
        (true, false) => of_all(view.today.cost(), view.today_all.cost()),
    };
    [
        Figure {
            label: "BURN 5m".to_owned(),
            value: burn,
            note: if all { one("no usual yet", dim) } else { of_all(view.burn, view.burn_all) },
        },
        Figure { label: format!("SPENT {window}"), value: one(or_unknown(spent(sums)), figure), note: requests },
        Figure { label: "TODAY".to_owned(), value: one(or_unknown(spent(&view.today)), figure), note: today },
        fourth(scene, theme, all),
        Figure {
            label: format!("CACHE HIT {window}"),
            value: hit,
            note: if known { saved_note(sums, theme) } else { Vec::new() },
        },
        Figure {
            label: format!("PER REQUEST {window}"),
            value: vec![(quantile(view.spread.p50), figure), (" p50".to_owned(), dim)],
            note: one(format!("p95 {}", quantile(view.spread.p95)), dim),
        },
    ]
}

/// Of everything the end of the day; of what is open its budget, or how many requests it made.
fn fourth(scene: Scene<'_>, theme: &Theme, all: bool) -> Figure {
    let (figure, dim) = (theme.figure(), theme.style(Role::Dim));
    let (snapshot, sums) = (scene.snapshot, &scene.snapshot.view.window);
    if all {
        return Figure {
            label: "DAY ENDS AT".to_owned(),
            value: one(UNKNOWN, figure),
            note: one("no forecast yet", dim),
        };
    }
    let worst = snapshot
        .scope_budgets
        .iter()
        .filter(|_| scene.is_known())
        .max_by(|a, b| a.state.cmp(&b.state).then_with(|| a.share().total_cmp(&b.share())));
    if let Some(budget) = worst {
        let (mark, role) = mark(budget);
        let style = if budget.state == BudgetState::Ok { figure } else { theme.style(role) };
        return Figure {
            label: format!("BUDGET {}", budget.per.map_or("session", Period::name)),
            value: one(format!("{mark}{} %", text::percent(budget.share())), style),
            note: one(format!("{} of {}", super::budgets::known(budget), whole(budget.limit)), dim),
        };
    }
    let minutes = scene.snapshot.view.query.window.minutes();
    let rate = sums.requests as f64 / minutes as f64;
    let rate = if rate >= 10.0 { format!("{rate:.0} a minute") } else { format!("{rate:.1} a minute") };
    Figure {
        label: format!("REQUESTS {}", scene.window()),
        value: one(
            if scene.is_known() { text::grouped(i128::from(sums.requests)) } else { UNKNOWN.to_owned() },
            figure,
        ),
        note: if scene.is_known() { one(rate, dim) } else { Vec::new() },
    }
}

/// `44 % of all`.
fn share_of_all(part: Money, whole: Money) -> String {
    if whole.pico() <= 0 {
        String::new()
    } else {
        format!("{} % of all", text::percent(part.to_f64() / whole.to_f64()))
    }
}

/// How many requests; what of them has no price or failed first.
fn requests_note(scene: Scene<'_>, theme: &Theme) -> Line {
    let view = &scene.snapshot.view;
    let (sums, dim, warn) = (&view.window, theme.style(Role::Dim), theme.style(Role::Warn));
    let mut requests = one(counted(sums.requests), dim);
    if sums.unpriced_requests > 0 {
        requests = one(text::count(sums.requests), dim);
        requests.push((format!(" · {} unpriced", text::count(sums.unpriced_requests)), warn));
    } else if sums.errors > 0 {
        requests = one(format!("{} req", text::count(sums.requests)), dim);
        requests.push((format!(" · {} failed", text::count(sums.errors)), warn));
    } else if !scene.state.visit.scope.is_all() {
        requests = one(share_of_all(sums.cost(), view.window_all.cost()), dim);
    }
    requests
}

fn saved_note(sums: &Counters, theme: &Theme) -> Line {
    match sums.saved.pico() {
        0 if sums.prompt() == 0 => Vec::new(),
        0 => one("nothing saved", theme.style(Role::Dim)),
        1.. => one(format!("saved {}", text::dollars(sums.saved)), theme.style(Role::Good)),
        _ => one(format!("caching cost {}", text::dollars(-sums.saved)), theme.style(Role::Warn)),
    }
}

/// The daily budget that is kept for one sum: best the one that counts all that TODAY counts.
pub(super) fn day_budget(snapshot: &Snapshot) -> Option<(&BudgetStatus, bool)> {
    let today = snapshot.view.today_all.cost();
    let mut daily = snapshot.budgets.iter().filter(|budget| budget.key.is_none() && budget.per == Some(Period::Day));
    let first = daily.clone().next()?;
    Some(daily.find(|budget| budget.spent == today).map_or((first, false), |budget| (budget, true)))
}

/// `1 request`, `1,204 requests`.
fn counted(requests: i64) -> String {
    let word = if requests == 1 { "request" } else { "requests" };
    format!("{} {word}", text::grouped(i128::from(requests)))
}

fn mark(budget: &BudgetStatus) -> (&'static str, Role) {
    match budget.state {
        BudgetState::Ok => ("", Role::Dim),
        BudgetState::Warned => ("◆ ", Role::Warn),
        BudgetState::Exceeded => ("▲ ", Role::Alarm),
    }
}

/// `69 % of $600`; with its name where the budget counts something else than the figure above.
fn today_note(snapshot: &Snapshot, theme: &Theme) -> Line {
    let Some((budget, same)) = day_budget(snapshot) else {
        return one(counted(snapshot.view.today.requests), theme.style(Role::Dim));
    };
    let share = text::percent(budget.share());
    let limit = whole(budget.limit);
    let name = if same { String::new() } else { format!("{} ", text::fit(budget.name.as_str(), 8)) };
    let (mark, role) = mark(budget);
    one(format!("{mark}{name}{share} % of {limit}"), theme.style(role))
}

/// What is known to have been spent; `~` where some of it has no price, `≈` where a subscription pays for some: list price.
pub(super) fn spent(sums: &Counters) -> String {
    let unpriced = if sums.unpriced_requests > 0 { " ~" } else { "" };
    format!("{}{}{unpriced}", at_list_price(sums), text::dollars(sums.cost()))
}

/// The sign before money of which a part is what a subscription pays: what it would have been at list price.
pub(super) fn at_list_price(sums: &Counters) -> &'static str {
    if sums.subscription == Money::ZERO { "" } else { "≈" }
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
    let parts = match scene.state.visit.page {
        Page::Request => request::parts(scene),
        _ => parts(scene),
    };
    let mut x = place.x + 1;
    for (label, value) in &parts {
        let width = text::width(label) + 1 + text::width(value);
        if usize::from(place.right().saturating_sub(x)) < width {
            break;
        }
        x = canvas.pieces(x, place.y, width as u16, &[(label, dim), (" ", dim), (value, figure)]) + 3;
    }
}

fn parts(scene: Scene<'_>) -> Vec<(&'static str, String)> {
    let view = &scene.snapshot.view;
    let known = |text: String| if scene.is_known() { text } else { UNKNOWN.to_owned() };
    let hit = view.window.cache_hit_ratio().map_or_else(|| UNKNOWN.to_owned(), |hit| format!("{:.1}%", hit * 100.0));
    let p95 = view.spread.p95.map_or_else(|| UNKNOWN.to_owned(), |cost| text::dollars(cost.into()));
    vec![
        ("BURN 5m", known(format!("{}{}/h", at_list_price(&view.window), text::dollars(view.burn)))),
        (scene.window(), known(spent(&view.window))),
        ("TODAY", known(spent(&view.today))),
        ("HIT", known(hit)),
        ("P95", known(p95)),
    ]
}
