//! Money of the last hour by minute: charges and minutes enter, exact sums over 5, 30 and 60 minutes leave. What rests costs nothing.

use super::bytes::{put_signed, put_varint, take_signed, take_varint};

/// The windows, in minutes; the last is the ring's length.
pub(super) const WINDOWS: [i64; 3] = [5, 30, 60];
const RING: i64 = 60;

/// The ring, there only while something is in it. In whole pico-dollars: a float that is added to and taken from does not return to zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Trailing {
    ring: Option<Box<[u64; RING as usize]>>,
    /// The minute that fills.
    minute: i64,
    sums: [u64; WINDOWS.len()],
}

impl Trailing {
    /// Adds to the minute, which is not before any that was asked for.
    pub(super) fn add(&mut self, minute: i64, pico: u64) {
        if self.ring.is_none() {
            self.minute = minute;
            self.sums = [0; WINDOWS.len()];
        }
        self.advance(minute);
        let ring = self.ring.get_or_insert_with(|| Box::new([0; RING as usize]));
        let bucket = &mut ring[place(minute)];
        // A minute holds at most $18 million, and so does every sum over an hour.
        let pico = pico.min(u64::MAX / 2 - self.sums[WINDOWS.len() - 1].min(u64::MAX / 2));
        *bucket += pico;
        self.sums.iter_mut().for_each(|sum| *sum += pico);
    }

    /// Moves on to a minute.
    pub(super) fn advance(&mut self, minute: i64) {
        let Some(ring) = &mut self.ring else { return };
        if minute >= self.minute + RING {
            self.rest();
            return;
        }
        while self.minute < minute {
            self.minute += 1;
            for (sum, window) in self.sums.iter_mut().zip(WINDOWS) {
                *sum -= ring[place(self.minute - window)];
            }
            ring[place(self.minute)] = 0;
        }
        if self.sums[WINDOWS.len() - 1] == 0 {
            self.rest();
        }
    }

    fn rest(&mut self) {
        self.ring = None;
        self.sums = [0; WINDOWS.len()];
    }

    /// Nothing was spent within the hour.
    pub(super) fn is_at_rest(&self) -> bool {
        self.ring.is_none()
    }

    /// The sums up to and with the current minute.
    pub(super) fn sums(&self) -> [u64; WINDOWS.len()] {
        self.sums
    }

    /// What the current minute holds.
    pub(super) fn current(&self) -> u64 {
        self.ring.as_ref().map_or(0, |ring| ring[place(self.minute)])
    }

    pub(super) fn save(&self, out: &mut Vec<u8>) {
        let Some(ring) = &self.ring else {
            put_varint(0, out);
            return;
        };
        put_varint(1, out);
        put_signed(self.minute, out);
        for back in 0..RING {
            put_varint(ring[place(self.minute - back)], out);
        }
    }

    pub(super) fn load(bytes: &mut &[u8]) -> Option<Trailing> {
        if take_varint(bytes)? == 0 {
            return Some(Trailing::default());
        }
        let minute = take_signed(bytes)?;
        let mut ring = Box::new([0; RING as usize]);
        let mut sums = [0u64; WINDOWS.len()];
        for back in 0..RING {
            let pico = take_varint(bytes)?;
            ring[place(minute.checked_sub(back)?)] = pico;
            for (sum, window) in sums.iter_mut().zip(WINDOWS) {
                *sum = sum.checked_add(if back < window { pico } else { 0 })?;
            }
        }
        Some(Trailing { ring: Some(ring), minute, sums })
    }
}

fn place(minute: i64) -> usize {
    minute.rem_euclid(RING) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_those_of_all_charges_and_read_back(steps in prop::collection::vec((0i64..90, 0u64..1 << 40), 1..60)) {
            let (mut trailing, mut minute, mut all) = (Trailing::default(), 1000, Vec::new());
            for (step, pico) in steps {
                minute += step;
                trailing.add(minute, pico);
                all.push((minute, pico));
                let sum = |window: i64| all.iter().filter(|(at, _)| *at > minute - window).map(|(_, pico)| pico).sum::<u64>();
                prop_assert_eq!(trailing.sums(), WINDOWS.map(sum));
                let mut bytes = Vec::new();
                trailing.save(&mut bytes);
                prop_assert_eq!(Trailing::load(&mut &*bytes), Some(trailing.clone()));
            }
            trailing.advance(minute + 59);
            prop_assert_eq!(trailing.sums()[2], all.iter().filter(|(at, _)| *at == minute).map(|(_, pico)| pico).sum::<u64>());
            trailing.advance(minute + 60);
            prop_assert!(trailing.is_at_rest() && trailing.sums() == [0; 3]);
        }
    }
}
