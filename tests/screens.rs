//! What a user sees: whole screens at the sizes people have, the colours of some, and what every key changes.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

#[path = "support/drilled.rs"]
mod drilled;
#[path = "support/screen.rs"]
mod sample;

#[path = "screens/elsewhere.rs"]
mod elsewhere;
#[path = "screens/hostile.rs"]
mod hostile;
#[path = "screens/looks.rs"]
mod looks;
#[path = "screens/mouse.rs"]
mod mouse;
#[path = "screens/overview.rs"]
mod overview;
#[path = "screens/signs.rs"]
mod signs;
#[path = "screens/travel.rs"]
mod travel;
#[path = "screens/typing.rs"]
mod typing;

use std::fmt::Write;

use costtop::engine::view::{ChargeId, Window};
use costtop::ui::action::{Action, Effect};
use costtop::ui::keys;
use costtop::ui::mouse::Targets;
use costtop::ui::screen::draw;
use costtop::ui::snapshot::Snapshot;
use costtop::ui::state::{State, update};
use costtop::ui::theme::{Depth, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

fn state(width: u16, height: u16, snapshot: &Snapshot) -> State {
    let mut state = State::new(sample::now(), (width, height), Window::M15);
    update(&mut state, Action::Arrived, snapshot);
    state
}

fn frame(state: &State, snapshot: &Snapshot, depth: Depth) -> Buffer {
    frame_in(&Theme::midnight(depth), state, snapshot).0
}

/// A frame, and what a click in it does.
fn frame_in(theme: &Theme, state: &State, snapshot: &Snapshot) -> (Buffer, Targets) {
    let area = Rect::new(0, 0, state.size.0, state.size.1);
    let mut buffer = Buffer::empty(area);
    let targets = draw(state, snapshot, theme, &mut buffer);
    for (place, action) in targets.places() {
        assert_eq!(place, place.intersection(area), "{action:?} is clicked outside of the screen");
    }
    (buffer, targets)
}

/// The symbols, line by line, between bars so that blanks at the end show.
fn symbols(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut skip = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip == 0 {
                out.push_str(symbol);
                skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            } else {
                skip -= 1;
            }
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

/// Runs of equal style: `row:from-to foreground background modifiers`.
fn styles(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut from = 0;
        while from < buffer.area.width {
            let style = buffer[(from, y)].style();
            let to = (from..buffer.area.width).take_while(|x| buffer[(*x, y)].style() == style).last().unwrap_or(from);
            let (fg, bg, modifiers) = (style.fg.unwrap_or_default(), style.bg.unwrap_or_default(), style.add_modifier);
            if format!("{fg}{bg}{modifiers:?}") != "ResetResetNONE" {
                let _ = writeln!(out, "{y}:{from}-{to} {fg} {bg} {modifiers:?}");
            }
            from = to + 1;
        }
    }
    out
}

/// Somebody at the keyboard, and an engine that answers at once.
struct Seat {
    state: State,
    base: Snapshot,
    shown: Snapshot,
    charge: Option<ChargeId>,
    /// What was asked besides rows.
    asked: Vec<Effect>,
}

impl Seat {
    fn new(width: u16, height: u16, base: Snapshot) -> Seat {
        let state = State::new(sample::now(), (width, height), Window::M15);
        let mut seat = Seat { state, shown: base.clone(), base, charge: None, asked: Vec::new() };
        seat.act(Action::Arrived);
        seat
    }

    fn act(&mut self, action: Action) {
        let mut effects = update(&mut self.state, action, &self.shown);
        // An answer may need another question, such as how many budgets there are: never more than a few.
        for round in 0.. {
            assert!(round < 6, "questions without end");
            let mut arrived = false;
            for effect in effects {
                match effect {
                    Effect::Charge(charge) => {
                        self.charge = charge;
                        self.shown = drilled::answer(&self.base, &self.shown.view.query, charge);
                        arrived = true;
                    }
                    Effect::Query(query) => {
                        self.shown = drilled::answer(&self.base, &query, self.charge);
                        arrived = true;
                    }
                    other => self.asked.push(other),
                }
            }
            if !arrived {
                return;
            }
            effects = update(&mut self.state, Action::Arrived, &self.shown);
        }
    }

    /// What happens before an answer comes.
    fn hurry(&mut self, actions: &[Action]) {
        let asked = self.shown.clone();
        for action in actions {
            update(&mut self.state, *action, &asked);
        }
    }

    /// The answer to the last question comes.
    fn catch_up(&mut self) {
        let query = self.state.query(&self.shown);
        self.shown = drilled::answer(&self.base, &query, self.charge);
        self.act(Action::Arrived);
    }

    /// Keys in the words of the table, with blanks between.
    fn press(&mut self, keys: &str) -> &mut Seat {
        for key in keys.split(' ') {
            let event = keys::event(key).unwrap_or_else(|| panic!("'{key}' is no key"));
            if let Some(action) = keys::parse(self.state.mode(), self.state.visit.page, &event) {
                self.act(action);
            }
        }
        self
    }

    fn write(&mut self, text: &str) -> &mut Seat {
        text.chars().for_each(|character| self.act(Action::Type(character)));
        self
    }

    fn buffer(&self, depth: Depth) -> Buffer {
        frame(&self.state, &self.shown, depth)
    }

    fn text(&self) -> String {
        symbols(&self.buffer(Depth::TrueColor))
    }

    /// The line with this word in it.
    #[track_caller]
    fn line(&self, word: &str) -> String {
        let text = self.text();
        text.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("no '{word}' in\n{text}")).to_owned()
    }
}
