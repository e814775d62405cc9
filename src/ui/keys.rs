//! All keys in one table: the parser, the help overlay, the footer and the conflict test read it, and nothing else knows a key.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::action::Action;
use super::graph::Graph;
use super::snapshot::Snapshot;
use super::state::State;

/// One thing a key does.
pub struct Binding {
    /// What happens.
    pub action: Action,
    /// Stable name, for configuration.
    pub name: &'static str,
    /// The keys, as they are written in help and configuration.
    pub keys: &'static [&'static str],
    /// What it does, in a few words.
    pub help: &'static str,
    /// The word in the footer; neighbours with the same word share it.
    pub footer: Option<&'static str>,
    /// Whether it does anything now.
    pub works: fn(&State, &Snapshot) -> bool,
}

fn always(_: &State, _: &Snapshot) -> bool {
    true
}

/// Every key, in the order of help and footer.
pub const KEYS: &[Binding] = &[
    Binding {
        action: Action::Up,
        name: "up",
        keys: &["up", "k"],
        help: "one row up",
        footer: None,
        works: State::scrolls,
    },
    Binding {
        action: Action::Down,
        name: "down",
        keys: &["down", "j"],
        help: "one row down",
        footer: None,
        works: State::scrolls,
    },
    Binding {
        action: Action::PageUp,
        name: "page-up",
        keys: &["pgup"],
        help: "a page up",
        footer: None,
        works: State::scrolls,
    },
    Binding {
        action: Action::PageDown,
        name: "page-down",
        keys: &["pgdn"],
        help: "a page down",
        footer: None,
        works: State::scrolls,
    },
    Binding {
        action: Action::First,
        name: "first",
        keys: &["home", "g"],
        help: "first row",
        footer: None,
        works: State::scrolls,
    },
    Binding {
        action: Action::Last,
        name: "last",
        keys: &["end", "G"],
        help: "last row",
        footer: None,
        works: State::scrolls,
    },
    Binding {
        action: Action::NextPanel,
        name: "next-panel",
        keys: &["tab", "right", "l"],
        help: "next panel",
        footer: Some("panel"),
        works: State::has_panels,
    },
    Binding {
        action: Action::PreviousPanel,
        name: "previous-panel",
        keys: &["backtab", "left", "h"],
        help: "previous panel",
        footer: None,
        works: State::has_panels,
    },
    Binding {
        action: Action::SortNext,
        name: "sort",
        keys: &["s"],
        help: "order by the next column",
        footer: Some("sort"),
        works: State::sorts,
    },
    Binding {
        action: Action::SortReverse,
        name: "reverse",
        keys: &["S"],
        help: "turn the order round",
        footer: None,
        works: State::sorts,
    },
    Binding {
        action: Action::ShorterWindow,
        name: "shorter-window",
        keys: &["["],
        help: "shorter window, for all panels",
        footer: Some("window"),
        works: State::can_change_window,
    },
    Binding {
        action: Action::LongerWindow,
        name: "longer-window",
        keys: &["]"],
        help: "longer window, for all panels",
        footer: Some("window"),
        works: State::can_change_window,
    },
    Binding {
        action: Action::Freeze,
        name: "freeze",
        keys: &["space"],
        help: "freeze the view; counting goes on",
        footer: Some("freeze"),
        works: always,
    },
    Binding {
        action: Action::Zoom,
        name: "zoom",
        keys: &["z"],
        help: "the focused panel alone",
        footer: Some("zoom"),
        works: State::zooms,
    },
    Binding {
        action: Action::Acknowledge,
        name: "acknowledge",
        keys: &["A"],
        help: "acknowledge every firing alarm",
        footer: Some("ack"),
        works: State::can_acknowledge,
    },
    Binding {
        action: Action::Mute,
        name: "mute",
        keys: &["m"],
        help: "silence the bell, or let it ring",
        footer: Some("mute"),
        works: State::can_mute,
    },
    Binding {
        action: Action::Intake,
        name: "intake",
        keys: &["i"],
        help: "what came in, and what became of it",
        footer: Some("intake"),
        works: always,
    },
    Binding {
        action: Action::NextTheme,
        name: "theme",
        keys: &["t"],
        help: "next theme",
        footer: Some("theme"),
        works: always,
    },
    Binding {
        action: Action::Mouse,
        name: "mouse",
        keys: &["M"],
        help: "mouse to the terminal, or back",
        footer: None,
        works: always,
    },
    Binding {
        action: Action::Help,
        name: "help",
        keys: &["?"],
        help: "these keys",
        footer: Some("help"),
        works: always,
    },
    Binding {
        action: Action::Back,
        name: "back",
        keys: &["esc"],
        help: "close, then leave the zoom",
        footer: Some("back"),
        works: State::can_go_back,
    },
    Binding {
        action: Action::Quit,
        name: "quit",
        keys: &["q", "ctrl-c"],
        help: "quit",
        footer: Some("quit"),
        works: always,
    },
    Binding {
        action: Action::Suspend,
        name: "suspend",
        keys: &["ctrl-z"],
        help: "hand the terminal to the shell",
        footer: None,
        works: always,
    },
    Binding {
        action: Action::Repaint,
        name: "repaint",
        keys: &["ctrl-l"],
        help: "paint everything again",
        footer: None,
        works: always,
    },
];

/// What a key event means; `None` for keys without a meaning and for releases.
#[must_use]
pub fn parse(event: &KeyEvent) -> Option<Action> {
    let name = name(event)?;
    KEYS.iter().find(|binding| binding.keys.contains(&name.as_str())).map(|binding| binding.action)
}

/// A key event in the words of the table; `None` for releases, too.
pub(super) fn name(event: &KeyEvent) -> Option<String> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let name = match event.code {
        KeyCode::Up => "up".to_owned(),
        KeyCode::Down => "down".to_owned(),
        KeyCode::Left => "left".to_owned(),
        KeyCode::Right => "right".to_owned(),
        KeyCode::PageUp => "pgup".to_owned(),
        KeyCode::PageDown => "pgdn".to_owned(),
        KeyCode::Home => "home".to_owned(),
        KeyCode::End => "end".to_owned(),
        KeyCode::Tab => "tab".to_owned(),
        KeyCode::BackTab => "backtab".to_owned(),
        KeyCode::Esc => "esc".to_owned(),
        KeyCode::Enter => "enter".to_owned(),
        KeyCode::Char(' ') => "space".to_owned(),
        KeyCode::Char(character) => character.to_string(),
        _ => return None,
    };
    if event.modifiers.contains(KeyModifiers::CONTROL) {
        return Some(format!("ctrl-{}", name.to_lowercase()));
    }
    (!event.modifiers.contains(KeyModifiers::ALT)).then_some(name)
}

/// A key as help and footer show it: `⇥` for tab, arrows as arrows, their names where there are no such signs.
#[must_use]
pub fn symbol(key: &str, graph: Graph) -> &str {
    match key {
        "up" | "down" | "left" | "right" | "tab" | "backtab" if graph == Graph::Ascii => match key {
            "up" => "Up",
            "down" => "Down",
            "left" => "Left",
            "right" => "Right",
            "tab" => "Tab",
            _ => "Shift-Tab",
        },
        "up" => "↑",
        "down" => "↓",
        "left" => "←",
        "right" => "→",
        "tab" => "⇥",
        "backtab" => "⇤",
        "pgup" => "PgUp",
        "pgdn" => "PgDn",
        "home" => "Home",
        "end" => "End",
        "ctrl-c" => "Ctrl-C",
        "ctrl-z" => "Ctrl-Z",
        "ctrl-l" => "Ctrl-L",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_key_means_two_things() {
        let mut seen = HashSet::new();
        for key in KEYS.iter().flat_map(|binding| binding.keys) {
            assert!(seen.insert(key), "'{key}' is bound twice");
        }
        let names: HashSet<_> = KEYS.iter().map(|binding| binding.name).collect();
        assert_eq!(names.len(), KEYS.len(), "two bindings share a name");
    }

    #[test]
    fn every_key_of_the_table_is_understood() {
        for binding in KEYS {
            for key in binding.keys {
                let (code, modifiers) = match *key {
                    "up" => (KeyCode::Up, KeyModifiers::NONE),
                    "down" => (KeyCode::Down, KeyModifiers::NONE),
                    "left" => (KeyCode::Left, KeyModifiers::NONE),
                    "right" => (KeyCode::Right, KeyModifiers::NONE),
                    "pgup" => (KeyCode::PageUp, KeyModifiers::NONE),
                    "pgdn" => (KeyCode::PageDown, KeyModifiers::NONE),
                    "home" => (KeyCode::Home, KeyModifiers::NONE),
                    "end" => (KeyCode::End, KeyModifiers::NONE),
                    "tab" => (KeyCode::Tab, KeyModifiers::NONE),
                    "backtab" => (KeyCode::BackTab, KeyModifiers::SHIFT),
                    "esc" => (KeyCode::Esc, KeyModifiers::NONE),
                    "space" => (KeyCode::Char(' '), KeyModifiers::NONE),
                    other => match other.strip_prefix("ctrl-") {
                        Some(rest) => (KeyCode::Char(rest.chars().next().unwrap()), KeyModifiers::CONTROL),
                        None => (KeyCode::Char(other.chars().next().unwrap()), KeyModifiers::NONE),
                    },
                };
                assert_eq!(parse(&KeyEvent::new(code, modifiers)), Some(binding.action), "{key}");
            }
        }
    }

    #[test]
    fn other_keys_mean_nothing() {
        for (code, modifiers) in [
            (KeyCode::Char('q'), KeyModifiers::ALT),
            (KeyCode::Char('s'), KeyModifiers::CONTROL),
            (KeyCode::F(5), KeyModifiers::NONE),
            (KeyCode::Char('é'), KeyModifiers::NONE),
        ] {
            assert_eq!(parse(&KeyEvent::new(code, modifiers)), None, "{code:?}");
        }
    }
}
