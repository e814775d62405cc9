//! From the classes of one group to its bills: a pure function, so no order of arrival can show (docs/ledger.md).

mod charges;
mod class;

use serde::{Deserialize, Serialize};

use super::counters::Counters;
use super::names::{NONE, NameId, Names, ProfileId};
use super::record::Place;
use super::rows::Row;
use crate::money::{Cost, Money};
use crate::time::Timestamp;
use crate::usage::{Dimension, Origin, Tokens};
use class::{by_time, by_tokens, facet};

pub use charges::charges;
pub use class::{Class, join};

/// Which cost counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CostMode {
    /// What the log reports, else what the table says.
    #[default]
    Auto,
    /// What the table says.
    Computed,
    /// What the log reports; the rest is unpriced.
    Reported,
}

/// Where the chosen cost came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CostSource {
    /// The log.
    Reported,
    /// The table.
    Computed,
    /// Nowhere: it has no price.
    Unpriced,
}

/// One charge as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Its number: the row whose tokens won.
    pub number: u32,
    /// Least event time, else the first arrival.
    pub time: Timestamp,
    /// All dimensions but the session.
    pub profile: ProfileId,
    /// The session.
    pub session: NameId,
    /// Tokens by kind.
    pub tokens: Tokens,
    /// HTTP status, 0 unknown.
    pub status: u16,
    /// Milliseconds, 0 unknown.
    pub latency_ms: u32,
    /// Why the model stopped.
    pub stop_reason: NameId,
    /// From a gateway's cache.
    pub cache_hit: bool,
    /// At a batch rate.
    pub batch: bool,
    /// Paid by a subscription.
    pub subscription: bool,
    /// The chosen cost; zero when unpriced.
    pub cost: Cost,
    /// Where it came from.
    pub source: CostSource,
    /// The table's cost, also beside a reported one.
    pub computed: Option<Cost>,
    /// What caching saved, in pico-dollars.
    pub saved_pico: i64,
    /// Where the record stands whose tokens won.
    pub place: Place,
}

impl Bill {
    /// What it adds to sums.
    #[must_use]
    pub fn sums(&self) -> Counters {
        let mut sums = Counters::default();
        self.add_to(&mut sums);
        sums
    }

    /// Adds it to sums.
    #[inline]
    pub fn add_to(&self, sums: &mut Counters) {
        let tokens = &self.tokens;
        sums.requests += 1;
        sums.errors += i64::from(self.status >= 400);
        sums.input += i64::from(tokens.input);
        sums.cache_read += i64::from(tokens.cache_read);
        sums.cache_write_5m += i64::from(tokens.cache_write_5m);
        sums.cache_write_1h += i64::from(tokens.cache_write_1h);
        sums.output += i64::from(tokens.output);
        sums.reasoning += i64::from(tokens.reasoning);
        sums.web_searches += i64::from(tokens.web_searches);
        sums.gateway_hits += i64::from(self.cache_hit);
        sums.batch_requests += i64::from(self.batch);
        sums.saved += Money::from_pico(if self.cache_hit { 0 } else { self.saved_pico.into() });
        match self.source {
            CostSource::Reported => {
                sums.reported += self.cost.into();
                if let Some(computed) = self.computed {
                    sums.computed_beside += computed.into();
                    sums.drift += Money::from(self.cost) - Money::from(computed);
                    sums.drifted_requests += i64::from(drifts(self.cost, computed));
                }
            }
            CostSource::Computed => sums.computed += self.cost.into(),
            CostSource::Unpriced => {
                sums.unpriced_requests += 1;
                sums.unpriced_tokens += tokens.total().cast_signed();
            }
        }
        if self.subscription {
            sums.subscription += self.cost.into();
        }
    }
}

/// What is left of a difference that logs make by writing six decimals of a dollar, in pico-dollars.
const ROUNDED_AWAY: u64 = 500_000;
/// Costs nearer than this part of the table's are the same cost: a tenth of a percent, as for `costtop reconcile`.
const SAME_PART: u64 = 1_000;

/// Whether a reported cost is another one than the table's: beyond a tenth of a percent, and beyond what rounding takes away.
#[must_use]
pub fn drifts(reported: Cost, computed: Cost) -> bool {
    let difference = reported.pico().abs_diff(computed.pico());
    difference > ROUNDED_AWAY && difference > computed.pico() / SAME_PART
}

/// Whose tokens count: API and transcript before gateway before telemetry.
const fn token_rank(origin: Origin) -> u8 {
    match origin {
        Origin::Api | Origin::Transcript => 3,
        Origin::Gateway => 2,
        Origin::OpenTelemetry => 1,
        Origin::Metrics => 0,
    }
}

/// Whose money counts: gateway before API before telemetry before transcript.
const MONEY_ORDER: [Origin; 4] = [Origin::Gateway, Origin::Api, Origin::OpenTelemetry, Origin::Transcript];

/// Whose word on a dimension counts. Session and agent: the transcript knows best; all else: the gateway.
const fn dimension_rank(facet: usize, origin: Origin) -> u8 {
    if facet == Dimension::CHOSEN || facet == Dimension::Agent.place() {
        match origin {
            Origin::Transcript => 3,
            Origin::Api => 2,
            Origin::OpenTelemetry | Origin::Metrics => 1,
            Origin::Gateway => 0,
        }
    } else {
        match origin {
            Origin::Gateway => 3,
            Origin::Api => 2,
            Origin::OpenTelemetry | Origin::Metrics => 1,
            Origin::Transcript => 0,
        }
    }
}

/// The bill of the classes of one charge.
#[must_use]
pub fn bill(classes: &[&Class], names: &mut Names, mode: CostMode) -> Bill {
    if let [only] = classes {
        return alone(only.number, &only.row, mode);
    }
    let winner = classes
        .iter()
        .copied()
        .max_by(|a, b| {
            (token_rank(a.row.origin), !a.row.side_chain)
                .cmp(&(token_rank(b.row.origin), !b.row.side_chain))
                .then_with(|| by_tokens(&a.row, &b.row, names))
                .then_with(|| b.row.cache_hit.cmp(&a.row.cache_hit))
                .then_with(|| b.row.place.cmp(&a.row.place))
        })
        .unwrap_or(classes[0]);
    if winner.row.origin == Origin::Metrics {
        return sum(classes, winner, names, mode);
    }
    let row = &winner.row;
    // The greatest, and whether a gateway's cache says it.
    let told = MONEY_ORDER.into_iter().find_map(|origin| {
        let of_origin = classes.iter().filter(|class| class.row.origin == origin);
        of_origin.filter_map(|class| Some((credible(&class.row, row)?, class.row.cache_hit))).max()
    });
    let reported = told.map(|(cost, _)| cost);
    // Whoever counted the tokens may not know that the gateway's cache answered.
    let hit = row.cache_hit || told == Some((Cost::ZERO, true));
    let earliest = classes.iter().map(|class| &class.row).min_by(|a, b| by_time(a, b)).unwrap_or(row);
    let (profile, session) = dimensions(classes, row, names);
    let subscription = classes.iter().any(|class| class.row.subscription);
    let time = Timestamp::from_ms(earliest.time);
    Bill { time, profile, session, subscription, ..of_tokens(winner.number, row, reported, mode, hit) }
}

/// The bill of points of counters that came apart: each class counts something else, so they are added.
fn sum(classes: &[&Class], winner: &Class, names: &mut Names, mode: CostMode) -> Bill {
    let rows = || classes.iter().map(|class| &class.row);
    let tokens = |of: fn(&Tokens) -> u32| rows().fold(0u32, |sum, row| sum.saturating_add(of(&row.tokens)));
    let add = |sum: Cost, cost: Cost| Cost::from_pico(sum.pico().saturating_add(cost.pico()));
    let row = Row {
        tokens: Tokens {
            input: tokens(|tokens| tokens.input),
            cache_read: tokens(|tokens| tokens.cache_read),
            cache_write_5m: tokens(|tokens| tokens.cache_write_5m),
            cache_write_1h: tokens(|tokens| tokens.cache_write_1h),
            output: tokens(|tokens| tokens.output),
            reasoning: tokens(|tokens| tokens.reasoning),
            web_searches: tokens(|tokens| tokens.web_searches),
        },
        computed: rows().map(|row| row.computed).try_fold(Cost::ZERO, |sum, cost| cost.map(|cost| add(sum, cost))),
        saved_pico: rows().fold(0i64, |sum, row| sum.saturating_add(row.saved_pico)),
        reported: rows().filter_map(|row| row.reported).reduce(add),
        ..winner.row
    };
    let earliest = rows().min_by(|a, b| by_time(a, b)).unwrap_or(&row).time;
    let (profile, session) = dimensions(classes, &row, names);
    let reported = credible(&row, &row);
    Bill {
        time: Timestamp::from_ms(earliest),
        profile,
        session,
        ..of_tokens(winner.number, &row, reported, mode, false)
    }
}

/// The bill of a charge with one class: what [`bill`] says of it, found by a shorter way.
#[must_use]
pub fn alone(number: u32, row: &Row, mode: CostMode) -> Bill {
    of_tokens(number, row, credible(row, row), mode, row.cache_hit)
}

/// What `row` reports, if that can be: nothing costs nothing but what used nothing, or what a gateway's cache answered.
fn credible(row: &Row, winner: &Row) -> Option<Cost> {
    row.reported.filter(|cost| *cost > Cost::ZERO || winner.tokens.is_empty() || row.cache_hit)
}

/// The bill by the record whose tokens won, as if it were the only one.
fn of_tokens(number: u32, row: &Row, reported: Option<Cost>, mode: CostMode, hit: bool) -> Bill {
    // Nothing used costs nothing, whatever the model, and what a gateway's cache answered was used before.
    let computed = if hit { Some(Cost::ZERO) } else { row.computed.or(row.tokens.is_empty().then_some(Cost::ZERO)) };
    let (cost, source) = match (mode, reported, computed) {
        (CostMode::Auto | CostMode::Reported, Some(cost), _) => (cost, CostSource::Reported),
        (CostMode::Auto | CostMode::Computed, _, Some(cost)) => (cost, CostSource::Computed),
        _ => (Cost::ZERO, CostSource::Unpriced),
    };
    Bill {
        number,
        time: Timestamp::from_ms(row.time),
        profile: row.profile,
        session: row.session,
        tokens: row.tokens,
        status: row.status,
        latency_ms: row.latency_ms,
        stop_reason: row.stop_reason,
        cache_hit: hit,
        batch: row.batch && !hit,
        subscription: row.subscription,
        cost,
        source,
        computed,
        saved_pico: row.saved_pico,
        place: row.place,
    }
}

/// Each dimension from its best class: rank of the source, not a side chain, least time, least bytes.
fn dimensions(classes: &[&Class], winner: &Row, names: &mut Names) -> (ProfileId, NameId) {
    let mut profile = *names.dimensions(winner.profile);
    let best = |index: usize, names: &Names| {
        classes
            .iter()
            .filter_map(|class| {
                let value = facet(&class.row, names.dimensions(class.row.profile), index);
                (value != NONE).then(|| {
                    let rank = std::cmp::Reverse(dimension_rank(index, class.row.origin));
                    ((rank, class.row.side_chain, class.times[index], names.label(value).as_str()), value)
                })
            })
            .min_by(|a, b| a.0.cmp(&b.0))
            .map_or(NONE, |(_, value)| value)
    };
    for (index, value) in profile.iter_mut().enumerate().take(Dimension::CHOSEN) {
        *value = best(index, names);
    }
    let session = best(Dimension::CHOSEN, names);
    (names.profile(profile), session)
}
