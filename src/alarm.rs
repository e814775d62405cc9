//! Budgets, anomalies and the one state machine for all alarms. Posts and time enter, transitions leave; it rings nothing itself.

mod adjustment;
pub mod anomaly;
mod budget;
mod condition;
mod instance;
mod message;
mod saved;
mod scope;
mod state;
mod sums;

pub use adjustment::{AdjustError, Adjustment, Adjustments, EXAMPLE, Found, Stated, StatedNames};
pub use anomaly::Anomalies;
pub use budget::{Budgets, SessionSpend, Spent};
pub use condition::{Condition, Identity};
pub use instance::AlarmStatus;
pub use scope::ScopeError;
pub use state::{AlarmCounts, Alarms, Which};

use crate::config::Severity;
use crate::label::{Label, Word, arrived};
use crate::money::Money;
use crate::time::{Period, Timestamp};
use serde::{Deserialize, Serialize};

/// How a budget stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BudgetState {
    /// Below its warnings.
    Ok,
    /// At or above a warning.
    Warned,
    /// At or above the limit; latched until the period ends or the limit changes.
    Exceeded,
}

/// One budget of one key, as screens and reports show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetStatus {
    /// The budget's name.
    pub name: Label,
    /// `global`, `user`, `session`, …: what the key is.
    #[serde(deserialize_with = "arrived::word")]
    pub scope: Word,
    /// The user, model or session it is kept for; `None`: one for all.
    pub key: Option<Label>,
    /// `None`: a session's lifetime.
    pub per: Option<Period>,
    /// When the period began (for a session: its first charge).
    pub period_start: Timestamp,
    /// When it ends; `None`: never.
    pub period_end: Option<Timestamp>,
    /// Spent in it.
    pub spent: Money,
    /// May be spent in it.
    pub limit: Money,
    /// How it stands.
    pub state: BudgetState,
    /// More may have been spent: datagrams are among its sources, and the kernel drops those.
    #[serde(default)]
    pub is_lower_bound: bool,
}

impl BudgetStatus {
    /// Spent over limit, for the eye; a limit of nothing is spent.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.limit.pico() > 0 { self.spent.to_f64() / self.limit.to_f64() } else { f64::INFINITY }
    }
}

/// Where an alarm is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlarmState {
    /// The condition holds, but not for long enough.
    Pending,
    /// It rings.
    Firing,
    /// A person has seen it.
    Acknowledged,
    /// A person wants to hear of it again later.
    Snoozed,
    /// Its condition is gone, but not for long enough.
    Recovering,
    /// Over.
    Resolved,
}

impl AlarmState {
    /// Every state, in the order of a life.
    pub const ALL: [AlarmState; 6] = [
        AlarmState::Pending,
        AlarmState::Firing,
        AlarmState::Acknowledged,
        AlarmState::Snoozed,
        AlarmState::Recovering,
        AlarmState::Resolved,
    ];

    /// The word of reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            AlarmState::Pending => "pending",
            AlarmState::Firing => "firing",
            AlarmState::Acknowledged => "acknowledged",
            AlarmState::Snoozed => "snoozed",
            AlarmState::Recovering => "recovering",
            AlarmState::Resolved => "resolved",
        }
    }
}

/// One change of one alarm: what is shown, rung and handed to hooks.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// Event time.
    pub time: Timestamp,
    /// The state entered.
    pub state: AlarmState,
    /// How loud.
    pub severity: Severity,
    /// The budget's or rule's name.
    pub rule: Label,
    /// `global`, `user`, `model`, `session`, …
    pub scope: &'static str,
    /// The user, model, session; `None` for global.
    pub key: Option<Label>,
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
    /// Stable name of the incident.
    pub incident: String,
    /// Caused by history: shown, silent.
    pub silent: bool,
    /// It fires, and did before in the same incident: nobody is told again.
    pub again: bool,
    /// The person who acknowledged or snoozed it, where that is what happened.
    pub by: Option<Label>,
}

impl Transition {
    /// It says something new: an alarm began, rose, was dealt with by a person, or is over. That one recovers, or comes back within its
    /// incident, is shown and not told.
    #[must_use]
    pub fn is_news(&self) -> bool {
        !self.again && self.state != AlarmState::Recovering
    }

    /// The transition as `costtop alarms` prints it and as hooks are handed it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut object = serde_json::json!({
            "ts": self.time.to_string(),
            "state": self.state.name(),
            "severity": self.severity.name(),
            "rule": self.rule.as_str(),
            "scope": self.scope,
            "key": self.key.as_ref().map(Label::as_str),
            "cause": self.cause,
            "message": self.message,
            "spent_usd": self.spent.to_string(),
            "limit_usd": self.limit.to_string(),
            "excess_usd": self.excess.to_string(),
            "incident": self.incident,
        });
        if let Some(by) = &self.by {
            object["by"] = by.as_str().into();
        }
        object
    }
}
