//! A state, ready to go on: what it holds enters an engine, what is damaged is set aside with a sentence, and the writer starts from it.
//! It makes no commit.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::dead::Graveyard;
use super::horizon::{Horizon, SavedDays};
use super::receipts::Receipts;
use super::recovery::{META_CLAIMED, META_UNVERIFIED, Recovery};
use super::trouble::Trouble;
use super::{
    Copies, META_ADJUSTMENTS, META_ALARMS, META_DETECTORS, META_GENERATION, META_LABELS, META_MODE, Persistence, load,
    mode_name, position,
};
use crate::config::{LabelSlots, LabelsError, StateConfig};
use crate::engine::bill::CostMode;
use crate::engine::identity::IdentityKey;
use crate::engine::{Engine, Options};
use crate::run::bodies::{self, Bodies};
use crate::run::reprice::META_PRICES;
use crate::run::spill;
use crate::source::Position;
use crate::store::{Loaded, Recovered, State, StoreError, Writer};
use crate::time::{DAY_MS, Timestamp, Zone};

/// Ledger rows kept in memory: the newest, which repeats are about.
const ROWS_IN_MEMORY: usize = 8 << 20;

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
pub(in crate::run) struct Opened {
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

enum LoadError {
    Mode(String),
    Damaged(String),
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
        if let Some(kept) = loaded.value(META_LABELS)
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
        let text = |name: &str| loaded.value(name).map(|value| String::from_utf8_lossy(value).into_owned());
        if let Some(was) = text(META_MODE)
            && was != mode_name(mode)
        {
            return Err(LoadError::Mode(was));
        }
        for saved in &loaded.positions {
            self.positions
                .push(position::from_context(saved).ok_or_else(|| LoadError::Damaged("a position".to_owned()))?);
        }
        load::totals(&mut self.engine, loaded, |_| true).map_err(LoadError::Damaged)?;
        let (claimed, found) = (text(META_CLAIMED), text(META_UNVERIFIED));
        if self.recovery.load(claimed.as_deref(), found.as_deref()).is_none() {
            return Err(LoadError::Damaged("what is unverified".to_owned()));
        }
        self.alarms = text(META_ALARMS);
        self.detectors = loaded.value(META_DETECTORS).map(<[u8]>::to_vec);
        for saved in bodies::PARTS.iter().filter_map(|name| loaded.value(name)) {
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
        match load::rows(engine, |each| state.for_each_row_blob(each), |day, bytes| days.add(day, bytes)) {
            Err(StoreError::Damaged { reason, .. }) => Ok(Some(reason)),
            loaded => Ok(loaded?),
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
        let (mut trouble, mut receipts) = (Trouble::default(), Receipts::default());
        if let Some(refused) = self.state.as_ref().and_then(State::refused) {
            trouble.began(refused, self.since);
            receipts.refuse();
        }
        let writer = self.state.take().map(Writer::start).transpose()?;
        Ok(Persistence {
            writer,
            mode,
            labels: labels.save(),
            bodies: Arc::clone(&self.bodies),
            prices,
            in_flight: false,
            // Whether the disk takes something is found out by a commit, if there is anything to save or not.
            dirty_since: trouble.is_there().then(Instant::now),
            bytes: 0,
            positions: HashMap::new(),
            dead: std::mem::take(&mut self.dead),
            generation: self.next_generation,
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
