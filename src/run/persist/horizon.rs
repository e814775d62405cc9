//! How far back single charges are known: how many bytes a state holds of each event day enters, the days to drop leave. It drops nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::config::StateConfig;
use crate::engine::days::day_of;
use crate::time::Timestamp;

/// Looked at this often: days end once a day.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Today and yesterday stay, however much they hold: what is said of them is still being corrected.
const DAYS_ALWAYS_KEPT: i32 = 2;
/// So many times the allowed size, and days go although something still comes for them.
const PATIENCE: u64 = 2;

/// Bytes that a state holds of each event day.
#[derive(Debug, Default)]
pub(super) struct SavedDays(BTreeMap<i32, SavedDay>);

#[derive(Debug, Default)]
struct SavedDay {
    bytes: u64,
    /// When something was last added; `None` since this process began.
    added: Option<Instant>,
}

impl SavedDays {
    /// A blob of rows was read.
    pub fn add(&mut self, day: i32, bytes: usize) {
        self.0.entry(day).or_default().bytes += bytes as u64;
    }

    fn bytes(&self) -> u64 {
        self.0.values().map(|day| day.bytes).sum()
    }
}

/// Decides which days go.
#[derive(Debug)]
pub(super) struct Horizon {
    config: StateConfig,
    days: SavedDays,
    /// Nothing is dropped before: the process is young, or a backlog is being read.
    busy_until: Instant,
    looked: Option<Instant>,
}

impl Horizon {
    /// Over what a state held when it was opened.
    pub fn new(config: StateConfig, days: SavedDays) -> Horizon {
        Horizon { config, days, busy_until: Instant::now() + config.settled, looked: None }
    }

    /// Rows were handed to the writer, days deleted; `backlog`: more came than a commit usually holds.
    pub fn appended(&mut self, rows: &[(i32, u32, Vec<u8>)], dropped: &[i32], backlog: bool) {
        let now = Instant::now();
        for day in dropped {
            self.days.0.remove(day);
        }
        for (day, _, bytes) in rows {
            let day = self.days.0.entry(*day).or_default();
            day.bytes += bytes.len() as u64;
            day.added = Some(now);
        }
        if backlog {
            self.busy_until = self.busy_until.max(now + self.config.settled);
        }
    }

    /// The days to drop now, the oldest first. None is passed over for a younger one.
    pub fn due(&mut self, clock: Timestamp, now: Instant) -> Vec<i32> {
        if self.looked.is_some_and(|looked| now < looked + LOOK_EVERY.min(self.config.settled)) {
            return Vec::new();
        }
        self.looked = Some(now);
        let today = day_of(clock.ms());
        let first_kept = today.saturating_sub(i32::from(self.config.horizon_days));
        let mut bytes = self.days.bytes();
        let mut due = Vec::new();
        for (day, saved) in &self.days.0 {
            let is_old = *day < first_kept;
            let is_too_much = bytes > self.config.max_bytes && *day <= today - DAYS_ALWAYS_KEPT;
            let settled = now >= self.busy_until && saved.added.is_none_or(|added| now >= added + self.config.settled);
            let overflows = is_too_much && bytes > self.config.max_bytes.saturating_mul(PATIENCE);
            if !(is_old || is_too_much) || !(settled || overflows) {
                break;
            }
            due.push(*day);
            bytes -= saved.bytes;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DAY_MS;

    fn horizon(horizon_days: u16, max_bytes: u64) -> Horizon {
        let config = StateConfig { horizon_days, max_bytes, settled: Duration::from_secs(60) };
        Horizon::new(config, SavedDays::default())
    }

    fn rows(day: i32, bytes: usize) -> Vec<(i32, u32, Vec<u8>)> {
        vec![(day, 1, vec![0; bytes])]
    }

    fn at(day: i64) -> Timestamp {
        Timestamp::from_ms(day * DAY_MS + 1)
    }

    #[test]
    fn old_days_go_once_nothing_comes_for_them() {
        let mut horizon = horizon(90, u64::MAX);
        let begun = Instant::now();
        for day in [899, 905, 909, 910, 1000] {
            horizon.appended(&rows(day, 10), &[], false);
        }
        assert_eq!(horizon.due(at(1000), begun), [0; 0], "a young process");
        let later = Instant::now() + Duration::from_secs(61);
        assert_eq!(horizon.due(at(1000), later), [899, 905, 909]);
        assert_eq!(horizon.due(at(1000), later), [0; 0], "asked a moment ago");
        horizon.appended(&[], &[899, 905, 909], false);
        assert_eq!(horizon.due(at(1001), later + LOOK_EVERY), [910]);
        assert_eq!(horizon.due(at(1000), later + LOOK_EVERY * 2), [0; 0], "the clock went back");
    }

    #[test]
    fn a_day_that_still_gets_rows_holds_back_those_after_it() {
        let mut horizon = horizon(90, u64::MAX);
        horizon.days.add(800, 10);
        horizon.days.add(802, 10);
        horizon.busy_until = Instant::now();
        horizon.appended(&rows(801, 10), &[], false);
        assert_eq!(horizon.due(at(1000), Instant::now()), [800]);
        horizon.looked = None;
        horizon.appended(&[], &[800], true);
        assert_eq!(horizon.due(at(1000), Instant::now()), [0; 0], "a backlog is being read");
    }

    #[test]
    fn too_many_bytes_take_the_oldest_days_but_never_today_and_yesterday() {
        let mut horizon = horizon(90, 100);
        for day in 990..=1000 {
            horizon.days.add(day, 20);
        }
        horizon.busy_until = Instant::now();
        let now = Instant::now();
        assert_eq!(horizon.due(at(1000), now), [990, 991, 992, 993, 994, 995]);
        horizon.looked = None;
        horizon.days.add(999, 1000);
        horizon.days.add(1000, 1000);
        assert_eq!(horizon.due(at(1000), now), (990..=998).collect::<Vec<_>>());
    }

    #[test]
    fn twice_the_size_is_not_waited_for() {
        let mut horizon = horizon(90, 100);
        for day in 990..=1000 {
            horizon.appended(&rows(day, 25), &[], true);
        }
        assert_eq!(horizon.due(at(1000), Instant::now()), [990, 991, 992], "down to twice the size");
    }
}
