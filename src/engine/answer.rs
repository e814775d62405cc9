//! The answer to a screen's question, picked from its standing sums: the cost of a frame follows the visible rows.

use std::io;

use rustc_hash::FxHashMap;

use super::Engine;
use super::charge;
use super::chart::{BURN_MS, Stretch, chart};
use super::groups::{Picked, TREND};
use super::list::{Part, money_of, tokens};
use super::names::NameId;
use super::recent::{STEP_MS, per_hour};
use super::spread::Buckets;
use super::standing::{Source, Standing, group_of};
use super::tier::Value;
use super::top::Listed;
use super::view::{
    By, Charges, ChargesQuery, Chart, ClassSum, GroupRow, Split, Spread, Table, TableQuery, TokenClass, View, ViewQuery,
};
use crate::money::{Cost, Money};
use crate::price::entry::Kind;
use crate::time::{MINUTE_MS, Timestamp};

/// Half-attodollars in a pico-dollar.
const HALF_ATTO_PER_PICO: u64 = 2_000_000;
/// Models whose rates are compared to find out that one rate holds for all.
const MOST_RATES: usize = 64;

/// Models without a price that a view names: a sheet full, several times over. Their tokens are in the sums, however many there are.
const MOST_UNPRICED: usize = 256;

impl Engine {
    /// Answers a screen's question at the engine's time. Where much must be read for it, `rebuilding` is set and [`Engine::work`] goes on.
    pub fn view(&mut self, query: &ViewQuery) -> View {
        let (until, as_of) = self.window_end(query);
        let place = self.stand(query, until, as_of);
        if let Err(error) = self.read(place) {
            self.trouble = Some(error);
        }
        let (charges, session) = match self.charges(place, &query.charges) {
            Ok(charges) => (charges, query.scope.parts().iter().find(|(by, _)| *by == By::Session)),
            Err(error) => {
                self.trouble = Some(error);
                (Charges::default(), None)
            }
        };
        let tables = [0, 1].map(|table| self.table(place, table, &query.tables[table], until));
        let split = query.split.then(|| self.split(place));
        let drift = self.look_at_drift(query, until);
        let standing = &self.kept[place];
        View {
            query: query.clone(),
            scope_names: query.scope.parts().iter().map(|(_, id)| self.names.named(*id).cloned()).collect(),
            until,
            as_of,
            rebuilding: !standing.is_built() || self.trouble.is_some(),
            burn: self.burn(standing),
            burn_all: self.recent.burn(),
            requests_per_minute: self.recent.requests_per_minute(),
            window: standing.total,
            window_all: if standing.matcher.is_all() { standing.total } else { standing.everything },
            today: if standing.matcher.is_all() { self.today.2 } else { standing.today },
            today_all: self.today.2,
            total: self.total,
            sessions: self.sessions.count(),
            chart: self.chart(standing, until, query),
            tables,
            charges,
            spread: spread(standing),
            split,
            drift,
            session: session.and_then(|(_, id)| self.session_facts(*id)),
            intake: self.intake.clone(),
            unpriced_models: self.unpriced_models(MOST_UNPRICED),
            newest: self.newest,
        }
    }

    /// The burn rate of a scope.
    fn burn(&self, standing: &Standing) -> Money {
        match &standing.detail {
            _ if standing.matcher.is_all() => self.recent.burn(),
            Some(detail) if standing.source() == Source::Charges => detail.burn.rate(),
            _ => standing.burn.rate(),
        }
    }

    fn chart(&self, standing: &Standing, until: Timestamp, query: &ViewQuery) -> Chart {
        let length = query.window.minutes() * MINUTE_MS;
        let is_fine = standing.follows() && length <= 60 * MINUTE_MS;
        let fine = |step: i64, part: Part| Stretch { start: step, end: step + STEP_MS, part };
        let stretches: Vec<Stretch> = match &standing.detail {
            Some(detail) if is_fine && (query.split || !standing.matcher.is_all()) => {
                let until_now = detail.ring.range(..=detail.clock.now());
                until_now.map(|(step, part)| fine(step * STEP_MS, *part)).collect()
            }
            _ if is_fine => self.recent.money().map(|(at, money)| fine(at, Part::plain(money))).collect(),
            _ => {
                let minutes = standing.curve.iter();
                let stretch = |(minute, part): (&i64, &Part)| Stretch {
                    start: minute * MINUTE_MS,
                    end: (minute + self.length_of(standing, *minute)) * MINUTE_MS,
                    part: *part,
                };
                minutes.map(stretch).collect()
            }
        };
        chart(&stretches, until, length, query.chart_steps, query.split)
    }

    /// How long what begins in a minute of a curve lasts, in minutes.
    fn length_of(&self, standing: &Standing, minute: i64) -> i64 {
        if standing.source() == Source::Charges { 1 } else { self.cells.length(minute) }
    }

    fn table(&mut self, place: usize, table: usize, query: &TableQuery, until: Timestamp) -> Table {
        let Engine { kept, names, ledger, trouble, .. } = self;
        let standing = &mut kept[place];
        if let Some(groups) = &mut standing.tables[table] {
            groups.filter(&query.filter, names);
        }
        let Some(groups) = &standing.tables[table] else { return Table::empty(query.by) };
        let none = FxHashMap::default();
        let burn = if standing.follows() { burn_of(standing, table) } else { &none };
        let picked = groups.pick(query, burn, names);
        let burn_of_table = match query.filter.as_str() {
            _ if !standing.follows() => Money::ZERO,
            "" => burn.values().copied().sum(),
            _ => burn.iter().filter(|(id, _)| groups.lets_pass(**id, names)).map(|(_, money)| *money).sum(),
        };
        let rates: Vec<Money> = picked
            .places
            .iter()
            .map(|place| per_hour(burn.get(&groups.id(*place)).copied().unwrap_or_default()))
            .collect();
        if query.by == By::Session
            && let Err(error) = settle_lasts(standing, table, &picked, ledger, names)
        {
            *trouble = Some(error);
        }
        let standing = &self.kept[place];
        let Some(groups) = &standing.tables[table] else { return Table::empty(query.by) };
        let trends = self.trends(standing, table, &picked.places, until);
        let rows = picked
            .places
            .iter()
            .enumerate()
            .map(|(row, place)| {
                let id = groups.id(*place);
                GroupRow {
                    id,
                    name: self.names.named(id).cloned(),
                    sums: *groups.sums(*place),
                    burn: rates[row],
                    trend: trends[row],
                    p95: p95(standing, table, id),
                    most_on: groups.most_on(*place, &self.names).and_then(|model| self.names.named(model)).cloned(),
                    last: (query.by == By::Session).then(|| groups.last(*place).0),
                }
            })
            .collect();
        let (passing, sums) = groups.passing();
        Table {
            by: query.by,
            rows,
            offset: picked.offset,
            groups: passing,
            unfiltered: groups.len(),
            sums: *sums,
            burn: per_hour(burn_of_table),
            nameless: groups.nameless(),
            selected: picked.selected,
        }
    }

    /// Dollars in eight equal parts of the window, for some groups. Parts shorter than a minute come from steps of five seconds.
    fn trends(
        &self,
        standing: &Standing,
        table: usize,
        places: &[usize],
        until: Timestamp,
    ) -> Vec<[Money; TREND as usize]> {
        let Some(groups) = &standing.tables[table] else { return Vec::new() };
        let length = (standing.span.until - standing.span.from) * MINUTE_MS;
        if length > BURN_MS || !standing.follows() {
            return places.iter().map(|place| groups.trend(*place)).collect();
        }
        let mut trends = vec![[Money::ZERO; TREND as usize]; places.len()];
        let rows: FxHashMap<NameId, usize> =
            places.iter().enumerate().map(|(row, place)| (groups.id(*place), row)).collect();
        let start = until.ms() - length;
        let minutes = standing.span.from * MINUTE_MS..standing.span.until * MINUTE_MS;
        let mut add = |at: i64, id: NameId, money: Money| {
            if let Some(row) = rows.get(&id).filter(|_| minutes.contains(&at)) {
                let part = ((at - start) * TREND / length).clamp(0, TREND - 1) as usize;
                trends[*row][part] += money;
            }
        };
        match &standing.detail {
            Some(detail) if standing.source_of(table) == Source::Charges => {
                detail.for_each_step(table, |step, id, money| add(step * STEP_MS, id, money));
            }
            _ => {
                let Some(by) = standing.question.by[table] else { return trends };
                self.recent.for_each(Timestamp::from_ms(minutes.start), |at, profile, money| {
                    if standing.matcher.takes_profile(profile, &self.names) {
                        add(at, group_of(by, profile, super::names::NONE, &self.names), money);
                    }
                });
            }
        }
        trends
    }

    fn charges(&mut self, place: usize, query: &ChargesQuery) -> io::Result<Charges> {
        let Engine { kept, names, ledger, cells, .. } = self;
        let standing = &mut kept[place];
        if query.rows == 0 {
            return Ok(Charges::default());
        }
        let Some(detail) = &mut standing.detail else { return Ok(Charges::default()) };
        detail.order = query.order;
        let tops = detail.tops();
        let at_hand = tops.len(query.order);
        let offset = query.offset.min(at_hand.saturating_sub(1));
        let mut rows = Vec::with_capacity(query.rows.min(at_hand));
        for number in tops.numbers(query.order, offset, query.rows) {
            rows.extend(ledger.charge_of(number, names)?.map(|(bill, _)| charge::row(&bill, names)));
        }
        let mut selected = None;
        if let Some(id) = query.selected
            && ledger.has(id)?
            && let Some((bill, _)) = ledger.charge_of(id, names)?
        {
            selected = tops.place(query.order, Listed { number: bill.number, time: bill.time, cost: bill.cost });
        }
        // Cells older than the first charge by a day, which the oldest cells last, are of charges that are gone.
        let oldest = ledger.oldest().map(Timestamp::from_ms);
        let first_minute = oldest.map_or(standing.span.until, Timestamp::minute);
        let are_gone = cells.first().is_some_and(|first| first + 1440 < first_minute);
        let since = (are_gone && standing.span.from < first_minute)
            .then(|| oldest.unwrap_or(Timestamp::from_ms(standing.span.until * MINUTE_MS)));
        let all = match since {
            Some(_) => standing.total.requests.try_into().unwrap_or(0),
            None => tops.charges(),
        };
        Ok(Charges { rows, offset, at_hand, all, selected, since })
    }

    fn split(&mut self, place: usize) -> Split {
        let Engine { kept, names, lists, .. } = self;
        let standing = &kept[place];
        let mut split = Split { saved: standing.total.saved, ..Split::default() };
        let models = models_of(standing);
        let mut rates: Vec<_> = Vec::new();
        for model in models.iter().flatten() {
            rates.push(lists.rates_of_model(*model, names));
        }
        let counts = tokens(&standing.total);
        let mut rest = standing.total.cost();
        for class in TokenClass::ALL {
            let place = class as usize;
            let list = money_of(standing.listed[place]);
            rest -= list;
            let rate = |rates: &Option<_>| class_rate(class, rates.as_ref()?, &standing.total);
            let first = rates.first().and_then(rate);
            let rate = first.filter(|first| models.is_some() && rates.iter().all(|other| rate(other) == Some(*first)));
            split.classes[place] = ClassSum { tokens: counts[place], list, rate };
        }
        split.rest = rest;
        split
    }
}

/// The models of a question, where they are known and few.
fn models_of(standing: &Standing) -> Option<Vec<NameId>> {
    if let Some(model) = standing.matcher.model() {
        return Some(vec![model]);
    }
    let table = standing.question.by.iter().position(|by| *by == Some(By::MODEL))?;
    let groups = standing.tables[table].as_ref().filter(|groups| groups.len() <= MOST_RATES)?;
    Some((0..groups.len()).map(|place| groups.id(place)).collect())
}

/// The one rate of a class, in whole pico-dollars.
fn class_rate(class: TokenClass, rates: &[Option<u64>; Kind::COUNT], sums: &super::counters::Counters) -> Option<u64> {
    let one = |kind: Kind| {
        let rate = rates[kind as usize]?;
        rate.is_multiple_of(HALF_ATTO_PER_PICO).then_some(rate / HALF_ATTO_PER_PICO)
    };
    // Kinds of which nothing was used have no say.
    let of_two = |usual: Kind, count: i64, other: Kind, other_count: i64| match (count > 0, other_count > 0) {
        (true, true) => one(usual).filter(|rate| one(other) == Some(*rate)),
        (false, true) => one(other),
        _ => one(usual),
    };
    match class {
        TokenClass::Output => of_two(Kind::Output, sums.output - sums.reasoning, Kind::Reasoning, sums.reasoning),
        TokenClass::Input => one(Kind::Input),
        TokenClass::CacheWrite => {
            of_two(Kind::CacheWrite5m, sums.cache_write_5m, Kind::CacheWrite1h, sums.cache_write_1h)
        }
        TokenClass::CacheRead => one(Kind::CacheRead),
    }
}

/// What the groups of a table spent in the last five minutes.
fn burn_of(standing: &Standing, table: usize) -> &FxHashMap<NameId, Money> {
    match &standing.detail {
        Some(detail) if standing.source_of(table) == Source::Charges => detail.burn.groups(table),
        _ => standing.burn.groups(table),
    }
}

fn spread(standing: &Standing) -> Spread {
    let of_cells = || {
        standing.spread.values().fold(Buckets::default(), |mut sum, buckets| {
            sum.join(buckets);
            sum
        })
    };
    match &standing.detail {
        _ if standing.has_cell_spread() => {
            let dearest = standing.detail.as_ref().and_then(|detail| detail.tops().dearest());
            with_dearest(&of_cells(), dearest)
        }
        Some(detail) => with_dearest(detail.spread(), detail.tops().dearest()),
        None => Spread::default(),
    }
}

fn with_dearest(buckets: &Buckets, dearest: Option<Cost>) -> Spread {
    let spread = buckets.spread();
    Spread { max: dearest.filter(|_| spread.requests > 0), ..spread }
}

fn p95(standing: &Standing, table: usize, id: NameId) -> Option<Cost> {
    let buckets = if standing.question.by[table] == Some(By::MODEL) && standing.has_cell_spread() {
        standing.spread.get(&id)
    } else {
        standing.detail.as_ref()?.spread_of(table, id)
    };
    buckets?.quantile(0.95)
}

/// Looks up again when those visible sessions were charged last whose last charge was corrected.
fn settle_lasts(
    standing: &mut Standing,
    table: usize,
    picked: &Picked,
    ledger: &mut super::ledger::Ledger,
    names: &mut super::names::Names,
) -> io::Result<()> {
    let span = standing.span.from * MINUTE_MS..standing.span.until * MINUTE_MS;
    let matcher = standing.matcher.clone();
    let Some(groups) = &mut standing.tables[table] else { return Ok(()) };
    let doubtful = picked.places.iter().copied().filter(|place| groups.last(*place).1);
    let mut lasts: FxHashMap<NameId, (usize, Timestamp)> =
        doubtful.map(|place| (groups.id(place), (place, Timestamp::MIN))).collect();
    if lasts.is_empty() {
        return Ok(());
    }
    let sessions: Vec<NameId> = lasts.keys().copied().collect();
    ledger.for_each_bill_in(
        &span,
        names,
        |profile, session, names| sessions.contains(&session) && matcher.takes(profile, session, names),
        |bill, _| {
            if let Some((_, last)) = lasts.get_mut(&bill.session) {
                *last = (*last).max(bill.time);
            }
        },
    )?;
    for (place, last) in lasts.into_values() {
        groups.correct_last(place, last);
    }
    Ok(())
}
