//! Requests that fail and are sent again: most of the last 30 of a feature, within ten minutes.
//!
//! A storm of retries may cost nothing at first. It is told at once and pages when what the failures cost is material.

use super::bytes::{put_flag, put_signed, put_varint, take_flag, take_signed, take_u32};
use super::charge::{Charge, Entity};
use super::episode::Episode;
use super::keyed::Keyed;
use super::{Detector, Reporter};
use crate::engine::names::Names;
use crate::money::Money;
use crate::time::MINUTE_MS;

/// Features known at once.
const PURPOSES: usize = 1 << 12;
/// The last requests looked at, how many of them must have failed, and within which time.
const LAST: usize = 30;
const FAILED: u32 = 18;
const WITHIN_MS: i64 = 10 * MINUTE_MS;
/// It recovers when no more than these have.
const CLEARS: u32 = 6;

#[derive(Clone, Debug, Default)]
struct Feature {
    /// Times of the last requests, and whether each failed; a ring.
    times: [i64; LAST],
    failed: [bool; LAST],
    /// The oldest of the ring, once it is full.
    at: usize,
    requests: u32,
    failures: u32,
    episode: Episode,
}

impl Feature {
    fn add(&mut self, charge: &Charge) {
        self.failures -= u32::from(self.failed[self.at]);
        self.times[self.at] = charge.time.ms();
        self.failed[self.at] = charge.failed;
        self.failures += u32::from(charge.failed);
        self.at = (self.at + 1) % LAST;
        self.requests = self.requests.saturating_add(1);
    }

    /// How long the ring reaches back; `None` while it is not full.
    fn span_ms(&self, charge: &Charge) -> Option<i64> {
        (self.requests as usize >= LAST).then(|| charge.time.ms() - self.times[self.at])
    }

    fn newest(&self) -> i64 {
        self.times[(self.at + LAST - 1) % LAST]
    }

    fn save(&self, out: &mut Vec<u8>) {
        for (time, failed) in self.times.iter().zip(self.failed) {
            put_signed(*time, out);
            put_flag(failed, out);
        }
        put_varint(self.at as u64, out);
        put_varint(self.requests.into(), out);
        self.episode.save(out);
    }

    fn load(bytes: &mut &[u8]) -> Option<Feature> {
        let mut feature = Feature::default();
        for (time, failed) in feature.times.iter_mut().zip(&mut feature.failed) {
            *time = take_signed(bytes)?;
            *failed = take_flag(bytes)?;
        }
        feature.at = Some(take_u32(bytes)? as usize).filter(|at| *at < LAST)?;
        feature.requests = take_u32(bytes)?;
        feature.failures = feature.failed.iter().map(|failed| u32::from(*failed)).sum();
        feature.episode = Episode::load(bytes)?;
        Some(feature)
    }
}

/// The detector.
pub(super) struct Errors {
    features: Keyed<Feature>,
    /// Features whose alarm holds, in the order in which they began.
    open: Vec<Entity>,
}

impl Errors {
    pub(super) fn new() -> Errors {
        Errors { features: Keyed::new(PURPOSES), open: Vec::new() }
    }
}

impl Detector for Errors {
    fn rule(&self) -> &'static str {
        "errors"
    }

    fn charge(&mut self, charge: &Charge, reporter: &mut Reporter<'_>) {
        let entity = Entity::purpose(charge, reporter.names).unwrap_or(Entity::ALL);
        let minute = charge.time.minute();
        let mut forgotten = Vec::new();
        let feature = self.features.touch(entity, minute, reporter.names, &mut forgotten, Feature::default);
        feature.add(charge);
        let cost = Money::from_pico(charge.cost.into());
        let span = feature.span_ms(charge);
        if !feature.episode.open {
            let storms = charge.failed && feature.failures >= FAILED && span.is_some_and(|span| span <= WITHIN_MS);
            if storms {
                feature.episode.begin(minute, cost, Money::ZERO);
                self.open.push(entity);
            }
        } else if charge.failed {
            feature.episode.add(cost, Money::ZERO);
        } else if feature.failures <= CLEARS {
            feature.episode.end(minute);
            self.open.retain(|open| *open != entity);
            reporter.gone(entity);
        }
        if feature.episode.open && charge.failed {
            let (episode, failures) = (feature.episode, feature.failures);
            let text = message(entity, failures, span.unwrap_or(0), reporter.names);
            reporter.holds(entity, &episode, episode.severity(), text);
        }
        if !forgotten.is_empty() {
            self.open.retain(|open| !forgotten.contains(open));
            reporter.forget(&forgotten);
        }
    }

    fn minute(&mut self, minute: i64, reporter: &mut Reporter<'_>) {
        let now = (minute + 1) * MINUTE_MS;
        let features = &mut self.features;
        self.open.retain(|entity| {
            let Some(feature) = features.get_mut(*entity) else { return false };
            let silent = feature.newest() + WITHIN_MS < now;
            if silent {
                feature.episode.end(minute);
                reporter.gone(*entity);
            }
            !silent
        });
    }

    fn is_at_rest(&self) -> bool {
        self.open.is_empty()
    }

    fn holds(&self, entity: Entity) -> bool {
        self.open.contains(&entity)
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.features.save(out, Feature::save);
        put_varint(self.open.len() as u64, out);
        self.open.iter().for_each(|entity| put_varint(entity.number(), out));
    }

    fn load(&mut self, bytes: &mut &[u8], names: &Names) -> Option<()> {
        self.features.load(bytes, names, Feature::load)?;
        self.open.clear();
        for _ in 0..take_u32(bytes)? {
            let entity = Entity::numbered(super::bytes::take_varint(bytes)?)?;
            self.features.get(entity).filter(|feature| feature.episode.open)?;
            self.open.push(entity);
        }
        Some(())
    }
}

/// `24 of the last 30 requests of search failed, within 4 min`.
fn message(entity: Entity, failures: u32, span_ms: i64, names: &Names) -> String {
    let of = if entity == Entity::ALL { String::new() } else { format!(" of {}", names.label(entity.name)) };
    let minutes = span_ms.div_euclid(MINUTE_MS) + 1;
    format!("{failures} of the last {LAST} requests{of} failed, within {minutes} min")
}
