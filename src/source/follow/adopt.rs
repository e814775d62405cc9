//! Deciding what a file is: new, known from before, or a copy. Marks and bytes enter, roles leave; every doubt is settled by reading.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;

use memchr::memrchr;

use super::super::identity::{COPY_MINIMUM, HEAD, Marks, hash, read_at, same_before};
use super::turn::Turn;
use super::{Followed, Follower, MAX_TOMBS, READ, Reader, Role, Sink, Tomb, open};

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
    pub(super) fn decide(&mut self, slot: u32, file: &mut Followed, handle: &File) -> io::Result<Turn> {
        let size = file.stamp.size;
        let mut heads = Heads::of(handle)?;
        let mut best: Option<(usize, u64)> = None;
        for own in [true, false] {
            for (at, tomb) in self.tombs.iter().enumerate() {
                let least = if own { 1 } else { COPY_MINIMUM };
                let offset = tomb.marks.offset;
                if (tomb.key == file.key) == own
                    && (least..=size).contains(&offset)
                    && best.is_none_or(|(_, best)| offset > best)
                    && heads.equal(&tomb.marks)
                    && tomb.marks.mark_holds(handle)?
                {
                    best = Some((at, offset));
                }
            }
            if best.is_some() {
                break;
            }
        }
        let mut living: Option<(u32, u64)> = None;
        for other in self.files.values() {
            let Role::Reader(reader) = &other.role else { continue };
            let offset = reader.marks.offset;
            let known = offset.min(size);
            let beaten = best.is_some_and(|(_, best)| best >= known) || living.is_some_and(|(_, best)| best >= known);
            if offset < COPY_MINIMUM || beaten || !heads.equal(&reader.marks) {
                continue;
            }
            let same = if offset <= size {
                reader.marks.mark_holds(handle)?
            } else {
                // Shorter than what it may be a copy of: in the making, or older. Below a whole head, bytes in common prove little.
                size >= HEAD as u64 && with_file(other, |theirs| same_before(handle, theirs, size))?
            };
            if same {
                living = Some((reader.generation, known));
            }
        }
        if let Some((of, verified)) = living {
            file.role = Role::Copy { of, verified, longer_since: None };
            return Ok(Turn::More);
        }
        let reader = if let Some(tomb) = best.and_then(|(at, _)| self.tombs.remove(at)) {
            Reader::new(tomb.generation, tomb.marks)
        } else {
            let from_end = self.options.from_end && self.scans == 1;
            let offset = if from_end { line_start(handle, size)? } else { 0 };
            self.reader_at(handle, offset)?
        };
        self.leaders.insert(reader.generation, slot);
        file.role = Role::Reader(reader);
        Ok(Turn::More)
    }

    /// A new generation that begins at `offset`.
    fn reader_at(&self, handle: &File, offset: u64) -> io::Result<Reader> {
        let marks = Marks::at(handle, offset)?.unwrap_or_default();
        Ok(Reader::new(self.generations.fetch_add(1, Ordering::Relaxed), marks))
    }

    /// A copy is read by nobody while its leader is; it parts from it once it holds lines that the leader has not.
    pub(super) fn follow_copy(&mut self, slot: u32, file: &mut Followed, handle: &File) -> io::Result<Turn> {
        let Role::Copy { of, verified, longer_since } = file.role else { return Ok(Turn::Quiet) };
        let size = file.stamp.size;
        if size < verified {
            file.role = Role::Fresh;
            return Ok(Turn::More);
        }
        let leader = self.leaders.get(&of).and_then(|slot| self.files.get(slot));
        let Some((leader, Role::Reader(theirs))) = leader.map(|leader| (leader, &leader.role)) else {
            return self.part(slot, file, handle, verified);
        };
        let (marks, drained) = (theirs.marks, leader.drained);
        let (their_size, holds, same) = with_file(leader, |other| {
            let their_size = other.metadata()?.len();
            let same = size <= their_size && same_before(handle, other, size)?;
            Ok((their_size, marks.hold(other)?, same))
        })?;
        if !holds {
            // Rewritten since its last turn, which will bury it and name an heir.
            return Ok(Turn::Quiet);
        }
        if same {
            file.role = Role::Copy { of, verified: marks.offset.min(size), longer_since: None };
            return Ok(Turn::Quiet);
        }
        if marks.offset > size || !marks.hold(handle)? {
            return self.part(slot, file, handle, verified);
        }
        // Longer, or other behind the leader's offset. The leader may have had these bytes when they were copied, so it is
        // read to its end after the copy was seen before the rest counts as the copy's own.
        let since = longer_since.unwrap_or(self.polls);
        let settled = longer_since.is_some() && (size <= their_size || drained > since);
        if settled || self.options.once {
            return self.part(slot, file, handle, marks.offset);
        }
        file.role = Role::Copy { of, verified: marks.offset, longer_since: Some(since) };
        Ok(Turn::Quiet)
    }

    fn part(&mut self, slot: u32, file: &mut Followed, handle: &File, offset: u64) -> io::Result<Turn> {
        let reader = self.reader_at(handle, line_start(handle, offset)?)?;
        self.leaders.insert(reader.generation, slot);
        file.role = Role::Reader(reader);
        Ok(Turn::More)
    }

    /// The bytes behind a reader are gone: its generation ends, and the file is looked at as if it were new.
    pub(super) fn restart(&mut self, file: &mut Followed, sink: Sink<'_>) {
        if let Role::Reader(reader) = std::mem::replace(&mut file.role, Role::Fresh) {
            self.note(file.source, format!("'{}' was truncated or rewritten: read from its start", file.path.display()), sink);
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
        self.files.values().any(|file| matches!(file.role, Role::Copy { of, .. } if of == reader.generation))
    }

    /// Ends a generation, unless a copy of its file goes on with it.
    fn bury(&mut self, file: &Followed, reader: &Reader, sink: Sink<'_>) {
        self.leaders.remove(&reader.generation);
        if reader.marks.offset == 0 {
            return;
        }
        for (slot, copy) in &mut self.files {
            if matches!(copy.role, Role::Copy { of, .. } if of == reader.generation)
                && with_file(copy, |handle| reader.marks.hold(handle)).unwrap_or(false)
            {
                copy.role = Role::Reader(Reader::new(reader.generation, reader.marks));
                copy.more = true;
                self.leaders.insert(reader.generation, *slot);
                return;
            }
        }
        self.send_dead(file, reader.generation, &reader.marks, sink);
        self.tombs.push_back(Tomb { generation: reader.generation, key: file.key, marks: reader.marks });
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
