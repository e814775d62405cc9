//! Questions to the engine: which charges, how far back, in which tables and how much of them.

use serde::{Deserialize, Serialize};

use crate::engine::names::NameId;
use crate::label::arrived;
use crate::time::Timestamp;
use crate::usage::Dimension;

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
    /// Reported costs are held against computed ones.
    pub drift: bool,
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
            drift: false,
        }
    }
}
