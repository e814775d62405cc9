//! Prompts that are no longer read from the cache: the hit ratio of a feature's requests falls far below its usual.
//!
//! Blocks of 25 requests are set against an exponentially weighted usual, two in a row must be off; blocks of 10 see a complete break
//! sooner, and three in a row must be further off. The excess is what the prompts would have cost less at the usual share of savings.

use super::baseline::Baseline;
use super::blocks::Block;
use super::bytes::{put_real, put_varint, take_count, take_real};
use super::charge::{Charge, Entity};
use super::episode::Episode;
use super::keyed::Keyed;
use super::{Detector, Reporter};
use crate::alarm::message::dollars;
use crate::engine::names::Names;
use crate::money::Money;

/// Features known at once.
const PURPOSES: usize = 1 << 12;
/// The two lengths of blocks: requests, deviations below the usual, blocks in a row.
const WATCHES: [(u32, f64, u32); 2] = [(25, 4.0, 2), (10, 5.0, 3)];
/// The ratio must have fallen by this much…
const FALLS: f64 = 0.2;
/// …and the alarm recovers when it is less than this below the usual.
const CLEARS: f64 = 0.1;
/// How fast the usual share of savings follows, by block of 25.
const GAIN: f64 = 0.02;

#[derive(Clone, Debug, Default)]
struct Feature {
    blocks: [Block; WATCHES.len()],
    usual: [Baseline; WATCHES.len()],
    /// Blocks in a row that were off.
    off: [u32; WATCHES.len()],
    /// What caching usually saves, as a share of the uncached price; of so many blocks.
    saved: f64,
    blocks_seen: u32,
    episode: Episode,
}

impl Feature {
    /// What the block would have cost at the usual share of savings.
    fn expected(&self, block: &Block) -> Money {
        let uncached = (block.cost + block.saved).max(0);
        // In millionths, so that the sum is exact and the same everywhere.
        let paid = ((1.0 - self.saved).clamp(0.0, 2.0) * 1e6).round() as i128;
        Money::from_pico(uncached * paid / 1_000_000)
    }

    fn learn_savings(&mut self, block: &Block) {
        let uncached = block.cost + block.saved;
        if uncached <= 0 {
            return;
        }
        self.blocks_seen = self.blocks_seen.saturating_add(1);
        let share = block.saved as f64 / uncached as f64;
        self.saved += GAIN.max(1.0 / f64::from(self.blocks_seen)) * (share - self.saved);
    }

    fn save(&self, out: &mut Vec<u8>) {
        for watch in 0..WATCHES.len() {
            self.blocks[watch].save(out);
            self.usual[watch].save(out);
            put_varint(self.off[watch].into(), out);
        }
        put_real(self.saved, out);
        put_varint(self.blocks_seen.into(), out);
        self.episode.save(out);
    }

    fn load(bytes: &mut &[u8]) -> Option<Feature> {
        let mut feature = Feature::default();
        for watch in 0..WATCHES.len() {
            feature.blocks[watch] = Block::load(bytes)?;
            feature.usual[watch] = Baseline::load(bytes)?;
            feature.off[watch] = take_count(bytes)?;
        }
        feature.saved = take_real(bytes)?;
        feature.blocks_seen = take_count(bytes)?;
        feature.episode = Episode::load(bytes)?;
        Some(feature)
    }
}

/// The detector.
pub(super) struct Cache {
    features: Keyed<Feature>,
}

impl Cache {
    pub(super) fn new() -> Cache {
        Cache { features: Keyed::new(PURPOSES) }
    }
}

impl Detector for Cache {
    fn rule(&self) -> &'static str {
        "cache"
    }

    fn charge(&mut self, charge: &Charge, reporter: &mut Reporter<'_>) {
        if charge.failed || charge.gateway_hit || charge.prompt() == 0 {
            return;
        }
        let entity = Entity::purpose(charge, reporter.names).unwrap_or(Entity::ALL);
        let minute = charge.time.minute();
        let mut forgotten = Vec::new();
        let feature = self.features.touch(entity, minute, reporter.names, &mut forgotten, Feature::default);
        let mut fired = None;
        for (watch, (length, deviations, in_a_row)) in WATCHES.into_iter().enumerate() {
            let Some(block) = feature.blocks[watch].add(charge, length) else { continue };
            let ratio = block.hit_ratio();
            let usual = feature.usual[watch].mean;
            let off = feature.usual[watch].place(ratio);
            let fallen = usual - ratio;
            feature.off[watch] = if off < -deviations && fallen > FALLS { feature.off[watch] + 1 } else { 0 };
            if !feature.episode.open && feature.off[watch] >= in_a_row {
                let blocks = i128::from(feature.off[watch]);
                let (cost, expected) = (block.cost, feature.expected(&block).pico());
                // The blocks before were as bad: what they cost too much is taken as the same.
                feature.episode.begin(minute, Money::from_pico(cost * blocks), Money::from_pico(expected * blocks));
                fired = Some((usual, ratio));
            } else if watch == 0 && feature.episode.open {
                if fallen < CLEARS {
                    feature.episode.end(minute);
                    reporter.gone(entity);
                } else {
                    let expected = feature.expected(&block);
                    feature.episode.add(Money::from_pico(block.cost), expected);
                    fired = Some((usual, ratio));
                }
            }
            if watch == 0 && !feature.episode.open && feature.off[watch] == 0 {
                feature.learn_savings(&block);
            }
        }
        if let Some((usual, ratio)) = fired {
            let episode = feature.episode;
            let text = message(entity, usual, ratio, &episode, reporter.names);
            reporter.holds(entity, &episode, episode.severity(), text);
        }
        forgotten.into_iter().for_each(|entity| reporter.gone(entity));
    }

    fn holds(&self, entity: Entity) -> bool {
        self.features.get(entity).is_some_and(|feature| feature.episode.open)
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.features.save(out, Feature::save);
    }

    fn load(&mut self, bytes: &mut &[u8], names: &Names) -> Option<()> {
        self.features.load(bytes, names, Feature::load)
    }
}

/// `chat reads 31 % of its prompts from the cache, usually 88 %: $3.20 too much so far`.
fn message(entity: Entity, usual: f64, ratio: f64, episode: &Episode, names: &Names) -> String {
    let who = if entity == Entity::ALL { "everything" } else { names.label(entity.name).as_str() };
    format!(
        "{who} reads {:.0} % of its prompts from the cache, usually {:.0} %: {} too much so far",
        ratio * 100.0,
        usual * 100.0,
        dollars(episode.excess())
    )
}
