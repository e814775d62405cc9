//! What the logs hold when somebody starts looking: a seed and a span enter, files with their rotations leave.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::lines::{APPLICATION, Append, GATEWAY, Scribe, bad_line};
use super::traffic::Traffic;
use super::truth::Truth;
use crate::time::Timestamp;

/// A stretch of time and how much happens in it.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// First possible call.
    pub start: Timestamp,
    /// No call completes at or after it.
    pub end: Timestamp,
    /// Ordinary calls; waves move the exact number by a few.
    pub calls: u64,
    /// Calls in 1,000 of the span that lie in its last tenth: 100 is even, more is a rising day.
    pub rush_permille: u64,
    /// A stretch in which an agent runs away, with the milliseconds between its calls.
    pub runaway: Option<(Timestamp, Timestamp, i64)>,
}

impl Span {
    /// Mean milliseconds to the next call after `at`.
    fn gap(&self, at: Timestamp) -> u64 {
        let length = (self.end.ms() - self.start.ms()).max(1) as u64;
        let rush = self.end.plus_ms(-(length / 10).cast_signed());
        let (part, permille) = if at >= rush {
            (length / 10, self.rush_permille)
        } else {
            (length - length / 10, 1000 - self.rush_permille)
        };
        let gap = part * 1000 / (self.calls * permille).max(1);
        // Waves of ten minutes: four fifths to six fifths of the mean.
        let phase = (at.ms() - self.start.ms()).rem_euclid(600_000).unsigned_abs();
        let up = if phase < 300_000 { phase } else { 600_000 - phase };
        (gap * (800 + up * 400 / 300_000) / 1000).max(1)
    }
}

/// The part of the gateway's log, in 1,000, that was rotated away before the end.
const ROTATED_PERMILLE: usize = 550;
/// Bad lines for 1,000 calls.
const BAD_LINES_PERMILLE: u64 = 9;

/// Calls of `span`, told to `write` in the order of their ends; the truth stays in `traffic`.
pub fn play(traffic: &mut Traffic, span: Span, scribe: &mut Scribe, mut write: impl FnMut(Append)) {
    let mut next = span.start.plus_ms(traffic.random().between(0, 2 * span.gap(span.start)).cast_signed());
    let mut next_runaway = span.runaway.map(|(start, ..)| start);
    loop {
        let runs_away = next_runaway.is_some_and(|at| at < next);
        let at = next_runaway.filter(|_| runs_away).unwrap_or(next);
        if at >= span.end {
            return;
        }
        let call = if runs_away {
            next_runaway =
                span.runaway.map(|(_, end, gap)| (at.plus_ms(gap), end)).and_then(|(at, end)| (at < end).then_some(at));
            traffic.runaway_call(at)
        } else {
            next = at.plus_ms(1 + traffic.random().between(0, 2 * span.gap(at)).cast_signed());
            traffic.call(at)
        };
        scribe.write(&call, traffic.random()).into_iter().for_each(&mut write);
        if traffic.random().chance(BAD_LINES_PERMILLE) {
            let lines = bad_line(at, traffic.random());
            traffic.add_bad_line();
            write(Append { file: PathBuf::from(APPLICATION), lines });
        }
    }
}

/// Writes the logs of `span` into `folder`, the older half of the gateway's as `gateway.jsonl.1`. What was in them before is replaced.
///
/// # Errors
/// What the file system says.
pub fn write_history(folder: &Path, seed: u64, span: Span, cache_breaks_at: Timestamp) -> io::Result<Truth> {
    let mut traffic = Traffic::new(seed, cache_breaks_at);
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    play(&mut traffic, span, &mut Scribe::default(), |append| {
        files.entry(append.file).or_default().push_str(&append.lines);
    });
    for (file, text) in files {
        let path = folder.join(&file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        if file == Path::new(GATEWAY) {
            let middle = text.len() * ROTATED_PERMILLE / 1000;
            let cut = text.get(middle..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| middle + at + 1);
            fs::write(folder.join(format!("{GATEWAY}.1")), &text[..cut])?;
            fs::write(path, &text[cut..])?;
        } else {
            fs::write(path, text)?;
        }
    }
    Ok(traffic.truth().clone())
}
