//! What is summed: one set of signed counters, so that a correction is a difference.

use crate::money::Money;

/// Sums over charges. Signed, because corrections subtract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
}

impl Counters {
    /// The chosen cost: reported and computed together.
    #[must_use]
    pub fn cost(&self) -> Money {
        self.reported + self.computed
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
    }
}
