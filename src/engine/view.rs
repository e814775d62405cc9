//! Questions to the engine and their answers. A screen, a report and an API ask the same.

use super::counters::Counters;
use super::names::NameId;
use super::record::Intake;
use crate::label::Label;
use crate::money::{Cost, Money};
use crate::time::Timestamp;

/// How far back the panels look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// Which rows of a table a screen wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableQuery {
    /// Ordered by.
    pub sort: SortKey,
    /// Least first (names: Z first when false is not meant; `false` is the natural order of the key: dollars descending, names ascending).
    pub reversed: bool,
    /// First row wanted.
    pub offset: usize,
    /// Rows wanted.
    pub rows: usize,
    /// Keep this row in sight: the answer says where it is now.
    pub selected: Option<NameId>,
}

impl Default for TableQuery {
    fn default() -> TableQuery {
        TableQuery { sort: SortKey::Cost, reversed: false, offset: 0, rows: 12, selected: None }
    }
}

/// What the overview shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OverviewQuery {
    /// For all panels.
    pub window: Window,
    /// The table of models.
    pub models: TableQuery,
    /// The table of users.
    pub users: TableQuery,
    /// Steps of the burn chart (two a character cell with braille).
    pub chart_steps: usize,
}

/// One row of a table.
#[derive(Clone, Debug, PartialEq)]
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
    /// 95 % of this group's requests cost at most this. Models only.
    pub p95: Option<Cost>,
    /// The model on which a user spent most in the window. Users only.
    pub most_on: Option<Label>,
}

/// Visible rows of a table and what stands beside them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The rows wanted, in order.
    pub rows: Vec<GroupRow>,
    /// Place of the first of them.
    pub offset: usize,
    /// Groups in the window.
    pub groups: usize,
    /// Sum over all groups.
    pub sums: Counters,
    /// Burn over all groups.
    pub burn: Money,
    /// Sums of the group without a name.
    pub nameless: Counters,
    /// Where the selected row is now.
    pub selected: Option<usize>,
}

/// Burn rate over time, oldest first; the last step ends now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// Start of the first step.
    pub start: Timestamp,
    /// Length of a step.
    pub step_ms: i64,
    /// At the end of each step: dollars per hour over the five minutes (or the step, if longer) before it.
    pub steps: Vec<Money>,
}

/// How request costs are distributed in the window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// The answer to an [`OverviewQuery`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// What was asked.
    pub query: OverviewQuery,
    /// The end of the window.
    pub until: Timestamp,
    /// The window ends at the newest event, because nothing falls into the last one.
    pub as_of: bool,
    /// A long answer is being built; figures are of the part that is done.
    pub rebuilding: bool,
    /// Dollars per hour over the last five minutes.
    pub burn: Money,
    /// Requests of the last minute.
    pub requests_per_minute: u64,
    /// Sums in the window.
    pub window: Counters,
    /// Sums since local midnight.
    pub today: Counters,
    /// Sums of everything.
    pub total: Counters,
    /// Sessions seen.
    pub sessions: u64,
    /// The burn chart.
    pub chart: Chart,
    /// By model.
    pub models: Table,
    /// By user.
    pub users: Table,
    /// Costs of single requests.
    pub spread: Spread,
    /// What came in.
    pub intake: Intake,
    /// Models without a price, with their tokens.
    pub unpriced_models: Vec<(Label, u64)>,
    /// The newest event.
    pub newest: Option<Timestamp>,
}
