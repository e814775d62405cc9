//! Single charges: the newest or costliest requests of what is open, or the turns of a session.
//! ```text
//!   TIME      MODEL               COST     IN   READ  WRITE    OUT   HIT  STOP
//! ▸ 14:31:50  claude-opus-4-8    $2.10   9.8k   182k  21.0k  17.2k   95%  max_tokens
//! ```

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::Scene;
use super::tables::short_model;
use crate::engine::bill::CostSource;
use crate::engine::view::{By, ChargeOrder, ChargeRow, Charges, SessionFacts};
use crate::money::Money;
use crate::ui::action::Action;
use crate::ui::canvas::Canvas;
use crate::ui::keys;
use crate::ui::layout::{Page, Panel, Shape};
use crate::ui::state::ChargesVisit;
use crate::ui::text::{self, UNKNOWN};
use crate::ui::theme::Role;
use crate::ui::widget::columns::{Column, arrange};
use crate::ui::widget::panel;
use crate::usage::Dimension;

/// Cells of the marker and the time before the name.
const BEFORE_NAME: u16 = 11;

const COST: usize = 0;
const SUM: usize = 1;
const IN: usize = 2;
const READ: usize = 3;
const WRITE: usize = 4;
const OUT: usize = 5;
const HIT: usize = 6;
const TOOK: usize = 7;
const STOP: usize = 8;
const WHERE: usize = 9;
const LABELS: [&str; 10] = ["COST", "SUM", "IN", "READ", "WRITE", "OUT", "HIT", "TOOK", "STOP", "PROJECT"];

pub(super) fn draw(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect) {
    let (charges, visit) = (&scene.snapshot.view.charges, &scene.state.visit.charges);
    let turns = scene.state.visit.page == Page::Session;
    let known = scene.is_known() && scene.snapshot.view.query.charges.order == visit.order;
    let rows = scene.layout.rows(Panel::Charges);
    let shown = if known { shown(charges, visit, rows) } else { Vec::new() };
    let inside = frame(canvas, scene, place, turns, known.then_some(shown.len()));
    if inside.width < BEFORE_NAME + 24 || inside.height == 0 {
        return;
    }
    if shown.is_empty() {
        let nothing = format!("no requests in {}", scene.window());
        let words = if known { nothing.as_str() } else { scene.waiting() };
        canvas.role(inside.x + 3, inside.y + 1, inside.width - 4, words, Role::Dim);
        return;
    }
    let who = Who::of(scene);
    // What is not wanted never fits, and goes before anything else does.
    let wanted = |wanted: bool, width: u16, rank: u8| {
        if wanted { Column { width, rank } } else { Column { width: u16::MAX / 8, rank: u8::MAX } }
    };
    let columns = [
        Column { width: 8, rank: 0 },
        wanted(turns && visit.order == ChargeOrder::Oldest, 9, 2),
        Column { width: 7, rank: 3 },
        Column { width: 7, rank: 4 },
        Column { width: 7, rank: 5 },
        Column { width: 7, rank: 1 },
        Column { width: 6, rank: 6 },
        Column { width: 7, rank: 8 },
        wanted(who != Who::Stop, 13, 7),
        wanted(who != Who::Project, 24, 9),
    ];
    let (name_width, is_shown) = arrange(inside.width - BEFORE_NAME - 1, 11, columns);
    let ends = ends(inside, name_width, &columns, is_shown);
    heading(canvas, scene, inside, who, &columns, &ends);
    let marked = scene.focused(Panel::Charges).then(|| visit.cursor.place(&ChargesVisit::at_hand(charges))).flatten();
    for (line, (at, row)) in shown.iter().enumerate() {
        let y = inside.y + 1 + line as u16;
        canvas.targets.add(Rect { y, height: 1, ..inside }, Action::Select(Panel::Charges, *at));
        let selected = marked == Some(*at);
        let cells = Cells { inside, y, name_width, ends };
        one(canvas, scene, &cells, (*at, row), who, selected);
        if selected {
            canvas.paint(Rect { y, height: 1, ..inside }, canvas.theme.style(Role::Selected));
        }
    }
}

/// The frame with the order, how many are in sight, and from when on single charges are known.
fn frame(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect, turns: bool, shown: Option<usize>) -> Rect {
    let theme = canvas.theme;
    let charges = &scene.snapshot.view.charges;
    let (dim, accent) = (theme.style(Role::Dim), theme.style(Role::Accent).add_modifier(Modifier::BOLD));
    let order = match scene.state.visit.charges.order {
        ChargeOrder::Newest => "newest",
        ChargeOrder::Costliest => "costliest",
        ChargeOrder::Oldest => "oldest",
    };
    let of = shown.map(|shown| match charges.all {
        all if all == shown as u64 => format!(" {all}"),
        all => format!(" {shown} of {}", text::grouped(i128::from(all))),
    });
    let name = if turns { "turns" } else { "requests" };
    let title = [(name, theme.style(Role::Title).add_modifier(Modifier::BOLD))];
    let tab = keys::spelled(keys::symbol("tab"), theme.graph);
    let more = if scene.layout.shape == Shape::Full { String::new() } else { format!("{tab} more · ") };
    let window = format!("{} · ", scene.window());
    let right = [
        (more.as_str(), dim),
        (window.as_str(), dim),
        (order, accent),
        (" first", accent),
        (of.as_deref().unwrap_or(""), theme.style(Role::Text)),
    ];
    let inside = panel::panel(canvas, place, &title, &right, scene.focused(Panel::Charges));
    if let (Some(since), Some(_)) = (charges.since, shown) {
        let words = format!("older than {}: sums only", scene.snapshot.zone.format(since, "%e %b %H:%M").trim_start());
        panel::legend(canvas, place, &[(words.as_str(), theme.style(Role::Warn))]);
    } else if charges.all > charges.at_hand as u64 && shown.is_some() {
        let words = format!("the list ends after {}", text::grouped(charges.at_hand as i128));
        panel::legend(canvas, place, &[(words.as_str(), dim)]);
    }
    inside
}

/// What the name column tells: what the scope leaves open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    User,
    Model,
    Project,
    Stop,
}

impl Who {
    fn of(scene: Scene<'_>) -> Who {
        let facts = scene.snapshot.view.session.as_ref();
        let in_project = |facts: &SessionFacts| facts.dimensions.iter().any(|(of, _)| *of == Dimension::Project);
        let open = |wanted: By| !scene.state.visit.scope.parts().iter().any(|(by, _)| *by == wanted);
        match scene.state.visit.scope.last() {
            Some((By::MODEL, _)) if open(By::USER) => Who::User,
            _ if open(By::MODEL) => Who::Model,
            _ if open(By::USER) && scene.state.visit.page != Page::Session => Who::User,
            _ if facts.is_none_or(in_project) => Who::Project,
            _ => Who::Stop,
        }
    }

    fn label(self) -> String {
        match self {
            Who::User => By::USER.name().to_uppercase(),
            Who::Model => By::MODEL.name().to_uppercase(),
            Who::Project => Dimension::Project.name().to_uppercase(),
            Who::Stop => LABELS[STOP].to_owned(),
        }
    }

    fn name(self, row: &ChargeRow, room: u16) -> &str {
        let label = match self {
            Who::User => &row.user,
            Who::Model => &row.model,
            Who::Project => &row.project,
            Who::Stop => &row.stop_reason,
        };
        let name = label.as_ref().map_or("(none)", |label| label.as_str());
        match self {
            Who::Model => short_model(name, room),
            Who::Project => tail(name, room),
            Who::Stop if label.is_none() => UNKNOWN,
            Who::User | Who::Stop => name,
        }
    }
}

/// The end of a path where only that fits.
fn tail(path: &str, room: u16) -> &str {
    if text::width(path) <= usize::from(room) {
        return path;
    }
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

/// The column after each cell that is shown.
fn ends<const N: usize>(inside: Rect, name_width: u16, columns: &[Column; N], shown: [bool; N]) -> [Option<u16>; N] {
    let mut ends = [None; N];
    let mut x = inside.x + BEFORE_NAME + name_width;
    for at in 0..N {
        if shown[at] {
            x += columns[at].width;
            ends[at] = Some(x);
        }
    }
    ends
}

fn heading(
    canvas: &mut Canvas<'_>,
    scene: Scene<'_>,
    inside: Rect,
    who: Who,
    columns: &[Column; 10],
    ends: &[Option<u16>; 10],
) {
    let theme = canvas.theme;
    let (dim, accent) = (theme.style(Role::Dim), theme.style(Role::Accent).add_modifier(Modifier::BOLD));
    let by_cost = scene.state.visit.charges.order == ChargeOrder::Costliest;
    let by_time = if scene.state.visit.page == Page::Session { ChargeOrder::Oldest } else { ChargeOrder::Newest };
    let place = |x: u16, width: u16| Rect { x, y: inside.y, width, height: 1 }.intersection(inside);
    canvas.targets.add(place(inside.x + 2, 8), Action::OrderCharges(by_time));
    if let Some(end) = ends[COST] {
        let width = columns[COST].width;
        canvas.targets.add(place(end - width, width), Action::OrderCharges(ChargeOrder::Costliest));
    }
    canvas.put(inside.x + 2, inside.y, 8, "TIME", if by_cost { dim } else { accent });
    canvas.put(inside.x + BEFORE_NAME, inside.y, 12, &who.label(), dim);
    for (at, label) in LABELS.into_iter().enumerate() {
        let Some(end) = ends[at] else { continue };
        if at == STOP || at == WHERE {
            canvas.put(end - columns[at].width + 2, inside.y, 10, label, dim);
        } else {
            canvas.put_right(end, inside.y, 8, label, if at == COST && by_cost { accent } else { dim });
        }
    }
}

/// Where the cells of one row are.
struct Cells {
    inside: Rect,
    y: u16,
    name_width: u16,
    ends: [Option<u16>; 10],
}

fn one(
    canvas: &mut Canvas<'_>,
    scene: Scene<'_>,
    cells: &Cells,
    (at, row): (usize, &ChargeRow),
    who: Who,
    selected: bool,
) {
    let (x, y) = (cells.inside.x, cells.y);
    let theme = canvas.theme;
    if selected {
        canvas.role(x, y, 1, "▸", Role::Accent);
    }
    let today = scene.snapshot.zone.date(scene.snapshot.now) == scene.snapshot.zone.date(row.time);
    let pattern = if today { "%H:%M:%S" } else { "%d %b" };
    let failed = row.status >= 400;
    canvas.role(x + 2, y, 8, &scene.snapshot.zone.format(row.time, pattern), Role::Dim);
    let name = who.name(row, cells.name_width);
    let style = if failed { theme.style(Role::Alarm) } else { theme.style(Role::Text) };
    canvas.put(x + BEFORE_NAME, y, cells.name_width, name, style);
    let right = |canvas: &mut Canvas<'_>, cell: usize, room: u16, text: &str, style: Style| {
        if let Some(end) = cells.ends[cell] {
            canvas.put_right(end, y, room, text, style);
        }
    };
    let (text_style, dim) = (theme.style(Role::Text), theme.style(Role::Dim));
    if row.source == CostSource::Unpriced {
        right(canvas, COST, 8, "unpriced", theme.style(Role::Warn));
    } else {
        let sign = if row.subscription { "≈" } else { "" };
        right(canvas, COST, 8, &format!("{sign}{}", text::per_request(row.cost.into())), theme.figure());
    }
    if cells.ends[SUM].is_some() {
        let sum = cumulative(&scene.snapshot.view.charges, at);
        let sum = sum.map_or_else(|| UNKNOWN.to_owned(), |sum| text::amount(sum, 8));
        right(canvas, SUM, 8, &sum, text_style);
    }
    let tokens = &row.tokens;
    let writes = tokens.cache_write_5m.saturating_add(tokens.cache_write_1h);
    for (cell, count) in [(IN, tokens.input), (READ, tokens.cache_read), (WRITE, writes), (OUT, tokens.output)] {
        let style = if count == 0 { dim } else { text_style };
        right(canvas, cell, 6, &text::count(i64::from(count)), style);
    }
    let hit = if tokens.prompt() == 0 {
        UNKNOWN.to_owned()
    } else {
        format!("{}%", text::percent(f64::from(tokens.cache_read) / tokens.prompt() as f64))
    };
    right(canvas, HIT, 5, &hit, dim);
    let took = if row.latency_ms == 0 { UNKNOWN.to_owned() } else { text::span(i64::from(row.latency_ms)) };
    right(canvas, TOOK, 6, &took, dim);
    if let Some(end) = cells.ends[STOP] {
        let (words, role) = stop(row);
        canvas.role(end - 11, y, 11, &words, role);
    }
    if let Some(end) = cells.ends[WHERE] {
        let project = row.project.as_ref().map_or(UNKNOWN, |project| tail(project.as_str(), 22));
        canvas.role(end - 22, y, 22, project, Role::Dim);
    }
}

/// Why it ended: failures first, then what the log says.
fn stop(row: &ChargeRow) -> (String, Role) {
    match (row.status, row.cache_hit, &row.stop_reason) {
        (failed @ 400.., ..) => (format!("▲ {failed}"), Role::Alarm),
        (_, true, _) => ("gateway hit".to_owned(), Role::Good),
        (_, _, Some(reason)) => (reason.as_str().to_owned(), Role::Dim),
        (_, _, None) => (UNKNOWN.to_owned(), Role::Dim),
    }
}

/// Cost of this row and all before it, where all of them are at hand.
fn cumulative(charges: &Charges, at: usize) -> Option<Money> {
    let rows = (charges.offset == 0).then(|| charges.rows.get(..=at)).flatten()?;
    Some(rows.iter().map(|row| Money::from(row.cost)).sum())
}

/// Rows in sight with their places, from those the engine sent.
fn shown<'a>(charges: &'a Charges, visit: &ChargesVisit, rows: usize) -> Vec<(usize, &'a ChargeRow)> {
    let offset = visit.cursor.offset.min(charges.at_hand.saturating_sub(1));
    let at_hand = charges.offset..charges.offset + charges.rows.len();
    let from = if at_hand.contains(&offset) { offset } else { charges.offset };
    charges
        .rows
        .iter()
        .enumerate()
        .map(|(at, row)| (charges.offset + at, row))
        .skip(from - charges.offset)
        .take(rows)
        .collect()
}
