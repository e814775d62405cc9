//! Several runs become one, some entries at a time: runs enter, one leaves that holds what they held, without what leads to rows that are gone.

use std::io;
use std::ops::Range;

use super::SHARDS;
use super::run::{Builder, Run, WORD, row_of};
use crate::engine::rows::Spill;

/// Entries of one run read at once.
const READ_AT_ONCE: u64 = 4096;

/// Runs on their way into one.
pub(super) struct Merge {
    first: usize,
    inputs: Vec<Reader>,
    /// Entries of each shard in each input.
    lengths: Vec<Vec<u64>>,
    shard: usize,
    builder: Builder,
}

/// A run, read from its start.
struct Reader {
    /// Of the entry behind what was read.
    offset: u64,
    /// Entries that are not read yet.
    unread: u64,
    bytes: Vec<u8>,
    at: usize,
    /// The next entry of the shard; `None` behind its last.
    head: Option<u64>,
    /// Entries of the shard behind it.
    left: u64,
}

impl Reader {
    fn advance(&mut self, spill: &mut dyn Spill) -> io::Result<()> {
        self.head = None;
        if self.left == 0 {
            return Ok(());
        }
        if self.at == self.bytes.len() {
            let count = self.unread.min(READ_AT_ONCE);
            self.bytes.resize(count as usize * WORD, 0);
            spill.read_at(self.offset, &mut self.bytes)?;
            self.offset += count * WORD as u64;
            self.unread -= count;
            self.at = 0;
        }
        let word = self.bytes[self.at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        self.head = Some(word.ok_or_else(|| io::Error::other("a run of ids ends before its last shard"))?);
        self.at += WORD;
        self.left -= 1;
        Ok(())
    }
}

impl Merge {
    /// `runs`, the first of which is the one of that number, into one at `offset` of the file.
    pub fn of(first: usize, runs: &[Run], offset: u64) -> Merge {
        let entries: u64 = runs.iter().map(Run::len).sum();
        let reader = |run: &Run| Reader {
            offset: run.offset(),
            unread: run.len(),
            bytes: Vec::new(),
            at: 0,
            head: None,
            left: 0,
        };
        Merge {
            first,
            inputs: runs.iter().map(reader).collect(),
            lengths: runs.iter().map(|run| run.shard_lengths().collect()).collect(),
            shard: 0,
            builder: Builder::new(offset, entries as usize, entries),
        }
    }

    /// The first byte of the file behind it.
    pub fn end(&self) -> u64 {
        self.builder.end()
    }

    /// Which runs it is made of.
    pub fn range(&self) -> Range<usize> {
        self.first..self.first + self.inputs.len()
    }

    pub fn memory(&self) -> usize {
        self.builder.memory() + self.inputs.iter().map(|input| input.bytes.capacity()).sum::<usize>()
    }

    /// Takes about `most` entries; whether they were the last.
    pub fn step(&mut self, most: usize, spill: &mut dyn Spill, is_gone: &impl Fn(u32) -> bool) -> io::Result<bool> {
        for _ in 0..most {
            let heads = self.inputs.iter().enumerate().filter_map(|(place, input)| Some((input.head?, place)));
            if let Some((word, place)) = heads.min() {
                if !is_gone(row_of(word)) {
                    self.builder.push(self.shard - 1, word, spill)?;
                }
                self.inputs[place].advance(spill)?;
                continue;
            }
            if self.shard == SHARDS {
                return Ok(true);
            }
            for (input, lengths) in self.inputs.iter_mut().zip(&self.lengths) {
                input.left = lengths[self.shard];
                input.advance(spill)?;
            }
            self.shard += 1;
        }
        Ok(false)
    }

    /// What became of them.
    pub fn finish(&mut self, spill: &mut dyn Spill) -> io::Result<Run> {
        self.builder.finish(spill)
    }

    /// What was written of it.
    pub fn into_builder(self) -> Builder {
        self.builder
    }
}
