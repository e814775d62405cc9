//! Numbers that look random and are the same on every machine: a seed enters, integers leave. No float, no clock.

/// Sebastiano Vigna's `SplitMix64`: 64 bits of state, good enough for made-up traffic, not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `low..=high`; `low` when the range is empty. The bias of the modulo is below 2^-30 here.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        if high <= low { low } else { low + self.bits() % (high - low + 1) }
    }

    /// A number around `typical` with a long tail: half to seven times it, mostly below it.
    pub const fn skewed(&mut self, typical: u64) -> u64 {
        let (first, second) = (self.between(35, 130), self.between(60, 140));
        let tail = if self.chance(60) { self.between(2, 4) } else { 1 };
        let value = typical * first * second * tail / 10_000;
        if value == 0 { 1 } else { value }
    }

    /// True with a probability of `permille` in 1,000.
    pub const fn chance(&mut self, permille: u64) -> bool {
        self.bits() % 1000 < permille
    }

    /// `length` characters of an id.
    pub fn id(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(alphabet[self.bits() as usize % alphabet.len()])).collect()
    }

    /// `length` hexadecimal digits.
    pub fn hex(&mut self, length: usize) -> String {
        self.id(b"0123456789abcdef", length)
    }

    /// A random UUID (version 4, variant 1).
    pub fn uuid(&mut self) -> String {
        let (low, middle, high) = (self.hex(8), self.hex(4), self.hex(3));
        let (clock, node) = (self.hex(3), self.hex(12));
        let variant = self.id(b"89ab", 1);
        format!("{low}-{middle}-4{high}-{variant}{clock}-{node}")
    }
}
