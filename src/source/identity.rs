//! Knowing a file again. Descriptors and bytes enter, marks and verdicts leave; names are never trusted.
//!
//! While a descriptor is held, (device, inode) is exact. Across restarts, for copies and for rewritten files the content
//! decides: a hash of the head, and one of the bytes right before the offset, long enough that no repeated end of a line passes.

use std::fs::{File, Metadata};
use std::hash::Hasher;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use siphasher::sip::SipHasher13;

use super::Position;

/// Bytes of the head that are hashed at most.
pub const HEAD: usize = 1024;
/// Bytes before the offset that are hashed at most. With 32 lines were lost and doubled in simulated rotations, with 256 none.
pub const MARK: usize = 4096;
/// So many bytes must be verified before another inode is taken for a copy.
pub const COPY_MINIMUM: u64 = 256;

/// Device and inode: exact as long as a descriptor holds the inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKey {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
}

impl FileKey {
    /// Of an opened or named file.
    #[must_use]
    pub fn of(metadata: &Metadata) -> FileKey {
        FileKey { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// An offset with the hashes of what stands before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The next byte to read.
    pub offset: u64,
    /// Bytes of the head hashed.
    pub head_length: u32,
    /// Their hash.
    pub head_hash: u64,
    /// Bytes before the offset hashed.
    pub mark_length: u32,
    /// Their hash.
    pub mark_hash: u64,
}

/// A hash that is the same in every version and on every machine, as positions are stored.
#[must_use]
pub fn hash(parts: [&[u8]; 2]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0x636f_7374_746f_7021, 0x706f_7369_7469_6f6e);
    hasher.write(parts[0]);
    hasher.write(parts[1]);
    hasher.finish()
}

/// Reads until `buffer` is full or the file ends.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The hash of `length` bytes at `offset`; `None` if they are not there.
fn hash_at(file: &File, offset: u64, length: usize) -> io::Result<Option<u64>> {
    let mut buffer = [0; MARK];
    let window = &mut buffer[..length.min(MARK)];
    let read = read_at(file, window, offset)?;
    Ok((read == window.len()).then(|| hash([window, &[]])))
}

impl Marks {
    /// Those of `offset`, from the file. `None` if the file is shorter.
    pub fn at(file: &File, offset: u64) -> io::Result<Option<Marks>> {
        let (head, mark) = lengths(offset);
        let head_hash = hash_at(file, 0, head)?;
        let mark_hash = hash_at(file, offset - mark as u64, mark)?;
        Ok(head_hash.zip(mark_hash).map(|(head_hash, mark_hash)| Marks {
            offset,
            head_length: head as u32,
            head_hash,
            mark_length: mark as u32,
            mark_hash,
        }))
    }

    /// Those after the first `length` bytes of `body`, which was read right behind `mark`, the marked bytes of `self`.
    #[must_use]
    pub fn after(&self, mark: &[u8], body: &[u8], length: usize) -> Marks {
        let offset = self.offset + length as u64;
        let (head, window) = lengths(offset);
        let from_mark = window.saturating_sub(length).min(mark.len());
        let mark_hash = hash([&mark[mark.len() - from_mark..], &body[length - (window - from_mark)..length]]);
        let head_hash = if head as u32 == self.head_length {
            self.head_hash
        } else {
            // The head still grows, so the marked bytes begin at the file's first one.
            let from_mark = head.min(mark.len());
            hash([&mark[..from_mark], &body[..head - from_mark]])
        };
        Marks { offset, head_length: head as u32, head_hash, mark_length: window as u32, mark_hash }
    }

    /// Those of `offset`, by the first bytes before it and the last ones.
    #[must_use]
    pub fn of(offset: u64, head: &[u8], mark: &[u8]) -> Marks {
        let (head_length, mark_length) = lengths(offset);
        Marks {
            offset,
            head_length: head_length as u32,
            head_hash: hash([&head[..head_length], &[]]),
            mark_length: mark_length as u32,
            mark_hash: hash([&mark[mark.len() - mark_length..], &[]]),
        }
    }

    /// Whether the file has these bytes before the offset: the marked ones only.
    pub fn mark_holds(&self, file: &File) -> io::Result<bool> {
        let length = self.mark_length as usize;
        Ok(hash_at(file, self.offset - length as u64, length)? == Some(self.mark_hash))
    }

    /// Whether head and marked bytes are those of the file.
    pub fn hold(&self, file: &File) -> io::Result<bool> {
        Ok(self.mark_holds(file)? && hash_at(file, 0, self.head_length as usize)? == Some(self.head_hash))
    }

    /// As it is saved.
    #[must_use]
    pub fn position(&self, generation: u32, path: &Path, key: FileKey, dead: bool) -> Position {
        Position {
            generation,
            path: path.to_owned(),
            device: key.device,
            inode: key.inode,
            offset: self.offset,
            head_length: self.head_length,
            head_hash: self.head_hash,
            mark_length: self.mark_length,
            mark_hash: self.mark_hash,
            dead,
            open_since: None,
            context: std::sync::Arc::default(),
        }
    }

    /// As it was saved. `None` if no file could have been read so.
    #[must_use]
    pub fn saved(position: &Position) -> Option<Marks> {
        let possible = u64::from(position.head_length) <= position.offset.min(HEAD as u64)
            && u64::from(position.mark_length) <= position.offset.min(MARK as u64);
        possible.then_some(Marks {
            offset: position.offset,
            head_length: position.head_length,
            head_hash: position.head_hash,
            mark_length: position.mark_length,
            mark_hash: position.mark_hash,
        })
    }
}

fn lengths(offset: u64) -> (usize, usize) {
    (offset.min(HEAD as u64) as usize, offset.min(MARK as u64) as usize)
}

/// Reads the marked bytes and up to `want` bytes behind them in one system call, so that no truncation can come between
/// checking and reading. `false`: the marked bytes are others now, and `body` is empty.
pub fn read_verified(
    file: &File,
    marks: &Marks,
    mark: &mut Vec<u8>,
    body: &mut Vec<u8>,
    want: usize,
) -> io::Result<bool> {
    let length = marks.mark_length as usize;
    mark.resize(length, 0);
    body.clear();
    body.reserve_exact(want);
    let parts = [
        libc::iovec { iov_base: mark.as_mut_ptr().cast(), iov_len: length },
        libc::iovec { iov_base: body.as_mut_ptr().cast(), iov_len: want },
    ];
    let at = libc::off_t::try_from(marks.offset - length as u64).map_err(io::Error::other)?;
    let read = loop {
        // SAFETY: both vectors own at least the lengths given, and neither moves during the call.
        let read = unsafe { libc::preadv(file.as_raw_fd(), parts.as_ptr(), 2, at) };
        if read >= 0 {
            break read as usize;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    };
    if read < length || hash([mark, &[]]) != marks.mark_hash && length > 0 {
        return Ok(false);
    }
    // SAFETY: the kernel has written `read - length` bytes there, at most `want`.
    unsafe { body.set_len(read - length) };
    Ok(true)
}

/// Whether `file` up to `size` reads like `other`, judged by its last marked bytes (the head is compared before).
pub fn same_before(file: &File, other: &File, size: u64) -> io::Result<bool> {
    let (_, length) = lengths(size);
    let here = hash_at(file, size - length as u64, length)?;
    Ok(here.is_some() && here == hash_at(other, size - length as u64, length)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn marks_grown_read_by_read_are_those_of_the_file() {
        let mut file = tempfile::tempfile().unwrap();
        let text: Vec<u8> = (0..20_000u32).map(|at| (at * 7 % 251) as u8).collect();
        file.write_all(&text).unwrap();
        let (mut marks, mut mark, mut body) = (Marks::default(), Vec::new(), Vec::new());
        for step in [1, 200, 700, 300, 3000, 5000, 10, 8000] {
            assert!(read_verified(&file, &marks, &mut mark, &mut body, 9000).unwrap());
            marks = marks.after(&mark, &body, step);
            assert_eq!(Some(marks), Marks::at(&file, marks.offset).unwrap());
            assert!(marks.hold(&file).unwrap());
        }
    }

    #[test]
    fn other_bytes_before_the_offset_are_seen_in_the_read_itself() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[b'a'; 6000]).unwrap();
        let marks = Marks::at(&file, 5000).unwrap().unwrap();
        file.write_at(b"b", 4999).unwrap();
        let mut body = Vec::new();
        assert!(!read_verified(&file, &marks, &mut Vec::new(), &mut body, 100).unwrap() && body.is_empty());
        file.set_len(10).unwrap();
        assert!(!read_verified(&file, &marks, &mut Vec::new(), &mut body, 100).unwrap());
    }
}
