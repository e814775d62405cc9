//! The last hour in steps of five seconds, and the last five minutes of them by profile: burn rates and fine charts.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::Post;
use super::names::{NameId, Names, ProfileId};
use crate::money::Money;
use crate::time::{MINUTE_MS, Timestamp};
use crate::usage::Dimension;

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

/// Sums of the newest steps.
#[derive(Debug, Default)]
pub struct Recent {
    totals: BTreeMap<i64, (Money, i64)>,
    steps: BTreeMap<i64, FxHashMap<ProfileId, Money>>,
    /// Steps up to this one are in the sums below.
    until: i64,
    burn: Money,
    models: FxHashMap<NameId, Money>,
    users: FxHashMap<NameId, Money>,
}

const fn step_of(time: Timestamp) -> i64 {
    time.ms().div_euclid(STEP_MS)
}

impl Recent {
    /// Adds a difference, if it is recent.
    pub fn post(&mut self, post: &Post, names: &Names) {
        let step = step_of(post.time);
        if step <= self.until - CHART_STEPS || step > self.until + AHEAD_STEPS {
            return;
        }
        let money = if post.sign < 0 { -post.sums.cost() } else { post.sums.cost() };
        let total = self.totals.entry(step).or_default();
        total.0 += money;
        total.1 += post.sign * post.sums.requests;
        if step > self.until - BURN_STEPS {
            *self.steps.entry(step).or_default().entry(post.profile).or_default() += money;
            if step <= self.until {
                self.add(post.profile, money, names);
            }
        }
    }

    fn add(&mut self, profile: ProfileId, money: Money, names: &Names) {
        self.burn += money;
        for (sums, dimension) in [(&mut self.models, Dimension::Model), (&mut self.users, Dimension::User)] {
            let id = names.of(profile, dimension);
            let sum = sums.entry(id).or_default();
            *sum += money;
            if *sum == Money::ZERO {
                sums.remove(&id);
            }
        }
    }

    /// The clock was set back by more than a minute: the sums end in what is the future now.
    #[must_use]
    pub fn is_ahead_of(&self, now: Timestamp) -> bool {
        step_of(now) < self.until - MINUTE_MS / STEP_MS
    }

    /// Moves the end to `now`.
    pub fn advance(&mut self, now: Timestamp, names: &Names) {
        let until = step_of(now);
        if until <= self.until {
            return;
        }
        let before = self.until;
        self.until = until;
        let entering: Vec<(ProfileId, Money)> = self
            .steps
            .range(before + 1..=until)
            .flat_map(|(_, sums)| sums.iter().map(|(id, money)| (*id, *money)))
            .collect();
        for (profile, money) in entering {
            self.add(profile, money, names);
        }
        while let Some(entry) = self.steps.first_entry()
            && *entry.key() <= until - BURN_STEPS
        {
            for (profile, money) in entry.remove() {
                self.add(profile, -money, names);
            }
        }
        while let Some(entry) = self.totals.first_entry()
            && *entry.key() <= until - CHART_STEPS
        {
            entry.remove();
        }
    }

    /// Dollars per hour over the last five minutes.
    #[must_use]
    pub fn burn(&self) -> Money {
        per_hour(self.burn)
    }

    /// The burn rate of a model.
    #[must_use]
    pub fn burn_of_model(&self, model: NameId) -> Money {
        per_hour(self.models.get(&model).copied().unwrap_or_default())
    }

    /// The burn rate of a user.
    #[must_use]
    pub fn burn_of_user(&self, user: NameId) -> Money {
        per_hour(self.users.get(&user).copied().unwrap_or_default())
    }

    /// Requests of the last minute.
    #[must_use]
    pub fn requests_per_minute(&self) -> u64 {
        let count: i64 = self.totals.range(self.until - 11..=self.until).map(|(_, (_, count))| count).sum();
        count.try_into().unwrap_or(0)
    }

    /// Money by step: (start in milliseconds, money), oldest first, up to now.
    pub fn money(&self) -> impl Iterator<Item = (i64, Money)> + '_ {
        self.totals.range(..=self.until).map(|(step, (money, _))| (step * STEP_MS, *money))
    }

    /// Money by step and profile over the last five minutes, steps just ahead of the clock included.
    pub fn for_each(&self, mut each: impl FnMut(i64, ProfileId, Money)) {
        for (step, sums) in &self.steps {
            for (profile, money) in sums {
                each(step * STEP_MS, *profile, *money);
            }
        }
    }

    /// When the burn rate will have forgotten everything: the screen must be drawn until then although nothing comes in.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        !self.steps.is_empty()
    }
}

fn per_hour(five_minutes: Money) -> Money {
    Money::from_pico(five_minutes.pico() * BURNS_PER_HOUR)
}
