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
use costtop::source::{Chunk, Event, Position};
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
                Some(b"" | [b'#', ..]) => {}
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
                    // Seen while its original lives: later, a shorter one cannot be told from something new.
                    writer.note_present(world.home.path());
                    world.poll();
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

/// Few by default, as each case works on real files; `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(40);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

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

#[test]
fn a_torn_line_waits_in_its_file_and_counts_once_when_it_is_finished() {
    let mut world = World::new();
    world.append("a.log", "one\ntw");
    world.poll();
    assert_eq!(world.delivered(), ["one"]);
    world.restart();
    world.append("a.log", "o\n");
    world.poll();
    assert_eq!(world.delivered(), ["one", "two"]);
    assert!(world.torn.is_empty());
}

#[test]
fn the_torn_end_of_a_deleted_file_is_handed_over_and_of_a_living_one_only_in_one_go() {
    let mut world = World::new();
    world.append("a.log", "one\ntorn");
    world.poll();
    fs::remove_file(world.path("a.log")).unwrap();
    for _ in 0..30 {
        world.poll();
    }
    assert_eq!(world.torn, [b"torn".to_vec()]);
    assert!(world.saved.values().all(|position| position.dead));

    let mut once = World::with(FollowOptions { once: true, ..FollowOptions::default() }, "");
    once.append("a.log", "one\ntorn");
    once.poll();
    assert_eq!((once.delivered(), once.torn), (vec!["one".to_owned()], vec![b"torn".to_vec()]));
}

#[test]
fn truncated_and_grown_beyond_its_old_size_between_two_looks_is_seen_by_the_marker() {
    let mut world = World::new();
    let header = format!("#{}\n", "h".repeat(1200));
    world.rewrite("a.log", format!("{header}one\ntwo\n"));
    world.poll();
    world.rewrite("a.log", format!("{header}six\nten\nthree\nfour\n"));
    world.poll();
    assert_eq!(world.delivered(), ["four", "one", "six", "ten", "three", "two"]);
    assert!(world.notes.iter().any(|note| note.contains("rewritten")), "{:?}", world.notes);
}

#[test]
fn a_hard_link_and_a_symlink_are_the_same_file() {
    let mut world = World::new();
    world.append("a.log", "one\n");
    fs::hard_link(world.path("a.log"), world.path("b.log")).unwrap();
    std::os::unix::fs::symlink(world.path("a.log"), world.path("c.log")).unwrap();
    world.poll();
    world.append("b.log", "two\n");
    world.poll();
    assert_eq!(world.delivered(), ["one", "two"]);
}

#[test]
fn a_hole_of_nuls_and_a_byte_order_mark_are_skipped() {
    let mut world = World::new();
    world.append("a.log", b"\xef\xbb\xbfone\n{torn\0\0\0\0\0\0two\n");
    let file = File::options().write(true).open(world.path("a.log")).unwrap();
    file.set_len(40 << 20).unwrap();
    drop(file);
    world.append("a.log", "three\n");
    for _ in 0..3 {
        world.poll();
    }
    assert_eq!(world.delivered(), ["one", "three", "two"]);
    assert_eq!(world.torn, [b"{torn".to_vec()]);
    assert_eq!(world.too_long, 0);
}

#[test]
fn a_line_beyond_sixteen_mebibytes_is_counted_and_one_below_is_read() {
    let mut world = World::new();
    world.append("a.log", vec![b'a'; 17 << 20]);
    world.poll();
    world.append("a.log", "\none\n");
    world.append("a.log", vec![b'b'; 15 << 20]);
    world.append("a.log", "\ntwo\n");
    for _ in 0..3 {
        world.poll();
    }
    assert_eq!(world.too_long, 1);
    let mut lengths: Vec<usize> = world.lines.keys().map(Vec::len).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [3, 3, 15 << 20]);
}

#[test]
fn with_few_descriptors_nothing_is_lost() {
    let mut world = World::with(FollowOptions { max_open: 8, ..FollowOptions::default() }, "");
    for round in 0..4 {
        for file in 0..40 {
            world.append(&format!("{file}.log"), format!("{file} {round}\n"));
        }
        if round == 2 {
            for file in 0..20 {
                world.rename(&format!("{file}.log"), &format!("{file}.log.1"));
            }
        }
        world.poll();
        world.poll();
    }
    assert_eq!(world.delivered().len(), 160);
}

#[test]
fn history_ends_at_the_size_of_the_first_opening() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.log");
    fs::write(&path, "old\n").unwrap();
    let generations = Arc::new(AtomicU32::new(1));
    let mut follower = follower(path.to_str().unwrap(), &FollowOptions::default(), &[], &generations);
    let mut seen = Vec::new();
    let mut sink = |event: Event| {
        if let Event::Chunk(chunk) = event {
            assert!(chunk.owner.is_some());
            seen.push((String::from_utf8(chunk.bytes).unwrap(), chunk.history));
        }
        true
    };
    follower.poll(Instant::now(), Look::Everything, &mut sink);
    File::options().append(true).open(&path).unwrap().write_all(b"new\n").unwrap();
    follower.poll(Instant::now(), Look::Everything, &mut sink);
    assert_eq!(seen, [("old\n".to_owned(), true), ("new\n".to_owned(), false)]);
}

#[test]
fn from_the_end_only_what_is_finished_later_is_read() {
    let options = FollowOptions { from_end: true, ..FollowOptions::default() };
    let mut world = World::with(options, "");
    world.append("a.log", "old\nbeg");
    world.poll();
    world.append("a.log", "un\nnew\n");
    world.append("later.log", "all\n");
    world.poll();
    assert_eq!(world.delivered(), ["all", "begun", "new"]);
}

#[test]
fn what_is_no_regular_file_or_compressed_is_told_once_and_not_read() {
    let mut world = World::new();
    world.append("a.log.gz", "x");
    std::os::unix::net::UnixListener::bind(world.path("s.log")).unwrap();
    std::os::unix::fs::symlink("/dev/null", world.path("null.log")).unwrap();
    world.poll();
    world.poll();
    assert_eq!(world.notes.iter().filter(|note| note.contains("compressed")).count(), 1);
    assert_eq!(world.notes.iter().filter(|note| note.contains("no regular file")).count(), 1);
    assert!(world.lines.is_empty());
}

#[test]
fn a_path_through_a_file_is_lost_with_a_remedy_until_it_is_mended() {
    let mut world = World::with(FollowOptions::default(), "a/b.log");
    world.append("a", "no folder\n");
    world.poll();
    let state = world.follower.statuses().remove(0).state;
    assert!(
        matches!(&state, costtop::source::SourceState::Lost(text) if text.contains("correct the path")),
        "{state:?}"
    );
    fs::remove_file(world.path("a")).unwrap();
    fs::create_dir(world.path("a")).unwrap();
    world.append("a/b.log", "one\n");
    world.poll();
    assert_eq!(world.delivered(), ["one"]);
    assert_eq!(world.follower.statuses().remove(0).state, costtop::source::SourceState::Live);
}

#[test]
fn a_kept_listing_is_made_anew_once_its_folder_changes() {
    let mut world = World::new();
    fs::create_dir(world.path("sub")).unwrap();
    world.append("sub/a.log", "one\n");
    let age = || {
        let old = SystemTime::now() - Duration::from_secs(3600);
        for folder in [world.path("sub"), world.path("")] {
            File::open(folder).unwrap().set_modified(old).unwrap();
        }
    };
    age();
    world.poll();
    world.poll();
    world.append("sub/a.log", "two\n");
    world.poll();
    assert_eq!(world.delivered(), ["one", "two"]);
    world.append("sub/b.log", "three\n");
    world.poll();
    world.rename("sub/a.log", "sub/a.log.1");
    world.append("sub/a.log", "four\n");
    world.append("sub/a.log.1", "five\n");
    world.poll();
    fs::create_dir(world.path("new")).unwrap();
    world.append("new/c.log", "six\n");
    world.poll();
    assert_eq!(world.delivered(), ["five", "four", "one", "six", "three", "two"]);
}
