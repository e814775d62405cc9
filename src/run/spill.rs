//! The files for what is cold of a ledger, rows and ids: unlinked from the start, so that they leave with the process however that ends.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::engine::index::Index;
use crate::engine::ledger::Storage;
use crate::engine::rows::{Rows, Spill};

/// Ids kept in memory: 2,816 in each shard of the index, whose table then never has more than 4,096 places; 9 MiB in all.
const IDS_IN_MEMORY: usize = 256 * 2816;

struct Unlinked(File);

impl Spill for Unlinked {
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        // The last segment may be shorter than its slots.
        let mut done = 0;
        while done < bytes.len() {
            match self.0.read_at(&mut bytes[done..], offset + done as u64)? {
                0 => break,
                count => done += count,
            }
        }
        bytes[done..].fill(0);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    #[cfg(target_os = "linux")]
    fn forget(&mut self, offset: u64, length: u64) {
        use std::os::fd::AsRawFd as _;
        let (Ok(offset), Ok(length)) = (offset.try_into(), length.try_into()) else { return };
        let how = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: the descriptor belongs to the file, which outlives the call. A file system that knows no holes keeps the room.
        unsafe { libc::fallocate(self.0.as_raw_fd(), how, offset, length) };
    }
}

/// A ledger over temporary files, about `in_memory` bytes of its rows in memory; where none can be had, all stays in memory and the
/// reason comes along.
#[must_use]
pub fn rows(in_memory: usize) -> (Storage, Option<io::Error>) {
    rows_and_ids(in_memory, IDS_IN_MEMORY)
}

/// The same with about so many ids in memory.
#[must_use]
pub fn rows_and_ids(in_memory: usize, ids_in_memory: usize) -> (Storage, Option<io::Error>) {
    match (tempfile::tempfile(), tempfile::tempfile()) {
        (Ok(rows), Ok(ids)) => {
            let rows = Rows::with_spill(Box::new(Unlinked(rows)), in_memory);
            let index = Index::with_spill(Box::new(Unlinked(ids)), ids_in_memory);
            (Storage { rows, index }, None)
        }
        (Err(error), _) | (_, Err(error)) => (Storage::default(), Some(error)),
    }
}
