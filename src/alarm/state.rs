//! The one state machine of all alarms: conditions, acknowledgements and time enter, transitions leave. No clock, no bell.
//!
//! inactive → pending (the condition holds, not for long enough) → firing → acknowledged → resolved. Severity may only rise within an
//! episode; a rise is announced again and voids the acknowledgement.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::{AlarmState, Transition};
use crate::config::Severity;
use crate::label::Label;
use crate::money::Money;
use crate::time::Timestamp;

/// Resolved alarms kept to be shown.
const KEPT: usize = 256;
/// Resolved alarms are shown for a day.
const KEPT_MS: i64 = 24 * 3_600_000;

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
        let key = self.key.as_ref().map_or("", Label::as_str);
        let start = self.period_start.map(|start| start.to_string()).unwrap_or_default();
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
    /// `budget`, …
    pub cause: &'static str,
    /// One sentence.
    pub message: String,
    /// Spent so far.
    pub spent: Money,
    /// The limit.
    pub limit: Money,
    /// Part of the limit that was passed, in millionths; for the restart.
    pub passed: u32,
    /// Event time.
    pub time: Timestamp,
    /// It must hold for this many milliseconds before it fires.
    pub hold_ms: i64,
    /// Resolved at this instant by itself: the end of the period.
    pub until: Option<Timestamp>,
    /// Caused by history: shown, silent.
    pub silent: bool,
}

/// One alarm as screens show it.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmStatus {
    /// The budget's or rule's name.
    pub rule: Label,
    /// `global`, `user`, `session`, …
    pub scope: &'static str,
    /// The user, model, session; `None` for global.
    pub key: Option<Label>,
    /// `budget`, …
    pub cause: &'static str,
    /// How loud.
    pub severity: Severity,
    /// Where it is in its life.
    pub state: AlarmState,
    /// When it entered that state.
    pub since: Timestamp,
    /// One sentence, as of the last transition.
    pub message: String,
    /// Spent so far, as of the last charge.
    pub spent: Money,
    /// The limit.
    pub limit: Money,
    /// Stable name of the incident.
    pub incident: String,
    /// It was announced, so the bell repeats until it is acknowledged.
    pub loud: bool,
}

impl AlarmStatus {
    /// It fires and rings.
    #[must_use]
    pub fn is_loud(&self) -> bool {
        self.state == AlarmState::Firing && self.severity >= Severity::Page
    }
}

/// How many alarms there are, pending and resolved ones left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlarmCounts {
    /// Firing, by severity from info to critical.
    pub firing: [usize; 4],
    /// Acknowledged and not over.
    pub acknowledged: usize,
}

/// Which alarms an acknowledgement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// All that fire.
    All,
    /// The one of this incident.
    Incident(&'a str),
}

#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) condition: Condition,
    pub(super) state: AlarmState,
    pub(super) since: Timestamp,
    /// It was announced once without silence.
    pub(super) loud: bool,
}

/// All alarms of all rules.
#[derive(Clone, Debug)]
pub struct Alarms {
    pub(super) instances: FxHashMap<Identity, Instance>,
    over: VecDeque<AlarmStatus>,
    outbox: Vec<Transition>,
    /// No instance has anything to do before.
    next_due: Timestamp,
}

impl Default for Alarms {
    fn default() -> Alarms {
        Alarms { instances: FxHashMap::default(), over: VecDeque::new(), outbox: Vec::new(), next_due: Timestamp::MAX }
    }
}

impl Alarms {
    /// A condition holds: starts, raises or refreshes its alarm.
    pub fn raise(&mut self, condition: Condition) {
        self.next_due = self.next_due.min(due(&condition, condition.time));
        let identity = condition.identity.clone();
        let Some(instance) = self.instances.get_mut(&identity) else {
            let state = if condition.hold_ms > 0 { AlarmState::Pending } else { AlarmState::Firing };
            let instance = Instance { since: condition.time, state, loud: false, condition };
            let instance = self.instances.entry(identity).or_insert(instance);
            announce(instance, &mut self.outbox);
            return;
        };
        if condition.severity <= instance.condition.severity {
            instance.condition.spent = condition.spent;
            instance.condition.limit = condition.limit;
            instance.condition.passed = instance.condition.passed.max(condition.passed);
            return;
        }
        let pending = instance.state == AlarmState::Pending;
        let hold_ms = if pending { instance.condition.hold_ms } else { 0 };
        if !pending {
            instance.state = AlarmState::Firing;
            instance.since = condition.time;
        }
        instance.condition = Condition { hold_ms, ..condition };
        announce(instance, &mut self.outbox);
    }

    /// New amounts of an alarm that goes on.
    pub fn refresh(&mut self, identity: &Identity, spent: Money) {
        if let Some(instance) = self.instances.get_mut(identity) {
            instance.condition.spent = spent;
        }
    }

    /// The condition holds no longer. A pending alarm goes without a word.
    pub fn clear(&mut self, identity: &Identity, time: Timestamp, silent: bool) {
        let Some(mut instance) = self.instances.remove(identity) else { return };
        if instance.state == AlarmState::Pending {
            return;
        }
        instance.state = AlarmState::Resolved;
        instance.since = time;
        instance.condition.silent = silent;
        self.outbox.push(transition(&instance));
        if self.over.len() == KEPT {
            self.over.pop_front();
        }
        self.over.push_back(status(&instance));
    }

    /// Time passes: pending alarms fire, alarms of ended periods resolve.
    pub fn tick(&mut self, now: Timestamp) {
        while self.over.front().is_some_and(|alarm| alarm.since.plus_ms(KEPT_MS) <= now) {
            self.over.pop_front();
        }
        if now < self.next_due {
            return;
        }
        self.next_due = Timestamp::MAX;
        let mut ended = Vec::new();
        let mut held = Vec::new();
        for (identity, instance) in &mut self.instances {
            if instance.condition.until.is_some_and(|until| until <= now) {
                ended.push(identity.clone());
                continue;
            }
            if instance.state == AlarmState::Pending && instance.since.plus_ms(instance.condition.hold_ms) <= now {
                held.push(identity.clone());
                instance.condition.hold_ms = 0;
            }
            self.next_due = self.next_due.min(due(&instance.condition, instance.since));
        }
        // The order of a hash table is no order.
        held.sort_unstable();
        ended.sort_unstable();
        for identity in held {
            let Some(instance) = self.instances.get_mut(&identity) else { continue };
            instance.state = AlarmState::Firing;
            instance.since = now;
            instance.condition.time = now;
            announce(instance, &mut self.outbox);
        }
        for identity in ended {
            let Some(instance) = self.instances.get(&identity) else { continue };
            // What began unheard ends unheard.
            let (until, silent) = (instance.condition.until.unwrap_or(now), !instance.loud);
            self.clear(&identity, until, silent);
        }
    }

    /// A person has seen one alarm or all; returns how many.
    pub fn acknowledge(&mut self, which: Which, now: Timestamp) -> usize {
        let mut seen: Vec<Identity> = self
            .instances
            .iter()
            .filter(|(identity, instance)| {
                instance.state == AlarmState::Firing
                    && match which {
                        Which::All => true,
                        Which::Incident(incident) => identity.incident() == incident,
                    }
            })
            .map(|(identity, _)| identity.clone())
            .collect();
        seen.sort_unstable();
        for identity in &seen {
            let Some(instance) = self.instances.get_mut(identity) else { continue };
            instance.state = AlarmState::Acknowledged;
            instance.since = now;
            instance.condition.silent = false;
            let mut seen = transition(instance);
            seen.time = now;
            self.outbox.push(seen);
        }
        seen.len()
    }

    /// What changed since the last call, in order.
    pub fn take_transitions(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.outbox)
    }

    /// All alarms, firing ones and loud ones first, then the newest; resolved ones of the last day at the end.
    #[must_use]
    pub fn statuses(&self) -> Vec<AlarmStatus> {
        let mut alarms: Vec<AlarmStatus> = self.instances.values().map(status).collect();
        let rank = |alarm: &AlarmStatus| match alarm.state {
            AlarmState::Firing => 0,
            AlarmState::Acknowledged => 1,
            AlarmState::Pending => 2,
            AlarmState::Resolved => 3,
        };
        alarms.sort_by(|left, right| {
            (rank(left), right.severity, right.since, &left.incident).cmp(&(
                rank(right),
                left.severity,
                left.since,
                &right.incident,
            ))
        });
        alarms.extend(self.over.iter().rev().cloned());
        alarms
    }

    /// How many fire and how many a person has seen.
    #[must_use]
    pub fn counts(&self) -> AlarmCounts {
        let mut counts = AlarmCounts::default();
        for instance in self.instances.values() {
            match instance.state {
                AlarmState::Firing => counts.firing[instance.condition.severity as usize] += 1,
                AlarmState::Acknowledged => counts.acknowledged += 1,
                AlarmState::Pending | AlarmState::Resolved => {}
            }
        }
        counts
    }

    pub(super) fn insert(&mut self, instance: Instance) {
        self.next_due = self.next_due.min(due(&instance.condition, instance.since));
        self.instances.insert(instance.condition.identity.clone(), instance);
    }
}

fn due(condition: &Condition, since: Timestamp) -> Timestamp {
    let held = if condition.hold_ms > 0 { since.plus_ms(condition.hold_ms) } else { Timestamp::MAX };
    held.min(condition.until.unwrap_or(Timestamp::MAX))
}

fn announce(instance: &mut Instance, outbox: &mut Vec<Transition>) {
    if instance.state == AlarmState::Firing {
        instance.loud |= !instance.condition.silent;
        outbox.push(transition(instance));
    }
}

fn transition(instance: &Instance) -> Transition {
    let condition = &instance.condition;
    Transition {
        time: instance.since,
        state: instance.state,
        severity: condition.severity,
        rule: condition.identity.rule.clone(),
        scope: condition.identity.scope,
        key: condition.identity.key.clone(),
        cause: condition.cause,
        message: condition.message.clone(),
        spent: condition.spent,
        limit: condition.limit,
        incident: condition.identity.incident(),
        silent: condition.silent,
    }
}

fn status(instance: &Instance) -> AlarmStatus {
    let condition = &instance.condition;
    AlarmStatus {
        rule: condition.identity.rule.clone(),
        scope: condition.identity.scope,
        key: condition.identity.key.clone(),
        cause: condition.cause,
        severity: condition.severity,
        state: instance.state,
        since: instance.since,
        message: condition.message.clone(),
        spent: condition.spent,
        limit: condition.limit,
        incident: condition.identity.incident(),
        loud: instance.loud,
    }
}
