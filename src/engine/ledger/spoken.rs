//! Points of counters give way to whatever speaks for the same scope: a scope enters, the charges of its points are taken back.

use std::io;

use rustc_hash::FxHashSet;

use super::{Entry, Ledger};
use crate::engine::Post;
use crate::engine::identity::{RecordIds, link};
use crate::engine::names::{NONE, Names, ProfileId};
use crate::engine::record::{Record, Spoken};
use crate::engine::rows::Row;
use crate::time::Timestamp;
use crate::usage::{Dimension, Origin};

impl Ledger {
    /// Something speaks for a scope: points of counters over it are taken back, now and from here on. Returns how many charges are gone.
    ///
    /// # Errors
    /// As [`Ledger::apply`].
    pub fn speak(
        &mut self,
        spoken: &Spoken,
        (arrival, history): (Timestamp, bool),
        names: &mut Names,
        posts: &mut Vec<Post>,
    ) -> io::Result<u64> {
        if self.spoken.contains(&spoken.scope) {
            return Ok(0);
        }
        let mut bills = Vec::new();
        let mut seen = FxHashSet::default();
        for number in self.points.get(&spoken.scope).cloned().unwrap_or_default() {
            if !seen.contains(&number) {
                let group = self.group(number)?;
                seen.extend(group.iter().map(|class| class.number));
                self.bills_of(&group, names, &mut bills);
            }
        }
        let number = self.rows.len() as u32;
        let time = spoken.time.unwrap_or(arrival).ms();
        let profile = names.profile([NONE; Dimension::COUNT]);
        self.rows.push(&row_of_scope(spoken.scope, time, profile, number))?;
        self.touch(number);
        self.points.remove(&spoken.scope);
        self.spoken.insert(spoken.scope);
        if !self.is_quiet {
            posts.extend(bills.iter().map(|bill| Post::of(bill, -1, history)));
        }
        Ok(bills.len() as u64)
    }

    /// Points of counters that something speaks for, and the rows that say so: no charges.
    pub(super) fn is_void(&self, row: &Row) -> bool {
        is_void(&self.spoken, row)
    }

    pub(super) fn note_points(&mut self, number: u32, row: &Row) {
        if row.origin == Origin::Metrics && !is_void(&self.spoken, row) {
            self.points.entry(row.ids.request).or_default().push(number);
        }
    }
}

/// Points whose scope is spoken for, and the rows that say that one is.
pub(super) fn is_void(spoken: &FxHashSet<u128>, row: &Row) -> bool {
    row.origin == Origin::Metrics && (is_scope(row) || spoken.contains(&row.ids.request))
}

/// It says that a scope is spoken for.
pub(super) fn is_scope(row: &Row) -> bool {
    row.origin == Origin::Metrics && row.ids.request == 0
}

/// How a state knows that something speaks for a scope: a row that is no charge. Points name their scope where requests have their id;
/// this row has none there.
fn row_of_scope(scope: u128, time: i64, profile: ProfileId, number: u32) -> Row {
    let ids = RecordIds { call: scope, links: link::CALL, ..RecordIds::default() };
    let nobody = Record { ids, origin: Origin::Metrics, ..Record::default() };
    let entry = Entry {
        record: &nobody,
        profile,
        session: NONE,
        stop_reason: NONE,
        arrival: Timestamp::from_ms(time),
        history: true,
    };
    Row { next: number, ..entry.row() }
}
