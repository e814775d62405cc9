//! A run of requests taken together: charges enter, every so many of them their sums leave.

use super::bytes::{put_money, put_varint, take_money, take_u32, take_varint};
use super::charge::Charge;

/// Sums over the requests since the last full block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) requests: u32,
    pub(super) cache_read: u64,
    pub(super) prompt: u64,
    /// Pico-dollars.
    pub(super) cost: i128,
    /// Pico-dollars that caching saved.
    pub(super) saved: i128,
}

impl Block {
    pub(super) const NEW: Block = Block { requests: 0, cache_read: 0, prompt: 0, cost: 0, saved: 0 };

    /// Adds a charge; the full block leaves when it has `length` requests.
    pub(super) fn add(&mut self, charge: &Charge, length: u32) -> Option<Block> {
        self.count(charge);
        (self.requests >= length).then(|| std::mem::take(self))
    }

    /// Adds a charge.
    pub(super) fn count(&mut self, charge: &Charge) {
        self.requests = self.requests.saturating_add(1);
        self.cache_read += u64::from(charge.cache_read);
        self.prompt += charge.prompt();
        self.cost += i128::from(charge.cost);
        self.saved += i128::from(charge.saved);
    }

    /// Adds another block.
    pub(super) fn join(&mut self, other: &Block) {
        self.requests = self.requests.saturating_add(other.requests);
        self.cache_read += other.cache_read;
        self.prompt += other.prompt;
        self.cost += other.cost;
        self.saved += other.saved;
    }

    /// Cache reads over prompt tokens.
    pub(super) fn hit_ratio(&self) -> f64 {
        self.cache_read as f64 / self.prompt.max(1) as f64
    }

    pub(super) fn save(&self, out: &mut Vec<u8>) {
        put_varint(self.requests.into(), out);
        put_varint(self.cache_read, out);
        put_varint(self.prompt, out);
        put_money(self.cost, out);
        put_money(self.saved, out);
    }

    pub(super) fn load(bytes: &mut &[u8]) -> Option<Block> {
        Some(Block {
            requests: take_u32(bytes)?,
            cache_read: take_varint(bytes)?,
            prompt: take_varint(bytes)?,
            cost: take_money(bytes)?,
            saved: take_money(bytes)?,
        })
    }
}
