//! The few seconds before the watermark: posts enter as they arrive, corrections cancel what they correct, charges leave in order once nothing
//! can come before them.
//!
//! docs/alarms.md: the watermark is five seconds behind the greatest time or the clock, whichever is less. What comes later than that has
//! missed the detectors; budgets and sums have it all the same.

use std::collections::BTreeMap;

use super::charge::Charge;
use crate::engine::names::Names;
use crate::engine::{Post, SKEW_MS};
use crate::time::Timestamp;

/// How far the watermark is behind.
const BEHIND_MS: i64 = 5_000;
/// Charges that may wait at once: ten seconds of 50,000 a second. Beyond, they miss the detectors and are counted.
const MOST: usize = 1 << 19;

/// Charges that wait.
#[derive(Debug)]
pub(super) struct Hold {
    waiting: BTreeMap<Timestamp, Vec<Charge>>,
    count: usize,
    /// The greatest time that is not ahead of the clock.
    greatest: Timestamp,
    watermark: Timestamp,
    missed: u64,
}

impl Hold {
    pub(super) fn new(watermark: Timestamp) -> Hold {
        Hold { waiting: BTreeMap::new(), count: 0, greatest: Timestamp::MIN, watermark, missed: 0 }
    }

    pub(super) fn watermark(&self) -> Timestamp {
        self.watermark
    }

    /// Charges that came too late, or too many at once.
    pub(super) fn missed(&self) -> u64 {
        self.missed
    }

    /// Takes a post in. What takes back a charge that waits, cancels it; what takes back one that has gone, is too late.
    pub(super) fn take(&mut self, post: &Post, now: Timestamp) {
        let charge = Charge::of(post);
        if post.sign < 0 {
            self.cancel(&charge);
            return;
        }
        if charge.time <= self.watermark || self.count >= MOST {
            self.missed += 1;
            return;
        }
        self.waiting.entry(charge.time).or_default().push(charge);
        self.count += 1;
        if charge.time <= now.plus_ms(SKEW_MS) {
            self.greatest = self.greatest.max(charge.time);
        }
    }

    fn cancel(&mut self, charge: &Charge) {
        let Some(same_time) = self.waiting.get_mut(&charge.time) else { return };
        if let Some(place) = same_time.iter().rposition(|waiting| waiting.is(charge)) {
            same_time.swap_remove(place);
            self.count -= 1;
        }
        if same_time.is_empty() {
            self.waiting.remove(&charge.time);
        }
    }

    /// Moves the watermark to where it may be at `now`; it never goes back.
    pub(super) fn advance(&mut self, now: Timestamp) {
        let reached = self.greatest.min(now);
        if reached > Timestamp::MIN {
            self.watermark = self.watermark.max(reached.plus_ms(-BEHIND_MS));
        }
    }

    /// Nothing will come any more: the watermark is where the log ends, but not ahead of the clock.
    pub(super) fn finish(&mut self, now: Timestamp) {
        self.watermark = self.watermark.max(self.greatest.min(now));
    }

    /// Takes out the charges of the earliest instant that the watermark has reached, in order.
    pub(super) fn release(&mut self, names: &Names) -> Option<Vec<Charge>> {
        let (time, _) = self.waiting.first_key_value()?;
        if *time > self.watermark {
            return None;
        }
        let (_, mut charges) = self.waiting.pop_first()?;
        self.count -= charges.len();
        charges.sort_by(|one, other| one.order(other, names));
        Some(charges)
    }
}
