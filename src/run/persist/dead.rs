//! Generations that have ended: those that die enter, and those that a state is to forget leave, the oldest first.

use std::collections::{HashSet, VecDeque};

use crate::source::follow::MAX_TOMBS;
use crate::store::SavedPosition;
use crate::time::Timestamp;

/// Dead generations that the state knows, as many as the follower compares with, and those it is to forget.
#[derive(Debug, Default)]
pub(super) struct Graveyard {
    /// In the order in which they died; one that lives again stays here, and is passed over.
    order: VecDeque<u32>,
    dead: HashSet<u32>,
    forgotten: Vec<u32>,
}

impl Graveyard {
    /// Takes from a state's positions those that are too old or too many; the others are given back.
    pub fn of(mut saved: Vec<SavedPosition>, oldest: Timestamp) -> (Graveyard, Vec<SavedPosition>) {
        let mut yard = Graveyard::default();
        saved.sort_by_key(|saved| (saved.saved, saved.position.generation));
        for saved in saved.iter().filter(|saved| saved.position.dead) {
            if saved.saved.is_some_and(|at| at < oldest) {
                yard.forgotten.push(saved.position.generation);
            } else {
                yard.add(saved.position.generation);
            }
        }
        let forgotten: HashSet<u32> = yard.forgotten.iter().copied().collect();
        saved.retain(|saved| !forgotten.contains(&saved.position.generation));
        (yard, saved)
    }

    pub fn add(&mut self, generation: u32) {
        if self.dead.insert(generation) {
            self.order.push_back(generation);
        }
        while self.dead.len() > MAX_TOMBS
            && let Some(oldest) = self.order.pop_front()
        {
            if self.dead.remove(&oldest) {
                self.forgotten.push(oldest);
            }
        }
    }

    /// Takes those that the state is to forget.
    pub fn take_forgotten(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.forgotten)
    }

    /// A copy goes on with it.
    pub fn revive(&mut self, generation: u32) {
        if self.dead.remove(&generation) {
            self.order.retain(|other| *other != generation);
        }
        // Forgotten in the same commit that saves it would be right, too: what is forgotten goes first.
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Position;
    use crate::time::DAY_MS;

    fn saved(generation: u32, dead: bool, days_ago: i64, now: Timestamp) -> SavedPosition {
        let position = Position {
            generation,
            path: "a".into(),
            device: 1,
            inode: 1,
            offset: 1,
            head_length: 1,
            head_hash: 1,
            mark_length: 1,
            mark_hash: 1,
            dead,
            open_since: None,
            context: std::sync::Arc::default(),
        };
        SavedPosition { position, saved: Some(now.plus_ms(-days_ago * DAY_MS)), context: Vec::new() }
    }

    #[test]
    fn old_and_surplus_dead_generations_are_forgotten_and_the_living_never() {
        let now = Timestamp::from_ms(1_800_000_000_000);
        let positions = vec![saved(1, true, 91, now), saved(2, false, 400, now), saved(3, true, 89, now)];
        let oldest = now.plus_ms(-90 * DAY_MS);
        let (yard, kept) = Graveyard::of(positions, oldest);
        assert_eq!(yard.forgotten, [1]);
        assert_eq!(kept.iter().map(|saved| saved.position.generation).collect::<Vec<_>>(), [2, 3]);
        let many = (0..MAX_TOMBS as u32 + 10).map(|generation| saved(generation, true, 1, now)).collect();
        let (mut yard, kept) = Graveyard::of(many, oldest);
        assert_eq!((yard.forgotten.len(), kept.len()), (10, MAX_TOMBS));
        yard.revive(10);
        yard.add(1_000_000);
        assert_eq!(yard.forgotten.len(), 10, "there is room for one again");
        yard.add(1_000_001);
        assert_eq!(yard.forgotten.last(), Some(&11));
    }
}
