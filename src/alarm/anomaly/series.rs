//! What one entity spends: charges and minutes enter, what they say in two windows leaves. It scores and learns; [`super::surge`] judges.

use super::bytes::{put_real, put_signed, put_varint, take_real, take_signed, take_u32, take_varint};
use super::charge::Entity;
use super::episode::Episode;
use super::level::Level;
use super::tail::Tail;
use super::trailing::Trailing;
use crate::money::PICO_PER_USD;

/// The windows that are scored: 5 and 30 minutes.
pub(super) const SCORED: usize = 2;
/// The mean spend forgets over two weeks.
const MEAN_MINUTES: f64 = 14.0 * 24.0 * 60.0;

/// One series: what an entity spends.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) trailing: Trailing,
    /// Spent so far, forgetting, in pico-dollars; as of `seen`.
    weight: f64,
    seen: i64,
    pub(super) windows: [Scored; SCORED],
    pub(super) episode: Episode,
    /// For users: what their last request was for.
    pub(super) purpose: Option<Entity>,
    /// Dollars above its mean within the last hour, as of the minute judged last.
    pub(super) excess: f64,
}

/// One window of one series.
#[derive(Clone, Debug)]
pub(super) struct Scored {
    /// The usual by hour; none for users.
    pub(super) level: Option<Box<Level>>,
    /// Busy and quiet hours; users have the first only.
    pub(super) tails: [Regime; 2],
}

/// A tail with the active minutes it has seen: neighbouring ones are alike, so few are learned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Regime {
    tail: Tail,
    seen: u32,
}

impl Regime {
    const NEW: Regime = Regime { tail: Tail::new(), seen: 0 };

    /// Scores a value; every `every`-th is learned.
    pub(super) fn place(&mut self, value: f64, every: u32, warm: u32, prior: Option<&Tail>) -> (f64, bool) {
        let score = self.tail.score(value, warm, prior);
        self.seen += 1;
        let learns = self.seen >= every;
        if learns {
            self.seen = 0;
            self.tail.learn(value, warm, prior);
        }
        (score, learns)
    }
}

impl Series {
    pub(super) fn new(minute: i64, seasonal: bool) -> Series {
        let window = || Scored { level: seasonal.then(|| Box::new(Level::new(minute))), tails: [Regime::NEW; 2] };
        Series {
            trailing: Trailing::default(),
            weight: 0.0,
            seen: minute,
            windows: [window(), window()],
            episode: Episode::default(),
            purpose: None,
            excess: 0.0,
        }
    }

    /// Dollars a minute on average, when the log is `age` minutes old.
    pub(super) fn mean(&self, minute: i64, age: i64) -> f64 {
        let faded = self.weight * (-(minute - self.seen) as f64 / MEAN_MINUTES).exp();
        let weights = MEAN_MINUTES * (1.0 - (-(age.max(1) as f64) / MEAN_MINUTES).exp());
        faded / weights / PICO_PER_USD as f64
    }

    pub(super) fn spend(&mut self, minute: i64, pico: u64) {
        if minute > self.seen {
            self.weight *= (-(minute - self.seen) as f64 / MEAN_MINUTES).exp();
            self.seen = minute;
        }
        self.weight += pico as f64;
        self.trailing.add(minute, pico);
    }

    pub(super) fn save(&self, out: &mut Vec<u8>) {
        self.trailing.save(out);
        put_real(self.weight, out);
        put_signed(self.seen, out);
        for window in &self.windows {
            put_varint(window.level.is_some().into(), out);
            if let Some(level) = &window.level {
                level.save(out);
            }
            for regime in &window.tails[..if window.level.is_some() { 2 } else { 1 }] {
                regime.tail.save(out);
                put_varint(regime.seen.into(), out);
            }
        }
        self.episode.save(out);
        put_varint(self.purpose.map_or(0, |purpose| purpose.number() + 1), out);
    }

    pub(super) fn load(bytes: &mut &[u8]) -> Option<Series> {
        let mut series = Series::new(0, false);
        series.trailing = Trailing::load(bytes)?;
        series.weight = take_real(bytes)?;
        series.seen = take_signed(bytes)?;
        for window in &mut series.windows {
            if take_varint(bytes)? > 0 {
                window.level = Some(Box::new(Level::load(bytes)?));
            }
            for regime in &mut window.tails[..if window.level.is_some() { 2 } else { 1 }] {
                *regime = Regime { tail: Tail::load(bytes)?, seen: take_u32(bytes)? };
            }
        }
        series.episode = Episode::load(bytes)?;
        series.purpose = match take_varint(bytes)? {
            0 => None,
            number => Some(Entity::numbered(number - 1)?),
        };
        Some(series)
    }
}
