//! The stream of the demo: a wall clock enters, lines to append leave. It touches no file; [`Appender`] does.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::lines::{APPLICATION, Append, GATEWAY, Scribe, bad_line};
use super::traffic::Traffic;
use super::truth::Truth;
use crate::time::Timestamp;

/// What happens to the files in one step: the rotation first, then the lines.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// The gateway's log is renamed and begun anew.
    pub rotate: bool,
    /// In order.
    pub appends: Vec<Append>,
}

/// Milliseconds after the start at which the agent runs away first.
const RUNAWAY_AFTER_MS: i64 = 4_000;
/// How long it runs before somebody stops it.
const RUNAWAY_FOR_MS: i64 = 45_000;
/// From one such run to the next.
const RUNAWAY_EVERY_MS: i64 = 300_000;
/// Milliseconds between its calls.
const RUNAWAY_GAP_MS: i64 = 700;
/// The gateway's log is rotated once a minute.
const ROTATE_EVERY_MS: i64 = 60_000;
/// One wave of the ordinary traffic.
const WAVE_MS: i64 = 45_000;
/// Mean gap between calls at the crest and in the trough of a wave: 6 and 3 requests a second.
const GAPS_MS: (i64, i64) = (166, 333);
/// After a pause (a suspended machine) the stream goes on from here instead of telling hours at once.
const LONGEST_STEP_MS: i64 = 10_000;

/// An endless traffic from `start` on.
#[derive(Debug)]
pub struct Live {
    traffic: Traffic,
    scribe: Scribe,
    start: Timestamp,
    next: Timestamp,
    next_runaway: Timestamp,
    next_rotation: Timestamp,
}

impl Live {
    /// The stream of `seed`, whose first line comes at or after `start`.
    #[must_use]
    pub fn new(seed: u64, start: Timestamp) -> Live {
        Live {
            traffic: Traffic::new(seed, start),
            scribe: Scribe::default(),
            start,
            next: start,
            next_runaway: start.plus_ms(RUNAWAY_AFTER_MS),
            next_rotation: start.plus_ms(ROTATE_EVERY_MS),
        }
    }

    /// What all lines so far tell, each request once.
    #[must_use]
    pub const fn truth(&self) -> &Truth {
        self.traffic.truth()
    }

    /// What happened up to and at `now`.
    pub fn step(&mut self, now: Timestamp) -> Step {
        let mut step = Step::default();
        let earliest = now.plus_ms(-LONGEST_STEP_MS);
        self.next = self.next.max(earliest);
        if self.next_runaway < earliest {
            self.next_runaway = self.runaway_after(earliest);
        }
        if now >= self.next_rotation {
            step.rotate = true;
            self.next_rotation = now.plus_ms(ROTATE_EVERY_MS);
        }
        loop {
            let runs_away = self.next_runaway < self.next;
            let at = if runs_away { self.next_runaway } else { self.next };
            if at > now {
                return step;
            }
            let call = if runs_away {
                self.next_runaway = self.runaway_after(at.plus_ms(RUNAWAY_GAP_MS));
                if self.next_runaway.ms() - at.ms() > RUNAWAY_GAP_MS {
                    self.traffic.stop_runaway();
                }
                self.traffic.runaway_call(at)
            } else {
                let mean = self.mean_gap(at);
                self.next = at.plus_ms(1 + self.traffic.random().between(0, 2 * mean).cast_signed());
                self.traffic.call(at)
            };
            step.appends.extend(self.scribe.write(&call, self.traffic.random()));
            if self.traffic.random().chance(2) {
                let lines = bad_line(at, self.traffic.random());
                self.traffic.add_bad_line();
                step.appends.push(Append { file: PathBuf::from(APPLICATION), lines });
            }
        }
    }

    /// The first instant at or after `at` at which the agent is running away.
    fn runaway_after(&self, at: Timestamp) -> Timestamp {
        let since = at.ms() - self.start.ms() - RUNAWAY_AFTER_MS;
        let phase = since.rem_euclid(RUNAWAY_EVERY_MS);
        if phase < RUNAWAY_FOR_MS { at } else { at.plus_ms(RUNAWAY_EVERY_MS - phase) }
    }

    fn mean_gap(&self, at: Timestamp) -> u64 {
        let (crest, trough) = GAPS_MS;
        let phase = (at.ms() - self.start.ms()).rem_euclid(WAVE_MS);
        let from_crest = (phase - WAVE_MS / 2).abs() * 2; // 0 at the crest, WAVE_MS in the trough
        (crest + (trough - crest) * from_crest / WAVE_MS).unsigned_abs()
    }
}

/// Carries out steps in a folder.
#[derive(Debug)]
pub struct Appender {
    folder: PathBuf,
}

/// Rotated gateway logs that are kept.
const KEPT_ROTATIONS: u32 = 3;

impl Appender {
    /// Appends below `folder`.
    #[must_use]
    pub fn new(folder: &Path) -> Appender {
        Appender { folder: folder.to_owned() }
    }

    /// Rotates, then appends, one write for each file's lines.
    ///
    /// # Errors
    /// What the file system says.
    pub fn apply(&self, step: &Step) -> io::Result<()> {
        if step.rotate {
            self.rotate()?;
        }
        for append in &step.appends {
            let path = self.folder.join(&append.file);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            OpenOptions::new().create(true).append(true).open(path)?.write_all(append.lines.as_bytes())?;
        }
        Ok(())
    }

    fn rotate(&self) -> io::Result<()> {
        let old = |number: u32| self.folder.join(format!("{GATEWAY}.{number}"));
        for number in (1..KEPT_ROTATIONS).rev() {
            if old(number).exists() {
                fs::rename(old(number), old(number + 1))?;
            }
        }
        let current = self.folder.join(GATEWAY);
        if current.exists() { fs::rename(current, old(1)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_ms(1_795_297_733_099);

    fn files(appends: &[Append]) -> std::collections::BTreeMap<&Path, String> {
        let mut files = std::collections::BTreeMap::<&Path, String>::new();
        for append in appends {
            files.entry(&append.file).or_default().push_str(&append.lines);
        }
        files
    }

    #[test]
    fn the_stream_does_not_depend_on_how_often_one_looks() {
        let (mut often, mut seldom) = (Live::new(3, START), Live::new(3, START));
        let mut small = Vec::new();
        for tenth in 1..=600 {
            small.extend(often.step(START.plus_ms(tenth * 100)).appends);
        }
        let mut large = Vec::new();
        for second in (5..=60).step_by(5) {
            large.extend(seldom.step(START.plus_ms(second * 1000)).appends);
        }
        assert_eq!(files(&small), files(&large));
        assert_eq!(often.truth(), seldom.truth());
        let calls = often.truth().total.requests;
        assert!((180..=480).contains(&calls), "{calls} calls in a minute");
    }

    #[test]
    fn a_suspended_machine_does_not_tell_hours_at_once() {
        let mut live = Live::new(3, START);
        live.step(START.plus_ms(10_000));
        let before = live.truth().total.requests;
        live.step(START.plus_ms(7_200_000));
        assert!(live.truth().total.requests - before < 150);
    }

    #[test]
    fn rotation_keeps_every_line() {
        let folder = tempfile::tempdir().unwrap();
        let (mut live, appender) = (Live::new(3, START), Appender::new(folder.path()));
        let mut told = 0;
        for second in (5..=150).step_by(5) {
            let step = live.step(START.plus_ms(second * 1000));
            told += step.appends.iter().filter(|append| append.file == Path::new(GATEWAY)).count();
            appender.apply(&step).unwrap();
        }
        let lines = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap().lines().count();
        assert_eq!(lines("gateway.jsonl") + lines("gateway.jsonl.1") + lines("gateway.jsonl.2"), told);
    }
}
