//! Notable things, newest first: `14:31:52 ▲ anomaly  ci-evals × opus  2.1× usual`.

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::Scene;
use crate::alarm::AlarmState;
use crate::label;
use crate::ui::canvas::Canvas;
use crate::ui::layout::Panel;
use crate::ui::snapshot::Mark;
use crate::ui::theme::Role;
use crate::ui::widget::panel;

pub(super) fn draw(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect) {
    let snapshot = scene.snapshot;
    let theme = canvas.theme;
    let (firing, seen) = (snapshot.alarms_in(AlarmState::Firing), snapshot.alarms_in(AlarmState::Acknowledged));
    let firing_text = format!("{firing} firing");
    let seen_text = format!("{seen} acknowledged");
    let (alarm, dim) = (theme.style(Role::Alarm), theme.style(Role::Dim));
    let right = match (firing, seen) {
        (0, 0) => vec![],
        (_, 0) => vec![(firing_text.as_str(), alarm)],
        (0, _) => vec![(seen_text.as_str(), dim)],
        _ => vec![(firing_text.as_str(), alarm), (" · ", dim), (seen_text.as_str(), dim)],
    };
    let title = [("events", theme.style(Role::Title))];
    let inside = panel::panel(canvas, place, &title, &right, scene.focused(Panel::Events));
    let rows = usize::from(inside.height);
    let first = scene.state.visit.events.min(snapshot.events.len().saturating_sub(rows));
    let today = snapshot.zone.date(snapshot.now);
    if snapshot.events.is_empty() && scene.state.arrived {
        canvas.role(inside.x + 1, inside.y, inside.width.saturating_sub(2), "nothing to tell", Role::Dim);
    }
    for (at, event) in snapshot.events.iter().skip(first).take(rows).enumerate() {
        let y = inside.y + at as u16;
        let end = inside.right().saturating_sub(1);
        let pattern = if snapshot.zone.date(event.time) == today { "%H:%M:%S" } else { "%e %b" };
        let (role, text_role) = match event.mark {
            Mark::Note => (Role::Dim, Role::Dim),
            Mark::Good => (Role::Good, Role::Dim),
            Mark::Warn | Mark::Limit => (Role::Warn, Role::Text),
            Mark::Alarm => (Role::Alarm, Role::Text),
        };
        let mut x = inside.x + 1;
        canvas.role(x, y, end.saturating_sub(x), &snapshot.zone.format(event.time, pattern), Role::Dim);
        x += 9;
        let word = theme.style(role);
        let word = if event.mark == Mark::Alarm { word.add_modifier(Modifier::BOLD) } else { word };
        canvas.put(x, y, end.saturating_sub(x), event.mark.glyph(), word);
        x += 2;
        canvas.put(x, y, 8.min(end.saturating_sub(x)), event.kind, word);
        x += 9;
        canvas.role(x, y, end.saturating_sub(x), &label::clean(&event.text), text_role);
    }
}
