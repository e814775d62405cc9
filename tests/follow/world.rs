//! A follower of one folder, step by step: no threads, no sleeps, time is an argument.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use costtop::label::Label;
use costtop::source::budget::ByteBudget;
use costtop::source::discover::Discovery;
use costtop::source::follow::{FollowOptions, Follower, Look};
use costtop::source::spec::Spec;
use costtop::source::unpack::Packing;
use costtop::source::{Chunk, Event, Position};
use proptest::prelude::ProptestConfig;

/// A follower of one folder, with what it delivered and what was saved of it.
pub struct World {
    pub home: tempfile::TempDir,
    pub text: String,
    pub follower: Follower,
    pub now: Instant,
    pub generations: Arc<AtomicU32>,
    pub saved: BTreeMap<u32, Position>,
    pub lines: HashMap<Vec<u8>, u32>,
    pub torn: Vec<Vec<u8>>,
    pub too_long: u64,
    pub broken: u64,
    pub gaps: u64,
    pub notes: Vec<String>,
    pub options: FollowOptions,
}

pub fn follower(text: &str, options: &FollowOptions, saved: &[Position], generations: &Arc<AtomicU32>) -> Follower {
    let sources = vec![(0, Label::new("test"), Spec::parse(text).unwrap())];
    let (options, generations) = (options.clone(), Arc::clone(generations));
    Follower::new(sources, options, saved, generations, ByteBudget::default(), Discovery::default())
}

/// `bytes` as the name wants them: in gzip or Zstandard.
pub fn packed(name: &str, bytes: &[u8]) -> Vec<u8> {
    if Packing::of(name.as_ref()) == Some(Packing::Zstd) {
        return ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

impl World {
    pub fn new() -> World {
        World::with(FollowOptions::default(), "")
    }

    pub fn with(options: FollowOptions, below: &str) -> World {
        let home = tempfile::tempdir().unwrap();
        let text = home.path().join(below).display().to_string();
        let generations = Arc::new(AtomicU32::new(1));
        let follower = follower(&text, &options, &[], &generations);
        World {
            home,
            text,
            follower,
            now: Instant::now(),
            generations,
            saved: BTreeMap::new(),
            lines: HashMap::new(),
            torn: Vec::new(),
            too_long: 0,
            broken: 0,
            gaps: 0,
            notes: Vec::new(),
            options,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut file = File::options().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    pub fn rewrite(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub fn poll(&mut self) {
        self.poll_until(usize::MAX);
    }

    /// A poll after whose first `kept` chunks the process dies.
    pub fn poll_until(&mut self, kept: usize) {
        let mut events = Vec::new();
        self.now += Duration::from_secs(1);
        let mut sink = |event: Event| {
            events.push(event);
            events.len() < kept
        };
        self.follower.poll(self.now, Look::Everything, &mut sink);
        for event in events {
            match event {
                Event::Chunk(chunk) => self.take(chunk),
                Event::Note { text, .. } => self.notes.push(text),
                Event::Ask(_) | Event::Status(_) | Event::CaughtUp | Event::Ended => {}
            }
        }
    }

    pub fn take(&mut self, chunk: Chunk) {
        self.too_long += chunk.too_long;
        self.broken += chunk.broken;
        self.gaps += chunk.gaps;
        if chunk.again {
            return;
        }
        let Some(position) = chunk.position else {
            assert!(chunk.bytes.is_empty(), "lines from files have positions");
            return;
        };
        assert!(position.offset >= chunk.offset + chunk.bytes.len() as u64);
        for line in chunk.bytes.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(b"" | [b'#', ..]) => {}
                Some(line) => *self.lines.entry(line.to_vec()).or_default() += 1,
                None => self.torn.push(line.to_vec()),
            }
        }
        self.saved.insert(position.generation, position);
    }

    /// The process dies and comes back with what was saved.
    pub fn restart(&mut self) {
        let saved: Vec<Position> = self.saved.values().cloned().collect();
        let next = self.saved.keys().max().map_or(1, |greatest| greatest + 1);
        self.generations.store(next, Ordering::Relaxed);
        self.follower = follower(&self.text, &self.options, &saved, &self.generations);
    }

    /// Polls until nothing more can come: copies are told from their originals, packed files are still.
    pub fn settle(&mut self) {
        for _ in 0..8 {
            self.poll();
        }
    }

    /// Packs the file `from` as `to`, and leaves it where it is.
    pub fn pack(&self, from: &str, to: &str) {
        fs::write(self.path(to), packed(to, &fs::read(self.path(from)).unwrap())).unwrap();
    }

    pub fn delivered(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .lines
            .iter()
            .flat_map(|(line, count)| (0..*count).map(|_| String::from_utf8_lossy(line).into_owned()))
            .collect();
        all.sort();
        all
    }
}

/// Few by default, as each case works on real files; `PROPTEST_CASES` asks for more.
pub fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(40);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
