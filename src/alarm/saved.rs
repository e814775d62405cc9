//! Alarms over a restart: the state machine enters, JSON leaves, and back. What was loud stays loud, what was seen stays seen, what was
//! snoozed sleeps on.

use serde::{Deserialize, Serialize};

use super::condition::{Condition, Identity};
use super::instance::Instance;
use super::state::Alarms;
use super::{AlarmState, Severity};
use crate::label::{Label, clean};
use crate::money::Money;
use crate::time::Timestamp;
use crate::usage::{Dimension, OwnLabel};

/// The version of the JSON; another one is refused.
const VERSION: u32 = 2;
/// Every cause an alarm can have; a new one adds its word here.
const CAUSES: [&str; 5] = ["budget", "surge", "cache", "price", "errors"];

#[derive(Serialize, Deserialize)]
struct SavedAlarms {
    version: u32,
    alarms: Vec<SavedAlarm>,
}

/// Times in milliseconds since the epoch, money as decimal text.
#[derive(Serialize, Deserialize)]
struct SavedAlarm {
    rule: String,
    scope: String,
    key: Option<String>,
    period_start: Option<i64>,
    state: String,
    severity: String,
    cause: String,
    message: String,
    spent: String,
    limit: String,
    excess: String,
    passed: u32,
    since: i64,
    first: i64,
    count: u32,
    held: String,
    snoozed_until: Option<i64>,
    hold_ms: i64,
    until: Option<i64>,
    episodic: bool,
    loud: bool,
    /// Older states lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// When what was acknowledged is looked at again, and what it had cost; older states lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<(i64, String)>,
}

impl Alarms {
    /// All alarms, those that are over among them, one JSON object; in a stable order.
    #[must_use]
    pub fn save(&self) -> String {
        let mut instances: Vec<&Instance> = self.instances.values().collect();
        instances.sort_unstable_by(|left, right| left.condition.identity.cmp(&right.condition.identity));
        let alarms = self.over.iter().chain(instances).map(pack).collect();
        serde_json::to_string(&SavedAlarms { version: VERSION, alarms }).unwrap_or_default()
    }

    /// Takes up saved alarms at `now`. Nothing is announced: what fires goes on firing, and so does what was snoozed until before now. A
    /// record that says nothing valid is left out.
    ///
    /// # Errors
    /// Not the JSON of [`Alarms::save`].
    pub fn load(&mut self, text: &str, now: Timestamp) -> Result<(), serde_json::Error> {
        let saved: SavedAlarms = serde_json::from_str(text)?;
        if saved.version != VERSION {
            let what = format!("alarms of version '{}': this program reads {VERSION}", saved.version);
            return Err(serde::de::Error::custom(what));
        }
        for mut instance in saved.alarms.iter().filter_map(unpack) {
            if instance.state == AlarmState::Resolved {
                self.keep_over(instance);
                continue;
            }
            if let Some(until) = instance.snoozed_until.filter(|until| *until <= now)
                && instance.state == AlarmState::Snoozed
            {
                instance.enter(AlarmState::Firing, until);
                instance.loud = true;
            }
            self.insert(instance);
        }
        Ok(())
    }
}

fn pack(instance: &Instance) -> SavedAlarm {
    let condition = &instance.condition;
    SavedAlarm {
        rule: condition.identity.rule.to_string(),
        scope: condition.identity.scope.to_owned(),
        key: condition.identity.key.as_ref().map(Label::to_string),
        period_start: condition.identity.period_start.map(Timestamp::ms),
        state: instance.state.name().to_owned(),
        severity: condition.severity.name().to_owned(),
        cause: condition.cause.to_owned(),
        message: condition.message.clone(),
        spent: condition.spent.to_string(),
        limit: condition.limit.to_string(),
        excess: condition.excess.to_string(),
        passed: condition.passed,
        since: instance.since.ms(),
        first: instance.first.ms(),
        count: instance.count,
        held: instance.held.name().to_owned(),
        snoozed_until: instance.snoozed_until.map(Timestamp::ms),
        hold_ms: condition.hold_ms,
        until: condition.until.map(Timestamp::ms),
        episodic: condition.episodic,
        loud: instance.loud,
        by: instance.by.as_ref().map(Label::to_string),
        seen: instance.seen.map(|(due, excess)| (due.ms(), excess.to_string())),
    }
}

fn unpack(saved: &SavedAlarm) -> Option<Instance> {
    let scope = ["global", "session"]
        .into_iter()
        .chain(Dimension::ALL.map(Dimension::name))
        .find(|name| *name == saved.scope)
        .or_else(|| OwnLabel::known_name(&saved.scope))?;
    let severity = [Severity::Info, Severity::Warn, Severity::Page, Severity::Critical]
        .into_iter()
        .find(|severity| severity.name() == saved.severity)?;
    let state = |name: &str| AlarmState::ALL.into_iter().find(|state| state.name() == name);
    let identity = Identity {
        rule: Label::new(&saved.rule),
        scope,
        key: saved.key.as_deref().map(Label::new),
        period_start: saved.period_start.map(Timestamp::from_ms),
    };
    let seen = match &saved.seen {
        Some((due, excess)) => Some((Timestamp::from_ms(*due), Money::parse(excess.as_bytes()).ok()?)),
        None => None,
    };
    let condition = Condition {
        identity,
        severity,
        cause: CAUSES.into_iter().find(|cause| *cause == saved.cause)?,
        message: saved
            .message
            .chars()
            .map(|character| clean(character.encode_utf8(&mut [0; 4])).into_owned())
            .collect(),
        spent: Money::parse(saved.spent.as_bytes()).ok()?,
        limit: Money::parse(saved.limit.as_bytes()).ok()?,
        excess: Money::parse(saved.excess.as_bytes()).ok()?,
        passed: saved.passed,
        time: Timestamp::from_ms(saved.since),
        hold_ms: saved.hold_ms,
        until: saved.until.map(Timestamp::from_ms),
        episodic: saved.episodic,
        silent: true,
    };
    Some(Instance {
        condition,
        state: state(&saved.state)?,
        since: Timestamp::from_ms(saved.since),
        held: state(&saved.held)?,
        first: Timestamp::from_ms(saved.first),
        count: saved.count,
        snoozed_until: saved.snoozed_until.map(Timestamp::from_ms),
        loud: saved.loud,
        by: saved.by.as_deref().map(Label::new),
        seen,
    })
}
