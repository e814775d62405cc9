//! Budgets: posts and time enter, sums by period and conditions for the alarms leave. Exact, latched, no clock.
//!
//! A charge falls into the period of its event time. The running and the last period are kept: late charges correct both, and may alarm
//! when at most ten minutes late. What lies ahead of the clock waits for its time. docs/budgets.md has the rules.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::message::{of_all, of_one, part_of};
use super::scope::{Remembered, Scope, ScopeError};
use super::state::{Alarms, Condition, Identity};
use super::{BudgetState, BudgetStatus};
use crate::config::{BudgetConfig, Each, Severity, specificity};
use crate::engine::Post;
use crate::engine::names::{NONE, NameId, Names, OTHER, ProfileId};
use crate::money::Money;
use crate::time::{MINUTE_MS, Timestamp, Zone};

/// A charge this late still alarms (DESIGN 5.4).
const LATE_MS: i64 = 10 * MINUTE_MS;
/// A charge this far ahead of the clock waits for its time (DESIGN 5.4).
const AHEAD_MS: i64 = 2 * MINUTE_MS;
/// Charges that may wait at once; more are dropped and counted. A clock that is wrong by hours is fixed sooner.
const MOST_WAITING: usize = 1 << 16;
/// An alarm about a period that had ended is shown for this long.
const CLOSED_ALARM_MS: i64 = 60 * MINUTE_MS;
/// A session without charges for this long is over for its alarm…
const SESSION_OVER_MS: i64 = 24 * 60 * MINUTE_MS;
/// …and for this long is forgotten: the bound of memory for sessions.
const SESSION_FORGOTTEN_MS: i64 = 7 * SESSION_OVER_MS;
/// How often sessions are looked through.
const SWEEP_MS: i64 = 10 * MINUTE_MS;
/// The limit itself and what is critical, in millionths of the limit.
const LIMIT: u32 = 1_000_000;
const CRITICAL: u32 = 1_200_000;

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
    pub spent: Money,
}

/// All budgets of a configuration.
pub struct Budgets {
    zone: Zone,
    kept: Vec<Budget>,
    now: Timestamp,
    /// Charges ahead of the clock, by their time.
    waiting: BTreeMap<Timestamp, Vec<Post>>,
    waiting_posts: usize,
    dropped: u64,
    next_sweep: Timestamp,
}

struct Budget {
    config: BudgetConfig,
    scope: Scope,
    remembered: Remembered,
    /// Most specific first.
    overrides: Vec<(Scope, Money)>,
    /// Ascending, in millionths of the limit.
    thresholds: Vec<u32>,
    open: Span,
    closed: Span,
    sessions: FxHashMap<NameId, Life>,
}

struct Span {
    start: Timestamp,
    end: Timestamp,
    sums: FxHashMap<NameId, Sum>,
}

#[derive(Clone, Copy)]
struct Sum {
    spent: Money,
    /// Place in the overrides plus one; 0 is the budget's own limit.
    limit: u16,
    /// Thresholds passed, latched.
    level: u8,
}

/// First and last charge of a session.
#[derive(Clone, Copy)]
struct Life {
    first: Timestamp,
    last: Timestamp,
}

/// A sum that changed and is to be looked at.
struct Touched {
    budget: usize,
    closed: bool,
    key: NameId,
    time: Timestamp,
    silent: bool,
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
            waiting: BTreeMap::new(),
            waiting_posts: 0,
            dropped: 0,
            next_sweep: now.plus_ms(SWEEP_MS),
        })
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

    /// Time passes: periods roll, waiting charges count, alarms of ended periods resolve. Time that goes back is ignored.
    pub fn tick(&mut self, names: &Names, now: Timestamp, alarms: &mut Alarms) {
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

    /// Takes up sums from a store: `cells` for periods (time, profile, money), `sessions` for lifetimes. What was counted before is
    /// forgotten. Saved alarms must be loaded before; they stay latched unless their limit changed. All transitions are silent.
    pub fn rebuild(
        &mut self,
        cells: impl IntoIterator<Item = (Timestamp, ProfileId, Money)>,
        sessions: impl IntoIterator<Item = SessionSpend>,
        names: &Names,
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
                budget.add(time, profile, NONE, spent, names);
            }
        }
        for session in sessions {
            if session.last.plus_ms(SESSION_FORGOTTEN_MS) <= self.now {
                continue;
            }
            for budget in self.kept.iter_mut().filter(|budget| budget.config.each == Each::Session) {
                if budget.add(session.first, session.profile, session.session, session.spent, names).is_some()
                    && let Some(life) = budget.sessions.get_mut(&session.session)
                {
                    life.last = life.last.max(session.last);
                }
            }
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

    /// The running periods, the fullest budgets first; of budgets kept for each key at most `at_most` keys.
    #[must_use]
    pub fn statuses(&self, names: &Names, at_most: usize) -> Vec<BudgetStatus> {
        self.kept.iter().flat_map(|budget| budget.statuses(&budget.open, names, at_most)).collect()
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
        let cost = post.sums.cost();
        let cost = if post.sign < 0 { -cost } else { cost };
        if cost == Money::ZERO {
            return;
        }
        let late = post.time.plus_ms(LATE_MS) < self.now;
        for (at, budget) in self.kept.iter_mut().enumerate() {
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

impl Budget {
    fn new(config: &BudgetConfig, zone: Zone, now: Timestamp) -> Result<Budget, ScopeError> {
        let mut overrides: Vec<_> = config.overrides.iter().collect();
        overrides.sort_by_key(|(globs, _)| std::cmp::Reverse(specificity(globs)));
        let overrides = overrides
            .into_iter()
            .map(|(globs, limit)| Ok((Scope::new(globs)?, Money::from(*limit))))
            .collect::<Result<_, _>>()?;
        let mut thresholds = config.warn.clone();
        thresholds.extend([LIMIT, CRITICAL]);
        let (open, closed) = match config.per {
            Some(period) => {
                let (start, end) = zone.period(period, now);
                (Span::new(start, end), Span::new(zone.period(period, start.plus_ms(-1)).0, start))
            }
            None => (Span::new(Timestamp::MIN, Timestamp::MAX), Span::new(Timestamp::MIN, Timestamp::MIN)),
        };
        let mut budget = Budget {
            config: config.clone(),
            scope: Scope::new(&config.matches)?,
            remembered: Remembered::default(),
            overrides,
            thresholds,
            open,
            closed,
            sessions: FxHashMap::default(),
        };
        budget.keep_global();
        Ok(budget)
    }

    /// A budget that is one sum is shown before anything is spent.
    fn keep_global(&mut self) {
        if self.config.each == Each::All {
            self.open.sums.entry(NONE).or_insert(Sum { spent: Money::ZERO, limit: 0, level: 0 });
        }
    }

    fn roll(&mut self, zone: Zone, now: Timestamp) {
        let Some(period) = self.config.per else { return };
        if now < self.open.end {
            return;
        }
        let (start, end) = zone.period(period, now);
        let ended = std::mem::replace(&mut self.open, Span::new(start, end));
        self.closed =
            if ended.end == start { ended } else { Span::new(zone.period(period, start.plus_ms(-1)).0, start) };
        self.keep_global();
    }

    /// Adds to the sum a charge belongs to; says which, or `None` where it counts nowhere. Nameless and folded keys have no sum of their
    /// own: they are not one user.
    fn add(
        &mut self,
        time: Timestamp,
        profile: ProfileId,
        session: NameId,
        cost: Money,
        names: &Names,
    ) -> Option<(bool, NameId)> {
        let key = match self.config.each {
            Each::All => NONE,
            Each::Dimension(dimension) => names.of(profile, dimension),
            Each::Session => session,
        };
        if self.config.each != Each::All && (key == NONE || key == OTHER) {
            return None;
        }
        let closed = time < self.open.start;
        let span = if closed { &mut self.closed } else { &mut self.open };
        if time < span.start || time >= span.end || !self.remembered.matches(&self.scope, profile, names) {
            return None;
        }
        let overrides = &self.overrides;
        let sum = span.sums.entry(key).or_insert_with(|| {
            let limit = overrides.iter().position(|(scope, _)| scope.matches(profile, names)).map_or(0, |at| at + 1);
            Sum { spent: Money::ZERO, limit: limit as u16, level: 0 }
        });
        sum.spent += cost;
        if self.config.each == Each::Session {
            let life = self.sessions.entry(key).or_insert(Life { first: time, last: time });
            life.first = life.first.min(time);
            life.last = life.last.max(time);
        }
        Some((closed, key))
    }

    /// Compares a sum with its thresholds. Of several passed at once only the highest speaks.
    fn judge(&mut self, touched: &Touched, zone: Zone, names: &Names, alarms: &mut Alarms) {
        let (key, closed) = (touched.key, touched.closed);
        let span = if closed { &mut self.closed } else { &mut self.open };
        let (start, end) = (span.start, span.end);
        let Some(sum) = span.sums.get_mut(&key) else { return };
        let limit = limit_of(&self.config, &self.overrides, sum.limit);
        let level = level(sum.spent, limit, &self.thresholds);
        let (before, spent) = (sum.level, sum.spent);
        sum.level = before.max(level);
        if level <= before {
            if before > 0 {
                alarms.refresh(&self.identity(key, self.config.per.map(|_| start), names), spent);
            }
            return;
        }
        let passed = self.thresholds[usize::from(level) - 1];
        let severity = match passed {
            CRITICAL.. => Severity::Critical,
            LIMIT.. => Severity::Page,
            _ => Severity::Warn,
        };
        let amounts = part_of(passed, limit);
        let name = &self.config.name;
        let message = match (self.config.each, self.config.per) {
            (Each::All, Some(period)) => of_all(name, &amounts, spent, (period, start), closed, zone),
            (_, period) => {
                let period = period.map_or("session", crate::time::Period::name);
                of_one(names.label(key), name, &amounts, spent, period)
            }
        };
        let until = match (self.config.per, closed) {
            (None, _) => None,
            (Some(_), false) => Some(end),
            (Some(_), true) => Some(end.plus_ms(CLOSED_ALARM_MS)),
        };
        alarms.raise(Condition {
            identity: self.identity(key, self.config.per.map(|_| start), names),
            severity,
            cause: "budget",
            message,
            spent,
            limit,
            passed,
            time: touched.time,
            hold_ms: 0,
            until,
            silent: touched.silent,
        });
    }

    fn scope_name(&self) -> &'static str {
        match self.config.each {
            Each::All => "global",
            Each::Dimension(dimension) => dimension.name(),
            Each::Session => "session",
        }
    }

    fn identity(&self, key: NameId, period_start: Option<Timestamp>, names: &Names) -> Identity {
        Identity {
            rule: self.config.name.clone(),
            scope: self.scope_name(),
            key: names.named(key).cloned(),
            period_start,
        }
    }

    fn statuses(&self, span: &Span, names: &Names, at_most: usize) -> Vec<BudgetStatus> {
        let mut sums: Vec<(&NameId, &Sum, f64)> = span
            .sums
            .iter()
            .map(|(key, sum)| {
                let limit = limit_of(&self.config, &self.overrides, sum.limit);
                (key, sum, sum.spent.to_f64() / limit.to_f64().max(f64::MIN_POSITIVE))
            })
            .collect();
        let order = |left: &(&NameId, &Sum, f64), right: &(&NameId, &Sum, f64)| {
            right.2.total_cmp(&left.2).then_with(|| names.label(*left.0).cmp(names.label(*right.0)))
        };
        if at_most < sums.len() {
            if at_most > 0 {
                sums.select_nth_unstable_by(at_most - 1, order);
            }
            sums.truncate(at_most);
        }
        sums.sort_unstable_by(order);
        sums.into_iter().map(|(key, sum, _)| self.status(span, *key, sum, names)).collect()
    }

    fn status(&self, span: &Span, key: NameId, sum: &Sum, names: &Names) -> BudgetStatus {
        let state = match usize::from(sum.level) {
            0 => BudgetState::Ok,
            level if level <= self.config.warn.len() => BudgetState::Warned,
            _ => BudgetState::Exceeded,
        };
        let first = self.sessions.get(&key).map_or(span.start, |life| life.first);
        BudgetStatus {
            name: self.config.name.clone(),
            key: names.named(key).cloned(),
            per: self.config.per,
            period_start: first,
            period_end: self.config.per.map(|_| span.end),
            spent: sum.spent,
            limit: limit_of(&self.config, &self.overrides, sum.limit),
            state,
        }
    }
}

impl Span {
    fn new(start: Timestamp, end: Timestamp) -> Span {
        Span { start, end, sums: FxHashMap::default() }
    }
}

fn limit_of(config: &BudgetConfig, overrides: &[(Scope, Money)], place: u16) -> Money {
    match place {
        0 => Money::from(config.limit),
        place => overrides[usize::from(place) - 1].1,
    }
}

/// How many thresholds are passed. A limit of zero is passed, and no more than that, by anything spent.
fn level(spent: Money, limit: Money, thresholds: &[u32]) -> u8 {
    let passed = |threshold: &&u32| {
        if limit == Money::ZERO {
            spent > Money::ZERO && **threshold <= LIMIT
        } else {
            spent.pico() * i128::from(LIMIT) >= limit.pico() * i128::from(**threshold)
        }
    };
    thresholds.iter().filter(passed).count() as u8
}
