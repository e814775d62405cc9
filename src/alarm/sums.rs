//! One budget: its thresholds and its sums by period and key. Charges enter, conditions leave; it knows no clock and no lateness.

use rustc_hash::FxHashMap;

use super::condition::{Condition, Identity};
use super::message::{of_all, of_one, part_of, spent_so_far};
use super::scope::{Parts, Remembered, Scope, ScopeError};
use super::state::Alarms;
use super::{BudgetState, BudgetStatus};
use crate::config::{BudgetConfig, Each, Severity, specificity};
use crate::engine::names::{NONE, NameId, Names, OTHER, ProfileId};
use crate::money::Money;
use crate::time::{MINUTE_MS, Timestamp, Zone};

/// An alarm about a period that had ended is shown for this long.
const CLOSED_ALARM_MS: i64 = 60 * MINUTE_MS;
/// The limit itself and what is critical, in millionths of the limit.
const LIMIT: u32 = 1_000_000;
const CRITICAL: u32 = 1_200_000;

/// One `[[budget]]` with the sums of its running and its last period.
pub(super) struct Budget {
    pub(super) config: BudgetConfig,
    pub(super) scope: Scope,
    pub(super) remembered: Remembered,
    /// Most specific first.
    pub(super) overrides: Vec<(Scope, Money)>,
    /// Ascending, in millionths of the limit.
    pub(super) thresholds: Vec<u32>,
    pub(super) open: Span,
    pub(super) closed: Span,
    pub(super) sessions: FxHashMap<NameId, Life>,
    /// What it counts came by a way that loses some.
    pub(super) is_lower_bound: bool,
}

/// A period with the sums of its keys; for sessions all of time.
pub(super) struct Span {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) sums: FxHashMap<NameId, Sum>,
}

#[derive(Clone, Copy)]
pub(super) struct Sum {
    pub(super) spent: Money,
    /// Place in the overrides plus one; 0 is the budget's own limit.
    pub(super) limit: u32,
    /// Thresholds passed, latched.
    pub(super) level: u8,
}

/// First and last charge of a session.
#[derive(Clone, Copy)]
pub(super) struct Life {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

/// A sum that changed and is to be looked at.
pub(super) struct Touched {
    pub(super) budget: usize,
    pub(super) closed: bool,
    pub(super) key: NameId,
    pub(super) time: Timestamp,
    pub(super) silent: bool,
}

impl Budget {
    pub(super) fn new(config: &BudgetConfig, zone: Zone, now: Timestamp) -> Result<Budget, ScopeError> {
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
            is_lower_bound: false,
        };
        budget.keep_global();
        Ok(budget)
    }

    /// A budget that is one sum is shown before anything is spent.
    pub(super) fn keep_global(&mut self) {
        if self.config.each == Each::All {
            self.open.sums.entry(NONE).or_insert(Sum { spent: Money::ZERO, limit: 0, level: 0 });
        }
    }

    pub(super) fn roll(&mut self, zone: Zone, now: Timestamp) {
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
    pub(super) fn add(
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
            Sum { spent: Money::ZERO, limit: limit as u32, level: 0 }
        });
        sum.spent += cost;
        if self.config.each == Each::Session {
            let life = self.sessions.entry(key).or_insert(Life { first: time, last: time });
            life.first = life.first.min(time);
            life.last = life.last.max(time);
        }
        Some((closed, key))
    }

    /// Moves the sum of whom a person names by `amount`; says which, or `None` where it counts nowhere.
    pub(super) fn adjust(
        &mut self,
        time: Timestamp,
        (parts, session): (&Parts, NameId),
        amount: Money,
        names: &Names,
    ) -> Option<(bool, NameId)> {
        let key = match self.config.each {
            Each::All => NONE,
            Each::Dimension(dimension) => parts.of(dimension)?,
            Each::Session => session,
        };
        let closed = time < self.open.start;
        let span = if closed { &mut self.closed } else { &mut self.open };
        if (self.config.each != Each::All && (key == NONE || key == OTHER)) || time < span.start || time >= span.end {
            return None;
        }
        let overrides = &self.overrides;
        let sum = span.sums.entry(key).or_insert_with(|| {
            let limit =
                overrides.iter().position(|(scope, _)| scope.matches_parts(parts, names)).map_or(0, |at| at + 1);
            Sum { spent: Money::ZERO, limit: limit as u32, level: 0 }
        });
        sum.spent += amount;
        if self.config.each == Each::Session {
            self.sessions.entry(key).or_insert(Life { first: time, last: time });
        }
        Some((closed, key))
    }

    /// A person changed the sum: what was latched is looked at again, and what no longer holds is over.
    /// `true` if so.
    pub(super) fn relatch(&mut self, touched: &Touched, names: &Names, alarms: &mut Alarms) -> bool {
        let span = if touched.closed { &mut self.closed } else { &mut self.open };
        let start = span.start;
        let Some(sum) = span.sums.get_mut(&touched.key) else { return false };
        let limit = limit_of(&self.config, &self.overrides, sum.limit);
        let fell = level(sum.spent, limit, &self.thresholds) < sum.level;
        if fell {
            sum.level = 0;
            let identity = self.identity(touched.key, self.config.per.map(|_| start), names);
            alarms.clear(&identity, touched.time, false);
        }
        fell
    }

    /// Compares a sum with its thresholds. Of several passed at once only the highest speaks.
    pub(super) fn judge(&mut self, touched: &Touched, zone: Zone, names: &Names, alarms: &mut Alarms) {
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
                alarms.refresh(&self.identity(key, self.config.per.map(|_| start), names), spent, above(spent, limit));
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
        let known = spent_so_far(spent, self.is_lower_bound);
        let message = match (self.config.each, self.config.per) {
            (Each::All, Some(period)) => of_all(name, &amounts, &known, (period, start), closed, zone),
            (_, period) => {
                let period = period.map_or("session", crate::time::Period::name);
                of_one(names.label(key), name, &amounts, &known, period)
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
            excess: above(spent, limit),
            passed,
            time: touched.time,
            hold_ms: 0,
            until,
            episodic: false,
            silent: touched.silent,
        });
    }

    pub(super) fn scope_name(&self) -> &'static str {
        match self.config.each {
            Each::All => "global",
            Each::Dimension(dimension) => dimension.name(),
            Each::Session => "session",
        }
    }

    pub(super) fn identity(&self, key: NameId, period_start: Option<Timestamp>, names: &Names) -> Identity {
        Identity {
            rule: self.config.name.clone(),
            scope: self.scope_name(),
            key: names.named(key).cloned(),
            period_start,
        }
    }

    pub(super) fn statuses(&self, span: &Span, names: &Names, at_most: usize) -> Vec<BudgetStatus> {
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

    /// One key's status, also before it has spent anything. `parts` is what is known of the key.
    pub(super) fn status_of(&self, key: NameId, parts: &Parts, names: &Names) -> Option<BudgetStatus> {
        if let Some(sum) = self.open.sums.get(&key) {
            return Some(self.status(&self.open, key, sum, names));
        }
        // It counts nothing for sessions that are over, nor where its match asks for more than is known.
        if self.config.each == Each::Session || !self.scope.matches_parts(parts, names) {
            return None;
        }
        let limit = self.overrides.iter().position(|(scope, _)| scope.matches_parts(parts, names));
        let limit = limit.map_or(0, |place| place as u32 + 1);
        Some(self.status(&self.open, key, &Sum { spent: Money::ZERO, limit, level: 0 }, names))
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
            scope: self.scope_name(),
            key: names.named(key).cloned(),
            per: self.config.per,
            period_start: first,
            period_end: self.config.per.map(|_| span.end),
            spent: sum.spent,
            limit: limit_of(&self.config, &self.overrides, sum.limit),
            state,
            is_lower_bound: self.is_lower_bound,
        }
    }
}

impl Span {
    pub(super) fn new(start: Timestamp, end: Timestamp) -> Span {
        Span { start, end, sums: FxHashMap::default() }
    }
}

pub(super) fn limit_of(config: &BudgetConfig, overrides: &[(Scope, Money)], place: u32) -> Money {
    match place {
        0 => Money::from(config.limit),
        place => overrides[place as usize - 1].1,
    }
}

fn above(spent: Money, limit: Money) -> Money {
    (spent - limit).max(Money::ZERO)
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
