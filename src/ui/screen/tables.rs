//! The two tables, whatever their rows are: what is theirs alone; rows, badges and selection are common.

mod row;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Scene;
use super::kpis::at_list_price;
use crate::engine::counters::Counters;
use crate::engine::view::{By, GroupRow, SortKey, Table};
use crate::money::Money;
use crate::time::Zone;
use crate::ui::action::Action;
use crate::ui::canvas::Canvas;
use crate::ui::layout::Panel;
use crate::ui::state::TableVisit;
use crate::ui::text::{self, UNKNOWN};
use crate::ui::theme::Role;
use crate::ui::widget::bar;
use crate::ui::widget::columns::{Column, arrange};
use row::{Cells, begin, heading, is_unpriced, title};
pub(super) use row::{chip, plural, short_model};

/// Cells of the marker and badge before a name.
const BEFORE_NAME: u16 = 3;

/// ```text
///    MODEL               $ 15m  SHARE       $/h  TREND     TOKENS   HIT    P95
///  ▸ claude-opus-4-8      7.86  ━━━━━──    38.9  ▄▄▃▇▃▆█▄    1.2M   84%  $0.41
/// ```
pub(super) fn wide(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect, at: usize) {
    let (table, visit) = (&scene.snapshot.view.tables[at], &scene.state.visit.tables[at]);
    let shown = shown(scene, table, visit, scene.layout.rows(Panel::Left));
    let Some(inside) = title(canvas, scene, place, Panel::Left, table, visit, shown.len()) else { return };
    let share_width = if inside.width >= 100 { 18 } else { 10 };
    let columns = [
        Column { width: 9, rank: 0 },
        Column { width: share_width, rank: 3 },
        Column { width: 6, rank: 1 },
        Column { width: 10, rank: 6 },
        Column { width: 7, rank: 5 },
        Column { width: 6, rank: 2 },
        Column { width: 7, rank: 4 },
    ];
    let (name_width, is_shown) = arrange(inside.width - BEFORE_NAME - 1, 12, columns);
    let mut cells = Cells::new(Panel::Left, inside, BEFORE_NAME, name_width);
    let window = format!("$ {}", scene.window());
    let labels = [
        (window.as_str(), Some(SortKey::Cost)),
        ("SHARE", None),
        ("$/h", Some(SortKey::Burn)),
        ("TREND", None),
        ("TOKENS", Some(SortKey::Tokens)),
        ("HIT", Some(SortKey::Hit)),
        ("P95", None),
    ];
    let name = visit.by.name().to_uppercase();
    heading(canvas, &cells, visit.sort, (&name, &[1, 3]), columns, is_shown, labels);
    let marked = scene.focused(Panel::Left).then(|| visit.cursor.place(&TableVisit::at_hand(table))).flatten();
    for (place_in_order, group) in &shown {
        cells.next_row();
        canvas.targets.add(cells.row(), Action::Select(Panel::Left, *place_in_order));
        let selected = marked == Some(*place_in_order);
        let named = begin(canvas, scene, &cells, group, visit, selected);
        let series = series(canvas, scene, visit.by, group);
        let sums = &group.sums;
        let unpriced = is_unpriced(sums);
        let mut ends = cells.ends(columns, is_shown);
        ends.at(0, |x| amount(canvas, x, cells.y, sums));
        ends.at(1, |end| {
            let all = table.sums.cost();
            let part = if all.pico() > 0 { sums.cost().to_f64() / all.to_f64() } else { 0.0 };
            let width = share_width - 2;
            bar::thin(canvas, end - width, cells.y, width, if unpriced { 0.0 } else { part }, None, series);
        });
        ends.at(2, |x| burn(canvas, x, cells.y, (!unpriced).then_some(group.burn)));
        ends.at(3, |end| bar::trend(canvas, end - 8, cells.y, &group.trend, series));
        ends.at(4, |x| tokens(canvas, x, cells.y, sums));
        ends.at(5, |x| hit(canvas, x, cells.y, sums, named));
        ends.at(6, |x| {
            let p95 = group.p95.filter(|_| !unpriced);
            let p95 = p95.map_or_else(|| UNKNOWN.to_owned(), |cost| text::per_request(cost.into()));
            canvas.role_right(x, cells.y, 7, &p95, Role::Dim);
        });
        if selected {
            canvas.paint(cells.row(), canvas.theme.style(Role::Selected));
        }
    }
    cells.next_row();
    if cells.y < inside.bottom() && !shown.is_empty() {
        let partly = table.sums.unpriced_requests > 0;
        canvas.role(cells.name(), cells.y, name_width, if partly { "total ~" } else { "total" }, Role::Dim);
        let mut ends = cells.ends(columns, is_shown);
        ends.at(0, |x| amount(canvas, x, cells.y, &table.sums));
        ends.at(2, |x| burn(canvas, x, cells.y, Some(table.burn)));
        ends.at(4, |x| tokens(canvas, x, cells.y, &table.sums));
        ends.at(5, |x| hit(canvas, x, cells.y, &table.sums, Style::new()));
    }
    if shown.is_empty() {
        row::empty(canvas, scene, inside, table, visit);
    }
}

/// What stands in the third column of the narrow table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Third {
    MostOn,
    Trend,
    Last,
}

impl Third {
    fn of(by: By) -> Third {
        match by {
            By::MODEL => Third::Trend,
            By::Session => Third::Last,
            By::Dimension(_) => Third::MostOn,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Third::MostOn => "MOST ON",
            Third::Trend => "TREND",
            Third::Last => "LAST",
        }
    }
}

/// ```text
///    USER           $ 15m    $/h  MOST ON
///  ▲ ci-evals        6.94   37.2  opus-4-8
/// ```
pub(super) fn narrow(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect, at: usize) {
    let (table, visit) = (&scene.snapshot.view.tables[at], &scene.state.visit.tables[at]);
    let shown = shown(scene, table, visit, scene.layout.rows(Panel::Right));
    let Some(inside) = title(canvas, scene, place, Panel::Right, table, visit, shown.len()) else { return };
    let third = Third::of(visit.by);
    let wide = if inside.width >= 56 { 19 } else { 10 };
    let columns = [
        Column { width: 8, rank: 0 },
        Column { width: 6, rank: 1 },
        Column { width: wide, rank: 2 },
        Column { width: if inside.width >= 50 { 8 } else { 90 }, rank: 4 },
        Column { width: if inside.width >= 50 { 6 } else { 90 }, rank: 3 },
    ];
    let pad = u16::from(inside.width >= 50);
    let (name_width, is_shown) = arrange(inside.width - BEFORE_NAME - pad, 11, columns);
    let mut cells = Cells::new(Panel::Right, inside, BEFORE_NAME, name_width);
    let window = format!("$ {}", scene.window());
    let labels = [
        (window.as_str(), Some(SortKey::Cost)),
        ("$/h", Some(SortKey::Burn)),
        (third.label(), None),
        ("TOKENS", Some(SortKey::Tokens)),
        ("HIT", Some(SortKey::Hit)),
    ];
    let name = visit.by.name().to_uppercase();
    heading(canvas, &cells, visit.sort, (&name, &[2]), columns, is_shown, labels);
    let marked = scene.focused(Panel::Right).then(|| visit.cursor.place(&TableVisit::at_hand(table))).flatten();
    let (mut rest, mut rest_burn, mut nameless_shown) = (table.sums, table.burn, false);
    for (place_in_order, group) in &shown {
        cells.next_row();
        canvas.targets.add(cells.row(), Action::Select(Panel::Right, *place_in_order));
        rest.add(&group.sums, -1);
        rest_burn -= group.burn;
        nameless_shown |= group.name.is_none();
        let selected = marked == Some(*place_in_order);
        let named = begin(canvas, scene, &cells, group, visit, selected);
        let series = series(canvas, scene, visit.by, group);
        let mut ends = cells.ends(columns, is_shown);
        ends.at(0, |x| amount(canvas, x, cells.y, &group.sums));
        ends.at(1, |x| burn(canvas, x, cells.y, (!is_unpriced(&group.sums)).then_some(group.burn)));
        ends.at(2, |end| {
            let (x, room) = (end - wide + 1, wide - 1);
            if third == Third::Trend {
                bar::trend(canvas, x, cells.y, &group.trend, series);
            } else {
                canvas.role(x, cells.y, room, &third_text(third, group, scene.snapshot.zone, room), Role::Dim);
            }
        });
        ends.at(3, |x| tokens(canvas, x, cells.y, &group.sums));
        ends.at(4, |x| hit(canvas, x, cells.y, &group.sums, named));
        if selected {
            canvas.paint(cells.row(), canvas.theme.style(Role::Selected));
        }
    }
    if shown.is_empty() {
        row::empty(canvas, scene, inside, table, visit);
        return;
    }
    // What is not in sight, then what nobody owns: with the rows above they are the total.
    let nameless = &table.nameless;
    let nameless_apart = !nameless_shown && !nameless.is_zero() && visit.filter.is_empty();
    let more = table.groups.saturating_sub(shown.len() + usize::from(nameless_apart));
    if nameless_apart {
        rest.add(nameless, -1);
    }
    if more > 0 {
        cells.next_row();
        canvas.role(cells.name(), cells.y, name_width, &format!("+{} more", text::grouped(more as i128)), Role::Dim);
        let mut ends = cells.ends(columns, is_shown);
        ends.at(0, |x| amount(canvas, x, cells.y, &rest));
        // The burn of those without a name is not known apart from the others'.
        ends.at(1, |x| burn(canvas, x, cells.y, (!nameless_apart).then_some(rest_burn)));
    }
    cells.next_row();
    let owned = visit.by == By::USER && visit.filter.is_empty();
    if (nameless_apart || owned && !nameless_shown) && cells.y < inside.bottom() {
        canvas.role(cells.name(), cells.y, name_width, row::nobody(visit.by), Role::Dim);
        let mut ends = cells.ends(columns, is_shown);
        ends.at(0, |x| amount(canvas, x, cells.y, nameless));
        ends.at(2, |end| {
            canvas.role(end - wide + 1, cells.y, wide - 1, &row::share_of(nameless, &table.sums), Role::Dim);
        });
    }
}

fn third_text(third: Third, group: &GroupRow, zone: Zone, room: u16) -> String {
    let known = match third {
        Third::Last => group.last.map(|last| zone.format(last, "%H:%M:%S")),
        Third::MostOn | Third::Trend => {
            group.most_on.as_ref().map(|model| short_model(model.as_str(), room).to_owned())
        }
    };
    known.unwrap_or_else(|| UNKNOWN.to_owned())
}

/// A model has its colour everywhere; other rows share one.
fn series(canvas: &Canvas<'_>, scene: Scene<'_>, by: By, group: &GroupRow) -> Style {
    canvas.theme.series(if by == By::MODEL { scene.state.series_of(group.id) } else { 0 })
}

/// Rows in sight with their places, from those the engine sent; none while another table is on its way.
fn shown<'a>(scene: Scene<'_>, table: &'a Table, visit: &TableVisit, rows: usize) -> Vec<(usize, &'a GroupRow)> {
    if !scene.is_known() || table.by != visit.by {
        return Vec::new();
    }
    let offset = visit.cursor.offset.min(table.groups.saturating_sub(1));
    let at_hand = table.offset..table.offset + table.rows.len();
    // Rows further on are on their way: what is at hand is shown until they come.
    let from = if at_hand.contains(&offset) { offset } else { table.offset };
    table
        .rows
        .iter()
        .enumerate()
        .map(|(at, row)| (table.offset + at, row))
        .skip(from - table.offset)
        .take(rows)
        .collect()
}

fn amount(canvas: &mut Canvas<'_>, end: u16, y: u16, sums: &Counters) {
    if is_unpriced(sums) {
        canvas.role_right(end, y, 9, "unpriced", Role::Warn);
    } else {
        let sign = at_list_price(sums);
        let amount = format!("{sign}{}", text::amount(sums.cost(), 9 - text::width(sign)));
        canvas.put_right(end, y, 9, &amount, canvas.theme.figure());
    }
}

fn burn(canvas: &mut Canvas<'_>, end: u16, y: u16, burn: Option<Money>) {
    let text = burn.map_or_else(|| UNKNOWN.to_owned(), |burn| text::per_hour(burn, 6));
    canvas.role_right(end, y, 6, &text, Role::Text);
}

fn tokens(canvas: &mut Canvas<'_>, end: u16, y: u16, sums: &Counters) {
    canvas.role_right(end, y, 7, &text::count(sums.tokens()), Role::Text);
}

/// The cache hit ratio; a low one on a big prompt is worth a look, a high one is good.
fn hit(canvas: &mut Canvas<'_>, end: u16, y: u16, sums: &Counters, fallback: Style) {
    let Some(ratio) = sums.cache_hit_ratio() else {
        canvas.role_right(end, y, 5, UNKNOWN, Role::Dim);
        return;
    };
    let text = format!("{}%", text::percent(ratio));
    let style = if ratio >= 0.7 { canvas.theme.style(Role::Good) } else { fallback };
    canvas.put_right(end, y, 5, &text, style);
}
