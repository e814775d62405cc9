//! Which generations (files, connections) were ever seen: numbers enter, whether one is new leaves. They are given out in order, so ranges
//! are kept; memory is bounded, however many there were.

use std::collections::BTreeMap;

/// Ranges kept. Only connections that never sent a record leave gaps between them: of the oldest such it is forgotten that they did not.
const MOST_RANGES: usize = 4096;

/// Ranges by their first number, both ends in them.
#[derive(Debug, Default)]
pub(super) struct Generations(BTreeMap<u32, u32>);

impl Generations {
    /// Notes a generation; whether it is new.
    pub fn insert(&mut self, generation: u32) -> bool {
        let before = self.0.range(..=generation).next_back().map(|(first, last)| (*first, *last));
        if before.is_some_and(|(_, last)| generation <= last) {
            return false;
        }
        let first = match before {
            Some((first, last)) if generation - last == 1 => first,
            _ => generation,
        };
        let next = generation.checked_add(1).and_then(|next| self.0.remove(&next));
        self.0.insert(first, next.unwrap_or(generation));
        if self.0.len() > MOST_RANGES
            && let (Some((first, _)), Some((_, last))) = (self.0.pop_first(), self.0.pop_first())
        {
            self.0.insert(first, last);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_is_new_once_in_whatever_order_they_come() {
        let (mut generations, mut known) = (Generations::default(), HashSet::new());
        let mut number = 1u32;
        for _ in 0..20_000 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let generation = number >> 19;
            assert_eq!(generations.insert(generation), known.insert(generation), "{generation}");
        }
        for generation in [u32::MAX, 0, u32::MAX - 1] {
            assert_eq!(generations.insert(generation), known.insert(generation));
        }
        for generation in 0..8192 {
            generations.insert(generation);
        }
        assert_eq!(generations.0.len(), 2, "all of them, and the last two");
    }

    #[test]
    fn a_million_connections_of_which_each_second_says_nothing_take_no_memory() {
        let mut generations = Generations::default();
        for generation in (0..1_000_000).step_by(2) {
            assert!(generations.insert(generation));
        }
        assert!(generations.0.len() <= MOST_RANGES);
        assert!(!generations.insert(999_998));
    }
}
