use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;

fn hash(number: u128) -> u128 {
    number.wrapping_mul(0x0123_4567_89ab_cdef_fedc_ba98_7654_3211)
}

/// A file in memory that can refuse to be written: what was written, by its address. Nothing is written twice.
#[derive(Default)]
struct Heap {
    pieces: BTreeMap<u64, Vec<u8>>,
    refuses: Arc<AtomicBool>,
}

impl Spill for Heap {
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let piece = self.pieces.range(..=at).next_back();
            // What was forgotten or never written must not be asked for.
            let there = piece.and_then(|(begin, piece)| piece.get((at - begin) as usize..)).unwrap_or_default();
            let count = there.len().min(bytes.len() - done);
            bytes[done..done + count].copy_from_slice(&there[..count]);
            done += count;
            if count == 0 {
                return Err(io::Error::other("nothing is there"));
            }
        }
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(io::Error::other("full"));
        }
        if !bytes.is_empty() {
            assert!(self.pieces.insert(offset, bytes.to_vec()).is_none());
        }
        Ok(())
    }

    fn forget(&mut self, offset: u64, length: u64) {
        self.pieces.retain(|begin, _| !(offset..offset + length).contains(begin));
    }
}

#[test]
fn finds_what_was_inserted_and_verifies_it() {
    let mut index = Index::default();
    let none_is_gone = |_| false;
    for number in 1..20_000u32 {
        index.insert(hash(number.into()), number, none_is_gone);
    }
    assert_eq!(index.len(), 19_999);
    for number in 1..20_000u32 {
        assert_eq!(index.find(hash(number.into()), |row| Ok(row == number)).expect("no i/o"), Some(number));
    }
    assert_eq!(index.find(hash(7), |_| Ok(false)).expect("no i/o"), None, "a fingerprint alone proves nothing");
    assert!(index.find(hash(7), |_| Err(io::Error::other("disk"))).is_err());
    for number in 1..19_000u32 {
        index.remove(hash(number.into()), |row| row == number + 1);
        index.remove(hash(number.into()), |row| row == number);
    }
    index.shrink();
    for number in 1..20_000u32 {
        let found = index.find(hash(number.into()), |row| Ok(row == number)).expect("no i/o");
        assert_eq!(found, (number >= 19_000).then_some(number));
    }
    assert!(index.shards.iter().map(Table::capacity).sum::<usize>() < 4000);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    /// So many new ids, in order of row.
    Insert(u16),
    /// A new id for a row from before.
    Link(u32),
    /// All rows below this share of them are dropped.
    Drop(u8),
    /// The file refuses from here on, or no longer.
    Refuse(bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (1u16..900).prop_map(Act::Insert),
        3 => any::<u32>().prop_map(Act::Link),
        1 => (0u8..80).prop_map(Act::Drop),
        1 => any::<bool>().prop_map(Act::Refuse),
    ]
}

/// What an index does, with a plain map beside it.
struct World {
    index: Index,
    known: HashMap<u128, u32>,
    refuses: Arc<AtomicBool>,
    rows: u32,
    gone: u32,
    ids: u128,
    /// Ids of few bits collide in their fingerprints.
    narrow: bool,
}

impl World {
    fn new(limit: usize, narrow: bool) -> World {
        let refuses = Arc::new(AtomicBool::new(false));
        let heap = Heap { refuses: Arc::clone(&refuses), ..Heap::default() };
        let index = Index::with_spill(Box::new(heap), limit);
        World { index, known: HashMap::new(), refuses, rows: 0, gone: 0, ids: 0, narrow }
    }

    fn insert(&mut self, row: u32) {
        self.ids += 1;
        // Two shards and 64 fingerprints, or all of them; the low half tells ids apart.
        let hash = if self.narrow { hash(self.ids) & (0x81 << 120 | 63 << 64) | self.ids } else { hash(self.ids) };
        let gone = self.gone;
        self.index.insert(hash, row, |row| row < gone);
        self.known.insert(hash, row);
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Insert(count) => {
                for _ in 0..count {
                    self.rows += 1;
                    self.insert(self.rows);
                }
            }
            Act::Link(at) if self.rows > self.gone => self.insert(self.gone + at % (self.rows - self.gone)),
            Act::Link(_) => {}
            Act::Drop(share) => {
                let gone = self.gone.max((u64::from(self.rows) * u64::from(share) / 100) as u32);
                for (hash, row) in self.known.extract_if(|_, row| *row < gone) {
                    self.index.remove(hash, |other| other == row);
                }
                self.gone = gone;
                self.index.shrink();
            }
            Act::Refuse(refuses) => self.refuses.store(refuses, Ordering::Relaxed),
        }
    }

    fn find(&mut self, hash: u128) -> Option<u32> {
        let (known, gone) = (&self.known, self.gone);
        self.index.find(hash, |row| Ok(row >= gone && known.get(&hash) == Some(&row))).expect("it can be read")
    }

    fn check(&mut self) {
        for (hash, row) in self.known.clone() {
            assert_eq!(self.find(hash), Some(row), "of {} rows", self.rows);
        }
        assert_eq!(self.index.len(), self.known.len());
    }

    fn runs(&self) -> usize {
        self.index.cold.as_ref().map_or(0, |cold| cold.runs.len())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn whatever_comes_and_goes_it_knows_what_a_plain_map_knows(
        acts in prop::collection::vec(act(), 1..40),
        limit in 2usize..400,
        narrow in any::<bool>(),
    ) {
        let mut world = World::new(limit, narrow);
        for (number, act) in acts.into_iter().enumerate() {
            world.act(act);
            if number % 4 == 3 {
                world.check();
            }
        }
        world.check();
        let unknown = hash(world.ids + 1);
        prop_assert_eq!(world.find(unknown), None);
    }
}

#[test]
fn ids_leave_for_the_file_runs_are_few_and_what_was_dropped_leaves_them() {
    let mut world = World::new(1000, false);
    for _ in 0..200 {
        world.act(Act::Insert(500));
        assert!(world.index.hot < 2500, "{} in memory", world.index.hot);
        assert!(world.runs() <= 10, "{} runs", world.runs());
    }
    world.check();
    let cold = world.index.cold.as_ref().expect("there is a file");
    assert!(cold.runs[0].len() > 20_000, "merged: {:?}", cold.runs.iter().map(Run::len).collect::<Vec<_>>());
    world.act(Act::Drop(79));
    world.act(Act::Insert(4000));
    world.check();
    let cold = world.index.cold.as_ref().expect("there is a file");
    assert!(cold.runs.iter().map(Run::len).sum::<u64>() < 40_000, "what is gone is in no run");
}

#[test]
fn a_file_that_refuses_keeps_all_in_memory_says_so_and_is_tried_again() {
    let mut world = World::new(100, false);
    world.act(Act::Insert(5000));
    assert!(world.runs() > 0 && world.index.trouble().is_none());
    world.act(Act::Refuse(true));
    world.act(Act::Insert(5000));
    assert_eq!(world.index.trouble(), Some("full"));
    assert!(world.index.hot > 4000, "{}", world.index.hot);
    world.check();
    world.act(Act::Refuse(false));
    world.act(Act::Insert(9000));
    assert_eq!(world.index.trouble(), None);
    assert!(world.index.hot < 5000, "{}", world.index.hot);
    world.check();
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_and_no_new_id() {
    struct Broken;
    impl Spill for Broken {
        fn read_at(&mut self, _: u64, _: &mut [u8]) -> io::Result<()> {
            Err(io::Error::other("gone"))
        }
        fn write_at(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
    }
    let mut index = Index::with_spill(Box::new(Broken), 100);
    for number in 0..2000 {
        index.insert(hash(number), number as u32, |_| false);
    }
    let failed = (0..2000).filter(|number| index.find(hash(*number), |row| Ok(u128::from(row) == *number)).is_err());
    assert!(failed.count() > 50);
}
