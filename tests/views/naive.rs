//! A view as sums over the ledger's charges: slow and plain.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use costtop::engine::Engine;
use costtop::engine::bill::Bill;
use costtop::engine::counters::Counters;
use costtop::engine::names::{NONE, NameId, Profile};
use costtop::engine::spread::Buckets;
use costtop::engine::view::{
    By, ChargeOrder, Chart, End, GroupRow, SortKey, Table, TableQuery, TokenClass, View, ViewQuery,
};
use costtop::label::Label;
use costtop::money::Money;
use costtop::price::PriceBook;
use costtop::price::entry::Kind;
use costtop::time::{MINUTE_MS, Period, Timestamp, Zone};
use costtop::usage::Dimension;
use proptest::prelude::{TestCaseError, prop_assert, prop_assert_eq};

const STEP_MS: i64 = 5_000;

/// A charge with its names.
struct One {
    bill: Bill,
    profile: Profile,
    /// Where its cell begins, and how many minutes that lasts.
    cell: (i64, i64),
}

impl One {
    fn group(&self, by: By) -> NameId {
        match by {
            By::Dimension(dimension) => self.profile[dimension.place()],
            By::Session => self.bill.session,
        }
    }

    fn minute(&self, by_charge: bool) -> i64 {
        if by_charge { self.bill.time.minute() } else { self.cell.0 }
    }

    fn step(&self) -> i64 {
        self.bill.time.ms().div_euclid(STEP_MS)
    }

    fn money(&self) -> Money {
        self.bill.cost.into()
    }
}

struct World<'a> {
    all: Vec<One>,
    query: &'a ViewQuery,
    now: Timestamp,
    until: Timestamp,
    from_minute: i64,
    until_minute: i64,
    /// Ends at the clock.
    follows: bool,
    /// Figures of the scope come from charges.
    by_charge: bool,
    labels: BTreeMap<NameId, Label>,
}

fn all(engine: &mut Engine) -> (Vec<One>, BTreeMap<NameId, Label>) {
    let mut bills = Vec::new();
    let (ledger, names) = engine.ledger();
    ledger
        .for_each_bill(names, |bill, _, names| {
            bills.push((*bill, *names.dimensions(bill.profile)));
            Ok(())
        })
        .expect("rows in memory");
    let labels = (0..engine.names().labels() as NameId).map(|id| (id, engine.names().label(id).clone())).collect();
    let ones = bills.into_iter().map(|(bill, profile)| {
        let minute = bill.time.minute();
        let length = engine.cells().length(minute);
        One { bill, profile, cell: (minute.div_euclid(length) * length, length) }
    });
    (ones.collect(), labels)
}

fn sum<'a>(ones: impl Iterator<Item = &'a One>) -> Counters {
    let mut sums = Counters::default();
    for one in ones {
        sums.add(&one.bill.sums(), 1);
    }
    sums
}

fn money<'a>(ones: impl Iterator<Item = &'a One>) -> Money {
    ones.map(One::money).sum()
}

fn hourly(five_minutes: Money) -> Money {
    Money::from_pico(five_minutes.pico() * 12)
}

fn buckets<'a>(ones: impl Iterator<Item = &'a One>, by_charge: bool) -> Buckets {
    let mut buckets = Buckets::default();
    for one in ones {
        if one.bill.sums().unpriced_requests == 0 && (by_charge || one.cell.1 < 1440) {
            buckets.record(one.bill.cost, 1);
        }
    }
    buckets
}

/// Compares every figure.
pub fn check(
    engine: &mut Engine,
    query: &ViewQuery,
    view: &View,
    now: Timestamp,
    book: &PriceBook,
) -> Result<(), TestCaseError> {
    let (all, labels) = all(engine);
    let length = query.window.minutes();
    let newest = all.iter().map(|one| one.bill.time).filter(|time| *time <= now.plus_ms(120_000)).max();
    let (until, as_of) = match (query.end, newest.max(engine.newest())) {
        (End::At(until), _) => (until, false),
        (End::Now, Some(newest)) if newest.minute() <= now.minute() - length => (newest, true),
        (End::Now, _) => (now, false),
    };
    let until_minute = match query.end {
        End::At(at) => at.plus_ms(-1).minute() + 1,
        End::Now => until.minute() + 1,
    };
    let world = World {
        all,
        query,
        now,
        until,
        from_minute: until_minute - length,
        until_minute,
        follows: query.end == End::Now && !as_of,
        by_charge: query.scope.parts().iter().any(|(by, _)| *by == By::Session),
        labels,
    };
    prop_assert!(!view.rebuilding);
    prop_assert_eq!((view.until, view.as_of), (until, as_of));
    world.sums(view)?;
    world.spread(view)?;
    for (table, wanted) in query.tables.iter().enumerate() {
        world.table(&view.tables[table], wanted)?;
    }
    world.chart(&view.chart)?;
    world.charges(view)?;
    if query.split {
        world.split(view, book)?;
    }
    world.session(view)
}

impl World<'_> {
    fn in_scope(&self, one: &One) -> bool {
        self.query.scope.parts().iter().all(|(by, id)| one.group(*by) == *id)
    }

    fn inside(&self, one: &One, by_charge: bool) -> bool {
        (self.from_minute..self.until_minute).contains(&one.minute(by_charge))
    }

    fn window(&self, by_charge: bool) -> impl Iterator<Item = &One> {
        self.all.iter().filter(move |one| self.in_scope(one) && self.inside(one, by_charge))
    }

    fn burns(&self, one: &One) -> bool {
        let now = self.now.ms().div_euclid(STEP_MS);
        one.step() > now - 60 && one.step() <= now
    }

    fn burning(&self) -> impl Iterator<Item = &One> {
        self.all.iter().filter(|one| self.in_scope(one) && self.burns(one))
    }

    fn sums(&self, view: &View) -> Result<(), TestCaseError> {
        prop_assert_eq!(view.window, sum(self.window(self.by_charge)), "window");
        prop_assert_eq!(view.window_all, sum(self.all.iter().filter(|one| self.inside(one, false))), "window of all");
        let (start, end) = Zone::UTC.period(Period::Day, self.now);
        let today = |one: &&One| one.bill.time >= start && one.bill.time < end;
        prop_assert_eq!(view.today_all, sum(self.all.iter().filter(today)), "today of all");
        prop_assert_eq!(view.today, sum(self.all.iter().filter(|one| self.in_scope(one)).filter(today)), "today");
        prop_assert_eq!(view.total, sum(self.all.iter()));
        prop_assert_eq!(view.burn, hourly(money(self.burning())), "burn");
        prop_assert_eq!(view.burn_all, hourly(money(self.all.iter().filter(|one| self.burns(one)))));
        Ok(())
    }

    /// How costs are distributed by cells, which know models only.
    fn has_cell_spread(&self) -> bool {
        matches!(self.query.scope.parts(), [] | [(By::MODEL, _)])
    }

    fn spread(&self, view: &View) -> Result<(), TestCaseError> {
        let by_charge = !self.has_cell_spread();
        let mut spread = buckets(self.window(by_charge), by_charge).spread();
        let dearest = self.window(true).map(|one| one.bill.cost).max().filter(|_| spread.requests > 0);
        spread.max = view.spread.max;
        prop_assert_eq!(&view.spread, &spread, "spread");
        let is_known = by_charge || self.query.charges.rows > 0;
        prop_assert!(
            view.spread.max == dearest || !is_known && view.spread.max.is_none(),
            "{:?} {dearest:?}",
            view.spread.max
        );
        Ok(())
    }

    fn label(&self, id: NameId) -> Option<&Label> {
        (id != NONE).then(|| &self.labels[&id])
    }

    fn passes(&self, id: NameId, filter: &str) -> bool {
        let name = self.label(id).map_or("(none)", Label::as_str).to_lowercase();
        match filter.strip_prefix('!') {
            Some("") => true,
            Some(needle) => !name.contains(&needle.to_lowercase()),
            None => name.contains(&filter.to_lowercase()),
        }
    }

    fn trend(&self, ones: &[&One], by_charge: bool) -> [Money; 8] {
        let mut trend = [Money::ZERO; 8];
        let minutes = self.until_minute - self.from_minute;
        for one in ones {
            let part = if minutes <= 5 && self.follows {
                let start = self.until.ms() - minutes * MINUTE_MS;
                (one.step() * STEP_MS - start) * 8 / (minutes * MINUTE_MS)
            } else {
                (one.minute(by_charge) - self.from_minute) * 8 / minutes
            };
            trend[part.clamp(0, 7) as usize] += one.money();
        }
        trend
    }

    fn table(&self, table: &Table, wanted: &TableQuery) -> Result<(), TestCaseError> {
        let by_charge = self.by_charge || wanted.by == By::Session;
        let mut groups: BTreeMap<NameId, Vec<&One>> = BTreeMap::new();
        for one in self.window(by_charge) {
            groups.entry(one.group(wanted.by)).or_default().push(one);
        }
        let burn_of = |id: NameId| {
            let burning = self.burning().filter(|one| one.group(wanted.by) == id);
            if self.follows { hourly(money(burning)) } else { Money::ZERO }
        };
        let row = |(id, ones): (&NameId, &Vec<&One>)| {
            let mut models: BTreeMap<NameId, Money> = BTreeMap::new();
            for one in ones {
                *models.entry(one.group(By::MODEL)).or_default() += one.money();
            }
            models.retain(|_, money| *money != Money::ZERO);
            let least_name = |a: &NameId, b: &NameId| self.labels[b].cmp(&self.labels[a]);
            let most_on = models.iter().max_by(|a, b| a.1.cmp(b.1).then_with(|| least_name(a.0, b.0)));
            let spread_by_cells = wanted.by == By::MODEL && self.has_cell_spread();
            GroupRow {
                id: *id,
                name: self.label(*id).cloned(),
                sums: sum(ones.iter().copied()),
                burn: burn_of(*id),
                trend: self.trend(ones, by_charge),
                p95: if spread_by_cells {
                    buckets(ones.iter().copied(), false).quantile(0.95)
                } else {
                    let exactly = self.window(true).filter(|one| one.group(wanted.by) == *id);
                    buckets(exactly, true).quantile(0.95)
                },
                most_on: most_on.filter(|_| wanted.by != By::MODEL).and_then(|(id, _)| self.label(*id)).cloned(),
                last: (wanted.by == By::Session).then(|| ones.iter().map(|one| one.bill.time).max()).flatten(),
            }
        };
        let mut rows: Vec<GroupRow> =
            groups.iter().map(row).filter(|row| self.passes(row.id, &wanted.filter)).collect();
        rows.sort_by(|a, b| order(a, b, wanted));
        prop_assert_eq!((table.groups, table.unfiltered), (rows.len(), groups.len()));
        let mut sums = Counters::default();
        for row in &rows {
            sums.add(&row.sums, 1);
        }
        prop_assert_eq!(table.sums, sums);
        let burning = self.burning().filter(|one| self.passes(one.group(wanted.by), &wanted.filter));
        let burn = if self.follows { hourly(money(burning)) } else { Money::ZERO };
        prop_assert_eq!(table.burn, burn, "burn of the table");
        let nameless = groups.get(&NONE).map(|ones| sum(ones.iter().copied())).unwrap_or_default();
        prop_assert_eq!(table.nameless, nameless);
        let place = rows.iter().position(|row| Some(row.id) == wanted.selected);
        prop_assert_eq!(table.selected, place);
        let offset = wanted.offset.min(rows.len().saturating_sub(1));
        prop_assert_eq!(table.offset, offset);
        let visible: Vec<&GroupRow> = rows.iter().skip(offset).take(wanted.rows).collect();
        prop_assert_eq!(table.rows.len(), visible.len());
        for (row, expected) in table.rows.iter().zip(visible) {
            // Where nothing else needs single charges, no distribution of other groupings is kept.
            let p95 = row.p95.or(expected.p95.filter(|_| self.query.scope.is_all()));
            prop_assert_eq!(&GroupRow { p95, ..row.clone() }, expected);
        }
        Ok(())
    }

    fn stretches(&self) -> Vec<(i64, i64, i128)> {
        let mut sums: BTreeMap<(i64, i64), i128> = BTreeMap::new();
        let is_fine = self.follows && self.query.window.minutes() <= 60;
        let now = self.now.ms().div_euclid(STEP_MS);
        for one in self.all.iter().filter(|one| self.in_scope(one)) {
            let stretch = if is_fine {
                (one.step() * STEP_MS, (one.step() + 1) * STEP_MS)
            } else if self.by_charge {
                (one.minute(true) * MINUTE_MS, (one.minute(true) + 1) * MINUTE_MS)
            } else {
                (one.cell.0 * MINUTE_MS, (one.cell.0 + one.cell.1) * MINUTE_MS)
            };
            let counts = if is_fine { one.step() <= now } else { one.minute(self.by_charge) < self.until_minute };
            if counts {
                *sums.entry(stretch).or_default() += one.money().pico();
            }
        }
        sums.into_iter().map(|((start, end), money)| (start, end, money)).collect()
    }

    fn chart(&self, chart: &Chart) -> Result<(), TestCaseError> {
        let stretches = self.stretches();
        let end = self.until.ms();
        let spent = |at: i64| {
            let before: Vec<_> = stretches.iter().filter(|stretch| stretch.0 < at).collect();
            let Some((last, whole)) = before.split_last() else { return 0 };
            let last_end = last.1.min(end).max(last.0 + 1);
            let share = i128::from((at.min(last_end) - last.0).max(0));
            whole.iter().map(|stretch| stretch.2).sum::<i128>() + last.2 * share / i128::from(last_end - last.0)
        };
        let steps = self.query.chart_steps as i64;
        if steps == 0 {
            prop_assert!(chart.steps.is_empty());
            return Ok(());
        }
        let length = self.query.window.minutes() * MINUTE_MS;
        let span = (length / steps).max(300_000);
        prop_assert_eq!(chart.steps.len() as i64, steps);
        for (step, rate) in (1..).zip(&chart.steps) {
            let at = end - length + length * step / steps;
            let expected = (spent(at) - spent(at - span)) * 3_600_000 / i128::from(span);
            prop_assert_eq!(rate.pico(), expected, "step {}", step);
        }
        prop_assert_eq!(chart.classes.len(), if self.query.split { chart.steps.len() } else { 0 });
        for (classes, rate) in chart.classes.iter().zip(&chart.steps) {
            prop_assert_eq!(classes.iter().copied().sum::<Money>(), *rate);
        }
        Ok(())
    }

    fn charges(&self, view: &View) -> Result<(), TestCaseError> {
        let wanted = &self.query.charges;
        if wanted.rows == 0 {
            return Ok(());
        }
        let mut bills: Vec<&Bill> = self.window(true).map(|one| &one.bill).collect();
        bills.sort_by_key(|bill| (bill.time, bill.number));
        match wanted.order {
            ChargeOrder::Oldest => {}
            ChargeOrder::Newest => bills.reverse(),
            ChargeOrder::Costliest => {
                bills.reverse();
                bills.sort_by_key(|bill| std::cmp::Reverse(bill.cost));
            }
        }
        let list = &view.charges;
        prop_assert_eq!((list.all, list.since), (bills.len() as u64, None));
        prop_assert!(list.at_hand == bills.len() || (500..=2000).contains(&list.at_hand), "{}", list.at_hand);
        prop_assert_eq!(list.offset, wanted.offset.min(list.at_hand.saturating_sub(1)));
        let visible =
            bills.iter().skip(list.offset).take(wanted.rows.min(list.at_hand - list.offset.min(list.at_hand)));
        let shown: Vec<_> = list.rows.iter().map(|row| (row.id, row.time, row.cost, row.tokens)).collect();
        let expected: Vec<_> = visible.map(|bill| (bill.number, bill.time, bill.cost, bill.tokens)).collect();
        prop_assert_eq!(shown, expected);
        Ok(())
    }

    fn split(&self, view: &View, book: &PriceBook) -> Result<(), TestCaseError> {
        let split = view.split.as_ref().expect("was asked for");
        let mut lists = [0i128; 4];
        for one in self.window(self.by_charge) {
            let model = &self.labels[&one.profile[Dimension::Model.place()]];
            let Some(rates) = book.base_rates(model.as_str(), "") else { continue };
            let rate = |kind: Kind| i128::from(rates[kind as usize].unwrap_or(0));
            let tokens = &one.bill.tokens;
            lists[TokenClass::Output as usize] += rate(Kind::Output) * i128::from(tokens.output);
            lists[TokenClass::Input as usize] += rate(Kind::Input) * i128::from(tokens.input);
            lists[TokenClass::CacheRead as usize] += rate(Kind::CacheRead) * i128::from(tokens.cache_read);
        }
        let sums = sum(self.window(self.by_charge));
        let mut whole = split.rest;
        for (class, list) in split.classes.iter().zip(lists) {
            prop_assert!((class.list.pico() - list / 2_000_000).abs() <= 1);
            whole += class.list;
        }
        prop_assert_eq!(whole, sums.cost());
        let tokens = split.classes.map(|class| class.tokens);
        prop_assert_eq!(tokens, [sums.output, sums.input, sums.cache_write_5m + sums.cache_write_1h, sums.cache_read]);
        Ok(())
    }

    fn session(&self, view: &View) -> Result<(), TestCaseError> {
        let session = self.query.scope.parts().iter().find(|(by, _)| *by == By::Session).map(|(_, id)| *id);
        let sums = sum(self.all.iter().filter(|one| Some(one.bill.session) == session && session != Some(NONE)));
        let facts = view.session.as_ref().map(|facts| (facts.turns, facts.cost));
        prop_assert_eq!(facts, (sums.requests > 0).then(|| (sums.requests, sums.cost())));
        Ok(())
    }
}

fn order(a: &GroupRow, b: &GroupRow, wanted: &TableQuery) -> Ordering {
    let natural = match wanted.sort {
        SortKey::Cost => b.sums.cost().cmp(&a.sums.cost()),
        SortKey::Burn => b.burn.cmp(&a.burn),
        SortKey::Tokens => b.sums.tokens().cmp(&a.sums.tokens()),
        SortKey::Requests => b.sums.requests.cmp(&a.sums.requests),
        SortKey::Hit => {
            let ratio = |row: &GroupRow| row.sums.cache_hit_ratio().unwrap_or(-1.0);
            ratio(b).total_cmp(&ratio(a))
        }
        SortKey::Name => Ordering::Equal,
    };
    let natural = natural.then_with(|| a.name.cmp(&b.name)).then(a.id.cmp(&b.id));
    if wanted.reversed { natural.reverse() } else { natural }
}
