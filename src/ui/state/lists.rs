//! The user's stay at a table of groups and at a list of charges: what is asked for, and how it is ordered.

use super::cursor::{AtHand, Cursor};
use crate::engine::names::NameId;
use crate::engine::view::{
    By, ChargeId, ChargeOrder, Charges, ChargesQuery, GroupRow, Scope, SortKey, Table, TableQuery,
};
use crate::usage::{Dimension, OwnLabel};

/// Pages of rows asked for before and after those in sight, so that a key finds its row at hand.
const PAGES: usize = 3;

/// Turns that are asked for to be summed; of longer sessions what is in sight, too.
const MOST_TURNS: usize = 1000;

/// What a table's rows can be, each with the letter that chooses it; the operator's own labels by digits.
#[must_use]
pub fn choices(own: &[OwnLabel]) -> Vec<(char, By)> {
    use Dimension::{Agent, Feature, Host, Key, Model, Project, Provider, Source, Team, Tier, User};
    let dimension = |letter, dimension| (letter, By::Dimension(dimension));
    let mut choices = vec![
        dimension('m', Model),
        dimension('u', User),
        dimension('t', Team),
        dimension('p', Project),
        dimension('f', Feature),
        dimension('a', Agent),
        dimension('h', Host),
        dimension('o', Source),
        dimension('k', Key),
        dimension('v', Provider),
        dimension('r', Tier),
        ('s', By::Session),
    ];
    choices.extend(('1'..='9').zip(own).map(|(digit, label)| dimension(digit, Dimension::Own(*label))));
    choices
}

/// What a dimension of that name is; `session` too.
#[must_use]
pub fn named(name: &str, own: &[OwnLabel]) -> Option<By> {
    choices(own).into_iter().map(|(_, by)| by).find(|by| by.name() == name)
}

/// The user's stay at one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableVisit {
    /// What a row is.
    pub by: By,
    /// Ordered by.
    pub sort: SortKey,
    /// Turned round.
    pub reversed: bool,
    /// Only rows whose name contains this.
    pub filter: String,
    /// What is selected and in sight.
    pub cursor: Cursor<NameId>,
}

impl TableVisit {
    /// By cost, from the first row on.
    #[must_use]
    pub fn by(by: By) -> TableVisit {
        TableVisit { by, sort: SortKey::Cost, reversed: false, filter: String::new(), cursor: Cursor::default() }
    }

    /// The first grouping that tells anything apart in this scope.
    #[must_use]
    pub fn within(scope: &Scope) -> TableVisit {
        let wanted = [By::MODEL, By::USER, By::Dimension(Dimension::Project), By::Dimension(Dimension::Feature)];
        let open = |by: &By| !scope.parts().iter().any(|(part, _)| part == by);
        let mut wanted = wanted.to_vec();
        if scope.last().is_some_and(|(by, _)| by == By::MODEL) {
            wanted.swap(0, 1);
        }
        TableVisit::by(wanted.into_iter().find(open).unwrap_or(By::Session))
    }

    /// The same table of another entity: order kept, rows from the first on.
    pub(super) fn afresh(&self) -> TableVisit {
        TableVisit { filter: String::new(), cursor: Cursor::default(), ..self.clone() }
    }

    /// The rows in sight and a page before and after.
    pub(super) fn query(&self, rows: usize) -> TableQuery {
        TableQuery {
            by: self.by,
            filter: self.filter.clone(),
            sort: self.sort,
            reversed: self.reversed,
            offset: self.cursor.offset.saturating_sub(rows),
            rows: (PAGES * rows).max(1),
            selected: self.cursor.wanted(),
        }
    }

    /// Whether an answer's table is the one asked for, rows aside.
    pub(super) fn is_answered(&self, query: &TableQuery) -> bool {
        self.by == query.by && self.filter == query.filter && self.sort == query.sort && self.reversed == query.reversed
    }

    /// The rows that came.
    #[must_use]
    pub fn at_hand(table: &Table) -> AtHand<NameId> {
        AtHand {
            ids: table.rows.iter().map(|row| row.id).collect(),
            offset: table.offset,
            all: table.groups,
            selected: table.selected,
        }
    }

    /// The selected row, if it is at hand.
    #[must_use]
    pub fn selected<'a>(&self, table: &'a Table) -> Option<&'a GroupRow> {
        table.rows.get(self.cursor.row(&TableVisit::at_hand(table))?)
    }

    pub(super) fn sort_next(&mut self) {
        let at = SortKey::ALL.iter().position(|key| *key == self.sort).unwrap_or(0);
        self.sort = SortKey::ALL[(at + 1) % SortKey::ALL.len()];
        self.reversed = false;
    }

    pub(super) fn reverse(&mut self) {
        self.reversed = !self.reversed;
    }
}

/// The user's stay at a list of single charges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChargesVisit {
    /// Ordered by.
    pub order: ChargeOrder,
    /// What is selected and in sight.
    pub cursor: Cursor<ChargeId>,
}

impl ChargesVisit {
    /// In this order, from the first row on.
    #[must_use]
    pub fn ordered(order: ChargeOrder) -> ChargesVisit {
        ChargesVisit { order, cursor: Cursor::default() }
    }

    /// As many rows as in sight before and after; of turns all from the first on, so that their sum is known.
    pub(super) fn query(&self, rows: usize, turns: bool) -> ChargesQuery {
        if turns && self.order == ChargeOrder::Oldest {
            let rows = (self.cursor.offset + 2 * rows).min(MOST_TURNS.max(self.cursor.offset + rows));
            return ChargesQuery { order: self.order, offset: 0, rows, selected: self.cursor.wanted() };
        }
        ChargesQuery {
            order: self.order,
            offset: self.cursor.offset.saturating_sub(rows),
            rows: PAGES * rows,
            selected: self.cursor.wanted(),
        }
    }

    /// The rows that came.
    #[must_use]
    pub fn at_hand(charges: &Charges) -> AtHand<ChargeId> {
        AtHand {
            ids: charges.rows.iter().map(|row| row.id).collect(),
            offset: charges.offset,
            all: charges.at_hand,
            selected: charges.selected,
        }
    }

    /// Newest, costliest, and for turns oldest first.
    pub(super) fn order_next(&mut self, turns: bool) {
        self.order = match (self.order, turns) {
            (ChargeOrder::Newest, _) => ChargeOrder::Costliest,
            (ChargeOrder::Costliest, true) => ChargeOrder::Oldest,
            (ChargeOrder::Costliest, false) | (ChargeOrder::Oldest, _) => ChargeOrder::Newest,
        };
        self.cursor = Cursor::default();
    }
}
