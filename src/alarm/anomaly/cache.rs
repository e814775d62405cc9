//! Prompts that are no longer read from the cache: the hit ratio of a feature's requests falls far below its usual.
//!
//! Blocks of 25 requests are set against an exponentially weighted usual, and two in a row must be off. A complete break is seen sooner, by
//! a cumulative sum of misses that knows how often requests miss anyway, and how far it strays by itself. The excess is what the prompts
//! would have cost less at the usual share of savings.

use super::baseline::Baseline;
use super::blocks::Block;
use super::bytes::{put_real, put_varint, take_real, take_u32};
use super::charge::{Charge, Entity};
use super::episode::Episode;
use super::keyed::Keyed;
use super::misses::Misses;
use super::{Detector, Reporter};
use crate::alarm::message::dollars;
use crate::engine::names::Names;
use crate::money::Money;

/// Features known at once.
const PURPOSES: usize = 1 << 12;
/// Requests in a block, deviations below the usual, blocks in a row.
const BLOCK: u32 = 25;
const DEVIATIONS: f64 = 4.0;
const IN_A_ROW: u32 = 2;
/// The ratio must have fallen by this much…
const FALLS: f64 = 0.2;
/// …and the alarm recovers when it is less than this below the usual.
const CLEARS: f64 = 0.1;
/// How fast the usual share of savings follows, by block.
const GAIN: f64 = 0.02;
/// A request misses that reads less than this part of what is usual from the cache.
const MISSES: f64 = 0.5;

#[derive(Clone, Debug)]
struct Feature {
    block: Block,
    usual: Baseline,
    /// Blocks in a row that were off, and the sums of them.
    off: u32,
    run: Block,
    misses: Misses,
    /// What caching usually saves, as a share of the uncached price; of so many blocks.
    saved: f64,
    blocks: u32,
    episode: Episode,
}

impl Feature {
    const NEW: fn() -> Feature = || Feature {
        block: Block::NEW,
        usual: Baseline::default(),
        off: 0,
        run: Block::NEW,
        misses: Misses::new(),
        saved: 0.0,
        blocks: 0,
        episode: Episode::default(),
    };

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
        self.blocks = self.blocks.saturating_add(1);
        let share = block.saved as f64 / uncached as f64;
        self.saved += GAIN.max(1.0 / f64::from(self.blocks)) * (share - self.saved);
    }

    /// Adds a request; what it ends and what it proves.
    fn add(&mut self, charge: &Charge) -> Verdict {
        let usual = self.usual.mean;
        let mut verdict = Verdict::Same;
        if self.usual.is_warm() && usual > FALLS {
            let missed = f64::from(charge.cache_read) < MISSES * usual * charge.prompt() as f64;
            let run = self.misses.add(charge, missed, self.episode.open);
            if let Some(run) = run.filter(|run| !self.episode.open && usual - run.hit_ratio() > FALLS) {
                verdict = Verdict::Breaks(run, usual);
            }
        }
        let Some(block) = self.block.add(charge, BLOCK) else { return verdict };
        let off = self.usual.place(block.hit_ratio());
        let fallen = usual - block.hit_ratio();
        if off < -DEVIATIONS && fallen > FALLS {
            self.off += 1;
            self.run.join(&block);
        } else {
            (self.off, self.run) = (0, Block::NEW);
            if !self.episode.open {
                self.learn_savings(&block);
            }
        }
        match verdict {
            Verdict::Same if self.episode.open && fallen < CLEARS => Verdict::Recovers,
            Verdict::Same if self.episode.open => Verdict::GoesOn(block, usual),
            Verdict::Same if self.off >= IN_A_ROW => Verdict::Breaks(self.run, usual),
            verdict => verdict,
        }
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.block.save(out);
        self.usual.save(out);
        put_varint(self.off.into(), out);
        self.run.save(out);
        self.misses.save(out);
        put_real(self.saved, out);
        put_varint(self.blocks.into(), out);
        self.episode.save(out);
    }

    fn load(bytes: &mut &[u8]) -> Option<Feature> {
        Some(Feature {
            block: Block::load(bytes)?,
            usual: Baseline::load(bytes)?,
            off: take_u32(bytes)?,
            run: Block::load(bytes)?,
            misses: Misses::load(bytes)?,
            saved: take_real(bytes)?,
            blocks: take_u32(bytes)?,
            episode: Episode::load(bytes)?,
        })
    }
}

/// What one request shows, with the requests that show it and the usual ratio.
enum Verdict {
    Same,
    Breaks(Block, f64),
    GoesOn(Block, f64),
    Recovers,
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
        let feature = self.features.touch(entity, minute, reporter.names, &mut forgotten, Feature::NEW);
        reporter.forget(&forgotten);
        let (block, usual) = match feature.add(charge) {
            Verdict::Same => return,
            Verdict::Recovers => {
                feature.episode.end(minute);
                reporter.gone(entity);
                return;
            }
            Verdict::Breaks(block, usual) => {
                let expected = feature.expected(&block);
                feature.episode.begin(minute, Money::from_pico(block.cost), expected);
                (block, usual)
            }
            Verdict::GoesOn(block, usual) => {
                let expected = feature.expected(&block);
                feature.episode.add(Money::from_pico(block.cost), expected);
                (block, usual)
            }
        };
        let episode = feature.episode;
        let text = message(entity, usual, block.hit_ratio(), &episode, reporter.names);
        reporter.holds(entity, &episode, episode.severity(), text);
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
