//! The smallest screens: a few lines, or one. What matters most comes first, what does not fit is left out whole.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::Scene;
use super::{alarms, budgets, drift, footer, kpis};
use crate::alarm::AlarmStatus;
use crate::engine::view::{End, LEFT};
use crate::source::SourceState;
use crate::ui::canvas::Canvas;
use crate::ui::layout::Page;
use crate::ui::text::{self, UNKNOWN};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::chart;

/// How the figures stand, in a glyph and a word.
fn standing(scene: Scene<'_>, theme: &Theme) -> (String, Style) {
    let Scene { state, snapshot, .. } = scene;
    let loud = snapshot.alarms.iter().filter(|alarm| alarm.is_loud()).count();
    let lost = snapshot.sources.iter().any(|source| matches!(source.state, SourceState::Lost(_)));
    let (word, role) = if state.visit.frozen.is_some() {
        ("❚❚ FROZEN".to_owned(), Role::Warn)
    } else if loud > 0 {
        (format!("▲ {loud} ALARM{}", if loud == 1 { "" } else { "S" }), Role::Alarm)
    } else if lost {
        ("▲ LOST".to_owned(), Role::Alarm)
    } else if !state.arrived {
        ("LOADING".to_owned(), Role::Accent)
    } else if let Some(part) = snapshot.progress {
        (format!("LOADING {} %", text::percent(part)), Role::Accent)
    } else if let End::At(end) = state.visit.end {
        (format!("PAST {}", snapshot.zone.format(end, "%e %b %H:%M").trim_start()), Role::Warn)
    } else if snapshot.view.as_of {
        (format!("AS OF {}", text::ago(state.now.ms() - snapshot.view.until.ms())), Role::Warn)
    } else {
        ("● LIVE".to_owned(), Role::Good)
    };
    (word, theme.style(role).add_modifier(Modifier::BOLD))
}

fn burn(scene: Scene<'_>) -> String {
    if scene.is_known() { format!("{}/h", text::dollars(scene.snapshot.view.burn)) } else { UNKNOWN.to_owned() }
}

/// `● $88.80/h · 69 % of day · today $412.60`: as much as fits.
pub(super) fn line(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let area = scene.layout.area;
    let theme = canvas.theme;
    let (word, style) = standing(scene, theme);
    let dim = theme.style(Role::Dim);
    let glyph: String = word.split(' ').next().unwrap_or("").to_owned();
    let alone = matches!(glyph.as_str(), "●" | "▲" | "❚❚");
    let short = if alone && area.width < 40 { glyph } else { word };
    let mut parts = vec![(format!("{short} "), style), (burn(scene), theme.figure())];
    let known = scene.is_known();
    if known && let Some((budget, _)) = kpis::day_budget(scene.snapshot) {
        parts.push((format!(" {}%", text::percent(budget.share())), theme.style(Role::Text)));
    }
    if known {
        parts.push((format!(" · today {}", kpis::spent(&scene.snapshot.view.today)), theme.style(Role::Text)));
        parts.push((format!(" · {} req/min", scene.snapshot.view.requests_per_minute), dim));
    }
    let mut x = area.x;
    for (at, (text, style)) in parts.iter().enumerate() {
        let room = area.right().saturating_sub(x);
        if at > 1 && text::width(text) > usize::from(room) {
            break;
        }
        x = canvas.put(x, area.y, room, text, *style);
    }
}

/// Up to nine lines; the list of models takes what is left.
pub(super) fn meter(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let area = scene.layout.area;
    let theme = canvas.theme;
    let (snapshot, view) = (scene.snapshot, &scene.snapshot.view);
    let (dim, figure) = (theme.style(Role::Title), theme.figure());
    let (x, width) = (area.x + u16::from(area.width > 20), area.width.saturating_sub(2 * u16::from(area.width > 20)));
    let row = |y: u16| Rect { x, y, width, height: 1 };
    let known = |text: String| if scene.is_known() { text } else { UNKNOWN.to_owned() };

    let (word, style) = standing(scene, theme);
    let clock = snapshot.zone.format(scene.state.now, "%H:%M:%S");
    let after = canvas.put(x, area.y, width, &word, style);
    if usize::from((x + width).saturating_sub(after)) > clock.len() {
        canvas.role_right(x + width, area.y, width, &clock, Role::Dim);
    }
    let loud = snapshot.alarms.iter().any(AlarmStatus::is_loud);
    if loud {
        canvas.paint(Rect { height: 1, ..area }, theme.style(Role::Alarm).add_modifier(Modifier::REVERSED));
    }
    let spent = known(kpis::spent(&view.window));
    let today = known(kpis::spent(&view.today));
    let burn = burn(scene);
    let crumb = match scene.state.visit.page {
        Page::Overview => String::new(),
        _ => format!("{} ", text::fit(&footer::crumb(&scene.state.visit, snapshot), usize::from(width / 2))),
    };
    match scene.open() {
        Some(open) => canvas.pieces(x, area.y + 1, width, &[(&crumb, dim), (&kpis::cost(&open.charge.row), figure)]),
        None => canvas.pieces(x, area.y + 1, width, &[(&crumb, figure), ("BURN 5m ", dim), (&burn, figure)]),
    };
    let mut y = area.y + 2;
    if y < area.bottom() {
        let label = format!("{} ", scene.window());
        let pieces = [(label.as_str(), dim), (&spent, figure), ("  ", dim), ("TODAY ", dim), (&today, figure)];
        canvas.pieces(x, y, width, &pieces);
        y += 1;
    }
    if y < area.bottom()
        && let Some((budget, _)) = kpis::day_budget(snapshot)
    {
        budgets::tiny(canvas, scene, budget, row(y));
        y += 1;
    }
    if area.bottom().saturating_sub(y) >= 3
        && !matches!(scene.state.visit.page, Page::Alarms | Page::Request | Page::Drift)
    {
        let rates = chart::rates(&view.chart, usize::from(width) * 2);
        let top = chart::scale(rates.iter().copied().fold(0.0, f64::max));
        chart::draw(canvas, Rect { height: 2, ..row(y) }, &rates, top, chart::mean(&view.chart));
        y += 2;
    }
    if scene.state.visit.page == Page::Alarms {
        alarms::tiny(canvas, scene, Rect { x, y, width, height: area.bottom().saturating_sub(y) });
        return;
    }
    if scene.state.visit.page == Page::Drift {
        drift::tiny(canvas, scene, Rect { x, y, width, height: area.bottom().saturating_sub(y) });
        return;
    }
    let table = &view.tables[LEFT];
    let first = scene.state.visit.tables[LEFT].cursor.offset.saturating_sub(table.offset);
    for group in table.rows.iter().skip(first).filter(|_| scene.is_known()) {
        if y >= area.bottom() {
            break;
        }
        let unpriced = group.sums.requests > 0 && group.sums.unpriced_requests >= group.sums.requests;
        let amount = if unpriced { "unpriced".to_owned() } else { text::amount(group.sums.cost(), 9) };
        let end =
            canvas.put_right(x + width, y, width, &amount, if unpriced { theme.style(Role::Warn) } else { figure });
        let name = group.name.as_ref().map_or("(none)", |name| name.as_str());
        canvas.role(x, y, end.saturating_sub(x + 1), name, Role::Text);
        y += 1;
    }
}
