//! The table itself: what each key does, where, and what help and footer say of it.

use super::{Binding, Mode};
use crate::ui::action::Action;
use crate::ui::layout::Page;
use crate::ui::snapshot::Snapshot;
use crate::ui::state::State;

const EVERY: &[Page] = &Page::ALL;
const TABLES: &[Page] = &[Page::Overview, Page::Entity];
const LISTS: &[Page] = &[Page::Overview, Page::Entity, Page::Session];
const PANELS: &[Page] = &[Page::Overview, Page::Entity, Page::Session, Page::Request];
const DRILLED: &[Page] = &[Page::Entity, Page::Session, Page::Request];
const NOT_ALARMS: &[Page] = &[Page::Overview, Page::Entity, Page::Session, Page::Request, Page::Drift];
const NOT_DRIFT: &[Page] = &[Page::Overview, Page::Entity, Page::Session, Page::Request, Page::Alarms];
const WINDOWED: &[Page] = &[Page::Overview, Page::Entity, Page::Session, Page::Drift];
const ALARMS: &[Page] = &[Page::Alarms];

fn always(_: &State, _: &Snapshot) -> bool {
    true
}

/// A line of the table.
const fn key(
    (action, name): (Action, &'static str),
    keys: &'static [&'static str],
    (help, footer): (&'static str, &'static str),
    (mode, pages): (Mode, &'static [Page]),
    works: fn(&State, &Snapshot) -> bool,
) -> Binding {
    Binding { action, name, keys, help, footer, mode, pages, works }
}

/// Every key, in the order of help and footer. Without a word for the footer it stands in help alone.
#[rustfmt::skip]
pub const KEYS: &[Binding] = &[
    key((Action::Back, "back"), &["esc"], ("close what lies on top, or return", "back"), (Mode::Screen, EVERY), State::can_go_back),
    key((Action::Open, "open"), &["enter"], ("look into the selected row", "open"), (Mode::Screen, EVERY), State::opens),
    key((Action::PreviousSibling, "previous-sibling"), &["{"], ("the one before, in the list it was opened from", "siblings"), (Mode::Screen, DRILLED), State::has_siblings),
    key((Action::NextSibling, "next-sibling"), &["}"], ("the one after", "siblings"), (Mode::Screen, DRILLED), State::has_siblings),
    key((Action::Up, "up"), &["up", "k"], ("one row up", ""), (Mode::Screen, EVERY), State::scrolls),
    key((Action::Down, "down"), &["down", "j"], ("one row down", ""), (Mode::Screen, EVERY), State::scrolls),
    key((Action::PageUp, "page-up"), &["pgup"], ("a page up", ""), (Mode::Screen, EVERY), State::scrolls),
    key((Action::PageDown, "page-down"), &["pgdn"], ("a page down", ""), (Mode::Screen, EVERY), State::scrolls),
    key((Action::First, "first"), &["home", "g"], ("first row", ""), (Mode::Screen, EVERY), State::scrolls),
    key((Action::Last, "last"), &["end", "G"], ("last row", ""), (Mode::Screen, EVERY), State::scrolls),
    key((Action::NextPanel, "next-panel"), &["tab", "right", "l"], ("next panel", "panel"), (Mode::Screen, PANELS), State::has_panels),
    key((Action::PreviousPanel, "previous-panel"), &["backtab", "left", "h"], ("previous panel", ""), (Mode::Screen, PANELS), State::has_panels),
    key((Action::Filter, "filter"), &["/"], ("only rows whose name contains; ! turns it round", "filter"), (Mode::Screen, TABLES), State::groups),
    key((Action::SortNext, "sort"), &["s"], ("order by the next column", "sort"), (Mode::Screen, LISTS), State::sorts),
    key((Action::SortReverse, "reverse"), &["S"], ("turn the order round", ""), (Mode::Screen, TABLES), State::reverses),
    key((Action::By, "by"), &["b"], ("group by something else, then a letter", "by"), (Mode::Screen, TABLES), State::groups),
    key((Action::ShorterWindow, "shorter-window"), &["["], ("shorter window, for all panels", "window"), (Mode::Screen, WINDOWED), State::can_change_window),
    key((Action::LongerWindow, "longer-window"), &["]"], ("longer window, for all panels", "window"), (Mode::Screen, WINDOWED), State::can_change_window),
    key((Action::Earlier, "earlier"), &[","], ("half a window into the past", "past"), (Mode::Screen, WINDOWED), State::can_change_window),
    key((Action::Later, "later"), &["."], ("half a window towards now", "past"), (Mode::Screen, WINDOWED), State::is_past),
    key((Action::Now, "now"), &["n"], ("to now; to the newest event where all is older", "now"), (Mode::Screen, WINDOWED), State::can_return_to_now),
    key((Action::Freeze, "freeze"), &["space"], ("freeze the view; counting goes on", "freeze"), (Mode::Screen, WINDOWED), State::freezes),
    key((Action::Zoom, "zoom"), &["z"], ("the focused panel alone", "zoom"), (Mode::Screen, EVERY), State::zooms),
    key((Action::Alarms, "alarms"), &["a"], ("all alarms", "alarms"), (Mode::Screen, NOT_ALARMS), State::can_open_alarms),
    key((Action::Drift, "drift"), &["d"], ("costs as logs report them against the table's", ""), (Mode::Screen, NOT_DRIFT), State::can_open_drift),
    key((Action::Acknowledge, "acknowledge"), &["A"], ("seen: the selected alarm; elsewhere all that fire", "ack"), (Mode::Screen, EVERY), State::can_acknowledge),
    key((Action::Snooze, "snooze"), &["Z"], ("silent for 15 min; again: 1 h, 4 h", "snooze"), (Mode::Screen, ALARMS), State::can_snooze),
    key((Action::Mute, "mute"), &["m"], ("silence the bell, or let it ring", "mute"), (Mode::Screen, EVERY), State::can_mute),
    key((Action::Intake, "intake"), &["i"], ("what came in, and what became of it", "intake"), (Mode::Screen, EVERY), always),
    key((Action::NextTheme, "theme"), &["t"], ("next theme", "theme"), (Mode::Screen, EVERY), always),
    key((Action::Mouse, "mouse"), &["M"], ("mouse to the terminal, or back", ""), (Mode::Screen, EVERY), always),
    key((Action::Help, "help"), &["?"], ("these keys", "help"), (Mode::Screen, EVERY), always),
    key((Action::Quit, "quit"), &["q", "ctrl-c"], ("quit", "quit"), (Mode::Screen, EVERY), always),
    key((Action::Suspend, "suspend"), &["ctrl-z"], ("hand the terminal to the shell", ""), (Mode::Screen, EVERY), always),
    key((Action::Repaint, "repaint"), &["ctrl-l"], ("paint everything again", ""), (Mode::Screen, EVERY), always),
    key((Action::KeepFilter, "keep-filter"), &["enter"], ("keep the filter", "keep"), (Mode::Typing, TABLES), always),
    key((Action::DropFilter, "drop-filter"), &["esc"], ("drop the filter", "drop"), (Mode::Typing, TABLES), always),
    key((Action::Erase, "erase"), &["backspace"], ("take the last character back", ""), (Mode::Typing, TABLES), always),
    key((Action::EraseAll, "erase-all"), &["ctrl-u"], ("begin anew", "clear"), (Mode::Typing, TABLES), always),
    key((Action::Choose, "choose"), &["enter"], ("take it", "take"), (Mode::Choosing, TABLES), always),
    key((Action::CloseChoices, "close-choices"), &["esc"], ("change nothing", "close"), (Mode::Choosing, TABLES), always),
    key((Action::PreviousChoice, "previous-choice"), &["up"], ("the one before", "choose"), (Mode::Choosing, TABLES), always),
    key((Action::NextChoice, "next-choice"), &["down"], ("the one after", "choose"), (Mode::Choosing, TABLES), always),
];
