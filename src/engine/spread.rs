//! How costs of single requests are distributed: signed counts in 64 logarithmic buckets, so that corrections can take back.

use hdrhistogram::Histogram;

use super::tier::Value;
use super::varint::{put_signed, put_varint, take_signed, take_varint};
use super::view::Spread;
use crate::money::{Cost, PICO_PER_USD};

/// Buckets. Seven a decade from $0.000001: a bucket's edges differ by 10^(1/7) = 1.39, which is the error of a quantile.
pub const BUCKETS: usize = 64;
/// Buckets in one decade of dollars.
const PER_DECADE: usize = 7;
/// The lowest edge, in pico-dollars: a millionth of a dollar.
const LOWEST: u64 = PICO_PER_USD / 1_000_000;

/// `10^(k/7)` for k from 0 to 6, times 10^9.
const STEPS: [u64; PER_DECADE] =
    [1_000_000_000, 1_389_495_494, 1_930_697_729, 2_682_695_795, 3_727_593_720, 5_179_474_679, 7_196_856_730];

/// Lower edge of bucket `index`, in pico-dollars; bucket 0 begins at nothing.
const fn lower_edge(index: usize) -> u64 {
    if index == 0 {
        return 0;
    }
    let (decade, step) = ((index - 1) / PER_DECADE, (index - 1) % PER_DECADE);
    let scaled = LOWEST * 10u64.pow(decade as u32);
    (scaled as u128 * STEPS[step] as u128 / 1_000_000_000) as u64
}

const EDGES: [u64; BUCKETS] = {
    let mut edges = [0; BUCKETS];
    let mut index = 0;
    while index < BUCKETS {
        edges[index] = lower_edge(index);
        index += 1;
    }
    edges
};

/// The bucket of a cost.
#[must_use]
pub fn bucket(cost: Cost) -> usize {
    EDGES.partition_point(|edge| *edge <= cost.pico()).saturating_sub(1)
}

/// Signed counts by bucket, with the money in each: a quantile is the mean of its bucket, so equal costs are shown as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    counts: [i32; BUCKETS],
    /// In nano-dollars, each cost cut to one.
    nano: [i64; BUCKETS],
}

impl Default for Buckets {
    fn default() -> Buckets {
        Buckets { counts: [0; BUCKETS], nano: [0; BUCKETS] }
    }
}

impl Value for Buckets {
    fn join(&mut self, other: &Buckets) {
        self.add(other, 1);
    }

    fn is_zero(&self) -> bool {
        self.counts.iter().all(|count| *count == 0) && self.nano.iter().all(|nano| *nano == 0)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let filled = || (0..BUCKETS).filter(|index| self.counts[*index] != 0 || self.nano[*index] != 0);
        put_varint(filled().count() as u64, out);
        for index in filled() {
            out.push(index as u8);
            put_signed(self.counts[index].into(), out);
            put_signed(self.nano[index], out);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Option<Buckets> {
        let mut buckets = Buckets::default();
        for _ in 0..take_varint(bytes)? {
            let (&index, rest) = bytes.split_first()?;
            *bytes = rest;
            *buckets.counts.get_mut(index as usize)? = i32::try_from(take_signed(bytes)?).ok()?;
            buckets.nano[index as usize] = take_signed(bytes)?;
        }
        Some(buckets)
    }
}

impl Buckets {
    /// One request of that cost comes (`sign` = 1) or is taken back (`sign` = −1).
    pub fn record(&mut self, cost: Cost, sign: i64) {
        let index = bucket(cost);
        self.counts[index] += sign as i32;
        self.nano[index] += sign * i64::try_from(cost.pico() / 1000).unwrap_or(i64::MAX);
    }

    /// Takes `other` back.
    pub fn take_back(&mut self, other: &Buckets) {
        self.add(other, -1);
    }

    fn add(&mut self, other: &Buckets, sign: i64) {
        for (sum, count) in self.counts.iter_mut().zip(other.counts) {
            *sum += sign as i32 * count;
        }
        for (sum, nano) in self.nano.iter_mut().zip(other.nano) {
            *sum += sign * nano;
        }
    }

    /// The cost under which `quantile` (0 to 1) of the requests lie; `None` without requests. Off by at most one bucket.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Cost> {
        let histogram = self.histogram()?;
        Some(Cost::from_pico(histogram.value_at_quantile(quantile).saturating_mul(LOWEST)))
    }

    /// In micro-dollars up to $1,000, each request at the mean of its bucket.
    fn histogram(&self) -> Option<Histogram<u32>> {
        let mut histogram = Histogram::new_with_bounds(1, 1_000_000_000, 3).ok()?;
        for (count, nano) in self.counts.iter().zip(self.nano).filter(|(count, _)| **count > 0) {
            let mean = u64::try_from(nano / i64::from(*count) / 1000).unwrap_or(0);
            histogram.saturating_record_n(mean.max(1), count.unsigned_abs());
        }
        (!histogram.is_empty()).then_some(histogram)
    }

    /// What a screen shows of it.
    #[must_use]
    pub fn spread(&self) -> Spread {
        let mut spread = Spread::default();
        // Decades from $0.001 on begin at these buckets.
        let decades = [22, 29, 36, 43];
        for (index, count) in self.counts.iter().enumerate() {
            let count = u64::try_from(*count).unwrap_or(0);
            spread.requests += count;
            spread.bins[decades.iter().filter(|decade| index >= **decade).count()] += count;
        }
        if let Some(histogram) = self.histogram() {
            let at = |quantile| Some(Cost::from_pico(histogram.value_at_quantile(quantile).saturating_mul(LOWEST)));
            (spread.p50, spread.p95, spread.p99) = (at(0.5), at(0.95), at(0.99));
        }
        spread
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decades_are_edges() {
        let usd = |text: &str| Cost::parse(text.as_bytes()).expect("an amount");
        for (index, text) in [(1, "0.000001"), (22, "0.001"), (29, "0.01"), (36, "0.1"), (43, "1")] {
            assert_eq!(bucket(usd(text)), index, "{text}");
            assert_eq!(bucket(Cost::from_pico(usd(text).pico() - 1)), index - 1, "just under {text}");
        }
        assert_eq!(bucket(Cost::ZERO), 0);
        assert_eq!(bucket(Cost::from_pico(u64::MAX)), BUCKETS - 1);
        assert!(EDGES.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn one_cost_is_shown_as_it_is() {
        let mut buckets = Buckets::default();
        buckets.record(Cost::parse(b"1.00").expect("an amount"), 1);
        let shown = buckets.quantile(0.95).expect("a request").pico() as f64 / 1e12;
        assert!((shown - 1.0).abs() < 0.001, "{shown}");
    }

    #[test]
    fn taking_back_leaves_nothing() {
        let mut sum = Buckets::default();
        let mut one = Buckets::default();
        for _ in 0..3 {
            one.record(Cost::from_pico(23_000_000_000), 1);
        }
        sum.join(&one);
        assert_eq!(sum.spread().bins, [0, 0, 3, 0, 0]);
        sum.take_back(&one);
        assert!(sum.is_zero());
        assert_eq!(sum.quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn a_quantile_is_off_by_one_bucket_at_most(costs in prop::collection::vec(1_000_000u64..500_000_000_000_000, 1..200)) {
            let mut buckets = Buckets::default();
            for cost in &costs {
                buckets.record(Cost::from_pico(*cost), 1);
            }
            let mut sorted = costs.clone();
            sorted.sort_unstable();
            for quantile in [0.5, 0.95, 0.99] {
                let rank = ((quantile * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
                let exact = sorted[rank - 1] as f64;
                let found = buckets.quantile(quantile).expect("requests").pico() as f64;
                prop_assert!(found / exact < 1.41 && exact / found < 1.41, "{} for {}", found, exact);
            }
            let mut bytes = Vec::new();
            buckets.encode(&mut bytes);
            prop_assert_eq!(Buckets::decode(&mut &*bytes), Some(buckets));
        }
    }
}
