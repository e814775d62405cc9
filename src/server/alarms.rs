//! `GET /v1/alarms`: alarms as they are and what they did lately, as JSON. Which alarms an order means.

use serde_json::{Value, json};

use crate::alarm::{AlarmState, AlarmStatus, Transition};
use crate::label::Label;
use crate::time::Timestamp;

/// The schema of the answer; a change of meaning takes a new name.
pub const SCHEMA: &str = "costtop.alarms.v1";

/// Whether the bell is heard, and when a silence ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BellState {
    /// The configuration lets it ring.
    pub enabled: bool,
    /// A person silenced it.
    pub silent: bool,
    /// Until then; `None`: until a person ends it.
    pub until: Option<Timestamp>,
}

/// The whole answer.
#[must_use]
pub fn answer<'a>(
    now: Timestamp,
    bell: BellState,
    alarms: &[AlarmStatus],
    told: impl IntoIterator<Item = &'a Transition>,
) -> Value {
    json!({
        "schema": SCHEMA,
        "generated_at": now.to_string(),
        "bell": {
            "enabled": bell.enabled,
            "silent": bell.silent,
            "until": bell.until.map(|until| until.to_string()),
        },
        "alarms": alarms.iter().map(one).collect::<Vec<_>>(),
        "transitions": told.into_iter().map(Transition::to_json).collect::<Vec<_>>(),
    })
}

fn one(alarm: &AlarmStatus) -> Value {
    json!({
        "incident": alarm.incident,
        "state": alarm.state.name(),
        "severity": alarm.severity.name(),
        "rule": alarm.rule,
        "scope": alarm.scope,
        "key": alarm.key,
        "cause": alarm.cause,
        "message": alarm.message,
        "spent_usd": alarm.spent.to_string(),
        "limit_usd": alarm.limit.to_string(),
        "excess_usd": alarm.excess.to_string(),
        "since": alarm.since.to_string(),
        "first": alarm.first.to_string(),
        "count": alarm.count,
        "until": alarm.until.map(|until| until.to_string()),
        "by": alarm.by,
    })
}

/// The incidents that a person means by `text`: the incident of that name, else every one whose rule, key or cause is called so.
#[must_use]
pub fn meant<'a>(alarms: &'a [AlarmStatus], text: &str) -> Vec<&'a AlarmStatus> {
    let alive = |alarm: &&AlarmStatus| !matches!(alarm.state, AlarmState::Pending | AlarmState::Resolved);
    if let Some(exact) = alarms.iter().find(|alarm| alarm.incident == text) {
        return vec![exact];
    }
    let called = |alarm: &&AlarmStatus| {
        alarm.rule.as_str() == text || alarm.cause == text || alarm.key.as_ref().map(Label::as_str) == Some(text)
    };
    alarms.iter().filter(alive).filter(called).collect()
}

/// The alarms that fire, as a person would name them: `everything`, `each user of ada`.
#[must_use]
pub fn firing(alarms: &[AlarmStatus]) -> Vec<String> {
    let firing = alarms.iter().filter(|alarm| alarm.state == AlarmState::Firing);
    firing.map(|alarm| alarm.incident.clone()).collect()
}
