//! From an id's hash to the row that bears it: eight bytes an entry, the full hash is verified in the row.

use std::io;

use hashbrown::HashTable;

/// Shards keep a growing table from holding its old and new self at once.
const SHARDS: usize = 256;

#[derive(Clone, Copy)]
struct Entry {
    fingerprint: u32,
    row: u32,
}

/// Hashes to rows.
pub struct Index {
    shards: Vec<HashTable<Entry>>,
}

impl Default for Index {
    fn default() -> Index {
        Index { shards: (0..SHARDS).map(|_| HashTable::new()).collect() }
    }
}

impl Index {
    /// The row under `hash` that `is_it` confirms.
    ///
    /// # Errors
    /// The first error of `is_it`.
    pub fn find(&self, hash: u128, mut is_it: impl FnMut(u32) -> io::Result<bool>) -> io::Result<Option<u32>> {
        let (shard, fingerprint) = split(hash);
        let mut failed = None;
        let found = self.shards[shard].find(spread(fingerprint), |entry| {
            entry.fingerprint == fingerprint
                && is_it(entry.row).unwrap_or_else(|error| {
                    failed.get_or_insert(error);
                    true
                })
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(found.map(|entry| entry.row)),
        }
    }

    /// Brings the place of `hash` into the processor's cache. For several hashes in turn that costs one wait instead of one each.
    pub fn warm(&self, hash: u128) {
        let (shard, fingerprint) = split(hash);
        let entry = self.shards[shard].find(spread(fingerprint), |entry| entry.fingerprint == fingerprint);
        std::hint::black_box(entry.is_some());
    }

    /// Adds `hash` for `row`; the caller has looked and not found it.
    pub fn insert(&mut self, hash: u128, row: u32) {
        let (shard, fingerprint) = split(hash);
        self.shards[shard]
            .insert_unique(spread(fingerprint), Entry { fingerprint, row }, |entry| spread(entry.fingerprint));
    }

    /// Removes the entry of `hash` whose row `is_it`.
    pub fn remove(&mut self, hash: u128, is_it: impl Fn(u32) -> bool) {
        let (shard, fingerprint) = split(hash);
        let same = |entry: &Entry| entry.fingerprint == fingerprint && is_it(entry.row);
        if let Ok(entry) = self.shards[shard].find_entry(spread(fingerprint), same) {
            entry.remove();
        }
    }

    /// Gives back the memory of what was removed, where it is worth the move.
    pub fn shrink(&mut self) {
        for shard in &mut self.shards {
            if shard.len() < shard.capacity() / 4 {
                shard.shrink_to_fit(|entry| spread(entry.fingerprint));
            }
        }
    }

    /// Entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(HashTable::len).sum()
    }

    /// No entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Eight bits choose the shard, 32 others are the fingerprint.
const fn split(hash: u128) -> (usize, u32) {
    ((hash >> 120) as usize, (hash >> 64) as u32)
}

/// The table wants its entropy in the top bits, too.
const fn spread(fingerprint: u32) -> u64 {
    (fingerprint as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_inserted_and_verifies_it() {
        let mut index = Index::default();
        let hash = |number: u128| number.wrapping_mul(0x0123_4567_89ab_cdef_fedc_ba98_7654_3211);
        for number in 1..20_000u32 {
            index.insert(hash(number.into()), number);
        }
        assert_eq!(index.len(), 19_999);
        for number in 1..20_000u32 {
            assert_eq!(index.find(hash(number.into()), |row| Ok(row == number)).expect("no i/o"), Some(number));
        }
        assert_eq!(index.find(hash(7), |_| Ok(false)).expect("no i/o"), None, "a fingerprint alone proves nothing");
        assert!(index.find(hash(7), |_| Err(io::Error::other("disk"))).is_err());
        for number in 1..19_000u32 {
            index.remove(hash(number.into()), |row| row == number + 1);
            index.remove(hash(number.into()), |row| row == number);
        }
        index.shrink();
        for number in 1..20_000u32 {
            let found = index.find(hash(number.into()), |row| Ok(row == number)).expect("no i/o");
            assert_eq!(found, (number >= 19_000).then_some(number));
        }
        assert!(index.shards.iter().map(HashTable::capacity).sum::<usize>() < 4000);
    }
}
