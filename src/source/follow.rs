//! Following files through growth, rotation, truncation and copying. Names and time enter, events leave; it knows no thread and
//! sleeps never: [`Follower::poll`] does one look. What it promises, and what nobody can, is in docs/following.md.

mod adopt;
mod content;
mod descriptors;
mod ending;
mod file;
mod heads;
mod names;
mod packed;
mod read;
mod send;
mod status;
mod turn;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant, SystemTime};

use super::budget::ByteBudget;
use super::discover::Discovery;
use super::identity::FileKey;
use super::owner::Owners;
use super::spec::Spec;
use super::{Event, Position, SourceId};
use crate::label::Label;
use ending::Tomb;
use file::{Followed, Role};
use heads::HeadIndex;
use status::FileSource;

pub use ending::MAX_TOMBS;

/// Bytes of one file in one turn.
pub const READ: usize = 256 << 10;
/// Turns of a file in one look; then names are looked at again even while it goes on growing.
const ROUNDS: usize = 64;
/// A file that grew within this time is looked at four times a second.
const HOT: Duration = Duration::from_secs(10);

/// How files are followed.
#[derive(Clone, Debug)]
pub struct FollowOptions {
    /// Read what is there, torn ends included, and no more.
    pub once: bool,
    /// Skip what is there at the start.
    pub from_end: bool,
    /// Descriptors held at most.
    pub max_open: usize,
    /// The wall clock at the start: an older file that appears later is history.
    pub started: SystemTime,
}

impl Default for FollowOptions {
    fn default() -> FollowOptions {
        FollowOptions { once: false, from_end: false, max_open: 4096, started: SystemTime::now() }
    }
}

/// Which files a poll looks at.
#[derive(Clone, Copy, Debug)]
pub enum Look<'a> {
    /// All of them, and for new names.
    Everything,
    /// Those that grew lately or have unread bytes.
    Hot,
    /// Those named, and those that have lost their name.
    Named(&'a HashSet<PathBuf>),
}

/// What takes events; `false` ends the look.
pub type Sink<'a> = &'a mut dyn FnMut(Event) -> bool;

/// All files of all sources.
#[derive(Debug)]
pub struct Follower {
    sources: Vec<FileSource>,
    options: FollowOptions,
    budget: ByteBudget,
    generations: Arc<AtomicU32>,
    discovery: Discovery,
    owners: Owners,
    files: BTreeMap<u32, Followed>,
    next_slot: u32,
    by_key: HashMap<FileKey, u32>,
    by_name: HashMap<PathBuf, u32>,
    heads: HeadIndex,
    /// Which file each living generation is read from.
    leaders: HashMap<u32, u32>,
    tombs: VecDeque<Tomb>,
    /// Files that the last scan found under no name.
    nameless: Vec<u32>,
    remarked: HashSet<PathBuf>,
    open: usize,
    polls: u64,
    scans: u64,
    stopped: bool,
    /// The last scan met every name it found.
    all_named: bool,
    mark: Vec<u8>,
    /// Saved places whose files were not found are told to be dead.
    retired: bool,
    /// When the present look began.
    now: Instant,
    /// Looks at everything.
    rounds: u64,
    /// The present look is for files that were named: something has changed.
    is_named_look: bool,
    /// Files with unread whole lines that are known of.
    unfinished: HashSet<u32>,
    /// When a file grew last.
    newest: Option<Instant>,
    /// Held by each pass through a packed file.
    turnstile: Arc<()>,
}

impl Follower {
    /// Follows the files of `sources` from where `positions` were saved. `generations` gives the next free number.
    #[must_use]
    pub fn new(
        sources: Vec<(SourceId, Label, Spec)>,
        options: FollowOptions,
        positions: &[Position],
        generations: Arc<AtomicU32>,
        budget: ByteBudget,
        discovery: Discovery,
    ) -> Follower {
        Follower {
            sources: sources
                .into_iter()
                .map(|(id, name, spec)| FileSource { id, name, spec, read: 0, trouble: None, sent: None })
                .collect(),
            options,
            budget,
            generations,
            discovery,
            owners: Owners::default(),
            files: BTreeMap::new(),
            next_slot: 0,
            by_key: HashMap::new(),
            by_name: HashMap::new(),
            heads: HeadIndex::default(),
            leaders: HashMap::new(),
            tombs: positions.iter().filter_map(Tomb::saved).collect(),
            nameless: Vec::new(),
            remarked: HashSet::new(),
            open: 0,
            polls: 0,
            scans: 0,
            stopped: false,
            all_named: false,
            mark: Vec::new(),
            retired: false,
            now: Instant::now(),
            rounds: 0,
            is_named_look: false,
            unfinished: HashSet::new(),
            newest: None,
            turnstile: Arc::default(),
        }
    }

    /// What the watcher, if any, can be asked.
    #[must_use]
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// One look: held files first, so that a renamed file's end is read before its successor; then names; then what is new.
    /// `false` once the sink or the budget refused.
    pub fn poll(&mut self, now: Instant, look: Look<'_>, sink: Sink<'_>) -> bool {
        self.polls += 1;
        self.now = now;
        self.rounds += u64::from(matches!(look, Look::Everything));
        self.is_named_look = matches!(look, Look::Named(_));
        let slots: Vec<u32> = match look {
            Look::Everything => self.files.keys().copied().collect(),
            Look::Hot => self
                .files
                .iter()
                .filter(|(_, file)| file.more || !file.named || now.saturating_duration_since(file.active) < HOT)
                .map(|(slot, _)| *slot)
                .collect(),
            // Of a file without a name no hint tells, while those of others may come without end.
            Look::Named(names) => {
                let named = names.iter().filter_map(|name| self.by_name.get(name));
                named.chain(&self.nameless).copied().collect()
            }
        };
        self.drain(slots, sink);
        if matches!(look, Look::Everything) && !self.stopped {
            let new = self.scan(sink);
            self.drain(new, sink);
            if !self.retired && self.polls > 2 && !self.options.once && !self.has_more() && !self.is_unsettled() {
                self.retired = true;
                self.retire(sink);
            }
        }
        !self.stopped
    }

    /// Whether it reads what is there and no more.
    #[must_use]
    pub fn is_once(&self) -> bool {
        self.options.once
    }

    /// Whether unread whole lines are known of.
    #[must_use]
    pub fn has_more(&self) -> bool {
        !self.unfinished.is_empty()
    }

    /// Whether a copy waits for another look at what it is a copy of.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        self.files.values().any(|file| match &file.role {
            Role::Copy(twin) => twin.longer_since.is_some(),
            Role::Fresh => file.archive.as_ref().is_some_and(|archive| !archive.done),
            Role::Reader(_) => false,
        })
    }

    /// Whether some file grew so lately that the next growth is awaited soon.
    #[must_use]
    pub fn is_hot(&self, now: Instant) -> bool {
        self.has_more() || self.newest.is_some_and(|newest| now.saturating_duration_since(newest) < HOT)
    }

    fn drain(&mut self, mut slots: Vec<u32>, sink: Sink<'_>) {
        // In one go file by file, so that the order is that of names and each file is open only while it is read.
        if self.options.once {
            for slot in slots {
                while !self.stopped && self.turn(slot, sink) {}
                self.send_end(slot, sink);
                self.close(slot);
            }
            return;
        }
        for _ in 0..ROUNDS {
            slots.retain(|slot| !self.stopped && self.turn(*slot, sink));
            if slots.is_empty() {
                break;
            }
        }
    }
}
