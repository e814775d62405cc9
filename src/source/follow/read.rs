//! Reading a plain file on: bytes behind the marked ones enter, whole lines with their position leave; what is no whole line stays in the file.

use std::fs::File;
use std::io;
use std::time::Duration;

use memchr::{memchr, memrchr};

use super::file::{Followed, Reader};
use super::send::Lines;
use super::turn::Turn;
use super::{Follower, READ, Sink};
use crate::source::budget::Reservation;
use crate::source::identity::{Marks, read_at, read_verified};
use crate::source::lines::{MAX_FILE_LINE, between_holes, leading_nuls};

/// A document that was still for so long is written.
const WRITTEN: Duration = Duration::from_secs(1);
/// Reads of one turn that only look for the end of a long line.
const LONG_READS: usize = 16;

impl Follower {
    pub(super) fn read(
        &mut self,
        reader: &mut Reader,
        file: &Followed,
        handle: &File,
        changed: bool,
        sink: Sink<'_>,
    ) -> io::Result<Turn> {
        let size = file.stamp.size;
        let offset = reader.marks.offset;
        if size < offset {
            return Ok(Turn::Rewritten);
        }
        if size < offset + reader.searched {
            (reader.searched, reader.nuls) = (0, 0);
        }
        if size == offset + reader.searched && (size == offset || !self.options.once) {
            if changed && !reader.marks.mark_holds(handle)? {
                return Ok(Turn::Rewritten);
            }
            reader.seen = reader.seen.max(size);
            if size > offset && file.awaits_end() && self.now.saturating_duration_since(file.active) >= WRITTEN {
                self.end_document(reader, file, handle, sink)?;
            }
            return Ok(Turn::Quiet);
        }
        reader.is_no_end = false;
        if let Some(since) = reader.open_since.take()
            && !self.read_again(reader, file, handle, since, sink)?
        {
            return Ok(Turn::Rewritten);
        }
        if reader.searched >= READ as u64 {
            return self.read_long(reader, file, handle, sink);
        }
        let want = (size - offset).min(READ as u64) as usize;
        let Some(mut reserved) = self.reserve(want) else { return Ok(Turn::Quiet) };
        let mut mark = std::mem::take(&mut self.mark);
        let mut body = Vec::new();
        if !read_verified(handle, &reader.marks, &mut mark, &mut body, want)? {
            self.mark = mark;
            return Ok(Turn::Rewritten);
        }
        reader.seen = reader.seen.max(size);
        reader.grew = Some(self.now);
        let full = body.len() == READ;
        let turn = if let Some(end) = Self::whole_lines(file, offset, &body) {
            // What stands behind the last newline was searched by that.
            let tail = &body[end..];
            let torn = if memchr(b'\n', tail).is_none() { tail.len() } else { 0 };
            let nuls = leading_nuls(&tail[..torn]);
            body.truncate(end);
            reserved.shrink(end);
            self.hand_over(reader, file, &mark, body, reserved, sink);
            (reader.searched, reader.nuls) = (torn as u64, nuls as u64);
            let rest = size.saturating_sub(reader.marks.offset + reader.searched);
            if rest > 0 || torn > 0 && self.options.once { Turn::More } else { Turn::Quiet }
        } else {
            (reader.searched, reader.nuls) = (body.len() as u64, leading_nuls(&body) as u64);
            if full || offset + reader.searched < size {
                Turn::More
            } else if self.options.once {
                self.mark = mark;
                drop((body, reserved));
                self.hand_over_torn(reader, file, handle, false, sink)?;
                return Ok(Turn::Quiet);
            } else {
                Turn::Quiet
            }
        };
        self.mark = mark;
        Ok(turn)
    }

    /// A document that is written: its last line is whole if it closes something.
    fn end_document(&mut self, reader: &mut Reader, file: &Followed, handle: &File, sink: Sink<'_>) -> io::Result<()> {
        let mut last = [0];
        let read = read_at(handle, &mut last, file.stamp.size - 1)?;
        if read == 1 && matches!(last, [b'}' | b']']) {
            return self.hand_over_torn(reader, file, handle, false, sink);
        }
        reader.is_no_end = true;
        Ok(())
    }

    /// Hands over what was counted before the restart but is needed to go on: a record begins there. `false`: the marked bytes are
    /// others now.
    fn read_again(
        &mut self,
        reader: &Reader,
        file: &Followed,
        handle: &File,
        since: u64,
        sink: Sink<'_>,
    ) -> io::Result<bool> {
        let length = reader.marks.offset.saturating_sub(since);
        // No decoder keeps a beginning longer than it may be.
        if length == 0 || length > MAX_FILE_LINE * 2 {
            return Ok(true);
        }
        let Some(reserved) = self.reserve(length as usize) else { return Ok(true) };
        let mut bytes = vec![0; length as usize];
        let read = read_at(handle, &mut bytes, since)?;
        if (read as u64) < length || !reader.marks.mark_holds(handle)? {
            return Ok(false);
        }
        self.send_again(reader.generation, file, since, bytes, reserved, sink);
        Ok(true)
    }

    /// Where the lines of one chunk end: history and live lines do not mix.
    pub(super) fn whole_lines(file: &Followed, offset: u64, body: &[u8]) -> Option<usize> {
        let history = file.history_until.saturating_sub(offset);
        if history > 0
            && history < body.len() as u64
            && let Some(newline) = memrchr(b'\n', &body[..history as usize])
        {
            return Some(newline + 1);
        }
        memrchr(b'\n', body).map(|newline| newline + 1)
    }

    /// A line of more than one read: its end is searched without keeping what is read, and only a line of lawful length is then read whole.
    fn read_long(&mut self, reader: &mut Reader, file: &Followed, handle: &File, sink: Sink<'_>) -> io::Result<Turn> {
        let offset = reader.marks.offset;
        if !reader.marks.mark_holds(handle)? {
            return Ok(Turn::Rewritten);
        }
        let mut window = vec![0; READ];
        for _ in 0..LONG_READS {
            let read = read_at(handle, &mut window, offset + reader.searched)?;
            if read == 0 {
                if self.options.once {
                    self.hand_over_torn(reader, file, handle, false, sink)?;
                }
                return Ok(Turn::Quiet);
            }
            if reader.nuls == reader.searched {
                reader.nuls += leading_nuls(&window[..read]) as u64;
            }
            let Some(newline) = memchr(b'\n', &window[..read]) else {
                reader.searched += read as u64;
                continue;
            };
            let end = offset + reader.searched + newline as u64 + 1;
            let length = end - offset - reader.nuls;
            drop(window);
            let too_long = length - 1 > MAX_FILE_LINE;
            let kept = if too_long || length == 1 { 0 } else { length as usize };
            let Some(reserved) = self.reserve(kept) else { return Ok(Turn::Quiet) };
            let mut bytes = vec![0; kept];
            let read = read_at(handle, &mut bytes, end - kept as u64)?;
            let Some(marks) = Marks::at(handle, end)? else { return Ok(Turn::Rewritten) };
            if read < kept || !reader.marks.mark_holds(handle)? {
                return Ok(Turn::Rewritten);
            }
            let position = marks.position(reader.generation, &file.path, file.key, false);
            self.sources[file.source].read += end - offset;
            reader.move_to(marks);
            let reserved = (kept > 0).then_some(reserved);
            let too_long = u64::from(too_long);
            let lines = Lines { too_long, reserved, ..Lines::at(end - kept as u64, bytes, position) };
            self.send(reader.generation, file, lines, sink);
            return Ok(Turn::More);
        }
        Ok(Turn::More)
    }

    /// Lines that were read right behind the marked bytes, parted at holes.
    pub(super) fn hand_over(
        &mut self,
        reader: &mut Reader,
        file: &Followed,
        mark: &[u8],
        mut body: Vec<u8>,
        reserved: Reservation,
        sink: Sink<'_>,
    ) {
        let before = reader.marks;
        let bom = usize::from(before.offset == 0 && body.starts_with(b"\xef\xbb\xbf")) * 3;
        if before.offset == 0 && (body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff")) {
            let text =
                format!("'{}' is UTF-16, which is not read: convert it, as with iconv -t UTF-8", file.path.display());
            self.note(file.source, text, sink);
        }
        reader.marks = before.after(mark, &body, body.len());
        self.sources[file.source].read += body.len() as u64;
        let whole = |marks: &Marks| marks.position(reader.generation, &file.path, file.key, false);
        if bom == 0 && memchr(0, &body).is_none() {
            let (offset, position) = (before.offset, whole(&reader.marks));
            let lines = Lines { reserved: Some(reserved), ..Lines::at(offset, body, position) };
            return self.send(reader.generation, file, lines, sink);
        }
        let parts = between_holes(&body[bom..]);
        let mut reserved = Some(reserved);
        let mut sent = 0;
        for (at, part) in parts.iter().enumerate() {
            let (start, end) = (part.start + bom, part.end + bom);
            let is_last = at + 1 == parts.len();
            let position = if is_last { whole(&reader.marks) } else { whole(&before.after(mark, &body, end)) };
            let bytes = if is_last && start == 0 { std::mem::take(&mut body) } else { body[start..end].to_vec() };
            let held = if is_last { reserved.take() } else { None };
            let lines = Lines { reserved: held, ..Lines::at(before.offset + start as u64, bytes, position) };
            self.send(reader.generation, file, lines, sink);
            sent += 1;
        }
        if sent == 0 {
            let (offset, position) = (reader.marks.offset, whole(&reader.marks));
            self.send(reader.generation, file, Lines::at(offset, Vec::new(), position), sink);
        }
    }

    /// The end of a file that no newline will follow.
    pub(super) fn hand_over_torn(
        &mut self,
        reader: &mut Reader,
        file: &Followed,
        handle: &File,
        dead: bool,
        sink: Sink<'_>,
    ) -> io::Result<()> {
        let length = (file.stamp.size.saturating_sub(reader.marks.offset)).saturating_sub(reader.nuls);
        if length == 0 || !reader.marks.mark_holds(handle)? {
            return Ok(());
        }
        let too_long = length > MAX_FILE_LINE;
        let kept = if too_long { 0 } else { length as usize };
        let Some(reserved) = self.reserve(kept) else { return Ok(()) };
        let mut bytes = vec![0; kept];
        let offset = file.stamp.size - kept as u64;
        let read = read_at(handle, &mut bytes, offset)?;
        let Some(marks) = Marks::at(handle, file.stamp.size)? else { return Ok(()) };
        if read < kept {
            return Ok(());
        }
        self.sources[file.source].read += file.stamp.size - reader.marks.offset;
        reader.move_to(marks);
        let position = marks.position(reader.generation, &file.path, file.key, dead);
        let (too_long, reserved) = (u64::from(too_long), Some(reserved));
        let lines = Lines { too_long, reserved, ..Lines::at(offset, bytes, position) };
        self.send(reader.generation, file, lines, sink);
        Ok(())
    }

    pub(super) fn reserve(&mut self, bytes: usize) -> Option<Reservation> {
        let reserved = self.budget.acquire(bytes);
        self.stopped |= reserved.is_none();
        reserved
    }
}
