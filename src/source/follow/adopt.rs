//! Deciding what a file is: new, known from before, or a copy. Marks and bytes enter, roles leave; every doubt is settled by reading.

use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;

use memchr::memrchr;

use super::file::{Followed, Reader, Role, Twin, with_file};
use super::heads::Heads;
use super::turn::Turn;
use super::{Follower, READ, Sink};
use crate::source::identity::{COPY_MINIMUM, HEAD, Marks, read_at, same_before};
use crate::source::lines::MAX_FILE_LINE;

/// A copy that goes its own way was not read before: what its lines hang on begins anywhere.
pub(super) const FROM_ITS_HEAD: Option<u64> = Some(0);

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
            let generation = own.unwrap_or_else(|| self.new_generation());
            file.role = Role::Copy(Twin { of, generation, marks, longer_since: None, compared: None });
            // Saved, so that after a restart it is not taken for something new.
            self.send_position(file, generation, &marks, FROM_ITS_HEAD, sink);
            return Ok(());
        }
        if let Some(tomb) = tomb {
            if tomb.dead {
                self.send_position(file, tomb.generation, &tomb.marks, tomb.open_since, sink);
            }
            self.lead(slot, file, tomb.generation, tomb.marks, tomb.open_since);
        } else {
            let from_end = self.options.from_end && self.scans == 1;
            let offset = if from_end { line_start(handle, size)? } else { 0 };
            let marks = Marks::at(handle, offset)?.unwrap_or_default();
            self.lead(slot, file, self.new_generation(), marks, None);
        }
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
            let (generation, marks) = (twin.generation, twin.marks);
            self.lead(slot, file, generation, marks, FROM_ITS_HEAD);
        }
        Ok(Turn::More)
    }

    /// From here on `file` is what its generation is read from.
    pub(super) fn lead(
        &mut self,
        slot: u32,
        file: &mut Followed,
        generation: u32,
        marks: Marks,
        open_since: Option<u64>,
    ) {
        self.leaders.insert(generation, slot);
        file.role = Role::Reader(Reader { open_since, ..Reader::new(generation, marks) });
    }

    /// A number that no generation had.
    pub(super) fn new_generation(&self) -> u32 {
        self.generations.fetch_add(1, Ordering::Relaxed)
    }
}

/// The start of the line that `offset` stands in. In a line longer than any that is read it is `offset` itself.
fn line_start(file: &File, offset: u64) -> io::Result<u64> {
    let mut window = vec![0; READ];
    let mut end = offset;
    while end > 0 && offset - end <= MAX_FILE_LINE {
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
