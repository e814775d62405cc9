//! When the terminal bell rings: transitions and time enter, yes or no leaves. A plain value; the screen writes the 0x07.
//!
//! One ring on entering page or critical, at most one in ten seconds, then again every `repeat` until a person acknowledges. History
//! never rings; quiet hours hold back pages, mute holds back all.

use rustc_hash::FxHashMap;

use crate::alarm::{AlarmState, AlarmStatus, Transition};
use crate::config::{AlarmConfig, Severity};
use crate::time::{MINUTE_MS, Timestamp, Zone};

/// Rings closer together than this become one.
const APART_MS: i64 = 10_000;
/// Repeats at the configured pace; after these the pace is slow.
const QUICK_REPEATS: u32 = 10;
/// The slow pace.
const SLOW_MS: i64 = 15 * MINUTE_MS;

/// Decides when to ring.
#[derive(Clone, Debug)]
pub struct Bell {
    config: AlarmConfig,
    zone: Zone,
    /// Announced and not acknowledged, by incident.
    unseen: FxHashMap<String, Severity>,
    /// The same, while they recover: silent, and heard of again if they come back.
    recovering: FxHashMap<String, Severity>,
    /// Something new has not been rung for yet.
    owed: bool,
    last: Option<Timestamp>,
    repeats: u32,
    /// A line that is no history has come; before, nothing repeats.
    live: bool,
    /// When the first live line came: what was firing before repeats from here.
    live_since: Timestamp,
    /// Muted before this instant; the greatest: until a person ends it.
    muted_until: Timestamp,
}

impl Bell {
    /// A bell that has nothing to ring for.
    #[must_use]
    pub fn new(config: AlarmConfig, zone: Zone) -> Bell {
        Bell {
            config,
            zone,
            unseen: FxHashMap::default(),
            recovering: FxHashMap::default(),
            owed: false,
            last: None,
            repeats: 0,
            live: false,
            live_since: Timestamp::MIN,
            muted_until: Timestamp::MIN,
        }
    }

    /// Takes up what was firing before a restart: it repeats once a live line came, and is not announced again.
    pub fn resume(&mut self, alarms: &[AlarmStatus]) {
        for alarm in alarms {
            if alarm.state == AlarmState::Firing && alarm.severity >= Severity::Page && alarm.loud {
                self.unseen.insert(alarm.incident.clone(), alarm.severity);
            }
        }
    }

    /// A line that is no history came in.
    pub fn live(&mut self, now: Timestamp) {
        if !self.live {
            self.live = true;
            self.live_since = now;
        }
    }

    /// Hears what changed, in order.
    pub fn hear(&mut self, transitions: &[Transition], now: Timestamp) {
        for transition in transitions {
            let rings = transition.state == AlarmState::Firing && transition.severity >= Severity::Page;
            let recovering = self.recovering.remove(&transition.incident);
            if !rings {
                let known = self.unseen.remove(&transition.incident).or(recovering);
                if transition.state == AlarmState::Recovering {
                    self.recovering.extend(known.map(|severity| (transition.incident.clone(), severity)));
                }
            } else if transition.again {
                self.unseen.extend(recovering.map(|severity| (transition.incident.clone(), severity)));
            } else if !transition.silent {
                self.live(now);
                self.unseen.insert(transition.incident.clone(), transition.severity);
                self.owed = true;
                self.repeats = 0;
            }
        }
        if self.unseen.is_empty() {
            self.owed = false;
        }
    }

    /// Whether to ring now. Ask after [`Bell::hear`] and when [`Bell::next`] has come.
    #[must_use]
    pub fn ring(&mut self, now: Timestamp) -> bool {
        let Some(due) = self.due() else { return false };
        let Some(loudest) = self.unseen.values().copied().max() else { return false };
        let hushed = self.is_muted(now) || (self.is_quiet(now) && loudest < Severity::Critical);
        if now < due || hushed || !self.config.bell {
            return false;
        }
        self.repeats += u32::from(!std::mem::take(&mut self.owed));
        self.last = Some(now);
        true
    }

    /// When [`Bell::ring`] is to be asked next; `None`: not before something changes. Always after `now`, also while it is held back.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let due = self.due().filter(|_| self.config.bell)?;
        Some(if due > now { due } else { now.plus_ms(APART_MS) })
    }

    /// Holds back every ring, until an instant or until [`Bell::unmute`].
    pub fn mute(&mut self, until: Option<Timestamp>) {
        self.muted_until = until.unwrap_or(Timestamp::MAX);
    }

    /// Lets it ring again; what is still unseen rings at once.
    pub fn unmute(&mut self) {
        self.muted_until = Timestamp::MIN;
    }

    /// Whether it is muted.
    #[must_use]
    pub fn is_muted(&self, now: Timestamp) -> bool {
        now < self.muted_until
    }

    /// When the mute ends; `None`: it is not muted, or until a person ends it.
    #[must_use]
    pub fn muted_until(&self) -> Option<Timestamp> {
        (self.muted_until > Timestamp::MIN && self.muted_until < Timestamp::MAX).then_some(self.muted_until)
    }

    /// Whether these are quiet hours.
    #[must_use]
    pub fn is_quiet(&self, now: Timestamp) -> bool {
        let Some((from, to)) = self.config.quiet_hours else { return false };
        let clock = self.zone.format(now, "%H:%M");
        let number = |at: std::ops::Range<usize>| clock.get(at).and_then(|text| text.parse::<u16>().ok()).unwrap_or(0);
        let minute = number(0..2) * 60 + number(3..5);
        if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    }

    fn due(&self) -> Option<Timestamp> {
        if self.owed {
            return Some(self.last.map_or(Timestamp::MIN, |last| last.plus_ms(APART_MS)));
        }
        if self.unseen.is_empty() || !self.live {
            return None;
        }
        let repeat = i64::try_from(self.config.repeat.as_millis()).unwrap_or(i64::MAX);
        let pace = if self.repeats < QUICK_REPEATS { repeat } else { repeat.max(SLOW_MS) };
        Some(self.last.unwrap_or(self.live_since).plus_ms(pace))
    }
}
