//! Alarms over a restart: the state machine enters, JSON leaves, and back. What was loud stays loud, what was seen stays seen.

use serde::{Deserialize, Serialize};

use super::state::{Alarms, Condition, Identity, Instance};
use super::{AlarmState, Severity};
use crate::label::{Label, clean};
use crate::money::Money;
use crate::time::Timestamp;
use crate::usage::Dimension;

/// The version of the JSON; another one is refused.
const VERSION: u32 = 1;

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
    passed: u32,
    since: i64,
    hold_ms: i64,
    until: Option<i64>,
    loud: bool,
}

impl Alarms {
    /// All alarms that are not over, one JSON object; in a stable order.
    #[must_use]
    pub fn save(&self) -> String {
        let mut instances: Vec<&Instance> = self.instances.values().collect();
        instances.sort_unstable_by(|left, right| left.condition.identity.cmp(&right.condition.identity));
        let alarms = instances.into_iter().map(pack).collect();
        serde_json::to_string(&SavedAlarms { version: VERSION, alarms }).unwrap_or_default()
    }

    /// Takes up saved alarms. Nothing is announced: what fires goes on firing. A record that says nothing valid is left out.
    ///
    /// # Errors
    /// Not the JSON of [`Alarms::save`].
    pub fn load(&mut self, text: &str) -> Result<(), serde_json::Error> {
        let saved: SavedAlarms = serde_json::from_str(text)?;
        if saved.version != VERSION {
            let what = format!("alarms of version '{}': this program reads {VERSION}", saved.version);
            return Err(serde::de::Error::custom(what));
        }
        saved.alarms.iter().filter_map(unpack).for_each(|instance| self.insert(instance));
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
        passed: condition.passed,
        since: instance.since.ms(),
        hold_ms: condition.hold_ms,
        until: condition.until.map(Timestamp::ms),
        loud: instance.loud,
    }
}

fn unpack(saved: &SavedAlarm) -> Option<Instance> {
    let scope = ["global", "session"]
        .into_iter()
        .chain(Dimension::ALL.map(Dimension::name))
        .find(|name| *name == saved.scope)?;
    let severity = [Severity::Info, Severity::Warn, Severity::Page, Severity::Critical]
        .into_iter()
        .find(|severity| severity.name() == saved.severity)?;
    let state = [AlarmState::Pending, AlarmState::Firing, AlarmState::Acknowledged]
        .into_iter()
        .find(|state| state.name() == saved.state)?;
    let identity = Identity {
        rule: Label::new(&saved.rule),
        scope,
        key: saved.key.as_deref().map(Label::new),
        period_start: saved.period_start.map(Timestamp::from_ms),
    };
    let condition = Condition {
        identity,
        severity,
        // The only cause there is; a new one adds its word here.
        cause: ["budget"].into_iter().find(|cause| *cause == saved.cause)?,
        message: saved
            .message
            .chars()
            .map(|character| clean(character.encode_utf8(&mut [0; 4])).into_owned())
            .collect(),
        spent: Money::parse(saved.spent.as_bytes()).ok()?,
        limit: Money::parse(saved.limit.as_bytes()).ok()?,
        passed: saved.passed,
        time: Timestamp::from_ms(saved.since),
        hold_ms: saved.hold_ms,
        until: saved.until.map(Timestamp::from_ms),
        silent: true,
    };
    Some(Instance { condition, state, since: Timestamp::from_ms(saved.since), loud: saved.loud })
}
