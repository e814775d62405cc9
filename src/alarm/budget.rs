//! Budgets: posts and time enter, sums by period and conditions for the alarms leave. Exact, latched, no clock.
//!
//! A charge falls into the period of its event time. The running and the last period are kept: late charges correct both, and may alarm
//! when at most ten minutes late. What lies ahead of the clock waits for its time. docs/budgets.md has the rules.

use std::collections::BTreeMap;

use super::BudgetStatus;
use super::adjustment::{AdjustError, Adjustment};
use super::condition::Identity;
use super::scope::{Parts, ScopeError};
use super::state::Alarms;
use super::sums::{Budget, Span, Touched, limit_of};
use crate::config::{BudgetConfig, Each};
use crate::engine::Post;
use crate::engine::counters::Counters;
use crate::engine::names::{NONE, NameId, Names, ProfileId};
use crate::money::Money;
use crate::time::{MINUTE_MS, Timestamp, Zone};

/// A charge this late still alarms (DESIGN 5.4).
const LATE_MS: i64 = 10 * MINUTE_MS;
/// A charge this far ahead of the clock waits for its time (DESIGN 5.4).
const AHEAD_MS: i64 = 2 * MINUTE_MS;
/// Charges that may wait at once; more are dropped and counted. A clock that is wrong by hours is fixed sooner.
const MOST_WAITING: usize = 1 << 16;
/// A session without charges for this long is over for its alarm…
const SESSION_OVER_MS: i64 = 24 * 60 * MINUTE_MS;
/// …and for this long is forgotten: the bound of memory for sessions.
const SESSION_FORGOTTEN_MS: i64 = 7 * SESSION_OVER_MS;
/// How often sessions are looked through.
const SWEEP_MS: i64 = 10 * MINUTE_MS;

/// What was spent, and the part of it that a subscription pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// All of it.
    pub cost: Money,
    /// What it would have been at list price, where a flat fee pays.
    pub subscription: Money,
}

impl Spent {
    /// The money of `sums`.
    #[must_use]
    pub fn of(sums: &Counters) -> Spent {
        Spent { cost: sums.cost(), subscription: sums.subscription }
    }

    /// Of a sum that is all cash.
    #[must_use]
    pub fn cash(cost: Money) -> Spent {
        Spent { cost, subscription: Money::ZERO }
    }

    /// What a budget counts of it.
    fn counted(self, config: &BudgetConfig) -> Money {
        if config.include_subscription { self.cost } else { self.cost - self.subscription }
    }
}

/// What one session cost, from a store: for [`Budgets::rebuild`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSpend {
    /// Its first charge.
    pub first: Timestamp,
    /// Its last charge.
    pub last: Timestamp,
    /// The dimensions of its first charge.
    pub profile: ProfileId,
    /// The session.
    pub session: NameId,
    /// All it cost.
    pub spent: Spent,
}

/// All budgets of a configuration.
pub struct Budgets {
    zone: Zone,
    kept: Vec<Budget>,
    now: Timestamp,
    /// What the clock showed last; behind `now` where it was set back. Lateness is measured by it, so that a clock that was ahead silences nothing.
    clock: Timestamp,
    /// Charges ahead of the clock, by their time.
    waiting: BTreeMap<Timestamp, Vec<Post>>,
    waiting_posts: usize,
    dropped: u64,
    next_sweep: Timestamp,
}

impl Budgets {
    /// Budgets with nothing spent.
    ///
    /// # Errors
    /// A glob that does not compile; a checked configuration has none.
    pub fn new(zone: Zone, configs: &[BudgetConfig], now: Timestamp) -> Result<Budgets, ScopeError> {
        let kept = configs.iter().map(|config| Budget::new(config, zone, now)).collect::<Result<_, _>>()?;
        Ok(Budgets {
            zone,
            kept,
            now,
            clock: now,
            waiting: BTreeMap::new(),
            waiting_posts: 0,
            dropped: 0,
            next_sweep: now.plus_ms(SWEEP_MS),
        })
    }

    /// Datagrams are among the sources: what is counted from now on is a lower bound.
    pub fn count_a_lower_bound(&mut self) {
        for budget in &mut self.kept {
            budget.is_lower_bound = true;
        }
    }

    /// Counts differences in the order in which they came. The posts of one record belong into one call, so that what a correction adds
    /// before it takes back is not seen as spent.
    pub fn apply(&mut self, posts: &[Post], names: &Names, now: Timestamp, alarms: &mut Alarms) {
        self.tick(names, now, alarms);
        let mut touched = Vec::new();
        for (at, post) in posts.iter().enumerate() {
            if post.time > self.now.plus_ms(AHEAD_MS) || self.kept.iter().any(|budget| budget.open.end <= post.time) {
                self.hold(*post);
            } else {
                self.count(post, names, &mut touched);
            }
            if posts.get(at + 1).is_none_or(|next| next.sign > 0) {
                self.judge_all(&mut touched, names, alarms);
            }
        }
    }

    /// Time passes: periods roll, waiting charges count, alarms of ended periods resolve. Time that goes back opens no period again.
    pub fn tick(&mut self, names: &Names, now: Timestamp, alarms: &mut Alarms) {
        self.clock = now;
        // From one boundary to the next, so that a charge that waited counts in its period however long nobody called.
        while let Some((&time, _)) = self.waiting.first_key_value()
            && time <= now
        {
            self.advance(time, alarms);
            let posts = self.waiting.remove(&time).unwrap_or_default();
            self.waiting_posts -= posts.len();
            let mut touched = Vec::new();
            for post in &posts {
                self.count(post, names, &mut touched);
            }
            self.judge_all(&mut touched, names, alarms);
        }
        self.advance(now, alarms);
        if self.now >= self.next_sweep {
            self.next_sweep = self.now.plus_ms(SWEEP_MS);
            self.sweep(names, alarms);
        }
    }

    /// Takes up sums from a store: `cells` for periods (time, profile, money), `sessions` for lifetimes, what persons corrected. What was counted before is
    /// forgotten. Saved alarms must be loaded before; they stay latched unless their limit changed. All transitions are silent.
    pub fn rebuild(
        &mut self,
        cells: impl IntoIterator<Item = (Timestamp, ProfileId, Spent)>,
        sessions: impl IntoIterator<Item = SessionSpend>,
        adjustments: &[Adjustment],
        names: &mut Names,
        now: Timestamp,
        alarms: &mut Alarms,
    ) {
        self.advance(now, alarms);
        for budget in &mut self.kept {
            budget.open.sums.clear();
            budget.closed.sums.clear();
            budget.sessions.clear();
            budget.keep_global();
        }
        for (time, profile, spent) in cells {
            for budget in self.kept.iter_mut().filter(|budget| budget.config.each != Each::Session) {
                budget.add(time, profile, NONE, spent.counted(&budget.config), names);
            }
        }
        for session in sessions {
            if session.last.plus_ms(SESSION_FORGOTTEN_MS) <= self.now {
                continue;
            }
            for budget in self.kept.iter_mut().filter(|budget| budget.config.each == Each::Session) {
                let spent = session.spent.counted(&budget.config);
                if budget.add(session.first, session.profile, session.session, spent, names).is_some()
                    && let Some(life) = budget.sessions.get_mut(&session.session)
                {
                    life.last = life.last.max(session.last);
                }
            }
        }
        for adjustment in adjustments {
            self.move_by(adjustment, names, true);
        }
        self.latch(names, alarms);
        let mut touched = Vec::new();
        for (at, budget) in self.kept.iter().enumerate() {
            let mut keys: Vec<NameId> = budget.open.sums.keys().copied().collect();
            keys.sort_unstable();
            touched.extend(keys.into_iter().map(|key| Touched {
                budget: at,
                closed: false,
                key,
                time: self.now,
                silent: true,
            }));
        }
        self.judge_all(&mut touched, names, alarms);
    }

    /// Moves what a person names by an amount; returns how many sums moved. What was latched above is looked at again.
    pub(super) fn adjust(
        &mut self,
        adjustment: &Adjustment,
        names: &mut Names,
        alarms: &mut Alarms,
    ) -> Result<usize, AdjustError> {
        self.knows(adjustment)?;
        match self.correct(adjustment, false, names, alarms) {
            0 => Err(AdjustError::Nowhere),
            moved => Ok(moved),
        }
    }

    /// Whether there is the budget that it names, and it names for whom.
    ///
    /// # Errors
    /// [`AdjustError::NoBudget`], [`AdjustError::NoKey`].
    pub fn knows(&self, adjustment: &Adjustment) -> Result<(), AdjustError> {
        let Some(name) = &adjustment.budget else { return Ok(()) };
        let Some(budget) = self.kept.iter().find(|budget| budget.config.name == *name) else {
            let known = self.kept.iter().map(|budget| format!("'{}'", budget.config.name)).collect::<Vec<_>>();
            let remedy = match known.as_slice() {
                [] => "add a [[budget]] to the configuration".to_owned(),
                known => format!("use {}", known.join(", ")),
            };
            return Err(AdjustError::NoBudget { name: name.clone(), remedy });
        };
        let known = match budget.config.each {
            Each::All => true,
            Each::Dimension(of) => adjustment.of.iter().any(|(dimension, _)| *dimension == of),
            Each::Session => adjustment.session.is_some(),
        };
        if known { Ok(()) } else { Err(AdjustError::NoKey(name.clone(), budget.scope_name())) }
    }

    /// Moves the sums it means and looks at them again; returns how many. What no budget counts any more moves none.
    pub fn correct(&mut self, adjustment: &Adjustment, silent: bool, names: &mut Names, alarms: &mut Alarms) -> usize {
        // What is late alarms as little as a charge would.
        let silent = silent || adjustment.time.plus_ms(LATE_MS) < self.now.min(self.clock);
        let mut touched = self.move_by(adjustment, names, silent);
        for sum in &mut touched {
            let fell = self.kept[sum.budget].relatch(sum, names, alarms);
            // Still above a threshold, but a lower one: whoever changed it knows.
            sum.silent |= fell;
        }
        let moved = touched.len();
        self.judge_all(&mut touched, names, alarms);
        moved
    }

    /// Adds an adjustment to the sums it means.
    fn move_by(&mut self, adjustment: &Adjustment, names: &mut Names, silent: bool) -> Vec<Touched> {
        let (parts, session) = adjustment.parts(names);
        let (time, amount) = (adjustment.time, adjustment.amount);
        let mut touched = Vec::new();
        for (at, budget) in self.kept.iter_mut().enumerate() {
            // Who names a budget means it, whatever it matches.
            let meant = match &adjustment.budget {
                Some(name) => budget.config.name == *name,
                None => budget.scope.matches_parts(&parts, names),
            };
            let moved = meant.then(|| budget.adjust(time, (&parts, session), amount, names)).flatten();
            touched.extend(moved.map(|(closed, key)| Touched { budget: at, closed, key, time, silent }));
        }
        touched
    }

    /// The running periods, the fullest budgets first; of budgets kept for each key at most `at_most` keys.
    #[must_use]
    pub fn statuses(&self, names: &Names, at_most: usize) -> Vec<BudgetStatus> {
        self.kept.iter().flat_map(|budget| budget.statuses(&budget.open, names, at_most)).collect()
    }

    /// The running periods of the budgets that are kept for one of these users, models, sessions; each part is a kind and its key.
    #[must_use]
    pub fn statuses_of(&self, parts: &[(Each, NameId)], names: &Names) -> Vec<BudgetStatus> {
        let of = |(each, id): &(Each, NameId)| if let Each::Dimension(of) = each { Some((*of, *id)) } else { None };
        let known = Parts(parts.iter().filter_map(of).collect());
        let of_part = |budget: &Budget| {
            let (_, key) = parts.iter().find(|(each, key)| *each == budget.config.each && *key != NONE)?;
            budget.status_of(*key, &known, names)
        };
        self.kept.iter().filter_map(of_part).collect()
    }

    /// The same for the periods that ended last.
    #[must_use]
    pub fn closed_statuses(&self, names: &Names, at_most: usize) -> Vec<BudgetStatus> {
        let periods = self.kept.iter().filter(|budget| budget.config.per.is_some());
        periods.flat_map(|budget| budget.statuses(&budget.closed, names, at_most)).collect()
    }

    /// Charges dropped because too many waited for their time.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn hold(&mut self, post: Post) {
        if self.waiting_posts >= MOST_WAITING {
            self.dropped += 1;
            return;
        }
        self.waiting_posts += 1;
        self.waiting.entry(post.time).or_default().push(post);
    }

    fn advance(&mut self, now: Timestamp, alarms: &mut Alarms) {
        self.now = self.now.max(now);
        for budget in &mut self.kept {
            budget.roll(self.zone, self.now);
        }
        alarms.tick(self.now);
    }

    fn count(&mut self, post: &Post, names: &Names, touched: &mut Vec<Touched>) {
        let spent = Spent::of(&post.sums);
        if spent.cost == Money::ZERO {
            return;
        }
        // What waited is counted at its time, which the clock may have passed since.
        let late = post.time.plus_ms(LATE_MS) < self.now.min(self.clock);
        for (at, budget) in self.kept.iter_mut().enumerate() {
            let cost = spent.counted(&budget.config);
            let cost = if post.sign < 0 { -cost } else { cost };
            if cost == Money::ZERO {
                continue;
            }
            let Some((closed, key)) = budget.add(post.time, post.profile, post.session, cost, names) else { continue };
            if !(closed && late) {
                touched.push(Touched { budget: at, closed, key, time: post.time, silent: post.history || late });
            }
        }
    }

    fn judge_all(&mut self, touched: &mut Vec<Touched>, names: &Names, alarms: &mut Alarms) {
        for sum in touched.drain(..) {
            self.kept[sum.budget].judge(&sum, self.zone, names, alarms);
        }
    }

    /// Sums whose alarms were saved stay latched; alarms whose budget or limit is another now are over.
    fn latch(&mut self, names: &Names, alarms: &mut Alarms) {
        let mut saved: Vec<(Identity, Money, u32)> = alarms
            .instances
            .values()
            .filter(|instance| instance.condition.cause == "budget")
            .map(|instance| {
                let condition = &instance.condition;
                (condition.identity.clone(), condition.limit, condition.passed)
            })
            .collect();
        saved.sort_unstable();
        for (identity, limit, passed) in saved {
            let budget = self
                .kept
                .iter_mut()
                .find(|budget| budget.config.name == identity.rule && budget.scope_name() == identity.scope);
            let Some(budget) = budget else {
                alarms.clear(&identity, self.now, true);
                continue;
            };
            let key = match &identity.key {
                None => Some(NONE),
                Some(label) => names.find(label.as_str()),
            };
            let started = |span: &Span| identity.period_start.is_none_or(|start| start == span.start);
            let span = if started(&budget.open) {
                &mut budget.open
            } else if started(&budget.closed) {
                &mut budget.closed
            } else {
                continue; // its period is over: the tick ends it
            };
            let Some(sum) = key.and_then(|key| span.sums.get_mut(&key)) else { continue };
            if limit_of(&budget.config, &budget.overrides, sum.limit) == limit {
                sum.level = budget.thresholds.iter().filter(|threshold| **threshold <= passed).count() as u8;
            } else {
                alarms.clear(&identity, self.now, true);
            }
        }
    }

    fn sweep(&mut self, names: &Names, alarms: &mut Alarms) {
        let now = self.now;
        for budget in &mut self.kept {
            let mut over: Vec<NameId> = budget
                .sessions
                .iter()
                .filter(|(_, life)| life.last.plus_ms(SESSION_OVER_MS) <= now)
                .map(|(session, _)| *session)
                .collect();
            over.sort_unstable();
            for session in over {
                if budget.open.sums.get(&session).is_some_and(|sum| sum.level > 0) {
                    alarms.clear(&budget.identity(session, None, names), now, true);
                }
            }
            let Budget { sessions, open, .. } = budget;
            sessions.retain(|session, life| {
                let kept = life.last.plus_ms(SESSION_FORGOTTEN_MS) > now;
                if !kept {
                    open.sums.remove(session);
                }
                kept
            });
        }
    }
}
