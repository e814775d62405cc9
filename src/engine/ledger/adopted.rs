//! Rows that another process counted: what its state gained enters, the same differences leave as if the records had come here.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::{Ledger, differs, is_scope, post};
use crate::engine::Post;
use crate::engine::bill::Bill;
use crate::engine::names::Names;
use crate::engine::rows::{FACETS, Row, take_varint};

impl Ledger {
    /// Takes over the rows of one or more whole commits, in their order, and appends the differences they make to `posts`. A row that
    /// was dropped there stays as it is: its money does. Names are not looked up by these rows: nothing is applied here beside them.
    ///
    /// # Errors
    /// Bytes that are no rows, or a temporary file in trouble.
    pub fn adopt(&mut self, blobs: &[&[u8]], names: &mut Names, posts: &mut Vec<Post>) -> io::Result<()> {
        let mut rows: BTreeMap<u32, (Row, Option<[i64; FACETS]>)> = BTreeMap::new();
        for blob in blobs {
            let mut bytes = *blob;
            while !bytes.is_empty() {
                let damaged = || io::Error::other("a saved row is damaged");
                let number = take_varint(&mut bytes).and_then(|number| number.try_into().ok()).ok_or_else(damaged)?;
                let (row, times) = Row::decode_with_times(&mut bytes).ok_or_else(damaged)?;
                if !row.is_dead() {
                    rows.insert(number, (row, times));
                }
            }
        }
        let mut around: BTreeSet<u32> = rows.keys().copied().collect();
        // Points that are void from here on.
        let scopes =
            rows.values().filter(|(row, _)| is_scope(row)).filter_map(|(row, _)| self.points.get(&row.ids.call));
        around.extend(scopes.flatten());
        let mut before = self.bills_around(around.clone(), names)?;
        for (number, (row, times)) in &rows {
            self.rows.reach(*number, row)?;
            if is_scope(row) {
                self.points.remove(&row.ids.call);
                self.spoken.insert(row.ids.call);
            } else if !self.rows.has(*number)? {
                self.note_points(*number, row);
            }
            self.rows.set(*number, row)?;
            match times {
                Some(times) => self.ragged.insert(*number, *times),
                None => self.ragged.remove(number),
            };
        }
        let mut after = self.bills_around(around, names)?;
        before.retain(|number, old| match after.get(number) {
            Some(new) if !differs(old, new) => {
                after.remove(number);
                false
            }
            _ => true,
        });
        for bill in after.values() {
            self.rows.cover(bill.number, bill.time.ms());
        }
        posts.extend(before.values().map(|bill| post(bill, -1, true)));
        posts.extend(after.values().map(|bill| post(bill, 1, true)));
        Ok(())
    }

    /// The bills of the groups of these rows, each once, by number.
    fn bills_around(&mut self, mut rows: BTreeSet<u32>, names: &mut Names) -> io::Result<BTreeMap<u32, Bill>> {
        let mut bills = Vec::new();
        while let Some(number) = rows.pop_first() {
            if !self.rows.has(number)? {
                continue;
            }
            let group = self.group(number)?;
            for class in &group {
                rows.remove(&class.number);
            }
            self.bills_of(&group, names, &mut bills);
        }
        Ok(bills.into_iter().map(|bill| (bill.number, bill)).collect())
    }
}
