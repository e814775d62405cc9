//! Budgets, two rows each:
//! ```text
//! everything · day       $412.60 / $600
//! ━━━━━━━━━━━━━┼━─────    69 %  on pace
//! ```

use ratatui::layout::Rect;

use super::Scene;
use super::kpis::whole;
use crate::alarm::{BudgetState, BudgetStatus};
use crate::time::Timestamp;
use crate::ui::action::Action;
use crate::ui::canvas::Canvas;
use crate::ui::layout::{Page, Panel};
use crate::ui::state::{self, AtHand};
use crate::ui::text;
use crate::ui::theme::Role;
use crate::ui::widget::{bar, panel};

/// A budget this far ahead of its period is worth a look; less is the day's rhythm.
const AHEAD: f64 = 0.05;

pub(super) fn draw(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect) {
    let budgets = state::budgets(scene.state, scene.snapshot, scene.layout);
    let fit = scene.layout.rows(Panel::Budgets);
    let shown = budgets.len().min(fit);
    let theme = canvas.theme;
    let count = match (budgets.len(), shown) {
        (0, _) => String::new(),
        (all, shown) if all == shown => format!("{all}"),
        (all, shown) => format!("{shown} of {all}"),
    };
    let right = [(count.as_str(), theme.style(Role::Dim))];
    let title = [("budgets", theme.style(Role::Title))];
    let inside = panel::panel(canvas, place, &title, &right, scene.focused(Panel::Budgets));
    if inside.width < 12 {
        return;
    }
    let (x, width) = (inside.x + 1, inside.width - 2);
    if budgets.is_empty() {
        let words = match (scene.is_known(), scene.state.visit.page) {
            (true, Page::Overview) => "no budget yet: costtop config init",
            (true, _) => "no budget is kept for it",
            (false, _) => scene.waiting(),
        };
        canvas.role(x, inside.y, width, words, Role::Dim);
        return;
    }
    let cursor = &scene.state.visit.budgets;
    let first = cursor.offset.min(budgets.len().saturating_sub(fit));
    let ids = budgets.iter().map(|budget| state::budget_id(budget)).collect();
    let marked = cursor.place(&AtHand::whole(ids)).filter(|_| scene.focused(Panel::Budgets));
    let mut y = inside.y;
    for (at, budget) in budgets.iter().enumerate().skip(first).take(fit) {
        let both = Rect { y, height: 2, ..inside }.intersection(inside);
        canvas.targets.add(both, Action::Select(Panel::Budgets, at));
        one(canvas, scene.snapshot.now, budget, Rect { x, y, width, height: 2 });
        if marked == Some(at) {
            canvas.role(inside.x, y, 1, "▸", Role::Accent);
            canvas.paint(Rect { y, height: 1, ..inside }, canvas.theme.style(Role::Selected));
        }
        y += 2;
    }
    if y < inside.bottom() && budgets.iter().any(|budget| budget.period_end.is_some()) {
        let theme = canvas.theme;
        let pieces = [("┼", theme.figure()), (" where the period should be by now", theme.style(Role::Dim))];
        canvas.pieces(x, y, width, &pieces);
    }
}

fn name(budget: &BudgetStatus) -> String {
    let period = budget.per.map_or("session", crate::time::Period::name);
    match &budget.key {
        Some(key) => format!("{} · {period} · {}", text::fit(key.as_str(), 24), budget.name),
        None => format!("{} · {period}", budget.name),
    }
}

/// The share of the period that is over.
fn elapsed(budget: &BudgetStatus, now: Timestamp) -> Option<f64> {
    let (start, end) = (budget.period_start.ms(), budget.period_end?.ms());
    (end > start).then(|| ((now.ms() - start) as f64 / (end - start) as f64).clamp(0.0, 1.0))
}

/// How it stands, in a glyph, words and a role.
fn standing(budget: &BudgetStatus, now: Timestamp) -> (String, Role) {
    let left = budget.limit - budget.spent;
    match budget.state {
        BudgetState::Exceeded if left.pico() < 0 => (format!("▲ over {}", short(-left)), Role::Alarm),
        BudgetState::Exceeded => ("▲ over".to_owned(), Role::Alarm),
        BudgetState::Warned => (format!("◆ {} left", short(left)), Role::Warn),
        BudgetState::Ok => match elapsed(budget, now).map(|elapsed| budget.share() - elapsed) {
            Some(ahead) if ahead > AHEAD => (format!("● pace +{}%", text::percent(ahead)), Role::Warn),
            Some(_) if budget.share() < 0.5 => ("on pace".to_owned(), Role::Good),
            Some(_) | None => (format!("{} left", short(left)), Role::Good),
        },
    }
}

/// What was spent, with a sign where that is a lower bound.
pub(super) fn known(budget: &BudgetStatus) -> String {
    format!("{}{}", if budget.is_lower_bound { "≥" } else { "" }, text::dollars(budget.spent))
}

/// Dollars in at most seven columns.
fn short(money: crate::money::Money) -> String {
    let text = whole(money);
    if text.len() <= 7 { text } else { format!("${}", text::amount(money, 6)) }
}

fn one(canvas: &mut Canvas<'_>, now: Timestamp, budget: &BudgetStatus, place: Rect) {
    let theme = canvas.theme;
    let (words, role) = standing(budget, now);
    let (spent, limit) = (known(budget), format!(" / {}", whole(budget.limit)));
    let pieces = [(spent.as_str(), theme.figure()), (limit.as_str(), theme.style(Role::Dim))];
    let start = canvas.pieces_right(place.right(), place.y, place.width, &pieces);
    canvas.role(place.x, place.y, (start - place.x).saturating_sub(1), &name(budget), Role::Text);
    track(canvas, now, budget, Rect { y: place.y + 1, height: 1, ..place }, (&words, role));
}

/// Bar, percent and words in one row.
fn track(canvas: &mut Canvas<'_>, now: Timestamp, budget: &BudgetStatus, place: Rect, (words, role): (&str, Role)) {
    let style = canvas.theme.style(role);
    let word_room = if place.width >= 36 { 14 } else { (text::width(words) as u16).min(place.width / 2) };
    let bar_width = place.width.saturating_sub(word_room + 7);
    bar::thin(canvas, place.x, place.y, bar_width, budget.share(), elapsed(budget, now), style);
    let percent = format!("{} %", text::percent(budget.share()));
    canvas.role_right(place.x + bar_width + 6, place.y, 6, &percent, Role::Text);
    let calm = budget.state == BudgetState::Ok && role == Role::Good;
    let style = if calm { canvas.theme.style(Role::Dim) } else { style };
    canvas.put_right(place.right(), place.y, word_room, words, style);
}

/// The most pressing budget in one row, where there is no panel.
pub(super) fn line(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect) {
    if place.height == 0 || place.width < 30 {
        return;
    }
    let (x, width) = (place.x + 1, place.width - 2);
    let worst = state::budgets(scene.state, scene.snapshot, scene.layout).into_iter().max_by(|a, b| {
        a.state
            .cmp(&b.state)
            .then_with(|| a.key.is_none().cmp(&b.key.is_none()))
            .then_with(|| a.share().total_cmp(&b.share()))
    });
    let Some(budget) = worst else {
        canvas.role(x, place.y, width, if scene.state.arrived { "no budget" } else { "" }, Role::Dim);
        return;
    };
    let theme = canvas.theme;
    let now = scene.snapshot.now;
    let (words, role) = standing(budget, now);
    let after = canvas.role(x, place.y, width / 4, &name(budget), Role::Text) + 1;
    let (spent, limit) = (known(budget), format!(" / {}", whole(budget.limit)));
    let room = place.right().saturating_sub(1 + after);
    let pieces = [(spent.as_str(), theme.figure()), (limit.as_str(), theme.style(Role::Dim))];
    let money = canvas.pieces_right(place.right() - 1, place.y, room / 2, &pieces);
    let rest = Rect { x: after, y: place.y, width: money.saturating_sub(after + 2), height: 1 };
    track(canvas, now, budget, rest, (&words, role));
}

/// Name, bar and percent for the smallest screens.
pub(super) fn tiny(canvas: &mut Canvas<'_>, scene: Scene<'_>, budget: &BudgetStatus, place: Rect) {
    let (_, role) = standing(budget, scene.snapshot.now);
    let percent = format!("{} %", text::percent(budget.share()));
    let style = canvas.theme.style(role);
    let mark = match budget.state {
        BudgetState::Ok => "",
        BudgetState::Warned => "◆ ",
        BudgetState::Exceeded => "▲ ",
    };
    let end = canvas.put_right(place.right(), place.y, place.width, &format!("{mark}{percent}"), style);
    let after = canvas.role(place.x, place.y, (place.width / 2).min(end - place.x), &name(budget), Role::Text) + 1;
    let width = end.saturating_sub(after + 1);
    bar::thin(canvas, after, place.y, width, budget.share(), elapsed(budget, scene.snapshot.now), style);
}
