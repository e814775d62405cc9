//! One-shot commands: read everything that is there, then answer.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::decode::{Decoded, Shared};
use super::generations::Generations;
use super::persist::{self, from_context};
use super::pipeline::{Message, Pipeline};
use super::places::Places;
use super::reprice::{META_PRICES, fingerprint, reprice};
use super::{Sources, memory, spill};
use crate::alarm::{AdjustError, Adjustments, Alarms, BudgetStatus, Budgets, ScopeError};
use crate::config::{Config, LabelSlots, SourceConfig};
use crate::engine::bill::CostMode;
use crate::engine::identity::IdentityKey;
use crate::engine::{Engine, Options, Post};
use crate::price::PriceBook;
use crate::server::status::Status;
use crate::source::budget::ByteBudget;
use crate::source::{self, SourceError, SourceState};
use crate::store::{Snapshot, StoreError};
use crate::time::Timestamp;

/// Ledger rows kept in memory: a report reads them all again.
const ROWS_IN_MEMORY: usize = 28 << 20;
/// Bytes on their way: enough to keep two threads busy.
const BYTES_ON_THEIR_WAY: usize = 4 << 20;

/// Why reading failed.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// A source cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A source that was named is not there or cannot be read.
    #[error("source '{name}': {why}")]
    Lost {
        /// As it was named.
        name: String,
        /// What, and what to do.
        why: String,
    },
    /// The temporary file failed.
    #[error("the temporary file for the ledger failed ({0}): free space in TMPDIR, or set it to another folder")]
    Rows(#[from] io::Error),
    /// A thread died: what was read is not everything.
    #[error(
        "reading stopped before the end: this is a defect of costtop, please report it with the lines printed above"
    )]
    Cut,
    /// Another process gave the slots of labels away since the configuration was read.
    #[error("the state's labels changed while it was read: try again")]
    LabelsMoved,
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state holds what cannot be.
    #[error("state '{0}' is damaged ({1}): start the dashboard, which sets it aside, or name a SOURCE")]
    Damaged(String, String),
}

/// Everything read, and what went wrong beside it.
pub struct Read {
    /// The engine with all charges.
    pub engine: Engine,
    /// Corrections of budgets.
    pub adjustments: Adjustments,
    /// Sentences for stderr.
    pub notes: Vec<String>,
}

/// How to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Which cost counts.
    pub mode: CostMode,
    /// Batches carry raw names ([`crate::engine::record::RawNames`]).
    pub keep_names: bool,
    /// Go on when everything is read, until the sources end by themselves; the ledger remembers which rows changed.
    pub follow: bool,
}

/// What happens with each batch.
pub trait Watcher {
    /// Before it is applied.
    ///
    /// # Errors
    /// Ends the reading.
    fn before(&mut self, _: &mut Decoded) -> io::Result<()> {
        Ok(())
    }

    /// After it was applied.
    ///
    /// # Errors
    /// Ends the reading.
    fn after(&mut self, _: &mut Engine) -> io::Result<()> {
        Ok(())
    }
}

/// Only the result matters.
impl Watcher for () {}

/// Reads all sources to their ends.
pub fn read(
    sources: Sources,
    config: &Config,
    book: &Arc<PriceBook>,
    now: Timestamp,
    manner: Manner,
    watcher: &mut impl Watcher,
) -> Result<Read, OnceError> {
    if !manner.follow {
        memory::keep();
    }
    let (rows, trouble) = spill::rows(ROWS_IN_MEMORY);
    let mut notes: Vec<String> =
        trouble.map(|error| format!("no temporary file ({error}): all rows stay in memory")).into_iter().collect();
    let options = Options {
        zone: config.zone,
        mode: manner.mode,
        collect_changes: manner.follow,
        windows: false,
        ..Options::default()
    };
    let mut engine = Engine::new(options, rows, now);
    let shared = Shared {
        zone: config.zone,
        key: IdentityKey::random(),
        book: Arc::clone(book),
        around: sources.around,
        labels: super::label_paths(config),
        keep_names: manner.keep_names,
        bodies: Arc::default(),
    };
    let options = source::Options {
        once: !manner.follow,
        notify: manner.follow,
        budget: ByteBudget::new(BYTES_ON_THEIR_WAY),
        streams: ByteBudget::new(BYTES_ON_THEIR_WAY),
        ..source::Options::default()
    };
    let pipeline = Pipeline::start(sources.specs, &options, &shared)?;
    let mut posts = Vec::new();
    let mut generations = Generations::default();
    let mut adjustments = Adjustments::default();
    let mut not_taken: Option<(u64, AdjustError)> = None;
    let (mut applied, mut expected) = (0, None);
    while expected != Some(applied) {
        let Ok(message) = pipeline.messages().recv() else { return Err(OnceError::Cut) };
        match message {
            Message::Decoded(mut decoded) => {
                watcher.before(&mut decoded)?;
                if generations.insert(decoded.generation) {
                    engine.intake_mut().files += 1;
                }
                let now = if manner.follow { Timestamp::now() } else { now };
                engine.apply(&decoded.batch, now, &mut posts)?;
                posts.clear();
                for adjustment in std::mem::take(&mut decoded.adjustments) {
                    if let Err(error) = adjustments.find(adjustment, now) {
                        let before = not_taken.take().map_or(0, |(count, _)| count);
                        not_taken = Some((before + 1, error));
                    }
                }
                decoded.give_back();
                watcher.after(&mut engine)?;
                applied += 1;
            }
            Message::Status(status) => {
                if let SourceState::Lost(why) = status.state
                    && !manner.follow
                {
                    return Err(OnceError::Lost { name: status.name.to_string(), why });
                }
            }
            Message::Note { text, .. } => notes.push(text),
            // Nothing of a one-shot command answers: the asker sees its request dropped.
            Message::Ask(_) | Message::CaughtUp { .. } => {}
            Message::Ended { chunks } => expected = Some(chunks),
        }
    }
    pipeline.stop();
    notes.extend(not_taken.map(|(count, error)| format!("{count} adjustments in logs are not counted: {error}")));
    Ok(Read { engine, adjustments, notes })
}

/// The charges of a saved state, while its owner may go on writing, what had no price priced as a start of its owner would; `None` where
/// there is none yet.
pub fn read_state(
    folder: &Path,
    config: &Config,
    book: &Arc<PriceBook>,
    mode: CostMode,
    now: Timestamp,
) -> Result<Option<Read>, OnceError> {
    let Some((snapshot, loaded)) = Snapshot::open(folder)? else { return Ok(None) };
    let damaged = |what: String| OnceError::Damaged(folder.display().to_string(), what);
    if let Some(kept) = loaded.value(persist::META_LABELS)
        && !LabelSlots::load(kept).map_err(|error| damaged(error.to_string()))?.agrees_with(config.labels.slots())
    {
        return Err(OnceError::LabelsMoved);
    }
    let (rows, _) = spill::rows(ROWS_IN_MEMORY);
    let mut engine = Engine::new(Options { zone: config.zone, mode, ..Options::default() }, rows, now);
    // Charges are told by their rows; only of dropped ones there is nothing but sums.
    persist::load::totals(&mut engine, &loaded, Engine::is_of_dropped).map_err(damaged)?;
    if let Some(reason) = persist::load::rows(&mut engine, |each| snapshot.for_each_row_blob(each), |_, _| {})? {
        return Err(damaged(reason));
    }
    let mut notes = Vec::new();
    if loaded.value(META_PRICES) != Some(fingerprint(book).as_bytes()) {
        let mut places = Places::default();
        for position in loaded.positions.iter().filter_map(from_context) {
            places.note(&position);
        }
        // The state's sources are the configuration's, or were named on a command line.
        let sources: Vec<SourceConfig> = config.sources.iter().cloned().chain([SourceConfig::new("-")]).collect();
        let shared = Shared {
            zone: config.zone,
            key: loaded.identity,
            book: Arc::clone(book),
            around: super::around(&sources, config),
            labels: None,
            keep_names: false,
            bodies: Arc::default(),
        };
        notes = reprice(&mut engine, &places, &shared)?;
    }
    let adjustments = adjustments(folder, now)?;
    Ok(Some(Read { engine, adjustments, notes }))
}

/// What was corrected in the state in `folder` until `now`.
fn adjustments(folder: &Path, now: Timestamp) -> Result<Adjustments, OnceError> {
    let Some(saved) = Snapshot::meta(folder, persist::META_ADJUSTMENTS)? else {
        return Ok(Adjustments::default());
    };
    Adjustments::load(&String::from_utf8_lossy(&saved), now)
        .map_err(|error| OnceError::Damaged(folder.display().to_string(), error.to_string()))
}

/// How things stood at the last commit of the state in `folder`; `None` where nothing says so.
///
/// # Errors
/// The state cannot be read.
pub fn last_status(folder: &Path) -> Result<Option<Status>, StoreError> {
    let saved = Snapshot::meta(folder, persist::META_STATUS)?;
    // One of another version says nothing.
    Ok(saved.and_then(|saved| serde_json::from_slice(&saved).ok()))
}

/// What is to be said of adjustments that name a budget and move none: there is no such budget, or they do not say for whom.
///
/// # Errors
/// A budget's glob.
pub fn misnamed(adjustments: &Adjustments, config: &Config, now: Timestamp) -> Result<Option<String>, ScopeError> {
    let budgets = Budgets::new(config.zone, &config.budgets, now)?;
    let mut refused = adjustments.kept().iter().filter_map(|adjustment| budgets.knows(adjustment).err());
    let last = refused.next_back();
    Ok(last.map(|error| format!("{} adjustments move no budget: {error}", refused.count() + 1)))
}

/// How the budgets stand at `now`, from the charges as they are; nothing rings.
pub fn budgets(
    engine: &mut Engine,
    config: &Config,
    adjustments: &Adjustments,
    now: Timestamp,
) -> Result<Vec<BudgetStatus>, BudgetsError> {
    if config.budgets.is_empty() {
        return Ok(Vec::new());
    }
    let mut budgets = Budgets::new(config.zone, &config.budgets, now)?;
    if engine.intake().dropped > 0 {
        budgets.count_a_lower_bound();
    }
    let mut alarms = Alarms::default();
    let (ledger, names) = engine.ledger();
    ledger.for_each_charge(names, |bill, names| {
        budgets.apply(&[Post::of(bill, 1, true)], names, now, &mut alarms);
        Ok(())
    })?;
    let names = engine.ledger().1;
    for adjustment in adjustments.kept() {
        budgets.correct(adjustment, true, names, &mut alarms);
    }
    Ok(budgets.statuses(names, usize::MAX))
}

/// Budgets cannot be summed up.
#[derive(Debug, thiserror::Error)]
pub enum BudgetsError {
    /// A glob of the configuration.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The temporary file.
    #[error("the temporary file for the ledger failed ({0}): free space in TMPDIR, or set it to another folder")]
    Rows(#[from] io::Error),
}
