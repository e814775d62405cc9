//! Questions to the engine and their answers. A screen, a report and an API ask the same.

use super::bill::CostSource;
use super::counters::Counters;
use super::names::NameId;
use super::record::{Intake, Place};
use crate::label::{Label, arrived};
use crate::money::{Cost, Money};
use crate::time::Timestamp;
use crate::usage::{Dimension, Origin, Tokens};
use serde::{Deserialize, Serialize};

/// How far back the panels look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Window {
    /// One minute.
    M1,
    /// Five minutes.
    M5,
    /// A quarter of an hour.
    #[default]
    M15,
    /// One hour.
    H1,
    /// Six hours.
    H6,
    /// A day's length.
    H24,
    /// A week's length.
    D7,
    /// Thirty days.
    D30,
}

impl Window {
    /// Shortest first.
    pub const ALL: [Window; 8] =
        [Window::M1, Window::M5, Window::M15, Window::H1, Window::H6, Window::H24, Window::D7, Window::D30];

    /// Its length in minutes.
    #[must_use]
    pub const fn minutes(self) -> i64 {
        match self {
            Window::M1 => 1,
            Window::M5 => 5,
            Window::M15 => 15,
            Window::H1 => 60,
            Window::H6 => 360,
            Window::H24 => 1440,
            Window::D7 => 7 * 1440,
            Window::D30 => 30 * 1440,
        }
    }

    /// `1m`, `24h`, `7d`: as the screen and `--window` write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Window::M1 => "1m",
            Window::M5 => "5m",
            Window::M15 => "15m",
            Window::H1 => "1h",
            Window::H6 => "6h",
            Window::H24 => "24h",
            Window::D7 => "7d",
            Window::D30 => "30d",
        }
    }

    /// The next longer window, or this one.
    #[must_use]
    pub fn longer(self) -> Window {
        Window::ALL.into_iter().find(|other| *other > self).unwrap_or(self)
    }

    /// The next shorter window, or this one.
    #[must_use]
    pub fn shorter(self) -> Window {
        Window::ALL.into_iter().rev().find(|other| *other < self).unwrap_or(self)
    }
}

/// The column a table is ordered by; ties go to the name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SortKey {
    /// Dollars in the window.
    #[default]
    Cost,
    /// Dollars per hour over five minutes.
    Burn,
    /// Prompt and output tokens.
    Tokens,
    /// Requests.
    Requests,
    /// Cache hit ratio.
    Hit,
    /// The name.
    Name,
}

impl SortKey {
    /// In the order `s` steps through.
    pub const ALL: [SortKey; 6] =
        [SortKey::Cost, SortKey::Burn, SortKey::Tokens, SortKey::Requests, SortKey::Hit, SortKey::Name];
}

/// By what charges can be told apart on a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum By {
    /// A dimension.
    Dimension(Dimension),
    /// The session.
    Session,
}

impl By {
    /// The model.
    pub const MODEL: By = By::Dimension(Dimension::Model);
    /// The user.
    pub const USER: By = By::Dimension(Dimension::User);

    /// The word of titles and of the path.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            By::Dimension(dimension) => dimension.name(),
            By::Session => "session",
        }
    }
}

/// Which charges a screen looks at: those that match every part; without parts all. Parts are in the order in which they were opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scope(Vec<(By, NameId)>);

impl Scope {
    /// All charges.
    pub const ALL: Scope = Scope(Vec::new());

    /// This scope and one part more; a part of the same kind is replaced.
    #[must_use]
    pub fn with(&self, by: By, id: NameId) -> Scope {
        let mut parts: Vec<_> = self.0.iter().copied().filter(|(other, _)| *other != by).collect();
        parts.push((by, id));
        Scope(parts)
    }

    /// Its parts, in the order in which they were opened.
    #[must_use]
    pub fn parts(&self) -> &[(By, NameId)] {
        &self.0
    }

    /// All charges match.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// What was opened last.
    #[must_use]
    pub fn last(&self) -> Option<(By, NameId)> {
        self.0.last().copied()
    }
}

/// Where a window ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum End {
    /// At the clock; where nothing falls inside, at the newest event.
    #[default]
    Now,
    /// Before this instant.
    At(Timestamp),
}

/// Which rows of a table a screen wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableQuery {
    /// What a row is.
    pub by: By,
    /// Only rows whose name contains this, whatever the case; with `!` before it, only those that do not.
    #[serde(deserialize_with = "arrived::sentence")]
    pub filter: String,
    /// Ordered by.
    pub sort: SortKey,
    /// Least first (names: Z first when false is not meant; `false` is the natural order of the key: dollars descending, names ascending).
    pub reversed: bool,
    /// First row wanted.
    pub offset: usize,
    /// Rows wanted; 0: the table is not shown.
    pub rows: usize,
    /// Keep this row in sight: the answer says where it is now.
    pub selected: Option<NameId>,
}

impl TableQuery {
    /// The first dozen by cost.
    #[must_use]
    pub fn by(by: By) -> TableQuery {
        TableQuery {
            by,
            filter: String::new(),
            sort: SortKey::Cost,
            reversed: false,
            offset: 0,
            rows: 12,
            selected: None,
        }
    }
}

/// The order of a list of single charges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChargeOrder {
    /// Newest first.
    #[default]
    Newest,
    /// Costliest first.
    Costliest,
    /// Oldest first: the turns of a session.
    Oldest,
}

/// A charge's number in this process: the row whose tokens won.
pub type ChargeId = u32;

/// Which single charges a screen wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargesQuery {
    /// Ordered by.
    pub order: ChargeOrder,
    /// First row wanted.
    pub offset: usize,
    /// Rows wanted; 0: no list is shown.
    pub rows: usize,
    /// Keep this row in sight.
    pub selected: Option<ChargeId>,
}

/// Place of the first table of a screen in [`ViewQuery::tables`]; the overview's models.
pub const LEFT: usize = 0;
/// Place of the second table; the overview's users.
pub const RIGHT: usize = 1;

/// What a screen shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewQuery {
    /// For all panels.
    pub window: Window,
    /// Where it ends.
    pub end: End,
    /// Which charges count.
    pub scope: Scope,
    /// The tables.
    pub tables: [TableQuery; 2],
    /// The list of single charges.
    pub charges: ChargesQuery,
    /// Steps of the burn chart (two a character cell with braille).
    pub chart_steps: usize,
    /// The chart and the sums are split by token class.
    pub split: bool,
}

impl Default for ViewQuery {
    fn default() -> ViewQuery {
        ViewQuery {
            window: Window::default(),
            end: End::Now,
            scope: Scope::ALL,
            tables: [TableQuery::by(By::MODEL), TableQuery::by(By::USER)],
            charges: ChargesQuery::default(),
            chart_steps: 0,
            split: false,
        }
    }
}

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
