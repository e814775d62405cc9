//! The engine's thread: it alone changes the engine, with a screen in front of it or without one. Batches, orders and questions enter as
//! messages; commits, transitions and answers leave. It draws nothing and reads no file but its own state.

mod adjust;
mod alarms;
mod start;

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never, select};

use super::decode::{Decoded, Shared};
use super::desk::Desk;
use super::detect::Detection;
use super::generations::Generations;
use super::memory::Leftover;
use super::persist::{Applied, Opened, Persistence};
use super::pipeline::{Message, Pipeline};
use super::places::Places;
use super::publish::{EventLog, keep_status};
use super::setup::{RunError, Setup};
use super::viewpoint::Watched;
use crate::alarm::{Adjustments, Alarms, Budgets, Transition};
use crate::config::Config;
use crate::engine::bill::CostMode;
use crate::engine::{Engine, Post};
use crate::notifier::bell::Bell;
use crate::notifier::command::Hooks;
use crate::source::{Ask, Receiving, SourceStatus};
use crate::time::Timestamp;
use crate::ui::snapshot::Mark;
use start::Started;

/// The clock is looked at this often.
const TICK: Duration = Duration::from_secs(1);
/// Batches are applied this long before messages are looked at again.
const TURN: Duration = Duration::from_millis(10);
/// What stands between the core and a person: a screen, or a log.
pub(super) trait Front {
    /// What it asks for.
    type Order;

    /// Totals are known; the rows are still to be loaded. `false`: nobody is there any more.
    fn opening(&mut self, opened: &mut Opened, now: Timestamp) -> bool;

    /// Does what was asked for; `false`: the process is to end.
    ///
    /// # Errors
    /// The ledger's rows cannot be read.
    fn order(&mut self, core: &mut Core, order: Self::Order) -> io::Result<bool>;

    /// Shows what is new, if it is time to; `rings`: the bell is due now. `false`: nobody is there any more.
    ///
    /// # Errors
    /// The ledger's rows cannot be read.
    fn show(&mut self, core: &mut Core, rings: bool, now: Timestamp) -> io::Result<bool>;

    /// How long until [`Front::show`] has something to do; `None`: not before something comes.
    fn due_in(&self, core: &Core) -> Option<Duration>;
}

/// Everything the engine's thread owns.
pub(super) struct Core {
    pub config: Config,
    pub mode: CostMode,
    pub shared: Shared,
    pub places: Places,
    pub engine: Engine,
    pub budgets: Budgets,
    pub alarms: Alarms,
    pub adjustments: Adjustments,
    /// What alarms did last, the newest first.
    pub told: VecDeque<Transition>,
    /// How often the bell was due.
    pub rings: u64,
    pub bell: Bell,
    pub persistence: Persistence,
    pub log: EventLog,
    pub sources: Vec<SourceStatus>,
    pub lag_ms: Option<u64>,
    pub caught_up: bool,
    /// Moves whenever a snapshot would look different.
    pub version: u64,
    /// Charges that are open on some screen.
    pub watched: Watched,
    /// Questions that came and are not read yet.
    pub asks: VecDeque<Ask>,
    /// When the process began.
    pub since: Timestamp,
    detection: Detection,
    hooks: Hooks,
    /// What the last batch changed.
    posts: Vec<Post>,
    generations: Generations,
    /// Why what is cold stays in memory, as it was last told.
    uncooled: Option<String>,
    started: Instant,
    applied: u64,
    caught_up_after: Option<u64>,
    /// All sources have ended by themselves after so many batches.
    ended_after: Option<u64>,
    minute: i64,
    /// The last time answers changed by the clock alone.
    moved: Instant,
    leftover: Leftover,
}

/// Runs until the front quits. Everything applied is committed before it returns.
///
/// # Errors
/// See [`RunError`].
pub(super) fn run<F: Front>(setup: Setup, front: &mut F, orders: &Receiver<F::Order>) -> Result<(), RunError> {
    let Some(Started { mut core, pipeline, mut desk }) = start::start(setup, front)? else { return Ok(()) };
    let result = core.serve(&pipeline, front, orders, &mut desk);
    // Whoever still waits is told that this process ends.
    drop(desk);
    pipeline.stop();
    if let Err(RunError::Rows(_)) = &result {
        // The ledger may hold half a record: the state stays at its last commit, which is whole.
        return result;
    }
    core.save_alarms(Timestamp::now());
    core.keep_status(Timestamp::now());
    core.persistence.close(&mut core.engine)?;
    result
}

impl Core {
    fn serve<F: Front>(
        &mut self,
        pipeline: &Pipeline,
        front: &mut F,
        orders: &Receiver<F::Order>,
        desk: &mut Desk,
    ) -> Result<(), RunError> {
        // What has ended is never received from again; whoever is in front stays.
        let mut outcomes = self.persistence.outcomes();
        let mut hook_outcomes = self.hooks.outcomes().clone();
        let mut messages = pipeline.messages().clone();
        loop {
            let wait = self.wait(front, desk);
            select! {
                recv(messages) -> message => match message {
                    Ok(message) => {
                        self.message(message)?;
                        let turn = Instant::now();
                        while turn.elapsed() < TURN
                            && let Ok(message) = messages.try_recv()
                        {
                            self.message(message)?;
                        }
                    }
                    Err(_) if self.ended_after.is_some_and(|chunks| self.applied >= chunks) => messages = never(),
                    Err(_) => return Err(RunError::Cut),
                },
                recv(orders) -> order => {
                    let Ok(order) = order else { return Ok(()) };
                    if !front.order(self, order)? {
                        return Ok(());
                    }
                    self.version += 1;
                }
                recv(outcomes) -> outcome => match outcome {
                    Ok(outcome) => {
                        if let Some(text) = self.persistence.answered(outcome) {
                            self.tell(Timestamp::now(), Mark::Warn, "state", &text);
                        }
                    }
                    Err(_) => outcomes = never(),
                },
                recv(hook_outcomes) -> event => match event {
                    Ok(event) => self.tell(Timestamp::now(), Mark::Note, "hook", &event.to_string()),
                    Err(_) => hook_outcomes = never(),
                },
                default(wait) => {}
            }
            let now = Timestamp::now();
            self.detect(now)?;
            self.tick(now);
            // A part of a long answer, so that what comes in waits no longer than that.
            if self.engine.is_working() {
                self.engine.work()?;
                self.version += 1;
            }
            let rings = self.bell.ring(now);
            if rings {
                self.rings += 1;
                self.version += 1;
            }
            desk.answer(self, now)?;
            if let Some(text) = self.persistence.tick(&mut self.engine, now)? {
                self.tell(now, Mark::Warn, "state", &text);
            }
            if self.persistence.due_in(Instant::now()).is_some_and(|due| due.is_zero()) {
                self.keep_status(now);
                self.persistence.commit(&mut self.engine, false)?;
            }
            if !front.show(self, rings, now)? {
                return Ok(());
            }
        }
    }

    /// How long nothing needs to be done.
    fn wait(&self, front: &impl Front, desk: &Desk) -> Duration {
        if self.engine.is_working() || self.detection.is_folding() {
            return Duration::ZERO;
        }
        let due = [front.due_in(self), desk.due_in(self), self.persistence.due_in(Instant::now())];
        due.into_iter().flatten().fold(TICK, Duration::min)
    }

    fn message(&mut self, message: Message) -> Result<(), RunError> {
        let now = Timestamp::now();
        match message {
            Message::Decoded(decoded) => self.apply(*decoded, now)?,
            Message::Status(status) => {
                if let Some(text) = keep_status(&mut self.sources, status) {
                    self.log.add(now, Mark::Warn, "source", &text);
                }
                self.version += 1;
            }
            Message::Note { text, .. } => self.tell(now, Mark::Note, "source", &text),
            Message::Ask(ask) => self.asks.push_back(ask),
            Message::CaughtUp { chunks } => self.caught_up_after = Some(chunks),
            Message::Ended { chunks } => {
                self.ended_after = Some(chunks);
                self.caught_up_after = Some(self.caught_up_after.unwrap_or(chunks));
            }
        }
        if !self.caught_up && self.caught_up_after.is_some_and(|chunks| self.applied >= chunks) {
            self.caught_up = true;
            self.persistence.caught_up(&self.engine);
            self.leftover.release();
            self.detection.begin(&mut self.engine, now)?;
            let intake = self.engine.intake();
            let text = format!(
                "{} lines known, up to date in {:.2} s, {} rejected",
                intake.lines,
                self.started.elapsed().as_secs_f64(),
                intake.rejected_total()
            );
            self.tell(now, Mark::Note, "start", &text);
        }
        Ok(())
    }

    fn apply(&mut self, mut decoded: Decoded, now: Timestamp) -> Result<(), RunError> {
        self.applied += 1;
        if self.generations.insert(decoded.generation) {
            self.engine.intake_mut().files += 1;
        }
        self.posts.clear();
        self.engine.apply(&decoded.batch, now, &mut self.posts)?;
        self.budgets.apply(&self.posts, self.engine.names(), now, &mut self.alarms);
        self.correct(std::mem::take(&mut decoded.adjustments), decoded.batch.history, now);
        self.detection.apply(&self.posts, &self.engine, now, &mut self.alarms);
        if !decoded.batch.history && !decoded.batch.records.is_empty() {
            self.bell.live(now);
            let newest = decoded.batch.records.iter().filter_map(|record| record.time).max();
            if let Some(newest) = newest {
                self.lag_ms = Some(u64::try_from(now.ms() - newest.ms()).unwrap_or(0));
            }
        }
        self.watched.apply(&self.posts);
        self.leftover.applied(decoded.batch.intake.bytes);
        if let Some(position) = &decoded.position {
            self.places.note(position);
        }
        let intake = &decoded.batch.intake;
        let records = intake.records + decoded.batch.records.len() as u64;
        let receiving = Receiving { records, rejected: intake.rejected_total() };
        decoded.give_back();
        self.persistence.applied(Applied {
            generation: decoded.generation,
            position: decoded.position,
            bytes: decoded.batch.intake.bytes,
            receipt: decoded.receipt.map(|receipt| (receipt, receiving)),
            reserved: decoded.reserved,
        });
        self.transitions(now);
        self.version += 1;
        Ok(())
    }

    fn tick(&mut self, now: Timestamp) {
        self.leftover.release_when_calm();
        self.tell_of_memory(now);
        self.engine.tick(now);
        self.budgets.tick(self.engine.names(), now, &mut self.alarms);
        self.ripen(now);
        self.detection.tick(&self.engine, now, &mut self.alarms);
        self.transitions(now);
        if self.detection.is_save_due(now) {
            self.save_alarms(now);
        }
        // Windows end at the clock: they change by themselves each minute, and each second while a burn rate decays.
        if now.minute() != self.minute || (self.engine.is_moving() && self.moved.elapsed() >= TICK) {
            self.minute = now.minute();
            self.moved = Instant::now();
            self.version += 1;
        }
    }

    /// The temporary files refuse, or take what is cold again.
    fn tell_of_memory(&mut self, now: Timestamp) {
        let trouble = self.engine.trouble_with_files();
        if trouble == self.uncooled.as_deref() {
            return;
        }
        let text = match trouble {
            Some(error) => {
                format!(
                    "the temporary file takes no more ({error}): ledger rows and ids stay in memory; free '{}'",
                    std::env::temp_dir().display()
                )
            }
            None => "the temporary file takes ledger rows and ids again".to_owned(),
        };
        self.uncooled = trouble.map(str::to_owned);
        self.tell(now, Mark::Warn, "state", &text);
    }

    /// Adds an event that is to be seen.
    fn tell(&mut self, now: Timestamp, mark: Mark, kind: &'static str, text: &str) {
        self.log.add(now, mark, kind, text);
        self.version += 1;
    }
}
