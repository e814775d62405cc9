//! One file's turn, at most a read's worth of it: whether anything is to be done enters, what is to be done by its role leaves, and whether
//! it wants another turn.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use super::file::{Followed, Role, Stamp};
use super::status::unreadable;
use super::{Follower, Sink};

/// Of a file that has not grown for so long only one look at everything in so many asks for its times; the others ask for its size, at
/// less than half the price. What is rewritten to the very same size then is seen by the next of the former, or when the watcher tells.
const COLD: Duration = Duration::from_secs(30);
const THOROUGH_EVERY: u64 = 4;

/// How a turn went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// There is more to read, now.
    More,
    /// Nothing more for now.
    Quiet,
    /// There is more, but not in this look.
    Later,
    /// The bytes that were read are no longer there.
    Rewritten,
}

impl Follower {
    /// Whether the file wants another turn.
    pub(super) fn turn(&mut self, slot: u32, sink: Sink<'_>) -> bool {
        let is_thorough = self.is_named_look || (self.rounds + u64::from(slot)).is_multiple_of(THOROUGH_EVERY);
        let Some(file) = self.files.get_mut(&slot) else { return false };
        if !file.more
            && let Some(open) = &file.file
            && file.named
            && file.is_settled()
            && is_as_it_was(open, &file.stamp, is_thorough || self.now.saturating_duration_since(file.active) < COLD)
        {
            file.drained = self.polls;
            return false;
        }
        let Some(mut file) = self.files.remove(&slot) else { return false };
        let turn = self.look(slot, &mut file, sink);
        file.failed = turn.is_err();
        let turn = turn.unwrap_or_else(|error| {
            self.sources[file.source].trouble = Some(unreadable(&file.path, &error));
            // The next scan clears the trouble, so there must be one.
            self.all_named = false;
            Turn::Quiet
        });
        match turn {
            Turn::More | Turn::Later => file.quiet = 0,
            // What cannot be read now may still hold lines.
            Turn::Quiet if file.failed => file.quiet = 0,
            Turn::Quiet => file.quiet = file.quiet.saturating_add(1),
            Turn::Rewritten => self.restart(&mut file, sink),
        }
        self.heads.refile(slot, &mut file);
        file.more = turn != Turn::Quiet;
        if file.more {
            self.unfinished.insert(slot);
        } else {
            self.unfinished.remove(&slot);
        }
        if !file.more && self.is_over(&file) {
            self.end(slot, file, sink);
        } else {
            self.files.insert(slot, file);
            self.close_cold();
        }
        matches!(turn, Turn::More | Turn::Rewritten) && !self.stopped
    }

    fn look(&mut self, slot: u32, file: &mut Followed, sink: Sink<'_>) -> io::Result<Turn> {
        if !self.ensure_open(file)? {
            return Ok(Turn::Quiet);
        }
        let Some(handle) = file.file.take() else { return Ok(Turn::Quiet) };
        let turn = self.look_at(slot, file, &handle, sink);
        file.file = Some(handle);
        turn
    }

    fn look_at(&mut self, slot: u32, file: &mut Followed, handle: &File, sink: Sink<'_>) -> io::Result<Turn> {
        let metadata = handle.metadata()?;
        let stamp = Stamp::of(&metadata);
        file.links = metadata.nlink();
        let changed = stamp != file.stamp;
        if stamp.size != file.stamp.size {
            file.active = self.now;
            self.newest = Some(self.now);
        }
        file.stamp = stamp;
        if file.archive.is_some() {
            if stamp.size == 0 {
                return Ok(Turn::Quiet);
            }
            let turn = self.look_into(slot, file, handle, &metadata, changed, sink);
            if matches!(turn, Ok(Turn::Quiet)) {
                file.drained = self.polls;
            }
            return turn;
        }
        if matches!(file.role, Role::Fresh) {
            if stamp.size == 0 {
                return Ok(Turn::Quiet);
            }
            // Read in the same turn, so that the next file can already be compared with this one.
            self.decide(slot, file, handle, sink)?;
        }
        if matches!(file.role, Role::Copy(_)) {
            let turn = self.follow_copy(slot, file, handle, changed)?;
            if !matches!(file.role, Role::Reader(_)) {
                return Ok(turn);
            }
        }
        let Role::Reader(reader) = &file.role else { return Ok(Turn::Quiet) };
        let mut reader = reader.clone();
        let turn = self.read(&mut reader, file, handle, changed, sink);
        file.role = Role::Reader(reader);
        if matches!(turn, Ok(Turn::Quiet)) {
            file.drained = self.polls;
        }
        turn
    }
}

/// Whether an open file has not changed, as far as is asked.
fn is_as_it_was(mut open: &File, stamp: &Stamp, is_thorough: bool) -> bool {
    if is_thorough {
        return open.metadata().is_ok_and(|metadata| Stamp::of(&metadata) == *stamp);
    }
    // The descriptor's own place is used by nobody: reads name theirs.
    open.seek(SeekFrom::End(0)).is_ok_and(|size| size == stamp.size)
}
