//! What a change makes of a group's bills: what it billed before and its rows as they stand enter, new − old leaves.

use std::io;

use super::Ledger;
use crate::engine::Post;
use crate::engine::bill::{self, Bill, Class};
use crate::engine::names::Names;
use crate::engine::rows::Row;
use crate::price::Priced;

impl Ledger {
    /// Posts what `group` bills now less what it billed `before`; returns by how many the charges became more.
    pub(super) fn post_difference(
        &mut self,
        mut before: Vec<Bill>,
        group: &[Class],
        names: &mut Names,
        posts: &mut Vec<Post>,
        history: bool,
    ) -> i64 {
        let mut after = Vec::new();
        self.bills_of(group, names, &mut after);
        let charges = after.len().cast_signed() as i64 - before.len().cast_signed() as i64;
        // What did not change is not posted.
        before.retain(|old: &Bill| match after.iter().position(|new| !differs(old, new)) {
            Some(place) => {
                after.swap_remove(place);
                false
            }
            None => true,
        });
        for bill in &after {
            self.rows.cover(bill.number, bill.time.ms());
        }
        if !self.is_quiet {
            posts.extend(before.iter().map(|bill| Post::of(bill, -1, history)));
            posts.extend(after.iter().map(|bill| Post::of(bill, 1, history)));
        }
        charges
    }

    pub(super) fn bills_of(&self, group: &[Class], names: &mut Names, out: &mut Vec<Bill>) {
        if group.iter().any(|class| self.is_void(&class.row)) {
            return;
        }
        out.extend(bill::charges(group, names).map(|classes| bill::bill(&classes, names, self.mode)));
    }

    /// Gives a row that had none a price, and posts the difference as history.
    ///
    /// # Errors
    /// The rows' file cannot be read or written.
    pub fn set_price(
        &mut self,
        number: u32,
        priced: Priced,
        names: &mut Names,
        posts: &mut Vec<Post>,
    ) -> io::Result<()> {
        let mut group = self.group(number)?;
        let mut before = Vec::new();
        self.bills_of(&group, names, &mut before);
        let Some(class) = group.iter_mut().find(|class| class.number == number) else { return Ok(()) };
        let row = &mut class.row;
        (row.computed, row.saved_pico, row.batch) = (priced.computed, priced.saved_pico, priced.batch);
        // As if it had been priced when it was read.
        row.whole_terms = false;
        let class = *class;
        self.store(&class)?;
        self.post_difference(before, &group, names, posts, true);
        Ok(())
    }
}

/// Nothing but the place of the record changed.
pub(super) fn said_nothing(before: &Class, after: &Class) -> bool {
    Row { place: before.row.place, ..after.row } == before.row && after.times == before.times
}

/// Anything a sum or a list would show.
pub(super) fn differs(old: &Bill, new: &Bill) -> bool {
    let said = |bill: &Bill| (bill.number, bill.time, bill.profile, bill.session, bill.sums());
    said(old) != said(new)
}
