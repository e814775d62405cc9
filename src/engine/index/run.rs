//! Ids in the file, sorted: entries enter in order of shard and fingerprint, rows leave. Memory holds a filter and the first key of each block.

use std::io;

use super::SHARDS;
use super::filter::Filter;
use crate::engine::rows::Spill;

/// Bytes of an entry: its word.
pub(super) const WORD: usize = 8;
/// Entries read at once to find one: a page of memory.
const BLOCK: usize = 512;
/// Entries written at once.
const WRITTEN_AT_ONCE: usize = 8192;

/// An entry of a shard as the file holds it: in order of fingerprint.
pub(super) const fn word(fingerprint: u32, row: u32) -> u64 {
    (fingerprint as u64) << 32 | row as u64
}

/// The row of a word.
pub(super) const fn row_of(word: u64) -> u32 {
    word as u32
}

/// In which order entries lie, whatever their rows.
const fn key(shard: usize, fingerprint: u32) -> u64 {
    (shard as u64) << 32 | fingerprint as u64
}

/// Entries that never change any more.
pub(super) struct Run {
    /// Where it begins in the file, in bytes.
    offset: u64,
    /// Where each shard begins, in entries, and where the last ends.
    starts: Box<[u64; SHARDS + 1]>,
    /// The key of each block's first entry.
    blocks: Vec<u64>,
    filter: Filter,
}

impl Run {
    fn empty(offset: u64, expected: usize) -> Run {
        let blocks = Vec::with_capacity(expected / BLOCK + 1);
        Run { offset, starts: Box::new([0; SHARDS + 1]), blocks, filter: Filter::new(expected) }
    }

    /// Entries.
    pub fn len(&self) -> u64 {
        self.starts[SHARDS]
    }

    /// Where its first entry lies in the file, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Entries of each shard.
    pub fn shard_lengths(&self) -> impl Iterator<Item = u64> {
        self.starts.windows(2).map(|pair| pair[1] - pair[0])
    }

    pub fn memory(&self) -> usize {
        self.filter.memory() + self.blocks.capacity() * WORD + size_of_val(&*self.starts)
    }

    pub fn warm(&self, shard: usize, fingerprint: u32) {
        self.filter.warm(key(shard, fingerprint));
    }

    /// As [`super::Index::find`].
    pub fn find(
        &self,
        shard: usize,
        fingerprint: u32,
        spill: &mut dyn Spill,
        is_it: &mut impl FnMut(u32) -> io::Result<bool>,
    ) -> io::Result<Option<u32>> {
        let key = key(shard, fingerprint);
        if !self.filter.may_hold(key) {
            return Ok(None);
        }
        // Entries of one key may lie on both sides of a block's border.
        let first = self.blocks.partition_point(|block| *block < key).saturating_sub(1);
        let behind = self.blocks.partition_point(|block| *block <= key);
        let mut page = [0; BLOCK * WORD];
        for block in first..behind {
            let from = block * BLOCK;
            let bytes = &mut page[..BLOCK.min(self.len() as usize - from) * WORD];
            spill.read_at(self.offset + (from * WORD) as u64, bytes)?;
            // Where two shards meet in a block an entry of the other one may look the same: its row tells.
            for word in bytes.as_chunks::<WORD>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)) {
                if (word >> 32) as u32 == fingerprint && is_it(row_of(word))? {
                    return Ok(Some(row_of(word)));
                }
            }
        }
        Ok(None)
    }

    /// Its room in the file is needed no more.
    pub fn forget(&self, spill: &mut dyn Spill) {
        spill.forget(self.offset, self.len() * WORD as u64);
    }
}

/// A run while it is written. Until it is finished nothing in memory depends on it.
pub(super) struct Builder {
    run: Run,
    shard: usize,
    written: u64,
    /// How many entries may come.
    room: u64,
    waiting: Vec<u8>,
}

impl Builder {
    /// At `offset`, for about `expected` entries and never more than `room`.
    pub fn new(offset: u64, expected: usize, room: u64) -> Builder {
        Builder {
            run: Run::empty(offset, expected),
            shard: 0,
            written: 0,
            room,
            waiting: Vec::with_capacity(WRITTEN_AT_ONCE * WORD),
        }
    }

    /// The first byte that is not its own.
    pub fn end(&self) -> u64 {
        self.run.offset + self.room * WORD as u64
    }

    pub fn memory(&self) -> usize {
        self.run.memory() + self.waiting.capacity()
    }

    fn entries(&self) -> u64 {
        self.written + (self.waiting.len() / WORD) as u64
    }

    /// Adds an entry; none may come that lies before the last.
    pub fn push(&mut self, shard: usize, word: u64, spill: &mut dyn Spill) -> io::Result<()> {
        let entries = self.entries();
        if entries == self.room {
            return Err(io::Error::other("more ids than a run has room for"));
        }
        self.run.starts[self.shard + 1..=shard].fill(entries);
        self.shard = shard;
        let key = key(shard, (word >> 32) as u32);
        if entries.is_multiple_of(BLOCK as u64) {
            self.run.blocks.push(key);
        }
        self.run.filter.add(key);
        self.waiting.extend_from_slice(&word.to_le_bytes());
        if self.waiting.len() == WRITTEN_AT_ONCE * WORD { self.write(spill) } else { Ok(()) }
    }

    fn write(&mut self, spill: &mut dyn Spill) -> io::Result<()> {
        spill.write_at(self.run.offset + self.written * WORD as u64, &self.waiting)?;
        self.written = self.entries();
        self.waiting.clear();
        Ok(())
    }

    /// The run, all of it in the file. Nothing may be pushed afterwards.
    pub fn finish(&mut self, spill: &mut dyn Spill) -> io::Result<Run> {
        self.write(spill)?;
        self.run.starts[self.shard + 1..].fill(self.written);
        self.run.blocks.shrink_to_fit();
        let nothing = Run::empty(self.run.offset, 0);
        Ok(std::mem::replace(&mut self.run, nothing))
    }

    /// It comes to nothing: its room in the file is needed no more.
    pub fn forget(&self, spill: &mut dyn Spill) {
        spill.forget(self.run.offset, self.written * WORD as u64);
    }
}
