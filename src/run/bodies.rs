//! Which bodies came within the last hour: a body's hash enters, the moment leaves from which its records without ids are named. A sender
//! that posts a body again within an hour names the same records; after it, new ones. Of a body nothing but its hash is kept.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::time::Timestamp;

/// So long a body is known.
const KNOWN_MS: i64 = 60 * 60_000;
/// Bodies are saved in parts of so long: a commit writes the newest part alone.
const PART_MS: i64 = 5 * 60_000;
/// Where the parts of an hour are saved, and the one that is being filled.
pub(super) const PARTS: [&str; 13] = [
    "bodies.0",
    "bodies.1",
    "bodies.2",
    "bodies.3",
    "bodies.4",
    "bodies.5",
    "bodies.6",
    "bodies.7",
    "bodies.8",
    "bodies.9",
    "bodies.10",
    "bodies.11",
    "bodies.12",
];
/// More bodies than this are not known: the oldest are forgotten (24 bytes each; thirty a second for an hour).
const MOST: usize = 100_000;
/// A saved body: its hash, and when it came first.
const ENTRY: usize = 24;

/// Shared by all decoders and by who saves.
#[derive(Debug, Default)]
pub struct Bodies(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    since: HashMap<u128, i64>,
    /// By the moment they came first.
    order: VecDeque<(i64, u128)>,
    /// Parts that are to be saved.
    changed: [bool; PARTS.len()],
}

impl Bodies {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves a body known or unknown; both are valid.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When a body came first, if it came now.
    pub fn since(&self, body: u128, now: Timestamp) -> Timestamp {
        let now = now.ms();
        let mut state = self.lock();
        state.forget(now);
        if let Some(since) = state.since.get(&body) {
            return Timestamp::from_ms(*since);
        }
        state.add(body, now);
        state.changed[part(now)] = true;
        Timestamp::from_ms(now)
    }

    /// What is to be saved since the last time, by name.
    pub(super) fn changes(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut state = self.lock();
        let changed = std::mem::take(&mut state.changed);
        let changed = changed.into_iter().enumerate().filter(|(_, changed)| *changed);
        changed.map(|(number, _)| (PARTS[number], state.save(number))).collect()
    }

    /// What was saved, whatever its age.
    pub(super) fn load(&self, saved: &[u8], now: Timestamp) {
        let mut entries: Vec<(i64, u128)> = saved.chunks_exact(ENTRY).filter_map(entry).collect();
        let mut state = self.lock();
        entries.extend(state.order.drain(..));
        entries.sort_unstable();
        state.since.clear();
        for (since, body) in entries {
            state.add(body, since);
        }
        state.forget(now.ms());
    }
}

impl State {
    fn add(&mut self, body: u128, since: i64) {
        self.since.insert(body, since);
        self.order.push_back((since, body));
    }

    fn forget(&mut self, now: i64) {
        while let Some((since, body)) = self.order.front().copied()
            && (since + KNOWN_MS <= now || self.order.len() > MOST)
        {
            self.order.pop_front();
            // It may have come anew since.
            if self.since.get(&body) == Some(&since) {
                self.since.remove(&body);
            }
        }
    }

    fn save(&self, number: usize) -> Vec<u8> {
        let entries = self.order.iter().filter(|(since, _)| part(*since) == number);
        entries.flat_map(|(since, body)| body.to_le_bytes().into_iter().chain(since.to_le_bytes())).collect()
    }
}

fn entry(bytes: &[u8]) -> Option<(i64, u128)> {
    let (body, since) = bytes.split_at_checked(16)?;
    Some((i64::from_le_bytes(since.try_into().ok()?), u128::from_le_bytes(body.try_into().ok()?)))
}

const fn part(ms: i64) -> usize {
    (ms.div_euclid(PART_MS)).rem_euclid(PARTS.len() as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: i64 = 1_800_000_000_000;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_ms(BEGIN + minute * 60_000)
    }

    #[test]
    fn a_body_is_the_same_for_an_hour_from_when_it_came_first() {
        let bodies = Bodies::default();
        assert_eq!(bodies.since(7, at(0)), at(0));
        assert_eq!(bodies.since(7, at(40)), at(0));
        assert_eq!(bodies.since(7, at(59)), at(0));
        assert_eq!(bodies.since(7, at(60)), at(60), "however often it came since");
        assert_eq!(bodies.since(8, at(61)), at(61));
    }

    #[test]
    fn what_was_saved_is_known_after_a_restart_and_no_part_is_written_twice() {
        let bodies = Bodies::default();
        for minute in 0..70 {
            bodies.since(minute as u128, at(minute));
            let changes = bodies.changes();
            assert_eq!(changes.len(), 1, "{changes:?}");
            assert!(changes[0].1.len() <= 5 * ENTRY);
            assert!(bodies.changes().is_empty());
        }
        let again = Bodies::default();
        for number in 0..PARTS.len() {
            again.load(&bodies.lock().save(number), at(70));
        }
        for minute in 11..70 {
            assert_eq!(again.since(minute as u128, at(70)), at(minute));
        }
        assert_eq!(again.since(9, at(70)), at(70));
    }

    #[test]
    fn no_more_than_so_many_are_known() {
        let bodies = Bodies::default();
        for body in 0..=MOST as u128 + 10 {
            bodies.since(body, at(0));
        }
        let state = bodies.lock();
        assert!(state.since.len() <= MOST + 1);
        assert_eq!(state.since.len(), state.order.len());
    }
}
