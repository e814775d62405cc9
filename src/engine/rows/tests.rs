use std::cell::RefCell;

use super::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::engine::record::Place;
use crate::money::Cost;
use crate::usage::{Origin, Tokens};

/// A spill file in memory.
#[derive(Default)]
struct Heap(Vec<u8>);

impl Spill for Heap {
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let start = offset as usize;
        bytes.copy_from_slice(self.0.get(start..start + bytes.len()).ok_or_else(|| io::Error::other("short"))?);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let end = offset as usize + bytes.len();
        if self.0.len() < end {
            self.0.resize(end, 0);
        }
        self.0[offset as usize..end].copy_from_slice(bytes);
        Ok(())
    }
}

prop_compose! {
    fn any_row()(a in any::<[u128; 4]>(), times in any::<[i64; 2]>(), t in any::<[u32; 7]>(), n in any::<[u32; 9]>(), bits in any::<[bool; 9]>(), money in any::<[Option<u64>; 2]>(), saved in any::<i64>(), offset in any::<u64>(), status in any::<u16>(), links in 1u8..) -> Row {
        Row {
            ids: RecordIds { response: a[0], request: a[1], call: a[2], span: a[3], links },
            origin: Origin::Gateway,
            side_chain: bits[0], cache_hit: bits[1], revision: n[0], dated: bits[2], time: times[0], tokens_dated: bits[3], tokens_time: times[1], is_final: bits[4],
            tokens: Tokens { input: t[0], cache_read: t[1], cache_write_5m: t[2], cache_write_1h: t[3], output: t[4], reasoning: t[5], web_searches: t[6] },
            status, latency_ms: n[1], stop_reason: n[2], computed: money[0].map(Cost::from_pico), saved_pico: saved, batch: bits[5], whole_terms: bits[7], subscription: bits[8],
            place: Place { generation: n[3], offset, index: n[4] }, reported: money[1].map(Cost::from_pico), profile: n[5], session: n[6], ragged: bits[6], next: n[7],
        }
    }
}

proptest! {
    #[test]
    fn a_row_reads_back(row in any_row()) {
        let mut bytes = Vec::new();
        row.encode(&mut bytes);
        prop_assert_eq!(Row::decode(&mut &*bytes), Some(row));
        for end in 0..bytes.len() {
            prop_assert_eq!(Row::decode(&mut &bytes[..end]), None);
        }
    }
}

/// Rows as logs have them, few ids and counters and small numbers, among any rows; and whether one's next is itself.
fn any_width() -> impl Strategy<Value = (Row, bool)> {
    (any_row(), any::<[bool; 10]>(), -1i64 << 30..1 << 30).prop_map(|(row, keep, small)| {
        let id = |hash: u128, keep: bool| if keep { hash } else { 0 };
        let (rare, dated) = (keep[4], keep[5]);
        let row = if keep[7] {
            row
        } else {
            let cost = |cost: Option<Cost>| cost.map(|cost| Cost::from_pico(cost.pico() >> 16));
            Row {
                time: small << 16,
                saved_pico: small << 17 | 1,
                place: Place { offset: row.place.offset >> 24, generation: row.place.generation >> 8, ..row.place },
                tokens: Tokens {
                    input: row.tokens.input >> 8,
                    cache_read: row.tokens.cache_read >> 8,
                    cache_write_5m: row.tokens.cache_write_5m >> 8,
                    output: row.tokens.output >> 8,
                    ..row.tokens
                },
                latency_ms: row.latency_ms >> 8,
                stop_reason: row.stop_reason >> 8,
                profile: row.profile >> 8,
                session: row.session >> 8,
                computed: cost(row.computed),
                reported: cost(row.reported),
                ..row
            }
        };
        let tokens = if keep[6] {
            row.tokens
        } else {
            Tokens { cache_write_1h: 0, reasoning: 0, web_searches: 0, ..row.tokens }
        };
        let row = Row {
            ids: RecordIds {
                response: id(row.ids.response, keep[0]),
                request: id(row.ids.request, keep[1]),
                call: id(row.ids.call, keep[2]),
                span: id(row.ids.span, keep[3]),
                ..row.ids
            },
            tokens_dated: dated,
            tokens_time: if rare {
                row.tokens_time
            } else if dated {
                row.time
            } else {
                0
            },
            tokens,
            revision: if rare { row.revision } else { 0 },
            place: Place { index: if rare { row.place.index } else { 0 }, ..row.place },
            ..row
        };
        (row, keep[8])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rows_of_every_width_are_kept_in_memory_and_file(
        rows in proptest::collection::vec(any_width(), 1..40),
        changes in proptest::collection::vec((0usize..3000, any_width()), 0..40),
    ) {
        let mut kept = Rows::with_spill(Box::new(Heap::default()), 0);
        let mut expected = Vec::new();
        let placed = |(row, alone): (Row, bool), number: usize| Row { next: if alone { number as u32 } else { row.next }, ..row };
        for number in 0..3000 {
            // Long runs of one row, so that segments of each width occur.
            let row = placed(rows[number / 600 % rows.len()], number);
            kept.push(&row).expect("room");
            expected.push(row);
        }
        for (number, row) in changes {
            let row = placed(row, number);
            kept.set(number as u32, &row).expect("written");
            expected[number] = row;
            prop_assert_eq!(kept.get(number as u32).expect("read"), row);
        }
        for (number, row) in expected.iter().enumerate() {
            prop_assert_eq!(kept.ids(number as u32).expect("read"), row.ids);
        }
        let mut seen = Vec::new();
        kept.for_each(|_, row| {
            seen.push(*row);
            Ok(())
        }).expect("read");
        prop_assert_eq!(&seen, &expected);
        let glance = |row: &Row| Glance { time: row.time, profile: row.profile, session: row.session, next: row.next };
        let glances = RefCell::new(Vec::new());
        for segment in 0..kept.segments() {
            let unwanted = |_, glance: &Glance| {
                glances.borrow_mut().push(*glance);
                false
            };
            kept.for_segment(segment, unwanted, |_, _| Ok(())).expect("read");
        }
        prop_assert_eq!(glances.into_inner(), expected.iter().map(glance).collect::<Vec<_>>());
    }
}

#[test]
fn most_rows_are_narrow() {
    let row = Row {
        ids: RecordIds { request: u128::MAX, links: 2, ..RecordIds::default() },
        time: 1_795_297_733_099,
        dated: true,
        tokens_time: 1_795_297_733_099,
        tokens_dated: true,
        tokens: Tokens {
            input: 999_999,
            cache_read: 999_999,
            cache_write_5m: 999_999,
            output: 128_000,
            ..Tokens::default()
        },
        status: 200,
        latency_ms: 3_600_000,
        saved_pico: -100_000_000_000_000,
        computed: Some(Cost::from_pico(200_000_000_000_000)),
        reported: Some(Cost::from_pico(200_000_000_000_000)),
        place: Place { generation: 1_000_000, offset: 1 << 39, index: 0 },
        profile: 300_000,
        session: 2_000_000,
        next: 0,
        ..any_row().new_tree(&mut proptest::test_runner::TestRunner::deterministic()).expect("a row").current()
    };
    let row = Row { revision: 0, stop_reason: 7, ..row };
    let mut rows = Rows::in_memory();
    rows.push(&row).expect("room");
    assert_eq!(rows.get(0).expect("there"), row);
    assert_eq!(rows.bytes, SEGMENT_ROWS * 78);
}

#[test]
fn cold_rows_are_the_same_rows() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let row = any_row().new_tree(&mut runner).expect("a row").current();
    let mut rows = Rows::with_spill(Box::new(Heap::default()), 0);
    for number in 0..5000u32 {
        assert_eq!(rows.push(&Row { next: number, ..row }).expect("room"), number);
    }
    assert!(rows.in_memory.len() <= 2);
    rows.set(7, &Row { next: 70_000, ..row }).expect("written");
    rows.set(4999, &Row { next: 70_001, ..row }).expect("written");
    assert_eq!(rows.get(7).expect("read").next, 70_000);
    assert_eq!(rows.get(4999).expect("read").next, 70_001);
    let mut seen = 0;
    rows.for_each(|number, row| {
        assert_eq!(
            row.next,
            match number {
                7 => 70_000,
                4999 => 70_001,
                other => other,
            }
        );
        seen += 1;
        Ok(())
    })
    .expect("read");
    assert_eq!(seen, 5000);
    assert!(rows.get(5000).is_err());
}
