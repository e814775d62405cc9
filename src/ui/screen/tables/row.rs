//! What rows of all tables share: title, heading, marker, badge, name.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::Scene;
use crate::alarm::AlarmState;
use crate::config::Severity;
use crate::engine::counters::Counters;
use crate::engine::view::{By, GroupRow, RIGHT, SortKey, Table};
use crate::source::SourceState;
use crate::ui::action::Action;
use crate::ui::canvas::Canvas;
use crate::ui::keys;
use crate::ui::layout::{Panel, Shape};
use crate::ui::state::TableVisit;
use crate::ui::text;
use crate::ui::theme::Role;
use crate::ui::widget::columns::Column;
use crate::ui::widget::panel;
use crate::usage::Dimension;

/// Where the cells of the current row are.
pub(super) struct Cells {
    panel: Panel,
    inside: Rect,
    before_name: u16,
    name_width: u16,
    /// The current row.
    pub y: u16,
}

impl Cells {
    pub fn new(panel: Panel, inside: Rect, before_name: u16, name_width: u16) -> Cells {
        Cells { panel, inside, before_name, name_width, y: inside.y }
    }

    pub fn next_row(&mut self) {
        self.y += 1;
    }

    pub fn name(&self) -> u16 {
        self.inside.x + self.before_name
    }

    pub fn row(&self) -> Rect {
        Rect { y: self.y, height: 1, ..self.inside }
    }

    /// The column after each cell.
    pub fn ends<const N: usize>(&self, columns: [Column; N], shown: [bool; N]) -> Ends<N> {
        let mut ends = [None; N];
        let mut x = self.name() + self.name_width;
        for at in 0..N {
            if shown[at] {
                x += columns[at].width;
                ends[at] = Some(x);
            }
        }
        Ends(ends)
    }
}

/// The column after each cell that is shown.
pub(super) struct Ends<const N: usize>([Option<u16>; N]);

impl<const N: usize> Ends<N> {
    /// Draws the cell if it is shown.
    pub fn at(&mut self, cell: usize, draw: impl FnOnce(u16)) {
        if let Some(end) = self.0[cell] {
            draw(end);
        }
    }
}

/// The frame with `$ 15m ▼  8 of 8`; `None` where nothing fits inside.
pub(super) fn title(
    canvas: &mut Canvas<'_>,
    scene: Scene<'_>,
    place: Rect,
    panel: Panel,
    table: &Table,
    visit: &TableVisit,
    shown: usize,
) -> Option<Rect> {
    let theme = canvas.theme;
    let (dim, accent) = (theme.style(Role::Dim), theme.style(Role::Accent).add_modifier(Modifier::BOLD));
    let sorted = match visit.sort {
        SortKey::Cost => format!("$ {}", scene.window()),
        SortKey::Burn => "$/h".to_owned(),
        SortKey::Tokens => "tokens".to_owned(),
        SortKey::Requests => "requests".to_owned(),
        SortKey::Hit => "hit".to_owned(),
        SortKey::Name => "name".to_owned(),
    };
    // Numbers go down, names go up; the other way round when turned.
    let arrow = if visit.reversed == (visit.sort == SortKey::Name) { " ▼ " } else { " ▴ " };
    let count = match (table.groups, visit.filter.is_empty()) {
        _ if table.by != visit.by || !scene.is_known() => String::new(),
        (groups, false) => {
            format!("{} of {}", text::grouped(groups as i128), text::grouped(table.unfiltered as i128))
        }
        (groups, true) if groups == shown => format!("{groups}"),
        (groups, true) => format!("{shown} of {}", text::grouped(groups as i128)),
    };
    let tab = keys::spelled(keys::symbol("tab"), theme.graph);
    let other = match (scene.layout.shape, panel) {
        (Shape::Full, _) => String::new(),
        (_, Panel::Left) => format!("{tab} {} · ", plural(scene.state.visit.tables[RIGHT].by)),
        _ => format!("{tab} more · "),
    };
    let right =
        [(other.as_str(), dim), (sorted.as_str(), accent), (arrow, accent), (count.as_str(), theme.style(Role::Text))];
    let name = plural(visit.by);
    let mut title = vec![(name.as_str(), theme.style(Role::Title).add_modifier(Modifier::BOLD))];
    let chip = chip(&visit.filter);
    if !visit.filter.is_empty() {
        title.extend([(" ", dim), (chip.as_str(), accent.add_modifier(Modifier::REVERSED))]);
    }
    let inside = panel::panel(canvas, place, &title, &right, scene.focused(panel));
    (inside.width > 12 && inside.height > 0).then_some(inside)
}

/// `models`, `users`: what a table's rows are.
pub(in super::super) fn plural(by: By) -> String {
    format!("{}s", by.name())
}

/// `/opus`: a filter that applies.
pub(in super::super) fn chip(filter: &str) -> String {
    format!("/{}", text::fit(&crate::label::clean(filter), 20))
}

/// What is said of a row without a name.
pub(super) fn nobody(by: By) -> &'static str {
    if by == By::USER { "no owner" } else { "(none)" }
}

/// The row of labels; the sorted one is accented. `left` names the columns that begin where others end.
pub(super) fn heading<const N: usize>(
    canvas: &mut Canvas<'_>,
    cells: &Cells,
    sort: SortKey,
    (name, left): (&str, &[usize]),
    columns: [Column; N],
    shown: [bool; N],
    labels: [(&str, Option<SortKey>); N],
) {
    let theme = canvas.theme;
    let style = |key: Option<SortKey>| {
        if key == Some(sort) { theme.style(Role::Accent).add_modifier(Modifier::BOLD) } else { theme.style(Role::Dim) }
    };
    canvas.put(cells.name(), cells.y, cells.name_width, name, style(Some(SortKey::Name)));
    let mut target = |x: u16, width: u16, key: SortKey| {
        let place = Rect { x, y: cells.y, width, height: 1 }.intersection(cells.inside);
        canvas.targets.add(place, Action::SortBy(cells.panel, key));
    };
    target(cells.name(), cells.name_width, SortKey::Name);
    for (end, ((_, key), column)) in cells.ends(columns, shown).0.into_iter().zip(labels.iter().zip(columns)) {
        if let (Some(end), Some(key)) = (end, key) {
            target(end - column.width, column.width, *key);
        }
    }
    let mut ends = cells.ends(columns, shown);
    for (at, (label, key)) in labels.into_iter().enumerate() {
        let width = columns[at].width;
        ends.at(at, |end| {
            if left.contains(&at) {
                let gap = if N > 5 { 2 } else { 1 };
                canvas.put(end - width + gap, cells.y, width - gap, label, style(key));
            } else {
                canvas.put_right(end, cells.y, width, label, style(key));
            }
        });
    }
}

/// Marker, badge and name. Returns the style of the row's figures.
pub(super) fn begin(
    canvas: &mut Canvas<'_>,
    scene: Scene<'_>,
    cells: &Cells,
    group: &GroupRow,
    visit: &TableVisit,
    selected: bool,
) -> Style {
    let scope = visit.by.name();
    let theme = canvas.theme;
    if selected {
        canvas.role(cells.inside.x, cells.y, 1, "▸", Role::Accent);
    }
    let mut style = theme.style(Role::Text);
    if let Some((glyph, role)) = badge(scene, group, scope) {
        style = theme.style(role).add_modifier(Modifier::BOLD);
        canvas.put(cells.inside.x + 1, cells.y, 1, glyph, style);
    } else if is_unpriced(&group.sums) || group.name.is_none() {
        style = theme.style(Role::Dim);
    } else if selected {
        style = theme.figure();
    }
    let partly = group.sums.unpriced_requests > 0 && !is_unpriced(&group.sums);
    let name = group.name.as_ref().map_or(nobody(visit.by), |name| name.as_str());
    let room = cells.name_width.saturating_sub(2 * u16::from(partly));
    // Of a path the end tells more than the beginning.
    let is_path = matches!(visit.by, By::Dimension(Dimension::Project | Dimension::Source));
    let cut = is_path && text::width(name) > usize::from(room);
    let shown = if cut { text::fit_end(name, usize::from(room)) } else { name.into() };
    let end = canvas.put(cells.name(), cells.y, room, &shown, style);
    if !cut {
        underline(canvas, cells, (name, room), &visit.filter);
    }
    if partly {
        canvas.role(end, cells.y, 2, " ~", Role::Warn);
    }
    theme.style(Role::Text)
}

/// Underlines what the filter matched, as far as it is in sight.
fn underline(canvas: &mut Canvas<'_>, cells: &Cells, (name, room): (&str, u16), filter: &str) {
    if filter.starts_with('!') {
        return;
    }
    let Some(range) = text::find_any_case(name, filter) else { return };
    let (before, matched) = (text::width(&name[..range.start]) as u16, text::width(&name[range]) as u16);
    let in_sight = if text::width(name) > usize::from(room) { room.saturating_sub(1) } else { room };
    let width = matched.min(in_sight.saturating_sub(before));
    let place = Rect { x: cells.name() + before, y: cells.y, width, height: 1 };
    canvas.paint(place, Style::new().add_modifier(Modifier::UNDERLINED));
}

/// The worst alarm of this row: firing, dealt with, or about to come or go.
fn badge(scene: Scene<'_>, group: &GroupRow, scope: &str) -> Option<(&'static str, Role)> {
    let name = group.name.as_ref()?;
    let rank = |state: AlarmState, severity: Severity| match state {
        AlarmState::Firing if severity >= Severity::Page => Some((3, "▲", Role::Alarm)),
        AlarmState::Firing => Some((2, "◆", Role::Warn)),
        AlarmState::Acknowledged | AlarmState::Snoozed => Some((1, "●", Role::Warn)),
        AlarmState::Recovering | AlarmState::Pending => Some((0, "◇", Role::Warn)),
        AlarmState::Resolved => None,
    };
    let own = scene.snapshot.alarms.iter().filter(|alarm| alarm.scope == scope && alarm.key.as_ref() == Some(name));
    own.filter_map(|alarm| rank(alarm.state, alarm.severity))
        .max_by_key(|found| found.0)
        .map(|(_, glyph, role)| (glyph, role))
}

/// No request of it has a price: it shows no dollars.
pub(super) fn is_unpriced(sums: &Counters) -> bool {
    sums.requests > 0 && sums.unpriced_requests >= sums.requests
}

/// A model's name without its family where only that fits: `opus-4-8` of `claude-opus-4-8`.
pub(in super::super) fn short_model(name: &str, room: u16) -> &str {
    if text::width(name) <= usize::from(room) {
        return name;
    }
    match name.split_once('-') {
        Some((_, rest)) if rest.starts_with(|first: char| first.is_ascii_alphabetic()) => rest,
        _ => name,
    }
}

/// `11% of $`.
pub(super) fn share_of(part: &Counters, all: &Counters) -> String {
    if all.cost().pico() <= 0 {
        return String::new();
    }
    format!("{}% of $", text::percent(part.cost().to_f64() / all.cost().to_f64()))
}

/// What is said instead of rows: nothing yet, nothing that matches, and what is being waited for.
pub(super) fn empty(canvas: &mut Canvas<'_>, scene: Scene<'_>, inside: Rect, table: &Table, visit: &TableVisit) {
    let (x, width) = (inside.x + 3, inside.width.saturating_sub(4));
    if !scene.is_known() || table.by != visit.by {
        canvas.role(x, inside.y + 1, width, scene.waiting(), Role::Dim);
        return;
    }
    if !visit.filter.is_empty() && table.unfiltered > 0 {
        let words = format!("no {} like {}", visit.by.name(), chip(&visit.filter));
        canvas.role(x, inside.y + 1, width, &words, Role::Dim);
        return;
    }
    canvas.role(x, inside.y + 1, width, &format!("no requests in {}", scene.window()), Role::Dim);
    if !scene.state.visit.scope.is_all() {
        return;
    }
    let sources = scene.snapshot.sources.iter().take(usize::from(inside.height.saturating_sub(3)));
    for (at, source) in sources.enumerate() {
        let (words, role) = match &source.state {
            SourceState::Live if source.dropped > 0 => {
                let dropped = crate::ui::text::grouped(i128::from(source.dropped));
                (format!("▲ {}: kernel dropped {dropped}, a lower bound", source.name), Role::Alarm)
            }
            SourceState::Waiting => (format!("○ waiting for {}", source.name), Role::Dim),
            SourceState::Live => (format!("● following {}", source.name), Role::Dim),
            SourceState::Ended => (format!("■ {} has ended", source.name), Role::Dim),
            SourceState::Lost(why) => (format!("▲ {}: {}", source.name, crate::label::clean(why)), Role::Alarm),
        };
        canvas.role(x, inside.y + 3 + at as u16, width, &words, role);
    }
}
