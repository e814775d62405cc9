//! The one state machine of all alarms: conditions, what persons say and time enter, transitions leave. No clock, no bell.
//!
//! inactive → pending (the condition holds, not for long enough) → firing → acknowledged or snoozed → recovering → resolved. Severity may
//! only rise within an incident; a rise is announced again and voids what a person said. What comes back while it recovers, or within
//! the hour after, is the same incident and is not announced again. docs/alarms.md has the rules.
//!
//! Two clocks enter: [`Alarms::flow`] is event time, on which conditions come and go, [`Alarms::tick`] that on the wall, on which periods
//! and snoozes end. So what fires never depends on how fast a log is read.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::condition::{Condition, Identity};
use super::instance::{AlarmStatus, Instance};
use super::{AlarmState, Transition};
use crate::label::Label;
use crate::money::Money;
use crate::time::{MINUTE_MS, Timestamp};

/// Resolved alarms kept to be shown.
const KEPT: usize = 256;
/// Resolved alarms are shown for a day.
const KEPT_MS: i64 = 24 * 60 * MINUTE_MS;
/// A condition that is gone for this long is over: the `keep_firing_for` of others, against flapping.
const RECOVERY_MS: i64 = 10 * MINUTE_MS;
/// A condition that is back this soon after its end is the same incident.
const SAME_INCIDENT_MS: i64 = 60 * MINUTE_MS;

/// How many alarms there are, pending, recovering and resolved ones left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlarmCounts {
    /// Firing, by severity from info to critical.
    pub firing: [usize; 4],
    /// Acknowledged or snoozed and not over.
    pub acknowledged: usize,
}

/// Which alarms a person means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// All that fire.
    All,
    /// The one of this incident, whatever was said of it before.
    Incident(&'a str),
}

/// All alarms of all rules.
#[derive(Clone, Debug)]
pub struct Alarms {
    pub(super) instances: FxHashMap<Identity, Instance>,
    /// Resolved, the oldest first.
    pub(super) over: VecDeque<Instance>,
    outbox: Vec<Transition>,
    /// No instance has anything to do before: on the clock, and in event time.
    next_tick: Timestamp,
    next_flow: Timestamp,
}

impl Default for Alarms {
    fn default() -> Alarms {
        Alarms {
            instances: FxHashMap::default(),
            over: VecDeque::new(),
            outbox: Vec::new(),
            next_tick: Timestamp::MAX,
            next_flow: Timestamp::MAX,
        }
    }
}

impl Alarms {
    /// A condition holds: starts, raises, refreshes or brings back its alarm.
    pub fn raise(&mut self, condition: Condition) {
        let identity = condition.identity.clone();
        let Some(instance) = self.instances.get_mut(&identity) else {
            let instance = match self.ended_lately(&condition) {
                Some(ended) => self.reopen(&ended, condition),
                None => Instance::new(condition),
            };
            if instance.state == AlarmState::Firing && instance.count == 1 {
                self.announce(&identity, instance);
            } else {
                self.insert(instance);
            }
            return;
        };
        let rises = condition.severity > instance.condition.severity;
        if instance.state == AlarmState::Pending && rises {
            let hold_ms = instance.condition.hold_ms;
            instance.condition = Condition { hold_ms, ..condition };
        } else if rises {
            let mut instance = instance.clone();
            instance.enter(AlarmState::Firing, condition.time);
            instance.condition = Condition { hold_ms: 0, ..condition };
            self.announce(&identity, instance);
        } else {
            let own = &mut instance.condition;
            (own.spent, own.limit, own.excess) = (condition.spent, condition.limit, condition.excess);
            own.passed = own.passed.max(condition.passed);
            if instance.state == AlarmState::Recovering {
                self.come_back(&identity, condition.time, condition.silent);
            }
        }
    }

    /// New amounts of an alarm that goes on.
    pub fn refresh(&mut self, identity: &Identity, spent: Money, excess: Money) {
        if let Some(instance) = self.instances.get_mut(identity) {
            instance.condition.spent = spent;
            instance.condition.excess = excess;
        }
    }

    /// The condition has fallen below its clear level: the alarm recovers, and is over unless it comes back. A pending one goes without
    /// a word.
    pub fn recover(&mut self, identity: &Identity, time: Timestamp) {
        let Some(instance) = self.instances.get_mut(identity) else { return };
        match instance.state {
            AlarmState::Pending => drop(self.instances.remove(identity)),
            AlarmState::Recovering | AlarmState::Resolved => {}
            held => {
                instance.held = held;
                instance.condition.silent = !instance.loud;
                instance.enter(AlarmState::Recovering, time);
                self.outbox.push(instance.transition());
                self.next_flow = self.next_flow.min(time.plus_ms(RECOVERY_MS));
            }
        }
    }

    /// The condition holds no longer and will not come back. A pending alarm goes without a word.
    pub fn clear(&mut self, identity: &Identity, time: Timestamp, silent: bool) {
        let Some(mut instance) = self.instances.remove(identity) else { return };
        if instance.state == AlarmState::Pending {
            return;
        }
        instance.held = instance.attention();
        let snoozed = instance.snoozed_until;
        instance.enter(AlarmState::Resolved, time);
        instance.snoozed_until = snoozed;
        instance.condition.silent = silent;
        self.outbox.push(instance.transition());
        self.keep_over(instance);
    }

    /// Event time passes: pending alarms fire, recovering ones are over.
    pub fn flow(&mut self, watermark: Timestamp) {
        if watermark < self.next_flow {
            return;
        }
        self.next_flow = Timestamp::MAX;
        let mut due: Vec<(Timestamp, Identity)> = Vec::new();
        for (identity, instance) in &self.instances {
            let at = flows_at(instance);
            if at <= watermark {
                due.push((at, identity.clone()));
            } else {
                self.next_flow = self.next_flow.min(at);
            }
        }
        // The order of a hash table is no order.
        due.sort_unstable();
        for (at, identity) in due {
            let Some(instance) = self.instances.get(&identity) else { continue };
            if instance.state == AlarmState::Recovering {
                // What began unheard ends unheard.
                let silent = !instance.loud;
                self.clear(&identity, at, silent);
            } else {
                let mut instance = instance.clone();
                instance.condition.hold_ms = 0;
                instance.condition.time = at;
                instance.first = at;
                instance.enter(AlarmState::Firing, at);
                self.announce(&identity, instance);
            }
        }
    }

    /// The clock moves: alarms of ended periods resolve, snoozes end.
    pub fn tick(&mut self, now: Timestamp) {
        while self.over.front().is_some_and(|instance| instance.since.plus_ms(KEPT_MS) <= now) {
            self.over.pop_front();
        }
        if now < self.next_tick {
            return;
        }
        self.next_tick = Timestamp::MAX;
        let mut due = Vec::new();
        for (identity, instance) in &self.instances {
            let at = ticks_at(instance);
            if at <= now {
                due.push(identity.clone());
            } else {
                self.next_tick = self.next_tick.min(at);
            }
        }
        due.sort_unstable();
        for identity in due {
            let Some(instance) = self.instances.get(&identity) else { continue };
            if let Some(until) = instance.condition.until.filter(|until| *until <= now) {
                let silent = !instance.loud;
                self.clear(&identity, until, silent);
            } else if instance.state == AlarmState::Snoozed {
                let mut instance = instance.clone();
                instance.enter(AlarmState::Firing, instance.snoozed_until.unwrap_or(now));
                instance.condition.silent = false;
                self.announce(&identity, instance);
            } else if let Some((due, before)) = instance.seen {
                let mut instance = instance.clone();
                if instance.condition.excess > before {
                    instance.enter(AlarmState::Firing, due);
                    instance.condition.silent = false;
                    self.announce(&identity, instance);
                } else {
                    instance.note_seen(now);
                    self.insert(instance);
                }
            }
        }
    }

    /// The person `by` has seen alarms; returns how many.
    pub fn acknowledge(&mut self, which: Which, by: &Label, now: Timestamp) -> usize {
        self.attend(which, (AlarmState::Acknowledged, None), by, now)
    }

    /// The person `by` wants to hear of alarms again at `until`, if they still fire; returns how many.
    pub fn snooze(&mut self, which: Which, until: Timestamp, by: &Label, now: Timestamp) -> usize {
        if until <= now {
            return 0;
        }
        let snoozed = self.attend(which, (AlarmState::Snoozed, Some(until)), by, now);
        self.next_tick = self.next_tick.min(until);
        snoozed
    }

    /// What changed since the last call, in order.
    pub fn take_transitions(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.outbox)
    }

    /// All alarms, firing ones and loud ones first, then the newest; resolved ones of the last day at the end.
    #[must_use]
    pub fn statuses(&self) -> Vec<AlarmStatus> {
        let mut alarms: Vec<AlarmStatus> = self.instances.values().map(Instance::status).collect();
        let rank = |alarm: &AlarmStatus| match alarm.state {
            AlarmState::Firing => 0,
            AlarmState::Acknowledged => 1,
            AlarmState::Snoozed => 2,
            AlarmState::Recovering => 3,
            AlarmState::Pending => 4,
            AlarmState::Resolved => 5,
        };
        alarms.sort_by(|left, right| {
            (rank(left), right.severity, right.since, &left.incident).cmp(&(
                rank(right),
                left.severity,
                left.since,
                &right.incident,
            ))
        });
        alarms.extend(self.over.iter().rev().map(Instance::status));
        alarms
    }

    /// How many fire and how many a person has dealt with.
    #[must_use]
    pub fn counts(&self) -> AlarmCounts {
        let mut counts = AlarmCounts::default();
        for instance in self.instances.values() {
            match instance.state {
                AlarmState::Firing => counts.firing[instance.condition.severity as usize] += 1,
                AlarmState::Acknowledged | AlarmState::Snoozed => counts.acknowledged += 1,
                AlarmState::Pending | AlarmState::Recovering | AlarmState::Resolved => {}
            }
        }
        counts
    }

    pub(super) fn insert(&mut self, instance: Instance) {
        self.next_tick = self.next_tick.min(ticks_at(&instance));
        self.next_flow = self.next_flow.min(flows_at(&instance));
        self.instances.insert(instance.condition.identity.clone(), instance);
    }

    pub(super) fn keep_over(&mut self, instance: Instance) {
        if self.over.len() == KEPT {
            self.over.pop_front();
        }
        self.over.push_back(instance);
    }

    fn announce(&mut self, identity: &Identity, mut instance: Instance) {
        debug_assert_eq!(*identity, instance.condition.identity);
        instance.loud |= !instance.condition.silent;
        self.outbox.push(instance.transition());
        self.insert(instance);
    }

    /// The alarm was recovering and is what it was before. A snooze that ended meanwhile has ended for this: it is heard.
    fn come_back(&mut self, identity: &Identity, time: Timestamp, silent: bool) {
        let Some(mut instance) = self.instances.remove(identity) else { return };
        let woken = instance.held == AlarmState::Snoozed && instance.snoozed_until.is_none_or(|until| until <= time);
        let state = if woken { AlarmState::Firing } else { instance.held };
        instance.enter(state, time);
        instance.condition.silent = silent || !woken;
        if woken {
            self.announce(identity, instance);
            return;
        }
        self.outbox.push(Transition { again: true, ..instance.transition() });
        self.insert(instance);
    }

    /// Takes the alarm of this condition back from the resolved ones, if it ended within the hour.
    fn ended_lately(&mut self, condition: &Condition) -> Option<Instance> {
        let lately = |instance: &Instance| {
            instance.condition.episodic
                && instance.condition.identity == condition.identity
                && condition.time < instance.since.plus_ms(SAME_INCIDENT_MS)
        };
        let place = self.over.iter().rposition(lately).filter(|_| condition.episodic && condition.hold_ms == 0)?;
        self.over.remove(place)
    }

    /// The same incident goes on. It is heard only if it is worse than it was.
    fn reopen(&mut self, ended: &Instance, condition: Condition) -> Instance {
        let worse = condition.severity > ended.condition.severity;
        let (state, snoozed_until) = match ended.held {
            _ if worse => (AlarmState::Firing, None),
            AlarmState::Snoozed if ended.snoozed_until.is_none_or(|until| until <= condition.time) => {
                (AlarmState::Firing, None)
            }
            held => (held, ended.snoozed_until),
        };
        let mut instance = Instance {
            state,
            since: condition.time,
            held: state,
            count: ended.count + 1,
            snoozed_until,
            seen: ended.seen.filter(|_| state == AlarmState::Acknowledged),
            loud: worse && !condition.silent,
            first: ended.first,
            by: ended.by.clone().filter(|_| state != AlarmState::Firing),
            condition: Condition { severity: condition.severity.max(ended.condition.severity), ..condition },
        };
        if !worse {
            instance.condition.silent = true;
        }
        self.outbox.push(Transition { again: !worse, ..instance.transition() });
        instance
    }

    fn attend(
        &mut self,
        which: Which,
        (state, until): (AlarmState, Option<Timestamp>),
        by: &Label,
        now: Timestamp,
    ) -> usize {
        let means = |instance: &Instance| match which {
            Which::All => instance.attention() == AlarmState::Firing,
            Which::Incident(incident) => {
                instance.state != AlarmState::Pending
                    && (instance.attention() != state || until.is_some())
                    && instance.incident() == incident
            }
        };
        let mut meant: Vec<Identity> = self
            .instances
            .iter()
            .filter(|(_, instance)| means(instance))
            .map(|(identity, _)| identity.clone())
            .collect();
        meant.sort_unstable();
        for identity in &meant {
            let Some(instance) = self.instances.get_mut(identity) else { continue };
            if instance.state == AlarmState::Recovering {
                instance.held = state;
            } else {
                instance.enter(state, now);
            }
            instance.snoozed_until = until;
            instance.seen = None;
            if state == AlarmState::Acknowledged {
                instance.note_seen(now);
                let seen = instance.seen.map_or(Timestamp::MAX, |(due, _)| due);
                self.next_tick = self.next_tick.min(seen);
            }
            instance.condition.silent = false;
            instance.by = Some(by.clone());
            self.outbox.push(Transition { time: now, state, by: Some(by.clone()), ..instance.transition() });
        }
        meant.len()
    }
}

/// When event time moves it.
fn flows_at(instance: &Instance) -> Timestamp {
    match instance.state {
        AlarmState::Pending => instance.since.plus_ms(instance.condition.hold_ms),
        AlarmState::Recovering => instance.since.plus_ms(RECOVERY_MS),
        _ => Timestamp::MAX,
    }
}

/// When the clock moves it.
fn ticks_at(instance: &Instance) -> Timestamp {
    let woken = match instance.state {
        AlarmState::Snoozed => instance.snoozed_until,
        AlarmState::Acknowledged => instance.seen.map(|(due, _)| due),
        _ => None,
    };
    woken.unwrap_or(Timestamp::MAX).min(instance.condition.until.unwrap_or(Timestamp::MAX))
}
