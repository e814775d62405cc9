//! Between engine and store: what changed enters, commits leave, one in flight; after a restart the other way round.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never};

use super::bodies::{self, Bodies};
use super::copies::Copies;
use super::horizon::{Horizon, SavedDays};
use super::receipts::Receipts;
use super::recovery::{META_CLAIMED, META_UNVERIFIED, Recovery};
use super::reprice::META_PRICES;
use super::spill;
use crate::config::{LabelSlots, LabelsError, StateConfig};
use crate::engine::bill::CostMode;
use crate::engine::identity::IdentityKey;
use crate::engine::{Engine, Options};
use crate::format::context::Context;
use crate::source::budget::Reservation;
use crate::source::{Position, Receipt, Receiving};
use crate::store::{
    Commit, Loaded, META_DROPPED, META_INTAKE, Outcome, Recovered, SavedPosition, State, StoreError, Writer,
};
use crate::time::{MINUTE_MS, Timestamp, Zone};

/// Ledger rows kept in memory: the newest, which repeats are about.
const ROWS_IN_MEMORY: usize = 8 << 20;
/// A change waits at most this long for its commit…
const COMMIT_AFTER: Duration = Duration::from_secs(1);
/// …or until this much input has been applied.
const COMMIT_BYTES: u64 = 8 << 20;

/// And at most so many are kept, the latest: as many as the follower compares with.
const MAX_DEAD: usize = 4096;
/// Milliseconds in a day.
const DAY_MS: i64 = 1440 * MINUTE_MS;

const META_ALARMS: &str = "alarms";
const META_DETECTORS: &str = "detectors";
const META_GENERATION: &str = "generation";
const META_MODE: &str = "cost_mode";
/// What persons corrected in budgets.
pub const META_ADJUSTMENTS: &str = "adjustments";
/// How things stood at the last commit, for those who ask while nobody runs.
pub const META_STATUS: &str = "status";
/// Which of the operator's own labels stands in which slot.
pub const META_LABELS: &str = "labels";

/// A state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PersistError {
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Sums of another meaning.
    #[error("the state was counted with --cost {was}, not {asked}: use --cost {was}, or another --state")]
    Mode {
        /// What it was counted with.
        was: String,
        /// What is asked for now.
        asked: &'static str,
    },
    /// Its labels stand elsewhere than the configuration's.
    #[error(transparent)]
    Labels(#[from] LabelsError),
    /// Another process gave the slots away since the configuration was read.
    #[error("the state's labels changed while costtop started: start it again")]
    LabelsMoved,
}

/// What a state holds, ready to go on.
pub(super) struct Opened {
    pub engine: Engine,
    pub key: IdentityKey,
    pub positions: Vec<Position>,
    pub next_generation: u32,
    pub alarms: Option<String>,
    pub detectors: Option<Vec<u8>>,
    /// The prices with which its rows were counted last; see `run::reprice`.
    pub prices: Option<String>,
    /// They are other ones now, which is to be saved with what that changed.
    pub repriced: bool,
    pub adjustments: Option<String>,
    pub notes: Vec<String>,
    /// What was posted within the last hour.
    pub bodies: Arc<Bodies>,
    dead: Graveyard,
    /// So long a dead generation's position is kept: as the ledger accepts what its file held. What a copy of it says later is late anyway.
    dead_for_ms: i64,
    since: Timestamp,
    state: Option<State>,
    rows_pending: bool,
    /// What the state holds of each day.
    days: SavedDays,
    recovery: Recovery,
}

/// Why nothing is durable.
#[derive(Debug)]
struct Trouble {
    since: Timestamp,
    /// What, where, remedy.
    error: String,
    /// What, in a few words.
    reason: String,
}

/// The word of `--cost`.
const fn mode_name(mode: CostMode) -> &'static str {
    match mode {
        CostMode::Auto => "auto",
        CostMode::Computed => "computed",
        CostMode::Reported => "reported",
    }
}

fn new_engine(options: Options, now: Timestamp, notes: &mut Vec<String>) -> Engine {
    let (rows, trouble) = spill::rows(ROWS_IN_MEMORY);
    notes.extend(trouble.map(|error| format!("no temporary file ({error}): all ledger rows stay in memory")));
    Engine::new(options, rows, now)
}

impl Opened {
    /// No state: everything begins now and ends with the process.
    pub fn without_state(options: Options, now: Timestamp) -> Opened {
        let mut notes = Vec::new();
        let engine = new_engine(options, now, &mut notes);
        Opened {
            engine,
            key: IdentityKey::random(),
            positions: Vec::new(),
            next_generation: 1,
            alarms: None,
            detectors: None,
            prices: None,
            repriced: false,
            adjustments: None,
            notes,
            bodies: Arc::default(),
            dead: Graveyard::default(),
            dead_for_ms: 0,
            since: now,
            state: None,
            rows_pending: false,
            days: SavedDays::default(),
            recovery: Recovery::default(),
        }
    }

    /// Opens the state in `folder`: totals and windows are right; the ledger's rows are still to be loaded.
    pub fn open(
        folder: &Path,
        options: Options,
        (labels, config): (&LabelSlots, StateConfig),
        now: Timestamp,
    ) -> Result<Opened, PersistError> {
        let (state, loaded) = State::open(folder)?;
        let options = Options { collect_changes: true, ..options };
        let kept = loaded.meta.iter().find(|(key, _)| key == META_LABELS);
        if let Some((_, kept)) = kept
            && !LabelSlots::load(kept)?.agrees_with(labels)
        {
            return Err(PersistError::LabelsMoved);
        }
        let mut opened = Opened::without_state(options, now);
        opened.dead_for_ms = i64::from(config.horizon_days) * DAY_MS;
        match opened.take_up(state, loaded, options, now) {
            Ok(()) => Ok(opened),
            Err(LoadError::Mode(was)) => Err(PersistError::Mode { was, asked: mode_name(options.mode) }),
            Err(LoadError::Damaged(reason)) => {
                if let Some(state) = opened.state.take() {
                    opened.start_over(state, &reason, options, now)?;
                }
                Ok(opened)
            }
        }
    }

    /// Loads the totals of an open state, which is kept also where that cannot be done.
    fn take_up(&mut self, state: State, loaded: Loaded, options: Options, now: Timestamp) -> Result<(), LoadError> {
        self.state = Some(state);
        self.load_totals(&loaded, options.mode)?;
        if let Some(recovered) = &loaded.recovered {
            self.recovered(recovered, options.zone, now);
        }
        self.notes.extend(loaded.notes);
        self.key = loaded.identity;
        let (dead, kept) = Graveyard::of(loaded.positions, now.plus_ms(-self.dead_for_ms));
        self.dead = dead;
        let kept: HashSet<u32> = kept.iter().map(|saved| saved.position.generation).collect();
        self.positions.retain(|position| kept.contains(&position.generation));
        self.rows_pending = true;
        Ok(())
    }

    fn recovered(&mut self, recovered: &Recovered, zone: Zone, now: Timestamp) {
        let from = match recovered.restored {
            Some(made) => format!("going on from the copy of {}", zone.format(made, "%Y-%m-%d %H:%M")),
            None => "beginning anew".to_owned(),
        };
        self.notes.push(format!(
            "state was damaged ({}), set aside as '{}'; {from}, sources are read again",
            recovered.reason,
            recovered.set_aside.display()
        ));
        self.recovery.claim(recovered, zone, now);
    }

    fn load_totals(&mut self, loaded: &Loaded, mode: CostMode) -> Result<(), LoadError> {
        let meta = |name: &str| loaded.meta.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice());
        let text = |name: &str| meta(name).map(|value| String::from_utf8_lossy(value).into_owned());
        if let Some(was) = text(META_MODE)
            && was != mode_name(mode)
        {
            return Err(LoadError::Mode(was));
        }
        for saved in &loaded.positions {
            self.positions.push(from_context(saved).ok_or_else(|| LoadError::Damaged("a position".to_owned()))?);
        }
        let damaged = |error: crate::engine::saved::Damaged| LoadError::Damaged(error.to_string());
        self.engine.load_names(&loaded.names, &loaded.profiles).map_err(damaged)?;
        if !text(META_DROPPED).is_none_or(|days| self.engine.load_dropped_days(&days)) {
            return Err(LoadError::Damaged("the days that were dropped".to_owned()));
        }
        for cell in &loaded.cells {
            self.engine.load_cells(cell.tier, cell.time, &cell.bytes).map_err(damaged)?;
        }
        for (id, bytes) in &loaded.sessions {
            self.engine.load_session(*id, bytes).map_err(damaged)?;
        }
        self.engine.finish_cells(meta(META_INTAKE)).map_err(damaged)?;
        let (claimed, found) = (text(META_CLAIMED), text(META_UNVERIFIED));
        if self.recovery.load(claimed.as_deref(), found.as_deref()).is_none() {
            return Err(LoadError::Damaged("what is unverified".to_owned()));
        }
        self.alarms = text(META_ALARMS);
        self.detectors = meta(META_DETECTORS).map(<[u8]>::to_vec);
        for saved in bodies::PARTS.iter().filter_map(|name| meta(name)) {
            self.bodies.load(saved, Timestamp::now());
        }
        self.prices = text(META_PRICES);
        self.adjustments = text(META_ADJUSTMENTS);
        self.next_generation = text(META_GENERATION).and_then(|number| number.parse().ok()).unwrap_or(1);
        Ok(())
    }

    /// Loads the ledger's rows; a state whose rows are damaged is set aside.
    pub fn load_rows(&mut self, options: Options, now: Timestamp) -> Result<(), PersistError> {
        match self.stream_rows()? {
            None => Ok(()),
            Some(reason) => {
                let Some(state) = self.state.take() else { return Ok(()) };
                self.start_over(state, &reason, options, now)
            }
        }
    }

    /// Loads the rows where that is still to be done; what is wrong with them leaves.
    fn stream_rows(&mut self) -> Result<Option<String>, PersistError> {
        if !std::mem::take(&mut self.rows_pending) {
            return Ok(None);
        }
        let Opened { state: Some(state), engine, days, .. } = self else { return Ok(None) };
        let mut failed: Option<io::Error> = None;
        let streamed = state.for_each_row_blob(|day, _, bytes| {
            if failed.is_none() {
                days.add(day, bytes.len());
                failed = engine.load_rows(day, bytes).err();
            }
        });
        match (streamed, failed) {
            (Ok(()), None) => Ok(engine.finish_rows().err().map(|error| error.to_string())),
            (Err(StoreError::Damaged { reason, .. }), _) => Ok(Some(reason)),
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(error)) => Ok(Some(error.to_string())),
        }
    }

    /// Sets a damaged state aside: goes on from its newest copy, or, where that is no better, anew.
    fn start_over(&mut self, state: State, reason: &str, options: Options, now: Timestamp) -> Result<(), PersistError> {
        let options = Options { collect_changes: true, ..options };
        let store = match state {
            State::Open(store) => store,
            State::Awaited(awaited) => {
                // Nothing can be set aside either: the next start does that.
                self.begin_anew(options, now);
                self.notes.push(format!("state is damaged ({reason}): counting without it"));
                self.state = Some(State::Awaited(awaited.begin_anew(self.key)));
                return Ok(());
            }
        };
        let (mut store, mut loaded) = store.set_aside(reason.to_owned(), true)?;
        let first = loaded.recovered.clone();
        if first.as_ref().is_some_and(|recovered| recovered.restored.is_some()) {
            self.begin_anew(options, now);
            let reason = match self.take_up(State::Open(store), loaded, options, now) {
                Ok(()) => match self.stream_rows()? {
                    None => return Ok(()),
                    Some(reason) => reason,
                },
                Err(LoadError::Damaged(reason)) => reason,
                Err(LoadError::Mode(was)) => {
                    return Err(PersistError::Mode { was, asked: mode_name(options.mode) });
                }
            };
            let Some(State::Open(copied)) = self.state.take() else { return Ok(()) };
            (store, loaded) = copied.set_aside(reason, false)?;
        }
        self.begin_anew(options, now);
        self.key = loaded.identity;
        self.state = Some(State::Open(store));
        if let Some(recovered) = first.map(|first| Recovered { restored: None, ..first }) {
            self.recovered(&recovered, options.zone, now);
        }
        Ok(())
    }

    /// Nothing is known any more but what has been said.
    fn begin_anew(&mut self, options: Options, now: Timestamp) {
        let (notes, dead_for_ms) = (std::mem::take(&mut self.notes), self.dead_for_ms);
        *self = Opened { dead_for_ms, ..Opened::without_state(options, now) };
        self.notes.extend(notes);
    }

    /// Starts the writer; without a state nothing is written.
    pub fn start_writer(
        &mut self,
        mode: CostMode,
        labels: &LabelSlots,
        prices: String,
        config: StateConfig,
    ) -> Result<Persistence, PersistError> {
        let horizon = Horizon::new(config, std::mem::take(&mut self.days));
        let copies = self.state.as_ref().map(|state| Copies::new(state.folder()));
        let trouble = self.state.as_ref().and_then(State::refused);
        let trouble =
            trouble.map(|error| Trouble { since: self.since, reason: error.reason(), error: error.to_string() });
        let writer = self.state.take().map(Writer::start).transpose()?;
        let mut receipts = Receipts::default();
        if trouble.is_some() {
            receipts.refuse();
        }
        Ok(Persistence {
            writer,
            mode,
            labels: labels.save(),
            bodies: Arc::clone(&self.bodies),
            prices,
            in_flight: false,
            // Whether the disk takes something is found out by a commit, if there is anything to save or not.
            dirty_since: trouble.is_some().then(Instant::now),
            bytes: 0,
            positions: HashMap::new(),
            dead: std::mem::take(&mut self.dead),
            generation: self.next_generation,
            alarms: None,
            detectors: None,
            beside: BTreeMap::new(),
            trouble,
            horizon,
            dropping: false,
            copies,
            recovery: std::mem::take(&mut self.recovery),
            receipts,
        })
    }
}

/// Dead generations that the state knows, and those it is to forget.
#[derive(Debug, Default)]
struct Graveyard {
    /// In the order in which they died; one that lives again stays here, and is passed over.
    order: VecDeque<u32>,
    dead: HashSet<u32>,
    forgotten: Vec<u32>,
}

impl Graveyard {
    /// Takes from a state's positions those that are too old or too many; the others are given back.
    fn of(mut saved: Vec<SavedPosition>, oldest: Timestamp) -> (Graveyard, Vec<SavedPosition>) {
        let mut yard = Graveyard::default();
        saved.sort_by_key(|saved| (saved.saved, saved.position.generation));
        for saved in saved.iter().filter(|saved| saved.position.dead) {
            if saved.saved.is_some_and(|at| at < oldest) {
                yard.forgotten.push(saved.position.generation);
            } else {
                yard.add(saved.position.generation);
            }
        }
        let forgotten: HashSet<u32> = yard.forgotten.iter().copied().collect();
        saved.retain(|saved| !forgotten.contains(&saved.position.generation));
        (yard, saved)
    }

    fn add(&mut self, generation: u32) {
        if self.dead.insert(generation) {
            self.order.push_back(generation);
        }
        while self.dead.len() > MAX_DEAD
            && let Some(oldest) = self.order.pop_front()
        {
            if self.dead.remove(&oldest) {
                self.forgotten.push(oldest);
            }
        }
    }

    /// A copy goes on with it.
    fn revive(&mut self, generation: u32) {
        if self.dead.remove(&generation) {
            self.order.retain(|other| *other != generation);
        }
        // Forgotten in the same commit that saves it would be right, too: what is forgotten goes first.
    }
}

/// How a saved context begins. Those of earlier versions are an offset of 8 bytes and nothing else.
const CONTEXT: u8 = 1;
/// Where no record is unfinished.
const NOTHING_OPEN: u64 = u64::MAX;

/// A position with what its decoder needs to go on: where the first record begins that was not whole yet, and what the lines before
/// said. Nothing of the record itself is kept, it may hold a prompt.
fn with_context(position: Position, saved: Option<Timestamp>) -> SavedPosition {
    let mut context = Vec::new();
    if position.open_since.is_some() || !position.context.is_empty() {
        context.push(CONTEXT);
        context.extend_from_slice(&position.open_since.unwrap_or(NOTHING_OPEN).to_le_bytes());
        context.extend_from_slice(&position.context);
    }
    SavedPosition { position, saved, context }
}

/// `None` if [`with_context`] did not write it.
pub(super) fn from_context(saved: &SavedPosition) -> Option<Position> {
    let mut position = saved.position.clone();
    let (since, context) = match saved.context.as_slice() {
        [] => return Some(position),
        [CONTEXT, rest @ ..] if rest.len() >= 8 => rest.split_first_chunk::<8>()?,
        old => (<&[u8; 8]>::try_from(old).ok()?, &[][..]),
    };
    let since = u64::from_le_bytes(*since);
    if since != NOTHING_OPEN {
        position.open_since = Some(since).filter(|since| *since <= position.offset);
        position.open_since?;
    }
    Context::load(context)?;
    position.context = context.into();
    Some(position)
}

/// A batch that was applied.
pub(super) struct Applied {
    pub generation: u32,
    pub position: Option<Position>,
    pub bytes: u64,
    pub receipt: Option<(Receipt, Receiving)>,
    pub reserved: Option<Reservation>,
}

enum LoadError {
    Mode(String),
    Damaged(String),
}

/// Makes commits of what changed, one at a time.
pub(super) struct Persistence {
    writer: Option<Writer>,
    mode: CostMode,
    labels: String,
    bodies: Arc<Bodies>,
    prices: String,
    in_flight: bool,
    dirty_since: Option<Instant>,
    bytes: u64,
    positions: HashMap<u32, Position>,
    dead: Graveyard,
    generation: u32,
    alarms: Option<String>,
    detectors: Option<Vec<u8>>,
    /// Values for the next commit, by key.
    beside: BTreeMap<&'static str, Vec<u8>>,
    /// Since when nothing is durable any more, and why.
    trouble: Option<Trouble>,
    horizon: Horizon,
    /// A drop of days is under way: what it changes becomes durable as one.
    dropping: bool,
    copies: Option<Copies>,
    recovery: Recovery,
    receipts: Receipts,
}

impl Persistence {
    /// A batch was applied; its position covers exactly what was applied. What has none cannot be read again: its sender may wait for it.
    pub fn applied(&mut self, batch: Applied) {
        let Applied { generation, position, bytes, receipt, reserved } = batch;
        self.generation = self.generation.max(generation.saturating_add(1));
        if self.writer.is_none() {
            if let Some((receipt, receiving)) = receipt {
                receipt.safe(receiving);
            }
        } else {
            self.receipts.applied(receipt, reserved.filter(|_| position.is_none()));
        }
        if let Some(position) = position {
            if position.dead {
                self.dead.add(generation);
            } else {
                self.dead.revive(generation);
            }
            self.positions.insert(generation, position);
        }
        self.bytes += bytes;
        self.touch();
    }

    /// Alarms changed; their detectors, where they are to be saved, belong into the same commit.
    pub fn alarms(&mut self, alarms: String, detectors: Option<Vec<u8>>) {
        self.alarms = Some(alarms);
        self.detectors = detectors.or(self.detectors.take());
        self.touch();
    }

    /// The next commit, whenever it is made, saves this value under its key.
    pub fn beside(&mut self, key: &'static str, value: Vec<u8>) {
        self.beside.insert(key, value);
    }

    /// Something is to be saved.
    pub fn touch(&mut self) {
        self.dirty_since.get_or_insert_with(Instant::now);
    }

    /// Since when nothing is durable, and why.
    pub fn trouble(&self) -> Option<(Timestamp, &str)> {
        self.trouble.as_ref().map(|trouble| (trouble.since, trouble.error.as_str()))
    }

    /// What an operator must see of the state: why nothing is durable any more, else what cannot be verified.
    pub fn note(&self, zone: Zone, now: Timestamp) -> Option<String> {
        let trouble = self.trouble.as_ref().map(|Trouble { since, reason, .. }| {
            let since = if now.ms() - since.ms() < DAY_MS {
                zone.format(*since, "%H:%M")
            } else {
                zone.format(*since, "%Y-%m-%d %H:%M")
            };
            format!("not durable since {since}: {reason}")
        });
        trouble.or_else(|| self.recovery.note(zone, now))
    }

    /// Drops what lies beyond the horizon, a part at a time, and has a copy made each day; a sentence where something is to be told.
    ///
    /// # Errors
    /// The ledger's rows cannot be read or written: nothing of this engine may be saved any more.
    pub fn tick(&mut self, engine: &mut Engine, now: Timestamp) -> io::Result<Option<String>> {
        self.drop_days(engine, false)?;
        // A disk that takes no commit takes no copy.
        let copies = self.copies.as_mut().filter(|_| self.trouble.is_none());
        Ok(copies.and_then(|copies| copies.tick(now, Instant::now())))
    }

    /// All sources have been read to where they end.
    pub fn caught_up(&mut self, engine: &Engine) {
        self.recovery.caught_up(engine);
        self.touch();
    }

    /// When a commit is due; `None`: nothing to save, or one is in flight.
    pub fn due_in(&self, now: Instant) -> Option<Duration> {
        if self.writer.is_none() || self.in_flight {
            return None;
        }
        if self.dropping {
            return Some(Duration::ZERO);
        }
        let since = self.dirty_since?;
        if self.bytes >= COMMIT_BYTES {
            return Some(Duration::ZERO);
        }
        let due = (since + COMMIT_AFTER).saturating_duration_since(now);
        Some(self.receipts.due_in(now).map_or(due, |receipt| receipt.min(due)))
    }

    /// Hands over a commit if one is due (or, with `all`, if there is anything).
    pub fn commit(&mut self, engine: &mut Engine, all: bool) -> io::Result<()> {
        if all {
            self.drop_days(engine, true)?;
        }
        if self.dropping {
            return Ok(());
        }
        let due = self.due_in(Instant::now()).is_some_and(|wait| wait.is_zero() || all);
        let Some(writer) = self.writer.as_ref().filter(|_| due) else { return Ok(()) };
        let changes = engine.take_changes()?;
        self.horizon.appended(&changes.rows, &changes.dropped_days, self.bytes >= COMMIT_BYTES);
        let mut commit = Commit::of(changes);
        let meta = &mut commit.meta;
        meta.extend([
            (META_GENERATION, self.generation.to_string().into_bytes()),
            (META_MODE, mode_name(self.mode).as_bytes().to_vec()),
            (META_LABELS, self.labels.clone().into_bytes()),
            (META_PRICES, self.prices.clone().into_bytes()),
        ]);
        meta.extend(self.recovery.save());
        meta.extend(self.alarms.take().map(|alarms| (META_ALARMS, alarms.into_bytes())));
        meta.extend(self.detectors.take().map(|detectors| (META_DETECTORS, detectors)));
        meta.extend(self.bodies.changes());
        meta.extend(std::mem::take(&mut self.beside));
        let saved = Some(Timestamp::now());
        let forgotten = std::mem::take(&mut self.dead.forgotten);
        // One that died and was forgotten since the last commit; one that lives again was saved after.
        for generation in &forgotten {
            if self.positions.get(generation).is_some_and(|position| position.dead) {
                self.positions.remove(generation);
            }
        }
        commit.forgotten = forgotten;
        commit.positions = self.positions.drain().map(|(_, position)| with_context(position, saved)).collect();
        self.in_flight = true;
        self.receipts.committing();
        self.dirty_since = None;
        self.bytes = 0;
        if let Err(error) = writer.commit(commit) {
            self.receipts.refuse();
            let (since, reason) = (Timestamp::now(), error.reason());
            self.trouble.get_or_insert_with(|| Trouble { since, error: error.to_string(), reason });
        }
        Ok(())
    }

    /// Drops what lies beyond the horizon, a part at a time; with `all`, what was begun is ended.
    fn drop_days(&mut self, engine: &mut Engine, all: bool) -> io::Result<()> {
        // What a commit in flight holds must not be dropped beneath it: the next one would not know of it.
        if self.writer.is_none() || self.in_flight && !self.dropping {
            return Ok(());
        }
        if !self.dropping && !all {
            let days = self.horizon.due(Timestamp::now(), Instant::now());
            if !days.is_empty() {
                engine.drop_days(&days);
                self.dropping = true;
            }
        }
        while self.dropping {
            self.dropping = engine.drop_on()?;
            if !self.dropping {
                self.touch();
            } else if !all {
                break;
            }
        }
        Ok(())
    }

    /// Where the writer answers.
    pub fn outcomes(&self) -> Receiver<Outcome> {
        self.writer.as_ref().map_or_else(never, |writer| writer.outcomes().clone())
    }

    /// Takes an answer; a sentence for the event list where there is something to say.
    pub fn answered(&mut self, outcome: Outcome) -> Option<String> {
        match outcome {
            Outcome::Committed { .. } => {
                self.in_flight = false;
                self.receipts.safe();
                self.trouble.take().map(|_| "state is durable again".to_owned())
            }
            Outcome::NotDurable { since, error, reason } => {
                self.receipts.refuse();
                // Since the start, or since the first of several reasons.
                let (since, is_known) = match self.trouble.take() {
                    Some(before) => (before.since.min(since), before.error == error),
                    None => (since, false),
                };
                let sentence = format!("state is not durable: {error}");
                self.trouble = Some(Trouble { since, error, reason });
                (!is_known).then_some(sentence)
            }
            Outcome::Lost { error, reason } => {
                self.receipts.refuse();
                let sentence = format!("state is not durable any more: {error}");
                let since = self.trouble.as_ref().map_or_else(Timestamp::now, |trouble| trouble.since);
                self.trouble = Some(Trouble { since, error, reason });
                Some(sentence)
            }
        }
    }

    /// Commits what is left and closes the state.
    pub fn close(mut self, engine: &mut Engine) -> Result<(), PersistError> {
        let outcomes = self.outcomes();
        // A disk that refuses is not waited for: the writer tries once more.
        while self.in_flight && self.trouble.is_none() {
            match outcomes.recv_timeout(Duration::from_secs(5)) {
                Ok(outcome) => drop(self.answered(outcome)),
                Err(_) => break,
            }
        }
        // One that takes longer is not waited for: the writer does them in order, or says on closing that it cannot.
        self.in_flight = false;
        let failed =
            |source| StoreError::Io { path: std::env::temp_dir(), what: "read the ledger's temporary file", source };
        self.touch();
        self.commit(engine, true).map_err(failed)?;
        if let Some(writer) = self.writer.take() {
            writer.close()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(generation: u32, dead: bool, days_ago: i64, now: Timestamp) -> SavedPosition {
        let position = Position {
            generation,
            path: "a".into(),
            device: 1,
            inode: 1,
            offset: 1,
            head_length: 1,
            head_hash: 1,
            mark_length: 1,
            mark_hash: 1,
            dead,
            open_since: None,
            context: std::sync::Arc::default(),
        };
        SavedPosition { position, saved: Some(now.plus_ms(-days_ago * 1440 * MINUTE_MS)), context: Vec::new() }
    }

    #[test]
    fn old_and_surplus_dead_generations_are_forgotten_and_the_living_never() {
        let now = Timestamp::from_ms(1_800_000_000_000);
        let positions = vec![saved(1, true, 91, now), saved(2, false, 400, now), saved(3, true, 89, now)];
        let oldest = now.plus_ms(-90 * DAY_MS);
        let (yard, kept) = Graveyard::of(positions, oldest);
        assert_eq!(yard.forgotten, [1]);
        assert_eq!(kept.iter().map(|saved| saved.position.generation).collect::<Vec<_>>(), [2, 3]);
        let many = (0..MAX_DEAD as u32 + 10).map(|generation| saved(generation, true, 1, now)).collect();
        let (mut yard, kept) = Graveyard::of(many, oldest);
        assert_eq!((yard.forgotten.len(), kept.len()), (10, MAX_DEAD));
        yard.revive(10);
        yard.add(1_000_000);
        assert_eq!(yard.forgotten.len(), 10, "there is room for one again");
        yard.add(1_000_001);
        assert_eq!(yard.forgotten.last(), Some(&11));
    }
}
