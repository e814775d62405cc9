//! The content of a packed file from front to back, with the marks of every place it passes. A file enters, bytes and marks leave; of
//! what was passed only head and marked bytes are kept.

use std::fs::File;
use std::io;
use std::sync::Arc;

use crate::source::identity::{HEAD, MARK, Marks};
use crate::source::unpack::{End, Packing, Unpacker};

/// Bytes unpacked at once while they are only passed.
const STEP: usize = 64 << 10;

/// One pass through a packed file.
#[derive(Debug)]
pub(super) struct Content {
    unpacker: Unpacker,
    head: Vec<u8>,
    /// The marked bytes: the last before `at`.
    mark: Vec<u8>,
    /// Unpacked, but not passed yet.
    ahead: Vec<u8>,
    at: u64,
    buffer: Box<[u8]>,
    /// Counts how many passes are under way.
    _turnstile: Arc<()>,
}

/// How far a pass came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// At the place that was asked for.
    There,
    /// So much at once is enough.
    Later,
    /// The content ends before.
    Over,
}

impl Content {
    pub fn new(packing: Packing, file: &File, turnstile: &Arc<()>) -> io::Result<Content> {
        Ok(Content {
            unpacker: Unpacker::new(packing, file)?,
            head: Vec::new(),
            mark: Vec::new(),
            ahead: Vec::new(),
            at: 0,
            buffer: vec![0; STEP].into(),
            _turnstile: Arc::clone(turnstile),
        })
    }

    /// How the content ended; what is ahead comes before.
    pub fn end(&self) -> Option<&End> {
        self.unpacker.end()
    }

    pub fn packed_bytes(&self) -> u64 {
        self.unpacker.packed_bytes()
    }

    /// The place that was reached.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The first bytes, as far as they were seen.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The bytes before the place that its marks hash.
    pub fn mark(&self) -> &[u8] {
        &self.mark
    }

    /// What was unpacked behind the place.
    pub fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// Unpacks up to `more` bytes behind what is ahead; how many came.
    pub fn fill(&mut self, more: usize) -> io::Result<usize> {
        let mut filled = 0;
        while filled < more && self.end().is_none() {
            let step = (more - filled).min(STEP);
            let read = self.unpacker.read(&mut self.buffer[..step])?;
            let wanted = HEAD - self.head.len();
            if wanted > 0 && self.at + self.ahead.len() as u64 == self.head.len() as u64 {
                self.head.extend_from_slice(&self.buffer[..read.min(wanted)]);
            }
            self.ahead.extend_from_slice(&self.buffer[..read]);
            filled += read;
        }
        Ok(filled)
    }

    /// Passes what is ahead, `length` bytes of it, and gives them out.
    pub fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.ahead.split_off(length);
        let taken = std::mem::replace(&mut self.ahead, rest);
        self.at += length as u64;
        if length >= MARK {
            self.mark.clear();
        } else {
            let kept = self.mark.len().min(MARK - length);
            self.mark.drain(..self.mark.len() - kept);
        }
        self.mark.extend(&taken[length - length.min(MARK)..]);
        taken
    }

    /// Goes to `place`, which lies at or behind the one reached, by at most `budget` bytes.
    pub fn go(&mut self, place: u64, budget: &mut usize) -> io::Result<Pass> {
        while self.at < place {
            if self.ahead.is_empty() {
                if *budget == 0 {
                    return Ok(Pass::Later);
                }
                if self.fill(STEP.min(*budget))? == 0 && self.end().is_some() {
                    return Ok(Pass::Over);
                }
                *budget -= self.ahead.len();
            }
            let length = (place - self.at).min(self.ahead.len() as u64) as usize;
            drop(self.take(length));
        }
        Ok(Pass::There)
    }

    /// The marks of the place reached.
    pub fn marks(&self) -> Marks {
        Marks::of(self.at, &self.head, &self.mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    #[test]
    fn marks_on_the_way_are_those_of_the_unpacked_file() {
        let text: Vec<u8> = (0..300_000u32).map(|at| (at / 3 * 7 % 251) as u8).collect();
        let mut plain = tempfile::tempfile().unwrap();
        plain.write_all(&text).unwrap();
        let mut packed = GzEncoder::new(tempfile::tempfile().unwrap(), Compression::fast());
        packed.write_all(&text).unwrap();
        let packed = packed.finish().unwrap();
        let turnstile = Arc::new(());
        let mut content = Content::new(Packing::Gzip, &packed, &turnstile).unwrap();
        let mut budget = usize::MAX;
        for place in [0, 1, 200, 1023, 1024, 1030, 4095, 4097, 70_000, 70_001, 200_000, 300_000] {
            assert_eq!(content.go(place, &mut budget).unwrap(), Pass::There);
            assert_eq!(Some(content.marks()), Marks::at(&plain, place).unwrap(), "at {place}");
        }
        assert_eq!(Arc::strong_count(&turnstile), 2);
        assert_eq!((content.go(300_001, &mut budget).unwrap(), content.end()), (Pass::Over, Some(&End::Whole)));
        let mut content = Content::new(Packing::Gzip, &packed, &turnstile).unwrap();
        assert_eq!(content.go(300_000, &mut 1000).unwrap(), Pass::Later);
        content.fill(5000).unwrap();
        let (at, ahead) = (content.at() as usize, content.ahead().to_vec());
        assert_eq!(ahead, text[at..at + ahead.len()]);
        assert_eq!(content.take(10), ahead[..10]);
    }
}
