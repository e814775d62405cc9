//! What a series usually is at this hour: its figure of each minute enters, the usual figure of the hour and kind of day leaves.

use super::bytes::{put_real, put_signed, put_varint, take_real, take_signed, take_u32};
use super::calendar::{Calendar, SLOTS};

/// Minutes in a slot before it is known: an hour.
const KNOWN: u32 = 60;
/// The usual follows over so many minutes of the same slot: twelve days of one hour.
const MEMORY: f64 = 12.0 * 60.0;
/// Minutes in a slot before one minute counts at most five times the usual.
const STEADY: u32 = 120;
const WINSOR: f64 = 5.0;
/// The longest silence that is learned minute by minute; a longer one is a pause of the log, not a habit.
const LONGEST_GAP: i64 = 14 * 24 * 60;
/// The calendar's grain: a slot begins only at these.
const QUARTER: i64 = 15;

/// The usual figure by slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    usual: [f64; SLOTS],
    minutes: [u32; SLOTS],
    /// The next minute to learn.
    next: i64,
}

impl Level {
    /// Nothing is known; the first minute is `minute`.
    pub(super) fn new(minute: i64) -> Level {
        Level { usual: [0.0; SLOTS], minutes: [0; SLOTS], next: minute }
    }

    /// The usual of a minute and its share of the busiest slot's, by what was learned before; `None` while the hour is not known. The
    /// minutes since the last one were zero. Learns `value`.
    pub(super) fn place(&mut self, minute: i64, value: f64, calendar: &mut Calendar) -> Option<(f64, f64)> {
        self.catch_up(minute, calendar);
        let slot = calendar.slot(minute);
        let known = (self.minutes[slot] >= KNOWN && self.usual[slot] > 0.0).then(|| {
            let busiest = (0..SLOTS).filter(|slot| self.minutes[*slot] >= KNOWN).map(|slot| self.usual[slot]);
            let busiest = busiest.fold(f64::MIN_POSITIVE, f64::max);
            (self.usual[slot], self.usual[slot] / busiest)
        });
        self.learn(slot, value);
        self.next = minute + 1;
        known
    }

    fn learn(&mut self, slot: usize, value: f64) {
        let usual = &mut self.usual[slot];
        let minutes = self.minutes[slot].saturating_add(1);
        self.minutes[slot] = minutes;
        let mut step = value - *usual;
        if minutes > STEADY {
            step = step.min(WINSOR * *usual + 1e-3);
        }
        *usual += (1.0 / MEMORY).max(1.0 / f64::from(minutes)) * step;
    }

    /// Learns zeros up to `minute`, a quarter of an hour at once.
    fn catch_up(&mut self, minute: i64, calendar: &mut Calendar) {
        let mut at = self.next.max(minute - LONGEST_GAP);
        while at < minute {
            let until = ((at.div_euclid(QUARTER) + 1) * QUARTER).min(minute);
            let slot = calendar.slot(at);
            for _ in at..until {
                self.learn(slot, 0.0);
            }
            at = until;
        }
    }

    pub(super) fn save(&self, out: &mut Vec<u8>) {
        put_signed(self.next, out);
        for (usual, minutes) in self.usual.iter().zip(self.minutes) {
            put_varint(minutes.into(), out);
            if minutes > 0 {
                put_real(*usual, out);
            }
        }
    }

    pub(super) fn load(bytes: &mut &[u8]) -> Option<Level> {
        let mut level = Level::new(take_signed(bytes)?);
        for slot in 0..SLOTS {
            level.minutes[slot] = take_u32(bytes)?;
            if level.minutes[slot] > 0 {
                level.usual[slot] = take_real(bytes)?;
            }
        }
        Some(level)
    }
}
