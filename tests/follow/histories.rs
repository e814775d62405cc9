//! The follower step by step: no threads, no sleeps, time is an argument.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use costtop::label::Label;
use costtop::source::budget::ByteBudget;
use costtop::source::discover::Discovery;
use costtop::source::follow::{FollowOptions, Follower, Look};
use costtop::source::spec::Spec;
use costtop::source::{Chunk, Event, Position, SourceState};
use proptest::prelude::*;

/// A follower of one folder, with what it delivered and what was saved of it.
struct World {
    home: tempfile::TempDir,
    text: String,
    follower: Follower,
    now: Instant,
    generations: Arc<AtomicU32>,
    saved: BTreeMap<u32, Position>,
    lines: HashMap<Vec<u8>, u32>,
    torn: Vec<Vec<u8>>,
    too_long: u64,
    notes: Vec<String>,
    options: FollowOptions,
}

fn follower(text: &str, options: &FollowOptions, saved: &[Position], generations: &Arc<AtomicU32>) -> Follower {
    let sources = vec![(0, Label::new("test"), Spec::parse(text).unwrap())];
    let (options, generations) = (options.clone(), Arc::clone(generations));
    Follower::new(sources, options, saved, generations, ByteBudget::default(), Discovery::default())
}

impl World {
    fn new() -> World {
        World::with(FollowOptions::default(), "")
    }

    fn with(options: FollowOptions, below: &str) -> World {
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
            notes: Vec::new(),
            options,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut file = File::options().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    fn rewrite(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn poll(&mut self) {
        self.poll_until(usize::MAX);
    }

    /// A poll after whose first `kept` chunks the process dies.
    fn poll_until(&mut self, kept: usize) {
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
                Event::Status(_) | Event::CaughtUp | Event::Ended => {}
            }
        }
    }

    fn take(&mut self, chunk: Chunk) {
        let position = chunk.position.expect("files have positions");
        assert!(position.offset >= chunk.offset + chunk.bytes.len() as u64);
        self.too_long += chunk.too_long;
        for line in chunk.bytes.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(b"") => {}
                Some([b'#', ..]) => {}
                Some(line) => *self.lines.entry(line.to_vec()).or_default() += 1,
                None => self.torn.push(line.to_vec()),
            }
        }
        self.saved.insert(position.generation, position);
    }

    /// The process dies and comes back with what was saved.
    fn restart(&mut self) {
        let saved: Vec<Position> = self.saved.values().cloned().collect();
        let next = self.saved.keys().max().map_or(1, |greatest| greatest + 1);
        self.generations.store(next, Ordering::Relaxed);
        self.follower = follower(&self.text, &self.options, &saved, &self.generations);
    }

    fn delivered(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .lines
            .iter()
            .flat_map(|(line, count)| (0..*count).map(|_| String::from_utf8_lossy(line).into_owned()))
            .collect();
        all.sort();
        all
    }
}

#[derive(Clone, Debug)]
enum Act {
    Append(u8),
    AppendPart,
    Poll,
    Rotate(u8),
    CopyTruncate(u8),
    Rewrite(u8),
    Recreate(u8),
    Backup,
    Restart,
    DieInPoll(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (1u8..20).prop_map(Act::Append),
        2 => Just(Act::AppendPart),
        6 => Just(Act::Poll),
        2 => (0u8..5).prop_map(Act::Rotate),
        2 => (0u8..25).prop_map(Act::CopyTruncate),
        1 => (0u8..40).prop_map(Act::Rewrite),
        1 => (0u8..40).prop_map(Act::Recreate),
        1 => Just(Act::Backup),
        1 => Just(Act::Restart),
        1 => (1u8..4).prop_map(Act::DieInPoll),
    ]
}

/// A writer that knows what it wrote. Truth is what a poll could have read: whole lines in a matched file at some poll.
struct Writer {
    header: Vec<u8>,
    serial: u32,
    part: bool,
    truth: BTreeSet<Vec<u8>>,
}

impl Writer {
    fn lines(&mut self, count: u8) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..count {
            self.serial += 1;
            out.extend(self.line());
        }
        out
    }

    fn line(&self) -> Vec<u8> {
        // The end of a line repeats in all lines, so that a short marker is fooled; one line is enough to know a copy by.
        let pad = "x".repeat(250 + self.serial as usize % 3 * 7);
        format!("{{\"id\":{},\"pad\":\"{pad}\"}}\n", self.serial).into_bytes()
    }

    fn fresh(&mut self, count: u8) -> Vec<u8> {
        self.part = false;
        let mut out = self.header.clone();
        out.extend(self.lines(count));
        out
    }

    fn append(&mut self, world: &World, count: u8) {
        let mut out = Vec::new();
        if std::mem::take(&mut self.part) {
            let line = self.line();
            out.extend(&line[line.len() / 2..]);
        }
        if !world.path("u.log").exists() {
            out = self.fresh(0);
        }
        out.extend(self.lines(count));
        world.append("u.log", out);
    }

    fn append_part(&mut self, world: &World) {
        self.append(world, 0);
        self.serial += 1;
        let line = self.line();
        world.append("u.log", &line[..line.len() / 2]);
        self.part = true;
    }

    fn note_present(&mut self, home: &Path) {
        for entry in fs::read_dir(home).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                if let Some(line) = line.strip_suffix(b"\n")
                    && !line.starts_with(b"#")
                    && !line.is_empty()
                {
                    self.truth.insert(line.to_vec());
                }
            }
        }
    }
}

fn shift(world: &World) {
    for number in (1..3).rev() {
        if world.path(&format!("u.log.{number}")).exists() {
            world.rename(&format!("u.log.{number}"), &format!("u.log.{}", number + 1));
        }
    }
}

fn play(acts: &[Act], header: usize) -> Result<(), TestCaseError> {
    let mut world = World::new();
    let header = if header == 0 { Vec::new() } else { format!("#{}\n", "h".repeat(header)).into_bytes() };
    let mut writer = Writer { header, serial: 0, part: false, truth: BTreeSet::new() };
    writer.append(&world, 3);
    for act in acts {
        match *act {
            Act::Append(count) => writer.append(&world, count),
            Act::AppendPart => writer.append_part(&world),
            Act::Poll => {
                writer.note_present(world.home.path());
                world.poll();
            }
            Act::Rotate(count) => {
                shift(&world);
                if world.path("u.log").exists() {
                    world.rename("u.log", "u.log.1");
                }
                let fresh = writer.fresh(count);
                world.append("u.log", fresh);
            }
            Act::CopyTruncate(count) => {
                shift(&world);
                if world.path("u.log").exists() {
                    // A new inode, as logrotate's copy has.
                    let _ = fs::remove_file(world.path("u.log.1"));
                    fs::copy(world.path("u.log"), world.path("u.log.1")).unwrap();
                }
                let fresh = writer.fresh(count);
                world.rewrite("u.log", fresh);
            }
            Act::Rewrite(count) => {
                let fresh = writer.fresh(count);
                world.rewrite("u.log", fresh);
            }
            Act::Recreate(count) => {
                let _ = fs::remove_file(world.path("u.log"));
                let fresh = writer.fresh(count);
                world.rewrite("u.log", fresh);
            }
            Act::Backup => {
                if fs::metadata(world.path("u.log")).is_ok_and(|metadata| metadata.len() > 2000) {
                    let _ = fs::remove_file(world.path("backup.log"));
                    fs::copy(world.path("u.log"), world.path("backup.log")).unwrap();
                }
            }
            Act::Restart => world.restart(),
            Act::DieInPoll(kept) => {
                world.poll_until(kept.into());
                world.restart();
            }
        }
    }
    for _ in 0..4 {
        writer.note_present(world.home.path());
        world.poll();
    }
    let lost: Vec<_> = writer
        .truth
        .iter()
        .filter(|line| !world.lines.contains_key(*line))
        .map(|line| String::from_utf8_lossy(line))
        .collect();
    let double: Vec<_> = world
        .lines
        .iter()
        .filter(|(_, count)| **count > 1)
        .map(|(line, count)| format!("{} x {count}", String::from_utf8_lossy(line)))
        .collect();
    prop_assert!(lost.is_empty() && double.is_empty(), "lost {lost:?} double {double:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_loses_or_doubles_a_line_with_unique_first_lines(acts in proptest::collection::vec(act(), 1..60)) {
        play(&acts, 0)?;
    }

    #[test]
    fn no_history_loses_or_doubles_a_line_with_a_short_common_header(acts in proptest::collection::vec(act(), 1..60)) {
        play(&acts, 40)?;
    }

    #[test]
    fn no_history_loses_or_doubles_a_line_with_a_long_common_header(acts in proptest::collection::vec(act(), 1..60)) {
        play(&acts, 1200)?;
    }
}
