//! One anomaly of one entity: what was spent in it and what was to be expected instead, in whole pico-dollars.

use super::bytes::{put_flag, put_money, put_signed, take_flag, take_money, take_signed};
use crate::config::Severity;
use crate::money::Money;

/// From this excess on an anomaly pages; below it warns. Sources name no figure: five dollars are worth a look at once, and less is not
/// worth a bell.
pub(super) const MATERIAL: Money = Money::from_pico(5_000_000_000_000);
/// What comes back within so many minutes of its end goes on summing: the time to be over, and the hour in which it is the same incident.
const SAME_MINUTES: i64 = 70;

/// Sums of an anomaly that goes on, or that may come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Episode {
    pub(super) open: bool,
    /// The minute it ended, if it is not open.
    ended: i64,
    pub(super) spent: Money,
    pub(super) expected: Money,
}

impl Episode {
    /// It begins, or goes on where it was, with these sums.
    pub(super) fn begin(&mut self, minute: i64, spent: Money, expected: Money) {
        let goes_on = self.spent != Money::ZERO && minute <= self.ended + SAME_MINUTES;
        if !goes_on {
            (self.spent, self.expected) = (Money::ZERO, Money::ZERO);
        }
        self.open = true;
        self.add(spent, expected);
    }

    pub(super) fn add(&mut self, spent: Money, expected: Money) {
        self.spent += spent;
        self.expected += expected;
    }

    pub(super) fn end(&mut self, minute: i64) {
        self.open = false;
        self.ended = minute;
    }

    pub(super) fn excess(&self) -> Money {
        (self.spent - self.expected).max(Money::ZERO)
    }

    pub(super) fn severity(&self) -> Severity {
        if self.excess() >= MATERIAL { Severity::Page } else { Severity::Warn }
    }

    pub(super) fn save(&self, out: &mut Vec<u8>) {
        put_flag(self.open, out);
        put_signed(self.ended, out);
        put_money(self.spent.pico(), out);
        put_money(self.expected.pico(), out);
    }

    pub(super) fn load(bytes: &mut &[u8]) -> Option<Episode> {
        Some(Episode {
            open: take_flag(bytes)?,
            ended: take_signed(bytes)?,
            spent: Money::from_pico(take_money(bytes)?),
            expected: Money::from_pico(take_money(bytes)?),
        })
    }
}
