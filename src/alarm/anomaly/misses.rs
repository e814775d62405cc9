//! Requests that miss where they usually hit, one after the other: hits and misses enter, how far that is from chance leaves.
//!
//! A cumulative sum (Page 1954) of the log-likelihood of a broken cache against the usual. Misses come in runs, as sessions do, so the sum
//! strays further than theory says: its own excursions say how far is far.

use super::blocks::Block;
use super::bytes::{put_real, put_varint, take_real, take_u32};
use super::charge::Charge;
use super::tail::Tail;

/// The share of misses when a cache is broken.
const BROKEN: f64 = 0.9;
/// The sum at which a break is told, at the least: some thirteen misses in a row where one in four is usual.
const FIRES: f64 = 16.0;
/// And the sum's own chance must be below 10^-this.
const RARE: f64 = 4.5;
/// The sum never goes beyond, so that it comes back when the cache does.
const MOST: f64 = 32.0;
/// How fast the usual share of misses follows, and the bounds within which it is believed.
const GAIN: f64 = 0.005;
const USUAL: (f64, f64) = (0.02, 0.6);
/// Excursions before their tail speaks.
const WARM: u32 = 60;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Misses {
    requests: u32,
    usual: f64,
    sum: f64,
    /// The greatest sum since it was zero, and the requests since then.
    peak: f64,
    run: Block,
    excursions: Tail,
}

impl Misses {
    pub(super) const fn new() -> Misses {
        Misses { requests: 0, usual: 0.0, sum: 0.0, peak: 0.0, run: Block::NEW, excursions: Tail::new() }
    }

    /// Takes a request; the run of requests leaves when it is no chance any more. Nothing is learned while it is `told` already.
    pub(super) fn add(&mut self, charge: &Charge, missed: bool, told: bool) -> Option<Block> {
        let usual = self.usual.clamp(USUAL.0, USUAL.1);
        let step = if missed { (BROKEN / usual).ln() } else { ((1.0 - BROKEN) / (1.0 - usual)).ln() };
        self.sum = (self.sum + step).clamp(0.0, MOST);
        if self.sum == 0.0 {
            if self.peak > 0.0 && !told {
                self.excursions.learn(self.peak, WARM, None);
            }
            (self.peak, self.run) = (0.0, Block::NEW);
        } else {
            self.peak = self.peak.max(self.sum);
            self.run.count(charge);
        }
        if !told && self.sum < FIRES / 2.0 {
            self.requests = self.requests.saturating_add(1);
            self.usual += GAIN.max(1.0 / f64::from(self.requests)) * (f64::from(u8::from(missed)) - self.usual);
        }
        let rare = self.excursions.score(self.sum, WARM, None) > RARE;
        (self.sum > FIRES && rare).then_some(self.run)
    }

    pub(super) fn save(&self, out: &mut Vec<u8>) {
        put_varint(self.requests.into(), out);
        for value in [self.usual, self.sum, self.peak] {
            put_real(value, out);
        }
        self.run.save(out);
        self.excursions.save(out);
    }

    pub(super) fn load(bytes: &mut &[u8]) -> Option<Misses> {
        Some(Misses {
            requests: take_u32(bytes)?,
            usual: take_real(bytes)?,
            sum: take_real(bytes)?,
            peak: take_real(bytes)?,
            run: Block::load(bytes)?,
            excursions: Tail::load(bytes)?,
        })
    }
}
