//! What lies over the screen: the keys, or what came in.

use ratatui::layout::Rect;

use super::Scene;
use crate::ui::canvas::Canvas;
use crate::ui::keys::{self, KEYS};
use crate::ui::state::{Overlay, State};
use crate::ui::text;
use crate::ui::theme::Role;
use crate::ui::widget::panel;
use crate::usage::Rejection;

/// One line: left, right, and whether it counts now.
struct Line {
    left: String,
    right: String,
    bright: bool,
}

pub(super) fn draw(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    match scene.state.overlay {
        Some(Overlay::Help) => {
            // The keys as they work once the sheet is closed.
            let mut below: State = scene.state.clone();
            below.overlay = None;
            let lines = KEYS.iter().map(|binding| Line {
                left: binding.keys.iter().map(|key| keys::symbol(key)).collect::<Vec<_>>().join(" "),
                right: binding.help.to_owned(),
                bright: binding.action == crate::ui::action::Action::Help || (binding.works)(&below, scene.snapshot),
            });
            sheet(canvas, scene, "keys", &lines.collect::<Vec<_>>(), false);
        }
        Some(Overlay::Intake) => sheet(canvas, scene, "intake", &intake(scene), true),
        None => {}
    }
}

fn intake(scene: Scene<'_>) -> Vec<Line> {
    let intake = &scene.snapshot.view.intake;
    let line = |left: &str, count: u64| Line {
        left: left.to_owned(),
        right: text::grouped(i128::from(count)),
        bright: count > 0,
    };
    let mut lines = vec![
        line("files and connections", intake.files),
        line("bytes", intake.bytes),
        line("lines", intake.lines),
        line("torn ends", intake.torn),
        line("gaps suspected", intake.gaps),
        line("records", intake.records),
        line("  charges", intake.charges),
        line("  updates", intake.updates),
        line("  duplicates", intake.duplicates),
        line("  merged", intake.merged),
        line("  not usage", intake.not_usage),
        line("  rejected", intake.rejected_total()),
        line("  late", intake.late),
        line("undated", intake.undated),
        line("without id", intake.no_id),
        line("id reused", intake.id_reused),
        line("ahead of the clock", intake.clock_skew),
    ];
    let classes = Rejection::ALL.iter().zip(intake.rejected).filter(|(_, count)| *count > 0);
    lines.extend(classes.map(|(class, count)| line(&format!("rejected: {}", class.name()), count)));
    let unpriced = &scene.snapshot.view.unpriced_models;
    lines.extend(unpriced.iter().map(|(model, tokens)| Line {
        left: format!("unpriced: {}", text::fit(model.as_str(), 22)),
        right: format!("{} tokens", text::count(i64::try_from(*tokens).unwrap_or(i64::MAX))),
        bright: true,
    }));
    lines
}

/// A framed sheet in the middle, in two columns where one is too high.
fn sheet(canvas: &mut Canvas<'_>, scene: Scene<'_>, title: &str, lines: &[Line], numbers: bool) {
    let area = scene.layout.area;
    let left = lines.iter().map(|line| text::width(&line.left)).max().unwrap_or(0);
    let right = lines.iter().map(|line| text::width(&line.right)).max().unwrap_or(0);
    let column = left + 3 + right;
    let columns =
        if lines.len() + 2 > usize::from(area.height) && 2 * column + 6 <= usize::from(area.width) { 2 } else { 1 };
    let rows = lines.len().div_ceil(columns);
    let width = (columns * (column + 2) + 2).min(usize::from(area.width)) as u16;
    let height = (rows + 2).min(usize::from(area.height)) as u16;
    let place = Rect::new((area.width - width) / 2, (area.height - height) / 2, width, height);
    canvas.clear(place);
    let theme = canvas.theme;
    let close = [("esc", theme.style(Role::Accent)), (" closes", theme.style(Role::Dim))];
    let inside = panel::panel(canvas, place, &[(title, theme.style(Role::Title))], &close, true);
    let fit = usize::from(inside.height);
    for (at, line) in lines.iter().enumerate() {
        let (column_at, row) = (at / rows.max(1), at % rows.max(1));
        if row >= fit {
            continue;
        }
        let x = inside.x + 1 + (column_at * (column + 2)) as u16;
        let y = inside.y + row as u16;
        let end = inside.right().min(x + column as u16);
        let (key, words) = match (line.bright, numbers) {
            (false, _) => (Role::Dim, Role::Dim),
            (true, false) => (Role::Accent, Role::Text),
            (true, true) => (Role::Text, Role::Text),
        };
        canvas.role(x, y, end.saturating_sub(x), &line.left, key);
        if numbers {
            canvas.role_right(end, y, end.saturating_sub(x), &line.right, words);
        } else {
            let x = x + left as u16 + 3;
            canvas.role(x, y, end.saturating_sub(x), &line.right, words);
        }
    }
}
