//! Deciding what a file is: new, known from before, or a copy. Marks and bytes enter, roles leave; every doubt is settled by reading.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;

use memchr::memrchr;

use super::super::identity::{COPY_MINIMUM, HEAD, Marks, hash, read_at, same_before};
use super::turn::Turn;
use super::{Followed, Follower, MAX_TOMBS, READ, Reader, Role, Sink, Tomb, Twin, open};

/// The hashes of a file's head at the lengths others were hashed with.
struct Heads {
    bytes: Vec<u8>,
    by_length: HashMap<u32, u64>,
}

impl Heads {
    fn of(file: &File) -> io::Result<Heads> {
        let mut bytes = vec![0; HEAD];
        let read = read_at(file, &mut bytes, 0)?;
        bytes.truncate(read);
        Ok(Heads { bytes, by_length: HashMap::new() })
    }

    fn equal(&mut self, marks: &Marks) -> bool {
        let length = marks.head_length as usize;
        length <= self.bytes.len()
            && *self.by_length.entry(marks.head_length).or_insert_with(|| hash([&self.bytes[..length], &[]]))
                == marks.head_hash
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
        let living = self.living_twin(handle, size, least, &mut heads)?;
        let tomb = best.and_then(|(at, ..)| self.tombs.remove(at));
        if let Some((of, verified)) = living
            && let Some(marks) = Marks::at(handle, line_start(handle, verified)?)?
        {
            let own = tomb.filter(|tomb| tomb.key == file.key).map(|tomb| tomb.generation);
            let generation = own.unwrap_or_else(|| self.generations.fetch_add(1, Ordering::Relaxed));
            file.role = Role::Copy(Twin { of, generation, marks, longer_since: None, compared: None });
            // Saved, so that after a restart it is not taken for something new.
            self.send_position(file, generation, &marks, false, sink);
            return Ok(());
        }
        let reader = if let Some(tomb) = tomb {
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
    fn living_twin(&self, handle: &File, size: u64, least: u64, heads: &mut Heads) -> io::Result<Option<(u32, u64)>> {
        let mut found: Option<(u32, u64)> = None;
        for other in self.files.values() {
            let Role::Reader(reader) = &other.role else { continue };
            let offset = reader.marks.offset;
            let known = offset.min(size);
            if known < least.max(COPY_MINIMUM)
                || found.is_some_and(|(_, best)| best >= known)
                || !heads.equal(&reader.marks)
            {
                continue;
            }
            let same = if offset <= size {
                reader.marks.mark_holds(handle)?
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
        let (their_size, holds, same) = with_file(leader, |other| {
            let their_size = other.metadata()?.len();
            let same = size <= their_size && same_before(handle, other, size)?;
            Ok((their_size, marks.hold(other)?, same))
        })?;
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
        let Role::Copy(twin) = &mut file.role else { return Ok(Turn::Quiet) };
        let mut heads = Heads::of(handle)?;
        let closer = self.living_twin(handle, file.stamp.size, twin.marks.offset + 1, &mut heads)?;
        if let Some((of, _)) = closer.filter(|(of, _)| *of != twin.of) {
            (twin.of, twin.longer_since, twin.compared) = (of, None, None);
        } else {
            self.leaders.insert(twin.generation, slot);
            file.role = Role::Reader(Reader::new(twin.generation, twin.marks));
        }
        Ok(Turn::More)
    }

    /// The bytes behind a reader are gone: its generation ends, and the file is looked at as if it were new.
    pub(super) fn restart(&mut self, file: &mut Followed, sink: Sink<'_>) {
        if let Role::Reader(reader) = std::mem::replace(&mut file.role, Role::Fresh) {
            self.note(
                file.source,
                format!("'{}' was truncated or rewritten: read from its start", file.path.display()),
                sink,
            );
            self.bury(file, &reader, sink);
        }
        file.history_until = 0;
    }

    /// Takes leave of a file that has no name and no writer.
    pub(super) fn end(&mut self, slot: u32, mut file: Followed, sink: Sink<'_>) {
        self.by_key.remove(&file.key);
        let handle = file.file.take();
        self.open -= usize::from(handle.is_some());
        let Role::Reader(mut reader) = std::mem::replace(&mut file.role, Role::Fresh) else { return };
        if let Some(handle) = handle
            && !self.has_heir(&reader)
            && let Err(error) = self.hand_over_torn(&mut reader, &file, &handle, true, sink)
        {
            self.note(file.source, super::unreadable(&file.path, &error), sink);
        }
        debug_assert!(self.leaders.get(&reader.generation) == Some(&slot), "each generation has one reader");
        self.bury(&file, &reader, sink);
    }

    fn has_heir(&self, reader: &Reader) -> bool {
        self.files.values().any(|file| matches!(&file.role, Role::Copy(twin) if twin.of == reader.generation))
    }

    /// Ends a generation, unless a copy of its file goes on with it.
    fn bury(&mut self, file: &Followed, reader: &Reader, sink: Sink<'_>) {
        self.leaders.remove(&reader.generation);
        if reader.marks.offset == 0 {
            return;
        }
        for (slot, copy) in &mut self.files {
            if matches!(&copy.role, Role::Copy(twin) if twin.of == reader.generation)
                && with_file(copy, |handle| reader.marks.hold(handle)).unwrap_or(false)
            {
                copy.role = Role::Reader(Reader::new(reader.generation, reader.marks));
                copy.more = true;
                self.leaders.insert(reader.generation, *slot);
                return;
            }
        }
        self.send_position(file, reader.generation, &reader.marks, true, sink);
        let Reader { generation, marks, .. } = *reader;
        self.tombs.push_back(Tomb { generation, key: file.key, marks, open_since: None });
        if self.tombs.len() > MAX_TOMBS {
            self.tombs.pop_front();
        }
    }
}

/// Runs `ask` on a file that may be closed at the moment.
fn with_file<T>(file: &Followed, ask: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
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
