//! The last two lines: where the user is and how the bell stands, and the keys that work here.

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::Scene;
use crate::label;
use crate::ui::action::Action;
use crate::ui::canvas::Canvas;
use crate::ui::keys::{self, KEYS};
use crate::ui::text;
use crate::ui::theme::Role;

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
    let mouse = if scene.state.mouse { "" } else { "mouse off  " };
    let right = [
        (mouse, dim),
        (window, strong),
        ("  ", dim),
        (scene.snapshot.zone.name(), dim),
        ("  ", dim),
        (theme.name.as_str(), dim),
        ("  ", dim),
        (bell, theme.style(bell_role)),
    ];
    let room = place.width.saturating_sub(2);
    let end = canvas.pieces_right(place.right().saturating_sub(1), place.y, room, &right);
    let mut left = vec![("all", dim), (" ▸ ", dim), ("overview", strong)];
    if scene.state.visit.zoomed {
        left.extend([(" ▸ ", dim), (scene.state.visit.focus.name(), strong)]);
    }
    let x = canvas.pieces(place.x + 1, place.y, end.saturating_sub(place.x + 2), &left);
    if let Some(note) = &scene.snapshot.state_note {
        let note = format!("▲ {}", label::clean(note));
        canvas.role(x + 3, place.y, end.saturating_sub(x + 4), &note, Role::Warn);
    }
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
    for binding in KEYS {
        let Some(word) = binding.footer else { continue };
        if !(binding.works)(scene.state, scene.snapshot) {
            continue;
        }
        let key = (keys::symbol(binding.keys[0], canvas.theme.graph), binding.action);
        match entries.last_mut() {
            Some(last) if last.word == word => last.keys.push(key),
            _ => entries.push(Entry { keys: vec![key], word }),
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
            canvas.targets.add(Rect { x: start, width: x - start, ..place }, *action);
        }
        x += gap as u16;
    }
}
