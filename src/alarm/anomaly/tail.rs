//! How rare a value is: values enter, the order of magnitude of their probability leaves. Constant memory, no window.
//!
//! An exponentially weighted quantile is the threshold, and what lies above is taken as exponential: of log-dollars that is a Pareto tail of
//! dollars (after Siffer et al., "Anomaly detection in streams with extreme value theory", KDD 2017, made lighter). It calibrates itself:
//! a score of 3.6 is a chance of one in 4,000 for any series, however wild it usually is.

use super::bytes::{put_real, put_varint, take_real, take_u32};

/// The share of values below the threshold.
const QUANTILE: f64 = 0.98;
/// How far one value moves the threshold.
const STEP: f64 = 0.02;
/// The mean excess is never taken for less: two prices of one request differ by this much.
const LEAST_EXCESS: f64 = 0.08;
/// The mean excess before anything is known, and how many values that is worth.
const PRIOR_EXCESS: f64 = 0.3;
const PRIOR_WEIGHT: f64 = 3.0;
/// One value counts at most this many mean excesses: an incident must not become the usual.
const WINSOR: f64 = 4.0;
/// What a prior says is taken for this much less, in orders of magnitude: strangers differ more among each other than one of them by himself.
const STRANGE: f64 = 0.6;
/// The greatest values kept while warming up: enough for the quantile of 200.
const GREATEST: usize = 5;

/// One tail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tail {
    /// Values learned.
    learned: u32,
    /// Values above the threshold.
    above: u32,
    threshold: f64,
    excess: f64,
    /// While warming up: the greatest values, descending.
    greatest: [f64; GREATEST],
}

impl Tail {
    pub(super) const fn new() -> Tail {
        Tail { learned: 0, above: 0, threshold: 0.0, excess: PRIOR_EXCESS, greatest: [f64::MIN; GREATEST] }
    }

    /// It has learned from so many values.
    pub(super) fn is_warm(&self, warm: u32) -> bool {
        self.learned >= warm
    }

    /// −log10 of the chance of a value so great; 0 below the threshold. `warm` values make it speak for itself; before, `prior` speaks if
    /// it is warm itself, and else nobody.
    pub(super) fn score(&self, value: f64, warm: u32, prior: Option<&Tail>) -> f64 {
        let (tail, doubt) = if self.is_warm(warm) {
            (self, 0.0)
        } else {
            match prior.filter(|prior| prior.is_warm(warm)) {
                Some(prior) => (prior, STRANGE),
                None => return 0.0,
            }
        };
        if value <= tail.threshold {
            return 0.0;
        }
        let above = (value - tail.threshold) / tail.excess.max(LEAST_EXCESS);
        (above / std::f64::consts::LN_10 - (1.0 - QUANTILE).log10() - doubt).max(0.0)
    }

    /// Learns a value.
    pub(super) fn learn(&mut self, value: f64, warm: u32, prior: Option<&Tail>) {
        self.learned = self.learned.saturating_add(1);
        if self.learned <= warm {
            self.keep(value);
            if self.learned == warm {
                self.settle(warm, prior);
            }
            return;
        }
        if value > self.threshold {
            self.above = self.above.saturating_add(1);
            let gain = (1.0 / (f64::from(self.above) + PRIOR_WEIGHT)).max(0.01);
            self.excess += gain * ((value - self.threshold).min(WINSOR * self.excess) - self.excess);
            self.threshold += STEP * QUANTILE;
        } else {
            self.threshold -= STEP * (1.0 - QUANTILE);
        }
    }

    fn keep(&mut self, value: f64) {
        let place = self.greatest.partition_point(|kept| *kept >= value);
        if place < GREATEST {
            self.greatest[place..].rotate_right(1);
            self.greatest[place] = value;
        }
    }

    /// The first threshold, between the two values around the quantile, and the mean of what lies above.
    fn settle(&mut self, warm: u32, prior: Option<&Tail>) {
        let place = (1.0 - QUANTILE) * f64::from(warm - 1);
        let (rank, part) = (place.floor() as usize, place.fract());
        let value = |rank: usize| self.greatest[rank.min(GREATEST - 1)];
        self.threshold = value(rank) + part * (value(rank + 1) - value(rank));
        let usual = prior.map_or(PRIOR_EXCESS, |prior| prior.excess.max(PRIOR_EXCESS));
        let above = self.greatest.iter().filter(|value| **value > self.threshold);
        let (count, sum) = above.fold((0u32, 0.0), |(count, sum), value| (count + 1, sum + value - self.threshold));
        self.above = count;
        self.excess = (sum + PRIOR_WEIGHT * usual) / (f64::from(count) + PRIOR_WEIGHT);
    }

    pub(super) fn save(&self, out: &mut Vec<u8>) {
        put_varint(self.learned.into(), out);
        put_varint(self.above.into(), out);
        for value in [self.threshold, self.excess].into_iter().chain(self.greatest) {
            put_real(value, out);
        }
    }

    pub(super) fn load(bytes: &mut &[u8]) -> Option<Tail> {
        let mut tail = Tail { learned: take_u32(bytes)?, above: take_u32(bytes)?, ..Tail::new() };
        tail.threshold = take_real(bytes)?;
        tail.excess = take_real(bytes)?;
        for value in &mut tail.greatest {
            *value = take_real(bytes)?;
        }
        Some(tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers between 0 and 1 in a fixed order that looks like none.
    fn uniform(seed: &mut u64) -> f64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 11) as f64 / (1u64 << 53) as f64
    }

    #[test]
    fn scores_are_the_chances_they_say() {
        let (mut tail, mut seed) = (Tail::new(), 7);
        let mut scores = Vec::new();
        for _ in 0..100_000 {
            let value = -uniform(&mut seed).ln();
            scores.push(tail.score(value, 200, None));
            tail.learn(value, 200, None);
        }
        for (score, most) in [(2.0, 1.6), (3.0, 2.5)] {
            let share = scores.iter().filter(|own| **own > score).count() as f64 / scores.len() as f64;
            let expected = 10f64.powf(-score);
            assert!(share < expected * most && share > expected / most, "{score}: {share} for {expected}");
        }
    }

    #[test]
    fn the_first_threshold_is_the_quantile_of_what_was_seen() {
        let mut tail = Tail::new();
        for value in 1..=200 {
            tail.learn(f64::from(value), 200, None);
        }
        // Between the fourth and the fifth greatest of 200, where numpy's quantile is.
        assert!((tail.threshold - 196.02).abs() < 1e-9, "{}", tail.threshold);
    }

    #[test]
    fn before_it_is_warm_the_prior_speaks_or_nobody() {
        let (mut prior, own) = (Tail::new(), Tail::new());
        assert!(own.score(1e9, 200, Some(&prior)) <= 0.0);
        for _ in 0..200 {
            prior.learn(0.0, 200, None);
        }
        assert!(own.score(10.0, 200, Some(&prior)) > 3.6);
        assert!(own.score(-1.0, 200, Some(&prior)) <= 0.0);
    }

    #[test]
    fn it_reads_back() {
        let mut tail = Tail::new();
        for value in [0.5, -3.0, 0.1, 7.0] {
            tail.learn(value, 200, None);
        }
        let mut bytes = Vec::new();
        tail.save(&mut bytes);
        assert_eq!(Tail::load(&mut &*bytes), Some(tail));
        assert_eq!(Tail::load(&mut &bytes[..bytes.len() - 1]), None);
    }
}
