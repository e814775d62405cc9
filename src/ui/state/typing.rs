//! Text that is typed into a filter, and the choice of what a table's rows are. Hostile text may be pasted: it is only ever compared and
//! drawn cleaned.

use unicode_segmentation::UnicodeSegmentation;

use super::lists::choices;
use super::{Cursor, State, TableVisit};
use crate::label::clean;

/// Longest filter, in characters: half of the longest label.
const MOST_CHARS: usize = 64;

/// A filter that is being typed. The text itself is the table's: it filters as it grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typing {
    /// Which table.
    pub table: usize,
    /// The table when typing began.
    pub(super) before: TableVisit,
}

/// The choices of what a table's rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Menu {
    /// Which table.
    pub table: usize,
    /// Which choice is marked.
    pub at: usize,
}

impl State {
    pub(super) fn begin_typing(&mut self, table: usize) {
        let visit = &mut self.visit.tables[table];
        self.typing = Some(Typing { table, before: visit.clone() });
    }

    /// The filter changes: rows from the first on.
    pub(super) fn edit(&mut self, change: impl FnOnce(&mut String)) {
        if let Some(typing) = &self.typing {
            let visit = &mut self.visit.tables[typing.table];
            let before = visit.filter.clone();
            change(&mut visit.filter);
            if visit.filter != before {
                visit.cursor = Cursor::default();
            }
        }
    }

    pub(super) fn type_in(&mut self, character: char) {
        // A joiner alone is refused; between two parts of an emoji it is what names are written with.
        let text = character.to_string();
        let harmless = character == '\u{200d}' || clean(&text) == text;
        self.edit(|filter| {
            if harmless && filter.chars().count() < MOST_CHARS {
                filter.push(character);
            }
        });
    }

    pub(super) fn erase(&mut self) {
        self.edit(|filter| {
            let last = filter.grapheme_indices(true).next_back().map_or(0, |(at, _)| at);
            filter.truncate(last);
        });
    }

    pub(super) fn drop_filter(&mut self) {
        if let Some(typing) = self.typing.take() {
            self.visit.tables[typing.table] = TableVisit { filter: String::new(), ..typing.before };
        }
    }

    pub(super) fn begin_choosing(&mut self, table: usize) {
        let by = self.visit.tables[table].by;
        let at = choices(&self.own).iter().position(|(_, choice)| *choice == by).unwrap_or(0);
        self.menu = Some(Menu { table, at });
    }

    pub(super) fn step_choice(&mut self, forward: bool) {
        if let Some(menu) = &mut self.menu {
            let count = choices(&self.own).len();
            menu.at = (menu.at + if forward { 1 } else { count - 1 }) % count;
        }
    }

    /// The choice with this letter; other letters change nothing.
    pub(super) fn choose_letter(&mut self, letter: char) {
        if let Some(at) = choices(&self.own).iter().position(|(other, _)| *other == letter)
            && let Some(menu) = &mut self.menu
        {
            menu.at = at;
            self.choose();
        }
    }

    pub(super) fn choose(&mut self) {
        let Some(menu) = self.menu.take() else { return };
        let Some((_, by)) = choices(&self.own).get(menu.at).copied() else { return };
        let visit = &mut self.visit.tables[menu.table];
        if visit.by != by {
            *visit = TableVisit { sort: visit.sort, reversed: visit.reversed, ..TableVisit::by(by) };
        }
    }
}
