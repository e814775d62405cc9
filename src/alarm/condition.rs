//! What raises an alarm and what tells one alarm from another. Budgets and detectors fill these in; nothing here decides.

use crate::config::Severity;
use crate::label::Label;
use crate::money::Money;
use crate::time::Timestamp;

/// What tells one alarm from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// The budget's or rule's name.
    pub rule: Label,
    /// `global`, `user`, `session`, …
    pub scope: &'static str,
    /// The user, model, session; `None` for global.
    pub key: Option<Label>,
    /// When the period began; `None` where there is no period.
    pub period_start: Option<Timestamp>,
}

impl Identity {
    /// The stable name of the incident: rule, scope, key and period start, separated by `|`.
    #[must_use]
    pub fn incident(&self) -> String {
        self.incident_from(self.period_start)
    }

    /// The same for an incident that began at `start`.
    pub(super) fn incident_from(&self, start: Option<Timestamp>) -> String {
        let key = self.key.as_ref().map_or("", Label::as_str);
        let start = start.map(|start| start.to_string()).unwrap_or_default();
        format!("{}|{}|{key}|{start}", self.rule, self.scope)
    }
}

/// A condition that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Which alarm.
    pub identity: Identity,
    /// How loud.
    pub severity: Severity,
    /// `budget`, `surge`, …
    pub cause: &'static str,
    /// One sentence.
    pub message: String,
    /// Spent so far.
    pub spent: Money,
    /// The limit; for an anomaly, what was to be expected instead.
    pub limit: Money,
    /// Spent above that.
    pub excess: Money,
    /// Part of the limit that was passed, in millionths; for the restart.
    pub passed: u32,
    /// Event time.
    pub time: Timestamp,
    /// It must hold for this many milliseconds of event time before it fires.
    pub hold_ms: i64,
    /// Resolved at this instant by itself: the end of the period.
    pub until: Option<Timestamp>,
    /// It comes and goes: below its clear level it recovers before it is over, and when it comes back within the hour that is the same
    /// incident.
    pub episodic: bool,
    /// Caused by history: shown, silent.
    pub silent: bool,
}
