//! Sums over time: (time, key) → value, newest blocks open, the rest packed. Corrections reach into any block.

use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher;
use std::ops::RangeBounds;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::changed::Changed;
use super::varint::{put_varint, take_varint};

/// Blocks that stay unpacked: the ones that are being written.
const OPEN_BLOCKS: usize = 64;

/// What a tier sums.
pub trait Value: Default + Clone {
    /// Adds another one.
    fn join(&mut self, other: &Self);
    /// Nothing in it.
    fn is_zero(&self) -> bool;
    /// Appends its compact form.
    fn encode(&self, out: &mut Vec<u8>);
    /// Takes what [`Value::encode`] wrote.
    fn decode(bytes: &mut &[u8]) -> Option<Self>;
}

type Open<V> = HashMap<u32, V, FxBuildHasher>;

/// One tier of resolution. Times are numbers of whole steps since the epoch (minutes, quarters, days).
#[derive(Debug)]
pub struct Tier<V> {
    packed: BTreeMap<i64, Box<[u8]>>,
    open: HashMap<i64, Open<V>, FxBuildHasher>,
    opened: VecDeque<i64>,
    entries: usize,
    changed: Option<Changed<i64>>,
}

impl<V: Value> Tier<V> {
    /// Empty. With `collect_changes`, [`Tier::take_changed`] tells which blocks to save.
    #[must_use]
    pub fn new(collect_changes: bool) -> Tier<V> {
        Tier {
            packed: BTreeMap::new(),
            open: HashMap::default(),
            opened: VecDeque::new(),
            entries: 0,
            changed: collect_changes.then(Changed::default),
        }
    }

    /// Entries of all blocks, those of open blocks as last packed or opened.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty() && self.open.is_empty()
    }

    /// The value to change at (`time`, `key`).
    pub fn entry(&mut self, time: i64, key: u32) -> &mut V {
        if let Some(changed) = &mut self.changed {
            changed.add(time);
        }
        if !self.open.contains_key(&time) {
            self.unpack(time);
        }
        let block = self.open.entry(time).or_default();
        match block.entry(key) {
            hashbrown::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            hashbrown::hash_map::Entry::Vacant(entry) => {
                self.entries += 1;
                entry.insert(V::default())
            }
        }
    }

    /// Calls `each` for every non-zero value of the blocks in `range`, in order of time.
    pub fn for_each(&self, range: impl RangeBounds<i64> + Clone, mut each: impl FnMut(i64, u32, &V)) {
        let mut times: Vec<i64> = self.times(range).collect();
        times.sort_unstable();
        for time in times {
            self.for_block(time, |key, value| each(time, key, value));
        }
    }

    /// The times of the blocks in `range`, in no particular order.
    pub fn times(&self, range: impl RangeBounds<i64> + Clone) -> impl Iterator<Item = i64> {
        let packed = self.packed.range(range.clone()).map(|(time, _)| *time);
        packed.chain(self.open.keys().copied().filter(move |time| range.contains(time)))
    }

    /// Calls `each` for every non-zero value of one block.
    pub fn for_block(&self, time: i64, mut each: impl FnMut(u32, &V)) {
        if let Some(block) = self.open.get(&time) {
            for (key, value) in block.iter().filter(|(_, value)| !value.is_zero()) {
                each(*key, value);
            }
        } else if let Some(bytes) = self.packed.get(&time) {
            for (key, value) in unpack_block::<V>(bytes) {
                each(key, &value);
            }
        }
    }

    /// Removes the blocks before `time` and hands over their values.
    pub fn drain_before(&mut self, time: i64, mut each: impl FnMut(i64, u32, V)) {
        let mut times: Vec<i64> = self.times(..time).collect();
        times.sort_unstable();
        for old in times {
            let values: Vec<(u32, V)> = match self.open.remove(&old) {
                Some(block) => {
                    self.opened.retain(|time| *time != old);
                    block.into_iter().collect()
                }
                None => self.packed.remove(&old).map(|bytes| unpack_block(&bytes)).unwrap_or_default(),
            };
            self.entries = self.entries.saturating_sub(values.len());
            for (key, value) in values {
                if !value.is_zero() {
                    each(old, key, value);
                }
            }
            if let Some(changed) = &mut self.changed {
                changed.add(old);
            }
        }
    }

    /// The oldest block's time.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        let open = self.open.keys().min();
        let packed = self.packed.keys().next();
        open.into_iter().chain(packed).min().copied()
    }

    /// The newest block's time.
    #[must_use]
    pub fn last(&self) -> Option<i64> {
        let open = self.open.keys().max();
        let packed = self.packed.keys().next_back();
        open.into_iter().chain(packed).max().copied()
    }

    /// The times of blocks changed since the last call, each once.
    pub fn take_changed(&mut self) -> Vec<i64> {
        self.changed.as_mut().map(Changed::take).unwrap_or_default()
    }

    /// A block's saved form; empty when there is none (any more).
    #[must_use]
    pub fn save_block(&self, time: i64) -> Vec<u8> {
        match self.open.get(&time) {
            Some(block) => pack_block(block),
            None => self.packed.get(&time).map(|bytes| bytes.to_vec()).unwrap_or_default(),
        }
    }

    /// Puts a saved block back. `false` for bytes that are none.
    pub fn load_block(&mut self, time: i64, bytes: &[u8]) -> bool {
        let values = unpack_block::<V>(bytes);
        let Some(count) = take_varint(&mut &*bytes) else { return false };
        if values.len() as u64 != count {
            return false;
        }
        self.entries += values.len();
        self.packed.insert(time, bytes.into());
        true
    }

    fn unpack(&mut self, time: i64) {
        if self.opened.len() >= OPEN_BLOCKS
            && let Some(oldest) = self.opened.pop_front()
            && let Some(block) = self.open.remove(&oldest)
        {
            let bytes = pack_block(&block);
            let kept = take_varint(&mut &*bytes).unwrap_or(0) as usize;
            self.entries = self.entries.saturating_sub(block.len() - kept.min(block.len()));
            if kept > 0 {
                self.packed.insert(oldest, bytes.into());
            }
        }
        let block = self.packed.remove(&time).map(|bytes| unpack_block(&bytes)).unwrap_or_default();
        self.open.insert(time, block.into_iter().collect());
        self.opened.push_back(time);
    }
}

fn pack_block<V: Value>(block: &HashMap<u32, V, impl BuildHasher>) -> Vec<u8> {
    let mut values: Vec<_> = block.iter().filter(|(_, value)| !value.is_zero()).collect();
    values.sort_unstable_by_key(|(key, _)| **key);
    let mut out = Vec::with_capacity(values.len() * 28 + 4);
    put_varint(values.len() as u64, &mut out);
    let mut before = 0;
    for (key, value) in values {
        put_varint(u64::from(key - before), &mut out);
        before = *key;
        value.encode(&mut out);
    }
    out
}

fn unpack_block<V: Value>(mut bytes: &[u8]) -> Vec<(u32, V)> {
    let bytes = &mut bytes;
    let count = take_varint(bytes).unwrap_or(0) as usize;
    let mut values = Vec::with_capacity(count.min(bytes.len()));
    let mut key = 0u32;
    for _ in 0..count {
        let Some(step) = take_varint(bytes).and_then(|step| u32::try_from(step).ok()) else { break };
        let (Some(next), Some(value)) = (key.checked_add(step), V::decode(bytes)) else { break };
        key = next;
        values.push((key, value));
    }
    values
}
