//! The last hour in steps of five seconds, and the last five minutes of them by profile: burn rates and fine charts.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::Post;
use super::groups::signed;
use super::names::{NameId, ProfileId};
use crate::money::Money;
use crate::time::{MINUTE_MS, Timestamp};

/// Milliseconds in one step.
pub const STEP_MS: i64 = 5_000;
/// Steps of the burn rate's five minutes.
const BURN_STEPS: i64 = 60;
/// Burn rate is per hour: twelve times five minutes.
const BURNS_PER_HOUR: i128 = 12;
/// Steps kept for charts: an hour and the five minutes before it.
const CHART_STEPS: i64 = 65 * 12;
/// Steps ahead of the clock that are kept until their time comes.
const AHEAD_STEPS: i64 = 65 * 12;

/// Which steps count at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock {
    /// The step that is running.
    now: i64,
}

impl Clock {
    pub(super) fn at(now: Timestamp) -> Clock {
        Clock { now: step_of(now) }
    }

    /// The step is shown in a chart, now or when its time comes.
    pub(super) fn charts(self, step: i64) -> bool {
        step > self.now - CHART_STEPS && step <= self.now + AHEAD_STEPS
    }

    /// The step is in the burn rate, now or when its time comes.
    pub(super) fn may_burn(self, step: i64) -> bool {
        step > self.now - BURN_STEPS && step <= self.now + AHEAD_STEPS
    }

    /// The step is in the burn rate now.
    pub(super) fn burns(self, step: i64) -> bool {
        step > self.now - BURN_STEPS && step <= self.now
    }

    /// The running step.
    pub(super) fn now(self) -> i64 {
        self.now
    }

    /// When the oldest step of a chart begins, in milliseconds.
    pub(super) fn chart_start_ms(self) -> i64 {
        (self.now - CHART_STEPS + 1) * STEP_MS
    }

    /// When the last step ends that is kept until its time comes, in milliseconds.
    pub(super) fn chart_end_ms(self) -> i64 {
        (self.now + AHEAD_STEPS + 1) * STEP_MS
    }
}

/// The step of an instant.
pub(super) const fn step_of(time: Timestamp) -> i64 {
    time.ms().div_euclid(STEP_MS)
}

/// What was spent in the last five minutes by the groups of two tables.
#[derive(Debug, Default)]
pub(super) struct Burn {
    total: Money,
    groups: [FxHashMap<NameId, Money>; 2],
}

impl Burn {
    /// Adds what the groups `ids` spent, or takes it back.
    pub(super) fn add(&mut self, ids: [Option<NameId>; 2], money: Money) {
        self.total += money;
        for (sums, id) in self.groups.iter_mut().zip(ids) {
            let Some(id) = id else { continue };
            let sum = sums.entry(id).or_default();
            *sum += money;
            if *sum == Money::ZERO {
                sums.remove(&id);
            }
        }
    }

    /// Dollars per hour over the last five minutes.
    pub(super) fn rate(&self) -> Money {
        per_hour(self.total)
    }

    /// What the groups of one table spent.
    pub(super) fn groups(&self, table: usize) -> &FxHashMap<NameId, Money> {
        &self.groups[table]
    }
}

/// Sums of the newest steps.
#[derive(Debug, Default)]
pub struct Recent {
    totals: BTreeMap<i64, (Money, i64)>,
    steps: BTreeMap<i64, FxHashMap<ProfileId, Money>>,
    clock: Clock,
    burn: Money,
}

impl Recent {
    /// Adds a difference, if it is recent; what it adds to the burn rate.
    pub fn post(&mut self, post: &Post) -> Option<Money> {
        let step = step_of(post.time);
        if !self.clock.charts(step) {
            return None;
        }
        let money = signed(post.sums.cost(), post.sign);
        let total = self.totals.entry(step).or_default();
        total.0 += money;
        total.1 += post.sign * post.sums.requests;
        if !self.clock.may_burn(step) {
            return None;
        }
        *self.steps.entry(step).or_default().entry(post.profile).or_default() += money;
        self.clock.burns(step).then(|| {
            self.burn += money;
            money
        })
    }

    /// The clock was set back by more than a minute: the sums end in what is the future now.
    #[must_use]
    pub fn is_ahead_of(&self, now: Timestamp) -> bool {
        step_of(now) < self.clock.now - MINUTE_MS / STEP_MS
    }

    /// Moves the end to `now` and tells what that adds to the burn rate or takes from it.
    pub fn advance(&mut self, now: Timestamp, mut moved: impl FnMut(ProfileId, Money)) {
        let before = self.clock.now;
        if step_of(now) <= before {
            return;
        }
        self.clock = Clock::at(now);
        for (_, sums) in self.steps.range(before + 1..=self.clock.now) {
            for (profile, money) in sums {
                self.burn += *money;
                moved(*profile, *money);
            }
        }
        while let Some(entry) = self.steps.first_entry()
            && !self.clock.may_burn(*entry.key())
        {
            for (profile, money) in entry.remove() {
                self.burn -= money;
                moved(profile, -money);
            }
        }
        while let Some(entry) = self.totals.first_entry()
            && !self.clock.charts(*entry.key())
        {
            entry.remove();
        }
    }

    /// Dollars per hour over the last five minutes.
    #[must_use]
    pub fn burn(&self) -> Money {
        per_hour(self.burn)
    }

    /// Requests of the last minute.
    #[must_use]
    pub fn requests_per_minute(&self) -> u64 {
        let count: i64 = self.totals.range(self.clock.now - 11..=self.clock.now).map(|(_, (_, count))| count).sum();
        count.try_into().unwrap_or(0)
    }

    /// Money by step: (start in milliseconds, money), oldest first, up to now.
    pub fn money(&self) -> impl Iterator<Item = (i64, Money)> + '_ {
        self.totals.range(..=self.clock.now).map(|(step, (money, _))| (step * STEP_MS, *money))
    }

    /// Money by step and profile over the last five minutes, from the step that holds `since` on, steps just ahead of the clock included.
    pub fn for_each(&self, since: Timestamp, mut each: impl FnMut(i64, ProfileId, Money)) {
        for (step, sums) in self.steps.range(step_of(since)..) {
            for (profile, money) in sums {
                each(step * STEP_MS, *profile, *money);
            }
        }
    }

    /// Money by profile over the last five minutes.
    pub fn for_each_burning(&self, mut each: impl FnMut(ProfileId, Money)) {
        for (_, sums) in self.steps.range(..=self.clock.now) {
            for (profile, money) in sums {
                each(*profile, *money);
            }
        }
    }

    /// When the burn rate will have forgotten everything: the screen must be drawn until then although nothing comes in.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        !self.steps.is_empty()
    }
}

/// What was spent in five minutes, as dollars per hour.
pub(super) fn per_hour(five_minutes: Money) -> Money {
    Money::from_pico(five_minutes.pico() * BURNS_PER_HOUR)
}
