//! What the screen is handed: the engine's answer with budgets, alarms, events and sources beside it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::alarm::{AlarmState, AlarmStatus, BudgetStatus, Transition};
use crate::config::Severity;
use crate::engine::names::{NameId, Names};
use crate::engine::view::View;
use crate::label::{Label, clean};
use crate::source::{SourceState, SourceStatus};
use crate::time::Timestamp;
use crate::ui::snapshot::{EventLine, Mark};

/// Events kept for the list.
const EVENTS: usize = 200;

/// Notable things, newest first.
#[derive(Default)]
pub(super) struct EventLog {
    lines: VecDeque<EventLine>,
    /// Lines added so far.
    count: u64,
    unpriced: HashSet<Label>,
    file: Option<File>,
}

impl EventLog {
    /// An empty list; lines go to `path`, too, which only its owner can read where it is new.
    pub fn new(path: Option<&Path>) -> io::Result<EventLog> {
        let file = path.map(|path| OpenOptions::new().create(true).append(true).mode(0o600).open(path)).transpose()?;
        Ok(EventLog { file, ..EventLog::default() })
    }

    /// Adds a sentence.
    pub fn add(&mut self, time: Timestamp, mark: Mark, kind: &'static str, text: &str) {
        let text = clean(text).into_owned();
        if let Some(file) = &mut self.file
            && let Err(error) = writeln!(file, "{time} {kind} {text}")
        {
            // Said once, where it can still be read.
            self.file = None;
            let text = format!("the log cannot be written any more ({error})");
            self.lines.push_front(EventLine { time, mark: Mark::Warn, kind: "log", text });
            self.count += 1;
        }
        self.lines.push_front(EventLine { time, mark, kind, text });
        self.count += 1;
        self.lines.truncate(EVENTS);
    }

    /// Adds what an alarm did. That it may soon be over is not told: the next line is that it is, or that it fires again.
    pub fn transition(&mut self, transition: &Transition) {
        if transition.state == AlarmState::Recovering {
            return;
        }
        let mark = match (transition.state, transition.severity) {
            (AlarmState::Resolved, _) => Mark::Good,
            _ if transition.again => Mark::Note,
            (AlarmState::Firing, Severity::Page | Severity::Critical) => Mark::Alarm,
            (AlarmState::Firing, _) => Mark::Limit,
            _ => Mark::Note,
        };
        let text = match transition.state {
            AlarmState::Acknowledged => format!("seen{}: {}", by(transition), transition.message),
            AlarmState::Snoozed => format!("snoozed{}: {}", by(transition), transition.message),
            AlarmState::Resolved => format!("over: {}", transition.message),
            _ if transition.again => format!("again: {}", transition.message),
            _ => transition.message.clone(),
        };
        self.add(transition.time, mark, transition.cause, &text);
    }

    /// Adds a line for each model that turned out to have no price.
    pub fn unpriced(&mut self, now: Timestamp, view: &View) {
        for (model, tokens) in &view.unpriced_models {
            if self.unpriced.insert(model.clone()) {
                let text = format!("{model} has no price · {tokens} tokens unpriced");
                self.add(now, Mark::Warn, "price", &text);
            }
        }
    }

    /// How many lines there ever were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What was added behind the first `told` lines, the oldest first; of very many the newest.
    pub fn since(&self, told: u64) -> impl Iterator<Item = &EventLine> {
        let new = usize::try_from(self.count - told).unwrap_or(usize::MAX).min(self.lines.len());
        self.lines.range(..new).rev()
    }

    /// The newest lines.
    pub fn lines(&self) -> Vec<EventLine> {
        self.lines.iter().cloned().collect()
    }
}

/// Whose doing it was, if it was a person's.
fn by(transition: &Transition) -> String {
    transition.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"))
}

/// The numbers of the names that alarms and budgets speak of, so that the screen can ask for them.
pub(super) fn numbers(names: &Names, alarms: &[AlarmStatus], budgets: &[&Vec<BudgetStatus>]) -> HashMap<Label, NameId> {
    let of_alarms = alarms.iter().filter_map(|alarm| alarm.key.as_ref());
    let of_budgets = budgets.iter().copied().flatten().filter_map(|budget| budget.key.as_ref());
    of_alarms.chain(of_budgets).filter_map(|key| Some((key.clone(), names.find(key.as_str())?))).collect()
}

/// Keeps the newest status of each source, in order.
pub(super) fn keep_status(sources: &mut Vec<SourceStatus>, status: SourceStatus) -> Option<String> {
    let lost = match &status.state {
        SourceState::Lost(why) => Some(format!("{}: {why}", status.name)),
        _ => None,
    };
    if let Some(other) = sources.iter_mut().find(|other| other.source == status.source) {
        let news = lost.filter(|_| other.state != status.state);
        *other = status;
        return news;
    }
    sources.push(status);
    sources.sort_by_key(|status| status.source);
    lost
}

/// The share of the backlog that has been read.
pub(super) fn progress(sources: &[SourceStatus]) -> f64 {
    let total: u64 = sources.iter().map(|status| status.total_bytes).sum();
    let read: u64 = sources.iter().map(|status| status.read_bytes.min(status.total_bytes)).sum();
    if total == 0 { 0.0 } else { read as f64 / total as f64 }
}
