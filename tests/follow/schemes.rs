//! Ways of knowing a log again, compared over the same random histories: by path, by inode, by first line, by the first thousand bytes, by
//! head and a marker too short, and costtop's. The others stand for the rule, not for a product; each of them must fail somewhere,
//! or the comparison proves nothing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use costtop::cli::demo::random::Random;

use crate::world::World;

type Counts = HashMap<Vec<u8>, u32>;

/// One way of knowing files again. What is saved is saved with what was counted, as costtop does.
trait Scheme {
    fn name(&self) -> &'static str;
    /// One look at all files of the folder.
    fn look(&mut self, files: &[PathBuf]);
    /// The process ends; what is saved stays.
    fn crash(&mut self) {}
    fn counts(&self) -> &Counts;
}

fn bytes_at(file: &File, offset: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], offset + filled as u64).unwrap() {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    bytes
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn size(file: &File) -> u64 {
    file.metadata().unwrap().len()
}

/// Counts whole lines behind `offset`; the next offset.
fn take(counts: &mut Counts, file: &File, offset: u64) -> u64 {
    let bytes = bytes_at(file, offset, size(file).saturating_sub(offset) as usize);
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#') {
        *counts.entry(line.to_vec()).or_default() += 1;
    }
    offset + whole as u64
}

/// An offset for each path; from the start where the file is shorter.
#[derive(Default)]
struct ByPath(HashMap<PathBuf, u64>, Counts);

impl Scheme for ByPath {
    fn name(&self) -> &'static str {
        "path + size"
    }

    fn look(&mut self, files: &[PathBuf]) {
        for path in files {
            let file = File::open(path).unwrap();
            let known = self.0.get(path).copied().unwrap_or(0);
            let offset = if size(&file) < known { 0 } else { known };
            self.0.insert(path.clone(), take(&mut self.1, &file, offset));
        }
    }

    fn counts(&self) -> &Counts {
        &self.1
    }
}

/// An offset for each inode, which is held open while the process lives.
#[derive(Default)]
struct ByInode {
    offsets: HashMap<(u64, u64), u64>,
    held: HashMap<(u64, u64), File>,
    counts: Counts,
}

impl Scheme for ByInode {
    fn name(&self) -> &'static str {
        "device + inode + size, held open"
    }

    fn look(&mut self, files: &[PathBuf]) {
        for (key, file) in &self.held {
            if let Some(offset) = self.offsets.get_mut(key).filter(|offset| size(file) >= **offset) {
                *offset = take(&mut self.counts, file, *offset);
            }
        }
        let mut seen = HashSet::new();
        for path in files {
            let file = File::open(path).unwrap();
            let metadata = file.metadata().unwrap();
            let key = (metadata.dev(), metadata.ino());
            seen.insert(key);
            let file = self.held.entry(key).or_insert(file);
            let known = self.offsets.get(&key).copied().unwrap_or(0);
            let offset = if size(file) < known { 0 } else { known };
            self.offsets.insert(key, take(&mut self.counts, file, offset));
        }
        self.offsets.retain(|key, _| seen.contains(key));
        self.held.retain(|key, _| seen.contains(key));
    }

    fn crash(&mut self) {
        self.held.clear();
    }

    fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// A hash of the first line; of files with the same one, the last written counts.
#[derive(Default)]
struct ByFirstLine(HashMap<u64, u64>, Counts);

impl Scheme for ByFirstLine {
    fn name(&self) -> &'static str {
        "first line"
    }

    fn look(&mut self, files: &[PathBuf]) {
        let mut found = HashMap::new();
        for path in files {
            let file = File::open(path).unwrap();
            let bytes = bytes_at(&file, 0, 100 << 10);
            if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
                found.insert(hash(&bytes[..end]), file);
            }
        }
        for (key, file) in found {
            let offset = self.0.entry(key).or_default();
            *offset = take(&mut self.1, &file, *offset);
        }
    }

    fn counts(&self) -> &Counts {
        &self.1
    }
}

/// The first bytes, up to a thousand, which may grow; from the start where the file is shorter.
#[derive(Default)]
struct ByPrefix(Vec<(Vec<u8>, u64)>, Counts);

impl Scheme for ByPrefix {
    fn name(&self) -> &'static str {
        "first 1000 bytes, growing"
    }

    fn look(&mut self, files: &[PathBuf]) {
        let mut current: Vec<(Vec<u8>, File)> = Vec::new();
        for path in files {
            let file = File::open(path).unwrap();
            let prefix = bytes_at(&file, 0, 1000);
            let same = |other: &[u8]| prefix == other || other.len() < 1000 && prefix.starts_with(other);
            if !prefix.is_empty() && !current.iter().any(|(other, _)| same(other)) {
                current.push((prefix, file));
            }
        }
        let mut next = Vec::new();
        for (prefix, file) in current {
            let known = self.0.iter().filter(|(other, _)| !other.is_empty() && prefix.starts_with(other));
            let known = known.max_by_key(|(other, _)| other.len()).map_or(0, |(_, offset)| *offset);
            let offset = if size(&file) < known { 0 } else { known };
            next.push((prefix, take(&mut self.1, &file, offset)));
        }
        let kept = self.0.drain(..).filter(|(old, _)| !next.iter().any(|(new, _)| new.starts_with(old)));
        let kept: Vec<_> = kept.take(50).collect();
        next.extend(kept);
        self.0 = next;
    }

    fn counts(&self) -> &Counts {
        &self.1
    }
}

/// costtop's rule in one page, with a marker of any length: head and marked bytes decide, ended generations are remembered.
struct ByMarker {
    length: usize,
    live: HashMap<(u64, u64), Place>,
    ended: Vec<Place>,
    held: HashMap<(u64, u64), File>,
    counts: Counts,
}

#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    head: (usize, u64),
    mark: u64,
}

impl ByMarker {
    fn new(length: usize) -> ByMarker {
        ByMarker { length, live: HashMap::new(), ended: Vec::new(), held: HashMap::new(), counts: HashMap::new() }
    }

    fn mark(&self, file: &File, offset: u64) -> u64 {
        let length = offset.min(self.length as u64);
        hash(&bytes_at(file, offset - length, length as usize))
    }

    fn place(&self, file: &File, offset: u64) -> Place {
        let head = offset.min(1024) as usize;
        Place { offset, head: (head, hash(&bytes_at(file, 0, head))), mark: self.mark(file, offset) }
    }

    fn holds(&self, file: &File, place: Place) -> bool {
        size(file) >= place.offset
            && hash(&bytes_at(file, 0, place.head.0)) == place.head.1
            && self.mark(file, place.offset) == place.mark
    }

    fn read(&mut self, key: (u64, u64), from: u64) {
        let offset = take(&mut self.counts, &self.held[&key], from);
        let place = self.place(&self.held[&key], offset);
        self.live.insert(key, place);
    }
}

impl Scheme for ByMarker {
    fn name(&self) -> &'static str {
        "head + marker of 32 bytes"
    }

    fn look(&mut self, files: &[PathBuf]) {
        let keys: Vec<_> = self.held.keys().copied().collect();
        for key in keys {
            let Some(place) = self.live.get(&key).copied() else { continue };
            let holds = self.holds(&self.held[&key], place);
            if !holds {
                self.ended.push(place);
            }
            self.read(key, if holds { place.offset } else { 0 });
        }
        let mut seen = HashSet::new();
        for path in files {
            let file = File::open(path).unwrap();
            let metadata = file.metadata().unwrap();
            let key = (metadata.dev(), metadata.ino());
            seen.insert(key);
            self.held.entry(key).or_insert(file);
            let place = self.live.get(&key).copied();
            let held = place.filter(|place| self.holds(&self.held[&key], *place));
            if held.is_none() {
                self.ended.extend(place);
            }
            let known = held.map(|place| place.offset).or_else(|| {
                let all = self.live.values().chain(&self.ended);
                let verified = all.filter(|place| place.offset > 0 && self.holds(&self.held[&key], **place));
                verified.map(|place| place.offset).max()
            });
            self.read(key, known.unwrap_or(0));
        }
        let gone: Vec<_> = self.live.keys().filter(|key| !seen.contains(key)).copied().collect();
        for key in gone {
            self.ended.extend(self.live.remove(&key));
            self.held.remove(&key);
        }
    }

    fn crash(&mut self) {
        self.held.clear();
    }

    fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// How often each thing happens, in the order of [`ACTS`].
const MIXES: [(&str, [u64; 7]); 5] = [
    ("rename rotation", [8, 5, 1, 3, 0, 0, 0]),
    ("copytruncate", [8, 5, 1, 0, 3, 0, 0]),
    ("truncate + rewrite", [6, 5, 1, 0, 0, 3, 0]),
    ("delete + recreate", [6, 5, 2, 0, 0, 0, 3]),
    ("all", [8, 6, 2, 2, 2, 1, 1]),
];
const ACTS: [Act; 7] =
    [Act::Append, Act::Look, Act::Crash, Act::Rotate, Act::CopyTruncate, Act::Rewrite, Act::Recreate];
const HEADERS: [usize; 3] = [0, 40, 1200];
/// Acts of one history.
const LENGTH: u32 = 60;

#[derive(Clone, Copy)]
enum Act {
    Append,
    Look,
    Crash,
    Rotate,
    CopyTruncate,
    Rewrite,
    Recreate,
}

/// Lost, and counted more than once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Faults {
    lost: u64,
    double: u64,
}

impl Faults {
    fn of(truth: &BTreeSet<Vec<u8>>, counts: &Counts) -> Faults {
        Faults {
            lost: truth.iter().filter(|line| !counts.contains_key(*line)).count() as u64,
            double: counts.values().map(|count| u64::from(count - 1)).sum(),
        }
    }

    fn add(&mut self, other: Faults) {
        self.lost += other.lost;
        self.double += other.double;
    }
}

struct History {
    world: World,
    random: Random,
    header: String,
    serial: u64,
    truth: BTreeSet<Vec<u8>>,
    others: Vec<Box<dyn Scheme>>,
}

impl History {
    fn path(&self, name: &str) -> PathBuf {
        self.world.path(name)
    }

    /// Names in the order of their last writing.
    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.world.home.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
        files
    }

    fn write(&mut self, most: u64, truncate: bool) {
        let path = self.path("u.log");
        let mut text = if truncate || !path.exists() { self.header.clone() } else { String::new() };
        for _ in 0..self.random.between(0, most) {
            self.serial += 1;
            // All lines end alike, so that a short marker is fooled; one is long enough to know a copy by.
            let pad = "x".repeat(self.random.between(250, 290) as usize);
            writeln!(text, "{{\"id\":{},\"pad\":\"{pad}\"}}", self.serial).unwrap();
        }
        let mut options = File::options();
        let options = if truncate { options.write(true).truncate(true) } else { options.append(true) };
        options.create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn shift(&self) {
        for number in (1..3).rev() {
            let from = self.path(&format!("u.log.{number}"));
            if from.exists() {
                fs::rename(from, self.path(&format!("u.log.{}", number + 1))).unwrap();
            }
        }
    }

    fn look(&mut self) {
        let files = self.files();
        for path in &files {
            let bytes = fs::read(path).unwrap();
            let whole = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
            self.truth.extend(whole.filter(|line| line[0] != b'#').map(<[u8]>::to_vec));
        }
        for other in &mut self.others {
            other.look(&files);
        }
        self.world.poll();
    }

    fn play(&mut self, mix: [u64; 7]) {
        self.write(3, false);
        for _ in 0..LENGTH {
            let mut drawn = self.random.between(1, mix.iter().sum());
            let act = ACTS.iter().zip(mix).find(|(_, weight)| {
                let found = drawn <= *weight;
                drawn = drawn.saturating_sub(*weight);
                found
            });
            match *act.unwrap().0 {
                Act::Append => self.write(20, false),
                Act::Look => self.look(),
                Act::Crash => {
                    self.others.iter_mut().for_each(|other| other.crash());
                    self.world.restart();
                }
                Act::Rotate => {
                    if self.path("u.log").exists() {
                        self.shift();
                        self.world.rename("u.log", "u.log.1");
                    }
                    self.write(5, false);
                }
                Act::CopyTruncate => {
                    if self.path("u.log").exists() {
                        self.shift();
                        let _ = fs::remove_file(self.path("u.log.1"));
                        fs::copy(self.path("u.log"), self.path("u.log.1")).unwrap();
                    }
                    self.write(25, true);
                }
                Act::Rewrite => self.write(40, true),
                Act::Recreate => {
                    let _ = fs::remove_file(self.path("u.log"));
                    self.write(40, false);
                }
            }
        }
        for _ in 0..4 {
            self.look();
        }
    }
}

/// `COSTTOP_FOLLOW=full` plays 60 histories a cell, 900 in all.
#[test]
fn t12_t13_only_head_and_a_long_marker_are_exact_in_every_mix() {
    let histories: u64 = if crate::is_full() { 60 } else { 4 };
    let mut totals: Vec<(&str, Faults)> = Vec::new();
    for header in HEADERS {
        for (mix_name, mix) in MIXES {
            let mut cell: Vec<(&str, Faults)> = Vec::new();
            let mut truth = 0;
            for seed in 0..histories {
                let others: Vec<Box<dyn Scheme>> = vec![
                    Box::<ByPath>::default(),
                    Box::<ByInode>::default(),
                    Box::<ByFirstLine>::default(),
                    Box::<ByPrefix>::default(),
                    Box::new(ByMarker::new(32)),
                ];
                let mut history = History {
                    world: World::new(),
                    random: Random::new(seed * 7919 + header as u64),
                    header: if header == 0 { String::new() } else { format!("#{}\n", "h".repeat(header)) },
                    serial: 0,
                    truth: BTreeSet::new(),
                    others,
                };
                history.play(mix);
                truth += history.truth.len();
                let mut add = |name: &'static str, counts: &Counts| {
                    let faults = Faults::of(&history.truth, counts);
                    for table in [&mut cell, &mut totals] {
                        match table.iter_mut().find(|(known, _)| *known == name) {
                            Some((_, sum)) => sum.add(faults),
                            None => table.push((name, faults)),
                        }
                    }
                };
                for other in &history.others {
                    add(other.name(), other.counts());
                }
                add("costtop", &history.world.lines);
            }
            let figures: Vec<String> =
                cell.iter().map(|(name, faults)| format!("{name} {}/{}", faults.lost, faults.double)).collect();
            println!("header {header:4} B, {mix_name}: {truth} lines; lost/double: {}", figures.join(", "));
            let ours = cell.last().unwrap();
            assert_eq!(*ours, ("costtop", Faults::default()), "header {header}, {mix_name}");
        }
    }
    for (name, faults) in &totals[..totals.len() - 1] {
        assert!(faults.lost + faults.double > 0, "'{name}' must fail somewhere, or the histories are too tame");
    }
}

/// The stand-in of costtop's rule is the rule: with a marker as long as costtop's it loses nothing either.
#[test]
fn the_stand_in_with_a_long_marker_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (mut long, mut short) = (ByMarker::new(4096), ByMarker::new(32));
    let header = format!("#{}\n", "h".repeat(1200));
    let line = |number: u32| format!("{{\"id\":{number},\"pad\":\"{}\"}}\n", "x".repeat(300));
    let files: Vec<PathBuf> = vec![path("u.log")];
    fs::write(path("u.log"), format!("{header}{}{}", line(1), line(2))).unwrap();
    let look = |scheme: &mut ByMarker| scheme.look(&files);
    look(&mut long);
    look(&mut short);
    fs::write(path("u.log"), format!("{header}{}{}{}", line(3), line(4), line(5))).unwrap();
    look(&mut long);
    look(&mut short);
    assert_eq!((long.counts().len(), short.counts().len()), (5, 3));
    assert!(Path::new(&path("u.log")).exists());
}
