//! Packed files: rotated logs in gzip or Zstandard. Their content is recognised as a plain file's is, by head and marked bytes, and
//! read from where reading had come before it was packed. Nothing is read of one that is still being written.
//!
//! A packed file cannot be read from its middle, so what it is gets decided in one pass that meets every known place on its
//! way (the survey), and lines are read in a second one.

mod survey;

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use memchr::memchr;

use super::content::{Content, Pass};
use super::ending::LINGER_RENAMED;
use super::file::{Followed, Reader, Role};
use super::send::Lines;
use super::turn::Turn;
use super::{Follower, READ, Sink};
use crate::source::identity::{Marks, read_at};
use crate::source::lines::{MAX_FILE_LINE, leading_nuls};
use crate::source::unpack::{End, MAX_GROWTH, Packing, Unpacker};
use survey::Survey;

/// A packed file is being written until it has been still for so long.
const STILL: Duration = Duration::from_secs(1);
/// One that is no whole archive is waited for as long: whoever writes it may have paused.
const PATIENCE: Duration = LINGER_RENAMED;
/// Bytes that one turn unpacks only to pass them.
const PASSED: usize = 4 << 20;
/// Passes under way at the same time, each with a window and one line at most.
const MAX_PASSES: usize = 2;

/// What is known of a packed file beside its role.
#[derive(Debug)]
pub(super) struct Archive {
    packing: Packing,
    /// When it was seen to change last; `None`: long before it was seen first.
    changed: Option<Instant>,
    /// Not to be looked into before.
    wait_until: Option<Instant>,
    content: Option<Box<Content>>,
    survey: Option<Survey>,
    /// As far as it was known to be the same as another generation: its own number and that place.
    own: Option<(u32, Marks)>,
    /// In a line that is too long.
    discarding: bool,
    /// It was looked at before.
    seen: bool,
    /// Nothing is to be done until it changes.
    pub done: bool,
}

impl Archive {
    pub fn new(packing: Packing) -> Archive {
        Archive {
            packing,
            changed: None,
            wait_until: None,
            content: None,
            survey: None,
            own: None,
            discarding: false,
            seen: false,
            done: false,
        }
    }

    /// What it is must be decided again.
    pub fn reopen(&mut self) {
        (self.content, self.survey, self.wait_until) = (None, None, None);
        (self.discarding, self.done) = (false, false);
    }

    /// Packed bytes not yet read.
    pub fn unread(&self, size: u64) -> u64 {
        if self.done {
            0
        } else {
            size.saturating_sub(self.content.as_ref().map_or(0, |content| content.packed_bytes()))
        }
    }

    /// Whether a plain file of `size` bytes, no more than were read here, begins as the content does. A read's worth is
    /// compared: what is longer and the same so far is being unpacked, and is compared whole when that is done.
    pub fn begins_like(&self, packed: &File, plain: &File, size: u64) -> io::Result<bool> {
        let length = size.min(READ as u64) as usize;
        let (mut here, mut there) = (vec![0; length], vec![0; length]);
        let unpacked = Unpacker::new(self.packing, packed)?.read(&mut here)?;
        Ok(read_at(plain, &mut there, 0)? == unpacked && here == there)
    }

    /// Sets it aside until it changes or patience ends.
    fn wait(&mut self, now: Instant) {
        self.wait_until = Some(self.changed.unwrap_or(now) + PATIENCE);
        (self.content, self.survey) = (None, None);
    }
}

/// Whether the inode had been still when it was seen first, by the time of its last change, which nobody can set.
fn was_still(metadata: &Metadata) -> bool {
    let changed = Duration::new(metadata.ctime().max(0).cast_unsigned(), metadata.ctime_nsec() as u32);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.checked_sub(changed).is_some_and(|age| age >= STILL)
}

impl Follower {
    /// A packed file's turn.
    pub(super) fn look_into(
        &mut self,
        slot: u32,
        file: &mut Followed,
        handle: &File,
        metadata: &Metadata,
        changed: bool,
        sink: Sink<'_>,
    ) -> io::Result<Turn> {
        let Some(mut archive) = file.archive.take() else { return Ok(Turn::Quiet) };
        if changed {
            archive.reopen();
            let first = !std::mem::replace(&mut archive.seen, true);
            archive.changed = (!first || !was_still(metadata)).then_some(self.now);
            if matches!(file.role, Role::Copy(_)) {
                file.role = Role::Fresh;
            }
        }
        let waits = archive.wait_until.is_some_and(|until| self.now < until);
        let moves = archive.changed.is_some_and(|at| self.now.saturating_duration_since(at) < STILL);
        let turn = if archive.done || !self.options.once && (waits || moves) {
            Ok(Turn::Quiet)
        } else {
            self.work_on(slot, file, &mut archive, handle, sink)
        };
        if !matches!(turn, Ok(Turn::More)) {
            // After an error a decoder is not to be trusted, and nobody waits with an open one.
            (archive.content, archive.survey) = (None, None);
        }
        file.archive = Some(archive);
        turn
    }

    fn work_on(
        &mut self,
        slot: u32,
        file: &mut Followed,
        archive: &mut Archive,
        handle: &File,
        sink: Sink<'_>,
    ) -> io::Result<Turn> {
        if archive.content.is_none() {
            if Arc::strong_count(&self.turnstile) > MAX_PASSES {
                return Ok(Turn::Later);
            }
            archive.content = Some(Box::new(Content::new(archive.packing, handle, &self.turnstile)?));
        }
        let Some(mut content) = archive.content.take() else { return Ok(Turn::Quiet) };
        if matches!(file.role, Role::Fresh) {
            let turn = self.survey(slot, file, archive, &mut content, sink)?;
            if let Some(turn) = turn {
                archive.content = (turn == Turn::More && archive.survey.is_some()).then_some(content);
                return Ok(turn);
            }
        }
        let Role::Reader(reader) = &file.role else { return Ok(Turn::Quiet) };
        let mut reader = reader.clone();
        if content.at() > reader.open_since.unwrap_or(reader.marks.offset) {
            // The survey has passed the place.
            return Ok(Turn::More);
        }
        let turn = self.unpack(&mut reader, file, archive, &mut content, sink);
        file.role = Role::Reader(reader);
        archive.content = Some(content);
        turn
    }

    /// Reads lines behind the reader's place.
    fn unpack(
        &mut self,
        reader: &mut Reader,
        file: &mut Followed,
        archive: &mut Archive,
        content: &mut Content,
        sink: Sink<'_>,
    ) -> io::Result<Turn> {
        if let Some(since) = reader.open_since {
            return self.unpack_again(reader, file, content, since, sink);
        }
        if content.at() < reader.marks.offset {
            let mut budget = PASSED;
            match content.go(reader.marks.offset, &mut budget)? {
                Pass::Later => return Ok(Turn::More),
                Pass::Over if content.end() == Some(&End::Whole) => return Ok(Turn::Rewritten),
                Pass::Over => {
                    let patient = archive.changed.is_some_and(|at| self.now.saturating_duration_since(at) < PATIENCE);
                    if patient && !self.options.once {
                        archive.wait(self.now);
                    } else {
                        archive.done = true;
                    }
                    return Ok(Turn::Quiet);
                }
                Pass::There => {}
            }
        }
        if reader.marks.offset > 0 && content.marks() != reader.marks {
            return Ok(Turn::Rewritten);
        }
        let Some(mut reserved) = self.reserve(content.ahead().len() + READ) else { return Ok(Turn::Quiet) };
        content.fill(READ)?;
        let nuls = leading_nuls(content.ahead());
        if archive.discarding && !content.ahead().is_empty() {
            let newline = memchr(b'\n', content.ahead());
            drop(content.take(newline.map_or(content.ahead().len(), |newline| newline + 1)));
            archive.discarding = newline.is_none();
            reader.marks = content.marks();
            if newline.is_some() {
                self.send_counts(reader, file, Counts { too_long: 1, broken: 0 }, Vec::new(), sink);
            }
        } else if nuls > 0 && nuls == content.ahead().len() {
            drop(content.take(nuls));
            reader.marks = content.marks();
        } else if let Some(end) = Follower::whole_lines(file, reader.marks.offset, content.ahead()) {
            let mark = content.mark().to_vec();
            let body = content.take(end);
            reserved.shrink(end);
            self.hand_over(reader, file, &mark, body, reserved, sink);
        } else if content.ahead().len() as u64 > MAX_FILE_LINE {
            drop(content.take(content.ahead().len()));
            reader.marks = content.marks();
            archive.discarding = true;
        } else if let Some(end) = content.end().cloned() {
            return Ok(self.finish(reader, file, archive, content, &end, sink));
        }
        Ok(Turn::More)
    }

    /// Hands over what was counted before the restart but is needed to go on: a record begins there. What is not there as it was is
    /// found out by who reads on.
    fn unpack_again(
        &mut self,
        reader: &mut Reader,
        file: &Followed,
        content: &mut Content,
        since: u64,
        sink: Sink<'_>,
    ) -> io::Result<Turn> {
        // No decoder keeps a beginning longer than it may be.
        let length = reader.marks.offset.saturating_sub(since).min(MAX_FILE_LINE * 2) as usize;
        if content.go(since, &mut { PASSED })? == Pass::Later {
            return Ok(Turn::More);
        }
        reader.open_since = None;
        let Some(reserved) = self.reserve(length) else { return Ok(Turn::Quiet) };
        content.fill(length.saturating_sub(content.ahead().len()))?;
        if content.at() == since && content.ahead().len() >= length && since + length as u64 == reader.marks.offset {
            let bytes = content.take(length);
            if content.marks() != reader.marks {
                return Ok(Turn::Rewritten);
            }
            self.send_again(reader.generation, file, since, bytes, reserved, sink);
        }
        Ok(Turn::More)
    }

    /// The content has ended, and what is ahead has no newline.
    fn finish(
        &mut self,
        reader: &mut Reader,
        file: &mut Followed,
        archive: &mut Archive,
        content: &mut Content,
        end: &End,
        sink: Sink<'_>,
    ) -> Turn {
        let path = file.path.display();
        let text = match end {
            End::Whole => None,
            End::Torn => Some(format!("'{path}' breaks off: read as far as it goes")),
            End::Damaged(why) => Some(format!("'{path}' is damaged ({why}): read as far as it goes")),
            End::Bomb => Some(format!(
                "'{path}' grows beyond {MAX_GROWTH} times its size and is read no further: unpack it if that is right"
            )),
        };
        let patient = archive.changed.is_some_and(|at| self.now.saturating_duration_since(at) < PATIENCE);
        if text.is_some() && patient && !self.options.once && *end != End::Bomb {
            archive.wait(self.now);
            return Turn::Quiet;
        }
        let broken = u64::from(text.is_some());
        if let Some(text) = text {
            self.note(file.source, text, sink);
        }
        let torn = content.take(content.ahead().len());
        reader.marks = content.marks();
        let counts = Counts { too_long: u64::from(archive.discarding), broken };
        if !torn.is_empty() || counts != Counts::default() {
            self.send_counts(reader, file, counts, torn, sink);
        }
        (archive.done, archive.discarding) = (true, false);
        Turn::Quiet
    }

    fn send_counts(&mut self, reader: &Reader, file: &Followed, counts: Counts, torn: Vec<u8>, sink: Sink<'_>) {
        self.sources[file.source].read += torn.len() as u64;
        let position = reader.marks.position(reader.generation, &file.path, file.key, false);
        let offset = reader.marks.offset - torn.len() as u64;
        let Counts { too_long, broken } = counts;
        let lines = Lines { too_long, broken, ..Lines::at(offset, torn, position) };
        self.send(reader.generation, file, lines, sink);
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    too_long: u64,
    broken: u64,
}
