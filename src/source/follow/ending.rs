//! Ends of generations: files that were rewritten, or lost their name and their writer, enter; what is left of them is a tomb, by which a
//! copy is recognised.

use std::path::PathBuf;
use std::time::Duration;

use super::file::{Followed, Reader, Role, is_document, with_file};
use super::status::unreadable;
use super::{Follower, Sink};
use crate::source::identity::{FileKey, Marks};
use crate::source::{Chunk, Event, Position};

/// A file without a name is given up when it has not grown for so long: its writer may still hold it.
pub(super) const LINGER_RENAMED: Duration = Duration::from_secs(60);
/// As above for a deleted file, whose blocks are free only once we let go.
const LINGER_DELETED: Duration = Duration::from_secs(10);
/// Ended generations that are kept to recognise copies of them.
pub const MAX_TOMBS: usize = 4096;

/// A generation that has ended; before the first look is over, also one that was saved.
#[derive(Debug)]
pub(super) struct Tomb {
    pub generation: u32,
    pub key: FileKey,
    pub marks: Marks,
    pub path: PathBuf,
    /// Told to be dead; until then its file may still be found.
    pub dead: bool,
    pub open_since: Option<u64>,
}

impl Tomb {
    /// Of a place that was saved, if it can be found again.
    pub fn saved(position: &Position) -> Option<Tomb> {
        let &Position { generation, device, inode, dead, open_since, .. } = position;
        let key = FileKey { device, inode };
        let marks = Marks::saved(position)?;
        Some(Tomb { generation, key, marks, path: position.path.clone(), dead, open_since })
    }
}

impl Follower {
    /// The bytes behind a reader are gone: its generation ends, and the file is looked at as if it were new.
    pub(super) fn restart(&mut self, file: &mut Followed, sink: Sink<'_>) {
        if let Role::Reader(reader) = std::mem::replace(&mut file.role, Role::Fresh) {
            // A document is written anew when it changes, and says again what it said.
            let is_document = is_document(&file.path);
            let gap = reader.gap(self.now).filter(|_| file.archive.is_none() && !is_document);
            let doubt = match gap {
                None => String::new(),
                Some(0) => "; gap suspected: it was being written".to_owned(),
                Some(unread) => format!("; gap suspected: {unread} bytes of it were seen and not read"),
            };
            let text = format!("'{}' was truncated or rewritten: read from its start{doubt}", file.path.display());
            if !is_document {
                self.note(file.source, text, sink);
            }
            self.bury(file, &reader, sink);
            if gap.is_some() {
                self.send_gap(file, &reader, sink);
            }
        }
        if let Some(archive) = &mut file.archive {
            archive.reopen();
        }
        file.history_until = 0;
    }

    /// A file without a name that nobody writes any more.
    pub(super) fn is_over(&self, file: &Followed) -> bool {
        // What it was packed into is told best while it is still held.
        let packing = || self.files.values().any(|other| other.archive.is_some() && matches!(other.role, Role::Fresh));
        let linger = if file.links == 0 && !packing() { LINGER_DELETED } else { LINGER_RENAMED };
        !self.options.once
            && !file.named
            && file.quiet >= 2
            && self.now.saturating_duration_since(file.active) >= linger
    }

    /// Takes leave of a file that has no name and no writer.
    pub(super) fn end(&mut self, slot: u32, mut file: Followed, sink: Sink<'_>) {
        self.by_key.remove(&file.key);
        let handle = file.file.take();
        self.open -= usize::from(handle.is_some());
        let Role::Reader(mut reader) = std::mem::replace(&mut file.role, Role::Fresh) else { return };
        self.heads.refile(slot, &mut file);
        let heir = self.has_heir(&reader);
        if let Some(handle) = &handle
            && file.archive.is_none()
            && !heir
            && let Err(error) = self.hand_over_torn(&mut reader, &file, handle, true, sink)
        {
            self.note(file.source, unreadable(&file.path, &error), sink);
        }
        let unread = reader.unread(file.stamp.size.max(reader.seen));
        if unread > 0 && file.archive.is_none() && !heir {
            let path = file.path.display();
            let text = format!("'{path}' is gone; gap suspected: {unread} bytes of it were seen and not read");
            self.note(file.source, text, sink);
            self.send_gap(&file, &reader, sink);
        }
        debug_assert!(self.leaders.get(&reader.generation) == Some(&slot), "each generation has one reader");
        self.bury(&file, &reader, sink);
    }

    fn has_heir(&self, reader: &Reader) -> bool {
        let is_copy = |file: &Followed| matches!(&file.role, Role::Copy(twin) if twin.of == reader.generation);
        // A packed one proves what it is only later, and from wherever reading ended.
        self.files.values().any(|file| file.archive.is_none() && is_copy(file))
    }

    /// Ends a generation, unless a copy of its file goes on with it.
    fn bury(&mut self, file: &Followed, reader: &Reader, sink: Sink<'_>) {
        self.leaders.remove(&reader.generation);
        if reader.marks.offset == 0 {
            return;
        }
        for (slot, copy) in &mut self.files {
            if copy.archive.is_none()
                && matches!(&copy.role, Role::Copy(twin) if twin.of == reader.generation)
                && with_file(copy, |handle| reader.marks.hold(handle)).unwrap_or(false)
            {
                copy.role = Role::Reader(Reader::new(reader.generation, reader.marks));
                copy.more = true;
                self.unfinished.insert(*slot);
                self.leaders.insert(reader.generation, *slot);
                self.heads.refile(*slot, copy);
                return;
            }
        }
        for (slot, copy) in &mut self.files {
            if let Some(archive) = &mut copy.archive
                && matches!(&copy.role, Role::Copy(twin) if twin.of == reader.generation)
            {
                archive.reopen();
                (copy.role, copy.more) = (Role::Fresh, true);
                self.unfinished.insert(*slot);
            }
        }
        self.send_dead(file, reader.generation, &reader.marks, sink);
        let (generation, key, marks, path) = (reader.generation, file.key, reader.marks, file.path.clone());
        self.tombs.push_back(Tomb { generation, key, marks, path, dead: true, open_since: None });
        // Before the first look is over, saved places are no dead ones yet.
        while self.retired && self.tombs.len() > MAX_TOMBS {
            self.tombs.pop_front();
        }
    }

    /// Of the places that were saved, those whose files are nowhere: kept as the dead are, to recognise copies.
    pub(super) fn retire(&mut self, sink: Sink<'_>) {
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
}
