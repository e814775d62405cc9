//! What the made-up traffic really was, each request counted once. Calls enter, exact sums leave; it reads no log.

use std::collections::BTreeMap;

use super::company::Way;
use super::traffic::{Call, Outcome};
use crate::money::Money;
use crate::time::Timestamp;

/// A user for requests in logs without a user: whoever owns the file.
pub const FILE_OWNER: &str = "(file owner)";

/// Sums over requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All, failed ones and gateway cache hits among them.
    pub requests: u64,
    /// Refused or overloaded.
    pub errors: u64,
    /// Answered from the gateway's cache: tokens, but no money.
    pub gateway_hits: u64,
    /// With tokens, of a model without a price.
    pub unpriced_requests: u64,
    /// Uncached input.
    pub input_tokens: u64,
    /// Output, reasoning included.
    pub output_tokens: u64,
    /// Reasoning.
    pub reasoning_tokens: u64,
    /// Cache reads.
    pub cache_read_tokens: u64,
    /// Five-minute writes.
    pub cache_write_5m_tokens: u64,
    /// One-hour writes.
    pub cache_write_1h_tokens: u64,
    /// List price.
    pub cost: Money,
}

impl Totals {
    fn add(&mut self, call: &Call) {
        let tokens = &call.tokens;
        self.requests += 1;
        self.errors += u64::from(matches!(call.outcome, Outcome::Failed(_)));
        self.gateway_hits += u64::from(call.outcome == Outcome::GatewayHit);
        self.input_tokens += tokens.input;
        self.output_tokens += tokens.output;
        self.reasoning_tokens += tokens.reasoning;
        self.cache_read_tokens += tokens.cache_read;
        self.cache_write_5m_tokens += tokens.cache_write_5m;
        self.cache_write_1h_tokens += tokens.cache_write_1h;
        if call.outcome == Outcome::Answered {
            match call.model.cost(tokens) {
                Some(cost) => self.cost += cost.into(),
                None => self.unpriced_requests += 1,
            }
        }
    }
}

/// Exact sums of a traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Everything.
    pub total: Totals,
    /// By user; transcripts of Claude Code under [`FILE_OWNER`].
    pub by_user: BTreeMap<String, Totals>,
    /// By model, without provider.
    pub by_model: BTreeMap<String, Totals>,
    /// By session; a forked transcript's repeats stay with the session that asked.
    pub by_session: BTreeMap<String, Totals>,
    /// Cost by minute since the epoch.
    pub by_minute: BTreeMap<i64, Money>,
    /// Lines that say nothing readable.
    pub bad_lines: u64,
}

impl Truth {
    /// Counts one request.
    pub fn add(&mut self, call: &Call) {
        let user = if call.user.way == Way::ClaudeCode { FILE_OWNER } else { call.user.name };
        self.total.add(call);
        self.by_user.entry(user.to_owned()).or_default().add(call);
        self.by_session.entry(call.session.clone()).or_default().add(call);
        self.by_model.entry(call.model.name.to_owned()).or_default().add(call);
        if let (Outcome::Answered, Some(cost)) = (call.outcome, call.model.cost(&call.tokens)) {
            *self.by_minute.entry(call.end.minute()).or_default() += cost.into();
        }
    }

    /// What was spent in or after the minute of `start`.
    #[must_use]
    pub fn spent_since(&self, start: Timestamp) -> Money {
        self.by_minute.range(start.minute()..).map(|(_, cost)| *cost).sum()
    }
}
