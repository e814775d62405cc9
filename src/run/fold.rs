//! The ledger as a sequence: final charges leave in the order of their times, some hours at once, so that memory does not follow history.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use crate::alarm::anomaly::Charge;
use crate::engine::{Engine, Post};
use crate::time::{MINUTE_MS, Timestamp};

/// Charges sorted at once, where no single hour has more: 5 MiB.
const AT_ONCE: u32 = 1 << 16;
/// The ledger is read at most about so many times; a longer one is sorted in larger parts.
const MOST_PASSES: u32 = 16;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// What is still to be folded.
pub(super) struct Fold {
    after: Timestamp,
    until: Timestamp,
    /// From the first of these hours since the epoch up to the second.
    parts: VecDeque<(i64, i64)>,
    charges: Vec<Charge>,
    next: usize,
    /// They are history: what they raise rings nothing.
    history: bool,
}

impl Fold {
    /// The charges after one instant, up to and with another. Those beyond are handed to `later`, in no order.
    ///
    /// # Errors
    /// The ledger's file cannot be read.
    pub fn new(
        engine: &mut Engine,
        (after, until): (Timestamp, Timestamp),
        history: bool,
        mut later: impl FnMut(&Post),
    ) -> io::Result<Fold> {
        let mut hours: BTreeMap<i64, u32> = BTreeMap::new();
        let (ledger, names) = engine.ledger();
        ledger.for_each_charge(names, |bill, _| {
            if bill.time > until {
                later(&Post::of(bill, 1, history));
            } else if bill.time > after {
                let count = hours.entry(bill.time.ms().div_euclid(HOUR_MS)).or_default();
                *count = count.saturating_add(1);
            }
            Ok(())
        })?;
        let all = hours.values().fold(0u32, |sum, count| sum.saturating_add(*count));
        let at_once = AT_ONCE.max(all / MOST_PASSES);
        let mut parts: VecDeque<(i64, i64)> = VecDeque::new();
        let mut sum = 0u32;
        for (hour, count) in hours {
            sum = sum.saturating_add(count);
            match parts.back_mut() {
                Some(part) if sum <= at_once => part.1 = hour,
                _ => {
                    parts.push_back((hour, hour));
                    sum = count;
                }
            }
        }
        Ok(Fold { after, until, parts, charges: Vec::new(), next: 0, history })
    }

    /// The next charges, at most so many; none when all have left.
    ///
    /// # Errors
    /// The ledger's file cannot be read.
    pub fn next(&mut self, engine: &mut Engine, at_most: usize) -> io::Result<&[Charge]> {
        while self.next == self.charges.len() {
            let Some((first, last)) = self.parts.pop_front() else {
                self.charges = Vec::new();
                self.next = 0;
                return Ok(&[]);
            };
            self.charges.clear();
            self.next = 0;
            let Fold { after, until, charges, history, .. } = self;
            let (ledger, names) = engine.ledger();
            ledger.for_each_charge(names, |bill, _| {
                let hour = bill.time.ms().div_euclid(HOUR_MS);
                if hour >= first && hour <= last && bill.time > *after && bill.time <= *until {
                    charges.push(Charge::of(&Post::of(bill, 1, *history)));
                }
                Ok(())
            })?;
            let names = engine.names();
            charges.sort_by(|one, other| one.order(other, names));
        }
        let from = self.next;
        self.next = (from + at_most).min(self.charges.len());
        Ok(&self.charges[from..self.next])
    }
}
