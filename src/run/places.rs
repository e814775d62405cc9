//! Where lines stand: positions enter as batches come, a record's place leads back to its line while the file exists.
//!
//! A file is looked for under its last name and, rotated, beside it. Nothing that is found is believed before it says the same.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use memchr::memchr;

use crate::engine::record::Place;
use crate::source::Position;

/// Longest line that is read again, as long as a line may be.
const MAX_LINE: usize = 16 << 20;
/// Bytes read at first; most lines are shorter.
const FIRST_READ: usize = 64 << 10;
/// Names of a folder that are looked at for a rotated file, and files of them that are opened.
const MOST_NAMES: usize = 4096;
const MOST_FILES: usize = 16;

/// A generation's file as it was last seen.
#[derive(Clone, Debug)]
struct Seen {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// The files of all generations.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<u32, Seen>);

impl Places {
    /// A batch of this position was read.
    pub(super) fn note(&mut self, position: &Position) {
        let Position { path, device, inode, .. } = position;
        match self.0.get_mut(&position.generation) {
            Some(seen) if seen.path == *path => {}
            slot => {
                let seen = Seen { path: path.clone(), device: *device, inode: *inode };
                match slot {
                    Some(slot) => *slot = seen,
                    None => drop(self.0.insert(position.generation, seen)),
                }
            }
        }
    }

    /// Looks for the line at `place`: `says_it` is handed the file and each line that may be it, and tells whether it is.
    ///
    /// # Errors
    /// One sentence: why there is none any more.
    pub(super) fn find<T>(
        &self,
        place: Place,
        mut says_it: impl FnMut(&Path, &[u8]) -> Option<T>,
    ) -> Result<T, String> {
        let Some(seen) = self.0.get(&place.generation) else {
            return Err("it came through a socket, a pipe or an earlier run's file: the line was not kept".to_owned());
        };
        let mut try_file = |path: &Path| line_at(path, place.offset).and_then(|line| says_it(path, &line));
        if let Some(found) = try_file(&seen.path) {
            return Ok(found);
        }
        seen.elsewhere().into_iter().find_map(|path| try_file(&path)).ok_or_else(|| {
            format!(
                "'{}' no longer has the line at byte {}: the file was removed, cut, compressed or written anew",
                seen.path.display(),
                place.offset
            )
        })
    }
}

impl Seen {
    /// The same file under another name, then those whose names a rotation would give it.
    fn elsewhere(&self) -> Vec<PathBuf> {
        let (Some(folder), Some(name)) = (self.path.parent(), self.path.file_name()) else { return Vec::new() };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        // A folder that cannot be listed has no other name to offer.
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let mut rotated = Vec::new();
        for entry in entries.take(MOST_NAMES).flatten() {
            let path = entry.path();
            if path == self.path {
                continue;
            }
            let is_same = entry.metadata().is_ok_and(|it| (it.dev(), it.ino()) == (self.device, self.inode));
            if is_same {
                rotated.insert(0, path);
            } else if path.file_stem() == Path::new(name).file_stem()
                || entry.file_name().as_encoded_bytes().starts_with(name.as_encoded_bytes())
            {
                rotated.push(path);
            }
        }
        rotated.truncate(MOST_FILES);
        rotated
    }
}

/// The line that begins at `offset`, with its newline if it has one; `None` where there is none.
fn line_at(path: &Path, offset: u64) -> Option<Vec<u8>> {
    // Only files: to open a pipe would wait for its writer.
    let file = fs::metadata(path).ok().filter(fs::Metadata::is_file).and_then(|_| File::open(path).ok())?;
    let mut line = vec![0; FIRST_READ];
    let mut filled = 0;
    loop {
        let read = file.read_at(&mut line[filled..], offset + filled as u64).ok()?;
        if let Some(end) = memchr(b'\n', &line[filled..filled + read]) {
            line.truncate(filled + end + 1);
            return Some(line);
        }
        filled += read;
        if read == 0 {
            line.truncate(filled);
            return (!line.is_empty()).then_some(line);
        }
        if filled == line.len() {
            if filled >= MAX_LINE {
                return None;
            }
            line.resize((2 * filled).min(MAX_LINE), 0);
        }
    }
}
