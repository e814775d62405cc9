//! Questions to the engine and their answers. A screen, a report and an API ask the same.

mod query;

use super::bill::CostSource;
use super::counters::Counters;
use super::drift::DriftRow;
use super::names::NameId;
use super::record::{Intake, Place};
use crate::label::{Label, arrived};
use crate::money::{Cost, Money};
use crate::time::Timestamp;
use crate::usage::{Dimension, Origin, Tokens};
use serde::{Deserialize, Serialize};

pub use query::{
    By, ChargeId, ChargeOrder, ChargesQuery, End, LEFT, RIGHT, Scope, SortKey, TableQuery, ViewQuery, Window,
};

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupRow {
    /// Stable identity; the selection follows it.
    pub id: NameId,
    /// `None` is `(none)`: the log named nobody.
    pub name: Option<Label>,
    /// Sums in the window.
    pub sums: Counters,
    /// Dollars per hour over the last five minutes.
    pub burn: Money,
    /// Dollars in eight equal parts of the window, oldest first.
    pub trend: [Money; 8],
    /// 95 % of this group's requests cost at most this; `None` where the distribution of this grouping is not kept.
    pub p95: Option<Cost>,
    /// The model on which this group spent most in the window; `None` for groups of models.
    pub most_on: Option<Label>,
    /// Its newest charge in the window. Sessions only.
    pub last: Option<Timestamp>,
}

/// Visible rows of a table and what stands beside them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What a row is.
    pub by: By,
    /// The rows wanted, in order.
    pub rows: Vec<GroupRow>,
    /// Place of the first of them.
    pub offset: usize,
    /// Groups in the window that the filter lets pass.
    pub groups: usize,
    /// Groups in the window, whatever the filter.
    pub unfiltered: usize,
    /// Sum over the groups that the filter lets pass.
    pub sums: Counters,
    /// Burn over the groups that the filter lets pass.
    pub burn: Money,
    /// Sums of the group without a name.
    pub nameless: Counters,
    /// Where the selected row is now.
    pub selected: Option<usize>,
}

impl Table {
    /// No rows.
    #[must_use]
    pub fn empty(by: By) -> Table {
        Table {
            by,
            rows: Vec::new(),
            offset: 0,
            groups: 0,
            unfiltered: 0,
            sums: Counters::default(),
            burn: Money::ZERO,
            nameless: Counters::default(),
            selected: None,
        }
    }
}

/// One charge in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChargeRow {
    /// Stable identity.
    pub id: ChargeId,
    /// When.
    pub time: Timestamp,
    /// Its chosen cost; zero when unpriced.
    pub cost: Cost,
    /// Where the cost came from.
    pub source: CostSource,
    /// The model.
    pub model: Option<Label>,
    /// Who is billed.
    pub user: Option<Label>,
    /// Project, repository or working directory.
    pub project: Option<Label>,
    /// Its session, to be shown and to be opened.
    pub session: Option<(NameId, Label)>,
    /// Tokens by kind.
    pub tokens: Tokens,
    /// HTTP status, 0 unknown; from 400 on it failed.
    pub status: u16,
    /// Milliseconds, 0 unknown.
    pub latency_ms: u32,
    /// Why the model stopped.
    pub stop_reason: Option<Label>,
    /// From a gateway's cache.
    pub cache_hit: bool,
    /// Paid by a subscription: the cost is what it would have been at list price.
    pub subscription: bool,
}

/// Single charges in the window and what stands beside them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Charges {
    /// The rows wanted, in order.
    pub rows: Vec<ChargeRow>,
    /// Place of the first of them.
    pub offset: usize,
    /// Charges at hand: the list ends there.
    pub at_hand: usize,
    /// Charges in the window.
    pub all: u64,
    /// Where the selected row is now.
    pub selected: Option<usize>,
    /// Older charges are known as sums only; `None`: every charge of the window is at hand.
    pub since: Option<Timestamp>,
}

/// A kind of token that has a rate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(usize)]
pub enum TokenClass {
    /// All output, reasoning included.
    Output = 0,
    /// Uncached input.
    Input = 1,
    /// Cache writes of both durations.
    CacheWrite = 2,
    /// Cache reads.
    CacheRead = 3,
}

impl TokenClass {
    /// As charts stack them, lowest first.
    pub const ALL: [TokenClass; 4] =
        [TokenClass::Output, TokenClass::Input, TokenClass::CacheWrite, TokenClass::CacheRead];

    /// The word of tables and legends.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TokenClass::Output => "output",
            TokenClass::Input => "input",
            TokenClass::CacheWrite => "cache write",
            TokenClass::CacheRead => "cache read",
        }
    }
}

/// What one class of tokens cost at list prices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassSum {
    /// Tokens in the window.
    pub tokens: i64,
    /// Tokens times the base rate of each model; what tiers, long prompts, uplifts and reported costs change is in [`Split::rest`].
    pub list: Money,
    /// Pico-dollars per token where one base rate holds for all of them.
    pub rate: Option<u64>,
}

/// Where the money of a window goes: `total` = the classes at list prices + `rest`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// By class, in the order of [`TokenClass::ALL`].
    pub classes: [ClassSum; 4],
    /// What was charged beyond the list prices above: tiers, long prompts, searches, uplifts, discounts, reported costs. May be negative.
    pub rest: Money,
    /// What the prompts would have cost without caching, less what they cost.
    pub saved: Money,
    /// Prices in use, where the scope is one model: one sentence each, as `costtop prices` tells them.
    #[serde(deserialize_with = "arrived::sentences")]
    pub prices: Vec<String>,
}

/// Reported against computed costs in the window, whatever the scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// By model and provider, the greatest drift first.
    pub rows: Vec<DriftRow>,
    /// They have been read once.
    pub is_known: bool,
}

/// Burn rate over time, oldest first; the last step ends now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// Start of the first step.
    pub start: Timestamp,
    /// Length of a step.
    pub step_ms: i64,
    /// At the end of each step: dollars per hour over the five minutes (or the step, if longer) before it.
    pub steps: Vec<Money>,
    /// The same by token class, in the order of [`TokenClass::ALL`]; in each step they add up to `steps`. Empty where not asked for.
    pub classes: Vec<[Money; 4]>,
}

/// How request costs are distributed in the window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// Priced requests.
    pub requests: u64,
    /// Requests under $0.001, $0.01, $0.1, $1, and from $1 on.
    pub bins: [u64; 5],
    /// Median; `None` without requests.
    pub p50: Option<Cost>,
    /// 95 %.
    pub p95: Option<Cost>,
    /// 99 %.
    pub p99: Option<Cost>,
    /// The dearest.
    pub max: Option<Cost>,
}

/// A session as a whole, whatever the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionFacts {
    /// Its first charge.
    pub first: Timestamp,
    /// Its last charge.
    pub last: Timestamp,
    /// Requests in it.
    pub turns: i64,
    /// Money spent in it.
    pub cost: Money,
    /// What its first charge was for; only what is known.
    pub dimensions: Vec<(Dimension, Label)>,
}

/// The answer to a [`ViewQuery`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// What was asked.
    pub query: ViewQuery,
    /// The names of the scope's parts, in their order; `None` is `(none)`.
    pub scope_names: Vec<Option<Label>>,
    /// The end of the window.
    pub until: Timestamp,
    /// The window ends at the newest event, because nothing falls into the last one.
    pub as_of: bool,
    /// A long answer is being built; figures are of the part that is done.
    pub rebuilding: bool,
    /// Dollars per hour over the last five minutes, in the scope.
    pub burn: Money,
    /// Dollars per hour over the last five minutes, of everything.
    pub burn_all: Money,
    /// Requests of the last minute, of everything.
    pub requests_per_minute: u64,
    /// Sums in the window, in the scope.
    pub window: Counters,
    /// Sums in the window, of everything.
    pub window_all: Counters,
    /// Sums since local midnight, in the scope.
    pub today: Counters,
    /// Sums since local midnight, of everything.
    pub today_all: Counters,
    /// Sums of everything.
    pub total: Counters,
    /// Sessions seen.
    pub sessions: u64,
    /// The burn chart.
    pub chart: Chart,
    /// The tables, in the order of the query.
    pub tables: [Table; 2],
    /// Single charges.
    pub charges: Charges,
    /// Costs of single requests.
    pub spread: Spread,
    /// Where the money goes; `None` where it was not asked for.
    pub split: Option<Split>,
    /// Reported against computed costs; `None` where it was not asked for.
    pub drift: Option<Drift>,
    /// The session, where the scope names one.
    pub session: Option<SessionFacts>,
    /// What came in.
    pub intake: Intake,
    /// Models without a price, with their tokens.
    pub unpriced_models: Vec<(Label, u64)>,
    /// The newest event.
    pub newest: Option<Timestamp>,
}

impl Default for View {
    fn default() -> View {
        View {
            query: ViewQuery::default(),
            scope_names: Vec::new(),
            until: Timestamp::default(),
            as_of: false,
            rebuilding: false,
            burn: Money::ZERO,
            burn_all: Money::ZERO,
            requests_per_minute: 0,
            window: Counters::default(),
            window_all: Counters::default(),
            today: Counters::default(),
            today_all: Counters::default(),
            total: Counters::default(),
            sessions: 0,
            chart: Chart::default(),
            tables: [Table::empty(By::MODEL), Table::empty(By::USER)],
            charges: Charges::default(),
            spread: Spread::default(),
            split: None,
            drift: None,
            session: None,
            intake: Intake::default(),
            unpriced_models: Vec::new(),
            newest: None,
        }
    }
}

/// Everything known about one charge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChargeDetail {
    /// The charge as lists show it.
    pub row: ChargeRow,
    /// Its dimensions; only what is known.
    pub dimensions: Vec<(Dimension, Label)>,
    /// What the log said it cost, and what the table says.
    pub reported: Option<Cost>,
    /// What the table says.
    pub computed: Option<Cost>,
    /// What caching saved, in pico-dollars; negative: caching cost more than it saved.
    pub saved_pico: i64,
    /// Charged at a batch rate.
    pub batch: bool,
    /// The records behind it, the one whose tokens won first.
    pub records: Vec<RecordFacts>,
}

/// One record behind a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordFacts {
    /// Who speaks.
    pub origin: Origin,
    /// A sub-agent's replay.
    pub side_chain: bool,
    /// Where it stands.
    pub place: Place,
    /// Its SOURCE.
    pub source: Option<Label>,
}
