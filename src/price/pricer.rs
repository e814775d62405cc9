//! Billing in a loop: what was looked up once is kept. One for each thread; a `Usage` enters, money leaves.

use std::hash::Hasher as _;
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use super::Priced;
use super::book::{PriceBook, price_with};
use super::rules::Plan;
use crate::usage::{RawText, Usage};

/// Combinations of model and terms kept; beyond it the memory is emptied and fills again.
const CAPACITY: usize = 4096;

/// Longer texts are looked up each time, so that hostile names cannot fill the memory.
const MAX_KEY: usize = 1024;

/// What decides the plan: model, provider, region, tier, residency, location, geography, speed.
const PARTS: usize = 8;

/// Plans found without a hash of all parts: a log names few models at a time. A power of two.
const RECENT: usize = 32;

struct Kept {
    hash: u64,
    key: Box<[u8]>,
    lengths: [u16; PARTS],
    /// The span of time in which the plan holds; see [`PriceBook::span`].
    span: u32,
    plan: Plan,
}

/// A price book and what this thread has looked up in it.
pub struct Pricer {
    book: Arc<PriceBook>,
    kept: Vec<Kept>,
    /// Places in `kept`, by hash.
    index: HashTable<u32>,
    /// Places in `kept`, or beyond it, of the last plan for a model's name like this one.
    recent: [u32; RECENT],
}

impl Pricer {
    /// Nothing looked up yet.
    #[must_use]
    pub fn new(book: Arc<PriceBook>) -> Pricer {
        Pricer { book, kept: Vec::new(), index: HashTable::new(), recent: [0; RECENT] }
    }

    /// What `usage` costs: the same as [`PriceBook::price`].
    pub fn price(&mut self, usage: &Usage<'_>) -> Priced {
        let parts = parts(usage);
        let span = self.book.span(usage.time);
        let recent = recent(parts[0].as_written());
        if let Some(kept) = self.kept.get(self.recent[recent] as usize)
            && kept.span == span
            && is_key(kept, &parts)
        {
            return price_with(&kept.plan, usage);
        }
        let hash = hash(&parts).wrapping_add(u64::from(span));
        let is_same = |place: &u32| {
            self.kept
                .get(*place as usize)
                .is_some_and(|kept| kept.hash == hash && kept.span == span && is_key(kept, &parts))
        };
        if let Some(place) = self.index.find(hash, is_same)
            && let Some(kept) = self.kept.get(*place as usize)
        {
            self.recent[recent] = *place;
            return price_with(&kept.plan, usage);
        }
        let plan = self.book.resolve(usage).plan;
        let priced = price_with(&plan, usage);
        self.keep(&parts, span, hash, plan);
        priced
    }

    /// The book behind it.
    #[must_use]
    pub fn book(&self) -> &Arc<PriceBook> {
        &self.book
    }

    fn keep(&mut self, parts: &[&RawText<'_>; PARTS], span: u32, hash: u64, plan: Plan) {
        let length: usize = parts.iter().map(|part| part.as_written().len()).sum();
        // Text with escapes is not kept: its bytes could stand for another text that has none.
        if length > MAX_KEY || parts.iter().any(|part| **part != RawText::plain(part.as_written())) {
            return;
        }
        if self.kept.len() >= CAPACITY {
            self.kept.clear();
            self.index.clear();
        }
        let key = parts.iter().flat_map(|part| part.as_written()).copied().collect();
        let lengths = parts.map(|part| part.as_written().len() as u16);
        let place = self.kept.len() as u32;
        self.kept.push(Kept { hash, key, lengths, span, plan });
        let kept = &self.kept;
        self.index.insert_unique(hash, place, |place| kept[*place as usize].hash);
    }
}

fn parts<'u, 'a>(usage: &'u Usage<'a>) -> [&'u RawText<'a>; PARTS] {
    let terms = &usage.terms;
    [
        &usage.model,
        &usage.provider,
        &terms.region,
        &terms.tier,
        &terms.data_residency,
        &terms.vertex_location,
        &terms.inference_geo,
        &terms.speed,
    ]
}

/// Where a plan for this model is remembered. Names of models differ in length and at their ends.
#[inline]
fn recent(model: &[u8]) -> usize {
    let end = model.last_chunk::<8>().map_or(0, |end| u64::from_le_bytes(*end));
    ((end ^ model.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % RECENT
}

fn hash(parts: &[&RawText<'_>; PARTS]) -> u64 {
    let mut hasher = FxHasher::default();
    if parts[1..].iter().all(|part| part.is_empty()) {
        hasher.write(parts[0].as_written());
        return hasher.finish();
    }
    for (at, part) in parts.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
        hasher.write_usize(at);
        hasher.write(part.as_written());
    }
    hasher.finish()
}

fn is_key(kept: &Kept, parts: &[&RawText<'_>; PARTS]) -> bool {
    // Most requests say their model and nothing else.
    if usize::from(kept.lengths[0]) == kept.key.len() {
        return *parts[0] == RawText::plain(&kept.key) && parts[1..].iter().all(|part| part.is_empty());
    }
    let mut rest = &*kept.key;
    parts.iter().zip(kept.lengths).all(|(part, length)| {
        let (own, tail) = rest.split_at(usize::from(length));
        rest = tail;
        // Most parts are empty, and comparing nothing with nothing is slow: on some processors the library's vector load at an
        // empty slice's address is a suppressed page fault (measured: 100 ns a part).
        if own.is_empty() { part.is_empty() } else { **part == RawText::plain(own) }
    })
}
