//! What is usual for a figure of a block of requests: figures enter, how many deviations they are off leaves.

use super::bytes::{put_real, put_varint, take_real, take_u32};

/// How fast the usual follows.
const GAIN: f64 = 0.004;
/// Blocks before it speaks.
const WARM: u32 = 30;
/// Further off than this many deviations is learned from only slowly: an incident must not become the usual at once, a new usual must in
/// the end.
const FREEZE: f64 = 4.0;

/// Mean and variance, exponentially weighted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Baseline {
    blocks: u32,
    pub(super) mean: f64,
    variance: f64,
}

impl Baseline {
    /// It has seen enough to speak.
    pub(super) fn is_warm(&self) -> bool {
        self.blocks >= WARM
    }

    /// How many deviations `value` is above the usual, by what was learned before; 0 while nothing is known. Learns it.
    pub(super) fn place(&mut self, value: f64) -> f64 {
        let deviation = self.variance.sqrt();
        let off = if self.is_warm() { (value - self.mean) / (deviation + 1e-6) } else { 0.0 };
        let step = value - self.mean;
        if off.abs() <= FREEZE {
            let gain = GAIN.max(1.0 / (f64::from(self.blocks) + 1.0));
            self.mean += gain * step;
            self.variance = (1.0 - gain) * (self.variance + gain * step * step);
        } else {
            self.mean += GAIN * step.clamp(-FREEZE * deviation, FREEZE * deviation);
        }
        self.blocks = self.blocks.saturating_add(1);
        off
    }

    pub(super) fn save(&self, out: &mut Vec<u8>) {
        put_varint(self.blocks.into(), out);
        put_real(self.mean, out);
        put_real(self.variance, out);
    }

    pub(super) fn load(bytes: &mut &[u8]) -> Option<Baseline> {
        let baseline = Baseline { blocks: take_u32(bytes)?, mean: take_real(bytes)?, variance: take_real(bytes)? };
        (baseline.variance >= 0.0).then_some(baseline)
    }
}
