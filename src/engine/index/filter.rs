//! Which ids a run surely does not hold: keys enter while it is built, "no" or "perhaps" leaves. One cache line is looked at for each.

/// Bits for each id: of a hundred ids that are not there, one is looked for in the file.
const BITS_EACH: usize = 10;
/// Bits of one key, all in one line.
const PROBES: u32 = 6;
/// Bits of a key.
const KEY_BITS: u32 = 40;
/// 64 bytes.
const LINE: usize = 8;

/// A Bloom filter of lines (Putze, Sanders, Singler 2007).
pub(super) struct Filter(Box<[[u64; LINE]]>);

impl Filter {
    /// For about so many keys; more only make it say "perhaps" more often.
    pub fn new(keys: usize) -> Filter {
        let lines = (keys * BITS_EACH).div_ceil(LINE * 64).max(1);
        Filter(vec![[0; LINE]; lines].into())
    }

    pub fn add(&mut self, key: u64) {
        let (line, mut bits) = self.place(key);
        let line = &mut self.0[line];
        for _ in 0..PROBES {
            line[(bits >> 6) as usize % LINE] |= 1 << (bits & 63);
            bits >>= 9;
        }
    }

    /// `false`: it was never added.
    pub fn may_hold(&self, key: u64) -> bool {
        let (line, mut bits) = self.place(key);
        let line = &self.0[line];
        (0..PROBES).all(|_| {
            let is_set = line[(bits >> 6) as usize % LINE] & 1 << (bits & 63) != 0;
            bits >>= 9;
            is_set
        })
    }

    /// Brings the line of `key` into the processor's cache.
    pub fn warm(&self, key: u64) {
        std::hint::black_box(self.0[self.place(key).0][0]);
    }

    pub fn memory(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// The key's line, and 54 bits that choose within it. Keys are even hashes and come in order: so do their lines.
    fn place(&self, key: u64) -> (usize, u64) {
        let line = (u128::from(key) * self.0.len() as u128) >> KEY_BITS;
        let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (line as usize, (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_may_be_there_and_most_else_is_not() {
        let mut filter = Filter::new(100_000);
        let key = |number: u64| number.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 24;
        (0..100_000).for_each(|number| filter.add(key(number)));
        assert!((0..100_000).all(|number| filter.may_hold(key(number))));
        let wrong = (100_000..200_000).filter(|number| filter.may_hold(key(*number))).count();
        assert!(wrong < 2500, "{wrong} of 100,000");
        assert!(filter.memory() < 130_000);
    }
}
