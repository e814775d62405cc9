//! All keys in one table: the parser, the help overlay, the footer and the conflict test read it, and nothing else knows a key.

mod table;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::action::Action;
use super::layout::Page;
use super::snapshot::Snapshot;
use super::state::State;

pub use table::KEYS;

/// What keys mean: moving on a screen, typing, or choosing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Keys act.
    Screen,
    /// Characters are text.
    Typing,
    /// Letters choose.
    Choosing,
}

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
    /// The word in the footer, empty for none; neighbours with the same word share it.
    pub footer: &'static str,
    /// While it means this.
    pub mode: Mode,
    /// The screens that have it.
    pub pages: &'static [Page],
    /// Whether it does anything now.
    pub works: fn(&State, &Snapshot) -> bool,
}

/// What a key event means on this page; `None` for keys without a meaning and for releases.
#[must_use]
pub fn parse(mode: Mode, page: Page, event: &KeyEvent) -> Option<Action> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let name = key_name(event)?;
    let bound = |mode: Mode| {
        let mut bindings = KEYS.iter().filter(|binding| binding.mode == mode && binding.pages.contains(&page));
        bindings.find(|binding| binding.keys.contains(&name.as_str())).map(|binding| binding.action)
    };
    let character = match event.code {
        KeyCode::Char(character) if name == "space" || name.chars().eq([character]) => Some(character),
        _ => None,
    };
    match (mode, character) {
        (Mode::Screen, _) => bound(Mode::Screen),
        (_, Some(character)) => Some(Action::Type(character)),
        // What leaves the program, repaints or scrolls does so while text is typed, too.
        (Mode::Typing, None) if is_steering(&name) => bound(Mode::Typing).or_else(|| bound(Mode::Screen)),
        (Mode::Choosing, None) if name.starts_with("ctrl-") => bound(Mode::Screen),
        (mode, None) => bound(mode),
    }
}

fn is_steering(name: &str) -> bool {
    name.starts_with("ctrl-") || matches!(name, "up" | "down" | "pgup" | "pgdn" | "home" | "end")
}

/// A key event in the words of the table.
fn key_name(event: &KeyEvent) -> Option<String> {
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
        KeyCode::Backspace => "backspace".to_owned(),
        KeyCode::Char(' ') => "space".to_owned(),
        KeyCode::Char(character) => character.to_string(),
        _ => return None,
    };
    if event.modifiers.contains(KeyModifiers::CONTROL) {
        return Some(format!("ctrl-{}", name.to_lowercase()));
    }
    (!event.modifiers.contains(KeyModifiers::ALT)).then_some(name)
}

/// The event of a key in the words of the table; `None` for what is no key.
#[must_use]
pub fn event(key: &str) -> Option<KeyEvent> {
    let (modifiers, name) = match key.strip_prefix("ctrl-") {
        Some(name) => (KeyModifiers::CONTROL, name),
        None => (KeyModifiers::NONE, key),
    };
    let code = match name {
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "esc" => KeyCode::Esc,
        "enter" => KeyCode::Enter,
        "backspace" => KeyCode::Backspace,
        "space" => KeyCode::Char(' '),
        other => {
            let mut characters = other.chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) => KeyCode::Char(character),
                _ => return None,
            }
        }
    };
    Some(KeyEvent::new(code, modifiers))
}

/// A key as help and footer show it: `⇥` for tab, arrows as arrows.
#[must_use]
pub fn symbol(key: &str) -> &str {
    match key {
        "up" => "↑",
        "down" => "↓",
        "left" => "←",
        "right" => "→",
        "enter" => "⏎",
        "tab" => "⇥",
        "backtab" => "⇤",
        "pgup" => "PgUp",
        "pgdn" => "PgDn",
        "home" => "Home",
        "end" => "End",
        "backspace" => "⌫",
        "ctrl-c" => "Ctrl-C",
        "ctrl-u" => "Ctrl-U",
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
    fn no_key_means_two_things_on_one_screen() {
        for page in Page::ALL {
            let mut seen = HashSet::new();
            for binding in KEYS.iter().filter(|binding| binding.pages.contains(&page)) {
                for key in binding.keys {
                    assert!(seen.insert((binding.mode, key)), "'{key}' is bound twice on {page:?}");
                }
            }
        }
        let names: HashSet<_> = KEYS.iter().map(|binding| binding.name).collect();
        assert_eq!(names.len(), KEYS.len(), "two bindings share a name");
    }

    #[test]
    fn every_key_of_the_table_is_understood_on_its_screens_and_nowhere_else() {
        for binding in KEYS {
            for key in binding.keys {
                for page in Page::ALL {
                    let understood = parse(binding.mode, page, &event(key).unwrap());
                    assert_eq!(understood == Some(binding.action), binding.pages.contains(&page), "{key} on {page:?}");
                }
            }
        }
    }

    #[test]
    fn while_text_is_typed_characters_are_text_and_the_way_out_stays_open() {
        let typed = |key: &str| parse(Mode::Typing, Page::Overview, &event(key).unwrap());
        for character in ['q', ' ', 'j', '/', '?', 'é', '本'] {
            assert_eq!(typed(&character.to_string()), Some(Action::Type(character)));
        }
        assert_eq!(typed("space"), Some(Action::Type(' ')));
        assert_eq!(typed("ctrl-c"), Some(Action::Quit));
        assert_eq!(typed("down"), Some(Action::Down));
        assert_eq!(typed("tab"), None);
        assert_eq!(parse(Mode::Choosing, Page::Overview, &event("q").unwrap()), Some(Action::Type('q')));
        assert_eq!(parse(Mode::Choosing, Page::Overview, &event("ctrl-c").unwrap()), Some(Action::Quit));
    }

    #[test]
    fn other_keys_mean_nothing() {
        for (code, modifiers) in [
            (KeyCode::Char('q'), KeyModifiers::ALT),
            (KeyCode::Char('s'), KeyModifiers::CONTROL),
            (KeyCode::F(5), KeyModifiers::NONE),
            (KeyCode::Char('é'), KeyModifiers::NONE),
        ] {
            assert_eq!(parse(Mode::Screen, Page::Overview, &KeyEvent::new(code, modifiers)), None, "{code:?}");
        }
        assert_eq!(parse(Mode::Typing, Page::Overview, &KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT)), None);
    }
}
