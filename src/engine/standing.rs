//! The sums of one window, moved by differences and by minutes that enter or leave: a frame never walks history.

use rustc_hash::FxHashMap;

use super::Post;
use super::cells::{Cells, Placed};
use super::counters::Counters;
use super::names::{NameId, Names, ProfileId};
use super::spread::Buckets;
use super::tier::Value;
use super::view::Window;
use crate::money::{Cost, Money};
use crate::usage::Dimension;

/// A window's sums by model, by user and by both.
#[derive(Debug, Default)]
pub struct Standing {
    window: Window,
    /// First minute inside.
    from: i64,
    /// First minute after.
    until: i64,
    /// Over everything.
    pub total: Counters,
    /// By model.
    pub models: FxHashMap<NameId, Counters>,
    /// By user.
    pub users: FxHashMap<NameId, Counters>,
    /// Money by user and model.
    pub pairs: FxHashMap<(NameId, NameId), Money>,
    /// Costs of requests by model.
    pub spread: FxHashMap<NameId, Buckets>,
}

impl Standing {
    /// The sums of `window` ending with the minute before `until`, built from the cells.
    #[must_use]
    pub fn build(window: Window, until: i64, cells: &Cells, names: &Names) -> Standing {
        let from = until - window.minutes();
        let mut standing = Standing { window, from, until, ..Standing::default() };
        cells.for_each(from, until, |_, profile, sums| standing.add(profile, sums, 1, names));
        cells.spread(from, until, &mut standing.spread);
        standing
    }

    /// The window.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// Its minutes: from the first inside to the first after.
    #[must_use]
    pub fn minutes(&self) -> (i64, i64) {
        (self.from, self.until)
    }

    /// Adds a difference, if the cell that took it begins inside: cells enter and leave whole.
    pub fn post(&mut self, post: &Post, cell: Placed, names: &Names) {
        if cell.minute < self.from || cell.minute >= self.until {
            return;
        }
        self.add(post.profile, &post.sums, post.sign, names);
        if cell.in_spread && post.sums.unpriced_requests == 0 {
            let cost = Cost::from_pico(u64::try_from(post.sums.cost().pico()).unwrap_or(u64::MAX));
            let model = names.of(post.profile, Dimension::Model);
            self.spread.entry(model).or_default().record(cost, post.sign);
        }
    }

    /// Moves the end to the minute before `until`.
    pub fn advance(&mut self, until: i64, cells: &Cells, names: &Names) {
        let steps = until - self.until;
        if steps <= 0 {
            return;
        }
        if steps >= self.window.minutes() {
            *self = Standing::build(self.window, until, cells, names);
            return;
        }
        for minute in self.from..self.from + steps {
            cells.for_minute(minute, |profile, sums| self.add(profile, sums, -1, names));
            cells.spread_of_minute(minute, |model, buckets| self.spread.entry(model).or_default().take_back(buckets));
        }
        for minute in self.until..until {
            cells.for_minute(minute, |profile, sums| self.add(profile, sums, 1, names));
            cells.spread_of_minute(minute, |model, buckets| self.spread.entry(model).or_default().join(buckets));
        }
        self.from += steps;
        self.until = until;
    }

    fn add(&mut self, profile: ProfileId, sums: &Counters, sign: i64, names: &Names) {
        self.total.add(sums, sign);
        let (model, user) = (names.of(profile, Dimension::Model), names.of(profile, Dimension::User));
        for (groups, id) in [(&mut self.models, model), (&mut self.users, user)] {
            let group = groups.entry(id).or_default();
            group.add(sums, sign);
            if group.is_zero() {
                groups.remove(&id);
            }
        }
        let pair = self.pairs.entry((user, model)).or_default();
        *pair += if sign < 0 { -sums.cost() } else { sums.cost() };
        if *pair == Money::ZERO {
            self.pairs.remove(&(user, model));
        }
    }
}
