//! Detectors while the dashboard is open: posts and time enter, conditions for the alarms leave, and what is to be saved.
//!
//! Until everything that was there has been read they are off. Then they fold it from the ledger, in order, silently and some at once, so
//! that the screen goes on; what comes meanwhile waits. After a restart they go on where they were saved, and fold only what came since.

use std::io;

use super::fold::Fold;
use crate::alarm::{Alarms, Anomalies};
use crate::config::DetectorsConfig;
use crate::engine::{Engine, Post};
use crate::time::{MINUTE_MS, Timestamp, Zone};

/// Charges folded between two looks at messages: some ten milliseconds.
const AT_ONCE: usize = 1 << 13;
/// The watermark is this far behind (docs/alarms.md).
const BEHIND_MS: i64 = 5_000;
/// While no alarm moves, detectors are saved this often: what came since is folded again after a restart.
const SAVE_APART_MS: i64 = 5 * MINUTE_MS;

/// The detectors and how far they are.
pub(super) struct Detection {
    anomalies: Anomalies,
    phase: Phase,
    /// What was saved last, and when.
    saved: Timestamp,
    saved_at: Timestamp,
}

enum Phase {
    /// History is being read.
    Off,
    /// History is being folded.
    Folding(Fold),
    /// Charges are folded as they come.
    Live,
    /// No charge will come any more.
    Ended,
}

impl Detection {
    /// Detectors that know what was saved, and else nothing.
    pub fn new(
        config: DetectorsConfig,
        zone: Zone,
        saved: Option<&[u8]>,
        engine: &Engine,
        (alarms, now): (&mut Alarms, Timestamp),
    ) -> Detection {
        let mut anomalies = Anomalies::new(config, zone);
        anomalies.load(saved, engine.names(), now, alarms);
        let saved = anomalies.watermark();
        Detection { anomalies, phase: Phase::Off, saved, saved_at: now }
    }

    /// Everything that was there has been read: the fold begins.
    pub fn begin(&mut self, engine: &mut Engine, now: Timestamp) -> io::Result<()> {
        if self.anomalies.is_off() || !matches!(self.phase, Phase::Off) {
            return Ok(());
        }
        let Some(newest) = engine.newest() else {
            self.phase = Phase::Live;
            return Ok(());
        };
        let after = self.anomalies.watermark();
        let until = newest.min(now).plus_ms(-BEHIND_MS).max(after);
        self.anomalies.go_live(until);
        let anomalies = &mut self.anomalies;
        let fold = Fold::new(engine, (after, until), true, |post| anomalies.wait(post, now))?;
        self.phase = Phase::Folding(fold);
        Ok(())
    }

    /// History is not folded to its end.
    pub fn is_folding(&self) -> bool {
        matches!(self.phase, Phase::Folding(_))
    }

    /// Folds a part of history; `true` when that was the last.
    pub fn step(&mut self, engine: &mut Engine, now: Timestamp, alarms: &mut Alarms) -> io::Result<bool> {
        let Phase::Folding(fold) = &mut self.phase else { return Ok(false) };
        let charges = fold.next(engine, AT_ONCE)?;
        if charges.is_empty() {
            self.phase = Phase::Live;
            return Ok(true);
        }
        for charge in charges {
            self.anomalies.fold(charge, engine.names(), now, alarms);
        }
        Ok(false)
    }

    /// Takes posts as they come.
    pub fn apply(&mut self, posts: &[Post], engine: &Engine, now: Timestamp, alarms: &mut Alarms) {
        match &self.phase {
            Phase::Off | Phase::Ended => {} // the ledger has them
            Phase::Folding(_) => posts.iter().for_each(|post| self.anomalies.wait(post, now)),
            Phase::Live => self.anomalies.apply(posts, engine.names(), now, alarms),
        }
    }

    /// The clock moves.
    pub fn tick(&mut self, engine: &Engine, now: Timestamp, alarms: &mut Alarms) {
        if matches!(self.phase, Phase::Live) {
            self.anomalies.tick(engine.names(), now, alarms);
        }
    }

    /// All sources have ended, and everything they brought has been applied.
    pub fn finish(&mut self, engine: &Engine, now: Timestamp, alarms: &mut Alarms) {
        if matches!(self.phase, Phase::Live) {
            self.phase = Phase::Ended;
            self.anomalies.finish(engine.names(), now, alarms);
        }
    }

    /// What is to be saved beside the alarms; nothing while history is folded, as it would be folded again.
    pub fn save(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        if self.anomalies.is_off() || matches!(self.phase, Phase::Off | Phase::Folding(_)) {
            return None;
        }
        self.saved = self.anomalies.watermark();
        self.saved_at = now;
        Some(self.anomalies.save())
    }

    /// So much came since it was saved that it should be again.
    pub fn is_save_due(&self, now: Timestamp) -> bool {
        self.anomalies.watermark() > self.saved && now >= self.saved_at.plus_ms(SAVE_APART_MS)
    }
}
