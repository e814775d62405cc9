//! Rows by their ids, and the rings that they form: an id enters, the rows of its group leave. What changed is remembered for the next commit.

use std::io;

use rustc_hash::FxHashMap;

use super::{Ledger, MOST_ROWS_OF_A_GROUP};
use crate::engine::bill::Class;
use crate::engine::changed::Changed;
use crate::engine::identity::RecordIds;
use crate::engine::rows::{FACETS, Row};

/// A ring that is longer is damaged: the rows of one pair can join a full group.
const MOST_ROWS_OF_A_RING: usize = 32 * MOST_ROWS_OF_A_GROUP;

impl Ledger {
    pub(super) fn enter(&mut self, ids: &RecordIds, number: u32) {
        let rows = &self.rows;
        for hash in ids.linking() {
            self.index.insert(hash, number, |number| rows.is_gone(number));
        }
    }

    /// Enters those of `hashes` that lead nowhere yet.
    pub(super) fn index_new(&mut self, hashes: impl Iterator<Item = u128>, classes: &[Class]) -> io::Result<()> {
        for hash in hashes {
            if self.find(hash)?.is_none()
                && let Some(class) = classes.iter().find(|class| class.row.ids.links_by(hash))
            {
                let rows = &self.rows;
                self.index.insert(hash, class.number, |number| rows.is_gone(number));
            }
        }
        Ok(())
    }

    pub(super) fn find(&mut self, hash: u128) -> io::Result<Option<u32>> {
        let rows = &mut self.rows;
        self.index.find(hash, |number| Ok(!rows.is_gone(number) && rows.ids(number)?.links_by(hash)))
    }

    pub(super) fn class(&self, number: u32, row: Row) -> Class {
        Class { number, row, times: times_of(&self.ragged, number, &row) }
    }

    /// The rows of a ring.
    pub(super) fn group(&mut self, member: u32) -> io::Result<Vec<Class>> {
        let mut group = Vec::new();
        let mut number = member;
        loop {
            let row = self.rows.get(number)?;
            group.push(self.class(number, row));
            number = row.next;
            if number == member {
                return Ok(group);
            }
            if group.len() > MOST_ROWS_OF_A_RING {
                return Err(io::Error::other(format!("the ring of row {member} does not close")));
            }
        }
    }

    pub(super) fn store(&mut self, class: &Class) -> io::Result<()> {
        self.rows.set(class.number, &class.row)?;
        if class.row.ragged {
            self.ragged.insert(class.number, class.times);
        } else {
            self.ragged.remove(&class.number);
        }
        self.touch(class.number);
        Ok(())
    }

    pub(super) fn touch(&mut self, number: u32) {
        if let Some(changed) = &mut self.changed {
            changed.add(number);
        }
    }

    /// Takes the numbers of the rows changed since the last call.
    pub fn take_changed(&mut self) -> Vec<u32> {
        self.changed.as_mut().map(Changed::take).unwrap_or_default()
    }
}

pub(super) fn times_of(ragged: &FxHashMap<u32, [i64; FACETS]>, number: u32, row: &Row) -> [i64; FACETS] {
    if row.ragged { ragged.get(&number).copied().unwrap_or_else(|| row.even_times()) } else { row.even_times() }
}

/// Same ids, same kind of source, side chain or not.
pub(super) fn same_class(a: &Row, b: &Row) -> bool {
    (a.ids.response, a.ids.request, a.ids.call, a.ids.span) == (b.ids.response, b.ids.request, b.ids.call, b.ids.span)
        && a.origin == b.origin
        && a.side_chain == b.side_chain
        && a.cache_hit == b.cache_hit
}
