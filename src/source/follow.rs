//! Following files through growth, rotation, truncation and copying. Names and time enter, events leave; it knows no thread and
//! sleeps never: [`Follower::poll`] does one look. What it promises, and what nobody can, is in docs/following.md.

mod adopt;
mod content;
mod packed;
mod turn;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant, SystemTime};

use super::budget::ByteBudget;
use super::discover::{Discovery, Remark};
use super::identity::{COPY_MINIMUM, FileKey, Marks};
use super::owner::Owners;
use super::spec::Spec;
use super::unpack::Packing;
use super::{Chunk, Event, Position, SourceId, SourceState, SourceStatus};
use crate::label::Label;
use adopt::HeadIndex;
use packed::Archive;

/// Bytes of one file in one turn.
pub const READ: usize = 256 << 10;
/// Turns of a file in one look; then names are looked at again even while it goes on growing.
const ROUNDS: usize = 64;
/// A file that grew within this time is looked at four times a second.
const HOT: Duration = Duration::from_secs(10);
/// Of a file that has not grown for so long only one look at everything in so many asks for its times; the others ask for its size, at
/// less than half the price. What is rewritten to the very same size then is seen by the next of the former, or when the watcher tells.
const COLD: Duration = Duration::from_secs(30);
const THOROUGH_EVERY: u64 = 4;
/// A file without a name is given up when it has not grown for so long: its writer may still hold it.
const LINGER_RENAMED: Duration = Duration::from_secs(60);
/// As above for a deleted file, whose blocks are free only once we let go.
const LINGER_DELETED: Duration = Duration::from_secs(10);
/// A copy that goes its own way was not read before: what its lines hang on begins anywhere.
const FROM_ITS_HEAD: Option<u64> = Some(0);
/// A document that was still for so long is written.
const WRITTEN: Duration = Duration::from_secs(1);
/// Ended generations that are kept to recognise copies of them.
const MAX_TOMBS: usize = 4096;

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

#[derive(Debug)]
struct FileSource {
    id: SourceId,
    name: Label,
    spec: Spec,
    read: u64,
    trouble: Option<String>,
    sent: Option<SourceStatus>,
}

/// One inode.
#[derive(Debug)]
struct Followed {
    source: usize,
    path: PathBuf,
    key: FileKey,
    file: Option<File>,
    role: Role,
    stamp: Stamp,
    history_until: u64,
    owner: Option<Label>,
    seen: u64,
    named: bool,
    links: u64,
    quiet: u32,
    active: Instant,
    /// The last poll that found no whole line left.
    drained: u64,
    more: bool,
    /// The system refused the last read: to be tried again, whether it changes or not.
    failed: bool,
    /// Set where the file is packed.
    archive: Option<Box<Archive>>,
    /// Where it stands in the index of heads.
    filed: Option<(u32, u64)>,
}

/// Size and times: equal stamps, equal content (to be verified before it is read anyway).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[derive(Debug)]
enum Role {
    /// Nothing read; what it is will be decided by its first bytes.
    Fresh,
    /// Lines are read from it.
    Reader(Reader),
    /// Begins with the same bytes as a living generation; read only where they part, or when the other is gone.
    Copy(Twin),
}

#[derive(Clone, Debug)]
struct Twin {
    /// The living generation.
    of: u32,
    /// Its own, should it part.
    generation: u32,
    /// How far both are known to be the same.
    marks: Marks,
    /// The poll that first saw bytes the other does not have.
    longer_since: Option<u64>,
    /// Offset and stamp of the other when they were compared last.
    compared: Option<(u64, Stamp)>,
}

#[derive(Clone, Debug)]
struct Reader {
    generation: u32,
    marks: Marks,
    /// Bytes behind the offset that hold no newline.
    searched: u64,
    /// NUL bytes right behind the offset, among those searched.
    nuls: u64,
    /// What was searched is no whole end of a document.
    is_no_end: bool,
    /// The largest size at which the marks held.
    seen: u64,
    /// When bytes were read last.
    grew: Option<Instant>,
    /// To be read again, up to the offset, before anything new: there a record begins that goes on.
    open_since: Option<u64>,
}

#[derive(Debug)]
struct Tomb {
    generation: u32,
    key: FileKey,
    marks: Marks,
    path: PathBuf,
    /// Told to be dead; until then its file may still be found.
    dead: bool,
    open_since: Option<u64>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Reader {
    fn new(generation: u32, marks: Marks) -> Reader {
        Reader {
            generation,
            marks,
            searched: 0,
            nuls: 0,
            is_no_end: false,
            seen: marks.offset,
            grew: None,
            open_since: None,
        }
    }

    /// Nothing is known behind the new place.
    fn move_to(&mut self, marks: Marks) {
        (self.marks, self.searched, self.nuls, self.is_no_end) = (marks, 0, 0, false);
        self.seen = self.seen.max(marks.offset);
    }

    /// Bytes behind the offset that are no hole, of a file of `size` bytes.
    fn unread(&self, size: u64) -> u64 {
        size.saturating_sub(self.marks.offset + self.nuls)
    }

    /// Bytes that were seen and not read, or that may have come unseen while it was being written. `None`: neither.
    fn gap(&self, now: Instant) -> Option<u64> {
        let unread = self.unread(self.seen);
        let written = self.grew.is_some_and(|at| now.saturating_duration_since(at) < HOT);
        (unread > 0 || written).then_some(unread)
    }
}

impl Followed {
    /// The head by which others are compared with it, if enough of it was read.
    fn head(&self) -> Option<(u32, u64)> {
        match &self.role {
            Role::Reader(Reader { marks, .. }) if marks.offset >= COPY_MINIMUM => {
                Some((marks.head_length, marks.head_hash))
            }
            _ => None,
        }
    }

    /// Its last line may be whole without a newline: programs write a document so, and write it anew when it changes.
    fn awaits_end(&self) -> bool {
        let has_tail = |reader: &Reader| reader.searched > reader.nuls && !reader.is_no_end;
        is_document(&self.path) && matches!(&self.role, Role::Reader(reader) if has_tail(reader))
    }

    /// Nothing is to be done as long as its stamp stands.
    fn is_settled(&self) -> bool {
        !self.failed
            && !self.awaits_end()
            && self.archive.as_ref().map_or(!matches!(self.role, Role::Copy(_)), |archive| archive.done)
    }
}

/// A file that by its name holds one value and no lines.
fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// Opens for reading only, waits for nothing (a pipe would) and takes no terminal.
fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
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
        let tombs = positions.iter().filter_map(|position| {
            let key = FileKey { device: position.device, inode: position.inode };
            let Position { generation, dead, open_since, .. } = *position;
            Marks::saved(position).map(|marks| Tomb {
                generation,
                key,
                marks,
                path: position.path.clone(),
                dead,
                open_since,
            })
        });
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
            tombs: tombs.collect(),
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
        self.drain(slots, now, sink);
        if matches!(look, Look::Everything) && !self.stopped {
            let new = self.scan(now, sink);
            self.drain(new, now, sink);
            if !self.retired && self.polls > 2 && !self.options.once && !self.has_more() && !self.is_unsettled() {
                self.retired = true;
                self.retire(sink);
            }
        }
        !self.stopped
    }

    /// Of the places that were saved, those whose files are nowhere: kept as the dead are, to recognise copies.
    fn retire(&mut self, sink: Sink<'_>) {
        for tomb in self.tombs.iter_mut().filter(|tomb| !tomb.dead) {
            tomb.dead = true;
            let position = tomb.marks.position(tomb.generation, &tomb.path, tomb.key, true);
            let source = self.sources.first().map_or(0, |source| source.id);
            let chunk = Chunk {
                ends: true,
                position: Some(position),
                ..Chunk::empty(source, tomb.generation, tomb.marks.offset)
            };
            self.stopped |= !sink(Event::Chunk(chunk));
        }
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

    fn drain(&mut self, mut slots: Vec<u32>, now: Instant, sink: Sink<'_>) {
        // In one go file by file, so that the order is that of names and each file is open only while it is read.
        if self.options.once {
            for slot in slots {
                while !self.stopped && self.turn(slot, now, sink) {}
                self.send_end(slot, sink);
                self.close(slot);
            }
            return;
        }
        for _ in 0..ROUNDS {
            slots.retain(|slot| !self.stopped && self.turn(*slot, now, sink));
            if slots.is_empty() {
                break;
            }
        }
    }

    /// Looks for names; the slots of files that are new.
    fn scan(&mut self, now: Instant, sink: Sink<'_>) -> Vec<u32> {
        if self.all_named && self.discovery.is_unchanged(self.sources.iter().map(|source| &source.spec)) {
            return Vec::new();
        }
        self.all_named = true;
        self.scans += 1;
        let mut new = Vec::new();
        let mut names = HashMap::new();
        for source in 0..self.sources.len() {
            let (mut found, mut remarks) = (Vec::new(), Vec::new());
            self.discovery.scan(&self.sources[source].spec, &mut found, &mut remarks);
            self.sources[source].trouble = None;
            for found in found {
                let known = self.by_name.get(&found.path).copied().filter(|_| found.unchanged);
                let slot = match known {
                    Some(slot) if self.files.contains_key(&slot) => Some(slot),
                    _ => match self.meet(source, &found.path, now, sink) {
                        Ok(Some((slot, is_new))) => {
                            new.extend(is_new.then_some(slot));
                            Some(slot)
                        }
                        Ok(None) => {
                            self.all_named = false;
                            None
                        }
                        Err(error) => {
                            remarks.push(Remark::Unreadable(found.path.clone(), error));
                            None
                        }
                    },
                };
                if let Some((slot, file)) = slot.and_then(|slot| Some((slot, self.files.get_mut(&slot)?))) {
                    if file.seen != self.scans {
                        file.seen = self.scans;
                        if file.path != found.path {
                            file.path.clone_from(&found.path);
                        }
                    }
                    names.insert(found.path, slot);
                }
            }
            self.all_named &= !remarks.iter().any(|remark| matches!(remark, Remark::Unreadable(..)));
            self.remark(source, remarks);
        }
        self.by_name = names;
        self.nameless.clear();
        for (slot, file) in &mut self.files {
            if file.named && file.seen != self.scans {
                file.active = now;
                self.newest = Some(now);
            }
            file.named = file.seen == self.scans;
            self.nameless.extend((!file.named).then_some(*slot));
        }
        if !new.is_empty() && !self.tombs.is_empty() {
            // Those read before come first, then the larger: what is a part of them is then compared with the living.
            let known: HashSet<FileKey> = self.tombs.iter().map(|tomb| tomb.key).collect();
            new.sort_by_key(|slot| {
                let file = self.files.get(slot);
                let is_known = file.is_some_and(|file| known.contains(&file.key));
                (!is_known, Reverse(file.map_or(0, |file| file.stamp.size)))
            });
        }
        new
    }

    /// The slot of what a name stands for, and whether it is new. `None`: no regular file, or gone again.
    fn meet(&mut self, source: usize, path: &Path, now: Instant, sink: Sink<'_>) -> io::Result<Option<(u32, bool)>> {
        let metadata = match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        if let Some(slot) = self.by_key.get(&FileKey::of(&metadata)) {
            return Ok(Some((*slot, false)));
        }
        if !metadata.is_file() {
            if self.remarked.insert(path.to_owned()) {
                let text = format!("'{}' is no regular file and is not read", path.display());
                self.stopped |= !sink(Event::Note { source: self.sources[source].id, text });
            }
            return Ok(None);
        }
        // Where no more may be held, it is opened when its turn comes.
        let has_room = !self.options.once && self.open < self.options.max_open;
        let (file, metadata) = if has_room {
            let file = match open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                other => other?,
            };
            let metadata = file.metadata()?;
            (Some(file), metadata)
        } else {
            (None, metadata)
        };
        let key = FileKey::of(&metadata);
        if let Some(slot) = self.by_key.get(&key) {
            return Ok(Some((*slot, false)));
        }
        if !metadata.is_file() {
            return Ok(None);
        }
        let old = self.scans == 1 || metadata.modified().is_ok_and(|modified| modified < self.options.started);
        let archive = Packing::of(path).map(|packing| Box::new(Archive::new(packing)));
        // What a packed file unpacks to is not known before it is read.
        let size = if archive.is_some() { u64::MAX } else { metadata.len() };
        let slot = self.next_slot;
        self.next_slot += 1;
        self.by_key.insert(key, slot);
        self.open += usize::from(file.is_some());
        self.unfinished.insert(slot);
        self.newest = Some(now);
        let followed = Followed {
            source,
            path: path.to_owned(),
            key,
            file,
            role: Role::Fresh,
            stamp: Stamp { size: metadata.len(), ..Stamp::default() },
            history_until: if old { size } else { 0 },
            owner: self.owners.name(metadata.uid()),
            seen: self.scans,
            named: true,
            links: metadata.nlink(),
            quiet: 0,
            active: now,
            drained: 0,
            more: true,
            failed: false,
            archive,
            filed: None,
        };
        self.files.insert(slot, followed);
        Ok(Some((slot, true)))
    }

    fn remark(&mut self, source: usize, remarks: Vec<Remark>) {
        for remark in remarks {
            match remark {
                // Nothing there is waiting, not trouble; in a one-shot command it is.
                Remark::Unreadable(_, error) if error.kind() == io::ErrorKind::NotFound && !self.options.once => {}
                Remark::Unreadable(path, error) => self.sources[source].trouble = Some(unreadable(&path, &error)),
            }
        }
    }

    fn close(&mut self, slot: u32) {
        if let Some(file) = self.files.get_mut(&slot)
            && file.file.take().is_some()
        {
            self.open -= 1;
        }
    }

    /// Closes the longest quiet of the files that have a name, when too many are open.
    fn close_cold(&mut self) {
        if self.open <= self.options.max_open {
            return;
        }
        let mut cold: Vec<(Instant, u32)> = self
            .files
            .iter()
            .filter(|(_, file)| file.file.is_some() && file.named && file.links > 0)
            .map(|(slot, file)| (file.active, *slot))
            .collect();
        cold.sort_unstable();
        // An eighth at once, so that this is seldom done.
        let surplus = self.open - self.options.max_open + self.options.max_open / 8;
        for (_, slot) in cold.into_iter().take(surplus) {
            self.close(slot);
        }
    }

    /// The states that changed since they were last asked for.
    pub fn statuses(&mut self) -> Vec<SourceStatus> {
        let mut sums = vec![(0u64, 0u64); self.sources.len()];
        for file in self.files.values() {
            let (files, unread) = &mut sums[file.source];
            *files += 1;
            *unread += match (&file.archive, &file.role) {
                (Some(archive), _) => archive.unread(file.stamp.size),
                (None, Role::Reader(reader)) => file.stamp.size.saturating_sub(reader.marks.offset),
                (None, Role::Fresh) => file.stamp.size,
                (None, Role::Copy(_)) => 0,
            };
        }
        let once = self.options.once;
        let mut changed = Vec::new();
        for (source, (files, unread)) in self.sources.iter_mut().zip(sums) {
            let state = match (&source.trouble, files) {
                (Some(trouble), _) => SourceState::Lost(trouble.clone()),
                (None, 0) if !once => SourceState::Waiting,
                (None, _) if once && unread == 0 => SourceState::Ended,
                (None, _) => SourceState::Live,
            };
            let status = SourceStatus {
                source: source.id,
                name: source.name.clone(),
                state,
                files,
                total_bytes: source.read + unread,
                read_bytes: source.read,
                dropped: 0,
            };
            if source.sent.as_ref() != Some(&status) {
                source.sent = Some(status.clone());
                changed.push(status);
            }
        }
        changed
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => "give this user the right to read it, or run as its owner",
        io::ErrorKind::NotADirectory => "a part of the path is a file: correct the path",
        io::ErrorKind::NotFound => "check the name",
        _ if error.raw_os_error() == Some(libc::EMFILE) => "raise the limit of open files (ulimit -n)",
        _ => "it is tried again every second",
    };
    format!("cannot read '{}' ({error}): {remedy}", path.display())
}
