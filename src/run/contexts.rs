//! What one decoder knows of each generation between its chunks: a decoder's context enters, the bytes to be saved leave, and the context
//! comes back with the next chunk. Unfinished texts stay in memory; everything else goes through its saved form, as after a restart.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::format::context::Context;
use crate::format::wrapper::Parts;
use crate::source::{Chunk, Position};

/// Bytes of unfinished texts that one decoder holds at most, over all files and connections.
const MAX_OPEN: usize = 32 << 20;
/// Contexts of ended generations that are kept, the latest: as many as the follower compares copies with.
const MAX_ENDED: usize = 4096;

/// Contexts by generation: of each that is followed and has one.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    /// Texts that go on in a later chunk.
    open: HashMap<u32, Parts>,
    saved: HashMap<u32, Arc<[u8]>>,
    /// Those whose files ended, in that order. A copy may go on with one.
    ended: VecDeque<u32>,
}

/// What a chunk left open, and what was given up for it.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Where the first text begins that goes on behind the chunk.
    pub open_since: Option<u64>,
    /// What is known behind the chunk.
    pub saved: Arc<[u8]>,
    /// Texts that never became whole.
    pub torn: u64,
    /// Texts that were too long, or too many at once.
    pub too_long: u64,
}

impl Contexts {
    /// Goes on where `positions` were saved.
    pub fn resume<'a>(&mut self, positions: impl Iterator<Item = &'a Position>) {
        for position in positions.filter(|position| !position.context.is_empty()) {
            self.saved.insert(position.generation, Arc::clone(&position.context));
            if position.dead {
                self.end(position.generation);
            }
        }
    }

    /// The context in which a chunk's lines stand.
    pub fn before(&mut self, chunk: &Chunk) -> Context {
        let parts = self.open.remove(&chunk.generation).unwrap_or_else(|| Parts::new(chunk.longest_line));
        let saved = self.saved.get(&chunk.generation).and_then(|saved| Context::load(saved));
        debug_assert!(
            saved.is_some() || !self.saved.contains_key(&chunk.generation),
            "it was written here, or checked"
        );
        let mut context = saved.unwrap_or_default();
        context.replace_parts(parts);
        context
    }

    /// Keeps the context behind a chunk whose lines ended at `offset`.
    pub fn after(&mut self, chunk: &Chunk, offset: u64, mut context: Context) -> Left {
        // Where no line was read, what was to be read again still is.
        let unread = chunk.position.as_ref().filter(|_| chunk.bytes.is_empty());
        let mut left = Left { open_since: unread.and_then(|position| position.open_since), ..Left::default() };
        let mut parts = context.replace_parts(Parts::default());
        if chunk.ends {
            left.torn = parts.torn();
        } else if !parts.is_empty() {
            let mut refuse = |_| left.too_long += 1;
            parts.give_up_far(offset, &mut refuse);
            let held: usize = self.open.values().map(Parts::held).sum();
            if held + parts.held() > MAX_OPEN {
                parts.give_up_all(&mut refuse);
            }
            left.open_since = parts.since();
            self.open.insert(chunk.generation, parts);
        }
        let known = self.saved.get(&chunk.generation);
        // What is read again was known before, and its lines only bring back the texts that they begin; unless nothing was known.
        if !chunk.bytes.is_empty() && (!chunk.again || known.is_none()) {
            let bytes = context.save();
            if bytes.is_empty() {
                self.saved.remove(&chunk.generation);
            } else if known.is_none_or(|known| **known != *bytes) {
                self.saved.insert(chunk.generation, bytes.into());
                // One that a copy goes on with is not among the dead any more.
                self.ended.retain(|other| *other != chunk.generation);
            }
        }
        left.saved = self.saved.get(&chunk.generation).cloned().unwrap_or_default();
        if chunk.ends {
            if chunk.position.is_some() {
                self.end(chunk.generation);
            } else {
                self.saved.remove(&chunk.generation);
            }
        }
        left
    }

    fn end(&mut self, generation: u32) {
        if !self.saved.contains_key(&generation) {
            return;
        }
        self.ended.retain(|other| *other != generation);
        self.ended.push_back(generation);
        if self.ended.len() > MAX_ENDED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.saved.remove(&oldest);
        }
    }
}
