//! What was spent when and by whom: minutes for two days, quarters of an hour for ninety, local days for ever. Folding keeps every sum.

use rustc_hash::FxHashMap;

use super::Post;
use super::counters::Counters;
use super::names::{Names, ProfileId};
use super::spread::Buckets;
use super::tier::{Tier, Value};
use crate::money::Cost;
use crate::time::{MINUTE_MS, Period, Timestamp, Zone};
use crate::usage::Dimension;

/// Minutes kept as minutes.
const MINUTES_KEPT: i64 = 48 * 60;
/// Minute cells kept; beyond, the oldest minutes fold early.
const MINUTE_CELLS: usize = 2_000_000;
/// Quarters of an hour kept as such.
const QUARTERS_KEPT: i64 = 90 * 24 * 4;
/// Quarter cells kept.
const QUARTER_CELLS: usize = 4_000_000;
/// Minutes in a quarter of an hour. Every time zone's day is a whole number of them.
const QUARTER: i64 = 15;

/// Which tier a block belongs to; the number is part of the saved state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Resolution {
    /// Whole minutes.
    Minute = 0,
    /// Quarters of an hour.
    Quarter = 1,
    /// Local days.
    Day = 2,
    /// Costs of requests by model, in minutes.
    SpreadMinute = 3,
    /// Costs of requests by model, in quarters.
    SpreadQuarter = 4,
}

/// Which cell took a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The minute in which it begins.
    pub minute: i64,
    /// Its costs are counted in the distribution; those of whole days are not.
    pub in_spread: bool,
}

/// The three tiers, and the distribution of costs beside them.
#[derive(Debug)]
pub struct Cells {
    zone: Zone,
    minutes: Tier<Counters>,
    quarters: Tier<Counters>,
    days: Tier<Counters>,
    spread_minutes: Tier<Buckets>,
    spread_quarters: Tier<Buckets>,
    /// Older minutes are folded.
    minutes_from: i64,
    quarters_from: i64,
}

/// The priced cost of a post, for the distribution.
fn request_cost(post: &Post) -> Option<Cost> {
    let sums = &post.sums;
    let cost = sums.cost().pico();
    (sums.unpriced_requests == 0).then(|| Cost::from_pico(u64::try_from(cost).unwrap_or(u64::MAX)))
}

impl Cells {
    /// Empty.
    #[must_use]
    pub fn new(zone: Zone, collect_changes: bool) -> Cells {
        Cells {
            zone,
            minutes: Tier::new(collect_changes),
            quarters: Tier::new(collect_changes),
            days: Tier::new(collect_changes),
            spread_minutes: Tier::new(collect_changes),
            spread_quarters: Tier::new(collect_changes),
            minutes_from: i64::MIN,
            quarters_from: i64::MIN,
        }
    }

    /// Adds a difference; says which cell took it.
    pub fn post(&mut self, post: &Post, names: &Names) -> Placed {
        let minute = post.time.minute();
        let quarter = minute.div_euclid(QUARTER);
        let model = names.of(post.profile, Dimension::Model);
        let cost = request_cost(post);
        if minute >= self.minutes_from {
            self.minutes.entry(minute, post.profile).add(&post.sums, post.sign);
            if let Some(cost) = cost {
                self.spread_minutes.entry(minute, model).record(cost, post.sign);
            }
            Placed { minute, in_spread: true }
        } else if quarter >= self.quarters_from {
            self.quarters.entry(quarter, post.profile).add(&post.sums, post.sign);
            if let Some(cost) = cost {
                self.spread_quarters.entry(quarter, model).record(cost, post.sign);
            }
            Placed { minute: quarter * QUARTER, in_spread: true }
        } else {
            let day = self.day(post.time);
            self.days.entry(day, post.profile).add(&post.sums, post.sign);
            Placed { minute: day, in_spread: false }
        }
    }

    fn day(&self, time: Timestamp) -> i64 {
        self.zone.period(Period::Day, time).0.minute()
    }

    /// Folds what has grown too old, or too much, at `now`. What has other cells now lies before the minute it returns.
    pub fn fold(&mut self, now: Timestamp) -> Option<i64> {
        let mut folded = None;
        let mut minutes_from = (now.minute() - MINUTES_KEPT).div_euclid(QUARTER) * QUARTER;
        if self.minutes.len() > MINUTE_CELLS
            && let Some(first) = self.minutes.first()
        {
            // A quarter of the span at a time; the newest hour always stays.
            let part = first + (now.minute() - first) / 4;
            let part = part.min(now.minute() - 60).div_euclid(QUARTER) * QUARTER;
            minutes_from = minutes_from.max(part);
        }
        if minutes_from > self.minutes_from {
            self.minutes_from = minutes_from;
            let quarters = &mut self.quarters;
            self.minutes.drain_before(minutes_from, |minute, profile, sums| {
                quarters.entry(minute.div_euclid(QUARTER), profile).join(&sums);
                folded = Some(minutes_from);
            });
            let spread = &mut self.spread_quarters;
            self.spread_minutes.drain_before(minutes_from, |minute, model, buckets| {
                spread.entry(minute.div_euclid(QUARTER), model).join(&buckets);
            });
        }
        let quarter_now = now.minute().div_euclid(QUARTER);
        let mut from = (quarter_now - QUARTERS_KEPT).max(i64::MIN / QUARTER);
        if self.quarters.len() > QUARTER_CELLS
            && let Some(first) = self.quarters.first()
        {
            from = from.max(first + (quarter_now - first) / 4);
        }
        // Whole local days fold, so that a day is never split between tiers.
        let from = self.day(Timestamp::from_ms(from * QUARTER * MINUTE_MS)).div_euclid(QUARTER);
        if from > self.quarters_from {
            self.quarters_from = from;
            let (days, zone) = (&mut self.days, self.zone);
            let mut day = (0, i64::MIN);
            self.quarters.drain_before(from, |quarter, profile, sums| {
                if day.0 != quarter || day.1 == i64::MIN {
                    let start = zone.period(Period::Day, Timestamp::from_ms(quarter * QUARTER * MINUTE_MS)).0;
                    day = (quarter, start.minute());
                }
                days.entry(day.1, profile).join(&sums);
                folded = folded.max(Some(from * QUARTER));
            });
            self.spread_quarters.drain_before(from, |_, _, _| {});
        }
        folded
    }

    /// Calls `each` for every cell that lies in [`from`, `until`), given in minutes since the epoch: (start minute, profile, sums).
    ///
    /// Older cells are coarser and count where they begin.
    pub fn for_each(&self, from: i64, until: i64, mut each: impl FnMut(i64, ProfileId, &Counters)) {
        self.days.for_each(from..until, &mut each);
        let quarters =
            from.div_euclid(QUARTER) + i64::from(from.rem_euclid(QUARTER) > 0)..(until - 1).div_euclid(QUARTER) + 1;
        if quarters.start < quarters.end {
            self.quarters.for_each(quarters, |quarter, profile, sums| each(quarter * QUARTER, profile, sums));
        }
        self.minutes.for_each(from..until, &mut each);
    }

    /// Calls `each` for the cells that begin in one minute.
    pub fn for_minute(&self, minute: i64, mut each: impl FnMut(ProfileId, &Counters)) {
        self.days.for_block(minute, &mut each);
        self.minutes.for_block(minute, &mut each);
        if minute.rem_euclid(QUARTER) == 0 {
            self.quarters.for_block(minute.div_euclid(QUARTER), &mut each);
        }
    }

    /// Adds the distribution of costs in [`from`, `until`) minutes by model to `sums`.
    pub fn spread(&self, from: i64, until: i64, sums: &mut FxHashMap<u32, Buckets>) {
        let quarters =
            from.div_euclid(QUARTER) + i64::from(from.rem_euclid(QUARTER) > 0)..(until - 1).div_euclid(QUARTER) + 1;
        if quarters.start < quarters.end {
            self.spread_quarters.for_each(quarters, |_, model, buckets| sums.entry(model).or_default().join(buckets));
        }
        self.spread_minutes.for_each(from..until, |_, model, buckets| sums.entry(model).or_default().join(buckets));
    }

    /// The distribution that begins in one minute.
    pub fn spread_of_minute(&self, minute: i64, mut each: impl FnMut(u32, &Buckets)) {
        self.spread_minutes.for_block(minute, &mut each);
        if minute.rem_euclid(QUARTER) == 0 {
            self.spread_quarters.for_block(minute.div_euclid(QUARTER), &mut each);
        }
    }

    /// The minutes in [`from`, `until`) in which cells begin, in order.
    #[must_use]
    pub fn blocks(&self, from: i64, until: i64) -> Vec<i64> {
        let quarters =
            from.div_euclid(QUARTER) + i64::from(from.rem_euclid(QUARTER) > 0)..(until - 1).div_euclid(QUARTER) + 1;
        let mut blocks: Vec<i64> = self.days.times(from..until).chain(self.minutes.times(from..until)).collect();
        if quarters.start < quarters.end {
            blocks.extend(self.quarters.times(quarters).map(|quarter| quarter * QUARTER));
        }
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }

    /// How many minutes long the cells that begin in `minute` are.
    #[must_use]
    pub fn length(&self, minute: i64) -> i64 {
        if minute >= self.minutes_from {
            1
        } else if minute.div_euclid(QUARTER) >= self.quarters_from {
            QUARTER
        } else {
            let (start, end) = self.zone.period(Period::Day, Timestamp::from_ms(minute * MINUTE_MS));
            end.minute() - start.minute()
        }
    }

    /// No cell begins earlier; `None` without cells.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        let quarters = self.quarters.first().map(|quarter| quarter * QUARTER);
        self.days.first().into_iter().chain(quarters).chain(self.minutes.first()).min()
    }

    /// The saved form of every block changed since the last call; empty bytes remove one.
    pub fn take_changed(&mut self, mut each: impl FnMut(Resolution, i64, Vec<u8>)) {
        for time in self.minutes.take_changed() {
            each(Resolution::Minute, time, self.minutes.save_block(time));
        }
        for time in self.quarters.take_changed() {
            each(Resolution::Quarter, time, self.quarters.save_block(time));
        }
        for time in self.days.take_changed() {
            each(Resolution::Day, time, self.days.save_block(time));
        }
        for time in self.spread_minutes.take_changed() {
            each(Resolution::SpreadMinute, time, self.spread_minutes.save_block(time));
        }
        for time in self.spread_quarters.take_changed() {
            each(Resolution::SpreadQuarter, time, self.spread_quarters.save_block(time));
        }
    }

    /// Puts a saved block back; `false` for bytes that are none.
    pub fn load_block(&mut self, resolution: u8, time: i64, bytes: &[u8]) -> bool {
        match resolution {
            0 => self.minutes.load_block(time, bytes),
            1 => self.quarters.load_block(time, bytes),
            2 => self.days.load_block(time, bytes),
            3 => self.spread_minutes.load_block(time, bytes),
            4 => self.spread_quarters.load_block(time, bytes),
            _ => false,
        }
    }

    /// Takes up how far folding had got: what is coarse has been folded, also where that was early. Corrections then find their cell.
    pub fn finish_loading(&mut self) {
        let after_days = self.days.last().map(|day| {
            let (_, end) = self.zone.period(Period::Day, Timestamp::from_ms(day * MINUTE_MS));
            end.minute().div_euclid(QUARTER)
        });
        self.quarters_from = self.quarters_from.max(after_days.unwrap_or(i64::MIN));
        let after_quarters = self.quarters.last().map(|quarter| (quarter + 1) * QUARTER);
        let after_days = after_days.map(|quarter| quarter * QUARTER);
        self.minutes_from = self.minutes_from.max(after_quarters.max(after_days).unwrap_or(i64::MIN));
    }

    /// Cells kept in each tier.
    #[must_use]
    pub fn len(&self) -> [usize; 3] {
        [self.minutes.len(), self.quarters.len(), self.days.len()]
    }

    /// No cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.minutes.is_empty() && self.quarters.is_empty() && self.days.is_empty()
    }
}
