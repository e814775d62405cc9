//! What was spent when and by whom: minutes for two days, quarters of an hour for ninety, local days for ever. Folding keeps every sum.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::Post;
use super::counters::Counters;
use super::names::{Names, ProfileId};
use super::spread::Buckets;
use super::tier::{Tier, Value};
use crate::money::{Cost, Money};
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
    /// Totals by minute and quarter, for charts.
    minute_money: BTreeMap<i64, Money>,
    quarter_money: BTreeMap<i64, Money>,
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
            minute_money: BTreeMap::new(),
            quarter_money: BTreeMap::new(),
        }
    }

    /// Adds a difference; says which cell took it.
    pub fn post(&mut self, post: &Post, names: &Names) -> Placed {
        let minute = post.time.minute();
        let quarter = minute.div_euclid(QUARTER);
        let model = names.of(post.profile, Dimension::Model);
        let money = if post.sign < 0 { -post.sums.cost() } else { post.sums.cost() };
        let cost = request_cost(post);
        if minute >= self.minutes_from {
            self.minutes.entry(minute, post.profile).add(&post.sums, post.sign);
            *self.minute_money.entry(minute).or_default() += money;
            if let Some(cost) = cost {
                self.spread_minutes.entry(minute, model).record(cost, post.sign);
            }
            Placed { minute, in_spread: true }
        } else if quarter >= self.quarters_from {
            self.quarters.entry(quarter, post.profile).add(&post.sums, post.sign);
            *self.quarter_money.entry(quarter).or_default() += money;
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

    /// Folds what has grown too old, or too much, at `now`. `true`: too much, so that standing windows must be built anew.
    pub fn fold(&mut self, now: Timestamp) -> bool {
        let mut early = false;
        let mut minutes_from = (now.minute() - MINUTES_KEPT).div_euclid(QUARTER) * QUARTER;
        if self.minutes.len() > MINUTE_CELLS
            && let Some(first) = self.minutes.first()
        {
            // A quarter of the span at a time; the newest hour always stays.
            let part = first + (now.minute() - first) / 4;
            let part = part.min(now.minute() - 60).div_euclid(QUARTER) * QUARTER;
            early = part > minutes_from.max(self.minutes_from);
            minutes_from = minutes_from.max(part);
        }
        if minutes_from > self.minutes_from {
            self.minutes_from = minutes_from;
            let (quarters, quarter_money) = (&mut self.quarters, &mut self.quarter_money);
            self.minutes.drain_before(minutes_from, |minute, profile, sums| {
                let quarter = minute.div_euclid(QUARTER);
                quarters.entry(quarter, profile).join(&sums);
                *quarter_money.entry(quarter).or_default() += sums.cost();
            });
            let spread = &mut self.spread_quarters;
            self.spread_minutes.drain_before(minutes_from, |minute, model, buckets| {
                spread.entry(minute.div_euclid(QUARTER), model).join(&buckets);
            });
            self.minute_money = self.minute_money.split_off(&minutes_from);
        }
        let quarter_now = now.minute().div_euclid(QUARTER);
        let mut from = (quarter_now - QUARTERS_KEPT).max(i64::MIN / QUARTER);
        let full = self.quarters.len() > QUARTER_CELLS;
        if full && let Some(first) = self.quarters.first() {
            from = from.max(first + (quarter_now - first) / 4);
        }
        // Whole local days fold, so that a day is never split between tiers.
        let from = self.day(Timestamp::from_ms(from * QUARTER * MINUTE_MS)).div_euclid(QUARTER);
        if from > self.quarters_from {
            self.quarters_from = from;
            early |= full;
            let (days, zone) = (&mut self.days, self.zone);
            let mut day = (0, i64::MIN);
            self.quarters.drain_before(from, |quarter, profile, sums| {
                if day.0 != quarter || day.1 == i64::MIN {
                    let start = zone.period(Period::Day, Timestamp::from_ms(quarter * QUARTER * MINUTE_MS)).0;
                    day = (quarter, start.minute());
                }
                days.entry(day.1, profile).join(&sums);
            });
            self.spread_quarters.drain_before(from, |_, _, _| {});
            self.quarter_money = self.quarter_money.split_off(&from);
        }
        early
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

    /// Money by minute (or, where folded, by quarter) in [`from`, `until`): (start minute, length in minutes, money).
    pub fn money(&self, from: i64, until: i64) -> impl Iterator<Item = (i64, i64, Money)> + '_ {
        let quarters = from.div_euclid(QUARTER)..(until - 1).div_euclid(QUARTER) + 1;
        let old = self.quarter_money.range(quarters.start..quarters.end.max(quarters.start));
        old.map(|(quarter, money)| (quarter * QUARTER, QUARTER, *money))
            .chain(self.minute_money.range(from..until.max(from)).map(|(minute, money)| (*minute, 1, *money)))
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

    /// Puts a saved block back; `false` for bytes that are none. The totals for charts follow.
    pub fn load_block(&mut self, resolution: u8, time: i64, bytes: &[u8]) -> bool {
        match resolution {
            0 => {
                let loaded = self.minutes.load_block(time, bytes);
                let money = self.minute_money.entry(time).or_default();
                self.minutes.for_block(time, |_, sums| *money += sums.cost());
                loaded
            }
            1 => {
                let loaded = self.quarters.load_block(time, bytes);
                let money = self.quarter_money.entry(time).or_default();
                self.quarters.for_block(time, |_, sums| *money += sums.cost());
                loaded
            }
            2 => self.days.load_block(time, bytes),
            3 => self.spread_minutes.load_block(time, bytes),
            4 => self.spread_quarters.load_block(time, bytes),
            _ => false,
        }
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
