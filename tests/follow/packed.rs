//! Rotated logs in gzip and Zstandard: read on from where the plain file was left, whole or not, and never beyond bounds.

use std::fs;
use std::path::Path;

use costtop::source::follow::FollowOptions;

use crate::world::{World, packed};

/// Lines of about a hundred bytes.
fn lines(numbers: std::ops::Range<u32>) -> String {
    let lines: Vec<String> =
        numbers.map(|number| format!("{{\"id\":{number},\"pad\":\"{}\"}}\n", "x".repeat(80))).collect();
    lines.concat()
}

fn once(world: &World, count: u32) {
    assert_eq!(world.lines.len(), count as usize, "notes {:?}", world.notes);
    assert!(world.lines.values().all(|times| *times == 1), "a line came twice");
    assert!(world.torn.is_empty());
}

#[test]
fn an_unread_tail_is_read_from_what_the_file_was_packed_into() {
    for name in ["a.log.1.gz", "a.log.1.zst"] {
        let mut world = World::new();
        world.append("a.log", lines(0..1000));
        world.poll();
        // While costtop is down the file grows, is rotated, packed and removed.
        world.append("a.log", lines(1000..5000));
        world.rename("a.log", "a.log.1");
        world.pack("a.log.1", name);
        fs::remove_file(world.path("a.log.1")).unwrap();
        world.append("a.log", lines(5000..6000));
        world.restart();
        world.settle();
        once(&world, 6000);
        // And again, to see that its place was kept.
        world.restart();
        world.settle();
        once(&world, 6000);
    }
}

#[test]
fn what_was_read_before_it_was_packed_comes_once_while_costtop_runs() {
    for name in ["a.log.1.gz", "a.log.1.zst"] {
        let mut world = World::new();
        world.append("a.log", lines(0..3000));
        world.poll();
        world.rename("a.log", "a.log.1");
        world.append("a.log", lines(3000..3500));
        world.poll();
        // Its writer still holds it while it is packed.
        let whole = packed(name, lines(0..3000).as_bytes());
        world.rewrite(name, &whole[..whole.len() / 2]);
        world.poll();
        world.append("a.log.1", lines(3500..3600));
        world.rewrite(name, &whole);
        world.poll();
        fs::remove_file(world.path("a.log.1")).unwrap();
        for _ in 0..100 {
            world.poll();
        }
        once(&world, 3600);
        assert_eq!(world.broken, 0);
        world.restart();
        world.settle();
        once(&world, 3600);
    }
}

#[test]
fn one_that_is_only_there_packed_is_read_whole_and_followed_under_new_names() {
    let mut world = World::new();
    world.append("a.log", lines(0..100));
    world.rewrite("a.log.1.gz", packed("a.gz", lines(100..4000).as_bytes()));
    world.rewrite("a.log.2.zst", packed("a.zst", lines(4000..9000).as_bytes()));
    world.settle();
    once(&world, 9000);
    world.rename("a.log.2.zst", "a.log.3.zst");
    world.rename("a.log.1.gz", "a.log.2.gz");
    world.settle();
    world.restart();
    world.settle();
    once(&world, 9000);
    // Unpacked beside it, it is the same.
    world.rewrite("a.log.2", &lines(100..4000)[..200_000]);
    world.poll();
    world.rewrite("a.log.2", lines(100..4000));
    world.settle();
    once(&world, 9000);
    // What is written to the unpacked one is new.
    world.append("a.log.2", lines(9000..9100));
    world.settle();
    once(&world, 9100);
}

#[test]
fn half_an_archive_is_waited_for_and_at_last_read_as_far_as_it_goes() {
    for name in ["a.log.gz", "a.log.zst"] {
        let mut world = World::new();
        // Nothing packs so well that half of it is a line.
        let text: Vec<String> =
            (0..6000u64).map(|at| format!("{} {at}\n", at.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        let text = text.concat();
        let whole = packed(name, text.as_bytes());
        world.rewrite(name, &whole[..whole.len() / 2]);
        world.settle();
        assert_eq!(world.broken, 0);
        world.rewrite(name, &whole[..whole.len() * 3 / 4]);
        world.settle();
        assert!(world.lines.len() < 6000 && world.broken == 0 && world.torn.is_empty());
        world.rewrite(name, &whole);
        world.settle();
        once(&world, 6000);
        assert_eq!(world.broken, 0);

        let mut world = World::new();
        world.rewrite(name, &whole[..whole.len() / 2]);
        for _ in 0..70 {
            world.poll();
        }
        assert_eq!(world.broken, 1);
        assert_eq!(world.notes.iter().filter(|note| note.contains("breaks off")).count(), 1, "{:?}", world.notes);
        world.restart();
        for _ in 0..70 {
            world.poll();
        }
        assert!(world.lines.values().all(|times| *times == 1));
    }
}

#[test]
fn a_wrong_checksum_counts_once_and_loses_nothing() {
    for name in ["a.log.gz", "a.log.zst"] {
        let mut world = World::with(FollowOptions { once: true, ..FollowOptions::default() }, "");
        let mut whole = packed(name, lines(0..1000).as_bytes());
        let at = whole.len() - if name.ends_with("gz") { 6 } else { 2 };
        whole[at] ^= 1;
        world.rewrite(name, &whole);
        world.poll();
        once(&world, 1000);
        assert_eq!(world.broken, 1);
        assert!(world.notes.iter().any(|note| note.contains("is damaged")), "{:?}", world.notes);
    }
}

#[test]
fn a_torn_last_line_of_a_whole_archive_is_its_torn_end() {
    let mut world = World::new();
    world.rewrite("a.log.gz", packed("a.gz", b"one\ntwo\ntorn"));
    world.settle();
    assert_eq!((world.delivered(), &world.torn), (vec!["one".to_owned(), "two".to_owned()], &vec![b"torn".to_vec()]));
    world.restart();
    world.settle();
    assert_eq!(world.torn.len(), 1);
}

#[test]
fn long_lines_and_holes_in_an_archive_are_as_in_a_file() {
    let mut world = World::new();
    let mut text = b"one\n".to_vec();
    text.extend(vec![b'a'; 17 << 20]);
    text.extend(b"\ntwo\n");
    text.extend(vec![0; 20 << 20]);
    text.extend(b"three\n");
    text.extend(vec![b'b'; 3 << 20]);
    text.extend(b"\n");
    world.rewrite("a.log.gz", packed("a.gz", &text));
    for _ in 0..20 {
        world.poll();
    }
    assert_eq!((world.lines.len(), world.too_long, world.broken), (4, 1, 0));
    assert!(world.lines.keys().any(|line| line.len() == 3 << 20));
}

#[test]
fn what_grows_without_bound_is_left_and_told() {
    let mut world = World::with(FollowOptions { once: true, ..FollowOptions::default() }, "");
    // A frame with a window of 128 KiB, then blocks of one repeated byte: 128 KiB of content in four bytes each.
    let blocks = [0x02, 0x00, 0x10, b'a'].repeat(280 * 8);
    world.rewrite("a.log.zst", [&b"\x28\xb5\x2f\xfd\x00\x38"[..], &blocks].concat());
    world.append("b.log", "one\n");
    world.poll();
    assert_eq!((world.delivered(), world.broken), (vec!["one".to_owned()], 1));
    assert!(world.notes.iter().any(|note| note.contains("grows beyond 500 times")), "{:?}", world.notes);
}

#[test]
fn quiet_and_small_files_are_read_while_a_large_archive_is() {
    let mut world = World::new();
    let large: Vec<String> = (0..400_000u32).map(|at| format!("{at} {}\n", at.wrapping_mul(2_654_435_761))).collect();
    let large = large.concat();
    world.rewrite("a.log.gz", packed("a.gz", large.as_bytes()));
    world.append("z.log", "small\n");
    // One look is 64 turns for whoever wants them, so the small one's line comes long before the archive's last.
    world.poll_until(20);
    assert!(world.lines.contains_key(&b"small"[..]));
    assert!(world.lines.len() < 400_000);
    world.settle();
    once(&world, 400_001);
}

#[test]
fn the_systems_own_tools_write_what_is_read() {
    let mut world = World::new();
    world.append("a.log.1", lines(0..2000));
    world.append("b.log.1", lines(2000..4000));
    world.append("c.log.1", lines(4000..6000));
    world.poll();
    let run = |tool: &str, name: &str, arguments: &[&str]| {
        let done = std::process::Command::new(tool).args(arguments).arg(world.path(name)).status();
        done.is_ok_and(|status| status.success()) && !Path::new(&world.path(name)).exists()
    };
    assert!(run("gzip", "a.log.1", &[]), "gzip is on every system");
    if run("zstd", "b.log.1", &["-q", "--rm"]) {
        run("zstd", "c.log.1", &["-q", "--rm", "-19"]);
    }
    for _ in 0..20 {
        world.poll();
    }
    once(&world, 6000);
}
