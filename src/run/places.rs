//! Where lines stand: positions enter as batches come, a record's place leads back to its line while the file exists.
//!
//! A file is looked for under its last name and, rotated, beside it. Nothing that is found is believed before it says the same.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use memchr::{memchr, memrchr};

use crate::engine::record::Place;
use crate::source::Position;
use crate::source::unpack::{Packing, Unpacker};

/// Longest line that is read again, as long as a line may be.
const MAX_LINE: usize = 16 << 20;
/// Bytes of a packed file that are passed on the way to a line: about half a second's work.
const MOST_PASSED: u64 = 128 << 20;
/// Bytes read at first; most lines are shorter.
const FIRST_READ: usize = 64 << 10;
/// Bytes before a line that are read again to know what it means: about a tenth of a second's work.
const MOST_BEFORE: u64 = 64 << 20;
/// Names of a folder that are looked at for a rotated file, and files of them that are opened.
const MOST_NAMES: usize = 4096;
const MOST_FILES: usize = 16;

/// Generations whose files are known, those of which something was read last: some 10 MB. A file is forgotten after so many others.
const MOST_PLACES: usize = 1 << 16;

/// A generation's file as it was last seen.
#[derive(Clone, Debug)]
struct Seen {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// How many batches had been read when one of it was.
    noted: u64,
}

/// The files of generations.
#[derive(Debug, Default)]
pub(super) struct Places {
    seen: HashMap<u32, Seen>,
    /// Batches so far.
    noted: u64,
}

impl Places {
    /// A batch of this position was read.
    pub(super) fn note(&mut self, position: &Position) {
        let Position { path, device, inode, .. } = position;
        self.noted += 1;
        match self.seen.get_mut(&position.generation) {
            Some(seen) if seen.path == *path => seen.noted = self.noted,
            slot => {
                let seen = Seen { path: path.clone(), device: *device, inode: *inode, noted: self.noted };
                match slot {
                    Some(slot) => *slot = seen,
                    None => drop(self.seen.insert(position.generation, seen)),
                }
            }
        }
        if self.seen.len() > MOST_PLACES {
            self.forget();
        }
    }

    /// A quarter goes at once, so that this stays rare.
    fn forget(&mut self) {
        let mut noted: Vec<u64> = self.seen.values().map(|seen| seen.noted).collect();
        let (_, oldest_kept, _) = noted.select_nth_unstable(MOST_PLACES / 4);
        self.seen.retain(|_, seen| seen.noted >= *oldest_kept);
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
        let Some(seen) = self.seen.get(&place.generation) else {
            return Err("it came through a socket, a pipe or an earlier run's file: the line was not kept".to_owned());
        };
        if seen.path.extension().is_some_and(|ending| ending == "db") {
            return Err(format!(
                "'{}' is a database: its rows have no places at which they could be read again",
                seen.path.display()
            ));
        }
        let mut try_file = |path: &Path| line_at(path, place.offset).and_then(|line| says_it(path, &line));
        if let Some(found) = try_file(&seen.path) {
            return Ok(found);
        }
        seen.elsewhere().into_iter().find_map(|path| try_file(&path)).ok_or_else(|| {
            format!(
                "'{}' no longer has the line at byte {}: the file was removed, cut or written anew",
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

/// The line that begins at `offset` of what the file holds, packed or not, with its newline if it has one; `None` where there is none.
fn line_at(path: &Path, offset: u64) -> Option<Vec<u8>> {
    // Only files: to open a pipe would wait for its writer.
    let file = fs::metadata(path).ok().filter(fs::Metadata::is_file).and_then(|_| File::open(path).ok())?;
    match Packing::of(path) {
        None => line_from(|to, ahead| file.read_at(to, offset + ahead).ok()),
        Some(_) if offset > MOST_PASSED => None,
        Some(packing) => {
            let mut unpacker = Unpacker::new(packing, &file).ok()?;
            let (mut passed, mut before) = (0, vec![0; FIRST_READ]);
            while passed < offset {
                let step = (offset - passed).min(FIRST_READ as u64) as usize;
                passed += match unpacker.read(&mut before[..step]).ok()? {
                    0 => return None,
                    read => read as u64,
                };
            }
            line_from(|to, _| unpacker.read(to).ok())
        }
    }
}

/// Hands every line before `offset` to `each`; `None` where that is not where a line begins, or too far.
pub(super) fn lines_before(path: &Path, offset: u64, mut each: impl FnMut(&[u8])) -> Option<()> {
    if offset > MOST_BEFORE {
        return None;
    }
    let file = fs::metadata(path).ok().filter(fs::Metadata::is_file).and_then(|_| File::open(path).ok())?;
    let mut unpacker = Packing::of(path).map(|packing| Unpacker::new(packing, &file)).transpose().ok()?;
    let (mut ahead, mut at) = (Vec::new(), 0);
    let mut piece = vec![0; FIRST_READ];
    while at < offset {
        let step = (offset - at).min(FIRST_READ as u64) as usize;
        let read = match &mut unpacker {
            None => file.read_at(&mut piece[..step], at).ok()?,
            Some(unpacker) => unpacker.read(&mut piece[..step]).ok()?,
        };
        if read == 0 {
            return None;
        }
        at += read as u64;
        ahead.extend_from_slice(&piece[..read]);
        let whole = memrchr(b'\n', &ahead).map_or(0, |end| end + 1);
        ahead[..whole].split_inclusive(|byte| *byte == b'\n').for_each(&mut each);
        ahead.drain(..whole);
    }
    ahead.is_empty().then_some(())
}

/// Hands the lines behind `offset` of a file that is not packed to `each`, until that has enough or a line's worth was read.
pub(super) fn lines_after(path: &Path, offset: u64, mut each: impl FnMut(&[u8]) -> bool) {
    let Some(file) = fs::metadata(path).ok().filter(fs::Metadata::is_file).and_then(|_| File::open(path).ok()) else {
        return;
    };
    let (mut ahead, mut at) = (Vec::new(), offset);
    let mut piece = vec![0; FIRST_READ];
    while at - offset < MAX_LINE as u64
        && let Ok(read) = file.read_at(&mut piece, at)
    {
        at += read as u64;
        ahead.extend_from_slice(&piece[..read]);
        let whole = if read == 0 { ahead.len() } else { memrchr(b'\n', &ahead).map_or(0, |end| end + 1) };
        let enough = ahead[..whole].split_inclusive(|byte| *byte == b'\n').any(|line| !each(line));
        if enough || read == 0 {
            return;
        }
        ahead.drain(..whole);
    }
}

/// The line with which the bytes begin that `read` gives, which is told how many it gave.
fn line_from(mut read: impl FnMut(&mut [u8], u64) -> Option<usize>) -> Option<Vec<u8>> {
    let mut line = vec![0; FIRST_READ];
    let mut filled = 0;
    loop {
        let read = read(&mut line[filled..], filled as u64)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn files_are_forgotten_after_very_many_others_and_one_that_is_read_never() {
        let position = |generation: u32| Position {
            generation,
            path: format!("/log/{generation}").into(),
            device: 1,
            inode: generation.into(),
            offset: 1,
            head_length: 1,
            head_hash: 1,
            mark_length: 1,
            mark_hash: 1,
            dead: false,
            open_since: None,
            context: std::sync::Arc::default(),
        };
        let mut places = Places::default();
        for generation in 0..3 * MOST_PLACES as u32 {
            places.note(&position(generation));
            places.note(&position(7));
        }
        assert!((MOST_PLACES / 2..=MOST_PLACES).contains(&places.seen.len()), "{}", places.seen.len());
        assert!(places.seen.contains_key(&7) && !places.seen.contains_key(&8));
        assert!(places.seen.contains_key(&(3 * MOST_PLACES as u32 - 1)));
    }

    #[test]
    fn the_lines_around_a_place_are_handed_out_as_they_stand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let text = (0..40_000).map(|number| format!("line {number}")).collect::<Vec<_>>().join("\n");
        fs::write(&path, &text).unwrap();
        for line in [0, 1, 20_000, 39_999] {
            let offset = text.find(&format!("line {line}")).unwrap() as u64;
            let mut before = 0;
            assert_eq!(lines_before(&path, offset, |_| before += 1), Some(()));
            let mut after = Vec::new();
            lines_after(&path, offset, |line| {
                after.push(String::from_utf8_lossy(line).trim_end().to_owned());
                after.len() < 3
            });
            let expected: Vec<_> = (line..(line + 3).min(40_000)).map(|line| format!("line {line}")).collect();
            assert_eq!((before, after), (line, expected));
        }
        assert_eq!(lines_before(&path, 3, |_| {}), None, "no line begins there");
    }

    #[test]
    fn a_line_is_found_in_what_its_file_was_packed_into() {
        let folder = tempfile::tempdir().unwrap();
        let text = (0..40_000).map(|number| format!("line {number}")).collect::<Vec<_>>().join("\n") + "\n";
        let (plain, packed) = (folder.path().join("a.log"), folder.path().join("a.log.1.gz"));
        fs::write(&plain, &text).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(File::create(&packed).unwrap(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap();
        for line in ["line 0\n", "line 20000\n", "line 39999\n"] {
            let offset = text.find(line).unwrap() as u64;
            for path in [&plain, &packed] {
                assert_eq!(line_at(path, offset).as_deref(), Some(line.as_bytes()), "{}", path.display());
            }
        }
        assert_eq!(line_at(&packed, text.len() as u64 + 1), None);
    }
}
