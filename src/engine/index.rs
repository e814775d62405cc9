//! From an id's hash to the row that bears it: hashes and rows enter, the row that confirms a hash leaves. It holds no hash whole: the row does.
//!
//! The newest ids lie in tables in memory, eight bytes an entry. With a file ([`Index::with_spill`]) the older half of a full table
//! leaves as a sorted run, and of a run memory holds a filter: so a new id costs a look at the filters, an old one a read or two.
//! Runs are merged as they become many. Both go on in small steps with the ids that come, so that no id waits for all others.

mod filter;
mod merge;
mod run;
mod table;

use std::io;

use super::rows::Spill;
use merge::Merge;
use run::{Builder, Run, word};
use table::Table;

/// Shards keep a growing table from holding its old and new self at once.
const SHARDS: usize = 256;
/// A table that is full leaves within a sixteenth of the ids that fill it: one step for each shard to write, one to empty it.
const STEPS_IN_A_TABLE: usize = 16 * 2 * SHARDS;
/// Entries merged in one step: some 20 µs. Each id that comes brings up to 50 of them forward, and needs no more than one for each doubling.
const MERGED_AT_ONCE: usize = 4096;

/// Hashes to rows.
pub struct Index {
    shards: Vec<Table>,
    /// Entries in the shards.
    hot: usize,
    /// Ids known.
    count: usize,
    cold: Option<Box<Cold>>,
}

/// What lies in the file, and what is on its way there.
struct Cold {
    spill: Box<dyn Spill>,
    /// Ids in memory.
    limit: usize,
    /// Ids since the last step.
    waited: usize,
    /// The greatest row so far.
    newest: u32,
    /// Rows below it are the older half of the table.
    half: Option<u32>,
    /// The oldest first; each at least twice as long as the next, or about to be merged.
    runs: Vec<Run>,
    /// Where the file is free for ever.
    end: u64,
    flush: Option<Flush>,
    merge: Option<Merge>,
    /// Rows were dropped: what led to them is to go.
    compact: bool,
    failed: Option<String>,
    /// After the file failed, nothing is tried before so many ids are known.
    again_at: usize,
}

/// A table on its way into the file.
struct Flush {
    /// Rows below it leave.
    below: u32,
    shard: usize,
    /// `None` once all is written: then the shards let go of it.
    builder: Option<Builder>,
    /// Ids of such rows that came too late for the run: shard, fingerprint, row.
    late: Vec<(usize, u32, u32)>,
}

impl Default for Index {
    fn default() -> Index {
        Index { shards: (0..SHARDS).map(|_| Table::default()).collect(), hot: 0, count: 0, cold: None }
    }
}

impl Index {
    /// About `limit` ids stay in memory; older ones go to `spill`.
    #[must_use]
    pub fn with_spill(spill: Box<dyn Spill>, limit: usize) -> Index {
        let cold = Cold {
            spill,
            limit: limit.max(2),
            waited: 0,
            newest: 0,
            half: None,
            runs: Vec::new(),
            end: 0,
            flush: None,
            merge: None,
            compact: false,
            failed: None,
            again_at: 0,
        };
        Index { cold: Some(Box::new(cold)), ..Index::default() }
    }

    /// The row under `hash` that `is_it` confirms. It is asked of rows that are gone, too.
    ///
    /// # Errors
    /// The first error of `is_it`; the file cannot be read.
    pub fn find(&mut self, hash: u128, mut is_it: impl FnMut(u32) -> io::Result<bool>) -> io::Result<Option<u32>> {
        let (shard, fingerprint) = split(hash);
        let mut failed = None;
        let found = self.shards[shard].find(fingerprint, |row| {
            is_it(row).unwrap_or_else(|error| {
                failed.get_or_insert(error);
                true
            })
        });
        match (failed, found, &mut self.cold) {
            (Some(error), ..) => Err(error),
            (None, Some(row), _) => Ok(Some(row)),
            (None, None, Some(cold)) => {
                for run in cold.runs.iter().rev() {
                    if let Some(row) = run.find(shard, fingerprint, cold.spill.as_mut(), &mut is_it)? {
                        return Ok(Some(row));
                    }
                }
                Ok(None)
            }
            (None, None, None) => Ok(None),
        }
    }

    /// Brings the place of `hash` into the processor's cache. For several hashes in turn that costs one wait instead of one each.
    pub fn warm(&self, hash: u128) {
        let (shard, fingerprint) = split(hash);
        std::hint::black_box(self.shards[shard].find(fingerprint, |_| true));
        if let Some(cold) = &self.cold {
            cold.runs.iter().for_each(|run| run.warm(shard, fingerprint));
        }
    }

    /// Adds `hash` for `row`; the caller has looked and not found it. `is_gone` tells of rows that are no more, whatever led to them.
    pub fn insert(&mut self, hash: u128, row: u32, is_gone: impl Fn(u32) -> bool) {
        let (shard, fingerprint) = split(hash);
        self.shards[shard].insert(fingerprint, row);
        self.hot += 1;
        self.count += 1;
        let Some(cold) = &mut self.cold else { return };
        if let Some(flush) = cold.flush.as_mut().filter(|flush| row < flush.below) {
            flush.late.push((shard, fingerprint, row));
        }
        cold.newest = cold.newest.max(row);
        if self.hot >= cold.limit / 2 && cold.flush.is_none() {
            cold.half.get_or_insert(cold.newest.saturating_add(1));
        }
        cold.waited += 1;
        if cold.waited * STEPS_IN_A_TABLE >= cold.limit {
            cold.waited = 0;
            if let Err(error) = self.step(&is_gone) {
                self.give_up(&error);
            }
        }
    }

    /// Removes the entry of `hash` whose row `is_it`. What lies in the file stays there until it is merged: its row is gone.
    pub fn remove(&mut self, hash: u128, is_it: impl Fn(u32) -> bool) {
        let (shard, fingerprint) = split(hash);
        let flush = self.cold.as_mut().and_then(|cold| cold.flush.as_mut());
        if let Some(flush) = flush {
            flush.late.retain(|(of, other, row)| (*of, *other) != (shard, fingerprint) || !is_it(*row));
        }
        if self.shards[shard].remove(fingerprint, is_it) {
            self.hot -= 1;
            self.count -= 1;
        } else if self.cold.as_ref().is_some_and(|cold| !cold.runs.is_empty()) {
            self.count = self.count.saturating_sub(1);
        }
    }

    /// Gives back the memory of what was removed, where it is worth the move.
    pub fn shrink(&mut self) {
        for shard in &mut self.shards {
            shard.shrink();
        }
        if let Some(cold) = &mut self.cold {
            let entries: u64 = cold.runs.iter().map(Run::len).sum();
            cold.compact |= entries / 2 > self.count.saturating_sub(self.hot) as u64;
        }
    }

    /// Ids known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// No entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that the tables and what is known of the runs take.
    #[must_use]
    pub fn memory(&self) -> usize {
        let tables: usize = self.shards.iter().map(Table::memory).sum();
        let Some(cold) = &self.cold else { return tables };
        let merge = cold.merge.as_ref().map_or(0, Merge::memory);
        tables + merge + cold.runs.iter().map(Run::memory).sum::<usize>()
    }

    /// Why old ids stay in memory although there is a file for them.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.cold.as_ref()?.failed.as_deref()
    }

    /// Goes on with what is on its way into the file, or begins with what is due.
    fn step(&mut self, is_gone: &impl Fn(u32) -> bool) -> io::Result<()> {
        let Index { shards, hot, count, cold: Some(cold) } = self else { return Ok(()) };
        if let Some(merge) = &mut cold.merge {
            if merge.step(MERGED_AT_ONCE, cold.spill.as_mut(), is_gone)? {
                let (range, run) = (merge.range(), merge.finish(cold.spill.as_mut())?);
                (cold.merge, cold.failed) = (None, None);
                for old in cold.runs.splice(range, (run.len() > 0).then_some(run)) {
                    old.forget(cold.spill.as_mut());
                }
            }
        } else if *count >= cold.again_at
            && let Some(first) = cold.worth_merging()
        {
            cold.compact = false;
            let merge = Merge::of(first, &cold.runs[first..], cold.end);
            cold.end = merge.end();
            cold.merge = Some(merge);
        }
        match &mut cold.flush {
            Some(flush) if flush.builder.is_none() => {
                let shard = &mut shards[flush.shard];
                *hot -= flush.let_go(shard);
                flush.shard += 1;
                if flush.shard == SHARDS {
                    cold.flush = None;
                }
            }
            Some(flush) => {
                if flush.write(&shards[flush.shard], cold.spill.as_mut())?
                    && let Some(builder) = &mut flush.builder
                {
                    cold.runs.push(builder.finish(cold.spill.as_mut())?);
                    (flush.shard, flush.builder, cold.failed) = (0, None, None);
                }
            }
            None if *hot >= cold.limit && *count >= cold.again_at => {
                let below = cold.half.take().unwrap_or(cold.newest.saturating_add(1));
                // Addresses cost nothing; what comes meanwhile finds room.
                let builder = Builder::new(cold.end, cold.limit / 2, 2 * (*hot + cold.limit) as u64);
                cold.end = builder.end();
                cold.flush = Some(Flush { below, shard: 0, builder: Some(builder), late: Vec::new() });
            }
            None => {}
        }
        Ok(())
    }

    /// The file refuses: all that was not in it stays where it is.
    fn give_up(&mut self, error: &io::Error) {
        let Some(cold) = &mut self.cold else { return };
        cold.failed = Some(error.to_string());
        cold.again_at = self.count + cold.limit / 4;
        // What was written whole is let go of as it would have been; only what was being written is not.
        let flush = cold.flush.take_if(|flush| flush.builder.is_some()).and_then(|flush| flush.builder);
        let merge = cold.merge.take().map(Merge::into_builder);
        for builder in [flush, merge].into_iter().flatten() {
            builder.forget(cold.spill.as_mut());
        }
    }
}

impl Cold {
    /// From which run on all are to be merged into one.
    fn worth_merging(&self) -> Option<usize> {
        if self.compact {
            return (!self.runs.is_empty()).then_some(0);
        }
        let (newest, older) = self.runs.split_last()?;
        let mut sum = newest.len();
        let mut first = older.len();
        for run in older.iter().rev() {
            if run.len() >= 2 * sum {
                break;
            }
            sum += run.len();
            first -= 1;
        }
        (first < older.len()).then_some(first)
    }
}

impl Flush {
    /// Writes what leaves one shard; whether that was the last.
    fn write(&mut self, shard: &Table, spill: &mut dyn Spill) -> io::Result<bool> {
        let Some(builder) = &mut self.builder else { return Ok(true) };
        let mut words: Vec<u64> = shard
            .iter()
            .filter(|(_, row)| *row < self.below)
            .map(|(fingerprint, row)| word(fingerprint, row))
            .collect();
        words.sort_unstable();
        for word in words {
            builder.push(self.shard, word, spill)?;
        }
        // What came before this shard was written is in the run.
        self.late.retain(|(of, ..)| *of != self.shard);
        self.shard += 1;
        Ok(self.shard == SHARDS)
    }

    /// Takes what was written from its shard; by how many entries it is smaller.
    fn let_go(&mut self, shard: &mut Table) -> usize {
        let before = shard.len();
        shard.retain(|row| row >= self.below);
        for (_, fingerprint, row) in self.late.iter().filter(|(of, ..)| *of == self.shard) {
            shard.insert(*fingerprint, *row);
        }
        before - shard.len()
    }
}

/// Eight bits choose the shard, 32 others are the fingerprint.
const fn split(hash: u128) -> (usize, u32) {
    ((hash >> 120) as usize, (hash >> 64) as u32)
}

#[cfg(test)]
mod tests;
