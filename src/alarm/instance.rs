//! One alarm in its life, and how screens and listeners see it. The state machine moves it; here it is only told.

use super::condition::Condition;
use super::{AlarmState, Transition};
use crate::config::Severity;
use crate::label::{Label, Word, arrived};
use crate::money::Money;
use crate::time::{MINUTE_MS, Timestamp};
use serde::{Deserialize, Serialize};

/// An anomaly that pages is told again when it costs more and more for so long after it was acknowledged.
const SEEN_MS: i64 = 30 * MINUTE_MS;

/// One alarm as screens show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmStatus {
    /// The budget's or rule's name.
    pub rule: Label,
    /// `global`, `user`, `session`, …
    #[serde(deserialize_with = "arrived::word")]
    pub scope: Word,
    /// The user, model, session; `None` for global.
    pub key: Option<Label>,
    /// `budget`, `surge`, …
    #[serde(deserialize_with = "arrived::word")]
    pub cause: Word,
    /// How loud.
    pub severity: Severity,
    /// Where it is in its life.
    pub state: AlarmState,
    /// When it entered that state.
    pub since: Timestamp,
    /// When its incident began to fire.
    pub first: Timestamp,
    /// How often it has begun to fire in this incident.
    pub count: u32,
    /// When its snooze ends; `None` where there is none.
    pub until: Option<Timestamp>,
    /// One sentence, as of the last transition.
    #[serde(deserialize_with = "arrived::sentence")]
    pub message: String,
    /// Spent so far, as of the last charge.
    pub spent: Money,
    /// The limit; for an anomaly, what was to be expected instead.
    pub limit: Money,
    /// Spent above that.
    pub excess: Money,
    /// Stable name of the incident.
    #[serde(deserialize_with = "arrived::sentence")]
    pub incident: String,
    /// It was announced, so the bell repeats until it is acknowledged.
    pub loud: bool,
    /// Who acknowledged or snoozed it last in this incident.
    pub by: Option<Label>,
}

impl AlarmStatus {
    /// It fires and rings.
    #[must_use]
    pub fn is_loud(&self) -> bool {
        self.state == AlarmState::Firing && self.severity >= Severity::Page
    }
}

#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) condition: Condition,
    pub(super) state: AlarmState,
    pub(super) since: Timestamp,
    /// What it was when it began to recover, and becomes again if the condition comes back.
    pub(super) held: AlarmState,
    /// When the incident began to fire; while pending, when the condition began.
    pub(super) first: Timestamp,
    pub(super) count: u32,
    pub(super) snoozed_until: Option<Timestamp>,
    /// It was announced without silence.
    pub(super) loud: bool,
    /// Who acknowledged or snoozed it last.
    pub(super) by: Option<Label>,
    /// Acknowledged: when it is looked at again, and what it had cost when it was looked at last.
    pub(super) seen: Option<(Timestamp, Money)>,
}

impl Instance {
    pub(super) fn new(condition: Condition) -> Instance {
        let state = if condition.hold_ms > 0 { AlarmState::Pending } else { AlarmState::Firing };
        Instance {
            state,
            since: condition.time,
            held: AlarmState::Firing,
            first: condition.time,
            count: 1,
            snoozed_until: None,
            loud: false,
            by: None,
            seen: None,
            condition,
        }
    }

    /// Enters a state; a snooze is over in any other.
    pub(super) fn enter(&mut self, state: AlarmState, since: Timestamp) {
        self.state = state;
        self.since = since;
        if !matches!(state, AlarmState::Snoozed | AlarmState::Recovering) {
            self.snoozed_until = None;
        }
        // What a person said is void once it is announced again.
        if state == AlarmState::Firing {
            (self.by, self.seen) = (None, None);
        }
    }

    /// A person has seen it. A budget is latched until its period ends whatever is spent; what burns on by itself is told again.
    pub(super) fn note_seen(&mut self, now: Timestamp) {
        let burns = self.condition.episodic && self.condition.severity >= Severity::Page;
        self.seen = burns.then(|| (now.plus_ms(SEEN_MS), self.condition.excess));
    }

    pub(super) fn is_recovering(&self) -> bool {
        self.state == AlarmState::Recovering
    }

    /// What a person said of it, also while it recovers.
    pub(super) fn attention(&self) -> AlarmState {
        if self.state == AlarmState::Recovering { self.held } else { self.state }
    }

    pub(super) fn incident(&self) -> String {
        let identity = &self.condition.identity;
        if self.condition.episodic { identity.incident_from(Some(self.first)) } else { identity.incident() }
    }

    pub(super) fn transition(&self) -> Transition {
        let condition = &self.condition;
        Transition {
            time: self.since,
            state: self.state,
            severity: condition.severity,
            rule: condition.identity.rule.clone(),
            scope: condition.identity.scope,
            key: condition.identity.key.clone(),
            cause: condition.cause,
            message: condition.message.clone(),
            spent: condition.spent,
            limit: condition.limit,
            excess: condition.excess,
            incident: self.incident(),
            silent: condition.silent,
            again: false,
            by: None,
        }
    }

    pub(super) fn status(&self) -> AlarmStatus {
        let condition = &self.condition;
        AlarmStatus {
            rule: condition.identity.rule.clone(),
            scope: condition.identity.scope,
            key: condition.identity.key.clone(),
            cause: condition.cause,
            severity: condition.severity,
            state: self.state,
            since: self.since,
            first: self.first,
            count: self.count,
            until: self.snoozed_until,
            message: condition.message.clone(),
            spent: condition.spent,
            limit: condition.limit,
            excess: condition.excess,
            incident: self.incident(),
            loud: self.loud,
            by: self.by.clone(),
        }
    }
}
