//! Deciding what a file is: new, known from before, or a copy. Marks and bytes enter, roles leave; every doubt is settled by reading.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;

use memchr::memrchr;

use super::super::identity::{COPY_MINIMUM, HEAD, Marks, hash, read_at, same_before};
use super::super::{Chunk, Event};
use super::turn::Turn;
use super::{FROM_ITS_HEAD, Followed, Follower, MAX_TOMBS, READ, Reader, Role, Sink, Tomb, Twin, is_document, open};

/// The hashes of a file's head at the lengths others were hashed with.
pub(super) struct Heads {
    bytes: Vec<u8>,
    by_length: Vec<Option<u64>>,
}

/// Files that lines are read from, by their heads: a new file is compared with its like only, however many there are.
#[derive(Debug, Default)]
pub(super) struct HeadIndex(BTreeMap<u32, HashMap<u64, Vec<u32>>>);

impl HeadIndex {
    /// Moves a slot from where it stood to where it belongs now.
    pub fn refile(&mut self, slot: u32, from: Option<(u32, u64)>, to: Option<(u32, u64)>) {
        if from == to {
            return;
        }
        if let Some((length, hash)) = from
            && let Some(by_hash) = self.0.get_mut(&length)
        {
            if let Some(slots) = by_hash.get_mut(&hash) {
                slots.retain(|other| *other != slot);
                if slots.is_empty() {
                    by_hash.remove(&hash);
                }
            }
            if by_hash.is_empty() {
                self.0.remove(&length);
            }
        }
        if let Some((length, hash)) = to {
            self.0.entry(length).or_default().entry(hash).or_default().push(slot);
        }
    }

    /// The slots whose heads a file begins with, in order.
    pub fn like(&self, heads: &mut Heads) -> Vec<u32> {
        let mut slots = Vec::new();
        for (length, by_hash) in &self.0 {
            let Some(hash) = heads.hash(*length) else { break };
            slots.extend(by_hash.get(&hash).into_iter().flatten());
        }
        slots.sort_unstable();
        slots
    }
}

impl Heads {
    pub fn new(bytes: Vec<u8>) -> Heads {
        Heads { bytes, by_length: vec![None; HEAD + 1] }
    }

    fn of(file: &File) -> io::Result<Heads> {
        let mut bytes = vec![0; HEAD];
        let read = read_at(file, &mut bytes, 0)?;
        bytes.truncate(read);
        Ok(Heads::new(bytes))
    }

    pub fn equal(&mut self, marks: &Marks) -> bool {
        self.hash(marks.head_length) == Some(marks.head_hash)
    }

    /// `None` if there are not so many bytes.
    fn hash(&mut self, length: u32) -> Option<u64> {
        let bytes = self.bytes.get(..length as usize)?;
        let known = self.by_length.get_mut(length as usize)?;
        Some(*known.get_or_insert_with(|| hash([bytes, &[]])))
    }
}

impl Follower {
    /// The role of a file of which nothing was read, by its first bytes.
    pub(super) fn decide(&mut self, slot: u32, file: &mut Followed, handle: &File, sink: Sink<'_>) -> io::Result<()> {
        let size = file.stamp.size;
        let mut heads = Heads::of(handle)?;
        let mut best: Option<(usize, u64, bool)> = None;
        for (at, tomb) in self.tombs.iter().enumerate() {
            let own = tomb.key == file.key;
            let least = if own { 1 } else { COPY_MINIMUM };
            let offset = tomb.marks.offset;
            if (least..=size).contains(&offset)
                && best.is_none_or(|(_, best, best_own)| (offset, own) > (best, best_own))
                && heads.equal(&tomb.marks)
                && tomb.marks.mark_holds(handle)?
            {
                best = Some((at, offset, own));
            }
        }
        // At equal lengths the living wins: what it reads on, its copy must not.
        let least = best.map_or(COPY_MINIMUM, |(_, best, _)| best);
        let living = self.living_twin(file, handle, least, &mut heads)?;
        let tomb = best.and_then(|(at, ..)| self.tombs.remove(at));
        if let Some((of, verified)) = living
            && let Some(marks) = Marks::at(handle, line_start(handle, verified)?)?
        {
            let own = tomb.filter(|tomb| tomb.key == file.key).map(|tomb| tomb.generation);
            let generation = own.unwrap_or_else(|| self.generations.fetch_add(1, Ordering::Relaxed));
            file.role = Role::Copy(Twin { of, generation, marks, longer_since: None, compared: None });
            // Saved, so that after a restart it is not taken for something new.
            self.send_position(file, generation, &marks, FROM_ITS_HEAD, sink);
            return Ok(());
        }
        let reader = if let Some(tomb) = tomb {
            if tomb.dead {
                self.send_position(file, tomb.generation, &tomb.marks, tomb.open_since, sink);
            }
            Reader { open_since: tomb.open_since, ..Reader::new(tomb.generation, tomb.marks) }
        } else {
            let from_end = self.options.from_end && self.scans == 1;
            let offset = if from_end { line_start(handle, size)? } else { 0 };
            let marks = Marks::at(handle, offset)?.unwrap_or_default();
            Reader::new(self.generations.fetch_add(1, Ordering::Relaxed), marks)
        };
        self.leaders.insert(reader.generation, slot);
        file.role = Role::Reader(reader);
        Ok(())
    }

    /// The living generation that has the most in common with a file, at least `least` bytes, and how many.
    fn living_twin(
        &self,
        file: &Followed,
        handle: &File,
        least: u64,
        heads: &mut Heads,
    ) -> io::Result<Option<(u32, u64)>> {
        let size = file.stamp.size;
        let mut found: Option<(u32, u64)> = None;
        for slot in self.heads.like(heads) {
            let Some((other, Role::Reader(reader))) = self.files.get(&slot).map(|other| (other, &other.role)) else {
                continue;
            };
            let offset = reader.marks.offset;
            let known = offset.min(size);
            if known < least.max(COPY_MINIMUM) || found.is_some_and(|(_, best)| best >= known) {
                continue;
            }
            let same = if offset <= size {
                reader.marks.mark_holds(handle)?
            } else if let Some(archive) = &other.archive {
                // Just being unpacked beside it: what it was packed from goes by the same name.
                size >= HEAD as u64
                    && other.path.with_extension("") == file.path
                    && with_file(other, |packed| archive.begins_like(packed, handle, size)).unwrap_or(false)
            } else {
                // Shorter than what it may be a copy of: in the making, or older. Below a whole head, bytes in common prove little.
                size >= HEAD as u64 && with_file(other, |theirs| same_before(handle, theirs, size)).unwrap_or(false)
            };
            if same {
                found = Some((reader.generation, known));
            }
        }
        Ok(found)
    }

    /// A copy is read by nobody while the other is; it parts from it once it holds lines that the other has not.
    pub(super) fn follow_copy(
        &mut self,
        slot: u32,
        file: &mut Followed,
        handle: &File,
        changed: bool,
    ) -> io::Result<Turn> {
        let Role::Copy(twin) = &mut file.role else { return Ok(Turn::Quiet) };
        let size = file.stamp.size;
        if changed && !(size >= twin.marks.offset && twin.marks.hold(handle)?) {
            file.role = Role::Fresh;
            return Ok(Turn::More);
        }
        let leader = self.leaders.get(&twin.of).and_then(|slot| self.files.get(slot));
        let Some((leader, Role::Reader(theirs))) = leader.map(|leader| (leader, &leader.role)) else {
            return self.part(slot, file, handle);
        };
        let (marks, searched, drained) = (theirs.marks, theirs.searched, leader.drained);
        let compared = Some((marks.offset, leader.stamp));
        if !changed && twin.longer_since.is_none() && twin.compared == compared {
            return Ok(Turn::Quiet);
        }
        let (their_size, holds, same) = if let Some(archive) = &leader.archive {
            // What it unpacks to does not change, and is known as far as it was read.
            let same = if size < marks.offset {
                with_file(leader, |packed| archive.begins_like(packed, handle, size))?
            } else {
                size == marks.offset && marks.hold(handle)?
            };
            (if archive.done { marks.offset } else { u64::MAX }, true, same)
        } else {
            with_file(leader, |other| {
                let their_size = other.metadata()?.len();
                let same = size <= their_size && same_before(handle, other, size)?;
                Ok((their_size, marks.hold(other)?, same))
            })?
        };
        if !holds {
            // Rewritten since its last turn, which will bury it and name an heir.
            return Ok(Turn::Quiet);
        }
        let reaches = marks.offset <= size && marks.hold(handle)?;
        if same {
            let upto = if reaches { Some(marks) } else { Marks::at(handle, line_start(handle, size)?)? };
            twin.marks = upto.unwrap_or(twin.marks);
            (twin.longer_since, twin.compared) = (None, compared);
            return Ok(Turn::Quiet);
        }
        if !reaches {
            return self.part(slot, file, handle);
        }
        twin.marks = marks;
        // Longer, or other behind the leader's offset. The leader may have had these bytes when they were copied, so only
        // once it is seen, later than the copy, to have no more itself, they are the copy's own.
        let since = *twin.longer_since.get_or_insert(self.polls);
        let settled =
            their_size == marks.offset + searched || since < self.polls && (size <= their_size || drained > since);
        if settled || self.options.once {
            return self.part(slot, file, handle);
        }
        Ok(Turn::Quiet)
    }

    /// From here on the copy is a file of its own, unless it has still more in common with another.
    fn part(&mut self, slot: u32, file: &mut Followed, handle: &File) -> io::Result<Turn> {
        let Role::Copy(twin) = &file.role else { return Ok(Turn::Quiet) };
        let mut heads = Heads::of(handle)?;
        let (of, verified) = (twin.of, twin.marks.offset);
        let closer = self.living_twin(file, handle, verified + 1, &mut heads)?;
        let Role::Copy(twin) = &mut file.role else { return Ok(Turn::Quiet) };
        if let Some((of, _)) = closer.filter(|(closer, _)| *closer != of) {
            (twin.of, twin.longer_since, twin.compared) = (of, None, None);
        } else {
            self.leaders.insert(twin.generation, slot);
            let reader = Reader::new(twin.generation, twin.marks);
            file.role = Role::Reader(Reader { open_since: FROM_ITS_HEAD, ..reader });
        }
        Ok(Turn::More)
    }

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

    fn send_gap(&mut self, file: &Followed, reader: &Reader, sink: Sink<'_>) {
        let place = Chunk::empty(self.sources[file.source].id, reader.generation, reader.marks.offset);
        let chunk = Chunk { gaps: 1, ..place };
        self.stopped |= !sink(Event::Chunk(chunk));
    }

    /// Takes leave of a file that has no name and no writer.
    pub(super) fn end(&mut self, slot: u32, mut file: Followed, sink: Sink<'_>) {
        self.by_key.remove(&file.key);
        let handle = file.file.take();
        self.open -= usize::from(handle.is_some());
        let Role::Reader(mut reader) = std::mem::replace(&mut file.role, Role::Fresh) else { return };
        self.refile(slot, &mut file);
        let heir = self.has_heir(&reader);
        if let Some(handle) = &handle
            && file.archive.is_none()
            && !heir
            && let Err(error) = self.hand_over_torn(&mut reader, &file, handle, true, sink)
        {
            self.note(file.source, super::unreadable(&file.path, &error), sink);
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

    /// Brings the index of heads up to date with a file's role.
    pub(super) fn refile(&mut self, slot: u32, file: &mut Followed) {
        let head = file.head();
        self.heads.refile(slot, file.filed, head);
        file.filed = head;
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
                self.heads.refile(*slot, copy.filed, copy.head());
                copy.filed = copy.head();
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
}

/// Runs `ask` on a file that may be closed at the moment.
pub(super) fn with_file<T>(file: &Followed, ask: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
    match &file.file {
        Some(handle) => ask(handle),
        None => ask(&open(&file.path)?),
    }
}

/// The start of the line that `offset` stands in. In a line longer than any that is read it is `offset` itself.
fn line_start(file: &File, offset: u64) -> io::Result<u64> {
    let mut window = vec![0; READ];
    let mut end = offset;
    while end > 0 && offset - end <= super::super::lines::MAX_FILE_LINE {
        let start = end.saturating_sub(READ as u64);
        let part = &mut window[..(end - start) as usize];
        let read = read_at(file, part, start)?;
        if let Some(newline) = memrchr(b'\n', &part[..read]) {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(if end == 0 { 0 } else { offset })
}
