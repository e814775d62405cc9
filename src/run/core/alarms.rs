//! What alarms did, and what persons do with them: transitions enter, events, hooks and the bell hear of them, and the next commit keeps them.

use std::io;

use super::Core;
use crate::alarm::Which;
use crate::label::Label;
use crate::time::{DAY_MS, MINUTE_MS, Timestamp};
use crate::ui::snapshot::Mark;

/// Transitions remembered for those who ask.
const MOST_TOLD: usize = 200;
/// What history says of alarms is told if it is not older than a day.
const OLD_NEWS_MS: i64 = DAY_MS;

impl Core {
    /// Hands on what alarms did.
    pub fn transitions(&mut self, now: Timestamp) {
        let transitions = self.alarms.take_transitions();
        if transitions.is_empty() {
            return;
        }
        for transition in &transitions {
            // Of history that is read in, what is over for long is no news.
            if !transition.silent || transition.time.plus_ms(OLD_NEWS_MS) > now {
                self.log.transition(transition);
            }
            self.hooks.notify(transition);
            self.told.push_front(transition.clone());
        }
        self.told.truncate(MOST_TOLD);
        self.bell.hear(&transitions, now);
        if !self.detection.is_folding() {
            self.save_alarms(now);
        }
        self.version += 1;
    }

    /// Alarms and the detectors that hold them go into one commit.
    pub(super) fn save_alarms(&mut self, now: Timestamp) {
        self.persistence.alarms(self.alarms.save(), self.detection.save(now));
    }

    /// Folds a part of history, where there is some left.
    pub(super) fn detect(&mut self, now: Timestamp) -> io::Result<()> {
        if self.detection.is_folding() && self.detection.step(&mut self.engine, now, &mut self.alarms)? {
            self.leftover.release();
            self.save_alarms(now);
        }
        if self.ended_after.is_some_and(|chunks| self.applied >= chunks) {
            self.detection.finish(&self.engine, now, &mut self.alarms);
        }
        Ok(())
    }

    /// A person has seen alarms; returns how many.
    pub fn acknowledge(&mut self, which: Which, by: &Label, now: Timestamp) -> usize {
        let meant = self.alarms.acknowledge(which, by, now);
        self.transitions(now);
        meant
    }

    /// A person wants to hear of alarms again later; returns how many.
    pub fn snooze(&mut self, which: Which, minutes: i64, by: &Label, now: Timestamp) -> usize {
        let meant = self.alarms.snooze(which, now.plus_ms(minutes.saturating_mul(MINUTE_MS)), by, now);
        self.transitions(now);
        meant
    }

    /// A person silences the bell, until an instant or, without one, until somebody resumes it.
    pub fn silence(&mut self, until: Option<Timestamp>, by: &Label, now: Timestamp) {
        self.bell.mute(until);
        let until = until.map(|until| format!(" until {}", self.config.zone.format(until, "%H:%M:%S")));
        self.tell(now, Mark::Note, "bell", &format!("silenced by {by}{}", until.unwrap_or_default()));
    }

    /// A person lets the bell ring again.
    pub fn resume(&mut self, by: &Label, now: Timestamp) {
        self.bell.unmute();
        self.tell(now, Mark::Note, "bell", &format!("let ring again by {by}"));
    }
}
