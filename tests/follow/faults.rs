//! One fault after the other, each with what must come of it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant, SystemTime};

use costtop::source::Event;
use costtop::source::follow::{FollowOptions, Look};

use crate::world::{World, follower};

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
fn rewritten_to_the_very_same_size_is_seen_soon_however_long_it_was_quiet() {
    for (quiet, soon) in [(0, 1), (20, 1), (60, 4)] {
        let mut world = World::new();
        world.rewrite("a.log", "one\ntwo\n");
        (0..=quiet).for_each(|_| world.poll());
        world.rewrite("a.log", "six\nten\n");
        (0..soon).for_each(|_| world.poll());
        assert_eq!(world.delivered(), ["one", "six", "ten", "two"], "after {quiet} s");
    }
    // Told by the watcher, at once.
    let mut world = World::new();
    world.rewrite("a.log", "one\ntwo\n");
    (0..60).for_each(|_| world.poll());
    for at in 0..4 {
        world.poll();
        world.rewrite("a.log", format!("six{at}\nte\n"));
        let named = HashSet::from([world.path("a.log")]);
        let mut told = 0;
        world.follower.poll(world.now, Look::Named(&named), &mut |_| {
            told += 1;
            true
        });
        assert!(told > 0, "look {at}");
    }
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
fn what_is_no_regular_file_is_told_once_and_not_read() {
    let mut world = World::new();
    let pipe = std::ffi::CString::new(world.path("p.log").to_str().unwrap()).unwrap();
    // SAFETY: the path ends with NUL.
    assert_eq!(unsafe { libc::mkfifo(pipe.as_ptr(), 0o600) }, 0);
    std::os::unix::fs::symlink(world.path("p.log"), world.path("link-to-pipe.log")).unwrap();
    std::os::unix::net::UnixListener::bind(world.path("s.log")).unwrap();
    std::os::unix::fs::symlink("/dev/null", world.path("null.log")).unwrap();
    world.poll();
    world.poll();
    // Pipes and sockets are known by the folder's listing; what a link points to only once it is looked at.
    assert_eq!(world.notes.iter().filter(|note| note.contains("no regular file")).count(), 2);
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
