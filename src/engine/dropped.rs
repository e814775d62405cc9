//! Days beyond the horizon: their rows go, part by part, their charges stay as sums by local day and profile, so that reports are whole.

use std::collections::BTreeSet;
use std::io;

use super::Engine;
use super::counters::Counters;
use super::days::Days;
use super::names::ProfileId;
use super::tier::Tier;
use crate::time::{Period, Timestamp};

/// Segments of rows looked at at once: 0.2 ms in the mean, where a day is dropped of ninety (tests/retention.rs).
const SEGMENTS_AT_ONCE: usize = 32;

/// Sums of charges whose rows are gone, and a drop that is under way.
#[derive(Debug)]
pub(super) struct Dropped {
    /// By the minute in which a local day begins.
    pub(super) sums: Tier<Counters>,
    /// Days whose rows a state is to delete.
    pub(super) gone: BTreeSet<i32>,
    running: Option<Running>,
}

/// A drop goes through the segments that were there when it began.
#[derive(Debug)]
struct Running {
    before: Days,
    days: Vec<i32>,
    next: usize,
    end: usize,
}

impl Dropped {
    pub(super) fn new(collect_changes: bool) -> Dropped {
        Dropped { sums: Tier::new(collect_changes), gone: BTreeSet::new(), running: None }
    }
}

impl Engine {
    /// Begins to drop event days, in order of time; what comes for them is late from now on. [`Engine::drop_on`] does the rest. Until it
    /// has, nothing may be saved: what a state has of these days and what their sums say belong into one commit.
    pub fn drop_days(&mut self, days: &[i32]) {
        // One that runs already goes on with more days, from the start.
        let before = self.dropped.running.take();
        let mut all: Vec<i32> = before.as_ref().map(|running| running.days.clone()).unwrap_or_default();
        all.extend(days);
        let before = before.map_or_else(|| self.ledger.dropped_days().clone(), |running| running.before);
        self.ledger.drop_days(days.iter().copied());
        self.dropped.running = Some(Running { before, days: all, next: 0, end: self.ledger.rows().segments() });
        self.version += 1;
    }

    /// A drop is under way.
    #[must_use]
    pub fn is_dropping(&self) -> bool {
        self.dropped.running.is_some()
    }

    /// Goes on with a drop; `true` while there is more to do.
    ///
    /// # Errors
    /// The rows' file cannot be read or written: nothing of this engine may be saved any more.
    pub fn drop_on(&mut self) -> io::Result<bool> {
        let Some(mut running) = self.dropped.running.take() else { return Ok(false) };
        // Lists hold numbers of rows that go now.
        self.kept.clear();
        let end = running.end.min(running.next + SEGMENTS_AT_ONCE);
        let Engine { ledger, names, dropped, options, .. } = self;
        for segment in running.next..end {
            ledger.drop_segment(segment, &running.before, names, |bill| {
                let day = options.zone.period(Period::Day, bill.time).0.minute();
                dropped.sums.entry(day, bill.profile).add(&bill.sums(), 1);
            })?;
        }
        running.next = end;
        self.version += 1;
        if running.next < running.end {
            self.dropped.running = Some(running);
            return Ok(true);
        }
        self.ledger.finish_dropping();
        self.dropped.gone.extend(running.days);
        Ok(false)
    }

    /// The sums of dropped charges: when their local day begins, profile, sums.
    pub fn for_each_dropped(&self, mut each: impl FnMut(Timestamp, ProfileId, &Counters)) {
        self.dropped.sums.for_each(.., |minute, profile, sums| {
            each(Timestamp::from_ms(minute * crate::time::MINUTE_MS), profile, sums);
        });
    }

    /// Event days whose rows were dropped.
    #[must_use]
    pub fn dropped_days(&self) -> &Days {
        self.ledger.dropped_days()
    }

    /// Takes up the days that a state says were dropped; `false` for text that names none. Before rows are loaded.
    pub fn load_dropped_days(&mut self, text: &str) -> bool {
        Days::load(text).map(|days| self.ledger.load_dropped_days(days)).is_some()
    }
}
