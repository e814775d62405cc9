//! The engine's thread while the dashboard is open: it alone changes the engine, and everything else asks it by message.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, never, select};

use super::Sources;
use super::decode::{Decoded, Shared};
use super::detect::Detection;
use super::memory::Leftover;
use super::open::open;
use super::persist::{Applied, Opened, PersistError, Persistence};
use super::pipeline::{Message, Pipeline};
use super::places::Places;
use super::publish::{EventLog, keep_status, numbers, progress};
use super::reprice::{fingerprint, reprice};
use crate::alarm::{Alarms, Budgets, ScopeError, SessionSpend, Spent, Which};
use crate::config::{Config, Each};
use crate::engine::bill::CostMode;
use crate::engine::names::{NONE, NameId, ProfileId};
use crate::engine::view::{By, ChargeId, Split, ViewQuery};
use crate::engine::{Engine, Options, Post};
use crate::label::{Label, clean};
use crate::notifier::bell::Bell;
use crate::notifier::command::Hooks;
use crate::output::rates;
use crate::price::PriceBook;
use crate::price::names::Wanted;
use crate::price::rules::Unpriced;
use crate::source::{self, Receiving, SourceError, SourceStatus};
use crate::time::{MINUTE_MS, Timestamp};
use crate::ui::action::Effect;
use crate::ui::snapshot::{BellStatus, Mark, OpenCharge, Snapshot};

/// Snapshots are at least this far apart…
const PUBLISH_APART: Duration = Duration::from_millis(50);
/// …and at least this many times as far apart as one takes to make, so that a large answer costs a few percent of a core.
const PUBLISH_SHARE: u32 = 20;
/// The clock is looked at this often.
const TICK: Duration = Duration::from_secs(1);
/// Batches are applied this long before messages are looked at again.
const TURN: Duration = Duration::from_millis(10);
/// Keys shown of a budget that is kept for each user, model or session.
const KEYS_OF_A_BUDGET: usize = 3;
/// What history says of alarms is told if it is not older than a day.
const OLD_NEWS_MS: i64 = 1440 * MINUTE_MS;
/// Two months: the longest period and the one before it.
const BUDGETS_BACK_MS: i64 = 62 * 1440 * MINUTE_MS;

/// What the dashboard runs on.
pub struct Setup {
    /// Where lines come from.
    pub sources: Sources,
    /// What the operator decided.
    pub config: Config,
    /// Prices.
    pub book: Arc<PriceBook>,
    /// Which cost counts.
    pub mode: CostMode,
    /// The folder of the state; `None`: none.
    pub state: Option<PathBuf>,
    /// Skip what is there.
    pub from_end: bool,
    /// Let the system wake us.
    pub notify: bool,
    /// Where events are written, too.
    pub log: Option<PathBuf>,
    /// What is worth an event before anything is read: mark, one word, one sentence.
    pub said: Vec<(Mark, &'static str, String)>,
}

/// Why the engine's thread ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The state.
    #[error(transparent)]
    Persist(#[from] PersistError),
    /// A source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A budget's glob.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The ledger's temporary file.
    #[error("the temporary file for the ledger failed ({0}): free space in TMPDIR, or set it to another folder")]
    Rows(#[from] io::Error),
    /// A thread died: what comes in is not counted any more.
    #[error("reading stopped by itself: this is a defect of costtop, please report it with the lines printed above")]
    Cut,
    /// The file of `--log`.
    #[error("cannot write the log ({0}): name a file that can be written")]
    Log(io::Error),
}

/// How the engine's thread talks to the screen.
pub struct Wires {
    /// Snapshots to the screen; holds one.
    pub snapshots: Sender<Arc<Snapshot>>,
    /// What the screen asks.
    pub effects: Receiver<Effect>,
    /// Ring now.
    pub rings: Sender<()>,
}

struct Core {
    config: Config,
    mode: CostMode,
    shared: Shared,
    places: Places,
    /// The charge that is open, under the number by which it was opened.
    open: Option<(ChargeId, Option<OpenCharge>)>,
    /// A model's prices as sentences, and the minute in which they were made.
    prices: Option<(Label, i64, Vec<String>)>,
    engine: Engine,
    budgets: Budgets,
    alarms: Alarms,
    detection: Detection,
    bell: Bell,
    hooks: Hooks,
    persistence: Persistence,
    log: EventLog,
    sources: Vec<SourceStatus>,
    query: ViewQuery,
    posts: Vec<Post>,
    generations: std::collections::HashSet<u32>,
    started: Instant,
    applied: u64,
    caught_up_after: Option<u64>,
    caught_up: bool,
    /// All sources have ended by themselves after so many batches.
    ended_after: Option<u64>,
    lag_ms: Option<u64>,
    dirty: bool,
    /// The next snapshot is followed by a ring.
    ringing: bool,
    published: Option<Instant>,
    publish_cost: Duration,
    minute: i64,
    leftover: Leftover,
}

/// Runs until the screen quits. Everything applied is committed before it returns.
pub fn run(setup: Setup, wires: &Wires) -> Result<(), LiveError> {
    let now = Timestamp::now();
    let options =
        Options { zone: setup.config.zone, mode: setup.mode, own: setup.config.labels.own(), ..Options::default() };
    let mut opened = match &setup.state {
        Some(folder) => Opened::open(folder, options, setup.config.labels.slots(), now)?,
        None => Opened::without_state(options, now),
    };
    opened.engine.use_prices(Arc::clone(&setup.book));
    if setup.state.is_some() {
        // Totals first: the rows follow while they are on the screen.
        let view = opened.engine.view(&ViewQuery::default());
        let first = Snapshot { view, ..Snapshot::empty(now, setup.config.zone) };
        if wires.snapshots.send(Arc::new(first)).is_err() {
            return Ok(());
        }
        opened.load_rows(options, now)?;
        // A damaged state was set aside with its engine.
        opened.engine.use_prices(Arc::clone(&setup.book));
    }
    let shared = Shared {
        zone: setup.config.zone,
        key: opened.key,
        book: setup.book,
        around: Arc::clone(&setup.sources.around),
        labels: super::label_paths(&setup.config),
        keep_names: false,
    };
    let positions = std::mem::take(&mut opened.positions);
    let reading = source::Options {
        notify: setup.notify,
        from_end: setup.from_end,
        next_generation: opened.next_generation,
        positions: positions.clone(),
        ..source::Options::default()
    };
    let mut log = EventLog::new(setup.log.as_deref()).map_err(LiveError::Log)?;
    for (mark, kind, text) in &setup.said {
        log.add(now, *mark, kind, text);
    }
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
    let pipeline = Pipeline::start(setup.sources.specs, &reading, &shared)?;
    let result = core.serve(&pipeline, wires);
    pipeline.stop();
    if let Err(LiveError::Rows(_)) = &result {
        // The ledger may hold half a record: the state stays at its last commit, which is whole.
        return result;
    }
    core.save_alarms(Timestamp::now());
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
    ) -> Result<Core, LiveError> {
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
        take_up_budgets(&mut budgets, &mut opened.engine, &mut alarms, per_session, now)?;
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
            open: None,
            prices: None,
            engine: opened.engine,
            budgets,
            alarms,
            detection,
            bell,
            hooks,
            persistence,
            log,
            sources: Vec::new(),
            query: ViewQuery::default(),
            posts: Vec::new(),
            generations: std::collections::HashSet::new(),
            started: Instant::now(),
            applied: 0,
            caught_up_after: None,
            caught_up: false,
            ended_after: None,
            lag_ms: None,
            dirty: true,
            ringing: false,
            published: None,
            publish_cost: Duration::ZERO,
            minute: now.minute(),
            leftover: Leftover::new(),
        };
        core.transitions(now);
        Ok(core)
    }

    fn serve(&mut self, pipeline: &Pipeline, wires: &Wires) -> Result<(), LiveError> {
        // What has ended is never received from again; the dashboard stays.
        let mut outcomes = self.persistence.outcomes();
        let mut hook_outcomes = self.hooks.outcomes().clone();
        let mut messages = pipeline.messages().clone();
        loop {
            let wait = self.wait();
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
                    Err(_) => return Err(LiveError::Cut),
                },
                recv(wires.effects) -> effect => match effect {
                    Ok(Effect::Quit) | Err(_) => return Ok(()),
                    Ok(effect) => self.effect(effect)?,
                },
                recv(outcomes) -> outcome => match outcome {
                    Ok(outcome) => {
                        if let Some(text) = self.persistence.answered(outcome) {
                            self.log.add(Timestamp::now(), Mark::Warn, "state", &text);
                            self.dirty = true;
                        }
                    }
                    Err(_) => outcomes = never(),
                },
                recv(hook_outcomes) -> event => match event {
                    Ok(event) => {
                        self.log.add(Timestamp::now(), Mark::Note, "hook", &event.to_string());
                        self.dirty = true;
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
                self.dirty = true;
            }
            if self.bell.ring(now) {
                self.ringing = true;
                self.published = None;
                self.dirty = true;
            }
            self.persistence.commit(&mut self.engine, false)?;
            for text in self.persistence.take_said() {
                self.log.add(now, Mark::Warn, "state", &text);
                self.dirty = true;
            }
            if self.publish_in().is_zero() && self.dirty {
                match wires.snapshots.try_send(Arc::new(self.snapshot(now))) {
                    Ok(()) => {
                        self.dirty = false;
                        // What rings is on its way to the screen before the ring is. A ring that waits there is a ring.
                        if std::mem::take(&mut self.ringing) {
                            let _ = wires.rings.try_send(());
                        }
                    }
                    Err(TrySendError::Full(_)) => {} // the screen is busy: again next time
                    Err(TrySendError::Disconnected(_)) => return Ok(()),
                }
            }
        }
    }

    /// How long nothing needs to be done.
    fn wait(&self) -> Duration {
        if self.engine.is_working() || self.detection.is_folding() {
            return Duration::ZERO;
        }
        let mut wait = TICK;
        if self.dirty {
            wait = wait.min(self.publish_in().max(Duration::from_millis(5)));
        }
        if let Some(due) = self.persistence.due_in(Instant::now()) {
            wait = wait.min(due);
        }
        wait
    }

    fn publish_in(&self) -> Duration {
        let apart = PUBLISH_APART.max(self.publish_cost * PUBLISH_SHARE);
        self.published.map_or(Duration::ZERO, |at| apart.saturating_sub(at.elapsed()))
    }

    fn message(&mut self, message: Message) -> Result<(), LiveError> {
        let now = Timestamp::now();
        match message {
            Message::Decoded(decoded) => self.apply(*decoded, now)?,
            Message::Status(status) => {
                if let Some(text) = keep_status(&mut self.sources, status) {
                    self.log.add(now, Mark::Warn, "source", &text);
                }
                self.dirty = true;
            }
            Message::Note { text, .. } => {
                self.log.add(now, Mark::Note, "source", &text);
                self.dirty = true;
            }
            Message::Ask(ask) => drop(ask),
            Message::CaughtUp { chunks } => self.caught_up_after = Some(chunks),
            Message::Ended { chunks } => {
                self.ended_after = Some(chunks);
                self.caught_up_after = Some(self.caught_up_after.unwrap_or(chunks));
            }
        }
        if !self.caught_up && self.caught_up_after.is_some_and(|chunks| self.applied >= chunks) {
            self.caught_up = true;
            self.persistence.caught_up(&self.engine);
            self.dirty = true;
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

    fn apply(&mut self, decoded: Decoded, now: Timestamp) -> Result<(), LiveError> {
        self.applied += 1;
        if self.generations.insert(decoded.generation) {
            self.engine.intake_mut().files += 1;
        }
        self.posts.clear();
        self.engine.apply(&decoded.batch, now, &mut self.posts)?;
        self.budgets.apply(&self.posts, self.engine.names(), now, &mut self.alarms);
        self.detection.apply(&self.posts, &self.engine, now, &mut self.alarms);
        if !decoded.batch.history && !decoded.batch.records.is_empty() {
            self.bell.live(now);
            let newest = decoded.batch.records.iter().filter_map(|record| record.time).max();
            if let Some(newest) = newest {
                self.lag_ms = Some(u64::try_from(now.ms() - newest.ms()).unwrap_or(0));
            }
        }
        self.leftover.applied(decoded.batch.intake.bytes);
        if let Some(position) = &decoded.position {
            self.places.note(position);
        }
        // What was corrected is told anew.
        if let Some((id, open)) = &self.open {
            let known = open.as_ref().map(|open| open.charge.row.id);
            if self.posts.iter().any(|post| post.number == *id || Some(post.number) == known) {
                self.open_charge(*id)?;
            }
        }
        let intake = &decoded.batch.intake;
        let records = intake.records + decoded.batch.records.len() as u64;
        let receiving = Receiving { records, rejected: intake.rejected_total() };
        self.persistence.applied(Applied {
            generation: decoded.generation,
            position: decoded.position,
            bytes: intake.bytes,
            receipt: decoded.receipt.map(|receipt| (receipt, receiving)),
            reserved: decoded.reserved,
        });
        self.transitions(now);
        self.dirty = true;
        Ok(())
    }

    /// Hands on what alarms did.
    fn transitions(&mut self, now: Timestamp) {
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
        }
        self.bell.hear(&transitions, now);
        if !self.detection.is_folding() {
            self.save_alarms(now);
        }
        self.dirty = true;
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
        self.engine.tick(now);
        self.budgets.tick(self.engine.names(), now, &mut self.alarms);
        self.detection.tick(&self.engine, now, &mut self.alarms);
        self.transitions(now);
        if self.detection.is_save_due(now) {
            self.save_alarms(now);
        }
        // Windows end at the clock: they change by themselves each minute, and each second while a burn rate decays.
        let second_passed = self.published.is_none_or(|at| at.elapsed() >= TICK);
        if now.minute() != self.minute || (self.engine.is_moving() && second_passed) {
            self.minute = now.minute();
            self.dirty = true;
        }
    }

    fn open_charge(&mut self, id: ChargeId) -> io::Result<()> {
        let found = open(&mut self.engine, id, &self.places, &self.shared, self.mode)?;
        self.open = Some((id, found));
        Ok(())
    }

    fn effect(&mut self, effect: Effect) -> io::Result<()> {
        let now = Timestamp::now();
        match effect {
            Effect::Query(query) => {
                self.query = query;
                // What a key asked for is answered at once.
                self.published = None;
            }
            Effect::Acknowledge(incident) => {
                let which = incident.as_deref().map_or(Which::All, Which::Incident);
                self.alarms.acknowledge(which, now);
                self.transitions(now);
                self.published = None;
            }
            Effect::Snooze(incident, minutes) => {
                self.alarms.snooze(Which::Incident(&incident), now.plus_ms(minutes * MINUTE_MS), now);
                self.transitions(now);
                self.published = None;
            }
            Effect::Mute(true) => self.bell.mute(None),
            Effect::Mute(false) => self.bell.unmute(),
            Effect::Charge(id) => {
                self.open = None;
                if let Some(id) = id {
                    self.open_charge(id)?;
                }
                self.published = None;
            }
            Effect::Quit => {}
        }
        self.dirty = true;
        Ok(())
    }

    /// What a model costs here, as `costtop prices` tells it; where the scope is one model.
    fn prices(&mut self, now: Timestamp) -> Vec<String> {
        let parts = self.query.scope.parts().iter();
        let model = parts.filter(|(by, _)| *by == By::MODEL).find_map(|(_, id)| self.engine.names().named(*id));
        let Some(model) = model.cloned() else { return Vec::new() };
        if let Some((known, minute, prices)) = &self.prices
            && (known, *minute) == (&model, now.minute())
        {
            return prices.clone();
        }
        let book = &self.shared.book;
        let wanted = Wanted { model: model.as_str(), ..Wanted::default() };
        let rows = book.lookup(&wanted, Some(now)).map(|found| {
            let heading = rates::heading(&found);
            heading.into_iter().chain(rates::of(book, &wanted, &found, now))
        });
        let sentence = |(word, text): (&str, String)| format!("{word:8} {text}").trim_end().to_owned();
        let prices = match rows {
            Some(rows) => rows.map(sentence).collect(),
            None => vec![format!("unpriced {}", Unpriced::Unknown)],
        };
        self.prices = Some((model, now.minute(), prices.clone()));
        prices
    }

    fn snapshot(&mut self, now: Timestamp) -> Snapshot {
        let begun = Instant::now();
        let mut view = self.engine.view(&self.query);
        if view.split.is_some() {
            let prices = self.prices(now);
            view.split = view.split.map(|split| Split { prices, ..split });
        }
        self.log.unpriced(now, &view);
        self.log.drift(now, &view);
        let parts = self.query.scope.parts().iter();
        let parts: Vec<_> = parts.map(|(by, id)| (each(*by), *id)).collect();
        let budgets = self.budgets.statuses(self.engine.names(), KEYS_OF_A_BUDGET);
        let scope_budgets = self.budgets.statuses_of(&parts, self.engine.names());
        let alarms = self.alarms.statuses();
        let numbers = numbers(self.engine.names(), &alarms, &[&budgets, &scope_budgets]);
        let snapshot = Snapshot {
            now,
            zone: self.config.zone,
            view,
            budgets,
            scope_budgets,
            open: self.open.as_ref().and_then(|(_, open)| open.clone()),
            alarms,
            numbers,
            events: self.log.lines(),
            sources: self.sources.clone(),
            lag_ms: self.lag_ms,
            progress: (!self.caught_up).then(|| progress(&self.sources)),
            bell: BellStatus { enabled: self.config.alarm.bell, muted: self.bell.is_muted(now) },
            state_note: self.persistence.note(self.config.zone, now).map(|text| clean(&text).into_owned()),
        };
        self.publish_cost = begun.elapsed();
        self.published = Some(Instant::now());
        snapshot
    }
}

/// For what a budget is kept, if it is kept for each of these.
const fn each(by: By) -> Each {
    match by {
        By::Dimension(dimension) => Each::Dimension(dimension),
        By::Session => Each::Session,
    }
}

/// Sets budgets up with what the state knows of their periods and, where one is kept for each session, of their sessions; silent.
fn take_up_budgets(
    budgets: &mut Budgets,
    engine: &mut Engine,
    alarms: &mut Alarms,
    per_session: bool,
    now: Timestamp,
) -> io::Result<()> {
    let mut cells: Vec<(Timestamp, ProfileId, Spent)> = Vec::new();
    let (from, until) = (now.plus_ms(-BUDGETS_BACK_MS).minute(), now.minute() + 1);
    engine.cells().for_each(from, until, |minute, profile, sums| {
        cells.push((Timestamp::from_ms(minute * MINUTE_MS), profile, Spent::of(sums)));
    });
    let sessions = if per_session { session_parts(engine, now)? } else { Vec::new() };
    budgets.rebuild(cells, sessions, engine.names(), now, alarms);
    Ok(())
}

/// What each session cost by profile, so that a budget that counts only some charges of a session counts the same ones again.
fn session_parts(engine: &mut Engine, now: Timestamp) -> io::Result<Vec<SessionSpend>> {
    let since = now.plus_ms(-BUDGETS_BACK_MS);
    let mut parts: HashMap<(NameId, ProfileId), SessionSpend> = HashMap::new();
    let (ledger, names) = engine.ledger();
    ledger.for_each_bill(names, |bill, _, _| {
        if bill.session != NONE && bill.time >= since {
            let (time, profile, session) = (bill.time, bill.profile, bill.session);
            let new = SessionSpend { first: time, last: time, profile, session, spent: Spent::default() };
            let part = parts.entry((session, profile)).or_insert(new);
            part.first = part.first.min(time);
            part.last = part.last.max(time);
            part.spent.cost += bill.cost.into();
            part.spent.subscription += bill.sums().subscription;
        }
        Ok(())
    })?;
    let mut parts: Vec<SessionSpend> = parts.into_values().collect();
    parts.sort_unstable_by_key(|part| (part.first, part.session, part.profile));
    Ok(parts)
}
