//! What leaves the follower: lines with their place, positions without lines, and remarks. A sink that refuses stops it.

use super::file::{Followed, Reader, Role};
use super::{Follower, Sink};
use crate::source::budget::Reservation;
use crate::source::identity::Marks;
use crate::source::lines::MAX_FILE_LINE;
use crate::source::{Chunk, Event, Position};

/// Lines to be handed over, as they stand in a file.
pub(super) struct Lines {
    pub bytes: Vec<u8>,
    pub offset: u64,
    pub too_long: u64,
    pub broken: u64,
    pub position: Position,
    pub reserved: Option<Reservation>,
}

impl Lines {
    pub fn at(offset: u64, bytes: Vec<u8>, position: Position) -> Lines {
        Lines { bytes, offset, too_long: 0, broken: 0, position, reserved: None }
    }
}

impl Follower {
    pub(super) fn send(&mut self, generation: u32, file: &Followed, lines: Lines, sink: Sink<'_>) {
        let chunk = Chunk {
            history: lines.offset < file.history_until,
            // A generation's last position is told by itself.
            ends: lines.bytes.is_empty() && lines.position.dead,
            bytes: lines.bytes,
            too_long: lines.too_long,
            broken: lines.broken,
            longest_line: MAX_FILE_LINE,
            owner: file.owner.clone(),
            position: Some(lines.position),
            reserved: lines.reserved,
            ..Chunk::empty(self.sources[file.source].id, generation, lines.offset)
        };
        self.stopped |= !sink(Event::Chunk(chunk));
    }

    /// Lines that were counted before the restart: they open what goes on behind them, and are not counted again.
    pub(super) fn send_again(
        &mut self,
        generation: u32,
        file: &Followed,
        offset: u64,
        bytes: Vec<u8>,
        reserved: Reservation,
        sink: Sink<'_>,
    ) {
        let source = self.sources[file.source].id;
        let chunk = Chunk {
            bytes,
            longest_line: MAX_FILE_LINE,
            again: true,
            history: true,
            reserved: Some(reserved),
            ..Chunk::empty(source, generation, offset)
        };
        self.stopped |= !sink(Event::Chunk(chunk));
    }

    /// Tells a position without lines, of a generation that goes on later.
    pub(super) fn send_position(
        &mut self,
        file: &Followed,
        generation: u32,
        marks: &Marks,
        open_since: Option<u64>,
        sink: Sink<'_>,
    ) {
        let position = Position { open_since, ..marks.position(generation, &file.path, file.key, false) };
        self.send(generation, file, Lines::at(marks.offset, Vec::new(), position), sink);
    }

    /// The same of one that has ended.
    pub(super) fn send_dead(&mut self, file: &Followed, generation: u32, marks: &Marks, sink: Sink<'_>) {
        let position = marks.position(generation, &file.path, file.key, true);
        self.send(generation, file, Lines::at(marks.offset, Vec::new(), position), sink);
    }

    /// Tells that everything of a file that is read once was read.
    pub(super) fn send_end(&mut self, slot: u32, sink: Sink<'_>) {
        let Some(file) = self.files.get(&slot) else { return };
        let Role::Reader(reader) = &file.role else { return };
        let chunk = Chunk {
            ends: true,
            position: Some(reader.marks.position(reader.generation, &file.path, file.key, false)),
            ..Chunk::empty(self.sources[file.source].id, reader.generation, reader.marks.offset)
        };
        self.stopped |= !sink(Event::Chunk(chunk));
    }

    pub(super) fn send_gap(&mut self, file: &Followed, reader: &Reader, sink: Sink<'_>) {
        let place = Chunk::empty(self.sources[file.source].id, reader.generation, reader.marks.offset);
        let chunk = Chunk { gaps: 1, ..place };
        self.stopped |= !sink(Event::Chunk(chunk));
    }

    pub(super) fn note(&mut self, source: usize, text: String, sink: Sink<'_>) {
        self.stopped |= !sink(Event::Note { source: self.sources[source].id, text });
    }
}
