//! Between engine and store: what changed enters, commits leave, one in flight; after a restart the other way round.

mod copies;
mod dead;
mod horizon;
pub(super) mod load;
mod opened;
mod position;
mod receipts;
mod recovery;
mod trouble;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never};

use super::bodies::Bodies;
use super::reprice::META_PRICES;
use crate::engine::Engine;
use crate::engine::bill::CostMode;
use crate::source::budget::Reservation;
use crate::source::{Position, Receipt, Receiving};
use crate::store::{Commit, Outcome, StoreError, Writer};
use crate::time::{Timestamp, Zone};
use copies::Copies;
use dead::Graveyard;
use horizon::Horizon;
use receipts::Receipts;
use recovery::Recovery;
use trouble::Trouble;

pub(super) use opened::Opened;
pub use opened::PersistError;
pub(super) use position::from_context;

/// A change waits at most this long for its commit…
const COMMIT_AFTER: Duration = Duration::from_secs(1);
/// …or until this much input has been applied.
const COMMIT_BYTES: u64 = 8 << 20;

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

/// The word of `--cost`.
const fn mode_name(mode: CostMode) -> &'static str {
    match mode {
        CostMode::Auto => "auto",
        CostMode::Computed => "computed",
        CostMode::Reported => "reported",
    }
}

/// A batch that was applied.
pub(super) struct Applied {
    pub generation: u32,
    pub position: Option<Position>,
    pub bytes: u64,
    pub receipt: Option<(Receipt, Receiving)>,
    pub reserved: Option<Reservation>,
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
    /// Values for the next commit, by key.
    beside: BTreeMap<&'static str, Vec<u8>>,
    trouble: Trouble,
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
        self.beside(META_ALARMS, alarms.into_bytes());
        if let Some(detectors) = detectors {
            self.beside(META_DETECTORS, detectors);
        }
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
        self.trouble.known()
    }

    /// What an operator must see of the state: why nothing is durable any more, else what cannot be verified.
    pub fn note(&self, zone: Zone, now: Timestamp) -> Option<String> {
        self.trouble.note(zone, now).or_else(|| self.recovery.note(zone, now))
    }

    /// Drops what lies beyond the horizon, a part at a time, and has a copy made each day; a sentence where something is to be told.
    ///
    /// # Errors
    /// The ledger's rows cannot be read or written: nothing of this engine may be saved any more.
    pub fn tick(&mut self, engine: &mut Engine, now: Timestamp) -> io::Result<Option<String>> {
        self.drop_days(engine, false)?;
        // A disk that takes no commit takes no copy.
        let copies = self.copies.as_mut().filter(|_| !self.trouble.is_there());
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
        meta.extend(self.bodies.changes());
        meta.extend(std::mem::take(&mut self.beside));
        let saved = Some(Timestamp::now());
        let forgotten = self.dead.take_forgotten();
        // One that died and was forgotten since the last commit; one that lives again was saved after.
        for generation in &forgotten {
            if self.positions.get(generation).is_some_and(|position| position.dead) {
                self.positions.remove(generation);
            }
        }
        commit.forgotten = forgotten;
        commit.positions =
            self.positions.drain().map(|(_, position)| position::with_context(position, saved)).collect();
        self.in_flight = true;
        self.receipts.committing();
        self.dirty_since = None;
        self.bytes = 0;
        if let Err(error) = writer.commit(commit) {
            self.receipts.refuse();
            self.trouble.began(&error, Timestamp::now());
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
                self.trouble.over()
            }
            Outcome::NotDurable { since, error, reason } => {
                self.receipts.refuse();
                self.trouble.refused(since, error, reason)
            }
            Outcome::Lost { error, reason } => {
                self.receipts.refuse();
                Some(self.trouble.lost(error, reason, Timestamp::now()))
            }
        }
    }

    /// Commits what is left and closes the state.
    pub fn close(mut self, engine: &mut Engine) -> Result<(), PersistError> {
        let outcomes = self.outcomes();
        // A disk that refuses is not waited for: the writer tries once more.
        while self.in_flight && !self.trouble.is_there() {
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
