//! Random histories of everything that happens to logs, with shrinking: no line is lost, none comes twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use costtop::source::unpack::Packing;
use proptest::prelude::*;

use crate::world::{World, config};

#[derive(Clone, Debug)]
enum Act {
    Append(u8),
    AppendPart,
    Poll,
    Rotate(u8),
    CopyTruncate(u8),
    Rewrite(u8),
    Recreate(u8),
    /// As rename rotation, and what was rotated before is packed: with a look while both are there, or without.
    Pack(bool, bool),
    /// Truncated, then grown again, in steps without a look between.
    Regrow(u8),
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
        1 => any::<(bool, bool)>().prop_map(|(zstd, looked_at)| Act::Pack(zstd, looked_at)),
        1 => (0u8..40).prop_map(Act::Regrow),
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
            let path = entry.unwrap().path();
            // What is packed was noted when it was.
            if Packing::of(&path).is_none() {
                self.note(&path);
            }
        }
    }

    fn note(&mut self, path: &Path) {
        let bytes = fs::read(path).unwrap();
        let whole = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
        self.truth.extend(whole.filter(|line| !line.is_empty() && !line.starts_with(b"#")).map(<[u8]>::to_vec));
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
            Act::Regrow(count) => {
                let fresh = writer.fresh(0);
                world.rewrite("u.log", fresh);
                for _ in 0..count {
                    writer.append(&world, 1);
                }
            }
            Act::Pack(zstd, looked_at) => {
                let name = if zstd { "u.log.1.zst" } else { "u.log.1.gz" };
                if world.path("u.log.1").exists() {
                    // What is packed lies there for any follower to read; what it replaces was seen.
                    for old in ["u.log.1.zst", "u.log.1.gz"] {
                        if world.path(old).exists() {
                            writer.note_present(world.home.path());
                            world.settle();
                            let _ = fs::rename(world.path(old), world.path(&format!("old-{old}")));
                        }
                    }
                    writer.note(&world.path("u.log.1"));
                    world.pack("u.log.1", name);
                    if looked_at {
                        writer.note_present(world.home.path());
                        world.poll();
                        world.poll();
                    }
                    fs::remove_file(world.path("u.log.1")).unwrap();
                }
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
    writer.note_present(world.home.path());
    world.settle();
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
