//! What is summed: one set of signed counters, so that a correction is a difference.

use super::tier::Value;
use super::varint::{put_varint, take_varint};
use crate::money::Money;
use serde::{Deserialize, Serialize};

/// Sums over charges. Signed, because corrections subtract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Requests, failures and gateway cache hits among them.
    pub requests: i64,
    /// Requests that failed (status 400 and above).
    pub errors: i64,
    /// Uncached input.
    pub input: i64,
    /// Cache reads.
    pub cache_read: i64,
    /// Five-minute cache writes.
    pub cache_write_5m: i64,
    /// One-hour cache writes.
    pub cache_write_1h: i64,
    /// Output, reasoning included.
    pub output: i64,
    /// Reasoning.
    pub reasoning: i64,
    /// Web searches.
    pub web_searches: i64,
    /// Answers from a gateway's cache.
    pub gateway_hits: i64,
    /// Requests billed at batch rates.
    pub batch_requests: i64,
    /// Requests without a price.
    pub unpriced_requests: i64,
    /// Their tokens.
    pub unpriced_tokens: i64,
    /// Costs chosen because the log reported them.
    pub reported: Money,
    /// Costs chosen from the table.
    pub computed: Money,
    /// What the table says of the charges whose reported cost was chosen: beside `reported`, the drift.
    pub computed_beside: Money,
    /// What caching saved.
    pub saved: Money,
    /// Requests whose reported cost is another one than the table's, beyond rounding.
    pub drifted_requests: i64,
    /// Reported costs less the table's, where there are both.
    pub drift: Money,
    /// The part of the cost that a subscription pays: what it would have been at list price.
    pub subscription: Money,
}

impl Counters {
    /// The chosen cost: reported and computed together.
    #[must_use]
    pub fn cost(&self) -> Money {
        self.reported + self.computed
    }

    /// The chosen cost without what a subscription pays.
    #[must_use]
    pub fn cash(&self) -> Money {
        self.cost() - self.subscription
    }

    /// The drift as a part of the table's costs it is measured by; `None` where nothing has both costs.
    #[must_use]
    pub fn drift_ratio(&self) -> Option<f64> {
        (self.computed_beside > Money::ZERO).then(|| self.drift.to_f64() / self.computed_beside.to_f64())
    }

    /// Uncached input, cache reads and cache writes.
    #[must_use]
    pub fn prompt(&self) -> i64 {
        self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h
    }

    /// Prompt and output.
    #[must_use]
    pub fn tokens(&self) -> i64 {
        self.prompt() + self.output
    }

    /// Cache reads over prompt tokens; `None` without a prompt.
    #[must_use]
    pub fn cache_hit_ratio(&self) -> Option<f64> {
        (self.prompt() > 0).then(|| self.cache_read as f64 / self.prompt() as f64)
    }

    /// Nothing in it.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Counters::default()
    }

    /// Adds `other` once (`sign` = 1) or takes it back (`sign` = −1).
    pub fn add(&mut self, other: &Counters, sign: i64) {
        self.requests += sign * other.requests;
        self.errors += sign * other.errors;
        self.input += sign * other.input;
        self.cache_read += sign * other.cache_read;
        self.cache_write_5m += sign * other.cache_write_5m;
        self.cache_write_1h += sign * other.cache_write_1h;
        self.output += sign * other.output;
        self.reasoning += sign * other.reasoning;
        self.web_searches += sign * other.web_searches;
        self.gateway_hits += sign * other.gateway_hits;
        self.batch_requests += sign * other.batch_requests;
        self.unpriced_requests += sign * other.unpriced_requests;
        self.unpriced_tokens += sign * other.unpriced_tokens;
        let signed = |money: Money| if sign < 0 { -money } else { money };
        self.reported += signed(other.reported);
        self.computed += signed(other.computed);
        self.computed_beside += signed(other.computed_beside);
        self.saved += signed(other.saved);
        self.drifted_requests += sign * other.drifted_requests;
        self.drift += signed(other.drift);
        self.subscription += signed(other.subscription);
    }
}

/// How many numbers a [`Counters`] has.
const NUMBERS: usize = 20;

impl Counters {
    fn numbers(&self) -> [i128; NUMBERS] {
        [
            self.requests.into(),
            self.errors.into(),
            self.input.into(),
            self.cache_read.into(),
            self.cache_write_5m.into(),
            self.cache_write_1h.into(),
            self.output.into(),
            self.reasoning.into(),
            self.web_searches.into(),
            self.gateway_hits.into(),
            self.batch_requests.into(),
            self.unpriced_requests.into(),
            self.unpriced_tokens.into(),
            self.reported.pico(),
            self.computed.pico(),
            self.computed_beside.pico(),
            self.saved.pico(),
            self.drifted_requests.into(),
            self.drift.pico(),
            self.subscription.pico(),
        ]
    }

    fn from_numbers(numbers: &[i128; NUMBERS]) -> Option<Counters> {
        let count = |place: usize| i64::try_from(numbers[place]).ok();
        Some(Counters {
            requests: count(0)?,
            errors: count(1)?,
            input: count(2)?,
            cache_read: count(3)?,
            cache_write_5m: count(4)?,
            cache_write_1h: count(5)?,
            output: count(6)?,
            reasoning: count(7)?,
            web_searches: count(8)?,
            gateway_hits: count(9)?,
            batch_requests: count(10)?,
            unpriced_requests: count(11)?,
            unpriced_tokens: count(12)?,
            reported: Money::from_pico(numbers[13]),
            computed: Money::from_pico(numbers[14]),
            computed_beside: Money::from_pico(numbers[15]),
            saved: Money::from_pico(numbers[16]),
            drifted_requests: count(17)?,
            drift: Money::from_pico(numbers[18]),
            subscription: Money::from_pico(numbers[19]),
        })
    }
}

/// Which numbers are not zero, then those, each as a signed varint.
impl Value for Counters {
    fn join(&mut self, other: &Counters) {
        self.add(other, 1);
    }

    fn is_zero(&self) -> bool {
        Counters::is_zero(self)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let numbers = self.numbers();
        let mask =
            numbers.iter().enumerate().fold(0u64, |mask, (place, number)| mask | u64::from(*number != 0) << place);
        put_varint(mask, out);
        for number in numbers.into_iter().filter(|number| *number != 0) {
            let mut folded = ((number << 1) ^ (number >> 127)).cast_unsigned();
            while folded >= 0x80 {
                out.push(folded as u8 | 0x80);
                folded >>= 7;
            }
            out.push(folded as u8);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Option<Counters> {
        let mask = take_varint(bytes)?;
        let mut numbers = [0; NUMBERS];
        for (place, number) in numbers.iter_mut().enumerate() {
            if mask & 1 << place == 0 {
                continue;
            }
            let mut folded = 0u128;
            for shift in (0..128).step_by(7) {
                let (&byte, rest) = bytes.split_first()?;
                *bytes = rest;
                folded |= u128::from(byte & 0x7f) << shift;
                if byte < 0x80 {
                    break;
                }
            }
            *number = (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed();
        }
        Counters::from_numbers(&numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counters_read_back(counts in any::<[i64; 14]>(), money in any::<[i128; 6]>(), keep in any::<u32>()) {
            let mut numbers = [0i128; NUMBERS];
            for (place, number) in numbers.iter_mut().enumerate() {
                let value = match place {
                    0..13 => counts[place].into(),
                    17 => counts[13].into(),
                    13..17 => money[place - 13],
                    _ => money[place - 14],
                };
                *number = if keep & 1 << place == 0 { 0 } else { value };
            }
            let counters = Counters::from_numbers(&numbers).expect("in range");
            let mut bytes = Vec::new();
            counters.encode(&mut bytes);
            prop_assert_eq!(Counters::decode(&mut &*bytes), Some(counters));
        }
    }
}
