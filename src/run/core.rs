//! The engine's thread: it alone changes the engine, with a screen in front of it or without one. Batches, orders and questions enter as
//! messages; commits, transitions and answers leave. It draws nothing and reads no file but its own state.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never, select};
use tokio::sync::oneshot;

use super::beside::said;
use super::decode::{Decoded, Shared};
use super::desk::Desk;
use super::detect::Detection;
use super::generations::Generations;
use super::memory::Leftover;
use super::persist::{Applied, META_ADJUSTMENTS, Opened, Persistence};
use super::pipeline::{Message, Pipeline};
use super::places::Places;
use super::publish::{EventLog, keep_status};
use super::reprice::{fingerprint, reprice};
use super::setup::{RunError, Setup};
use super::spent::take_up_budgets;
use super::viewpoint::Watched;
use crate::alarm::{AdjustError, Adjustment, Adjustments, Alarms, Budgets, Found, Transition, Which};
use crate::config::{Config, Each};
use crate::engine::bill::CostMode;
use crate::engine::{Engine, Options, Post};
use crate::label::Label;
use crate::notifier::bell::Bell;
use crate::notifier::command::Hooks;
use crate::source::spec::Spec;
use crate::source::{self, Ask, Receipt, Receiving, SourceStatus};
use crate::time::{MINUTE_MS, Timestamp};
use crate::ui::snapshot::Mark;

/// The clock is looked at this often.
const TICK: Duration = Duration::from_secs(1);
/// Batches are applied this long before messages are looked at again.
const TURN: Duration = Duration::from_millis(10);
/// Transitions remembered for those who ask.
const MOST_TOLD: usize = 200;
/// What history says of alarms is told if it is not older than a day.
const OLD_NEWS_MS: i64 = 1440 * MINUTE_MS;

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
    let now = Timestamp::now();
    let options =
        Options { zone: setup.config.zone, mode: setup.mode, own: setup.config.labels.own(), ..Options::default() };
    let mut opened = match &setup.state {
        Some(folder) => Opened::open(folder, options, (setup.config.labels.slots(), setup.config.state), now)?,
        None => Opened::without_state(options, now),
    };
    opened.engine.use_prices(std::sync::Arc::clone(&setup.book));
    if setup.state.is_some() {
        // Totals first: the rows follow while they are on the screen.
        if !front.opening(&mut opened, now) {
            return Ok(());
        }
        opened.load_rows(options, now)?;
        // A damaged state was set aside with its engine.
        opened.engine.use_prices(std::sync::Arc::clone(&setup.book));
    }
    let shared = Shared {
        zone: setup.config.zone,
        key: opened.key,
        book: setup.book,
        around: std::sync::Arc::clone(&setup.sources.around),
        labels: super::label_paths(&setup.config),
        keep_names: false,
        bodies: std::sync::Arc::clone(&opened.bodies),
    };
    let positions = std::mem::take(&mut opened.positions);
    let mut log = EventLog::new(setup.log.as_deref()).map_err(RunError::Log)?;
    let reading = source::Options {
        notify: setup.notify,
        from_end: setup.from_end,
        next_generation: opened.next_generation,
        positions: positions.clone(),
        access: setup.sources.access.clone(),
        control: control(setup.state.as_deref(), &mut log, now),
        ..source::Options::default()
    };
    for (mark, kind, text) in &setup.said {
        log.add(now, *mark, kind, text);
    }
    let mut desk = Desk::start()?;
    let mut places = Places::default();
    for position in &positions {
        places.note(position);
    }
    let prices = fingerprint(&shared.book);
    if opened.prices.as_ref() != Some(&prices) {
        for text in reprice(&mut opened.engine, &places, &shared)? {
            log.add(now, Mark::Note, "price", &text);
        }
        (opened.prices, opened.repriced) = (Some(prices), true);
    }
    let mut core = Core::new(setup.config, opened, setup.mode, log, now, shared.clone())?;
    core.places = places;
    for position in &positions {
        core.generations.insert(position.generation);
    }
    // Who listens for datagrams never knows that all came; what the kernel has dropped once stays missing.
    if setup.sources.specs.iter().any(|source| matches!(source.spec, Spec::Udp(_))) || core.engine.intake().dropped > 0
    {
        core.budgets.count_a_lower_bound();
    }
    let pipeline = Pipeline::start(setup.sources.specs, &reading, &shared)?;
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
    fn new(
        config: Config,
        mut opened: Opened,
        mode: CostMode,
        mut log: EventLog,
        now: Timestamp,
        shared: Shared,
    ) -> Result<Core, RunError> {
        let mut budgets = Budgets::new(config.zone, &config.budgets, now)?;
        let mut alarms = Alarms::default();
        for note in opened.notes.drain(..) {
            log.add(now, Mark::Warn, "state", &note);
        }
        if let Some(saved) = opened.alarms.take()
            && let Err(error) = alarms.load(&saved, now)
        {
            log.add(now, Mark::Warn, "state", &format!("saved alarms cannot be read ({error}): they begin anew"));
        }
        let per_session = config.budgets.iter().any(|budget| budget.each == Each::Session);
        let adjustments = match opened.adjustments.as_deref().map(|saved| Adjustments::load(saved, now)).transpose() {
            Ok(adjustments) => adjustments.unwrap_or_default(),
            Err(error) => {
                let text = format!("saved adjustments cannot be read ({error}): budgets stand without them");
                log.add(now, Mark::Warn, "state", &text);
                Adjustments::default()
            }
        };
        take_up_budgets(&mut budgets, &mut opened.engine, &mut alarms, adjustments.kept(), per_session, now)?;
        let detectors = opened.detectors.take();
        let (engine, beside) = (&opened.engine, (&mut alarms, now));
        let detection = Detection::new(config.alarm.detectors, config.zone, detectors.as_deref(), engine, beside);
        let mut bell = Bell::new(config.alarm, config.zone);
        bell.resume(&alarms.statuses());
        let hooks = Hooks::start(&config.hooks)?;
        let prices = opened.prices.take().unwrap_or_default();
        let mut persistence = opened.start_writer(mode, config.labels.slots(), prices, config.state)?;
        if opened.repriced {
            persistence.touch();
        }
        let mut core = Core {
            config,
            mode,
            shared,
            places: Places::default(),
            engine: opened.engine,
            budgets,
            alarms,
            adjustments,
            told: VecDeque::new(),
            rings: 0,
            watched: Watched::default(),
            asks: VecDeque::new(),
            since: now,
            detection,
            bell,
            hooks,
            persistence,
            log,
            sources: Vec::new(),
            posts: Vec::new(),
            generations: Generations::default(),
            uncooled: None,
            started: Instant::now(),
            applied: 0,
            caught_up_after: None,
            caught_up: false,
            ended_after: None,
            lag_ms: None,
            version: 1,
            minute: now.minute(),
            moved: Instant::now(),
            leftover: Leftover::new(),
        };
        core.transitions(now);
        Ok(core)
    }

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
                            self.log.add(Timestamp::now(), Mark::Warn, "state", &text);
                            self.version += 1;
                        }
                    }
                    Err(_) => outcomes = never(),
                },
                recv(hook_outcomes) -> event => match event {
                    Ok(event) => {
                        self.log.add(Timestamp::now(), Mark::Note, "hook", &event.to_string());
                        self.version += 1;
                    }
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
                self.log.add(now, Mark::Warn, "state", &text);
                self.version += 1;
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
            Message::Note { text, .. } => {
                self.log.add(now, Mark::Note, "source", &text);
                self.version += 1;
            }
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
            self.version += 1;
            self.leftover.release();
            self.detection.begin(&mut self.engine, now)?;
            let intake = self.engine.intake();
            let text = format!(
                "{} lines known, up to date in {:.2} s, {} rejected",
                intake.lines,
                self.started.elapsed().as_secs_f64(),
                intake.rejected_total()
            );
            self.log.add(now, Mark::Note, "start", &text);
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

    /// Takes the adjustments that a batch brought. They are kept in the commit that keeps its position, so each moves budgets once.
    fn correct(&mut self, found: Vec<Adjustment>, history: bool, now: Timestamp) {
        if found.is_empty() {
            return;
        }
        for adjustment in found {
            match self.adjustments.find(adjustment.clone(), now) {
                Ok(Found::Counts) => self.count(&adjustment, history, now),
                Ok(Found::Waits) => {
                    let time = self.config.zone.format(adjustment.time, "%Y-%m-%d %H:%M:%S");
                    self.log.add(now, Mark::Note, "budget", &format!("{}: waits for {time}", said(&adjustment)));
                }
                Ok(Found::Known) => {}
                Err(error) => self.log.add(now, Mark::Warn, "budget", &format!("not {}: {error}", said(&adjustment))),
            }
        }
        self.persistence.beside(META_ADJUSTMENTS, self.adjustments.save().into_bytes());
    }

    /// Moves budgets by what a log says; tells what came of it, but of history only what is wrong.
    fn count(&mut self, adjustment: &Adjustment, history: bool, now: Timestamp) {
        let names = self.engine.ledger().1;
        let moved = self.budgets.correct(adjustment, history, names, &mut self.alarms);
        let known = self.budgets.knows(adjustment);
        let heard = if moved == 0 && !history { known.and(Err(AdjustError::Nowhere)) } else { known };
        if let Err(error) = heard {
            self.log.add(now, Mark::Warn, "budget", &format!("{}: {error}", said(adjustment)));
        } else if !history {
            self.log.add(now, Mark::Note, "budget", &said(adjustment));
        }
    }

    /// Adjustments of logs whose time has come.
    fn ripen(&mut self, now: Timestamp) {
        let ripe = self.adjustments.ripe(now).to_vec();
        if ripe.is_empty() {
            return;
        }
        for adjustment in &ripe {
            self.count(adjustment, false, now);
        }
        self.persistence.beside(META_ADJUSTMENTS, self.adjustments.save().into_bytes());
        self.persistence.touch();
        self.version += 1;
    }

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
    fn save_alarms(&mut self, now: Timestamp) {
        self.persistence.alarms(self.alarms.save(), self.detection.save(now));
    }

    /// Folds a part of history, where there is some left.
    fn detect(&mut self, now: Timestamp) -> io::Result<()> {
        if self.detection.is_folding() && self.detection.step(&mut self.engine, now, &mut self.alarms)? {
            self.leftover.release();
            self.save_alarms(now);
        }
        if self.ended_after.is_some_and(|chunks| self.applied >= chunks) {
            self.detection.finish(&self.engine, now, &mut self.alarms);
        }
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
        self.log.add(now, Mark::Warn, "state", &text);
        self.version += 1;
    }

    /// A person silences the bell, until an instant or, without one, until somebody resumes it.
    pub fn silence(&mut self, until: Option<Timestamp>, by: &Label, now: Timestamp) {
        self.bell.mute(until);
        let until = until.map(|until| format!(" until {}", self.config.zone.format(until, "%H:%M:%S")));
        self.log.add(now, Mark::Note, "bell", &format!("silenced by {by}{}", until.unwrap_or_default()));
        self.version += 1;
    }

    /// A person lets the bell ring again.
    pub fn resume(&mut self, by: &Label, now: Timestamp) {
        self.bell.unmute();
        self.log.add(now, Mark::Note, "bell", &format!("let ring again by {by}"));
        self.version += 1;
    }

    /// A person corrects budgets; returns how many sums moved.
    /// What is to be answered waits for the commit that keeps it.
    ///
    /// # Errors
    /// [`AdjustError`]: nothing moved.
    pub fn adjust(
        &mut self,
        adjustment: Adjustment,
        now: Timestamp,
    ) -> Result<(usize, oneshot::Receiver<Receiving>), AdjustError> {
        let said = said(&adjustment);
        let names = self.engine.ledger().1;
        let moved = self.adjustments.take(adjustment, (&mut self.budgets, names), now, &mut self.alarms)?;
        if moved > 0 {
            self.log.add(now, Mark::Note, "budget", &said);
            self.persistence.beside(META_ADJUSTMENTS, self.adjustments.save().into_bytes());
            self.transitions(now);
            self.version += 1;
        }
        let (receipt, safe) = Receipt::new();
        let receipt = Some((receipt, Receiving::default()));
        self.persistence.applied(Applied { generation: 0, position: None, bytes: 0, receipt, reserved: None });
        Ok((moved, safe))
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
}

/// Where orders from a shell come in; `None` without a state, or where the system has no room for the path.
fn control(state: Option<&Path>, log: &mut EventLog, now: Timestamp) -> Option<PathBuf> {
    let path = crate::store::location::control(state?);
    if path.as_os_str().len() > crate::store::location::LONGEST_SOCKET {
        let text = "the state's path is too long for a socket: orders from a shell are not heard";
        log.add(now, Mark::Warn, "state", text);
        return None;
    }
    Some(path)
}
