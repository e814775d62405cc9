//! The first charges of an order, kept while charges come and go. A bounded list that knows how far it can be trusted.

use std::collections::BTreeSet;

use super::view::{ChargeId, ChargeOrder};
use crate::money::Cost;
use crate::time::Timestamp;

/// Charges that can be scrolled through.
pub(super) const KEPT: usize = 1_000;

/// Ascending in the order of the list; the number is part of it, so no two are equal.
type Key = (u64, u64, u32);

/// What a charge's place in a list depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub(super) number: ChargeId,
    pub(super) time: Timestamp,
    pub(super) cost: Cost,
}

impl Listed {
    fn key(self, order: ChargeOrder) -> Key {
        // Signed as unsigned, in the same order.
        let time = self.time.ms().cast_unsigned() ^ 1 << 63;
        match order {
            ChargeOrder::Newest => (!time, 0, !self.number),
            ChargeOrder::Costliest => (!self.cost.pico(), !time, !self.number),
            ChargeOrder::Oldest => (time, 0, self.number),
        }
    }
}

/// The first charges of one order: at least [`KEPT`] of them when it was filled.
#[derive(Debug)]
struct Top {
    order: ChargeOrder,
    first: BTreeSet<Key>,
    /// Every charge up to here is in the list; `None`: every charge.
    bound: Option<Key>,
}

impl Top {
    fn add(&mut self, key: Key) {
        if self.bound.is_some_and(|bound| key > bound) {
            return;
        }
        self.first.insert(key);
        if self.first.len() > 2 * KEPT {
            while self.first.len() > KEPT {
                self.first.pop_last();
            }
            self.bound = self.first.last().copied();
        }
    }
}

/// The lists of all orders.
#[derive(Debug)]
pub(super) struct Tops {
    tops: [Top; 3],
    /// All charges that are listed or would be if there were room.
    charges: u64,
}

impl Tops {
    pub(super) fn new() -> Tops {
        let top = |order| Top { order, first: BTreeSet::new(), bound: None };
        Tops { tops: [ChargeOrder::Newest, ChargeOrder::Costliest, ChargeOrder::Oldest].map(top), charges: 0 }
    }

    pub(super) fn change(&mut self, charge: Listed, sign: i64) {
        self.charges = self.charges.saturating_add_signed(sign);
        for top in &mut self.tops {
            let key = charge.key(top.order);
            if sign > 0 {
                top.add(key);
            } else {
                top.first.remove(&key);
            }
        }
    }

    /// All charges.
    pub(super) fn charges(&self) -> u64 {
        self.charges
    }

    /// Time and corrections have eaten so much of a list that it should be filled again.
    pub(super) fn is_eaten(&self, order: ChargeOrder) -> bool {
        let length = self.len(order);
        length < KEPT / 2 && (length as u64) < self.charges
    }

    fn top(&self, order: ChargeOrder) -> &Top {
        &self.tops[order as usize]
    }

    /// Charges at hand in an order.
    pub(super) fn len(&self, order: ChargeOrder) -> usize {
        self.top(order).first.len()
    }

    /// The numbers of some of them, in order.
    pub(super) fn numbers(&self, order: ChargeOrder, offset: usize, rows: usize) -> Vec<ChargeId> {
        let number = |key: &Key| if order == ChargeOrder::Oldest { key.2 } else { !key.2 };
        self.top(order).first.iter().skip(offset).take(rows).map(number).collect()
    }

    /// Where a charge stands.
    pub(super) fn place(&self, order: ChargeOrder, charge: Listed) -> Option<usize> {
        let (first, key) = (&self.top(order).first, charge.key(order));
        first.contains(&key).then(|| first.range(..key).count())
    }

    /// The dearest charge.
    pub(super) fn dearest(&self) -> Option<Cost> {
        self.top(ChargeOrder::Costliest).first.first().map(|key| Cost::from_pico(!key.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(number: u32) -> Listed {
        Listed {
            number,
            time: Timestamp::from_ms(i64::from(number) - 2000),
            cost: Cost::from_pico(u64::from(number % 7)),
        }
    }

    #[test]
    fn a_full_list_is_right_as_far_as_it_goes_and_says_when_it_is_eaten() {
        let mut tops = Tops::new();
        for number in 0..4000 {
            tops.change(charge(number), 1);
        }
        assert!(tops.len(ChargeOrder::Newest) >= KEPT && tops.len(ChargeOrder::Oldest) <= 2 * KEPT);
        assert_eq!(tops.numbers(ChargeOrder::Oldest, 0, 3), [0, 1, 2]);
        assert_eq!(tops.numbers(ChargeOrder::Newest, 1, 2), [3998, 3997]);
        assert_eq!(tops.numbers(ChargeOrder::Costliest, 0, 2), [3996 - 3996 % 7 + 6, 3989]);
        assert_eq!(tops.place(ChargeOrder::Newest, charge(3990)), Some(9));
        assert!(!tops.is_eaten(ChargeOrder::Oldest));
        for number in 0..2000 {
            tops.change(charge(number), -1);
        }
        assert!(tops.is_eaten(ChargeOrder::Oldest) && !tops.is_eaten(ChargeOrder::Newest));
        let left = tops.numbers(ChargeOrder::Oldest, 0, 3);
        assert!(left.is_empty() || left == [2000, 2001, 2002], "{left:?}");
        assert_eq!(tops.charges(), 2000);
        assert_eq!(tops.dearest(), Some(Cost::from_pico(6)));
    }
}
