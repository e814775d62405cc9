//! How costs of single requests are distributed: signed counts in 64 logarithmic buckets, so that corrections can take back.

use hdrhistogram::Histogram;

use super::rows::{put_signed, put_varint, take_signed, take_varint};
use super::tier::Value;
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

/// Signed counts by bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets(pub [i32; BUCKETS]);

impl Default for Buckets {
    fn default() -> Buckets {
        Buckets([0; BUCKETS])
    }
}

impl Value for Buckets {
    fn join(&mut self, other: &Buckets) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }

    fn is_zero(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let filled = self.0.iter().filter(|count| **count != 0).count();
        put_varint(filled as u64, out);
        for (index, count) in self.0.iter().enumerate().filter(|(_, count)| **count != 0) {
            out.push(index as u8);
            put_signed((*count).into(), out);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Option<Buckets> {
        let mut buckets = Buckets::default();
        for _ in 0..take_varint(bytes)? {
            let (&index, rest) = bytes.split_first()?;
            *bytes = rest;
            *buckets.0.get_mut(index as usize)? = i32::try_from(take_signed(bytes)?).ok()?;
        }
        Some(buckets)
    }
}

impl Buckets {
    /// Takes `other` back.
    pub fn take_back(&mut self, other: &Buckets) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum -= count;
        }
    }

    /// The cost under which `quantile` (0 to 1) of the requests lie; `None` without requests. Off by at most one bucket.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Cost> {
        let histogram = self.histogram()?;
        Some(Cost::from_pico(histogram.value_at_quantile(quantile).saturating_mul(LOWEST)))
    }

    /// In micro-dollars, each request at the geometric middle of its bucket.
    fn histogram(&self) -> Option<Histogram<u64>> {
        let mut histogram = Histogram::new_with_bounds(1, 10_000_000_000, 3).ok()?;
        for (index, count) in self.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            let low = EDGES[index] as f64;
            let high = EDGES.get(index + 1).map_or(low * 1.39, |edge| *edge as f64);
            let middle = (low.max(1.0) * high).sqrt() / LOWEST as f64;
            histogram.saturating_record_n((middle.round() as u64).max(1), u64::from(count.unsigned_abs()));
        }
        (!histogram.is_empty()).then_some(histogram)
    }

    /// What a screen shows of it.
    #[must_use]
    pub fn spread(&self) -> Spread {
        let mut spread = Spread::default();
        // Decades from $0.001 on begin at these buckets.
        let decades = [22, 29, 36, 43];
        for (index, count) in self.0.iter().enumerate() {
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
    fn taking_back_leaves_nothing() {
        let mut sum = Buckets::default();
        let mut one = Buckets::default();
        one.0[bucket(Cost::from_pico(23_000_000_000))] = 3;
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
                buckets.0[bucket(Cost::from_pico(*cost))] += 1;
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
