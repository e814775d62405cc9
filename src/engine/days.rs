//! A set of whole event days: days since 1970-01-01 enter one by one, ranges are kept. A day that is in never leaves.

use std::fmt::Write as _;

use crate::time::DAY_MS;

/// The event day of an instant in milliseconds, in UTC: ledger rows are filed by it.
#[must_use]
pub const fn day_of(ms: i64) -> i32 {
    let day = ms.div_euclid(DAY_MS);
    if day > i32::MAX as i64 {
        i32::MAX
    } else if day < i32::MIN as i64 {
        i32::MIN
    } else {
        day as i32
    }
}

/// Days as ranges, both ends in them, in order and apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Days(Vec<(i32, i32)>);

impl Days {
    /// No day is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The day is in it.
    #[must_use]
    pub fn contains(&self, day: i32) -> bool {
        self.range(day).is_some()
    }

    fn range(&self, day: i32) -> Option<(i32, i32)> {
        let place = self.0.partition_point(|range| range.1 < day);
        self.0.get(place).copied().filter(|range| range.0 <= day)
    }

    /// Adds a day.
    pub fn insert(&mut self, day: i32) {
        let place = self.0.partition_point(|range| range.1 < day);
        if self.0.get(place).is_some_and(|range| range.0 <= day) {
            return;
        }
        let joins_next = self.0.get(place).is_some_and(|next| day.checked_add(1) == Some(next.0));
        let joins_last = place > 0 && self.0[place - 1].1.checked_add(1) == Some(day);
        match (joins_last, joins_next) {
            (true, true) => {
                self.0[place - 1].1 = self.0[place].1;
                self.0.remove(place);
            }
            (true, false) => self.0[place - 1].1 = day,
            (false, true) => self.0[place].0 = day,
            (false, false) => self.0.insert(place, (day, day)),
        }
    }

    /// The first day, from `day` on, that is not in it.
    #[must_use]
    pub fn next_outside(&self, day: i32) -> i32 {
        self.range(day).map_or(day, |range| range.1.saturating_add(1))
    }

    /// The last day in it.
    #[must_use]
    pub fn last(&self) -> Option<i32> {
        self.0.last().map(|range| range.1)
    }

    /// As text: ranges with a space between, ends with two dots.
    #[must_use]
    pub fn save(&self) -> String {
        let mut text = String::new();
        for (first, last) in &self.0 {
            let _ = write!(text, "{first}..{last} "); // into a String: cannot fail
        }
        text.trim_end().to_owned()
    }

    /// What [`Days::save`] wrote; `None` for any other text.
    #[must_use]
    pub fn load(text: &str) -> Option<Days> {
        let mut days = Days::default();
        for range in text.split_ascii_whitespace() {
            let (first, last) = range.split_once("..")?;
            let (first, last): (i32, i32) = (first.parse().ok()?, last.parse().ok()?);
            let apart = days.0.last().is_none_or(|before| before.1.checked_add(1).is_some_and(|next| next < first));
            if first > last || !apart {
                return None;
            }
            days.0.push((first, last));
        }
        Some(days)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_that_reads_back(days in prop::collection::vec(prop_oneof![-20..20i32, Just(i32::MIN), Just(i32::MAX)], 0..60)) {
            let mut kept = Days::default();
            for day in &days {
                kept.insert(*day);
            }
            let set: BTreeSet<i32> = days.into_iter().collect();
            for day in (-25..25).chain([i32::MIN, i32::MAX]) {
                prop_assert_eq!(kept.contains(day), set.contains(&day));
            }
            for day in -25..25 {
                prop_assert_eq!(kept.next_outside(day), (day..=26).find(|day| !set.contains(day)).unwrap());
            }
            prop_assert_eq!(kept.last(), set.last().copied());
            prop_assert_eq!(Days::load(&kept.save()), Some(kept));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["1", "2..1", "1..2 3..4", "1..2 2..5", "5..6 1..2", "a..b", "1..99999999999"] {
            assert_eq!(Days::load(text), None, "{text}");
        }
    }
}
