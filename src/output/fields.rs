//! The figures of totals and groups, once: name, meaning, value. JSON, CSV and Prometheus all read this table.

use crate::engine::counters::Counters;
use crate::engine::report::{Report, ReportGroup};
use crate::money::Money;

/// One figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    /// A number of requests, tokens or sessions.
    Count(i64),
    /// Dollars, written with twelve places.
    Usd(Money),
    /// Between 0 and 1; `None` where there is nothing to divide by.
    Ratio(Option<f64>),
}

/// What stands beside the sums of a total or a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Distinct sessions.
    pub sessions: u64,
    /// Corrections of budgets; of a group none.
    pub adjusted: Money,
}

impl Beside {
    /// Of everything in a report.
    #[must_use]
    pub fn of_all(report: &Report) -> Beside {
        Beside { sessions: report.sessions, adjusted: report.adjusted }
    }

    /// Of a group.
    #[must_use]
    pub fn of_group(group: &ReportGroup) -> Beside {
        Beside { sessions: group.sessions, ..Beside::default() }
    }
}

/// One column of a report.
#[derive(Debug)]
pub struct Field {
    /// Key of the JSON, column of the CSV, metric after `costtop_`.
    pub name: &'static str,
    /// One line for Prometheus.
    pub help: &'static str,
    /// Its value.
    pub figure: fn(&Counters, Beside) -> Figure,
}

const fn field(name: &'static str, help: &'static str, figure: fn(&Counters, Beside) -> Figure) -> Field {
    Field { name, help, figure }
}

/// Every figure, in the order of `costtop.report.v1`.
pub const FIELDS: [Field; 19] = [
    field("requests", "Requests, failures and gateway cache hits among them.", |sums, _| Figure::Count(sums.requests)),
    field("errors", "Requests with a status of 400 or above.", |sums, _| Figure::Count(sums.errors)),
    field("input_tokens", "Uncached input tokens.", |sums, _| Figure::Count(sums.input)),
    field("output_tokens", "Output tokens, reasoning included.", |sums, _| Figure::Count(sums.output)),
    field("reasoning_tokens", "The part of the output tokens that is reasoning.", |sums, _| {
        Figure::Count(sums.reasoning)
    }),
    field("cache_read_tokens", "Tokens read from the prompt cache.", |sums, _| Figure::Count(sums.cache_read)),
    field("cache_write_5m_tokens", "Tokens written to the cache for five minutes.", |sums, _| {
        Figure::Count(sums.cache_write_5m)
    }),
    field("cache_write_1h_tokens", "Tokens written to the cache for an hour.", |sums, _| {
        Figure::Count(sums.cache_write_1h)
    }),
    field("cost_usd", "Dollars, reported and computed.", |sums, _| Figure::Usd(sums.cost())),
    field("reported_usd", "The part of the dollars that logs reported.", |sums, _| Figure::Usd(sums.reported)),
    field("computed_usd", "The part of the dollars computed from the price table.", |sums, _| {
        Figure::Usd(sums.computed)
    }),
    field("adjustments_usd", "Dollars of corrections to budgets.", |_, beside| Figure::Usd(beside.adjusted)),
    field("cache_saved_usd", "What caching saved, less what it cost.", |sums, _| Figure::Usd(sums.saved)),
    field("cache_hit_ratio", "Cache reads over prompt tokens.", |sums, _| Figure::Ratio(sums.cache_hit_ratio())),
    field("gateway_hits", "Requests answered from a gateway's cache.", |sums, _| Figure::Count(sums.gateway_hits)),
    field("batch_requests", "Requests billed at batch rates.", |sums, _| Figure::Count(sums.batch_requests)),
    field("unpriced_requests", "Requests without a price; the dollars do not have them.", |sums, _| {
        Figure::Count(sums.unpriced_requests)
    }),
    field("unpriced_tokens", "Tokens of requests without a price.", |sums, _| Figure::Count(sums.unpriced_tokens)),
    field("sessions", "Distinct sessions.", |_, beside| {
        Figure::Count(i64::try_from(beside.sessions).unwrap_or(i64::MAX))
    }),
];
