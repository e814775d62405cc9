//! The answer to a screen's question, from standing sums: its cost follows the groups in the window and the visible rows.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::Engine;
use super::counters::Counters;
use super::names::{NONE, NameId};
use super::recent::STEP_MS;
use super::spread::Buckets;
use super::standing::Standing;
use super::tier::Value;
use super::view::{By, Charges, Chart, GroupRow, LEFT, RIGHT, SortKey, Table, TableQuery, View, ViewQuery, Window};
use crate::money::Money;
use crate::time::{MINUTE_MS, Timestamp};
use crate::usage::Dimension;

/// Parts of a row's trend.
const TREND: i64 = 8;
/// The burn rate's span.
const BURN_MS: i64 = 5 * MINUTE_MS;

impl Engine {
    /// Answers a screen's question at the engine's time.
    pub fn view(&mut self, query: &ViewQuery) -> View {
        let (until, as_of) = self.window_end(query.window);
        let until_minute = until.minute() + 1;
        let (_, standing_until) = self.standing.minutes();
        if self.standing.window() != query.window || standing_until > until_minute {
            self.standing = Standing::build(query.window, until_minute, &self.cells, &self.names);
        } else {
            self.standing.advance(until_minute, &self.cells, &self.names);
        }
        let all = self.standing.spread.values().fold(Buckets::default(), |mut sum, buckets| {
            sum.join(buckets);
            sum
        });
        View {
            query: query.clone(),
            scope_names: Vec::new(),
            until,
            as_of,
            rebuilding: false,
            burn: self.recent.burn(),
            burn_all: self.recent.burn(),
            requests_per_minute: self.recent.requests_per_minute(),
            window: self.standing.total,
            window_all: self.standing.total,
            today: self.today.2,
            today_all: self.today.2,
            total: self.total,
            sessions: self.sessions.count(),
            chart: self.chart(query.window, until, as_of, query.chart_steps),
            tables: [
                self.table(Dimension::Model, &query.tables[LEFT], until, as_of),
                self.table(Dimension::User, &query.tables[RIGHT], until, as_of),
            ],
            charges: Charges::default(),
            spread: all.spread(),
            split: None,
            session: None,
            intake: self.intake.clone(),
            unpriced_models: self.unpriced_models(),
            newest: self.newest,
        }
    }

    /// Windows end at the clock; where nothing falls inside, at the newest event.
    fn window_end(&self, window: Window) -> (Timestamp, bool) {
        match self.newest {
            Some(newest) if newest.minute() <= self.now.minute() - window.minutes() => (newest, true),
            _ => (self.now, false),
        }
    }

    /// Burn rate over time: at the end of each step, dollars per hour over the five minutes (or the step, if longer) before it.
    fn chart(&self, window: Window, until: Timestamp, as_of: bool, steps: usize) -> Chart {
        let steps = i64::try_from(steps.clamp(1, 1000)).unwrap_or(1);
        let length = window.minutes() * MINUTE_MS;
        let end = until.ms();
        let start = end - length;
        let step_ms = length / steps;
        let span = step_ms.max(BURN_MS);
        // Cumulative money at the end of each source bucket, then differences of an interpolated curve.
        let mut buckets: Vec<(i64, i64, Money)> = Vec::new();
        if length <= 60 * MINUTE_MS && !as_of {
            buckets.extend(self.recent.money().map(|(at, money)| (at, at + STEP_MS, money)));
        } else {
            let from = Timestamp::from_ms(start - span).minute();
            buckets.extend(
                self.cells
                    .money(from, until.minute() + 1)
                    .map(|(minute, minutes, money)| (minute * MINUTE_MS, (minute + minutes) * MINUTE_MS, money)),
            );
        }
        let curve = Curve::new(&buckets, end);
        let rates = (1..=steps)
            .map(|step| {
                let at = start + length * step / steps;
                let money = curve.at(at) - curve.at(at - span);
                Money::from_pico(money * 3_600_000 / i128::from(span))
            })
            .collect();
        Chart { start: Timestamp::from_ms(start), step_ms, steps: rates, classes: Vec::new() }
    }

    fn table(&self, dimension: Dimension, query: &TableQuery, until: Timestamp, as_of: bool) -> Table {
        let standing = &self.standing;
        let groups = if dimension == Dimension::User { &standing.users } else { &standing.models };
        let burn = |id: NameId| {
            if as_of {
                Money::ZERO
            } else if dimension == Dimension::User {
                self.recent.burn_of_user(id)
            } else {
                self.recent.burn_of_model(id)
            }
        };
        let mut order: Vec<(NameId, &Counters)> = groups.iter().map(|(id, sums)| (*id, sums)).collect();
        let natural = |a: &(NameId, &Counters), b: &(NameId, &Counters)| {
            let by_key = match query.sort {
                SortKey::Cost => b.1.cost().cmp(&a.1.cost()),
                SortKey::Burn => burn(b.0).cmp(&burn(a.0)),
                SortKey::Tokens => b.1.tokens().cmp(&a.1.tokens()),
                SortKey::Requests => b.1.requests.cmp(&a.1.requests),
                SortKey::Hit => {
                    let ratio = |sums: &Counters| sums.cache_hit_ratio().unwrap_or(-1.0);
                    ratio(b.1).total_cmp(&ratio(a.1))
                }
                SortKey::Name => Ordering::Equal,
            };
            by_key.then_with(|| self.names.label(a.0).cmp(self.names.label(b.0)))
        };
        let compare = |a: &(NameId, &Counters), b: &(NameId, &Counters)| {
            if query.reversed { natural(b, a) } else { natural(a, b) }
        };
        let selected = query.selected.and_then(|id| {
            let own = order.iter().find(|(other, _)| *other == id)?;
            Some(order.iter().filter(|other| compare(other, own).is_lt()).count())
        });
        let offset = query.offset.min(order.len().saturating_sub(1));
        let end = (offset + query.rows).min(order.len());
        if end > 0 && end < order.len() {
            order.select_nth_unstable_by(end - 1, compare);
            order.truncate(end);
        }
        order.sort_unstable_by(compare);
        let visible = order.get(offset.min(order.len())..).unwrap_or_default();
        let trends = self.trends(dimension, visible, until, as_of);
        let favourites =
            if dimension == Dimension::User { self.favourite_models(visible) } else { FxHashMap::default() };
        let rows = visible
            .iter()
            .enumerate()
            .map(|(place, (id, sums))| GroupRow {
                id: *id,
                name: self.names.named(*id).cloned(),
                sums: **sums,
                burn: burn(*id),
                trend: trends[place],
                p95: if dimension == Dimension::Model {
                    standing.spread.get(id).and_then(|buckets| buckets.quantile(0.95))
                } else {
                    None
                },
                most_on: favourites.get(id).and_then(|(_, model)| self.names.named(*model)).cloned(),
                last: None,
            })
            .collect();
        Table {
            by: By::Dimension(dimension),
            rows,
            offset,
            groups: groups.len(),
            unfiltered: groups.len(),
            sums: standing.total,
            burn: if as_of { Money::ZERO } else { self.recent.burn() },
            nameless: groups.get(&NONE).copied().unwrap_or_default(),
            selected,
        }
    }

    /// Dollars in eight equal parts of the window, for the visible rows.
    fn trends(
        &self,
        dimension: Dimension,
        visible: &[(NameId, &Counters)],
        until: Timestamp,
        as_of: bool,
    ) -> Vec<[Money; 8]> {
        let mut trends = vec![[Money::ZERO; 8]; visible.len()];
        let places: FxHashMap<NameId, usize> =
            visible.iter().enumerate().map(|(place, (id, _))| (*id, place)).collect();
        let length = self.standing.window().minutes() * MINUTE_MS;
        let start = until.ms() - length;
        let mut add = |at: i64, profile, money: Money| {
            let part = ((at - start) * TREND / length).clamp(0, TREND - 1) as usize;
            if let Some(place) = places.get(&self.names.of(profile, dimension)) {
                trends[*place][part] += money;
            }
        };
        let (from, until) = self.standing.minutes();
        if length <= BURN_MS && !as_of {
            self.recent.for_each(|at, profile, money| {
                if (from * MINUTE_MS..until * MINUTE_MS).contains(&at) {
                    add(at, profile, money);
                }
            });
        } else {
            self.cells.for_each(from, until, |minute, profile, sums| add(minute * MINUTE_MS, profile, sums.cost()));
        }
        trends
    }

    /// The model on which each visible user spent most.
    fn favourite_models(&self, visible: &[(NameId, &Counters)]) -> FxHashMap<NameId, (Money, NameId)> {
        let mut best: FxHashMap<NameId, (Money, NameId)> =
            visible.iter().map(|(id, _)| (*id, (Money::from_pico(i128::MIN), NONE))).collect();
        for ((user, model), money) in &self.standing.pairs {
            if let Some(favourite) = best.get_mut(user) {
                let label = |id: NameId| self.names.label(id);
                if (*money, label(favourite.1)) > (favourite.0, label(*model)) {
                    *favourite = (*money, *model);
                }
            }
        }
        best
    }
}

/// Money spent up to an instant, linear inside a bucket.
struct Curve<'a> {
    buckets: &'a [(i64, i64, Money)],
    /// Money of all buckets before each one.
    before: Vec<i128>,
    now: i64,
}

impl<'a> Curve<'a> {
    fn new(buckets: &'a [(i64, i64, Money)], now: i64) -> Curve<'a> {
        let mut sum = 0;
        let before = buckets
            .iter()
            .map(|(_, _, money)| {
                let before = sum;
                sum += money.pico();
                before
            })
            .collect();
        Curve { buckets, before, now }
    }

    fn at(&self, at: i64) -> i128 {
        let next = self.buckets.partition_point(|(start, _, _)| *start < at);
        let Some(place) = next.checked_sub(1) else { return 0 };
        let (start, end, money) = self.buckets[place];
        // The last bucket is still being filled: it ends now.
        let end = end.min(self.now).max(start + 1);
        let share = i128::from((at.min(end) - start).max(0));
        self.before[place] + money.pico() * share / i128::from(end - start)
    }
}
