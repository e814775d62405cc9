//! What the engine hands to the screen: one value per publication, all text already safe to draw.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;

use crate::alarm::{AlarmState, AlarmStatus, BudgetStatus};
use crate::engine::names::NameId;
use crate::engine::view::{ChargeDetail, View};
use crate::label::{Label, Word, arrived};
use crate::source::SourceStatus;
use crate::time::{Timestamp, Zone};

/// Everything a frame is drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was made.
    pub now: Timestamp,
    /// How times are shown.
    pub zone: Zone,
    /// The answer to the screen's query.
    pub view: View,
    /// Budgets, in the order of the configuration.
    pub budgets: Vec<BudgetStatus>,
    /// Budgets that are kept for a part of the scope: this user's, this session's. Empty on the overview.
    pub scope_budgets: Vec<BudgetStatus>,
    /// The charge that is open, once it was found.
    pub open: Option<OpenCharge>,
    /// All alarms, those over for less than a day at the end.
    pub alarms: Vec<AlarmStatus>,
    /// The numbers of the names that alarms and budgets speak of: an entity is opened by its number.
    pub numbers: HashMap<Label, NameId>,
    /// Notable things, newest first.
    pub events: Vec<EventLine>,
    /// Sources, in the order they were named.
    pub sources: Vec<SourceStatus>,
    /// From a line's arrival to its place in the sums, in milliseconds; `None` before the first live line.
    pub lag_ms: Option<u64>,
    /// Share of the backlog that has been read, 0 to 1; `None` once it is done.
    pub progress: Option<f64>,
    /// Whether alarms are heard.
    pub bell: BellStatus,
    /// Since when the engine, which is elsewhere, has not answered: all this is of before. `None`: it is here, or answers.
    pub cut_off: Option<Timestamp>,
    /// Something the operator must know about the state, such as `not durable since 14:02`.
    #[serde(deserialize_with = "arrived::maybe")]
    pub state_note: Option<String>,
}

impl Snapshot {
    /// What is shown before the engine has said anything.
    #[must_use]
    pub fn empty(now: Timestamp, zone: Zone) -> Snapshot {
        Snapshot {
            now,
            zone,
            view: View { until: now, ..View::default() },
            budgets: Vec::new(),
            scope_budgets: Vec::new(),
            open: None,
            alarms: Vec::new(),
            numbers: HashMap::new(),
            events: Vec::new(),
            sources: Vec::new(),
            lag_ms: None,
            progress: Some(0.0),
            bell: BellStatus { enabled: true, muted: false },
            cut_off: None,
            state_note: None,
        }
    }

    /// Firing alarms that ring, the most severe first, then in the order they came.
    #[must_use]
    pub fn banners(&self) -> Vec<&AlarmStatus> {
        let mut firing: Vec<&AlarmStatus> = self.alarms.iter().filter(|alarm| alarm.is_loud()).collect();
        firing.sort_by_key(|alarm| std::cmp::Reverse(alarm.severity));
        firing
    }

    /// Alarms in one state.
    #[must_use]
    pub fn alarms_in(&self, state: AlarmState) -> usize {
        self.alarms.iter().filter(|alarm| alarm.state == state).count()
    }
}

/// One charge with everything that can be said of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenCharge {
    /// What the ledger knows.
    pub charge: ChargeDetail,
    /// How it was priced, term by term: name, count and rate, dollars. Empty where the line is gone and no table prices it.
    #[serde(deserialize_with = "arrived::terms")]
    pub terms: Vec<[String; 3]>,
    /// What else the bill depended on, and doubts: one sentence each.
    #[serde(deserialize_with = "arrived::sentences")]
    pub notes: Vec<String>,
    /// The line it came from, read again.
    pub line: SourceLine,
}

/// A line of a log, read again where it still exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceLine {
    /// It says the same.
    Read {
        /// File and byte offset.
        #[serde(deserialize_with = "arrived::sentence")]
        place: String,
        /// Its format.
        #[serde(deserialize_with = "arrived::word")]
        format: Word,
        /// Names and values that costtop reads from it, no text of a prompt.
        #[serde(deserialize_with = "arrived::facts")]
        facts: Vec<(Word, String)>,
    },
    /// It cannot be read any more, and why.
    Gone(#[serde(deserialize_with = "arrived::sentence")] String),
}

/// How an event is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mark {
    /// Something happened.
    Note,
    /// Something is well again.
    Good,
    /// Worth a look.
    Warn,
    /// A limit was crossed.
    Limit,
    /// An alarm.
    Alarm,
}

impl Mark {
    /// The sign before the word, so that colour is never alone.
    #[must_use]
    pub const fn glyph(self) -> &'static str {
        match self {
            Mark::Note => "·",
            Mark::Good => "○",
            Mark::Warn => "◆",
            Mark::Limit => "●",
            Mark::Alarm => "▲",
        }
    }
}

/// One line of the event list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventLine {
    /// When.
    pub time: Timestamp,
    /// How it is marked.
    pub mark: Mark,
    /// One word: `budget`, `source`, `price`, …
    #[serde(deserialize_with = "arrived::word")]
    pub kind: Word,
    /// One sentence.
    #[serde(deserialize_with = "arrived::sentence")]
    pub text: String,
}

/// Whether alarms are heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BellStatus {
    /// The configuration lets it ring.
    pub enabled: bool,
    /// The operator silenced it.
    pub muted: bool,
}
