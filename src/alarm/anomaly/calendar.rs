//! Minutes to hours of the day and kind of day in the configured zone; remembers the last answer, as most questions are about the same hour.

use crate::time::{MINUTE_MS, Timestamp, Zone};

/// Hours of a working day, then of a day at the weekend.
pub(super) const SLOTS: usize = 48;
/// Offsets of all zones of today are whole quarters of an hour.
const QUARTER: i64 = 15;

/// The zone with its last answer.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    zone: Zone,
    quarter: i64,
    slot: usize,
}

impl Calendar {
    pub(super) fn new(zone: Zone) -> Calendar {
        Calendar { zone, quarter: i64::MIN, slot: 0 }
    }

    /// The slot of a minute since the epoch.
    pub(super) fn slot(&mut self, minute: i64) -> usize {
        let quarter = minute.div_euclid(QUARTER);
        if quarter != self.quarter {
            let (hour, weekend) = self.zone.hour(Timestamp::from_ms(quarter * QUARTER * MINUTE_MS));
            (self.quarter, self.slot) = (quarter, hour + if weekend { 24 } else { 0 });
        }
        self.slot
    }
}
