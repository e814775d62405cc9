//! One file as it is followed: what is known of an inode, what it is to us, and how far it was read. Decides nothing and sends nothing.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::HOT;
use super::packed::Archive;
use crate::label::Label;
use crate::source::identity::{COPY_MINIMUM, FileKey, Marks};

/// One inode.
#[derive(Debug)]
pub(super) struct Followed {
    pub source: usize,
    pub path: PathBuf,
    pub key: FileKey,
    pub file: Option<File>,
    pub role: Role,
    pub stamp: Stamp,
    pub history_until: u64,
    pub owner: Option<Label>,
    pub seen: u64,
    pub named: bool,
    pub links: u64,
    pub quiet: u32,
    pub active: Instant,
    /// The last poll that found no whole line left.
    pub drained: u64,
    pub more: bool,
    /// The system refused the last read: to be tried again, whether it changes or not.
    pub failed: bool,
    /// Set where the file is packed.
    pub archive: Option<Box<Archive>>,
    /// Where it stands in the index of heads.
    pub filed: Option<(u32, u64)>,
}

/// Size and times: equal stamps, equal content (to be verified before it is read anyway).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub size: u64,
    pub modified: (i64, i64),
    pub changed: (i64, i64),
}

#[derive(Debug)]
pub(super) enum Role {
    /// Nothing read; what it is will be decided by its first bytes.
    Fresh,
    /// Lines are read from it.
    Reader(Reader),
    /// Begins with the same bytes as a living generation; read only where they part, or when the other is gone.
    Copy(Twin),
}

#[derive(Clone, Debug)]
pub(super) struct Twin {
    /// The living generation.
    pub of: u32,
    /// Its own, should it part.
    pub generation: u32,
    /// How far both are known to be the same.
    pub marks: Marks,
    /// The poll that first saw bytes the other does not have.
    pub longer_since: Option<u64>,
    /// Offset and stamp of the other when they were compared last.
    pub compared: Option<(u64, Stamp)>,
}

#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub generation: u32,
    pub marks: Marks,
    /// Bytes behind the offset that hold no newline.
    pub searched: u64,
    /// NUL bytes right behind the offset, among those searched.
    pub nuls: u64,
    /// What was searched is no whole end of a document.
    pub is_no_end: bool,
    /// The largest size at which the marks held.
    pub seen: u64,
    /// When bytes were read last.
    pub grew: Option<Instant>,
    /// To be read again, up to the offset, before anything new: there a record begins that goes on.
    pub open_since: Option<u64>,
}

impl Stamp {
    pub fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Reader {
    pub fn new(generation: u32, marks: Marks) -> Reader {
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
    pub fn move_to(&mut self, marks: Marks) {
        (self.marks, self.searched, self.nuls, self.is_no_end) = (marks, 0, 0, false);
        self.seen = self.seen.max(marks.offset);
    }

    /// Bytes behind the offset that are no hole, of a file of `size` bytes.
    pub fn unread(&self, size: u64) -> u64 {
        size.saturating_sub(self.marks.offset + self.nuls)
    }

    /// Bytes that were seen and not read, or that may have come unseen while it was being written. `None`: neither.
    pub fn gap(&self, now: Instant) -> Option<u64> {
        let unread = self.unread(self.seen);
        let written = self.grew.is_some_and(|at| now.saturating_duration_since(at) < HOT);
        (unread > 0 || written).then_some(unread)
    }
}

impl Followed {
    /// The head by which others are compared with it, if enough of it was read.
    pub fn head(&self) -> Option<(u32, u64)> {
        match &self.role {
            Role::Reader(Reader { marks, .. }) if marks.offset >= COPY_MINIMUM => {
                Some((marks.head_length, marks.head_hash))
            }
            _ => None,
        }
    }

    /// Its last line may be whole without a newline: programs write a document so, and write it anew when it changes.
    pub fn awaits_end(&self) -> bool {
        let has_tail = |reader: &Reader| reader.searched > reader.nuls && !reader.is_no_end;
        is_document(&self.path) && matches!(&self.role, Role::Reader(reader) if has_tail(reader))
    }

    /// Nothing is to be done as long as its stamp stands.
    pub fn is_settled(&self) -> bool {
        !self.failed
            && !self.awaits_end()
            && self.archive.as_ref().map_or(!matches!(self.role, Role::Copy(_)), |archive| archive.done)
    }
}

/// A file that by its name holds one value and no lines.
pub(super) fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// Opens for reading only, waits for nothing (a pipe would) and takes no terminal.
pub(super) fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

/// Runs `ask` on a file that may be closed at the moment.
pub(super) fn with_file<T>(file: &Followed, ask: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
    match &file.file {
        Some(handle) => ask(handle),
        None => ask(&open(&file.path)?),
    }
}
