//! Costs as logs report them against the table's, by model and provider, and the selected one in full:
//! ```text
//!   MODEL            PROVIDER    DRIFT       %  DRIFTING  REPORTED     TABLE  LOOKS LIKE
//! ▸ ◆ claude-opus-5  anthropic   −1.20  −50.0%  12 of 14      1.23      2.43  batch rate
//! ```

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::Scene;
use crate::engine::drift::{Cause, DriftRow, Finding};
use crate::label::Label;
use crate::money::Money;
use crate::output::drift::likely;
use crate::time::Timestamp;
use crate::ui::action::Action;
use crate::ui::canvas::Canvas;
use crate::ui::layout::Panel;
use crate::ui::state;
use crate::ui::text::{self, UNKNOWN};
use crate::ui::theme::Role;
use crate::ui::widget::columns::{Column, arrange};
use crate::ui::widget::panel;

/// Cells of the marker and the sign before a name.
const BEFORE_NAME: u16 = 4;
/// Column widths with the gap before them; the name takes what is left.
const COLUMNS: [Column; 7] = [
    Column { width: 14, rank: 4 },
    Column { width: 10, rank: 0 },
    Column { width: 9, rank: 1 },
    Column { width: 16, rank: 3 },
    Column { width: 11, rank: 5 },
    Column { width: 11, rank: 6 },
    Column { width: 20, rank: 2 },
];
const LABELS: [&str; 7] = ["PROVIDER", "DRIFT", "%", "DRIFTING", "REPORTED", "TABLE", "LOOKS LIKE"];
const PROVIDER: usize = 0;
const LIKE: usize = 6;

pub(super) fn list(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect) {
    let theme = canvas.theme;
    let rows = state::drifting(scene.snapshot);
    let found = rows.iter().filter(|row| row.finding.is_some()).count();
    let right = format!("{found} of {} drift · {}", rows.len(), scene.window());
    let title = [
        ("drift", theme.style(Role::Title).add_modifier(Modifier::BOLD)),
        ("  reported against computed costs", theme.style(Role::Dim)),
    ];
    let right = [(right.as_str(), theme.style(Role::Dim))];
    let inside = panel::panel(canvas, place, &title, &right, scene.focused(Panel::Drift));
    if inside.width < 24 || inside.height < 2 {
        return;
    }
    if rows.is_empty() {
        canvas.role(inside.x + 3, inside.y + 1, inside.width - 4, nothing(scene), Role::Dim);
        return;
    }
    let (name_width, shown) = arrange(inside.width - BEFORE_NAME - 1, 16, COLUMNS);
    let mut ends = [None; 7];
    let mut x = inside.x + BEFORE_NAME + name_width;
    canvas.role(inside.x + BEFORE_NAME, inside.y, name_width, "MODEL", Role::Dim);
    for (at, column) in COLUMNS.iter().enumerate().filter(|(at, _)| shown[*at]) {
        x += column.width;
        ends[at] = Some(x);
        if at == PROVIDER || at == LIKE {
            canvas.role(x - column.width + 2, inside.y, column.width - 2, LABELS[at], Role::Dim);
        } else {
            canvas.role_right(x, inside.y, column.width - 1, LABELS[at], Role::Dim);
        }
    }
    let cursor = &scene.state.visit.drift;
    let marked = cursor.place(&state::AtHand::whole(rows.iter().map(state::drift_id).collect()));
    let in_sight = scene.layout.rows(Panel::Drift);
    let first = cursor.offset.min(rows.len().saturating_sub(in_sight));
    for (line, (at, row)) in rows.iter().enumerate().skip(first).take(in_sight).enumerate() {
        let y = inside.y + 1 + line as u16;
        let area = Rect { y, height: 1, ..inside };
        canvas.targets.add(area, Action::Select(Panel::Drift, at));
        one(canvas, (inside.x, y), name_width, row, &ends);
        if marked == Some(at) {
            canvas.role(inside.x, y, 1, "▸", Role::Accent);
            canvas.paint(area, theme.style(Role::Selected));
        }
    }
}

/// What is said instead of rows.
fn nothing(scene: Scene<'_>) -> &'static str {
    match &scene.snapshot.view.drift {
        Some(drift) if drift.is_known => "no request of this window has both a reported and a computed cost",
        _ => scene.waiting(),
    }
}

fn one(canvas: &mut Canvas<'_>, (x, y): (u16, u16), name_width: u16, row: &DriftRow, ends: &[Option<u16>; 7]) {
    let finding = row.finding.as_ref();
    let (sign, role) = if finding.is_some() { ("◆", Role::Warn) } else { ("○", Role::Good) };
    canvas.role(x + 2, y, 1, sign, role);
    canvas.role(x + BEFORE_NAME, y, name_width, named(row.model.as_ref()), Role::Text);
    let difference = row.reported - row.computed;
    let drifting = finding.map_or(0, |finding| finding.requests);
    let count = |count: u64| text::grouped(i128::from(count));
    let cells = [
        (named(row.provider.as_ref()).to_owned(), Role::Text),
        (signed(difference, 8), role),
        (part(difference, row.computed), role),
        (format!("{} of {}", count(drifting), count(row.compared)), Role::Text),
        (text::amount(row.reported, 9), Role::Text),
        (text::amount(row.computed, 9), Role::Text),
        (finding.map_or_else(|| "the same".to_owned(), |finding| like(&finding.cause)), role),
    ];
    for (at, (words, role)) in cells.iter().enumerate() {
        let (Some(end), width) = (ends[at], COLUMNS[at].width) else { continue };
        if at == PROVIDER || at == LIKE {
            canvas.role(end - width + 2, y, width - 2, words, *role);
        } else {
            canvas.role_right(end, y, width - 1, words, *role);
        }
    }
}

fn named(label: Option<&Label>) -> &str {
    label.map_or("(none)", |label| label.as_str())
}

/// The cause in a few words.
fn like(cause: &Cause) -> String {
    cause.name().replace('_', " ")
}

/// With its sign: `+1.20`, `−0.03`.
fn signed(money: Money, room: usize) -> String {
    match money.pico() {
        0 => "0".to_owned(),
        1.. => format!("+{}", text::amount(money, room)),
        _ => format!("−{}", text::amount(-money, room)),
    }
}

/// `+4.2%` of the table's cost.
fn part(difference: Money, computed: Money) -> String {
    if computed.pico() <= 0 {
        return UNKNOWN.to_owned();
    }
    let percent = difference.to_f64() / computed.to_f64() * 100.0;
    // Less than can be shown is none.
    if percent.abs() < 0.05 { "0.0%".to_owned() } else { format!("{percent:+.1}%").replace('-', "−") }
}

/// One line each, on the smallest screens.
pub(super) fn tiny(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect) {
    let rows = state::drifting(scene.snapshot);
    if rows.is_empty() && place.height > 0 {
        canvas.role(place.x, place.y, place.width, nothing(scene), Role::Dim);
    }
    for (row, y) in rows.iter().zip(place.top()..place.bottom()) {
        let difference = row.reported - row.computed;
        let role = if row.finding.is_some() { Role::Warn } else { Role::Good };
        let end = canvas.role_right(place.right(), y, 10, &signed(difference, 8), role);
        canvas.role(place.x, y, end.saturating_sub(place.x + 1), named(row.model.as_ref()), Role::Text);
    }
}

/// The selected model in full, and what each provider comes to.
pub(super) fn detail(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect) {
    let theme = canvas.theme;
    let rows = state::drifting(scene.snapshot);
    let at = scene.state.visit.drift.row(&state::AtHand::whole(rows.iter().map(state::drift_id).collect()));
    let row = at.and_then(|at| rows.get(at));
    let title =
        [("finding ", theme.style(Role::Title)), (row.map_or("", |row| named(row.model.as_ref())), theme.figure())];
    let hint = if row.is_some() && scene.state.opens(scene.snapshot) { "⏎ opens the model" } else { "" };
    let inside = panel::panel(canvas, place, &title, &[(hint, theme.style(Role::Dim))], false);
    let Some(row) = row.filter(|_| inside.width >= 20) else { return };
    let (x, width) = (inside.x + 1, inside.width - 2);
    let mut lines: Vec<(String, Role)> = match &row.finding {
        Some(finding) => told(scene, row, finding),
        None => vec![("every reported cost is the table's, rounding aside".to_owned(), Role::Good)],
    };
    lines.push((providers(rows), Role::Dim));
    let wrapped = lines
        .iter()
        .flat_map(|(words, role)| text::wrap(words, usize::from(width)).into_iter().map(move |line| (line, *role)));
    for ((line, role), y) in wrapped.zip(inside.top()..inside.bottom()) {
        canvas.role(x, y, width, &line, role);
    }
}

fn told(scene: Scene<'_>, row: &DriftRow, finding: &Finding) -> Vec<(String, Role)> {
    let zone = scene.snapshot.zone;
    let moment = |at: Timestamp| zone.format(at, "%d %b %H:%M");
    let count = |count: u64| text::grouped(i128::from(count));
    vec![
        (
            format!(
                "{} of {} requests with both costs report another one than the table, since {}, last {}",
                count(finding.requests),
                count(row.compared),
                moment(finding.since),
                moment(finding.last)
            ),
            Role::Text,
        ),
        (
            format!(
                "reported {} · the table {} · drift {}{}",
                text::dollars(row.reported),
                text::dollars(row.computed),
                if finding.drift.pico() > 0 { "+" } else { "" },
                text::dollars(finding.drift)
            ),
            Role::Warn,
        ),
        (format!("looks like {}", likely(&finding.cause)), Role::Text),
    ]
}

/// `by provider: anthropic −50.0% · openai 0.0%`.
fn providers(rows: &[DriftRow]) -> String {
    let mut sums: Vec<(&str, Money, Money)> = Vec::new();
    for row in rows {
        let name = named(row.provider.as_ref());
        match sums.iter_mut().find(|(other, ..)| *other == name) {
            Some((_, reported, computed)) => {
                *reported += row.reported;
                *computed += row.computed;
            }
            None => sums.push((name, row.reported, row.computed)),
        }
    }
    let each = sums.iter().map(|(name, reported, computed)| {
        let difference = *reported - *computed;
        format!("{name} {} ({})", signed(difference, 8), part(difference, *computed))
    });
    format!("by provider: {}", each.collect::<Vec<_>>().join(" · "))
}
