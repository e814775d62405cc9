//! Anomalies: charges enter in the order of their times, conditions for the alarms leave. No clock; the same charges give the same alarms.
//!
//! Detectors are a fold over a sequence. History is folded once, from the ledger's final charges; live posts wait in the `hold` until the
//! watermark has passed them. docs/alarms.md says what each detector finds, how soon and how often it is wrong.

mod baseline;
mod blocks;
mod bytes;
mod cache;
mod calendar;
mod charge;
mod episode;
mod errors;
mod hold;
mod keyed;
mod level;
mod misses;
mod price;
mod series;
mod surge;
mod tail;
mod trailing;

pub use charge::{Charge, Entity};

use bytes::{put_flag, put_signed, put_varint, take_flag, take_signed, take_varint};
use episode::Episode;
use hold::Hold;

use super::condition::{Condition, Identity};
use super::state::Alarms;
use crate::config::{DetectorsConfig, Severity};
use crate::engine::Post;
use crate::engine::names::Names;
use crate::label::Label;
use crate::time::{MINUTE_MS, Timestamp, Zone};

/// The version of the saved form; another one is not read.
const VERSION: u64 = 1;
/// A minute that ended this long ago rings no bell any more (DESIGN 5.4).
const OLD_MS: i64 = 10 * MINUTE_MS;

/// One way in which spend can be wrong. It is fed by a fold, so it must answer the same for the same sequence, in constant time for each
/// charge, within a fixed amount of memory, and without a clock.
trait Detector: Send {
    /// The word of the configuration, of the alarm's rule and of its cause. It names what is wrong, not how it is found.
    fn rule(&self) -> &'static str;

    /// Takes one charge, and reports what holds or holds no longer because of it. No charge comes before one that came.
    fn charge(&mut self, charge: &Charge, reporter: &mut Reporter<'_>);

    /// Takes the end of a minute since the epoch in which all its charges are known, for what time alone can change. Every minute is told,
    /// but those in which it rests.
    fn minute(&mut self, _minute: i64, _reporter: &mut Reporter<'_>) {}

    /// Whether the passing of a minute would change nothing, so that silent nights cost nothing.
    fn is_at_rest(&self) -> bool {
        true
    }

    /// Whether it reported that the entity's condition holds, and has not taken that back.
    fn holds(&self, entity: Entity) -> bool;

    /// Appends all it knows, such that [`Detector::load`] goes on exactly where it was.
    fn save(&self, out: &mut Vec<u8>);

    /// Takes what [`Detector::save`] wrote; `None` for bytes that are something else.
    fn load(&mut self, bytes: &mut &[u8], names: &Names) -> Option<()>;
}

/// Where a detector's findings become conditions.
pub(in crate::alarm) struct Reporter<'a> {
    rule: &'static str,
    names: &'a Names,
    alarms: &'a mut Alarms,
    time: Timestamp,
    silent: bool,
}

impl Reporter<'_> {
    /// The condition holds: `message` says who, what and how much in one sentence.
    fn holds(&mut self, entity: Entity, episode: &Episode, severity: Severity, message: String) {
        self.alarms.raise(Condition {
            identity: self.identity(entity),
            severity,
            cause: self.rule,
            message,
            spent: episode.spent,
            limit: episode.expected,
            excess: episode.excess(),
            passed: 0,
            time: self.time,
            hold_ms: 0,
            until: None,
            episodic: true,
            silent: self.silent,
        });
    }

    /// It holds no longer; nothing happens if it did not.
    fn gone(&mut self, entity: Entity) {
        self.alarms.recover(&self.identity(entity), self.time);
    }

    /// The entities are forgotten, and so is what was said of them.
    fn forget(&mut self, entities: &[Entity]) {
        for entity in entities {
            self.gone(*entity);
        }
    }

    fn identity(&self, entity: Entity) -> Identity {
        Identity {
            rule: Label::new(self.rule),
            scope: entity.scope(),
            key: self.names.named(entity.name).cloned(),
            period_start: None,
        }
    }
}

/// All detectors that are on, and the charges that wait for them.
pub struct Anomalies {
    detectors: Vec<Box<dyn Detector>>,
    hold: Hold,
    /// The minute that fills; all before have ended.
    minute: Option<i64>,
    /// Minutes that began before are history.
    live_from: Timestamp,
}

impl Anomalies {
    /// Detectors that know nothing. Hours are those of `zone`.
    #[must_use]
    pub fn new(config: DetectorsConfig, zone: Zone) -> Anomalies {
        let mut detectors: Vec<Box<dyn Detector>> = Vec::new();
        if config.surge {
            detectors.push(Box::new(surge::Surge::new(zone)));
        }
        if config.cache {
            detectors.push(Box::new(cache::Cache::new()));
        }
        if config.price {
            detectors.push(Box::new(price::Price::new()));
        }
        if config.errors {
            detectors.push(Box::new(errors::Errors::new()));
        }
        Anomalies { detectors, hold: Hold::new(Timestamp::MIN), minute: None, live_from: Timestamp::MIN }
    }

    /// No detector is on.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.detectors.is_empty()
    }

    /// All charges up to this instant have been seen.
    #[must_use]
    pub fn watermark(&self) -> Timestamp {
        self.hold.watermark()
    }

    /// Charges that came after the watermark had passed them: detectors have not seen them.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.hold.missed()
    }

    /// Takes the next charge of a sequence that is in order already: history, or a replay. `now` is the clock, or the charge's own time.
    pub fn fold(&mut self, charge: &Charge, names: &Names, now: Timestamp, alarms: &mut Alarms) {
        self.close_until(charge.time.minute(), charge.history, names, now, alarms);
        alarms.flow(charge.time);
        let silent = charge.history || charge.time.plus_ms(OLD_MS) < now;
        for detector in &mut self.detectors {
            let mut reporter = Reporter { rule: detector.rule(), names, alarms, time: charge.time, silent };
            detector.charge(charge, &mut reporter);
        }
    }

    /// From here on charges up to `watermark` are history that is folded, and later ones wait.
    pub fn go_live(&mut self, watermark: Timestamp) {
        self.hold = Hold::new(watermark.max(self.hold.watermark()));
        self.live_from = watermark;
    }

    /// Takes a post while history is still being folded: it waits.
    pub fn wait(&mut self, post: &Post, now: Timestamp) {
        self.hold.take(post, now);
    }

    /// Takes posts in the order in which they arrive; what the watermark has passed is folded.
    pub fn apply(&mut self, posts: &[Post], names: &Names, now: Timestamp, alarms: &mut Alarms) {
        for post in posts {
            self.hold.take(post, now);
            if post.sign > 0 {
                self.tick(names, now, alarms);
            }
        }
    }

    /// The clock moves: what was ahead of it may have come.
    pub fn tick(&mut self, names: &Names, now: Timestamp, alarms: &mut Alarms) {
        self.hold.advance(now);
        self.release(names, now, alarms);
    }

    /// The log has ended: what waits is folded, and its last minute ends.
    pub fn finish(&mut self, names: &Names, now: Timestamp, alarms: &mut Alarms) {
        self.hold.finish(now);
        self.release(names, now, alarms);
        if let Some(minute) = self.minute {
            self.close_until(minute + 1, false, names, now, alarms);
        }
    }

    fn release(&mut self, names: &Names, now: Timestamp, alarms: &mut Alarms) {
        while let Some(charges) = self.hold.release(names) {
            for charge in &charges {
                self.fold(charge, names, now, alarms);
            }
        }
    }

    /// Ends minutes up to the one that fills.
    fn close_until(&mut self, minute: i64, history: bool, names: &Names, now: Timestamp, alarms: &mut Alarms) {
        let Some(mut at) = self.minute.replace(minute) else { return };
        if minute <= at {
            self.minute = Some(at);
            return;
        }
        while at < minute {
            if self.detectors.iter().all(|detector| detector.is_at_rest()) {
                return;
            }
            let (start, end) = (Timestamp::from_ms(at * MINUTE_MS), Timestamp::from_ms((at + 1) * MINUTE_MS));
            alarms.flow(end);
            let silent = history || start < self.live_from || end.plus_ms(OLD_MS) < now;
            for detector in &mut self.detectors {
                let mut reporter = Reporter { rule: detector.rule(), names, alarms, time: end, silent };
                detector.minute(at, &mut reporter);
            }
            at += 1;
        }
    }

    /// All that the detectors know, at the watermark.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(VERSION, &mut out);
        put_signed(self.watermark().ms(), &mut out);
        put_flag(self.minute.is_some(), &mut out);
        put_signed(self.minute.unwrap_or(0), &mut out);
        for detector in &self.detectors {
            let mut bytes = Vec::new();
            detector.save(&mut bytes);
            put_varint(detector.rule().len() as u64, &mut out);
            out.extend_from_slice(detector.rule().as_bytes());
            put_varint(bytes.len() as u64, &mut out);
            out.append(&mut bytes);
        }
        out
    }

    /// Goes on where [`Anomalies::save`] was, if it was with the same detectors; else begins anew and says so with `false`. Alarms of
    /// anomalies that no detector holds any more are over, silently.
    pub fn load(&mut self, bytes: Option<&[u8]>, names: &Names, now: Timestamp, alarms: &mut Alarms) -> bool {
        let loaded = bytes.is_some_and(|mut bytes| self.try_load(&mut bytes, names).is_some() && bytes.is_empty());
        if !loaded {
            self.hold = Hold::new(Timestamp::MIN);
            self.minute = None;
        }
        let mut standing: Vec<Identity> = alarms
            .instances
            .values()
            .filter(|instance| instance.condition.episodic)
            .map(|instance| instance.condition.identity.clone())
            .collect();
        standing.sort_unstable();
        for identity in standing {
            let held = loaded && self.detectors.iter().any(|detector| is_held(detector.as_ref(), &identity, names));
            let recovers = alarms.instances.get(&identity).is_some_and(super::instance::Instance::is_recovering);
            if !(held || loaded && recovers) {
                alarms.clear(&identity, now, true);
            }
        }
        loaded
    }

    fn try_load(&mut self, bytes: &mut &[u8], names: &Names) -> Option<()> {
        (take_varint(bytes)? == VERSION).then_some(())?;
        let watermark = Timestamp::from_ms(take_signed(bytes)?);
        let known = take_flag(bytes)?;
        let minute = take_signed(bytes)?;
        for detector in &mut self.detectors {
            let rule = take_slice(bytes)?;
            let mut body = take_slice(bytes)?;
            (rule == detector.rule().as_bytes()).then_some(())?;
            detector.load(&mut body, names)?;
            body.is_empty().then_some(())?;
        }
        self.hold = Hold::new(watermark);
        self.minute = known.then_some(minute);
        Some(())
    }
}

fn take_slice<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(take_varint(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn is_held(detector: &dyn Detector, identity: &Identity, names: &Names) -> bool {
    let entity = match &identity.key {
        None => Some(Entity::ALL),
        Some(key) => names
            .find(key.as_str())
            .map(|name| Entity { dimension: crate::usage::Dimension::named(identity.scope), name }),
    };
    identity.rule.as_str() == detector.rule() && entity.is_some_and(|entity| detector.holds(entity))
}
