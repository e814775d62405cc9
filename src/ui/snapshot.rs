//! What the engine hands to the screen: one value per publication, all text already safe to draw.

use crate::alarm::{AlarmState, AlarmStatus, BudgetStatus};
use crate::engine::view::Overview;
use crate::source::SourceStatus;
use crate::time::{Timestamp, Zone};

/// Everything a frame is drawn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// When it was made.
    pub now: Timestamp,
    /// How times are shown.
    pub zone: Zone,
    /// The answer to the screen's query.
    pub overview: Overview,
    /// Budgets, in the order of the configuration.
    pub budgets: Vec<BudgetStatus>,
    /// Alarms that are not over.
    pub alarms: Vec<AlarmStatus>,
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
    /// Something the operator must know about the state, such as `not durable since 14:02`.
    pub state_note: Option<String>,
}

impl Snapshot {
    /// What is shown before the engine has said anything.
    #[must_use]
    pub fn empty(now: Timestamp, zone: Zone) -> Snapshot {
        Snapshot {
            now,
            zone,
            overview: Overview { until: now, ..Overview::default() },
            budgets: Vec::new(),
            alarms: Vec::new(),
            events: Vec::new(),
            sources: Vec::new(),
            lag_ms: None,
            progress: Some(0.0),
            bell: BellStatus { enabled: true, muted: false },
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

/// How an event is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
#[derive(Clone, Debug, PartialEq)]
pub struct EventLine {
    /// When.
    pub time: Timestamp,
    /// How it is marked.
    pub mark: Mark,
    /// One word: `budget`, `source`, `price`, …
    pub kind: &'static str,
    /// One sentence.
    pub text: String,
}

/// Whether alarms are heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BellStatus {
    /// The configuration lets it ring.
    pub enabled: bool,
    /// The operator silenced it.
    pub muted: bool,
}
