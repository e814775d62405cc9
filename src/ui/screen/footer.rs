//! The last two lines: where the user is or what is being typed, how the bell stands, and the keys that work here.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::Scene;
use super::tables::{chip, plural};
use crate::label;
use crate::ui::action::Action;
use crate::ui::canvas::Canvas;
use crate::ui::keys::{self, KEYS};
use crate::ui::layout::Page;
use crate::ui::snapshot::Snapshot;
use crate::ui::state::{Typing, Visit};
use crate::ui::text;
use crate::ui::theme::Role;

/// Longest word of the path.
const CRUMB: usize = 28;

/// What is open, in a word.
pub(super) fn crumb(visit: &Visit, snapshot: &Snapshot) -> String {
    match (visit.page, &visit.crumb, visit.charge) {
        (Page::Overview, ..) => "overview".to_owned(),
        (Page::Alarms, ..) => "alarms".to_owned(),
        (Page::Drift, ..) => "drift".to_owned(),
        (Page::Request, _, Some((_, time))) => snapshot.zone.format(time, "request %H:%M:%S"),
        (Page::Request, ..) => "request".to_owned(),
        (_, Some(name), _) => name.as_str().to_owned(),
        (_, None, _) => match visit.scope.last() {
            Some((by, _)) => format!("no {}", by.name()),
            None => String::new(),
        },
    }
}

/// `all ▸ claude-opus-4-8 ▸ ci-evals`; where that is too long, the middle goes first.
fn path(scene: Scene<'_>, room: usize) -> (String, String) {
    let state = scene.state;
    let crumbs: Vec<String> = state.below.iter().skip(1).map(|visit| crumb(visit, scene.snapshot)).collect();
    let mut last = text::fit(&crumb(&state.visit, scene.snapshot), CRUMB.min(room)).into_owned();
    if state.visit.zoomed {
        last = format!("{last} ▸ {}", panel_name(scene));
    }
    let way = |from: usize| {
        let mut way = if from == 0 { "all ▸ ".to_owned() } else { "… ▸ ".to_owned() };
        for crumb in &crumbs[from..] {
            way.push_str(&text::fit(crumb, CRUMB));
            way.push_str(" ▸ ");
        }
        way
    };
    let fits = (0..=crumbs.len()).map(way).find(|way| text::width(way) + text::width(&last) <= room);
    (fits.unwrap_or_default(), last)
}

/// The focused panel; tables are named after their rows.
fn panel_name(scene: Scene<'_>) -> String {
    let visit = &scene.state.visit;
    match scene.state.table(visit.focus) {
        Some(at) => plural(visit.tables[at].by),
        None if visit.page == Page::Session && visit.focus == Page::Session.main() => "turns".to_owned(),
        None => visit.focus.name().to_owned(),
    }
}

pub(super) fn status(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let place = scene.layout.status;
    if place.height == 0 {
        return;
    }
    let theme = canvas.theme;
    let (dim, accent) = (theme.style(Role::Dim), theme.style(Role::Accent));
    let strong = accent.add_modifier(Modifier::BOLD);
    let bell = &scene.snapshot.bell;
    let (bell, bell_role) = match (bell.enabled, bell.muted) {
        (false, _) => ("♪ bell off", Role::Dim),
        (true, true) => ("♪ bell muted", Role::Warn),
        (true, false) => ("♪ bell on", Role::Good),
    };
    let window = scene.state.visit.window.name();
    let bell = (bell, theme.style(bell_role));
    let mouse = (if scene.state.mouse { "" } else { "mouse off  " }, dim);
    let right = [
        mouse,
        (window, strong),
        ("  ", dim),
        (scene.snapshot.zone.name(), dim),
        ("  ", dim),
        (theme.name.as_str(), dim),
        ("  ", dim),
        bell,
    ];
    let short = [mouse, (window, strong), ("  ", dim), bell];
    let right = if place.width >= 100 { &right[..] } else { &short[..] };
    let room = place.width.saturating_sub(2);
    let end = canvas.pieces_right(place.right().saturating_sub(1), place.y, room, right);
    let room = end.saturating_sub(place.x + 3);
    if let Some(typing) = &scene.state.typing {
        prompt(canvas, scene, typing, room);
        return;
    }
    let (way, last) = path(scene, usize::from(room));
    let mut left = vec![(way, dim), (last, strong)];
    for table in &scene.state.visit.tables {
        if !table.filter.is_empty() {
            let chip_style = accent.add_modifier(Modifier::REVERSED);
            left.extend([(format!("  {} ", plural(table.by)), dim), (chip(&table.filter), chip_style)]);
        }
    }
    let left: Vec<(&str, Style)> = left.iter().map(|(text, style)| (text.as_str(), *style)).collect();
    let x = canvas.pieces(place.x + 1, place.y, room, &left);
    if let Some(note) = &scene.snapshot.state_note {
        let note = format!("▲ {}", label::clean(note));
        canvas.role(x + 3, place.y, end.saturating_sub(x + 4), &note, Role::Warn);
    }
}

/// `models /opus█  2 of 8`: what is typed, its end in sight, and how many rows it lets pass.
fn prompt(canvas: &mut Canvas<'_>, scene: Scene<'_>, typing: &Typing, room: u16) {
    let place = scene.layout.status;
    let theme = canvas.theme;
    let (dim, accent) = (theme.style(Role::Dim), theme.style(Role::Accent).add_modifier(Modifier::BOLD));
    let visit = &scene.state.visit.tables[typing.table];
    let table = &scene.snapshot.view.tables[typing.table];
    let answered = scene.is_known() && scene.snapshot.view.query.tables[typing.table].filter == visit.filter;
    let count = if answered && table.by == visit.by {
        format!("  {} of {}", text::grouped(table.groups as i128), text::grouped(table.unfiltered as i128))
    } else {
        "  …".to_owned()
    };
    let name = format!("{} ", plural(visit.by));
    let cleaned = label::clean(&visit.filter);
    let taken = text::width(&name) + text::width(&count) + 2;
    let typed = text::fit_end(&cleaned, usize::from(room).saturating_sub(taken));
    let cursor = theme.style(Role::Text).add_modifier(Modifier::REVERSED);
    canvas.pieces(
        place.x + 1,
        place.y,
        room,
        &[(&name, dim), ("/", accent), (&typed, accent), (" ", cursor), (&count, dim)],
    );
}

/// Keys that share a word, each with what it does, and the word.
struct Entry {
    keys: Vec<(&'static str, Action)>,
    word: &'static str,
}

impl Entry {
    fn width(&self) -> usize {
        self.keys.iter().map(|(key, _)| text::width(key) + 1).sum::<usize>() + self.word.len()
    }
}

pub(super) fn keys(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let place = scene.layout.footer;
    let mut entries: Vec<Entry> = Vec::new();
    let (mode, page) = (scene.state.mode(), scene.state.visit.page);
    for binding in KEYS.iter().filter(|binding| binding.mode == mode && binding.pages.contains(&page)) {
        if binding.footer.is_empty() || !(binding.works)(scene.state, scene.snapshot) {
            continue;
        }
        let key = (keys::spelled(keys::symbol(binding.keys[0]), canvas.theme.graph), binding.action);
        match entries.last_mut() {
            Some(last) if last.word == binding.footer => last.keys.push(key),
            _ => entries.push(Entry { keys: vec![key], word: binding.footer }),
        }
    }
    let room = usize::from(place.width.saturating_sub(2));
    let width = |entries: &[Entry], gap: usize| {
        entries.iter().map(|entry| entry.width() + gap).sum::<usize>().saturating_sub(gap)
    };
    let gap = if width(&entries, 3) <= room { 3 } else { 2 };
    // Help and quit, the last ones, are what a lost user needs.
    while width(&entries, gap) > room && entries.len() > 2 {
        entries.remove(entries.len() - 3);
    }
    let theme = canvas.theme;
    let accent = theme.style(Role::Accent).add_modifier(Modifier::BOLD);
    let mut x = place.x + 1;
    for entry in &entries {
        let room = |x: u16| place.right().saturating_sub(x);
        for (at, (key, action)) in entry.keys.iter().enumerate() {
            let start = x;
            x = canvas.pieces(x, place.y, room(x), &[(key, accent), (" ", accent)]);
            if at + 1 == entry.keys.len() {
                x = canvas.role(x, place.y, room(x), entry.word, Role::Dim);
            }
            canvas.targets.add(Rect { x: start, width: x - start, ..place }.intersection(place), *action);
        }
        x += gap as u16;
    }
}
