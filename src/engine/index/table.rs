//! One shard of ids in memory: fingerprints with their rows enter, rows under a fingerprint leave. Places are probed one behind the other,
//! so that looking for an id that is not there has brought what its entry will be written to: of tables that keep signs and entries apart
//! each new id waited for the second (measured: 9 % of a report's CPU time).

use std::mem::replace;

/// The fingerprint above, the row below.
type Word = u64;

/// No entry. A row has this number only where there are four billion.
const EMPTY: Word = Word::MAX;
/// Places of the smallest table: a cache line.
const LEAST: usize = 8;

/// Fingerprints with their rows; several may be equal.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// None, or a power of two of them, at least an eighth empty.
    places: Vec<Word>,
    count: usize,
}

impl Table {
    /// The first row under `fingerprint` that `is_it` confirms.
    #[inline]
    pub fn find(&self, fingerprint: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.place(fingerprint, &mut is_it).map(|place| self.places[place] as u32)
    }

    /// Adds a row under `fingerprint`.
    #[inline]
    pub fn insert(&mut self, fingerprint: u32, row: u32) {
        if self.count == self.capacity() {
            self.rebuild((self.places.len() * 2).max(LEAST), |_| true);
        }
        self.put(word(fingerprint, row));
    }

    /// Takes out the first row under `fingerprint` that `is_it` confirms; whether there was one.
    pub fn remove(&mut self, fingerprint: u32, mut is_it: impl FnMut(u32) -> bool) -> bool {
        let Some(mut hole) = self.place(fingerprint, &mut is_it) else { return false };
        let mask = self.places.len() - 1;
        let mut place = hole;
        loop {
            place = (place + 1) & mask;
            let word = self.places[place];
            if word == EMPTY {
                break;
            }
            // It may stand anywhere between its home and here.
            let way = |from: usize| place.wrapping_sub(from) & mask;
            if way(self.home(word)) >= way(hole) {
                self.places[hole] = word;
                hole = place;
            }
        }
        self.places[hole] = EMPTY;
        self.count -= 1;
        true
    }

    /// Leaves the entries for whose row `keeps` is true.
    pub fn retain(&mut self, keeps: impl Fn(u32) -> bool) {
        self.rebuild(self.places.len(), |word| keeps(word as u32));
    }

    /// Gives back the memory of what was removed, where it is worth the move.
    pub fn shrink(&mut self) {
        if self.count < self.capacity() / 4 {
            let places = if self.count == 0 { 0 } else { (self.count * 8 / 7 + 1).next_power_of_two().max(LEAST) };
            self.rebuild(places, |_| true);
        }
    }

    /// Fingerprints with their rows, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.places.iter().filter(|word| **word != EMPTY).map(|word| ((word >> 32) as u32, *word as u32))
    }

    /// Entries.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Entries for which there is room.
    pub fn capacity(&self) -> usize {
        self.places.len() / 8 * 7
    }

    /// Bytes of memory.
    pub fn memory(&self) -> usize {
        self.places.capacity() * size_of::<Word>()
    }

    #[inline]
    fn place(&self, fingerprint: u32, is_it: &mut impl FnMut(u32) -> bool) -> Option<usize> {
        let mask = self.places.len().checked_sub(1)?;
        let mut place = self.home(word(fingerprint, 0));
        loop {
            let word = *self.places.get(place)?;
            if word == EMPTY {
                return None;
            }
            if (word >> 32) as u32 == fingerprint && is_it(word as u32) {
                return Some(place);
            }
            place = (place + 1) & mask;
        }
    }

    /// Where the entries of a fingerprint begin.
    #[inline]
    fn home(&self, word: Word) -> usize {
        let spread = (word >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (spread >> 32) as usize & (self.places.len() - 1)
    }

    fn put(&mut self, word: Word) {
        let mask = self.places.len() - 1;
        let mut place = self.home(word);
        while self.places[place] != EMPTY {
            place = (place + 1) & mask;
        }
        self.places[place] = word;
        self.count += 1;
    }

    fn rebuild(&mut self, places: usize, keeps: impl Fn(Word) -> bool) {
        let before = replace(&mut self.places, vec![EMPTY; places]);
        self.count = 0;
        for word in before.into_iter().filter(|word| *word != EMPTY && keeps(*word)) {
            self.put(word);
        }
    }
}

const fn word(fingerprint: u32, row: u32) -> Word {
    (fingerprint as Word) << 32 | row as Word
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_table_is_the_list_of_what_was_put_in(
            steps in proptest::collection::vec((0..4u8, 0..40u32, any::<bool>()), 0..400),
        ) {
            let (mut table, mut list) = (Table::default(), Vec::<(u32, u32)>::new());
            for (row, (step, fingerprint, far)) in steps.into_iter().enumerate() {
                let (row, fingerprint) = (row as u32, if far { fingerprint.wrapping_mul(0x9e37_79b9) } else { fingerprint });
                match step {
                    0 | 1 => {
                        table.insert(fingerprint, row);
                        list.push((fingerprint, row));
                    }
                    2 => {
                        let is_it = |other: u32| other.is_multiple_of(2);
                        let removed = table.remove(fingerprint, is_it);
                        let known: Vec<_> = list.iter().filter(|entry| entry.0 == fingerprint && is_it(entry.1)).copied().collect();
                        prop_assert_eq!(removed, !known.is_empty());
                        let left: Vec<_> = table.iter().collect();
                        let gone = known.into_iter().find(|entry| !left.contains(entry));
                        prop_assert_eq!(gone.is_some(), removed);
                        list.retain(|entry| Some(*entry) != gone);
                    }
                    _ if row.is_multiple_of(7) => {
                        table.retain(|row| row >= 40);
                        list.retain(|entry| entry.1 >= 40);
                        table.shrink();
                    }
                    _ => table.shrink(),
                }
                let mut held: Vec<_> = table.iter().collect();
                held.sort_unstable();
                list.sort_unstable();
                prop_assert_eq!(&held, &list);
                prop_assert_eq!(table.len(), list.len());
                prop_assert!(table.len() <= table.capacity());
                for (fingerprint, row) in &list {
                    prop_assert_eq!(table.find(*fingerprint, |other| other == *row), Some(*row));
                }
                prop_assert_eq!(table.find(41, |_| true), None);
            }
        }
    }
}
