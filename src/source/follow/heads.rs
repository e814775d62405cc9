//! Files by the bytes they begin with: a new file is compared with its like only, however many there are. Marks enter, slots leave.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;

use super::file::Followed;
use crate::source::identity::{HEAD, Marks, hash, read_at};

/// The hashes of a file's head at the lengths others were hashed with.
pub(super) struct Heads {
    bytes: Vec<u8>,
    by_length: Vec<Option<u64>>,
}

/// Files that lines are read from, by their heads.
#[derive(Debug, Default)]
pub(super) struct HeadIndex(BTreeMap<u32, HashMap<u64, Vec<u32>>>);

impl HeadIndex {
    /// Moves a file from where it stood to where it belongs now.
    pub fn refile(&mut self, slot: u32, file: &mut Followed) {
        let to = file.head();
        let from = std::mem::replace(&mut file.filed, to);
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

    pub fn of(file: &File) -> io::Result<Heads> {
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
