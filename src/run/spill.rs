//! The file for cold ledger rows: unlinked from the start, so that it leaves with the process however that ends.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::engine::rows::{Rows, Spill};

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

/// Ledger rows over a temporary file, about `in_memory` bytes of them in memory; where none can be had, all rows stay in memory and the reason comes along.
#[must_use]
pub fn rows(in_memory: usize) -> (Rows, Option<io::Error>) {
    match tempfile::tempfile() {
        Ok(file) => (Rows::with_spill(Box::new(Unlinked(file)), in_memory), None),
        Err(error) => (Rows::in_memory(), Some(error)),
    }
}
