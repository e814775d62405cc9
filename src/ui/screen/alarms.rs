//! All alarms, and the selected one in full:
//! ```text
//!   STATE         SINCE     WHAT          EXCESS  RULE       MESSAGE
//! ▸ ▲ firing      14:29:40  ci-evals       $1.77  each user  ci-evals passed $150.00 of its day
//! ```

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::Scene;
use crate::alarm::{AlarmState, AlarmStatus};
use crate::config::Severity;
use crate::label::clean;
use crate::money::Money;
use crate::time::Timestamp;
use crate::ui::action::Action;
use crate::ui::canvas::Canvas;
use crate::ui::layout::Panel;
use crate::ui::state;
use crate::ui::text::{self, UNKNOWN};
use crate::ui::theme::Role;
use crate::ui::widget::columns::{Column, arrange};
use crate::ui::widget::panel;

/// Column widths with the gap before the next one; the message takes what is left.
const COLUMNS: [Column; 7] = [
    Column { width: 16, rank: 0 },
    Column { width: 10, rank: 1 },
    Column { width: 18, rank: 2 },
    Column { width: 9, rank: 3 },
    Column { width: 10, rank: 4 },
    Column { width: 10, rank: 6 },
    Column { width: 16, rank: 5 },
];
const LABELS: [&str; 7] = ["STATE", "SINCE", "WHAT", "EXCESS", "SEVERITY", "CAUSE", "RULE"];
const EXCESS: usize = 3;

pub(super) fn list(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect) {
    let theme = canvas.theme;
    let alarms = state::alarms(scene.snapshot);
    let dim = theme.style(Role::Dim);
    let counts = counts(scene);
    let title = [("alarms", theme.style(Role::Title).add_modifier(Modifier::BOLD))];
    let inside = panel::panel(canvas, place, &title, &[(counts.as_str(), dim)], scene.focused(Panel::Alarms));
    if inside.width < 20 || inside.height < 2 {
        return;
    }
    if alarms.is_empty() {
        let words = if scene.state.arrived { "nothing has fired, and nothing did in the last day" } else { "loading" };
        canvas.role(inside.x + 3, inside.y + 1, inside.width - 4, words, Role::Dim);
        return;
    }
    let (_, shown) = arrange(inside.width - 3, if inside.width >= 100 { 40 } else { 30 }, COLUMNS);
    let mut x = inside.x + 2;
    let mut starts = [None; 7];
    for (at, column) in COLUMNS.iter().enumerate() {
        if shown[at] {
            starts[at] = Some(x);
            if at == EXCESS {
                canvas.role_right(x + column.width - 2, inside.y, column.width, LABELS[at], Role::Dim);
            } else {
                canvas.role(x, inside.y, column.width, LABELS[at], Role::Dim);
            }
            x += column.width;
        }
    }
    canvas.role(x, inside.y, inside.right().saturating_sub(x + 1), "MESSAGE", Role::Dim);
    let rows = scene.layout.rows(Panel::Alarms);
    let cursor = &scene.state.visit.alarms;
    let ids = state::AtHand::whole(alarms.iter().map(|alarm| alarm.incident.clone()).collect());
    let marked = cursor.place(&ids);
    let first = cursor.offset.min(alarms.len().saturating_sub(rows));
    for (line, (at, alarm)) in alarms.iter().enumerate().skip(first).take(rows).enumerate() {
        let row = Rect { y: inside.y + 1 + line as u16, height: 1, ..inside };
        canvas.targets.add(row, Action::Select(Panel::Alarms, at));
        one(canvas, scene, row, alarm, &starts, x);
        if marked == Some(at) {
            canvas.role(inside.x, row.y, 1, "▸", Role::Accent);
            canvas.paint(row, theme.style(Role::Selected));
        }
    }
}

/// In the order in which they matter.
const ORDER: [AlarmState; 6] = [
    AlarmState::Firing,
    AlarmState::Acknowledged,
    AlarmState::Snoozed,
    AlarmState::Pending,
    AlarmState::Recovering,
    AlarmState::Resolved,
];

/// `2 firing · 1 acknowledged`.
fn counts(scene: Scene<'_>) -> String {
    let count = |state: AlarmState| scene.snapshot.alarms_in(state);
    let told = ORDER.into_iter().filter(|state| count(*state) > 0);
    told.map(|state| format!("{} {}", count(state), state.name())).collect::<Vec<_>>().join(" · ")
}

/// How an alarm stands, in a glyph and a word.
fn standing(alarm: &AlarmStatus) -> (&'static str, Role) {
    match alarm.state {
        AlarmState::Firing if alarm.severity >= Severity::Page => ("▲", Role::Alarm),
        AlarmState::Firing => ("◆", Role::Warn),
        AlarmState::Pending => ("◇", Role::Warn),
        AlarmState::Acknowledged => ("●", Role::Text),
        AlarmState::Snoozed => ("◌", Role::Text),
        AlarmState::Recovering => ("◇", Role::Good),
        AlarmState::Resolved => ("○", Role::Good),
    }
}

fn what(alarm: &AlarmStatus) -> &str {
    alarm.key.as_ref().map_or(if alarm.scope == "global" { "everything" } else { UNKNOWN }, |key| key.as_str())
}

/// A clock today, else a date.
fn moment(scene: Scene<'_>, at: Timestamp) -> String {
    let zone = scene.snapshot.zone;
    let today = zone.date(at) == zone.date(scene.snapshot.now);
    zone.format(at, if today { "%H:%M:%S" } else { "%d %b %H:%M" })
}

/// In its column: without the clock where it was another day.
fn since(scene: Scene<'_>, alarm: &AlarmStatus) -> String {
    text::fit(&moment(scene, alarm.since), 8).trim_end_matches(['…', ' ']).to_owned()
}

/// How it stands and since when; of a snoozed one until when; who said so.
fn life(scene: Scene<'_>, alarm: &AlarmStatus) -> String {
    let (glyph, _) = standing(alarm);
    let until = alarm.until.map_or_else(String::new, |until| format!(" until {}", moment(scene, until)));
    let by = alarm.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    format!("{glyph} {}{by} since {}{until}", alarm.state.name(), moment(scene, alarm.since))
}

fn one(
    canvas: &mut Canvas<'_>,
    scene: Scene<'_>,
    row: Rect,
    alarm: &AlarmStatus,
    starts: &[Option<u16>; 7],
    message: u16,
) {
    let (glyph, role) = standing(alarm);
    let over = alarm.state == AlarmState::Resolved;
    let text_role = if over { Role::Dim } else { Role::Text };
    let excess = if alarm.excess == Money::ZERO { UNKNOWN.to_owned() } else { text::dollars(alarm.excess) };
    let values = [
        format!("{glyph} {}", alarm.state.name()),
        since(scene, alarm),
        what(alarm).to_owned(),
        excess,
        alarm.severity.name().to_owned(),
        alarm.cause.to_owned(),
        alarm.rule.as_str().to_owned(),
    ];
    for (at, value) in values.iter().enumerate() {
        let Some(x) = starts[at] else { continue };
        let room = COLUMNS[at].width - 2;
        match at {
            0 => canvas.role(x, row.y, room + 1, value, role),
            1 => canvas.role(x, row.y, room, value, Role::Dim),
            EXCESS => canvas.role_right(x + room, row.y, room, value, text_role),
            _ => canvas.role(x, row.y, room, value, text_role),
        };
    }
    canvas.role(message, row.y, row.right().saturating_sub(message + 1), &clean(&alarm.message), text_role);
}

/// One line each, on the smallest screens.
pub(super) fn tiny(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect) {
    for (alarm, y) in state::alarms(scene.snapshot).into_iter().zip(place.top()..place.bottom()) {
        let (glyph, role) = standing(alarm);
        canvas.role(place.x, y, 2, glyph, role);
        canvas.role(place.x + 2, y, place.width.saturating_sub(2), &clean(&alarm.message), Role::Text);
    }
}

/// The selected alarm, in full.
pub(super) fn detail(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect) {
    let theme = canvas.theme;
    let alarm = scene.state.selected_alarm(scene.snapshot);
    let name = alarm.map_or("", |alarm| alarm.rule.as_str());
    let title = [("alarm ", theme.style(Role::Title)), (name, theme.figure())];
    let opens = scene.state.opens(scene.snapshot).then(|| alarm.map(what)).flatten();
    let hint = opens.map_or_else(String::new, |what| format!("⏎ opens {}", text::fit(what, 24)));
    let inside = panel::panel(canvas, place, &title, &[(hint.as_str(), theme.style(Role::Dim))], false);
    let Some(alarm) = alarm else { return };
    if inside.width < 20 {
        return;
    }
    let (x, width) = (inside.x + 1, inside.width - 2);
    let mut y = inside.y;
    let (_, role) = standing(alarm);
    for sentence in text::wrap(&clean(&alarm.message), usize::from(width)) {
        if y < inside.bottom() {
            canvas.put(x, y, width, &sentence, theme.figure());
        }
        y += 1;
    }
    let about = format!("{} {}", alarm.scope, what(alarm));
    let money = if alarm.limit == Money::ZERO {
        text::dollars(alarm.spent)
    } else {
        format!("{} of {}", text::dollars(alarm.spent), text::dollars(alarm.limit))
    };
    let facts = [
        ("state", life(scene, alarm), role),
        ("severity", alarm.severity.name().to_owned(), Role::Text),
        ("about", about, Role::Text),
        ("cause", alarm.cause.to_owned(), Role::Text),
        ("spent", money, Role::Text),
        ("excess", text::dollars(alarm.excess), Role::Text),
        ("began", moment(scene, alarm.first), Role::Text),
        ("fired", if alarm.count == 1 { "once".to_owned() } else { format!("{} times", alarm.count) }, Role::Text),
    ];
    // Two columns: the facts of one alarm are few and short.
    let columns = if width >= 72 { 2 } else { 1 };
    let column = width / columns;
    for (at, (label, value, role)) in facts.iter().enumerate() {
        let (line, side) = (at as u16 / columns, at as u16 % columns);
        let (x, y) = (x + side * column, y + line);
        if y < inside.bottom() {
            canvas.role(x, y, 9, label, Role::Dim);
            canvas.role(x + 10, y, column.saturating_sub(11), value, *role);
        }
    }
}
