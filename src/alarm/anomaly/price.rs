//! A model that costs something else than it did: what the log reports, over what the table says, moves away from its usual.
//!
//! Blocks of ten requests of a model. Their ratio is learned, so a contract's discount or a table that lags is no alarm, a change is. A model
//! that the table does not know is set against tokens weighted as most price lists do, which is coarser: only a half more is told.

use super::bytes::{put_money, put_real, put_varint, take_money, take_real, take_u32};
use super::charge::{Charge, Entity};
use super::episode::Episode;
use super::keyed::Keyed;
use super::{Detector, Reporter};
use crate::alarm::message::dollars;
use crate::config::Severity;
use crate::engine::names::Names;
use crate::money::Money;
use crate::usage::Dimension;

/// Models known at once.
const MODELS: usize = 1 << 10;
/// Requests in a block.
const BLOCK: u32 = 10;
/// Blocks before a model's ratio is known.
const WARM: u32 = 5;
/// How fast the ratio's usual follows, and how fast while it is off: a new price is accepted after some thousand requests.
const GAIN: f64 = 0.05;
const SLOW_GAIN: f64 = 0.004;
/// Off by this share of the price is told: by the table, and by weighted tokens.
const OFF: [f64; 2] = [0.10, 0.50];
/// And by this many deviations of the ratio.
const DEVIATIONS: f64 = 4.0;
/// What a token of a model without a price weighs, in hundredths of an input token: output, cache read and cache write as in most price
/// lists.
const WEIGHTS: [u64; 4] = [100, 500, 10, 125];

#[derive(Clone, Debug, Default)]
struct Model {
    /// By the table, and by weighted tokens.
    ratios: [Ratio; 2],
    episode: Episode,
}

/// The ratio of cost to list of one model, in natural logarithms.
#[derive(Clone, Copy, Debug, Default)]
struct Ratio {
    requests: u32,
    cost: i128,
    list: i128,
    blocks: u32,
    usual: f64,
    variance: f64,
}

impl Ratio {
    /// Adds a charge; a full block tells how far it is off, and what it cost and should have.
    fn add(&mut self, cost: u64, list: u64, least: f64) -> Option<Off> {
        self.requests += 1;
        self.cost += i128::from(cost);
        self.list += i128::from(list);
        if self.requests < BLOCK {
            return None;
        }
        let Ratio { cost, list, .. } = *self;
        (self.requests, self.cost, self.list) = (0, 0, 0);
        if cost <= 0 || list <= 0 {
            return None;
        }
        let value = (cost as f64 / list as f64).ln();
        let step = value - self.usual;
        let allowed = (1.0 + least).ln().max(DEVIATIONS * self.variance.sqrt());
        let warm = self.blocks >= WARM;
        let is_off = warm && step.abs() > allowed;
        let off = Off {
            is_told: is_off,
            is_back: step.abs() < allowed / 2.0,
            times: step.exp(),
            cost: Money::from_pico(cost),
            // In millionths, so that the sum is exact and the same everywhere.
            expected: Money::from_pico(list * ((self.usual.exp() * 1e6).round() as i128) / 1_000_000),
        };
        self.blocks = self.blocks.saturating_add(1);
        let gain = if is_off { SLOW_GAIN } else { GAIN.max(1.0 / f64::from(self.blocks)) };
        self.usual += gain * step;
        if !is_off {
            self.variance = (1.0 - gain) * (self.variance + gain * step * step);
        }
        warm.then_some(off)
    }

    fn save(&self, out: &mut Vec<u8>) {
        put_varint(self.requests.into(), out);
        put_money(self.cost, out);
        put_money(self.list, out);
        put_varint(self.blocks.into(), out);
        put_real(self.usual, out);
        put_real(self.variance, out);
    }

    fn load(bytes: &mut &[u8]) -> Option<Ratio> {
        Some(Ratio {
            requests: take_u32(bytes)?,
            cost: take_money(bytes)?,
            list: take_money(bytes)?,
            blocks: take_u32(bytes)?,
            usual: take_real(bytes)?,
            variance: take_real(bytes)?,
        })
    }
}

/// One block.
struct Off {
    is_told: bool,
    is_back: bool,
    times: f64,
    cost: Money,
    expected: Money,
}

/// The detector.
pub(super) struct Price {
    models: Keyed<Model>,
}

impl Price {
    pub(super) fn new() -> Price {
        Price { models: Keyed::new(MODELS) }
    }
}

impl Detector for Price {
    fn rule(&self) -> &'static str {
        "price"
    }

    fn charge(&mut self, charge: &Charge, reporter: &mut Reporter<'_>) {
        if charge.failed || charge.gateway_hit || charge.cost == 0 {
            return;
        }
        let Some(entity) = Entity::of(charge, Dimension::Model, reporter.names) else { return };
        let minute = charge.time.minute();
        let mut forgotten = Vec::new();
        let model = self.models.touch(entity, minute, reporter.names, &mut forgotten, Model::default);
        reporter.forget(&forgotten);
        let (by, list) = charge.list.map_or_else(|| (1, weighted(charge)), |list| (0, list));
        let Some(off) = model.ratios[by].add(charge.cost, list, OFF[by]) else { return };
        let episode = &mut model.episode;
        if !episode.open && off.is_told {
            episode.begin(minute, off.cost, off.expected);
        } else if episode.open && off.is_back {
            episode.end(minute);
            reporter.gone(entity);
            return;
        } else if episode.open {
            episode.add(off.cost, off.expected);
        } else {
            return;
        }
        // Cheaper than it should be costs nobody anything, but what is shown may be wrong.
        let severity = if off.times < 1.0 { Severity::Warn } else { episode.severity() };
        let text = message(entity, off.times, episode, reporter.names);
        let episode = *episode;
        reporter.holds(entity, &episode, severity, text);
    }

    fn holds(&self, entity: Entity) -> bool {
        self.models.get(entity).is_some_and(|model| model.episode.open)
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.models.save(out, |model, out| {
            model.ratios.iter().for_each(|ratio| ratio.save(out));
            model.episode.save(out);
        });
    }

    fn load(&mut self, bytes: &mut &[u8], names: &Names) -> Option<()> {
        self.models.load(bytes, names, |bytes| {
            Some(Model { ratios: [Ratio::load(bytes)?, Ratio::load(bytes)?], episode: Episode::load(bytes)? })
        })
    }
}

/// What the tokens weigh, where nobody says what they cost.
fn weighted(charge: &Charge) -> u64 {
    let tokens = [charge.input, charge.output, charge.cache_read, charge.cache_write];
    tokens.iter().zip(WEIGHTS).map(|(tokens, weight)| u64::from(*tokens) * weight).sum::<u64>() * 10_000
}

/// `claude-sonnet-4-5 costs 3.0 times its usual price: $4.10 too much so far`.
fn message(entity: Entity, times: f64, episode: &Episode, names: &Names) -> String {
    let model = names.label(entity.name);
    let excess = episode.excess();
    let so_far = if excess > Money::ZERO {
        format!("{} too much so far", dollars(excess))
    } else {
        format!("{} too little so far", dollars(episode.expected - episode.spent))
    };
    format!("{model} costs {times:.1} times its usual price: {so_far}")
}
