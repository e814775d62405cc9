//! What lies over the screen: the keys, what came in, or what a table can be grouped by.

use ratatui::layout::Rect;

use super::Scene;
use crate::ui::canvas::Canvas;
use crate::ui::sheet::over::{self, Entry};
use crate::ui::state::{Overlay, choices};
use crate::ui::text;
use crate::ui::theme::Role;
use crate::ui::widget::panel;

/// What the lines of a sheet are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Keys,
    Numbers,
    /// One of them is marked.
    Choices(usize),
}

pub(super) fn draw(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let entries = over::entries(scene.state, scene.snapshot);
    match (scene.state.overlay, scene.state.menu) {
        (Some(Overlay::Help), _) => sheet(canvas, scene, "keys", &entries, Kind::Keys),
        (Some(Overlay::Intake), _) => sheet(canvas, scene, "intake", &entries, Kind::Numbers),
        (None, Some(menu)) => {
            let lines = choices(&scene.state.own).into_iter().map(|(letter, by)| Entry {
                left: letter.to_string(),
                right: by.name().to_owned(),
                bright: true,
            });
            sheet(canvas, scene, "group by", &lines.collect::<Vec<_>>(), Kind::Choices(menu.at));
        }
        (None, None) => {}
    }
}

/// A framed sheet in the middle, in two columns where one is too high, scrolled where two are too wide.
fn sheet(canvas: &mut Canvas<'_>, scene: Scene<'_>, title: &str, lines: &[Entry], kind: Kind) {
    let area = scene.layout.area;
    let left = lines.iter().map(|line| text::width(&line.left)).max().unwrap_or(0);
    let column = over::column(lines).max(text::width(title) + 4);
    let (rows, columns) = over::fit(lines, (area.width, area.height));
    let first = match kind {
        Kind::Choices(at) => (at + 1).saturating_sub(rows),
        Kind::Keys | Kind::Numbers => scene.state.sheet.min(lines.len().saturating_sub(rows * columns)),
    };
    let width = (columns * (column + 2) + 2).min(usize::from(area.width)) as u16;
    let height = (rows + 2).min(usize::from(area.height)) as u16;
    let place = Rect::new((area.width - width) / 2, (area.height - height) / 2, width, height);
    canvas.clear(place);
    let theme = canvas.theme;
    let close = match kind {
        Kind::Choices(_) => vec![],
        Kind::Keys | Kind::Numbers => vec![("esc", theme.style(Role::Accent)), (" closes", theme.style(Role::Dim))],
    };
    let inside = panel::panel(canvas, place, &[(title, theme.style(Role::Title))], &close, true);
    let below = lines.len().saturating_sub(first + rows * columns);
    if below > 0 {
        let more = format!("↓ {below} more");
        panel::legend(canvas, place, &[(more.as_str(), theme.style(Role::Dim))]);
    }
    for (at, line) in lines.iter().enumerate().skip(first).take(rows * columns) {
        let (column_at, row) = ((at - first) / rows.max(1), (at - first) % rows.max(1));
        let x = inside.x + 1 + (column_at * (column + 2)) as u16;
        let y = inside.y + row as u16;
        let end = inside.right().min(x + column as u16);
        let (key, words) = match (line.bright, kind) {
            (false, _) => (Role::Dim, Role::Dim),
            (true, Kind::Keys | Kind::Choices(_)) => (Role::Accent, Role::Text),
            (true, Kind::Numbers) => (Role::Text, Role::Text),
        };
        canvas.role(x, y, end.saturating_sub(x), &line.left, key);
        if kind == Kind::Numbers {
            canvas.role_right(end, y, end.saturating_sub(x), &line.right, words);
        } else {
            let x = x + left as u16 + 3;
            canvas.role(x, y, end.saturating_sub(x), &line.right, words);
        }
        if kind == Kind::Choices(at) {
            let x = x.saturating_sub(1);
            canvas.role(x, y, 1, "▸", Role::Accent);
            canvas.paint(
                Rect::new(x, y, (end + 1).saturating_sub(x), 1).intersection(inside),
                theme.style(Role::Selected),
            );
        }
    }
}
